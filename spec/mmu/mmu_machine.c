// SPDX-License-Identifier: GPL-2.0
/* What threads do, and what memory and interrupts do for them. */
#include "mmu_alloc.h"
#include "mmu_check.h"
#include "mmu_linux.h"
#include "mmu_op.h"

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
void mmu_drain_one(struct mmu_state *t, unsigned int slot)
{
	struct mmu_flight *f = &t->flight[slot];
	struct mmu_store store = f->buffer[0];

	memmove(f->buffer, f->buffer + 1, sizeof(f->buffer) - sizeof(f->buffer[0]));
	memset(&f->buffer[MMU_BUFFER - 1], 0, sizeof(f->buffer[0]));
	f->waiting--;
	if (store.where <= MMU_COUNTS_UNLOCKS) {
		*(store.where ? &t->counts_lock : &t->table_lock) = 0;
		return;
	}
	t->entry[store.where / 2][store.where & 1] = store.entry;
	mmu_check_memory(t);
}

void mmu_drains(const struct mmu_state *s)
{
	unsigned int slot;

	for (slot = mmu_first_slot(); slot < MMU_FLIGHTS; slot++) {
		if (!s->flight[slot].waiting)
			continue;
		mmu_drain_one(mmu_branch(s), slot);
		mmu_commit((struct mmu_step){ .what = MMU_DID_DRAIN,
					      .cpu = s->flight[slot].by - 1 });
	}
}

static void mmu_store(struct mmu_flight *f, const struct mmu_action *a)
{
	f->buffer[f->waiting].where = (u8)(a->page * 2 + a->index);
	f->buffer[f->waiting].entry = a->entry;
	f->waiting++;
}

