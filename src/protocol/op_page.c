// SPDX-License-Identifier: GPL-2.0
/* The protocol of the operations on one mapping. */
#include "op.h"

/* One attempt to map the frame.  The lock is held. */
int op_map_leaf(struct op *op, u64 va, u64 pa, unsigned int level, u32 rights)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_MAP, .va = va, .n = 1,
					.frame = &pa, .level = level, .rights = rights);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_map, &op->pt, va, pa, level, rights);
	if (status == PT_OK)
		op_env_mapped(op, &pa, 1, level);
	op_env_end(op, status);
	return op_env_errno(status);
}

static int op_map_locked(struct op *op, u64 va, unsigned int level)
{
	int ret = op_env_find(op, va, pt_size(level));

	if (!ret)
		ret = op_env_rights(op);
	if (!ret)
		ret = op_env_frame(op, level);
	if (ret)
		return ret;
	ret = op_map_leaf(op, va, op->pa, level, op->rights);
	/* Repeated until no empty table of Linux's is in the way: at most once. */
	if (ret == op_env_errno(PT_AGAIN)) {
		op_flush_and_free(op, va, va + pt_size(level), pt_shift(level), true);
		ret = op_map_leaf(op, va, op->pa, level, op->rights);
	}
	if (!ret)
		op_env_keep(op, 1);
	return ret;
}

int op_map(struct op *op, u64 va, unsigned int level)
{
	int ret = op_env_lock_map(op, va, 1, level);

	if (ret)
		return ret;
	ret = op_map_locked(op, va, level);
	op_env_unlock(op, ret);
	return ret;
}

int op_unmap_leaf(struct op *op, u64 va, struct pt_mapping *old)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_UNMAP, .va = va);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_unmap, &op->pt, va, old);
	if (status == PT_OK)
		op_env_unmapped(op, old);
	op_env_end_leaf(op, status, old, false);
	return op_env_errno(status);
}

/* Whether the answer lies in the leaf at @va, which is about to go. */
static int op_leaf_answerable(struct op *op, u64 va)
{
	struct pt_mapping m;

	if (pt_resolve(&op->pt, va, &m) != PT_OK || m.va != va)
		return 0;
	return op_env_answerable(op, va, pt_size(m.level));
}

static int op_unmap_locked(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_find(op, va, PT_PAGE_SIZE);

	if (!ret && op_env_answers(op))
		ret = op_leaf_answerable(op, va);
	if (ret)
		return ret;
	old->level = 1;
	ret = op_unmap_leaf(op, va, old);
	if (!ret)
		op_env_report(op, old);
	/* Without a leaf too, if an empty table was swept. */
	if (!ret || op_env_deferred(op))
		op_flush_and_free(op, va, va + pt_size(old->level), pt_shift(old->level), true);
	return ret;
}

/*
 * The operation on the page at @va has been done, and answers @ret.  Return: whether it must be
 * done once more, since the leaf is larger than what was locked: now all is.
 */
static bool op_widened(struct op *op, u64 va, int *ret)
{
	op_env_unlock(op, *ret);
	if (!op_env_wider(*ret))
		return false;
	*ret = op_env_lock_all(op, va, va + PT_PAGE_SIZE);
	return !*ret;
}

/*
 * Tables were left on the paths of the first and the last page, and may still be empty.
 * Whoever comes in between fills them, and then they stay.
 */
void op_sweep(struct op *op, u64 va, u64 end)
{
	if (op_env_lock_all(op, va, end))
		return;
	if (!op_env_find(op, va, end - va)) {
		op_env_core(pt_sweep, &op->pt, va);
		op_env_core(pt_sweep, &op->pt, end - PT_PAGE_SIZE);
	}
	if (op_env_deferred(op))
		op_flush_and_free(op, va, end, PT_PAGE_SHIFT, true);
	op_env_unlock(op, 0);
}

int op_unmap(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_lock_unmap(op, va, va + PT_PAGE_SIZE);

	if (ret)
		return ret;
	do {
		ret = op_unmap_locked(op, va, old);
	} while (op_widened(op, va, &ret));
	if (op_env_left(op))
		op_sweep(op, va, va + PT_PAGE_SIZE);
	return ret;
}

