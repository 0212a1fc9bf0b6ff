// SPDX-License-Identifier: GPL-2.0
/*
 * Transactional stores: after every single store of an operation, every address
 * translates as before the operation or as after it.  The watch (watch.c) compares
 * after each store; these tests supply the operations and the addresses.
 */
#include "suite.h"

/* Number of addresses whose translation the operation changed. */
static unsigned int changed(const struct world *w)
{
	unsigned int i, n = 0;

	for (i = 0; i < w->nprobes; i++)
		n += w->probe[i].changed;
	return n;
}

START_TEST(map_becomes_visible_by_its_last_store)
{
	unsigned int level = loop_level(_i);
	struct world w;

	world_region(&w, loop_region(_i));
	world_watch(&w);
	probe_around(&w, w.pt.start, level);
	ck_assert_int_eq(pt_map(&w.pt, w.pt.start, frame_of(w.pt.start), level, RW), PT_OK);
	must_be_mapped(&w, w.pt.start, level, RW);
	/* One store per table made, one for the leaf. */
	ck_assert_uint_eq(w.stores, world_check(&w) + 1);
	ck_assert_uint_eq(w.exchanges, 0);
	ck_assert_uint_ge(changed(&w), 3);
	world_destroy(&w);
}

END_TEST

START_TEST(map_beside_a_mapping_leaves_it_alone)
{
	unsigned int level = loop_level(_i), l;
	struct world w;

	world_region(&w, loop_region(_i));
	must_map(&w, w.pt.start, 1);
	for (l = level; l <= 3; l++) {
		u64 va = w.pt.end - ref_size(l);

		world_watch(&w);
		world_probe(&w, w.pt.start);
		if (pt_map(&w.pt, va, frame_of(va), l, RW) != PT_OK)
			continue;
		must_be_mapped(&w, w.pt.start, 1, ALL);
		world_watch(&w);
		probe_around(&w, va, l);
		must_unmap(&w, va);
	}
	world_destroy(&w);
}

END_TEST

START_TEST(unmap_clears_the_leaf_first)
{
	unsigned int level = loop_level(_i);
	u64 va, tables;
	struct world w;

	world_region(&w, loop_region(_i));
	va = w.pt.end - ref_size(level);
	must_map(&w, va, level);
	tables = world_check(&w) - upper_tables(&w);
	world_watch(&w);
	probe_around(&w, va, level);
	must_unmap(&w, va);
	/* The leaf by an exchange, each table by a store. */
	ck_assert_uint_eq(w.exchanges, 1);
	ck_assert_uint_eq(w.stores, tables);
	world_destroy(&w);
}

END_TEST

START_TEST(protect_and_remap_are_one_atomic_store)
{
	unsigned int level = loop_level(_i);
	struct pt_mapping old;
	struct world w;
	bool revoked;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	must_map(&w, va, level);
	world_watch(&w);
	probe_around(&w, va, level);
	ck_assert_int_eq(pt_protect(&w.pt, va, RO, &old, &revoked), PT_OK);
	must_be_mapped(&w, va, level, RO);
	ck_assert_uint_eq(w.exchanges, 1);
	ck_assert_uint_eq(w.stores, 0);
	world_watch(&w);
	probe_around(&w, va, level);
	ck_assert_int_eq(pt_remap(&w.pt, va, 1ULL << 41, &old), PT_OK);
	ck_assert_uint_eq(world_walk(&w, va).pa, 1ULL << 41);
	ck_assert_uint_eq(world_walk(&w, va).rights, RO);
	ck_assert_uint_eq(w.exchanges, 1);
	ck_assert_uint_eq(w.stores, 0);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

/* Leaves of each size, with a hole, such that a range covers them all. */
static u64 mixed(struct world *w)
{
	u64 va = w->pt.start;

	must_map(w, va, 1);
	if (PT_ENTRIES > 2) {
		must_map(w, va + 2 * ref_size(1), 1);
		must_map(w, va + 3 * ref_size(2), 2);
	}
	must_map(w, va + ref_size(2), 2);
	if (w->pt.end - w->pt.start > ref_size(3))
		must_map(w, va + ref_size(3), 3);
	return w->pt.end - va < 2 * ref_size(3) ? w->pt.end : va + 2 * ref_size(3);
}

static void probe_mixed(struct world *w)
{
	world_watch(w);
	probe_around(w, w->pt.start, 1);
	probe_around(w, w->pt.start + ref_size(2), 2);
	if (w->pt.end - w->pt.start > ref_size(3))
		probe_around(w, w->pt.start + ref_size(3), 3);
}

START_TEST(range_forms_change_each_page_once)
{
	struct pt_touched done;
	struct world w;
	u64 end;

	world_region(&w, _i);
	end = mixed(&w);
	probe_mixed(&w);
	ck_assert_int_eq(pt_protect_range(&w.pt, w.pt.start, end, RO, &done), PT_OK);
	ck_assert_uint_eq(w.exchanges, done.leaves);
	ck_assert_uint_eq(w.stores, 0);
	probe_mixed(&w);
	ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.start, end, &done), PT_OK);
	ck_assert_uint_eq(w.exchanges, done.leaves);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(map_range_makes_each_page_visible_once)
{
	unsigned int level = loop_level(_i);
	u64 pa[PT_ENTRIES + 1], n, i, tables;
	struct world w;

	world_region(&w, loop_region(_i));
	n = (w.pt.end - w.pt.start) / ref_size(level);
	if (n > PT_ENTRIES + 1)
		n = PT_ENTRIES + 1;
	for (i = 0; i < n; i++)
		pa[i] = frame_of(w.pt.start + i * ref_size(level));
	world_watch(&w);
	probe_around(&w, w.pt.start, level);
	probe_around(&w, w.pt.start + (n - 1) * ref_size(level), level);
	ck_assert_int_eq(pt_map_range(&w.pt, w.pt.start, pa, n, level, RW), PT_OK);
	tables = world_check(&w);
	ck_assert_uint_eq(w.stores, n + tables);
	ck_assert_uint_eq(w.exchanges, 0);
	for (i = 0; i < n; i++)
		must_be_mapped(&w, w.pt.start + i * ref_size(level), level, RW);
	world_destroy(&w);
}

END_TEST

START_TEST(table_entries_are_permissive)
{
	unsigned int level = loop_level(_i);
	u32 rights;
	struct world w;

	world_region(&w, loop_region(_i));
	for (rights = 0; rights <= PT_RIGHTS; rights++) {
		u64 va = w.pt.start;

		/* The walk ANDs rights along the path, so only the leaf may refuse. */
		ck_assert_int_eq(pt_map(&w.pt, va, frame_of(va), level, rights), PT_OK);
		must_be_mapped(&w, va, level, rights);
		world_check(&w);
		must_unmap(&w, va);
	}
	world_destroy(&w);
}

END_TEST

TCase *stores_tests(void)
{
	TCase *t = tcase_create("transactional stores");

	tcase_add_loop_test(t, map_becomes_visible_by_its_last_store, 0, LOOP);
	tcase_add_loop_test(t, map_beside_a_mapping_leaves_it_alone, 0, LOOP);
	tcase_add_loop_test(t, unmap_clears_the_leaf_first, 0, LOOP);
	tcase_add_loop_test(t, protect_and_remap_are_one_atomic_store, 0, LOOP);
	tcase_add_loop_test(t, range_forms_change_each_page_once, 0, REGIONS);
	tcase_add_loop_test(t, map_range_makes_each_page_visible_once, 0, LOOP);
	tcase_add_loop_test(t, table_entries_are_permissive, 0, LOOP);
	return t;
}
