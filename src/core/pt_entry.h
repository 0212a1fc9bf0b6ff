/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry bits: how the core writes and reads one 64-bit entry.
 *
 * Source: Intel SDM vol. 3A, section 4.5, tables 4-15 to 4-20.  spec/ has a
 * decoder of its own, written from the same tables, and does not use this one.
 */
#ifndef PT_ENTRY_H
#define PT_ENTRY_H

#define PTE_P		(1ULL << 0)	/* present */
#define PTE_RW		(1ULL << 1)	/* writes allowed */
#define PTE_US		(1ULL << 2)	/* user-mode accesses allowed */
#define PTE_A		(1ULL << 5)	/* accessed, set by hardware */
#define PTE_D		(1ULL << 6)	/* dirty, set by hardware in leaves */
#define PTE_PS		(1ULL << 7)	/* levels 2 and 3: leaf */
#define PTE_XD		(1ULL << 63)	/* instruction fetches forbidden */

/* Bits 51:12 hold an address at every level and for every leaf size. */
#define PTE_ADDR_MASK	0x000ffffffffff000ULL

/*
 * What a table entry holds beside the address.  Permissive, because rights are
 * ANDed along the walk (SDM 4.6) and the leaf decides (rule 5).  A is set beforehand, so
 * hardware never writes to a table entry; D is ignored by hardware there, but
 * Linux's pmd_bad() rejects an entry without it.
 */
#define PTE_TABLE_BITS	(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

/* What an entry is.  An entry that is not present is 0. */
enum pte_kind {
	PTE_EMPTY,
	PTE_TABLE,
	PTE_LEAF,
};

static inline enum pte_kind pte_kind(u64 entry, unsigned int level)
{
	if (!(entry & PTE_P))
		return PTE_EMPTY;
	if (level == 1)
		return PTE_LEAF;
	if (level > PT_LEAF_LEVELS)
		return PTE_TABLE;
	return entry & PTE_PS ? PTE_LEAF : PTE_TABLE;
}

/*
 * Whether @entry, at level 2 or above, leads to a table and looks as the core and
 * Linux write it: one compare, where pte_kind() needs two.
 */
static inline bool pte_is_usual_table(u64 entry)
{
	return (entry & 0xff) == PTE_TABLE_BITS;
}

static inline u64 pte_addr(u64 entry)
{
	return entry & PTE_ADDR_MASK;
}

static inline u64 pte_make_table(u64 table)
{
	return table | PTE_TABLE_BITS;
}

/*
 * The bits by which a leaf says @rights.  PT_WRITE and PT_USER have the values of
 * PTE_RW and PTE_US.
 */
static inline u64 pte_rights_bits(u32 rights)
{
	return (rights & (PTE_RW | PTE_US)) | (rights & PT_EXEC ? 0 : PTE_XD);
}

#define PTE_RIGHTS_MASK	(PTE_RW | PTE_US | PTE_XD)

static inline u32 pte_rights(u64 entry)
{
	return (entry & (PTE_RW | PTE_US)) | (entry & PTE_XD ? 0 : PT_EXEC);
}

/* The leaf @entry with other rights.  Without the right to write, D goes. */
static inline u64 pte_with_rights(u64 entry, u32 rights)
{
	const u64 keep = rights & PT_WRITE ? ~PTE_RIGHTS_MASK : ~(PTE_RIGHTS_MASK | PTE_D);

	return (entry & keep) | pte_rights_bits(rights);
}

static inline u64 pte_make_leaf(u64 pa, unsigned int level, u32 rights)
{
	return pa | PTE_P | pte_rights_bits(rights) |
	       (level > 1 ? PTE_PS : 0) | pt_env_leaf_bits(level);
}

#endif /* PT_ENTRY_H */
