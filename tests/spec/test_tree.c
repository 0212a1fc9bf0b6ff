// SPDX-License-Identifier: GPL-2.0
/* What the check of a tree looks at, counts and asks for when nothing is wrong. */
#include <string.h>

#include "fixture.h"
#include "tap.h"

static void expect_clean(struct fixture *f, u64 tables, u64 counted, u64 leaves)
{
	const struct spec_result *r = &f->result;

	fixture_check(f);
	TAP_CHECK(!r->violations && !r->broken && !r->incomplete, "invariant %u, level %u",
		  r->first.invariant, r->first.level);
	TAP_CHECK(r->first.invariant == SPEC_INV_NONE, "%u", r->first.invariant);
	TAP_CHECK(r->tables == tables, "%llu tables", (unsigned long long)r->tables);
	TAP_CHECK(f->pauses == tables + r->level_leaves[2] + r->level_leaves[3] && !r->stopped,
		  "%u pauses", f->pauses);
	TAP_CHECK(r->counted == counted, "%llu", (unsigned long long)r->counted);
	TAP_CHECK(r->leaves == leaves, "%llu", (unsigned long long)r->leaves);
	TAP_CHECK(r->level_leaves[1] + r->level_leaves[2] + r->level_leaves[3] == leaves,
		  "leaves by level");
}

static void whole_tree_is_visited(struct fixture *f)
{
	enum fixture_page page;

	expect_clean(f, 4, 3, 4);
	TAP_CHECK(f->result.level_leaves[1] == 2 && f->result.level_leaves[2] == 1 &&
		  f->result.level_leaves[3] == 1, "leaves by level");
	for (page = PDPT; page <= PT; page++)
		TAP_CHECK(f->visits[page] == 1, "page %u", page);
	TAP_CHECK(!f->visits[ROOT], "the root has no parent");
}

static void hardware_may_set_accessed_and_dirty(struct fixture *f)
{
	f->page[ROOT][0] ^= SPEC_A | SPEC_D;
	f->page[PD][0] ^= SPEC_A;
	f->page[PT][0] |= SPEC_A | SPEC_D;
	f->page[PDPT][1] |= SPEC_A;
	expect_clean(f, 4, 3, 4);
}

static void leaf_decides_its_rights(struct fixture *f)
{
	f->page[PT][0] &= ~(SPEC_RW | SPEC_US | SPEC_XD);
	f->page[PD][1] ^= SPEC_RW | SPEC_XD;
	expect_clean(f, 4, 3, 4);
}

/* Everything outside is wrong in as many ways as it can be. */
static void border_entries_outside_are_not_looked_at(struct fixture *f)
{
	unsigned int i;

	f->region.start = 0;
	f->region.end = spec_size(3);
	for (i = 1; i < SPEC_ENTRIES; i++) {
		f->page[ROOT][i] = ~0ULL;
		f->page[PDPT][i] = ~1ULL;
	}
	f->live[PDPT] = 0;
	f->level[PDPT] = 0;
	f->region.tables = 2;
	f->region.mappings = 3;
	expect_clean(f, 4, 2, 3);
	TAP_CHECK(!f->visits[PDPT], "a shared upper-level table is not visited");
}

static void region_between_neighbours(struct fixture *f)
{
	f->region.start = spec_size(3);
	f->region.end = 2 * spec_size(3);
	f->page[PDPT][0] = ~0ULL;
	f->page[ROOT][1] = ~0ULL;
	f->region.tables = 0;
	f->region.mappings = 1;
	expect_clean(f, 2, 0, 1);
}

/* One page: every table on the way is a shared upper-level table. */
static void smallest_region(struct fixture *f)
{
	f->region.start = spec_size(1);
	f->region.end = 2 * spec_size(1);
	f->page[PT][0] = ~0ULL;
	f->page[PD][1] = ~0ULL;
	f->live[PT] = 77;
	f->region.tables = 0;
	f->region.mappings = 1;
	expect_clean(f, 4, 0, 1);
}

static void empty_region(struct fixture *f)
{
	memset(f->page, 0, sizeof(f->page));
	f->region.tables = 0;
	f->region.mappings = 0;
	expect_clean(f, 1, 0, 0);
}

