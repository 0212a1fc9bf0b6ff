// SPDX-License-Identifier: GPL-2.0
/* /dev/vpt: the device and its files. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/mman.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../checking/debugfs.h"
#include "../checking/monitor.h"
#include "../checking/opcheck.h"
#include "../extent.h"
#include "../memory/handle.h"
#include "../memory/notifier.h"
#include "../memory/pool.h"
#include "../memory/secondary.h"
#include "../memory/span.h"
#include "../memory/table.h"
#include "../region.h"
#include "../vpt_file.h"
#include "ioctl.h"
#include "platform.h"

static unsigned int pool;
module_param(pool, uint, 0444);
MODULE_PARM_DESC(pool, "1 GiB frames to take from Linux at insertion (default 0)");

/*
 * Reclaim calls the notifier, which takes the file's lock, and spans'.  Lockdep does not find
 * that out by itself: it follows no dependency through the SRCU under which notifiers are
 * called.
 */
static void vpt_locks_in_reclaim(struct vpt_file *f)
{
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&f->lock);
	might_lock(&f->spans[0].lock);
	fs_reclaim_release(GFP_KERNEL);
}

/*
 * Register the notifier, which Linux gives up with EINTR as soon as a signal is pending,
 * and for which it takes the longer the more VMAs there are: so all has to wait but
 * SIGKILL.  What waits is not only signals, which can be blocked, but also stops, tracers,
 * freezers and task work, whose flags are put aside.  No restart code instead: the
 * caller need not be open(2), and io_uring would hand it to user space.
 */
static int vpt_register(struct vpt_file *f)
{
	bool signal = false, work = false;
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigprocmask(SIG_BLOCK, &all, &before);
	do {
		signal |= test_and_clear_thread_flag(TIF_SIGPENDING);
		work |= test_and_clear_thread_flag(TIF_NOTIFY_SIGNAL);
		ret = __fatal_signal_pending(current) ? -EINTR : vpt_notifier_register(f);
	} while (ret == -EINTR && !__fatal_signal_pending(current));
	if (signal)
		set_thread_flag(TIF_SIGPENDING);
	if (work)
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static int vpt_open(struct inode *inode, struct file *file)
{
	struct vpt_file *f;
	int ret = -ENOMEM;

	/* A kernel thread has no address space, or somebody else's for a while. */
	if (!current->mm || (current->flags & PF_KTHREAD))
		return -EPERM;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return ret;
	kref_init(&f->refs);
	f->opcheck = kzalloc(sizeof(*f->opcheck), GFP_KERNEL_ACCOUNT);
	if (!f->opcheck || !zalloc_cpumask_var(&f->shot, GFP_KERNEL_ACCOUNT) ||
	    vpt_spans_alloc(f))
		goto put;
	mutex_init(&f->lock);
	vpt_locks_in_reclaim(f);
	spin_lock_init(&f->tables);
	spin_lock_init(&f->notices_lock);
	vpt_extents_init(&f->extents);
	vpt_spare_init(&f->spare);
	vpt_spare_init(&f->deposit);
	xa_init_flags(&f->handles, XA_FLAGS_ALLOC1);
	vpt_monitor_init(f);
	f->mm = current->mm;
	f->opened_by = file->f_cred;
	f->opened_by_admin = file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN);
	ret = vpt_file_add(f);
	if (ret)
		goto put;
	ret = vpt_register(f);
	if (ret)
		goto remove;
	mmgrab(f->mm);
	file->private_data = f;
	vpt_count(files_opened, 1);
	return 0;

remove:
	vpt_file_remove(f);
put:
	vpt_file_put(f);
	return ret;
}

/* The last reference is gone, a VMA's too: nothing is mapped any more. */
static int vpt_release(struct inode *inode, struct file *file)
{
	struct vpt_file *f = file->private_data;

	vpt_file_remove(f);
	vpt_notifier_unregister(f);
	/* Where Linux unmapped after its last close(), which no kernel that is tested does. */
	vpt_free_unmapped(f);
	vpt_drop_handles(f);
	/* What a broken table led to may be lost; it was reported. */
	WARN_ON_ONCE(!f->violations &&
		     (f->books.frames || f->deposit.n || !vpt_region_gone(f)));
	vpt_drop_spare(f);
	vpt_extents_free(&f->extents);
	mmdrop(f->mm);
	vpt_monitor_drop(f);
	vpt_file_put(f);
	vpt_count(files_closed, 1);
	return 0;
}

