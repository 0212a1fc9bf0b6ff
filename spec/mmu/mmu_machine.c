// SPDX-License-Identifier: GPL-2.0
/* What threads do, and what memory and interrupts do for them. */
#include "mmu_alloc.h"
#include "mmu_check.h"
#include "mmu_linux.h"

const struct mmu_action *mmu_returned;

void mmu_machine_init(struct mmu_state *s, unsigned int reserve, unsigned int foreign)
{
	unsigned int page;

	memset(s, 0, sizeof(*s));
	s->table[MMU_ROOT] = MMU_T_TAKEN;
	for (page = MMU_ROOT + 1; page < MMU_TABLES; page++)
		s->table[page] = page - MMU_ROOT <= reserve ? MMU_T_RESERVE : MMU_T_OTHERS;
	s->table[0] = MMU_T_OTHERS;
	s->foreign = (u8)foreign;
}

/* x86-TSO: stores reach memory in order, at any time (SDM 8.2.2). */
void mmu_drain_one(struct mmu_state *t)
{
	struct mmu_store store = t->buffer[0];

	memmove(t->buffer, t->buffer + 1, sizeof(t->buffer) - sizeof(t->buffer[0]));
	memset(&t->buffer[MMU_BUFFER - 1], 0, sizeof(t->buffer[0]));
	t->waiting--;
	if (!store.where) {
		t->table_lock = 0;
		return;
	}
	t->entry[store.where / 2][store.where & 1] = store.entry;
	mmu_check_memory(t);
}

static void mmu_store(struct mmu_state *t, const struct mmu_action *a)
{
	t->buffer[t->waiting].where = (u8)(a->page * 2 + a->index);
	t->buffer[t->waiting].entry = a->entry;
	t->waiting++;
}

/* A load sees the CPU's own stores first. */
u16 mmu_load(const struct mmu_state *t, unsigned int table, unsigned int index)
{
	unsigned int i;

	for (i = t->waiting; i-- > 0;) {
		if (t->buffer[i].where == table * 2 + index)
			return t->buffer[i].entry;
	}
	return t->entry[table][index];
}

/* One atomic step, with the store buffer empty. */
static u16 mmu_exchange(struct mmu_state *t, const struct mmu_action *a)
{
	u16 old = t->entry[a->page][a->index];

	if (a->act == MMU_ACT_COMPARE && old != a->old)
		return old;
	t->entry[a->page][a->index] = a->entry;
	mmu_check_memory(t);
	return old;
}

static void mmu_lock(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_answer answer;
	struct mmu_map after;
	unsigned int i;

	mmu_map_apply(mmu_map_at(t->old), &a->op, a->page, mmu_reserve(t), &after,
		      &answer);
	t->holder = (u8)(cpu + 1);
	t->new = mmu_map_number(&after);
	t->expect = answer.status + 1;
	if (a->op.kind != SPEC_OP_SPLIT || answer.status != MMU_OK)
		return;
	for (i = 0; i < mmu_pages(MMU_PAGE_LEVEL(answer.leaf)); i++)
		t->window |= 1U << (answer.va + i);
}

/* The operation is over: its map is the only one now. */
static void mmu_unlock(struct mmu_state *t, const struct mmu_action *a)
{
	mmu_check_answer(t, a);
	t->old = t->new;
	t->holder = 0;
	t->window = 0;
	t->expect = 0;
	t->inv_start = 0;
	t->inv_n = 0;
	t->inv_step = 0;
	mmu_check_quiescent(t);
}

static void mmu_send(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	unsigned int i;

	t->inv_start = a->page;
	t->inv_n = a->n;
	t->inv_step = a->level;
	/* What the user had stored is in memory: the instruction before is locked. */
	t->cpu[cpu].stores = 0;
	if (!mmu.explicit && !mmu.simple)
		mmu_refill_stores(&t->cpu[cpu]);
	for (i = 0; i < mmu.cpus; i++) {
		if ((a->whom == MMU_SEND_SELF && i != cpu) || (t->away >> i & 1))
			continue;
		t->pending |= 1U << i;
		t->cpu[i].ipi = 1;
	}
}

static void mmu_return(struct mmu_state *t, unsigned int cpu,
		       const struct mmu_action *a)
{
	struct mmu_cpu *c = &t->cpu[cpu];

	c->answers = (u16)(c->answers | (a->answer.status + 1) << 4 * (c->op - 1));
	c->node = 0;
	mmu_returned = a;
}

