// SPDX-License-Identifier: GPL-2.0
/* MAP, UNMAP, PROTECT, REMAP and RESOLVE: the ioctls about one mapping. */
#include "ioctl.h"
#include "op.h"

static u32 vpt_prot(u32 rights)
{
	return VPT_READ | (rights & PT_WRITE ? VPT_WRITE : 0) |
	       (rights & PT_EXEC ? VPT_EXEC : 0);
}

static void vpt_report(const struct vpt_file *f, struct vpt_page *p,
		       const struct pt_mapping *m)
{
	p->addr = m->va;
	p->page_size = pt_size(m->level);
	p->prot = vpt_prot(m->rights);
	p->state = (m->accessed ? VPT_ACCESSED : 0) | (m->dirty ? VPT_DIRTY : 0);
	p->frame = vpt_frame_handle(vpt_leaf_frame(m->level, m->pa));
	p->phys = vpt_show_phys(f, m->pa);
}

/* Repeat it until no empty table of Linux's is in the way: at most once. */
static int vpt_map_leaf(struct vpt_file *f, struct pt *pt, u64 va, struct page *frame,
			unsigned int level, u32 rights)
{
	int ret = vpt_op_map(f, pt, va, frame, level, rights);

	if (ret == -EAGAIN) {
		vpt_settle(f, va, va + pt_size(level), pt_shift(level), MMU_NOTIFY_CLEAR);
		ret = vpt_op_map(f, pt, va, frame, level, rights);
	}
	return ret;
}

/* The frame that @p names, or @fresh if it names none; or an error. */
static struct page *vpt_pick_frame(struct vpt_file *f, const struct vpt_page *p,
				   struct page *fresh, unsigned int level)
{
	struct page *frame = fresh;

	if (!frame) {
		frame = vpt_handle_frame(f, p->frame);
		if (!frame)
			return ERR_PTR(-ENOENT);
	}
	return vpt_frame_level(frame) == level ? frame : ERR_PTR(-EINVAL);
}

static int vpt_map_locked(struct vpt_file *f, struct vpt_page *p, struct page *fresh,
			  unsigned int level)
{
	struct vpt_piece *piece = vpt_find_piece(f, p->addr, p->page_size);
	int rights = vpt_rights(f, p->prot);
	struct page *frame;
	int ret;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	if (rights < 0)
		return rights;
	frame = vpt_pick_frame(f, p, fresh, level);
	if (IS_ERR(frame))
		return PTR_ERR(frame);
	ret = vpt_map_leaf(f, &piece->pt, p->addr, frame, level, rights);
	if (ret)
		return ret;
	p->phys = vpt_show_phys(f, page_to_phys(frame));
	if (fresh)
		vpt_frames_keep(f, 1, level);
	return 0;
}

