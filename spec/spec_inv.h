/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invariants of a region's page table, and a check of all of them.
 *
 * A check only reads.  The caller keeps software from changing the region's
 * tables, live counts and records meanwhile; hardware may set A and D, and other
 * software may link empty tables and change shared upper-level entries outside the region.
 *
 * Whose a table is: the core's, if its whole span lies inside the region and its
 * live count is not 0; untracked, if its span does and the count is 0 (other
 * software linked it and the core has not used it); else it is a shared upper-level table.
 */
#ifndef SPEC_INV_H
#define SPEC_INV_H

#include "spec_walk.h"

/* Invariants are numbered 1..SPEC_INV_LAST; spec_inv.c lists them. */
#define SPEC_INV_NONE	0
#define SPEC_INV_LAST	20

/* What must be looked at to check an invariant. */
enum spec_cost {
	SPEC_COST_WALK,		/* the entries that one walk reads */
	SPEC_COST_TREE,		/* the whole tree */
};

/* For &struct spec_region's totals: not known, do not check. */
#define SPEC_UNCOUNTED	(~0ULL)

/**
 * struct spec_region - what is checked, and against which constants
 * @cpu: the CPU
 * @root: physical address of the level-4 table
 * @start: first byte of the region, a multiple of 4 KiB
 * @end: first byte after it, likewise, above @start, at most 2^SPEC_VA_BITS
 * @foreign_tables: other software may link empty tables inside the region
 * @table_spare: bits, by level, that entries leading to tables may have set or
 *               not as the environment pleases.  (Linux with PTI: XD at level 4,
 *               where the kernel's copy of the root forbids execution.)
 * @leaf_mask: bits, by level, whose value the environment prescribes in leaves
 * @leaf_value: that value.  Bits for a right make it mandatory or forbidden.
 * @frame_limit: first physical address that no frame may reach; 0: MAXPHYADDR
 * @tables: the core's tables that are allocated and linked, or SPEC_UNCOUNTED
 * @mappings: sum of the frames' recorded mappings, or SPEC_UNCOUNTED
 *
 * Arrays are indexed by level; element 0 is not used.
 */
struct spec_region {
	struct spec_cpu cpu;
	u64 root;
	u64 start;
	u64 end;
	bool foreign_tables;
	u64 table_spare[SPEC_LEVELS + 1];
	u64 leaf_mask[SPEC_LEVELS + 1];
	u64 leaf_value[SPEC_LEVELS + 1];
	u64 frame_limit;
	u64 tables;
	u64 mappings;
};

/**
 * struct spec_env - what the environment knows; only @memory.read is mandatory
 * @memory: reads tables, with the @memory.ctx that all the others are handed too
 * @is_table: the page at @table may be read as a table of @level.  Asked about
 *            every table except the root before anything else is asked about it
 *            or it is read, so @table can be any multiple of 4 KiB below
 *            2^MAXPHYADDR.  NULL: every address may be read.
 * @live: the live-entry count of @table, which lies wholly inside the region;
 *        0 for a table that the core does not count.  NULL: counts are not checked
 *        and every such table is the core's.
 * @known: the core's @table is allocated to this region as a table of @level
 * @visit: how often this function was called for @table before, in this check
 *         (one per-table scratch word, or a stamp); called for the tables wholly
 *         inside the region, at most once per link
 * @frame_known: the frame of a leaf of @level at @pa is allocated to this region
 * @frame_seen: tally one leaf, whose frame is known; return how many leaves of this
 *              frame this check has tallied, this one included
 * @frame_recorded: how many mappings of this frame are recorded; asked after
 *                  @frame_seen for the same leaf, and needed with it
 * @frame_has_table: a table lies in [@pa, @pa + @bytes), which a leaf maps; if @whole,
 *                   anywhere in the frame of that leaf, which may be larger.  Asked with
 *                   @whole once for each frame that is tallied: it may take long
 * @pause: called between two tables, and at each leaf above level 1; may sleep if the
 *         caller of the check may.  True: spec_check_tree() is to give up
 *
 * A check whose function is NULL passes.
 */
