/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the hardware does with a page table: how it reads one entry, and how it
 * walks.
 *
 * Written from the Intel SDM, vol. 3A, chapter 4, in the editions whose section
 * 4.5 is "4-Level Paging and 5-Level Paging" (tables 4-15 to 4-20), and from
 * nothing else; it shares no code with the page table it judges.
 */
#ifndef SPEC_WALK_H
#define SPEC_WALK_H

#include "spec_types.h"

#define SPEC_LEVELS	4	/* 4 = PML4, 3 = PDPT, 2 = PD, 1 = PT */

/* Hardware has 9.  A smaller number scales pages, spans and reserved bits down. */
#ifndef SPEC_INDEX_BITS
#define SPEC_INDEX_BITS	9
#endif

#define SPEC_ENTRIES	(1U << SPEC_INDEX_BITS)
#define SPEC_PAGE_SHIFT	12
#define SPEC_VA_BITS	(SPEC_PAGE_SHIFT + SPEC_LEVELS * SPEC_INDEX_BITS)

/* Entry bits: SDM tables 4-15 to 4-20. */
#define SPEC_P		(1ULL << 0)
#define SPEC_RW		(1ULL << 1)
#define SPEC_US		(1ULL << 2)
#define SPEC_PWT	(1ULL << 3)
#define SPEC_PCD	(1ULL << 4)
#define SPEC_A		(1ULL << 5)
#define SPEC_D		(1ULL << 6)	/* leaves; ignored in table entries */
#define SPEC_PS		(1ULL << 7)	/* levels 2 to 4 */
#define SPEC_PAT_4K	(1ULL << 7)	/* leaves of level 1 */
#define SPEC_G		(1ULL << 8)	/* leaves; ignored in table entries */
#define SPEC_PAT_LARGE	(1ULL << 12)	/* leaves of levels 2 and 3 */
#define SPEC_XD		(1ULL << 63)

/**
 * struct spec_cpu - what of the CPU an entry's meaning depends on
 * @maxphyaddr: physical-address width in bits, CPUID.80000008H:EAX[7:0] (SDM 4.1.4)
 * @nxe: IA32_EFER.NXE is set; without it XD is reserved (SDM 4.5.4)
 * @page1g: CPUID.80000001H:EDX.Page1GB; without it PS is reserved in a PDPTE
 *          (SDM 4.5.4)
 * @shadow_stack: CR4.CET is set, so that a dirty leaf that cannot be written is a
 *                shadow-stack page (SDM 4.6)
 */
struct spec_cpu {
	unsigned int maxphyaddr;
	bool nxe;
	bool page1g;
	bool shadow_stack;
};

/* What an entry is to the walk (SDM 4.5.4). */
enum spec_kind {
	SPEC_ABSENT,		/* P = 0: all other bits are ignored */
	SPEC_TABLE,		/* leads to a table of the level below */
	SPEC_LEAF,		/* maps a page */
};

/**
 * struct spec_entry - one entry, decoded
 * @kind: what it is; where it is SPEC_ABSENT all else is 0
 * @reserved: those of its bits that are set although reserved; the hardware
 *            faults unless this is 0 (SDM 4.7, RSVD)
 * @addr: the table or frame it names, in bytes
 * @writable: R/W
 * @user: U/S
 * @execute_disable: XD
 * @pwt: PWT, memory type (SDM 4.9.2)
 * @pcd: PCD, memory type
 * @pat: PAT, memory type; leaves only
 * @accessed: A (SDM 4.8)
 * @dirty: D; leaves only
 * @global: G; leaves only (SDM 4.10.2.4)
 */
struct spec_entry {
	enum spec_kind kind;
	u64 reserved;
	u64 addr;
	bool writable;
	bool user;
	bool execute_disable;
	bool pwt;
	bool pcd;
	bool pat;
	bool accessed;
	bool dirty;
	bool global;
};

