// SPDX-License-Identifier: GPL-2.0
/* The specification's abstract map (spec/spec_map.h), over a small array of pages. */
#include <string.h>

#include "mmu_hash.h"
#include "mmu_model.h"

/* Statuses are compared as numbers. */
_Static_assert((int)MMU_OK == (int)SPEC_OK && (int)MMU_EXISTS == (int)SPEC_EXISTS &&
	       (int)MMU_NOENT == (int)SPEC_NOENT &&
	       (int)MMU_INVALID == (int)SPEC_INVALID &&
	       (int)MMU_NOMEM == (int)SPEC_NOMEM && (int)MMU_AGAIN == (int)SPEC_AGAIN,
	       "statuses");
_Static_assert(MMU_X == SPEC_MAY_EXEC && MMU_W == SPEC_MAY_WRITE && MMU_U == SPEC_MAY_USER,
	       "rights");

static unsigned int mmu_base(unsigned int page, unsigned int level)
{
	return page & ~(mmu_pages(level) - 1);
}

static bool mmu_leaf_starts(const struct mmu_map *map, unsigned int page)
{
	return map->page[page] &&
	       mmu_base(page, MMU_PAGE_LEVEL(map->page[page])) == page;
}

/*
 * Whether the table of @level on @page's path exists: no table is empty, so it does
 * if a leaf of its level or a lower one lies in its span.
 */
static bool mmu_table_exists(const struct mmu_map *map, unsigned int page,
			     unsigned int level)
{
	unsigned int span = 2 * mmu_pages(level), i;

	for (i = 0; i < span; i++) {
		u16 p = map->page[(page & ~(span - 1)) + i];

		if (p && MMU_PAGE_LEVEL(p) <= level)
			return true;
	}
	return false;
}

/* What stands at an address, for spec_map_answer(). */
static void mmu_span_at(void *ctx, u64 va, struct spec_span *span)
{
	const struct mmu_map *map = ctx;
	const unsigned int page = (unsigned int)(va >> SPEC_PAGE_SHIFT);
	const u16 p = map->page[page];
	unsigned int base, level = 1;

	if (!p) {
		while (level < SPEC_LEVELS && !mmu_table_exists(map, page, level))
			level++;
		*span = (struct spec_span) {
			.va = (u64)mmu_base(page, level) << SPEC_PAGE_SHIFT,
			.level = level,
		};
		return;
	}
	base = mmu_base(page, MMU_PAGE_LEVEL(p));
	*span = (struct spec_span) {
		.mapped = true,
		.va = (u64)base << SPEC_PAGE_SHIFT,
		.level = MMU_PAGE_LEVEL(p),
		.frame = (u64)MMU_PAGE_FRAME(map->page[base]) << SPEC_PAGE_SHIFT,
		.rights = MMU_PAGE_RIGHTS(p),
	};
}

/* The page at @va, which @span covers. */
static u16 mmu_page_of(const struct spec_span *span, u64 va)
{
	if (!span->mapped)
		return 0;
	return MMU_PAGE((span->frame + va - span->va) >> SPEC_PAGE_SHIFT, span->rights,
			span->level);
}

/* @op in the specification's words; @frame has room for its frames. */
static struct spec_op mmu_spec_op(const struct mmu_op *op, unsigned int first,
				  u64 frame[MMU_VPAGES])
{
	unsigned int i;

	for (i = 0; i < MMU_VPAGES; i++)
		frame[i] = (first + i * mmu_pages(op->level ? op->level : 1)) <<
			   SPEC_PAGE_SHIFT;
	return (struct spec_op) {
		.kind = op->kind,
		.va = (u64)op->va << SPEC_PAGE_SHIFT,
		.end = (u64)(op->va + op->n) << SPEC_PAGE_SHIFT,
		.n = op->kind == SPEC_OP_MAP ? 1 : op->n,
		.frame = frame,
		.level = op->level,
		.rights = op->rights,
	};
}

void mmu_map_apply(const struct mmu_map *map, const struct mmu_op *op,
		   unsigned int frame, unsigned int reserve, struct mmu_map *after,
		   struct mmu_answer *answer)
{
	const struct spec_map view = {
		.at = mmu_span_at,
		.ctx = (void *)map,
		.end = (u64)MMU_VPAGES << SPEC_PAGE_SHIFT,
		.frame_limit = ~0ULL,
	};
	struct spec_answer expected;
	u64 frames[MMU_VPAGES];
	struct spec_span span;
	struct spec_op what;
	unsigned int page;

	*after = *map;
	*answer = (struct mmu_answer){ 0 };
	/* Not among the specification's operations; a sweep. */
	if (op->kind == MMU_OP_TABLE || op->kind == SPEC_OP_NONE)
		return;
	what = mmu_spec_op(op, frame, frames);
	spec_map_answer(&view, &what, reserve, &expected);
	/* The new frame was chosen for a leaf of another size. */
	if (op->kind == SPEC_OP_REMAP && op->va < MMU_VPAGES &&
	    mmu_leaf_starts(map, op->va) && MMU_PAGE_LEVEL(map->page[op->va]) != op->level)
		expected = (struct spec_answer){ .status = SPEC_AGAIN };
	*answer = (struct mmu_answer) {
		.status = expected.status,
		.revoked = expected.revoked,
		.leaf = mmu_page_of(&expected.leaf, expected.leaf.va),
		.va = (u8)(expected.leaf.va >> SPEC_PAGE_SHIFT),
		.leaves = (u8)expected.leaves,
		.pages = (u8)(expected.bytes >> SPEC_PAGE_SHIFT),
	};
	for (page = 0; expected.status == SPEC_OK && page < MMU_VPAGES; page++) {
		u64 va = (u64)page << SPEC_PAGE_SHIFT;

		mmu_span_at((void *)map, va, &span);
		spec_map_effect(&what, va, &span);
		after->page[page] = mmu_page_of(&span, va);
	}
}

unsigned int mmu_map_leaves(const struct mmu_map *map, unsigned int frame)
{
	unsigned int page, leaves = 0;

	for (page = 0; page < MMU_VPAGES; page++) {
		if (mmu_leaf_starts(map, page))
			leaves += !frame || MMU_PAGE_FRAME(map->page[page]) == frame;
	}
	return leaves;
}

#define MMU_MAPS	65536

/* By number, and the numbers by hash.  Number 0 is the empty map. */
static struct mmu_map mmu_maps[MMU_MAPS];
static u16 mmu_map_index[2 * MMU_MAPS];
static unsigned int mmu_nmaps = 1;

u16 mmu_map_number(const struct mmu_map *map)
{
	u64 i = mmu_hash(map, sizeof(*map), 0) % (2 * MMU_MAPS);

	if (!memcmp(map, &mmu_maps[0], sizeof(*map)))
		return 0;
	for (; mmu_map_index[i]; i = (i + 1) % (2 * MMU_MAPS)) {
		if (!memcmp(map, &mmu_maps[mmu_map_index[i]], sizeof(*map)))
			return mmu_map_index[i];
	}
	if (mmu_nmaps == MMU_MAPS) {
		mmu_violate("bound: more than %u abstract maps", MMU_MAPS);
		return 0;
	}
	mmu_maps[mmu_nmaps] = *map;
	mmu_map_index[i] = (u16)mmu_nmaps;
	return (u16)mmu_nmaps++;
}

const struct mmu_map *mmu_map_at(u16 number)
{
	return &mmu_maps[number];
}