/* Foreign tables, one below the other, beside the core's. */
static void foreign_tables_are_tolerated_and_not_counted(struct fixture *f)
{
	f->region.foreign_tables = true;
	f->page[PDPT][1] = at(SPARE) | TABLE;
	f->page[SPARE][1] = at(SPARE2) | TABLE;
	f->live[PDPT] = 1;
	f->region.mappings = 3;
	expect_clean(f, 6, 3, 3);
	TAP_CHECK(f->result.untracked == 2, "%llu", (unsigned long long)f->result.untracked);
	TAP_CHECK(f->visits[SPARE] == 1 && f->visits[SPARE2] == 1, "visits");
}

static void environments_spare_bit_in_the_root(struct fixture *f)
{
	f->region.table_spare[4] = SPEC_XD;
	f->page[ROOT][0] |= SPEC_XD;
	expect_clean(f, 4, 3, 4);
}

static void only_reading_is_mandatory(struct fixture *f)
{
	void *ctx = f->env.memory.ctx;

	f->env = (struct spec_env){ .memory = f->env.memory };
	f->live[PD] = 0;
	f->level[PD] = 0;
	f->recorded[SMALL] = 0;
	f->region.tables = SPEC_UNCOUNTED;
	f->region.mappings = SPEC_UNCOUNTED;
	f->region.frame_limit = 0;
	fixture_check(f);
	TAP_CHECK(f->env.memory.ctx == ctx && !f->result.violations, "%u",
		  f->result.first.invariant);
	TAP_CHECK(f->result.counted == 3 && f->result.leaves == 4, "counts");
}

static void full_table_at_every_level(struct fixture *f)
{
	unsigned int i;

	for (i = 2; i < SPEC_ENTRIES; i++)
		f->page[PT][i] = f->page[PT][0];
	for (i = 1; i < SPEC_ENTRIES; i++) {
		f->page[PD][i] = f->page[PD][1];
		f->page[PDPT][i] = f->page[PDPT][1];
	}
	f->live[PT] = SPEC_ENTRIES;
	f->live[PD] = SPEC_ENTRIES;
	f->live[PDPT] = SPEC_ENTRIES;
	f->recorded[SMALL] = SPEC_ENTRIES;
	f->recorded[MIDDLE] = SPEC_ENTRIES - 1;
	f->recorded[LARGE] = SPEC_ENTRIES - 1;
	f->region.mappings = 3 * SPEC_ENTRIES - 2;
	expect_clean(f, 4, 3, 3 * SPEC_ENTRIES - 2);
	TAP_CHECK(f->looked_through == 3, "%u times of 3 frames", f->looked_through);
}

/* There may be no memory behind it, or somebody else's: nobody can note anything there. */
static void unknown_frame_is_not_tallied(struct fixture *f)
{
	f->frame_level[LARGE] = 0;
	fixture_check(f);
	TAP_CHECK(f->result.violations == 1 && !f->seen[LARGE], "tallied");
	f->table_at = f->pa[LARGE];
	fixture_check(f);
	TAP_CHECK(f->result.broken == (1 << 10 | 1 << 11), "%#llx",
		  (unsigned long long)f->result.broken);
}

/* The totals would be too small, and say nothing. */
static void check_ends_where_the_environment_gives_up(struct fixture *f)
{
	const unsigned int all = 6;

	for (f->stop_at = 1; f->stop_at <= all; f->stop_at++) {
		fixture_check(f);
		TAP_CHECK(f->result.stopped && f->pauses == f->stop_at, "goes on");
		TAP_CHECK(!f->result.violations, "invariant %u", f->result.first.invariant);
	}
	fixture_check(f);
	TAP_CHECK(!f->result.stopped && f->pauses == all, "%u pauses", f->pauses);
}

static void report_says_where_and_how_much(struct fixture *f)
{
	const struct spec_violation *first = &f->result.first;

	f->live[PT] = 7;
	f->live[PD] = 9;
	fixture_check(f);
	TAP_CHECK(f->result.violations == 2, "both are counted");
	TAP_CHECK(first->level == 2 && first->table == at(PD) &&
		  first->entry == f->page[PD][0], "the entry that leads there");
	TAP_CHECK(first->seen == 2 && first->recorded == 7, "the numbers");
}

