// SPDX-License-Identifier: GPL-2.0
/*
 * Errors: each is told, and changes nothing - not one store.
 */
#include "suite.h"

#define refused(w, call, status) do {			\
	struct world *_world = (w);			\
							\
	world_watch(_world);				\
	ck_assert_int_eq(call, status);			\
	ck_assert_uint_eq(_world->stores, 0);		\
	ck_assert_uint_eq(_world->exchanges, 0);	\
	ck_assert_uint_eq(_world->env.ndeferred, 0);	\
} while (0)

START_TEST(too_small_a_reserve_changes_nothing)
{
	unsigned int level = loop_level(_i), l;
	struct world w;

	/* @l: the lowest level at which a table is there already. */
	for (l = level; l <= 4; l++) {
		u64 need = l - level, have;

		for (have = 0; have < need; have++) {
			u64 pa = frame_of(0), before;

			world_region(&w, loop_region(_i));
			world_link_foreign(&w, w.pt.start, l);
			before = world_check(&w);
			world_reserve(&w, have);
			refused(&w, pt_map(&w.pt, w.pt.start, pa, level, RW), PT_NOMEM);
			refused(&w, pt_map_range(&w.pt, w.pt.start, &pa, 1, level, RW),
				PT_NOMEM);
			ck_assert_uint_eq(w.env.nfree, have);
			ck_assert_uint_eq(world_check(&w), before);
			world_reserve(&w, need);
			ck_assert_int_eq(pt_map(&w.pt, w.pt.start, pa, level, RW), PT_OK);
			ck_assert_uint_eq(w.env.nfree, 0);
			world_destroy(&w);
		}
	}
}

END_TEST

START_TEST(ranges_need_all_their_tables_beforehand)
{
	unsigned int level = loop_level(_i);
	u64 pa[PT_ENTRIES + 1], n, i, need, have;
	struct world w;

	world_region(&w, loop_region(_i));
	n = (w.pt.end - w.pt.start) / ref_size(level);
	if (n > PT_ENTRIES + 1)
		n = PT_ENTRIES + 1;
	for (i = 0; i < n; i++)
		pa[i] = frame_of(i * ref_size(level));
	ck_assert_int_eq(pt_map_range(&w.pt, w.pt.start, pa, n, level, RW), PT_OK);
	need = world_check(&w);
	ck_assert_uint_ge(pt_map_tables(w.pt.start, n, level), need);
	world_destroy(&w);
	for (have = 0; have <= need; have++) {
		world_region(&w, loop_region(_i));
		world_reserve(&w, have);
		if (have < need)
			refused(&w, pt_map_range(&w.pt, w.pt.start, pa, n, level, RW),
				PT_NOMEM);
		else
			ck_assert_int_eq(pt_map_range(&w.pt, w.pt.start, pa, n, level,
						      RW), PT_OK);
		world_check(&w);
		world_destroy(&w);
	}
}

END_TEST

/* New page of each size inside, around or at a mapping of each size. */
START_TEST(overlap_of_any_two_sizes_exists)
{
	unsigned int there = loop_level(_i), level;
	struct world w;
	u64 at, frame;

	world_region(&w, loop_region(_i));
	at = w.pt.start + ref_size(3) - ref_size(there);
	must_map(&w, at, there);
	for (level = 1; level <= 3; level++) {
		u64 first = at - at % ref_size(level);
		u64 last = at + ref_size(there) - 1;
		u64 tables = world_check(&w);

		frame = frame_of(1ULL << 45);
		last -= last % ref_size(level);
		refused(&w, pt_map(&w.pt, first, frame, level, RW), PT_EXISTS);
		refused(&w, pt_map(&w.pt, last, frame, level, RW), PT_EXISTS);
		refused(&w, pt_map_range(&w.pt, first, &frame, 1, level, RW), PT_EXISTS);
		refused(&w, pt_map_range(&w.pt, last, &frame, 1, level, RW), PT_EXISTS);
		ck_assert_uint_eq(world_check(&w), tables);
	}
	must_be_mapped(&w, at, there, ALL);
	world_destroy(&w);
}

END_TEST

START_TEST(a_mapping_anywhere_in_a_range_exists)
{
	unsigned int level = loop_level(_i);
	u64 pa[4] = { 0, ref_size(3), 0, ref_size(3) }, n, i;
	struct world w;

	world_region(&w, loop_region(_i));
	n = (w.pt.end - w.pt.start) / ref_size(level);
	n = n < 4 ? n : 4;
	for (i = 0; i < n; i++) {
		u64 at = w.pt.start + i * ref_size(level);

		must_map(&w, at, 1);
		refused(&w, pt_map_range(&w.pt, w.pt.start, pa, n, level, RW), PT_EXISTS);
		world_check(&w);
		must_unmap(&w, at);
	}
	world_destroy(&w);
}

