// SPDX-License-Identifier: GPL-2.0
/* From characters to tokens. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lit_lex.h"

static void lit_vfail(struct lit_parser *p, unsigned int line, unsigned int column,
		      const char *format, va_list args)
{
	int n;

	if (p->failed)
		return;
	n = snprintf(p->error, p->size, "%s:%u:%u: ", p->test->path, line, column);
	if (n >= 0 && (size_t)n < p->size)
		vsnprintf(p->error + n, p->size - (size_t)n, format, args);
	p->failed = true;
	p->token.kind = LIT_T_END;
	p->token.text[0] = 0;
}

void lit_fail_at(struct lit_parser *p, unsigned int line, unsigned int column,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lit_vfail(p, line, column, format, args);
	va_end(args);
}

void lit_fail(struct lit_parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	lit_vfail(p, p->token.line, p->token.column, format, args);
	va_end(args);
}

static char lit_get(struct lit_parser *p)
{
	char c = *p->at;

	if (!c)
		return 0;
	p->at++;
	if (c == '\n') {
		p->line++;
		p->column = 1;
	} else if (c == '\t') {
		p->column = (p->column - 1) / 8 * 8 + 9;
	} else {
		p->column++;
	}
	return c;
}

/* (* A comment, as herd has it; (* they nest *) *) */
const char *lit_comment_end(const char *at)
{
	unsigned int depth = 0;

	do {
		if (!*at)
			return NULL;
		if (!strncmp(at, "(*", 2) || !strncmp(at, "*)", 2))
			depth += *at++ == '(' ? 1U : -1U;
		at++;
	} while (depth);
	return at;
}

static void lit_skip_comment(struct lit_parser *p)
{
	const char *end = lit_comment_end(p->at);

	if (!end) {
		lit_fail_at(p, p->line, p->column, "a comment begins here and does not end");
		return;
	}
	while (p->at < end)
		lit_get(p);
}

static void lit_skip_blanks(struct lit_parser *p)
{
	while (!p->failed) {
		if (*p->at == ' ' || *p->at == '\t') {
			lit_get(p);
		} else if (*p->at == '#') {
			while (*p->at && *p->at != '\n')
				lit_get(p);
		} else if (!strncmp(p->at, "(*", 2)) {
			lit_skip_comment(p);
		} else {
			return;
		}
	}
}

/* A word may have dots, dashes and underlines in it, but does not end with a dash. */
static bool lit_in_word(const char *at)
{
	return isalnum((unsigned char)*at) || *at == '_' ||
	       ((*at == '.' || *at == '-') && isalnum((unsigned char)at[1]));
}

static void lit_put(struct lit_parser *p, size_t *n, char c)
{
	if (*n + 1 >= sizeof(p->token.text)) {
		lit_fail(p, "longer than %zu characters", sizeof(p->token.text) - 1);
		return;
	}
	p->token.text[(*n)++] = c;
	p->token.text[*n] = 0;
}

/* Name it as a whole if it is UTF-8, by its number if it cannot be printed. */
static void lit_bad_character(struct lit_parser *p)
{
	unsigned char c = (unsigned char)*p->at;
	int n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1, i;

	for (i = 1; i < n && ((unsigned char)p->at[i] & 0xc0) == 0x80;)
		i++;
	if (i < n || (c >= 0x80 && n == 1) || iscntrl(c))
		lit_fail_at(p, p->line, p->column, "unexpected character of code 0x%02x", c);
	else
		lit_fail_at(p, p->line, p->column, "unexpected character '%.*s'", n, p->at);
}

