// SPDX-License-Identifier: GPL-2.0
/*
 * 1 GiB frames: taken from Linux when the module is inserted, kept for its life.
 *
 * The buddy system stops far below 1 GiB, so each is a run of 2^18 single pages
 * from alloc_contig_range().  Not a compound page: nobody may pin a part of it.
 *
 * A frame with a bad page (PageHWPoison: a machine check, or hard_offline_page in sysfs)
 * is retired: it stays marked as used until the module is removed, and then Linux keeps
 * the bad page and takes the others.  While the frame is in use Linux cannot move its
 * pages (soft_offline_page, memory hot-remove): they are not on an LRU list, so that it
 * gives up.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../vpt_file.h"
#include "frame.h"
#include "pool.h"

#define VPT_GIB_PAGES	(1UL << 18)

static struct page **vpt_pool;
static unsigned long *vpt_pool_used;	/* bitmap, under vpt_pool_lock */
static unsigned long *vpt_pool_held;	/* of the used ones: free, but for somebody's hold */
unsigned int vpt_pool_frames;
static DEFINE_SPINLOCK(vpt_pool_lock);
static DEFINE_MUTEX(vpt_pool_reviewing);	/* clears bits of vpt_pool_held */

/* Whether all pages of the GiB are online, usable and in @zone. */
static bool vpt_pool_candidate(struct zone *zone, unsigned long pfn)
{
	unsigned long p;

	for (p = pfn; p < pfn + VPT_GIB_PAGES; p += pageblock_nr_pages) {
		struct page *page = pfn_to_online_page(p);

		if (!page || page_zone(page) != zone || PageReserved(page))
			return false;
	}
	return true;
}

static struct page *vpt_pool_take_from(struct zone *zone)
{
	unsigned long pfn = ALIGN(zone->zone_start_pfn, VPT_GIB_PAGES);

	for (; pfn + VPT_GIB_PAGES <= zone_end_pfn(zone); pfn += VPT_GIB_PAGES) {
		if (vpt_pool_frame(pfn) || !vpt_pool_candidate(zone, pfn))
			continue;
		if (!alloc_contig_range(pfn, pfn + VPT_GIB_PAGES, VPT_CONTIG_MOVABLE,
					GFP_KERNEL | __GFP_NOWARN))
			return pfn_to_page(pfn);
	}
	return NULL;
}

/*
 * From the highest zone first, but not from ZONE_MOVABLE: frames cannot be moved, and stay
 * for as long as the module does.
 */
static struct page *vpt_pool_take(void)
{
	int nid, z;

	for_each_online_node(nid) {
		for (z = ZONE_MOVABLE - 1; z >= 0; z--) {
			struct zone *zone = &NODE_DATA(nid)->node_zones[z];
			struct page *page;

			if (!populated_zone(zone))
				continue;
			page = vpt_pool_take_from(zone);
			if (page)
				return page;
		}
	}
	return NULL;
}

/**
 * vpt_pool_fill() - take 1 GiB frames from Linux
 * @n: how many
 *
 * Context: module insertion; may take seconds.
 * Return: how many could be had; -EINVAL if the machine has less memory than that,
 * -ENOMEM if there is no memory to manage them.
 */
int vpt_pool_fill(unsigned int n)
{
	const unsigned long all = totalram_pages() / VPT_GIB_PAGES;

	if (!n)
		return 0;
	if (n > all) {
		pr_err("pool=%u, but this machine has room for %lu frames of 1 GiB\n", n, all);
		return -EINVAL;
	}
	vpt_pool = kcalloc(n, sizeof(*vpt_pool), GFP_KERNEL);
	vpt_pool_used = bitmap_zalloc(n, GFP_KERNEL);
	vpt_pool_held = bitmap_zalloc(n, GFP_KERNEL);
	if (!vpt_pool || !vpt_pool_used || !vpt_pool_held) {
		vpt_pool_empty();
		return -ENOMEM;
	}
	while (vpt_pool_frames < n) {
		struct page *page = vpt_pool_take();

		if (!page)
			break;
		vpt_pool[vpt_pool_frames++] = page;
	}
	return vpt_pool_frames;
}

/*
 * Give everything back.  Module removal: no file is open, so all are free.  Page by page:
 * free_contig_range() warns of a page that somebody still holds, which goes back to Linux
 * when they let go of it.
 */
