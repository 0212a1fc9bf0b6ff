/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The abstract map (spec/spec_map.h) as the model keeps it: page -> (frame, size,
 * rights) in a few bytes.  No tables here, but for their number: an operation may run
 * out of them.
 */
#ifndef MMU_MAP_H
#define MMU_MAP_H

#include "../spec_map.h"
#include "mmu_state.h"

/* One page: its frame, rights, and the level of the leaf it belongs to.  0: none. */
#define MMU_PAGE(frame, rights, level)	((u16)((frame) | (rights) << 5 | (level) << 8))
#define MMU_PAGE_FRAME(p)	((p) & 31)
#define MMU_PAGE_RIGHTS(p)	((p) >> 5 & 7)
#define MMU_PAGE_LEVEL(p)	((p) >> 8 & 3)

struct mmu_map {
	u16 page[MMU_VPAGES];
};

/* Not the core's: rights of a PDE (litmus tests). */
#define MMU_OP_TABLE	SPEC_OP_KINDS

/* Numbers as in enum pt_status; mc_calls.c asserts it. */
enum mmu_status {
	MMU_OK,
	MMU_EXISTS,
	MMU_NOENT,
	MMU_INVALID,
	MMU_NOMEM,
	MMU_AGAIN,
	MMU_WIDER,
};

/**
 * struct mmu_op - an operation as its caller asks for it
 * @kind: enum spec_op_kind, or MMU_OP_TABLE
 * @va: first page
 * @n: map_range: how many leaves; unmap_range, protect_range: how many pages
 * @level: map, map_range: size; remap: the size the new frame was chosen for
 * @rights: map, protect and their range forms, table
 * @frame: map, remap: first page of the frame; 0: a fresh one
 * @touch: map: by the fault of a touch, under the lock of its VMA
 */
struct mmu_op {
	u8 kind;
	u8 va;
	u8 n;
	u8 level;
	u8 rights;
	u8 frame;
	u8 touch;
};

/**
 * struct mmu_answer - what an operation says, as far as the abstract map decides it
 * @status: OK or an error; all else is 0 after an error
 * @revoked: protect: rights were taken away
 * @leaf: what stood at the address (unmap, protect, remap, split, resolve): the
 *        MMU_PAGE of its first page
 * @va: first page of that leaf
 * @leaves: leaves touched (range forms)
 * @pages: 4 KiB pages touched
 */
struct mmu_answer {
	u8 status;
	u8 revoked;
	u16 leaf;
	u8 va;
	u8 leaves;
	u8 pages;
	u8 unused;
};

/* Pages in a leaf of @level. */
static inline unsigned int mmu_pages(unsigned int level)
{
	return 1U << (level - 1);
}

/* The pages, one bit each, of a leaf of @level at @page. */
static inline unsigned int mmu_span_pages(unsigned int page, unsigned int level)
{
	return ((1U << mmu_pages(level)) - 1) << (page & ~(mmu_pages(level) - 1));
}

/**
 * mmu_map_apply() - what an operation has to do
 * @map: before
 * @op: operation
 * @frame: first of the frames it was given, if it takes any
 * @reserve: tables that can be taken
 * @after: the map after it
 * @answer: what it has to answer
 */
void mmu_map_apply(const struct mmu_map *map, const struct mmu_op *op,
		   unsigned int frame, unsigned int reserve, struct mmu_map *after,
		   struct mmu_answer *answer);

/* The leaves of @map whose first frame is @frame; of all frames if that is 0. */
unsigned int mmu_map_leaves(const struct mmu_map *map, unsigned int frame);

/* Maps are kept once and go by number; number 0 is the empty map. */
u16 mmu_map_number(const struct mmu_map *map);
const struct mmu_map *mmu_map_at(u16 number);

#endif /* MMU_MAP_H */
