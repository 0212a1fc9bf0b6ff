// SPDX-License-Identifier: GPL-2.0
/*
 * Bodies of threads as machine code.  Between two accesses of a test there is nothing
 * but what the test says: no call, no store of a result, no look at a table.  Results
 * stay in registers until the last step.
 *
 * Runs of steps without a call are compiled, each to a function; what is between two
 * such runs is done by lit_run_step().  An access that faults goes on behind itself,
 * with F as its result: a handler of SIGSEGV looks the instruction up.
 */
#include "lit_asm.h"

#include <signal.h>
#include <ucontext.h>

#define LIT_CODE_BYTES	16384	/* of a thread */
#define LIT_NOWHERE	(1ULL << 62)	/* not canonical: a fault, whatever is added */
#define LIT_GPRS	9	/* registers of a test that find one of the machine's */

/* Not rax, rcx, rdx (see lit_asm.h), rsp, rsi, rdi (registers), r15 (flags). */
static const unsigned char lit_gpr[LIT_GPRS] = { 3, 5, 8, 9, 10, 11, 12, 13, 14 };
static const int lit_context[LIT_GPRS] = {
	REG_RBX, REG_RBP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
};

/* An instruction that may fault: where it stands, where to go on, who gets F; -1: nobody. */
struct lit_fixup {
	const unsigned char *at;
	const unsigned char *resume;
	int reg;
};

#define LIT_FIXUPS	(LIT_THREADS * LIT_STEPS * 2)

static struct lit_fixup lit_fixup[LIT_FIXUPS];
static unsigned int lit_nfixups;
static struct sigaction lit_before[2];

/* A run being compiled. */
struct lit_run {
	struct lit_asm s;
	struct lit_arena *a;
	const struct lit_thread *t;
	unsigned int first;
	unsigned int start[LIT_STEPS + 1];	/* of each step, in the code */
	unsigned int jump[LIT_STEPS];		/* distances to be filled in; 0: none */
};

static void lit_on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *at = (const unsigned char *)gregs[REG_RIP];
	unsigned int i;

	for (i = 0; i < lit_nfixups; i++) {
		if (lit_fixup[i].at != at)
			continue;
		if (lit_fixup[i].reg >= 0)
			gregs[lit_context[lit_fixup[i].reg]] = sig == SIGSEGV ? LIT_F : LIT_ELSE;
		gregs[REG_RIP] = (greg_t)lit_fixup[i].resume;
		return;
	}
	lit_before[sig == SIGBUS].sa_sigaction(sig, info, context);
}

static void lit_catch_faults(void)
{
	struct sigaction sa = {
		.sa_sigaction = lit_on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	u64 unused, word = 0;

	/* The probes put theirs in place first. */
	probe_load(&word, &unused);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, &lit_before[0]);
	sigaction(SIGBUS, &sa, &lit_before[1]);
}

/* Steps that can be compiled; waiting only where somebody else can run meanwhile. */
static bool lit_is_plain(const struct lit_arena *a, const struct lit_step *step,
			 unsigned int number)
{
	const bool waits = step->kind == LIT_WAIT || step->kind == LIT_UNTIL ||
			   (step->kind == LIT_GOTO && step->start <= number);

	if (waits && cpus() <= a->world.test->nthreads)
		return false;
	return lit_writes(step) || step->kind == LIT_LOAD || step->kind == LIT_FENCE ||
	       step->kind == LIT_LFENCE || step->kind == LIT_SFENCE ||
	       step->kind == LIT_CALC || step->kind == LIT_GOTO || step->kind == LIT_WAIT ||
	       step->kind == LIT_LOOP || step->kind == LIT_UNTIL;
}

/* Where a run that begins at @first ends: no jump leaves it or comes into it. */
static unsigned int lit_run_end(const struct lit_arena *a, const struct lit_thread *t,
				unsigned int first)
{
	unsigned int end = first, i;

	while (end < t->nsteps && lit_is_plain(a, &t->step[end], end))
		end++;
	for (i = 0; i < t->nsteps; i++) {
		const struct lit_step *step = &t->step[i];
		bool inside = i >= first && i < end;

		if (step->kind != LIT_GOTO && step->kind != LIT_UNTIL)
			continue;
		if (inside ? step->start < first || step->start > end :
			     step->start > first && step->start < end)
			return first;
	}
	return end;
}

