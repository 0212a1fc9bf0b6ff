// SPDX-License-Identifier: GPL-2.0
/* Events: made here, given to the tracepoints and to the monitor. */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "../../../spec/spec_map.h"
#include "../vpt_file.h"
#include "events.h"
#include "monitor.h"

#define CREATE_TRACE_POINTS
#include "vpt_trace.h"

DEFINE_STATIC_KEY_FALSE(vpt_events_key);

/* Of what can only be read.  At insertion Linux calls this without asking whether it is there. */
static int vpt_param_refuse(const char *value, const struct kernel_param *param)
{
	return -EPERM;
}

static int vpt_listeners_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", static_key_count(&vpt_events_key.key));
}

static const struct kernel_param_ops vpt_listeners_ops = {
	.set = vpt_param_refuse,
	.get = vpt_listeners_get,
};
module_param_cb(listeners, &vpt_listeners_ops, NULL, 0444);
MODULE_PARM_DESC(listeners, "Tracepoints that are on, and check=full; while 0, there are no events (read only)");

static int vpt_trace_format_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", SPEC_MON_FORMAT);
}

static const struct kernel_param_ops vpt_trace_format_ops = {
	.set = vpt_param_refuse,
	.get = vpt_trace_format_get,
};
module_param_cb(trace_format, &vpt_trace_format_ops, NULL, 0444);
MODULE_PARM_DESC(trace_format, "Format of the events, which vpt-trace-check must know (read only)");

int vpt_events_get(void)
{
	static_branch_inc(&vpt_events_key);
	return 0;
}

void vpt_events_put(void)
{
	static_branch_dec(&vpt_events_key);
}

static void vpt_trace(u32 id, const struct spec_mon_event *e)
{
	switch (e->kind) {
	case SPEC_MON_REGION_LOCK:
		return trace_vpt_region_lock(id, e);
	case SPEC_MON_REGION_UNLOCK:
		return trace_vpt_region_unlock(id, e);
	case SPEC_MON_TABLE_SEEN:
		return trace_vpt_table_seen(id, e);
	case SPEC_MON_TABLE_TAKE:
		return trace_vpt_table_take(id, e);
	case SPEC_MON_TABLE_LOCK:
		return trace_vpt_table_lock(id, e);
	case SPEC_MON_TABLE_UNLOCK:
		return trace_vpt_table_unlock(id, e);
	case SPEC_MON_STORE:
		return trace_vpt_store(id, e);
	case SPEC_MON_EXCHANGE:
		return trace_vpt_exchange(id, e);
	case SPEC_MON_COMPARE:
		return trace_vpt_compare_exchange(id, e);
	case SPEC_MON_TABLE_DEFER:
		return trace_vpt_table_defer(id, e);
	case SPEC_MON_TABLE_RELEASE:
		return trace_vpt_table_release(id, e);
	case SPEC_MON_FRAME_DEFER:
		return trace_vpt_frame_defer(id, e);
	case SPEC_MON_SHOOT_BEGIN:
		return trace_vpt_shootdown_begin(id, e);
	case SPEC_MON_INVALIDATE:
		return trace_vpt_invalidate(id, e);
	case SPEC_MON_ACK:
		return trace_vpt_ack(id, e);
	case SPEC_MON_SHOOT_END:
		return trace_vpt_shootdown_end(id, e);
	case SPEC_MON_TABLE_FREE:
		return trace_vpt_table_free(id, e);
	case SPEC_MON_FRAME_FREE:
		return trace_vpt_frame_free(id, e);
	default:
		return;
	}
}

static void vpt_event(struct vpt_file *f, const struct spec_mon_event *e)
{
	vpt_trace(f->id, e);
	vpt_monitor_step(f, e);
}

void vpt_event_write(struct pt_env *env, enum spec_mon_kind kind, u64 table,
		     unsigned int level, unsigned int i, u64 old, u64 entry, u64 expected)
{
	const struct spec_mon_event e = {
		.kind = kind, .table = table, .level = level, .index = i, .old = old,
		.new = entry, .expected = expected, .by = task_pid_nr(current),
	};

	vpt_event(env->f, &e);
}

void vpt_event_table_lock(struct pt_env *env, u64 table, unsigned int level, bool lock)
{
	const struct spec_mon_event e = {
		.kind = lock ? SPEC_MON_TABLE_LOCK : SPEC_MON_TABLE_UNLOCK,
		.table = table, .level = level, .by = task_pid_nr(current),
	};

	vpt_event(env->f, &e);
}

/* @flag: of a table taken, whether it is owned; of one freed, whether into the reserve. */
void vpt_event_table(struct vpt_file *f, enum spec_mon_kind kind, u64 table,
		     unsigned int level, bool flag)
{
	struct spec_mon_event e = { .kind = kind, .table = table, .level = level };

	if (kind == SPEC_MON_TABLE_TAKE) {
		e.owned = flag;
		e.zero = !memchr_inv(vpt_table_slot(table, 0), 0, PAGE_SIZE);
	} else {
		e.reserve = flag;
	}
	vpt_event(f, &e);
}