END_TEST

/* Addresses that no operation may take: (address, whether merely misaligned). */
START_TEST(bad_addresses_are_invalid)
{
	struct pt_touched done;
	struct pt_mapping m;
	unsigned int i;
	struct world w;
	bool revoked;
	u64 frame = 0;

	world_region(&w, _i);
	must_map(&w, w.pt.start, 1);
	must_map(&w, w.pt.end - ref_size(2), 2);
	{
		const u64 bad[] = {
			w.pt.end, w.pt.start - 4096, w.pt.start + 1, w.pt.start + 4095,
			w.pt.end - 1, ~0ULL, ~4095ULL, 1ULL << 63, w.pt.end + 4096,
		};

		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			u64 va = bad[i];
			unsigned int level;

			for (level = 1; level <= 3; level++) {
				refused(&w, pt_map(&w.pt, va, 0, level, RW), PT_INVALID);
				refused(&w, pt_map_range(&w.pt, va, &frame, 1, level, RW),
					PT_INVALID);
			}
			refused(&w, pt_unmap(&w.pt, va, &m), PT_INVALID);
			refused(&w, pt_protect(&w.pt, va, RO, &m, &revoked), PT_INVALID);
			refused(&w, pt_remap(&w.pt, va, 0, &m), PT_INVALID);
			refused(&w, pt_split_break(&w.pt, va, &m), PT_INVALID);
			refused(&w, pt_unmap_range(&w.pt, va, va + 4096, &done),
				PT_INVALID);
			refused(&w, pt_unmap_range(&w.pt, w.pt.start, va + 4096, &done),
				PT_INVALID);
			refused(&w, pt_protect_range(&w.pt, va, va + 4096, RO, &done),
				PT_INVALID);
			if (va < w.pt.start || va >= w.pt.end)
				refused(&w, pt_resolve(&w.pt, va, &m), PT_INVALID);
		}
	}
	world_check(&w);
	world_destroy(&w);
}

END_TEST

START_TEST(pages_reaching_out_of_the_region_are_invalid)
{
	struct pt_touched done;
	struct pt narrow;
	struct world w;
	unsigned int l;
	u64 frame[2] = { 0, 1ULL << 45 };

	world_region(&w, _i);
	narrow = w.pt;
	/* One small page at each end is outside. */
	narrow.start += 4096;
	narrow.end -= 4096;
	refused(&w, pt_map(&narrow, w.pt.start, 0, 1, RW), PT_INVALID);
	refused(&w, pt_map(&narrow, narrow.end, 0, 1, RW), PT_INVALID);
	for (l = 2; l <= 3; l++) {
		refused(&w, pt_map(&narrow, w.pt.start, 0, l, RW), PT_INVALID);
		refused(&w, pt_map(&narrow, w.pt.end - ref_size(l), 0, l, RW), PT_INVALID);
		refused(&w, pt_map_range(&narrow, w.pt.end - ref_size(l), frame, 1, l, RW),
			PT_INVALID);
	}
	refused(&w, pt_map_range(&narrow, narrow.end - 4096, frame, 2, 1, RW), PT_INVALID);
	refused(&w, pt_map_range(&narrow, narrow.start, frame, ~0ULL, 1, RW), PT_INVALID);
	refused(&w, pt_map_range(&narrow, narrow.start, frame, 1ULL << 52, 1, RW),
		PT_INVALID);
	refused(&w, pt_map_range(&narrow, narrow.start, frame, 0, 1, RW), PT_INVALID);
	refused(&w, pt_unmap_range(&narrow, w.pt.start, narrow.end, &done), PT_INVALID);
	refused(&w, pt_unmap_range(&narrow, narrow.start, w.pt.end, &done), PT_INVALID);
	refused(&w, pt_unmap_range(&narrow, narrow.start, narrow.start, &done), PT_INVALID);
	refused(&w, pt_unmap_range(&narrow, narrow.end, narrow.start, &done), PT_INVALID);
	refused(&w, pt_unmap_range(&narrow, narrow.start, narrow.start + 4097, &done),
		PT_INVALID);
	refused(&w, pt_protect_range(&narrow, narrow.start, narrow.start, RO, &done),
		PT_INVALID);
	world_destroy(&w);
}

END_TEST

