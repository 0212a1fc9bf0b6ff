// SPDX-License-Identifier: GPL-2.0
/*
 * Rights, A and D: what protect, remap, unmap and resolve tell, and that nothing
 * the MMU writes meanwhile is lost.
 */
#include "suite.h"

START_TEST(protect_tells_whether_a_right_was_taken)
{
	unsigned int level = loop_level(_i);
	struct pt_mapping old;
	struct world w;
	u32 from, to;
	bool revoked;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	for (from = 0; from <= PT_RIGHTS; from++) {
		for (to = 0; to <= PT_RIGHTS; to++) {
			ck_assert_int_eq(pt_map(&w.pt, va, frame_of(va), level, from),
					 PT_OK);
			ck_assert_int_eq(pt_protect(&w.pt, va, to, &old, &revoked), PT_OK);
			ck_assert_uint_eq(old.rights, from);
			ck_assert_uint_eq(old.pa, frame_of(va));
			ck_assert_uint_eq(old.level, level);
			ck_assert_int_eq(revoked, (from | to) != to);
			must_be_mapped(&w, va, level, to);
			must_unmap(&w, va);
			world_reserve(&w, TABLES / 2);
		}
	}
	world_destroy(&w);
}

END_TEST

/* @_i: A | D << 1 as hardware may have left them. */
START_TEST(accessed_and_dirty_are_reported_and_kept)
{
	const bool a = _i & 1, d = _i & 2;
	struct pt_mapping m;
	unsigned int level;
	struct world w;
	bool revoked;

	world_region(&w, 1);
	for (level = 1; level <= 3; level++) {
		u64 va = w.pt.start;
		u64 *slot;

		must_map(&w, va, level);
		ck_assert_int_eq(pt_resolve(&w.pt, va, &m), PT_OK);
		ck_assert(!m.accessed && !m.dirty);
		ref_walk(&w.env, w.pt.root, va, &slot);
		*slot |= (a ? REF_A : 0) | (d ? REF_D : 0);
		ck_assert_int_eq(pt_resolve(&w.pt, va, &m), PT_OK);
		ck_assert(m.accessed == a && m.dirty == d);

		/* Rights change, A and D stay. */
		ck_assert_int_eq(pt_protect(&w.pt, va, RW, &m, &revoked), PT_OK);
		ck_assert(m.accessed == a && m.dirty == d);
		ck_assert(world_walk(&w, va).accessed == a);
		ck_assert(world_walk(&w, va).dirty == d);

		/* Without the right to write, D is told for the last time. */
		ck_assert_int_eq(pt_protect(&w.pt, va, RO, &m, &revoked), PT_OK);
		ck_assert(m.accessed == a && m.dirty == d);
		ck_assert(world_walk(&w, va).accessed == a);
		ck_assert(!world_walk(&w, va).dirty);
		ck_assert_int_eq(pt_protect(&w.pt, va, RW, &m, &revoked), PT_OK);
		ck_assert(m.accessed == a && !m.dirty);

		/* A new frame has not been used yet. */
		*slot |= (a ? REF_A : 0) | (d ? REF_D : 0);
		ck_assert_int_eq(pt_remap(&w.pt, va, 1ULL << 44, &m), PT_OK);
		ck_assert(m.accessed == a && m.dirty == d);
		ck_assert(!world_walk(&w, va).accessed && !world_walk(&w, va).dirty);
		*slot |= (a ? REF_A : 0) | (d ? REF_D : 0);
		must_unmap(&w, va);
	}
	world_destroy(&w);
}

END_TEST

/* The MMU at work: before each atomic write to a leaf it sets one bit more. */
static void mmu_races(struct world *w, enum pt_env_event event, u64 table,
		      unsigned int level, unsigned int i)
{
	u64 *slot = (u64 *)(w->env.arena + table) + i;

	(void)level;
	if (event != PT_ENV_STORE && event != PT_ENV_EXCHANGE)
		return;
	if (!w->intrusions || !(*slot & REF_P))
		return;
	*slot |= (*slot & REF_A) ? REF_D : REF_A;
	w->intrusions--;
}

START_TEST(no_bit_of_the_mmu_is_lost_in_a_race)
{
	unsigned int level = loop_level(_i), races;
	struct pt_mapping m;
	struct world w;
	bool revoked;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	w.intruder = mmu_races;
	for (races = 0; races <= 2; races++) {
		/* A protect that keeps the right to write keeps both bits. */
		must_map(&w, va, level);
		w.intrusions = races;
		ck_assert_int_eq(pt_protect(&w.pt, va, RW, &m, &revoked), PT_OK);
		ck_assert(revoked);
		must_be_mapped(&w, va, level, RW);
		ck_assert_int_eq(world_walk(&w, va).accessed, races >= 1);
		ck_assert_int_eq(world_walk(&w, va).dirty, races >= 2);
		ck_assert_int_eq(m.accessed, races >= 1);
		ck_assert_int_eq(m.dirty, races >= 2);
		w.intrusions = 0;
		must_unmap(&w, va);

		/* One that takes it away reports D. */
		must_map(&w, va, level);
		w.intrusions = races;
		ck_assert_int_eq(pt_protect(&w.pt, va, RO, &m, &revoked), PT_OK);
		must_be_mapped(&w, va, level, RO);
		ck_assert_int_eq(world_walk(&w, va).accessed, races >= 1);
		ck_assert(!world_walk(&w, va).dirty);
		ck_assert_int_eq(m.dirty, races >= 2);
		w.intrusions = 0;
		must_unmap(&w, va);
	}
	world_destroy(&w);
}

END_TEST

