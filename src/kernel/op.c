// SPDX-License-Identifier: GPL-2.0
/* The core's operations, with their bookkeeping and their trial. */
#include "core_told.h"
#include "op.h"
#include "trial.h"

static int vpt_errno(enum pt_status status)
{
	switch (status) {
	case PT_OK:
		return 0;
	case PT_EXISTS:
		return -EEXIST;
	case PT_NOENT:
		return -ENOENT;
	case PT_NOMEM:
		return -ENOMEM;
	case PT_AGAIN:
		return -EAGAIN;
	case PT_INVALID:
		break;
	}
	return -EINVAL;
}

int vpt_op_map(struct vpt_file *f, struct pt *pt, u64 va, struct page *frame,
	       unsigned int level, u32 rights)
{
	const u64 pa = page_to_phys(frame);
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_MAP, .va = va, .n = 1,
					   .frame = &pa, .level = level,
					   .rights = rights);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_map, pt, va, pa, level, rights);
	if (status == PT_OK) {
		vpt_frame_get(frame, 1);
		vpt_leaf_added(&f->env, level, 1);
	}
	vpt_trial_end(f, pt, status);
	return vpt_errno(status);
}

int vpt_op_unmap(struct vpt_file *f, struct pt *pt, u64 va, struct pt_mapping *old)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_UNMAP, .va = va);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_unmap, pt, va, old);
	if (status == PT_OK)
		vpt_leaf_removed(&f->env, old);
	vpt_trial_end_leaf(f, pt, status, old, false);
	return vpt_errno(status);
}

int vpt_op_protect(struct vpt_file *f, struct pt *pt, u64 va, u32 rights,
		   struct pt_mapping *old, bool *tighter)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_PROTECT, .va = va,
					   .rights = rights);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_protect, pt, va, rights, old, tighter);
	vpt_trial_end_leaf(f, pt, status, old, status == PT_OK && *tighter);
	return vpt_errno(status);
}

int vpt_op_remap(struct vpt_file *f, struct pt *pt, u64 va, struct page *frame,
		 struct pt_mapping *old)
{
	const u64 pa = page_to_phys(frame);
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_REMAP, .va = va,
					   .frame = &pa);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_remap, pt, va, pa, old);
	if (status == PT_OK) {
		vpt_frame_get(frame, 1);
		vpt_frame_put(&f->env, vpt_leaf_frame(old->level, old->pa));
	}
	vpt_trial_end_leaf(f, pt, status, old, false);
	return vpt_errno(status);
}

int vpt_op_resolve(struct vpt_file *f, struct pt *pt, u64 va, struct pt_mapping *found)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_RESOLVE, .va = va);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = pt_resolve(pt, va, found);
	vpt_trial_end_leaf(f, pt, status, found, false);
	return vpt_errno(status);
}

int vpt_op_map_range(struct vpt_file *f, struct pt *pt, u64 va, const u64 *pa, u64 n,
		     unsigned int level, u32 rights)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_MAP_RANGE, .va = va,
					   .n = n, .frame = pa, .level = level,
					   .rights = rights);
	enum pt_status status;
	u64 i;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_map_range, pt, va, pa, n, level, rights);
	if (status == PT_OK) {
		for (i = 0; i < n; i++) {
			vpt_frame_get(pfn_to_page(PHYS_PFN(pa[i])), 1);
			if (!((i + 1) % PT_ENTRIES))
				cond_resched();
		}
		vpt_leaf_added(&f->env, level, n);
	}
	vpt_trial_end(f, pt, status);
	return vpt_errno(status);
}

int vpt_op_unmap_range(struct vpt_file *f, struct pt *pt, u64 va, u64 end,
		       struct pt_touched *done)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_UNMAP_RANGE, .va = va,
					   .end = end);
	enum pt_status status;

	*done = (struct pt_touched){ 0 };
	if (!begun)
		return -EIO;
	/* The core hands each leaf to pt_env_gather_leaf(), which keeps the books. */
	status = vpt_core(pt_unmap_range, pt, va, end, done);
	vpt_trial_end_range(f, pt, status, done);
	return vpt_errno(status);
}

int vpt_op_protect_range(struct vpt_file *f, struct pt *pt, u64 va, u64 end, u32 rights,
			 struct pt_touched *done)
{
	const bool begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_PROTECT_RANGE, .va = va,
					   .end = end, .rights = rights);
	enum pt_status status;

	if (!begun)
		return -EIO;
	status = vpt_core(pt_protect_range, pt, va, end, rights, done);
	vpt_trial_end_range(f, pt, status, done);
	return vpt_errno(status);
}

/*
 * Both halves of a split of a 1 GiB leaf, with the invalidation between them; the
 * table comes from the deposit that was made with the leaf.
 */
int vpt_op_split(struct vpt_file *f, struct pt *pt, u64 va)
{
	struct pt_mapping old;
	enum pt_status status;
	bool begun;

	f->env.deposited--;
	begun = vpt_trial_begin(f, pt, .kind = SPEC_OP_SPLIT, .va = va);
	if (!begun) {
		f->env.deposited++;
		return -EIO;
	}
	/* Keeps a fault from linking a table while the entry is empty. */
	spin_lock(&f->mm->page_table_lock);
	if (vpt_telling())
		vpt_tell_table_lock(&f->env, 0, 3, true);
	status = vpt_core(pt_split_break, pt, va, &old);
	if (status == PT_OK) {
		vpt_shootdown(f, va, va + pt_size(3), pt_shift(3));
		vpt_flush_sharers(f, va, va + pt_size(3));
		vpt_core(pt_split_make, pt, &old);
	}
	if (vpt_telling())
		vpt_tell_table_lock(&f->env, 0, 3, false);
	spin_unlock(&f->mm->page_table_lock);
	if (status == PT_OK) {
		f->env.leaves[2]--;
		f->env.leaves[1] += PT_ENTRIES;
		vpt_frame_get(vpt_frame_of(old.pa), PT_ENTRIES - 1);
	} else {
		f->env.deposited++;
	}
	vpt_trial_end_leaf(f, pt, status, &old, false);
	return vpt_errno(status);
}
