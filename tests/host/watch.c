// SPDX-License-Identifier: GPL-2.0
/* The watch over each access of the core. */
#include "world.h"

static u64 *slot(struct world *w, u64 table, unsigned int i)
{
	return (u64 *)(w->env.arena + table) + i;
}

static bool is_leaf(u64 entry, unsigned int level)
{
	return (entry & REF_P) && (level == 1 || (level < 4 && (entry & REF_PS)));
}

static bool all_zero(struct world *w, u64 table)
{
	unsigned int i;

	for (i = 0; i < 1U << PT_INDEX_BITS; i++)
		if (*slot(w, table, i))
			return false;
	return true;
}

static struct table_info *known(struct world *w, u64 table)
{
	if ((table & 4095) || !table || table >> 12 >= w->tables)
		world_fail("%#lx is no table", table);
	return &w->info[table >> 12];
}

/* Entry @i of a linked table must concern the region. */
static void check_entry(struct world *w, const struct table_info *t, unsigned int i)
{
	u64 first = t->base + i * ref_size(t->level);
	u64 last = first + ref_size(t->level) - 1;

	if (i >> PT_INDEX_BITS)
		world_fail("index %u is too large", i);
	if (last < w->pt.start || first >= w->pt.end)
		world_fail("entry %u at level %u, of %#lx, is a neighbour's", i,
			   t->level, first);
}

static void check_before_write(struct world *w, u64 table, unsigned int level,
			       unsigned int i, bool plain)
{
	struct table_info *t = known(w, table);

	if (t->state != TABLE_TAKEN && t->state != TABLE_LINKED)
		world_fail("store into table %#lx, which is not in use", table);
	if (t->level != level)
		world_fail("store at level %u into a table of level %u", level, t->level);
	if (t->state == TABLE_LINKED) {
		check_entry(w, t, i);
		if (w->locked != table && !w->caller_locks)
			world_fail("store at level %u without the table's lock", level);
	}
	w->old = *slot(w, table, i);
	w->plain = plain;
	if (plain)
		w->stores++;
	else
		w->exchanges++;
	if (plain && is_leaf(w->old, level))
		world_fail("plain store over a leaf loses A and D");
}

static void check_link(struct world *w, const struct table_info *t, unsigned int i,
		       u64 entry)
{
	struct table_info *child = known(w, entry & REF_ADDRESS);
	u64 base = t->base + i * ref_size(t->level);
	u64 table = entry & REF_ADDRESS;

	if (w->old)
		world_fail("a table is linked over entry %#lx", w->old);
	if (entry != (table | REF_TABLE))
		world_fail("table entry %#lx has odd bits", entry);
	if (child->state != TABLE_TAKEN || child->level != t->level - 1)
		world_fail("table %#lx linked at level %u does not belong there",
			   table, t->level);
	if (w->broken == base && w->broken_level == t->level)
		w->broken = ~0ULL;
	else if (!all_zero(w, table))
		world_fail("a table is linked that is not empty");
	if (child->foreign != !world_owns(w, base, child->level))
		world_fail("table taken with the wrong ownership");
	child->foreign = false;
	child->state = TABLE_LINKED;
	child->base = base;
}

/* Whether nothing but empty tables of other software hangs in @table. */
static bool holds_nothing(struct world *w, u64 table)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 entry = *slot(w, table, i), below = entry & REF_ADDRESS;

		if (!entry)
			continue;
		if (known(w, table)->level == 1 || (entry & REF_PS) ||
		    !known(w, below)->foreign || w->env.live[below >> 12] ||
		    !holds_nothing(w, below))
			return false;
	}
	return true;
}

/* The environment's part: tables of other software go with the one they hang in. */
static void take_along(struct world *w, u64 table)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 below = *slot(w, table, i) & REF_ADDRESS;

		if (!below)
			continue;
		*slot(w, table, i) = 0;
		take_along(w, below);
		known(w, below)->state = TABLE_DEFERRED;
		w->env.deferred[w->env.ndeferred++] = below;
	}
}

