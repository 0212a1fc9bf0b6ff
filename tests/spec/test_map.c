// SPDX-License-Identifier: GPL-2.0
/*
 * The abstract map and operation checks by it, on the fixture's table: each answer by name,
 * and an operation check of an operation that does something else than it should.
 */
#include <string.h>

#include "fixture.h"
#include "spec_opcheck.h"
#include "tap.h"

/* Addresses: entry @i3 of the PDPT, @i2 of the PD, @i1 of the PT. */
#define VA(i3, i2, i1)	((i3) * spec_size(3) + (i2) * spec_size(2) + (i1) * spec_size(1))
#define FREE_VA		(2 * spec_size(4) - spec_size(1))	/* nothing on its path */

static const u64 good_frame[] = { 0 };

static struct spec_answer answer_of(struct fixture *f, const struct spec_op *op, u64 reserve)
{
	struct spec_opcheck t;

	TAP_CHECK(spec_opcheck_begin(&t, &f->region, &f->env, op, reserve, false),
		  "invariant %u", t.result.first.invariant);
	return t.expect;
}

static void check_status(const struct spec_op *op, u64 reserve, enum spec_status status,
			 const char *name)
{
	struct spec_answer a;
	struct fixture f;

	tap_begin();
	fixture_make(&f);
	a = answer_of(&f, op, reserve);
	TAP_CHECK(a.status == status, "%s, should be %s", spec_status_name(a.status),
		  spec_status_name(status));
	tap_end(name);
}

struct status_case {
	const char *name;
	struct spec_op op;
	u64 reserve;
	enum spec_status status;
};

#define MAP(address, size)	{ .kind = SPEC_OP_MAP, .va = (address), .n = 1,	\
				  .frame = good_frame, .level = (size) }
#define ON(what, address)	{ .kind = SPEC_OP_##what, .va = (address),	\
				  .frame = good_frame }
#define RANGE(what, from, to)	{ .kind = SPEC_OP_##what, .va = (from), .end = (to) }

