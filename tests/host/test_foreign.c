// SPDX-License-Identifier: GPL-2.0
/*
 * Empty tables that Linux links in the core's places: untracked until the core
 * links a first entry into one, no obstacle, and swept on the way.
 */
#include "suite.h"

/* The caller's loop round an operation that may say PT_AGAIN. */
static enum pt_status map_again(struct world *w, u64 va, unsigned int level)
{
	enum pt_status status = pt_map(&w->pt, va, frame_of(va), level, ALL);

	if (status != PT_AGAIN)
		return status;
	must_be_unmapped(w, va);
	ck_assert_uint_gt(w->env.ndeferred, 0);
	world_check(w);
	world_flush(w);
	return pt_map(&w->pt, va, frame_of(va), level, ALL);
}

START_TEST(a_foreign_table_is_taken_over_and_reclaimed)
{
	unsigned int level = loop_level(_i), l;
	struct world w;

	for (l = 3; l >= level; l--) {
		world_region(&w, loop_region(_i));
		world_link_foreign(&w, w.pt.start, l);
		world_watch(&w);
		probe_around(&w, w.pt.start, level);
		world_reserve(&w, l - level);	/* those above are there */
		must_map(&w, w.pt.start, level);
		world_check(&w);
		must_unmap(&w, w.pt.start);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w));
		world_destroy(&w);
	}
}

END_TEST

/* The usual bits of a table entry are recognised at once; others are fine, too. */
START_TEST(a_table_entry_with_other_bits_is_followed)
{
	unsigned int level = loop_level(_i) + 1;
	struct pt_mapping m;
	struct world w;
	bool revoked;
	u64 va, *entry;

	if (level > 4)
		return;
	world_region(&w, 1);
	va = w.pt.start;
	world_link_foreign(&w, va, 1);
	entry = (u64 *)(w.env.arena + world_table(&w, va, level)) + ref_index(va, level);
	*entry &= ~(_i < 3 ? REF_A : REF_D);
	must_map(&w, va, 1);
	ck_assert_int_eq(pt_map(&w.pt, va, 0, 1, ALL), PT_EXISTS);
	ck_assert_int_eq(pt_protect(&w.pt, va, RW, &m, &revoked), PT_OK);
	must_be_mapped(&w, va, 1, RW);
	ck_assert_int_eq(pt_resolve(&w.pt, va, &m), PT_OK);
	must_unmap(&w, va);
	ck_assert_uint_eq(world_check(&w), 0);
	world_destroy(&w);
}

END_TEST

START_TEST(a_foreign_table_in_a_leafs_place_gives_way)
{
	unsigned int level, l;
	u64 va, pa;
	struct world w;

	for (level = 2; level <= 3; level++) {
		for (l = 1; l < level; l++) {
			world_region(&w, _i);
			va = w.pt.start;
			pa = frame_of(va);
			world_link_foreign(&w, va + ref_size(level) - 4096, l);
			ck_assert_int_eq(map_again(&w, va, level), PT_OK);
			must_be_mapped(&w, va, level, ALL);
			world_check(&w);
			must_unmap(&w, va);

			/* The range form likewise. */
			world_link_foreign(&w, va, l);
			ck_assert_int_eq(pt_map_range(&w.pt, va, &pa, 1, level, ALL),
					 PT_AGAIN);
			must_be_unmapped(&w, va);
			world_check(&w);
			world_flush(&w);
			ck_assert_int_eq(pt_map_range(&w.pt, va, &pa, 1, level, ALL),
					 PT_OK);
			must_be_mapped(&w, va, level, ALL);
			world_check(&w);
			world_destroy(&w);
		}
	}
}

END_TEST

START_TEST(unmap_of_nothing_sweeps_its_path)
{
	unsigned int l;
	struct pt_mapping m;
	struct world w;

	for (l = 1; l <= 3; l++) {
		world_region(&w, _i);
		world_link_foreign(&w, w.pt.start, l);
		world_watch(&w);
		probe_around(&w, w.pt.start, 1);
		ck_assert_int_eq(pt_unmap(&w.pt, w.pt.start, &m), PT_NOENT);
		ck_assert_uint_eq(w.exchanges, 0);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w));
		world_destroy(&w);
	}
}

END_TEST

