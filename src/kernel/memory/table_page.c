// SPDX-License-Identifier: GPL-2.0
/* Table pages: from Linux, and back after a grace period. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "counters.h"
#include "frame.h"
#include "table_page.h"

/* Tables of the whole module that wait for a grace period, and the PTs of UNMAP's among them. */
static atomic_t vpt_tables_waiting;
static atomic_t vpt_pts_waiting;

/**
 * vpt_page_alloc() - a zeroed page
 *
 * Where there is none, what waits for a grace period is waited for: an UNMAP that has answered gave
 * it back, and its caller may count on it.  Not by who has been killed: that takes as long as
 * every callback there is, and the OOM reaper needs the mmap_lock that it may hold.
 *
 * Context: may sleep; no lock is held that an RCU callback takes.
 * Return: the page, or NULL.
 */
struct page *vpt_page_alloc(void)
{
	struct page *page = alloc_page(VPT_USER_GFP | __GFP_ZERO);

	if (page || !atomic_read(&vpt_tables_waiting) || fatal_signal_pending(current))
		return page;
	rcu_barrier();
	return alloc_page(VPT_USER_GFP | __GFP_ZERO);
}

/* A page that is to become a table, with its lock, or NULL. */
struct page *vpt_table_page_alloc(void)
{
	struct page *page = vpt_page_alloc();

	if (page && !vpt_ptlock_alloc(page)) {
		__free_page(page);
		return NULL;
	}
	return page;
}

void vpt_table_page_free(struct page *page)
{
	vpt_ptlock_free(page);
	__free_page(page);
}

static void vpt_table_free_rcu(struct rcu_head *head)
{
	struct page *page = container_of(head, struct page, rcu_head);

	if (vpt_index(page))
		atomic_dec(&vpt_pts_waiting);
	vpt_table_page_free(page);
	vpt_count(tables_freed, 1);
	atomic_dec(&vpt_tables_waiting);
}

/**
 * vpt_table_free() - back to Linux, after a grace period
 * @page: a walker may still hold its lock, or have read an entry of it
 * @beside: a PT that UNMAP has unlinked beside walkers
 */
void vpt_table_free(struct page *page, bool beside)
{
	vpt_index(page) = beside;
	atomic_add(beside, &vpt_pts_waiting);
	atomic_inc(&vpt_tables_waiting);
	vpt_call_rcu(&page->rcu_head, vpt_table_free_rcu);
}

/* Likewise: a spare page may have been a table a moment ago. */
void vpt_free_tables(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		vpt_table_free(page, false);
	}
}

unsigned int vpt_tables_count_waiting(void)
{
	return atomic_read(&vpt_tables_waiting);
}

unsigned int vpt_pts_count_waiting(void)
{
	return atomic_read(&vpt_pts_waiting);
}
