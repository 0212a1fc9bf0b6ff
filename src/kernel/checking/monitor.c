// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol monitor in the kernel.
 *
 * It starts, and takes note of what is mapped, when all spans of a file are taken and
 * check=full; so it never sees half of an operation, and from then on each operation takes all
 * spans, so that it sees one at a time.  All of them end when check= leaves full: from then on
 * there may be no events.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>

#include "../extent.h"
#include "../vpt_file.h"
#include "events.h"
#include "monitor.h"
#include "opcheck.h"

#define VPT_MONITOR_MIN		(256UL << 10)
#define VPT_MONITOR_MAX		(256UL << 20)

void vpt_monitor_init(struct vpt_file *f)
{
	raw_spin_lock_init(&f->monitor.lock);
	INIT_LIST_HEAD(&f->monitor.node);
}

/* The monitors that are on. */
static LIST_HEAD(vpt_monitors);
static DEFINE_SPINLOCK(vpt_monitors_lock);

/* Take what a monitor that ends remembers.  vpt_monitors_lock is held. */
static void *vpt_monitor_end(struct vpt_monitor *m)
{
	void *memory;

	lockdep_assert_held(&vpt_monitors_lock);
	list_del_init(&m->node);
	raw_spin_lock_irq(&m->lock);
	WRITE_ONCE(m->on, false);
	memory = m->memory;
	m->memory = NULL;
	raw_spin_unlock_irq(&m->lock);
	return memory;
}

void vpt_monitors_drop(void)
{
	struct vpt_monitor *m;
	void *memory;

	do {
		memory = NULL;
		spin_lock(&vpt_monitors_lock);
		m = list_first_entry_or_null(&vpt_monitors, struct vpt_monitor, node);
		if (m)
			memory = vpt_monitor_end(m);
		spin_unlock(&vpt_monitors_lock);
		kvfree(memory);
	} while (m);
}

void vpt_monitor_step(struct vpt_file *f, const struct spec_mon_event *e)
{
	struct vpt_monitor *m = &f->monitor;
	unsigned long flags;

	if (!READ_ONCE(m->on))
		return;
	raw_spin_lock_irqsave(&m->lock, flags);
	if (m->on)
		spec_mon_step(&m->mon, e);
	raw_spin_unlock_irqrestore(&m->lock, flags);
}

static void vpt_monitor_stop(struct vpt_file *f)
{
	void *memory;

	spin_lock(&vpt_monitors_lock);
	memory = vpt_monitor_end(&f->monitor);
	spin_unlock(&vpt_monitors_lock);
	kvfree(memory);
}

/* Change what is prepared.  Return: what was, or @memory itself if there is some already. */
static void *vpt_monitor_swap_spare(struct vpt_monitor *m, void *memory, u64 bytes)
{
	void *old;

	raw_spin_lock_irq(&m->lock);
	old = m->spare;
	if (old && memory) {
		old = memory;
	} else {
		WRITE_ONCE(m->spare, memory);
		m->spare_bytes = bytes;
	}
	raw_spin_unlock_irq(&m->lock);
	return old;
}

void vpt_monitor_drop(struct vpt_file *f)
{
	vpt_monitor_stop(f);
	kvfree(vpt_monitor_swap_spare(&f->monitor, NULL, 0));
}

/* What it takes to remember all that is mapped, twice over. */
static u64 vpt_monitor_size(struct vpt_file *f)
{
	u64 leaves = READ_ONCE(f->books.leaves[0]) + READ_ONCE(f->books.leaves[1]) +
		     READ_ONCE(f->books.leaves[2]);

	return VPT_MONITOR_MIN + 512 * READ_ONCE(f->books.tables) + 256 * leaves;
}

/* The tables and leaves that are there, as if they had just been seen. */
static void vpt_monitor_catch_up(struct vpt_file *f)
{
	struct vpt_extent *extent;
	u64 va;

	for (extent = vpt_extent_from(f, 0); extent; extent = vpt_extent_next(extent)) {
		u64 seen[PT_LEVELS + 1] = { 0 };

		for (va = extent->pt.start; va < extent->pt.end;) {
			u64 bytes = vpt_event_path(f, va, seen, true, vpt_monitor_step);

			va = (va & ~(bytes - 1)) + bytes;
			if (!(va & (pt_size(2) - 1)))
				cond_resched();
		}
	}
}