struct spec_env {
	struct spec_memory memory;
	bool (*is_table)(void *ctx, u64 table, unsigned int level);
	unsigned int (*live)(void *ctx, u64 table);
	bool (*known)(void *ctx, u64 table, unsigned int level);
	u64 (*visit)(void *ctx, u64 table);
	bool (*frame_known)(void *ctx, u64 pa, unsigned int level);
	u64 (*frame_seen)(void *ctx, u64 pa, unsigned int level, u64 va, u64 entry);
	u64 (*frame_recorded)(void *ctx, u64 pa, unsigned int level);
	bool (*frame_has_table)(void *ctx, u64 pa, u64 bytes, bool whole);
	bool (*pause)(void *ctx);
};

/**
 * struct spec_violation - where an invariant does not hold
 * @invariant: its number, or SPEC_INV_NONE
 * @level: level of the entry, 4..1; 0 if it is about the whole tree
 * @va: first address behind the entry
 * @table: the table the entry stands in
 * @entry: the entry; for no_empty_table, untracked_is_empty and live_count the one
 *         that leads to the table in question
 * @seen: what was counted, where the invariant is about a number
 * @recorded: what it should have been
 */
struct spec_violation {
	unsigned int invariant;
	unsigned int level;
	u64 va;
	u64 table;
	u64 entry;
	u64 seen;
	u64 recorded;
};

/**
 * struct spec_result - what a check found
 * @tables: tables read: shared upper-level tables and the root, the core's, and untracked
 * @counted: of those, the core's
 * @untracked: of those, the untracked ones
 * @leaves: leaves that reach into the region
 * @level_leaves: those, by level
 * @violations: how often an invariant did not hold
 * @broken: bit n is set if invariant n did not hold somewhere
 * @incomplete: some table was not read because its entry, its page or its place
 *              is wrong; the totals of invariants 13 and 20 were not compared
 * @stopped: the environment's @pause has given up: the rest was not looked at, likewise
 * @first: the first violation
 */
struct spec_result {
	u64 tables;
	u64 counted;
	u64 untracked;
	u64 leaves;
	u64 level_leaves[SPEC_LEVELS + 1];
	u64 violations;
	u64 broken;
	bool incomplete;
	bool stopped;
	struct spec_violation first;
};

/**
 * spec_check_tree() - check every invariant on the whole tree of a region
 * @region: what to check
 * @env: how to look at it
 * @result: filled in
 *
 * Reads each table inside the region, and of shared upper-level tables the entries that reach
 * into it.  Not recursive; under 1 KiB of stack.  May sleep only in @env's functions.
 * Return: @result->violations == 0.
 */
bool spec_check_tree(const struct spec_region *region, const struct spec_env *env,
		     struct spec_result *result);

/**
 * spec_check_walk() - check the invariants of cost "walk" on one address' walk
 * @region: what to check
 * @env: how to look at it; visit, frame_seen and frame_recorded are not called
 * @va: any address; outside the region there is nothing to check
 * @result: filled in, for the entries of this walk
 *
 * Return: @result->violations == 0.
 */
bool spec_check_walk(const struct spec_region *region, const struct spec_env *env,
		     u64 va, struct spec_result *result);

/**
 * spec_invariant_name() - short name of an invariant, a C identifier
 * @n: its number
 *
 * Return: the name, at most 31 characters; NULL if there is no such number.
 */
const char *spec_invariant_name(unsigned int n);

/**
 * spec_invariant_sentence() - what an invariant says
 * @n: its number
 *
 * Return: one sentence; NULL if there is no such number.
 */
const char *spec_invariant_sentence(unsigned int n);

/**
 * spec_invariant_cost() - what must be looked at to check an invariant
 * @n: its number, 1..SPEC_INV_LAST
 *
 * Return: SPEC_COST_WALK or SPEC_COST_TREE.
 */
enum spec_cost spec_invariant_cost(unsigned int n);

#endif /* SPEC_INV_H */
