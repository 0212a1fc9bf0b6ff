// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that exclude others from a part of the region only (pt_env_covers()): what
 * is outside that part stays as it is, and so do the tables that lead there.
 */
#include "suite.h"

/* The core may change what is behind an entry of a PD, and no more. */
static void cover_one_pd_entry(struct world *w)
{
	w->env.narrow = 3;
	w->env.nleft = 0;
	world_watch(w);
}

static void cover_all(struct world *w)
{
	w->env.narrow = 0;
}

/* Owned tables on @va's path from @level up; what was left is as if Linux had linked it. */
static u64 left_on_path(struct world *w, u64 va, unsigned int level)
{
	u64 n = 0;

	for (; level <= 3; level++) {
		u64 table = world_table(w, va, level);

		if (!table || !world_owns(w, va - va % ref_size(level + 1), level))
			continue;
		ck_assert_uint_eq(w->env.live[table >> 12], 0);
		w->info[table >> 12].foreign = true;
		n++;
	}
	return n;
}

START_TEST(a_leaf_that_is_not_covered_is_left_alone)
{
	struct pt_mapping old;
	struct world w;
	bool revoked;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 3);
	cover_one_pd_entry(&w);
	ck_assert_int_eq(pt_unmap(&w.pt, va, &old), PT_WIDER);
	ck_assert_int_eq(pt_protect(&w.pt, va, RO, &old, &revoked), PT_WIDER);
	ck_assert_int_eq(pt_remap(&w.pt, va, 0, &old), PT_WIDER);
	ck_assert_uint_eq(w.stores + w.exchanges, 0);
	must_be_mapped(&w, va, 3, ALL);
	cover_all(&w);
	must_unmap(&w, va);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(a_table_above_what_is_covered_stays_until_it_is_swept)
{
	unsigned int level;
	struct pt_mapping old;
	struct world w;
	u64 va, left;

	for (level = 1; level <= 2; level++) {
		world_region(&w, _i);
		va = w.pt.start;
		must_map(&w, va, level);
		cover_one_pd_entry(&w);
		ck_assert_int_eq(pt_unmap(&w.pt, va, &old), PT_OK);
		/* The PT has gone, and its PD has not. */
		ck_assert_uint_eq(w.env.ndeferred, level == 1);
		left = left_on_path(&w, va, 2);
		ck_assert_uint_eq(w.env.nleft, left);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w) + left);
		world_flush(&w);

		/* Nor does a sweep take it that covers no more. */
		pt_sweep(&w.pt, va);
		ck_assert_uint_eq(w.env.ndeferred, 0);
		cover_all(&w);
		pt_sweep(&w.pt, va);
		ck_assert_uint_eq(w.env.ndeferred, left);
		world_flush(&w);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w));
		world_destroy(&w);
	}
}

END_TEST

START_TEST(a_table_that_was_left_is_used_and_counted_again)
{
	struct pt_mapping old;
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 1);
	cover_one_pd_entry(&w);
	ck_assert_int_eq(pt_unmap(&w.pt, va, &old), PT_OK);
	left_on_path(&w, va, 2);
	world_flush(&w);
	must_map(&w, va, 1);
	world_check(&w);
	/* It is in use: a sweep leaves it, whatever it covers. */
	cover_all(&w);
	pt_sweep(&w.pt, va);
	ck_assert_uint_eq(w.env.ndeferred, 0);
	must_unmap(&w, va);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

/* Another operation maps a page in a PT of its own, while this one asks for the PD's lock. */
static void others_link_a_pt(struct world *w, enum pt_env_event event, u64 table,
			     unsigned int level, unsigned int i)
{
	(void)i;
	if (event != PT_ENV_LOCK || level != 2 || !w->intrusions)
		return;
	*(u64 *)(w->env.arena + table + ref_index(w->intruder_va, 2) * 8) = w->old;
	w->intrusions--;
}

/* A PT whose link is hidden from the core until then. */
static void hide_pt(struct world *w, u64 va)
{
	u64 *slot = (u64 *)(w->env.arena + world_table(w, va, 2) + ref_index(va, 2) * 8);

	w->intruder_va = va;
	w->intrusions = 1;
	w->intruder = others_link_a_pt;
	w->old = *slot;
	*slot = 0;
}

START_TEST(a_range_does_not_reach_what_lies_before_it)
{
	struct pt_touched done;
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 1);
	hide_pt(&w, va);
	ck_assert_int_eq(pt_unmap_range(&w.pt, va + 4096, va + 8192, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 0);
	must_be_mapped(&w, va, 1, ALL);
	hide_pt(&w, va);
	ck_assert_int_eq(pt_protect_range(&w.pt, va + 4096, va + 8192, RO, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 0);
	must_be_mapped(&w, va, 1, ALL);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

TCase *cover_tests(void)
{
	TCase *t = tcase_create("operations on a part of the region");

	tcase_add_loop_test(t, a_leaf_that_is_not_covered_is_left_alone, 0, REGIONS);
	tcase_add_loop_test(t, a_table_above_what_is_covered_stays_until_it_is_swept, 0, REGIONS);
	tcase_add_loop_test(t, a_table_that_was_left_is_used_and_counted_again, 0, REGIONS);
	tcase_add_loop_test(t, a_range_does_not_reach_what_lies_before_it, 0, REGIONS);
	return t;
}
