// SPDX-License-Identifier: GPL-2.0
/* Instructions of x86, as steps. */
#include <string.h>
#include <strings.h>

#include "lit_herd.h"

enum lit_ins {
	LIT_I_MOV,
	LIT_I_ALU,		/* an operation, which leaves its result and flags */
	LIT_I_INC,		/* likewise, with 1 */
	LIT_I_CMP,		/* flags only */
	LIT_I_XCHG,
	LIT_I_UXCH,		/* herd's exchange that is not locked */
	LIT_I_CMPXCHG,
	LIT_I_STEP,		/* a step as it is */
	LIT_I_JMP,
	LIT_I_NOP,
	LIT_I_NO,		/* known, and not taken */
};

/* Outcomes of a comparison: the values that LIT_OP_COMPARE gives. */
enum { LIT_LESS, LIT_EQUAL, LIT_GREATER, LIT_ALWAYS };

static const struct lit_mnemonic {
	const char *name;
	enum lit_ins ins;
	unsigned int what;	/* enum lit_op, enum lit_kind, or a comparison's outcome */
	bool other;		/* a jump on any other outcome */
	const char *why;
} lit_mnemonics[] = {
	{ "mov", LIT_I_MOV, 0, false, NULL },
	{ "add", LIT_I_ALU, LIT_OP_PLUS, false, NULL },
	{ "sub", LIT_I_ALU, LIT_OP_MINUS, false, NULL },
	{ "and", LIT_I_ALU, LIT_OP_AND, false, NULL },
	{ "or", LIT_I_ALU, LIT_OP_OR, false, NULL },
	{ "xor", LIT_I_ALU, LIT_OP_XOR, false, NULL },
	{ "inc", LIT_I_INC, LIT_OP_PLUS, false, NULL },
	{ "dec", LIT_I_INC, LIT_OP_MINUS, false, NULL },
	{ "cmp", LIT_I_CMP, 0, false, NULL },
	{ "xchg", LIT_I_XCHG, 0, false, NULL },
	{ "uxch", LIT_I_UXCH, 0, false, NULL },
	{ "cmpxchg", LIT_I_CMPXCHG, 0, false, NULL },
	{ "mfence", LIT_I_STEP, LIT_FENCE, false, NULL },
	{ "lfence", LIT_I_STEP, LIT_LFENCE, false, NULL },
	{ "sfence", LIT_I_STEP, LIT_SFENCE, false, NULL },
	{ "jmp", LIT_I_JMP, LIT_ALWAYS, false, NULL },
	{ "je", LIT_I_JMP, LIT_EQUAL, false, NULL },
	{ "jz", LIT_I_JMP, LIT_EQUAL, false, NULL },
	{ "jne", LIT_I_JMP, LIT_EQUAL, true, NULL },
	{ "jnz", LIT_I_JMP, LIT_EQUAL, true, NULL },
	{ "jl", LIT_I_JMP, LIT_LESS, false, NULL },
	{ "jlt", LIT_I_JMP, LIT_LESS, false, NULL },
	{ "js", LIT_I_JMP, LIT_LESS, false, NULL },
	{ "jge", LIT_I_JMP, LIT_LESS, true, NULL },
	{ "jns", LIT_I_JMP, LIT_LESS, true, NULL },
	{ "jg", LIT_I_JMP, LIT_GREATER, false, NULL },
	{ "jgt", LIT_I_JMP, LIT_GREATER, false, NULL },
	{ "jle", LIT_I_JMP, LIT_GREATER, true, NULL },
	{ "nop", LIT_I_NOP, 0, false, NULL },
	{ "endbr64", LIT_I_NOP, 0, false, NULL },
	{ "movnti", LIT_I_NO, 0, false, "the model has no non-temporal stores" },
	{ "movntdqa", LIT_I_NO, 0, false, "the model has no non-temporal loads" },
	{ "movd", LIT_I_NO, 0, false, "the model has no vector registers" },
	{ "movsd", LIT_I_NO, 0, false, "the model has no string instructions" },
	{ "movt", LIT_I_NO, 0, false, "the model has no non-temporal stores" },
	{ "clflush", LIT_I_NO, 0, false, "the model has no data caches to flush" },
	{ "clflushopt", LIT_I_NO, 0, false, "the model has no data caches to flush" },
	{ "cmovc", LIT_I_NO, 0, false, "the model has no carry flag" },
	{ "setnb", LIT_I_NO, 0, false, "the model has no carry flag" },
	{ "shl", LIT_I_NO, 0, false, "the model's numbers are small" },
	{ "ret", LIT_I_NO, 0, false, "a thread ends with its last instruction" },
	{ "retq", LIT_I_NO, 0, false, "a thread ends with its last instruction" },
};

