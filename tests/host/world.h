/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page table under observation: an arena of table pages, one region of the
 * table for the core to work on, and a watch over each access that the core makes.
 *
 * The watch holds the core to the rules that need no knowledge of the operation:
 * each store names the right level, hits an entry inside the region under its
 * table's lock, and replaces a leaf atomically; a table is linked empty and used
 * by nobody else, unlinked with nothing in it but empty tables of other software,
 * deferred once and not touched afterwards; and
 * after each store every watched address translates as before the operation or as
 * after it.  A breach ends the test by world_fail().
 */
#ifndef WORLD_H
#define WORLD_H

#include "ref.h"

enum table_state {
	TABLE_FREE,		/* in the reserve, or held back from it */
	TABLE_TAKEN,		/* the core has it, no walker reaches it yet */
	TABLE_LINKED,
	TABLE_UNLINKED,		/* on its way to the deferred-free list */
	TABLE_DEFERRED,
};

/* What is known of each table page, told by the entries that lead to it. */
struct table_info {
	enum table_state state;
	unsigned int level;
	u64 base;		/* first address it translates */
	bool foreign;		/* linked empty by other software, not reclaimed yet */
};

#define WORLD_PROBES	64

/* An address whose translation may change once during an operation. */
struct probe {
	u64 va;
	struct ref before;
	struct ref now;
	bool changed;
};

struct world {
	struct pt_env env;
	struct pt pt;
	u64 tables;		/* pages of the arena, of which page 0 is not used */
	struct table_info *info;
	u64 *spare;		/* free tables that are not in the reserve */
	u64 nspare;
	u64 locked;		/* table whose lock is held, or 0 */
	bool caller_locks;	/* the caller holds the locks (split) */
	u64 broken;		/* a split in the middle: its address, or ~0 */
	unsigned int broken_level;
	u64 old;		/* the entry that is about to be written */
	bool plain;		/* ... by a plain store */

	struct probe probe[WORLD_PROBES];
	unsigned int nprobes;

	u64 linked_leaves;	/* as of the last world_check() */
	u64 loads;		/* counted since the last world_watch() */
	u64 stores;
	u64 exchanges;

	/* Called on every event, before the watch: the MMU or Linux at work. */
	void (*intruder)(struct world *w, enum pt_env_event event, u64 table,
			 unsigned int level, unsigned int i);
	u64 intruder_va;	/* for the intruder's use */
	unsigned int intrusions;
	void *owner;
};

/* End the test with a message; the test program supplies it. */
__attribute__((noreturn, format(printf, 1, 2)))
void world_fail(const char *format, ...);

/* A table of @tables pages, all in the reserve, and a region [@start, @end). */
void world_init(struct world *w, u64 tables, u64 start, u64 end);
void world_destroy(struct world *w);

/* Have exactly @n tables in the reserve. */
void world_reserve(struct world *w, u64 n);

/* Count accesses from 0, and forget the watched addresses. */
void world_watch(struct world *w);

/* Watch the translation of @va from now on. */
void world_probe(struct world *w, u64 va);

/* The operation is over: what was seen last is what holds. */
void world_settle(struct world *w);

/* What the caller does after the shootdown: deferred tables become free. */
void world_flush(struct world *w);

/* Play Linux: link empty tables on @va's path down to one of @level. */
void world_link_foreign(struct world *w, u64 va, unsigned int level);

/* Play the MMU: an access through the leaf of @va. */
void world_access(struct world *w, u64 va, bool write);

/* The table of @level on @va's path, or 0. */
u64 world_table(struct world *w, u64 va, unsigned int level);

bool world_owns(const struct world *w, u64 base, unsigned int level);
struct ref world_walk(struct world *w, u64 va);

/*
 * Check the whole tree: every entry's bits, every count against a recount, no
 * table reached twice, no empty table that the core has used, all tables
 * accounted for.  Return the number of linked tables beside the root.
 */
u64 world_check(struct world *w);

#endif /* WORLD_H */
