// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: arguments in, checked one by one; an operation under its locks;
 * results out.  include/vpt.h documents each of them and each errno.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "../extent.h"
#include "../memory/handle.h"
#include "../memory/pool.h"
#include "../memory/span.h"
#include "../memory/table.h"
#include "../memory/table_page.h"
#include "../vpt_file.h"
#include "ioctl.h"

#define VPT_PROT_ALL	(VPT_READ | VPT_WRITE | VPT_EXEC)

/* Level of a page size.  Return: 1..3, -EINVAL, -EOPNOTSUPP. */
int vpt_level(u64 page_size)
{
	switch (page_size) {
	case VPT_4K:
		return 1;
	case VPT_2M:
		return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ? 2 : -EOPNOTSUPP;
	case VPT_1G:
		return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
		       boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

int vpt_prot_check(u32 prot)
{
	return (prot & VPT_READ) && !(prot & ~VPT_PROT_ALL) ? 0 : -EINVAL;
}

/* Core rights of @prot, or -EACCES if the region was mapped with less. */
int vpt_rights(struct vpt_file *f, u32 prot)
{
	u32 rights = PT_USER | (prot & VPT_WRITE ? PT_WRITE : 0) |
		     (prot & VPT_EXEC ? PT_EXEC : 0);

	return rights & ~f->rights ? -EACCES : (int)rights;
}

/*
 * Physical addresses are for CAP_SYS_ADMIN only.  Credentials never change, they are
 * replaced: while they are those that opened the file the answer is the same.
 */
u64 vpt_show_phys(const struct vpt_file *f, u64 pa)
{
	bool may = f->opened_by_admin;

	if (unlikely(current_cred() != f->opened_by))
		may = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	return may ? pa : 0;
}

/* The extent that holds a range, or -ENXIO, -ERANGE.  Context: as vpt_extent_at(). */
struct vpt_extent *vpt_find_extent(struct vpt_file *f, u64 va, u64 bytes)
{
	struct vpt_extent *extent = vpt_extent_at(f, va, bytes);

	if (extent)
		return extent;
	return ERR_PTR(vpt_region_gone(f) ? -ENXIO : -ERANGE);
}

/*
 * Whether a range can be one of this file's, before frames are spent on it.  Return:
 * 0, -ENXIO, -ERANGE, -EINTR.
 */
int vpt_check_inside(struct vpt_file *f, u64 va, u64 bytes)
{
	struct vpt_extent *extent;
	struct pt_env env;

	vpt_env_init(&env, f);
	vpt_env_about(&env, va, va);
	if (vpt_lock_spans(&env))
		return -EINTR;
	extent = vpt_find_extent(f, va, bytes);
	vpt_unlock_spans(&env);
	return PTR_ERR_OR_ZERO(extent);
}

static int vpt_ioc_config(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_config *c = arg;
	int ret = 0;

	if ((c->flags & ~VPT_STRICT) || !vpt_zero(c->reserved, ARRAY_SIZE(c->reserved)))
		return -EINVAL;
	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	if (f->end)
		ret = -EBUSY;
	else
		f->strict = c->flags & VPT_STRICT;
	mutex_unlock(&f->lock);
	return ret;
}

static int vpt_ioc_frame_alloc(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_frame *a = arg;
	int level = vpt_level(a->page_size);
	u32 handle;
	u64 pa;
	int ret;

	if (a->flags || a->frame || !vpt_zero(a->reserved, ARRAY_SIZE(a->reserved)))
		return -EINVAL;
	if (level < 0)
		return level;
	ret = vpt_handle_alloc(f, level, &handle, &pa);
	if (ret)
		return ret;
	a->frame = handle;
	a->phys = vpt_show_phys(f, pa);
	return 0;
}

static int vpt_ioc_frame_free(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_frame *a = arg;

	if (a->flags || a->page_size || !vpt_zero(a->reserved, ARRAY_SIZE(a->reserved)))
		return -EINVAL;
	return vpt_handle_free(f, a->frame);
}

static void vpt_module_stats(struct vpt_stats *s)
{
	u64 opened = 0, closed = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct vpt_counters *c = per_cpu_ptr(&vpt_counters, cpu);

		s->frames_allocated += c->frames_allocated;
		s->frames_freed += c->frames_freed;
		s->frames_retired += c->frames_retired;
		s->tables_allocated += c->tables_allocated;
		s->tables_reclaimed_foreign += c->tables_reclaimed_foreign;
		s->tables_freed += c->tables_freed;
		s->tables_transferred += c->tables_transferred;
		opened += c->files_opened;
		closed += c->files_closed;
	}
	s->files = opened - closed;
	s->tables_waiting = vpt_tables_count_waiting();
	s->pool_free = vpt_pool_free();
}

static int vpt_ioc_stats(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_stats *s = arg;
	struct vpt_extent *extent;
	unsigned int level;

	if (!vpt_zero(s->reserved, ARRAY_SIZE(s->reserved)))
		return -EINVAL;
	*s = (struct vpt_stats){ .argsz = s->argsz };
	if (vpt_lock_all_killable(f))
		return -EINTR;
	s->flags = (f->strict ? VPT_STRICT : 0) | (f->violations ? VPT_BROKEN : 0);
	s->region_start = f->start;
	for (extent = vpt_extent_from(f, 0); extent; extent = vpt_extent_next(extent))
		s->region_bytes += extent->pt.end - extent->pt.start;
	for (level = 1; level <= VPT_LEVELS; level++) {
		s->leaves[level - 1] = f->books.leaves[level - 1];
		s->mapped_bytes += s->leaves[level - 1] << pt_shift(level);
	}
	s->frames = f->books.frames;
	s->handles = f->nhandles;
	s->faults = f->books.faults;
	s->segvs = f->books.segvs;
	s->shootdowns = f->books.shootdowns;
	s->checked = f->opchecks;
	s->violations = f->violations;
	vpt_unlock_all(f);
	vpt_module_stats(s);
	return 0;
}

union vpt_arg {
	u32 argsz;
	struct vpt_config config;
	struct vpt_page page;
	struct vpt_range range;
	struct vpt_frame frame;
	struct vpt_stats stats;
	struct vpt_check check;
};

/* In the order of their numbers. */
static const struct {
	unsigned int cmd;
	int (*run)(struct vpt_file *f, void *arg, u64 user);
} vpt_ioctls[] = {
	{ VPT_IOC_CONFIG, vpt_ioc_config },
	{ VPT_IOC_MAP, vpt_ioc_map },
	{ VPT_IOC_UNMAP, vpt_ioc_unmap },
	{ VPT_IOC_PROTECT, vpt_ioc_protect },
	{ VPT_IOC_REMAP, vpt_ioc_remap },
	{ VPT_IOC_RESOLVE, vpt_ioc_resolve },
	{ VPT_IOC_MAP_RANGE, vpt_ioc_map_range },
	{ VPT_IOC_UNMAP_RANGE, vpt_ioc_unmap_range },
	{ VPT_IOC_PROTECT_RANGE, vpt_ioc_protect_range },
	{ VPT_IOC_FRAME_ALLOC, vpt_ioc_frame_alloc },
	{ VPT_IOC_FRAME_FREE, vpt_ioc_frame_free },
	{ VPT_IOC_STATS, vpt_ioc_stats },
	{ VPT_IOC_CHECK, vpt_ioc_check },
};

/* Of any size.  It is looked at anew. */
static noinline int vpt_copy_sized_in(union vpt_arg *arg, size_t size, const void __user *user)
{
	u32 argsz;

	if (get_user(argsz, (const u32 __user *)user))
		return -EFAULT;
	if (argsz < size)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, size, user, argsz);
}

