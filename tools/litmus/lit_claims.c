// SPDX-License-Identifier: GPL-2.0
/* The end of a test: what is observed, what counts, and what is claimed. */
#include <string.h>

#include "lit_lex.h"

/* The words that begin a claim; "~exists" and "not exists" are two tokens. */
static const struct lit_claim {
	const char *word;
	enum lit_sort sort;
	bool forall;
} lit_claims[] = {
	{ "forbidden", LIT_FORBIDDEN, false },
	{ "allowed", LIT_ALLOWED, false },
	{ "interesting", LIT_INTERESTING, false },
	{ "exists", LIT_ALLOWED, false },
	{ "forall", LIT_FORBIDDEN, true },
};

#define LIT_CLAIMS	(sizeof(lit_claims) / sizeof(lit_claims[0]))

static const struct lit_claim *lit_find_claim(const struct lit_parser *p)
{
	size_t i;

	for (i = 0; i < LIT_CLAIMS; i++) {
		if (lit_is(p, lit_claims[i].word))
			return &lit_claims[i];
	}
	return NULL;
}

bool lit_at_conds(const struct lit_parser *p)
{
	return lit_find_claim(p) || lit_is(p, "~") || lit_is(p, "not") ||
	       lit_is(p, "locations") || lit_is(p, "filter");
}

static void lit_take_claim(struct lit_parser *p, enum lit_sort sort, bool forall)
{
	struct lit_cond *cond = &p->test->cond[p->test->nconds];

	if (p->test->nconds == LIT_CONDS) {
		lit_fail(p, "more than %u conditions", LIT_CONDS);
		return;
	}
	cond->sort = sort;
	cond->forall = forall;
	cond->root = lit_take_cond(p, cond->text);
	if (forall)
		cond->root = lit_node(p, LIT_NOT, cond->root, 0);
	p->test->nconds++;
}

/* [x; 0:r0; y;]: shown in each outcome, whatever the conditions name. */
static void lit_take_locations(struct lit_parser *p)
{
	lit_expect(p, "[");
	lit_skip_lines(p);
	while (!p->failed && !lit_is(p, "]")) {
		lit_take_obs(p);
		/* A type, for herd's own prints. */
		while (p->test->herd && (p->token.kind == LIT_T_WORD || lit_is(p, "*")))
			lit_next(p);
		if (!lit_is(p, "]"))
			lit_expect(p, ";");
		lit_skip_lines(p);
	}
	lit_expect(p, "]");
}

static void lit_take_filter(struct lit_parser *p)
{
	char text[LIT_TEXT];

	if (p->test->filtered)
		lit_fail(p, "more than one filter");
	p->test->filter = lit_take_cond(p, text);
	p->test->filtered = true;
}

static void lit_parse_claim(struct lit_parser *p)
{
	const struct lit_claim *claim = lit_find_claim(p);

	if (claim) {
		lit_next(p);
		lit_take_claim(p, claim->sort, claim->forall);
	} else if (lit_accept(p, "~") || lit_accept(p, "not")) {
		lit_expect(p, "exists");
		lit_take_claim(p, LIT_FORBIDDEN, false);
	} else if (lit_accept(p, "locations")) {
		lit_take_locations(p);
	} else if (lit_accept(p, "filter")) {
		lit_take_filter(p);
	} else {
		lit_fail(p, "expected forbidden, allowed, interesting, exists, forall, ~exists, locations or filter, found '%s'",
			 lit_found(p));
	}
}

void lit_parse_conds(struct lit_parser *p)
{
	lit_skip_lines(p);
	while (!p->failed && p->token.kind != LIT_T_END) {
		lit_parse_claim(p);
		lit_skip_lines(p);
	}
	if (!p->test->nconds)
		lit_fail(p, "a test says what is forbidden, allowed or interesting");
}
