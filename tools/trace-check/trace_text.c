// SPDX-License-Identifier: GPL-2.0
/* Reading a line of a trace. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_text.h"

/* The fields of all events; each event has some of them. */
enum trace_field {
	F_ID, F_BY, F_LO, F_HI, F_GEN, F_START, F_END, F_TABLE, F_LEVEL, F_BASE, F_PARENT,
	F_INDEX, F_OLD, F_NEW, F_EXPECTED, F_OWNED, F_ZERO, F_FRAME, F_SHIFT, F_CPUS, F_CPU,
	F_ALL, F_RESERVE, F_OP,
	F_COUNT
};

static const char *const trace_fields[F_COUNT] = {
	[F_ID] = "id", [F_BY] = "by", [F_LO] = "lo", [F_HI] = "hi", [F_GEN] = "gen",
	[F_START] = "start", [F_END] = "end", [F_TABLE] = "table", [F_LEVEL] = "level",
	[F_BASE] = "base", [F_PARENT] = "parent", [F_INDEX] = "index", [F_OLD] = "old",
	[F_NEW] = "new", [F_EXPECTED] = "expected", [F_OWNED] = "owned", [F_ZERO] = "zero",
	[F_FRAME] = "frame", [F_SHIFT] = "shift", [F_CPUS] = "cpus", [F_CPU] = "cpu",
	[F_ALL] = "all", [F_RESERVE] = "reserve", [F_OP] = "op",
};

#define BIT_OF(field)	(1U << (field))
#define F_OF_TABLE	(BIT_OF(F_ID) | BIT_OF(F_TABLE) | BIT_OF(F_LEVEL))
#define F_OF_LOCK	(F_OF_TABLE | BIT_OF(F_BY))
#define F_OF_WRITE	(F_OF_LOCK | BIT_OF(F_INDEX) | BIT_OF(F_OLD) | BIT_OF(F_NEW))
#define F_OF_RANGE	(BIT_OF(F_ID) | BIT_OF(F_START) | BIT_OF(F_END))
#define F_OF_SHOOT	(F_OF_RANGE | BIT_OF(F_SHIFT))
#define F_OF_FRAME	(BIT_OF(F_ID) | BIT_OF(F_FRAME) | BIT_OF(F_LEVEL))

static const struct {
	const char *name;
	unsigned int fields;
} trace_events[SPEC_MON_KINDS] = {
	[SPEC_MON_REGION_LOCK] = { "vpt_region_lock", BIT_OF(F_ID) | BIT_OF(F_BY) |
				   BIT_OF(F_LO) | BIT_OF(F_HI) | BIT_OF(F_GEN) },
	[SPEC_MON_REGION_UNLOCK] = { "vpt_region_unlock", BIT_OF(F_ID) | BIT_OF(F_BY) },
	[SPEC_MON_OPERATION] = { "vpt_operation", F_OF_RANGE | BIT_OF(F_OP) |
				 BIT_OF(F_LO) | BIT_OF(F_HI) },
	[SPEC_MON_TABLE_SEEN] = { "vpt_table_seen", F_OF_TABLE | BIT_OF(F_BASE) |
				  BIT_OF(F_PARENT) },
	[SPEC_MON_ENTRY_SEEN] = { "vpt_entry_seen", F_OF_TABLE | BIT_OF(F_INDEX) |
				  BIT_OF(F_OLD) },
	[SPEC_MON_TABLE_TAKE] = { "vpt_table_take", F_OF_TABLE | BIT_OF(F_OWNED) |
				  BIT_OF(F_ZERO) },
	[SPEC_MON_TABLE_LOCK] = { "vpt_table_lock", F_OF_LOCK },
	[SPEC_MON_TABLE_UNLOCK] = { "vpt_table_unlock", F_OF_LOCK },
	[SPEC_MON_STORE] = { "vpt_store", F_OF_WRITE },
	[SPEC_MON_EXCHANGE] = { "vpt_exchange", F_OF_WRITE },
	[SPEC_MON_COMPARE] = { "vpt_compare_exchange", F_OF_WRITE | BIT_OF(F_EXPECTED) },
	[SPEC_MON_TABLE_DEFER] = { "vpt_table_defer", F_OF_TABLE },
	[SPEC_MON_TABLE_RELEASE] = { "vpt_table_release", BIT_OF(F_ID) | BIT_OF(F_TABLE) },
	[SPEC_MON_FRAME_DEFER] = { "vpt_frame_defer", F_OF_FRAME },
	[SPEC_MON_SHOOT_BEGIN] = { "vpt_shootdown_begin", F_OF_SHOOT | BIT_OF(F_CPUS) |
				   BIT_OF(F_GEN) },
	[SPEC_MON_INVALIDATE] = { "vpt_invalidate", F_OF_SHOOT | BIT_OF(F_CPU) |
				  BIT_OF(F_ALL) },
	[SPEC_MON_ACK] = { "vpt_ack", BIT_OF(F_ID) | BIT_OF(F_CPU) },
	[SPEC_MON_SHOOT_END] = { "vpt_shootdown_end", BIT_OF(F_ID) | BIT_OF(F_CPUS) },
	[SPEC_MON_TABLE_FREE] = { "vpt_table_free", F_OF_TABLE | BIT_OF(F_RESERVE) },
	[SPEC_MON_FRAME_FREE] = { "vpt_frame_free", F_OF_FRAME },
};

