// SPDX-License-Identifier: GPL-2.0
/*
 * Secondary MMUs: whoever else translates the process's addresses, and is told of
 * changes through an MMU notifier.  There are two kinds, and a third that needs nothing:
 *
 *	copies	(KVM, GRU, nouveau) have entries of their own, made from ours:
 *		invalidate_range_start() and _end()
 *	sharers	(IOMMU SVA) walk our tables and have a TLB of their own:
 *		arch_invalidate_secondary_tlbs(), before 6.6 invalidate_range().
 *		Linux's own TLB flushes call it; ours are not Linux's.
 *	pinners	(mmu_interval_notifier: HMM, ODP, userptr, gntdev) are on a tree that
 *		cannot be reached from here.  They get pages from hmm_range_fault() or
 *		get_user_pages(), which refuse VM_IO | VM_PFNMAP, or map their own; so
 *		that none of them has a frame of ours.
 *
 * Who is told, and when; "free" is for frames and for tables:
 *
 *	UNMAP, REMAP and range forms	change, shootdown, both kinds here, free, answer
 *	PROTECT that takes rights	change, shootdown, both kinds here, answer
 *	MAP that unlinks a table	the same; the table is what is freed
 *	FRAME_FREE			nothing is mapped any more: free, but see below
 *	munmap()			Linux: start of all copies, ours being one: there
 *					change, shootdown, sharers, free tables; Linux: end
 *					of all copies; vm_operations.close(): free frames
 *	exit, exec			Linux: release() of all, ours being one; no notifier
 *					is left; close(): free
 *	split of a 1 GiB leaf		happens within Linux's start for that GiB: Linux tells
 *					the copies, we the sharers; nothing is freed
 *
 * Copies are told after the change, where Linux tells them before it (start) and after
 * (end).  What they promise suffices: between start and end they make no entry; at start
 * they remove what they have; and an entry that they were about to make from what they
 * read before the end is not made.  KVM: mmu_invalidate_retry*() compares mmu_invalidate_seq,
 * which end increments, with its value from before our entry was read, under the mmu_lock
 * under which start removes; mmu_notifier_retry_cache() does it for gfn_to_pfn_cache.  So
 * what was read before the change is either found by start or not used.
 *
 * While somebody is told, neither @f->lock nor a span is held: Linux orders the notifiers
 * before them (munmap).  Until then whatever dies stays: what an operation removed, and what
 * others of the file let go in the meantime (FRAME_FREE of a frame that a REMAP has just
 * replaced), is held by the youngest notice; a notice that ends hands what it holds to
 * the next older one, and the oldest frees.  So everything is freed when all notices that
 * were open when it died have ended, and no notice waits for a younger one.
 *
 * The notices are a list of the file's, under a lock of its own, which is taken where others
 * are to be told.  Who lets go and finds no notice need not take it: the notices that matter to a
 * frame are those of operations that dropped references on it, and each of these had begun
 * its notice before, or did both with every span held (frame.c); a table has been nobody
 * else's.
 *
 * The list of notifiers may be walked only under an SRCU of mm/mmu_notifier.c, and no
 * exported function calls notifiers and nothing else.  But zapping a special VMA does:
 * start, a walk, end.  We hand it a VMA that we made up, of one page at the first
 * address that is not canonical, of which nobody has a translation: its root entry is
 * empty in every address space (the guard hole of Documentation/arch/x86/x86_64/mm.rst;
 * not under Xen PV).  Our own start, called for that address, is then inside the SRCU
 * and calls start and end of the others for the range that matters.
 *
 * As for Linux's own calls, mmap_lock is held meanwhile, so that nobody registers
 * between a start and an end (mm_take_all_locks()).  Who registers later than we look
 * whether anybody is there reads our tables later than that: the change was before,
 * and a locked instruction stands between on either side.
 */

#include <linux/mmu_notifier.h>
#include <linux/rculist.h>

#include "../vpt_file.h"
#include "frame.h"
#include "notifier.h"
#include "secondary.h"
#include "shootdown.h"
#include "span.h"
#include "table.h"
#include "table_page.h"

