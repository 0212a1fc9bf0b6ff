/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's operations as the rest of the module calls them: with the bookkeeping
 * that belongs to them, and put on trial by the specification if check= says so.
 *
 * Context: @f->lock is held; else as for the pt_ function of the same name, whose
 * arguments these are (src/core/pt.h), and whose invalidation is the caller's to
 * send.
 *
 * Return: 0, or what the pt_ function answers as an errno: -EEXIST, -ENOENT,
 * -EINVAL, -ENOMEM, -EAGAIN; or -EIO with nothing done, when a trial finds the
 * table broken before the operation.  That is on record then, and the next call
 * goes through without a trial: since vpt_lock_reserved() refuses everybody else, it
 * comes from who takes the region down.
 */
#ifndef VPT_OP_H
#define VPT_OP_H

#include "vpt_file.h"

int vpt_op_map(struct vpt_file *f, struct pt *pt, u64 va, struct page *frame,
	       unsigned int level, u32 rights);
int vpt_op_unmap(struct vpt_file *f, struct pt *pt, u64 va, struct pt_mapping *old);
int vpt_op_protect(struct vpt_file *f, struct pt *pt, u64 va, u32 rights,
		   struct pt_mapping *old, bool *tighter);
int vpt_op_remap(struct vpt_file *f, struct pt *pt, u64 va, struct page *frame,
		 struct pt_mapping *old);
int vpt_op_resolve(struct vpt_file *f, struct pt *pt, u64 va, struct pt_mapping *found);
int vpt_op_map_range(struct vpt_file *f, struct pt *pt, u64 va, const u64 *pa, u64 n,
		     unsigned int level, u32 rights);
int vpt_op_unmap_range(struct vpt_file *f, struct pt *pt, u64 va, u64 end,
		       struct pt_touched *done);
int vpt_op_protect_range(struct vpt_file *f, struct pt *pt, u64 va, u64 end, u32 rights,
			 struct pt_touched *done);
int vpt_op_split(struct vpt_file *f, struct pt *pt, u64 va);

#endif /* VPT_OP_H */
