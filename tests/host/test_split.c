// SPDX-License-Identifier: GPL-2.0
/* Splitting a leaf: break, invalidate, make - the same memory, smaller pages. */
#include "suite.h"

static unsigned int split_level(int i)
{
	return (unsigned int)i % 2 + 2;
}

START_TEST(a_split_leaf_maps_the_same_memory)
{
	unsigned int level = split_level(_i), i;
	struct pt_mapping old, m;
	struct pt_touched done;
	struct world w;
	u64 va;
	u32 rights;

	world_region(&w, _i / 2);
	va = w.pt.end - ref_size(level);
	for (rights = 0; rights <= PT_RIGHTS; rights++) {
		world_watch(&w);
		ck_assert_int_eq(pt_map(&w.pt, va, frame_of(va), level, rights), PT_OK);
		world_access(&w, va, rights & PT_WRITE);
		world_watch(&w);
		probe_around(&w, va, level);
		must_break(&w, va, level, &old);
		ck_assert_uint_eq(old.pa, frame_of(va));
		ck_assert_uint_eq(w.stores + w.exchanges, 1);
		must_be_unmapped(&w, va);
		world_check(&w);
		world_settle(&w);
		pt_split_make(&w.pt, &old);
		ck_assert_uint_eq(w.broken, ~0ULL);
		world_check(&w);
		for (i = 0; i < PT_ENTRIES; i++) {
			u64 at = va + i * ref_size(level - 1);

			must_be_mapped(&w, at, level - 1, rights);
			ck_assert_int_eq(pt_resolve(&w.pt, at, &m), PT_OK);
			ck_assert(m.accessed && m.dirty == !!(rights & PT_WRITE));
		}
		world_settle(&w);
		ck_assert_int_eq(pt_unmap_range(&w.pt, va, va + ref_size(level), &done),
				 PT_OK);
		ck_assert_uint_eq(done.leaves, PT_ENTRIES);
		ck_assert_uint_eq(world_check(&w), upper_tables(&w));
		world_flush(&w);
	}
	world_destroy(&w);
}

END_TEST

/* A walker finds nothing of the split leaf, or all of it, at every moment. */
static void pages_come_together(struct world *w, enum pt_env_event event, u64 table,
				unsigned int level, unsigned int i)
{
	struct ref first = world_walk(w, w->intruder_va);
	struct ref last = world_walk(w, w->intruder_va + ref_size(w->broken_level) - 1);

	(void)event; (void)table; (void)level; (void)i;
	if (!first.level != !last.level)
		world_fail("the pieces do not become visible by one store");
	w->intrusions++;
}

START_TEST(the_pieces_become_visible_by_one_store)
{
	unsigned int level = split_level(_i);
	struct pt_mapping old;
	struct world w;

	world_region(&w, _i / 2);
	must_map(&w, w.pt.start, level);
	must_break(&w, w.pt.start, level, &old);
	w.intruder = pages_come_together;
	w.intruder_va = w.pt.start;
	pt_split_make(&w.pt, &old);
	ck_assert_uint_ge(w.intrusions, PT_ENTRIES);
	world_destroy(&w);
}

END_TEST

START_TEST(the_pages_are_counted)
{
	unsigned int level = split_level(_i), i;
	struct pt_mapping old;
	struct world w;
	u64 va;

	world_region(&w, _i / 2);
	va = w.pt.start;
	must_map(&w, va, level);
	must_break(&w, va, level, &old);
	pt_split_make(&w.pt, &old);
	w.caller_locks = false;
	for (i = 0; i < PT_ENTRIES; i++)
		must_unmap(&w, va + i * ref_size(level - 1));
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(a_leaf_can_be_split_to_the_bottom)
{
	struct pt_mapping old;
	struct pt_touched done;
	unsigned int level;
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 3);
	for (level = 3; level > 1; level--) {
		must_break(&w, va, level, &old);
		pt_split_make(&w.pt, &old);
		world_check(&w);
	}
	must_be_mapped(&w, va, 1, ALL);
	must_be_mapped(&w, va + ref_size(2), 2, ALL);
	ck_assert_int_eq(pt_split_break(&w.pt, va, &old), PT_NOENT);
	ck_assert_int_eq(pt_unmap_range(&w.pt, va, va + ref_size(3), &done), PT_OK);
	ck_assert_uint_eq(done.bytes, ref_size(3));
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(no_split_without_a_table)
{
	unsigned int level = split_level(_i);
	struct pt_mapping old;
	struct world w;

	world_region(&w, _i / 2);
	must_map(&w, w.pt.start, level);
	world_reserve(&w, 0);
	world_watch(&w);
	ck_assert_int_eq(pt_split_break(&w.pt, w.pt.start, &old), PT_NOMEM);
	ck_assert_uint_eq(w.stores + w.exchanges, 0);
	must_be_mapped(&w, w.pt.start, level, ALL);
	world_destroy(&w);
}

END_TEST

TCase *split_tests(void)
{
	TCase *t = tcase_create("splitting");

	tcase_add_loop_test(t, a_split_leaf_maps_the_same_memory, 0, 2 * REGIONS);
	tcase_add_loop_test(t, the_pieces_become_visible_by_one_store, 0, 2 * REGIONS);
	tcase_add_loop_test(t, the_pages_are_counted, 0, 2 * REGIONS);
	tcase_add_loop_test(t, a_leaf_can_be_split_to_the_bottom, 0, REGIONS);
	tcase_add_loop_test(t, no_split_without_a_table, 0, 2 * REGIONS);
	return t;
}