int vpt_ioc_map(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int level = vpt_level(p->page_size);
	struct page *fresh = NULL;
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
	ret = level > 1 ? vpt_lock_walkers_map(f, p->addr, p->page_size, p->page_size) : 0;
	if (ret)
		goto free;
	/* The one more is what a split of the 1 GiB leaf will need. */
	ret = vpt_lock_reserved(f, VPT_LEVELS + (level == 3));
	if (!ret) {
		ret = vpt_map_locked(f, p, fresh, level);
		vpt_unlock_told(f, level > 1);
	}
	if (level > 1)
		vpt_unlock_walkers(f);
free:
	if (ret && fresh)
		vpt_frame_free(f, fresh);
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

/*
 * Whether the caller's struct lies in the leaf at @va: what happens to the leaf could not
 * be answered any more.
 */
static bool vpt_answer_in_leaf(struct vpt_file *f, struct pt *pt, u64 va, u64 user)
{
	struct pt_mapping m;

	return pt_resolve(pt, va, &m) == PT_OK && m.va == va &&
	       vpt_answer_lost(user, sizeof(struct vpt_page), va, pt_size(m.level));
}

static int vpt_unmap_locked(struct vpt_file *f, struct vpt_page *p, u64 user)
{
	struct vpt_piece *piece = vpt_find_piece(f, p->addr, PAGE_SIZE);
	struct pt_mapping old = { .level = 1 };
	int ret;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	if (vpt_answer_in_leaf(f, &piece->pt, p->addr, user))
		return -EFAULT;
	ret = vpt_op_unmap(f, &piece->pt, p->addr, &old);
	if (!ret)
		vpt_report(f, p, &old);
	/* Without a leaf too, if an empty table was swept. */
	if (!ret || !list_empty(&f->env.dead_tables))
		vpt_settle(f, p->addr, p->addr + pt_size(old.level),
			   pt_shift(old.level), MMU_NOTIFY_CLEAR);
	return ret;
}

int vpt_ioc_unmap(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int ret = vpt_page_check(p, false, false);

	if (!ret)
		ret = vpt_lock_walkers_unmap(f, p->addr, p->addr + PAGE_SIZE);
	if (ret)
		return ret;
	ret = vpt_lock_reserved(f, 0);
	if (!ret) {
		ret = vpt_unmap_locked(f, p, user);
		vpt_unlock_told(f, true);
	}
	vpt_unlock_walkers(f);
	return ret;
}

static int vpt_protect_locked(struct vpt_file *f, struct vpt_page *p, u64 user)
{
	struct vpt_piece *piece = vpt_find_piece(f, p->addr, PAGE_SIZE);
	int rights = vpt_rights(f, p->prot);
	struct pt_mapping old;
	bool tighter;
	int ret;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	if (rights < 0)
		return rights;
	if (!(rights & PT_WRITE) && vpt_answer_in_leaf(f, &piece->pt, p->addr, user))
		return -EFAULT;
	ret = vpt_op_protect(f, &piece->pt, p->addr, rights, &old, &tighter);
	if (ret)
		return ret;
	if (vpt_rights_stale(old.rights, rights, tighter))
		vpt_settle(f, old.va, old.va + pt_size(old.level),
			   pt_shift(old.level), MMU_NOTIFY_PROTECTION_PAGE);
	vpt_report(f, p, &old);
	p->prot = vpt_prot(rights);
	return 0;
}

int vpt_ioc_protect(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_page *p = arg;
	int ret = vpt_page_check(p, true, false);

	if (ret)
		return ret;
	ret = vpt_lock_reserved(f, 0);
	if (ret)
		return ret;
	ret = vpt_protect_locked(f, p, user);
	vpt_unlock_told(f, false);
	return ret;
}

static int vpt_remap_locked(struct vpt_file *f, struct vpt_page *p, u64 user,
			    struct page *fresh, unsigned int level)
{
	struct vpt_piece *piece = vpt_find_piece(f, p->addr, PAGE_SIZE);
	struct pt_mapping old;
	struct page *frame;
	int ret;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	ret = vpt_op_resolve(f, &piece->pt, p->addr, &old);
	if (ret)
		return ret;
	if (old.va != p->addr)
		return -ENOENT;
	if (vpt_answer_lost(user, sizeof(*p), old.va, pt_size(old.level)))
		return -EFAULT;
	/* The size may have changed since the fresh frame was chosen. */
	if (fresh && old.level != level)
		return -EAGAIN;
	frame = vpt_pick_frame(f, p, fresh, old.level);
	if (IS_ERR(frame))
		return PTR_ERR(frame);
	ret = vpt_op_remap(f, &piece->pt, p->addr, frame, &old);
	if (ret)
		return ret;
	if (fresh)
		vpt_frames_keep(f, 1, level);
	vpt_report(f, p, &old);
	vpt_settle(f, old.va, old.va + pt_size(old.level), pt_shift(old.level),
		   MMU_NOTIFY_CLEAR);
	return 0;
}

/* Level of the mapping that starts at @va.  Return: 1..3 or an errno. */
static int vpt_level_at(struct vpt_file *f, u64 va)
{
	struct vpt_piece *piece;
	struct pt_mapping m;
	int ret;

	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	piece = vpt_find_piece(f, va, PAGE_SIZE);
	if (IS_ERR(piece))
		ret = PTR_ERR(piece);
	else
		ret = vpt_op_resolve(f, &piece->pt, va, &m);
	mutex_unlock(&f->lock);
	if (ret)
		return ret;
	return m.va == va ? (int)m.level : -ENOENT;
}

static int vpt_remap_once(struct vpt_file *f, struct vpt_page *p, u64 user)
{
	struct page *fresh = NULL;
	int level = 0;
	int ret;

	if (!p->frame) {
		level = vpt_level_at(f, p->addr);
		if (level < 0)
			return level;
		fresh = vpt_frame_alloc(f, level);
		if (!fresh)
			return -ENOMEM;
	}
	ret = vpt_lock_reserved(f, 0);
	if (!ret) {
		ret = vpt_remap_locked(f, p, user, fresh, level);
		vpt_unlock_told(f, false);
	}
	if (ret && fresh)
		vpt_frame_free(f, fresh);
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
	struct vpt_piece *piece;
	struct pt_mapping m;
	int ret;

	if (p->flags || p->page_size || p->prot || p->frame ||
	    !vpt_zero(p->reserved, ARRAY_SIZE(p->reserved)))
		return -EINVAL;
	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	piece = vpt_find_piece(f, p->addr, 1);
	if (IS_ERR(piece))
		ret = PTR_ERR(piece);
	else
		ret = vpt_op_resolve(f, &piece->pt, p->addr, &m);
	if (!ret)
		vpt_report(f, p, &m);
	mutex_unlock(&f->lock);
	return ret;
}

