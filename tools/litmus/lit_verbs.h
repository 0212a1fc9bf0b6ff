/* SPDX-License-Identifier: GPL-2.0 */
/* The verbs of steps.  Private to the parser. */
#ifndef LIT_VERBS_H
#define LIT_VERBS_H

#include "lit_lex.h"

/* Arguments of a step, after its verb. */
enum lit_args {
	LIT_A_NONE,
	LIT_A_LOC,		/* flag or address */
	LIT_A_LOC_VALUE,
	LIT_A_FLAG_VALUE,
	LIT_A_PAGE,
	LIT_A_PAGE_RIGHTS,
	LIT_A_TABLE,		/* address, rights of a table */
	LIT_A_PAGE_FRAME,
	LIT_A_MAP,		/* address, size, frame, rights */
	LIT_A_MAP_RANGE,	/* address, size/size, rights */
	LIT_A_RANGE,		/* address, size */
	LIT_A_RANGE_RIGHTS,
	LIT_A_PTE,		/* address, frame and rights, or none */
	LIT_A_PDE,		/* address, rights, or none */
	LIT_A_NUMBER,
	LIT_A_UNTIL,
	LIT_A_CMPXCHG,		/* flag or address, expected value, new value */
	LIT_A_CALC,		/* value, or value, operation, value */
	LIT_A_GOTO,		/* label */
	LIT_A_IF,		/* value = value goto label; or != */
};

enum lit_result {
	LIT_R_NEVER,		/* the step has no result */
	LIT_R_MAY,
	LIT_R_MUST,		/* it makes no sense without */
};

/**
 * struct lit_verb - what a step can do
 * @name: how it is written
 * @kind: what the step becomes, as of struct lit_step
 * @args: what follows
 * @result: whether it has one
 * @model_only: why the machine cannot do it, or NULL
 * @op: of LIT_UPDATE
 * @leaf: its answer tells of A and D
 */
struct lit_verb {
	const char *name;
	unsigned int kind;
	enum lit_args args;
	enum lit_result result;
	const char *model_only;
	enum lit_op op;
	bool leaf;
};

const struct lit_verb *lit_find_verb(const char *name);

#endif /* LIT_VERBS_H */