static int op_protect_leaf(struct op *op, u64 va, struct pt_mapping *old, bool *revoked)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_PROTECT, .va = va,
					.rights = op->rights);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_protect, &op->pt, va, op->rights, old, revoked);
	op_env_end_leaf(op, status, old, status == PT_OK && *revoked);
	return op_env_errno(status);
}

static int op_protect_locked(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_find(op, va, PT_PAGE_SIZE);
	bool revoked;

	if (!ret)
		ret = op_env_rights(op);
	if (!ret && !(op->rights & PT_WRITE) && op_env_answers(op))
		ret = op_leaf_answerable(op, va);
	if (ret)
		return ret;
	ret = op_protect_leaf(op, va, old, &revoked);
	if (ret)
		return ret;
	if (op_rights_stale(old->rights, op->rights, revoked))
		op_flush_and_free(op, old->va, old->va + pt_size(old->level),
				  pt_shift(old->level), false);
	op_env_report(op, old);
	return 0;
}

int op_protect(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_lock(op, va, va + PT_PAGE_SIZE);

	if (ret)
		return ret;
	do {
		ret = op_protect_locked(op, va, old);
	} while (op_widened(op, va, &ret));
	return ret;
}

/* Find the mapping that covers @va.  The lock is held. */
int op_resolve_leaf(struct op *op, u64 va, struct pt_mapping *found)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_RESOLVE, .va = va);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = pt_resolve(&op->pt, va, found);
	op_env_end_leaf(op, status, found, false);
	return op_env_errno(status);
}

static int op_remap_leaf(struct op *op, u64 va, struct pt_mapping *old)
{
	const bool begun = op_env_begin(op, .kind = SPEC_OP_REMAP, .va = va,
					.frame = &op->pa);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	status = op_env_core(pt_remap, &op->pt, va, op->pa, old);
	if (status == PT_OK)
		op_env_remapped(op, old);
	op_env_end_leaf(op, status, old, false);
	return op_env_errno(status);
}

static int op_remap_locked(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_find(op, va, PT_PAGE_SIZE);

	if (!ret)
		ret = op_resolve_leaf(op, va, old);
	if (!ret && old->va != va)
		ret = op_env_errno(PT_NOENT);
	if (!ret)
		ret = op_env_answerable(op, va, pt_size(old->level));
	if (!ret)
		ret = op_env_frame(op, old->level);
	if (!ret)
		ret = op_remap_leaf(op, va, old);
	if (ret)
		return ret;
	op_env_keep(op, 1);
	op_env_report(op, old);
	op_flush_and_free(op, va, va + pt_size(old->level), pt_shift(old->level), true);
	return 0;
}

int op_remap(struct op *op, u64 va, struct pt_mapping *old)
{
	int ret = op_env_lock(op, va, va + PT_PAGE_SIZE);

	if (ret)
		return ret;
	do {
		ret = op_remap_locked(op, va, old);
	} while (op_widened(op, va, &ret));
	return ret;
}

int op_resolve(struct op *op, u64 va, struct pt_mapping *found)
{
	int ret = op_env_lock_resolve(op, va);

	if (ret)
		return ret;
	ret = op_env_find(op, va, 1);
	if (!ret)
		ret = op_resolve_leaf(op, va, found);
	if (!ret)
		op_env_report(op, found);
	op_env_unlock_resolve(op, ret);
	return ret;
}

/*
 * Both halves of a split of a large leaf, with the invalidation between them.  Nobody
 * else may link a table while the entry is empty.
 */
int op_split_locked(struct op *op, u64 va)
{
	struct pt_mapping old;
	const bool begun = op_env_begin(op, .kind = SPEC_OP_SPLIT, .va = va);
	enum pt_status status;

	if (!begun)
		return op_env_broken;
	op_env_lock_linker(op);
	status = op_env_core(pt_split_break, &op->pt, va, &old);
	if (status == PT_OK) {
		op_env_invalidate(op, va, va + pt_size(old.level), pt_shift(old.level));
		op_env_flush_sharers(op, va, va + pt_size(old.level));
		op_env_core(pt_split_make, &op->pt, &old);
	}
	op_env_unlock_linker(op);
	if (status == PT_OK)
		op_env_split(op, &old);
	op_env_end_leaf(op, status, &old, false);
	return op_env_errno(status);
}
