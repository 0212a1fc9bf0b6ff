/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's environment in the threaded tests: a lock for each entry of a PD, frames
 * with counts, invalidations that the other threads acknowledge.
 */
#ifndef OP_ENV_H
#define OP_ENV_H

#include "history.h"

#define op_env_core(fn, ...)	fn(__VA_ARGS__)

/* env.c */
int op_env_lock(struct op *op, u64 va, u64 end);
int op_env_lock_all(struct op *op, u64 va, u64 end);
int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level);
void op_env_unlock(struct op *op, int ret);
void op_env_end_leaf(struct op *op, enum pt_status status, const struct pt_mapping *leaf,
		     bool revoked);
void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level);
void op_env_unmapped(struct op *op, const struct pt_mapping *old);
void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift);
void op_env_free(struct op *op, u64 va, u64 end, bool gone);

#include "op_env_plain.h"
#include "../../lib/env/op_own.h"

static inline int op_env_rights(struct op *op)
{
	op->rights = op->env.call->rights;
	return 0;
}

static inline int op_env_frame(struct op *op, unsigned int level)
{
	op->pa = frame_address(op->env.call->frame[0]);
	return level == op->env.call->level ? PT_OK : PT_AGAIN;
}

static inline void op_env_end_range(struct op *op, enum pt_status status,
				    const struct pt_touched *done)
{
	(void)op; (void)status; (void)done;
}

#endif /* OP_ENV_H */
