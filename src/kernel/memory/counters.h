/* SPDX-License-Identifier: GPL-2.0 */
/* What the module has taken and given back since it was inserted. */
#ifndef VPT_COUNTERS_H
#define VPT_COUNTERS_H

#include <linux/percpu.h>

struct vpt_counters {
	u64 frames_allocated;
	u64 frames_freed;
	u64 frames_retired;
	u64 tables_allocated;
	u64 tables_reclaimed_foreign;
	u64 tables_freed;
	u64 tables_transferred;
	u64 files_opened;
	u64 files_closed;
};

DECLARE_PER_CPU(struct vpt_counters, vpt_counters);

/* Any context. */
#define vpt_count(what, n)	this_cpu_add(vpt_counters.what, n)

#endif /* VPT_COUNTERS_H */
