/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the protocol's environment is outside the kernel, in the model checker and in the
 * threaded tests alike: the region is always there, a range is one step, the caller's
 * struct is in no page of the region, nothing is refused because a check failed, and
 * there is nobody but the CPUs to tell.  For op_env.h to include; all else is its own.
 */
#ifndef OP_ENV_PLAIN_H
#define OP_ENV_PLAIN_H

#define op_env_broken		(-1)	/* never */
#define op_env_begin(op, ...)	((void)(op), true)

static inline int op_env_errno(enum pt_status status)
{
	return status;
}

static inline bool op_env_wider(int ret)
{
	return ret == PT_WIDER;
}

/* Who only looks locks as who changes something. */

static inline int op_env_lock_resolve(struct op *op, u64 va)
{
	return op_env_lock(op, va, va + PT_PAGE_SIZE);
}

static inline void op_env_unlock_resolve(struct op *op, int ret)
{
	op_env_unlock(op, ret);
}

static inline int op_env_step(struct op *op, struct op_range *range)
{
	(void)op;
	range->begun = true;
	range->stop = range->end;
	return 0;
}

static inline int op_env_find(struct op *op, u64 va, u64 bytes)
{
	(void)op; (void)va; (void)bytes;
	return 0;
}

static inline bool op_env_answers(const struct op *op)
{
	(void)op;
	return false;
}

static inline int op_env_answerable(const struct op *op, u64 va, u64 bytes)
{
	(void)op; (void)va; (void)bytes;
	return 0;
}

static inline void op_env_remapped(struct op *op, const struct pt_mapping *old)
{
	op_env_mapped(op, &op->pa, 1, old->level);
	op_env_unmapped(op, old);
}

static inline void op_env_pause(void)
{
}

static inline void op_env_end(struct op *op, enum pt_status status)
{
	(void)op; (void)status;
}

static inline void op_env_split(struct op *op, const struct pt_mapping *old)
{
	(void)op; (void)old;
}

static inline void op_env_keep(struct op *op, u64 n)
{
	(void)op; (void)n;
}

static inline void op_env_report(struct op *op, const struct pt_mapping *m)
{
	(void)op; (void)m;
}

static inline void op_env_flush_sharers(struct op *op, u64 va, u64 end)
{
	(void)op; (void)va; (void)end;
}

#endif /* OP_ENV_PLAIN_H */
