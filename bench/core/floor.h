/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The floor: the least that mapping, protecting and unmapping a page with
 * reclamation can be - a straight walk and one store, with a live-entry count per
 * table.  No argument is checked, nothing is decoded, and no lock is taken.  It uses
 * the core's environment, so both flavours of exchange apply.  @level, the page
 * size, is a constant everywhere.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include "pt_env.h"

#define FLOOR_TABLE	0x67ULL
#define FLOOR_RO	0x8000000000000205ULL
#define FLOOR_RW	0x8000000000000207ULL
#define FLOOR_PS	0x80ULL
#define FLOOR_ADDRESS	0x000ffffffffff000ULL

#define floor_shift(level)	(12 + 9 * ((level) - 1))
#define floor_index(va, level)	((va) >> floor_shift(level) & 511)
#define floor_leaf(bits, level)	((bits) | ((level) > 1 ? FLOOR_PS : 0))

/* The table below entry @i of @table, made if it is missing. */
static __always_inline u64 floor_below(struct pt_env *env, u64 table,
				       unsigned int level, unsigned int i)
{
	u64 entry = pt_env_load(env, table, i);

	if (__builtin_expect(!entry, 0)) {
		entry = pt_env_take(env, level - 1, true) | FLOOR_TABLE;
		pt_env_store(env, table, level, i, entry);
		env->live[table >> 12]++;
	}
	return entry & FLOOR_ADDRESS;
}

/* The table of @level for @va. */
static __always_inline u64 floor_make_path(struct pt_env *env, u64 root, u64 va,
					   unsigned int level)
{
	u64 table = root;

	table = floor_below(env, table, 4, floor_index(va, 4));
	table = floor_below(env, table, 3, floor_index(va, 3));
	return level == 1 ? floor_below(env, table, 2, floor_index(va, 2)) : table;
}

static __always_inline int floor_map(struct pt_env *env, u64 root, u64 va, u64 pa,
				     unsigned int level)
{
	u64 table = floor_make_path(env, root, va, level);
	unsigned int i = floor_index(va, level);

	if (pt_env_load(env, table, i))
		return -1;
	pt_env_store(env, table, level, i, pa | floor_leaf(FLOOR_RW, level));
	env->live[table >> 12]++;
	return 0;
}

/* Walk down to @level; @table[l] is the table of level l. */
static __always_inline int floor_walk(struct pt_env *env, u64 root, u64 va, u64 *table,
				      unsigned int level)
{
	unsigned int l;

	table[4] = root;
#pragma GCC unroll 4
	for (l = 4; l > level; l--) {
		u64 entry = pt_env_load(env, table[l], floor_index(va, l));

		if (!entry)
			return -1;
		table[l - 1] = entry & FLOOR_ADDRESS;
	}
	return 0;
}

static __always_inline int floor_protect(struct pt_env *env, u64 root, u64 va, u64 *old,
					 unsigned int level)
{
	unsigned int i = floor_index(va, level);
	u64 table[5], entry;

	if (floor_walk(env, root, va, table, level))
		return -1;
	entry = pt_env_load(env, table[level], i);
	if (!entry)
		return -1;
	*old = pt_env_compare_exchange(env, table[level], level, i, entry,
				       (entry & FLOOR_ADDRESS) |
				       floor_leaf(FLOOR_RO, level));
	return 0;
}

/* @n entries of table[@level] were cleared: unlink what is empty. */
static __always_inline void floor_uncount(struct pt_env *env, const u64 *table, u64 va,
					  unsigned int n, unsigned int level)
{
	unsigned int l;

	env->live[table[level] >> 12] -= n;
	if (env->live[table[level] >> 12])
		return;
	for (l = level; l < 4; l++) {
		pt_env_store(env, table[l + 1], l + 1, floor_index(va, l + 1), 0);
		pt_env_defer_table(env, table[l], l);
		if (--env->live[table[l + 1] >> 12])
			return;
	}
}

static __always_inline int floor_unmap(struct pt_env *env, u64 root, u64 va, u64 *old,
				       unsigned int level)
{
	unsigned int i = floor_index(va, level);
	u64 table[5];

	if (floor_walk(env, root, va, table, level))
		return -1;
	if (!pt_env_load(env, table[level], i))
		return -1;
	*old = pt_env_exchange(env, table[level], level, i, 0);
	floor_uncount(env, table, va, 1, level);
	return 0;
}

/* How many of @n pages from @va on lie in one table. */
static __always_inline unsigned int floor_run(u64 va, u64 n, unsigned int level)
{
	unsigned int run = 512 - floor_index(va, level);

	return n < run ? (unsigned int)n : run;
}

static __always_inline int floor_map_range(struct pt_env *env, u64 root, u64 va,
					   const u64 *pa, u64 n, unsigned int level)
{
	while (n) {
		u64 table = floor_make_path(env, root, va, level);
		unsigned int first = floor_index(va, level), i;
		unsigned int run = floor_run(va, n, level);

		for (i = 0; i < run; i++)
			pt_env_store(env, table, level, first + i,
				     pa[i] | floor_leaf(FLOOR_RW, level));
		env->live[table >> 12] += run;
		va += (u64)run << floor_shift(level);
		pa += run;
		n -= run;
	}
	return 0;
}

static __always_inline int floor_protect_range(struct pt_env *env, u64 root, u64 va,
					       u64 n, unsigned int level)
{
	u64 table[5];

	while (n) {
		unsigned int first = floor_index(va, level), i;
		unsigned int run = floor_run(va, n, level);

		if (floor_walk(env, root, va, table, level))
			return -1;
		for (i = first; i < first + run; i++) {
			u64 entry = pt_env_load(env, table[level], i);

			pt_env_compare_exchange(env, table[level], level, i, entry,
						(entry & FLOOR_ADDRESS) |
						floor_leaf(FLOOR_RO, level));
		}
		va += (u64)run << floor_shift(level);
		n -= run;
	}
	return 0;
}

static __always_inline int floor_unmap_range(struct pt_env *env, u64 root, u64 va, u64 n,
					     unsigned int level)
{
	u64 table[5];

	while (n) {
		unsigned int first = floor_index(va, level), i;
		unsigned int run = floor_run(va, n, level);

		if (floor_walk(env, root, va, table, level))
			return -1;
		for (i = first; i < first + run; i++)
			pt_env_defer_leaf(env, va, level,
					  pt_env_exchange(env, table[level], level, i, 0));
		floor_uncount(env, table, va, run, level);
		va += (u64)run << floor_shift(level);
		n -= run;
	}
	return 0;
}

#endif /* FLOOR_H */
