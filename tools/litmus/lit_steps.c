// SPDX-License-Identifier: GPL-2.0
/* The table of threads: one column each, one row after the other. */
#include <ctype.h>
#include <string.h>

#include "lit_verbs.h"

/* rN = ... */
static int lit_take_reg(struct lit_parser *p, struct lit_thread *thread)
{
	int reg;

	if (!lit_is_reg(p))
		return -1;
	reg = lit_find_reg(thread, p->token.text);
	if (reg < 0) {
		if (thread->nregs == LIT_REGS) {
			lit_fail(p, "more than %u registers in a thread", LIT_REGS);
			return -1;
		}
		reg = (int)thread->nregs++;
		lit_take_word(p, thread->reg[reg], LIT_NAME, "a register");
	} else {
		lit_next(p);
	}
	lit_expect(p, "=");
	return reg;
}

static void lit_take_page(struct lit_parser *p, struct lit_step *step)
{
	unsigned int line = p->token.line, column = p->token.column;

	step->loc = lit_take_loc(p, false);
	if (step->loc.space != LIT_IN_PAGE)
		lit_fail_at(p, line, column, "this is about an address of the region");
}

/* Level that an address of @loc is aligned for, as declared. */
static unsigned int lit_page_level(const struct lit_parser *p, const struct lit_loc *loc)
{
	return loc->page ? 1 : p->test->page[loc->index].level;
}

static void lit_take_map(struct lit_parser *p, struct lit_step *step)
{
	lit_take_page(p, step);
	step->level = lit_take_size(p);
	if (step->loc.page & ((1U << (step->level - 1)) - 1))
		lit_fail(p, "not aligned for a page of %s", lit_size_name(step->level));
	step->frame = lit_take_frame(p, step->level);
	step->rights = p->token.kind == LIT_T_WORD ? lit_take_rights(p) : LIT_U | LIT_W;
}

static void lit_take_range(struct lit_parser *p, struct lit_step *step)
{
	lit_take_page(p, step);
	step->span = lit_take_size(p);
	if (step->span < p->test->page[step->loc.index].span && step->loc.page)
		lit_fail(p, "a range begins at the address itself");
}

/* FLAG=VALUE or REG=VALUE [or ...] */
static void lit_take_until(struct lit_parser *p, struct lit_thread *thread,
			   struct lit_step *step)
{
	do {
		struct lit_until *u = &step->until[step->nuntil];
		int i;

		if (step->nuntil == 2) {
			lit_fail(p, "at most two alternatives");
			return;
		}
		u->reg = lit_is_reg(p);
		i = u->reg ? lit_find_reg(thread, p->token.text) :
			     lit_find_flag(p->test, p->token.text);
		if (p->token.kind != LIT_T_WORD || i < 0) {
			lit_fail(p, "expected a flag, or a register of this thread");
			return;
		}
		u->index = (unsigned int)i;
		lit_next(p);
		lit_expect(p, "=");
		if (u->reg && lit_accept(p, "F"))
			u->value = LIT_F;
		else
			u->value = lit_take_number(p, LIT_NUMBERS, "a value");
		step->nuntil++;
	} while (lit_accept(p, "or"));
}

static void lit_take_flag_value(struct lit_parser *p, struct lit_step *step)
{
	unsigned int line = p->token.line, column = p->token.column;

	step->loc = lit_take_loc(p, false);
	if (step->loc.space != LIT_IN_FLAG)
		lit_fail_at(p, line, column, "only a flag can be waited for");
	step->value = lit_take_number(p, LIT_NUMBERS, "a value");
}

/* PAGE none, or PAGE FRAME RIGHTS: an entry by a plain store. */
static void lit_take_pte(struct lit_parser *p, struct lit_step *step)
{
	lit_take_page(p, step);
	step->level = 1;
	step->frame = LIT_UNMAPPED;
	if (lit_accept(p, "none"))
		return;
	if (lit_is(p, "fresh"))
		lit_fail(p, "a plain store knows no fresh frame: name one, or none");
	step->frame = lit_take_frame(p, 1);
	step->rights = lit_take_rights(p);
}

/* A flag or address, or (rN): where the address in a register says. */
static struct lit_loc lit_take_place(struct lit_parser *p, const struct lit_thread *thread)
{
	struct lit_loc loc = { .space = LIT_IN_REG };