static void check_unlink(struct world *w)
{
	u64 table = w->old & REF_ADDRESS;
	struct table_info *child = known(w, table);

	if (child->state != TABLE_LINKED || !world_owns(w, child->base, child->level))
		world_fail("a table is unlinked that is not the core's");
	if (!holds_nothing(w, table))
		world_fail("a table of level %u is unlinked with entries in it",
			   child->level);
	child->state = TABLE_UNLINKED;
}

static void check_probes(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->nprobes; i++) {
		struct probe *p = &w->probe[i];
		struct ref seen = world_walk(w, p->va);

		if (ref_same(&seen, &p->now))
			continue;
		if (p->changed)
			world_fail("%#lx translates as neither before nor after", p->va);
		p->changed = true;
		p->now = seen;
	}
}

static void check_written(struct world *w, u64 table, unsigned int level,
			  unsigned int i)
{
	struct table_info *t = known(w, table);
	u64 new = *slot(w, table, i);

	if (t->state == TABLE_TAKEN)
		return;
	if (new && !(new & REF_P))
		world_fail("entry %#lx is not present and not 0", new);
	if (w->old && !is_leaf(w->old, level)) {
		if (new)
			world_fail("entry %#lx replaces a table", new);
		check_unlink(w);
	} else if (new && !is_leaf(new, level)) {
		check_link(w, t, i, new);
	} else if (t->base + i * ref_size(level) < w->pt.start ||
		   t->base + (i + 1) * ref_size(level) > w->pt.end) {
		world_fail("a leaf reaches out of the region");
	}
	check_probes(w);
}

static void check_take(struct world *w, u64 table, unsigned int level, bool owned)
{
	struct table_info *t = known(w, table);

	if (t->state != TABLE_FREE || w->env.live[table >> 12])
		world_fail("table %#lx is taken, but not free", table);
	*t = (struct table_info){
		.state = TABLE_TAKEN, .level = level, .foreign = !owned,
	};
}

static void check_defer(struct world *w, u64 table, unsigned int level)
{
	struct table_info *t = known(w, table);

	if (t->state != TABLE_UNLINKED || t->level != level)
		world_fail("table %#lx is deferred at level %u, but was not unlinked there",
			   table, level);
	if (w->env.live[table >> 12])
		world_fail("table %#lx is deferred with a count", table);
	t->state = TABLE_DEFERRED;
	take_along(w, table);
}

static void check_load(struct world *w, u64 table, unsigned int i)
{
	struct table_info *t = known(w, table);

	if (t->state != TABLE_LINKED)
		world_fail("load from table %#lx, which is not in use", table);
	check_entry(w, t, i);
	w->loads++;
}

static void check_lock(struct world *w, u64 table, unsigned int level, bool lock)
{
	if (known(w, table)->level != level)
		world_fail("lock of level %u, table of %u", level, known(w, table)->level);
	if (w->locked != (lock ? 0 : table))
		world_fail("locks nest, or are unlocked unheld");
	w->locked = lock ? table : 0;
}

/* Of a table that other operations see, too. */
static void check_count(struct world *w, const struct table_info *t)
{
	if (t->state == TABLE_LINKED && t->level > 1 && !w->env.counting)
		world_fail("the count of a table of level %u changes, and is not locked",
			   t->level);
}

void pt_env_event(struct pt_env *env, enum pt_env_event event, u64 table,
		  unsigned int level, unsigned int i)
{
	struct world *w = (struct world *)env;	/* env is its first member */

	if (w->intruder)
		w->intruder(w, event, table, level, i);
	switch (event) {
	case PT_ENV_LOAD:
		check_load(w, table, i);
		break;
	case PT_ENV_STORE:
	case PT_ENV_EXCHANGE:
		check_before_write(w, table, level, i, event == PT_ENV_STORE);
		break;
	case PT_ENV_WRITTEN:
		check_written(w, table, level, i);
		break;
	case PT_ENV_LOCK:
	case PT_ENV_UNLOCK:
		check_lock(w, table, level, event == PT_ENV_LOCK);
		break;
	case PT_ENV_TAKE:
		check_take(w, table, level, i);
		break;
	case PT_ENV_DEFER:
		check_defer(w, table, level);
		break;
	case PT_ENV_COUNT:
		check_count(w, known(w, table));
		break;
	case PT_ENV_RELEASE:
		known(w, table)->foreign = false;
		break;
	}
}
