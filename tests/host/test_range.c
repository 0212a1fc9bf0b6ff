// SPDX-License-Identifier: GPL-2.0
/* The range forms: what they touch, what they refuse, and how often they walk. */
#include "suite.h"

/* Leaves handed over by a range form, in order. */
struct leaves {
	struct {
		u64 va;
		unsigned int level;
		u64 entry;
	} leaf[64];
	unsigned int n;
};

static void collect(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	struct leaves *l = env->context;

	ck_assert_uint_lt(l->n, 64);
	l->leaf[l->n].va = va;
	l->leaf[l->n].level = level;
	l->leaf[l->n++].entry = entry;
}

/* One page of each size with holes between them; returns the end. */
static u64 holes(struct world *w)
{
	u64 va = w->pt.start;

	must_map(w, va, 1);
	must_map(w, va + ref_size(2), 2);
	if (w->pt.end - va >= 3 * ref_size(3) + ref_size(2)) {
		must_map(w, va + 2 * ref_size(3), 3);
		must_map(w, va + 3 * ref_size(3), 1);
		return va + 3 * ref_size(3) + ref_size(2);
	}
	return w->pt.end;
}

START_TEST(holes_are_skipped_and_leaves_counted)
{
	struct leaves l = { .n = 0 };
	struct pt_touched done;
	u64 end, bytes, last = 0;
	struct world w;
	unsigned int i;

	world_region(&w, _i);
	end = holes(&w);
	world_check(&w);
	bytes = ref_size(1) + ref_size(2);
	if (w.linked_leaves == 4)
		bytes += ref_size(3) + ref_size(1);
	world_access(&w, w.pt.start, true);
	ck_assert_int_eq(pt_protect_range(&w.pt, w.pt.start, end, RO | PT_EXEC, &done),
			 PT_OK);
	ck_assert_uint_eq(done.leaves, w.linked_leaves);
	ck_assert_uint_eq(done.bytes, bytes);
	ck_assert(done.revoked);
	must_be_mapped(&w, w.pt.start, 1, RO | PT_EXEC);
	must_be_mapped(&w, w.pt.start + ref_size(2), 2, RO | PT_EXEC);

	w.env.on_leaf = collect;
	w.env.context = &l;
	ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.start, end, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, w.linked_leaves);
	ck_assert_uint_eq(done.bytes, bytes);
	ck_assert(!done.revoked);
	ck_assert_uint_eq(l.n, w.linked_leaves);
	for (i = 0; i < l.n; i++) {
		ck_assert_uint_eq(l.leaf[i].entry & REF_ADDRESS, frame_of(l.leaf[i].va));
		ck_assert(l.leaf[i].level == 1 || (l.leaf[i].entry & REF_PS));
		ck_assert(!i || l.leaf[i].va > last);
		ck_assert_uint_eq(!!(l.leaf[i].entry & REF_A), i == 0);
		last = l.leaf[i].va;
	}
	ck_assert_uint_eq(world_check(&w), upper_tables(&w));
	world_destroy(&w);
}

END_TEST

START_TEST(an_empty_range_touches_nothing)
{
	struct pt_touched done = { .bytes = 1, .leaves = 1, .revoked = true };
	struct world w;

	world_region(&w, _i);
	world_watch(&w);
	ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.start, w.pt.end, &done), PT_OK);
	ck_assert(!done.bytes && !done.leaves && !done.revoked);
	done.revoked = true;
	ck_assert_int_eq(pt_protect_range(&w.pt, w.pt.start, w.pt.end, 0, &done), PT_OK);
	ck_assert(!done.bytes && !done.leaves && !done.revoked);
	ck_assert_uint_eq(w.stores + w.exchanges, 0);
	world_destroy(&w);
}

END_TEST

START_TEST(a_straddled_leaf_refuses_the_range)
{
	unsigned int level = _i % 2 ? 3 : 2, end;
	struct pt_touched done;
	struct world w;
	u64 at, inside;

	world_region(&w, _i / 2);
	at = w.pt.start;
	must_map(&w, at, level);
	for (end = 0; end < 2; end++) {
		for (inside = 4096; inside < ref_size(level);
		     inside += ref_size(level) - 8192 ? ref_size(level) - 8192 : 4096) {
			u64 from = end ? at : at + inside;
			u64 to = end ? at + inside : at + ref_size(level);

			world_watch(&w);
			ck_assert_int_eq(pt_unmap_range(&w.pt, from, to, &done), PT_INVALID);
			ck_assert_int_eq(pt_protect_range(&w.pt, from, to, RO, &done),
					 PT_INVALID);
			ck_assert_uint_eq(done.leaves + done.bytes, 0);
			ck_assert_uint_eq(w.stores + w.exchanges, 0);
		}
	}
	must_be_mapped(&w, at, level, ALL);
	ck_assert_int_eq(pt_unmap_range(&w.pt, at, at + ref_size(level), &done), PT_OK);
	ck_assert_uint_eq(done.bytes, ref_size(level));
	world_check(&w);
	world_destroy(&w);
}

END_TEST

