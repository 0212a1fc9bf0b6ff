/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The floor: the least that mapping, protecting and unmapping a page with
 * reclamation can be - a straight walk and one store, with a live-entry count per
 * table.  4 KiB pages only, no argument is checked, nothing is decoded, and no lock
 * is taken.  It uses the core's environment, so both flavours of exchange apply.
 */
#ifndef FLOOR_CORE_H
#define FLOOR_CORE_H

#include "pt_env.h"

#define FLOOR_TABLE	0x67ULL
#define FLOOR_RO	0x8000000000000205ULL
#define FLOOR_RW	0x8000000000000207ULL
#define FLOOR_ADDRESS	0x000ffffffffff000ULL

#define floor_index(va, level)	((va) >> (12 + 9 * ((level) - 1)) & 511)

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

static __always_inline u64 floor_make_path(struct pt_env *env, u64 root, u64 va)
{
	u64 table = root;

	table = floor_below(env, table, 4, floor_index(va, 4));
	table = floor_below(env, table, 3, floor_index(va, 3));
	return floor_below(env, table, 2, floor_index(va, 2));
}

static __always_inline int floor_map(struct pt_env *env, u64 root, u64 va, u64 pa)
{
	u64 table = floor_make_path(env, root, va);
	unsigned int i = floor_index(va, 1);

	if (pt_env_load(env, table, i))
		return -1;
	pt_env_store(env, table, 1, i, pa | FLOOR_RW);
	env->live[table >> 12]++;
	return 0;
}

/* Walk down; @table[l] is the table of level l. */
static __always_inline int floor_walk(struct pt_env *env, u64 root, u64 va, u64 *table)
{
	u64 entry;

	table[4] = root;
	entry = pt_env_load(env, root, floor_index(va, 4));
	if (!entry)
		return -1;
	table[3] = entry & FLOOR_ADDRESS;
	entry = pt_env_load(env, table[3], floor_index(va, 3));
	if (!entry)
		return -1;
	table[2] = entry & FLOOR_ADDRESS;
	entry = pt_env_load(env, table[2], floor_index(va, 2));
	if (!entry)
		return -1;
	table[1] = entry & FLOOR_ADDRESS;
	return 0;
}

static __always_inline int floor_protect(struct pt_env *env, u64 root, u64 va, u64 *old)
{
	unsigned int i = floor_index(va, 1);
	u64 table[5], entry;

	if (floor_walk(env, root, va, table))
		return -1;
	entry = pt_env_load(env, table[1], i);
	if (!entry)
		return -1;
	*old = pt_env_compare_exchange(env, table[1], 1, i, entry,
				       (entry & FLOOR_ADDRESS) | FLOOR_RO);
	return 0;
}

/* @n entries of table[1] were cleared: unlink what is empty. */
static __always_inline void floor_uncount(struct pt_env *env, const u64 *table, u64 va,
					  unsigned int n)
{
	unsigned int level;

	env->live[table[1] >> 12] -= n;
	if (env->live[table[1] >> 12])
		return;
	for (level = 1; level < 4; level++) {
		pt_env_store(env, table[level + 1], level + 1,
			     floor_index(va, level + 1), 0);
		pt_env_gather_table(env, table[level], level);
		if (--env->live[table[level + 1] >> 12])
			return;
	}
}

static __always_inline int floor_unmap(struct pt_env *env, u64 root, u64 va, u64 *old)
{
	u64 table[5];

	if (floor_walk(env, root, va, table))
		return -1;
	if (!pt_env_load(env, table[1], floor_index(va, 1)))
		return -1;
	*old = pt_env_exchange(env, table[1], 1, floor_index(va, 1), 0);
	floor_uncount(env, table, va, 1);
	return 0;
}

/* How many of @n pages from @va on lie in one table. */
static __always_inline unsigned int floor_run(u64 va, u64 n)
{
	unsigned int run = 512 - floor_index(va, 1);

	return n < run ? (unsigned int)n : run;
}

static inline int floor_map_range(struct pt_env *env, u64 root, u64 va, const u64 *pa,
				  u64 n)
{
	while (n) {
		u64 table = floor_make_path(env, root, va);
		unsigned int first = floor_index(va, 1), run = floor_run(va, n), i;

		for (i = 0; i < run; i++)
			pt_env_store(env, table, 1, first + i, pa[i] | FLOOR_RW);
		env->live[table >> 12] += run;
		va += (u64)run << 12;
		pa += run;
		n -= run;
	}
	return 0;
}

static inline int floor_protect_range(struct pt_env *env, u64 root, u64 va, u64 n)
{
	u64 table[5];

	while (n) {
		unsigned int first = floor_index(va, 1), run = floor_run(va, n), i;

		if (floor_walk(env, root, va, table))
			return -1;
		for (i = first; i < first + run; i++) {
			u64 entry = pt_env_load(env, table[1], i);

			pt_env_compare_exchange(env, table[1], 1, i, entry,
						(entry & FLOOR_ADDRESS) | FLOOR_RO);
		}
		va += (u64)run << 12;
		n -= run;
	}
	return 0;
}

static inline int floor_unmap_range(struct pt_env *env, u64 root, u64 va, u64 n)
{
	u64 table[5];

	while (n) {
		unsigned int first = floor_index(va, 1), run = floor_run(va, n), i;

		if (floor_walk(env, root, va, table))
			return -1;
		for (i = first; i < first + run; i++)
			pt_env_gather_leaf(env, va, 1,
					   pt_env_exchange(env, table[1], 1, i, 0));
		floor_uncount(env, table, va, run);
		va += (u64)run << 12;
		n -= run;
	}
	return 0;
}

#endif /* FLOOR_CORE_H */