static void statuses(void)
{
	const struct status_case cases[] = {
		{ "map: where a 4K page is", MAP(VA(0, 0, 1), 1), 3, SPEC_EXISTS },
		{ "map: inside a 2M page", MAP(VA(0, 1, 1), 1), 3, SPEC_EXISTS },
		{ "map: 2M around 4K pages", MAP(VA(0, 0, 0), 2), 3, SPEC_EXISTS },
		{ "map: 1G around all", MAP(VA(0, 0, 0), 3), 3, SPEC_EXISTS },
		{ "map: nothing in the way", MAP(FREE_VA, 1), 3, SPEC_OK },
		{ "map: one table too few", MAP(FREE_VA, 1), 2, SPEC_NOMEM },
		{ "map: 1G needs one table there", MAP(spec_size(4), 3), 1, SPEC_OK },
		{ "map: 1G without it", MAP(spec_size(4), 3), 0, SPEC_NOMEM },
		{ "map: level 0", MAP(FREE_VA, 0), 3, SPEC_INVALID },
		{ "map: level 4", MAP(spec_size(4), 4), 3, SPEC_INVALID },
		{ "map: misaligned for 2M", MAP(FREE_VA, 2), 3, SPEC_INVALID },
		{ "map: behind the region", MAP(1ULL << 60, 1), 3, SPEC_INVALID },
		{ "unmap: a 4K page", ON(UNMAP, VA(0, 0, 1)), 0, SPEC_OK },
		{ "unmap: the middle of a 2M page", ON(UNMAP, VA(0, 1, 1)), 0, SPEC_NOENT },
		{ "unmap: a hole", ON(UNMAP, FREE_VA), 0, SPEC_NOENT },
		{ "unmap: misaligned", ON(UNMAP, 1), 0, SPEC_INVALID },
		{ "protect: a 1G page", ON(PROTECT, VA(1, 0, 0)), 0, SPEC_OK },
		{ "protect: a hole", ON(PROTECT, FREE_VA), 0, SPEC_NOENT },
		{ "remap: a 2M page", ON(REMAP, VA(0, 1, 0)), 0, SPEC_OK },
		{ "remap: a hole", ON(REMAP, FREE_VA), 0, SPEC_NOENT },
		{ "resolve: any byte of a page", ON(RESOLVE, VA(0, 1, 1) + 5), 0, SPEC_OK },
		{ "resolve: a hole", ON(RESOLVE, FREE_VA), 0, SPEC_NOENT },
		{ "resolve: behind the region", ON(RESOLVE, 1ULL << 60), 0, SPEC_INVALID },
		{ "split: a 2M page", ON(SPLIT, VA(0, 1, 0)), 1, SPEC_OK },
		{ "split: without a table", ON(SPLIT, VA(0, 1, 0)), 0, SPEC_NOMEM },
		{ "split: a 4K page", ON(SPLIT, VA(0, 0, 0)), 1, SPEC_NOENT },
		{ "unmap_range: everything", RANGE(UNMAP_RANGE, 0, 2 * spec_size(4)), 0,
		  SPEC_OK },
		{ "unmap_range: nothing", RANGE(UNMAP_RANGE, 0, 0), 0, SPEC_INVALID },
		{ "unmap_range: starts in a 2M page",
		  RANGE(UNMAP_RANGE, VA(0, 1, 1), VA(1, 0, 0)), 0, SPEC_INVALID },
		{ "protect_range: ends in a 2M page",
		  RANGE(PROTECT_RANGE, 0, VA(0, 1, 1)), 0, SPEC_INVALID },
		{ "protect_range: 4K pages", RANGE(PROTECT_RANGE, 0, VA(0, 1, 0)), 0,
		  SPEC_OK },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_status(&cases[i].op, cases[i].reserve, cases[i].status,
			     cases[i].name);
}

static void bad_arguments(void)
{
	static const u64 odd[] = { 1 }, high[] = { 1ULL << 58 };
	struct spec_op op = MAP(FREE_VA, 1);

	op.rights = SPEC_MAY_ALL + 1;
	check_status(&op, 3, SPEC_INVALID, "map: unknown rights");
	op.rights = 0;
	op.frame = odd;
	check_status(&op, 3, SPEC_INVALID, "map: misaligned frame");
	op.frame = high;
	check_status(&op, 3, SPEC_INVALID, "map: frame beyond MAXPHYADDR");
	op.kind = SPEC_OP_MAP_RANGE;
	op.frame = good_frame;
	op.n = 0;
	check_status(&op, 3, SPEC_INVALID, "map_range: no pages");
	op = (struct spec_op)ON(REMAP, VA(0, 1, 0));
	op.frame = odd;
	check_status(&op, 0, SPEC_INVALID, "remap: misaligned frame");
}

/* A place for a 2M page, where the tables hold less than in the fixture. */
static void places(void)
{
	const struct spec_op first = MAP(VA(0, 0, 0), 2), second = MAP(VA(0, 1, 0), 2);
	struct spec_answer a;
	struct fixture f;

	tap_begin();
	fixture_make(&f);
	f.region.foreign_tables = true;
	f.page[PT][0] = 0;
	f.live[PT] = 1;
	a = answer_of(&f, &first, 0);
	TAP_CHECK(a.status == SPEC_EXISTS, "%s", spec_status_name(a.status));
	tap_end("map: 2M around the last 4K page of a table");

	tap_begin();
	f.page[PT][1] = 0;
	f.live[PT] = 0;
	a = answer_of(&f, &first, 0);
	TAP_CHECK(a.status == SPEC_AGAIN, "%s", spec_status_name(a.status));
	tap_end("map: 2M where an empty table stands");

	tap_begin();
	f.page[PD][1] = 0;
	a = answer_of(&f, &second, 0);
	TAP_CHECK(a.status == SPEC_OK, "%s", spec_status_name(a.status));
	tap_end("map: 2M in a table that is there");
}

static void counts(void)
{
	const struct spec_op op = RANGE(PROTECT_RANGE, 0, 2 * spec_size(3));
	struct spec_answer a;
	struct fixture f;

	tap_begin();
	fixture_make(&f);
	a = answer_of(&f, &op, 0);
	TAP_CHECK(a.status == SPEC_OK && a.leaves == 4 && a.revoked &&
		  a.bytes == 2 * spec_size(1) + spec_size(2) + spec_size(3),
		  "%lu leaves, %lu bytes, revoked %d", a.leaves, a.bytes, a.revoked);
	tap_end("protect_range: counts leaves of all sizes, and sees rights go");
}

/* Unmapping PT[1], done as @deed does it. */
static enum spec_wrong try_unmap(bool whole, void (*deed)(struct fixture *f,
							  struct spec_answer *a))
{
	const struct spec_op op = { .kind = SPEC_OP_UNMAP, .va = VA(0, 0, 1) };
	struct spec_answer answer;
	struct spec_opcheck t;
	struct fixture f;

	fixture_make(&f);
	f.region.mappings = SPEC_UNCOUNTED;
	f.page[PT][0] |= SPEC_A | SPEC_D;
	memset(f.visits, 0, sizeof(f.visits));
	memset(f.seen, 0, sizeof(f.seen));
	if (!spec_opcheck_begin(&t, &f.region, &f.env, &op, 0, whole))
		return t.wrong;
	answer = t.expect;
	f.page[PT][1] = 0;
	f.live[PT]--;
	deed(&f, &answer);
	memset(f.visits, 0, sizeof(f.visits));
	memset(f.seen, 0, sizeof(f.seen));
	spec_opcheck_end(&t, &answer, &f.region);
	return t.wrong;
}

static void well(struct fixture *f, struct spec_answer *a)
{
	(void)f, (void)a;
}

static void says_noent(struct fixture *f, struct spec_answer *a)
{
	(void)f;
	a->status = SPEC_NOENT;
}

static void reports_other_frame(struct fixture *f, struct spec_answer *a)
{
	(void)f;
	a->leaf.frame += spec_size(1);
}

static void reports_other_rights(struct fixture *f, struct spec_answer *a)
{
	(void)f;
	a->leaf.rights ^= SPEC_MAY_EXEC;
}

static void reports_one_leaf_more(struct fixture *f, struct spec_answer *a)
{
	(void)f;
	a->leaves++;
}

static void leaves_it(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PT][1] = f->page[PT][0];
}

