/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what happens to a region's tables, for whoever traces (vpt_trace.h), and for
 * the protocol monitor.  While nobody listens each place costs a jump that is not
 * taken.
 */
#ifndef VPT_EVENTS_H
#define VPT_EVENTS_H

#include <linux/jump_label.h>
#include <linux/types.h>

#include "../../../spec/spec_mon.h"

struct cpumask;
struct pt;
struct pt_env;
struct spec_op;
struct vpt_file;

DECLARE_STATIC_KEY_FALSE(vpt_events_key);

/*
 * Whether anybody listens.  This can change at any time: code that makes two events of one
 * thing, its beginning and its end, asks once and keeps the answer.
 */
static __always_inline bool vpt_events_on(void)
{
	return static_branch_unlikely(&vpt_events_key);
}

/* A listener more, or one less. */
int vpt_events_get(void);
void vpt_events_put(void);

/*
 * The rest is called only while somebody listens.  Writes, locks taken and
 * invalidations are reported after the fact, locks released and what is freed before it.
 */

/* Of the core's environment.  See struct spec_mon_event. */
void vpt_event_write(struct pt_env *env, enum spec_mon_kind kind, u64 table,
		     unsigned int level, unsigned int i, u64 old, u64 entry, u64 expected);
void vpt_event_table_lock(struct pt_env *env, u64 table, unsigned int level, bool lock);
void vpt_event_table(struct vpt_file *f, enum spec_mon_kind kind, u64 table,
		     unsigned int level, bool flag);
void vpt_event_frame(struct vpt_file *f, enum spec_mon_kind kind, u64 frame,
		     unsigned int level);

/* All spans were taken, or are about to be released.  A single span's lock is no event. */
void vpt_event_lock(struct vpt_file *f);
void vpt_event_unlock(struct vpt_file *f);

/* An operation is about to be done in @pt; and which tables stand on its way. */
void vpt_event_operation(struct vpt_file *f, const struct pt *pt, const struct spec_op *op);

/*
 * Events for @emit of the tables on @va's path, but of none that @seen, an array by level,
 * has from the path before; and of the leaf, if @leaf.  Return: bytes behind the entry
 * in which the walk ends.
 */
u64 vpt_event_path(struct vpt_file *f, u64 va, u64 *seen, bool leaf,
		   void (*emit)(struct vpt_file *f, const struct spec_mon_event *e));

/*
 * A shootdown begins.  Return: the CPUs that are to be interrupted, held still: the
 * address space's own mask changes while one looks at it.
 */
const struct cpumask *vpt_event_shootdown(struct vpt_file *f, u64 start, u64 end,
					  unsigned int shift);
void vpt_event_shootdown_end(struct vpt_file *f);

/* This CPU has invalidated, and will acknowledge.  Interrupts are off. */
void vpt_event_invalidated(struct vpt_file *f, u64 start, u64 end, unsigned int shift,
			   bool all);

#endif /* VPT_EVENTS_H */
