/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to a region's tables, as tracepoints (system "vpt"): the events of
 * the protocol monitor (spec/spec_mon.h), each with the number of the open file.
 * tools/trace-check/trace_text.c reads them back.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vpt

#if !defined(VPT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VPT_TRACE_H

#include <linux/tracepoint.h>

#include "events.h"

TRACE_EVENT_FN(vpt_region_lock,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, by)
		__field(u64, lo)
		__field(u64, hi)
		__field(u64, gen)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->by = e->by;
		__entry->lo = e->lo;
		__entry->hi = e->hi;
		__entry->gen = e->gen;
	),
	TP_printk("id=%u by=%llu lo=0x%llx hi=0x%llx gen=%llu", __entry->id,
		  __entry->by, __entry->lo, __entry->hi, __entry->gen),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_region_unlock,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, by)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->by = e->by;
	),
	TP_printk("id=%u by=%llu", __entry->id, __entry->by),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_operation,
	TP_PROTO(u32 id, const struct spec_mon_event *e, const char *op),
	TP_ARGS(id, e, op),
	TP_STRUCT__entry(
		__field(u32, id)
		__array(char, op, 16)
		__field(u64, start)
		__field(u64, end)
		__field(u64, lo)
		__field(u64, hi)
	),
	TP_fast_assign(
		__entry->id = id;
		strscpy(__entry->op, op, sizeof(__entry->op));
		__entry->start = e->start;
		__entry->end = e->end;
		__entry->lo = e->lo;
		__entry->hi = e->hi;
	),
	TP_printk("id=%u op=%s start=0x%llx end=0x%llx lo=0x%llx hi=0x%llx", __entry->id,
		  __entry->op, __entry->start, __entry->end, __entry->lo, __entry->hi),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_table_seen,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u64, base)
		__field(u64, parent)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->base = e->base;
		__entry->parent = e->parent;
	),
	TP_printk("id=%u table=0x%llx level=%u base=0x%llx parent=0x%llx", __entry->id,
		  __entry->table, __entry->level, __entry->base, __entry->parent),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_table_take,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u32, owned)
		__field(u32, zero)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->owned = e->owned;
		__entry->zero = e->zero;
	),
	TP_printk("id=%u table=0x%llx level=%u owned=%u zero=%u", __entry->id,
		  __entry->table, __entry->level, __entry->owned, __entry->zero),
	vpt_events_get, vpt_events_put
);

DECLARE_EVENT_CLASS(vpt_table_locks,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u64, by)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->by = e->by;
	),
	TP_printk("id=%u table=0x%llx level=%u by=%llu", __entry->id, __entry->table,
		  __entry->level, __entry->by)
);

DEFINE_EVENT_FN(vpt_table_locks, vpt_table_lock,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);
DEFINE_EVENT_FN(vpt_table_locks, vpt_table_unlock,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);

DECLARE_EVENT_CLASS(vpt_writes,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u64, old)
		__field(u64, new)
		__field(u64, by)
		__field(u32, index)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->old = e->old;
		__entry->new = e->new;
		__entry->by = e->by;
		__entry->index = e->index;
	),
	TP_printk("id=%u table=0x%llx level=%u index=%u old=0x%llx new=0x%llx by=%llu",
		  __entry->id, __entry->table, __entry->level, __entry->index,
		  __entry->old, __entry->new, __entry->by)
);

DEFINE_EVENT_FN(vpt_writes, vpt_store,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);
DEFINE_EVENT_FN(vpt_writes, vpt_exchange,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);

TRACE_EVENT_FN(vpt_compare_exchange,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u64, expected)
		__field(u64, old)
		__field(u64, new)
		__field(u64, by)
		__field(u32, index)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->expected = e->expected;
		__entry->old = e->old;
		__entry->new = e->new;
		__entry->by = e->by;
		__entry->index = e->index;
	),
	TP_printk("id=%u table=0x%llx level=%u index=%u expected=0x%llx old=0x%llx new=0x%llx by=%llu",
		  __entry->id, __entry->table, __entry->level, __entry->index,
		  __entry->expected, __entry->old, __entry->new, __entry->by),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_table_defer,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
	),
	TP_printk("id=%u table=0x%llx level=%u", __entry->id, __entry->table,
		  __entry->level),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_table_release,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, table)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->table = e->table;
	),
	TP_printk("id=%u table=0x%llx", __entry->id, __entry->table),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_table_free,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, table)
		__field(u32, reserve)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->table = e->table;
		__entry->reserve = e->reserve;
	),
	TP_printk("id=%u table=0x%llx level=%u reserve=%u", __entry->id, __entry->table,
		  __entry->level, __entry->reserve),
	vpt_events_get, vpt_events_put
);

DECLARE_EVENT_CLASS(vpt_frames,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, level)
		__field(u64, frame)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->level = e->level;
		__entry->frame = e->frame;
	),
	TP_printk("id=%u frame=0x%llx level=%u", __entry->id, __entry->frame,
		  __entry->level)
);

DEFINE_EVENT_FN(vpt_frames, vpt_frame_defer,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);
DEFINE_EVENT_FN(vpt_frames, vpt_frame_free,
	TP_PROTO(u32 id, const struct spec_mon_event *e), TP_ARGS(id, e),
	vpt_events_get, vpt_events_put);

TRACE_EVENT_FN(vpt_shootdown_begin,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, shift)
		__field(u64, start)
		__field(u64, end)
		__field(u64, cpus)
		__field(u64, gen)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->shift = e->shift;
		__entry->start = e->start;
		__entry->end = e->end;
		__entry->cpus = e->cpus;
		__entry->gen = e->gen;
	),
	TP_printk("id=%u start=0x%llx end=0x%llx shift=%u cpus=0x%llx gen=%llu", __entry->id,
		  __entry->start, __entry->end, __entry->shift, __entry->cpus,
		  __entry->gen),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_invalidate,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, cpu)
		__field(u64, start)
		__field(u64, end)
		__field(u32, shift)
		__field(u32, all)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->cpu = e->cpu;
		__entry->start = e->start;
		__entry->end = e->end;
		__entry->shift = e->shift;
		__entry->all = e->all;
	),
	TP_printk("id=%u cpu=%u start=0x%llx end=0x%llx shift=%u all=%u", __entry->id,
		  __entry->cpu, __entry->start, __entry->end, __entry->shift,
		  __entry->all),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_ack,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, cpu)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->cpu = e->cpu;
	),
	TP_printk("id=%u cpu=%u", __entry->id, __entry->cpu),
	vpt_events_get, vpt_events_put
);

TRACE_EVENT_FN(vpt_shootdown_end,
	TP_PROTO(u32 id, const struct spec_mon_event *e),
	TP_ARGS(id, e),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u64, cpus)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->cpus = e->cpus;
	),
	TP_printk("id=%u cpus=0x%llx", __entry->id, __entry->cpus),
	vpt_events_get, vpt_events_put
);

#endif /* VPT_TRACE_H */

/* Found on the include path, like the core's environment (Kbuild). */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vpt_trace
#include <trace/define_trace.h>
