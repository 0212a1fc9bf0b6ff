// SPDX-License-Identifier: GPL-2.0
/*
 * The checks.  Those that look at the tables alone remember, by a 64-bit hash, what
 * they have passed: few different tables occur in millions of states.
 */
#include "mmu_check.h"
#include "mmu_hash.h"
#include "spec_inv.h"

#define MMU_PASSED	(1U << 16)

/* In the place of a CPU's number: a walk through memory alone. */
#define MMU_MEMORY	4

static const char *const mmu_walker[] = {
	"CPU0", "CPU1", "CPU2", "CPU3", "a walk through memory",
};

static const struct spec_cpu mmu_check_cpu = {
	.maxphyaddr = MMU_PA_BITS, .nxe = true, .page1g = true, .shadow_stack = true,
};

static u64 mmu_memory_read(void *ctx, u64 table, unsigned int index)
{
	const struct mmu_state *s = ctx;
	u64 page = table >> SPEC_PAGE_SHIFT;

	return page < MMU_TABLES ? mmu_unpack(s->entry[page][index]) : ~0ULL;
}

static void mmu_translate(const struct mmu_state *s, unsigned int page,
			  struct spec_walk *walk)
{
	struct spec_memory memory = { .read = mmu_memory_read, .ctx = (void *)s };

	spec_translate(&memory, &mmu_check_cpu, MMU_ROOT << SPEC_PAGE_SHIFT,
		       (u64)page << SPEC_PAGE_SHIFT, walk);
}

static bool mmu_frame_in_use(const struct mmu_state *s, unsigned int frame)
{
	return frame >= MMU_FRAME0 && s->frame[frame - MMU_FRAME0] != MMU_F_FREE;
}

void mmu_check_table_used(const struct mmu_state *s, unsigned int cpu, unsigned int table)
{
	unsigned int state = s->table[table] & MMU_T_STATE;

	if (state != MMU_T_TAKEN && state != MMU_T_DEFERRED)
		mmu_violate("the operation of CPU%u uses page %u, which is no table any more",
			    cpu, table);
}

bool mmu_check_table(const struct mmu_state *s, unsigned int cpu, unsigned int table)
{
	unsigned int state = table < MMU_TABLES ? s->table[table] & MMU_T_STATE : 0;

	if (state == MMU_T_TAKEN || state == MMU_T_DEFERRED)
		return true;
	mmu_violate("CPU%u walks through page %u, which is no table any more", cpu, table);
	return mmu.unchecked && table < MMU_TABLES;
}

/* Pages that a split in flight may show as not mapped. */
static unsigned int mmu_window(const struct mmu_state *s)
{
	unsigned int i, window = 0;

	for (i = mmu_first_slot(); i < MMU_FLIGHTS; i++)
		window |= s->flight[i].window;
	return window;
}

bool mmu_check_fault(const struct mmu_state *s, unsigned int cpu, unsigned int page)
{
	if (!mmu_map_at(s->old)->page[page] || !mmu_map_at(s->new)->page[page] ||
	    (mmu_window(s) >> page & 1))
		return true;
	mmu_violate("%s faults at page %u, which is mapped all the time", mmu_walker[cpu],
		    page);
	return false;
}

static bool mmu_is(u16 mapped, unsigned int frame, unsigned int rights)
{
	return mapped && MMU_PAGE_FRAME(mapped) == frame &&
	       MMU_PAGE_RIGHTS(mapped) == rights;
}

bool mmu_check_read(const struct mmu_state *s, unsigned int cpu, unsigned int page,
		    unsigned int frame, unsigned int rights)
{
	if (!mmu_is(mmu_map_at(s->old)->page[page], frame, rights) &&
	    !mmu_is(mmu_map_at(s->new)->page[page], frame, rights))
		mmu_violate("%s finds frame %u, rights %u at page %u: neither old nor new",
			    mmu_walker[cpu], frame, rights, page);
	else if (!mmu_frame_in_use(s, frame))
		mmu_violate("%s finds frame %u at page %u, which was freed", mmu_walker[cpu],
			    frame, page);
	else
		return true;
	return false;
}

/* Return whether @key was there; put it there. */
static bool mmu_passed(u64 *passed, u64 key)
{
	u64 *slot = &passed[key % MMU_PASSED];
	bool there = *slot == key;

	*slot = key;
	return there;
}

