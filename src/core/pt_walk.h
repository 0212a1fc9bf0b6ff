/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the single-page and the range operations share: walking down, counting
 * up, unlinking what became empty.  Private to the core.
 */
#ifndef PT_WALK_H
#define PT_WALK_H

#include "pt.h"
#include "pt_entry.h"

/* The kernel has them already; they keep rare paths out of short ones. */
#ifndef noinline
#define noinline __attribute__((__noinline__))
#endif
#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

/**
 * struct pt_place - where a walk for an address ended
 * @table: the table of the last entry read
 * @level: that table's level
 * @entry: that entry
 */
struct pt_place {
	u64 table;
	unsigned int level;
	u64 entry;
};

/* Walk for @va until an entry is no table, or down to the table of @bottom. */
static __always_inline void pt_descend(struct pt *pt, u64 va, unsigned int bottom,
				       struct pt_place *p)
{
	unsigned int level = PT_LEVELS;
	u64 table = pt->root;
	u64 entry = pt_env_load(pt->env, table, pt_index(va, level));

#pragma GCC unroll 4
	while (level > bottom) {
		if (pte_kind(entry, level) != PTE_TABLE)
			break;
		level--;
		table = pte_addr(entry);
		entry = pt_env_load(pt->env, table, pt_index(va, level));
	}
	p->table = table;
	p->level = level;
	p->entry = entry;
}

/* The table of @level for @va, or 0 where the walk ends above it. */
static __always_inline u64 pt_find_table(struct pt *pt, u64 va, unsigned int level)
{
	struct pt_place p;

	pt_descend(pt, va, level, &p);
	return p.level == level ? p.table : 0;
}

/*
 * The same for the usual case, in the fewest instructions.  Where it returns false the
 * table may be there all the same, and pt_descend() must look for it.
 */
static __always_inline bool pt_find_fast(struct pt *pt, u64 va, unsigned int level,
					 u64 *table)
{
	unsigned int above;

	*table = pt->root;
#pragma GCC unroll 4
	for (above = PT_LEVELS; above > level; above--) {
		u64 entry = pt_env_load(pt->env, *table, pt_index(va, above));

		if (unlikely(!pte_is_usual_table(entry)))
			return false;
		*table = pte_addr(entry);
	}
	return true;
}

/*
 * Whether the table of @level that @va passes through is the core's (rule 9).  The root
 * never is.
 */
static __always_inline bool pt_owns(const struct pt *pt, u64 va, unsigned int level)
{
	u64 offset = pt_table_span(level) - 1;

	return level < PT_LEVELS && (va & ~offset) >= pt->start &&
	       (va | offset) < pt->end;
}

/* Whether @va lies in the region; then the 4 KiB page around it does, too. */
static inline bool pt_va_in_region(const struct pt *pt, u64 va)
{
	return va >= pt->start && va < pt->end;
}

/* Whether [@va, @va + @bytes) lies in the region. */
static inline bool pt_range_in_region(const struct pt *pt, u64 va, u64 bytes)
{
	return va >= pt->start && va < pt->end && pt->end - va >= bytes;
}

/* Whether a page of @level can start at @va. */
static inline bool pt_page_aligned(u64 va, unsigned int level)
{
	return !(va & (pt_size(level) - 1));
}

/* Whether the page of @level that starts at @va lies in the region. */
static inline bool pt_page_inside(const struct pt *pt, u64 va, unsigned int level)
{
	return va >= pt->start && (va | (pt_size(level) - 1)) < pt->end;
}

/* Whether a page of @level can lie at @pa. */
static inline bool pt_frame_ok(const struct pt *pt, u64 pa, unsigned int level)
{
	u64 offset = pt_size(level) - 1;

	return !(pa & offset) && (pa | offset) < pt->pa_limit;
}

/* The leaf @entry of @level, which maps @va and what follows. */
static inline void pt_decode(struct pt_mapping *m, u64 va, unsigned int level,
			     u64 entry)
{
	m->va = va;
	m->pa = pte_addr(entry);
	m->level = level;
	m->rights = pte_rights(entry);
	m->accessed = entry & PTE_A;
	m->dirty = entry & PTE_D;
}

/*
 * The second and third attempt of pt_protect_leaf(): meanwhile the MMU has set A or D, and the
 * entry is @old.
 */
noinline u64 pt_protect_again(struct pt_env *env, u64 table, unsigned int level,
			      unsigned int i, u64 old, u32 rights);

/*
 * Change the rights of leaf @i of @table by one atomic store and return the entry
 * it replaced; @old is what was last seen there.  Under the table's lock only the
 * MMU writes the entry too, and it only ever sets A and D, once each: the third
 * attempt cannot fail.
 */