/**
 * struct lit_arg - an operand
 * @kind: what it is
 * @o: number or register
 * @loc: memory
 * @bytes: of it, as far as a register's name says
 * @line: where it stands
 * @column: likewise
 */
struct lit_arg {
	enum { LIT_NOTHING, LIT_NUMBER, LIT_REGISTER, LIT_MEMORY } kind;
	struct lit_operand o;
	struct lit_loc loc;
	unsigned int bytes;
	unsigned int line;
	unsigned int column;
};

/* An instruction being translated. */
struct lit_code {
	struct lit_parser *p;
	unsigned int thread;
	const struct lit_mnemonic *m;
	struct lit_token at;
	unsigned int bytes;	/* that its name's last letter says; 0: none */
	bool lock;
	struct lit_arg to;
	struct lit_arg from;
};

static void lit_refuse(const struct lit_code *c, const char *why)
{
	lit_fail_at(c->p, c->at.line, c->at.column, "%s: %s", c->at.text, why);
}

static const struct lit_mnemonic *lit_find_mnemonic(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(lit_mnemonics) / sizeof(lit_mnemonics[0]); i++) {
		if (strlen(lit_mnemonics[i].name) == n &&
		    !strncasecmp(lit_mnemonics[i].name, name, n))
			return &lit_mnemonics[i];
	}
	return NULL;
}

/* With or without a letter for the size at the end. */
static bool lit_take_mnemonic(struct lit_code *c)
{
	static const char letters[] = "bwlq";
	const char *name = c->p->token.text, *letter;
	size_t n = strlen(name);

	c->at = c->p->token;
	c->m = c->p->token.kind == LIT_T_WORD ? lit_find_mnemonic(name, n) : NULL;
	letter = n > 1 ? strchr(letters, name[n - 1] | 0x20) : NULL;
	if (!c->m && letter && *letter) {
		c->m = lit_find_mnemonic(name, n - 1);
		c->bytes = 1U << (letter - letters);
	}
	if (!c->m)
		lit_fail(c->p, "'%s' is no instruction that is known here", lit_found(c->p));
	else
		lit_next(c->p);
	return c->m;
}

static struct lit_step *lit_emit(const struct lit_code *c, enum lit_kind kind, int reg)
{
	struct lit_thread *t = &c->p->test->thread[c->thread];
	static struct lit_step spare;

	if (t->nsteps == LIT_STEPS) {
		lit_refuse(c, "the thread is too long");
		return &spare;
	}
	t->step[t->nsteps] = (struct lit_step){ .kind = kind, .reg = reg, .line = c->at.line };
	return &t->step[t->nsteps++];
}

static void lit_emit_calc(const struct lit_code *c, unsigned int reg, enum lit_op op,
			  struct lit_operand a, struct lit_operand b)
{
	struct lit_step *step = lit_emit(c, LIT_CALC, (int)reg);

	step->op = op;
	step->arg[0] = a;
	step->arg[1] = b;
}

static void lit_emit_access(const struct lit_code *c, enum lit_kind kind, int reg,
			    struct lit_loc loc, struct lit_operand value)
{
	struct lit_step *step = lit_emit(c, kind, reg);

	step->loc = loc;
	step->arg[0] = value;
}

