/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's environment in the model checker: locks, invalidations and frames are
 * the machine's (mmu_machine.h).  The faults of enum mmu_broken are made here
 * (mc_env.c), so that the protocol's text is the one that the kernel has.
 */
#ifndef OP_ENV_H
#define OP_ENV_H

/*
 * The core.  Two of its functions can be done in a wrong way instead, deliberately; mc_env.c,
 * which does that, calls the core's own by a name in parentheses.
 */
#define op_env_core(fn, ...)	fn(__VA_ARGS__)
#define pt_unmap(...)		mc_core_pt_unmap(__VA_ARGS__)
#define pt_protect(...)		mc_core_pt_protect(__VA_ARGS__)
enum pt_status mc_core_pt_unmap(struct pt *pt, u64 va, struct pt_mapping *old);
enum pt_status mc_core_pt_protect(struct pt *pt, u64 va, u32 rights, struct pt_mapping *old,
				  bool *revoked);

/* mc_env.c */
int op_env_lock(struct op *op, u64 va, u64 end);
int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level);
int op_env_lock_unmap(struct op *op, u64 va, u64 end);
int op_env_lock_all(struct op *op, u64 va, u64 end);
bool op_env_left(struct op *op);
void op_env_unlock(struct op *op, int ret);
void op_env_lock_linker(struct op *op);
void op_env_unlock_linker(struct op *op);
void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level);
void op_env_unmapped(struct op *op, const struct pt_mapping *old);
void op_env_end_leaf(struct op *op, enum pt_status status, const struct pt_mapping *leaf,
		     bool revoked);
void op_env_end_range(struct op *op, enum pt_status status, const struct pt_touched *done);
void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift);
void op_env_free(struct op *op, u64 va, u64 end, bool gone);

#include "op_env_plain.h"

static inline int op_env_rights(struct op *op)
{
	op->rights = op->env.op->rights;
	return 0;
}

/* The frame was chosen for pages of one size. */
static inline int op_env_frame(struct op *op, unsigned int level)
{
	op->pa = (u64)op->env.frame << PT_PAGE_SHIFT;
	return level == op->env.op->level ? PT_OK : PT_AGAIN;
}

static inline bool op_env_deferred(const struct op *op)
{
	return op->env.deferred;
}

#endif /* OP_ENV_H */