/* Whether nobody else can tell when the action is done, or change what it returns. */
static bool mmu_local(const struct mmu_state *t, const struct mmu_action *a)
{
	u16 entry;

	switch (a->act) {
	case MMU_ACT_LIVE:
	case MMU_ACT_SET_LIVE:
	case MMU_ACT_RESERVE:
	case MMU_ACT_TAKE:
	case MMU_ACT_DEFER:
	case MMU_ACT_GET:
	case MMU_ACT_PUT:
		/* Only the holder of the region's lock reads or writes these. */
		return true;
	case MMU_ACT_RETURN:
		return true;
	case MMU_ACT_LOAD:
		/*
		 * Hardware sets A and D, once; Linux links tables where nothing is;
		 * all else only the holder changes.
		 */
		entry = mmu_load(t, a->page, a->index);
		return (!entry && !mmu.linux_links) || (entry & (MMU_E_A | MMU_E_D)) == (MMU_E_A | MMU_E_D);
	default:
		return false;
	}
}

/* Locked instructions wait until the store buffer is empty (SDM 8.2.2). */
static bool mmu_enabled(const struct mmu_state *t, const struct mmu_action *a)
{
	switch (a->act) {
	case MMU_ACT_LOCK:
		return !t->holder;
	case MMU_ACT_SEND:
		return !t->waiting || mmu.broken == MMU_SEND_UNDRAINED;
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
	case MMU_ACT_UNLOCK:
		return !t->waiting;
	case MMU_ACT_STORE:
	case MMU_ACT_TABLE_UNLOCK:
		return t->waiting < MMU_BUFFER;
	case MMU_ACT_TABLE_LOCK:
		return !t->waiting && !t->table_lock;
	case MMU_ACT_LOCK_VMAS:
		return mmu_linux_lets_lock(t, a);
	case MMU_ACT_WAIT:
		return !t->pending;
	default:
		return true;
	}
}

/* What only the holder of the region's lock looks at. */
static u16 mmu_do_books(struct mmu_state *t, const struct mmu_action *a)
{
	unsigned int pages = a->level ? mmu_pages(a->level) : 0;

	switch (a->act) {
	case MMU_ACT_LIVE:
		return t->table[a->page] & MMU_T_LIVE;
	case MMU_ACT_SET_LIVE:
		t->table[a->page] = (u8)((t->table[a->page] & ~MMU_T_LIVE) | a->n);
		return 0;
	case MMU_ACT_RESERVE:
		return mmu_reserve(t);
	case MMU_ACT_TAKE:
		return mmu_take(t);
	case MMU_ACT_DEFER:
		mmu_defer(t, a->page);
		return 0;
	case MMU_ACT_GET:
		mmu_frame_get(t, a->page, pages);
		return 0;
	case MMU_ACT_PUT:
		mmu_check_dirty(t, a->page, pages, a->entry);
		mmu_frame_put(t, a->page, pages);
		return 0;
	case MMU_ACT_FREE_TABLES:
		mmu_free_tables(t);
		return 0;
	default:
		mmu_free_frames(t);
		return 0;
	}
}

/* Do it; return its value. */
static u16 mmu_do(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	switch (a->act) {
	case MMU_ACT_ALLOC:
		return mmu_alloc(t, a->level, a->n);
	case MMU_ACT_FRAME_FREE:
		memset(&t->frame[a->page - MMU_FRAME0], MMU_F_FREE, a->n);
		return 0;
	case MMU_ACT_LOCK:
		mmu_lock(t, cpu, a);
		return 0;
	case MMU_ACT_LOAD:
		return mmu_load(t, a->page, a->index);
	case MMU_ACT_STORE:
		mmu_store(t, a);
		return 0;
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
		return mmu_exchange(t, a);
	case MMU_ACT_SEND:
		mmu_send(t, cpu, a);
		return 0;
	case MMU_ACT_WAIT:
		return 0;
	case MMU_ACT_LOCK_VMAS:
		t->vmas_locked = mmu_linux_vmas(a->page, a->n);
		return 0;
	case MMU_ACT_UNLOCK_VMAS:
		t->vmas_locked = 0;
		return 0;
	case MMU_ACT_TABLE_LOCK:
		t->table_lock = 1;
		return 0;
	case MMU_ACT_TABLE_UNLOCK:
		t->waiting++;	/* the store that releases it */
		return 0;
	case MMU_ACT_UNLOCK:
		mmu_unlock(t, a);
		return 0;
	default:
		return mmu_do_books(t, a);
	}
}

