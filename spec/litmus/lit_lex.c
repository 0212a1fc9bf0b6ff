// SPDX-License-Identifier: GPL-2.0
/* From characters to tokens. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static void lit_skip_blanks(struct lit_parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '#') {
		if (*p->at != '#') {
			lit_get(p);
			continue;
		}
		while (*p->at && *p->at != '\n')
			lit_get(p);
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
		lit_fail(p, "too long");
		return;
	}
	p->token.text[(*n)++] = c;
	p->token.text[*n] = 0;
}

static void lit_word(struct lit_parser *p)
{
	bool digits = true;
	size_t n = 0;

	while (!p->failed && lit_in_word(p->at)) {
		digits &= !!isdigit((unsigned char)*p->at);
		lit_put(p, &n, lit_get(p));
	}
	if (p->failed)
		return;
	p->token.kind = digits ? LIT_T_NUMBER : LIT_T_WORD;
	if (digits)
		p->token.value = (unsigned int)strtoul(p->token.text, NULL, 10);
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
	static const char *const two[] = { "->", "/\\", "\\/", "!=" };
	size_t n = 0, i;

	p->token.kind = LIT_T_SYMBOL;
	for (i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
		if (!strncmp(p->at, two[i], 2))
			lit_put(p, &n, lit_get(p));
	}
	if (!n && !strchr("{}|;:=+[](),/~", *p->at)) {
		lit_fail(p, "unexpected character '%c'", *p->at);
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

bool lit_is(const struct lit_parser *p, const char *text)
{
	return (p->token.kind == LIT_T_WORD || p->token.kind == LIT_T_SYMBOL) &&
	       !strcmp(p->token.text, text);
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
