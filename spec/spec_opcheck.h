/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One operation on real tables, checked: what the tables say before it is
 * taken down, what it must answer and leave behind is worked out, and afterwards
 * both are compared with what it did.
 *
 * All the mappings of a window are summed up in a few numbers, so that an operation check
 * needs no memory that grows with the table.
 */
#ifndef SPEC_OPCHECK_H
#define SPEC_OPCHECK_H

#include "spec_inv.h"
#include "spec_map.h"

/**
 * struct spec_view - the mappings that reach into a window, summed up
 * @digest: sum over all of them of a hash of address, size, frame and rights
 * @leaves: how many
 * @bytes: what they map
 * @dirty: how many of them are dirty
 */
struct spec_view {
	u64 digest;
	u64 leaves;
	u64 bytes;
	u64 dirty;
};

/* What an operation check found wrong. */
enum spec_wrong {
	SPEC_WRONG_NONE,	/* nothing */
	SPEC_WRONG_BEFORE,	/* an invariant did not hold before the operation */
	SPEC_WRONG_STATUS,	/* it answered another status */
	SPEC_WRONG_LEAF,	/* it reported another mapping */
	SPEC_WRONG_COUNT,	/* it reported other numbers */
	SPEC_WRONG_EFFECT,	/* the map after it is another one */
	SPEC_WRONG_DIRTY,	/* a D bit was lost */
	SPEC_WRONG_AFTER,	/* an invariant does not hold after it */
};

/**
 * struct spec_opcheck - an operation check
 * @region: the region, and
 * @env: how to look at it, of which @pause never gives up; must outlive the operation
 *       check, as must
 * @op: the operation
 * @whole: the window is the whole region, and every invariant is checked on the
 *         whole tree; else the window is what the operation is about and 4 KiB on
 *         either side, and the invariants are checked along the walk
 * @window: first address
 * @window_end: first address after
 * @expect: the answer that is right
 * @before: the map before, in the window
 * @after: as it must be after the operation answers SPEC_OK
 * @seen: as it was found after
 * @wrong: the verdict
 * @result: the invariants' verdict, before or after
 */
struct spec_opcheck {
	const struct spec_region *region;
	const struct spec_env *env;
	const struct spec_op *op;
	bool whole;
	u64 window;
	u64 window_end;
	struct spec_answer expect;
	struct spec_view before;
	struct spec_view after;
	struct spec_view seen;
	enum spec_wrong wrong;
	struct spec_result result;
};

/**
 * spec_opcheck_begin() - before the operation
 * @t: filled in
 * @region: see struct spec_opcheck
 * @env: likewise
 * @op: likewise
 * @reserve: tables that the operation can take
 * @whole: see struct spec_opcheck
 *
 * Context: as spec_check_tree().  From here to spec_opcheck_end() nobody but the
 * operation may change mappings of the region; the hardware may set A and D, and
 * other software may link empty tables.
 * Return: false if an invariant does not hold even now; the operation check has ended then.
 */
bool spec_opcheck_begin(struct spec_opcheck *t, const struct spec_region *region,
			const struct spec_env *env, const struct spec_op *op, u64 reserve,
			bool whole);

/**
 * spec_opcheck_end() - after the operation
 * @t: operation check
 * @answer: what the operation answered
 * @region: as for spec_opcheck_begin(), with the totals as they are now
 *
 * Return: true if all is right; else @t->wrong says what is not.
 */
bool spec_opcheck_end(struct spec_opcheck *t, const struct spec_answer *answer,
		      const struct spec_region *region);

/* What is wrong, as a sentence without its subject. */
const char *spec_wrong_text(enum spec_wrong wrong);

#endif /* SPEC_OPCHECK_H */