static void lit_emit_operand(struct lit_run *r, unsigned int to, const struct lit_operand *o)
{
	if (o->reg)
		asm_move(&r->s, to, lit_gpr[o->n]);
	else
		asm_set(&r->s, to, o->n);
}

/* lea rcx, [r15 + offset]: r15 is where the flags of this instance of the test are */
static void lit_emit_flag(struct lit_run *r, unsigned int flag)
{
	asm_bytes(&r->s, 3, 0x8f8d49);
	asm_bytes(&r->s, 4, flag * sizeof(struct lit_line));
}

/* rcx = where the step's access goes */
static void lit_emit_place(struct lit_run *r, const struct lit_step *step)
{
	const struct lit_loc *loc = &step->loc;

	if (loc->space == LIT_IN_FLAG) {
		lit_emit_flag(r, loc->index);
	} else if (loc->space == LIT_IN_PAGE) {
		asm_set(&r->s, LIT_RCX, (u64)lit_address(&r->a->world, loc));
	} else {
		/* mov rcx, [rcx + 8 * reg]: the table of places; add rcx, r15 */
		asm_set(&r->s, LIT_RCX, (u64)r->a->place);
		asm_move(&r->s, LIT_RAX, lit_gpr[loc->index]);
		asm_bytes(&r->s, 4, 0xc10c8b48);
		asm_pair(&r->s, 0x01, 15, LIT_RCX);
	}
}

/* The instruction that begins at @at and ends here may fault; the step goes on at @resume. */
static void lit_may_fault(struct lit_run *r, unsigned int at, unsigned int resume, int reg)
{
	if (lit_nfixups == LIT_FIXUPS) {
		r->s.full = true;
		return;
	}
	lit_fixup[lit_nfixups++] = (struct lit_fixup){ r->s.code + at, r->s.code + resume, reg };
}

/* LOCK, an operation on [rcx] with rax; the old value is wanted in rax: by cmpxchg. */
static void lit_emit_update(struct lit_run *r, const struct lit_step *step, unsigned int *at)
{
	static const unsigned int opcode[] = { [LIT_OP_AND] = 0x21, [LIT_OP_OR] = 0x09,
					       [LIT_OP_XOR] = 0x31 };
	unsigned int again;

	if (step->op == LIT_OP_MINUS)
		asm_bytes(&r->s, 3, 0xd8f748);		/* neg rax */
	if (step->op == LIT_OP_PLUS || step->op == LIT_OP_MINUS) {
		*at = r->s.n;
		asm_byte(&r->s, 0xf0);
		asm_memory(&r->s, 0x1c1, LIT_RAX);	/* xadd */
		return;
	}
	asm_move(&r->s, LIT_RSI, LIT_RAX);
	*at = r->s.n;
	asm_memory(&r->s, 0x8b, LIT_RAX);
	again = r->s.n;
	asm_move(&r->s, LIT_RDX, LIT_RAX);
	asm_pair(&r->s, opcode[step->op], LIT_RSI, LIT_RDX);
	at[1] = r->s.n;
	asm_byte(&r->s, 0xf0);
	asm_memory(&r->s, 0x1b1, LIT_RDX);		/* cmpxchg */
	asm_land(&r->s, asm_jump(&r->s, ASM_NE), again);
}

static void lit_emit_access(struct lit_run *r, const struct lit_step *step)
{
	unsigned int at[2] = { 0, 0 };

	lit_emit_place(r, step);
	if (step->kind != LIT_LOAD)
		lit_emit_operand(r, LIT_RAX, &step->arg[0]);
	if (step->kind == LIT_CMPXCHG)
		lit_emit_operand(r, LIT_RDX, &step->arg[1]);
	at[0] = r->s.n;
	switch (step->kind) {
	case LIT_LOAD:
		asm_memory(&r->s, 0x8b, LIT_RAX);
		break;
	case LIT_STORE:
		asm_memory(&r->s, 0x89, LIT_RAX);
		if (step->reg >= 0)
			asm_set(&r->s, LIT_RAX, LIT_OK);
		break;
	case LIT_XCHG:
		asm_memory(&r->s, 0x87, LIT_RAX);
		break;
	case LIT_CMPXCHG:
		asm_byte(&r->s, 0xf0);
		asm_memory(&r->s, 0x1b1, LIT_RDX);
		break;
	default:
		lit_emit_update(r, step, at);
	}
	if (step->reg >= 0)
		asm_move(&r->s, lit_gpr[step->reg], LIT_RAX);
	lit_may_fault(r, at[0], r->s.n, step->reg);
	if (at[1])
		lit_may_fault(r, at[1], r->s.n, step->reg);
}