static struct lit_operand lit_hidden(const struct lit_code *c, const char *name)
{
	return (struct lit_operand){ true, lit_herd_hidden(c->p, c->thread, name) };
}

static const struct lit_operand lit_zero;

static void lit_emit_flags(const struct lit_code *c, struct lit_operand a,
			   struct lit_operand b)
{
	lit_emit_calc(c, lit_hidden(c, "flags").n, LIT_OP_COMPARE, a, b);
}

static bool lit_take_register_arg(struct lit_code *c, struct lit_arg *arg)
{
	bool percent = lit_accept(c->p, "%");
	int reg = c->p->token.kind != LIT_T_WORD ? -1 :
		  lit_herd_name(c->p, c->thread, c->p->token.text, &arg->bytes);

	if (reg >= 0) {
		arg->kind = LIT_REGISTER;
		arg->o = (struct lit_operand){ true, (unsigned int)reg };
		lit_next(c->p);
	} else if (percent) {
		lit_fail(c->p, "'%s' is no register that is known here", lit_found(c->p));
	}
	return reg >= 0;
}

/* After [ or (: a location or a register, or base and index; up to the closing one. */
static void lit_take_memory(struct lit_code *c, struct lit_arg *arg, const char *close)
{
	struct lit_arg base = { .kind = LIT_NOTHING }, index = base;
	struct lit_parser *p = c->p;

	if (lit_take_register_arg(c, &base)) {
		arg->loc = (struct lit_loc){ .space = LIT_IN_REG, .index = base.o.n };
		if (lit_accept(p, ",")) {
			if (!lit_take_register_arg(c, &index))
				lit_fail(p, "expected a register, found '%s'", lit_found(p));
			if (lit_accept(p, ",") && lit_take_number(p, 9, "the scale") != 1)
				lit_refuse(c, "an index is added as it is: its scale is 1");
			arg->loc.index = lit_hidden(c, "address").n;
			lit_emit_calc(c, arg->loc.index, LIT_OP_PLUS, base.o, index.o);
		}
	} else if (p->token.kind == LIT_T_WORD) {
		arg->loc = (struct lit_loc){ .space = LIT_IN_FLAG,
					     .index = lit_herd_location(p, &p->token) };
		lit_next(p);
	} else {
		lit_fail(p, "expected a location or a register, found '%s'", lit_found(p));
	}
	arg->kind = LIT_MEMORY;
	arg->bytes = 0;
	lit_expect(p, close);
}

static void lit_take_arg(struct lit_code *c, struct lit_arg *arg)
{
	struct lit_parser *p = c->p;
	bool dollar;

	*arg = (struct lit_arg){ .line = p->token.line, .column = p->token.column };
	dollar = lit_accept(p, "$");
	if (p->token.kind == LIT_T_WORD && p->token.text[0] == '-')
		lit_fail(p, "numbers are 0 to %u, not %s", LIT_NUMBERS - 1, p->token.text);
	if (p->token.kind == LIT_T_NUMBER) {
		arg->kind = LIT_NUMBER;
		arg->o.n = lit_take_number(p, LIT_NUMBERS, "a number");
		if (dollar || (!lit_is(p, "(") && !lit_is(p, "[")))
			return;
		if (arg->o.n)
			lit_refuse(c, "a location is one word: the offset must be 0");
	}
	if (lit_accept(p, "["))
		lit_take_memory(c, arg, "]");
	else if (lit_accept(p, "("))
		lit_take_memory(c, arg, ")");
	else if (!lit_take_register_arg(c, arg))
		lit_fail(p, "expected a register, a number, or a location in brackets, found '%s'",
			 lit_found(p));
}

/* Accesses of one test are of one size, or they would overlap in part. */
static void lit_check_size(struct lit_code *c)
{
	struct lit_parser *p = c->p;
	unsigned int bytes = c->bytes ? c->bytes : c->from.kind == LIT_REGISTER ? c->from.bytes :
			     c->to.kind == LIT_REGISTER ? c->to.bytes : 0;

	if (c->to.kind != LIT_MEMORY && c->from.kind != LIT_MEMORY)
		return;
	if (!bytes)
		bytes = p->bytes ? p->bytes : 4;
	if (p->bytes && p->bytes != bytes)
		lit_refuse(c, "accesses of different sizes in one test");
	p->bytes = bytes;
}

