// SPDX-License-Identifier: GPL-2.0
/* Writes into entries: what they may replace, and what they leave behind. */
#include "spec_mon_nodes.h"

/* A write, and all that is known about the place. */
struct spec_mon_place {
	const struct spec_mon_event *e;
	struct spec_mon_table *t;
	enum spec_mon_entry_state seen;	/* UNSEEN, CLEAN, PRESENT */
	u64 va;				/* or SPEC_MON_ANY */
};

static bool spec_mon_wrong_at(struct spec_mon *mon, const struct spec_mon_place *p,
			      enum spec_mon_wrong wrong)
{
	mon->verdict.va = p->va;
	mon->verdict.entry = p->e->old;
	mon->verdict.cpus = spec_mon_stale_cpus(mon, p->e->table, p->e->index);
	return spec_mon_wrong(mon, wrong, p->e->table, p->e->level, p->e->index);
}

/* @t has got or lost a first or last entry: so have, perhaps, the tables above. */
static void spec_mon_count(struct spec_mon *mon, struct spec_mon_table *t, bool more)
{
	unsigned int level;

	for (level = t->level; t && level <= SPEC_LEVELS; level++) {
		bool edge = more ? !t->live : t->live == 1;

		if (more)
			t->live++;
		else if (t->live)
			t->live--;
		if (!edge || !t->parent)
			return;
		t = spec_mon_table(mon, t->parent);
	}
}

/* SDM 4.10.5 has nothing on locks; these are the contract of src/core/pt.h. */
static bool spec_mon_may_write(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;
	u64 lock = e->level >= 3 ? 0 : e->table, bytes = spec_size(e->level);
	bool leaf = spec_mon_is_leaf(e->old, e->level) || spec_mon_is_leaf(e->new, e->level);

	if (!mon->locked || mon->locked_by != e->by)
		return spec_mon_wrong_at(mon, p, SPEC_MON_NO_REGION_LOCK);
	if (!mon->table_locked || mon->table_lock != lock || mon->table_locked_by != e->by)
		return spec_mon_wrong_at(mon, p, SPEC_MON_NO_LOCK);
	if (p->va == SPEC_MON_ANY || mon->lo >= mon->hi)
		return true;
	if (p->va >= mon->hi || p->va + bytes <= mon->lo ||
	    (leaf && (p->va < mon->lo || p->va + bytes > mon->hi)))
		return spec_mon_wrong_at(mon, p, SPEC_MON_OUTSIDE);
	return true;
}

/* A table of the region's software becomes visible. */
static bool spec_mon_link(struct spec_mon *mon, const struct spec_mon_place *p)
{
	u64 table = spec_mon_addr(p->e->new, p->e->level);
	struct spec_mon_table *child = spec_mon_table(mon, table);

	if (!child || child->state != SPEC_MON_TAKEN)
		return spec_mon_wrong(mon, SPEC_MON_LINKED_UNTAKEN, table, p->e->level - 1, 0);
	if (child->level != p->e->level - 1)
		return spec_mon_wrong(mon, SPEC_MON_WRONG_LEVEL, table, child->level, 0);
	child->state = SPEC_MON_LINKED;
	child->base = p->va;
	child->parent = p->e->table;
	mon->unsettled--;
	if (child->live)
		spec_mon_count(mon, p->t, true);
	return true;
}

/* Whether all that is behind the entry is the region's, as far as is known (rule 9). */
static bool spec_mon_inside(const struct spec_mon *mon, const struct spec_mon_place *p)
{
	return p->va == SPEC_MON_ANY || mon->lo >= mon->hi ||
	       (p->va >= mon->lo && p->va + spec_size(p->e->level) <= mon->hi);
}

static bool spec_mon_unlink(struct spec_mon *mon, const struct spec_mon_place *p)
{
	u64 table = spec_mon_addr(p->e->old, p->e->level);
	struct spec_mon_table *child = spec_mon_table(mon, table);

	if (!spec_mon_inside(mon, p))
		return spec_mon_wrong_at(mon, p, SPEC_MON_OUTSIDE);
	if (!child)
		child = spec_mon_visit(mon, table, p->e->level - 1);
	if (!child)
		return true;
	if (child->live) {
		mon->verdict.va = p->va;
		return spec_mon_wrong(mon, SPEC_MON_UNLINKED_FULL, table, child->level, 0);
	}
	child->state = SPEC_MON_UNLINKED;
	child->parent = 0;
	mon->unsettled++;
	spec_mon_outdate(mon, p->t, p->e->index, SPEC_MON_WAS_TABLE, p->e->old);
	return true;
}

static bool spec_mon_appear(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;

	if (spec_mon_find(mon, SPEC_MON_IS_STALE, spec_mon_slot(e->table, e->index)))
		return spec_mon_wrong_at(mon, p, SPEC_MON_ENTRY_REUSED);
	spec_mon_set(p->t, e->index, SPEC_MON_PRESENT);
	if (spec_mon_is_table(e->new, e->level))
		return spec_mon_link(mon, p);
	spec_mon_count(mon, p->t, true);
	spec_mon_frame_mapped(mon, spec_mon_addr(e->new, e->level));
	return true;
}

