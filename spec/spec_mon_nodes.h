/* SPDX-License-Identifier: GPL-2.0 */
/* What the monitor remembers, and where: private to it. */
#ifndef SPEC_MON_NODES_H
#define SPEC_MON_NODES_H

#include "spec_mon.h"

enum spec_mon_what {
	SPEC_MON_IS_TABLE,
	SPEC_MON_IS_STALE,
	SPEC_MON_IS_FRAME,
};

/* Found by @what and @key: a physical address, and the index of an entry. */
struct spec_mon_node {
	struct spec_mon_node *next;
	u64 key;
	enum spec_mon_what what;
};

/*
 * @live counts entries as the core does: leaves, and tables that are not empty.
 * @whole: every entry is known, from the time when it was zero.
 * @region: the monitor's @regions when it was first seen.
 */
struct spec_mon_table {
	struct spec_mon_node node;
	enum spec_mon_table_state state;
	unsigned int level;
	unsigned int live;
	bool whole;
	u64 region;
	u64 base;
	u64 parent;
	/* Two bits an entry: UNSEEN, CLEAN or PRESENT as to what it holds now. */
	unsigned char entry[(SPEC_ENTRIES + 3) / 4];
};

enum spec_mon_why {
	SPEC_MON_WAS_LEAF,	/* removed or replaced */
	SPEC_MON_WAS_TABLE,
	SPEC_MON_WAS_ALLOWED,	/* rights were taken away */
	SPEC_MON_WAS_NX,	/* execution is newly allowed */
};

/* An entry's earlier value, which CPUs may have cached. */
struct spec_mon_stale {
	struct spec_mon_node node;
	struct spec_mon_stale *older;
	struct spec_mon_stale *newer;
	enum spec_mon_why why;
	unsigned int level;
	bool covered;		/* by the shootdown under way */
	u64 va;
	u64 was;
};

struct spec_mon_frame {
	struct spec_mon_node node;
	u32 maps;		/* leaves that map it, as far as they were seen */
	u32 stale;		/* leaves that did and are not invalidated */
};

/* NULL if there is none; of several the newest. */
struct spec_mon_node *spec_mon_find(const struct spec_mon *mon, enum spec_mon_what what,
				    u64 key);

/* A new one, all zero; NULL, and the monitor is lost, if memory is short. */
struct spec_mon_node *spec_mon_add(struct spec_mon *mon, enum spec_mon_what what, u64 key);

void spec_mon_remove(struct spec_mon *mon, struct spec_mon_node *node);

/* Whether a known table may be another one now, because the system has freed it. */
static inline bool spec_mon_on_loan(const struct spec_mon_table *t)
{
	return t->state == SPEC_MON_LINKED && !t->whole;
}

/* With an earlier region the system may have freed its tables, and cleared what led to them. */
static inline struct spec_mon_table *spec_mon_table(const struct spec_mon *mon, u64 table)
{
	struct spec_mon_table *t;

	t = (struct spec_mon_table *)spec_mon_find(mon, SPEC_MON_IS_TABLE, table);
	return t && spec_mon_on_loan(t) && t->region != mon->regions ? NULL : t;
}

static inline u64 spec_mon_slot(u64 table, unsigned int index)
{
	return table | index;
}

static inline unsigned int spec_mon_get(const struct spec_mon_table *t, unsigned int i)
{
	return t->entry[i / 4] >> i % 4 * 2 & 3;
}

static inline void spec_mon_set(struct spec_mon_table *t, unsigned int i,
				enum spec_mon_entry_state state)
{
	t->entry[i / 4] = (unsigned char)((t->entry[i / 4] & ~(3 << i % 4 * 2)) |
					  state << i % 4 * 2);
}

/* The verdict's fields are filled in by whoever finds more to say. */
bool spec_mon_wrong(struct spec_mon *mon, enum spec_mon_wrong wrong, u64 table,
		    unsigned int level, unsigned int index);

/* spec_mon_stale.c */

/* Entry @index of @t held @was, which CPUs may have cached. */
void spec_mon_outdate(struct spec_mon *mon, struct spec_mon_table *t, unsigned int index,
		      enum spec_mon_why why, u64 was);
bool spec_mon_shoot_begin(struct spec_mon *mon, const struct spec_mon_event *e);
bool spec_mon_invalidate(struct spec_mon *mon, const struct spec_mon_event *e);
bool spec_mon_ack(struct spec_mon *mon, const struct spec_mon_event *e);
bool spec_mon_shoot_end(struct spec_mon *mon, const struct spec_mon_event *e);
bool spec_mon_all_clean(struct spec_mon *mon);

void spec_mon_frame_mapped(struct spec_mon *mon, u64 frame);
bool spec_mon_frame_defer(struct spec_mon *mon, const struct spec_mon_event *e);
bool spec_mon_frame_free(struct spec_mon *mon, const struct spec_mon_event *e);

/* spec_mon_write.c */
bool spec_mon_write(struct spec_mon *mon, const struct spec_mon_event *e);
void spec_mon_see_entry(struct spec_mon *mon, const struct spec_mon_event *e);

/* spec_mon.c: a table that other software has linked, or NULL without memory. */
struct spec_mon_table *spec_mon_visit(struct spec_mon *mon, u64 table, unsigned int level);

/* Entries as the hardware reads them, as far as the monitor cares. */
static inline bool spec_mon_is_leaf(u64 entry, unsigned int level)
{
	return (entry & SPEC_P) && (level == 1 || (level < 4 && (entry & SPEC_PS)));
}

static inline bool spec_mon_is_table(u64 entry, unsigned int level)
{
	return (entry & SPEC_P) && !spec_mon_is_leaf(entry, level);
}

static inline u64 spec_mon_addr(u64 entry, unsigned int level)
{
	u64 addr = entry & 0x000ffffffffff000ULL;

	/* In a large leaf bit 12 is PAT. */
	return spec_mon_is_leaf(entry, level) && level > 1 ? addr & ~SPEC_PAT_LARGE : addr;
}

#endif /* SPEC_MON_NODES_H */