/* How a walk ends (SDM 4.7). */
enum spec_outcome {
	SPEC_MAPPED,
	SPEC_FAULT_ABSENT,	/* an entry was not present */
	SPEC_FAULT_RESERVED,	/* a present entry had a reserved bit set */
};

/**
 * struct spec_walk - what the hardware makes of one address
 * @outcome: a translation, or why there is none
 * @level: level of the last entry read; the page size where it was a leaf
 * @table: the table read at each level, valid from @level to SPEC_LEVELS
 * @entry: the entry read at each level, likewise
 * @frame: first byte of the page frame
 * @writable: R/W was 1 in every entry of the walk (SDM 4.6.1)
 * @user: U/S was 1 in every entry of the walk (SDM 4.6.1)
 * @execute_disable: XD was 1 in some entry of the walk (SDM 4.6.1)
 * @accessed: A of the leaf
 * @dirty: D of the leaf
 *
 * @frame and what follows is 0 unless the outcome is SPEC_MAPPED.
 */
struct spec_walk {
	enum spec_outcome outcome;
	unsigned int level;
	u64 table[SPEC_LEVELS + 1];
	u64 entry[SPEC_LEVELS + 1];
	u64 frame;
	bool writable;
	bool user;
	bool execute_disable;
	bool accessed;
	bool dirty;
};

/**
 * struct spec_memory - physical memory, as far as it holds tables
 * @read: entry @index of the table at physical address @table, in one load
 * @ctx: handed to @read
 */
struct spec_memory {
	u64 (*read)(void *ctx, u64 table, unsigned int index);
	void *ctx;
};

/* log2 of the bytes of address space behind one entry of level @level. */
static inline unsigned int spec_shift(unsigned int level)
{
	return SPEC_PAGE_SHIFT + SPEC_INDEX_BITS * (level - 1);
}

/* Bytes of address space behind one entry: the size of the page, for a leaf. */
static inline u64 spec_size(unsigned int level)
{
	return 1ULL << spec_shift(level);
}

/* Bytes of address space behind a whole table of level @level. */
static inline u64 spec_span(unsigned int level)
{
	return spec_size(level) << SPEC_INDEX_BITS;
}

/* Bits of a leaf of @level that choose memory type or make it global. */
static inline u64 spec_leaf_attributes(unsigned int level)
{
	return SPEC_PWT | SPEC_PCD | SPEC_G |
	       (level == 1 ? SPEC_PAT_4K : SPEC_PAT_LARGE);
}

/**
 * spec_misaligned() - bits by which a large leaf would name an unaligned frame
 * @level: 1, 2 or 3
 *
 * Return: bits 20:13 for level 2, 29:13 for level 3, which are reserved (SDM
 * tables 4-18, 4-16); 0 for level 1.
 */
u64 spec_misaligned(unsigned int level);

/**
 * spec_decode() - read one entry as the hardware does
 * @cpu: the CPU
 * @raw: the entry
 * @level: of the table it stands in, 1..4
 * @entry: filled in
 */
void spec_decode(const struct spec_cpu *cpu, u64 raw, unsigned int level,
		 struct spec_entry *entry);

/**
 * spec_translate() - walk as the hardware does (SDM 4.5.4)
 * @memory: where the tables are
 * @cpu: the CPU
 * @root: physical address of the level-4 table (CR3, bits 51:12; under 5-level
 *        paging the table that PML5E 0 leads to)
 * @va: linear address; bits above 47 are not looked at, because whether it is
 *      canonical is settled before paging (SDM vol. 1, 3.3.7.1)
 * @walk: filled in
 *
 * Reads at most SPEC_LEVELS entries, changes nothing, sets no A or D.
 */
void spec_translate(const struct spec_memory *memory, const struct spec_cpu *cpu,
		    u64 root, u64 va, struct spec_walk *walk);

#endif /* SPEC_WALK_H */
