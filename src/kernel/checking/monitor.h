/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol monitor (spec/spec_mon.h) at work in the kernel: one for each file, while
 * check=full.  It gets the events (events.h).
 */
#ifndef VPT_MONITOR_H
#define VPT_MONITOR_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include "../../../spec/spec_mon.h"

struct vpt_file;

/**
 * struct vpt_monitor - a file's monitor
 * @lock: a step may come from an interrupt, on any CPU, so it spins on PREEMPT_RT too
 * @node: place in the list of the monitors that are on
 * @on: it judges; set with all spans held, changes under @lock
 * @memory: what it remembers
 * @bytes: size of that
 * @spare: what it will start with next time, allocated without a lock; changes
 *	under @lock
 * @spare_bytes: size of that
 * @mon: the automaton
 */
struct vpt_monitor {
	raw_spinlock_t lock;	/* see above */
	struct list_head node;
	bool on;
	void *memory;
	u64 bytes;
	void *spare;
	u64 spare_bytes;
	struct spec_mon mon;
};

void vpt_monitor_init(struct vpt_file *f);
void vpt_monitor_drop(struct vpt_file *f);

/* End all that are on: check= is not full any more. */
void vpt_monitors_drop(void);

/* Spans are about to be taken: allocate what a start needs.  May sleep. */
void vpt_monitor_prepare(struct vpt_file *f);

/*
 * All spans were taken: start or end, as check= wants it.  Without prepared memory,
 * as in the notifier, a start waits for the next operation.
 */
void vpt_monitor_begin(struct vpt_file *f);

/* Any context. */
void vpt_monitor_step(struct vpt_file *f, const struct spec_mon_event *e);

/* They will be released: say what was found. */
void vpt_monitor_report(struct vpt_file *f);

#endif /* VPT_MONITOR_H */
