// SPDX-License-Identifier: GPL-2.0
/* The protocol monitor: the locks and the life of tables, and what steps what. */
#include "spec_mon_nodes.h"

bool spec_mon_wrong(struct spec_mon *mon, enum spec_mon_wrong wrong, u64 table,
		    unsigned int level, unsigned int index)
{
	/* What ran out of memory meanwhile may be a false alarm. */
	if (!mon->judging)
		return true;
	mon->judging = false;
	mon->verdict.wrong = wrong;
	mon->verdict.table = table;
	mon->verdict.level = level;
	mon->verdict.index = index;
	return false;
}

static bool spec_mon_wrong_table(struct spec_mon *mon, enum spec_mon_wrong wrong,
				 const struct spec_mon_event *e)
{
	const struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (t)
		mon->verdict.va = t->base;
	return spec_mon_wrong(mon, wrong, e->table, e->level, 0);
}

/* Every entry of @t is @state. */
static void spec_mon_fill(struct spec_mon_table *t, enum spec_mon_entry_state state)
{
	unsigned int i;

	for (i = 0; i < SPEC_ENTRIES; i++)
		spec_mon_set(t, i, state);
}

static struct spec_mon_table *spec_mon_forget(struct spec_mon *mon, u64 table)
{
	struct spec_mon_node *node = spec_mon_find(mon, SPEC_MON_IS_TABLE, table);
	struct spec_mon_table *t;

	if (node)
		spec_mon_remove(mon, node);
	t = (struct spec_mon_table *)spec_mon_add(mon, SPEC_MON_IS_TABLE, table);
	if (t)
		t->region = mon->regions;
	return t;
}

struct spec_mon_table *spec_mon_visit(struct spec_mon *mon, u64 table, unsigned int level)
{
	struct spec_mon_table *t = spec_mon_forget(mon, table);

	if (!t)
		return NULL;
	t->state = SPEC_MON_LINKED;
	t->level = level;
	t->base = SPEC_MON_ANY;
	return t;
}

static bool spec_mon_region_lock(struct spec_mon *mon, const struct spec_mon_event *e)
{
	if (mon->locked)
		return spec_mon_wrong(mon, SPEC_MON_NO_REGION_LOCK, 0, 0, 0);
	mon->locked = true;
	mon->locked_by = e->by;
	mon->lo = e->lo;
	mon->hi = e->hi;
	mon->gen = e->gen;
	/* The last VMA of a region has gone, and Linux frees what tables it had there. */
	if (e->lo >= e->hi)
		mon->regions++;
	return true;
}

static bool spec_mon_region_unlock(struct spec_mon *mon, const struct spec_mon_event *e)
{
	if (!mon->locked || mon->locked_by != e->by)
		return spec_mon_wrong(mon, SPEC_MON_NO_REGION_LOCK, 0, 0, 0);
	mon->locked = false;
	if (mon->table_locked)
		return spec_mon_wrong(mon, SPEC_MON_LOCK_ORDER, mon->table_lock, 0, 0);
	if (mon->shoot.on) {
		mon->verdict.cpus = mon->shoot.cpus & ~mon->shoot.acked;
		mon->verdict.va = mon->shoot.start;
		return spec_mon_wrong(mon, SPEC_MON_SHOOT_CUT_SHORT, 0, 0, 0);
	}
	if (!spec_mon_all_clean(mon))
		return false;
	return !mon->unsettled || spec_mon_wrong(mon, SPEC_MON_LEFT_TABLE, 0, 0, 0);
}

static bool spec_mon_lock(struct spec_mon *mon, const struct spec_mon_event *e)
{
	if (mon->table_locked)
		return spec_mon_wrong_table(mon, SPEC_MON_LOCK_ORDER, e);
	mon->table_locked = true;
	/* Linux has one lock for all tables of the upper levels. */
	mon->table_lock = e->level >= 3 ? 0 : e->table;
	mon->table_locked_by = e->by;
	return true;
}

