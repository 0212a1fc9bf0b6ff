// SPDX-License-Identifier: GPL-2.0
/* Stops a thread at a function of the kernel: see hold.h.  For tests of vpt. */
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "hold.h"

struct hold {
	struct mutex lock;	/* one order at a time */
	struct kprobe probe;
	struct hold_order order;
	atomic_t is;		/* enum hold_state_is */
	bool irqs_off;		/* as the thread came */
	bool set;
};

static u64 hold_argument(const struct pt_regs *regs, unsigned int n)
{
	switch (n) {
	case 1:
		return regs->di;
	case 2:
		return regs->si;
	case 3:
		return regs->dx;
	default:
		return regs->cx;
	}
}

/*
 * Interrupts are as at the entry of the function: the probe stands on its call to
 * ftrace.  Where they are on, this CPU answers IPIs all the while, as a virtual CPU does
 * whose host lets it wait.  Preemption is off.
 */
static int hold_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct hold *h = container_of(probe, struct hold, probe);
	const struct hold_order *o = &h->order;
	u64 end;

	if (current->pid != o->tid ||
	    (o->argument && ((hold_argument(regs, o->argument) ^ o->value) & o->mask)))
		return 0;
	/* Once only. */
	if (atomic_cmpxchg(&h->is, HOLD_WAITING, HOLD_HELD) != HOLD_WAITING)
		return 0;
	h->irqs_off = !(regs->flags & X86_EFLAGS_IF);
	/* By the clock: how long a delay takes may have been measured on a busy host. */
	end = ktime_get_mono_fast_ns() + o->milliseconds * (u64)NSEC_PER_MSEC;
	while (ktime_get_mono_fast_ns() < end) {
		if (atomic_read(&h->is) != HOLD_HELD)
			return 0;
		cpu_relax();
		touch_nmi_watchdog();
	}
	atomic_cmpxchg(&h->is, HOLD_HELD, HOLD_EXPIRED);
	return 0;
}

NOKPROBE_SYMBOL(hold_entry);

static int hold_set(struct hold *h)
{
	int ret;

	if (h->set)
		return -EBUSY;
	if (h->order.milliseconds > HOLD_MAX_MS || h->order.argument > 4 ||
	    h->order.reserved ||
	    strnlen(h->order.symbol, sizeof(h->order.symbol)) == sizeof(h->order.symbol))
		return -EINVAL;
	h->probe.symbol_name = h->order.symbol;
	h->probe.pre_handler = hold_entry;
	atomic_set(&h->is, HOLD_WAITING);
	ret = register_kprobe(&h->probe);
	if (ret)
		return ret;
	/* A probe that is a breakpoint has interrupts off: nobody's IPI would be answered. */
	if (!kprobe_ftrace(&h->probe)) {
		unregister_kprobe(&h->probe);
		return -EOPNOTSUPP;
	}
	h->set = true;
	return 0;
}

static ssize_t hold_write(struct file *file, const char __user *user, size_t size,
			  loff_t *pos)
{
	struct hold *h = file->private_data;
	ssize_t ret = -EINVAL;

	mutex_lock(&h->lock);
	if (size == 1 && h->set) {
		atomic_set(&h->is, HOLD_RELEASED);
		ret = 0;
	} else if (size == sizeof(h->order) && !h->set) {
		ret = copy_from_user(&h->order, user, size) ? -EFAULT : hold_set(h);
	}
	mutex_unlock(&h->lock);
	return ret ? ret : (ssize_t)size;
}

static ssize_t hold_read(struct file *file, char __user *user, size_t size, loff_t *pos)
{
	struct hold *h = file->private_data;
	const struct hold_state state = {
		.is = atomic_read(&h->is), .irqs_off = h->irqs_off,
	};

	if (size != sizeof(state))
		return -EINVAL;
	return copy_to_user(user, &state, size) ? -EFAULT : (ssize_t)size;
}

static int hold_open(struct inode *inode, struct file *file)
{
	struct hold *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return -ENOMEM;
	mutex_init(&h->lock);
	file->private_data = h;
	return 0;
}

static int hold_release(struct inode *inode, struct file *file)
{
	struct hold *h = file->private_data;

	atomic_set(&h->is, HOLD_RELEASED);
	/* Waits until no CPU is in the handler. */
	if (h->set)
		unregister_kprobe(&h->probe);
	kfree(h);
	return 0;
}

static const struct file_operations hold_fops = {
	.owner = THIS_MODULE,
	.open = hold_open,
	.release = hold_release,
	.read = hold_read,
	.write = hold_write,
	.llseek = noop_llseek,
};

static struct miscdevice hold_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hold",
	.fops = &hold_fops,
	.mode = 0600,
};

module_misc_device(hold_device);

MODULE_DESCRIPTION("Stops a thread at a function of the kernel, for tests of vpt");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
