// SPDX-License-Identifier: GPL-2.0
/*
 * The range forms: one walk for each run of entries in one table.
 *
 * A run starts at the deepest entry on an address' path and ends with its table,
 * with the range, or before an entry that leads to a lower table.
 */
#include "pt_walk.h"

struct pt_run {
	u64 table;
	unsigned int level;
	unsigned int first;	/* index of the first entry */
	unsigned int entries;	/* how many, at most, PT_ENTRIES - @first */
	u64 seen;		/* the first entry, as the walk to it saw it */
};

/* The run at @va, looking no deeper than tables of @bottom. */
static struct pt_run pt_run_at(struct pt *pt, u64 va, u64 end, unsigned int bottom)
{
	struct pt_place p;
	struct pt_run run;
	u64 last;

	pt_descend(pt, va, bottom, &p);
	run.level = p.level;
	run.table = p.table;
	run.seen = p.entry;
	run.first = pt_index(va, p.level);
	last = ((end - 1) >> pt_shift(p.level)) - (va >> pt_shift(p.level));
	run.entries = PT_ENTRIES - run.first;
	if (last < run.entries)
		run.entries = (unsigned int)last + 1;
	return run;
}

/* The address behind entry number @i of a run that began at @va. */
static inline u64 pt_run_va(const struct pt_run *run, u64 va, unsigned int i)
{
	return pt_base(va, run->level) + i * pt_size(run->level);
}

/*
 * Where the next run begins, when @n entries of this one were dealt with.  If there were
 * none, the next walk goes through the table that has been linked meanwhile.
 */
static inline u64 pt_run_next(const struct pt_run *run, u64 va, unsigned int n)
{
	return n ? pt_run_va(run, va, n) : va;
}

/* Whether a leaf covers both the byte before @va and the byte at @va. */
static bool pt_straddles(struct pt *pt, u64 va)
{
	struct pt_mapping m;

	return pt_resolve(pt, va, &m) == PT_OK && m.va != va;
}

static bool pt_range_ok(struct pt *pt, u64 va, u64 end)
{
	return va < end && pt_page_aligned(va | end, 1) &&
	       pt_range_in_region(pt, va, end - va) && !pt_straddles(pt, va) &&
	       (end == pt->end || !pt_straddles(pt, end));
}

/*
 * Return how many entries of the run were dealt with: at least one, unless a table has
 * been linked meanwhile where the walk found none.
 */
static unsigned int pt_unmap_run(struct pt *pt, u64 va, const struct pt_run *run,
				 struct pt_touched *done)
{
	const bool owned = pt_owns(pt, va, run->level);
	/* Of a PD or PDPT a hint: others count there, and pt_sweep() looks again. */
	const unsigned int live = owned ? pt_env_live(pt->env, run->table) : 0;
	unsigned int i, removed = 0;

	pt_env_lock(pt->env, run->table, run->level);
	for (i = 0; i < run->entries; i++) {
		u64 entry = pt_env_load(pt->env, run->table, run->first + i);
		enum pte_kind kind = pte_kind(entry, run->level);

		if (kind == PTE_TABLE)
			break;
		if (kind == PTE_EMPTY)
			continue;
		entry = pt_env_exchange(pt->env, run->table, run->level,
					run->first + i, 0);
		pt_env_defer_leaf(pt->env, pt_run_va(run, va, i), run->level, entry);
		removed++;
	}
	pt_env_unlock(pt->env, run->table, run->level);

	done->leaves += removed;
	done->bytes += removed * pt_size(run->level);
	if (removed)
		pt_uncount(pt, va, run->level, run->table, removed, owned);
	else if (owned && !live)
		pt_sweep(pt, va);
	return i;
}

enum pt_status pt_unmap_range(struct pt *pt, u64 va, u64 end,
			      struct pt_touched *done)
{
	*done = (struct pt_touched){ 0 };
	if (!pt_range_ok(pt, va, end))
		return PT_INVALID;
	while (va < end) {
		struct pt_run run = pt_run_at(pt, va, end, 1);

		va = pt_run_next(&run, va, pt_unmap_run(pt, va, &run, done));
	}
	return PT_OK;
}

static unsigned int pt_protect_run(struct pt *pt, const struct pt_run *run,
				   u32 rights, struct pt_touched *done)
{
	unsigned int i, changed = 0;
	u32 before = 0;

	pt_env_lock(pt->env, run->table, run->level);
	for (i = 0; i < run->entries; i++) {
		u64 entry = pt_env_load(pt->env, run->table, run->first + i);
		enum pte_kind kind = pte_kind(entry, run->level);

		if (kind == PTE_TABLE)
			break;
		if (kind == PTE_EMPTY)
			continue;
		before |= pte_rights(entry);
		pt_protect_leaf(pt->env, run->table, run->level, run->first + i,
				entry, rights);
		changed++;
	}
	pt_env_unlock(pt->env, run->table, run->level);

	done->leaves += changed;
	done->bytes += changed * pt_size(run->level);
	if (before & ~rights)
		done->revoked = true;
	return i;
}