/* Read the argument, of whatever version: see the head of include/vpt.h. */
static int vpt_copy_in(union vpt_arg *arg, size_t size, const void __user *user)
{
	/* Most are of this size, and of this version. */
	if (size == sizeof(arg->page) && !copy_from_user(&arg->page, user, sizeof(arg->page)) &&
	    arg->argsz == sizeof(arg->page))
		return 0;
	return vpt_copy_sized_in(arg, size, user);
}

/* A size that the compiler knows spares Linux the look at where the object lies. */
static int vpt_copy_out(const union vpt_arg *arg, size_t size, void __user *user)
{
	unsigned long left;

	if (size == sizeof(arg->page))
		left = copy_to_user(user, &arg->page, sizeof(arg->page));
	else
		left = copy_to_user(user, arg, size);
	return left ? -EFAULT : 0;
}

/* Whether @user can be written: it lies in one page, or in two. */
static bool vpt_writable(const union vpt_arg *arg, size_t size, void __user *user)
{
	const size_t last = size - sizeof(u32);

	BUILD_BUG_ON(sizeof(*arg) > PAGE_SIZE);
	return !put_user(arg->argsz, (u32 __user *)user) &&
	       !put_user(*(const u32 *)((const char *)arg + last),
			 (u32 __user *)(user + last));
}

long vpt_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vpt_file *f = file->private_data;
	void __user *user = (void __user *)arg;
	unsigned int i = _IOC_NR(cmd) - _IOC_NR(VPT_IOC_CONFIG), known;
	/* As much as will be used is read into it: not to be cleared before. */
	union vpt_arg a vpt_uninitialized;
	size_t size;
	int ret;

	if (i >= ARRAY_SIZE(vpt_ioctls))
		return -ENOTTY;
	i = array_index_nospec(i, ARRAY_SIZE(vpt_ioctls));
	known = vpt_ioctls[i].cmd;
	/* The struct's size, in the command as compiled, is argsz' business. */
	if ((cmd ^ known) & ~IOCSIZE_MASK)
		return -ENOTTY;
	if (current->mm != f->mm)
		return -EPERM;
	size = _IOC_SIZE(known);
	ret = vpt_copy_in(&a, size, user);
	if (ret)
		return ret;
	/* What cannot be answered is not done: see now that the struct is writable. */
	if ((_IOC_DIR(known) & _IOC_READ) && !vpt_writable(&a, size, user))
		return -EFAULT;
	/* It is compared with addresses of the region; the CPU does without the tag (LAM). */
	ret = vpt_ioctls[i].run(f, &a, untagged_addr(arg));
	if (!ret && (_IOC_DIR(known) & _IOC_READ))
		ret = vpt_copy_out(&a, size, user);
	return ret;
}
