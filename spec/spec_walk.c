// SPDX-License-Identifier: GPL-2.0
/* The hardware's decoder and walk.  Section numbers are the Intel SDM's, vol. 3A. */
#include "spec_walk.h"

/* Bits @high..@low, both included; none if @high is below @low. */
static u64 spec_bits(unsigned int high, unsigned int low)
{
	return high < low ? 0 : (~0ULL >> (63 - high)) & (~0ULL << low);
}

u64 spec_misaligned(unsigned int level)
{
	return spec_bits(spec_shift(level) - 1, 13);
}

/* 4.5.4: what a present entry of this level refers to is up to its PS flag. */
static enum spec_kind spec_present_kind(u64 raw, unsigned int level)
{
	switch (level) {
	case 1:
		return SPEC_LEAF;	/* table 4-20: bit 7 is PAT */
	case 2:
	case 3:
		return raw & SPEC_PS ? SPEC_LEAF : SPEC_TABLE;
	default:
		return SPEC_TABLE;	/* table 4-15: bit 7 is reserved */
	}
}

/* 4.5.4, last paragraphs, and tables 4-15 to 4-20. */
static u64 spec_reserved(const struct spec_cpu *cpu, enum spec_kind kind,
			 unsigned int level)
{
	u64 bits = spec_bits(51, cpu->maxphyaddr);

	if (!cpu->nxe)
		bits |= SPEC_XD;
	if (level == 4 || (level == 3 && !cpu->page1g))
		bits |= SPEC_PS;
	if (kind == SPEC_LEAF)
		bits |= spec_misaligned(level);
	return bits;
}

void spec_decode(const struct spec_cpu *cpu, u64 raw, unsigned int level,
		 struct spec_entry *entry)
{
	*entry = (struct spec_entry){ .kind = SPEC_ABSENT };
	/* 4.5.4: where P is 0, bits 63:1 are ignored. */
	if (!(raw & SPEC_P))
		return;

	entry->kind = spec_present_kind(raw, level);
	entry->reserved = raw & spec_reserved(cpu, entry->kind, level);
	entry->writable = raw & SPEC_RW;
	entry->user = raw & SPEC_US;
	entry->execute_disable = raw & SPEC_XD;
	entry->pwt = raw & SPEC_PWT;
	entry->pcd = raw & SPEC_PCD;
	entry->accessed = raw & SPEC_A;
	if (entry->kind == SPEC_TABLE) {
		/* Tables 4-15, 4-17, 4-19: bits 51:12; 6 and 8 are ignored. */
		entry->addr = raw & spec_bits(51, SPEC_PAGE_SHIFT);
		return;
	}
	/* Table 4-20: 51:12; 4-18: 51:21; 4-16: 51:30. */
	entry->addr = raw & spec_bits(51, spec_shift(level));
	entry->pat = raw & (level == 1 ? SPEC_PAT_4K : SPEC_PAT_LARGE);
	entry->dirty = raw & SPEC_D;
	entry->global = raw & SPEC_G;
}

/* 4.6.1: R/W and U/S must be 1 in every entry, one XD forbids fetches. */
static void spec_combine(struct spec_walk *walk, const struct spec_entry *entry)
{
	walk->writable = walk->writable && entry->writable;
	walk->user = walk->user && entry->user;
	walk->execute_disable = walk->execute_disable || entry->execute_disable;
}

static void spec_fault(struct spec_walk *walk, enum spec_outcome outcome)
{
	walk->outcome = outcome;
	walk->writable = false;
	walk->user = false;
	walk->execute_disable = false;
}

void spec_translate(const struct spec_memory *memory, const struct spec_cpu *cpu,
		    u64 root, u64 va, struct spec_walk *walk)
{
	unsigned int level;
	u64 table = root;

	*walk = (struct spec_walk){ .writable = true, .user = true };
	for (level = SPEC_LEVELS; level; level--) {
		unsigned int index = (va >> spec_shift(level)) & (SPEC_ENTRIES - 1);
		struct spec_entry entry;

		walk->level = level;
		walk->table[level] = table;
		walk->entry[level] = memory->read(memory->ctx, table, index);
		spec_decode(cpu, walk->entry[level], level, &entry);
		/* 4.7: no translation if P is 0 or a reserved bit is set. */
		if (entry.kind == SPEC_ABSENT || entry.reserved) {
			spec_fault(walk, entry.reserved ? SPEC_FAULT_RESERVED :
							  SPEC_FAULT_ABSENT);
			return;
		}
		spec_combine(walk, &entry);
		if (entry.kind == SPEC_LEAF) {
			walk->outcome = SPEC_MAPPED;
			walk->frame = entry.addr;
			walk->accessed = entry.accessed;
			walk->dirty = entry.dirty;
			return;
		}
		table = entry.addr;
	}
}