static bool spec_mon_unlock(struct spec_mon *mon, const struct spec_mon_event *e)
{
	u64 lock = e->level >= 3 ? 0 : e->table;

	if (!mon->table_locked || mon->table_lock != lock || mon->table_locked_by != e->by)
		return spec_mon_wrong_table(mon, SPEC_MON_LOCK_ORDER, e);
	mon->table_locked = false;
	return true;
}

static bool spec_mon_seen(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (t && !spec_mon_on_loan(t)) {
		if (t->state == SPEC_MON_LINKED && t->level == e->level &&
		    (t->base == e->base || t->base == SPEC_MON_ANY)) {
			t->base = e->base;
			return true;
		}
		return spec_mon_wrong_table(mon, SPEC_MON_FOREIGN_CHANGE, e);
	}
	if (!t || t->level != e->level || (t->base != e->base && t->base != SPEC_MON_ANY))
		t = spec_mon_visit(mon, e->table, e->level);
	if (!t)
		return true;
	t->base = e->base;
	/* Leaves seen before the parent were not counted there. */
	if (!t->live)
		t->parent = e->parent;
	return true;
}

static bool spec_mon_take(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (t && t->state != SPEC_MON_RESERVED && !spec_mon_on_loan(t))
		return spec_mon_wrong_table(mon, SPEC_MON_TABLE_REUSED, e);
	if (!e->zero)
		return spec_mon_wrong_table(mon, SPEC_MON_NOT_ZERO, e);
	t = spec_mon_forget(mon, e->table);
	if (!t)
		return true;
	t->state = SPEC_MON_TAKEN;
	t->level = e->level;
	t->whole = e->owned;
	t->base = SPEC_MON_ANY;
	spec_mon_fill(t, SPEC_MON_CLEAN);
	mon->unsettled++;
	return true;
}

static bool spec_mon_defer(struct spec_mon *mon, const struct spec_mon_event *e)
{
	const struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (!t || (t->state != SPEC_MON_UNLINKED && t->state != SPEC_MON_INVALIDATED))
		return spec_mon_wrong_table(mon, SPEC_MON_DEFERRED_LINKED, e);
	if (t->level != e->level)
		return spec_mon_wrong_table(mon, SPEC_MON_WRONG_LEVEL, e);
	return true;
}

/* Other software may do with its entries, and with it, what it likes. */
static void spec_mon_release(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (!t)
		return;
	t->whole = false;
	t->live = 0;
	t->parent = 0;
	spec_mon_fill(t, SPEC_MON_UNSEEN);
}

/* Whether the linked table @t went with the one it hangs in, empty. */
static bool spec_mon_went_along(const struct spec_mon *mon, const struct spec_mon_table *t)
{
	const struct spec_mon_table *parent = spec_mon_table(mon, t->parent);

	return !t->live && (!parent || parent->state == SPEC_MON_INVALIDATED);
}

/*
 * Whether Linux has freed the table @t, which reaches beyond what is left of the region, and it
 * came back as a spare page.  These go as if of level 1.
 */
static bool spec_mon_was_spare(const struct spec_mon *mon, const struct spec_mon_table *t,
			       const struct spec_mon_event *e)
{
	return spec_mon_on_loan(t) && !t->live && e->level == 1 && !e->reserve &&
	       t->base != SPEC_MON_ANY && mon->lo < mon->hi &&
	       (t->base < mon->lo || t->base + SPEC_ENTRIES * spec_size(t->level) > mon->hi);
}

static bool spec_mon_free(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_table *t = spec_mon_table(mon, e->table);

	if (t) {
		mon->verdict.cpus = mon->shoot.on ? mon->shoot.cpus & ~mon->shoot.acked : ~0ULL;
		if (t->state == SPEC_MON_UNLINKED)
			return spec_mon_wrong_table(mon, SPEC_MON_TABLE_FREED_EARLY, e);
		if (t->state == SPEC_MON_LINKED && !spec_mon_went_along(mon, t) &&
		    !spec_mon_was_spare(mon, t, e))
			return spec_mon_wrong_table(mon, SPEC_MON_TABLE_FREED_LINKED, e);
		if (t->state == SPEC_MON_INVALIDATED || t->state == SPEC_MON_TAKEN)
			mon->unsettled--;
		mon->verdict.cpus = 0;
		spec_mon_remove(mon, &t->node);
	}
	if (!e->reserve)
		return true;
	t = spec_mon_forget(mon, e->table);
	if (t) {
		t->state = SPEC_MON_RESERVED;
		t->level = e->level;
		t->base = SPEC_MON_ANY;
	}
	return true;
}