/*
 * Intel's order is target, source; AT&T's the other way round, but for the instructions
 * whose register can only be the source.
 */
static void lit_take_two(struct lit_code *c)
{
	struct lit_arg first, second;
	bool swap = c->p->test->herd == LIT_X86_64;

	lit_take_arg(c, &first);
	lit_expect(c->p, ",");
	lit_take_arg(c, &second);
	if (c->m->ins == LIT_I_CMPXCHG || c->m->ins == LIT_I_XCHG || c->m->ins == LIT_I_UXCH)
		swap = second.kind == LIT_MEMORY;
	c->to = swap ? second : first;
	c->from = swap ? first : second;
	if (c->to.kind == LIT_NUMBER && c->m->ins != LIT_I_CMP)
		lit_fail_at(c->p, c->to.line, c->to.column, "a number is no target");
	if (c->to.kind == LIT_MEMORY && c->from.kind == LIT_MEMORY)
		lit_refuse(c, "one of the operands must be a register or a number");
	lit_check_size(c);
}

static void lit_mov(const struct lit_code *c)
{
	if (c->to.kind == LIT_MEMORY)
		lit_emit_access(c, LIT_STORE, -1, c->to.loc, c->from.o);
	else if (c->from.kind == LIT_MEMORY)
		lit_emit_access(c, LIT_LOAD, (int)c->to.o.n, c->from.loc, lit_zero);
	else
		lit_emit_calc(c, c->to.o.n, LIT_OP_FIRST, c->from.o, lit_zero);
}

/* @c->to = @c->to op @c->from, and flags. */
static void lit_alu(const struct lit_code *c)
{
	enum lit_op op = (enum lit_op)c->m->what;
	struct lit_operand t = lit_hidden(c, "result"), from = c->from.o;

	if (c->from.kind == LIT_MEMORY) {
		lit_emit_access(c, LIT_LOAD, (int)t.n, c->from.loc, lit_zero);
		from = t;
	}
	if (c->to.kind != LIT_MEMORY) {
		lit_emit_calc(c, c->to.o.n, op, c->to.o, from);
		lit_emit_flags(c, c->to.o, lit_zero);
		return;
	}
	lit_emit_access(c, c->lock ? LIT_UPDATE : LIT_LOAD, (int)t.n, c->to.loc, from);
	c->p->test->thread[c->thread].step[c->p->test->thread[c->thread].nsteps - 1].op = op;
	lit_emit_calc(c, t.n, op, t, from);
	if (!c->lock)
		lit_emit_access(c, LIT_STORE, -1, c->to.loc, t);
	lit_emit_flags(c, t, lit_zero);
}

static void lit_cmp(const struct lit_code *c)
{
	struct lit_operand t = lit_hidden(c, "result");

	if (c->to.kind == LIT_MEMORY)
		lit_emit_access(c, LIT_LOAD, (int)t.n, c->to.loc, lit_zero);
	else if (c->from.kind == LIT_MEMORY)
		lit_emit_access(c, LIT_LOAD, (int)t.n, c->from.loc, lit_zero);
	lit_emit_flags(c, c->to.kind == LIT_MEMORY ? t : c->to.o,
		       c->from.kind == LIT_MEMORY ? t : c->from.o);
}

static void lit_xchg(const struct lit_code *c)
{
	struct lit_operand t = lit_hidden(c, "result");

	if (c->to.kind == LIT_MEMORY && c->m->ins == LIT_I_XCHG) {
		lit_emit_access(c, LIT_XCHG, (int)c->from.o.n, c->to.loc, c->from.o);
		return;
	}
	if (c->to.kind == LIT_MEMORY) {
		lit_emit_access(c, LIT_LOAD, (int)t.n, c->to.loc, lit_zero);
		lit_emit_access(c, LIT_STORE, -1, c->to.loc, c->from.o);
	} else {
		lit_emit_calc(c, t.n, LIT_OP_FIRST, c->to.o, lit_zero);
		lit_emit_calc(c, c->to.o.n, LIT_OP_FIRST, c->from.o, lit_zero);
	}
	lit_emit_calc(c, c->from.o.n, LIT_OP_FIRST, t, lit_zero);
}

