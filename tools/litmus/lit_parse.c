// SPDX-License-Identifier: GPL-2.0
/* The test as a whole: header, initial state, threads, conditions; and its file. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "lit_lex.h"

#define LIT_BYTES	(1U << 20)	/* of a file */

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

static void lit_parse_controls(struct lit_parser *p)
{
	do {
		if (p->test->ncontrols == LIT_CONTROLS) {
			lit_fail(p, "more than %u controls", LIT_CONTROLS);
			return;
		}
		lit_take_word(p, p->test->control[p->test->ncontrols++], LIT_NAME,
			      "the protocol step that the control leaves out");
	} while (p->token.kind == LIT_T_WORD);
}

void lit_take_string(struct lit_parser *p, char *to, const char *what)
{
	if (p->token.kind != LIT_T_STRING) {
		lit_fail(p, "expected %s, in quotes", what);
		return;
	}
	strcpy(to, p->token.text);
	lit_next(p);
}

/* After the first word: the name may have any characters but blanks. */
void lit_parse_name(struct lit_parser *p)
{
	size_t n = 0;

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
	} else if (lit_accept(p, "control")) {
		lit_parse_controls(p);
	} else if (lit_accept(p, "mode")) {
		test->demand = lit_is(p, "demand");
		if (!lit_accept(p, "demand"))
			lit_expect(p, "strict");
	} else {
		lit_fail(p, "expected rule, groups, axioms, control, mode or '{', found '%s'",
			 lit_found(p));
	}
	if (p->token.kind != LIT_T_LINE)
		lit_fail(p, "expected the end of the line, found '%s'", lit_found(p));
	lit_skip_lines(p);
}

static void lit_parse_header(struct lit_parser *p)
{
	if (!lit_is(p, "vpt"))
		lit_fail(p, "a litmus test begins with: vpt NAME; or, in herd's format, X86_64 NAME or X86 NAME");
	lit_parse_name(p);
	lit_skip_lines(p);
	if (p->token.kind == LIT_T_STRING)
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
	unsigned int t;

	memset(test, 0, sizeof(*test));
	for (t = 0; t < LIT_THREADS; t++)
		memset(test->thread[t].initial, LIT_UNSET, LIT_REGS);
	test->tables = LIT_UNLIMITED;
	test->digest = lit_digest(text);
	snprintf(test->path, sizeof(test->path), "%s", path);
	/* What some editors put before a text. */
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		p.at += 3;
	lit_next(&p);
	lit_skip_lines(&p);
	if (lit_is(&p, "X86") || lit_is(&p, "X86_64")) {
		lit_parse_herd(&p);
	} else {
		lit_parse_header(&p);
		lit_parse_init(&p);
		lit_skip_lines(&p);
		lit_parse_threads(&p);
		lit_observe_registers(&p);
	}
	lit_parse_conds(&p);
	return !p.failed;
}

/* Ends of lines as DOS (CR LF) and old Macs (CR) write them become ours. */
static void lit_unify_lines(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '\r')
			*to++ = *text;
		else if (text[1] != '\n')
			*to++ = '\n';
	}
	*to = 0;
}

/* All of a file, or NULL and why not in errno; 0: it is no text, or too much. */
static char *lit_read_file(FILE *file)
{
	char *text = malloc(LIT_BYTES + 1);
	size_t n;

	if (!text)
		return NULL;
	errno = 0;
	n = fread(text, 1, LIT_BYTES + 1, file);
	if (!ferror(file) && n <= LIT_BYTES && !memchr(text, 0, n)) {
		text[n] = 0;
		return text;
	}
	free(text);
	return NULL;
}

bool lit_parse_file(struct lit_test *test, const char *path, char *error, size_t size)
{
	FILE *file = fopen(path, "r");
	char *text = file ? lit_read_file(file) : NULL;
	bool ok;

	if (!text && errno)
		snprintf(error, size, "%s: %s", path, strerror(errno));
	else if (!text)
		snprintf(error, size, "%s: not a text file (ASCII or UTF-8) of at most %u bytes",
			 path, LIT_BYTES);
	if (file)
		fclose(file);
	if (!text)
		return false;
	lit_unify_lines(text);
	ok = lit_parse(test, path, text, error, size);
	free(text);
	return ok;
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
