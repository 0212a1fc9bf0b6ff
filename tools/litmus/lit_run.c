// SPDX-License-Identifier: GPL-2.0
/* What the threads of a test may do in a state, and what may happen around them. */
#include "lit_model.h"
#include "mmu_check.h"
#include "mmu_op.h"
#include "spec_inv.h"

struct lit_user lit_succ[MMU_SUCCESSORS];

static const struct lit_step *lit_step_of(const struct lit_state *s, unsigned int thread)
{
	return &lit_model.test->thread[thread].step[s->u.run[thread].pc];
}

struct lit_user *lit_branch(const struct lit_state *s, struct mmu_state **m)
{
	struct lit_user *u = &lit_succ[mmu_nsucc];

	memcpy(u, &s->u, lit_user_bytes(lit_model.test));
	*m = mmu_branch(&s->m);
	return u;
}

void lit_commit(unsigned int thread, enum lit_what what, unsigned int a, unsigned int b,
		unsigned int page)
{
	mmu_commit((struct mmu_step){ .what = (u8)what, .cpu = (u8)thread, .a = (u16)a,
				      .b = (u16)b, .page = (u8)page });
}

void lit_begin_call(const struct lit_state *s, unsigned int thread, unsigned int slot,
		    enum lit_phase phase)
{
	struct lit_user *u;
	struct mmu_state *m;
	struct mmu_cpu *c;

	/* The call takes a mutex, with a locked instruction. */
	if (s->u.run[thread].waiting)
		return;
	u = lit_branch(s, &m);
	c = &m->cpu[u->run[thread].cpu];
	c->node = mmu_node_begin(thread, slot);
	c->op = 1;
	u->run[thread].phase = (u8)phase;
	lit_commit(thread, LIT_DID_BEGIN, s->u.run[thread].pc, 0, 0);
}

/* What was allocated is zero; what is freed is anybody's. */
static void lit_frames_changed(struct lit_user *u, const u16 *before, const u16 *after)
{
	unsigned int i;

	for (i = 0; i < MMU_FRAMES; i++) {
		if (before[i] == MMU_F_FREE && after[i] != MMU_F_FREE)
			memset(u->word[i], 0, LIT_SLOTS);
		else if (before[i] != MMU_F_FREE && after[i] == MMU_F_FREE)
			memset(u->word[i], LIT_POISON, LIT_SLOTS);
	}
}

static unsigned int lit_answer(const struct lit_step *step)
{
	if (mmu_returned->answer.status || step->query == LIT_STATUS)
		return LIT_OK + mmu_returned->answer.status;
	return !!(mmu_returned->entry & (step->query == LIT_DIRTY ? MMU_E_D : MMU_E_A));
}

/* Whether the call that has returned ran out of what only the model has little of. */
static void lit_check_pools(unsigned int act)
{
	if (mmu_returned->answer.status != MMU_NOMEM)
		return;
	if (act == MMU_ACT_ALLOC)
		mmu_violate("bound: the model's %u frames of 4K are all in use", MMU_FRAMES);
	else if (lit_model.test->tables == LIT_UNLIMITED)
		mmu_violate("bound: the model's %u tables are all in use", MMU_TABLES - 2);
}

/* One step of a call under way. */
static void lit_call(const struct lit_state *s, unsigned int thread)
{
	unsigned int cpu = s->u.run[thread].cpu;
	u16 node = s->m.cpu[cpu].node;
	unsigned int act = mmu_node_action(node)->act;
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);
	struct lit_runner *run = &u->run[thread];

	if (!mmu_thread_step(m, cpu))
		return;
	if (memcmp(s->m.frame, m->frame, sizeof(m->frame)))
		lit_frames_changed(u, s->m.frame, m->frame);
	/* tlb_gen goes up: CPUs that are away will see that they are behind. */
	if (act == MMU_ACT_SEND && lit_model.moves && mmu.broken != MMU_NO_GENERATION)
		u->behind = (u8)((1U << mmu.cpus) - 1);
	if (!m->cpu[cpu].node) {
		lit_check_pools(act);
		m->cpu[cpu].op = 0;
		m->cpu[cpu].answers = 0;
		if (run->phase == LIT_DEMANDS)
			run->phase = LIT_RUNS;
		else
			lit_done(run, lit_step_of(s, thread), lit_answer(lit_step_of(s, thread)));
	}
	lit_commit(thread, LIT_DID_CALL, s->u.run[thread].pc, node, 0);
}