static void clears_neighbour_too(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PT][0] = 0;
}

static void changes_neighbour(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PT][0] ^= SPEC_RW;
}

static void loses_neighbours_dirty(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PT][0] &= ~SPEC_D;
}

static void changes_far_page(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PDPT][1] ^= SPEC_RW;
}

static void leaves_garbage(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->page[PT][1] = SPEC_RW;
}

static void forgets_count(struct fixture *f, struct spec_answer *a)
{
	(void)a;
	f->live[PT]++;
}

static void opchecks(void)
{
	static const struct {
		const char *name;
		void (*deed)(struct fixture *f, struct spec_answer *a);
		enum spec_wrong near, whole;
	} cases[] = {
		{ "done well", well, SPEC_WRONG_NONE, SPEC_WRONG_NONE },
		{ "says NOENT", says_noent, SPEC_WRONG_STATUS, SPEC_WRONG_STATUS },
		{ "reports another frame", reports_other_frame, SPEC_WRONG_LEAF,
		  SPEC_WRONG_LEAF },
		{ "reports other rights", reports_other_rights, SPEC_WRONG_LEAF,
		  SPEC_WRONG_LEAF },
		{ "reports one leaf more", reports_one_leaf_more, SPEC_WRONG_COUNT,
		  SPEC_WRONG_COUNT },
		{ "leaves the page", leaves_it, SPEC_WRONG_EFFECT, SPEC_WRONG_EFFECT },
		{ "clears its neighbour too", clears_neighbour_too, SPEC_WRONG_EFFECT,
		  SPEC_WRONG_EFFECT },
		{ "changes its neighbour's rights", changes_neighbour, SPEC_WRONG_EFFECT,
		  SPEC_WRONG_EFFECT },
		{ "loses its neighbour's D", loses_neighbours_dirty, SPEC_WRONG_DIRTY,
		  SPEC_WRONG_DIRTY },
		{ "changes a page far away", changes_far_page, SPEC_WRONG_NONE,
		  SPEC_WRONG_EFFECT },
		{ "leaves garbage in the entry", leaves_garbage, SPEC_WRONG_AFTER,
		  SPEC_WRONG_AFTER },
		{ "forgets the live count", forgets_count, SPEC_WRONG_NONE, SPEC_WRONG_AFTER },
	};
	char name[80];
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum spec_wrong wrong;

		tap_begin();
		wrong = try_unmap(false, cases[i].deed);
		TAP_CHECK(wrong == cases[i].near, "near: %s", spec_wrong_text(wrong));
		wrong = try_unmap(true, cases[i].deed);
		TAP_CHECK(wrong == cases[i].whole, "whole: %s", spec_wrong_text(wrong));
		snprintf(name, sizeof(name), "check of an unmap: %s", cases[i].name);
		tap_end(name);
	}
}

int main(void)
{
	statuses();
	bad_arguments();
	places();
	counts();
	opchecks();
	return tap_done();
}
