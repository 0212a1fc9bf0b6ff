// SPDX-License-Identifier: GPL-2.0
/* Kernel code beside vpt that has to do with its regions: see outsider.h.  For tests. */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "outsider.h"

/**
 * struct outsider - an open file
 * @lock: one order at a time
 * @opener: address space that it was opened from
 * @mm: that of who gives orders, as long as @thread is there
 * @thread: does OUTSIDER_WATCH
 * @order: what a thread is to do
 * @ret: how that went
 * @done: it is over
 * @page: that is held
 * @seen_lock: of @seen
 * @seen: see outsider.h
 */
struct outsider {
	struct mutex lock;	/* see above */
	struct mm_struct *opener;
	struct mm_struct *mm;
	struct task_struct *thread;
	struct outsider_order order;
	long ret;
	struct completion done;
	struct page *page;
	spinlock_t seen_lock;	/* see above */
	struct outsider_seen seen;
};

static long outsider_load(struct outsider *o)
{
	u64 value = 0;
	bool failed = copy_from_user(&value, (void __user *)o->order.addr, sizeof(value));

	spin_lock(&o->seen_lock);
	o->seen.rounds++;
	o->seen.value = value;
	o->seen.failed = failed;
	spin_unlock(&o->seen_lock);
	return failed ? -EFAULT : 0;
}

static long outsider_do(struct outsider *o)
{
	struct file *file;

	switch (o->order.does) {
	case OUTSIDER_LOAD:
		return outsider_load(o);
	case OUTSIDER_STORE:
		return copy_to_user((void __user *)o->order.addr, &o->order.value,
				    sizeof(o->order.value)) ? -EFAULT : 0;
	case OUTSIDER_OPEN:
	case OUTSIDER_OPEN_MM:
		file = filp_open("/dev/vpt", O_RDWR, 0);
		if (IS_ERR(file))
			return PTR_ERR(file);
		filp_close(file, NULL);
		return 0;
	default:
		return -EINVAL;
	}
}

static int outsider_once(void *arg)
{
	struct outsider *o = arg;
	const bool use = o->order.does != OUTSIDER_OPEN;

	if (use)
		kthread_use_mm(o->mm);
	o->ret = outsider_do(o);
	if (use)
		kthread_unuse_mm(o->mm);
	complete(&o->done);
	return 0;
}

static int outsider_watch(void *arg)
{
	struct outsider *o = arg;

	kthread_use_mm(o->mm);
	while (!kthread_should_stop()) {
		outsider_load(o);
		cond_resched();
	}
	kthread_unuse_mm(o->mm);
	return 0;
}

/* In a thread that ends with it. */
static long outsider_run(struct outsider *o)
{
	struct task_struct *thread;

	reinit_completion(&o->done);
	o->mm = current->mm;
	thread = kthread_run(outsider_once, o, "outsider");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	wait_for_completion(&o->done);
	return o->ret;
}

static long outsider_begin_watch(struct outsider *o)
{
	struct task_struct *thread;

	o->mm = current->mm;
	mmget(o->mm);
	thread = kthread_run(outsider_watch, o, "outsider");
	if (IS_ERR(thread)) {
		mmput(o->mm);
		return PTR_ERR(thread);
	}
	o->thread = thread;
	return 0;
}

static long outsider_hold(struct outsider *o)
{
	struct page *page;

	if (o->page || !pfn_valid(PHYS_PFN(o->order.addr)))
		return -EINVAL;
	page = pfn_to_page(PHYS_PFN(o->order.addr));
	if (!get_page_unless_zero(page))
		return -ENOENT;
	o->page = page;
	return 0;
}

static void outsider_drop(struct outsider *o)
{
	if (o->page)
		put_page(o->page);
	o->page = NULL;
}

static long outsider_fault(struct outsider *o)
{
	long ret;

	if (!mmget_not_zero(o->opener))
		return -ESRCH;
	mmap_read_lock(o->opener);
	ret = fixup_user_fault(o->opener, o->order.addr, FAULT_FLAG_REMOTE | FAULT_FLAG_WRITE,
			       NULL);
	mmap_read_unlock(o->opener);
	mmput(o->opener);
	return ret;
}

static long outsider_order(struct outsider *o)
{
	switch (o->order.does) {
	case OUTSIDER_WATCH:
		return outsider_begin_watch(o);
	case OUTSIDER_HOLD:
		return outsider_hold(o);
	case OUTSIDER_DROP:
		outsider_drop(o);
		return 0;
	case OUTSIDER_FAULT:
		return outsider_fault(o);
	default:
		return outsider_run(o);
	}
}

static ssize_t outsider_write(struct file *file, const char __user *user, size_t size,
			      loff_t *pos)
{
	struct outsider *o = file->private_data;
	ssize_t ret = -EBUSY;

	if (size != sizeof(o->order))
		return -EINVAL;
	mutex_lock(&o->lock);
	if (!o->thread)
		ret = copy_from_user(&o->order, user, size) ? -EFAULT : outsider_order(o);
	mutex_unlock(&o->lock);
	return ret ? ret : (ssize_t)size;
}

static ssize_t outsider_read(struct file *file, char __user *user, size_t size, loff_t *pos)
{
	struct outsider *o = file->private_data;
	struct outsider_seen seen;

	if (size != sizeof(seen))
		return -EINVAL;
	spin_lock(&o->seen_lock);
	seen = o->seen;
	spin_unlock(&o->seen_lock);
	return copy_to_user(user, &seen, size) ? -EFAULT : (ssize_t)size;
}

static int outsider_open(struct inode *inode, struct file *file)
{
	struct outsider *o = kzalloc(sizeof(*o), GFP_KERNEL);

	if (!o)
		return -ENOMEM;
	mutex_init(&o->lock);
	spin_lock_init(&o->seen_lock);
	init_completion(&o->done);
	o->opener = current->mm;
	mmgrab(o->opener);
	file->private_data = o;
	return 0;
}

static int outsider_release(struct inode *inode, struct file *file)
{
	struct outsider *o = file->private_data;

	if (o->thread) {
		kthread_stop(o->thread);
		mmput(o->mm);
	}
	outsider_drop(o);
	mmdrop(o->opener);
	kfree(o);
	return 0;
}

static const struct file_operations outsider_fops = {
	.owner = THIS_MODULE,
	.open = outsider_open,
	.release = outsider_release,
	.read = outsider_read,
	.write = outsider_write,
	.llseek = noop_llseek,
};

static struct miscdevice outsider_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "outsider",
	.fops = &outsider_fops,
	.mode = 0600,
};

module_misc_device(outsider_device);

MODULE_DESCRIPTION("Uses a process's memory from outside, for tests of vpt");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
