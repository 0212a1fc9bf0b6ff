/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One open file of /dev/vpt and its region: what the parts of the module share.
 *
 * Locks, in the order in which they are taken:
 *
 *	mmap_lock (and, from 6.4 on, the VMA's lock)
 *	    for reading by a fault;
 *	    for writing, by whatever may free a table: it excludes every software
 *	    walker that holds pointers into tables without a page-table lock
 *	vpt_notifier.touch
 *	    for reading by a fault that may map a page, for writing by one that
 *	    found no memory and tries again while no other fault of the address space
 *	    holds any
 *	vpt_file.lock
 *	    the file: its extents, its handles, and every span that is not detached
 *	vpt_span.lock
 *	    one span, while it is detached
 *	vpt_extents.lock, vpt_file.notices_lock, the lock of the handles' xarray
 *	    what is left of the region, for a notifier that must not sleep; whom
 *	    frees wait for; the tree itself
 *	vpt_file.tables
 *	    live counts of PDs and PDPTs, and the spare tables
 *	page_table_lock and the split page-table locks
 *	    taken by the core around its stores (pt_env_lock())
 *
 * A span is 2 MiB of the region: what is behind one entry of a PD, so a PT and its pages or
 * a leaf.  An operation locks the spans that it deals with until its shootdown has been
 * acknowledged by every CPU: whoever gets a span next acts on translations that no CPU
 * contradicts.  What takes long is done in steps (step.h), each of which is one such
 * operation.
 *
 * An operation on one span takes that span's own lock and no other of these, so that those on
 * different spans run at the same time.  What they still write in common: @tables, by who takes or
 * gives back a table; and with other files of the address space, @touch, by a fault, @asked and
 * @settled, by who wants a fresh frame, and the mm_struct's pinned_vm, also by who frees one.
 * First the span must be detached from the file's lock, which takes both, and lasts
 * until somebody needs several: who holds the file's lock attaches again each span that
 * it needs, again by both, and then needs no other lock.  So the file's lock with all
 * spans attached excludes everybody, at the cost of two locks for each span that was in use
 * (span.c); likewise with all but one attached, of whoever holds that one's own lock as well.
 * Spans share VPT_SPANS locks.
 *
 * What is written only by who holds all spans can be read by who holds any: the extents,
 * what mmap() set up, whether the table is broken.
 *
 * Memory is allocated, user memory is touched, and mmap_lock and VMAs' locks are taken
 * before the file's lock or a span's is taken or after it is released: reclaim and faults
 * call back into the notifier, and a fault waits for its span with its VMA locked.
 *
 *	who				holds, of these two kinds
 *	MAP, UNMAP, PROTECT, REMAP,	the span; UNMAP that empties a PD, and who changes a
 *	RESOLVE, fault			leaf of 1 GiB: all, by vpt_lock_rest() or once more
 *					from the beginning (op_widened(), op_sweep())
 *	MAP_RANGE, PROTECT_RANGE	the spans of what is left of the range; all, if these
 *					may be all locks (VPT_SPANS)
 *	MAP of 1 GiB, UNMAP_RANGE,	all
 *	FRAME_FREE, STATS, CHECK,
 *	mmap, munmap, exit, VMAs that
 *	are split or closed, the split
 *	of a page, a debugger, debugfs
 *	each of these while check= is	all
 *	on or somebody traces
 *	CONFIG, FRAME_ALLOC, open,	the file's lock alone
 *	VMAs that come
 */
#ifndef VPT_FILE_H
#define VPT_FILE_H

#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include "../core/pt.h"
#include "checking/monitor.h"

/* Regions are made of these.  Not SZ_1G, which is an int. */
#define VPT_GIB			(1UL << 30)

/* Where regions end at the latest: user addresses with 4-level paging. */
#define VPT_ADDR_MAX		(1UL << 47)

/* Tables kept in the reserve for the next operation. */
#define VPT_RESERVE_KEEP	8

/* Pages, of whatever size, that one step of a long operation deals with at most (step.h). */
#define VPT_STEP		8192

/* Locks that the region's spans share: one for each bit of a u64. */
#define VPT_SPAN_BITS	6
#define VPT_SPANS	(1U << VPT_SPAN_BITS)
#define VPT_SPAN_SHIFT	21	/* log2 of a span's bytes */

struct vpt_opcheck;

/**
 * struct vpt_span - the lock of some spans of a region
 * @lock: see above
 * @detached: it is what protects them, and not the file's lock.  Changes under both
 * @books: of operations that held @lock; all 0 while not detached.  Protected likewise
 */
struct vpt_span {
	struct mutex lock;	/* see above */
	bool detached;
	struct vpt_books books;
} ____cacheline_aligned_in_smp;

/* A part of the region that munmap() has left; at first, the whole of it. */
struct vpt_extent {
	union {
		struct rb_node node;
		struct vpt_extent *next;		/* of a spare one */
	};
	struct pt pt;
};

/**
 * struct vpt_notice - a change of which secondary MMUs are being told
 * @node: place in vpt_file.notices
 * @range: what they are told
 * @task: who tells them
 * @done: our own notifier was called, and has called the others
 * @tables: unlinked, to be freed when this and all older notices have ended
 * @frames: without a reference, likewise
 */
struct vpt_notice {
	struct list_head node;
	struct mmu_notifier_range range;
	struct task_struct *task;
	bool done;
	struct list_head tables;
	struct list_head frames;
};

/**
 * struct vpt_extents - what is left of a region
 * @tree: the extents, by address.  Changes with all spans and @lock held, so that any span,
 *	the file's lock or @lock is enough to read it
 * @lock: held for no longer than a look into the tree
 * @n: extents in @tree
 * @vmas: VMAs of the region; each extent is a run of them
 * @nspare: extents in @spare; @n and @nspare together are @vmas, and one more after a
 *	split that failed
 * @spare: for munmap() that leaves something on both sides
 * @cut: what munmap() or the process's end is taking away, step by step; no part of
 *	any extent.  One at a time: they exclude each other by mmap_lock
 *
 * All but @tree is protected by the file's lock alone.
 */
struct vpt_extents {
	struct rb_root tree;
	spinlock_t lock;	/* see above */
	u32 n;
	u32 vmas;
	u32 nspare;
	struct vpt_extent *spare;
	const struct pt *cut;
};

/**
 * struct vpt_notifier - vpt's MMU notifier in one address space (notifier.c)
 * @linux_notifier: what Linux calls
 * @node: place among the notifiers that have files
 * @files: for which it is called, at least one
 * @touch: see above
 * @asked: pages that ioctls of these files have set out to allocate
 * @settled: of these, those that were not to be had, have been given back, or whose ioctl is
 *	about to return; where both are equal no ioctl is on its way
 *
 * The last three are here since the allowance that ioctls and faults hold for a moment is
 * the address space's.  Both come by a file, which keeps the notifier.  So a fault that waits for a
 * span in one region - CHECK has all of them for as long as it takes - can hold up, by @touch, one
 * that found no memory in another, and those that come after.
 */
struct vpt_notifier {
	struct mmu_notifier linux_notifier;
	struct list_head node;
	struct list_head files;
	struct rw_semaphore touch ____cacheline_aligned_in_smp;
	atomic64_t asked;
	atomic64_t settled;
};

/**
 * struct vpt_file - an open file
 * @id: number of the file; no two open ones have the same
 * @refs: the open file's, and one for each reader of debugfs that looks at it
 * @owner: process that opened it
 * @mm: address space of the process that opened it
 * @notifier: tells when Linux unmaps or splits behind us; that of its address space
 * @beside: place in @notifier's files
 * @lock: see above
 * @opened_by: credentials of who opened it, which its struct file holds
 * @opened_by_admin: they had CAP_SYS_ADMIN
 * @spans: the locks of its spans
 * @detached: which of them are detached, by their numbers.  Protected by @lock
 * @strict: an access to an unmapped address is SIGSEGV.  Changes while there is no region
 * @rights: what the region was mapped with, PT_WRITE | PT_EXEC | PT_USER
 * @start: region; both 0 without one.  Set under mmap_lock for writing too; cleared under
 *	mmap_lock for reading at least (munmap), or when the address space has no user left.
 *	The notifier reads them without a lock
 * @end: first byte after it
 * @root: physical address of the level-4 table
 * @extents: what is left of the region
 * @notices: changes of which they are being told, the oldest first.  Protected, with what
 *	the notices hold, by @notices_lock
 * @notices_lock: see above
 * @unmapping: the notice for what munmap() or exit removed: Linux tells of it
 * @root_mirrored: the root is a PML4 under PTI: each entry stands in two copies
 * @books: what is mapped, and what has happened, but for what detached spans have on theirs.
 *	Protected by @lock
 * @tables: see above
 * @spare: tables for the next operation's reserve.  Whoever is at them holds a span, and
 *	@tables, or all spans
 * @deposit: tables that wait for the split of a 1 GiB leaf, one for each.  Protected by all
 *	spans
 * @handles: handle -> page of the frame.  One comes under @lock, and goes with all spans
 *	held, so that what any span's holder finds stays
 * @nhandles: how many.  Protected by @lock
 * @shot: CPUs that a shootdown is sent to, while somebody is told of it
 * @monitor: of the protocol, at check=full
 * @tree_checks: checks of a tree; frames are marked with the number of the last that saw them
 * @mark: likewise for tables, where there is little room: vpt_tree_check_begin()
 * @opcheck: the operation that is being checked
 * @opchecks: operations checked
 * @violations: how often something was not as the specification says; once it is
 *	not 0, nothing is changed any more but to take the region down
 */
struct vpt_file {
	u32 id;
	struct kref refs;
	struct pid *owner;
	struct mm_struct *mm;
	struct vpt_notifier *notifier;
	struct list_head beside;
	struct mutex lock;	/* see above */
	struct vpt_span *spans;
	u64 detached;
	const struct cred *opened_by;
	bool opened_by_admin;
	bool strict;
	u32 rights;
	u64 start;
	u64 end;
	u64 root;
	struct vpt_extents extents;
	struct list_head notices;
	struct vpt_notice unmapping;
	bool root_mirrored;
	struct xarray handles;
	u64 nhandles;
	struct vpt_opcheck *opcheck;
	u64 violations;

	/* What operations on single spans write comes last, and apart from what they read. */
	spinlock_t tables ____cacheline_aligned_in_smp;	/* see above */
	struct vpt_spare spare;
	struct vpt_spare deposit;
	spinlock_t notices_lock;	/* see above */
	struct vpt_books books ____cacheline_aligned_in_smp;
	cpumask_var_t shot;
	struct vpt_monitor monitor;
	u32 tree_checks;
	u32 mark;
	u64 opchecks;
};

/* region.c */

int vpt_region_map(struct vpt_file *f, struct vm_area_struct *vma);
void vpt_region_remove(struct vpt_file *f, u64 start, u64 end);
int vpt_region_told(struct vpt_file *f, const struct mmu_notifier_range *range);

/* extent.c */

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

/* fault.c */
extern const struct vm_operations_struct vpt_vm_ops;

/* ioctl.c */
long vpt_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* span.c */

int vpt_spans_alloc(struct vpt_file *f);
int vpt_lock_spans(struct pt_env *env);
void vpt_lock_spans_again(struct pt_env *env);
int vpt_lock_all_killable(struct vpt_file *f);
void vpt_lock_all(struct vpt_file *f);

/* The lock of the span that holds @va.  Neighbours', and those 1 GiB apart, are different. */
static inline struct vpt_span *vpt_span(const struct vpt_file *f, u64 va)
{
	return &f->spans[hash_64(va >> VPT_SPAN_SHIFT, VPT_SPAN_BITS)];
}

/* After vpt_lock_spans(). */
static inline void vpt_unlock_spans(struct pt_env *env)
{
	if (likely(!env->all && env->span)) {
		mutex_unlock(&env->span->lock);
		return;
	}
	if (env->span)
		mutex_unlock(&env->span->lock);
	mutex_unlock(&env->f->lock);
}

static inline void vpt_unlock_all(struct vpt_file *f)
{
	mutex_unlock(&f->lock);
}

/* Every span is held: those that are detached, if any, by their own locks. */
static inline void vpt_assert_all(struct vpt_file *f)
{
	u64 left;

	lockdep_assert_held(&f->lock);
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	for (left = f->detached; left; left &= left - 1)
		lockdep_assert_held(&f->spans[__ffs64(left)].lock);
}

/* Whether the span that holds @va is held, as far as lockdep knows. */
static inline bool vpt_span_is_held(struct vpt_file *f, u64 va)
{
	struct vpt_span *span = vpt_span(f, va);

	return lockdep_is_held(span->detached ? &span->lock : &f->lock);
}

/* table.c */

void vpt_spare_move(struct vpt_spare *from, struct vpt_spare *to, u64 n);
void vpt_lock_file(struct vpt_file *f);
void vpt_unlock_file(struct vpt_file *f);
int vpt_lock_reserved(struct pt_env *env, u64 va, u64 last, u64 tables);
bool vpt_tables_stay(struct pt_env *env);
void vpt_unlock(struct pt_env *env);
void vpt_lock_again(struct pt_env *env);
void vpt_unlock_again(struct pt_env *env);
void vpt_reclaim_tables(struct pt_env *env, struct list_head *held);
void vpt_free_held_tables(struct list_head *held);
void vpt_drop_spare(struct vpt_file *f);

static inline void vpt_spare_init(struct vpt_spare *spare)
{
	INIT_LIST_HEAD(&spare->pages);
	spare->n = 0;
}

/* An operation begins. */
static inline void vpt_env_init(struct pt_env *env, struct vpt_file *f)
{
	env->f = f;
	env->mm = f->mm;
	env->root_mirrored = f->root_mirrored;
	env->mmap_locked = false;
	env->range = false;
	env->left = false;
	vpt_spare_init(&env->reserve);
	INIT_LIST_HEAD(&env->dead_tables);
	INIT_LIST_HEAD(&env->dead_frames);
	env->removed = NULL;
	env->untold.end = 0;
}

/* It deals with [@va, @last]; or with all spans, if that is 0 and U64_MAX. */
static inline void vpt_env_about(struct pt_env *env, u64 va, u64 last)
{
	env->va = va;
	env->last = last;
}

/* From now on it holds the one @span by that span's lock; or others, if that is NULL. */
static __always_inline void vpt_env_holds(struct pt_env *env, struct vpt_span *span, bool all)
{
	env->span = span;
	env->all = all;
	env->books = span ? &span->books : &env->f->books;
	env->extent = NULL;
}

/* As vpt_env_init(), of who holds every span already. */
static inline void vpt_env_init_all(struct pt_env *env, struct vpt_file *f)
{
	vpt_assert_all(f);
	vpt_env_init(env, f);
	vpt_env_holds(env, NULL, true);
}

/* From the beginning: who got the rest later (vpt_lock_rest()) began when nobody watched. */
static inline bool vpt_took_all(const struct pt_env *env)
{
	return env->all && !env->span;
}

/* frame.c */

/* Frames that are taken from Linux at a time. */
#define VPT_BATCH	32

/* For what a user asks for: fail rather than have somebody killed. */
#define VPT_USER_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

int vpt_charge(struct vpt_file *f, unsigned long pages);
void vpt_uncharge(struct vpt_file *f, unsigned long pages);
struct page *vpt_frame_alloc(struct vpt_file *f, unsigned int level);
unsigned int vpt_frame_alloc_some(struct vpt_file *f, struct page **pages, unsigned int n);
void vpt_frames_keep(struct vpt_file *f, struct vpt_books *books, u64 n);
void vpt_frames_settle(struct vpt_file *f, u64 n, unsigned int level);
bool vpt_frame_retire(struct page *frame, unsigned long pages);
void vpt_frame_free(struct vpt_file *f, struct page *frame);
struct page *vpt_touch_alloc(void);
void vpt_touch_keep(struct pt_env *env);
void vpt_touch_free(struct page *page);
struct page *vpt_frame_of(u64 pa);
struct page *vpt_leaf_frame(unsigned int level, u64 pa);
unsigned int vpt_frame_level(struct page *frame);
bool vpt_frame_known(u64 pa);
void vpt_frame_get(struct page *frame, unsigned long n);
void vpt_frame_put(struct pt_env *env, struct page *frame);
void vpt_leaf_put(struct pt_env *env, struct page *frame);
void vpt_leaf_added(struct pt_env *env, unsigned int level, u64 n);
void vpt_leaf_removed(struct pt_env *env, unsigned int level, u64 pa);
void vpt_free_frames(struct vpt_file *f, struct vpt_books *books,
		     struct list_head *frames);

/* handle.c */

int vpt_handle_alloc(struct vpt_file *f, unsigned int level, u32 *handle, u64 *pa);
int vpt_handle_free(struct vpt_file *f, u64 handle);
struct page *vpt_handle_frame(struct vpt_file *f, u64 handle);
int vpt_pick_frame(const struct pt_env *env, unsigned int level, u64 *pa);
u32 vpt_frame_handle(struct page *frame);
void vpt_drop_handles(struct vpt_file *f);

/* shootdown.c */

void vpt_shootdown(struct pt_env *env, u64 start, u64 end, unsigned int shift);
bool vpt_pdpt_goes(const struct pt_env *env);

/* notifier.c */

int vpt_notifier_register(struct vpt_file *f);
void vpt_notifier_unregister(struct vpt_file *f);

/* secondary.c */

bool vpt_notifier_others(const struct vpt_file *f);
bool vpt_notifier_works(struct vpt_file *f);
void vpt_free_told(struct pt_env *env, u64 start, u64 end, bool gone);
void vpt_unlock_and_notify(struct pt_env *env);
void vpt_let_go(struct pt_env *env);
void vpt_notify_within(struct vpt_file *f, const struct mmu_notifier_range *range);
void vpt_flush_sharers(struct pt_env *env, u64 start, u64 end);
void vpt_hold_unmapped(struct pt_env *env);
void vpt_free_unmapped(struct vpt_file *f);

#endif /* VPT_FILE_H */