static int vpt_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vpt_region_map(file->private_data, vma);
}

/* The lowest place below @end that Linux accepts for @len bytes. */
static unsigned long vpt_first_fit(struct file *file, unsigned long len, unsigned long end,
				   unsigned long flags)
{
	unsigned long addr = VPT_GIB;

	while (addr <= end && len <= end - addr) {
		struct vm_area_struct *vma;

		if (vpt_find_area(file, addr, len, flags) == addr)
			return addr;
		vma = find_vma(current->mm, addr);
		if (vma && vma->vm_start < addr + len)
			addr = ALIGN(vma->vm_end, VPT_GIB);
		else
			addr += VPT_GIB;
	}
	return -ENOMEM;
}

/*
 * A place of Linux's choice, with room to align it; if there is no such room, the
 * first place that fits exactly.  MAP_32BIT leaves but one, as Linux has it: from
 * 1 GiB to 2 GiB.
 */
static unsigned long vpt_find_place(struct file *file, unsigned long len, unsigned long flags)
{
	unsigned long area;

	if ((flags & MAP_32BIT) && !in_32bit_syscall())
		return vpt_first_fit(file, len, 2 * VPT_GIB, flags);
	area = vpt_find_area(file, 0, len + VPT_GIB - PAGE_SIZE, flags);
	if (!IS_ERR_VALUE(area))
		return ALIGN(area, VPT_GIB);
	return vpt_first_fit(file, len, in_32bit_syscall() ? IA32_PAGE_OFFSET :
			     min(TASK_SIZE, VPT_ADDR_MAX), flags);
}

/*
 * Where to put the region.  mremap() asks here too, before it has moved anything:
 * a file that has its region gets no second place.
 */
static unsigned long vpt_get_unmapped_area(struct file *file, unsigned long addr,
					   unsigned long len, unsigned long pgoff,
					   unsigned long flags)
{
	struct vpt_file *f = file->private_data;
	unsigned long area;

	if (current->mm != f->mm)
		return -EPERM;
	if (READ_ONCE(f->end))
		return -EBUSY;
	if (!len || (len & (VPT_GIB - 1)) || len > VPT_ADDR_MAX)
		return -EINVAL;
	if (flags & MAP_FIXED) {
		if ((addr & (VPT_GIB - 1)) || addr > VPT_ADDR_MAX - len)
			return -EINVAL;
		return addr;
	}
	/* A hint is only that: an impossible one is forgotten. */
	if (addr && !(addr & (VPT_GIB - 1)) && addr <= VPT_ADDR_MAX - len) {
		area = vpt_find_area(file, addr, len, flags);
		if (area == addr)
			return area;
	}
	return vpt_find_place(file, len, flags);
}

static const struct file_operations vpt_fops = {
	.owner = THIS_MODULE,
	.open = vpt_open,
	.release = vpt_release,
	.mmap = vpt_mmap,
	.get_unmapped_area = vpt_get_unmapped_area,
	.unlocked_ioctl = vpt_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice vpt_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vpt",
	.fops = &vpt_fops,
	.mode = 0600,
};

static int __init vpt_init(void)
{
	int ret = vpt_platform_check();

	if (ret)
		return ret;
	if (pool && !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
		pr_warn("pool=%u, but this kernel has no huge pages\n", pool);
		pool = 0;
	}
	ret = vpt_pool_fill(pool);
	if (ret < 0)
		return ret;
	if (ret < pool)
		pr_warn("pool=%u, but only %d GiB could be taken\n", pool, ret);
	ret = misc_register(&vpt_device);
	if (ret)
		vpt_pool_empty();
	else
		vpt_debugfs_init();
	return ret;
}

static void __exit vpt_exit(void)
{
	vpt_debugfs_exit();
	misc_deregister(&vpt_device);
	/* Tables on their way back through call_rcu(). */
	rcu_barrier();
	vpt_pool_empty();
}

module_init(vpt_init);
module_exit(vpt_exit);

MODULE_DESCRIPTION("Specification-checked x86-64 page table behind a device");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
