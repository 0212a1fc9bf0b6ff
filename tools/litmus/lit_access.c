// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses of user mode.
 *
 * A load, store or fetch takes any translation that its CPU has cached, or walks.
 * The reads of a walk are the machine's (mmu_model.c): whatever is read is cached,
 * so an access that walks is one that takes what was cached a moment ago.  What is
 * left for the access itself is the end of a walk at an entry that refuses it, and
 * for a store at a leaf whose D it sets.
 */
#include "lit_model.h"
#include "mmu_cache.h"
#include "mmu_check.h"
#include "mmu_op.h"

static const struct lit_step *lit_step_of(const struct lit_state *s, unsigned int thread)
{
	return &lit_model.test->thread[thread].step[s->u.run[thread].pc];
}

static unsigned int lit_rights(const struct lit_step *step)
{
	return MMU_U | (lit_writes(step) ? MMU_W : 0) |
	       (step->kind == LIT_EXEC ? MMU_X : 0);
}

/* Where the access of a thread's step goes; false: nowhere. */
static bool lit_place(const struct lit_state *s, unsigned int thread, struct lit_loc *loc)
{
	*loc = lit_step_of(s, thread)->loc;
	return loc->space != LIT_IN_REG ||
	       lit_place_of(s->u.run[thread].reg[loc->index], loc);
}

void lit_done(struct lit_runner *run, const struct lit_step *step, unsigned int result)
{
	if (step->reg >= 0)
		run->reg[step->reg] = (u8)result;
	run->pc++;
	run->phase = LIT_RUNS;
}

/* Whether the thread's last store was just this one. */
static bool lit_repeats(const struct lit_runner *run, unsigned int where, unsigned int value)
{
	const struct lit_store *last = &run->buffer[run->waiting - 1];

	return run->waiting && (last->where & ~LIT_MANY) == where && last->value == value;
}

void lit_store_to(struct lit_runner *run, unsigned int where, unsigned int value,
		  bool looped)
{
	if (looped && lit_repeats(run, where, value))
		run->buffer[run->waiting - 1].where |= LIT_MANY;
	else if (run->waiting == LIT_BUFFER)
		mmu_violate("bound: more than %u stores wait in one thread's store buffer",
			    LIT_BUFFER);
	else
		run->buffer[run->waiting++] = (struct lit_store){ (u16)where, (u16)value };
}

/* A thread's own stores first (SDM 8.2.3.5). */
bool lit_forward(const struct lit_runner *run, unsigned int where, unsigned int *value)
{
	unsigned int i;

	for (i = run->waiting; i-- > 0;) {
		if ((run->buffer[i].where & ~LIT_MANY) == where) {
			*value = run->buffer[i].value;
			return true;
		}
	}
	return false;
}

unsigned int lit_read_flag(const struct lit_state *s, unsigned int thread,
			   unsigned int flag)
{
	unsigned int value = s->u.flag[flag];

	lit_forward(&s->u.run[thread], lit_where_flag(flag), &value);
	return value;
}

static void lit_put(struct lit_user *u, struct mmu_state *m, unsigned int where,
		    unsigned int value)
{
	if (where < 64)
		u->word[where / LIT_SLOTS][where % LIT_SLOTS] = (u8)value;
	else if (where < 128)
		u->flag[where - 64] = (u8)value;
	else
		m->entry[(where - 128) / 2][where & 1] = (u16)value;
}

/* The oldest store reaches memory; @last: and no other like it waits. */
static void lit_drain_one(const struct lit_state *s, unsigned int thread, bool last)
{
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);
	struct lit_runner *run = &u->run[thread];
	struct lit_store store = run->buffer[0];

	if (last) {
		memmove(run->buffer, run->buffer + 1, sizeof(run->buffer) - sizeof(store));
		memset(&run->buffer[LIT_BUFFER - 1], 0, sizeof(store));
		run->waiting--;
	}
	store.where &= ~LIT_MANY;
	lit_put(u, m, store.where, store.value);
	lit_commit(thread, LIT_DID_DRAIN, store.where, store.value, 0);
}

/* x86-TSO: at any time. */
void lit_drain(const struct lit_state *s, unsigned int thread)
{
	lit_drain_one(s, thread, true);
	if (s->u.run[thread].buffer[0].where & LIT_MANY)
		lit_drain_one(s, thread, false);
}

unsigned int lit_operand(const struct lit_runner *run, const struct lit_operand *o)
{
	return o->reg ? run->reg[o->n] : o->n;
}

unsigned int lit_calculate(enum lit_op op, unsigned int a, unsigned int b)
{
	unsigned int value = lit_calc(op, a, b);

	if (value == LIT_ELSE && a != LIT_ELSE && b != LIT_ELSE)
		mmu_violate("bound: a result out of range: numbers are 0 to %u, and nothing is added to addresses",
			    LIT_NUMBERS - 1);
	return value;
}

