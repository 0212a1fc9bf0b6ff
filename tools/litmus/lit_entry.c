// SPDX-License-Identifier: GPL-2.0
/* What software does with entries itself: loads, plain stores, lockless walks. */
#include "lit_model.h"
#include "mmu_check.h"

/*
 * Where the entry of a step's page at @level is, as a place for stores; its value, with
 * the thread's own stores before it.  0: there is no table of that level.
 */
static unsigned int lit_entry_place(const struct lit_state *s, const struct lit_runner *run,
				    unsigned int page, unsigned int level, unsigned int *entry)
{
	unsigned int table = MMU_ROOT, l, where;

	for (l = 4;; l--) {
		unsigned int index = l == 4 ? 0 : page >> (l - 1) & 1;

		*entry = s->m.entry[table][index];
		where = lit_where_entry(table, index);
		lit_forward(run, where, entry);
		if (l == level)
			return where;
		if (mmu_seen[l][*entry].kind != SPEC_TABLE)
			return 0;
		table = mmu_seen[l][*entry].page;
	}
}

/* A plain store into the entry of level 1 or 2; the tables above it must be there. */
void lit_store_entry(const struct lit_state *s, struct lit_runner *run,
			    const struct lit_step *step)
{
	unsigned int page = lit_page_of(lit_model.test, &step->loc), entry, where;
	unsigned int rights = (step->rights & MMU_W ? MMU_E_RW : 0) |
			      (step->rights & MMU_X ? 0 : MMU_E_XD);

	where = lit_entry_place(s, run, page, step->level, &entry);
	if (!where || (step->frame == LIT_FRESH &&
		       mmu_seen[step->level][entry].kind != SPEC_TABLE)) {
		mmu_violate("bound: a store of an entry where there is no page table");
		return;
	}
	if (step->frame == LIT_UNMAPPED)
		entry = 0;
	else if (step->kind == LIT_PDE)
		entry = (entry & ~MMU_E_RW) | (step->rights & MMU_W ? MMU_E_RW : 0);
	else
		entry = (unsigned int)lit_model.frame[step->frame] << MMU_E_PAGE | MMU_E_P |
			MMU_E_US | MMU_E_SW | rights;
	lit_store_to(run, where, entry, false);
	lit_done(run, step, 0);
}

/* The entry that maps a page, as data: one of its bits, or what its frame was filled with. */
void lit_load_entry(const struct lit_state *s, struct lit_runner *run,
			   const struct lit_step *step)
{
	unsigned int page = lit_page_of(lit_model.test, &step->loc), level = 1, entry, frame;

	while (level < 4 && !lit_entry_place(s, run, page, level, &entry))
		level++;
	if (mmu_seen[level][entry].kind != SPEC_LEAF) {
		lit_done(run, step, LIT_F);
		return;
	}
	frame = mmu_seen[level][entry].page + (page & (mmu_pages(level) - 1));
	lit_done(run, step, step->query == LIT_DIRTY ? !!(entry & MMU_E_D) :
		 step->query == LIT_ACCESSED ? !!(entry & MMU_E_A) :
		 frame < MMU_FRAME0 ? LIT_POISON : lit_model.code[frame - MMU_FRAME0]);
}

/* Software reads one entry; no interrupt gets through meanwhile. */
void lit_gup(const struct lit_state *s, unsigned int thread)
{
	const struct lit_step *step = &lit_model.test->thread[thread].step[s->u.run[thread].pc];
	const struct lit_runner *was = &s->u.run[thread];
	unsigned int page = lit_page_of(lit_model.test, &step->loc), frame;
	unsigned int index = was->level == 4 ? 0 : page >> (was->level - 1) & 1;
	const struct mmu_seen *seen = &mmu_seen[was->level][s->m.entry[was->table][index]];
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);
	struct lit_runner *run = &u->run[thread];
	u8 state = s->m.table[was->table] & MMU_T_STATE;

	run->level--;
	run->table = seen->page;
	if (state != MMU_T_TAKEN && state != MMU_T_DEFERRED) {
		run->level = 0;
		run->table = 0;
		lit_done(run, step, LIT_POISON);
	} else if (seen->kind != SPEC_TABLE) {
		run->level = 0;
		run->table = 0;
		frame = seen->page + (page & (mmu_pages(was->level) - 1));
		lit_done(run, step, seen->kind == SPEC_ABSENT ? LIT_F :
			 frame < MMU_FRAME0 ? LIT_POISON :
			 s->u.word[frame - MMU_FRAME0][step->loc.slot]);
	}
	mmu_commit((struct mmu_step){ .what = LIT_DID_WALK, .cpu = (u8)thread,
				      .page = (u8)page, .level = was->level,
				      .a = s->m.entry[was->table][index],
				      .b = was->table });
}
