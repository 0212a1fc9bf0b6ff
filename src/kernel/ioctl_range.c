// SPDX-License-Identifier: GPL-2.0
/* MAP_RANGE, UNMAP_RANGE and PROTECT_RANGE: the ioctls about a range. */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "ioctl.h"
#include "op.h"
#include "step.h"

static int vpt_range_check(const struct vpt_range *r)
{
	if (r->flags || r->reserved0 || !vpt_zero(r->reserved, ARRAY_SIZE(r->reserved)) ||
	    !r->length || ((r->addr | r->length) & (PAGE_SIZE - 1)) ||
	    r->addr + r->length < r->addr)
		return -EINVAL;
	return 0;
}

/* Fresh frames for a range, as an array of physical addresses. */
struct vpt_frames {
	u64 n;
	u64 *pa;
};

static void vpt_frames_free(struct vpt_file *f, struct vpt_frames *frames)
{
	while (frames->n--) {
		vpt_frame_free(f, pfn_to_page(PHYS_PFN(frames->pa[frames->n])));
		cond_resched();
	}
	kvfree(frames->pa);
}

/* A few more of @n.  Return: how many, 0 if there is no memory. */
static unsigned int vpt_frames_add(struct vpt_file *f, struct vpt_frames *frames, u64 n,
				   unsigned int level)
{
	struct page *pages[VPT_BATCH] = { };
	unsigned int got, i;

	if (level == 1) {
		got = vpt_frame_alloc_some(f, pages, min_t(u64, n - frames->n, VPT_BATCH));
	} else {
		pages[0] = vpt_frame_alloc(f, level);
		got = pages[0] ? 1 : 0;
	}
	for (i = 0; i < got; i++)
		frames->pa[frames->n++] = page_to_phys(pages[i]);
	return got;
}

