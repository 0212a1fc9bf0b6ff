/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What hardware would find: a page walk written from the SDM's tables, for the
 * host tests.  It shares no line with the core, least of all its entry decoder.
 */
#ifndef REF_H
#define REF_H

#include "pt.h"

/* Entry bits, Intel SDM vol. 3A section 4.5, tables 4-15 to 4-20. */
#define REF_P		0x001ULL
#define REF_W		0x002ULL
#define REF_U		0x004ULL
#define REF_A		0x020ULL
#define REF_D		0x040ULL
#define REF_PS		0x080ULL
#define REF_LEAF_MARK	0x200ULL	/* pt_env_leaf_bits() of the host */
#define REF_XD		0x8000000000000000ULL
#define REF_ADDRESS	0x000ffffffffff000ULL

/* What a table entry of the core holds beside the address: P, W, U, A, D. */
#define REF_TABLE	0x067ULL

/**
 * struct ref - what a walk for one address finds
 * @level: level of the leaf, or 0 where nothing is mapped
 * @base: first byte the leaf maps
 * @pa: first byte of its frame
 * @rights: what the whole path allows
 * @accessed: A of the leaf
 * @dirty: D of the leaf
 */
struct ref {
	unsigned int level;
	u64 base;
	u64 pa;
	u32 rights;
	bool accessed;
	bool dirty;
};

/* log2 of the bytes behind an entry of a table at @level. */
static inline unsigned int ref_shift(unsigned int level)
{
	unsigned int shift = 12;

	while (--level)
		shift += PT_INDEX_BITS;
	return shift;
}

static inline u64 ref_size(unsigned int level)
{
	return 1ULL << ref_shift(level);
}

static inline unsigned int ref_index(u64 va, unsigned int level)
{
	return (unsigned int)(va >> ref_shift(level)) % (1U << PT_INDEX_BITS);
}

/* Walk for @va; *@slot, where given, is the address of the last entry read. */
struct ref ref_walk(struct pt_env *env, u64 root, u64 va, u64 **slot);

/* Whether both translate alike; A and D are the MMU's and may differ. */
static inline bool ref_same(const struct ref *a, const struct ref *b)
{
	if (a->level != b->level)
		return false;
	return !a->level || (a->base == b->base && a->pa == b->pa &&
			     a->rights == b->rights);
}

#endif /* REF_H */
