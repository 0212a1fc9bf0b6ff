// SPDX-License-Identifier: GPL-2.0
/* The monitor's memory: a hash table of small records in the caller's arena. */
#include "spec_mon_nodes.h"

/* Of the arena, one part in so many is buckets: 8 bytes for each 64 of records. */
#define SPEC_MON_BUCKET_SHARE	8

static u64 spec_mon_size(enum spec_mon_what what)
{
	switch (what) {
	case SPEC_MON_IS_TABLE:
		return sizeof(struct spec_mon_table);
	case SPEC_MON_IS_STALE:
		return sizeof(struct spec_mon_stale);
	default:
		return sizeof(struct spec_mon_frame);
	}
}

static u64 spec_mon_hash(const struct spec_mon *mon, enum spec_mon_what what, u64 key)
{
	/* Multiplicative hashing, by the golden ratio (Knuth, TAOCP 6.4). */
	u64 h = (key ^ (u64)what << 56) * 0x9e3779b97f4a7c15ULL;

	return h >> 32 & (mon->buckets - 1);
}

void spec_mon_init(struct spec_mon *mon, void *memory, u64 bytes)
{
	u64 i;

	*mon = (struct spec_mon){ .judging = true, .lo = 0, .hi = 0 };
	mon->bucket = memory;
	mon->buckets = 1;
	while (mon->buckets * 2 * sizeof(*mon->bucket) * SPEC_MON_BUCKET_SHARE <= bytes)
		mon->buckets *= 2;
	mon->free = (unsigned char *)memory + mon->buckets * sizeof(*mon->bucket);
	mon->limit = (unsigned char *)memory + bytes;
	for (i = 0; i < mon->buckets; i++)
		mon->bucket[i] = NULL;
}

struct spec_mon_node *spec_mon_find(const struct spec_mon *mon, enum spec_mon_what what,
				    u64 key)
{
	struct spec_mon_node *node = mon->bucket[spec_mon_hash(mon, what, key)];

	while (node && (node->key != key || node->what != what))
		node = node->next;
	return node;
}

/* Room for one record, from those given back or from what was never used. */
static struct spec_mon_node *spec_mon_room(struct spec_mon *mon, enum spec_mon_what what)
{
	u64 size = (spec_mon_size(what) + 7) & ~7ULL;
	struct spec_mon_node *node = mon->spare[what];

	if (node) {
		mon->spare[what] = node->next;
		return node;
	}
	if (mon->free > mon->limit || (u64)(mon->limit - mon->free) < size) {
		mon->lost = true;
		mon->judging = false;
		return NULL;
	}
	node = (struct spec_mon_node *)mon->free;
	mon->free += size;
	return node;
}

struct spec_mon_node *spec_mon_add(struct spec_mon *mon, enum spec_mon_what what, u64 key)
{
	struct spec_mon_node *node = spec_mon_room(mon, what);
	struct spec_mon_node **bucket;

	if (!node)
		return NULL;
	switch (what) {
	case SPEC_MON_IS_TABLE:
		*(struct spec_mon_table *)node = (struct spec_mon_table){ .live = 0 };
		break;
	case SPEC_MON_IS_STALE:
		*(struct spec_mon_stale *)node = (struct spec_mon_stale){ .was = 0 };
		break;
	default:
		*(struct spec_mon_frame *)node = (struct spec_mon_frame){ .maps = 0 };
	}
	bucket = &mon->bucket[spec_mon_hash(mon, what, key)];
	node->what = what;
	node->key = key;
	node->next = *bucket;
	*bucket = node;
	return node;
}

void spec_mon_remove(struct spec_mon *mon, struct spec_mon_node *node)
{
	struct spec_mon_node **link = &mon->bucket[spec_mon_hash(mon, node->what, node->key)];

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node->next = mon->spare[node->what];
	mon->spare[node->what] = node;
}
