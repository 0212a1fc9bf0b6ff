// SPDX-License-Identifier: GPL-2.0
/* MAP, UNMAP, PROTECT, REMAP and RESOLVE: the ioctls about one mapping. */
#include "../../protocol/op.h"
#include "../memory/frame.h"
#include "../memory/table.h"
#include "ioctl.h"

static u32 vpt_prot(u32 rights)
{
	return VPT_READ | (rights & PT_WRITE ? VPT_WRITE : 0) |
	       (rights & PT_EXEC ? VPT_EXEC : 0);
}

/*
 * An operation about @p, which stands at @user, begins.  What is not set here is set by the
 * operation before it is read, so that @op need not be cleared before.
 */
static void vpt_page_begin(struct op *op, struct vpt_file *f, const struct vpt_page *p,
			   u64 user, struct page *fresh)
{
	vpt_env_init(&op->env, f);
	op->env.user = user;
	op->env.user_size = sizeof(*p);
	op->env.prot = p->prot;
	op->env.handle = p->frame;
	op->env.fresh = fresh;
}

/* It has answered @ret.  If that is 0, @fresh, of @level, is not ours to look at any more. */
static void vpt_page_end(struct vpt_file *f, struct page *fresh, unsigned int level, int ret)
{
	if (!fresh)
		return;
	if (ret)
		vpt_frame_free(f, fresh);
	else
		vpt_frames_settle(f, 1, level);
}

static void vpt_report(const struct op *op, struct vpt_page *p, const struct pt_mapping *m)
{
	p->addr = m->va;
	p->page_size = pt_size(m->level);
	p->prot = vpt_prot(m->rights);
	p->state = (m->accessed ? VPT_ACCESSED : 0) | (m->dirty ? VPT_DIRTY : 0);
	p->frame = op->env.handle;
	p->phys = vpt_show_phys(op->env.f, m->pa);
}

int vpt_ioc_map(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int level = vpt_level(p->page_size);
	struct page *fresh = NULL;
	struct op op vpt_uninitialized;
	int ret;

	if (p->flags || !vpt_zero(p->reserved, ARRAY_SIZE(p->reserved)))
		return -EINVAL;
	if (level < 0)
		return level;
	if ((p->addr & (p->page_size - 1)) || vpt_prot_check(p->prot))
		return -EINVAL;
	if (!p->frame) {
		/* Zeroing a huge frame takes long: not in vain. */
		ret = level > 1 ? vpt_check_inside(f, p->addr, p->page_size) : 0;
		if (ret)
			return ret;
		fresh = vpt_frame_alloc(f, level);
		if (!fresh)
			return -ENOMEM;
	}
	vpt_page_begin(&op, f, p, user, fresh);
	ret = op_map(&op, p->addr, level);
	if (!ret)
		p->phys = vpt_show_phys(f, op.pa);
	vpt_page_end(f, fresh, level, ret);
	return ret;
}

/* What UNMAP, PROTECT and REMAP demand of the fields they do not take. */
static int vpt_page_check(const struct vpt_page *p, bool prot, bool frame)
{
	if (p->flags || p->page_size || (!prot && p->prot) || (!frame && p->frame) ||
	    !vpt_zero(p->reserved, ARRAY_SIZE(p->reserved)) ||
	    (p->addr & (PAGE_SIZE - 1)))
		return -EINVAL;
	return prot ? vpt_prot_check(p->prot) : 0;
}

int vpt_ioc_unmap(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int ret = vpt_page_check(p, false, false);
	struct pt_mapping old;
	struct op op vpt_uninitialized;

	if (ret)
		return ret;
	vpt_page_begin(&op, f, p, user, NULL);
	ret = op_unmap(&op, p->addr, &old);
	if (!ret)
		vpt_report(&op, p, &old);
	return ret;
}

int vpt_ioc_protect(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int ret = vpt_page_check(p, true, false);
	struct pt_mapping old;
	struct op op vpt_uninitialized;

	if (ret)
		return ret;
	vpt_page_begin(&op, f, p, user, NULL);
	ret = op_protect(&op, p->addr, &old);
	if (ret)
		return ret;
	old.rights = op.rights;
	vpt_report(&op, p, &old);
	return 0;
}

/* Level of the mapping that starts at @p->addr.  Return: 1..3 or an errno. */
static int vpt_level_at(struct vpt_file *f, const struct vpt_page *p, u64 user)
{
	struct pt_mapping m;
	struct op op vpt_uninitialized;
	int ret;

	vpt_page_begin(&op, f, p, user, NULL);
	ret = op_resolve(&op, p->addr, &m);
	if (ret)
		return ret;
	return m.va == p->addr ? (int)m.level : -ENOENT;
}

static int vpt_remap_once(struct vpt_file *f, struct vpt_page *p, u64 user)
{
	struct page *fresh = NULL;
	struct pt_mapping old;
	int level = 0, ret;
	struct op op vpt_uninitialized;

	if (!p->frame) {
		level = vpt_level_at(f, p, user);
		if (level < 0)
			return level;
		fresh = vpt_frame_alloc(f, level);
		if (!fresh)
			return -ENOMEM;
	}
	vpt_page_begin(&op, f, p, user, fresh);
	ret = op_remap(&op, p->addr, &old);
	if (!ret)
		vpt_report(&op, p, &old);
	vpt_page_end(f, fresh, level, ret);
	return ret;
}

int vpt_ioc_remap(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int ret = vpt_page_check(p, false, true);

	if (ret)
		return ret;
	ret = vpt_remap_once(f, p, user);
	/*
	 * Linux may have had a 1 GiB page split meanwhile, once.  If the size has changed
	 * a second time the page was unmapped, and another one mapped: in between there
	 * was none.
	 */
	if (ret == -EAGAIN)
		ret = vpt_remap_once(f, p, user);
	return ret == -EAGAIN ? -ENOENT : ret;
}

int vpt_ioc_resolve(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	struct pt_mapping m;
	struct op op vpt_uninitialized;
	int ret;

	if (p->flags || p->page_size || p->prot || p->frame ||
	    !vpt_zero(p->reserved, ARRAY_SIZE(p->reserved)))
		return -EINVAL;
	vpt_page_begin(&op, f, p, user, NULL);
	ret = op_resolve(&op, p->addr, &m);
	if (!ret)
		vpt_report(&op, p, &m);
	return ret;
}
