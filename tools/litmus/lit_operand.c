// SPDX-License-Identifier: GPL-2.0
/* What steps work on: numbers, registers, addresses; and labels, where they go on. */
#include <ctype.h>
#include <string.h>

#include "lit_lex.h"

int lit_find_reg(const struct lit_thread *thread, const char *name)
{
	unsigned int i;

	for (i = 0; i < thread->nregs; i++) {
		if (!strcmp(thread->reg[i], name))
			return (int)i;
	}
	return -1;
}

bool lit_is_reg(const struct lit_parser *p)
{
	return p->token.kind == LIT_T_WORD && p->token.text[0] == 'r' &&
	       isdigit((unsigned char)p->token.text[1]);
}

unsigned int lit_take_address(struct lit_parser *p)
{
	unsigned int line = p->token.line, column = p->token.column;
	struct lit_loc loc = lit_take_loc(p, false);

	if (loc.page || loc.slot)
		lit_fail_at(p, line, column, "only the address of a flag, or of the first word of a page, is a value");
	return p->failed ? 0 : lit_address_of(&loc);
}

/* V, rN or &x */
struct lit_operand lit_take_operand(struct lit_parser *p, const struct lit_thread *thread)
{
	struct lit_operand o = { .reg = lit_is_reg(p) };
	int reg;

	if (lit_accept(p, "&")) {
		o.n = lit_take_address(p);
	} else if (o.reg) {
		reg = lit_find_reg(thread, p->token.text);
		if (reg < 0)
			lit_fail(p, "no step before this one gives %s a value", p->token.text);
		o.n = reg < 0 ? 0 : (unsigned int)reg;
		lit_next(p);
	} else {
		o.n = lit_take_number(p, LIT_NUMBERS, "a value");
	}
	return o;
}

static struct lit_label *lit_new_label(struct lit_parser *p, struct lit_label *list,
				       unsigned int *n, unsigned int thread)
{
	struct lit_label *label = &list[*n];

	if (*n == LIT_LABELS) {
		lit_fail(p, "more than %u labels, or steps that go to one", LIT_LABELS);
		return NULL;
	}
	*label = (struct lit_label){ .thread = thread, .line = p->token.line,
				     .column = p->token.column,
				     .step = p->test->thread[thread].nsteps };
	lit_take_word(p, label->name, sizeof(label->name), "a label");
	if (p->failed)
		return NULL;
	(*n)++;
	return label;
}

static struct lit_label *lit_find_label(struct lit_parser *p, const struct lit_label *wanted,
					unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (p->label[i].thread == wanted->thread && !strcmp(p->label[i].name, wanted->name))
			return &p->label[i];
	}
	return NULL;
}

/* Before the step that comes next. */
void lit_take_label(struct lit_parser *p, unsigned int thread)
{
	struct lit_label *label = lit_new_label(p, p->label, &p->nlabels, thread);

	if (label && lit_find_label(p, label, p->nlabels - 1))
		lit_fail_at(p, label->line, label->column, "P%u has two labels %s", thread,
			    label->name);
}

/* The label that @step goes to. */
void lit_take_goto(struct lit_parser *p, unsigned int thread, struct lit_step *step)
{
	step->kind = LIT_GOTO;
	lit_new_label(p, p->jump, &p->njumps, thread);
}

void lit_resolve_labels(struct lit_parser *p)
{
	unsigned int i;

	for (i = 0; i < p->njumps && !p->failed; i++) {
		const struct lit_label *jump = &p->jump[i], *to;

		to = lit_find_label(p, jump, p->nlabels);
		if (to)
			p->test->thread[jump->thread].step[jump->step].start = to->step;
		else
			lit_fail_at(p, jump->line, jump->column, "P%u has no label %s",
				    jump->thread, jump->name);
	}
}