static __always_inline u64 pt_protect_leaf(struct pt_env *env, u64 table,
					   unsigned int level, unsigned int i,
					   u64 old, u32 rights)
{
	const u64 seen = pt_env_compare_exchange(env, table, level, i, old,
						 pte_with_rights(old, rights));

	return likely(seen == old) ? old :
	       pt_protect_again(env, table, level, i, seen, rights);
}

/**
 * pt_make_path() - find the table of @level for @va, linking what is missing
 * @table: the table found or made
 *
 * Empty tables are linked from the top down; a walker that sees one of them finds
 * nothing mapped, as before.  Other software may link a table at the same entry
 * first: that one is used.  Nothing is counted: a table without entries is
 * untracked until pt_count() says otherwise.
 *
 * Return: PT_OK; PT_EXISTS if a larger leaf covers @va, PT_NOMEM, with nothing
 * changed.
 */
enum pt_status pt_make_path(struct pt *pt, u64 va, unsigned int level, u64 *table);

/*
 * @va's table of @level has got its first entries: its own entry counts from now on,
 * and so on upwards.  The counts are locked.
 */
void pt_count_above(struct pt *pt, u64 va, unsigned int level);

/* The same of @va's PT, with the counts not yet locked. */
void pt_count_parents(struct pt *pt, u64 va);

/*
 * @va's @table of @level has lost its last entry: unlink it, unless others may be on their
 * way through it, and so on upwards.  The counts are locked.
 */
void pt_reclaim_up(struct pt *pt, u64 va, unsigned int level, u64 table);

/* The same of @va's PT, with the counts not yet locked. */
void pt_reclaim(struct pt *pt, u64 va, u64 table);

/*
 * The entry @entry stands where a leaf of @level for @va should go.  Return
 * PT_EXISTS, or PT_AGAIN if it was an empty table that nobody counts, which is now
 * unlinked.
 */
enum pt_status pt_clear_place(struct pt *pt, u64 va, u64 table, unsigned int level,
			      u64 entry);

/* @n entries of @va's PT, which is the core's, were filled. */
static __always_inline void pt_count_pages(struct pt *pt, u64 va, u64 table, unsigned int n)
{
	unsigned int live = pt_env_live(pt->env, table);

	pt_env_set_live(pt->env, table, live + n);
	if (unlikely(!live))
		pt_count_parents(pt, va);
}

/* The same of a table above level 1, whose count others change, too. */
static __always_inline void pt_count_large(struct pt *pt, u64 va, unsigned int level,
					   u64 table, unsigned int n)
{
	unsigned int live;

	pt_env_lock_counts(pt->env);
	live = pt_env_live(pt->env, table);
	pt_env_set_live(pt->env, table, live + n);
	if (unlikely(!live))
		pt_count_above(pt, va, level);
	pt_env_unlock_counts(pt->env);
}

/* @n entries of @va's table of @level were filled; @owned: it is the core's. */
static __always_inline void pt_count(struct pt *pt, u64 va, unsigned int level,
				     u64 table, unsigned int n, bool owned)
{
	if (!owned)
		return;
	if (level > 1)
		pt_count_large(pt, va, level, table, n);
	else
		pt_count_pages(pt, va, table, n);
}

/* @n entries of @va's PT, which is the core's, were cleared. */
static __always_inline void pt_uncount_pages(struct pt *pt, u64 va, u64 table,
					     unsigned int n)
{
	unsigned int live = pt_env_live(pt->env, table) - n;

	pt_env_set_live(pt->env, table, live);
	if (unlikely(!live))
		pt_reclaim(pt, va, table);
}

/* The same of a table above level 1. */
static __always_inline void pt_uncount_large(struct pt *pt, u64 va, unsigned int level,
					     u64 table, unsigned int n)
{
	unsigned int live;

	pt_env_lock_counts(pt->env);
	live = pt_env_live(pt->env, table) - n;
	pt_env_set_live(pt->env, table, live);
	if (unlikely(!live))
		pt_reclaim_up(pt, va, level, table);
	pt_env_unlock_counts(pt->env);
}

/* @n entries of @va's table of @level were cleared; @owned: it is the core's. */
static __always_inline void pt_uncount(struct pt *pt, u64 va, unsigned int level,
				       u64 table, unsigned int n, bool owned)
{
	if (!owned)
		return;
	if (level > 1)
		pt_uncount_large(pt, va, level, table, n);
	else
		pt_uncount_pages(pt, va, table, n);
}

#endif /* PT_WALK_H */