	if (!lit_accept(p, "("))
		return lit_take_loc(p, false);
	if (!lit_is_reg(p))
		lit_fail(p, "expected a register, found '%s'", lit_found(p));
	loc.index = lit_take_operand(p, thread).n;
	lit_expect(p, ")");
	return loc;
}

/* V [OP V] */
static void lit_take_calc(struct lit_parser *p, const struct lit_thread *thread,
			  struct lit_step *step)
{
	static const char *const ops[] = { "plus", "minus", "and", "or", "xor", "compare" };
	unsigned int i;

	step->arg[0] = lit_take_operand(p, thread);
	step->op = LIT_OP_FIRST;
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (!lit_accept(p, ops[i]))
			continue;
		step->op = (enum lit_op)i;
		step->arg[1] = lit_take_operand(p, thread);
		return;
	}
}

/* V = V goto LABEL, V != V goto LABEL */
static void lit_take_if(struct lit_parser *p, struct lit_thread *thread, struct lit_step *step)
{
	step->arg[0] = lit_take_operand(p, thread);
	step->differ = lit_accept(p, "!=");
	if (!step->differ)
		lit_expect(p, "=");
	if (lit_accept(p, "F"))
		step->arg[1].n = LIT_F;
	else
		step->arg[1] = lit_take_operand(p, thread);
	lit_expect(p, "goto");
	lit_take_goto(p, (unsigned int)(thread - p->test->thread), step);
}

/* What the module does not do, but memory and registers. */
static bool lit_take_plain_args(struct lit_parser *p, struct lit_thread *thread,
				struct lit_step *step, enum lit_args args)
{
	switch (args) {
	case LIT_A_NONE:
		return true;
	case LIT_A_LOC:
		step->loc = lit_take_place(p, thread);
		return true;
	case LIT_A_LOC_VALUE:
		step->loc = lit_take_place(p, thread);
		step->arg[0] = lit_take_operand(p, thread);
		return true;
	case LIT_A_CMPXCHG:
		step->loc = lit_take_place(p, thread);
		step->arg[0] = lit_take_operand(p, thread);
		step->arg[1] = lit_take_operand(p, thread);
		return true;
	case LIT_A_CALC:
		lit_take_calc(p, thread, step);
		return true;
	case LIT_A_GOTO:
		lit_take_goto(p, (unsigned int)(thread - p->test->thread), step);
		return true;
	case LIT_A_IF:
		lit_take_if(p, thread, step);
		return true;
	default:
		return false;
	}
}

static void lit_take_args(struct lit_parser *p, struct lit_thread *thread,
			  struct lit_step *step, enum lit_args args)
{
	if (lit_take_plain_args(p, thread, step, args))
		return;
	switch (args) {
	case LIT_A_FLAG_VALUE:
		lit_take_flag_value(p, step);
		break;
	case LIT_A_PAGE:
		lit_take_page(p, step);
		break;
	case LIT_A_PAGE_RIGHTS:
		lit_take_page(p, step);
		step->rights = lit_take_rights(p);
		break;
	case LIT_A_TABLE:
		lit_take_page(p, step);
		step->rights = lit_take_table_rights(p);
		break;
	case LIT_A_PAGE_FRAME:
		lit_take_page(p, step);
		step->level = lit_page_level(p, &step->loc);
		step->frame = lit_take_frame(p, step->level);
		break;
	case LIT_A_MAP:
		lit_take_map(p, step);
		break;
	case LIT_A_MAP_RANGE:
		lit_take_range(p, step);
		lit_expect(p, "/");
		step->level = lit_take_size(p);
		step->rights = p->token.kind == LIT_T_WORD ? lit_take_rights(p) :
							     LIT_U | LIT_W;
		break;
	case LIT_A_RANGE:
		lit_take_range(p, step);
		break;
	case LIT_A_RANGE_RIGHTS:
		lit_take_range(p, step);
		step->rights = lit_take_rights(p);
		break;
	case LIT_A_PTE:
		lit_take_pte(p, step);
		break;
	case LIT_A_PDE:
		lit_take_page(p, step);
		step->level = 2;
		step->frame = lit_accept(p, "none") ? LIT_UNMAPPED : LIT_FRESH;
		if (step->frame == LIT_FRESH)
			step->rights = lit_take_table_rights(p);
		break;
	case LIT_A_NUMBER:
		step->value = lit_take_number(p, 3, "a CPU");
		break;
	case LIT_A_UNTIL:
		lit_take_until(p, thread, step);
		break;
	default:
		break;
	}
}

