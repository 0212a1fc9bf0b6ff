/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One operation, done by the core and by the plain map, and compared: status, what
 * it reports, what a walk finds, and where the tables are.  The specification judges
 * it too (judge.h), so that its text and the plain map are compared with each other.
 */
#ifndef DIFF_H
#define DIFF_H

#include "../../spec/spec_map.h"
#include "model.h"
#include "world.h"

/* What is done besides the specification's operations. */
enum op_kind {
	OP_FOREIGN = SPEC_OP_KINDS,	/* Linux links empty tables down to @level */
	OP_ACCESS,	/* the MMU reads, or writes if @rights says so */
	OP_RESERVE,	/* @n tables in the reserve */
	OP_CUT,		/* the region is cut in two at @va */
	OP_KINDS,
};

struct op {
	unsigned int kind;	/* enum spec_op_kind or op_kind */
	u64 va;
	u64 end;		/* ranges of addresses */
	u64 n;			/* pages or tables */
	u64 pa;
	unsigned int level;
	u32 rights;
};

#define DIFF_FRAMES	(PT_ENTRIES == 2 ? 64 : 2048)

struct diff {
	struct world w;
	struct model m;
	struct pt extent[2];	/* after a cut: the other part of the region is [1] */
	unsigned int extents;
	u64 frame[DIFF_FRAMES];
	u64 next_leaf;		/* index of the leaf that a range form hands over next */
	u64 expected_end;
	bool busy_mmu;		/* the MMU sets A and D during operations */
	bool busy_linux;	/* Linux links tables while 4 KiB pages are mapped */
	bool racing;		/* ... it may do so now */
	u64 noise;		/* state of a random-number generator for both */
	bool thorough;		/* look at everything after each operation */
	u64 count[OP_KINDS][PT_AGAIN + 1];	/* what was answered how often */
};

void diff_init(struct diff *d, u64 tables, u64 start, u64 end, unsigned int maxphyaddr);
void diff_destroy(struct diff *d);

/* Do it, and compare; world_fail() if anything differs. */
void diff_apply(struct diff *d, const struct op *op);

/* Compare everything. */
void diff_check(struct diff *d);

/* One line about an operation, without a newline. */
void op_print(char *text, u64 size, const struct op *op);

/* xorshift64*: never 0, good enough to choose operations. */
static inline u64 diff_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dULL) >> 11;
}

/* In diff_expect.c: what the core must answer, told from the model and the tree. */
bool expect_page(const struct diff *d, u64 va);
bool expect_frame(const struct diff *d, u64 pa, unsigned int level);
enum pt_status expect_leaf(struct diff *d, u64 va, struct leaf **leaf);
enum pt_status expect_map(struct diff *d, u64 va, const u64 *pa, u64 n,
			  unsigned int level, u32 rights);
enum pt_status expect_range(struct diff *d, u64 va, u64 end, u32 rights);

#endif /* DIFF_H */
