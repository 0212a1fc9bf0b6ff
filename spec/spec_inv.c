// SPDX-License-Identifier: GPL-2.0
/*
 * The invariants: their checks, each a predicate over what spec_tree.c has
 * collected, and below the list with their sentences.
 */
#include "spec_visit.h"

static bool spec_holds_absent_is_zero(const struct spec_visit *s)
{
	return s->entry.kind != SPEC_ABSENT || !s->raw;
}

/* All that the hardware faults on, except what the next two look at. */
static bool spec_holds_no_reserved_bit(const struct spec_visit *s)
{
	u64 elsewhere = 0;

	if (s->level == 4)
		elsewhere |= SPEC_PS;
	if (s->entry.kind == SPEC_LEAF)
		elsewhere |= spec_misaligned(s->level) &
			     ((1ULL << s->region->cpu.maxphyaddr) - 1);
	return !(s->entry.reserved & ~elsewhere);
}

/* SDM table 4-15: bit 7 of a PML4E is reserved. */
static bool spec_holds_no_large_pml4e(const struct spec_visit *s)
{
	return s->level != 4 || !(s->entry.reserved & SPEC_PS);
}

/* SDM tables 4-16, 4-18. */
static bool spec_holds_leaf_aligned(const struct spec_visit *s)
{
	return s->entry.kind != SPEC_LEAF ||
	       !(s->entry.reserved & spec_misaligned(s->level));
}

/* SDM 4.6.1: with every table entry like this, the leaf's rights are the walk's. */
static bool spec_holds_table_permissive(const struct spec_visit *s)
{
	u64 spare = SPEC_A | SPEC_D | s->region->table_spare[s->level];
	u64 bits = s->raw & ~s->entry.addr & ~spare;

	return bits == ((SPEC_P | SPEC_RW | SPEC_US) & ~spare);
}

static bool spec_holds_leaf_bits(const struct spec_visit *s)
{
	return (s->raw & s->region->leaf_mask[s->level]) ==
	       s->region->leaf_value[s->level];
}

/* SDM 4.6: with CR4.CET, R/W = 0 and D = 1 in the leaf make a shadow-stack page. */
static bool spec_holds_no_shadow_stack(const struct spec_visit *s)
{
	return !s->region->cpu.shadow_stack || s->entry.writable || !s->entry.dirty;
}

static bool spec_holds_leaf_inside(const struct spec_visit *s)
{
	return s->inside;
}

static bool spec_holds_frame_in_limit(const struct spec_visit *s)
{
	u64 limit = s->region->frame_limit;

	return !limit || s->entry.addr + spec_size(s->level) <= limit;
}

static bool spec_holds_frame_known(const struct spec_visit *s)
{
	return s->known;
}

static bool spec_holds_frame_is_no_table(const struct spec_visit *s)
{
	return !s->holds_table;
}

static bool spec_holds_frame_count(const struct spec_visit *s)
{
	return s->seen <= s->recorded;
}

static bool spec_holds_frame_total(const struct spec_visit *s)
{
	return s->region->mappings == SPEC_UNCOUNTED ||
	       s->region->mappings == s->result->leaves;
}

static bool spec_holds_table_is_table(const struct spec_visit *s)
{
	return s->readable;
}

static bool spec_holds_table_known(const struct spec_visit *s)
{
	return !s->counted || s->known;
}

static bool spec_holds_one_parent(const struct spec_visit *s)
{
	return !s->repeated;
}

/* Only other software may leave a table empty, and only a count tells who did. */
static bool spec_holds_no_empty_table(const struct spec_visit *s)
{
	if (s->seen)
		return true;
	return s->region->foreign_tables && !(s->counts && s->counted);
}

static bool spec_holds_untracked_is_empty(const struct spec_visit *s)
{
	return s->counted || !s->seen;
}

/* Where one of the two is 0, that is the matter of the two before. */
static bool spec_holds_live_count(const struct spec_visit *s)
{
	return !s->counts || !s->seen || !s->recorded || s->seen == s->recorded;
}

static bool spec_holds_table_total(const struct spec_visit *s)
{
	return s->region->tables == SPEC_UNCOUNTED ||
	       s->region->tables == s->result->counted;
}

/*
 * The one list: checks, numbers, accessors and the table in the documentation come
 * from here.  A number is never given to another invariant.  Each says one thing
 * and leaves the others' matters alone, so that one fault breaks one of them.
 */
