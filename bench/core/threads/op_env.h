/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's environment in the benchmark of threads: the locks are there, and what
 * costs what the kernel's hardware makes it cost is not: nobody has a TLB.
 */
#ifndef OP_ENV_H
#define OP_ENV_H

#define op_env_core(fn, ...)	fn(__VA_ARGS__)

/* Give back what is more than a thread keeps, or take what an operation needs. */
void reserve_fill(struct pt_env *env, u64 tables);
void reserve_give(struct pt_env *env, u64 table);

static inline int op_env_lock(struct op *op, u64 va, u64 end)
{
	(void)end;
	op->env.held = &op->env.r->span[va >> 21 & (SPANS - 1)];
	lock(op->env.held);
	return 0;
}

int op_env_lock_all(struct op *op, u64 va, u64 end);
void op_env_unlock_all(struct op *op);

static inline void op_env_unlock(struct op *op, int ret)
{
	(void)ret;
	if (op->env.held)
		unlock(op->env.held);
	else
		op_env_unlock_all(op);
}

static inline int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level)
{
	(void)n; (void)level;
	if (op->env.reserved < 3)
		reserve_fill(&op->env, 3);
	return op_env_lock(op, va, va);
}

static inline void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level)
{
	(void)op; (void)pa; (void)n; (void)level;
}

static inline void op_env_unmapped(struct op *op, const struct pt_mapping *old)
{
	(void)op; (void)old;
}

#include "op_env_plain.h"
#include "../../../tests/lib/env/op_own.h"

static inline int op_env_rights(struct op *op)
{
	(void)op;
	return 0;
}

static inline int op_env_frame(struct op *op, unsigned int level)
{
	(void)op; (void)level;
	return 0;
}

static inline void op_env_end_leaf(struct op *op, enum pt_status status,
				   const struct pt_mapping *leaf, bool revoked)
{
	(void)op; (void)status; (void)leaf; (void)revoked;
}

static inline void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift)
{
	(void)op; (void)va; (void)end; (void)shift;
}

static inline void op_env_free(struct op *op, u64 va, u64 end, bool gone)
{
	(void)va; (void)end; (void)gone;
	while (op->env.ndeferred)
		reserve_give(&op->env, op->env.deferred[--op->env.ndeferred]);
}

#endif /* OP_ENV_H */