static void lit_emit_calc(struct lit_run *r, const struct lit_step *step)
{
	static const unsigned int opcode[] = {
		[LIT_OP_PLUS] = 0x01, [LIT_OP_MINUS] = 0x29, [LIT_OP_AND] = 0x21,
		[LIT_OP_OR] = 0x09, [LIT_OP_XOR] = 0x31, [LIT_OP_COMPARE] = 0x39,
	};

	lit_emit_operand(r, LIT_RAX, &step->arg[0]);
	if (step->op != LIT_OP_FIRST) {
		lit_emit_operand(r, LIT_RDX, &step->arg[1]);
		asm_pair(&r->s, opcode[step->op], LIT_RDX, LIT_RAX);
	}
	if (step->op == LIT_OP_COMPARE) {
		asm_bytes(&r->s, 3, 0xc0930f);		/* setae al */
		asm_bytes(&r->s, 3, 0xc2970f);		/* seta dl */
		asm_bytes(&r->s, 2, 0xd000);		/* add al, dl */
		asm_bytes(&r->s, 3, 0xc0b60f);		/* movzx eax, al */
	}
	asm_move(&r->s, lit_gpr[step->reg], LIT_RAX);
}

/* Compare the flag's value, or a register, with a number; flags are set. */
static void lit_emit_compare(struct lit_run *r, bool reg, unsigned int index,
			     unsigned int value)
{
	if (reg) {
		asm_move(&r->s, LIT_RAX, lit_gpr[index]);
	} else {
		lit_emit_flag(r, index);
		asm_memory(&r->s, 0x8b, LIT_RAX);
	}
	asm_bytes(&r->s, 2, 0x3d48);			/* cmp rax, value */
	asm_bytes(&r->s, 4, value);
}

static void lit_emit_until(struct lit_run *r, const struct lit_step *step)
{
	unsigned int out[2], i;

	for (i = 0; i < step->nuntil; i++) {
		const struct lit_until *u = &step->until[i];

		lit_emit_compare(r, u->reg, u->index, u->value);
		out[i] = asm_jump(&r->s, ASM_E);
	}
	asm_bytes(&r->s, 2, 0x90f3);			/* pause */
	asm_land(&r->s, asm_jump(&r->s, ASM_ALWAYS), r->start[step->start]);
	while (i--)
		asm_land(&r->s, out[i], r->s.n);
}

static void lit_emit_goto(struct lit_run *r, const struct lit_step *step, unsigned int number)
{
	lit_emit_operand(r, LIT_RAX, &step->arg[0]);
	lit_emit_operand(r, LIT_RDX, &step->arg[1]);
	asm_pair(&r->s, 0x39, LIT_RDX, LIT_RAX);
	r->jump[number] = asm_jump(&r->s, step->differ ? ASM_NE : ASM_E);
}

static void lit_emit_step(struct lit_run *r, unsigned int number)
{
	const struct lit_step *step = &r->t->step[number];

	switch (step->kind) {
	case LIT_FENCE:
		asm_bytes(&r->s, 3, 0xf0ae0f);
		break;
	case LIT_LFENCE:
		asm_bytes(&r->s, 3, 0xe8ae0f);
		break;
	case LIT_SFENCE:
		asm_bytes(&r->s, 3, 0xf8ae0f);
		break;
	case LIT_LOOP:
		break;
	case LIT_CALC:
		lit_emit_calc(r, step);
		break;
	case LIT_GOTO:
		lit_emit_goto(r, step, number);
		break;
	case LIT_UNTIL:
		lit_emit_until(r, step);
		break;
	case LIT_WAIT:
		lit_emit_compare(r, false, step->loc.index, step->value);
		asm_land(&r->s, asm_jump(&r->s, ASM_NE), r->start[number]);
		break;
	default:
		lit_emit_access(r, step);
	}
}