const struct spec_invariant spec_invariants[SPEC_INV_LAST + 1] = {
	[1] = {
		.name = "absent_is_zero",
		.sentence =
			"An entry that is not present is 0.",
		.when = SPEC_WHEN_ENTRY,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_absent_is_zero,
	},
	[2] = {
		.name = "no_reserved_bit",
		.sentence =
			"No present entry sets a bit that the CPU reserves (beyond MAXPHYADDR, XD without NXE, PS without 1 GiB pages).",
		.when = SPEC_WHEN_ENTRY,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_no_reserved_bit,
	},
	[3] = {
		.name = "no_large_pml4e",
		.sentence =
			"No present entry of level 4 has PS set.",
		.when = SPEC_WHEN_ENTRY,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_no_large_pml4e,
	},
	[4] = {
		.name = "leaf_aligned",
		.sentence =
			"A large leaf's frame is aligned to its size: bits 20:13 (2 MiB) or 29:13 (1 GiB) are 0.",
		.when = SPEC_WHEN_ENTRY,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_leaf_aligned,
	},
	[5] = {
		.name = "table_permissive",
		.sentence =
			"An entry that leads to a table is permissive, so that the leaf decides: R/W, U/S, no XD, nothing else but A and D.",
		.when = SPEC_WHEN_TABLE,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_table_permissive,
	},
	[6] = {
		.name = "leaf_bits",
		.sentence =
			"A leaf carries the bits that the environment demands at its level.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_leaf_bits,
	},
	[7] = {
		.name = "no_shadow_stack",
		.sentence =
			"Where the CPU has shadow stacks, no leaf is dirty that cannot be written.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_no_shadow_stack,
	},
	[8] = {
		.name = "leaf_inside",
		.sentence =
			"A leaf lies wholly inside the region.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_leaf_inside,
	},
	[9] = {
		.name = "frame_in_limit",
		.sentence =
			"A leaf's frame ends below the environment's limit.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_frame_in_limit,
	},
	[10] = {
		.name = "frame_known",
		.sentence =
			"A leaf's frame, with its size, is allocated to the region.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_frame_known,
	},
	[11] = {
		.name = "frame_is_no_table",
		.sentence =
			"No frame contains a table.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_frame_is_no_table,
	},
	[12] = {
		.name = "frame_count",
		.sentence =
			"No frame is mapped more often than recorded.",
		.when = SPEC_WHEN_LEAF,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_frame_count,
	},
	[13] = {
		.name = "frame_total",
		.sentence =
			"There are as many leaves as the frames' records say in sum (so that, with 12, each frame's count is exact).",
		.when = SPEC_WHEN_END,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_frame_total,
	},
	[14] = {
		.name = "table_is_table",
		.sentence =
			"What an entry without PS leads to is a page used as a table.",
		.when = SPEC_WHEN_TABLE,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_table_is_table,
	},
	[15] = {
		.name = "table_known",
		.sentence =
			"A table of the core's is allocated to the region, for its level.",
		.when = SPEC_WHEN_TABLE,
		.cost = SPEC_COST_WALK,
		.holds = spec_holds_table_known,
	},
	[16] = {
		.name = "one_parent",
		.sentence =
			"A table is linked in one place only, and not below itself.",
		.when = SPEC_WHEN_TABLE,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_one_parent,
	},
	[17] = {
		.name = "no_empty_table",
		.sentence =
			"A table of the core's holds a leaf or leads to a table of the core's.",
		.when = SPEC_WHEN_DONE,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_no_empty_table,
	},
	[18] = {
		.name = "untracked_is_empty",
		.sentence =
			"A table with live count 0 holds no leaf and leads to no table of the core's.",
		.when = SPEC_WHEN_DONE,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_untracked_is_empty,
	},
	[19] = {
		.name = "live_count",
		.sentence =
			"The live count of a table is the number of its entries that are leaves or lead to tables of the core's.",
		.when = SPEC_WHEN_DONE,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_live_count,
	},
	[20] = {
		.name = "table_total",
		.sentence =
			"As many of the core's tables are reachable as are allocated and linked.",
		.when = SPEC_WHEN_END,
		.cost = SPEC_COST_TREE,
		.holds = spec_holds_table_total,
	},
};

const char *spec_invariant_name(unsigned int n)
{
	return n && n <= SPEC_INV_LAST ? spec_invariants[n].name : NULL;
}

const char *spec_invariant_sentence(unsigned int n)
{
	return n && n <= SPEC_INV_LAST ? spec_invariants[n].sentence : NULL;
}

enum spec_cost spec_invariant_cost(unsigned int n)
{
	return spec_invariants[n].cost;
}
