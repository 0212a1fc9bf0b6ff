// SPDX-License-Identifier: GPL-2.0
/*
 * Each invariant is broken, alone, in a table that keeps all of them, and is the
 * only one reported, once, and where it was broken.
 */
#include "breakages.h"
#include "tap.h"

static void breakage_is_the_only_report(const struct breakage *b)
{
	const struct spec_violation *first;
	struct fixture f;
	char name[96];

	fixture_make(&f);
	b->how(&f);
	fixture_check(&f);
	first = &f.result.first;
	tap_begin();
	TAP_CHECK(f.result.violations == 1, "%llu",
		  (unsigned long long)f.result.violations);
	TAP_CHECK(f.result.broken == 1ULL << b->invariant, "%#llx",
		  (unsigned long long)f.result.broken);
	TAP_CHECK(first->invariant == b->invariant, "%u", first->invariant);
	TAP_CHECK(first->level == b->level, "%u", first->level);
	TAP_CHECK(first->va == b->va, "%#llx", (unsigned long long)first->va);
	snprintf(name, sizeof(name), "%u %s: %s", b->invariant,
		 spec_invariant_name(b->invariant), b->name);
	tap_end(name);
}

/* A walk to the place sees what one walk can see, and nothing else. */
static void walk_sees_what_it_can(const struct breakage *b)
{
	bool cheap = spec_invariant_cost(b->invariant) == SPEC_COST_WALK;
	u64 expected = cheap ? 1ULL << b->invariant : 0;
	struct fixture f;

	fixture_make(&f);
	b->how(&f);
	spec_check_walk(&f.region, &f.env,
			b->va > f.region.start ? b->va : f.region.start, &f.result);
	TAP_CHECK(f.result.broken == expected, "%s: %#llx", b->name,
		  (unsigned long long)f.result.broken);
}

static void every_invariant_is_broken_by_some_test(void)
{
	unsigned int n, i;

	for (n = 1; n <= SPEC_INV_LAST; n++) {
		for (i = 0; i < breakages_count && breakages[i].invariant != n; i++)
			;
		TAP_CHECK(i < breakages_count, "%u", n);
		TAP_CHECK(spec_invariant_name(n) && spec_invariant_sentence(n), "%u", n);
	}
	TAP_CHECK(!spec_invariant_name(0) && !spec_invariant_sentence(0), "0");
	TAP_CHECK(!spec_invariant_name(n) && !spec_invariant_sentence(n), "%u", n);
}

int main(void)
{
	unsigned int i;

	for (i = 0; i < breakages_count; i++)
		breakage_is_the_only_report(&breakages[i]);
	tap_begin();
	for (i = 0; i < breakages_count; i++)
		walk_sees_what_it_can(&breakages[i]);
	tap_end("a walk reports the cheap invariants and no others");
	tap_begin();
	every_invariant_is_broken_by_some_test();
	tap_end("every invariant is broken by some test");
	return tap_done();
}
