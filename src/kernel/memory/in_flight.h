/* SPDX-License-Identifier: GPL-2.0 */
/* What faults and ioctls of an address space have taken for a moment. */
#ifndef VPT_IN_FLIGHT_H
#define VPT_IN_FLIGHT_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/percpu.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct vpt_in_flight_cpu - as one CPU has counted it
 * @begun: touches that have begun; a touch may end on another CPU
 * @ended: touches that have ended
 * @asked: pages that ioctls have set out to allocate
 * @settled: of these, those that were not to be had, have been given back, or whose ioctl is
 *	about to return
 *
 * Only sums mean something, and only so: @ended is summed up before @begun, @settled before
 * @asked.  Where the sums are equal nobody was on his way at some time between the two.  All but
 * @asked only grow; who is refused takes what he has asked for back where he counted it.
 */
struct vpt_in_flight_cpu {
	u64 begun;
	u64 ended;
	atomic64_t asked;
	u64 settled;
} ____cacheline_aligned_in_smp;

/**
 * struct vpt_in_flight - touches and ioctls of one address space
 * @cpus: counts of each CPU, in a cache line of its own
 * @touch: see vpt_file.h
 * @alone: one touch keeps the others out, or waits until they have ended
 * @ended: where it waits
 */
struct vpt_in_flight {
	struct vpt_in_flight_cpu __percpu *cpus;
	struct rw_semaphore touch;
	bool alone;
	wait_queue_head_t ended;
};

int __must_check vpt_in_flight_init(struct vpt_in_flight *all);
void vpt_in_flight_free(struct vpt_in_flight *all);

int __must_check vpt_touch_begin(struct vpt_in_flight *all);
void vpt_touch_end(struct vpt_in_flight *all);
int __must_check vpt_touch_begin_alone(struct vpt_in_flight *all);
void vpt_touch_end_alone(struct vpt_in_flight *all);

atomic64_t *vpt_in_flight_ask(struct vpt_in_flight *all, u64 pages);
void vpt_in_flight_settle(struct vpt_in_flight *all, u64 pages);
u64 vpt_in_flight_asked(struct vpt_in_flight *all);
u64 vpt_in_flight_settled(struct vpt_in_flight *all);

#endif /* VPT_IN_FLIGHT_H */