/* A and D do not decide where a walk leads. */
static u64 mmu_tables_hash(const struct mmu_state *s)
{
	u16 entry[MMU_TABLES][2];
	unsigned int i;

	for (i = 0; i < 2 * MMU_TABLES; i++)
		(&entry[0][0])[i] = (&s->entry[0][0])[i] & ~(MMU_E_A | MMU_E_D);
	return mmu_hash(entry, sizeof(entry),
			((u64)s->old << 32 | s->new) << 8 | mmu_window(s));
}

void mmu_check_memory(const struct mmu_state *s)
{
	static u64 passed[MMU_PASSED];
	struct spec_walk walk;
	unsigned int page;

	if (mmu_passed(passed, mmu_tables_hash(s)))
		return;
	for (page = 0; page < MMU_VPAGES; page++) {
		mmu_translate(s, page, &walk);
		if (walk.outcome == SPEC_FAULT_ABSENT) {
			mmu_check_fault(s, MMU_MEMORY, page);
		} else if (walk.outcome == SPEC_FAULT_RESERVED) {
			mmu_violate("a reserved bit at page %u", page);
		} else {
			unsigned int base = page & ~(mmu_pages(walk.level) - 1);

			mmu_check_read(s, MMU_MEMORY, page,
				       (unsigned int)(walk.frame >> SPEC_PAGE_SHIFT) +
				       page - base,
				       (walk.writable ? MMU_W : 0) |
				       (walk.execute_disable ? 0 : MMU_X) |
				       (walk.user ? MMU_U : 0));
		}
	}
	if (mmu_violation[0])
		memset(passed, 0, sizeof(passed));
}

/* The environment of spec_check_tree(). */

static bool mmu_tree_is_table(void *ctx, u64 table, unsigned int level)
{
	const struct mmu_state *s = ctx;
	u64 page = table >> SPEC_PAGE_SHIFT;

	(void)level;
	return page < MMU_TABLES && (s->table[page] & MMU_T_STATE) == MMU_T_TAKEN;
}

static unsigned int mmu_tree_live(void *ctx, u64 table)
{
	return ((const struct mmu_state *)ctx)->table[table >> SPEC_PAGE_SHIFT] & MMU_T_LIVE;
}

static u8 mmu_visits[MMU_TABLES];
static u8 mmu_leaves[MMU_FRAMES];

static u64 mmu_tree_visit(void *ctx, u64 table)
{
	(void)ctx;
	return mmu_visits[table >> SPEC_PAGE_SHIFT]++;
}

static bool mmu_tree_frame_known(void *ctx, u64 pa, unsigned int level)
{
	unsigned int frame = (unsigned int)(pa >> SPEC_PAGE_SHIFT), i;
	const struct mmu_state *s = ctx;

	for (i = 0; i < mmu_pages(level); i++) {
		if (frame + i < MMU_FRAME0 ||
		    (s->frame[frame + i - MMU_FRAME0] & MMU_F_STATE) != MMU_F_HELD)
			return false;
	}
	return true;
}

static bool mmu_tree_has_table(void *ctx, u64 pa, u64 bytes, bool whole)
{
	(void)ctx; (void)bytes; (void)whole;
	return pa >> SPEC_PAGE_SHIFT < MMU_TABLES;
}

static u64 mmu_tree_seen(void *ctx, u64 pa, unsigned int level, u64 va, u64 entry)
{
	(void)ctx; (void)level; (void)va; (void)entry;
	return ++mmu_leaves[(pa >> SPEC_PAGE_SHIFT) - MMU_FRAME0];
}

static u64 mmu_tree_recorded(void *ctx, u64 pa, unsigned int level)
{
	const struct mmu_state *s = ctx;

	(void)level;
	return s->frame[(pa >> SPEC_PAGE_SHIFT) - MMU_FRAME0] & MMU_F_COUNT;
}

/*
 * Whether there may be tables that nobody has counted: Linux's, and those that a call under
 * way has left and will sweep.
 */
static bool mmu_tree_untracked(const struct mmu_state *s)
{
	unsigned int cpu;

	for (cpu = 0; cpu < mmu.cpus && mmu.spans; cpu++) {
		if (s->cpu[cpu].node)
			return true;
	}
	return mmu.linux_links;
}

static void mmu_tree_region(const struct mmu_state *s, struct spec_region *region)
{
	const bool untracked = mmu_tree_untracked(s);
	unsigned int level, page;

	*region = (struct spec_region){
		.cpu = mmu_check_cpu,
		.root = MMU_ROOT << SPEC_PAGE_SHIFT,
		.end = MMU_VPAGES << SPEC_PAGE_SHIFT,
		.foreign_tables = untracked,
		.mappings = mmu_map_leaves(mmu_map_at(s->new), 0),
	};
	for (level = 1; level <= 3; level++) {
		region->leaf_mask[level] = 1ULL << 9;
		region->leaf_value[level] = 1ULL << 9;
	}
	for (page = MMU_ROOT + 1; page < MMU_TABLES; page++) {
		/* These have live count 0. */
		if (!untracked || (s->table[page] & MMU_T_LIVE))
			region->tables += (s->table[page] & MMU_T_STATE) == MMU_T_TAKEN;
	}
}

