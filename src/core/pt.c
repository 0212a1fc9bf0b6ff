// SPDX-License-Identifier: GPL-2.0
/* The operations on one mapping. */
#include "pt_walk.h"

enum pt_status pt_init(struct pt *pt, struct pt_env *env, u64 root, u64 start,
		       u64 end, unsigned int maxphyaddr)
{
	const u64 offset = PT_PAGE_SIZE - 1;

	if (start >= end || end > (1ULL << PT_VA_BITS) ||
	    ((start | end | root) & offset) ||
	    maxphyaddr <= PT_PAGE_SHIFT || maxphyaddr > 52)
		return PT_INVALID;
	pt->env = env;
	pt->root = root;
	pt->start = start;
	pt->end = end;
	pt->pa_limit = 1ULL << maxphyaddr;
	return PT_OK;
}

/* Inlined once per level, so that every shift and mask is a constant. */
static __always_inline enum pt_status pt_map_at(struct pt *pt, u64 va, u64 pa,
						const unsigned int level, u32 rights)
{
	unsigned int i = pt_index(va, level);
	u64 table, there;

	if ((va & (pt_size(level) - 1)) || !pt_covers(pt, va, pt_size(level)) ||
	    !pt_frame_ok(pt, pa, level) || (rights & ~PT_RIGHTS))
		return PT_INVALID;

	table = pt_find_table(pt, va, level);
	if (!table) {
		enum pt_status status = pt_make_path(pt, va, level, &table);

		if (status != PT_OK)
			return status;
	}
	pt_env_lock(pt->env, table, level);
	/* Under the lock: at levels 2 and 3 other software may link a table here. */
	there = pt_env_load(pt->env, table, i);
	/* The page becomes visible to every walker by this one store. */
	if (pte_kind(there, level) == PTE_EMPTY)
		pt_env_store(pt->env, table, level, i, pte_make_leaf(pa, level, rights));
	pt_env_unlock(pt->env, table, level);
	if (pte_kind(there, level) != PTE_EMPTY)
		return pt_clear_place(pt, va, table, level, there);
	pt_count(pt, va, level, table, 1);
	return PT_OK;
}

enum pt_status pt_map(struct pt *pt, u64 va, u64 pa, unsigned int level, u32 rights)
{
	switch (level) {
	case 1:
		return pt_map_at(pt, va, pa, 1, rights);
	case 2:
		return pt_map_at(pt, va, pa, 2, rights);
	case 3:
		return pt_map_at(pt, va, pa, 3, rights);
	default:
		return PT_INVALID;
	}
}

/*
 * Find the leaf that starts at @va.  On PT_OK, its table is *@table, its level
 * *@level.
 */
static __always_inline enum pt_status pt_find_leaf(struct pt *pt, u64 va, u64 *table,
						   unsigned int *level)
{
	struct pt_walk w;

	if (!pt_covers(pt, va, PT_PAGE_SIZE) || (va & (PT_PAGE_SIZE - 1)))
		return PT_INVALID;
	pt_descend(pt, va, 1, &w);
	if (pte_kind(w.entry, w.level) != PTE_LEAF ||
	    (va & (pt_size(w.level) - 1)))
		return PT_NOENT;
	*table = w.table[w.level];
	*level = w.level;
	return PT_OK;
}

enum pt_status pt_unmap(struct pt *pt, u64 va, struct pt_mapping *old)
{
	enum pt_status status;
	unsigned int level;
	u64 table, entry;

	status = pt_find_leaf(pt, va, &table, &level);
	if (status != PT_OK) {
		if (status == PT_NOENT)
			pt_sweep(pt, va);
		return status;
	}
	pt_env_lock(pt->env, table, level);
	/* An exchange: the MMU may be setting A or D in the leaf right now. */
	entry = pt_env_exchange(pt->env, table, level, pt_index(va, level), 0);
	pt_env_unlock(pt->env, table, level);
	pt_decode(old, va, level, entry);
	pt_uncount(pt, va, level, table, 1);
	return PT_OK;
}

enum pt_status pt_protect(struct pt *pt, u64 va, u32 rights,
			  struct pt_mapping *old, bool *tighter)
{
	enum pt_status status;
	unsigned int level;
	u64 table, entry;

	if (rights & ~PT_RIGHTS)
		return PT_INVALID;
	status = pt_find_leaf(pt, va, &table, &level);
	if (status != PT_OK)
		return status;
	pt_env_lock(pt->env, table, level);
	entry = pt_protect_leaf(pt->env, table, level, pt_index(va, level), rights);
	pt_env_unlock(pt->env, table, level);
	pt_decode(old, va, level, entry);
	*tighter = old->rights & ~rights;
	return PT_OK;
}

enum pt_status pt_remap(struct pt *pt, u64 va, u64 pa, struct pt_mapping *old)
{
	enum pt_status status;
	unsigned int level, i;
	u64 table, entry;

	status = pt_find_leaf(pt, va, &table, &level);
	if (status != PT_OK)
		return status;
	if (!pt_frame_ok(pt, pa, level))
		return PT_INVALID;
	i = pt_index(va, level);
	pt_env_lock(pt->env, table, level);
	/* Rights change under the lock only, so they can be read beforehand. */
	entry = pt_env_load(pt->env, table, i);
	entry = pt_env_exchange(pt->env, table, level, i,
				pte_make_leaf(pa, level, pte_rights(entry)));
	pt_env_unlock(pt->env, table, level);
	pt_decode(old, va, level, entry);
	return PT_OK;
}

enum pt_status pt_resolve(struct pt *pt, u64 va, struct pt_mapping *found)
{
	struct pt_walk w;

	if (!pt_covers(pt, va, 1))
		return PT_INVALID;
	pt_descend(pt, va, 1, &w);
	if (pte_kind(w.entry, w.level) != PTE_LEAF)
		return PT_NOENT;
	pt_decode(found, va, w.level, w.entry);
	return PT_OK;
}

enum pt_status pt_split_break(struct pt *pt, u64 va, struct pt_mapping *old)
{
	enum pt_status status;
	unsigned int level;
	u64 table, entry;

	status = pt_find_leaf(pt, va, &table, &level);
	if (status != PT_OK)
		return status;
	if (level == 1)
		return PT_NOENT;
	if (!pt_env_reserve(pt->env))
		return PT_NOMEM;
	entry = pt_env_exchange(pt->env, table, level, pt_index(va, level), 0);
	pt_decode(old, va, level, entry);
	return PT_OK;
}

/* Fill @table, which nobody else sees, with leaves that together are @old. */
static void pt_fill_split(struct pt *pt, u64 table, const struct pt_mapping *old)
{
	const unsigned int level = old->level - 1;
	u64 entry = pte_make_leaf(old->pa, level, old->rights) |
		    (old->accessed ? PTE_A : 0) | (old->dirty ? PTE_D : 0);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++)
		pt_env_store(pt->env, table, level, i, entry + i * pt_size(level));
}

void pt_split_make(struct pt *pt, const struct pt_mapping *old)
{
	u64 table = pt_env_take(pt->env, old->level - 1, true);
	struct pt_walk w;

	pt_fill_split(pt, table, old);
	pt_env_set_live(pt->env, table, PT_ENTRIES);
	pt_descend(pt, old->va, old->level, &w);
	/* All the pages become visible by this one store. */
	pt_env_store(pt->env, w.table[old->level], old->level,
		     pt_index(old->va, old->level), pte_make_table(table));
}
