// SPDX-License-Identifier: GPL-2.0
/*
 * The invariants' checks, each a predicate over what spec_tree.c has gathered.
 * Their sentences stand in spec_list.h.
 */
#include "spec_sight.h"

static bool spec_holds_absent_is_zero(const struct spec_sight *s)
{
	return s->entry.kind != SPEC_ABSENT || !s->raw;
}

/* All that the hardware faults on, except what the next two look at. */
static bool spec_holds_no_reserved_bit(const struct spec_sight *s)
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
static bool spec_holds_no_large_pml4e(const struct spec_sight *s)
{
	return s->level != 4 || !(s->entry.reserved & SPEC_PS);
}

/* SDM tables 4-16, 4-18. */
static bool spec_holds_leaf_aligned(const struct spec_sight *s)
{
	return s->entry.kind != SPEC_LEAF ||
	       !(s->entry.reserved & spec_misaligned(s->level));
}

/* SDM 4.6.1: with every table entry like this, the leaf's rights are the walk's. */
static bool spec_holds_table_permissive(const struct spec_sight *s)
{
	u64 spare = SPEC_A | SPEC_D | s->region->table_spare[s->level];
	u64 bits = s->raw & ~s->entry.addr & ~spare;

	return bits == ((SPEC_P | SPEC_RW | SPEC_US) & ~spare);
}

static bool spec_holds_leaf_bits(const struct spec_sight *s)
{
	return (s->raw & s->region->leaf_mask[s->level]) ==
	       s->region->leaf_value[s->level];
}

/* SDM 4.6: with CR4.CET, R/W = 0 and D = 1 in the leaf make a shadow-stack page. */
static bool spec_holds_no_shadow_stack(const struct spec_sight *s)
{
	return !s->region->cpu.shadow_stack || s->entry.writable || !s->entry.dirty;
}

static bool spec_holds_leaf_inside(const struct spec_sight *s)
{
	return s->inside;
}

static bool spec_holds_frame_in_limit(const struct spec_sight *s)
{
	u64 limit = s->region->frame_limit;

	return !limit || s->entry.addr + spec_size(s->level) <= limit;
}

static bool spec_holds_frame_known(const struct spec_sight *s)
{
	return s->known;
}

static bool spec_holds_frame_is_no_table(const struct spec_sight *s)
{
	return !s->holds_table;
}

static bool spec_holds_frame_count(const struct spec_sight *s)
{
	return s->seen <= s->recorded;
}

static bool spec_holds_frame_total(const struct spec_sight *s)
{
	return s->region->mappings == SPEC_UNCOUNTED ||
	       s->region->mappings == s->result->leaves;
}

static bool spec_holds_table_is_table(const struct spec_sight *s)
{
	return s->readable;
}

static bool spec_holds_table_known(const struct spec_sight *s)
{
	return !s->counted || s->known;
}

static bool spec_holds_one_parent(const struct spec_sight *s)
{
	return !s->repeated;
}

/* Only other software may leave a table empty, and only a count tells who did. */
static bool spec_holds_no_empty_table(const struct spec_sight *s)
{
	if (s->seen)
		return true;
	return s->region->foreign_tables && !(s->counts && s->counted);
}

static bool spec_holds_nobodys_is_empty(const struct spec_sight *s)
{
	return s->counted || !s->seen;
}

/* Where one of the two is 0, that is the matter of the two before. */
static bool spec_holds_live_count(const struct spec_sight *s)
{
	return !s->counts || !s->seen || !s->recorded || s->seen == s->recorded;
}

static bool spec_holds_table_total(const struct spec_sight *s)
{
	return s->region->tables == SPEC_UNCOUNTED ||
	       s->region->tables == s->result->counted;
}

#define SPEC_LINE(number, id, at, price, text)	\
	[number] = {				\
		.name = #id,			\
		.sentence = text,		\
		.when = SPEC_WHEN_##at,		\
		.cost = SPEC_COST_##price,	\
		.holds = spec_holds_##id,	\
	},
const struct spec_invariant spec_invariants[SPEC_INV_END] = {
	SPEC_INVARIANTS(SPEC_LINE)
};

/* The numbers are 1, 2, 3 and so on, and each fits into spec_result's @broken. */
#define SPEC_ONE(number, id, at, price, text) + 1
_Static_assert(0 SPEC_INVARIANTS(SPEC_ONE) == SPEC_INV_LAST, "a number is missing");
_Static_assert(SPEC_INV_LAST < 32, "spec_result.broken is too small");

const char *spec_invariant_name(unsigned int n)
{
	return n && n < SPEC_INV_END ? spec_invariants[n].name : NULL;
}

const char *spec_invariant_sentence(unsigned int n)
{
	return n && n < SPEC_INV_END ? spec_invariants[n].sentence : NULL;
}

enum spec_cost spec_invariant_cost(unsigned int n)
{
	return spec_invariants[n].cost;
}
