/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an invariant's check is shown.  Between spec_inv.c, which says what must
 * hold, and spec_tree.c, which goes through the tree and asks the environment.
 */
#ifndef SPEC_VISIT_H
#define SPEC_VISIT_H

#include "spec_inv.h"

/* When an invariant is checked. */
enum spec_when {
	SPEC_WHEN_ENTRY,	/* at each entry that is not 0 */
	SPEC_WHEN_TABLE,	/* at a valid entry that leads to a table */
	SPEC_WHEN_LEAF,		/* at a valid leaf */
	SPEC_WHEN_DONE,		/* after the entries of a table in the region */
	SPEC_WHEN_END,		/* after the tree, if all of it was read */
};

/**
 * struct spec_visit - what is known at the moment of a check
 * @region: what is checked
 * @level: level of the entry; at DONE of the entry that leads to the table
 * @va: first address behind the entry
 * @table: table it stands in
 * @raw: the entry
 * @entry: decoded
 * @inside: all that is behind the entry lies in the region
 * @readable: TABLE: the environment lets the table be read
 * @counted: TABLE, DONE: the core's table (at DONE, else it is untracked)
 * @known: TABLE: allocated for its level.  LEAF: the frame is
 * @repeated: TABLE: was visited before, or is above itself
 * @holds_table: LEAF: a table lies in the frame
 * @seen: LEAF: mappings of the frame so far.  DONE: entries that count.
 * @recorded: LEAF: mappings recorded.  DONE: live count.
 * @counts: DONE: the environment has live counts
 * @result: END: what was counted
 */
struct spec_visit {
	const struct spec_region *region;
	unsigned int level;
	u64 va;
	u64 table;
	u64 raw;
	struct spec_entry entry;
	bool inside;
	bool readable;
	bool counted;
	bool known;
	bool repeated;
	bool holds_table;
	bool counts;
	u64 seen;
	u64 recorded;
	const struct spec_result *result;
};

/**
 * struct spec_invariant - one line of the list
 * @name: C identifier
 * @sentence: what it says
 * @when: it is checked
 * @cost: what must be looked at
 * @holds: the check
 */
struct spec_invariant {
	const char *name;
	const char *sentence;
	enum spec_when when;
	enum spec_cost cost;
	bool (*holds)(const struct spec_visit *visit);
};

/* Indexed by number; element 0 is not used. */
extern const struct spec_invariant spec_invariants[SPEC_INV_LAST + 1];

#endif /* SPEC_VISIT_H */
