// SPDX-License-Identifier: GPL-2.0
/* The walk against every combination of the bits that decide it. */
#include <stdlib.h>

#include "spec_walk.h"
#include "tap.h"

#define SHIFT(level)	(12 + SPEC_INDEX_BITS * ((level) - 1))

/*
 * A memory with one entry for each level, at index @index of a table at @table,
 * and a trap everywhere else.
 */
struct path {
	u64 table[5];
	unsigned int index[5];
	u64 entry[5];
	unsigned int reads;
};

static u64 path_read(void *ctx, u64 table, unsigned int index)
{
	struct path *p = ctx;
	unsigned int level = 4 - p->reads++;

	if (level < 1 || table != p->table[level] || index != p->index[level])
		__builtin_trap();
	return p->entry[level];
}

static void path_make(struct path *p, u64 *va)
{
	unsigned int level;

	*va = random() & 0xfff;
	for (level = 4; level; level--) {
		p->table[level] = 0x1000ULL * level + (level << 20);
		p->index[level] = random() & (SPEC_ENTRIES - 1);
		*va |= (u64)p->index[level] << SHIFT(level);
	}
	p->reads = 0;
}

/*
 * P, R/W, U/S, XD and PS at four levels: 2^20 walks.  The expectation is stated
 * with one entry's five bits as a row; 4.5.4, 4.6.1, 4.7.
 */
static void check_walk(struct path *p, const struct spec_memory *memory, u64 va,
		       unsigned int rows)
{
	const struct spec_cpu cpu = { .maxphyaddr = 46, .nxe = true, .page1g = true };
	const u64 frame = 5ULL << 40;
	bool writable = true, user = true, no_execute = false;
	enum spec_outcome outcome = SPEC_MAPPED;
	struct spec_walk walk;
	unsigned int level, last = 0;

	for (level = 4; level; level--) {
		unsigned int row = rows >> (5 * (level - 1)) & 31;
		bool bit7 = row & 16, leaf = level == 1 || (bit7 && level < 4);

		p->entry[level] = (row & 7) | (row & 8 ? 1ULL << 63 : 0) |
				  (bit7 ? 1ULL << 7 : 0) |
				  (leaf ? frame | 1 << 6 : p->table[level - 1] | 1 << 5);
		if (last)
			continue;
		writable = writable && (row & 2);
		user = user && (row & 4);
		no_execute = no_execute || (row & 8);
		if (!(row & 1))
			outcome = SPEC_FAULT_ABSENT;
		else if (level == 4 && bit7)
			outcome = SPEC_FAULT_RESERVED;
		else if (!leaf)
			continue;
		last = level;
	}
	p->reads = 0;
	spec_translate(memory, &cpu, p->table[4], va, &walk);
	TAP_CHECK(walk.outcome == outcome && walk.level == last && p->reads == 5 - last,
		  "%#x: %d at %u", rows, walk.outcome, walk.level);
	if (outcome == SPEC_MAPPED)
		TAP_CHECK(walk.frame == frame && walk.dirty && !walk.accessed &&
			  walk.writable == writable && walk.user == user &&
			  walk.execute_disable == no_execute, "%#x", rows);
	else
		TAP_CHECK(!walk.frame && !walk.writable && !walk.user &&
			  !walk.execute_disable, "%#x", rows);
	for (level = 4; level >= last; level--)
		TAP_CHECK(walk.entry[level] == p->entry[level] &&
			  walk.table[level] == p->table[level], "%#x", rows);
}

static void every_walk(void)
{
	struct path p;
	const struct spec_memory memory = { .read = path_read, .ctx = &p };
	unsigned int rows;
	u64 va;

	tap_begin();
	for (rows = 0; rows < 1 << 20; rows++) {
		path_make(&p, &va);
		check_walk(&p, &memory, va, rows);
	}
	tap_end("every walk by P, R/W, U/S, XD, PS at four levels");
}

/* A bit that is reserved stops the walk at the level where it stands. */
static void reserved_bits_stop_the_walk(void)
{
	const struct spec_cpu cpu = { .maxphyaddr = 40, .nxe = true };
	struct path p;
	const struct spec_memory memory = { .read = path_read, .ctx = &p };
	struct spec_walk walk;
	unsigned int level, bit;
	u64 va;

	tap_begin();
	for (level = 4; level; level--) {
		for (bit = 0; bit < 64; bit++) {
			bool reserved = (bit >= 40 && bit <= 51) ||
					(bit == 7 && level >= 3);
			unsigned int i;

			path_make(&p, &va);
			for (i = 4; i > 1; i--)
				p.entry[i] = p.table[i - 1] | 7;
			p.entry[1] = 0x1007;
			p.entry[level] |= 1ULL << bit;
			if (!reserved && bit >= 7 && bit <= 39 && level > 1)
				continue;	/* another table, or a leaf */
			spec_translate(&memory, &cpu, p.table[4], va, &walk);
			TAP_CHECK(walk.outcome == (reserved ? SPEC_FAULT_RESERVED :
							      SPEC_MAPPED),
				  "bit %u at %u", bit, level);
			TAP_CHECK(walk.level == (reserved ? level : 1), "bit %u", bit);
		}
	}
	tap_end("a reserved bit stops the walk at its level, any other bit does not");
}

int main(void)
{
	every_walk();
	reserved_bits_stop_the_walk();
	return tap_done();
}