static bool vpt_monitor_is_wanted(struct vpt_file *f)
{
	return READ_ONCE(vpt_check_mode) == VPT_CHECK_FULL && !READ_ONCE(f->violations);
}

/*
 * The notifier takes the file's locks, and reclaim may call the notifier: so no memory is
 * allocated under them.  If others map meanwhile, what is allocated here may be
 * too little; then the monitor loses track and starts anew.
 */
void vpt_monitor_prepare(struct vpt_file *f)
{
	struct vpt_monitor *m = &f->monitor;
	u64 bytes = vpt_monitor_size(f);

	if (!vpt_monitor_is_wanted(f) || READ_ONCE(m->spare))
		return;
	if (READ_ONCE(m->on)) {
		if (!READ_ONCE(m->mon.lost))
			return;
		bytes = max(bytes, 2 * READ_ONCE(m->bytes));
	}
	if (bytes > VPT_MONITOR_MAX) {
		pr_warn_once("check: the protocol monitor has lost track: too much is mapped\n");
		return;
	}
	kvfree(vpt_monitor_swap_spare(m, kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
						  __GFP_NOWARN), bytes));
}

/* The memory that was prepared becomes the monitor's. */
static void *vpt_monitor_take_spare(struct vpt_monitor *m)
{
	void *memory;

	raw_spin_lock_irq(&m->lock);
	memory = m->spare;
	WRITE_ONCE(m->bytes, m->spare_bytes);
	WRITE_ONCE(m->spare, NULL);
	raw_spin_unlock_irq(&m->lock);
	return memory;
}

/*
 * With the memory that was prepared; unless check= has left full meanwhile.  To make its
 * table takes long, and is done before anybody can step it: with interrupts on, and
 * preemptible.
 */
static void vpt_monitor_start(struct vpt_file *f)
{
	struct vpt_monitor *m = &f->monitor;
	void *memory = vpt_monitor_take_spare(m);
	bool on;

	spec_mon_init(&m->mon, memory, m->bytes);
	spin_lock(&vpt_monitors_lock);
	/* What ends the monitors that are on has the same lock. */
	on = READ_ONCE(vpt_check_mode) == VPT_CHECK_FULL;
	if (on) {
		raw_spin_lock_irq(&m->lock);
		m->memory = memory;
		WRITE_ONCE(m->on, true);
		raw_spin_unlock_irq(&m->lock);
		list_add(&m->node, &vpt_monitors);
	}
	spin_unlock(&vpt_monitors_lock);
	if (on)
		vpt_monitor_catch_up(f);
	else
		kvfree(memory);
}

void vpt_monitor_begin(struct vpt_file *f)
{
	const bool wanted = vpt_monitor_is_wanted(f);
	struct vpt_monitor *m = &f->monitor;

	/*
	 * Others may end the monitor (vpt_monitors_drop()) and prepare memory for the next
	 * (vpt_monitor_prepare()) meanwhile; only here it starts, and only here what is
	 * prepared is taken.
	 */
	if (!wanted && (READ_ONCE(m->on) || READ_ONCE(m->spare)))
		vpt_monitor_drop(f);
	else if (READ_ONCE(m->on) && m->mon.lost)
		vpt_monitor_stop(f);
	/* What is being taken away belongs to no extent, and would not be known. */
	if (wanted && !READ_ONCE(m->on) && READ_ONCE(m->spare) && !f->extents.cut)
		vpt_monitor_start(f);
}

void vpt_monitor_report(struct vpt_file *f)
{
	const struct vpt_monitor *m = &f->monitor;
	const struct spec_mon_verdict *v = &m->mon.verdict;

	/* It may be ended meanwhile, but what it has found stays. */
	if (!READ_ONCE(m->on) || m->mon.judging || m->mon.lost || f->violations)
		return;
	vpt_violation(f, v->va == SPEC_MON_ANY ? f->start : v->va,
		      "protocol violation %u, %s: %s Table %#llx, level %u, entry %u (%#llx), frame %#llx, CPUs %#llx",
		      v->wrong, spec_mon_wrong_name(v->wrong),
		      spec_mon_wrong_sentence(v->wrong), v->table, v->level, v->index,
		      v->entry, v->frame, v->cpus);
}