static bool spec_mon_vanish(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;

	spec_mon_set(p->t, e->index, SPEC_MON_CLEAN);
	if (spec_mon_is_table(e->old, e->level))
		return spec_mon_unlink(mon, p);
	if (e->kind == SPEC_MON_STORE)
		return spec_mon_wrong_at(mon, p, SPEC_MON_PLAIN_OVER_LEAF);
	if (p->seen == SPEC_MON_PRESENT)
		spec_mon_count(mon, p->t, false);
	spec_mon_outdate(mon, p->t, e->index, SPEC_MON_WAS_LEAF, e->old);
	return true;
}

/* SDM 4.10.4.3: more rights need no invalidation.  Fetches under Linux do. */
static void spec_mon_compare_rights(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;
	u64 lost = (e->old & ~e->new & (SPEC_RW | SPEC_US)) | (e->new & ~e->old & SPEC_XD);

	if (lost)
		spec_mon_outdate(mon, p->t, e->index, SPEC_MON_WAS_ALLOWED, e->old);
	else if (e->old & ~e->new & SPEC_XD)
		spec_mon_outdate(mon, p->t, e->index, SPEC_MON_WAS_NX, e->old);
}

static bool spec_mon_change(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;
	u64 old = spec_mon_addr(e->old, e->level), new = spec_mon_addr(e->new, e->level);
	bool table = spec_mon_is_table(e->old, e->level);

	if (table != spec_mon_is_table(e->new, e->level) || (table && old != new))
		return spec_mon_wrong_at(mon, p, SPEC_MON_RESIZED);
	spec_mon_set(p->t, e->index, SPEC_MON_PRESENT);
	if (table)
		return true;
	if (e->kind == SPEC_MON_STORE)
		return spec_mon_wrong_at(mon, p, old == new ? SPEC_MON_PLAIN_OVER_LEAF :
							     SPEC_MON_REPLACED);
	if (old != new) {
		spec_mon_outdate(mon, p->t, e->index, SPEC_MON_WAS_LEAF, e->old);
		spec_mon_frame_mapped(mon, new);
	} else {
		spec_mon_compare_rights(mon, p);
	}
	return true;
}

/* A write into a table that walks reach. */
static bool spec_mon_write_linked(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;
	bool old = e->old & SPEC_P, new = e->new & SPEC_P;

	if (!spec_mon_may_write(mon, p))
		return false;
	/* A table where nothing was known to be: other software has linked it. */
	if ((p->seen == SPEC_MON_PRESENT && !old) || (e->old && !old) ||
	    (p->seen == SPEC_MON_CLEAN && spec_mon_is_leaf(e->old, e->level)))
		return spec_mon_wrong_at(mon, p, SPEC_MON_FOREIGN_CHANGE);
	if (old && new)
		return spec_mon_change(mon, p);
	if (old)
		return spec_mon_vanish(mon, p);
	if (new)
		return spec_mon_appear(mon, p);
	spec_mon_set(p->t, e->index, SPEC_MON_CLEAN);
	return true;
}

/* A write into a table that only the writer knows: it is being prepared. */
static bool spec_mon_write_taken(struct spec_mon *mon, const struct spec_mon_place *p)
{
	const struct spec_mon_event *e = p->e;
	bool leaf = spec_mon_is_leaf(e->new, e->level);

	if (e->old && p->seen != SPEC_MON_PRESENT)
		return spec_mon_wrong_at(mon, p, SPEC_MON_NOT_ZERO);
	if (p->seen == SPEC_MON_PRESENT)
		spec_mon_count(mon, p->t, false);
	spec_mon_set(p->t, e->index, e->new & SPEC_P ? SPEC_MON_PRESENT : SPEC_MON_CLEAN);
	if (spec_mon_is_table(e->new, e->level))
		return spec_mon_link(mon, p);
	if (leaf) {
		spec_mon_count(mon, p->t, true);
		spec_mon_frame_mapped(mon, spec_mon_addr(e->new, e->level));
	}
	return true;
}

bool spec_mon_write(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_place p = { .e = e, .t = spec_mon_table(mon, e->table) };

	if (!p.t)
		p.t = spec_mon_visit(mon, e->table, e->level);
	if (!p.t)
		return true;
	p.va = p.t->base == SPEC_MON_ANY ? SPEC_MON_ANY :
					   p.t->base + e->index * spec_size(e->level);
	if (p.t->level != e->level)
		return spec_mon_wrong_at(mon, &p, SPEC_MON_WRONG_LEVEL);
	if (e->kind == SPEC_MON_COMPARE && e->old != e->expected)
		return true;
	p.seen = spec_mon_get(p.t, e->index);
	switch (p.t->state) {
	case SPEC_MON_TAKEN:
		return spec_mon_write_taken(mon, &p);
	case SPEC_MON_LINKED:
		return spec_mon_write_linked(mon, &p);
	default:
		return spec_mon_wrong_at(mon, &p, SPEC_MON_DEAD_STORE);
	}
}

/* In a table that was there before the monitor. */
void spec_mon_see_entry(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (!t || spec_mon_get(t, e->index) == SPEC_MON_PRESENT ||
	    !spec_mon_is_leaf(e->old, e->level))
		return;
	spec_mon_set(t, e->index, SPEC_MON_PRESENT);
	spec_mon_count(mon, t, true);
	spec_mon_frame_mapped(mon, spec_mon_addr(e->old, e->level));
}
