// SPDX-License-Identifier: GPL-2.0
/* The operations on one mapping. */
#include "pt_walk.h"

enum pt_status pt_init(struct pt *pt, struct pt_env *env, u64 root, u64 start,
		       u64 end, unsigned int maxphyaddr)
{
	const u64 offset = PT_PAGE_SIZE - 1;

	if (start >= end || end > (1ULL << PT_VA_BITS) ||
	    ((start | end | root) & offset) ||
	    maxphyaddr <= PT_PAGE_SHIFT || maxphyaddr > 52 ||
	    !root || root >= 1ULL << maxphyaddr)
		return PT_INVALID;
	pt->env = env;
	pt->root = root;
	pt->start = start;
	pt->end = end;
	pt->pa_limit = 1ULL << maxphyaddr;
	return PT_OK;
}

/*
 * Store the leaf @entry in @table, unless something is there.  @owned: the table is the
 * core's.
 */
static __always_inline enum pt_status pt_put_leaf(struct pt *pt, u64 va, u64 table,
						  unsigned int level, u64 entry, bool owned)
{
	unsigned int i = pt_index(va, level);
	u64 there;

	pt_env_lock(pt->env, table, level);
	/* Under the lock: at levels 2 and 3 other software may link a table here. */
	there = pt_env_load(pt->env, table, i);
	/* The page becomes visible to every walker by this one store. */
	if (likely(!there))
		pt_env_store(pt->env, table, level, i, entry);
	pt_env_unlock(pt->env, table, level);
	if (unlikely(there))
		return pt_clear_place(pt, va, table, level, there);
	pt_count(pt, va, level, table, 1, owned);
	return PT_OK;
}

/* The table for the leaf is missing, or a larger leaf stands there. */
static noinline enum pt_status pt_map_slow(struct pt *pt, u64 va, unsigned int level,
					   u64 entry, bool owned)
{
	enum pt_status status;
	u64 table;

	status = pt_make_path(pt, va, level, &table);
	if (status != PT_OK)
		return status;
	return pt_put_leaf(pt, va, table, level, entry, owned);
}

/*
 * Inlined once per level, so that every shift and mask is a constant.  @owned: the leaf's
 * table is the core's, and so the page lies in the region.
 */
static __always_inline enum pt_status pt_map_at(struct pt *pt, u64 va, u64 pa,
						const unsigned int level, u32 rights,
						bool owned)
{
	u64 entry, table;

	if (!pt_page_aligned(va, level) || !(owned || pt_page_inside(pt, va, level)) ||
	    !pt_frame_ok(pt, pa, level) || (rights & ~PT_RIGHTS))
		return PT_INVALID;
	entry = pte_make_leaf(pa, level, rights);
	if (!pt_find_fast(pt, va, level, &table))
		return pt_map_slow(pt, va, level, entry, owned);
	return pt_put_leaf(pt, va, table, level, entry, owned);
}

/* Pages of 2 MiB and 1 GiB, and those of 4 KiB whose PT is not the core's. */
static noinline enum pt_status pt_map_other(struct pt *pt, u64 va, u64 pa,
					    unsigned int level, u32 rights)
{
	switch (level) {
	case 1:
		return pt_map_at(pt, va, pa, 1, rights, false);
	case 2:
		return pt_map_at(pt, va, pa, 2, rights, pt_owns(pt, va, 2));
	case 3:
		return pt_map_at(pt, va, pa, 3, rights, pt_owns(pt, va, 3));
	default:
		return PT_INVALID;
	}
}

enum pt_status pt_map(struct pt *pt, u64 va, u64 pa, unsigned int level, u32 rights)
{
	/* Most pages are of 4 KiB, in a PT of the core's: their way is kept short. */
	if (level != 1 || !pt_owns(pt, va, 1))
		return pt_map_other(pt, va, pa, level, rights);
	return pt_map_at(pt, va, pa, 1, rights, true);
}

/*
 * Find the page of 4 KiB or 2 MiB that starts at @va, in the fewest instructions, where all
 * that a PT maps lies in the region: a PT that is found is the core's.  An operation covers
 * such pages, so pt_env_covers() is not asked.  Return the page's level, which @page does
 * not hold, so that each caller can have a case for each; or 0: there may be a leaf all the
 * same, and pt_find_leaf() must look for it.
 */
static __always_inline unsigned int pt_find_page(struct pt *pt, u64 va,
						 struct pt_place *page)
{
	if (!pt_owns(pt, va, 1) || !pt_page_aligned(va, 1) ||
	    !pt_find_fast(pt, va, 2, &page->table))
		return 0;
	page->entry = pt_env_load(pt->env, page->table, pt_index(va, 2));
	if (unlikely(!pte_is_usual_table(page->entry)))
		return pte_kind(page->entry, 2) == PTE_LEAF && pt_page_aligned(va, 2) ? 2 : 0;
	page->table = pte_addr(page->entry);
	page->entry = pt_env_load(pt->env, page->table, pt_index(va, 1));
	return page->entry ? 1 : 0;
}

/* Find the leaf that starts at @va. */
static __always_inline enum pt_status pt_find_leaf(struct pt *pt, u64 va,
						   struct pt_place *leaf)
{
	if (!pt_va_in_region(pt, va) || !pt_page_aligned(va, 1))
		return PT_INVALID;
	pt_descend(pt, va, 1, leaf);
	if (pte_kind(leaf->entry, leaf->level) != PTE_LEAF ||
	    !pt_page_aligned(va, leaf->level))
		return PT_NOENT;
	return pt_env_covers(pt->env, va, leaf->level) ? PT_OK : PT_WIDER;
}

