// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: the memory behind the mappings, and the handles by which a user names it.
 *
 * A frame's bookkeeping stands in the struct page of its first page:
 *	private	references: one for each leaf and one for its handle
 *	index	its handle, 0 if it has none
 *	lru	place in dead_frames, when the last reference is gone
 * all under the file's lock.  Linux's own reference count is 1, plus any pins; the
 * frame goes back by put_page(), so that a pin keeps the memory but not the mapping.
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>

#include "vpt_file.h"

DEFINE_PER_CPU(struct vpt_counters, vpt_counters);

#define VPT_2M_ORDER	(PMD_SHIFT - PAGE_SHIFT)

static unsigned long vpt_level_pages(unsigned int level)
{
	return 1UL << (pt_shift(level) - PAGE_SHIFT);
}

/* Charge @pages against RLIMIT_MEMLOCK, as drivers that pin user memory do. */
static int vpt_charge(struct vpt_file *f, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_add_return(pages, &f->mm->pinned_vm) > limit &&
	    !capable(CAP_IPC_LOCK)) {
		atomic64_sub(pages, &f->mm->pinned_vm);
		return -ENOMEM;
	}
	return 0;
}

static void vpt_uncharge(struct vpt_file *f, unsigned long pages)
{
	atomic64_sub(pages, &f->mm->pinned_vm);
}

/**
 * vpt_frame_alloc() - a zeroed frame with no references
 * @f: file whose owner pays
 * @level: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB, from the pool)
 * @gfp: GFP_KERNEL_ACCOUNT, perhaps with modifiers; the pool is not charged to a
 *	memcg, since it was taken when the module was inserted
 *
 * Context: may sleep; @f->lock is not held.
 * Return: the first page, or NULL.
 */
struct page *vpt_frame_alloc(struct vpt_file *f, unsigned int level, gfp_t gfp)
{
	struct page *page;

	if (vpt_charge(f, vpt_level_pages(level)))
		return NULL;
	gfp |= __GFP_ZERO;
	if (level == 1)
		page = alloc_page(gfp);
	else if (level == 2)
		page = alloc_pages(gfp | __GFP_COMP | __GFP_NOWARN | __GFP_RETRY_MAYFAIL,
				   VPT_2M_ORDER);
	else
		page = vpt_pool_get();
	if (!page) {
		vpt_uncharge(f, vpt_level_pages(level));
		return NULL;
	}
	set_page_private(page, 0);
	page->index = 0;
	vpt_count(frames_allocated, 1);
	return page;
}

/**
 * vpt_frame_alloc_some() - zeroed 4 KiB frames with no references
 * @f: file whose owner pays
 * @pages: NULL each, the frames afterwards
 * @n: at most VPT_BATCH
 * @gfp: as vpt_frame_alloc()
 *
 * Context: as vpt_frame_alloc().
 * Return: how many there are, from 1 to @n; 0 if there is no memory.
 */
unsigned int vpt_frame_alloc_some(struct vpt_file *f, struct page **pages, unsigned int n,
				  gfp_t gfp)
{
	unsigned int got, i;

	if (vpt_charge(f, n)) {
		n = 1;
		if (vpt_charge(f, n))
			return 0;
	}
	/* Where memcgs are in use Linux hands out one at a time. */
	got = alloc_pages_bulk_array(gfp | __GFP_ZERO, n, pages);
	vpt_uncharge(f, n - got);
	for (i = 0; i < got; i++) {
		set_page_private(pages[i], 0);
		pages[i]->index = 0;
	}
	vpt_count(frames_allocated, got);
	return got;
}

/**
 * vpt_frame_free() - give a frame back
 * @f: file that it was charged to
 * @frame: first page; nothing maps it, on any CPU
 */
void vpt_frame_free(struct vpt_file *f, struct page *frame)
{
	unsigned int level = vpt_frame_level(frame);

	if (vpt_telling())
		vpt_tell_frame(&f->env, SPEC_MON_FRAME_FREE, page_to_phys(frame), level);
	vpt_uncharge(f, vpt_level_pages(level));
	set_page_private(frame, 0);
	frame->index = 0;
	if (level == 3)
		vpt_pool_put(frame);
	else
		put_page(frame);
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

void vpt_frame_get(struct page *frame, unsigned long n)
{
	set_page_private(frame, page_private(frame) + n);
}

/* Drop a reference; the last one leaves the frame to vpt_free_dead_frames(). */
void vpt_frame_put(struct pt_env *env, struct page *frame)
{
	set_page_private(frame, page_private(frame) - 1);
	if (page_private(frame))
		return;
	if (vpt_telling())
		vpt_tell_frame(env, SPEC_MON_FRAME_GATHER, page_to_phys(frame),
			       vpt_frame_level(frame));
	list_add(&frame->lru, &env->dead_frames);
}

void vpt_leaf_added(struct pt_env *env, unsigned int level, u64 n)
{
	env->leaves[level - 1] += n;
	env->mapped += n << pt_shift(level);
	if (level == 3)
		env->deposited += n;
}

static void vpt_leaf_gone(struct pt_env *env, unsigned int level, u64 pa)
{
	env->leaves[level - 1]--;
	env->mapped -= pt_size(level);
	if (level == 3)
		env->deposited--;
	vpt_frame_put(env, vpt_leaf_frame(level, pa));
}

void vpt_leaf_removed(struct pt_env *env, const struct pt_mapping *old)
{
	vpt_leaf_gone(env, old->level, old->pa);
}

void pt_env_gather_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	const struct vpt_file *f = container_of(env, struct vpt_file, env);
	const u64 pa = entry & PTE_PFN_MASK;

	/* A broken table may lead anywhere. */
	if (!f->violations || vpt_frame_known(pa))
		vpt_leaf_gone(env, level, pa);
}

