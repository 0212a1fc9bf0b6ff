/* SPDX-License-Identifier: GPL-2.0 */
/* The extents of a region: what munmap() has left of it. */
#ifndef VPT_EXTENT_H
#define VPT_EXTENT_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "../core/pt.h"
#include "vpt_file.h"

struct vm_area_struct;

/* A part of the region that munmap() has left; at first, the whole of it. */
struct vpt_extent {
	union {
		struct rb_node node;
		struct vpt_extent *next;		/* of a spare one */
	};
	struct pt pt;
};

void vpt_extents_init(struct vpt_extents *extents);
void vpt_extents_free(struct vpt_extents *extents);
struct vpt_extent *vpt_extent_from(struct vpt_file *f, u64 va);
struct vpt_extent *vpt_extent_at(struct vpt_file *f, u64 va, u64 bytes);
bool vpt_region_touches(struct vpt_file *f, u64 start, u64 end);
void vpt_extent_first(struct vpt_file *f, struct vpt_extent *extent);
void vpt_extent_shrink(struct vpt_file *f, struct vpt_extent *extent, u64 lo, u64 hi);
int vpt_extent_for_split(struct vpt_file *f);
void vpt_vma_open(struct vm_area_struct *vma);
void vpt_vma_close(struct vm_area_struct *vma);

/* In the order of addresses.  Context: as vpt_extent_at(). */
static inline struct vpt_extent *vpt_extent_next(struct vpt_extent *extent)
{
	return rb_entry_safe(rb_next(&extent->node), struct vpt_extent, node);
}

static inline bool vpt_region_gone(const struct vpt_file *f)
{
	return RB_EMPTY_ROOT(&f->extents.tree);
}

#endif /* VPT_EXTENT_H */