START_TEST(bad_levels_rights_and_frames_are_invalid)
{
	unsigned int level = loop_level(_i);
	struct pt_touched done;
	struct pt_mapping m;
	struct world w;
	bool revoked;
	u64 va, limit, size = ref_size(level);
	u32 bit;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	limit = 1ULL << 45;
	w.pt.pa_limit = limit;
	{
		const u64 bad[] = {
			1, 4095, size / 2, size + 1, limit, limit + size, 1ULL << 51,
			1ULL << 52, ~0ULL, ~(size - 1), 1ULL << 63,
		};
		unsigned int i;

		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			u64 frames[2] = { 0, bad[i] };

			refused(&w, pt_map(&w.pt, va, bad[i], level, RW), PT_INVALID);
			if (w.pt.end - va >= 2 * size)
				refused(&w, pt_map_range(&w.pt, va, frames, 2, level, RW),
					PT_INVALID);
			refused(&w, pt_map_range(&w.pt, va, frames + 1, 1, level, RW),
				PT_INVALID);
		}
		ck_assert_int_eq(pt_map(&w.pt, va, limit - size, level, RW), PT_OK);
		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			refused(&w, pt_remap(&w.pt, va, bad[i], &m), PT_INVALID);
	}
	refused(&w, pt_map(&w.pt, va, 0, 0, RW), PT_INVALID);
	refused(&w, pt_map(&w.pt, va, 0, 4, RW), PT_INVALID);
	refused(&w, pt_map(&w.pt, va, 0, ~0U, RW), PT_INVALID);
	refused(&w, pt_map_range(&w.pt, va, &limit, 1, 0, RW), PT_INVALID);
	refused(&w, pt_map_range(&w.pt, va, &limit, 1, 4, RW), PT_INVALID);
	for (bit = 8; bit; bit <<= 1) {
		u64 frame = 0;

		refused(&w, pt_map(&w.pt, va, 0, level, RW | bit), PT_INVALID);
		refused(&w, pt_map_range(&w.pt, va, &frame, 1, level, RW | bit),
			PT_INVALID);
		refused(&w, pt_protect(&w.pt, va, RW | bit, &m, &revoked), PT_INVALID);
		refused(&w, pt_protect_range(&w.pt, va, va + size, RW | bit, &done),
			PT_INVALID);
	}
	world_destroy(&w);
}

END_TEST

START_TEST(what_is_not_mapped_is_noent)
{
	unsigned int level = loop_level(_i);
	struct pt_mapping m;
	struct world w;
	bool revoked;
	u64 va;

	world_region(&w, loop_region(_i));
	va = w.pt.start;
	refused(&w, pt_unmap(&w.pt, va, &m), PT_NOENT);
	refused(&w, pt_resolve(&w.pt, va, &m), PT_NOENT);
	must_map(&w, va, level);
	/* In a mapping, but not at its start; and beside it. */
	for (va += level > 1 ? 4096 : ref_size(1); va < w.pt.start + ref_size(3);
	     va += ref_size(3) / 2 - 4096) {
		refused(&w, pt_unmap(&w.pt, va, &m), PT_NOENT);
		refused(&w, pt_protect(&w.pt, va, RO, &m, &revoked), PT_NOENT);
		refused(&w, pt_remap(&w.pt, va, 0, &m), PT_NOENT);
		refused(&w, pt_split_break(&w.pt, va, &m), PT_NOENT);
		if (va >= w.pt.start + ref_size(level))
			refused(&w, pt_resolve(&w.pt, va, &m), PT_NOENT);
	}
	must_be_mapped(&w, w.pt.start, level, ALL);
	world_destroy(&w);
}

END_TEST

START_TEST(bad_regions_are_invalid)
{
	struct pt_env env = { 0 };
	const u64 top = ref_size(4) << PT_INDEX_BITS;
	struct pt pt;

	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 52), PT_OK);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 13), PT_OK);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 12), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 53), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 0), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4097, 0, top, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 0, 0, top, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top, 13), PT_OK);
	ck_assert_int_eq(pt_init(&pt, &env, 8192, 0, top, 13), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 1ULL << 52, 0, top, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 1, top, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top - 1, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, top + 4096, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 4096, 4096, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 8192, 4096, 52), PT_INVALID);
	ck_assert_int_eq(pt_init(&pt, &env, 4096, 0, 0, 52), PT_INVALID);
}

END_TEST

TCase *refusal_tests(void)
{
	TCase *t = tcase_create("refusals");

	tcase_add_loop_test(t, too_small_a_reserve_changes_nothing, 0, LOOP);
	tcase_add_loop_test(t, ranges_need_all_their_tables_beforehand, 0, LOOP);
	tcase_add_loop_test(t, overlap_of_any_two_sizes_exists, 0, LOOP);
	tcase_add_loop_test(t, a_mapping_anywhere_in_a_range_exists, 0, LOOP);
	tcase_add_loop_test(t, bad_addresses_are_invalid, 0, REGIONS);
	tcase_add_loop_test(t, pages_reaching_out_of_the_region_are_invalid, 0, REGIONS);
	tcase_add_loop_test(t, bad_levels_rights_and_frames_are_invalid, 0, LOOP);
	tcase_add_loop_test(t, what_is_not_mapped_is_noent, 0, LOOP);
	tcase_add_test(t, bad_regions_are_invalid);
	return t;
}
