// SPDX-License-Identifier: GPL-2.0
/* The decoder against the SDM's tables, copied by hand as ranges of bits. */
#include <stdlib.h>

#include "spec_walk.h"
#include "tap.h"

/* What a bit is for.  IGNORED must change nothing; RESERVED must fault. */
enum role {
	IGNORED, RESERVED, ADDRESS, PRESENT, WRITE, USER, WRITE_THROUGH,
	CACHE_DISABLE, ACCESSED, DIRTY, PAGE_SIZE, PAT, GLOBAL, NO_EXECUTE,
};

struct range {
	unsigned int high, low;
	enum role role;
};

#define LOW_BITS \
	{ 0, 0, PRESENT }, { 1, 1, WRITE }, { 2, 2, USER }, \
	{ 3, 3, WRITE_THROUGH }, { 4, 4, CACHE_DISABLE }, { 5, 5, ACCESSED }
#define HIGH_BITS	{ 62, 52, IGNORED }, { 63, 63, NO_EXECUTE }
#define SHIFT(level)	(12 + SPEC_INDEX_BITS * ((level) - 1))

/* One format: at this level, with bit 7 as given (2: whichever). */
static const struct format {
	const char *name;
	unsigned int level, bit7;
	enum spec_kind kind;
	struct range ranges[16];
} formats[] = {
	{ "table 4-15, PML4E", 4, 2, SPEC_TABLE, { LOW_BITS,
		{ 6, 6, IGNORED }, { 7, 7, RESERVED }, { 11, 8, IGNORED },
		{ 51, 12, ADDRESS }, HIGH_BITS } },
	{ "table 4-16, PDPTE that maps a 1-GByte page", 3, 1, SPEC_LEAF, { LOW_BITS,
		{ 6, 6, DIRTY }, { 7, 7, PAGE_SIZE }, { 8, 8, GLOBAL },
		{ 11, 9, IGNORED }, { 12, 12, PAT }, { SHIFT(3) - 1, 13, RESERVED },
		{ 51, SHIFT(3), ADDRESS }, HIGH_BITS } },
	{ "table 4-17, PDPTE that references a page directory", 3, 0, SPEC_TABLE, {
		LOW_BITS, { 6, 6, IGNORED }, { 7, 7, PAGE_SIZE }, { 11, 8, IGNORED },
		{ 51, 12, ADDRESS }, HIGH_BITS } },
	{ "table 4-18, PDE that maps a 2-MByte page", 2, 1, SPEC_LEAF, { LOW_BITS,
		{ 6, 6, DIRTY }, { 7, 7, PAGE_SIZE }, { 8, 8, GLOBAL },
		{ 11, 9, IGNORED }, { 12, 12, PAT }, { SHIFT(2) - 1, 13, RESERVED },
		{ 51, SHIFT(2), ADDRESS }, HIGH_BITS } },
	{ "table 4-19, PDE that references a page table", 2, 0, SPEC_TABLE, { LOW_BITS,
		{ 6, 6, IGNORED }, { 7, 7, PAGE_SIZE }, { 11, 8, IGNORED },
		{ 51, 12, ADDRESS }, HIGH_BITS } },
	{ "table 4-20, PTE that maps a 4-KByte page", 1, 2, SPEC_LEAF, { LOW_BITS,
		{ 6, 6, DIRTY }, { 7, 7, PAT }, { 8, 8, GLOBAL }, { 11, 9, IGNORED },
		{ 51, 12, ADDRESS }, HIGH_BITS } },
};

#define FORMATS	(sizeof(formats) / sizeof(formats[0]))

/* The role of a bit on this CPU: 4.1.4 and 4.5.4 on what else is reserved. */
static enum role role_of(const struct format *f, const struct spec_cpu *cpu,
			 unsigned int bit)
{
	unsigned int i = 0;

	while (bit > f->ranges[i].high || bit < f->ranges[i].low)
		i++;
	if (bit >= cpu->maxphyaddr && bit <= 51)
		return RESERVED;
	if (f->ranges[i].role == NO_EXECUTE && !cpu->nxe)
		return RESERVED;
	if (f->ranges[i].role == PAGE_SIZE && f->level == 3 && !cpu->page1g)
		return RESERVED;
	return f->ranges[i].role;
}

