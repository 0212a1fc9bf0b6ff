/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/outsider: code of the kernel that is neither vpt's nor the process's: a kernel
 * thread that uses the address space of who opened it, as vhost's does, another process that
 * faults pages in there, as VFIO's does, and somebody who holds a page found by its number.
 *
 * A write of struct outsider_order does what it asks for, or fails as that does.  A read
 * gives struct outsider_seen.  All ends when the file is closed.
 */
#ifndef OUTSIDER_H
#define OUTSIDER_H

#include <linux/types.h>

enum outsider_does {
	OUTSIDER_LOAD,		/* the word at @addr; its value is in outsider_seen */
	OUTSIDER_STORE,		/* @value to @addr */
	OUTSIDER_WATCH,		/* the word at @addr, again and again */
	OUTSIDER_OPEN,		/* open /dev/vpt */
	OUTSIDER_OPEN_MM,	/* the same, while using the address space */
	OUTSIDER_HOLD,		/* a reference to the page at physical address @addr */
	OUTSIDER_DROP,		/* give it back */
	OUTSIDER_FAULT,		/* a write to @addr, in the caller's name */
};

struct outsider_order {
	__u32 does;
	__u32 reserved;
	__u64 addr;
	__u64 value;
};

/**
 * struct outsider_seen - what the thread has seen
 * @rounds: how often it has looked
 * @value: what it saw last
 * @failed: 1 if it saw nothing then
 * @reserved: 0
 */
struct outsider_seen {
	__u64 rounds;
	__u64 value;
	__u32 failed;
	__u32 reserved;
};

#endif /* OUTSIDER_H */
