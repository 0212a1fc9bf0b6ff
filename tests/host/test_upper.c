// SPDX-License-Identifier: GPL-2.0
/*
 * Own what you cover: shared upper-level tables are used, never counted, never unlinked, and
 * their other entries belong to neighbours.
 */
#include <string.h>

#include "suite.h"

/* A neighbour's entry: present, and leading out of the arena. */
#define NEIGHBOUR(i)	(0x0007770000000000ULL | (u64)(i) << 12 | REF_TABLE)

/* Fill the entries of @va's table of @level that lie outside the region. */
static void fill_neighbours(struct world *w, u64 va, unsigned int level)
{
	u64 *entry = (u64 *)(w->env.arena + world_table(w, va, level));
	u64 first = va - va % ref_size(level + 1);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++, first += ref_size(level))
		if (first + ref_size(level) <= w->pt.start || first >= w->pt.end)
			entry[i] = NEIGHBOUR(i);
}

static void check_neighbours(struct world *w, u64 va, unsigned int level)
{
	u64 *entry = (u64 *)(w->env.arena + world_table(w, va, level));
	u64 first = va - va % ref_size(level + 1);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++, first += ref_size(level))
		if (first + ref_size(level) <= w->pt.start || first >= w->pt.end)
			ck_assert_uint_eq(entry[i], NEIGHBOUR(i));
}

START_TEST(neighbours_entries_are_left_alone)
{
	unsigned int level = loop_level(_i);
	struct pt_touched done;
	struct world w;
	bool upper;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	upper = upper_tables(&w);
	fill_neighbours(&w, va, 4);
	if (upper) {
		world_link_foreign(&w, va, 3);
		fill_neighbours(&w, va, 3);
	}
	must_map(&w, va, level);
	if (va + ref_size(level) < w.pt.end)
		must_map(&w, w.pt.end - ref_size(level), level);
	must_unmap(&w, va);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, w.pt.end, RO, &done), PT_OK);
	ck_assert_int_eq(pt_unmap_range(&w.pt, va, w.pt.end, &done), PT_OK);
	/* All is empty, and the shared upper-level table is still there. */
	ck_assert_uint_eq(world_check(&w), upper);
	check_neighbours(&w, va, 4);
	if (upper)
		check_neighbours(&w, va, 3);
	world_destroy(&w);
}

END_TEST

START_TEST(a_missing_upper_table_is_made_once_and_kept)
{
	unsigned int level = loop_level(_i);
	u64 upper, va;
	struct world w;
	u64 owned;

	world_region(&w, 2);
	va = w.pt.start;
	must_map(&w, va, level);
	upper = world_table(&w, va, 3);
	owned = world_check(&w) - 1;
	ck_assert_uint_eq(w.env.live[upper >> 12], 0);
	must_unmap(&w, va);
	ck_assert_uint_eq(world_table(&w, va, 3), upper);
	world_reserve(&w, owned);
	must_map(&w, va, level);
	ck_assert_uint_eq(w.env.nfree, 0);
	world_destroy(&w);
}

END_TEST

START_TEST(regions_share_an_upper_table)
{
	u64 gib = ref_size(3), slot = ref_size(4), in_b, tables;
	struct world w;
	struct pt a, b;

	world_region(&w, 2);
	a = w.pt;
	b = w.pt;
	b.start = slot;
	b.end = slot + gib;
	in_b = b.start + gib - 4096;
	must_map(&w, a.start, 1);
	w.pt = b;
	must_map(&w, in_b, 1);
	must_map(&w, b.start, 2);
	w.pt = a;
	must_unmap(&w, a.start);
	must_be_mapped(&w, in_b, 1, ALL);
	w.pt = b;
	must_unmap(&w, b.start);
	must_unmap(&w, in_b);
	tables = world_check(&w);
	ck_assert_uint_eq(tables, 1);
	world_destroy(&w);
}

END_TEST

/* A region whose edges cut tables of every level: each is a shared upper-level table. */
START_TEST(a_region_may_cut_tables_of_any_level)
{
	struct pt_touched done;
	struct world w;

	world_init(&w, TABLES, ref_size(3) - ref_size(2) - 4096, ref_size(4) + 4096);
	world_reserve(&w, TABLES / 2);
	must_map(&w, w.pt.start, 1);
	must_map(&w, w.pt.end - 4096, 1);
	/* In a PD that is not the core's, and in one that is. */
	must_map(&w, ref_size(3) - ref_size(2), 2);
	must_map(&w, ref_size(3), 2);
	ck_assert_int_eq(world_check(&w) >= 7, 1);
	must_unmap(&w, w.pt.start);
	must_unmap(&w, ref_size(3) - ref_size(2));
	must_unmap(&w, ref_size(3));
	ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.start, w.pt.end, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 1);
	/* PDPT, PD, PT on each side; of what lies between, nothing. */
	ck_assert_uint_eq(world_check(&w), 6);
	world_destroy(&w);
}

END_TEST

