// SPDX-License-Identifier: GPL-2.0
/*
 * Tests for x86 in herd's format, X86 (Intel's order of operands) and X86_64 (AT&T's).
 * A location is a flag, an instruction one step or a few; what cannot be taken is said.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lit_herd.h"

static const char *const lit_legacy[] = { "ax", "bx", "cx", "dx", "si", "di", "sp", "bp" };

/* Bytes of the part of a register that @name is, and which register; 0: it is none. */
static unsigned int lit_register_part(const char *name, unsigned int *number)
{
	unsigned int i, n = 0;
	char rest[4] = "";

	for (i = 0; i < 8; i++) {
		const char *ends = lit_legacy[i];

		*number = i;
		if (!strcasecmp(name, ends))
			return 2;
		if (strlen(name) == 3 && !strcasecmp(name + 1, ends) &&
		    strchr("rReE", name[0]))
			return tolower((unsigned char)name[0]) == 'r' ? 8 : 4;
		if (i < 4 && !strncasecmp(name, ends, 1) && !strcasecmp(name + 1, "l"))
			return 1;
		if (i >= 4 && !strncasecmp(name, ends, 2) && !strcasecmp(name + 2, "l"))
			return 1;
	}
	if (sscanf(name, "%*1[rR]%2u%3s", &n, rest) < 1 || n < 8 || n > 15)
		return 0;
	*number = n;
	return !rest[0] ? 8 : rest[1] ? 0 : tolower((unsigned char)rest[0]) == 'd' ? 4 :
	       tolower((unsigned char)rest[0]) == 'w' ? 2 :
	       tolower((unsigned char)rest[0]) == 'b' ? 1 : 0;
}

/* The register's name in logs: EAX in X86, rax in X86_64. */
static void lit_register_name(char *to, bool wide, unsigned int number)
{
	unsigned int i;

	if (number >= 8)
		sprintf(to, "r%u", number);
	else
		sprintf(to, "%c%s", wide ? 'r' : 'e', lit_legacy[number]);
	for (i = 0; !wide && to[i]; i++)
		to[i] = (char)toupper((unsigned char)to[i]);
}

unsigned int lit_herd_hidden(struct lit_parser *p, unsigned int thread, const char *name)
{
	struct lit_thread *t = &p->test->thread[thread];
	int found = lit_find_reg(t, name);

	if (found >= 0)
		return (unsigned int)found;
	if (t->nregs == LIT_REGS) {
		lit_fail(p, "more than %u registers in a thread", LIT_REGS);
		return 0;
	}
	snprintf(t->reg[t->nregs], LIT_NAME, "%s", name);
	t->initial[t->nregs] = 0;
	return t->nregs++;
}

int lit_herd_name(struct lit_parser *p, unsigned int thread, const char *name,
		  unsigned int *bytes)
{
	char canonical[8];
	unsigned int number;

	*bytes = lit_register_part(name, &number);
	if (!*bytes)
		return -1;
	lit_register_name(canonical, p->test->herd == LIT_X86_64, number);
	return (int)lit_herd_hidden(p, thread, canonical);
}

int lit_herd_register(struct lit_parser *p, unsigned int thread)
{
	unsigned int bytes;

	return p->token.kind == LIT_T_WORD ?
	       lit_herd_name(p, thread, p->token.text, &bytes) : -1;
}

unsigned int lit_herd_location(struct lit_parser *p, const struct lit_token *name)
{
	struct lit_test *test = p->test;
	int found = lit_find_flag(test, name->text);

	if (found >= 0)
		return (unsigned int)found;
	if (test->nflags == LIT_FLAGS) {
		lit_fail_at(p, name->line, name->column, "more than %u locations", LIT_FLAGS);
		return 0;
	}
	if (strlen(name->text) >= LIT_NAME) {
		lit_fail_at(p, name->line, name->column,
			    "a location is longer than %u characters", LIT_NAME - 1);
		return 0;
	}
	strcpy(test->flag[test->nflags].name, name->text);
	return test->nflags++;
}

/* A number, or a location's address: x or &x. */
static unsigned int lit_herd_value(struct lit_parser *p)
{
	struct lit_loc loc = { .space = LIT_IN_FLAG };

	if (p->token.kind == LIT_T_NUMBER)
		return lit_take_number(p, LIT_NUMBERS, "a value");
	lit_accept(p, "&");
	if (p->token.kind != LIT_T_WORD || p->token.text[0] == '-') {
		lit_fail(p, "expected a number of 0 to %u or a location, found '%s'",
			 LIT_NUMBERS - 1, lit_found(p));
		return 0;
	}
	loc.index = lit_herd_location(p, &p->token);
	lit_next(p);
	return lit_address_of(&loc);
}

