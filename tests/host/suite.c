// SPDX-License-Identifier: GPL-2.0
/* The unit tests' program: TAP on standard output. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

void world_fail(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_abort_msg("%s", text);
	abort();	/* not reached */
}

void world_region(struct world *w, int region)
{
	u64 slot = ref_size(4), gib = ref_size(3);

	switch (region) {
	case 0:
		world_init(w, TABLES, 0, ref_size(4) << PT_INDEX_BITS);
		break;
	case 1:
		world_init(w, TABLES, slot, slot + slot);
		break;
	default:
		world_init(w, TABLES, slot + gib, slot + gib + gib);
		break;
	}
	world_reserve(w, TABLES / 2);
}

u64 upper_tables(const struct world *w)
{
	return world_owns(w, w->pt.start, 3) ? 0 : 1;
}

void must_map(struct world *w, u64 va, unsigned int level)
{
	world_settle(w);
	ck_assert_int_eq(pt_map(&w->pt, va, frame_of(va), level, ALL), PT_OK);
	must_be_mapped(w, va, level, ALL);
}

void must_be_mapped(struct world *w, u64 va, unsigned int level, u32 rights)
{
	struct ref found = world_walk(w, va);

	ck_assert_uint_eq(found.level, level);
	ck_assert_uint_eq(found.base, va);
	ck_assert_uint_eq(found.pa, frame_of(va));
	ck_assert_uint_eq(found.rights, rights);
}

void must_be_unmapped(struct world *w, u64 va)
{
	ck_assert_uint_eq(world_walk(w, va).level, 0);
}

void must_break(struct world *w, u64 va, unsigned int level, struct pt_mapping *old)
{
	w->caller_locks = true;
	ck_assert_int_eq(pt_split_break(&w->pt, va, old), PT_OK);
	w->broken = va;
	w->broken_level = level;
}

void must_unmap(struct world *w, u64 va)
{
	struct ref before = world_walk(w, va);
	struct pt_mapping old;

	world_settle(w);
	ck_assert_int_eq(pt_unmap(&w->pt, va, &old), PT_OK);
	ck_assert_uint_eq(old.va, va);
	ck_assert_uint_eq(old.level, before.level);
	ck_assert_uint_eq(old.pa, before.pa);
	ck_assert_uint_eq(old.rights, before.rights);
	ck_assert_int_eq(old.accessed, before.accessed);
	ck_assert_int_eq(old.dirty, before.dirty);
	must_be_unmapped(w, va);
	world_check(w);
	world_flush(w);
	world_check(w);
}

void probe_around(struct world *w, u64 va, unsigned int level)
{
	u64 size = ref_size(level);
	unsigned int l;

	world_probe(w, va);
	world_probe(w, va + 0xfff);
	world_probe(w, va + size / 2);
	world_probe(w, va + size - 1);
	world_probe(w, w->pt.start);
	world_probe(w, w->pt.end - 1);
	for (l = 1; l <= 3; l++) {
		if (va >= w->pt.start + ref_size(l))
			world_probe(w, va - ref_size(l));
		if (va + ref_size(l) < w->pt.end)
			world_probe(w, va + ref_size(l));
	}
}

int main(void)
{
	Suite *suite = suite_create("core");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, stores_tests());
	suite_add_tcase(suite, reclaim_tests());
	suite_add_tcase(suite, refusal_tests());
	suite_add_tcase(suite, rights_tests());
	suite_add_tcase(suite, upper_tests());
	suite_add_tcase(suite, foreign_tests());
	suite_add_tcase(suite, cover_tests());
	suite_add_tcase(suite, range_tests());
	suite_add_tcase(suite, split_tests());
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
