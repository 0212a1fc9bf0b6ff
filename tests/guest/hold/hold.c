// SPDX-License-Identifier: GPL-2.0
/* Stops a thread at a function of the kernel: see hold.h.  For tests of vpt. */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/objtool.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/ibt.h>
#include <asm/tlbflush.h>

#include "hold.h"

struct hold {
	struct mutex lock;	/* one order at a time */
	struct kprobe probe;
	struct hold_order order;
	atomic_t is;		/* enum hold_state_is */
	bool irqs_off;		/* as the thread came */
	bool set;
	struct tracepoint *switching;	/* in place of the probe */
	u32 entries;		/* of the two that follow */
	u64 before;
	u64 after;
	struct list_head node;		/* place in hold_all */
	wait_queue_head_t let_go;
	struct task_struct *sleeper;	/* from the probe to hold_asleep()'s return */
};

static LIST_HEAD(hold_all);
static DEFINE_SPINLOCK(hold_all_lock);

void hold_gate(void);
unsigned long hold_asleep(void);

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
 * A probe's handler cannot sleep.  So the thread goes through here in place of the function, and
 * then begins with the function again: its arguments, which are in registers, stay.
 */
asm(".pushsection .text\n"
    ".type hold_gate, @function\n"
    "hold_gate:\n"
    "	" ASM_ENDBR
    "	push %rax\n"		/* for the address to go on at */
    "	push %rdi\n"
    "	push %rsi\n"
    "	push %rdx\n"
    "	push %rcx\n"
    "	push %r8\n"
    "	push %r9\n"
    "	call hold_asleep\n"
    "	mov %rax, 48(%rsp)\n"
    "	pop %r9\n"
    "	pop %r8\n"
    "	pop %rcx\n"
    "	pop %rdx\n"
    "	pop %rsi\n"
    "	pop %rdi\n"
    "	" ASM_RET
    ".size hold_gate, . - hold_gate\n"
    ".popsection\n");
STACK_FRAME_NON_STANDARD(hold_gate);

static struct hold *hold_of_sleeper(void)
{
	struct hold *h;

	spin_lock(&hold_all_lock);
	list_for_each_entry(h, &hold_all, node)
		if (READ_ONCE(h->sleeper) == current)
			break;
	spin_unlock(&hold_all_lock);
	/* It is there, and stays: hold_release() waits. */
	return h;
}

/* Return: where to go on, at the function's call to ftrace. */
unsigned long hold_asleep(void)
{
	struct hold *h = hold_of_sleeper();
	const unsigned long at = (unsigned long)h->probe.addr;

	wait_event_timeout(h->let_go, atomic_read(&h->is) != HOLD_HELD,
			   msecs_to_jiffies(h->order.milliseconds));
	atomic_cmpxchg(&h->is, HOLD_HELD, HOLD_EXPIRED);
	smp_store_release(&h->sleeper, NULL);
	return at;
}

/* One that there is lets the handler change where the thread goes on. */
static void hold_post(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

/* By the clock: how long a delay takes may have been measured on a busy host. */
static void hold_spin(struct hold *h)
{
	const u64 end = ktime_get_mono_fast_ns() + h->order.milliseconds * (u64)NSEC_PER_MSEC;

	while (ktime_get_mono_fast_ns() < end) {
		if (atomic_read(&h->is) != HOLD_HELD)
			return;
		cpu_relax();
		touch_nmi_watchdog();
	}
	atomic_cmpxchg(&h->is, HOLD_HELD, HOLD_EXPIRED);
}

NOKPROBE_SYMBOL(hold_spin);

/*
 * Interrupts are as at the entry of the function: the probe stands on its call to
 * ftrace.  Where they are on, this CPU answers IPIs all the while, as a virtual CPU does
 * whose host lets it wait.  Preemption is off.
 */
static int hold_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct hold *h = container_of(probe, struct hold, probe);
	const struct hold_order *o = &h->order;

	if (current->pid != o->tid ||
	    (o->argument && ((hold_argument(regs, o->argument) ^ o->value) & o->mask)))
		return 0;
	/* Once only. */
	if (atomic_cmpxchg(&h->is, HOLD_WAITING, HOLD_HELD) != HOLD_WAITING)
		return 0;
	h->irqs_off = !(regs->flags & X86_EFLAGS_IF);
	if (o->flags & HOLD_ASLEEP) {
		WRITE_ONCE(h->sleeper, current);
		regs->ip = (unsigned long)hold_gate;
		return 1;
	}
	hold_spin(h);
	return 0;
}

NOKPROBE_SYMBOL(hold_entry);

