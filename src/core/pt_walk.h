/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the single-page and the range operations share: walking down, counting
 * up, unlinking what became empty.  Private to the core.
 */
#ifndef PT_WALK_H
#define PT_WALK_H

#include "pt.h"
#include "pt_entry.h"

/**
 * struct pt_walk - where a walk for an address ended
 * @table: the table of each level on the way, valid from @level to PT_LEVELS
 * @level: level of the last entry read
 * @entry: that entry
 */
struct pt_walk {
	u64 table[PT_LEVELS + 1];
	unsigned int level;
	u64 entry;
};

/* Walk for @va until an entry is no table, or down to the table of @bottom. */
static __always_inline void pt_descend(struct pt *pt, u64 va, unsigned int bottom,
				       struct pt_walk *w)
{
	unsigned int level = PT_LEVELS;
	u64 entry = pt_env_load(pt->env, pt->root, pt_index(va, level));

	w->table[level] = pt->root;
#pragma GCC unroll 4
	while (level > bottom) {
		if (pte_kind(entry, level) != PTE_TABLE)
			break;
		level--;
		w->table[level] = pte_addr(entry);
		entry = pt_env_load(pt->env, w->table[level], pt_index(va, level));
	}
	w->level = level;
	w->entry = entry;
}

/* Whether the table of @level that @va passes through is the core's (rule: own
 * what you cover).  The root never is.
 */
static __always_inline bool pt_owns(const struct pt *pt, u64 va, unsigned int level)
{
	u64 base = va & ~(pt_table_span(level) - 1);

	return level < PT_LEVELS && base >= pt->start &&
	       base + pt_table_span(level) <= pt->end;
}

/* Whether [@va, @va + @bytes) lies in the region. */
static inline bool pt_covers(const struct pt *pt, u64 va, u64 bytes)
{
	return va >= pt->start && va < pt->end && pt->end - va >= bytes;
}

static inline bool pt_frame_ok(const struct pt *pt, u64 pa, unsigned int level)
{
	return !(pa & (pt_size(level) - 1)) && pa < pt->pa_limit &&
	       pt->pa_limit - pa >= pt_size(level);
}

static inline void pt_decode(struct pt_mapping *m, u64 va, unsigned int level,
			     u64 entry)
{
	m->va = pt_base(va, level);
	m->pa = pte_addr(entry) & ~(pt_size(level) - 1);
	m->level = level;
	m->rights = pte_rights(entry);
	m->accessed = entry & PTE_A;
	m->dirty = entry & PTE_D;
}

/*
 * Change the rights of leaf @i of @table by one atomic store and return the entry
 * it replaced.  Under the table's lock only the MMU writes the entry too, and it
 * only ever sets A and D, once each: the third attempt cannot fail.
 */
static inline u64 pt_protect_leaf(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u32 rights)
{
	u64 old = pt_env_load(env, table, i);
	unsigned int attempt;

	for (attempt = 0; attempt < 3; attempt++) {
		u64 new = (old & ~PTE_RIGHTS_MASK) | pte_rights_bits(rights);
		u64 seen;

		if (!(rights & PT_WRITE))
			new &= ~PTE_D;
		seen = pt_env_compare_exchange(env, table, level, i, old, new);
		if (seen == old)
			break;
		old = seen;
	}
	return old;
}

/**
 * pt_make_path() - find the table of @level for @va, linking what is missing
 * @table: the table found or made
 *
 * Empty tables are linked from the top down; a walker that sees one of them finds
 * nothing mapped, as before.  Other software may link a table at the same entry
 * first: that one is used.  Nothing is counted: a table without entries is
 * nobody's until pt_count() says otherwise.
 *
 * Return: PT_OK; PT_EXISTS if a larger leaf covers @va, PT_NOMEM, with nothing
 * changed.
 */
enum pt_status pt_make_path(struct pt *pt, u64 va, unsigned int level, u64 *table);

/*
 * @va's table of @level has got its first entries: its own entry counts from now
 * on, and so on upwards.
 */
void pt_count_parents(struct pt *pt, u64 va, unsigned int level);

/* @va's table of @level has lost its last entry: unlink it, and so on upwards. */
void pt_reclaim(struct pt *pt, u64 va, unsigned int level);

/*
 * Unlink the tables on @va's path that the core owns and that hold nothing: other
 * software linked them there for a mapping that did not come about.
 */
void pt_sweep(struct pt *pt, u64 va);

/*
 * The entry @entry stands where a leaf of @level for @va should go.  Return
 * PT_EXISTS, or PT_AGAIN if it was an empty table that nobody counts, which is now
 * unlinked.
 */
enum pt_status pt_clear_place(struct pt *pt, u64 va, u64 table, unsigned int level,
			      u64 entry);

/* The table of @level for @va, or 0 where the walk ends above it. */
static __always_inline u64 pt_find_table(struct pt *pt, u64 va, unsigned int level)
{
	struct pt_walk w;

	pt_descend(pt, va, level, &w);
	return w.level == level ? w.table[level] : 0;
}

/* @n entries of @va's table of @level were filled. */
static __always_inline void pt_count(struct pt *pt, u64 va, unsigned int level,
				     u64 table, unsigned int n)
{
	unsigned int live;

	if (!pt_owns(pt, va, level))
		return;
	live = pt_env_live(pt->env, table);
	pt_env_set_live(pt->env, table, live + n);
	if (!live)
		pt_count_parents(pt, va, level);
}

/* @n entries of @va's table of @level were cleared. */
static __always_inline void pt_uncount(struct pt *pt, u64 va, unsigned int level,
				       u64 table, unsigned int n)
{
	unsigned int live;

	if (!pt_owns(pt, va, level))
		return;
	live = pt_env_live(pt->env, table) - n;
	pt_env_set_live(pt->env, table, live);
	if (!live)
		pt_reclaim(pt, va, level);
}

#endif /* PT_WALK_H */