/* Number of the thread's loop that has no end yet, or -1. */
static int lit_open_loop(const struct lit_thread *thread)
{
	unsigned int i;
	int open = -1;

	for (i = 0; i < thread->nsteps; i++) {
		if (thread->step[i].kind == LIT_LOOP)
			open = (int)i;
		else if (thread->step[i].kind == LIT_UNTIL)
			open = -1;
	}
	return open;
}

static void lit_close_loop(struct lit_parser *p, struct lit_thread *thread,
			   struct lit_step *step, const struct lit_token *at)
{
	int open = lit_open_loop(thread);

	if (step->kind == LIT_LOOP && open >= 0)
		lit_fail_at(p, at->line, at->column, "loops do not nest");
	if (step->kind == LIT_UNTIL && open < 0)
		lit_fail_at(p, at->line, at->column, "until without loop");
	step->start = (unsigned int)(open + 1);
}

/* [REG =] [dirty | accessed] VERB ARGUMENTS */
static void lit_parse_step(struct lit_parser *p, unsigned int column)
{
	struct lit_thread *thread = &p->test->thread[column];
	struct lit_step *step = &thread->step[thread->nsteps];
	struct lit_token first = p->token;
	const struct lit_verb *verb;

	if (lit_accept(p, "label"))
		lit_take_label(p, column);
	if (lit_is(p, "|") || lit_is(p, ";") || p->failed)
		return;
	if (thread->nsteps == LIT_STEPS) {
		lit_fail(p, "more than %u steps", LIT_STEPS);
		return;
	}
	*step = (struct lit_step){ .line = first.line };
	step->reg = lit_take_reg(p, thread);
	if (lit_accept(p, "dirty"))
		step->query = LIT_DIRTY;
	else if (lit_accept(p, "accessed"))
		step->query = LIT_ACCESSED;
	verb = p->token.kind == LIT_T_WORD ? lit_find_verb(p->token.text) : NULL;
	if (!verb) {
		lit_fail(p, "'%s' is no step", p->token.text);
		return;
	}
	step->kind = verb->kind;
	step->op = verb->op;
	if (step->query && !verb->leaf)
		lit_fail(p, "%s does not tell of A and D", verb->name);
	if ((verb->result == LIT_R_MUST || step->query) && step->reg < 0)
		lit_fail(p, "the result must go to a register: r0 = %s", verb->name);
	if (verb->result == LIT_R_NEVER && step->reg >= 0)
		lit_fail(p, "%s has no result", verb->name);
	lit_next(p);
	lit_take_args(p, thread, step, verb->args);
	if (step->kind == LIT_LOOP || step->kind == LIT_UNTIL)
		lit_close_loop(p, thread, step, &first);
	if (verb->model_only)
		p->test->model_only = verb->model_only;
	thread->nsteps++;
}

/* P0 | P1 ; */
void lit_parse_heads(struct lit_parser *p)
{
	char head[8];

	do {
		if (p->test->nthreads == LIT_THREADS) {
			lit_fail(p, "more than %u threads", LIT_THREADS);
			return;
		}
		snprintf(head, sizeof(head), "P%u", p->test->nthreads);
		lit_expect(p, head);
		p->test->nthreads++;
	} while (lit_accept(p, "|"));
	lit_expect(p, ";");
}

static void lit_parse_row(struct lit_parser *p)
{
	unsigned int column;

	for (column = 0; column < p->test->nthreads && !p->failed; column++) {
		if (column)
			lit_expect(p, "|");
		lit_parse_step(p, column);
	}
	lit_expect(p, ";");
}

static void lit_check_loops(struct lit_parser *p)
{
	unsigned int t;

	for (t = 0; t < p->test->nthreads; t++) {
		const struct lit_thread *thread = &p->test->thread[t];
		int open = lit_open_loop(thread);

		if (open >= 0)
			lit_fail_at(p, thread->step[open].line, 1,
				    "a loop of P%u has no until", t);
	}
}

void lit_parse_threads(struct lit_parser *p)
{
	lit_parse_heads(p);
	lit_skip_lines(p);
	while (!p->failed && p->token.kind != LIT_T_END && !lit_at_conds(p)) {
		lit_parse_row(p);
		lit_skip_lines(p);
	}
	lit_check_loops(p);
	lit_resolve_labels(p);
	lit_check_tables(p->test);
}
