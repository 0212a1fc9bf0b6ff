/* SPDX-License-Identifier: GPL-2.0 */
/* The monitor's events as text, one a line, as the kernel's tracepoints print them. */
#ifndef TRACE_TEXT_H
#define TRACE_TEXT_H

#include "spec_mon.h"

/* What a line is. */
enum trace_line {
	TRACE_EVENT,		/* an event of the monitor's */
	TRACE_FOREIGN,		/* something else: to be skipped */
	TRACE_LOST,		/* the recorder says that events are missing here */
	TRACE_MALFORMED,
};

/**
 * trace_parse() - read one line
 * @line: text, without its newline; what stands before the event's name is skipped
 * @id: number of the region that the event is about
 * @event: filled in for TRACE_EVENT
 * @why: filled in for TRACE_MALFORMED: what is wrong, at most 99 characters
 *
 * Understands /sys/kernel/tracing/trace, "trace-cmd report" and "perf script".
 */
enum trace_line trace_parse(const char *line, u64 *id, struct spec_mon_event *event,
			    char why[100]);

/* The event's name, as in a trace: vpt_store. */
const char *trace_event_name(enum spec_mon_kind kind);

#endif /* TRACE_TEXT_H */
