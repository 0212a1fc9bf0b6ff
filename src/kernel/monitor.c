// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol monitor in the kernel.
 *
 * It starts, and takes note of what is mapped, when a file's lock is taken and
 * check=full; so it never sees half of an operation.  All of them end when check=
 * leaves full: from then on nobody may be telling any more.
 */
#include <linux/mm.h>

#include "trial.h"

#define VPT_MONITOR_MIN		(256UL << 10)
#define VPT_MONITOR_MAX		(256UL << 20)

void vpt_monitor_init(struct vpt_file *f)
{
	spin_lock_init(&f->monitor.lock);
	INIT_LIST_HEAD(&f->monitor.node);
}

/* The monitors that are on. */
static LIST_HEAD(vpt_monitors);
static DEFINE_SPINLOCK(vpt_monitors_lock);

/* Take what a monitor that ends remembers.  vpt_monitors_lock is held. */
static void *vpt_monitor_end(struct vpt_monitor *m)
{
	void *memory;

	list_del_init(&m->node);
	spin_lock_irq(&m->lock);
	WRITE_ONCE(m->on, false);
	memory = m->memory;
	m->memory = NULL;
	spin_unlock_irq(&m->lock);
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
	spin_lock_irqsave(&m->lock, flags);
	if (m->on)
		spec_mon_step(&m->mon, e);
	spin_unlock_irqrestore(&m->lock, flags);
}

void vpt_monitor_drop(struct vpt_file *f)
{
	void *memory;

	spin_lock(&vpt_monitors_lock);
	memory = vpt_monitor_end(&f->monitor);
	spin_unlock(&vpt_monitors_lock);
	kvfree(memory);
}

/* What it takes to remember all that is mapped, twice over. */
static u64 vpt_monitor_size(struct vpt_file *f)
{
	u64 leaves = f->env.leaves[0] + f->env.leaves[1] + f->env.leaves[2];

	return VPT_MONITOR_MIN + 512 * f->env.tables + 256 * leaves;
}

/* The tables and leaves that are there, as if they had just been seen. */
static void vpt_monitor_adopt(struct vpt_file *f)
{
	struct vpt_piece *piece;
	u64 va;

	for (piece = vpt_piece_from(f, 0); piece; piece = vpt_piece_next(piece)) {
		u64 told[PT_LEVELS + 1] = { 0 };

		for (va = piece->pt.start; va < piece->pt.end;) {
			u64 bytes = vpt_tell_path(f, va, told, true, vpt_monitor_step);

			va = (va & ~(bytes - 1)) + bytes;
		}
	}
}

/*
 * Memory is allocated under the file's lock, against the rule (vpt_file.h): reclaim
 * calls the notifier only for ranges that are no region's.  Without it the monitor
 * tries again next time.
 */
static void vpt_monitor_start(struct vpt_file *f, u64 bytes)
{
	struct vpt_monitor *m = &f->monitor;
	void *memory;

	if (bytes > VPT_MONITOR_MAX) {
		pr_warn_once("vpt: check: the protocol monitor has lost track: too much is mapped\n");
		return;
	}
	memory = kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN);
	if (!memory)
		return;
	spin_lock(&vpt_monitors_lock);
	/* Unless check= has left full, and all that were on have ended. */
	if (READ_ONCE(vpt_check_mode) == VPT_CHECK_FULL) {
		spin_lock_irq(&m->lock);
		m->memory = memory;
		m->bytes = bytes;
		spec_mon_init(&m->mon, memory, bytes);
		WRITE_ONCE(m->on, true);
		spin_unlock_irq(&m->lock);
		list_add(&m->node, &vpt_monitors);
		memory = NULL;
	}
	spin_unlock(&vpt_monitors_lock);
	kvfree(memory);
	vpt_monitor_adopt(f);
}

void vpt_monitor_begin(struct vpt_file *f)
{
	const bool wanted = READ_ONCE(vpt_check_mode) == VPT_CHECK_FULL && !f->violations;
	struct vpt_monitor *m = &f->monitor;
	u64 bytes = vpt_monitor_size(f);

	if (m->on && (!wanted || m->mon.lost)) {
		bytes = max(bytes, 2 * m->bytes);
		vpt_monitor_drop(f);
	}
	/* What is being taken away belongs to no piece, and would not be known. */
	if (wanted && !m->on && !f->pieces.cut)
		vpt_monitor_start(f, bytes);
}

void vpt_monitor_report(struct vpt_file *f)
{
	const struct spec_mon_verdict *v = &f->monitor.mon.verdict;

	if (!f->monitor.on || f->monitor.mon.judging || f->monitor.mon.lost || f->violations)
		return;
	vpt_violation(f, v->va == SPEC_MON_ANY ? f->start : v->va,
		      "protocol violation %u, %s: %s Table %#llx, level %u, entry %u (%#llx), frame %#llx, CPUs %#llx",
		      v->wrong, spec_mon_wrong_name(v->wrong),
		      spec_mon_wrong_sentence(v->wrong), v->table, v->level, v->index,
		      v->entry, v->frame, v->cpus);
}
