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
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../vpt_file.h"

#define VPT_GIB_PAGES	(1UL << 18)

static struct page **vpt_pool;
static unsigned long *vpt_pool_used;	/* bitmap, under vpt_pool_lock */
unsigned int vpt_pool_frames;
static DEFINE_SPINLOCK(vpt_pool_lock);

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
	if (!vpt_pool || !vpt_pool_used) {
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

/* Give everything back.  Module removal: no file is open, so all are free. */
void vpt_pool_empty(void)
{
	while (vpt_pool_frames)
		free_contig_range(page_to_pfn(vpt_pool[--vpt_pool_frames]),
				  VPT_GIB_PAGES);
	kfree(vpt_pool);
	bitmap_free(vpt_pool_used);
	vpt_pool = NULL;
	vpt_pool_used = NULL;
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

/*
 * Whether somebody else holds a page of a frame.  Nobody takes references through the
 * page tables, but KVM of 6.12, under nested virtualisation, on what its guest's memory
 * maps to: there the reference alone keeps the page, no notifier reaches it.
 */
static bool vpt_pool_held(struct page *frame)
{
	unsigned long i;

	for (i = 0; i < VPT_GIB_PAGES; i++) {
		if (page_count(frame + i) == 1)
			continue;
		pr_err("page %#lx has another user: its frame of 1024 MiB is not used again\n",
		       page_to_pfn(frame + i));
		vpt_count(frames_retired, 1);
		return true;
	}
	return false;
}

void vpt_pool_put(struct page *frame)
{
	unsigned int i;

	if (vpt_frame_retire(frame, VPT_GIB_PAGES) || vpt_pool_held(frame))
		return;
	spin_lock(&vpt_pool_lock);
	for (i = 0; i < vpt_pool_frames; i++) {
		if (vpt_pool[i] == frame)
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
