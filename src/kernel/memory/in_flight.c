// SPDX-License-Identifier: GPL-2.0
/*
 * What faults and ioctls of an address space have taken for a moment.
 *
 * A touch that finds no memory is tried again while no other holds any, and ends in SIGBUS
 * only if no ioctl held any either.  Touches are many and such a one is rare, so that a touch
 * counts itself on its own CPU and looks whether one wants to be alone.  Either it sees
 * that, or it is seen: both write first, then a barrier, then they read.
 */
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>

#include "in_flight.h"

/**
 * vpt_in_flight_init() - nothing is under way yet
 * @all: zeroed
 *
 * Return: 0, to be given to vpt_in_flight_free(); -ENOMEM.
 */
int vpt_in_flight_init(struct vpt_in_flight *all)
{
	all->cpus = alloc_percpu_gfp(struct vpt_in_flight_cpu, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	init_rwsem(&all->touch);
	init_waitqueue_head(&all->ended);
	return all->cpus ? 0 : -ENOMEM;
}

/**
 * vpt_in_flight_free() - nothing will be
 * @all: as given to vpt_in_flight_init(), or zeroed
 */
void vpt_in_flight_free(struct vpt_in_flight *all)
{
	free_percpu(all->cpus);
}

static void vpt_touch_count_end(struct vpt_in_flight *all)
{
	/* Whoever sees it counted sees what it has given back. */
	smp_wmb();
	this_cpu_inc(all->cpus->ended);
	/* Pairs with the one in vpt_touch_begin_alone(). */
	smp_mb();
	if (READ_ONCE(all->alone))
		wake_up(&all->ended);
}

/**
 * vpt_touch_begin() - a fault may be about to map a page
 * @all: those of its address space
 *
 * Context: as in a fault.  Sleeps while another touch is alone.
 * Return: 0, to be ended by vpt_touch_end(); -EINTR if the caller is being killed.
 */
int vpt_touch_begin(struct vpt_in_flight *all)
{
	this_cpu_inc(all->cpus->begun);
	/* Pairs with the one in vpt_touch_begin_alone(). */
	smp_mb();
	if (unlikely(READ_ONCE(all->alone))) {
		vpt_touch_count_end(all);
		if (down_read_killable(&all->touch))
			return -EINTR;
		this_cpu_inc(all->cpus->begun);
		up_read(&all->touch);
	}
	/* In lockdep's eyes each touch holds @touch for reading. */
	rwsem_acquire_read(&all->touch.dep_map, 0, 0, _RET_IP_);
	return 0;
}

/**
 * vpt_touch_end() - what the fault has taken is mapped, or given back
 * @all: as given to vpt_touch_begin()
 */
void vpt_touch_end(struct vpt_in_flight *all)
{
	rwsem_release(&all->touch.dep_map, _RET_IP_);
	vpt_touch_count_end(all);
}

static bool vpt_touches_ended(struct vpt_in_flight *all)
{
	u64 ended = 0, begun = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(per_cpu_ptr(all->cpus, cpu)->ended);
	/* Pairs with the first one in vpt_touch_count_end(). */
	smp_rmb();
	for_each_possible_cpu(cpu)
		begun += READ_ONCE(per_cpu_ptr(all->cpus, cpu)->begun);
	return ended == begun;
}

/**
 * vpt_touch_begin_alone() - the same, when all others have ended; those to come wait
 * @all: those of its address space
 *
 * Return: 0, to be ended by vpt_touch_end_alone(); -EINTR if the caller is being killed.
 */
int vpt_touch_begin_alone(struct vpt_in_flight *all)
{
	if (down_write_killable(&all->touch))
		return -EINTR;
	WRITE_ONCE(all->alone, true);
	/* Pairs with those of the others. */
	smp_mb();
	if (!wait_event_killable(all->ended, vpt_touches_ended(all)))
		return 0;
	vpt_touch_end_alone(all);
	return -EINTR;
}

/**
 * vpt_touch_end_alone() - the others may go on
 * @all: as given to vpt_touch_begin_alone()
 */
void vpt_touch_end_alone(struct vpt_in_flight *all)
{
	WRITE_ONCE(all->alone, false);
	up_write(&all->touch);
}

/**
 * vpt_in_flight_ask() - an ioctl sets out to allocate
 * @all: those of its address space
 * @pages: how many
 *
 * Return: where that is counted, for who is refused and leaves no trace.
 */
atomic64_t *vpt_in_flight_ask(struct vpt_in_flight *all, u64 pages)
{
	atomic64_t *asked = &raw_cpu_ptr(all->cpus)->asked;

	atomic64_add(pages, asked);
	return asked;
}

/**
 * vpt_in_flight_settle() - what an ioctl asked for was not to be had, is given back, or is kept
 * @all: those of its address space
 * @pages: how many
 */
void vpt_in_flight_settle(struct vpt_in_flight *all, u64 pages)
{
	/* Pairs with the one in vpt_in_flight_settled(). */
	smp_wmb();
	this_cpu_add(all->cpus->settled, pages);
}

/**
 * vpt_in_flight_asked() - pages that ioctls have set out to allocate, ever
 * @all: those of an address space
 *
 * Return: no less than have been settled by any time before.
 */
u64 vpt_in_flight_asked(struct vpt_in_flight *all)
{
	u64 sum = 0;
	int cpu;

	/* What was settled is summed up before, and what asks later than that may be counted. */
	smp_rmb();
	for_each_possible_cpu(cpu)
		sum += atomic64_read(&per_cpu_ptr(all->cpus, cpu)->asked);
	return sum;
}

/**
 * vpt_in_flight_settled() - of these, those that are settled
 * @all: those of an address space
 *
 * Return: no more than have been asked for by any time after.
 */
u64 vpt_in_flight_settled(struct vpt_in_flight *all)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(all->cpus, cpu)->settled);
	/* Pairs with the one in vpt_in_flight_settle(). */
	smp_rmb();
	return sum;
}