START_TEST(a_sweep_spares_tables_in_use)
{
	struct pt_mapping m;
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va + ref_size(2), 2);
	world_link_foreign(&w, va, 1);
	ck_assert_int_eq(pt_unmap(&w.pt, va, &m), PT_NOENT);
	ck_assert_uint_eq(w.env.ndeferred, 1);
	must_be_mapped(&w, va + ref_size(2), 2, ALL);
	world_check(&w);
	/* In the middle of a leaf, and where a used table has a hole. */
	ck_assert_int_eq(pt_unmap(&w.pt, va + ref_size(2) + 4096, &m), PT_NOENT);
	must_map(&w, va + 4096, 1);
	ck_assert_int_eq(pt_unmap(&w.pt, va, &m), PT_NOENT);
	ck_assert_uint_eq(w.env.ndeferred, 1);
	must_be_mapped(&w, va + 4096, 1, ALL);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

/* A table that holds nothing but foreign tables takes them with it. */
START_TEST(a_reclaimed_table_leaves_no_foreign_one_behind)
{
	struct pt_touched done;
	struct world w;
	u64 va;
	int how;

	for (how = 0; how < 4; how++) {
		world_region(&w, _i);
		va = w.pt.start;
		must_map(&w, va, 1);
		world_link_foreign(&w, va + ref_size(2), 1);
		if (va + ref_size(3) < w.pt.end)
			world_link_foreign(&w, w.pt.end - 4096, how % 2 ? 1 : 2);
		world_watch(&w);
		probe_around(&w, va, 1);
		if (how < 2)
			must_unmap(&w, va);
		else
			ck_assert_int_eq(pt_unmap_range(&w.pt, va, va + 4096, &done),
					 PT_OK);
		if (upper_tables(&w) || world_owns(&w, w.pt.start, 3))
			ck_assert_uint_eq(world_table(&w, va, 2), 0);
		if (world_owns(&w, w.pt.end - ref_size(4), 3) && _i == 1)
			ck_assert_uint_eq(world_check(&w), 0);
		world_check(&w);
		world_destroy(&w);
	}
}

END_TEST

START_TEST(a_swept_table_leaves_no_foreign_one_behind)
{
	struct pt_mapping m;
	struct world w;

	world_region(&w, _i);
	world_link_foreign(&w, w.pt.start, 1);
	world_link_foreign(&w, w.pt.start + ref_size(2), 1);
	if (_i == 1)
		world_link_foreign(&w, w.pt.end - 4096, 1);
	ck_assert_int_eq(pt_unmap(&w.pt, w.pt.start, &m), PT_NOENT);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));

	/* And a leaf that takes the place of two levels of them. */
	world_flush(&w);
	world_link_foreign(&w, w.pt.start, 1);
	world_link_foreign(&w, w.pt.start + ref_size(2), 1);
	ck_assert_int_eq(map_again(&w, w.pt.start, 3), PT_OK);
	must_be_mapped(&w, w.pt.start, 3, ALL);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

START_TEST(ranges_sweep_as_they_pass)
{
	struct pt_touched done;
	struct world w;
	u64 va, tables;

	world_region(&w, _i);
	va = w.pt.start;
	world_link_foreign(&w, va, 1);
	world_link_foreign(&w, w.pt.end - 4096, 1);
	must_map(&w, va + ref_size(2), 1);
	tables = world_check(&w);
	world_watch(&w);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, w.pt.end, RO, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 1);
	ck_assert_uint_eq(world_check(&w), tables);
	probe_around(&w, va + ref_size(2), 1);
	ck_assert_int_eq(pt_unmap_range(&w.pt, va, w.pt.end, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 1);
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

/* Linux is quicker: just before the core locks a table, it links one there. */
static void linux_races(struct world *w, enum pt_env_event event, u64 table,
			unsigned int level, unsigned int i)
{
	(void)i;
	(void)table;
	if (event != PT_ENV_LOCK || !w->intrusions || level < 2)
		return;
	w->intrusions--;
	world_link_foreign(w, w->intruder_va, level - 1);
}

START_TEST(a_table_linked_first_by_linux_is_used)
{
	unsigned int level = loop_level(_i), races;
	struct world w;
	u64 va, pa;

	for (races = 1; races <= 4 - level; races++) {
		world_region(&w, loop_region(_i));
		va = w.pt.start;
		pa = frame_of(va);
		w.intruder = linux_races;
		w.intruder_va = va;
		w.intrusions = races;
		if (races % 2)
			must_map(&w, va, level);
		else
			ck_assert_int_eq(pt_map_range(&w.pt, va, &pa, 1, level, ALL),
					 PT_OK);
		ck_assert_uint_eq(w.intrusions, 0);
		ck_assert_uint_eq(w.env.nfree, TABLES / 2 - (4 - level - races));
		must_unmap(&w, va);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w));
		world_destroy(&w);
	}
}

