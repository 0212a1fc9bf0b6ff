// SPDX-License-Identifier: GPL-2.0
/* Conditions on an outcome: read, evaluated; and outcomes, printed. */
#include <stdlib.h>
#include <string.h>

#include "lit_lex.h"

unsigned int lit_node(struct lit_parser *p, enum lit_node_kind kind, unsigned int a,
		      unsigned int b)
{
	if (p->test->nnodes == LIT_NODES) {
		lit_fail(p, "the conditions are too long");
		return 0;
	}
	p->test->node[p->test->nnodes] = (struct lit_node){ kind, a, b };
	return p->test->nnodes++;
}

static bool lit_same_obs(const struct lit_obs *a, const struct lit_obs *b)
{
	return a->reg == b->reg && a->thread == b->thread && a->index == b->index &&
	       a->loc.space == b->loc.space && a->loc.index == b->loc.index &&
	       a->loc.page == b->loc.page && a->loc.slot == b->loc.slot;
}

static unsigned int lit_observe(struct lit_parser *p, const struct lit_obs *obs)
{
	struct lit_test *test = p->test;
	unsigned int i;

	for (i = 0; i < test->nobs; i++) {
		if (lit_same_obs(&test->obs[i], obs))
			return i;
	}
	if (test->nobs == LIT_OBS) {
		lit_fail(p, "an outcome tells of more than %u things", LIT_OBS);
		return 0;
	}
	test->obs[test->nobs] = *obs;
	return test->nobs++;
}

static bool lit_colon_follows(const struct lit_parser *p)
{
	return p->at[strspn(p->at, " \t")] == ':';
}

void lit_skip_p(struct lit_parser *p)
{
	char *text = p->token.text;

	if (p->token.kind != LIT_T_WORD || text[0] != 'P' || !lit_colon_follows(p) ||
	    strspn(text + 1, "0123456789") != strlen(text + 1))
		return;
	p->token.kind = LIT_T_NUMBER;
	p->token.value = (unsigned int)strtoul(text + 1, NULL, 10);
}

/* THREAD:REG, and the thread may be P and its number */
static unsigned int lit_take_register(struct lit_parser *p)
{
	struct lit_obs obs = { .reg = true };
	int reg;

	obs.thread = lit_take_number(p, p->test->nthreads, "the number of a thread");
	lit_expect(p, ":");
	if (p->failed)
		return 0;
	reg = p->test->herd ? lit_herd_register(p, obs.thread) :
			      lit_find_reg(&p->test->thread[obs.thread], p->token.text);
	if (reg < 0) {
		lit_fail(p, "thread %u has no register '%s'", obs.thread, p->token.text);
		return 0;
	}
	obs.index = (unsigned int)reg;
	lit_next(p);
	return lit_observe(p, &obs);
}

/* A register, or A, [A], f or [f]: what a frame or a flag holds at the end. */
unsigned int lit_take_obs(struct lit_parser *p)
{
	struct lit_obs obs = { .reg = false };
	unsigned int line = p->token.line, column = p->token.column;
	bool brackets;

	lit_skip_p(p);
	if (p->token.kind == LIT_T_NUMBER)
		return lit_take_register(p);
	brackets = lit_accept(p, "[");
	obs.loc = lit_take_loc(p, true);
	if (brackets)
		lit_expect(p, "]");
	if (obs.loc.space == LIT_IN_PAGE)
		lit_fail_at(p, line, column,
			    "what an address leads to in the end is not observed; name the frame");
	return lit_observe(p, &obs);
}

/* A fault, a status, an address: &x, in herd's files x. */
static bool lit_take_value(struct lit_parser *p, unsigned int *value)
{
	int found = p->token.kind == LIT_T_WORD ? lit_find_value(p->token.text) : -1;

	if (found >= 0) {
		*value = (unsigned int)found;
		lit_next(p);
		return true;
	}
	if (!lit_is(p, "&") && !(p->test->herd && p->token.kind == LIT_T_WORD))
		return false;
	lit_accept(p, "&");
	*value = lit_take_address(p);
	return true;
}

/* OBSERVABLE = VALUE, OBSERVABLE != VALUE, and the same of two observables */
static unsigned int lit_take_atom(struct lit_parser *p)
{
	unsigned int a = lit_take_obs(p), node, value = 0;
	bool differ = lit_accept(p, "!=") || lit_accept(p, "<>");

	if (!differ && !lit_accept(p, "=="))
		lit_expect(p, "=");
	lit_skip_p(p);
	if (lit_take_value(p, &value)) {
		node = lit_node(p, LIT_IS, a, value);
	} else if (p->token.kind == LIT_T_NUMBER && !lit_colon_follows(p)) {
		value = lit_take_number(p, LIT_NUMBERS, "a value");
		node = lit_node(p, LIT_IS, a, value);
	} else {
		node = lit_node(p, LIT_SAME, a, lit_take_obs(p));
	}
	return differ ? lit_node(p, LIT_NOT, node, 0) : node;
}

static unsigned int lit_take_or(struct lit_parser *p, unsigned int depth);