/* A step without a choice: what becomes of the thread; false: not now. */
static bool lit_plain(struct lit_runner *run, struct mmu_state *m,
		      const struct lit_state *s, unsigned int thread)
{
	const struct lit_step *step = lit_step_of(s, thread);
	struct spec_result unused;
	unsigned int i;

	switch (step->kind) {
	case LIT_FENCE:
		lit_done(run, step, 0);
		return !s->u.run[thread].waiting;
	case LIT_WAIT:
		lit_done(run, step, 0);
		return lit_read_flag(s, thread, step->loc.index) == step->value;
	case LIT_LOOP:
		lit_done(run, step, 0);
		return true;
	case LIT_UNTIL:
		for (i = 0; i < step->nuntil; i++) {
			const struct lit_until *at = &step->until[i];

			if ((at->reg ? run->reg[at->index] :
			     lit_read_flag(s, thread, at->index)) == at->value)
				break;
		}
		run->pc = (u8)(i < step->nuntil ? run->pc + 1U : step->start);
		return true;
	case LIT_CHECK:
		lit_done(run, step, !mmu_tree_holds(&s->m, &unused));
		return !mmu_held(&s->m) && !s->u.run[thread].waiting;
	case LIT_INVLPG:
		mmu_invlpg(&m->cpu[run->cpu], lit_page_of(lit_model.test, &step->loc));
		lit_done(run, step, 0);
		return !s->u.run[thread].waiting;	/* INVLPG serialises */
	default:
		return false;
	}
}

static void lit_leave(const struct lit_state *s, unsigned int thread)
{
	const struct lit_step *step = lit_step_of(s, thread);
	struct mmu_state *m;
	struct lit_user *u;
	unsigned int t;

	for (t = 0; t < lit_model.test->nthreads; t++) {
		if (t == thread || s->u.run[t].cpu != step->value)
			continue;
		mmu_violate("bound: P%u moves to a CPU where P%u is: in the model each has one to itself",
			    thread, t);
		return;
	}
	if (s->u.run[thread].waiting)
		return;
	u = lit_branch(s, &m);
	/* In mm_cpumask() before the generation is read (switch_mm_irqs_off()). */
	m->away |= 1U << u->run[thread].cpu;
	m->away &= ~(1U << step->value);
	u->run[thread].cpu = (u8)step->value;
	u->run[thread].phase = LIT_ARRIVES;
	lit_commit(thread, LIT_DID_LEAVE, s->u.run[thread].pc, 0, 0);
}

/* Is this CPU's generation the current one?  If not, everything is flushed. */
static void lit_arrive(const struct lit_state *s, unsigned int thread)
{
	struct mmu_state *m;
	struct lit_user *u = lit_branch(s, &m);
	struct mmu_cpu *c = &m->cpu[u->run[thread].cpu];
	bool behind = u->behind >> u->run[thread].cpu & 1;

	if (behind) {
		memset(c->tlb, 0, sizeof(c->tlb));
		memset(c->psc, 0, sizeof(c->psc));
		u->behind &= ~(1U << u->run[thread].cpu);
	}
	lit_done(&u->run[thread], lit_step_of(s, thread), 0);
	lit_commit(thread, LIT_DID_ARRIVE, s->u.run[thread].pc, behind, 0);
}