/* THREAD:REGISTER [= VALUE] */
static void lit_herd_init_register(struct lit_parser *p)
{
	unsigned int thread = lit_take_number(p, LIT_THREADS, "the number of a thread");
	int reg;

	lit_expect(p, ":");
	lit_accept(p, "%");
	if (p->failed)
		return;
	reg = lit_herd_register(p, thread);
	if (reg < 0) {
		lit_fail(p, "expected a register, found '%s'", lit_found(p));
		return;
	}
	lit_next(p);
	if (lit_accept(p, "="))
		p->test->thread[thread].initial[reg] = (unsigned char)lit_herd_value(p);
}

/* [TYPE] [*] LOCATION [= VALUE], [TYPE] [*] THREAD:REGISTER [= VALUE] */
static void lit_herd_init_one(struct lit_parser *p)
{
	struct lit_token word;
	unsigned int flag;

	lit_skip_p(p);
	word = p->token;
	if (p->token.kind == LIT_T_WORD)
		lit_next(p);
	lit_skip_p(p);
	while (lit_accept(p, "*") || (word.kind == LIT_T_WORD && p->token.kind == LIT_T_WORD)) {
		word = p->token;
		if (p->token.kind == LIT_T_WORD)
			lit_next(p);
	}
	if (p->token.kind == LIT_T_NUMBER) {
		lit_herd_init_register(p);
		return;
	}
	if (lit_accept(p, "[") && p->token.kind == LIT_T_WORD) {
		word = p->token;
		lit_next(p);
		lit_expect(p, "]");
	}
	if (word.kind != LIT_T_WORD) {
		lit_fail(p, "expected a location or a register, found '%s'", lit_found(p));
		return;
	}
	flag = lit_herd_location(p, &word);
	if (!p->failed && lit_accept(p, "="))
		p->test->flag[flag].value = lit_herd_value(p);
}

static void lit_herd_init(struct lit_parser *p)
{
	lit_expect(p, "{");
	lit_skip_lines(p);
	while (!p->failed && !lit_is(p, "}")) {
		if (!lit_accept(p, ";")) {
			lit_herd_init_one(p);
			lit_skip_lines(p);
			if (!lit_is(p, "}"))
				lit_expect(p, ";");
		}
		lit_skip_lines(p);
	}
	lit_expect(p, "}");
}

/* "SENTENCE", and lines KEY=VALUE, which are for other programs. */
static void lit_herd_header(struct lit_parser *p)
{
	lit_parse_name(p);
	lit_skip_lines(p);
	while (!p->failed && p->token.kind != LIT_T_END && !lit_is(p, "{")) {
		if (p->token.kind == LIT_T_STRING)
			lit_take_string(p, p->test->doc, "a sentence");
		else
			lit_skip_rest(p);
		lit_skip_lines(p);
	}
}

static bool lit_label_follows(const struct lit_parser *p)
{
	return p->token.kind == LIT_T_WORD && p->at[strspn(p->at, " \t")] == ':';
}

/* [LABEL :] [INSTRUCTION] */
static void lit_herd_cell(struct lit_parser *p, unsigned int thread)
{
	while (!p->failed && lit_label_follows(p)) {
		lit_take_label(p, thread);
		lit_expect(p, ":");
	}
	if (!p->failed && !lit_is(p, "|") && !lit_is(p, ";"))
		lit_herd_instruction(p, thread);
}

void lit_parse_herd(struct lit_parser *p)
{
	unsigned int thread;

	p->test->herd = lit_is(p, "X86") ? LIT_X86 : LIT_X86_64;
	lit_herd_header(p);
	lit_herd_init(p);
	lit_skip_lines(p);
	lit_parse_heads(p);
	lit_skip_lines(p);
	while (!p->failed && p->token.kind != LIT_T_END && !lit_at_conds(p)) {
		for (thread = 0; thread < p->test->nthreads && !p->failed; thread++) {
			if (thread && !lit_is(p, ";"))
				lit_expect(p, "|");
			lit_herd_cell(p, thread);
		}
		lit_expect(p, ";");
		lit_skip_lines(p);
	}
	lit_resolve_labels(p);
}
