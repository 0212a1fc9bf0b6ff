/* SPDX-License-Identifier: GPL-2.0 */
/* vpt's MMU notifier: what Linux does to an address space is told here. */
#ifndef VPT_NOTIFIER_H
#define VPT_NOTIFIER_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>

#include "in_flight.h"

struct vpt_file;

/**
 * struct vpt_notifier - vpt's MMU notifier in one address space
 * @linux_notifier: what Linux calls
 * @node: place among the notifiers that have files
 * @files: for which it is called, at least one
 * @in_flight: what its faults and ioctls have taken for a moment
 *
 * The last is here since the allowance that ioctls and faults hold for a moment is the address
 * space's.  Both come by a file, which keeps the notifier.  So a fault that waits for a span in one
 * region - CHECK has all of them for as long as it takes - can hold up one that found no memory in
 * another, and those that come after.
 */
struct vpt_notifier {
	struct mmu_notifier linux_notifier;
	struct list_head node;
	struct list_head files;
	struct vpt_in_flight in_flight;
};

int vpt_notifier_register(struct vpt_file *f);
void vpt_notifier_unregister(struct vpt_file *f);

#endif /* VPT_NOTIFIER_H */
