/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests share. */
#ifndef SUITE_H
#define SUITE_H

#include <check.h>

#include "world.h"

/* One group of properties per file. */
struct TCase *stores_tests(void);
struct TCase *reclaim_tests(void);
struct TCase *refusal_tests(void);
struct TCase *rights_tests(void);
struct TCase *upper_tests(void);
struct TCase *foreign_tests(void);
struct TCase *cover_tests(void);
struct TCase *range_tests(void);
struct TCase *split_tests(void);

#define ALL	PT_RIGHTS
#define RW	(PT_WRITE | PT_USER)
#define RO	PT_USER

/* Table pages in a test's arena. */
#define TABLES	64

/* Regions: everything, one entry of the root, one entry of a level-3 table. */
#define REGIONS	3

/* A loop test over each region and each level takes 0 .. LOOP - 1. */
#define LOOP	(REGIONS * 3)

static inline unsigned int loop_level(int i)
{
	return (unsigned int)i % 3 + 1;
}

static inline int loop_region(int i)
{
	return i / 3;
}

void world_region(struct world *w, int region);

/* The frame that tests map at @va, so that each mapping has its own. */
static inline u64 frame_of(u64 va)
{
	return va + (1ULL << 40);
}

/* Map one page and expect success. */
void must_map(struct world *w, u64 va, unsigned int level);

/* Check that @va is mapped as must_map() does, or that it is not. */
void must_be_mapped(struct world *w, u64 va, unsigned int level, u32 rights);
void must_be_unmapped(struct world *w, u64 va);

/* Unmap one page, expect success, and do what the caller does after it. */
void must_unmap(struct world *w, u64 va);

/*
 * Break the leaf at @va, as who locks everything does, and expect success.  Until
 * pt_split_make() its place belongs to nobody.
 */
void must_break(struct world *w, u64 va, unsigned int level, struct pt_mapping *old);

/* Watch addresses in and around the page at @va: edges, neighbours, far ends. */
void probe_around(struct world *w, u64 va, unsigned int level);

/* Tables that an empty region keeps: its shared upper-level tables, once they exist. */
u64 upper_tables(const struct world *w);

#endif /* SUITE_H */