/* What was expected stands in EAX, and afterwards what was found. */
static void lit_cmpxchg(const struct lit_code *c)
{
	struct lit_operand t = lit_hidden(c, "result"), ax = { .reg = true };
	struct lit_step *step;
	unsigned int bytes;

	if (c->to.kind != LIT_MEMORY || !c->lock) {
		lit_refuse(c, "only with lock, and on memory");
		return;
	}
	ax.n = (unsigned int)lit_herd_name(c->p, c->thread, "eax", &bytes);
	step = lit_emit(c, LIT_CMPXCHG, (int)t.n);
	step->loc = c->to.loc;
	step->arg[0] = ax;
	step->arg[1] = c->from.o;
	lit_emit_flags(c, ax, t);
	lit_emit_calc(c, ax.n, LIT_OP_FIRST, t, lit_zero);
}

static void lit_jump(struct lit_code *c)
{
	struct lit_thread *t = &c->p->test->thread[c->thread];
	struct lit_step step = { .kind = LIT_GOTO, .reg = -1, .line = c->at.line,
				 .differ = c->m->other };

	if (c->m->what != LIT_ALWAYS) {
		step.arg[0] = lit_hidden(c, "flags");
		step.arg[1].n = c->m->what;
	}
	lit_take_goto(c->p, c->thread, &step);
	if (t->nsteps == LIT_STEPS)
		lit_refuse(c, "the thread is too long");
	else
		t->step[t->nsteps++] = step;
}

static void lit_inc(struct lit_code *c)
{
	lit_take_arg(c, &c->to);
	if (c->to.kind == LIT_NUMBER)
		lit_fail_at(c->p, c->to.line, c->to.column, "a number is no target");
	c->from = (struct lit_arg){ .kind = LIT_NUMBER, .o = { .n = 1 } };
	lit_check_size(c);
	lit_alu(c);
}

static void lit_translate(struct lit_code *c)
{
	switch (c->m->ins) {
	case LIT_I_INC:
		lit_inc(c);
		return;
	case LIT_I_STEP:
		lit_emit(c, (enum lit_kind)c->m->what, -1);
		return;
	case LIT_I_JMP:
		lit_jump(c);
		return;
	case LIT_I_NOP:
		while (!c->p->failed && !lit_is(c->p, "|") && !lit_is(c->p, ";"))
			lit_next(c->p);
		return;
	case LIT_I_NO:
		lit_refuse(c, c->m->why);
		return;
	default:
		break;
	}
	lit_take_two(c);
	if (c->p->failed)
		return;
	if (c->m->ins == LIT_I_MOV)
		lit_mov(c);
	else if (c->m->ins == LIT_I_ALU)
		lit_alu(c);
	else if (c->m->ins == LIT_I_CMP)
		lit_cmp(c);
	else if (c->m->ins == LIT_I_CMPXCHG)
		lit_cmpxchg(c);
	else
		lit_xchg(c);
}

void lit_herd_instruction(struct lit_parser *p, unsigned int thread)
{
	struct lit_code c = { .p = p, .thread = thread };

	c.lock = lit_is_word(p, "lock");
	if (c.lock) {
		lit_next(p);
		lit_accept(p, ";");
	}
	if (!lit_take_mnemonic(&c))
		return;
	lit_translate(&c);
	/* It goes before what reads memory and writes it. */
	if (c.lock && (c.to.kind != LIT_MEMORY || c.m->ins == LIT_I_MOV ||
		       c.m->ins == LIT_I_CMP || c.m->ins == LIT_I_UXCH))
		lit_refuse(&c, "lock does not go before this");
}
