// SPDX-License-Identifier: GPL-2.0
/* The verbs of steps: which there are, and how a step is shown in a trace. */
#include <string.h>

#include "lit_verbs.h"

static const struct lit_verb lit_verbs[] = {
	{ "load", LIT_LOAD, LIT_A_LOC, LIT_R_MAY, NULL, 0, false },
	{ "store", LIT_STORE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, 0, false },
	{ "exec", LIT_EXEC, LIT_A_PAGE, LIT_R_MUST, NULL, 0, false },
	{ "xchg", LIT_XCHG, LIT_A_LOC_VALUE, LIT_R_MUST, NULL, 0, false },
	{ "add", LIT_UPDATE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, LIT_OP_PLUS, false },
	{ "sub", LIT_UPDATE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, LIT_OP_MINUS, false },
	{ "and", LIT_UPDATE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, LIT_OP_AND, false },
	{ "or", LIT_UPDATE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, LIT_OP_OR, false },
	{ "xor", LIT_UPDATE, LIT_A_LOC_VALUE, LIT_R_MAY, NULL, LIT_OP_XOR, false },
	{ "cmpxchg", LIT_CMPXCHG, LIT_A_CMPXCHG, LIT_R_MAY, NULL, 0, false },
	{ "fence", LIT_FENCE, LIT_A_NONE, LIT_R_NEVER, NULL, 0, false },
	{ "lfence", LIT_LFENCE, LIT_A_NONE, LIT_R_NEVER, NULL, 0, false },
	{ "sfence", LIT_SFENCE, LIT_A_NONE, LIT_R_NEVER, NULL, 0, false },
	{ "calc", LIT_CALC, LIT_A_CALC, LIT_R_MUST, NULL, 0, false },
	{ "goto", LIT_GOTO, LIT_A_GOTO, LIT_R_NEVER, NULL, 0, false },
	{ "if", LIT_GOTO, LIT_A_IF, LIT_R_NEVER, NULL, 0, false },
	{ "wait", LIT_WAIT, LIT_A_FLAG_VALUE, LIT_R_NEVER, NULL, 0, false },
	{ "loop", LIT_LOOP, LIT_A_NONE, LIT_R_NEVER, NULL, 0, false },
	{ "until", LIT_UNTIL, LIT_A_UNTIL, LIT_R_NEVER, NULL, 0, false },
	{ "map", SPEC_OP_MAP, LIT_A_MAP, LIT_R_MAY, NULL, 0, false },
	{ "unmap", SPEC_OP_UNMAP, LIT_A_PAGE, LIT_R_MAY, NULL, 0, true },
	{ "protect", SPEC_OP_PROTECT, LIT_A_PAGE_RIGHTS, LIT_R_MAY, NULL, 0, true },
	{ "remap", SPEC_OP_REMAP, LIT_A_PAGE_FRAME, LIT_R_MAY, NULL, 0, true },
	{ "resolve", SPEC_OP_RESOLVE, LIT_A_PAGE, LIT_R_MUST, NULL, 0, true },
	{ "map_range", SPEC_OP_MAP_RANGE, LIT_A_MAP_RANGE, LIT_R_MAY, NULL, 0, false },
	{ "unmap_range", SPEC_OP_UNMAP_RANGE, LIT_A_RANGE, LIT_R_MAY, NULL, 0, false },
	{ "protect_range", SPEC_OP_PROTECT_RANGE, LIT_A_RANGE_RIGHTS, LIT_R_MAY, NULL, 0, false },
	{ "table", LIT_TABLE, LIT_A_TABLE, LIT_R_NEVER, NULL, 0, false },
	{ "check", LIT_CHECK, LIT_A_NONE, LIT_R_MUST, NULL, 0, false },
	{ "move", LIT_MOVE, LIT_A_NUMBER, LIT_R_NEVER, NULL, 0, false },
	{ "gup", LIT_GUP, LIT_A_PAGE, LIT_R_MUST,
	  "get_user_pages() finds nothing in a region: no page of it can be pinned", 0, false },
	{ "pte", LIT_PTE, LIT_A_PTE, LIT_R_NEVER,
	  "the module has no call that stores an entry and nothing else", 0, false },
	{ "pde", LIT_PDE, LIT_A_PDE, LIT_R_NEVER,
	  "the module has no call that stores an entry and nothing else", 0, false },
	{ "entry", LIT_ENTRY, LIT_A_PAGE, LIT_R_MUST,
	  "the module has no call that reads an entry without its lock", 0, true },
	{ "invlpg", LIT_INVLPG, LIT_A_PAGE, LIT_R_NEVER,
	  "the module has no call that invalidates on one CPU only", 0, false },
};

const struct lit_verb *lit_find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(lit_verbs) / sizeof(lit_verbs[0]); i++) {
		if (!strcmp(lit_verbs[i].name, name))
			return &lit_verbs[i];
	}
	return NULL;
}

static void lit_print_loc(FILE *out, const struct lit_test *test, unsigned int thread,
			  const struct lit_loc *loc)
{
	if (loc->space == LIT_IN_FLAG)
		fputs(test->flag[loc->index].name, out);
	else if (loc->space == LIT_IN_PAGE)
		fputs(test->page[loc->index].name, out);
	else if (loc->space == LIT_IN_REG)
		fprintf(out, "(%s)", test->thread[thread].reg[loc->index]);
	else
		fputs(test->frame[loc->index].name, out);
	if (loc->page)
		fprintf(out, "+%u", loc->page);
	if (loc->slot)
		fprintf(out, "[%u]", loc->slot);
}

static void lit_print_operand(FILE *out, const struct lit_test *test, unsigned int thread,
			      const struct lit_operand *o)
{
	fprintf(out, " %s", o->reg ? test->thread[thread].reg[o->n] :
		lit_value_name(test, o->n));
}

static const struct lit_verb *lit_verb_of(const struct lit_step *step)
{
	size_t i = 0;

	while (lit_verbs[i].kind != step->kind ||
	       (step->kind == LIT_UPDATE && lit_verbs[i].op != step->op))
		i++;
	return &lit_verbs[i];
}

/* Arguments that are no more than places, numbers and registers. */
static void lit_print_args(FILE *out, const struct lit_test *test, unsigned int thread,
			   const struct lit_step *step, enum lit_args args)
{
	unsigned int operands = args == LIT_A_LOC_VALUE ? 1 :
				args == LIT_A_CMPXCHG || args == LIT_A_CALC ? 2 : 0, i;

	fputs(" ", out);
	if (args == LIT_A_NUMBER)
		fprintf(out, "%u", step->value);
	else if (args != LIT_A_CALC)
		lit_print_loc(out, test, thread, &step->loc);
	for (i = 0; i < operands; i++)
		lit_print_operand(out, test, thread, &step->arg[i]);
	if (args == LIT_A_FLAG_VALUE)
		fprintf(out, " %u", step->value);
}

void lit_print_step(FILE *out, const struct lit_test *test, unsigned int thread,
		    const struct lit_step *step)
{
	const struct lit_verb *verb = lit_verb_of(step);

	if (step->reg >= 0)
		fprintf(out, "%s = ", test->thread[thread].reg[step->reg]);
	fputs(step->query == LIT_DIRTY ? "dirty " :
	      step->query == LIT_ACCESSED ? "accessed " : "", out);
	fputs(verb->name, out);
	if (verb->args != LIT_A_NONE && verb->args != LIT_A_UNTIL && verb->args != LIT_A_GOTO)
		lit_print_args(out, test, thread, step, verb->args);
}