static unsigned int lit_take_not(struct lit_parser *p, unsigned int depth)
{
	unsigned int node;

	lit_skip_lines(p);

	if (depth > 8) {
		lit_fail(p, "too many parentheses");
		return 0;
	}
	if (lit_accept(p, "~") || lit_accept(p, "not"))
		return lit_node(p, LIT_NOT, lit_take_not(p, depth + 1), 0);
	if (lit_accept(p, "true"))
		return lit_node(p, LIT_TRUE, 0, 0);
	if (lit_accept(p, "false"))
		return lit_node(p, LIT_NOT, lit_node(p, LIT_TRUE, 0, 0), 0);
	if (!lit_accept(p, "("))
		return lit_take_atom(p);
	node = lit_take_or(p, depth + 1);
	lit_skip_lines(p);
	lit_expect(p, ")");
	return node;
}

/* Whether the condition goes on with @symbol, here or in a later line. */
static bool lit_goes_on(struct lit_parser *p, const char *symbol)
{
	struct lit_parser here = *p;

	lit_skip_lines(p);
	if (lit_accept(p, symbol))
		return true;
	*p = here;
	return false;
}

/* As in herd, an implication binds more closely than what it stands between. */
static unsigned int lit_take_implies(struct lit_parser *p, unsigned int depth)
{
	unsigned int node = lit_take_not(p, depth);

	if (!lit_goes_on(p, "=>"))
		return node;
	node = lit_node(p, LIT_NOT, node, 0);
	if (depth > 8)
		lit_fail(p, "too many implications");
	return lit_node(p, LIT_OR, node, lit_take_implies(p, depth + 1));
}

static unsigned int lit_take_and(struct lit_parser *p, unsigned int depth)
{
	unsigned int node = lit_take_implies(p, depth);

	while (lit_goes_on(p, "/\\"))
		node = lit_node(p, LIT_AND, node, lit_take_implies(p, depth));
	return node;
}

static unsigned int lit_take_or(struct lit_parser *p, unsigned int depth)
{
	unsigned int node = lit_take_and(p, depth);

	while (lit_goes_on(p, "\\/"))
		node = lit_node(p, LIT_OR, node, lit_take_and(p, depth));
	return node;
}

/* The condition's own text, with single blanks and without comments. */
static void lit_copy_text(char *to, const char *from, const char *end)
{
	size_t n = 0;

	for (; from < end && n + 1 < LIT_TEXT; from++) {
		if (*from == ' ' || *from == '\n' || *from == '\t' || *from == '\r') {
			if (n && to[n - 1] != ' ')
				to[n++] = ' ';
		} else if (*from == '#') {
			while (from + 1 < end && from[1] != '\n')
				from++;
		} else if (!strncmp(from, "(*", 2)) {
			from = lit_comment_end(from) - 1;
		} else {
			to[n++] = *from;
		}
	}
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = 0;
}

/* C, to the end of the line; @text: as it was written. */
unsigned int lit_take_cond(struct lit_parser *p, char *text)
{
	const char *from = p->at - strlen(p->token.text), *end;
	unsigned int root = lit_take_or(p, 0);

	end = p->at - strlen(p->token.text);
	if (p->test->herd)
		lit_accept(p, ";");
	if (p->token.kind != LIT_T_LINE && p->token.kind != LIT_T_END)
		lit_fail(p, "expected /\\, \\/ or the end of the condition, found '%s'",
			 lit_found(p));
	lit_copy_text(text, from, end);
	return root;
}

/* Nodes come after those they are made of, so one pass does. */
static bool lit_true(const struct lit_test *test, unsigned int root,
		     const struct lit_outcome *outcome)
{
	bool value[LIT_NODES];
	unsigned int i;

	for (i = 0; i <= root; i++) {
		const struct lit_node *n = &test->node[i];

		switch (n->kind) {
		case LIT_TRUE:
			value[i] = true;
			break;
		case LIT_IS:
			value[i] = outcome->v[n->a] == n->b;
			break;
		case LIT_SAME:
			value[i] = outcome->v[n->a] == outcome->v[n->b];
			break;
		case LIT_NOT:
			value[i] = !value[n->a];
			break;
		case LIT_AND:
			value[i] = value[n->a] && value[n->b];
			break;
		case LIT_OR:
			value[i] = value[n->a] || value[n->b];
			break;
		}
	}
	return value[root];
}

bool lit_holds(const struct lit_test *test, const struct lit_cond *cond,
	       const struct lit_outcome *outcome)
{
	return lit_true(test, cond->root, outcome);
}

bool lit_counts(const struct lit_test *test, const struct lit_outcome *outcome)
{
	return !test->filtered || lit_true(test, test->filter, outcome);
}

int lit_visits(const struct lit_test *test, enum lit_sort sort,
	       const struct lit_outcome *outcome)
{
	unsigned int i;

	for (i = 0; i < test->nconds; i++) {
		if (test->cond[i].sort == sort && lit_holds(test, &test->cond[i], outcome))
			return (int)i;
	}
	return -1;
}
