// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: the memory behind the mappings.
 *
 * A frame's bookkeeping stands in the struct page of its first page:
 *	private	references: one for each leaf and one for its handle
 *	index	its handle, 0 if it has none
 *	lru	place in dead_frames, when the last reference is gone
 * Linux's own reference count is 1: no walker pins anything in a region
 * (pt_env_leaf_bits(), VM_IO).  Who looks for pages by their number may hold one all the
 * same, see vpt_pool_put().
 *
 * Several spans may map one frame, so that references are counted by atomic instructions;
 * and whoever drops the last one frees it, which must be after the shootdowns of all.  So a
 * reference is dropped after the shootdown of the leaf that had it (vpt_let_go()), or with all
 * spans held until then.  Where secondary MMUs are told, the notice begins before that: who
 * drops the last reference finds it.  The handle changes with all spans held, or before
 * anybody knows of the frame.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/io.h>
#include <linux/sched/signal.h>

#include "../checking/events.h"
#include "../vpt_file.h"
#include "frame.h"
#include "notifier.h"
#include "pool.h"
#include "span.h"
#include "table.h"
#include "table_page.h"

DEFINE_PER_CPU(struct vpt_counters, vpt_counters);

#define VPT_2M_ORDER	(PMD_SHIFT - PAGE_SHIFT)

static unsigned long vpt_level_pages(unsigned int level)
{
	return 1UL << (pt_shift(level) - PAGE_SHIFT);
}

static void vpt_frame_init(struct page *frame)
{
	set_page_private(frame, 0);
	vpt_index(frame) = 0;
}

/*
 * Charge @pages against RLIMIT_MEMLOCK, as drivers that pin user memory do.  Return: 0,
 * -ENOMEM.
 */
int vpt_charge(struct vpt_file *f, unsigned long pages)
{
	const u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	s64 pinned = atomic64_read(&f->mm->pinned_vm);

	/* Never more than there is, not for a moment: another thread's request might fail by it. */
	do {
		if (pinned + pages > limit && !capable(CAP_IPC_LOCK))
			return -ENOMEM;
	} while (!atomic64_try_cmpxchg(&f->mm->pinned_vm, &pinned, pinned + pages));
	return 0;
}

void vpt_uncharge(struct vpt_file *f, unsigned long pages)
{
	atomic64_sub(pages, &f->mm->pinned_vm);
}

/*
 * Frames are in the RSS of the address space for as long as they are the file's,
 * mapped or not: ps and top show them, and the OOM killer knows what the end of the
 * process would give back.  As shared memory: they are no file's pages, which could be
 * dropped or written back.  Frames of the pool are not counted, as Linux does not count
 * hugetlb pages: they were taken at insertion, and nobody's end gives them back to Linux.
 */
static void vpt_rss_add(struct vpt_file *f, unsigned long pages)
{
	vpt_mm_counter_add(f->mm, MM_SHMEMPAGES, pages);
}

/* As update_hiwater_rss(), but that two of ours at a time lose no peak.  Linux' own may. */
static void vpt_rss_peak(struct mm_struct *mm)
{
	const unsigned long rss = get_mm_rss(mm);
	unsigned long peak = READ_ONCE(mm->hiwater_rss);

	while (peak < rss && !try_cmpxchg(&mm->hiwater_rss, &peak, rss))
		;
}

static void vpt_rss_sub(struct vpt_file *f, unsigned long pages)
{
	vpt_rss_peak(f->mm);
	vpt_mm_counter_add(f->mm, MM_SHMEMPAGES, -(long)pages);
}

/*
 * Charge what an ioctl will allocate; until it is settled a touch that fails is repeated.  Who
 * is refused had nothing that a touch could have missed, and leaves no trace.
 */
static int vpt_ask(struct vpt_file *f, unsigned long pages)
{
	atomic64_t *asked = vpt_in_flight_ask(&f->notifier->in_flight, pages);
	const int ret = vpt_charge(f, pages);

	if (ret)
		atomic64_sub(pages, asked);
	return ret;
}

/* What was charged could not be had, or was given back unused. */
static void vpt_unask(struct vpt_file *f, unsigned long pages)
{
	vpt_uncharge(f, pages);
	vpt_in_flight_settle(&f->notifier->in_flight, pages);
}

/**
 * vpt_frame_alloc() - a zeroed frame with no references
 * @f: file whose owner pays
 * @level: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB, from the pool)
 *
 * The pool is not charged to a memcg, since it was taken when the module was inserted.
 * The frame is to be passed to vpt_frames_keep() or vpt_frame_free().
 *
 * Context: may sleep; no span is held.
 * Return: the first page, or NULL.
 */
struct page *vpt_frame_alloc(struct vpt_file *f, unsigned int level)
{
	const unsigned long pages = vpt_level_pages(level);
	struct page *page;

