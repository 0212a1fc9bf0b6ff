// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "fixture.h"

/* Any access to what is no page of the fixture is a fault of the check. */
static enum fixture_page fixture_page(u64 table)
{
	u64 page = table >> SPEC_PAGE_SHIFT;

	if ((table & 0xfff) || page == NONE || page >= PAGES)
		__builtin_trap();
	return page;
}

static u64 fixture_read(void *ctx, u64 table, unsigned int index)
{
	struct fixture *f = ctx;

	if (index >= SPEC_ENTRIES || f->unreadable[fixture_page(table)])
		__builtin_trap();
	return f->page[fixture_page(table)][index];
}

static bool fixture_is_table(void *ctx, u64 table, unsigned int level)
{
	struct fixture *f = ctx;

	if (level < 1 || level > 3)
		__builtin_trap();
	return table >> SPEC_PAGE_SHIFT < PAGES && !f->unreadable[fixture_page(table)];
}

static unsigned int fixture_live(void *ctx, u64 table)
{
	return ((struct fixture *)ctx)->live[fixture_page(table)];
}

static bool fixture_known(void *ctx, u64 table, unsigned int level)
{
	return ((struct fixture *)ctx)->level[fixture_page(table)] == level;
}

static u64 fixture_visit(void *ctx, u64 table)
{
	return ((struct fixture *)ctx)->visits[fixture_page(table)]++;
}

static enum fixture_frame fixture_frame(struct fixture *f, u64 pa)
{
	enum fixture_frame i;

	for (i = 0; i < FRAMES; i++) {
		if (f->pa[i] == pa)
			break;
	}
	return i;
}

static bool fixture_frame_known(void *ctx, u64 pa, unsigned int level)
{
	struct fixture *f = ctx;
	enum fixture_frame i = fixture_frame(f, pa);

	return i < FRAMES && f->frame_level[i] == level;
}

static bool fixture_frame_has_table(void *ctx, u64 pa, u64 bytes, bool whole)
{
	struct fixture *f = ctx;

	f->looked_through += whole;
	return f->table_at >= pa && f->table_at < pa + bytes;
}

static u64 fixture_frame_seen(void *ctx, u64 pa, unsigned int level, u64 va, u64 entry)
{
	struct fixture *f = ctx;
	enum fixture_frame i = fixture_frame(f, pa);

	(void)level, (void)va, (void)entry;
	return i < FRAMES ? ++f->seen[i] : 0;
}

static u64 fixture_frame_recorded(void *ctx, u64 pa, unsigned int level)
{
	struct fixture *f = ctx;
	enum fixture_frame i = fixture_frame(f, pa);

	(void)level;
	return i < FRAMES ? f->recorded[i] : 0;
}

static bool fixture_pause(void *ctx)
{
	struct fixture *f = ctx;

	return ++f->pauses == f->stop_at;
}

static const struct spec_env fixture_env = {
	.memory.read = fixture_read,
	.is_table = fixture_is_table,
	.live = fixture_live,
	.known = fixture_known,
	.visit = fixture_visit,
	.frame_known = fixture_frame_known,
	.frame_has_table = fixture_frame_has_table,
	.frame_seen = fixture_frame_seen,
	.frame_recorded = fixture_frame_recorded,
	.pause = fixture_pause,
};

static void fixture_region(struct fixture *f)
{
	unsigned int level;

	f->region = (struct spec_region){
		.cpu = { .maxphyaddr = 46, .nxe = true, .page1g = true },
		.root = at(ROOT),
		.end = 1ULL << SPEC_VA_BITS,
		.frame_limit = 1ULL << 40,
		.tables = 3,
		.mappings = 4,
	};
	for (level = 1; level <= 3; level++) {
		f->region.leaf_mask[level] = LEAF_BIT(1) | LEAF_BIT(2) |
					   LEAF_BIT(3) | spec_leaf_attributes(level);
		f->region.leaf_value[level] = LEAF_BIT(level);
	}
}

void fixture_make(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	fixture_region(f);
	f->env = fixture_env;
	f->env.memory.ctx = f;

	f->pa[SMALL] = (1ULL << 32) + 0x1000;
	f->pa[MIDDLE] = (1ULL << 33) + spec_size(2);
	f->pa[LARGE] = (1ULL << 34) + spec_size(3);
	f->pa[STRANGE] = 1ULL << 35;
	f->frame_level[SMALL] = 1;
	f->frame_level[MIDDLE] = 2;
	f->frame_level[LARGE] = 3;
	f->recorded[SMALL] = 2;
	f->recorded[MIDDLE] = 1;
	f->recorded[LARGE] = 1;

	f->page[ROOT][0] = at(PDPT) | TABLE;
	f->page[PDPT][0] = at(PD) | TABLE;
	f->page[PDPT][1] = f->pa[LARGE] | LEAF(3);
	f->page[PD][0] = at(PT) | TABLE;
	f->page[PD][1] = f->pa[MIDDLE] | LEAF(2);
	f->page[PT][0] = f->pa[SMALL] | LEAF(1);
	f->page[PT][1] = f->pa[SMALL] | LEAF(1);
	f->level[PDPT] = 3;
	f->level[PD] = 2;
	f->level[PT] = 1;
	f->live[PDPT] = 2;
	f->live[PD] = 2;
	f->live[PT] = 2;
}

void fixture_check(struct fixture *f)
{
	memset(f->visits, 0, sizeof(f->visits));
	memset(f->seen, 0, sizeof(f->seen));
	f->pauses = 0;
	f->looked_through = 0;
	spec_check_tree(&f->region, &f->env, &f->result);
}