void vpt_pool_empty(void)
{
	unsigned long i;

	while (vpt_pool_frames) {
		struct page *frame = vpt_pool[--vpt_pool_frames];

		for (i = 0; i < VPT_GIB_PAGES; i++) {
			__free_page(frame + i);
			cond_resched();
		}
	}
	kfree(vpt_pool);
	bitmap_free(vpt_pool_used);
	bitmap_free(vpt_pool_held);
	vpt_pool = NULL;
	vpt_pool_used = NULL;
	vpt_pool_held = NULL;
}

struct page *vpt_pool_find(unsigned long pfn)
{
	unsigned int i;

	for (i = 0; i < vpt_pool_frames; i++) {
		if (pfn - page_to_pfn(vpt_pool[i]) < VPT_GIB_PAGES)
			return vpt_pool[i];
	}
	return NULL;
}

/*
 * Whether somebody else holds a page of a frame.  Nobody takes references through the
 * page tables, but KVM of 6.12, under nested virtualisation, on what its guest's memory
 * maps to: there the reference alone keeps the page, no notifier reaches it.  And who
 * looks for pages by their number (memory offlining, memory failure) holds one for a while.
 */
static bool vpt_pool_is_held(struct page *frame)
{
	unsigned long i;

	for (i = 0; i < VPT_GIB_PAGES; i++) {
		if (page_count(frame + i) != 1)
			return true;
		if (!(i % VPT_STEP))
			cond_resched();
	}
	return false;
}

/*
 * What nobody holds any more is free.  One at a time: between the look at a frame's pages and the
 * answer nobody else may free it, since it could be given out, and held again.
 *
 * Context: may sleep.
 */
static void vpt_pool_review(void)
{
	unsigned int i;

	mutex_lock(&vpt_pool_reviewing);
	for (i = 0; i < vpt_pool_frames; i++) {
		if (!test_bit(i, vpt_pool_held) || vpt_pool_is_held(vpt_pool[i]))
			continue;
		spin_lock(&vpt_pool_lock);
		if (__test_and_clear_bit(i, vpt_pool_held))
			__clear_bit(i, vpt_pool_used);
		spin_unlock(&vpt_pool_lock);
	}
	mutex_unlock(&vpt_pool_reviewing);
}

/* A frame as it is, marked as used, or NULL. */
static struct page *vpt_pool_reserve(void)
{
	struct page *page = NULL;
	unsigned long i;

	spin_lock(&vpt_pool_lock);
	i = find_first_zero_bit(vpt_pool_used, vpt_pool_frames);
	if (i < vpt_pool_frames) {
		__set_bit(i, vpt_pool_used);
		page = vpt_pool[i];
	}
	spin_unlock(&vpt_pool_lock);
	return page;
}

/* A zeroed frame, or NULL.  Context: may sleep. */
struct page *vpt_pool_get(void)
{
	struct page *page;
	unsigned long i;

	vpt_pool_review();
	/* Clearing a bad page would be a machine check; one that is found stays used. */
	do {
		page = vpt_pool_reserve();
		if (!page)
			return NULL;
	} while (vpt_frame_retire(page, VPT_GIB_PAGES));
	for (i = 0; i < VPT_GIB_PAGES; i++) {
		clear_highpage(page + i);
		cond_resched();
	}
	return page;
}

/* A frame that somebody holds waits for them to let go: vpt_pool_review(). */
void vpt_pool_put(struct page *frame)
{
	bool held;
	unsigned int i;

	if (vpt_frame_retire(frame, VPT_GIB_PAGES))
		return;
	held = vpt_pool_is_held(frame);
	spin_lock(&vpt_pool_lock);
	for (i = 0; i < vpt_pool_frames; i++) {
		if (vpt_pool[i] != frame)
			continue;
		if (held)
			__set_bit(i, vpt_pool_held);
		else
			__clear_bit(i, vpt_pool_used);
	}
	spin_unlock(&vpt_pool_lock);
}

unsigned int vpt_pool_free(void)
{
	unsigned int n;

	spin_lock(&vpt_pool_lock);
	n = vpt_pool_frames ?
	    vpt_pool_frames - bitmap_weight(vpt_pool_used, vpt_pool_frames) : 0;
	spin_unlock(&vpt_pool_lock);
	return n;
}
