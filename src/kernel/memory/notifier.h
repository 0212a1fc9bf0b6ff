/* SPDX-License-Identifier: GPL-2.0 */
/* vpt's MMU notifier: what Linux does to an address space is told here. */
#ifndef VPT_NOTIFIER_H
#define VPT_NOTIFIER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/rwsem.h>

struct vpt_file;

/**
 * struct vpt_notifier - vpt's MMU notifier in one address space
 * @linux_notifier: what Linux calls
 * @node: place among the notifiers that have files
 * @files: for which it is called, at least one
 * @touch: see vpt_file.h
 * @asked: pages that ioctls of these files have set out to allocate
 * @settled: of these, those that were not to be had, have been given back, or whose ioctl is
 *	about to return; where both are equal no ioctl is on its way
 *
 * The last three are here since the allowance that ioctls and faults hold for a moment is
 * the address space's.  Both come by a file, which keeps the notifier.  So a fault that waits for a
 * span in one region - CHECK has all of them for as long as it takes - can hold up, by @touch, one
 * that found no memory in another, and those that come after.
 */
struct vpt_notifier {
	struct mmu_notifier linux_notifier;
	struct list_head node;
	struct list_head files;
	struct rw_semaphore touch ____cacheline_aligned_in_smp;
	atomic64_t asked;
	atomic64_t settled;
};

int vpt_notifier_register(struct vpt_file *f);
void vpt_notifier_unregister(struct vpt_file *f);

#endif /* VPT_NOTIFIER_H */