/* The entry of a PD of the current task's that leads to @va, or NULL. */
static u64 *hold_pd_entry(u64 va)
{
	p4d_t *p4d = p4d_offset(pgd_offset(current->mm, va), va);
	pud_t *pud;

	if (!p4d_present(*p4d))
		return NULL;
	pud = pud_offset(p4d, va);
	if (!pud_present(*pud) || (pud_val(*pud) & _PAGE_PSE))
		return NULL;
	return (u64 *)pmd_offset(pud, va);
}

/* Behind the tracepoint tlb_flush, in switch_mm_irqs_off(). */
static void hold_switch(void *data, int reason, unsigned long pages)
{
	struct hold *h = data;
	u64 *entry;

	if (reason != TLB_FLUSH_ON_TASK_SWITCH || current->pid != h->order.tid || !current->mm)
		return;
	entry = hold_pd_entry(h->order.value);
	if (!entry || atomic_cmpxchg(&h->is, HOLD_WAITING, HOLD_HELD) != HOLD_WAITING)
		return;
	h->irqs_off = irqs_disabled();
	h->before = READ_ONCE(*entry);
	smp_store_release(&h->entries, 1);
	hold_spin(h);
	h->after = READ_ONCE(*entry);
	smp_store_release(&h->entries, 2);
}

static void hold_find_switching(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "tlb_flush"))
		*(struct tracepoint **)found = tp;
}

static int hold_set_switching(struct hold *h)
{
	struct tracepoint *tp = NULL;
	int ret;

	for_each_kernel_tracepoint(hold_find_switching, &tp);
	if (!tp)
		return -ENOENT;
	ret = tracepoint_probe_register(tp, hold_switch, h);
	if (ret)
		return ret;
	h->switching = tp;
	h->set = true;
	return 0;
}

static u32 hold_max_ms(const struct hold_order *order)
{
	switch (order->flags) {
	case HOLD_ASLEEP:
		return HOLD_MAX_ASLEEP_MS;
	case HOLD_SWITCHING:
		return HOLD_MAX_SWITCHING_MS;
	default:
		return HOLD_MAX_MS;
	}
}

static int hold_set(struct hold *h)
{
	int ret;

	if (h->set)
		return -EBUSY;
	if (h->order.milliseconds > hold_max_ms(&h->order) || h->order.argument > 4 ||
	    (h->order.flags != HOLD_SWITCHING && (h->order.flags & ~HOLD_ASLEEP)) ||
	    strnlen(h->order.symbol, sizeof(h->order.symbol)) == sizeof(h->order.symbol))
		return -EINVAL;
	if (h->order.flags == HOLD_SWITCHING)
		return hold_set_switching(h);
	h->probe.symbol_name = h->order.symbol;
	h->probe.pre_handler = hold_entry;
	if (h->order.flags & HOLD_ASLEEP) {
		h->probe.post_handler = hold_post;
		/* A thread may be about to leave the gate: the module stays. */
		__module_get(THIS_MODULE);
	}
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

static void hold_let_go(struct hold *h)
{
	atomic_set(&h->is, HOLD_RELEASED);
	wake_up(&h->let_go);
}

static ssize_t hold_write(struct file *file, const char __user *user, size_t size,
			  loff_t *pos)
{
	struct hold *h = file->private_data;
	ssize_t ret = -EINVAL;

	mutex_lock(&h->lock);
	if (size == 1 && h->set) {
		hold_let_go(h);
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
	struct hold_state state = {
		.is = atomic_read(&h->is), .irqs_off = h->irqs_off,
		.entries = smp_load_acquire(&h->entries),
	};

	if (size != sizeof(state))
		return -EINVAL;
	state.before = h->before;
	state.after = h->after;
	return copy_to_user(user, &state, size) ? -EFAULT : (ssize_t)size;
}

static int hold_open(struct inode *inode, struct file *file)
{
	struct hold *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return -ENOMEM;
	mutex_init(&h->lock);
	init_waitqueue_head(&h->let_go);
	spin_lock(&hold_all_lock);
	list_add(&h->node, &hold_all);
	spin_unlock(&hold_all_lock);
	file->private_data = h;
	return 0;
}

static int hold_release(struct inode *inode, struct file *file)
{
	struct hold *h = file->private_data;

	hold_let_go(h);
	/* Waits until no CPU is in the handler. */
	if (h->switching) {
		tracepoint_probe_unregister(h->switching, hold_switch, h);
		tracepoint_synchronize_unregister();
	} else if (h->set) {
		unregister_kprobe(&h->probe);
	}
	while (smp_load_acquire(&h->sleeper))
		schedule_timeout_uninterruptible(1);
	spin_lock(&hold_all_lock);
	list_del(&h->node);
	spin_unlock(&hold_all_lock);
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