/* The tree moved to the second entry of every table. */
static void report_names_the_address_the_walk_has(struct fixture *f)
{
	const u64 va = spec_size(4) + spec_size(3) + spec_size(2) + spec_size(1);

	f->page[ROOT][1] = f->page[ROOT][0];
	f->page[ROOT][0] = 0;
	f->page[PDPT][0] = f->page[PDPT][1];
	f->page[PDPT][1] = at(PD) | TABLE;
	f->page[PD][0] = f->page[PD][1];
	f->page[PD][1] = at(PT) | TABLE;
	expect_clean(f, 4, 3, 4);
	f->page[PT][1] = 2;
	fixture_check(f);
	TAP_CHECK(f->result.first.invariant == 1 && f->result.first.va == va &&
		  f->result.first.table == at(PT) && f->result.first.entry == 2, "%#llx",
		  (unsigned long long)f->result.first.va);
}

/* Whatever stands in a page that is not the region's is none of its business. */
static void unknown_table_is_not_read(struct fixture *f)
{
	f->level[PT] = 0;
	memset(f->page[PT], 0xff, sizeof(f->page[PT]));
	fixture_check(f);
	TAP_CHECK(f->result.violations == 1 && f->result.tables == 3, "%llu",
		  (unsigned long long)f->result.violations);
	TAP_CHECK(!f->visits[PT], "visits");
}

static void shadow_stacks_only_where_the_cpu_has_them(struct fixture *f)
{
	f->page[PT][0] &= ~SPEC_RW;
	f->page[PT][0] |= SPEC_D;
	expect_clean(f, 4, 3, 4);
}

/* After a wrong entry the rest of the tree is still checked. */
static void one_violation_hides_no_other(struct fixture *f)
{
	f->page[PD][0] |= 1ULL << 50;
	f->page[PD][1] &= ~LEAF_BIT(2);
	f->page[PDPT][1] |= SPEC_G;
	fixture_check(f);
	TAP_CHECK(f->result.broken == (1 << 2 | 1 << 6), "%#llx",
		  (unsigned long long)f->result.broken);
	TAP_CHECK(f->result.violations == 3 && f->result.incomplete, "count");
}

static void walk_reads_its_path_and_nothing_outside(struct fixture *f)
{
	f->region.end = spec_size(3);
	TAP_CHECK(spec_check_walk(&f->region, &f->env, spec_size(3), &f->result), "after");
	TAP_CHECK(!f->result.tables, "nothing read");
	TAP_CHECK(spec_check_walk(&f->region, &f->env, 0, &f->result), "inside");
	TAP_CHECK(!f->visits[PT] && !f->seen[SMALL], "a walk leaves no tally behind");
	f->region.start = spec_size(1);
	TAP_CHECK(spec_check_walk(&f->region, &f->env, 0, &f->result), "before");
	TAP_CHECK(!f->result.tables, "nothing read");
	TAP_CHECK(spec_check_walk(&f->region, &f->env, ~0ULL, &f->result), "far away");
	TAP_CHECK(!f->result.tables, "nothing read");
	TAP_CHECK(spec_check_walk(&f->region, &f->env, spec_size(1), &f->result) &&
		  f->result.tables == 4 && f->result.leaves == 1, "inside");
}

#define RUN(test)					\
	do {						\
		static struct fixture f;		\
							\
		fixture_make(&f);			\
		tap_begin();				\
		test(&f);				\
		tap_end(#test);				\
	} while (0)

int main(void)
{
	RUN(whole_tree_is_visited);
	RUN(hardware_may_set_accessed_and_dirty);
	RUN(leaf_decides_its_rights);
	RUN(border_entries_outside_are_not_looked_at);
	RUN(region_between_neighbours);
	RUN(smallest_region);
	RUN(empty_region);
	RUN(foreign_tables_are_tolerated_and_not_counted);
	RUN(environments_spare_bit_in_the_root);
	RUN(only_reading_is_mandatory);
	RUN(full_table_at_every_level);
	RUN(unknown_frame_is_not_tallied);
	RUN(check_ends_where_the_environment_gives_up);
	RUN(report_says_where_and_how_much);
	RUN(report_names_the_address_the_walk_has);
	RUN(unknown_table_is_not_read);
	RUN(shadow_stacks_only_where_the_cpu_has_them);
	RUN(one_violation_hides_no_other);
	RUN(walk_reads_its_path_and_nothing_outside);
	return tap_done();
}