START_TEST(a_range_ends_exactly_where_it_says)
{
	unsigned int level = loop_level(_i);
	u64 size = ref_size(level), from, to, n, i;
	struct pt_touched done;
	struct world w;

	world_region(&w, loop_region(_i));
	n = (w.pt.end - w.pt.start) / size;
	n = n < 6 ? n : 6;
	for (from = 0; from < n; from++) {
		for (to = from + 1; to <= n; to++) {
			u64 first = w.pt.start + from * size;
			u64 end = w.pt.start + to * size;

			for (i = 0; i < n; i++)
				must_map(&w, w.pt.start + i * size, level);
			ck_assert_int_eq(pt_protect_range(&w.pt, first, end, RO, &done),
					 PT_OK);
			ck_assert_uint_eq(done.bytes, end - first);
			for (i = 0; i < n; i++)
				must_be_mapped(&w, w.pt.start + i * size, level,
					       i >= from && i < to ? RO : ALL);
			ck_assert_int_eq(pt_unmap_range(&w.pt, first, end, &done), PT_OK);
			ck_assert_uint_eq(done.bytes, end - first);
			for (i = 0; i < n; i++)
				ck_assert_uint_eq(world_walk(&w, w.pt.start + i * size).level,
						  i >= from && i < to ? 0 : level);
			world_check(&w);
			ck_assert_int_eq(pt_unmap_range(&w.pt, w.pt.start, w.pt.end, &done),
					 PT_OK);
			ck_assert_uint_eq(done.leaves, n - (to - from));
			world_flush(&w);
			world_reserve(&w, TABLES / 2);
		}
	}
	world_destroy(&w);
}

END_TEST

/* Loads beyond one or two a page: a constant number for each table. */
#define LOADS_PER_TABLE	24

START_TEST(a_range_walks_once_per_table)
{
	const u64 n = 4 * PT_ENTRIES, tables = 4 + 3;
	struct pt_touched done;
	u64 pa[4 * PT_ENTRIES] = { 0 }, va;
	struct world w;

	if (PT_ENTRIES == 2)
		return;
	world_region(&w, _i);
	va = w.pt.start + 5 * 4096;
	world_watch(&w);
	ck_assert_int_eq(pt_map_range(&w.pt, va, pa, n, 1, RW), PT_OK);
	ck_assert_uint_le(w.loads, n + LOADS_PER_TABLE * tables);
	world_watch(&w);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + n * 4096, RO, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, n);
	ck_assert_uint_le(w.loads, 2 * n + LOADS_PER_TABLE * tables);
	world_watch(&w);
	ck_assert_int_eq(pt_unmap_range(&w.pt, va, va + n * 4096, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, n);
	/* Reclaiming a table of tables reads all its entries, once. */
	ck_assert_uint_le(w.loads, n + 2 * PT_ENTRIES + LOADS_PER_TABLE * tables + 16);
	world_check(&w);
	world_destroy(&w);
}

END_TEST

START_TEST(large_holes_cost_one_walk_each)
{
	struct pt_touched done;
	struct world w;

	world_region(&w, _i);
	must_map(&w, w.pt.end - 4096, 1);
	world_watch(&w);
	ck_assert_int_eq(pt_protect_range(&w.pt, w.pt.start, w.pt.end, RO, &done), PT_OK);
	ck_assert_uint_eq(done.leaves, 1);
	ck_assert_uint_le(w.loads, 4 * PT_ENTRIES + 4 * LOADS_PER_TABLE);
	world_destroy(&w);
}

END_TEST

START_TEST(tables_for_a_range_are_never_underestimated)
{
	unsigned int level = loop_level(_i);
	u64 pa[PT_ENTRIES + 2] = { 0 }, offset, n;
	struct world w;

	for (offset = 0; offset < 3; offset++) {
		for (n = 1; n <= PT_ENTRIES + 2; n += n < 4 ? 1 : PT_ENTRIES - 3) {
			u64 va, need;

			world_region(&w, loop_region(_i));
			va = w.pt.start + offset * ref_size(level);
			if (va < w.pt.end && (w.pt.end - va) / ref_size(level) >= n) {
				need = pt_map_tables(va, n, level);
				world_reserve(&w, need);
				ck_assert_int_eq(pt_map_range(&w.pt, va, pa, n, level, RW),
						 PT_OK);
				ck_assert_uint_eq(need, world_check(&w));
			}
			world_destroy(&w);
		}
	}
}

END_TEST

TCase *range_tests(void)
{
	TCase *t = tcase_create("ranges");

	tcase_add_loop_test(t, holes_are_skipped_and_leaves_counted, 0, REGIONS);
	tcase_add_loop_test(t, an_empty_range_touches_nothing, 0, REGIONS);
	tcase_add_loop_test(t, a_straddled_leaf_refuses_the_range, 0, 2 * REGIONS);
	tcase_add_loop_test(t, a_range_ends_exactly_where_it_says, 0, LOOP);
	tcase_add_loop_test(t, a_range_walks_once_per_table, 0, REGIONS);
	tcase_add_loop_test(t, large_holes_cost_one_walk_each, 0, REGIONS);
	tcase_add_loop_test(t, tables_for_a_range_are_never_underestimated, 0, LOOP);
	return t;
}