static void lit_run_step(const struct lit_state *s, unsigned int thread)
{
	const struct lit_step *step = lit_step_of(s, thread);
	struct mmu_state *m;
	struct lit_user *u;

	switch (step->kind) {
	case LIT_LOAD:
	case LIT_STORE:
	case LIT_EXEC:
	case LIT_XCHG:
	case LIT_UPDATE:
	case LIT_CMPXCHG:
		lit_access(s, thread);
		return;
	case LIT_MOVE:
		lit_leave(s, thread);
		return;
	case LIT_GUP:
		u = lit_branch(s, &m);
		u->run[thread].phase = LIT_WALKS;
		u->run[thread].level = 4;
		u->run[thread].table = MMU_ROOT;
		lit_commit(thread, LIT_DID_BEGIN, s->u.run[thread].pc, 0, 0);
		return;
	case LIT_PTE:
	case LIT_PDE:
		u = lit_branch(s, &m);
		lit_store_entry(s, &u->run[thread], step);
		lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc, 0, 0);
		return;
	case LIT_ENTRY:
		u = lit_branch(s, &m);
		lit_load_entry(s, &u->run[thread], step);
		lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc,
			   u->run[thread].reg[step->reg], 0);
		return;
	case LIT_FENCE:
	case LIT_WAIT:
	case LIT_LOOP:
	case LIT_UNTIL:
	case LIT_CHECK:
	case LIT_INVLPG:
		u = lit_branch(s, &m);
		if (lit_plain(&u->run[thread], m, s, thread))
			lit_commit(thread, LIT_DID_STEP, s->u.run[thread].pc, 0, 0);
		return;
	default:
		lit_begin_call(s, thread, lit_model.call[thread][s->u.run[thread].pc],
			       LIT_CALLS);
	}
}

static void lit_thread(const struct lit_state *s, unsigned int thread)
{
	const struct lit_runner *run = &s->u.run[thread];

	if (run->waiting)
		lit_drain(s, thread);
	/* A thread does not run while its CPU is in the handler. */
	if (run->pc == lit_model.test->thread[thread].nsteps ||
	    mmu_in_handler(&s->m.cpu[run->cpu]))
		return;
	switch (run->phase) {
	case LIT_RUNS:
		lit_run_step(s, thread);
		break;
	case LIT_FAULTED:
		lit_look(s, thread);
		break;
	case LIT_CALLS:
	case LIT_DEMANDS:
		lit_call(s, thread);
		break;
	case LIT_WALKS:
		lit_gup(s, thread);
		break;
	default:
		lit_arrive(s, thread);
	}
}

/*
 * A step that only its own thread sees: registers, and where the thread goes on.  In
 * whatever order others do theirs, the outcome is the same: so it comes first, alone.
 * LFENCE and SFENCE are such steps: the model has no loads that pass loads, no stores
 * that pass stores, and no non-temporal ones.
 */
static bool lit_step_alone(const struct lit_state *s, unsigned int thread)
{
	const struct lit_runner *was = &s->u.run[thread];
	const struct lit_step *step = lit_step_of(s, thread);
	struct lit_runner *run;
	struct mmu_state *m;

	if (was->pc == lit_model.test->thread[thread].nsteps || was->phase != LIT_RUNS ||
	    mmu_in_handler(&s->m.cpu[was->cpu]) ||
	    (step->kind != LIT_CALC && step->kind != LIT_GOTO &&
	     step->kind != LIT_LFENCE && step->kind != LIT_SFENCE))
		return false;
	run = &lit_branch(s, &m)->run[thread];
	if (step->kind == LIT_GOTO) {
		bool differ = lit_operand(run, &step->arg[0]) != lit_operand(run, &step->arg[1]);

		run->pc = (u8)(differ == step->differ ? step->start : run->pc + 1U);
	} else {
		lit_done(run, step, step->kind != LIT_CALC ? 0 :
			 lit_calculate(step->op, lit_operand(run, &step->arg[0]),
				       lit_operand(run, &step->arg[1])));
	}
	lit_commit(thread, LIT_DID_STEP, was->pc,
		   step->reg >= 0 ? run->reg[step->reg] : 0, 0);
	return true;
}

