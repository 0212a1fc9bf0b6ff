// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults as Linux handles them before it asks vpt (__handle_mm_fault()).
 *
 * A fault holds the lock of its own VMA for reading and nothing else (Linux 6.4 and
 * later; in earlier kernels it holds mmap_lock, which covers every VMA: that is the
 * region being one VMA).  It walks from the root, one read after the other, with a
 * pointer into the table that it reads next; where a PDPT or PD is missing it links an
 * empty one under page_table_lock.  Nothing but the lock of its VMA keeps that table
 * from being freed; but in a PT it is in a read-side critical section of RCU, from 6.6 on, so
 * that a grace period does.  It ends where the table has a leaf or nothing, which is where vpt's
 * handler takes over (an operation of its own), or anywhere before: a signal, no memory.
 *
 * One fault is under way at a time.  Of two, neither waits for the other, and each
 * would be found with a pointer into a freed table without the other's help.
 */
#include "mmu_check.h"
#include "mmu_linux.h"

u8 mmu_linux_vmas(unsigned int page, unsigned int n)
{
	const bool first = !mmu.boundary || page < mmu.boundary;
	const bool second = mmu.boundary && page + n > mmu.boundary;

	return (u8)(first | second << 1);
}

bool mmu_linux_lets_lock(const struct mmu_state *s, const struct mmu_action *a)
{
	u8 vmas = mmu_linux_vmas(a->page, a->n);

	if (s->vmas_locked || ((vmas & 1) && s->touching[0]) || ((vmas & 2) && s->touching[1]))
		return false;
	return !s->fault || !(vmas & mmu_linux_vmas(MMU_WALK_PAGE(s->fault), 1));
}

bool mmu_linux_lets_free(const struct mmu_state *s, unsigned int slot)
{
	u8 table;

	if (!s->fault || MMU_WALK_LEVEL(s->fault) > 1)
		return true;
	table = s->table[MMU_WALK_TABLE(s->fault)];
	return (table & MMU_T_STATE) != MMU_T_DEFERRED || table >> MMU_T_FLIGHT != slot;
}

static u16 mmu_linux_fault(unsigned int page, unsigned int level, unsigned int table)
{
	return MMU_WALK(page, level, table, 0, 0);
}

static u16 mmu_table_entry(unsigned int table)
{
	return (u16)(table << MMU_E_PAGE | MMU_E_P | MMU_E_RW | MMU_E_US | MMU_E_A | MMU_E_D);
}

/* The fault reads @table through its pointer: whether it still is one. */
static bool mmu_linux_reads(const struct mmu_state *s, unsigned int table)
{
	unsigned int state = s->table[table] & MMU_T_STATE;

	if (state == MMU_T_TAKEN || state == MMU_T_DEFERRED)
		return true;
	mmu_violate("Linux's fault reads page %u, which is no table any more", table);
	return false;
}

/*
 * Nothing is linked at @index of @table: an empty table, if there is one left and
 * page_table_lock can be had.
 */
static void mmu_link(const struct mmu_state *s, unsigned int page, unsigned int level,
		     unsigned int table, unsigned int index)
{
	unsigned int new = MMU_ROOT + 1;
	struct mmu_state *t;

	while (new < MMU_TABLES && s->table[new] != MMU_T_OTHERS)
		new++;
	if (!s->foreign || s->table_lock || new == MMU_TABLES)
		return;
	if ((s->table[table] & MMU_T_STATE) == MMU_T_DEFERRED)
		mmu_violate("Linux's fault links a table into table %u, which is unlinked",
			    table);
	t = mmu_branch(s);
	t->foreign--;
	t->table[new] = MMU_T_TAKEN;
	t->entry[table][index] = mmu_table_entry(new);
	t->fault = mmu_linux_fault(page, level - 1, new);
	mmu_check_memory(t);
	mmu_commit((struct mmu_step){ .what = MMU_DID_LINK, .page = (u8)page,
				      .level = (u8)level, .b = (u16)new });
}

/* One read, and what follows from it. */
static void mmu_descend(const struct mmu_state *s, unsigned int page, unsigned int level,
			unsigned int table)
{
	unsigned int index = level == 4 ? 0 : page >> (level - 1) & 1;
	u16 entry = s->entry[table][index];
	struct mmu_state *t;

	if (mmu_linux_reads(s, table) && !entry && level >= 3) {
		mmu_link(s, page, level, table, index);
		return;
	}
	t = mmu_branch(s);
	t->fault = 0;
	if (level > 1 && mmu_seen[level][entry].kind == SPEC_TABLE)
		t->fault = mmu_linux_fault(page, level - 1, mmu_seen[level][entry].page);
	mmu_commit((struct mmu_step){ .what = MMU_DID_DESCEND, .page = (u8)page,
				      .level = (u8)level, .a = entry, .b = (u16)table });
}

/* The root is never freed, so that a fault's first read is its beginning. */
static void mmu_faults_begin(const struct mmu_state *s)
{
	unsigned int page;

	for (page = 0; page < MMU_VPAGES; page++) {
		if ((mmu.accessed >> page & 1) &&
		    !(s->vmas_locked & mmu_linux_vmas(page, 1)))
			mmu_descend(s, page, 4, MMU_ROOT);
	}
}

void mmu_linux(const struct mmu_state *s)
{
	if (!mmu.linux_links)
		return;
	if (!s->fault) {
		mmu_faults_begin(s);
		return;
	}
	mmu_descend(s, MMU_WALK_PAGE(s->fault), MMU_WALK_LEVEL(s->fault),
		    MMU_WALK_TABLE(s->fault));
	mmu_branch(s)->fault = 0;
	mmu_commit((struct mmu_step){ .what = MMU_DID_LEAVE,
				      .page = (u8)MMU_WALK_PAGE(s->fault) });
}