	if (vpt_ask(f, pages))
		return NULL;
	if (level == 1)
		page = vpt_page_alloc();
	else if (level == 2)
		page = alloc_pages(VPT_USER_GFP | __GFP_ZERO | __GFP_COMP, VPT_2M_ORDER);
	else
		page = vpt_pool_get();
	if (!page) {
		vpt_unask(f, pages);
		return NULL;
	}
	vpt_frame_init(page);
	if (level < 3)
		vpt_rss_add(f, pages);
	vpt_count(frames_allocated, 1);
	return page;
}

/**
 * vpt_frame_alloc_some() - zeroed 4 KiB frames with no references
 * @f: file whose owner pays
 * @pages: NULL each, the frames afterwards
 * @n: at most VPT_BATCH
 *
 * Context: as vpt_frame_alloc().
 * Return: how many there are, from 1 to @n; 0 if there is no memory.
 */
unsigned int vpt_frame_alloc_some(struct vpt_file *f, struct page **pages, unsigned int n)
{
	unsigned int got, i;

	if (vpt_ask(f, n)) {
		n = 1;
		if (vpt_ask(f, n))
			return 0;
	}
	/* Where memcgs are in use Linux hands out one at a time. */
	got = vpt_alloc_pages_bulk(VPT_USER_GFP | __GFP_ZERO, n, pages);
	if (!got) {
		pages[0] = vpt_page_alloc();
		got = pages[0] ? 1 : 0;
	}
	if (got < n)
		vpt_unask(f, n - got);
	for (i = 0; i < got; i++)
		vpt_frame_init(pages[i]);
	vpt_rss_add(f, got);
	vpt_count(frames_allocated, got);
	return got;
}

/**
 * vpt_frames_keep() - frames from vpt_frame_alloc() have become the file's; to be settled
 * @f: file
 * @books: of a lock that is held
 * @n: how many
 */
void vpt_frames_keep(struct vpt_file *f, struct vpt_books *books, u64 n)
{
	vpt_assert_books(f, books);
	books->frames += n;
}

/**
 * vpt_frames_settle() - the ioctl that has kept frames is about to return
 * @f: file
 * @n: how many
 * @level: their size
 *
 * No sooner: REMAP has given back for them what it replaced, or has left it to an older notice
 * (vpt_let_go()), which no touch waits for.
 */
void vpt_frames_settle(struct vpt_file *f, u64 n, unsigned int level)
{
	vpt_in_flight_settle(&f->notifier->in_flight, n * vpt_level_pages(level));
}

/**
 * vpt_frame_retire() - whether a frame has a bad page and must not be used again
 * @frame: first page of a frame that nobody uses
 * @pages: its size
 *
 * Linux itself keeps a single page that is bad from being used again when it is freed,
 * but looks for no bad page in a larger one.  Counts the frame, and says so in the log: it
 * is the caller's to drop it, which happens once.
 */
bool vpt_frame_retire(struct page *frame, unsigned long pages)
{
	unsigned long i;

	for (i = 0; i < pages; i++) {
		if (PageHWPoison(frame + i))
			break;
	}
	if (i == pages)
		return false;
	pr_err("page %#lx is bad: its frame of %lu MiB is not used again\n",
	       page_to_pfn(frame + i), pages >> (20 - PAGE_SHIFT));
	vpt_count(frames_retired, 1);
	return true;
}

/* Give a frame back that nothing maps, on any CPU. */
static void vpt_frame_release(struct vpt_file *f, struct page *frame)
{
	unsigned int level = vpt_frame_level(frame);

	if (vpt_events_on())
		vpt_event_frame(f, SPEC_MON_FRAME_FREE, page_to_phys(frame), level);
	set_page_private(frame, 0);
	vpt_index(frame) = 0;
	if (level == 3) {
		vpt_pool_put(frame);
	} else {
		vpt_rss_sub(f, vpt_level_pages(level));
		/* One that is retired stays charged to its memcg, as it stays taken. */
		if (level == 1 || !vpt_frame_retire(frame, vpt_level_pages(level)))
			put_page(frame);
	}
	vpt_count(frames_freed, 1);
}

/**
 * vpt_frame_free() - give a frame back that was not used
 * @f: file that it was charged to
 * @frame: first page, from vpt_frame_alloc()
 */
void vpt_frame_free(struct vpt_file *f, struct page *frame)
{
	const unsigned long pages = vpt_level_pages(vpt_frame_level(frame));

	vpt_frame_release(f, frame);
	vpt_unask(f, pages);
}

/**
 * vpt_touch_alloc() - a zeroed 4 KiB frame that a page fault may map
 *
 * It costs nobody anything yet: several faults may be about to map the same page, of
 * which one will be charged.  To be passed to vpt_touch_keep() or vpt_touch_free().
 *
 * Context: may sleep.
 * Return: the page, or NULL.
 */
struct page *vpt_touch_alloc(void)
{
	struct page *page = vpt_page_alloc();

	if (!page)
		return NULL;
	vpt_frame_init(page);
	vpt_count(frames_allocated, 1);
	return page;
}

/* The fault has mapped the frame, after vpt_charge(). */
void vpt_touch_keep(struct pt_env *env)
{
	vpt_assert_env(env);
	env->books->frames++;
	vpt_rss_add(env->f, 1);
}