static int lit_thread_on(const struct lit_state *s, unsigned int cpu)
{
	unsigned int t;

	for (t = 0; t < lit_model.test->nthreads; t++) {
		if (s->u.run[t].cpu == cpu)
			return (int)t;
	}
	return -1;
}

/* The handler, or, on a CPU that runs another address space, its acknowledgement. */
static void lit_handler(const struct lit_state *s, unsigned int cpu)
{
	int t = lit_thread_on(s, cpu);
	struct mmu_state *m;

	if (!mmu_interrupted(&s->m.cpu[cpu]))
		return;
	if (s->m.away >> cpu & 1) {
		lit_branch(s, &m);
		m->cpu[cpu].ipi[mmu_slot(0)] = 0;
		m->flight[mmu_slot(0)].pending &= ~(1U << cpu);
		lit_commit(cpu, LIT_DID_MISSED, 0, 0, 0);
		return;
	}
	if (t >= 0 && s->u.run[t].phase == LIT_WALKS)
		return;
	/* Taking the interrupt drains the store buffer (SDM 8.3). */
	if (t >= 0 && s->u.run[t].waiting && mmu.broken != MMU_HANDLER_UNDRAINED)
		return;
	mmu_handler(&s->m, cpu);
}

/* Walks, speculative ones too, for whatever the CPU's thread may still access. */
static void lit_hardware(const struct lit_state *s, unsigned int cpu)
{
	int t = lit_thread_on(s, cpu);

	if (s->m.away >> cpu & 1)
		return;
	mmu.accessed = 0;
	if (lit_model.everywhere) {
		mmu.accessed = lit_model.declared;
	} else if (t >= 0) {
		mmu.accessed = lit_model.needs[t][s->u.run[t].pc];
	}
	mmu_hardware_of(&s->m, cpu);
}

/* What nobody will look at any more is forgotten, so that fewer states differ. */
static void lit_forget(struct lit_user *u, struct mmu_state *m)
{
	unsigned int t;

	if (lit_model.moves || lit_model.everywhere)
		return;
	for (t = 0; t < lit_model.test->nthreads; t++) {
		if (lit_model.needs[t][u->run[t].pc])
			continue;
		memset(m->cpu[u->run[t].cpu].tlb, 0, sizeof(m->cpu[0].tlb));
		memset(m->cpu[u->run[t].cpu].psc, 0, sizeof(m->cpu[0].psc));
	}
}

void lit_successors(const struct lit_state *s)
{
	unsigned int i, n;

	mmu_nsucc = 0;
	for (i = 0; i < lit_model.test->nthreads; i++) {
		if (lit_step_alone(s, i))
			return;
	}
	for (i = 0; i < lit_model.test->nthreads; i++)
		lit_thread(s, i);
	n = mmu_nsucc;
	for (i = 0; i < mmu.cpus; i++)
		lit_handler(s, i);
	mmu_drains(&s->m);
	for (i = 0; i < mmu.cpus; i++)
		lit_hardware(s, i);
	for (i = n; i < mmu_nsucc; i++)
		memcpy(&lit_succ[i], &s->u, lit_user_bytes(lit_model.test));
	for (i = 0; i < mmu_nsucc; i++)
		lit_forget(&lit_succ[i], &mmu_succ[i]);
}

bool lit_finished(const struct lit_state *s)
{
	unsigned int t;

	for (t = 0; t < lit_model.test->nthreads; t++) {
		if (s->u.run[t].pc < lit_model.test->thread[t].nsteps ||
		    s->u.run[t].waiting)
			return false;
	}
	return true;
}