static bool spec_mon_do(struct spec_mon *mon, const struct spec_mon_event *e)
{
	switch (e->kind) {
	case SPEC_MON_REGION_LOCK:
		return spec_mon_region_lock(mon, e);
	case SPEC_MON_REGION_UNLOCK:
		return spec_mon_region_unlock(mon, e);
	case SPEC_MON_OPERATION:
		mon->lo = e->lo;
		mon->hi = e->hi;
		return true;
	case SPEC_MON_TABLE_SEEN:
		return spec_mon_seen(mon, e);
	case SPEC_MON_ENTRY_SEEN:
		spec_mon_see_entry(mon, e);
		return true;
	case SPEC_MON_TABLE_TAKE:
		return spec_mon_take(mon, e);
	case SPEC_MON_TABLE_LOCK:
		return spec_mon_lock(mon, e);
	case SPEC_MON_TABLE_UNLOCK:
		return spec_mon_unlock(mon, e);
	case SPEC_MON_STORE:
	case SPEC_MON_EXCHANGE:
	case SPEC_MON_COMPARE:
		return spec_mon_write(mon, e);
	case SPEC_MON_TABLE_DEFER:
		return spec_mon_defer(mon, e);
	case SPEC_MON_TABLE_RELEASE:
		spec_mon_release(mon, e);
		return true;
	case SPEC_MON_FRAME_DEFER:
		return spec_mon_frame_defer(mon, e);
	case SPEC_MON_SHOOT_BEGIN:
		return spec_mon_shoot_begin(mon, e);
	case SPEC_MON_INVALIDATE:
		return spec_mon_invalidate(mon, e);
	case SPEC_MON_ACK:
		return spec_mon_ack(mon, e);
	case SPEC_MON_SHOOT_END:
		return spec_mon_shoot_end(mon, e);
	case SPEC_MON_TABLE_FREE:
		return spec_mon_free(mon, e);
	case SPEC_MON_FRAME_FREE:
		return spec_mon_frame_free(mon, e);
	default:
		return true;
	}
}

bool spec_mon_step(struct spec_mon *mon, const struct spec_mon_event *event)
{
	mon->events[event->kind]++;
	if (!mon->judging)
		return true;
	mon->verdict = (struct spec_mon_verdict){ .va = SPEC_MON_ANY };
	return spec_mon_do(mon, event);
}

enum spec_mon_table_state spec_mon_table_state(const struct spec_mon *mon, u64 table)
{
	const struct spec_mon_table *t = spec_mon_table(mon, table);

	return t ? t->state : SPEC_MON_UNKNOWN;
}

enum spec_mon_entry_state spec_mon_entry_state(const struct spec_mon *mon, u64 table,
					       unsigned int index)
{
	const struct spec_mon_table *t = spec_mon_table(mon, table);
	enum spec_mon_entry_state now = t ? spec_mon_get(t, index) : SPEC_MON_UNSEEN;

	if (!spec_mon_find(mon, SPEC_MON_IS_STALE, spec_mon_slot(table, index)))
		return now;
	return now == SPEC_MON_PRESENT ? SPEC_MON_STALE : SPEC_MON_DROPPED;
}

u64 spec_mon_stale_cpus(const struct spec_mon *mon, u64 table, unsigned int index)
{
	const struct spec_mon_stale *s;

	s = (const struct spec_mon_stale *)spec_mon_find(mon, SPEC_MON_IS_STALE,
							 spec_mon_slot(table, index));
	if (!s)
		return 0;
	return s->covered && mon->shoot.on ? mon->shoot.cpus & ~mon->shoot.done : ~0ULL;
}