static bool same_entry(const struct spec_entry *a, const struct spec_entry *b)
{
	return a->kind == b->kind && a->addr == b->addr &&
	       a->reserved == b->reserved && a->writable == b->writable &&
	       a->user == b->user && a->execute_disable == b->execute_disable &&
	       a->pwt == b->pwt && a->pcd == b->pcd && a->pat == b->pat &&
	       a->accessed == b->accessed && a->dirty == b->dirty &&
	       a->global == b->global;
}

/* What the format says of an entry, bit by bit.  Values that only matter where
 * nothing is reserved (address bits, XD) are left to the caller to mask.
 */
static void expect_entry(const struct format *f, const struct spec_cpu *cpu, u64 raw,
			 struct spec_entry *e)
{
	unsigned int bit;

	*e = (struct spec_entry){ .kind = f->kind };
	for (bit = 0; bit < 64; bit++) {
		u64 here = raw & (1ULL << bit);

		if (!here)
			continue;
		switch (role_of(f, cpu, bit)) {
		case IGNORED:
		case PRESENT:
		case PAGE_SIZE:
			break;
		case RESERVED:
			e->reserved |= here;
			break;
		case ADDRESS:
			e->addr |= here;
			break;
		case WRITE:
			e->writable = true;
			break;
		case USER:
			e->user = true;
			break;
		case WRITE_THROUGH:
			e->pwt = true;
			break;
		case CACHE_DISABLE:
			e->pcd = true;
			break;
		case ACCESSED:
			e->accessed = true;
			break;
		case DIRTY:
			e->dirty = true;
			break;
		case PAT:
			e->pat = true;
			break;
		case GLOBAL:
			e->global = true;
			break;
		case NO_EXECUTE:
			e->execute_disable = true;
			break;
		}
	}
}

static void check_entry(const struct format *f, const struct spec_cpu *cpu, u64 raw)
{
	struct spec_entry expected, seen;

	if (f->bit7 < 2)
		raw = (raw & ~(1ULL << 7)) | ((u64)f->bit7 << 7);
	spec_decode(cpu, raw, f->level, &seen);
	if (raw & 1) {
		expect_entry(f, cpu, raw, &expected);
		/* The address and XD mean nothing where a reserved bit is set. */
		if (expected.reserved) {
			seen.addr = expected.addr;
			seen.execute_disable = expected.execute_disable;
		}
	} else {
		expected = (struct spec_entry){ .kind = SPEC_ABSENT };
	}
	TAP_CHECK(same_entry(&expected, &seen), "%s: %#llx, MAXPHYADDR %u", f->name,
		  (unsigned long long)raw, cpu->maxphyaddr);
}

static u64 random_bits(void)
{
	return ((u64)random() << 42) ^ ((u64)random() << 21) ^ (u64)random();
}

/* Every bit and every pair of bits, set and cleared, and random entries. */
static void format_is_the_sdms(const struct format *f, const struct spec_cpu *cpu)
{
	unsigned int i, j;

	for (i = 0; i < 64; i++) {
		for (j = i; j < 64; j++) {
			u64 pair = (1ULL << i) | (1ULL << j);

			check_entry(f, cpu, pair);
			check_entry(f, cpu, pair | 1);
			check_entry(f, cpu, ~pair);
		}
	}
	for (i = 0; i < 1000; i++)
		check_entry(f, cpu, random_bits() | (i & 1));
}

static void every_cpu(const struct format *f)
{
	struct spec_cpu cpu = { 0 };
	unsigned int flags;

	tap_begin();
	for (cpu.maxphyaddr = 36; cpu.maxphyaddr <= 52; cpu.maxphyaddr++) {
		for (flags = 0; flags < 4; flags++) {
			cpu.nxe = flags & 1;
			cpu.page1g = flags & 2;
			format_is_the_sdms(f, &cpu);
		}
	}
	tap_end(f->name);
}

int main(void)
{
	unsigned int i;

	for (i = 0; i < FORMATS; i++)
		every_cpu(&formats[i]);
	return tap_done();
}
