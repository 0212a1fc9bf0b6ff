// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/watcher: a secondary MMU that translates nothing.  It registers an MMU notifier
 * on the process that writes to it, and records each call that concerns one address:
 * which, in what order, and how the entry and the frame behind it stood then.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "watcher.h"

#define WATCHER_EVENTS	64

struct watcher {
	struct mmu_notifier notifier;
	struct mm_struct *mm;
	spinlock_t lock;	/* of what follows */
	struct watcher_order order;
	unsigned int n;
	struct watcher_event events[WATCHER_EVENTS];
};

/* The entry in which the walk to @addr ends, 0 if it is not present. */
static u64 watcher_entry(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return 0;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return 0;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return pud_val(*pud);
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd) || pmd_leaf(*pmd))
		return pmd_val(*pmd);
	return pte_val(*pte_offset_kernel(pmd, addr));
}

/* Return: whether the call concerns the address. */
static bool watcher_record(struct watcher *w, u32 call, u32 event, u64 start, u64 end)
{
	bool ours;

	spin_lock(&w->lock);
	ours = start <= w->order.addr && w->order.addr < end;
	if (ours && w->n < WATCHER_EVENTS)
		w->events[w->n++] = (struct watcher_event){
			.call = call,
			.event = event,
			.start = start,
			.end = end,
			.entry = watcher_entry(w->mm, w->order.addr),
			.refs = page_count(pfn_to_page(PHYS_PFN(w->order.phys))),
		};
	spin_unlock(&w->lock);
	return ours;
}

static int watcher_start(struct mmu_notifier *notifier,
			 const struct mmu_notifier_range *range)
{
	struct watcher *w = container_of(notifier, struct watcher, notifier);

	if (watcher_record(w, WATCHER_START, range->event, range->start, range->end) &&
	    w->order.delay && mmu_notifier_range_blockable(range)) {
		msleep(w->order.delay);
		watcher_record(w, WATCHER_START, range->event, range->start, range->end);
	}
	return 0;
}

static void watcher_end(struct mmu_notifier *notifier,
			const struct mmu_notifier_range *range)
{
	struct watcher *w = container_of(notifier, struct watcher, notifier);

	watcher_record(w, WATCHER_END, range->event, range->start, range->end);
}

static void watcher_flush(struct mmu_notifier *notifier, struct mm_struct *mm,
			  unsigned long start, unsigned long end)
{
	struct watcher *w = container_of(notifier, struct watcher, notifier);

	watcher_record(w, WATCHER_FLUSH, 0, start, end);
}

static void watcher_mm_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct watcher *w = container_of(notifier, struct watcher, notifier);

	watcher_record(w, WATCHER_RELEASE, 0, 0, U64_MAX);
}

static const struct mmu_notifier_ops watcher_copy_ops = {
	.invalidate_range_start = watcher_start,
	.invalidate_range_end = watcher_end,
	.release = watcher_mm_release,
};

static const struct mmu_notifier_ops watcher_share_ops = {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	.invalidate_range = watcher_flush,
#else
	.arch_invalidate_secondary_tlbs = watcher_flush,
#endif
	.release = watcher_mm_release,
};

static int watcher_register(struct watcher *w, u32 kind)
{
	int ret;

	w->notifier.ops = kind == WATCHER_COPY ? &watcher_copy_ops : &watcher_share_ops;
	w->mm = current->mm;
	ret = mmu_notifier_register(&w->notifier, w->mm);
	if (ret)
		w->mm = NULL;
	return ret;
}

static ssize_t watcher_write(struct file *file, const char __user *user, size_t size,
			     loff_t *pos)
{
	struct watcher *w = file->private_data;
	struct watcher_order order;
	int ret;

	if (size != sizeof(order))
		return -EINVAL;
	if (copy_from_user(&order, user, sizeof(order)))
		return -EFAULT;
	if ((order.kind != WATCHER_COPY && order.kind != WATCHER_SHARE) ||
	    !pfn_valid(PHYS_PFN(order.phys)))
		return -EINVAL;
	spin_lock(&w->lock);
	w->order = order;
	w->n = 0;
	spin_unlock(&w->lock);
	ret = w->mm ? 0 : watcher_register(w, order.kind);
	return ret ? ret : size;
}

static ssize_t watcher_read(struct file *file, char __user *user, size_t size,
			    loff_t *pos)
{
	struct watcher *w = file->private_data;
	size_t n = min_t(size_t, size / sizeof(w->events[0]), READ_ONCE(w->n));

	if (copy_to_user(user, w->events, n * sizeof(w->events[0])))
		return -EFAULT;
	return n * sizeof(w->events[0]);
}

static int watcher_open(struct inode *inode, struct file *file)
{
	struct watcher *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!w)
		return -ENOMEM;
	spin_lock_init(&w->lock);
	file->private_data = w;
	return 0;
}

static int watcher_release(struct inode *inode, struct file *file)
{
	struct watcher *w = file->private_data;

	if (w->mm)
		mmu_notifier_unregister(&w->notifier, w->mm);
	kfree(w);
	return 0;
}

static const struct file_operations watcher_fops = {
	.owner = THIS_MODULE,
	.open = watcher_open,
	.release = watcher_release,
	.read = watcher_read,
	.write = watcher_write,
	.llseek = noop_llseek,
};

static struct miscdevice watcher_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "watcher",
	.fops = &watcher_fops,
	.mode = 0600,
};

module_misc_device(watcher_device);

MODULE_DESCRIPTION("Watches an address through an MMU notifier, for a test of vpt");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
