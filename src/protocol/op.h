/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol around the core: how each operation locks, changes the table, invalidates
 * on every CPU, frees and answers.  One text, compiled by the kernel, the model checker and the
 * tests with threads.
 *
 * The outside comes in through one header, op_env.h, found on the include path as the
 * core's pt_env.h is.  It must supply
 *
 *   op_env_lock_map(op, va, n, level)	exclude every operation on what is behind the entries
 *					of PDs, or of PDPTs for @level 3, that a mapping of
 *					@n pages of @level at @va changes, and have tables
 *					for it in the reserve; 0 or an error with nothing
 *					locked;
 *   op_env_lock_unmap(op, va, end)	likewise for what an unmapping of [@va, @end) changes,
 *					and keep out who holds pointers into tables that it
 *					may unlink;
 *   op_env_lock(op, va, end)		likewise for a change of entries alone;
 *   op_env_lock_all(op, va, end)	as op_env_lock_unmap(), and every operation on the
 *					region;
 *   op_env_unlock(op, ret)		the operation is over, and answers @ret;
 *   op_env_lock_resolve(op, va), op_env_unlock_resolve(op, ret)
 *					the same for one that only looks at what is at @va;
 *   op_env_pause()			others may run;
 *
 * and, with the lock held,
 *
 *   op_env_find(op, va, bytes)		@op->pt is the region that holds the place; or an
 *					error;
 *   op_env_step(op, range)		the next step of a range operation, and @op->pt for it;
 *   op_env_rights(op)			@op->rights is what the caller asks for, or an error;
 *   op_env_frame(op, level)		@op->pa is the caller's frame of @level, or an error;
 *   op_env_answers(op)			whether the answer goes to memory that may be mapped
 *					here;
 *   op_env_answerable(op, va, bytes)	an error if it could not be given once [@va, @va +
 *					@bytes) is not to be written any more;
 *   op_env_begin(op, ...)		an operation of the core's is about to be done, given
 *					as members of a struct spec_op; false: it must not be;
 *   op_env_core(fn, ...)		do it;
 *   op_env_mapped(op, pa, n, level)	@n frames of @level at @pa[] are mapped once more;
 *   op_env_unmapped(op, old)		a leaf is gone, and its frame mapped once less;
 *   op_env_remapped(op, pa, old)	a leaf has another frame;
 *   op_env_split(op, old)		a leaf has become leaves of the level below;
 *   op_env_end(op, status)		it has been done, and the books are right again;
 *   op_env_end_leaf(op, status, m, revoked), op_env_end_range(op, status, done)
 *					the same, with what it reports;
 *   op_env_keep(op, n)			@n fresh frames are not the caller's any more;
 *   op_env_report(op, old)		note what the answer tells of a leaf, while it lasts;
 *   op_env_deferred(op)		whether the core has unlinked a table;
 *   op_env_left(op)			whether it has left an empty one (pt_env_leave()), since
 *					this was last asked;
 *   op_env_invalidate(op, va, end, shift)
 *					on every CPU; pages of 2^@shift bytes at least.  On
 *					return all have acknowledged;
 *   op_env_flush_sharers(op, va, end)	secondary MMUs that walk these tables invalidate too,
 *					where op_env_free() will not see to it;
 *   op_env_free(op, va, end, gone)	what the operation removed is free, when secondary
 *					MMUs have been told; @gone: frames have gone, not
 *					rights alone;
 *   op_env_lock_linker(op), op_env_unlock_linker(op)
 *					keep Linux from linking a table meanwhile;
 *   op_env_errno(status), op_env_broken	what this environment answers;
 *   op_env_wider(ret)			whether the leaf is larger than what was locked: then
 *					nothing was changed.
 *
 * Duties.  What an operation takes away it must have invalidated, and what it removed it
 * must have freed or handed on, before op_env_unlock(): the operation's own environment,
 * struct pt_env, knows what is left.
 */
#ifndef OP_H
#define OP_H

#include "../core/pt.h"

/**
 * struct op - one operation under way
 * @pt: the region it works in; @pt.env is @env
 * @pa: frame that it maps
 * @rights: rights that it gives
 * @env: its reserve, its deferred-free list and its books
 */
struct op {
	struct pt pt;
	u64 pa;
	u32 rights;
	struct pt_env env;
};

/**
 * struct op_range - a call about a range, as it goes from step to step
 * @va: first byte of this step
 * @stop: first byte after this step; @va where nothing is left to do in it
 * @end: first byte after the range
 * @begun: the first step has been done
 * @done: what all steps have done
 *
 * For the first step @va and @end, all else 0.
 */
struct op_range {
	u64 va;
	u64 stop;
	u64 end;
	bool begun;
	struct pt_touched done;
};

#include "op_env.h"

/*
 * Whole operations.  Return: op_env_errno() of what the core's function of the same name
 * answers, op_env_broken, or what the environment refused with.
 */
int op_map(struct op *op, u64 va, unsigned int level);
int op_unmap(struct op *op, u64 va, struct pt_mapping *old);
int op_protect(struct op *op, u64 va, struct pt_mapping *old);
int op_remap(struct op *op, u64 va, struct pt_mapping *old);
int op_resolve(struct op *op, u64 va, struct pt_mapping *found);
int op_map_range(struct op *op, u64 va, const u64 *pa, u64 n, unsigned int level);
int op_unmap_range(struct op *op, struct op_range *range);
int op_protect_range(struct op *op, struct op_range *range);

/*
 * Parts of operations, for who holds the lock already.  The invalidation is the
 * caller's to send, but for op_split_locked(), which needs one in its middle.
 */
int __must_check op_map_leaf(struct op *op, u64 va, u64 pa, unsigned int level, u32 rights);
int __must_check op_resolve_leaf(struct op *op, u64 va, struct pt_mapping *found);
int __must_check op_unmap_leaf(struct op *op, u64 va, struct pt_mapping *old);
int __must_check op_unmap_run(struct op *op, u64 va, u64 end, struct pt_touched *done);
int op_split_locked(struct op *op, u64 va);
void op_sweep(struct op *op, u64 va, u64 end);

/*
 * Whether a change of rights leaves translations that must go.  Adding rights leaves none
 * (SDM 4.10.4.3): a stale entry costs one fault, after which the access succeeds.  But
 * Linux answers a fetch fault on a present page with SIGSEGV at once, so that adding
 * execute must leave no stale entry behind.
 */
static inline bool op_rights_stale(u32 before, u32 after, bool revoked)
{
	return revoked || (after & ~before & PT_EXEC);
}

/* Invalidate, then let go of what was removed. */
static inline void op_flush_and_free(struct op *op, u64 va, u64 end, unsigned int shift, bool gone)
{
	op_env_invalidate(op, va, end, shift);
	op_env_free(op, va, end, gone);
}

#endif /* OP_H */
