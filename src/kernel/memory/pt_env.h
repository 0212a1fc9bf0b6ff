/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the kernel: tables are pages of the process's own
 * page table, locks are Linux's, counts live in struct page.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "../compat.h"
#include "counters.h"
#include "../checking/events.h"

#define VPT_LEVELS	3	/* of tables below the root, and of leaves */

/**
 * struct vpt_books - what is mapped, and what has happened
 * @tables: the core's tables that are linked
 * @leaves: mappings of each level
 * @frames: frames in use, of any size
 * @faults: faults that mapped a page
 * @segvs: faults answered with SIGSEGV
 * @shootdowns: invalidations sent
 *
 * One of several, whose sums count: one that adds what another takes away goes below 0,
 * modulo 2^64.
 */
struct vpt_books {
	u64 tables;
	u64 leaves[VPT_LEVELS];
	u64 frames;
	u64 faults;
	u64 segvs;
	u64 shootdowns;
};

/**
 * struct vpt_spare - zeroed pages, linked nowhere, each to become a table
 * @pages: the pages
 * @n: how many
 */
struct vpt_spare {
	struct list_head pages;
	u64 n;
};

/**
 * struct pt_env - one operation under way
 * @f: file
 * @mm: its address space
 * @books: those that the lock protects which the operation holds
 * @root_mirrored: the root is a PML4 under PTI: each entry stands in two copies
 * @mmap_locked: it works under mmap_lock, held for writing
 * @range: it is about a range, and looks at the byte after it as well
 * @all: it holds every span of the file
 * @left: it has left an empty table in place, see pt_env_leave()
 * @walkers: nothing keeps Linux's walkers out, so that it may unlink PTs alone (VPT_PT_BY_RCU)
 * @va: first byte of what it locks
 * @last: last byte
 * @span: the one span that it holds by the span's own lock; or NULL
 * @reserve: what the core may take
 * @dead_tables: unlinked tables that CPUs may still have cached entries of
 * @dead_frames: frames that nothing maps any more, likewise
 * @removed: frame of a leaf that it removed while it held one span, with the leaf's
 *	reference still; or NULL
 * @untold: what secondary MMUs must be told of, before that is free
 * @user: where the caller's struct is, to which the answer goes
 * @user_size: how large it is
 * @prot: rights that the caller asks for, VPT_READ | VPT_WRITE | VPT_EXEC
 * @fresh: frame that the caller has allocated, or NULL
 * @handle: the handle of the frame that the caller names instead; afterwards, of the
 *	frame that the answer tells of
 * @extent: that holds @va, if it was looked for with the spans held; or NULL
 *
 * What ends with the operation is in it, and nobody else sees it: vpt_env_init() to
 * vpt_unlock().  @books, @all, @span and @extent are set whenever it gets its spans.
 */
struct pt_env {
	struct vpt_file *f;
	struct mm_struct *mm;
	struct vpt_books *books;
	bool root_mirrored;
	bool mmap_locked;
	bool range;
	bool all;
	bool left;
	bool walkers;
	u64 va;
	u64 last;
	struct vpt_span *span;
	struct vpt_spare reserve;
	struct list_head dead_tables;
	struct list_head dead_frames;
	struct page *removed;
	struct {
		u64 start;
		u64 end;
		bool gone;	/* frames have gone, not rights alone */
	} untold;
	u64 user;
	u32 user_size;
	u32 prot;
	struct page *fresh;
	u64 handle;
	struct vpt_extent *extent;
};

/* In span.c.  What is said to be held is: the spans of an operation, the lock of some books. */
#ifdef CONFIG_LOCKDEP
void vpt_assert_env(const struct pt_env *env);
void vpt_assert_books(struct vpt_file *f, const struct vpt_books *books);
#else
static inline void vpt_assert_env(const struct pt_env *env)
{
}

static inline void vpt_assert_books(struct vpt_file *f, const struct vpt_books *books)
{
}
#endif

/*
 * The live-entry count of a table stands in the word of struct page that Linux
 * uses only in a table of a root (pt_mm) or of hugetlb (pt_share_count), with a
 * tag.  When Linux links a page as a table, the word may still hold what its last
 * user left; only vpt writes the tag, and takes it away before it lets a page go.
 */
#define VPT_TABLE_TAG	0x76707400UL	/* "vpt" */
#define VPT_TABLE_LEFT	0x76707401UL	/* instead: pt_env_leave() */
#define VPT_TABLE_ALLOCATED	(1UL << 16)	/* allocated here, not by Linux */
#define VPT_TABLE_LIVE	0xffffUL

/* Whether this copy of the core makes events: see core_traced.h. */
#ifdef VPT_CORE_TRACED
#define VPT_TRACED	true
#else
#define VPT_TRACED	false
#endif

static inline struct page *vpt_table_page(u64 table)
{
	return pfn_to_page(table >> PAGE_SHIFT);
}

static inline bool vpt_table_tagged(const struct page *page)
{
	return vpt_index(page) >> 32 == VPT_TABLE_TAG;
}

static inline u64 *vpt_table_slot(u64 table, unsigned int i)
{
	return (u64 *)__va(table) + i;
}