void vpt_event_frame(struct vpt_file *f, enum spec_mon_kind kind, u64 frame,
		     unsigned int level)
{
	const struct spec_mon_event e = { .kind = kind, .frame = frame, .level = level };

	vpt_event(f, &e);
}

static u64 vpt_generation(struct vpt_file *f)
{
	return atomic64_read(&f->mm->context.tlb_gen);
}

void vpt_event_lock(struct vpt_file *f)
{
	const struct spec_mon_event e = {
		.kind = SPEC_MON_REGION_LOCK, .by = task_pid_nr(current),
		.lo = f->start, .hi = f->end, .gen = vpt_generation(f),
	};

	vpt_monitor_begin(f);
	vpt_event(f, &e);
}

void vpt_event_unlock(struct vpt_file *f)
{
	const struct spec_mon_event e = {
		.kind = SPEC_MON_REGION_UNLOCK, .by = task_pid_nr(current),
	};

	vpt_event(f, &e);
	vpt_monitor_report(f);
}

u64 vpt_event_path(struct vpt_file *f, u64 va, u64 *seen, bool leaf,
		   void (*emit)(struct vpt_file *f, const struct spec_mon_event *e))
{
	struct spec_mon_event e = { .table = f->root, .level = PT_LEVELS };

	for (;;) {
		e.kind = SPEC_MON_TABLE_SEEN;
		e.base = va & ~(pt_table_span(e.level) - 1);
		if (seen[e.level] != e.table)
			emit(f, &e);
		seen[e.level] = e.table;
		e.index = pt_index(va, e.level);
		e.old = vpt_table_entry(e.table, e.index);
		if (!(e.old & _PAGE_PRESENT) || e.level == 1 || (e.old & _PAGE_PSE))
			break;
		e.parent = e.table;
		e.table = e.old & PTE_PFN_MASK;
		/* A broken tree is not followed; that it is broken is for others to say. */
		if (!pfn_valid(PHYS_PFN(e.table)))
			break;
		e.level--;
	}
	e.kind = SPEC_MON_ENTRY_SEEN;
	if (leaf)
		emit(f, &e);
	return pt_size(e.level);
}

/* First byte after the addresses that @op names, or the region's end. */
static u64 vpt_operation_end(const struct pt *pt, const struct spec_op *op)
{
	switch (op->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		if (op->n > (pt->end - op->va) >> pt_shift(op->level))
			return pt->end;
		return op->va + (op->n << pt_shift(op->level));
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		return min(op->end, pt->end);
	default:
		return op->va + PAGE_SIZE;
	}
}

void vpt_event_operation(struct vpt_file *f, const struct pt *pt, const struct spec_op *op)
{
	struct spec_mon_event e = {
		.kind = SPEC_MON_OPERATION, .start = op->va, .lo = pt->start, .hi = pt->end,
	};
	u64 seen[PT_LEVELS + 1] = { 0 }, va = op->va, bytes;

	if (op->kind == SPEC_OP_RESOLVE || va < pt->start || va >= pt->end || f->violations)
		return;
	e.end = vpt_operation_end(pt, op);
	trace_vpt_operation(f->id, &e, spec_op_name(op->kind));
	vpt_monitor_step(f, &e);
	while (va < e.end) {
		bytes = vpt_event_path(f, va, seen, false, vpt_event);
		/* A table of level 1 has nothing below its entries. */
		bytes = max(bytes, pt_table_span(1));
		va = (va & ~(bytes - 1)) + bytes;
	}
}

const struct cpumask *vpt_event_shootdown(struct vpt_file *f, u64 start, u64 end,
					  unsigned int shift)
{
	struct spec_mon_event e = {
		.kind = SPEC_MON_SHOOT_BEGIN, .start = start, .end = end, .shift = shift,
		.gen = vpt_generation(f),
	};

	cpumask_and(f->shot, mm_cpumask(f->mm), cpu_online_mask);
	/* The event has the first SPEC_MON_CPUS of them. */
	e.cpus = cpumask_bits(f->shot)[0];
	vpt_event(f, &e);
	return f->shot;
}

void vpt_event_shootdown_end(struct vpt_file *f)
{
	/* A CPU that went offline meanwhile has flushed everything. */
	const struct spec_mon_event e = {
		.kind = SPEC_MON_SHOOT_END,
		.cpus = cpumask_bits(f->shot)[0] & cpumask_bits(cpu_online_mask)[0],
	};

	vpt_event(f, &e);
}

void vpt_event_invalidated(struct vpt_file *f, u64 start, u64 end, unsigned int shift,
			   bool all)
{
	struct spec_mon_event e = {
		.kind = SPEC_MON_INVALIDATE, .start = start, .end = end, .shift = shift,
		.all = all, .cpu = smp_processor_id(),
	};

	if (e.cpu >= SPEC_MON_CPUS)
		return;
	vpt_event(f, &e);
	e.kind = SPEC_MON_ACK;
	vpt_event(f, &e);
}
