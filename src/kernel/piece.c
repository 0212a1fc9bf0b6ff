// SPDX-License-Identifier: GPL-2.0
/*
 * The pieces of a region: what munmap() has left of it, in a tree by address.
 *
 * A piece is a run of the region's VMAs, and the notifier that tells of a munmap()
 * cannot fail: so one piece is allocated in advance for each VMA, when Linux asks
 * whether a VMA may be split.  VMAs of a device never merge again (VM_SPECIAL), but
 * sysctl_max_map_count bounds them.
 */
#include <linux/slab.h>

#include "vpt_file.h"

void vpt_pieces_init(struct vpt_pieces *pieces)
{
	pieces->tree = RB_ROOT;
	spin_lock_init(&pieces->lock);
}

/* The first piece that ends after @va, or NULL. */
struct vpt_piece *vpt_piece_from(struct vpt_file *f, u64 va)
{
	struct rb_node *node = f->pieces.tree.rb_node;
	struct vpt_piece *best = NULL;

	while (node) {
		struct vpt_piece *piece = rb_entry(node, struct vpt_piece, node);

		if (va < piece->pt.end) {
			best = piece;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/* The piece that holds [@va, @va + @bytes), or NULL.  @f->lock is held. */
struct vpt_piece *vpt_piece_at(struct vpt_file *f, u64 va, u64 bytes)
{
	struct vpt_piece *piece = vpt_piece_from(f, va);

	if (!piece || va < piece->pt.start || piece->pt.end - va < bytes)
		return NULL;
	return piece;
}

/**
 * vpt_region_touches() - whether anything of the region is left in a range
 * @f: file
 * @start: first byte
 * @end: first byte after
 *
 * Context: any that may take a spinlock; @f->lock need not be held.
 */
bool vpt_region_touches(struct vpt_file *f, u64 start, u64 end)
{
	struct vpt_piece *piece;
	bool touches;

	spin_lock(&f->pieces.lock);
	piece = vpt_piece_from(f, start);
	touches = piece && piece->pt.start < end;
	spin_unlock(&f->pieces.lock);
	return touches;
}

/* @f->lock and @f->pieces.lock are held. */
static void vpt_piece_insert(struct vpt_pieces *pieces, struct vpt_piece *piece)
{
	struct rb_node **link = &pieces->tree.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (piece->pt.start < rb_entry(parent, struct vpt_piece, node)->pt.start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&piece->node, parent, link);
	rb_insert_color(&piece->node, &pieces->tree);
	pieces->n++;
}

static struct vpt_piece *vpt_spare_take(struct vpt_pieces *pieces)
{
	struct vpt_piece *spare = pieces->spare;

	pieces->spare = spare->next;
	pieces->nspare--;
	return spare;
}

static void vpt_spare_add(struct vpt_pieces *pieces, struct vpt_piece *spare)
{
	spare->next = pieces->spare;
	pieces->spare = spare;
	pieces->nspare++;
}

/* The whole region, which is one VMA yet.  @f->lock is held. */
void vpt_piece_first(struct vpt_file *f, struct vpt_piece *piece)
{
	spin_lock(&f->pieces.lock);
	vpt_piece_insert(&f->pieces, piece);
	spin_unlock(&f->pieces.lock);
	f->pieces.vmas++;
}

/* Take [@lo, @hi) out of the piece's bounds.  @f->lock is held. */
void vpt_piece_shrink(struct vpt_file *f, struct vpt_piece *piece, u64 lo, u64 hi)
{
	struct vpt_pieces *pieces = &f->pieces;
	struct vpt_piece *rest;

	spin_lock(&pieces->lock);
	if (lo == piece->pt.start && hi == piece->pt.end) {
		rb_erase(&piece->node, &pieces->tree);
		pieces->n--;
		vpt_spare_add(pieces, piece);
	} else if (lo == piece->pt.start) {
		piece->pt.start = hi;
	} else if (hi == piece->pt.end) {
		piece->pt.end = lo;
	} else {
		rest = vpt_spare_take(pieces);
		rest->pt = piece->pt;
		rest->pt.start = hi;
		piece->pt.end = lo;
		vpt_piece_insert(pieces, rest);
	}
	spin_unlock(&pieces->lock);
}

/**
 * vpt_piece_for_split() - see to it that there will be a piece for one more VMA
 * @f: file; mmap_lock is held for writing, so no VMA comes or goes meanwhile
 *
 * Return: 0, -ENOMEM.
 */
int vpt_piece_for_split(struct vpt_file *f)
{
	struct vpt_piece *spare = kmalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);

	if (!spare)
		return -ENOMEM;
	mutex_lock(&f->lock);
	if (f->pieces.n + f->pieces.nspare <= f->pieces.vmas) {
		vpt_spare_add(&f->pieces, spare);
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
	f->pieces.vmas++;
	mutex_unlock(&f->lock);
}

/*
 * A VMA goes, after the notifier has told of it, or before it where mmap() fails at
 * its end: then the one piece is still in the tree.
 */
void vpt_vma_close(struct vm_area_struct *vma)
{
	struct vpt_file *f = vma->vm_private_data;

	vpt_free_unmapped(f);
	mutex_lock(&f->lock);
	f->pieces.vmas--;
	while (f->pieces.nspare && f->pieces.n + f->pieces.nspare > f->pieces.vmas)
		kfree(vpt_spare_take(&f->pieces));
	mutex_unlock(&f->lock);
}

/* At the end of the file. */
void vpt_pieces_free(struct vpt_pieces *pieces)
{
	while (pieces->spare)
		kfree(vpt_spare_take(pieces));
}