/* What a locked instruction leaves in memory. */
static unsigned int lit_locked(const struct lit_runner *run, const struct lit_step *step,
			       unsigned int value)
{
	unsigned int first = lit_operand(run, &step->arg[0]);

	switch (step->kind) {
	case LIT_XCHG:
		return first;
	case LIT_CMPXCHG:
		return value == first ? lit_operand(run, &step->arg[1]) : value;
	default:
		/* What was there before may be a fault's remains. */
		return value == LIT_POISON ? value : lit_calculate(step->op, value, first);
	}
}

/* The word at @where is loaded, stored to, exchanged. */
static unsigned int lit_use(struct lit_user *u, struct mmu_state *m, unsigned int thread,
			    const struct lit_step *step, unsigned int where,
			    unsigned int value)
{
	struct lit_runner *run = &u->run[thread];

	switch (step->kind) {
	case LIT_LOAD:
		lit_forward(run, where, &value);
		return value;
	case LIT_STORE:
		lit_store_to(run, where, lit_operand(run, &step->arg[0]),
			     lit_model.looped[thread][run->pc]);
		return LIT_OK;
	default:
		lit_put(u, m, where, lit_locked(run, step, value));
		return value;
	}
}

/* Locked instructions wait until the buffer is empty; stores, if the test says so. */
static bool lit_can_access(const struct lit_state *s, unsigned int thread)
{
	const unsigned int room = lit_model.test->stores, waiting = s->u.run[thread].waiting;
	const unsigned int kind = lit_step_of(s, thread)->kind;

	if (kind == LIT_XCHG || kind == LIT_UPDATE || kind == LIT_CMPXCHG)
		return !waiting;
	return kind != LIT_STORE || !room || waiting < room;
}

/* What the fetch from a frame finds. */
static unsigned int lit_fetch(const struct lit_state *s, unsigned int frame)
{
	if ((s->m.frame[frame - MMU_FRAME0] & (MMU_F_STATE | MMU_F_HANDLE)) == MMU_F_HELD)
		mmu_violate("bound: exec of a fresh page, in which there is no code");
	return lit_model.code[frame - MMU_FRAME0];
}

/*
 * The access ends at page frame @frame.  @leaf: the entry, at @where in the tables,
 * whose A and D the store sets; else NULL.
 */
static void lit_reach(const struct lit_state *s, unsigned int thread, unsigned int frame,
		      const u16 *leaf, unsigned int where, u16 translation)
{
	const struct lit_step *step = lit_step_of(s, thread);
	unsigned int cpu = s->u.run[thread].cpu, result = LIT_POISON;
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);

	if (leaf) {
		m->entry[where / 2][where & 1] = *leaf | MMU_E_A | MMU_E_D;
		mmu_cache_translation(&m->cpu[cpu], translation | MMU_TLB_D);
	}
	if (frame < MMU_FRAME0)
		result = lit_writes(step) ? LIT_OK : LIT_POISON;
	else if (step->kind == LIT_EXEC)
		result = lit_fetch(s, frame);
	else
		result = lit_use(u, m, thread, step, lit_where_word(frame, step->loc.slot),
				 s->u.word[frame - MMU_FRAME0][step->loc.slot]);
	lit_done(&u->run[thread], step, result);
	lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc, result, translation);
}

/*
 * Page fault.  Linux answers a fetch or load that a present entry refuses with
 * SIGSEGV at once (access_error() in arch/x86/mm/fault.c); all else is looked at.
 *
 * An exception drains the store buffer (SDM vol. 3A, "Store Buffer").  The walk may have
 * been done before that; but what it found is cached as well, or, if nothing was mapped,
 * is looked at once more by the kernel, so it may be done again.
 */
static void lit_fault(const struct lit_state *s, unsigned int thread, unsigned int page,
		      bool present)
{
	const struct lit_step *step = lit_step_of(s, thread);
	struct lit_runner *run;
	struct lit_user *u;
	struct mmu_state *m;

	if (s->u.run[thread].waiting)
		return;
	u = lit_branch(s, &m);
	run = &u->run[thread];
	mmu_fault(&m->cpu[run->cpu], page);
	if (present && !lit_writes(step))
		lit_done(run, step, LIT_F);
	else
		run->phase = LIT_FAULTED;
	lit_commit(thread, LIT_DID_FAULT, s->u.run[thread].pc, present, page);
}

