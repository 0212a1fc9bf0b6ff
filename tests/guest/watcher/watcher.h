/* SPDX-License-Identifier: GPL-2.0 */
/* What is written to, and read from, /dev/watcher. */
#ifndef WATCHER_H
#define WATCHER_H

#include <linux/types.h>

/* Kinds of secondary MMU. */
#define WATCHER_COPY	1	/* has entries of its own: start and end */
#define WATCHER_SHARE	2	/* walks the process's table: flush */

/**
 * struct watcher_order - watch an address of the calling process from now on
 * @addr: address
 * @phys: physical address of a frame
 * @kind: WATCHER_*, the same for the life of the file
 * @delay: milliseconds that each start which concerns @addr takes
 *
 * The first one registers the notifier.  Each forgets what was recorded.
 */
struct watcher_order {
	__u64 addr;
	__u64 phys;
	__u32 kind;
	__u32 delay;
};

enum watcher_call {
	WATCHER_START = 1,
	WATCHER_END,
	WATCHER_FLUSH,
	WATCHER_RELEASE,
};

/**
 * struct watcher_event - a call of the notifier that concerns the address
 * @call: which
 * @event: enum mmu_notifier_event, 0 if the call has none
 * @start: range, 0 if the call has none
 * @end: first byte after it
 * @entry: the entry in which a walk to the address ends now, 0 if there is none
 * @refs: references on the frame now, 0 if it is free
 * @reserved: 0
 *
 * read() hands out as many as fit, from the first on.
 */
struct watcher_event {
	__u32 call;
	__u32 event;
	__u64 start;
	__u64 end;
	__u64 entry;
	__u32 refs;
	__u32 reserved;
};

#endif /* WATCHER_H */
