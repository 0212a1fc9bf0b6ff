// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol of the operations on ranges.  Unmapping and changing rights go by steps,
 * each of which is an operation of its own, with its invalidation and what it frees: what
 * lies before it is done, what lies behind it is as it was.
 */
#include "op.h"

static int op_map_run(struct op *op, u64 va, const u64 *pa, u64 n, unsigned int level)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_MAP_RANGE, .va = va, .n = n,
					.frame = pa, .level = level, .rights = op->rights);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_map_range, &op->pt, va, pa, n, level, op->rights);
	if (status == PT_OK)
		op_env_mapped(op, pa, n, level);
	op_env_end(op, status);
	return op_env_errno(status);
}

static int op_map_range_locked(struct op *op, u64 va, const u64 *pa, u64 n,
			       unsigned int level)
{
	const u64 bytes = n << pt_shift(level);
	int ret = op_env_find(op, va, bytes);

	if (!ret)
		ret = op_env_rights(op);
	if (ret)
		return ret;
	/* Each round unlinks one empty table of Linux's, of which there are few. */
	for (;;) {
		ret = op_map_run(op, va, pa, n, level);
		if (ret != op_env_errno(PT_AGAIN))
			break;
		op_flush_and_free(op, va, va + bytes, pt_shift(level), true);
	}
	if (!ret)
		op_env_keep(op, n);
	return ret;
}

int op_map_range(struct op *op, u64 va, const u64 *pa, u64 n, unsigned int level)
{
	int ret = op_env_lock_map(op, va, n, level);

	if (ret)
		return ret;
	ret = op_map_range_locked(op, va, pa, n, level);
	op_env_unlock(op, ret);
	return ret;
}

/* What a step has done, added to what was done before. */
static void op_range_add(struct op_range *range, const struct pt_touched *done)
{
	range->done.leaves += done->leaves;
	range->done.bytes += done->bytes;
	range->done.revoked |= done->revoked;
}

/* Unmap [@va, @end), all of which is in the region.  The lock is held. */
int op_unmap_run(struct op *op, u64 va, u64 end, struct pt_touched *done)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_UNMAP_RANGE, .va = va,
					.end = end);
	enum pt_status status;

	*done = (struct pt_touched){ 0 };
	if (!begun)
		return op_env_broken;
	/* The core hands each leaf to pt_env_defer_leaf(), which keeps the books. */
	status = op_env_core(pt_unmap_range, &op->pt, va, end, done);
	op_env_end_range(op, status, done);
	return op_env_errno(status);
}

static int op_unmap_step(struct op *op, struct op_range *range)
{
	struct pt_touched done;
	int ret = op_env_step(op, range);

	if (ret || range->va == range->stop)
		return ret;
	ret = op_env_answerable(op, range->va, range->end - range->va);
	if (ret)
		return ret;
	ret = op_unmap_run(op, range->va, range->stop, &done);
	if (done.leaves || op_env_deferred(op))
		op_flush_and_free(op, range->va, range->stop, PT_PAGE_SHIFT, true);
	op_range_add(range, &done);
	return ret;
}

int op_unmap_range(struct op *op, struct op_range *range)
{
	int ret;

	do {
		ret = op_env_lock_unmap(op, range->begun ? range->stop : range->va, range->end);
		if (ret)
			return ret;
		ret = op_unmap_step(op, range);
		op_env_unlock(op, ret);
		if (op_env_left(op))
			op_sweep(op, range->va, range->stop);
		op_env_pause();
	} while (!ret && range->stop < range->end);
	return ret;
}

static int op_protect_run(struct op *op, u64 va, u64 end, struct pt_touched *done)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_PROTECT_RANGE, .va = va,
					.end = end, .rights = op->rights);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_protect_range, &op->pt, va, end, op->rights, done);
	op_env_end_range(op, status, done);
	return op_env_errno(status);
}

static int op_protect_step(struct op *op, struct op_range *range)
{
	struct pt_touched done;
	int ret = op_env_step(op, range);

	if (ret || range->va == range->stop)
		return ret;
	ret = op_env_rights(op);
	if (!ret && !(op->rights & PT_WRITE))
		ret = op_env_answerable(op, range->va, range->end - range->va);
	if (ret)
		return ret;
	ret = op_protect_run(op, range->va, range->stop, &done);
	if (ret)
		return ret;
	/* Of the leaves that may now be executable, none may be cached as NX. */
	if (done.leaves && op_rights_stale(0, op->rights, done.revoked))
		op_flush_and_free(op, range->va, range->stop, PT_PAGE_SHIFT, false);
	op_range_add(range, &done);
	return 0;
}

int op_protect_range(struct op *op, struct op_range *range)
{
	int ret;

	do {
		ret = op_env_lock(op, range->begun ? range->stop : range->va, range->end);
		if (ret)
			return ret;
		ret = op_protect_step(op, range);
		op_env_unlock(op, ret);
		op_env_pause();
	} while (!ret && range->stop < range->end);
	return ret;
}