void vpt_touch_free(struct page *page)
{
	__free_page(page);
	vpt_count(frames_freed, 1);
}

/* The first page of the frame that holds physical address @pa. */
struct page *vpt_frame_of(u64 pa)
{
	struct page *page = vpt_pool_frame(PHYS_PFN(pa));

	return page ? page : compound_head(pfn_to_page(PHYS_PFN(pa)));
}

/* The frame behind a leaf of @level that maps @pa. */
struct page *vpt_leaf_frame(unsigned int level, u64 pa)
{
	/* A 4 KiB leaf maps the whole of its frame: there is no first page to look for. */
	return level == 1 ? pfn_to_page(PHYS_PFN(pa)) : vpt_frame_of(pa);
}

/* Whether @pa lies in a frame that vpt has given out, as far as its page shows. */
bool vpt_frame_known(u64 pa)
{
	struct page *frame;

	if (!pfn_valid(PHYS_PFN(pa)))
		return false;
	frame = vpt_frame_of(pa);
	return page_private(frame) && !frame->mapping && !PageSlab(frame) &&
	       !PageTable(frame);
}

unsigned int vpt_frame_level(struct page *frame)
{
	if (PageHead(frame))
		return 2;
	return vpt_pool_frame(page_to_pfn(frame)) ? 3 : 1;
}

static atomic_long_t *vpt_frame_references(struct page *frame)
{
	BUILD_BUG_ON(sizeof(frame->private) != sizeof(atomic_long_t));
	return (atomic_long_t *)&frame->private;
}

void vpt_frame_get(struct page *frame, unsigned long n)
{
	atomic_long_add(n, vpt_frame_references(frame));
}

/* Drop a reference; the last one leaves the frame to vpt_free_frames(). */
void vpt_frame_put(struct pt_env *env, struct page *frame)
{
	/* A full barrier: what others did before they dropped theirs is seen from here on. */
	if (!atomic_long_dec_and_test(vpt_frame_references(frame)))
		return;
	if (vpt_events_on())
		vpt_event_frame(env->f, SPEC_MON_FRAME_DEFER, page_to_phys(frame),
				vpt_frame_level(frame));
	list_add(&frame->lru, &env->dead_frames);
}

/*
 * A leaf has let go of its frame.  Another span's may do so as well, but for who holds all
 * of them; then this one's reference stays until CPUs have forgotten the leaf.
 */
void vpt_leaf_put(struct pt_env *env, struct page *frame)
{
	if (env->all) {
		vpt_frame_put(env, frame);
		return;
	}
	WARN_ON_ONCE(env->removed);
	env->removed = frame;
}

void vpt_leaf_added(struct pt_env *env, unsigned int level, u64 n)
{
	vpt_assert_env(env);
	env->books->leaves[level - 1] += n;
	if (level < 3)
		return;
	vpt_assert_all(env->f);
	vpt_spare_move(&env->reserve, &env->f->deposit, n);
}

void vpt_leaf_removed(struct pt_env *env, unsigned int level, u64 pa)
{
	struct vpt_file *f = env->f;

	vpt_assert_env(env);
	env->books->leaves[level - 1]--;
	if (level == 3) {
		/* The core holds page_table_lock, which is taken after @f->tables. */
		vpt_assert_all(f);
		vpt_spare_move(&f->deposit, &f->spare, 1);
	}
	vpt_leaf_put(env, vpt_leaf_frame(level, pa));
}

void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	const u64 pa = entry & PTE_PFN_MASK;

	/* A broken table may lead anywhere. */
	if (!env->f->violations || vpt_frame_known(pa))
		vpt_leaf_removed(env, level, pa);
}

/* After a shootdown: frames without a reference are free.  @books: of a lock that is held. */
void vpt_free_frames(struct vpt_file *f, struct vpt_books *books, struct list_head *frames)
{
	struct page *frame, *next;
	unsigned long small = 0, pages = 0;

	vpt_assert_books(f, books);
	/* What follows writes to a line of the mm_struct that all threads share. */
	if (list_empty(frames))
		return;
	/*
	 * The list is forgotten as a whole: taking one out of it would write to its
	 * neighbours, which may be free already.
	 */
	list_for_each_entry_safe(frame, next, frames, lru) {
		books->frames--;
		if (vpt_frame_level(frame) > 1) {
			pages += vpt_level_pages(vpt_frame_level(frame));
			vpt_frame_release(f, frame);
			continue;
		}
		if (vpt_events_on())
			vpt_event_frame(f, SPEC_MON_FRAME_FREE, page_to_phys(frame), 1);
		vpt_index(frame) = 0;
		/* Takes fewer instructions than release_pages() for many at a time. */
		__free_page(frame);
		small++;
	}
	INIT_LIST_HEAD(frames);
	if (small)
		vpt_rss_sub(f, small);
	vpt_uncharge(f, small + pages);
	vpt_count(frames_freed, small);
}