/* Registers of the test into the machine's, or back; those of the caller are kept. */
static void lit_emit_frame(struct lit_run *r, bool enter)
{
	static const unsigned char enters[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55,
						0x41, 0x56, 0x41, 0x57, 0x57 };
	static const unsigned char leaves[] = { 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
						0x41, 0x5c, 0x5d, 0x5b, 0xc3 };
	unsigned int i;

	for (i = 0; enter && i < sizeof(enters); i++)
		asm_byte(&r->s, enters[i]);
	if (enter)
		asm_move(&r->s, 15, LIT_RSI);
	if (!enter)
		asm_byte(&r->s, 0x5f);			/* pop rdi */
	for (i = 0; i < r->t->nregs; i++)
		asm_slot(&r->s, enter, lit_gpr[i], i);
	for (i = 0; !enter && i < sizeof(leaves); i++)
		asm_byte(&r->s, leaves[i]);
}

static bool lit_compile_run(struct lit_run *r, unsigned int end)
{
	unsigned int i;

	memset(r->jump, 0, sizeof(r->jump));
	lit_emit_frame(r, true);
	for (i = r->first; i < end; i++) {
		r->start[i] = r->s.n;
		lit_emit_step(r, i);
	}
	r->start[end] = r->s.n;
	for (i = r->first; i < end; i++) {
		if (r->jump[i])
			asm_land(&r->s, r->jump[i], r->start[r->t->step[i].start]);
	}
	lit_emit_frame(r, false);
	return !r->s.full;
}

static void lit_compile_thread(struct lit_arena *a, unsigned int thread)
{
	struct lit_run r = { .a = a, .t = &a->world.test->thread[thread] };
	unsigned int i, end;

	r.s.code = a->code + thread * LIT_CODE_BYTES;
	r.s.room = LIT_CODE_BYTES;
	memset(a->run[thread], 0, sizeof(a->run[thread]));
	if (r.t->nregs > LIT_GPRS)
		return;
	for (i = 0; i < r.t->nsteps; i = end > i ? end : i + 1) {
		unsigned char *begin = r.s.code + r.s.n;

		r.first = i;
		end = lit_run_end(a, r.t, i);
		if (end > i && lit_compile_run(&r, end))
			a->run[thread][i] = (struct lit_body){
				.run = (void (*)(u64 *, volatile void *))(void *)begin,
				.end = end };
	}
}

bool lit_compile_begin(struct lit_arena *a)
{
	a->code = mmap(NULL, LIT_THREADS * LIT_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->code == MAP_FAILED)
		return false;
	lit_catch_faults();
	return true;
}

/* Nobody runs; addresses may have changed. */
void lit_compile(struct lit_arena *a)
{
	struct lit_loc loc;
	unsigned int t, value;

	for (value = 0; value < LIT_VALUES; value++) {
		a->place[value] = LIT_NOWHERE;
		if (!lit_place_of(value, &loc))
			continue;
		if (loc.space == LIT_IN_FLAG)
			a->place[value] = loc.index * sizeof(struct lit_line);
		else if (loc.index < a->world.test->npages)
			a->place[value] = (u64)lit_address(&a->world, &loc) - (u64)a->flag;
	}
	lit_nfixups = 0;
	for (t = 0; t < a->world.test->nthreads; t++)
		lit_compile_thread(a, t);
}

/* The run that begins at step @number, if there is one: the step after it, else @number. */
unsigned int lit_run_compiled(struct lit_arena *a, unsigned int thread, unsigned int number)
{
	const struct lit_body *body = &a->run[thread][number];
	unsigned int nregs = a->world.test->thread[thread].nregs, i;
	u64 reg[LIT_REGS];

	if (!body->run)
		return number;
	for (i = 0; i < nregs; i++)
		reg[i] = a->reg[thread][i];
	body->run(reg, a->flag);
	for (i = 0; i < nregs; i++)
		a->reg[thread][i] = (unsigned char)lit_word_value(reg[i]);
	return body->end;
}

bool lit_compiled_whole(const struct lit_arena *a)
{
	const struct lit_test *test = a->world.test;
	unsigned int t;

	for (t = 0; t < test->nthreads && a->code; t++) {
		if (!a->run[t][0].run || a->run[t][0].end != test->thread[t].nsteps)
			return false;
	}
	return a->code;
}

/* A thread's part in all instances, stride by stride. */
void lit_run_instances(struct lit_arena *a, unsigned int thread)
{
	const struct lit_options *o = a->options;
	u64 first, i;

	for (first = 0; first < o->stride; first++) {
		for (i = first; i < a->ninstances; i += o->stride)
			a->run[thread][0].run(a->instance[i].reg[thread], a->instance[i].flag);
	}
}
