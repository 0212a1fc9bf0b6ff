// SPDX-License-Identifier: GPL-2.0
/* Operations in flight: their locks, and what these exclude. */
#include "mmu_alloc.h"
#include "mmu_check.h"
#include "mmu_op.h"

unsigned int mmu_held(const struct mmu_state *t)
{
	unsigned int slot, held = 0;

	for (slot = mmu_first_slot(); slot < MMU_FLIGHTS; slot++)
		held |= t->flight[slot].held;
	return held;
}

void mmu_op_lock(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_flight *f = &t->flight[mmu_slot(cpu)];

	f->by = (u8)(cpu + 1);
	f->held |= a->n;
}

/*
 * The leaf is larger than what is locked, and the operation must say so (PT_WIDER).  @a
 * ->index: it takes itself to have locked everything, which is a deliberate fault.
 */
static bool mmu_op_wider(const struct mmu_flight *f, const struct mmu_action *a,
			 const struct mmu_answer *answer)
{
	unsigned int behind;

	/* RESOLVE changes nothing, and who splits a leaf has locked it. */
	if (a->index || answer->status != MMU_OK || a->op.kind == SPEC_OP_RESOLVE ||
	    a->op.kind == SPEC_OP_SPLIT || MMU_PAGE_LEVEL(answer->leaf) < 3)
		return false;
	behind = mmu_span_pages(answer->va, MMU_PAGE_LEVEL(answer->leaf));
	return behind & ~f->held;
}

void mmu_op_begin(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_flight *f = &t->flight[mmu_slot(cpu)];
	const struct mmu_map *before = mmu_map_at(t->new);
	struct mmu_answer answer;
	struct mmu_map after;
	unsigned int i;

	mmu_op_lock(t, cpu, a);
	mmu_map_apply(before, &a->op, a->page, mmu_reserve(t), &after, &answer);
	if (mmu_op_wider(f, a, &answer)) {
		after = *before;
		answer.status = MMU_WIDER;
	}
	f->expect = answer.status + 1;
	for (i = 0; i < MMU_VPAGES; i++) {
		if (after.page[i] != before->page[i])
			f->pages |= 1U << i;
	}
	if (a->op.kind == SPEC_OP_SPLIT && answer.status == MMU_OK)
		f->window = f->pages;
	t->new = mmu_map_number(&after);
}

/* What the operation made of its pages is all that they are now. */
static void mmu_op_commit(struct mmu_state *t, struct mmu_flight *f)
{
	struct mmu_map map = *mmu_map_at(t->old);
	unsigned int i;

	for (i = 0; i < MMU_VPAGES; i++) {
		if (f->pages >> i & 1)
			map.page[i] = mmu_map_at(t->new)->page[i];
	}
	t->old = mmu_map_number(&map);
	f->held = 0;
	f->pages = 0;
	f->window = 0;
}

void mmu_op_end(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_flight *f = &t->flight[mmu_slot(cpu)];
	u8 pending = f->pending;

	mmu_check_answer(t, f, a);
	mmu_op_commit(t, f);
	memset(f, 0, sizeof(*f));
	f->pending = pending;
	mmu_check_quiescent(t);
}

void mmu_op_release(struct mmu_state *t, unsigned int cpu)
{
	mmu_op_commit(t, &t->flight[mmu_slot(cpu)]);
	mmu_check_quiescent(t);
}

/*
 * The level of @table, as @f's CPU sees it, and the first page behind it; 0: it hangs
 * nowhere.
 */
static unsigned int mmu_where(const struct mmu_state *t, const struct mmu_flight *f,
			      unsigned int table, unsigned int *first)
{
	unsigned int page, level, at, index;

	*first = 0;
	if (table == MMU_ROOT)
		return 4;
	for (page = 0; page < MMU_VPAGES; page += 2) {
		at = MMU_ROOT;
		for (level = 4; level > 1; level--) {
			const struct mmu_seen *seen;

			index = level == 4 ? 0 : page >> (level - 1) & 1;
			seen = &mmu_seen[level][mmu_load(t, f, at, index)];
			if (seen->kind != SPEC_TABLE)
				break;
			at = seen->page;
			if (at != table)
				continue;
			*first = page & ~(2 * mmu_pages(level - 1) - 1);
			return level - 1;
		}
	}
	return 0;
}

/* The pages behind entry @index of @table; 0: the table hangs nowhere. */
static unsigned int mmu_behind(const struct mmu_state *t, const struct mmu_flight *f,
			       unsigned int table, unsigned int index, unsigned int *level)
{
	unsigned int first;

	*level = mmu_where(t, f, table, &first);
	if (!*level)
		return 0;
	return mmu_span_pages(first + (*level == 4 ? 0 : index * mmu_pages(*level)), *level);
}

/* The pages behind @table. */
static unsigned int mmu_table_pages(const struct mmu_state *t, const struct mmu_flight *f,
				    unsigned int table)
{
	unsigned int level;

	return mmu_behind(t, f, table, 0, &level) | mmu_behind(t, f, table, 1, &level);
}

/*
 * What is not 0 stays as it is while a page behind it is locked: who changes it has
 * locked all of them.
 */
static bool mmu_load_alone(const struct mmu_state *t, const struct mmu_flight *f,
			   const struct mmu_action *a)
{
	unsigned int level, behind = mmu_behind(t, f, a->page, a->index, &level);

	if (mmu_load(t, f, a->page, a->index) && !mmu_lock_fault())
		return behind & f->held;
	return behind && !(behind & ~f->held);
}

bool mmu_op_alone(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	const struct mmu_flight *f = &t->flight[mmu_slot(cpu)];
	unsigned int pages;

	if (f->held == MMU_ALL_PAGES)
		return true;
	if (mmu.broken == MMU_EVERY_STEP)
		return false;
	switch (a->act) {
	case MMU_ACT_LOAD:
		return mmu_load_alone(t, f, a);
	case MMU_ACT_LIVE:
	case MMU_ACT_SET_LIVE:
		pages = mmu_table_pages(t, f, a->page);
		if (pages && !(pages & ~f->held))
			return true;
		/* Who has not the counts' lock reads them, too. */
		return a->act == MMU_ACT_LIVE && t->counts_lock == cpu + 1 && !mmu_lock_fault();
	default:
		return true;
	}
}

void mmu_op_check_locks(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	const struct mmu_flight *f = &t->flight[mmu_slot(cpu)];
	unsigned int behind, level;

	if (f->held == MMU_ALL_PAGES || mmu_lock_fault())
		return;
	if (a->act == MMU_ACT_SET_LIVE) {
		behind = mmu_table_pages(t, f, a->page);
		if ((behind & ~f->held) && t->counts_lock != cpu + 1)
			mmu_violate("CPU%u counts in table %u without the counts' lock", cpu, a->page);
		return;
	}
	behind = mmu_behind(t, f, a->page, a->index, &level);
	/* Others may link a table there, too, where nothing is: that has a lock of its own. */
	if (level >= 3 && !mmu_load(t, f, a->page, a->index) && (behind & f->held))
		return;
	if (behind & ~f->held)
		mmu_violate("CPU%u changes entry %u of table %u, and has not locked all that is behind it",
			    cpu, a->index, a->page);
}