static void lit_word(struct lit_parser *p)
{
	const char *text = p->token.text;
	size_t n = 0;
	char *end;

	while (!p->failed && lit_in_word(p->at))
		lit_put(p, &n, lit_get(p));
	if (*p->at & 0x80)
		lit_bad_character(p);
	if (p->failed)
		return;
	p->token.kind = LIT_T_WORD;
	if (!isdigit((unsigned char)text[0]))
		return;
	p->token.value = (unsigned int)strtoul(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
	if (!*end)
		p->token.kind = LIT_T_NUMBER;
}

/* A string may go over several lines; they become one. */
static void lit_string(struct lit_parser *p)
{
	size_t n = 0;
	char c;

	p->token.kind = LIT_T_STRING;
	lit_get(p);
	while (!p->failed) {
		c = lit_get(p);
		if (c == '"')
			return;
		if (!c) {
			lit_fail(p, "a string begins here and does not end");
			return;
		}
		if (isspace((unsigned char)c)) {
			while (isspace((unsigned char)*p->at))
				lit_get(p);
			c = ' ';
		}
		lit_put(p, &n, c);
	}
}

static void lit_symbol(struct lit_parser *p)
{
	static const char *const two[] = { "->", "/\\", "\\/", "!=", "<>", "=>", "==" };
	size_t n = 0, i;

	p->token.kind = LIT_T_SYMBOL;
	for (i = 0; i < sizeof(two) / sizeof(two[0]) && !n; i++) {
		if (!strncmp(p->at, two[i], 2))
			lit_put(p, &n, lit_get(p));
	}
	/* $1 and %eax are herd's. */
	if (!n && !strchr(p->test->herd ? "{}|;:=+[](),/~&*$%" : "{}|;:=+[](),/~&", *p->at)) {
		lit_bad_character(p);
		return;
	}
	lit_put(p, &n, lit_get(p));
}

void lit_next(struct lit_parser *p)
{
	if (p->failed)
		return;
	lit_skip_blanks(p);
	p->token.line = p->line;
	p->token.column = p->column;
	p->token.text[0] = 0;
	if (!*p->at) {
		p->token.kind = LIT_T_END;
	} else if (*p->at == '\n') {
		p->token.kind = LIT_T_LINE;
		lit_get(p);
	} else if (*p->at == '"') {
		lit_string(p);
	} else if (lit_in_word(p->at)) {
		lit_word(p);
	} else {
		lit_symbol(p);
	}
}

void lit_skip_lines(struct lit_parser *p)
{
	while (p->token.kind == LIT_T_LINE)
		lit_next(p);
}

void lit_skip_rest(struct lit_parser *p)
{
	while (*p->at && *p->at != '\n')
		lit_get(p);
	lit_next(p);
}

bool lit_is(const struct lit_parser *p, const char *text)
{
	return (p->token.kind == LIT_T_WORD || p->token.kind == LIT_T_SYMBOL) &&
	       !strcmp(p->token.text, text);
}

bool lit_is_word(const struct lit_parser *p, const char *text)
{
	return p->token.kind == LIT_T_WORD && !strcasecmp(p->token.text, text);
}

bool lit_accept(struct lit_parser *p, const char *text)
{
	if (!lit_is(p, text))
		return false;
	lit_next(p);
	return true;
}

/* How to name the current token in a complaint. */
const char *lit_found(const struct lit_parser *p)
{
	if (p->token.kind == LIT_T_END)
		return "the end of the file";
	if (p->token.kind == LIT_T_LINE)
		return "the end of the line";
	return p->token.text;
}

void lit_expect(struct lit_parser *p, const char *text)
{
	if (!lit_accept(p, text))
		lit_fail(p, "expected '%s', found '%s'", text, lit_found(p));
}

void lit_take_word(struct lit_parser *p, char *to, size_t size, const char *what)
{
	if (p->token.kind != LIT_T_WORD) {
		lit_fail(p, "expected %s, found '%s'", what, lit_found(p));
		return;
	}
	if (strlen(p->token.text) >= size) {
		lit_fail(p, "%s is longer than %zu characters", what, size - 1);
		return;
	}
	strcpy(to, p->token.text);
	lit_next(p);
}

unsigned int lit_take_number(struct lit_parser *p, unsigned int limit, const char *what)
{
	unsigned int value = p->token.value;

	if (p->token.kind != LIT_T_NUMBER) {
		lit_fail(p, "expected %s, found '%s'", what, lit_found(p));
		return 0;
	}
	if (value >= limit || strlen(p->token.text) > 8) {
		lit_fail(p, "%s must be below %u", what, limit);
		return 0;
	}
	lit_next(p);
	return value;
}
