/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hand-made page table and all that an environment may know of it, in arrays
 * that a test can falsify one at a time.
 *
 * The table, in any geometry; every index is 0 or 1:
 *
 *	root[0] -> PDPT[0] -> PD[0] -> PT[0] = 4 KiB leaf, frame SMALL
 *	                               PT[1] = 4 KiB leaf, frame SMALL (an alias)
 *	                      PD[1] = leaf of level 2, frame MIDDLE
 *	           PDPT[1] = leaf of level 3, frame LARGE
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "spec_inv.h"

enum fixture_page { NONE, ROOT, PDPT, PD, PT, SPARE, SPARE2, PAGES };
enum fixture_frame { SMALL, MIDDLE, LARGE, STRANGE, FRAMES };

/* What a leaf of the fixture's environment must carry, and be free of. */
#define LEAF_BIT(level)	(1ULL << (8 + (level)))
#define TABLE		(SPEC_P | SPEC_RW | SPEC_US | SPEC_A | SPEC_D)
#define LEAF(level)	(SPEC_P | SPEC_RW | SPEC_US | SPEC_XD | LEAF_BIT(level) | \
			 ((level) > 1 ? SPEC_PS : 0))

struct fixture {
	struct spec_region region;
	struct spec_env env;
	struct spec_result result;
	u64 page[PAGES][SPEC_ENTRIES];
	unsigned int live[PAGES];
	unsigned int level[PAGES];	/* allocated as, 0 if not */
	bool unreadable[PAGES];
	u64 visits[PAGES];
	u64 pa[FRAMES];
	unsigned int frame_level[FRAMES];	/* size it is allocated with */
	u64 recorded[FRAMES];
	u64 seen[FRAMES];
	u64 table_at;			/* a table said to lie at this address */
	unsigned int looked_through;	/* frames, for tables */
	unsigned int pauses;
	unsigned int stop_at;		/* pause that gives up, 0 for none */
};

/* The page's physical address. */
static inline u64 at(enum fixture_page page)
{
	return (u64)page << SPEC_PAGE_SHIFT;
}

/* Make the table above; it keeps every invariant. */
void fixture_make(struct fixture *f);

/* Check the tree once, from clean tallies, into @f->result. */
void fixture_check(struct fixture *f);

#endif /* FIXTURE_H */
