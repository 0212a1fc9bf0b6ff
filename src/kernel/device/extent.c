// SPDX-License-Identifier: GPL-2.0
/*
 * The extents of a region: what munmap() has left of it, in a tree by address.
 *
 * An extent is a run of the region's VMAs, and the notifier that tells of a munmap()
 * cannot fail: so one extent is allocated in advance for each VMA, when Linux asks
 * whether a VMA may be split.  VMAs of a device never merge again (VM_SPECIAL), but
 * sysctl_max_map_count bounds them.
 */
#include <linux/slab.h>

#include "../extent.h"
#include "../memory/secondary.h"
#include "../memory/span.h"

void vpt_extents_init(struct vpt_extents *extents)
{
	extents->tree = RB_ROOT;
	spin_lock_init(&extents->lock);
}

/* The first extent that ends after @va, or NULL. */
struct vpt_extent *vpt_extent_from(struct vpt_file *f, u64 va)
{
	struct rb_node *node = f->extents.tree.rb_node;
	struct vpt_extent *best = NULL;

	while (node) {
		struct vpt_extent *extent = rb_entry(node, struct vpt_extent, node);

		if (va < extent->pt.end) {
			best = extent;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/*
 * The extent that holds [@va, @va + @bytes), or NULL.  The span of @va is held, or @f->lock, or
 * mmap_lock for writing, under which no extent changes either.
 */
struct vpt_extent *vpt_extent_at(struct vpt_file *f, u64 va, u64 bytes)
{
	struct vpt_extent *extent = vpt_extent_from(f, va);

	lockdep_assert(vpt_span_is_held(f, va) || lockdep_is_held(&f->lock) ||
		       lockdep_is_held_type(&f->mm->mmap_lock, 0));
	if (!extent || va < extent->pt.start || extent->pt.end - va < bytes)
		return NULL;
	return extent;
}

/**
 * vpt_region_touches() - whether anything of the region is left in a range
 * @f: file
 * @start: first byte
 * @end: first byte after
 *
 * Context: any that may take a spinlock.
 */
bool vpt_region_touches(struct vpt_file *f, u64 start, u64 end)
{
	struct vpt_extent *extent;
	bool touches;

	spin_lock(&f->extents.lock);
	extent = vpt_extent_from(f, start);
	touches = extent && extent->pt.start < end;
	spin_unlock(&f->extents.lock);
	return touches;
}

/* All spans and @extents->lock are held. */
static void vpt_extent_insert(struct vpt_extents *extents, struct vpt_extent *extent)
{
	struct rb_node **link = &extents->tree.rb_node, *parent = NULL;

	lockdep_assert_held(&extents->lock);
	while (*link) {
		parent = *link;
		if (extent->pt.start < rb_entry(parent, struct vpt_extent, node)->pt.start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&extent->node, parent, link);
	rb_insert_color(&extent->node, &extents->tree);
	extents->n++;
}

static struct vpt_extent *vpt_extent_spare_take(struct vpt_extents *extents)
{
	struct vpt_extent *spare = extents->spare;

	extents->spare = spare->next;
	extents->nspare--;
	return spare;
}

static void vpt_extent_spare_add(struct vpt_extents *extents, struct vpt_extent *spare)
{
	spare->next = extents->spare;
	extents->spare = spare;
	extents->nspare++;
}

/* The whole region, which is one VMA yet.  All spans are held. */
void vpt_extent_first(struct vpt_file *f, struct vpt_extent *extent)
{
	vpt_assert_all(f);
	spin_lock(&f->extents.lock);
	vpt_extent_insert(&f->extents, extent);
	spin_unlock(&f->extents.lock);
	f->extents.vmas++;
}

/* Take [@lo, @hi) out of the extent's bounds.  All spans are held. */
void vpt_extent_shrink(struct vpt_file *f, struct vpt_extent *extent, u64 lo, u64 hi)
{
	struct vpt_extents *extents = &f->extents;
	struct vpt_extent *rest;

	vpt_assert_all(f);
	spin_lock(&extents->lock);
	if (lo == extent->pt.start && hi == extent->pt.end) {
		rb_erase(&extent->node, &extents->tree);
		extents->n--;
		vpt_extent_spare_add(extents, extent);
	} else if (lo == extent->pt.start) {
		extent->pt.start = hi;
	} else if (hi == extent->pt.end) {
		extent->pt.end = lo;
	} else {
		rest = vpt_extent_spare_take(extents);
		rest->pt = extent->pt;
		rest->pt.start = hi;
		extent->pt.end = lo;
		vpt_extent_insert(extents, rest);
	}
	spin_unlock(&extents->lock);
}

/**
 * vpt_extent_for_split() - see to it that there will be an extent for one more VMA
 * @f: file; mmap_lock is held for writing, so no VMA comes or goes meanwhile
 *
 * Return: 0, -ENOMEM.
 */
int vpt_extent_for_split(struct vpt_file *f)
{
	struct vpt_extent *spare = kmalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);

	lockdep_assert_held_write(&f->mm->mmap_lock);
	if (!spare)
		return -ENOMEM;
	mutex_lock(&f->lock);
	if (f->extents.n + f->extents.nspare <= f->extents.vmas) {
		vpt_extent_spare_add(&f->extents, spare);
		spare = NULL;
	}
	mutex_unlock(&f->lock);
	kfree(spare);
	return 0;
}

/* A VMA was split: there is one more. */
void vpt_vma_open(struct vm_area_struct *vma)
{
	struct vpt_file *f = vma->vm_private_data;

	mutex_lock(&f->lock);
	f->extents.vmas++;
	mutex_unlock(&f->lock);
}

/*
 * A VMA goes, after the notifier has told of it, or before it where mmap() fails at
 * its end: then the one extent is still in the tree.
 */
void vpt_vma_close(struct vm_area_struct *vma)
{
	struct vpt_file *f = vma->vm_private_data;

	vpt_free_unmapped(f);
	mutex_lock(&f->lock);
	f->extents.vmas--;
	while (f->extents.nspare && f->extents.n + f->extents.nspare > f->extents.vmas)
		kfree(vpt_extent_spare_take(&f->extents));
	mutex_unlock(&f->lock);
}

/* At the end of the file. */
void vpt_extents_free(struct vpt_extents *extents)
{
	while (extents->spare)
		kfree(vpt_extent_spare_take(extents));
}
