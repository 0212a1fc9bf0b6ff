// SPDX-License-Identifier: GPL-2.0
/* MAP_RANGE, UNMAP_RANGE and PROTECT_RANGE: the ioctls about a range. */
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../../protocol/op.h"
#include "../memory/frame.h"
#include "../memory/table.h"
#include "ioctl.h"

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
	/* kvmalloc() has nothing above INT_MAX bytes. */
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

static int vpt_map_frames(struct vpt_file *f, struct vpt_range *r,
			  const struct vpt_frames *frames, unsigned int level)
{
	struct op op;
	int ret;

	vpt_env_init(&op.env, f);
	op.env.prot = r->prot;
	op.env.fresh = pfn_to_page(PHYS_PFN(frames->pa[0]));
	ret = op_map_range(&op, r->addr, frames->pa, frames->n, level);
	if (ret)
		return ret;
	vpt_frames_settle(f, frames->n, level);
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
	ret = vpt_map_frames(f, r, &frames, level);
	if (ret)
		vpt_frames_free(f, &frames);
	else
		kvfree(frames.pa);
	return ret;
}

/*
 * By steps, each of which is an operation of its own.  What was done before an error stays
 * done.
 */
static int vpt_by_steps(struct vpt_file *f, struct vpt_range *r, u64 user,
			int (*run)(struct op *op, struct op_range *range))
{
	struct op_range range = { .va = r->addr, .end = r->addr + r->length };
	struct op op;
	int ret;

	vpt_env_init(&op.env, f);
	op.env.range = true;
	op.env.prot = r->prot;
	op.env.user = user;
	op.env.user_size = sizeof(*r);
	ret = run(&op, &range);
	r->touched_pages = range.done.leaves;
	r->touched_bytes = range.done.bytes;
	return ret;
}

int vpt_ioc_unmap_range(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_range *r = arg;
	int ret = vpt_range_check(r);

	if (!ret && (r->page_size || r->prot))
		ret = -EINVAL;
	return ret ? ret : vpt_by_steps(f, r, user, op_unmap_range);
}

int vpt_ioc_protect_range(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_range *r = arg;
	int ret = vpt_range_check(r);

	if (!ret && r->page_size)
		ret = -EINVAL;
	if (!ret)
		ret = vpt_prot_check(r->prot);
	return ret ? ret : vpt_by_steps(f, r, user, op_protect_range);
}