START_TEST(what_an_exchange_replaces_is_what_is_told)
{
	unsigned int level = loop_level(_i);
	struct pt_touched done;
	struct pt_mapping m;
	struct world w;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	w.intruder = mmu_races;
	must_map(&w, va, level);
	w.intrusions = 1;
	ck_assert_int_eq(pt_remap(&w.pt, va, 1ULL << 44, &m), PT_OK);
	ck_assert(m.accessed && !m.dirty && m.pa == frame_of(va));
	w.intrusions = 1;
	ck_assert_int_eq(pt_unmap(&w.pt, va, &m), PT_OK);
	ck_assert(m.accessed && !m.dirty && m.pa == 1ULL << 44);
	if (level > 1) {
		must_map(&w, va, level);
		w.intrusions = 1;
		must_break(&w, va, level, &m);
		ck_assert(m.accessed && !m.dirty && m.pa == frame_of(va));
		pt_split_make(&w.pt, &m);
		w.caller_locks = false;
		ck_assert_int_eq(pt_unmap_range(&w.pt, va, va + ref_size(level), &done),
				 PT_OK);
	}
	world_destroy(&w);
}

END_TEST

START_TEST(protect_range_loses_no_bit)
{
	struct pt_touched done;
	struct world w;
	u64 va;

	world_region(&w, _i);
	va = w.pt.start;
	must_map(&w, va, 1);
	must_map(&w, va + 4096, 1);
	w.intruder = mmu_races;
	w.intrusions = 2;
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + 8192, RW, &done), PT_OK);
	ck_assert(done.revoked);
	ck_assert_uint_eq(done.leaves, 2);
	must_be_mapped(&w, va, 1, RW);
	ck_assert(world_walk(&w, va).accessed && world_walk(&w, va).dirty);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + 8192, ALL, &done), PT_OK);
	ck_assert(!done.revoked);
	ck_assert(world_walk(&w, va).dirty);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + 8192, RO, &done), PT_OK);
	ck_assert(world_walk(&w, va).accessed && !world_walk(&w, va).dirty);
	world_destroy(&w);
}

END_TEST

START_TEST(a_range_is_revoked_if_any_page_is)
{
	struct pt_touched done;
	struct world w;
	u64 va;

	world_region(&w, 1);
	va = w.pt.start;
	must_map(&w, va + 4096 * (u64)_i, 1);
	ck_assert_int_eq(pt_map(&w.pt, va + 4096 * (u64)!_i, 0, 1, RO), PT_OK);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + 8192, RW, &done), PT_OK);
	ck_assert(done.revoked);
	ck_assert_int_eq(pt_protect_range(&w.pt, va, va + 8192, ALL, &done), PT_OK);
	ck_assert(!done.revoked);
	world_destroy(&w);
}

END_TEST

START_TEST(remap_swaps_the_frame_and_nothing_else)
{
	unsigned int level = loop_level(_i);
	struct pt_mapping m;
	struct world w;
	u32 rights;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.end - ref_size(level);
	for (rights = 0; rights <= PT_RIGHTS; rights++) {
		ck_assert_int_eq(pt_map(&w.pt, va, 0, level, rights), PT_OK);
		ck_assert_int_eq(pt_remap(&w.pt, va, frame_of(va), &m), PT_OK);
		ck_assert_uint_eq(m.va, va);
		ck_assert_uint_eq(m.pa, 0);
		ck_assert_uint_eq(m.level, level);
		ck_assert_uint_eq(m.rights, rights);
		must_be_mapped(&w, va, level, rights);
		world_check(&w);
		must_unmap(&w, va);
	}
	world_destroy(&w);
}

END_TEST

START_TEST(resolve_answers_at_any_offset)
{
	unsigned int level = loop_level(_i);
	u64 va, size = ref_size(level), step = size / 64 + 1, at;
	struct pt_mapping m;
	struct world w;

	world_region(&w, loop_region(_i));
	va = w.pt.end - size;
	ck_assert_int_eq(pt_map(&w.pt, va, frame_of(va), level, PT_EXEC), PT_OK);
	world_access(&w, va, false);
	for (at = va; at < va + size; at += step) {
		ck_assert_int_eq(pt_resolve(&w.pt, at, &m), PT_OK);
		ck_assert_uint_eq(m.va, va);
		ck_assert_uint_eq(m.pa, frame_of(va));
		ck_assert_uint_eq(m.level, level);
		ck_assert_uint_eq(m.rights, PT_EXEC);
		ck_assert(m.accessed && !m.dirty);
	}
	ck_assert_int_eq(pt_resolve(&w.pt, va + size - 1, &m), PT_OK);
	if (va > w.pt.start)
		ck_assert_int_eq(pt_resolve(&w.pt, va - 1, &m), PT_NOENT);
	world_destroy(&w);
}

END_TEST

TCase *rights_tests(void)
{
	TCase *t = tcase_create("rights, A and D");

	tcase_add_loop_test(t, protect_tells_whether_a_right_was_taken, 0, LOOP);
	tcase_add_loop_test(t, accessed_and_dirty_are_reported_and_kept, 0, 4);
	tcase_add_loop_test(t, no_bit_of_the_mmu_is_lost_in_a_race, 0, LOOP);
	tcase_add_loop_test(t, what_an_exchange_replaces_is_what_is_told, 0, LOOP);
	tcase_add_loop_test(t, protect_range_loses_no_bit, 0, REGIONS);
	tcase_add_loop_test(t, a_range_is_revoked_if_any_page_is, 0, 2);
	tcase_add_loop_test(t, remap_swaps_the_frame_and_nothing_else, 0, LOOP);
	tcase_add_loop_test(t, resolve_answers_at_any_offset, 0, LOOP);
	return t;
}