/* A load sees the CPU's own stores first. */
u16 mmu_load(const struct mmu_state *t, const struct mmu_flight *f, unsigned int table,
	     unsigned int index)
{
	unsigned int i;

	for (i = f->waiting; i-- > 0;) {
		if (f->buffer[i].where == table * 2 + index)
			return f->buffer[i].entry;
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

static void mmu_send(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	const unsigned int slot = mmu_slot(cpu);
	struct mmu_flight *f = &t->flight[slot];
	unsigned int i;

	f->inv_start = a->page;
	f->inv_n = a->n;
	f->inv_step = a->level;
	/* What the user had stored is in memory: the instruction before is locked. */
	t->cpu[cpu].stores = 0;
	if (!mmu.explicit && !mmu.simple)
		mmu_refill_stores(&t->cpu[cpu]);
	for (i = 0; i < mmu.cpus; i++) {
		if ((a->whom == MMU_SEND_SELF && i != cpu) || (t->away >> i & 1))
			continue;
		f->pending |= 1U << i;
		t->cpu[i].ipi[slot] = 1;
	}
}

static void mmu_return(struct mmu_state *t, unsigned int cpu,
		       const struct mmu_action *a)
{
	struct mmu_cpu *c = &t->cpu[cpu];
	unsigned int other;

	c->answers = (u16)(c->answers | (a->answer.status + 1) << 4 * (c->op - 1));
	c->node = 0;
	mmu_returned = a;
	if (!mmu.spans)
		return;
	for (other = 0; other < mmu.cpus && !t->cpu[other].node; other++)
		;
	if (other == mmu.cpus)
		mmu_check_tree(t);
}

/* The core took something for a table, or for a leaf, that is none. */
static bool mmu_stray(const struct mmu_action *a)
{
	switch (a->act) {
	case MMU_ACT_LOAD:
	case MMU_ACT_STORE:
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
	case MMU_ACT_LIVE:
	case MMU_ACT_SET_LIVE:
	case MMU_ACT_DEFER:
		return a->page >= MMU_TABLES;
	case MMU_ACT_GET:
	case MMU_ACT_PUT:
		return a->page < MMU_FRAME0 || a->page >= MMU_FRAME0 + MMU_FRAMES;
	default:
		return false;
	}
}

/* Whether nobody else can tell when the action is done, or change what it returns. */
static bool mmu_local(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	const u16 ad = MMU_E_A | MMU_E_D;
	u16 entry;

	if (mmu_stray(a))
		return false;
	switch (a->act) {
	case MMU_ACT_LIVE:
	case MMU_ACT_SET_LIVE:
		return mmu_op_alone(t, cpu, a);
	case MMU_ACT_RESERVE:
	case MMU_ACT_TAKE:
	case MMU_ACT_DEFER:
	case MMU_ACT_GET:
	case MMU_ACT_PUT:
		/* Of tables and frames that nobody else knows. */
		return true;
	case MMU_ACT_RETURN:
		return true;
	case MMU_ACT_LOAD:
		/*
		 * Hardware sets A and D, once; Linux links tables where nothing is;
		 * all else only who has the lock changes.
		 */
		entry = mmu_load(t, &t->flight[mmu_slot(cpu)], a->page, a->index);
		return (entry ? (entry & ad) == ad : !mmu.linux_links) && mmu_op_alone(t, cpu, a);
	default:
		return false;
	}
}

/* Locked instructions wait until the store buffer is empty (SDM 8.2.2). */
static bool mmu_enabled(const struct mmu_state *t, const struct mmu_flight *f,
			const struct mmu_action *a)
{
	switch (a->act) {
	case MMU_ACT_SPAN:
	case MMU_ACT_LOCK:
		return !(mmu_held(t) & a->n);
	case MMU_ACT_SEND:
		return !f->waiting || mmu.broken == MMU_SEND_UNDRAINED;
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
	case MMU_ACT_UNLOCK:
		return !f->waiting;
	case MMU_ACT_STORE:
	case MMU_ACT_TABLE_UNLOCK:
	case MMU_ACT_COUNTS_UNLOCK:
		return f->waiting < MMU_BUFFER;
	case MMU_ACT_TABLE_LOCK:
		return !f->waiting && !t->table_lock;
	case MMU_ACT_COUNTS_LOCK:
		return !f->waiting && !t->counts_lock;
	case MMU_ACT_TOUCH:
		return !(t->vmas_locked & mmu_linux_vmas(a->page, 1));
	case MMU_ACT_LOCK_VMAS:
		return mmu_linux_lets_lock(t, a);
	case MMU_ACT_WAIT:
		return !f->pending;
	case MMU_ACT_GRACE:
		return mmu_linux_lets_free(t, (unsigned int)(f - t->flight));
	default:
		return true;
	}
}

/* What hardware does not look at. */
static u16 mmu_do_books(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	unsigned int pages = a->level ? mmu_pages(a->level) : 0, slot = mmu_slot(cpu);

	switch (a->act) {
	case MMU_ACT_LIVE:
		return t->table[a->page] & MMU_T_LIVE;
	case MMU_ACT_SET_LIVE:
		t->table[a->page] = (u8)((t->table[a->page] & ~MMU_T_LIVE) | a->n);
		return 0;
	case MMU_ACT_RESERVE:
		return mmu_reserve(t);
	case MMU_ACT_TAKE:
		return mmu_take(t, cpu);
	case MMU_ACT_DEFER:
		mmu_defer(t, a->page, slot);
		return 0;
	case MMU_ACT_GET:
		mmu_frame_get(t, a->page, pages);
		return 0;
	case MMU_ACT_PUT:
		mmu_check_dirty(t, a->page, pages, a->entry);
		mmu_frame_put(t, a->page, pages, slot);
		return 0;
	case MMU_ACT_FREE_TABLES:
		mmu_free_tables(t, slot);
		return 0;
	default:
		mmu_free_frames(t, slot);
		return 0;
	}
}

/* The locks of others: Linux's, and that of the counts. */
static u16 mmu_do_locks(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_flight *f = &t->flight[mmu_slot(cpu)];

	switch (a->act) {
	case MMU_ACT_LOCK_VMAS:
		t->vmas_locked = mmu_linux_vmas(a->page, a->n);
		return 0;
	case MMU_ACT_UNLOCK_VMAS:
		t->vmas_locked = 0;
		return 0;
	case MMU_ACT_TOUCH:
		t->touching[mmu_linux_vmas(a->page, 1) >> 1] |= 1U << cpu;
		return 0;
	case MMU_ACT_TOUCHED:
		t->touching[mmu_linux_vmas(a->page, 1) >> 1] &= ~(1U << cpu);
		return 0;
	case MMU_ACT_TABLE_LOCK:
		t->table_lock = 1;
		return 0;
	case MMU_ACT_COUNTS_LOCK:
		t->counts_lock = (u8)(cpu + 1);
		return 0;
	case MMU_ACT_COUNTS_UNLOCK:
		f->buffer[f->waiting++].where = MMU_COUNTS_UNLOCKS;
		return 0;
	default:
		f->buffer[f->waiting++].where = MMU_TABLE_UNLOCKS;
		return 0;
	}
}

/* What the core is about to do to a table is done to one, and under its lock. */
static void mmu_check_use(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	switch (a->act) {
	case MMU_ACT_STORE:
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
	case MMU_ACT_SET_LIVE:
		mmu_op_check_locks(t, cpu, a);
		mmu_check_table_used(t, cpu, a->page);
		break;
	case MMU_ACT_LOAD:
	case MMU_ACT_LIVE:
		mmu_check_table_used(t, cpu, a->page);
		break;
	default:
		break;
	}
}

/* Do it; return its value. */
static u16 mmu_do(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a)
{
	struct mmu_flight *f = &t->flight[mmu_slot(cpu)];

	if (mmu_stray(a)) {
		mmu_violate("the operation of CPU%u uses page %u, which is no %s", cpu, a->page,
			    a->act == MMU_ACT_GET || a->act == MMU_ACT_PUT ? "frame" : "table");
		return 0;
	}
	mmu_check_use(t, cpu, a);
	switch (a->act) {
	case MMU_ACT_ALLOC:
		return mmu_alloc(t, a->level, a->n, cpu);
	case MMU_ACT_FRAME_FREE:
		memset(&t->frame[a->page - MMU_FRAME0], MMU_F_FREE, a->n * sizeof(t->frame[0]));
		return 0;
	case MMU_ACT_SPAN:
		mmu_op_lock(t, cpu, a);
		return 0;
	case MMU_ACT_LOCK:
		mmu_op_begin(t, cpu, a);
		return 0;
	case MMU_ACT_LOAD:
		return mmu_load(t, f, a->page, a->index);
	case MMU_ACT_STORE:
		mmu_store(f, a);
		return 0;
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
		return mmu_exchange(t, a);
	case MMU_ACT_SEND:
		mmu_send(t, cpu, a);
		return 0;
	case MMU_ACT_WAIT:
	case MMU_ACT_GRACE:
		return 0;
	case MMU_ACT_LOCK_VMAS:
	case MMU_ACT_UNLOCK_VMAS:
	case MMU_ACT_TOUCH:
	case MMU_ACT_TOUCHED:
	case MMU_ACT_TABLE_LOCK:
	case MMU_ACT_TABLE_UNLOCK:
	case MMU_ACT_COUNTS_LOCK:
	case MMU_ACT_COUNTS_UNLOCK:
		return mmu_do_locks(t, cpu, a);
	case MMU_ACT_UNLOCK:
		mmu_op_end(t, cpu, a);
		return 0;
	case MMU_ACT_RELEASE:
		mmu_op_release(t, cpu);
		return 0;
	default:
		return mmu_do_books(t, cpu, a);
	}
}

/* Go on while nobody else can tell. */
static void mmu_run_local(struct mmu_state *t, unsigned int cpu)
{
	struct mmu_cpu *c = &t->cpu[cpu];

	while (c->node && !mmu_violation[0]) {
		const struct mmu_action *a = mmu_node_action(c->node);

		if (!mmu_local(t, cpu, a))
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

		if (!mmu_enabled(t, &t->flight[mmu_slot(cpu)], a))
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
	if (!mmu_in_handler(&s->cpu[cpu]) && mmu_thread_step(t, cpu))
		mmu_commit((struct mmu_step){ .what = MMU_DID_THREAD, .cpu = (u8)cpu,
					      .a = node, .page = s->cpu[cpu].op });
}

static void mmu_acknowledge(struct mmu_flight *f, unsigned int cpu)
{
	f->pending &= ~(1U << cpu);
}

/* One step of the handler of the shootdown in @slot. */
static void mmu_handle(const struct mmu_state *s, unsigned int cpu, unsigned int slot)
{
	struct mmu_state *t = mmu_branch(s);
	struct mmu_flight *f = &t->flight[slot];
	struct mmu_cpu *c = &t->cpu[cpu];
	u8 *ipi = &c->ipi[slot];
	unsigned int page;

	if (*ipi == 1 && mmu.broken == MMU_ACK_FIRST && (f->pending >> cpu & 1)) {
		mmu_acknowledge(f, cpu);
		mmu_commit((struct mmu_step){ .what = MMU_DID_HANDLER, .cpu = (u8)cpu,
					      .page = 0xff });
		return;
	}
	if (mmu.broken != MMU_HANDLER_UNDRAINED)
		c->stores = 0;
	page = f->inv_start + (*ipi - 1) * f->inv_step;
	mmu_invlpg(c, page);
	if ((*ipi)++ >= f->inv_n) {
		*ipi = 0;
		mmu_acknowledge(f, cpu);
		if (!mmu.explicit && !mmu.simple)
			mmu_refill_stores(c);
	}
	mmu_commit((struct mmu_step){ .what = MMU_DID_HANDLER, .cpu = (u8)cpu,
				      .page = (u8)page });
}

/*
 * The shootdown's handler, any time after the IPI was sent.  Taking the interrupt
 * and INVLPG itself drain the store buffer (both serialise, SDM 8.3).  Of several that
 * were sent any may come first, and the next begins when it has ended.
 */
void mmu_handler(const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_cpu *c = &s->cpu[cpu];
	const bool within = mmu_in_handler(c);
	unsigned int slot;

	for (slot = mmu_first_slot(); slot < MMU_FLIGHTS; slot++) {
		if (c->ipi[slot] > within)
			mmu_handle(s, cpu, slot);
	}
}

void mmu_successors(const struct mmu_state *s)
{
	unsigned int cpu;

	mmu_nsucc = 0;
	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		mmu_thread(s, cpu);
		mmu_handler(s, cpu);
	}
	mmu_drains(s);
	mmu_linux(s);
	mmu_hardware(s);
}

bool mmu_finished(const struct mmu_state *s)
{
	unsigned int cpu;

	for (cpu = 0; cpu < mmu.cpus; cpu++) {
		if (s->cpu[cpu].node || mmu_interrupted(&s->cpu[cpu]) ||
		    mmu_node_begin(cpu, s->cpu[cpu].op))
			return false;
	}
	return true;
}

void mmu_run_setup(struct mmu_state *s)
{
	const unsigned int cpus = mmu.cpus, slot = mmu_slot(0);

	mmu.cpus = 1;
	while (mmu_thread_step(s, 0) && !mmu_violation[0]) {
		while (s->flight[slot].waiting)
			mmu_drain_one(s, slot);
		s->flight[slot].pending = 0;
		s->cpu[0].ipi[slot] = 0;
	}
	mmu.cpus = cpus;
	s->cpu[0].op = 0;
	s->cpu[0].answers = 0;
}