/* Where a region is cut in two: at an edge of each kind of table. */
static u64 cut_at(int i)
{
	switch (i) {
	case 0:
		return ref_size(4) + 4096;	/* in a level-1 table */
	case 1:
		return ref_size(4) + ref_size(2);
	case 2:
		return ref_size(4) + ref_size(3);
	case 3:
		return ref_size(4);
	default:
		return ref_size(4) + ref_size(3) + ref_size(2) + 4096;
	}
}

static void use_extent(struct world *w, u64 va)
{
	struct pt_mapping m;
	bool revoked;

	world_check(w);
	ck_assert_int_eq(pt_protect(&w->pt, va, RO, &m, &revoked), PT_OK);
	must_unmap(w, va);
	must_map(w, va, 1);
	world_check(w);
}

START_TEST(a_region_cut_in_two_works_on_as_two)
{
	struct pt_touched done;
	u64 cut = cut_at(_i), low, high, tables, leaves = 1;
	struct world w;
	struct pt a, b;

	world_region(&w, 0);
	a = w.pt;
	b = w.pt;
	low = cut - 4096;
	high = cut;
	must_map(&w, low, 1);
	must_map(&w, high, 1);
	must_map(&w, w.pt.start, 1);
	if (high < w.pt.end - ref_size(3)) {
		must_map(&w, w.pt.end - ref_size(3), 3);
		leaves++;
	}
	world_watch(&w);
	world_probe(&w, low);
	world_probe(&w, high);
	pt_release(&w.pt, cut);
	ck_assert_uint_eq(w.stores + w.exchanges, 0);
	world_watch(&w);

	a.end = cut;
	b.start = cut;
	w.pt = a;
	use_extent(&w, low);
	w.pt = b;
	use_extent(&w, high);
	ck_assert_int_eq(pt_unmap_range(&b, b.start, b.end, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, leaves);
	world_flush(&w);
	w.pt = a;
	must_be_mapped(&w, low, 1, ALL);
	ck_assert_int_eq(pt_unmap_range(&a, a.start, a.end, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 2);
	/* What is left are the tables that the cut went through. */
	tables = (cut % ref_size(2) != 0) + (cut % ref_size(3) != 0) +
		 (cut % ref_size(4) != 0);
	ck_assert_uint_eq(world_check(&w), tables);
	world_destroy(&w);
}

END_TEST

START_TEST(release_where_nothing_is_mapped_does_nothing)
{
	struct world w;

	world_region(&w, 0);
	pt_release(&w.pt, cut_at(_i));
	must_map(&w, w.pt.start, 1);
	pt_release(&w.pt, w.pt.end - 4096);
	must_be_mapped(&w, w.pt.start, 1, ALL);
	world_destroy(&w);
}

END_TEST

/* Each deferred table translates addresses in [@start, @end) only; one of them all. */
static void check_deferred(struct world *w, u64 start, u64 end)
{
	u64 widest = 0;
	unsigned int i;

	for (i = 0; i < w->env.ndeferred; i++) {
		const struct table_info *t = &w->info[w->env.deferred[i] >> 12];
		u64 span = ref_size(t->level + 1);

		ck_assert_uint_ge(t->base, start);
		ck_assert_uint_le(t->base + span, end);
		if (span > widest)
			widest = span;
	}
	ck_assert_uint_eq(widest, end - start);
}

START_TEST(what_an_unmap_unlinks_lies_in_its_span)
{
	unsigned int level = loop_level(_i);
	struct pt_touched done;
	struct pt_mapping old;
	struct world w;
	u64 start, end;

	world_region(&w, loop_region(_i));
	must_map(&w, w.pt.start, level);
	start = w.pt.start;
	end = start + 4096;
	pt_unlink_span(&w.pt, &start, &end);
	ck_assert_int_eq(pt_unmap(&w.pt, w.pt.start, &old), PT_OK);
	/* A page in a shared upper-level table: none of the core's tables goes. */
	if (w.env.ndeferred)
		check_deferred(&w, start, end);
	else
		ck_assert_uint_eq(end - start, ref_size(3));
	world_flush(&w);

	must_map(&w, w.pt.end - ref_size(level), level);
	start = w.pt.end - ref_size(level);
	end = w.pt.end;
	pt_unlink_span(&w.pt, &start, &end);
	ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.end - ref_size(level), w.pt.end,
					&done), PT_OK);
	if (w.env.ndeferred)
		check_deferred(&w, start, end);
	ck_assert_uint_eq(end, w.pt.end);
	ck_assert_uint_ge(start, w.pt.start);
	world_destroy(&w);
}

END_TEST

TCase *upper_tests(void)
{
	TCase *t = tcase_create("ownership");

	tcase_add_loop_test(t, neighbours_entries_are_left_alone, 0, LOOP);
	tcase_add_loop_test(t, a_missing_upper_table_is_made_once_and_kept, 0, 3);
	tcase_add_test(t, regions_share_an_upper_table);
	tcase_add_test(t, a_region_may_cut_tables_of_any_level);
	tcase_add_loop_test(t, a_region_cut_in_two_works_on_as_two, 0, 5);
	tcase_add_loop_test(t, release_where_nothing_is_mapped_does_nothing, 0, 5);
	tcase_add_loop_test(t, what_an_unmap_unlinks_lies_in_its_span, 0, LOOP);
	return t;
}
