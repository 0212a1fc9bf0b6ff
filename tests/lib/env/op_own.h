/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's environment over the core's of pt_own.h: what it asks of the operation's
 * own tables, and locks that are nobody's.  Linux links no table here, and nobody but
 * operations holds pointers into one.  For an op_env.h to include behind op_env_lock(),
 * beside op_env_plain.h.
 */
#ifndef OP_OWN_H
#define OP_OWN_H

static inline int op_env_lock_unmap(struct op *op, u64 va, u64 end)
{
	return op_env_lock(op, va, end);
}

static inline void op_env_lock_linker(struct op *op)
{
	(void)op;
}

static inline void op_env_unlock_linker(struct op *op)
{
	(void)op;
}

static inline bool op_env_left(struct op *op)
{
	bool left = op->env.left;

	op->env.left = false;
	return left;
}

static inline bool op_env_deferred(const struct op *op)
{
	return op->env.ndeferred;
}

#endif /* OP_OWN_H */