/* A walk reads the entry of @page at @level in @table. */
static void lit_walk(const struct lit_state *s, unsigned int thread, unsigned int page,
		     unsigned int level, unsigned int table, unsigned int rights)
{
	unsigned int where = table * 2 + (level == 4 ? 0 : page >> (level - 1) & 1);
	unsigned int needed = lit_rights(lit_step_of(s, thread));
	unsigned int base = page & ~(mmu_pages(level) - 1);
	const u16 *entry = &s->m.entry[where / 2][where & 1];
	const struct mmu_seen *seen = &mmu_seen[level][*entry];
	u16 e;

	if (seen->kind == SPEC_ABSENT) {
		lit_fault(s, thread, page, false);
		return;
	}
	if (seen->kind != SPEC_LEAF)
		return;
	rights &= seen->rights;
	if (needed & ~rights) {
		lit_fault(s, thread, page, true);
	} else if (needed & MMU_W) {
		e = MMU_TLB_ENTRY(base, level, seen->page, rights, 0);
		lit_reach(s, thread, seen->page + page - base, entry, where, e);
	}
}

static void lit_access_page(const struct lit_state *s, unsigned int thread,
			    unsigned int page)
{
	unsigned int needed = lit_rights(lit_step_of(s, thread)), i;
	const struct mmu_cpu *c = &s->m.cpu[s->u.run[thread].cpu];

	for (i = 0; i < MMU_TLB && c->tlb[i]; i++) {
		u16 e = c->tlb[i];

		if (!mmu_tlb_covers(e, page))
			continue;
		if (needed & ~MMU_TLB_RIGHTS(e))
			lit_fault(s, thread, page, true);
		else if (!(needed & MMU_W) || (e & MMU_TLB_D))
			lit_reach(s, thread, MMU_TLB_FRAME(e) + page - MMU_TLB_BASE(e),
				  NULL, 0, e);
	}
	lit_walk(s, thread, page, 4, MMU_ROOT, MMU_U | MMU_W | MMU_X);
	for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
		if (mmu_psc_covers(c->psc[i], page))
			lit_walk(s, thread, page, MMU_PSC_LEVEL(c->psc[i]),
				 MMU_PSC_TABLE(c->psc[i]), MMU_PSC_RIGHTS(c->psc[i]));
	}
}

static void lit_access_flag(const struct lit_state *s, unsigned int thread,
			    unsigned int flag)
{
	const struct lit_step *step = lit_step_of(s, thread);
	unsigned int result;
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);

	result = lit_use(u, m, thread, step, lit_where_flag(flag), s->u.flag[flag]);
	lit_done(&u->run[thread], step, result);
	lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc, result, 0);
}

void lit_access(const struct lit_state *s, unsigned int thread)
{
	struct lit_loc loc;

	if (!lit_can_access(s, thread))
		return;
	if (!lit_place(s, thread, &loc))
		mmu_violate("bound: an access where a register holds no address");
	else if (loc.space == LIT_IN_FLAG)
		lit_access_flag(s, thread, loc.index);
	else
		lit_access_page(s, thread, lit_page_of(lit_model.test, &loc));
}

/* Rights that a walk through memory finds at @page; 0: nothing is mapped. */
static unsigned int lit_mapped(const struct mmu_state *m, unsigned int page)
{
	unsigned int table = MMU_ROOT, rights = MMU_U | MMU_W | MMU_X, level;
	const struct mmu_seen *seen;

	for (level = 4; level; level--) {
		seen = &mmu_seen[level][m->entry[table][level == 4 ? 0 :
							page >> (level - 1) & 1]];
		if (seen->kind == SPEC_ABSENT)
			return 0;
		rights &= seen->rights;
		if (seen->kind == SPEC_LEAF)
			return rights;
		table = seen->page;
	}
	return 0;
}

/*
 * After a fault the kernel looks (vpt_fault()).  If what is mapped allows the access,
 * it is tried again; Linux sees that without the page's lock, too.  Else the lock
 * is waited for, and then it is SIGSEGV, or, in demand mode, a page is mapped.
 */
void lit_look(const struct lit_state *s, unsigned int thread)
{
	const struct lit_step *step = lit_step_of(s, thread);
	struct lit_loc loc;
	bool somewhere = lit_place(s, thread, &loc);
	unsigned int page = somewhere ? lit_page_of(lit_model.test, &loc) : 0;
	unsigned int mapped = lit_mapped(&s->m, page);
	struct mmu_state *m;
	struct lit_user *u;

	if (mapped && !(lit_rights(step) & ~mapped)) {
		u = lit_branch(s, &m);
		u->run[thread].phase = LIT_RUNS;
		lit_commit(thread, LIT_DID_LOOK, s->u.run[thread].pc, 0, page);
		return;
	}
	if ((mmu_held(&s->m) >> page & 1) && mmu.broken != MMU_PROTECT_GAP)
		return;
	if (!mapped && lit_model.test->demand) {
		lit_begin_call(s, thread, lit_model.demand[thread][page], LIT_DEMANDS);
		return;
	}
	u = lit_branch(s, &m);
	lit_done(&u->run[thread], step, LIT_F);
	lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc, LIT_F, 0);
}
