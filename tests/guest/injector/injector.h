/* SPDX-License-Identifier: GPL-2.0 */
/* What is written to /dev/injector. */
#ifndef INJECTOR_H
#define INJECTOR_H

#include <linux/types.h>

/**
 * struct injector_order - damage one entry of the caller's page table
 * @addr: address on whose path the entry is
 * @clear: bits to take away
 * @set: bits to add
 * @level: 1 (PT) .. 3 (PDPT)
 * @reserved: 0
 */
struct injector_order {
	__u64 addr;
	__u64 clear;
	__u64 set;
	__u32 level;
	__u32 reserved;
};

#endif /* INJECTOR_H */
