// SPDX-License-Identifier: GPL-2.0
/*
 * Making and reclaiming tables: the paths of the core that run once per table,
 * not once per page.
 */
#include "pt_walk.h"

/* The table below @va's entry of @table, linked unless other software was first. */
static u64 pt_make_table(struct pt *pt, u64 va, u64 table, unsigned int level)
{
	unsigned int i = pt_index(va, level);
	u64 entry;

	pt_env_lock(pt->env, table, level);
	entry = pt_env_load(pt->env, table, i);
	if (pte_kind(entry, level) == PTE_EMPTY) {
		const bool owned = pt_owns(pt, va, level - 1);

		entry = pte_make_table(pt_env_take(pt->env, level - 1, owned));
		/* Walkers may pass from here on, and find no mapping. */
		pt_env_store(pt->env, table, level, i, entry);
	}
	pt_env_unlock(pt->env, table, level);
	return pte_addr(entry);
}

enum pt_status pt_make_path(struct pt *pt, u64 va, unsigned int level, u64 *table)
{
	struct pt_place p;

	pt_descend(pt, va, level, &p);
	if (p.level > level) {
		if (pte_kind(p.entry, p.level) == PTE_LEAF)
			return PT_EXISTS;
		if (pt_env_reserve(pt->env) < p.level - level)
			return PT_NOMEM;
	}
	for (; p.level > level; p.level--)
		p.table = pt_make_table(pt, va, p.table, p.level);
	*table = p.table;
	return PT_OK;
}

void pt_count_above(struct pt *pt, u64 va, unsigned int level)
{
	for (level++; pt_owns(pt, va, level); level++) {
		u64 table = pt_find_table(pt, va, level);
		unsigned int live = pt_env_live(pt->env, table);

		pt_env_set_live(pt->env, table, live + 1);
		if (live)
			return;
	}
}

void pt_count_parents(struct pt *pt, u64 va)
{
	pt_env_lock_counts(pt->env);
	pt_count_above(pt, va, 1);
	pt_env_unlock_counts(pt->env);
}

/*
 * Take @table, in which the core counts nothing, out of its parent and hand it to
 * the deferred-free list.
 */
static void pt_unlink(struct pt *pt, u64 va, u64 parent, u64 table,
		      unsigned int level)
{
	pt_env_lock(pt->env, parent, level + 1);
	/*
	 * A plain store will do: the entry's A bit was set from the beginning, so
	 * the MMU never writes here.  Cached copies of the entry still lead to the
	 * table, which therefore stays as it is until they are invalidated.
	 */
	pt_env_store(pt->env, parent, level + 1, pt_index(va, level + 1), 0);
	pt_env_unlock(pt->env, parent, level + 1);
	pt_env_defer_table(pt->env, table, level);
}

void pt_reclaim_up(struct pt *pt, u64 va, unsigned int level, u64 table)
{
	while (pt_owns(pt, va, level)) {
		u64 parent = pt_find_table(pt, va, level + 1);
		unsigned int live;

		if (pt_env_covers(pt->env, va, level + 1))
			pt_unlink(pt, va, parent, table, level);
		else
			pt_env_leave(pt->env, table);
		table = parent;
		level++;
		if (!pt_owns(pt, va, level))
			return;
		live = pt_env_live(pt->env, table) - 1;
		pt_env_set_live(pt->env, table, live);
		if (live)
			return;
	}
}

void pt_reclaim(struct pt *pt, u64 va, u64 table)
{
	pt_env_lock_counts(pt->env);
	pt_reclaim_up(pt, va, 1, table);
	pt_env_unlock_counts(pt->env);
}

void pt_sweep(struct pt *pt, u64 va)
{
	struct pt_place p;

	pt_env_lock_counts(pt->env);
	pt_descend(pt, va, 1, &p);
	while (pt_owns(pt, va, p.level) && !pt_env_live(pt->env, p.table)) {
		u64 parent = pt_find_table(pt, va, p.level + 1);

		if (!pt_env_covers(pt->env, va, p.level + 1)) {
			pt_env_leave(pt->env, p.table);
			break;
		}
		pt_unlink(pt, va, parent, p.table, p.level);
		p.table = parent;
		p.level++;
	}
	pt_env_unlock_counts(pt->env);
}

enum pt_status pt_clear_place(struct pt *pt, u64 va, u64 table, unsigned int level,
			      u64 entry)
{
	u64 below = pte_addr(entry);

	if (pte_kind(entry, level) != PTE_TABLE || !pt_owns(pt, va, level - 1) ||
	    pt_env_live(pt->env, below))
		return PT_EXISTS;
	pt_unlink(pt, va, table, below, level - 1);
	return PT_AGAIN;
}

void pt_unlink_span(const struct pt *pt, u64 *start, u64 *end)
{
	const u64 first = *start, last = *end - 1;
	unsigned int level;

	for (level = 1; level < PT_LEVELS; level++) {
		const u64 offset = pt_table_span(level) - 1;

		if (pt_owns(pt, first, level))
			*start = first & ~offset;
		if (pt_owns(pt, last, level))
			*end = (last | offset) + 1;
	}
}

void pt_release(struct pt *pt, u64 va)
{
	struct pt_place p;

	pt_descend(pt, va, 1, &p);
	for (; pt_owns(pt, va, p.level); p.level++) {
		if (va & (pt_table_span(p.level) - 1))
			pt_env_release(pt->env, pt_find_table(pt, va, p.level));
	}
}