END_TEST

START_TEST(a_table_linked_by_linux_in_a_leafs_place_is_seen)
{
	unsigned int level, l;
	struct world w;
	u64 va;

	for (level = 2; level <= 3; level++) {
		world_region(&w, _i);
		va = w.pt.start;
		w.intruder = linux_races;
		w.intruder_va = va;
		/* Race for each table of the path and for the leaf's own place. */
		w.intrusions = 4 - level + 1;
		ck_assert_int_eq(pt_map(&w.pt, va, frame_of(va), level, ALL), PT_AGAIN);
		w.intrusions = 0;
		for (l = level; l <= 3; l++)
			ck_assert_uint_ne(world_table(&w, va, l), 0);
		world_check(&w);
		world_flush(&w);
		must_map(&w, va, level);
		world_destroy(&w);
	}
}

END_TEST

/* Linux links a table where the core has seen nothing, just before it looks once more. */
static void linux_links_between_looks(struct world *w, enum pt_env_event event, u64 table,
				      unsigned int level, unsigned int i)
{
	static u64 last_table;
	static unsigned int last_i;
	unsigned int l;

	(void)level;
	if (event != PT_ENV_LOAD)
		return;
	for (l = 3; l && world_table(w, w->intruder_va, l); l--)
		;
	if (w->intrusions && table == last_table && i == last_i && l) {
		w->intrusions--;
		world_link_foreign(w, w->intruder_va, l);
	}
	last_table = table;
	last_i = i;
}

START_TEST(a_range_is_mapped_though_linux_links_at_any_look)
{
	unsigned int races;
	struct world w;
	u64 va, pa[2];

	for (races = 1; races <= 3; races++) {
		world_region(&w, _i);
		va = w.pt.start;
		pa[0] = frame_of(va);
		pa[1] = frame_of(va + 4096);
		w.intruder_va = va;
		w.intrusions = races;
		w.intruder = linux_links_between_looks;
		ck_assert_int_eq(pt_map_range(&w.pt, va, pa, 2, 1, ALL), PT_OK);
		w.intrusions = 0;
		must_be_mapped(&w, va, 1, ALL);
		must_be_mapped(&w, va + 4096, 1, ALL);
		world_check(&w);
		world_destroy(&w);
	}
}

END_TEST

TCase *foreign_tests(void)
{
	TCase *t = tcase_create("foreign empty tables");

	tcase_add_loop_test(t, a_foreign_table_is_taken_over_and_reclaimed, 0, LOOP);
	tcase_add_loop_test(t, a_table_entry_with_other_bits_is_followed, 0, LOOP);
	tcase_add_loop_test(t, a_foreign_table_in_a_leafs_place_gives_way, 0, REGIONS);
	tcase_add_loop_test(t, unmap_of_nothing_sweeps_its_path, 0, REGIONS);
	tcase_add_loop_test(t, a_sweep_spares_tables_in_use, 0, REGIONS);
	tcase_add_loop_test(t, a_reclaimed_table_leaves_no_foreign_one_behind, 0, REGIONS);
	tcase_add_loop_test(t, a_swept_table_leaves_no_foreign_one_behind, 0, REGIONS);
	tcase_add_loop_test(t, ranges_sweep_as_they_pass, 0, REGIONS);
	tcase_add_loop_test(t, a_table_linked_first_by_linux_is_used, 0, LOOP);
	tcase_add_loop_test(t, a_table_linked_by_linux_in_a_leafs_place_is_seen, 0, REGIONS);
	tcase_add_loop_test(t, a_range_is_mapped_though_linux_links_at_any_look, 0, REGIONS);
	return t;
}
