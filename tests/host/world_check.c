// SPDX-License-Identifier: GPL-2.0
/* The whole tree at once: bits, counts, and where every table page is. */
#include <stdlib.h>

#include "world.h"

struct census {
	unsigned char *seen;
	u64 linked;
	u64 leaves;
};

static void check_leaf(struct world *w, u64 entry, u64 base, unsigned int level)
{
	u64 rest = entry & ~(REF_ADDRESS | REF_XD | REF_W | REF_U | REF_A | REF_D);
	u64 pa = entry & REF_ADDRESS;

	if (rest != (REF_P | REF_LEAF_MARK | (level > 1 ? REF_PS : 0)))
		world_fail("leaf %#lx at level %u has odd bits", entry, level);
	if (pa % ref_size(level) || pa >= w->pt.pa_limit)
		world_fail("leaf %#lx at level %u has a bad frame", entry, level);
	if (base < w->pt.start || base + ref_size(level) > w->pt.end)
		world_fail("leaf of %#lx at level %u reaches out of the region",
			   base, level);
	if ((entry & REF_D) && !(entry & REF_W))
		world_fail("leaf %#lx is dirty but read-only", entry);
}

static void check_table(struct world *w, struct census *c, u64 table, u64 base,
			unsigned int level)
{
	struct table_info *t = &w->info[table >> 12];

	if ((table & 4095) || !table || table >> 12 >= w->tables)
		world_fail("an entry leads to %#lx, which is no table", table);
	if (c->seen[table >> 12]++)
		world_fail("table %#lx is reached twice", table);
	if (t->state != TABLE_LINKED || t->level != level || t->base != base)
		world_fail("table %#lx stands in the wrong place", table);
	c->linked++;
}

static void check_count(struct world *w, u64 table, u64 base, unsigned int level,
			u64 counted)
{
	struct table_info *t = &w->info[table >> 12];
	u32 live = w->env.live[table >> 12];

	if (!world_owns(w, base, level)) {
		if (live)
			world_fail("a shared upper-level table of level %u is counted", level);
		return;
	}
	if (live != counted)
		world_fail("level %u, %#lx: live count %u, recount %lu", level, base,
			   live, counted);
	if (live)
		t->foreign = false;	/* reclaimed: from now on as any other */
	else if (!t->foreign)
		world_fail("an empty table of level %u is left at %#lx", level, base);
}

/* Tables of the arena behind a neighbour's entry: another extent of the region. */
static void census_neighbour(struct world *w, struct census *c, u64 entry,
			     unsigned int level)
{
	u64 table = entry & REF_ADDRESS;
	unsigned int i;

	if (!(entry & REF_P) || level == 1 || (level < 4 && (entry & REF_PS)) ||
	    table >> 12 >= w->tables)
		return;
	c->linked++;
	for (i = 0; i < 1U << PT_INDEX_BITS; i++)
		census_neighbour(w, c, ((u64 *)(w->env.arena + table))[i], level - 1);
}

/* Recursive: this is a test.  Returns whether the core counts the entry above. */
static bool census_table(struct world *w, struct census *c, u64 table, u64 base,
			 unsigned int level)
{
	u64 size = ref_size(level), counted = 0;
	unsigned int i;

	check_table(w, c, table, base, level);
	for (i = 0; i < 1U << PT_INDEX_BITS; i++) {
		u64 entry = ((u64 *)(w->env.arena + table))[i];
		u64 first = base + i * size;

		if (first + size <= w->pt.start || first >= w->pt.end) {
			census_neighbour(w, c, entry, level);
			continue;
		}
		if (w->broken == first && w->broken_level == level)
			counted++;
		if (!entry)
			continue;
		if (!(entry & REF_P))
			world_fail("entry %#lx is not present and not 0", entry);
		if (level == 1 || (level < 4 && (entry & REF_PS))) {
			check_leaf(w, entry, first, level);
			c->leaves++;
			counted++;
			continue;
		}
		if ((entry & ~REF_ADDRESS) != REF_TABLE)
			world_fail("table entry %#lx has odd bits", entry);
		counted += census_table(w, c, entry & REF_ADDRESS, first, level - 1);
	}
	check_count(w, table, base, level, counted);
	return counted;
}

static u64 count_state(const struct world *w, enum table_state state)
{
	u64 i, n = 0;

	for (i = 2; i < w->tables; i++)
		n += w->info[i].state == state;
	return n;
}

u64 world_check(struct world *w)
{
	struct census c = { .seen = calloc(w->tables, 1) };

	if (!c.seen)
		world_fail("out of memory");
	census_table(w, &c, w->pt.root, 0, 4);
	free(c.seen);
	c.linked--;	/* the root */
	if (w->locked)
		world_fail("a lock is still held");
	if (count_state(w, TABLE_LINKED) != c.linked ||
	    count_state(w, TABLE_FREE) != w->env.nfree + w->nspare ||
	    count_state(w, TABLE_DEFERRED) != w->env.ndeferred ||
	    c.linked + w->env.nfree + w->nspare + w->env.ndeferred != w->tables - 2)
		world_fail("tables are lost: %lu linked, %lu free, %lu deferred of %lu",
			   c.linked, w->env.nfree + w->nspare, w->env.ndeferred,
			   w->tables - 2);
	w->linked_leaves = c.leaves;
	return c.linked;
}
