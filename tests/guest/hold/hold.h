/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/hold: stops one thread at the entry of one function of the kernel, so that a race
 * with it can be tested at leisure.
 *
 * A write of struct hold_order sets a probe for as long as the file is open.  The thread
 * stays there, its CPU busy, until one byte is written, the file is closed, or the time
 * is up.  A read says how far it is, as struct hold_state.  One order at a time.
 *
 * With HOLD_ASLEEP it sleeps, so that its CPU does other things, or goes offline; only where
 * the function may sleep.
 *
 * With HOLD_SWITCHING it is held where its CPU leaves its address space for another process's: it
 * is still the current task, and the CPU is no longer in the mask of who is told of changes.  It
 * has looked for a PD, as perf does in an NMI there, and when it goes on it reads an entry of it.
 */
#ifndef HOLD_H
#define HOLD_H

#include <linux/types.h>

/**
 * struct hold_order - which thread to stop where
 * @symbol: function; ENOENT if there is none that can be probed
 * @tid: thread
 * @milliseconds: time limit, at most HOLD_MAX_MS; HOLD_MAX_ASLEEP_MS of who sleeps: beyond
 *	these Linux complains of a CPU, or of a task, that does not get on; HOLD_MAX_SWITCHING_MS
 *	of who switches, whose run queue is locked
 * @argument: number (1 to 4) of an argument that must be @value, or 0 for any call
 * @flags: HOLD_ASLEEP, HOLD_SWITCHING (without @symbol), or 0
 * @value: of that argument; for HOLD_SWITCHING the address whose entry is read
 * @mask: bits of the argument that are compared
 */
struct hold_order {
	char symbol[64];
	__u32 tid;
	__u32 milliseconds;
	__u32 argument;
	__u32 flags;
	__u64 value;
	__u64 mask;
};

#define HOLD_MAX_MS		20000
#define HOLD_MAX_ASLEEP_MS	110000
#define HOLD_MAX_SWITCHING_MS	1000

#define HOLD_ASLEEP	1
#define HOLD_SWITCHING	2

enum hold_state_is {
	HOLD_WAITING,	/* the thread has not come there */
	HOLD_HELD,
	HOLD_RELEASED,
	HOLD_EXPIRED,	/* the time was up */
};

/**
 * struct hold_state - how far the thread is
 * @is: enum hold_state_is
 * @irqs_off: 1 if it came there with interrupts off
 * @entries: HOLD_SWITCHING: 1 when @before is there, 2 when @after is
 * @reserved: 0
 * @before: the PD's entry when it was held
 * @after: when it went on
 */
struct hold_state {
	__u32 is;
	__u32 irqs_off;
	__u32 entries;
	__u32 reserved;
	__u64 before;
	__u64 after;
};

#endif /* HOLD_H */
