/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One open file of /dev/vpt and its region: what the parts of the module share.
 *
 * Locks, in the order in which they are taken:
 *
 *	mmap_lock (and, from 6.4 on, the VMA's lock)
 *	    for reading by a fault;
 *	    for writing, by whatever may free a table, but for a PT from 6.6 on
 *	    (device/mmap_lock.c): it excludes every software walker that holds pointers into
 *	    tables without a page-table lock
 *	vpt_in_flight.touch
 *	    as if for reading by a fault that may map a page (it counts itself on its CPU:
 *	    in_flight.c), for writing by one that found no memory and tries again while
 *	    no other fault of the address space holds any
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
 * gives back a table; and with other files of the address space the mm_struct's pinned_vm, by
 * who wants a fresh frame or frees one.
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

#include <linux/cpumask.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "../core/pt.h"
#include "checking/monitor.h"

/* Regions are made of these.  Not SZ_1G, which is an int. */
#define VPT_GIB			(1UL << 30)

/* Where regions end at the latest: user addresses with 4-level paging. */
#define VPT_ADDR_MAX		(1UL << 47)

/* Pages, of whatever size, that one step of a long operation deals with at most (step.h). */
#define VPT_STEP		8192

struct vpt_extent;
struct vpt_notifier;
struct vpt_opcheck;
struct vpt_span;

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
 * @shot: CPUs that a shootdown is sent to, while it is traced
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

#endif /* VPT_FILE_H */
