// SPDX-License-Identifier: GPL-2.0
/* Values: their names, sums, and addresses among them; what steps do with memory. */
#include <string.h>

#include "lit_lex.h"

static const struct { const char *name; unsigned int value; } lit_values[] = {
	{ "F", LIT_F }, { "ok", LIT_OK }, { "EEXIST", LIT_EEXIST },
	{ "ENOENT", LIT_ENOENT }, { "EINVAL", LIT_EINVAL }, { "ENOMEM", LIT_ENOMEM },
	{ "EAGAIN", LIT_EAGAIN }, { "poison", LIT_POISON },
	{ "something_else", LIT_ELSE }, { "unset", LIT_UNSET },
};

#define LIT_VALUES	(sizeof(lit_values) / sizeof(lit_values[0]))

int lit_find_value(const char *name)
{
	size_t i;

	for (i = 0; i < LIT_VALUES; i++) {
		if (lit_values[i].value != LIT_ELSE && !strcmp(lit_values[i].name, name))
			return (int)lit_values[i].value;
	}
	return -1;
}

const char *lit_value_name(const struct lit_test *test, unsigned int value)
{
	static char number[4][12];
	static unsigned int turn;
	struct lit_loc loc;
	size_t i;

	for (i = 0; i < LIT_VALUES; i++) {
		if (lit_values[i].value == value)
			return lit_values[i].name;
	}
	if (lit_place_of(value, &loc))
		return loc.space == LIT_IN_FLAG ? test->flag[loc.index].name :
						  test->page[loc.index].name;
	turn = (turn + 1) % 4;
	snprintf(number[turn], sizeof(number[turn]), "%u", value);
	return number[turn];
}

unsigned int lit_address_of(const struct lit_loc *loc)
{
	return LIT_ADDRESS + loc->index + (loc->space == LIT_IN_PAGE ? LIT_FLAGS : 0);
}

bool lit_place_of(unsigned int value, struct lit_loc *loc)
{
	*loc = (struct lit_loc){ .space = LIT_IN_FLAG };
	if (value < LIT_ADDRESS || value >= LIT_ADDRESS + LIT_FLAGS + LIT_PAGES)
		return false;
	loc->index = value - LIT_ADDRESS;
	if (loc->index >= LIT_FLAGS) {
		loc->space = LIT_IN_PAGE;
		loc->index -= LIT_FLAGS;
	}
	return true;
}

static unsigned int lit_number(unsigned int a, unsigned int b, unsigned int n)
{
	/* An address plus nothing is what dependencies are made of. */
	if (!b)
		return a;
	return a < LIT_NUMBERS && b < LIT_NUMBERS && n < LIT_NUMBERS ? n : LIT_ELSE;
}

unsigned int lit_calc(enum lit_op op, unsigned int a, unsigned int b)
{
	switch (op) {
	case LIT_OP_PLUS:
		return a ? lit_number(a, b, a + b) : b;
	case LIT_OP_MINUS:
		return a == b ? 0 : lit_number(a, b, a - b);
	case LIT_OP_AND:
		return a == b || !a ? a : !b ? 0 : lit_number(a, b, a & b);
	case LIT_OP_OR:
		return !a || a == b ? b : lit_number(a, b, a | b);
	case LIT_OP_XOR:
		return a == b ? 0 : !a ? b : lit_number(a, b, a ^ b);
	case LIT_OP_COMPARE:
		return a < b ? 0 : a == b ? 1 : 2;
	default:
		return a;
	}
}

bool lit_accesses(const struct lit_step *step)
{
	return step->kind == LIT_LOAD || step->kind == LIT_EXEC || lit_writes(step);
}

bool lit_writes(const struct lit_step *step)
{
	return step->kind == LIT_STORE || step->kind == LIT_XCHG ||
	       step->kind == LIT_UPDATE || step->kind == LIT_CMPXCHG;
}