const char *trace_event_name(enum spec_mon_kind kind)
{
	return trace_events[kind].name;
}

/* The event whose name ends at a colon somewhere in @line; what follows it. */
static const char *trace_find(const char *line, enum spec_mon_kind *kind)
{
	const char *at = line;

	while ((at = strstr(at, "vpt_"))) {
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		unsigned int i;

		for (i = 0; i < SPEC_MON_KINDS; i++) {
			if (strlen(trace_events[i].name) == length && at[length] == ':' &&
			    !strncmp(at, trace_events[i].name, length) &&
			    (at == line || !isalnum((unsigned char)at[-1]))) {
				*kind = i;
				return at + length + 1;
			}
		}
		at += length;
	}
	return NULL;
}

/* ftrace: "CPU:1 [LOST 5 EVENTS]"; trace-cmd: "[5 EVENTS DROPPED]"; perf: "LOST 5". */
static bool trace_is_lost(const char *line)
{
	return strstr(line, "[LOST ") || strstr(line, "EVENTS DROPPED") ||
	       strstr(line, "PERF_RECORD_LOST");
}

static enum trace_line trace_complain(char why[100], const char *what, const char *word,
				      size_t length)
{
	snprintf(why, 100, "%s \"%.*s\"", what, (int)(length < 40 ? length : 40), word);
	return TRACE_MALFORMED;
}

static void trace_fill(struct spec_mon_event *e, const u64 *v)
{
	e->by = v[F_BY];
	e->lo = v[F_LO];
	e->hi = v[F_HI];
	e->gen = v[F_GEN];
	e->start = v[F_START];
	e->end = v[F_END];
	e->table = v[F_TABLE];
	e->level = (unsigned int)v[F_LEVEL];
	e->base = v[F_BASE];
	e->parent = v[F_PARENT];
	e->index = (unsigned int)v[F_INDEX];
	e->old = v[F_OLD];
	e->new = v[F_NEW];
	e->expected = v[F_EXPECTED];
	e->owned = v[F_OWNED];
	e->zero = v[F_ZERO];
	e->frame = v[F_FRAME];
	e->shift = (unsigned int)v[F_SHIFT];
	e->cpus = v[F_CPUS];
	e->cpu = (unsigned int)v[F_CPU];
	e->all = v[F_ALL];
	e->reserve = v[F_RESERVE];
}

/* Values that no event can have, whatever it is. */
static const char *trace_out_of_bounds(const u64 *v, unsigned int given)
{
	unsigned int top = given & BIT_OF(F_FRAME) ? 3 : 4;

	if ((given & BIT_OF(F_LEVEL)) && (v[F_LEVEL] < 1 || v[F_LEVEL] > top))
		return "level";
	if (v[F_INDEX] >= SPEC_ENTRIES)
		return "index";
	if (v[F_TABLE] & 4095)
		return "table";
	if (v[F_CPU] >= SPEC_MON_CPUS)
		return "cpu";
	if (v[F_SHIFT] > 63)
		return "shift";
	return NULL;
}

enum trace_line trace_parse(const char *line, u64 *id, struct spec_mon_event *event,
			    char why[100])
{
	enum spec_mon_kind kind;
	const char *at = trace_find(line, &kind), *bad;
	unsigned int given = 0, wanted, i;
	u64 v[F_COUNT] = { 0 };

	if (!at)
		return trace_is_lost(line) ? TRACE_LOST : TRACE_FOREIGN;
	wanted = trace_events[kind].fields;
	for (at += strspn(at, " \t\r"); *at; at += strspn(at, " \t\r")) {
		size_t length = strcspn(at, " \t\r"), name = strcspn(at, "= \t\r");
		char *end;

		for (i = 0; i < F_COUNT; i++) {
			if (strlen(trace_fields[i]) == name && !strncmp(at, trace_fields[i], name))
				break;
		}
		if (i == F_COUNT || !(wanted & BIT_OF(i)) || at[name] != '=')
			return trace_complain(why, "not a field of this event:", at, length);
		if (given & BIT_OF(i))
			return trace_complain(why, "given twice:", at, length);
		given |= BIT_OF(i);
		errno = 0;
		v[i] = strtoull(at + name + 1, &end, 0);
		if (i != F_OP && (end != at + length || end == at + name + 1 || errno ||
				  !isdigit((unsigned char)at[name + 1])))
			return trace_complain(why, "not a number:", at, length);
		at += length;
	}
	for (i = 0; i < F_COUNT; i++) {
		if (wanted & ~given & BIT_OF(i))
			return trace_complain(why, "no field", trace_fields[i],
					      strlen(trace_fields[i]));
	}
	bad = trace_out_of_bounds(v, given);
	if (bad)
		return trace_complain(why, "out of bounds: field", bad, strlen(bad));
	*event = (struct spec_mon_event){ .kind = kind };
	trace_fill(event, v);
	*id = v[F_ID];
	return TRACE_EVENT;
}
