// SPDX-License-Identifier: GPL-2.0
/* Where frames and tables come from, and where they go. */
#include "mmu_alloc.h"
#include "mmu_check.h"

/*
 * Frames.  The allocator hands out the lowest that are free, so that what was freed
 * is in use again at once.  Which one it is makes no difference otherwise; so that it
 * does not depend on who comes first, each CPU looks in another place first.
 */
u16 mmu_alloc(struct mmu_state *t, unsigned int level, unsigned int n, unsigned int cpu)
{
	static const u8 begin[] = { 0, 8, 12 };
	unsigned int pages = n * mmu_pages(level), first, at, i;

	at = mmu.spans ? begin[cpu] : 0;
	for (first = 0; first < MMU_FRAMES; first += mmu_pages(level)) {
		unsigned int from = (at + first) % MMU_FRAMES;

		for (i = 0; i < pages && from + pages <= MMU_FRAMES &&
		     t->frame[from + i] == MMU_F_FREE; i++)
			;
		if (i < pages)
			continue;
		for (i = 0; i < pages; i++)
			t->frame[from + i] = MMU_F_HELD;
		return (u16)(from + MMU_FRAME0);
	}
	return 0;
}

void mmu_frame_get(struct mmu_state *t, unsigned int page, unsigned int n)
{
	for (; n--; page++) {
		u16 *frame = &t->frame[page - MMU_FRAME0];

		if ((*frame & MMU_F_COUNT) == MMU_F_COUNT)
			mmu_violate("bound: a frame is mapped more than %u times", MMU_F_COUNT);
		else
			++*frame;
	}
}

void mmu_frame_put(struct mmu_state *t, unsigned int page, unsigned int n, unsigned int slot)
{
	for (; n--; page++) {
		u16 *frame = &t->frame[page - MMU_FRAME0];

		if (!(*frame & MMU_F_COUNT))
			mmu_violate("frame %u is unmapped once too often", page);
		else if (!(--*frame & MMU_F_COUNT))
			*frame = *frame & MMU_F_HANDLE ? *frame :
				 (u16)((*frame & ~MMU_F_STATE) | MMU_F_DEAD |
				      slot << MMU_F_FLIGHT);
	}
}

void mmu_free_frames(struct mmu_state *t, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < MMU_FRAMES; i++) {
		if ((t->frame[i] & MMU_F_STATE) != MMU_F_DEAD ||
		    (unsigned int)t->frame[i] >> MMU_F_FLIGHT != slot)
			continue;
		mmu_check_frame_unused(t, i + MMU_FRAME0);
		t->frame[i] = MMU_F_FREE;
	}
}

/*
 * Tables.  Those in the reserve are alike, so the lowest one stands for any; with more than
 * one operation in flight for every other CPU the highest, for the same reason as with
 * frames.  Then each has filled a reserve of its own before it took its locks, which holds
 * all that it may need: that it does is asked where one operation is in flight.
 */
u16 mmu_reserve(const struct mmu_state *t)
{
	unsigned int page;
	u16 n = 0;

	if (mmu.spans)
		return MMU_TABLES;
	for (page = 0; page < MMU_TABLES; page++)
		n += t->table[page] == MMU_T_RESERVE;
	return n;
}

u16 mmu_take(struct mmu_state *t, unsigned int cpu)
{
	u16 i;

	for (i = 0; i < MMU_TABLES; i++) {
		u16 page = mmu.spans && (cpu & 1) ? (u16)(MMU_TABLES - 1 - i) : i;

		if (t->table[page] == MMU_T_RESERVE) {
			t->table[page] = MMU_T_TAKEN;
			return page;
		}
	}
	mmu_violate(mmu.spans ? "bound: the model has too few tables" :
				"a table is taken from an empty reserve");
	return 0;
}

void mmu_defer(struct mmu_state *t, unsigned int page, unsigned int slot)
{
	if (t->table[page] != MMU_T_TAKEN)
		mmu_violate("table %u is deferred in state %u", page, t->table[page]);
	t->table[page] = (u8)(MMU_T_DEFERRED | slot << MMU_T_FLIGHT);
}

/*
 * vpt_free_stray_tables(): what Linux linked into a table that is freed now, and the
 * core never counted; and an empty table that an operation has left there.
 */
static void mmu_free_strays(struct mmu_state *t, unsigned int table, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < 2 && (mmu.linux_links || mmu.spans); i++) {
		unsigned int stray = t->entry[table][i] >> MMU_E_PAGE;

		if (!t->entry[table][i] || stray >= MMU_TABLES ||
		    t->table[stray] != MMU_T_TAKEN)
			continue;
		t->entry[table][i] = 0;
		mmu_check_table_unused(t, stray, slot);
		t->table[stray] = MMU_T_RESERVE;
	}
}

void mmu_free_tables(struct mmu_state *t, unsigned int slot)
{
	unsigned int page;

	for (page = 0; page < MMU_TABLES; page++) {
		if ((t->table[page] & MMU_T_STATE) != MMU_T_DEFERRED ||
		    t->table[page] >> MMU_T_FLIGHT != slot)
			continue;
		mmu_free_strays(t, page, slot);
		mmu_check_table_unused(t, page, slot);
		t->table[page] = MMU_T_RESERVE;
	}
}