bool mmu_tree_holds(const struct mmu_state *s, struct spec_result *result)
{
	static const struct spec_env env = {
		.memory = { .read = mmu_memory_read },
		.is_table = mmu_tree_is_table, .live = mmu_tree_live,
		.visit = mmu_tree_visit, .frame_known = mmu_tree_frame_known,
		.frame_has_table = mmu_tree_has_table, .frame_seen = mmu_tree_seen,
		.frame_recorded = mmu_tree_recorded,
	};
	struct spec_env here = env;
	struct spec_region region;

	memset(mmu_visits, 0, sizeof(mmu_visits));
	memset(mmu_leaves, 0, sizeof(mmu_leaves));
	here.memory.ctx = (void *)s;
	mmu_tree_region(s, &region);
	return spec_check_tree(&region, &here, result);
}

void mmu_check_tree(const struct mmu_state *s)
{
	static u64 passed[MMU_PASSED];
	struct spec_result result;

	if (mmu_passed(passed, mmu_hash(s->entry, offsetof(struct mmu_state, old) -
					offsetof(struct mmu_state, entry), s->new)))
		return;
	if (!mmu_tree_holds(s, &result))
		mmu_violate("invariant %u, %s, at level %u, address %#llx",
			    result.first.invariant,
			    spec_invariant_name(result.first.invariant),
			    result.first.level, (unsigned long long)result.first.va);
	/* The rest of the root is not the region's. */
	if (s->entry[MMU_ROOT][1])
		mmu_violate("an entry outside the region was changed");
	if (mmu_violation[0])
		memset(passed, 0, sizeof(passed));
}

/* The pages that operations in flight are changing. */
static unsigned int mmu_changing(const struct mmu_state *s)
{
	unsigned int i, pages = 0;

	for (i = mmu_first_slot(); i < MMU_FLIGHTS; i++)
		pages |= s->flight[i].pages;
	return pages;
}

/* A translation that a CPU still holds may lack the right to write, no more (I4). */
static void mmu_check_cached(const struct mmu_state *s, unsigned int cpu, u16 e,
			     unsigned int changing)
{
	unsigned int i, rights = MMU_TLB_RIGHTS(e);

	for (i = 0; i < mmu_pages(MMU_TLB_LEVEL(e)); i++) {
		unsigned int page = MMU_TLB_BASE(e) + i;
		u16 mapped = mmu_map_at(s->new)->page[page];

		if (changing >> page & 1)
			continue;
		if (!mapped || MMU_PAGE_FRAME(mapped) != MMU_TLB_FRAME(e) + i)
			mmu_violate("the operation returns, and CPU%u still has frame %u at page %u",
				    cpu, MMU_TLB_FRAME(e) + i, page);
		else if (rights & ~MMU_PAGE_RIGHTS(mapped))
			mmu_violate("the operation returns, and CPU%u still has rights %u at page %u",
				    cpu, rights, page);
		else if (MMU_PAGE_LEVEL(mapped) != MMU_TLB_LEVEL(e))
			/* I7: a page may not be cached in two sizes (4.10.4.2). */
			mmu_violate("the operation returns, and CPU%u still has page %u at level %u, which is mapped at level %u",
				    cpu, page, MMU_TLB_LEVEL(e), MMU_PAGE_LEVEL(mapped));
		else if ((rights ^ MMU_PAGE_RIGHTS(mapped)) & ~MMU_W)
			mmu_violate("the operation returns, and CPU%u still refuses at page %u what is allowed",
				    cpu, page);
	}
}

void mmu_check_quiescent(const struct mmu_state *s)
{
	const unsigned int changing = mmu_changing(s);
	struct spec_walk walk;
	unsigned int cpu, i;

	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		for (i = 0; i < MMU_TLB && s->cpu[cpu].tlb[i]; i++)
			mmu_check_cached(s, cpu, s->cpu[cpu].tlb[i], changing);
	}
	mmu_check_memory(s);
	/* Else a table may have been left, and an operation be half done. */
	if (!mmu.spans)
		mmu_check_tree(s);
	for (i = 0; i < MMU_VPAGES; i++) {
		u16 mapped = mmu_map_at(s->new)->page[i];

		if (!mapped || (changing >> i & 1) ||
		    !(s->frame[MMU_PAGE_FRAME(mapped) - MMU_FRAME0] & MMU_F_WRITTEN))
			continue;
		mmu_translate(s, i, &walk);
		if (!walk.dirty)
			mmu_violate("a store to page %u landed and its leaf's D is clear", i);
	}
}