static int vpt_frames_alloc(struct vpt_file *f, struct vpt_frames *frames, u64 n,
			    unsigned int level)
{
	frames->n = 0;
	/* More than there is must not be tried: nobody's OOM score would show it. */
	if (n > totalram_pages() >> (pt_shift(level) - PAGE_SHIFT))
		return -ENOMEM;
	frames->pa = kvmalloc_array(n, sizeof(u64), VPT_USER_GFP);
	if (!frames->pa)
		return -ENOMEM;
	while (frames->n < n) {
		unsigned int got = vpt_frames_add(f, frames, n, level);

		if (!got || fatal_signal_pending(current)) {
			vpt_frames_free(f, frames);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

static int vpt_map_range_locked(struct vpt_file *f, struct vpt_range *r,
				const struct vpt_frames *frames, unsigned int level)
{
	struct vpt_piece *piece = vpt_find_piece(f, r->addr, r->length);
	int rights = vpt_rights(f, r->prot);
	int ret;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	if (rights < 0)
		return rights;
	/* Each round unlinks one empty table of Linux's, of which there are few. */
	for (;;) {
		ret = vpt_op_map_range(f, &piece->pt, r->addr, frames->pa, frames->n,
				       level, rights);
		if (ret != -EAGAIN)
			break;
		vpt_settle(f, r->addr, r->addr + r->length, pt_shift(level),
			   MMU_NOTIFY_CLEAR);
	}
	if (ret)
		return ret;
	vpt_frames_keep(f, frames->n, level);
	r->touched_pages = frames->n;
	r->touched_bytes = r->length;
	return 0;
}

int vpt_ioc_map_range(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_range *r = arg;
	int level = vpt_level(r->page_size);
	int ret = vpt_range_check(r);
	struct vpt_frames frames;
	u64 tables;

	if (ret)
		return ret;
	if (level < 0)
		return level;
	if (((r->addr | r->length) & (r->page_size - 1)) || vpt_prot_check(r->prot))
		return -EINVAL;
	ret = vpt_check_inside(f, r->addr, r->length);
	if (ret)
		return ret;
	ret = vpt_frames_alloc(f, &frames, r->length >> pt_shift(level), level);
	if (ret)
		return ret;
	ret = level > 1 ? vpt_lock_walkers_map(f, r->addr, r->length, r->page_size) : 0;
	if (ret)
		goto free;
	tables = pt_map_tables(r->addr, frames.n, level);
	ret = vpt_lock_reserved(f, tables + (level == 3 ? frames.n : 0));
	if (!ret) {
		ret = vpt_map_range_locked(f, r, &frames, level);
		vpt_unlock_told(f, level > 1);
	}
	if (level > 1)
		vpt_unlock_walkers(f);
free:
	if (ret)
		vpt_frames_free(f, &frames);
	else
		kvfree(frames.pa);
	return ret;
}

/* What a step has done, added to what was done before. */
static void vpt_range_done(struct vpt_range *r, const struct pt_touched *done)
{
	r->touched_pages += done->leaves;
	r->touched_bytes += done->bytes;
}

static int vpt_unmap_range_step(struct vpt_file *f, struct vpt_range *r, u64 user,
				struct vpt_steps *s)
{
	struct pt_touched done;
	int ret = vpt_step_next(f, s);

	if (ret || s->va == s->stop)
		return ret;
	if (vpt_answer_lost(user, sizeof(*r), r->addr, r->length))
		return -EFAULT;
	ret = vpt_op_unmap_range(f, s->pt, s->va, s->stop, &done);
	if (done.leaves || !list_empty(&f->env.dead_tables))
		vpt_settle(f, s->va, s->stop, PAGE_SHIFT, MMU_NOTIFY_CLEAR);
	vpt_range_done(r, &done);
	return ret;
}

int vpt_ioc_unmap_range(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_range *r = arg;
	int ret = vpt_range_check(r);
	struct vpt_steps s = { .va = r->addr, .end = r->addr + r->length };

	if (!ret && (r->page_size || r->prot))
		ret = -EINVAL;
	r->touched_pages = 0;
	r->touched_bytes = 0;
	while (!ret && s.stop < s.end) {
		ret = vpt_lock_walkers_unmap(f, max(s.va, s.stop), s.end);
		if (ret)
			break;
		ret = vpt_lock_reserved(f, 0);
		if (!ret) {
			ret = vpt_unmap_range_step(f, r, user, &s);
			vpt_unlock_told(f, true);
		}
		vpt_unlock_walkers(f);
		cond_resched();
	}
	return ret;
}

static int vpt_protect_range_step(struct vpt_file *f, struct vpt_range *r, u64 user,
				  struct vpt_steps *s)
{
	int ret = vpt_step_next(f, s), rights = vpt_rights(f, r->prot);
	struct pt_touched done;

	if (ret || s->va == s->stop)
		return ret;
	if (rights < 0)
		return rights;
	if (!(rights & PT_WRITE) &&
	    vpt_answer_lost(user, sizeof(*r), r->addr, r->length))
		return -EFAULT;
	ret = vpt_op_protect_range(f, s->pt, s->va, s->stop, rights, &done);
	if (ret)
		return ret;
	/* Of the leaves that may now be executable, none may be cached as NX. */
	if (done.leaves && vpt_rights_stale(0, rights, done.tighter))
		vpt_settle(f, s->va, s->stop, PAGE_SHIFT, MMU_NOTIFY_PROTECTION_PAGE);
	vpt_range_done(r, &done);
	return 0;
}

int vpt_ioc_protect_range(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_range *r = arg;
	int ret = vpt_range_check(r);
	struct vpt_steps s = { .va = r->addr, .end = r->addr + r->length };

	if (!ret && r->page_size)
		ret = -EINVAL;
	if (!ret)
		ret = vpt_prot_check(r->prot);
	r->touched_pages = 0;
	r->touched_bytes = 0;
	while (!ret && s.stop < s.end) {
		ret = vpt_lock_reserved(f, 0);
		if (ret)
			break;
		ret = vpt_protect_range_step(f, r, user, &s);
		vpt_unlock_told(f, false);
		cond_resched();
	}
	return ret;
}