static unsigned long vpt_nowhere(void)
{
	return 1UL << __VIRTUAL_MASK_SHIFT;
}

/* struct mmu_notifier_subscriptions is private; this is its first member. */
static struct hlist_head *vpt_notifiers(const struct vpt_file *f)
{
	return (struct hlist_head *)f->mm->notifier_subscriptions;
}

/* Whether the address space has a notifier that is not vpt's. */
bool vpt_notifier_others(const struct vpt_file *f)
{
	const struct hlist_node *ours = &f->notifier->linux_notifier.hlist;

	return READ_ONCE(vpt_notifiers(f)->first) != ours || READ_ONCE(ours->next);
}

/* Somebody is being told, or has just been. */
static noinline void vpt_leave_to_notice(struct pt_env *env)
{
	struct vpt_file *f = env->f;
	struct vpt_notice *n;
	LIST_HEAD(tables);

	vpt_assert_env(env);
	vpt_reclaim_tables(env, &tables);
	spin_lock(&f->notices_lock);
	if (!list_empty(&f->notices)) {
		n = list_last_entry(&f->notices, struct vpt_notice, node);
		list_splice_init(&tables, &n->tables);
		list_splice_init(&env->dead_frames, &n->frames);
	}
	spin_unlock(&f->notices_lock);
	vpt_free_tables(&tables);
	vpt_free_frames(f, env->books, &env->dead_frames);
}

/**
 * vpt_let_go() - free what was removed, or leave it to the youngest notice
 * @env: operation; it holds a span
 *
 * After the shootdown; or no leaf maps the frames that have died, so that no CPU has
 * them cached.
 */
void vpt_let_go(struct pt_env *env)
{
	struct vpt_file *f = env->f;

	vpt_assert_env(env);
	if (env->removed) {
		vpt_frame_put(env, env->removed);
		env->removed = NULL;
	}
	/* PROTECT comes here with neither; and most that leave a frame leave no table. */
	if (list_empty(&env->dead_tables) && list_empty(&env->dead_frames))
		return;
	if (likely(list_empty(&f->notices))) {
		if (!list_empty(&env->dead_tables))
			vpt_reclaim_tables(env, NULL);
		vpt_free_frames(f, env->books, &env->dead_frames);
	} else {
		vpt_leave_to_notice(env);
	}
}

static void vpt_notice_begin(struct vpt_file *f, struct vpt_notice *n)
{
	INIT_LIST_HEAD(&n->tables);
	INIT_LIST_HEAD(&n->frames);
	spin_lock(&f->notices_lock);
	list_add_tail(&n->node, &f->notices);
	spin_unlock(&f->notices_lock);
}

/* What is left in the notice is free: all older notices have ended. */
static void vpt_notice_remove(struct vpt_file *f, struct vpt_notice *n)
{
	spin_lock(&f->notices_lock);
	if (!list_is_first(&n->node, &f->notices)) {
		struct vpt_notice *older = list_prev_entry(n, node);

		list_splice_init(&n->tables, &older->tables);
		list_splice_init(&n->frames, &older->frames);
	}
	list_del_init(&n->node);
	spin_unlock(&f->notices_lock);
}

/* Move as many of @frames as are freed under a lock at a time. */
static void vpt_frames_cut(struct list_head *frames, struct list_head *step)
{
	struct list_head *last;
	unsigned int n = 0;

	list_for_each(last, frames) {
		if (++n == VPT_STEP)
			break;
	}
	list_cut_position(step, frames, last == frames ? frames->prev : last);
}

/*
 * @books: of a lock that is held.  Others may have handed on the frames of a whole munmap():
 * what is too much for now stays in the notice, for vpt_free_by_steps().
 */
static void vpt_notice_end(struct vpt_file *f, struct vpt_books *books, struct vpt_notice *n)
{
	LIST_HEAD(step);

	vpt_assert_books(f, books);
	vpt_notice_remove(f, n);
	vpt_free_tables(&n->tables);
	vpt_frames_cut(&n->frames, &step);
	vpt_free_frames(f, books, &step);
}

