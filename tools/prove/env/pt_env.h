/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the prover: nothing but names.  What each function
 * promises and demands stands in contract.py, from src/core/pt.h.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

struct pt_env;

u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i);
void pt_env_store(struct pt_env *env, u64 table, unsigned int level, unsigned int i,
		  u64 entry);
u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level, unsigned int i,
		    u64 entry);
u64 pt_env_compare_exchange(struct pt_env *env, u64 table, unsigned int level,
			    unsigned int i, u64 old, u64 entry);
void pt_env_lock(struct pt_env *env, u64 table, unsigned int level);
void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level);
unsigned int pt_env_live(struct pt_env *env, u64 table);
void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n);
void pt_env_release(struct pt_env *env, u64 table);
u64 pt_env_reserve(struct pt_env *env);
u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned);
void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level);
void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry);
u64 pt_env_leaf_bits(unsigned int level);

/*
 * What is proved is proved of operations that come one after the other, as they do under
 * the lock of the kernel's struct vpt_file.
 */
#include "../../../src/core/pt_serial.h"

static inline void pt_env_leave(struct pt_env *env, u64 table)
{
	(void)env; (void)table;
}

#endif /* PT_ENV_H */