static inline u64 vpt_table_entry(u64 table, unsigned int i)
{
	return READ_ONCE(*vpt_table_slot(table, i));
}

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	return vpt_table_entry(table, i);
}

/*
 * Under PTI the user's CR3 points to the page after the kernel's PML4.  As Linux
 * does, the kernel's copy of a user entry gets NX, so that a kernel that forgot
 * to switch back does not run user code for long.
 */
static inline void vpt_root_store(u64 table, unsigned int i, u64 entry)
{
	WRITE_ONCE(*vpt_table_slot(table + PAGE_SIZE, i), entry);
	if (entry && (__supported_pte_mask & _PAGE_NX))
		entry |= _PAGE_NX;
	WRITE_ONCE(*vpt_table_slot(table, i), entry);
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	const u64 old = VPT_TRACED ? pt_env_load(env, table, i) : 0;

	/* Walkers on other CPUs see what the entry leads to before the entry. */
	smp_wmb();
	if (unlikely(level == 4 && env->root_mirrored))
		vpt_root_store(table, i, entry);
	else
		WRITE_ONCE(*vpt_table_slot(table, i), entry);
	if (VPT_TRACED)
		vpt_event_write(env, SPEC_MON_STORE, table, level, i, old, entry, 0);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	const u64 old = xchg(vpt_table_slot(table, i), entry);

	if (VPT_TRACED)
		vpt_event_write(env, SPEC_MON_EXCHANGE, table, level, i, old, entry, 0);
	return old;
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	const u64 seen = cmpxchg64(vpt_table_slot(table, i), old, entry);

	if (VPT_TRACED)
		vpt_event_write(env, SPEC_MON_COMPARE, table, level, i, seen, entry, old);
	return seen;
}

/*
 * Linux writes into these tables too: it links tables for its own faults at levels
 * 4 and 3, and a fault that finds its entry present again ("spurious") stores that
 * entry with A and D set.  Both happen under these locks.
 */
static inline spinlock_t *vpt_table_lock(struct pt_env *env, u64 table,
					 unsigned int level)
{
	return level >= 3 ? &env->mm->page_table_lock :
			    vpt_ptlock(vpt_table_page(table));
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
	__acquires(env)
{
	__acquire(env);
	spin_lock(vpt_table_lock(env, table, level));
	if (VPT_TRACED)
		vpt_event_table_lock(env, table, level, true);
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
	__releases(env)
{
	if (VPT_TRACED)
		vpt_event_table_lock(env, table, level, false);
	spin_unlock(vpt_table_lock(env, table, level));
	__release(env);
}

static inline bool vpt_table_left(const struct page *page)
{
	return vpt_index(page) >> 32 == VPT_TABLE_LEFT;
}

/* Of a PD or PDPT others may be changing it, but for who holds every span. */
static inline unsigned int vpt_table_live(u64 table)
{
	const unsigned long word = READ_ONCE(vpt_index(vpt_table_page(table)));

	return word >> 32 == VPT_TABLE_TAG ? word & VPT_TABLE_LIVE : 0;
}

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	return vpt_table_live(table);
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	struct page *page = vpt_table_page(table);
	unsigned long made = 0;

	vpt_assert_env(env);
	if (vpt_table_tagged(page)) {
		made = vpt_index(page) & VPT_TABLE_ALLOCATED;
	} else {
		env->books->tables++;
		if (vpt_table_left(page))
			made = VPT_TABLE_ALLOCATED;
	}
	WRITE_ONCE(vpt_index(page), VPT_TABLE_TAG << 32 | made | n);
}

/* In table.c. */
void pt_env_lock_counts(struct pt_env *env) __acquires(env);
void pt_env_unlock_counts(struct pt_env *env) __releases(env);
void pt_env_leave(struct pt_env *env, u64 table);

/* In span.c. */
bool vpt_lock_rest(struct pt_env *env);

/*
 * A span is what is behind an entry of a PD, and an entry of a PDPT leads to more spans
 * than there are locks.
 */
static inline bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level)
{
	return level <= 2 || env->all || vpt_lock_rest(env);
}

static inline u64 pt_env_reserve(struct pt_env *env)
{
	return env->reserve.n;
}

/* Out of line, in table.c. */
u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned);
void pt_env_release(struct pt_env *env, u64 table);
void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level);

/* In frame.c. */
void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry);

/*
 * The special bit keeps Linux from taking a leaf's frame for one of its own.  Before
 * 6.12 Linux heeds it in 4 KiB leaves only: gup_huge_pmd(), gup_huge_pud() and
 * follow_trans_huge_pmd() take references on the frame of a larger one.  With the
 * devmap bit they look for a struct dev_pagemap instead, find none for memory, and
 * refuse.  The frame behind 2 MiB leaves may be a part of a 1 GiB one, that was split,
 * and is no compound page: a reference would be to some page in its middle.
 */
static inline u64 pt_env_leaf_bits(unsigned int level)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	if (level >= 2)
		return _PAGE_SPECIAL | _PAGE_DEVMAP;
#endif
	return _PAGE_SPECIAL;
}

#endif /* PT_ENV_H */
