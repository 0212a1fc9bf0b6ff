/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was called and answered, and whether there is an order of it that the abstract
 * map agrees with.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "machine.h"
#include "spec_map.h"

#define RUN		4	/* pages that one MAP_RANGE maps, at most */
#define EVENTS		64	/* of one page in one round, at most */

/* An event that is no call: an access. */
#define EVENT_ACCESS	SPEC_OP_KINDS

/**
 * struct event - one call
 * @kind: of which operation
 * @va: first byte
 * @end: first byte after, of ranges
 * @level: of the pages to map; of an access, nothing
 * @rights: that are asked for
 * @n: frames
 * @frame: these
 * @id: number of each one's use
 * @status: answer
 * @old: the leaf that the answer tells of
 * @old_id: number of its frame's use; of an access: where it went, 0 for a fault
 * @from: time of the call
 * @to: time of the return
 */
struct event {
	enum spec_op_kind kind;
	u64 va;
	u64 end;
	unsigned int level;
	u32 rights;
	unsigned int n;
	unsigned int frame[RUN];
	u64 id[RUN];
	int status;
	struct {
		u64 va;
		unsigned int level;
		u32 rights;
	} old;
	u64 old_id;
	u64 from;
	u64 to;
};

/**
 * struct history - of one round
 * @event: calls of all threads
 * @n: how many
 */
struct history {
	struct event event[THREADS * 32 + 16];
	unsigned int n;
};

/*
 * Whether the calls on the page at @va can have taken effect one after another, each
 * between its call and its return.  @before, @after: the page as it was resolved before
 * and after the round, calls as well.  Prints what there is if it cannot.
 */
bool history_linear(const struct history *h, u64 va, const struct event *before);

#endif /* HISTORY_H */