/* Free @frames, of which there may be very many; no lock is held. */
static void vpt_free_by_steps(struct vpt_file *f, struct list_head *frames)
{
	while (!list_empty(frames)) {
		LIST_HEAD(step);

		vpt_frames_cut(frames, &step);
		vpt_lock_file(f);
		vpt_free_frames(f, &f->books, &step);
		vpt_unlock_file(f);
		cond_resched();
	}
}

/* Have Linux call our notifier, inside its SRCU, for @n: vpt_notify_within(). */
static void vpt_notify(struct vpt_file *f, struct vpt_notice *n)
{
	struct vm_area_struct vma = {
		.vm_mm = f->mm,
		.vm_start = vpt_nowhere(),
		.vm_end = vpt_nowhere() + PAGE_SIZE,
		.vm_flags = VM_PFNMAP,
	};

	WRITE_ONCE(n->task, current);
	n->done = false;
	vpt_zap_special(&vma, vma.vm_start, PAGE_SIZE);
}

static void vpt_notify_one(struct mmu_notifier *other, const struct mmu_notifier_range *range)
{
	/* The range is blockable, so that it cannot be refused. */
	if (other->ops->invalidate_range_start)
		WARN_ON_ONCE(other->ops->invalidate_range_start(other, range));
	vpt_flush_secondary_tlb(other, range->mm, range->start, range->end);
	if (other->ops->invalidate_range_end)
		other->ops->invalidate_range_end(other, range);
}

/**
 * vpt_notify_within() - our notifier was called for a range that is not the region's
 * @f: file
 * @range: what Linux tells of
 *
 * Context: start callback of a notifier; may sleep if it is for us.
 */
void vpt_notify_within(struct vpt_file *f, const struct mmu_notifier_range *range)
{
	struct mmu_notifier *other;
	struct vpt_notice *n;

	if (range->start != vpt_nowhere())
		return;
	spin_lock(&f->notices_lock);
	list_for_each_entry(n, &f->notices, node) {
		if (READ_ONCE(n->task) == current)
			break;
	}
	spin_unlock(&f->notices_lock);
	/* Another file's notice. */
	if (list_entry_is_head(n, &f->notices, node))
		return;
	n->done = true;
	if (!n->range.end)
		return;
	/* Not ours, which would split the 1 GiB leaf that a REMAP has just put there. */
	hlist_for_each_entry_srcu(other, vpt_notifiers(f), hlist, true) {
		if (other != &f->notifier->linux_notifier)
			vpt_notify_one(other, &n->range);
	}
}

/* Empty PDs anywhere behind a PDPT go with it. */
static void vpt_include_pdpt(const struct pt_env *env, u64 *start, u64 *end)
{
	const u64 span = pt_size(PT_LEVELS);

	if (!vpt_pdpt_goes(env))
		return;
	*start = round_down(*start, span);
	*end = round_up(*end, span);
}

/**
 * vpt_flush_sharers() - have secondary TLBs that walk our tables flushed
 * @env: operation; it holds every span, and has not freed its tables
 * @start: first byte
 * @end: first byte after
 *
 * Context: start or release callback of a notifier, after the shootdown.  Does not sleep.
 */
void vpt_flush_sharers(struct pt_env *env, u64 start, u64 end)
{
	struct vpt_file *f = env->f;
	struct mmu_notifier *other;

	vpt_assert_all(f);
	vpt_include_pdpt(env, &start, &end);
	hlist_for_each_entry_srcu(other, vpt_notifiers(f), hlist, true)
		vpt_flush_secondary_tlb(other, f->mm, start, end);
}

/* Secondary MMUs are to be told of this, too. */
static noinline void vpt_tell_later(struct pt_env *env, u64 start, u64 end, bool gone)
{
	vpt_include_pdpt(env, &start, &end);
	if (env->untold.end) {
		start = min(start, env->untold.start);
		end = max(end, env->untold.end);
		gone |= env->untold.gone;
	}
	env->untold.start = start;
	env->untold.end = end;
	env->untold.gone = gone;
}

