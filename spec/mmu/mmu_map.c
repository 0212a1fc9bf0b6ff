// SPDX-License-Identifier: GPL-2.0
/* What the operations mean. */
#include <string.h>

#include "mmu_hash.h"
#include "mmu_map.h"

#define MMU_RIGHTS	(MMU_W | MMU_X | MMU_U)

/* The operation, the map before it, and what becomes of both. */
struct mmu_case {
	const struct mmu_map *map;
	const struct mmu_op *op;
	unsigned int frame;
	unsigned int reserve;
	struct mmu_map *after;
	struct mmu_answer *answer;
};

static unsigned int mmu_base(unsigned int page, unsigned int level)
{
	return page & ~(mmu_pages(level) - 1);
}

static bool mmu_leaf_starts(const struct mmu_map *map, unsigned int page)
{
	return map->page[page] &&
	       mmu_base(page, MMU_PAGE_LEVEL(map->page[page])) == page;
}

/* A leaf has pages on both sides of the boundary before @page. */
static bool mmu_straddles(const struct mmu_map *map, unsigned int page)
{
	return page < MMU_VPAGES && map->page[page] && !mmu_leaf_starts(map, page);
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

/* Tables that leaves of @level on @n pages from @va need and that do not exist. */
static unsigned int mmu_missing(const struct mmu_map *map, unsigned int va,
				unsigned int n, unsigned int level)
{
	unsigned int missing = 0, i;

	for (; level < SPEC_LEVELS; level++) {
		unsigned int span = 2 * mmu_pages(level);

		for (i = va & ~(span - 1); i < va + n; i += span)
			missing += !mmu_table_exists(map, i, level);
	}
	return missing;
}

static void mmu_fill(struct mmu_case *c, unsigned int va, unsigned int n,
		     unsigned int level)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		c->after->page[va + i] = MMU_PAGE(c->frame + i, c->op->rights, level);
}

/* map and map_range: @leaves leaves of the operation's size. */
static enum mmu_status mmu_apply_map(struct mmu_case *c, unsigned int leaves)
{
	const struct mmu_op *op = c->op;
	unsigned int n, i;

	if (op->level < 1 || op->level > 3 || !leaves || (op->rights & ~MMU_RIGHTS))
		return MMU_INVALID;
	n = leaves * mmu_pages(op->level);
	if (op->va != mmu_base(op->va, op->level) || op->va + n > MMU_VPAGES)
		return MMU_INVALID;
	for (i = 0; i < n; i++) {
		if (c->map->page[op->va + i])
			return MMU_EXISTS;
	}
	if (c->reserve < mmu_missing(c->map, op->va, n, op->level))
		return MMU_NOMEM;
	mmu_fill(c, op->va, n, op->level);
	return MMU_OK;
}

/* The operations on one leaf, which must start at the address. */
static enum mmu_status mmu_apply_leaf(struct mmu_case *c)
{
	const struct mmu_op *op = c->op;
	unsigned int n, level, i;
	u16 leaf;

	if (op->va >= MMU_VPAGES ||
	    (op->kind == MMU_OP_PROTECT && (op->rights & ~MMU_RIGHTS)))
		return MMU_INVALID;
	if (!mmu_leaf_starts(c->map, op->va))
		return MMU_NOENT;
	leaf = c->map->page[op->va];
	level = MMU_PAGE_LEVEL(leaf);
	if (op->kind == MMU_OP_SPLIT && level == 1)
		return MMU_NOENT;
	if (op->kind == MMU_OP_SPLIT && !c->reserve)
		return MMU_NOMEM;
	if (op->kind == MMU_OP_REMAP && level != op->level)
		return MMU_AGAIN;
	c->answer->leaf = leaf;
	c->answer->va = op->va;
	n = mmu_pages(level);
	for (i = 0; i < n; i++) {
		u16 *page = &c->after->page[op->va + i];

		if (op->kind == MMU_OP_UNMAP)
			*page = 0;
		else if (op->kind == MMU_OP_PROTECT)
			*page = MMU_PAGE(MMU_PAGE_FRAME(leaf) + i, op->rights, level);
		else if (op->kind == MMU_OP_REMAP)
			*page = MMU_PAGE(c->frame + i, MMU_PAGE_RIGHTS(leaf), level);
		else
			*page = MMU_PAGE(MMU_PAGE_FRAME(leaf) + i,
					 MMU_PAGE_RIGHTS(leaf), level - 1);
	}
	if (op->kind == MMU_OP_PROTECT)
		c->answer->tighter = !!(MMU_PAGE_RIGHTS(leaf) & ~op->rights);
	return MMU_OK;
}

static enum mmu_status mmu_apply_resolve(struct mmu_case *c)
{
	u16 p;

	if (c->op->va >= MMU_VPAGES)
		return MMU_INVALID;
	p = c->map->page[c->op->va];
	if (!p)
		return MMU_NOENT;
	c->answer->va = mmu_base(c->op->va, MMU_PAGE_LEVEL(p));
	c->answer->leaf = c->map->page[c->answer->va];
	return MMU_OK;
}

/* unmap_range and protect_range: whole leaves only, holes are skipped. */
static enum mmu_status mmu_apply_range(struct mmu_case *c)
{
	const struct mmu_op *op = c->op;
	unsigned int page;

	if ((op->kind == MMU_OP_PROTECT_RANGE && (op->rights & ~MMU_RIGHTS)) ||
	    !op->n || op->va + op->n > MMU_VPAGES ||
	    mmu_straddles(c->map, op->va) || mmu_straddles(c->map, op->va + op->n))
		return MMU_INVALID;
	for (page = op->va; page < (unsigned int)op->va + op->n; page++) {
		u16 p = c->map->page[page];

		if (!p)
			continue;
		c->answer->pages++;
		c->answer->leaves += mmu_leaf_starts(c->map, page);
		if (op->kind == MMU_OP_UNMAP_RANGE) {
			c->after->page[page] = 0;
			continue;
		}
		if (MMU_PAGE_RIGHTS(p) & ~op->rights)
			c->answer->tighter = 1;
		c->after->page[page] = MMU_PAGE(MMU_PAGE_FRAME(p), op->rights,
						MMU_PAGE_LEVEL(p));
	}
	return MMU_OK;
}

void mmu_map_apply(const struct mmu_map *map, const struct mmu_op *op,
		   unsigned int frame, unsigned int reserve, struct mmu_map *after,
		   struct mmu_answer *answer)
{
	struct mmu_case c = { map, op, frame, reserve, after, answer };

	*after = *map;
	memset(answer, 0, sizeof(*answer));
	switch (op->kind) {
	case MMU_OP_MAP:
		answer->status = mmu_apply_map(&c, 1);
		break;
	case MMU_OP_MAP_RANGE:
		answer->status = mmu_apply_map(&c, op->n);
		break;
	case MMU_OP_UNMAP_RANGE:
	case MMU_OP_PROTECT_RANGE:
		answer->status = mmu_apply_range(&c);
		break;
	case MMU_OP_RESOLVE:
		answer->status = mmu_apply_resolve(&c);
		break;
	case MMU_OP_TABLE:
		break;
	default:
		answer->status = mmu_apply_leaf(&c);
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
	if (mmu_nmaps == MMU_MAPS)
		__builtin_trap();
	mmu_maps[mmu_nmaps] = *map;
	mmu_map_index[i] = (u16)mmu_nmaps;
	return (u16)mmu_nmaps++;
}

const struct mmu_map *mmu_map_at(u16 number)
{
	return &mmu_maps[number];
}
