// SPDX-License-Identifier: GPL-2.0
/*
 * Eager reclamation: a table leaves the tree with the operation that empties it,
 * counts equal a recount at any time, and the core frees nothing by itself.
 */
#include "suite.h"

START_TEST(the_last_unmap_unlinks_every_owned_table)
{
	unsigned int level = loop_level(_i), n, i;
	struct world w;

	world_region(&w, loop_region(_i));
	must_map(&w, w.pt.start, level);
	n = (unsigned int)(world_check(&w) - upper_tables(&w));
	must_unmap(&w, w.pt.start);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));

	/* The deferred-free list gets the tables from the bottom up. */
	must_map(&w, w.pt.start, level);
	{
		struct pt_mapping old;

		ck_assert_int_eq(pt_unmap(&w.pt, w.pt.start, &old), PT_OK);
	}
	ck_assert_uint_eq(w.env.ndeferred, n);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(w.info[w.env.deferred[i] >> 12].level, level + i);
	world_destroy(&w);
}

END_TEST

/* With a second mapping @keep levels away, the cascade stops below it. */
START_TEST(a_cascade_stops_at_the_first_table_in_use)
{
	unsigned int level, keep;
	struct world w;

	for (level = 1; level <= 3; level++) {
		for (keep = level; keep <= 3; keep++) {
			u64 va, other;

			world_region(&w, _i);
			va = w.pt.start;
			other = va + ref_size(keep);
			if (other >= w.pt.end) {
				world_destroy(&w);
				continue;
			}
			must_map(&w, va, level);
			must_map(&w, other, level);
			must_unmap(&w, va);
			ck_assert_ptr_ne((void *)world_table(&w, other, level), NULL);
			/* Below the table that both share, nothing is left. */
			if (keep > level)
				ck_assert_uint_eq(world_table(&w, va, keep - 1), 0);
			ck_assert_uint_ne(world_table(&w, va, keep), 0);
			must_be_mapped(&w, other, level, ALL);
			must_unmap(&w, other);
			ck_assert_uint_eq(world_check(&w), upper_tables(&w));
			world_destroy(&w);
		}
	}
}

END_TEST

START_TEST(counts_follow_a_table_from_empty_to_full_and_back)
{
	unsigned int level = loop_level(_i);
	u64 n, i;
	struct world w;

	world_region(&w, loop_region(_i));
	n = (w.pt.end - w.pt.start) / ref_size(level);
	if (n > PT_ENTRIES)
		n = PT_ENTRIES;
	for (i = 0; i < n; i++) {
		must_map(&w, w.pt.start + i * ref_size(level), level);
		world_check(&w);
	}
	/* From both ends, so that the last one stands in the middle. */
	for (i = 0; i < n; i++) {
		u64 at = i % 2 ? i / 2 : n - 1 - i / 2;

		must_unmap(&w, w.pt.start + at * ref_size(level));
	}
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(a_table_holds_leaves_and_tables_at_once)
{
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 1);
	must_map(&w, va + ref_size(2), 2);
	world_check(&w);
	must_unmap(&w, va + ref_size(2));
	must_be_mapped(&w, va, 1, ALL);
	must_map(&w, va + ref_size(2), 2);
	must_unmap(&w, va);
	must_be_mapped(&w, va + ref_size(2), 2, ALL);
	must_unmap(&w, va + ref_size(2));
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(the_core_frees_nothing)
{
	unsigned int level = loop_level(_i);
	struct pt_mapping old;
	struct world w;
	u64 before;

	world_region(&w, loop_region(_i));
	before = w.env.nfree;
	must_map(&w, w.pt.start, level);
	ck_assert_int_eq(pt_unmap(&w.pt, w.pt.start, &old), PT_OK);
	/* What was taken is in the deferred-free list or in shared upper-level tables, not in the reserve. */
	ck_assert_uint_eq(before - w.env.nfree, w.env.ndeferred + upper_tables(&w));
	must_map(&w, w.pt.start, level);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

START_TEST(a_reclaimed_table_can_be_used_again_at_once)
{
	struct world w;
	int round;

	world_region(&w, _i);
	for (round = 0; round < 200; round++) {
		unsigned int level = (unsigned int)round % 3 + 1;

		must_map(&w, w.pt.end - ref_size(level), level);
		must_unmap(&w, w.pt.end - ref_size(level));
		while (w.nspare)
			w.env.free[w.env.nfree++] = w.spare[--w.nspare];
	}
	world_destroy(&w);
}

END_TEST

TCase *reclaim_tests(void)
{
	TCase *t = tcase_create("eager reclamation");

	tcase_add_loop_test(t, the_last_unmap_unlinks_every_owned_table, 0, LOOP);
	tcase_add_loop_test(t, a_cascade_stops_at_the_first_table_in_use, 0, REGIONS);
	tcase_add_loop_test(t, counts_follow_a_table_from_empty_to_full_and_back, 0, LOOP);
	tcase_add_loop_test(t, a_table_holds_leaves_and_tables_at_once, 0, REGIONS);
	tcase_add_loop_test(t, the_core_frees_nothing, 0, LOOP);
	tcase_add_loop_test(t, a_reclaimed_table_can_be_used_again_at_once, 0, REGIONS);
	return t;
}