/**
 * vpt_free_told() - let go of what the operation removed, after the shootdown
 * @env: operation; it holds its spans
 * @start: first byte that it dealt with
 * @end: first byte after
 * @gone: frames have gone, not rights alone
 *
 * If there are secondary MMUs it is let go of by vpt_unlock_and_notify(), which must follow.
 */
void vpt_free_told(struct pt_env *env, u64 start, u64 end, bool gone)
{
	vpt_assert_env(env);
	if (likely(!vpt_notifier_others(env->f)))
		vpt_let_go(env);
	else
		vpt_tell_later(env, start, end, gone);
}

/* Tell secondary MMUs of what the operation did, and free it. */
static noinline void vpt_unlock_and_tell(struct pt_env *env)
{
	struct vpt_file *f = env->f;
	struct vpt_notice n = {
		.range = {
			.mm = f->mm,
			.start = env->untold.start,
			.end = env->untold.end,
			.flags = MMU_NOTIFIER_RANGE_BLOCKABLE,
			.event = env->untold.gone ? MMU_NOTIFY_CLEAR :
						    MMU_NOTIFY_PROTECTION_PAGE,
		},
	};

	env->untold.end = 0;
	vpt_notice_begin(f, &n);
	vpt_let_go(env);
	vpt_unlock(env);

	if (!env->mmap_locked)
		mmap_read_lock(f->mm);
	vpt_notify(f, &n);
	if (!env->mmap_locked)
		mmap_read_unlock(f->mm);
	WARN_ON_ONCE(!n.done);

	vpt_lock_again(env);
	vpt_notice_end(f, env->books, &n);
	vpt_unlock_again(env);
	vpt_free_by_steps(f, &n.frames);
}

/**
 * vpt_unlock_and_notify() - release the spans after an operation that may have removed
 *	something; return when every secondary MMU has been told, and it is freed or an
 *	older notice has it
 * @env: operation; it holds its spans
 */
void vpt_unlock_and_notify(struct pt_env *env)
{
	vpt_assert_env(env);
	if (likely(!env->untold.end))
		vpt_unlock(env);
	else
		vpt_unlock_and_tell(env);
}

/**
 * vpt_hold_unmapped() - keep the frames that munmap() or exit removed until close()
 * @env: operation; it holds every span
 *
 * The tables are free at once: only sharers use them, and these have been flushed.
 */
void vpt_hold_unmapped(struct pt_env *env)
{
	struct vpt_file *f = env->f;

	vpt_assert_all(f);
	vpt_reclaim_tables(env, NULL);
	if (list_empty(&f->unmapping.node))
		vpt_notice_begin(f, &f->unmapping);
	vpt_let_go(env);
}

/**
 * vpt_free_unmapped() - free what munmap() or exit removed
 * @f: file
 *
 * Context: a VMA is closed, or the file: every end, or release, of every notifier has
 * returned.
 */
void vpt_free_unmapped(struct vpt_file *f)
{
	struct vpt_notice *n = &f->unmapping;
	LIST_HEAD(frames);

	/* It begins with every span held, and nobody ends it but us. */
	mutex_lock(&f->lock);
	if (!list_empty(&n->node)) {
		vpt_notice_remove(f, n);
		vpt_free_tables(&n->tables);
		list_splice_init(&n->frames, &frames);
	}
	mutex_unlock(&f->lock);
	vpt_free_by_steps(f, &frames);
}

/**
 * vpt_notifier_works() - whether Linux calls our notifier when others are to be told
 * @f: file, the first for which it is called
 *
 * Context: the notifier has just been registered, and mmap_lock is held for writing since.
 */
bool vpt_notifier_works(struct vpt_file *f)
{
	struct vpt_notice n = { };

	/* The newest is the first. */
	if (vpt_notifiers(f)->first != &f->notifier->linux_notifier.hlist)
		return false;
	/* A notice without a range goes to us alone. */
	vpt_notice_begin(f, &n);
	vpt_notify(f, &n);
	mutex_lock(&f->lock);
	vpt_notice_end(f, &f->books, &n);
	mutex_unlock(&f->lock);
	return n.done;
}