void mmu_check_dirty(const struct mmu_state *s, unsigned int frame, unsigned int n,
		     u16 entry)
{
	for (; n--; frame++) {
		if ((s->frame[frame - MMU_FRAME0] & MMU_F_WRITTEN) && !(entry & MMU_E_D))
			mmu_violate("a store to frame %u landed and D = 0 is reported", frame);
	}
}

/*
 * A leaf that may not be written any more has D clear: it was reported, or, by the
 * range form, forgotten.
 */
static void mmu_check_protect(struct mmu_state *s, const struct mmu_flight *f,
			      const struct mmu_action *a)
{
	const struct mmu_map *old = mmu_map_at(s->old), *new = mmu_map_at(s->new);
	unsigned int page;

	for (page = 0; page < MMU_VPAGES; page++) {
		u16 was = old->page[page];
		unsigned int frame = MMU_PAGE_FRAME(was);

		if (!(f->pages >> page & 1) || !was ||
		    (MMU_PAGE_RIGHTS(new->page[page]) & MMU_W))
			continue;
		if (a->op.kind == SPEC_OP_PROTECT)
			mmu_check_dirty(s, frame, 1, a->entry);
		s->frame[frame - MMU_FRAME0] &= ~MMU_F_WRITTEN;
	}
}

void mmu_check_answer(struct mmu_state *s, const struct mmu_flight *f,
		      const struct mmu_action *a)
{
	struct mmu_answer expected;
	struct mmu_map after;

	/* Without its lock an operation takes effect who knows when. */
	if (mmu_lock_fault())
		return;
	if (a->answer.status + 1 != f->expect) {
		mmu_violate("the answer is %u and should be %d", a->answer.status,
			    f->expect - 1);
		return;
	}
	/* The frame and the reserve were looked at when the lock was taken. */
	mmu_map_apply(mmu_map_at(s->old), &a->op, a->page, MMU_TABLES, &after, &expected);
	expected.status = f->expect - 1;
	if (expected.status == MMU_OK && memcmp(&expected, &a->answer, sizeof(expected)))
		mmu_violate("the answer differs: leaf %#x/%#x at %u/%u, %u/%u leaves, %u/%u pages, revoked %u/%u (is/should be)",
			    a->answer.leaf, expected.leaf, a->answer.va, expected.va,
			    a->answer.leaves, expected.leaves, a->answer.pages,
			    expected.pages, a->answer.revoked, expected.revoked);
	if (a->op.kind == SPEC_OP_PROTECT || a->op.kind == SPEC_OP_PROTECT_RANGE)
		mmu_check_protect(s, f, a);
}

void mmu_check_table_unused(const struct mmu_state *s, unsigned int table, unsigned int slot)
{
	const struct mmu_flight *f = &s->flight[slot];
	unsigned int cpu, i;

	/* As the CPU that frees it sees it; its stores reach memory in this order. */
	if (mmu_load(s, f, table, 0) || mmu_load(s, f, table, 1))
		mmu_violate("table %u is freed and not all zero", table);
	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		const struct mmu_cpu *c = &s->cpu[cpu];

		for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
			if (MMU_PSC_TABLE(c->psc[i]) == table)
				mmu_violate("table %u is freed, and CPU%u can walk through it",
					    table, cpu);
		}
		if (c->walk && MMU_WALK_TABLE(c->walk) == table)
			mmu_violate("table %u is freed, and CPU%u is walking through it",
				    table, cpu);
	}
}

void mmu_check_frame_unused(const struct mmu_state *s, unsigned int frame)
{
	unsigned int cpu, i;

	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		const struct mmu_cpu *c = &s->cpu[cpu];

		for (i = 0; i < MMU_TLB && c->tlb[i]; i++) {
			unsigned int first = MMU_TLB_FRAME(c->tlb[i]);

			if (frame - first < mmu_pages(MMU_TLB_LEVEL(c->tlb[i])))
				mmu_violate("frame %u is freed, and CPU%u can access it",
					    frame, cpu);
		}
		if (c->stores & mmu_frame_bit(frame))
			mmu_violate("frame %u is freed, and a store of CPU%u to it has not landed",
				    frame, cpu);
	}
}