/* Go on while nobody else can tell. */
static void mmu_run_local(struct mmu_state *t, unsigned int cpu)
{
	struct mmu_cpu *c = &t->cpu[cpu];

	while (c->node && !mmu_violation[0]) {
		const struct mmu_action *a = mmu_node_action(c->node);

		if (!mmu_local(t, a))
			return;
		if (a->act == MMU_ACT_RETURN)
			mmu_return(t, cpu, a);
		else
			c->node = mmu_node_next(c->node, mmu_do(t, cpu, a));
	}
}

bool mmu_thread_step(struct mmu_state *t, unsigned int cpu)
{
	struct mmu_cpu *c = &t->cpu[cpu];

	if (!c->node) {
		c->node = mmu_node_begin(cpu, c->op);
		if (!c->node)
			return false;
		c->op++;
	} else {
		const struct mmu_action *a = mmu_node_action(c->node);

		if (!mmu_enabled(t, a))
			return false;
		c->node = mmu_node_next(c->node, mmu_do(t, cpu, a));
	}
	mmu_run_local(t, cpu);
	return true;
}

static void mmu_thread(const struct mmu_state *s, unsigned int cpu)
{
	struct mmu_state *t = mmu_branch(s);
	u16 node = s->cpu[cpu].node;

	/* A thread does not run while its CPU is in the handler. */
	if (s->cpu[cpu].ipi <= 1 && mmu_thread_step(t, cpu))
		mmu_commit((struct mmu_step){ .what = MMU_DID_THREAD, .cpu = (u8)cpu,
					      .a = node, .page = s->cpu[cpu].op });
}

static void mmu_acknowledge(struct mmu_state *t, unsigned int cpu)
{
	t->pending &= ~(1U << cpu);
}

/*
 * The shootdown's handler, any time after the IPI was sent.  Taking the interrupt
 * and INVLPG itself drain the store buffer (both serialise, SDM 8.3).
 */
void mmu_handler(const struct mmu_state *s, unsigned int cpu)
{
	struct mmu_state *t;
	struct mmu_cpu *c;
	unsigned int page;

	if (!s->cpu[cpu].ipi)
		return;
	t = mmu_branch(s);
	c = &t->cpu[cpu];
	if (c->ipi == 1 && mmu.broken == MMU_ACK_FIRST && (t->pending >> cpu & 1)) {
		mmu_acknowledge(t, cpu);
		mmu_commit((struct mmu_step){ .what = MMU_DID_HANDLER, .cpu = (u8)cpu,
					      .page = 0xff });
		return;
	}
	if (mmu.broken != MMU_HANDLER_UNDRAINED)
		c->stores = 0;
	page = t->inv_start + (c->ipi - 1) * t->inv_step;
	mmu_invlpg(c, page);
	if (c->ipi++ >= t->inv_n) {
		c->ipi = 0;
		mmu_acknowledge(t, cpu);
		if (!mmu.explicit && !mmu.simple)
			mmu_refill_stores(c);
	}
	mmu_commit((struct mmu_step){ .what = MMU_DID_HANDLER, .cpu = (u8)cpu,
				      .page = (u8)page });
}

void mmu_successors(const struct mmu_state *s)
{
	unsigned int cpu;

	mmu_nsucc = 0;
	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		mmu_thread(s, cpu);
		mmu_handler(s, cpu);
	}
	if (s->waiting) {
		mmu_drain_one(mmu_branch(s));
		mmu_commit((struct mmu_step){ .what = MMU_DID_DRAIN,
					      .cpu = s->holder - 1 });
	}
	mmu_linux(s);
	mmu_hardware(s);
}

bool mmu_finished(const struct mmu_state *s)
{
	unsigned int cpu;

	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		if (s->cpu[cpu].node || s->cpu[cpu].ipi ||
		    mmu_node_begin(cpu, s->cpu[cpu].op))
			return false;
	}
	return true;
}