static __always_inline void pt_unmap_leaf(struct pt *pt, u64 va, struct pt_mapping *old,
					  u64 table, unsigned int level, bool owned)
{
	u64 entry;

	pt_env_lock(pt->env, table, level);
	/* An exchange: the MMU may be setting A or D in the leaf right now. */
	entry = pt_env_exchange(pt->env, table, level, pt_index(va, level), 0);
	pt_env_unlock(pt->env, table, level);
	pt_decode(old, va, level, entry);
	pt_uncount(pt, va, level, table, 1, owned);
}

static noinline enum pt_status pt_unmap_other(struct pt *pt, u64 va,
					      struct pt_mapping *old)
{
	struct pt_place leaf;
	enum pt_status status = pt_find_leaf(pt, va, &leaf);

	if (status == PT_OK)
		pt_unmap_leaf(pt, va, old, leaf.table, leaf.level,
			      pt_owns(pt, va, leaf.level));
	else if (status == PT_NOENT)
		pt_sweep(pt, va);
	return status;
}

enum pt_status pt_unmap(struct pt *pt, u64 va, struct pt_mapping *old)
{
	struct pt_place page;

	switch (pt_find_page(pt, va, &page)) {
	case 1:
		pt_unmap_leaf(pt, va, old, page.table, 1, true);
		return PT_OK;
	case 2:
		pt_unmap_leaf(pt, va, old, page.table, 2, pt_owns(pt, va, 2));
		return PT_OK;
	default:
		return pt_unmap_other(pt, va, old);
	}
}

noinline u64 pt_protect_again(struct pt_env *env, u64 table, unsigned int level,
			      unsigned int i, u64 old, u32 rights)
{
	unsigned int attempt;
	u64 seen;

	for (attempt = 0; attempt < 2; attempt++) {
		seen = pt_env_compare_exchange(env, table, level, i, old,
					       pte_with_rights(old, rights));
		if (seen == old)
			break;
		old = seen;
	}
	return old;
}

/* @level is @leaf's, a constant where it can be. */
static __always_inline void pt_protect_found(struct pt *pt, u64 va, u32 rights,
					     struct pt_mapping *old, bool *revoked,
					     const struct pt_place *leaf, unsigned int level)
{
	u64 entry;

	pt_env_lock(pt->env, leaf->table, level);
	entry = pt_protect_leaf(pt->env, leaf->table, level, pt_index(va, level),
				leaf->entry, rights);
	pt_env_unlock(pt->env, leaf->table, level);
	pt_decode(old, va, level, entry);
	*revoked = pte_rights(entry) & ~rights;
}

static noinline enum pt_status pt_protect_other(struct pt *pt, u64 va, u32 rights,
						struct pt_mapping *old, bool *revoked)
{
	struct pt_place leaf;
	enum pt_status status = pt_find_leaf(pt, va, &leaf);

	if (status == PT_OK)
		pt_protect_found(pt, va, rights, old, revoked, &leaf, leaf.level);
	return status;
}

enum pt_status pt_protect(struct pt *pt, u64 va, u32 rights,
			  struct pt_mapping *old, bool *revoked)
{
	struct pt_place page;

	if (rights & ~PT_RIGHTS)
		return PT_INVALID;
	switch (pt_find_page(pt, va, &page)) {
	case 1:
		pt_protect_found(pt, va, rights, old, revoked, &page, 1);
		return PT_OK;
	case 2:
		pt_protect_found(pt, va, rights, old, revoked, &page, 2);
		return PT_OK;
	default:
		return pt_protect_other(pt, va, rights, old, revoked);
	}
}

enum pt_status pt_remap(struct pt *pt, u64 va, u64 pa, struct pt_mapping *old)
{
	struct pt_place leaf;
	enum pt_status status;
	u64 entry;

	status = pt_find_leaf(pt, va, &leaf);
	if (status != PT_OK)
		return status;
	if (!pt_frame_ok(pt, pa, leaf.level))
		return PT_INVALID;
	entry = pte_make_leaf(pa, leaf.level, pte_rights(leaf.entry));
	pt_env_lock(pt->env, leaf.table, leaf.level);
	leaf.entry = pt_env_exchange(pt->env, leaf.table, leaf.level,
				     pt_index(va, leaf.level), entry);
	pt_env_unlock(pt->env, leaf.table, leaf.level);
	pt_decode(old, va, leaf.level, leaf.entry);
	return PT_OK;
}

enum pt_status pt_resolve(struct pt *pt, u64 va, struct pt_mapping *found)
{
	struct pt_place p;

	if (!pt_va_in_region(pt, va))
		return PT_INVALID;
	pt_descend(pt, va, 1, &p);
	if (pte_kind(p.entry, p.level) != PTE_LEAF)
		return PT_NOENT;
	pt_decode(found, pt_base(va, p.level), p.level, p.entry);
	return PT_OK;
}

enum pt_status pt_split_break(struct pt *pt, u64 va, struct pt_mapping *old)
{
	struct pt_place leaf;
	enum pt_status status = pt_find_leaf(pt, va, &leaf);

	if (status != PT_OK)
		return status;
	if (leaf.level == 1)
		return PT_NOENT;
	if (!pt_env_reserve(pt->env))
		return PT_NOMEM;
	leaf.entry = pt_env_exchange(pt->env, leaf.table, leaf.level,
				     pt_index(va, leaf.level), 0);
	pt_decode(old, va, leaf.level, leaf.entry);
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

	pt_fill_split(pt, table, old);
	pt_env_set_live(pt->env, table, PT_ENTRIES);
	/* All the pages become visible by this one store. */
	pt_env_store(pt->env, pt_find_table(pt, old->va, old->level), old->level,
		     pt_index(old->va, old->level), pte_make_table(table));
}
