/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment on the host: table pages live in an arena whose offset
 * is their "physical address", counts in an array beside it.
 *
 * With -DPT_ENV_ATOMIC the exchanges are locked instructions, as in the kernel.
 * Without it they are plain: no MMU walks these tables, so nothing else writes.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

typedef uint64_t u64;
typedef uint32_t u32;

struct pt_env {
	unsigned char *arena;	/* table pages, 4 KiB each, zeroed when free */
	u32 *live;		/* live-entry count of each */
	u64 *free;		/* stack of free table pages' addresses */
	u64 nfree;
	u64 *gathered;		/* stack of unlinked tables, filled by the core */
	u64 ngathered;
	u64 leaves_gathered;
	/* Called for each leaf that a range form removes; may be NULL. */
	void (*on_leaf)(struct pt_env *env, u64 va, unsigned int level, u64 entry);
	void *context;
};

static inline u64 *pt_env_slot(struct pt_env *env, u64 table, unsigned int i)
{
	return (u64 *)(env->arena + table) + i;
}

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	return __atomic_load_n(pt_env_slot(env, table, i), __ATOMIC_RELAXED);
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	(void)level;
	__atomic_store_n(pt_env_slot(env, table, i), entry, __ATOMIC_RELEASE);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	u64 *slot = pt_env_slot(env, table, i);
	u64 old;

	(void)level;
#ifdef PT_ENV_ATOMIC
	old = __atomic_exchange_n(slot, entry, __ATOMIC_SEQ_CST);
#else
	old = *slot;
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
#endif
	return old;
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	u64 *slot = pt_env_slot(env, table, i);

	(void)level;
#ifdef PT_ENV_ATOMIC
	__atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return old;
#else
	u64 seen = *slot;

	if (seen == old)
		__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
	return seen;
#endif
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)env; (void)table; (void)level;
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)env; (void)table; (void)level;
}

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	return env->live[table >> 12];
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	env->live[table >> 12] = n;
}

static inline void pt_env_disown(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
}

static inline u64 pt_env_reserve(struct pt_env *env)
{
	return env->nfree;
}

static inline u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	(void)level; (void)owned;
	return env->free[--env->nfree];
}

static inline void pt_env_gather_table(struct pt_env *env, u64 table,
				       unsigned int level)
{
	(void)level;
	env->gathered[env->ngathered++] = table;
}

static inline void pt_env_gather_leaf(struct pt_env *env, u64 va, unsigned int level,
				      u64 entry)
{
	env->leaves_gathered++;
	if (env->on_leaf)
		env->on_leaf(env, va, level, entry);
}

/* An ignored bit (9, as Linux's special bit), so that losing it is noticed. */
static inline u64 pt_env_leaf_bits(unsigned int level)
{
	(void)level;
	return 1ULL << 9;
}

#endif /* PT_ENV_H */
