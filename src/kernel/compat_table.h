/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table page as Linux wants it: marked, counted, with its lock.
 *
 * This is what Linux's own constructors and destructors do.  They cannot be called:
 * from 6.16 on they look at init_mm, and where a spinlock does not fit into struct page
 * (PREEMPT_RT, lockdep) they allocate it; none of that is exported.
 *
 * There a table page of vpt's has its lock from kmalloc(), from the time that it goes
 * into the reserve.  kfree() takes it back, and the lock of a table that Linux made as
 * well: to the slab allocator an object is an object.  The reverse is not true: Linux
 * gives a table's lock back to the cache that it came from by name, so it must never
 * free a table whose lock is vpt's.  PDPTs have no lock, and a PD or PT of vpt's comes to
 * Linux only when a VMA is split inside its span, which vpt then refuses
 * (VPT_SPLIT_UNIT).  A kernel that exports the two functions, as a debug kernel may be
 * made to, is spared this: Kbuild defines VPT_PTLOCK_EXPORTED.
 */
#ifndef VPT_COMPAT_TABLE_H
#define VPT_COMPAT_TABLE_H

#include <linux/mm.h>
#include <linux/slab.h>

/* 6.6: tables have a type of their own. */
#ifdef page_ptdesc
#define vpt_ptdesc(page)	page_ptdesc(page)
#else
#define vpt_ptdesc(page)	(page)
#endif

static inline spinlock_t *vpt_ptlock(struct page *table)
{
	return ptlock_ptr(vpt_ptdesc(table));
}

#ifndef ALLOC_SPLIT_PTLOCKS
#error "vpt cannot tell whether page-table locks are allocated: ALLOC_SPLIT_PTLOCKS is not defined"
#endif
#if ALLOC_SPLIT_PTLOCKS && defined(CONFIG_SLOB)
#error "vpt needs CONFIG_SLUB where page-table locks are allocated: kfree() must know any object"
#endif

#if ALLOC_SPLIT_PTLOCKS && !defined(VPT_PTLOCK_EXPORTED)
#define VPT_SPLIT_UNIT		VPT_GIB
#else
#define VPT_SPLIT_UNIT		PAGE_SIZE
#endif

#if ALLOC_SPLIT_PTLOCKS
static inline bool vpt_ptlock_alloc(struct page *page)
{
#ifdef VPT_PTLOCK_EXPORTED
	return ptlock_alloc(vpt_ptdesc(page));
#else
	vpt_ptdesc(page)->ptl = kmalloc(sizeof(spinlock_t), GFP_KERNEL_ACCOUNT);
	return vpt_ptdesc(page)->ptl;
#endif
}

static inline void vpt_ptlock_free(struct page *page)
{
	if (!vpt_ptdesc(page)->ptl)
		return;
#ifdef VPT_PTLOCK_EXPORTED
	ptlock_free(vpt_ptdesc(page));
#else
	kfree(vpt_ptdesc(page)->ptl);
#endif
	vpt_ptdesc(page)->ptl = NULL;
}

/* Whether the page has what it takes to become a table of any level. */
static inline bool vpt_ptlock_there(struct page *page)
{
	return vpt_ptdesc(page)->ptl;
}
#else
static inline bool vpt_ptlock_alloc(struct page *page)
{
	return true;
}

static inline void vpt_ptlock_free(struct page *page)
{
}

static inline bool vpt_ptlock_there(struct page *page)
{
	return true;
}
#endif

/* 6.1 neither locks nor counts PUD tables. */
static inline bool vpt_table_counted(unsigned int level)
{
	return level < 3 || LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0);
}

/* Context: any; the page's lock was allocated when it went into the reserve. */
static inline void vpt_table_ctor(struct page *table, unsigned int level)
{
	/* Linux may free a PDPT, and expects no lock there. */
	if (level == 3)
		vpt_ptlock_free(table);
	else
		spin_lock_init(vpt_ptlock(table));
	/* Overlaps with the list that the page was in. */
	vpt_ptdesc(table)->pmd_huge_pte = NULL;
	if (!vpt_table_counted(level))
		return;
	__SetPageTable(table);
	lruvec_stat_add_folio(page_folio(table), NR_PAGETABLE);
}

/* The lock stays, for the page's next life as a table, and goes with the page. */
static inline void vpt_table_dtor(struct page *table, unsigned int level)
{
	if (!vpt_table_counted(level))
		return;
	__ClearPageTable(table);
	lruvec_stat_sub_folio(page_folio(table), NR_PAGETABLE);
}

#endif /* VPT_COMPAT_TABLE_H */