/* After a shootdown: frames without a reference are free.  @f->lock is held. */
void vpt_free_dead_frames(struct vpt_file *f)
{
	struct page *frame, *next;
	unsigned long small = 0;

	/*
	 * The list is forgotten as a whole: taking one out of it would write to its
	 * neighbours, which may be free already.
	 */
	list_for_each_entry_safe(frame, next, &f->env.dead_frames, lru) {
		f->frames--;
		if (vpt_frame_level(frame) > 1) {
			vpt_frame_free(f, frame);
			continue;
		}
		if (vpt_telling())
			vpt_tell_frame(&f->env, SPEC_MON_FRAME_FREE, page_to_phys(frame), 1);
		frame->index = 0;
		/* Takes fewer instructions than release_pages() for many at a time. */
		__free_page(frame);
		small++;
	}
	INIT_LIST_HEAD(&f->env.dead_frames);
	vpt_uncharge(f, small);
	vpt_count(frames_freed, small);
}

/**
 * vpt_handle_alloc() - a frame that is named by a handle
 * @f: file
 * @level: size
 * @handle: the handle, never 0
 * @pa: its physical address, bytes
 *
 * Return: 0, -ENOMEM, -EINTR.
 */
int vpt_handle_alloc(struct vpt_file *f, unsigned int level, u32 *handle, u64 *pa)
{
	struct page *frame = vpt_frame_alloc(f, level, GFP_KERNEL_ACCOUNT |
					     __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	int ret;

	if (!frame)
		return -ENOMEM;
	*pa = page_to_phys(frame);
	vpt_frame_get(frame, 1);
	/* Reserved first: an entry that lookups find must be complete. */
	ret = xa_alloc(&f->handles, handle, NULL, XA_LIMIT(1, U32_MAX),
		       GFP_KERNEL_ACCOUNT);
	if (ret)
		goto free_frame;
	ret = -EINTR;
	if (mutex_lock_killable(&f->lock))
		goto free_handle;
	frame->index = *handle;
	xa_store(&f->handles, *handle, frame, GFP_ATOMIC);
	f->frames++;
	f->nhandles++;
	mutex_unlock(&f->lock);
	return 0;

free_handle:
	xa_erase(&f->handles, *handle);
free_frame:
	vpt_frame_free(f, frame);
	return ret == -EBUSY ? -ENOMEM : ret;
}

/* The frame of a handle, or NULL.  @f->lock is held. */
struct page *vpt_handle_frame(struct vpt_file *f, u64 handle)
{
	return handle && handle <= U32_MAX ? xa_load(&f->handles, handle) : NULL;
}

u32 vpt_frame_handle(struct page *frame)
{
	return frame->index;
}

/*
 * If that was the last reference no leaf maps the frame, and no CPU has it cached: it can
 * be freed.
 */
static void vpt_handle_drop(struct vpt_file *f, struct page *frame)
{
	xa_erase(&f->handles, frame->index);
	frame->index = 0;
	f->nhandles--;
	vpt_frame_put(&f->env, frame);
}

/* Return: 0, -ENOENT, -EINTR. */
int vpt_handle_free(struct vpt_file *f, u64 handle)
{
	struct page *frame;
	int ret = -ENOENT;

	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	frame = vpt_handle_frame(f, handle);
	if (frame) {
		vpt_handle_drop(f, frame);
		vpt_free_dead_frames(f);
		ret = 0;
	}
	mutex_unlock(&f->lock);
	return ret;
}

/* At the end of the file. */
void vpt_drop_handles(struct vpt_file *f)
{
	unsigned long handle;
	struct page *frame;

	mutex_lock(&f->lock);
	xa_for_each(&f->handles, handle, frame) {
		vpt_handle_drop(f, frame);
		if (f->nhandles % VPT_BATCH)
			continue;
		vpt_free_dead_frames(f);
		cond_resched();
	}
	mutex_unlock(&f->lock);
	xa_destroy(&f->handles);
}
