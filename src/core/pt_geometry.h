/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shape of the page table, as compile-time constants.
 *
 * Nothing else in the core knows how many index bits a level has or which
 * levels may hold leaves (rule 7).  The kernel and the full-size host tests use the
 * hardware's 4 x 9 bits; the model checker and the exhaustive tests compile
 * the same files with -DPT_INDEX_BITS=1.
 *
 * Levels are numbered as in the field: 4 = PML4, 3 = PDPT, 2 = PD, 1 = PT.
 */
#ifndef PT_GEOMETRY_H
#define PT_GEOMETRY_H

#define PT_LEVELS	4	/* the root is a table of this level */
#define PT_LEAF_LEVELS	3	/* leaves stand at levels 1..PT_LEAF_LEVELS */

#ifndef PT_INDEX_BITS
#define PT_INDEX_BITS	9
#endif

#define PT_ENTRIES	(1U << PT_INDEX_BITS)
#define PT_PAGE_SHIFT	12
#define PT_PAGE_SIZE	(1ULL << PT_PAGE_SHIFT)
#define PT_VA_BITS	(PT_PAGE_SHIFT + PT_LEVELS * PT_INDEX_BITS)

/* log2 of the bytes of address space behind one entry of a table at @level. */
static inline unsigned int pt_shift(unsigned int level)
{
	return PT_PAGE_SHIFT + PT_INDEX_BITS * (level - 1);
}

/* Bytes of address space behind one entry: the page size, where it is a leaf. */
static inline u64 pt_size(unsigned int level)
{
	return 1ULL << pt_shift(level);
}

/* Bytes of address space behind a whole table at @level. */
static inline u64 pt_table_span(unsigned int level)
{
	return 1ULL << (pt_shift(level) + PT_INDEX_BITS);
}

static inline unsigned int pt_index(u64 va, unsigned int level)
{
	return (va >> pt_shift(level)) & (PT_ENTRIES - 1);
}

/* First byte of the page of size pt_size(@level) that holds @va. */
static inline u64 pt_base(u64 va, unsigned int level)
{
	return va & ~(pt_size(level) - 1);
}

#endif /* PT_GEOMETRY_H */
