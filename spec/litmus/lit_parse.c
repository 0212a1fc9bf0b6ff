// SPDX-License-Identifier: GPL-2.0
/* The test as a whole: header, initial state, threads, conditions; and its file. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "lit_lex.h"

/* Words up to the end of the line, each with a space on either side. */
static void lit_parse_words(struct lit_parser *p, char *to, const char *what)
{
	size_t n;

	strcpy(to, " ");
	while (p->token.kind == LIT_T_WORD) {
		n = strlen(to);
		if (n + strlen(p->token.text) + 2 > LIT_TEXT) {
			lit_fail(p, "too many words");
			return;
		}
		sprintf(to + n, "%s ", p->token.text);
		lit_next(p);
	}
	if (!to[1])
		lit_fail(p, "expected %s", what);
}

static void lit_parse_twins(struct lit_parser *p)
{
	do {
		if (p->test->ntwins == LIT_TWINS) {
			lit_fail(p, "more than %u twins", LIT_TWINS);
			return;
		}
		lit_take_word(p, p->test->twin[p->test->ntwins++], LIT_NAME,
			      "the protocol step that the twin leaves out");
	} while (p->token.kind == LIT_T_WORD);
}

static void lit_take_string(struct lit_parser *p, char *to, const char *what)
{
	if (p->token.kind != LIT_T_STRING) {
		lit_fail(p, "expected %s, in quotes", what);
		return;
	}
	strcpy(to, p->token.text);
	lit_next(p);
}

/* vpt NAME: the name may have any characters but blanks. */
static void lit_parse_name(struct lit_parser *p)
{
	size_t n = 0;

	if (!lit_is(p, "vpt")) {
		lit_fail(p, "a litmus test begins with: vpt NAME");
		return;
	}
	while (*p->at == ' ' || *p->at == '\t')
		p->at++, p->column++;
	while (*p->at && !isspace((unsigned char)*p->at) && n + 1 < LIT_NAME)
		p->test->name[n++] = *p->at++, p->column++;
	p->token.column = p->column;
	if (!n || (*p->at && !isspace((unsigned char)*p->at)))
		lit_fail(p, "expected a name of at most %u characters", LIT_NAME - 1);
	lit_next(p);
}

static void lit_header_line(struct lit_parser *p)
{
	struct lit_test *test = p->test;

	if (lit_accept(p, "rule")) {
		lit_take_word(p, test->rule, sizeof(test->rule), "the rule's identifier");
		lit_take_string(p, test->source, "where the rule stands");
	} else if (lit_accept(p, "groups")) {
		lit_parse_words(p, test->groups, "a group");
	} else if (lit_accept(p, "axioms")) {
		lit_parse_words(p, test->axioms, "an axiom");
	} else if (lit_accept(p, "twin")) {
		lit_parse_twins(p);
	} else if (lit_accept(p, "mode")) {
		test->demand = lit_is(p, "demand");
		if (!lit_accept(p, "demand"))
			lit_expect(p, "strict");
	} else {
		lit_fail(p, "expected rule, groups, axioms, twin, mode or '{', found '%s'",
			 lit_found(p));
	}
	if (p->token.kind != LIT_T_LINE)
		lit_fail(p, "expected the end of the line, found '%s'", lit_found(p));
	lit_skip_lines(p);
}

static void lit_parse_header(struct lit_parser *p)
{
	lit_parse_name(p);
	lit_skip_lines(p);
	lit_take_string(p, p->test->doc, "a sentence that says what the test shows");
	lit_skip_lines(p);
	while (!p->failed && !lit_is(p, "{"))
		lit_header_line(p);
}

/* Registers are what an outcome consists of, thread by thread. */
static void lit_observe_registers(struct lit_parser *p)
{
	struct lit_test *test = p->test;
	unsigned int t, r;

	for (t = 0; t < test->nthreads; t++) {
		for (r = 0; r < test->thread[t].nregs; r++) {
			if (test->nobs == LIT_OBS) {
				lit_fail(p, "more than %u registers in all", LIT_OBS);
				return;
			}
			test->obs[test->nobs++] = (struct lit_obs){ .reg = true,
							.thread = t, .index = r };
		}
	}
}

/* ~exists C, as herd has it */
static void lit_parse_not_exists(struct lit_parser *p)
{
	lit_expect(p, "~");
	lit_expect(p, "exists");
	lit_parse_cond(p, LIT_FORBIDDEN);
}

static void lit_parse_conds(struct lit_parser *p)
{
	lit_skip_lines(p);
	while (!p->failed && p->token.kind != LIT_T_END) {
		if (lit_accept(p, "forbidden"))
			lit_parse_cond(p, LIT_FORBIDDEN);
		else if (lit_accept(p, "allowed") || lit_accept(p, "exists"))
			lit_parse_cond(p, LIT_ALLOWED);
		else if (lit_is(p, "~"))
			lit_parse_not_exists(p);
		else if (lit_accept(p, "interesting"))
			lit_parse_cond(p, LIT_INTERESTING);
		else
			lit_fail(p, "expected forbidden, allowed, interesting, exists or ~exists, found '%s'",
				 lit_found(p));
		lit_skip_lines(p);
	}
	if (!p->test->nconds)
		lit_fail(p, "a test says what is forbidden, allowed or interesting");
}

/* FNV-1a. */
static unsigned long long lit_digest(const char *text)
{
	unsigned long long hash = 0xcbf29ce484222325ULL;

	while (*text)
		hash = (hash ^ (unsigned char)*text++) * 0x100000001b3ULL;
	return hash;
}

bool lit_parse(struct lit_test *test, const char *path, const char *text, char *error,
	       size_t size)
{
	struct lit_parser p = { .test = test, .at = text, .line = 1, .column = 1,
				.error = error, .size = size };

	memset(test, 0, sizeof(*test));
	test->tables = LIT_UNLIMITED;
	test->digest = lit_digest(text);
	snprintf(test->path, sizeof(test->path), "%s", path);
	/* What some editors put before a text. */
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		p.at += 3;
	lit_next(&p);
	lit_skip_lines(&p);
	lit_parse_header(&p);
	lit_parse_init(&p);
	lit_skip_lines(&p);
	lit_parse_threads(&p);
	lit_observe_registers(&p);
	lit_parse_conds(&p);
	return !p.failed;
}

bool lit_parse_file(struct lit_test *test, const char *path, char *error, size_t size)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "r");
	size_t n;

	if (!file) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return false;
	}
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	if (ferror(file)) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		fclose(file);
		return false;
	}
	if (!feof(file) || memchr(text, 0, n)) {
		snprintf(error, size, "%s: not a text file of at most %zu bytes", path,
			 sizeof(text) - 1);
		fclose(file);
		return false;
	}
	fclose(file);
	return lit_parse(test, path, text, error, size);
}

bool lit_selected(const struct lit_test *test, const char *selector)
{
	char word[LIT_TEXT + 2];

	if (selector[0] == '@') {
		snprintf(word, sizeof(word), " %s ", selector + 1);
		return strstr(test->groups, word);
	}
	return !fnmatch(selector, test->name, 0) || !strcmp(selector, test->path);
}