enum pt_status pt_protect_range(struct pt *pt, u64 va, u64 end, u32 rights,
				struct pt_touched *done)
{
	*done = (struct pt_touched){ 0 };
	if ((rights & ~PT_RIGHTS) || !pt_range_ok(pt, va, end))
		return PT_INVALID;
	while (va < end) {
		struct pt_run run = pt_run_at(pt, va, end, 1);

		va = pt_run_next(&run, va, pt_protect_run(pt, &run, rights, done));
	}
	return PT_OK;
}

/* Tables of the levels @level..@top-1 whose spans [@va, @end) touches. */
static u64 pt_tables_touched(u64 va, u64 end, unsigned int level, unsigned int top)
{
	u64 n = 0;

	for (; level < top; level++) {
		unsigned int shift = pt_shift(level + 1);

		n += ((end - 1) >> shift) - (va >> shift) + 1;
	}
	return n;
}

u64 pt_map_tables(u64 va, u64 n, unsigned int level)
{
	return pt_tables_touched(va, va + n * pt_size(level), level, PT_LEVELS);
}

/* The @run is at the level of the new leaves: every entry of it must be empty. */
static enum pt_status pt_run_empty(struct pt *pt, u64 va, const struct pt_run *run)
{
	unsigned int i;

	for (i = 0; i < run->entries; i++) {
		u64 entry = pt_env_load(pt->env, run->table, run->first + i);

		if (pte_kind(entry, run->level) != PTE_EMPTY)
			return pt_clear_place(pt, pt_run_va(run, va, i), run->table,
					      run->level, entry);
	}
	return PT_OK;
}

/*
 * Whether leaves of @level can be stored all over [@va, @end), and how many tables
 * that takes.
 */
static enum pt_status pt_range_free(struct pt *pt, u64 va, u64 end,
				    unsigned int level, u64 *missing)
{
	while (va < end) {
		struct pt_run run = pt_run_at(pt, va, end, level);
		enum pt_status status;
		u64 next;

		if (run.level > level) {
			/*
			 * The first entry ends the walk: a large leaf, or nothing.  It is
			 * not read again: other software may have linked a table there.
			 */
			if (run.seen)
				return PT_EXISTS;
			next = pt_run_va(&run, va, 1);
			*missing += pt_tables_touched(va, next < end ? next : end,
						      level, run.level);
		} else {
			status = pt_run_empty(pt, va, &run);
			if (status != PT_OK)
				return status;
			next = pt_run_va(&run, va, run.entries);
		}
		va = next;
	}
	return PT_OK;
}

/* Fill @n entries from @first on; each page becomes visible by its own store. */
static void pt_fill(struct pt_env *env, u64 table, unsigned int level,
		    unsigned int first, const u64 *pa, unsigned int n, u64 bits)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		pt_env_store(env, table, level, first + i, pa[i] | bits);
}

enum pt_status pt_map_range(struct pt *pt, u64 va, const u64 *pa, u64 n,
			    unsigned int level, u32 rights)
{
	u64 end, i, missing = 0, all = 0;
	enum pt_status status;

	if (level < 1 || level > PT_LEAF_LEVELS || (rights & ~PT_RIGHTS) || !n ||
	    !pt_page_aligned(va, level) || !pt_range_in_region(pt, va, pt_size(level)) ||
	    n > (pt->end - va) >> pt_shift(level))
		return PT_INVALID;
	/* Alignment and limit are powers of two: the OR of all is fine iff each is. */
	for (i = 0; i < n; i++)
		all |= pa[i];
	if (!pt_frame_ok(pt, all, level))
		return PT_INVALID;

	end = va + (n << pt_shift(level));
	status = pt_range_free(pt, va, end, level, &missing);
	if (status != PT_OK)
		return status;
	if (pt_env_reserve(pt->env) < missing)
		return PT_NOMEM;

	/* From here on nothing can fail. */
	while (va < end) {
		unsigned int first = pt_index(va, level), run = PT_ENTRIES - first;
		u64 table = pt_find_table(pt, va, level);

		if (!table)
			pt_make_path(pt, va, level, &table);
		if ((end - va) >> pt_shift(level) < run)
			run = (unsigned int)((end - va) >> pt_shift(level));
		pt_env_lock(pt->env, table, level);
		pt_fill(pt->env, table, level, first, pa, run,
			pte_make_leaf(0, level, rights));
		pt_env_unlock(pt->env, table, level);
		pt_count(pt, va, level, table, run, pt_owns(pt, va, level));
		va += (u64)run << pt_shift(level);
		pa += run;
	}
	return PT_OK;
}
