/* SPDX-License-Identifier: GPL-2.0 */
/* Tokens, and the parser's state.  Private to the parser. */
#ifndef LIT_LEX_H
#define LIT_LEX_H

#include <stddef.h>

#include "lit.h"

enum lit_token_kind {
	LIT_T_END,
	LIT_T_LINE,		/* end of a line */
	LIT_T_WORD,
	LIT_T_NUMBER,
	LIT_T_STRING,
	LIT_T_SYMBOL,
};

struct lit_token {
	enum lit_token_kind kind;
	unsigned int line;
	unsigned int column;
	unsigned int value;	/* of a number */
	char text[LIT_TEXT];
};

/**
 * struct lit_label - a place in a thread, by name; or a step that goes there
 * @name: of the label
 * @thread: number
 * @step: before which it stands; or the goto
 * @line: where the goto names it
 * @column: likewise
 */
struct lit_label {
	char name[LIT_NAME];
	unsigned int thread;
	unsigned int step;
	unsigned int line;
	unsigned int column;
};

#define LIT_LABELS	32	/* of a test */

/**
 * struct lit_parser - the file being read
 * @test: what has been understood so far
 * @at: rest of the text
 * @line: of @at, from 1
 * @column: likewise
 * @token: the token to be dealt with next
 * @failed: something was wrong; from then on @token is the end
 * @error: what
 * @size: of @error
 * @label: labels that were declared
 * @nlabels: how many
 * @jump: steps that go to a label
 * @njumps: how many
 * @bytes: of the accesses of a test in herd's format; 0: none yet
 */
struct lit_parser {
	struct lit_test *test;
	const char *at;
	unsigned int line;
	unsigned int column;
	struct lit_token token;
	bool failed;
	char *error;
	size_t size;
	struct lit_label label[LIT_LABELS];
	unsigned int nlabels;
	struct lit_label jump[LIT_LABELS];
	unsigned int njumps;
	unsigned int bytes;
};

/* Go on to the next token. */
void lit_next(struct lit_parser *p);
void lit_skip_lines(struct lit_parser *p);
/* Leave out what stands in this line after the current token. */
void lit_skip_rest(struct lit_parser *p);

/* Note what is wrong with the current token, unless something was wrong before. */
void lit_fail(struct lit_parser *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same at another place. */
void lit_fail_at(struct lit_parser *p, unsigned int line, unsigned int column,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Behind the comment that begins at @at; NULL if it does not end. */
const char *lit_comment_end(const char *at);

/* How to name the current token in a complaint. */
const char *lit_found(const struct lit_parser *p);

/* The current token is this symbol or word. */
bool lit_is(const struct lit_parser *p, const char *text);
/* The current token is this word, in capitals or not. */
bool lit_is_word(const struct lit_parser *p, const char *text);
/* If it is, go on. */
bool lit_accept(struct lit_parser *p, const char *text);
/* It must be. */
void lit_expect(struct lit_parser *p, const char *text);
/* Take a word that is a new or a known name; a number below @limit. */
void lit_take_word(struct lit_parser *p, char *to, size_t size, const char *what);
unsigned int lit_take_number(struct lit_parser *p, unsigned int limit, const char *what);

/* Parts that the steps and the declarations share. */
unsigned int lit_take_size(struct lit_parser *p);
unsigned int lit_take_rights(struct lit_parser *p);
unsigned int lit_take_table_rights(struct lit_parser *p);
int lit_take_frame(struct lit_parser *p, unsigned int level);
int lit_find_frame(const struct lit_test *test, const char *name);
int lit_find_page(const struct lit_test *test, const char *name);
int lit_find_flag(const struct lit_test *test, const char *name);
int lit_find_reg(const struct lit_thread *thread, const char *name);
int lit_find_value(const char *name);
struct lit_loc lit_take_loc(struct lit_parser *p, bool frames);

/* lit_operand.c: the address of what the token names, as a value; a number or register. */
unsigned int lit_take_address(struct lit_parser *p);
struct lit_operand lit_take_operand(struct lit_parser *p, const struct lit_thread *thread);
bool lit_is_reg(const struct lit_parser *p);

/* Labels, and steps that go there; resolved when a thread's last step is known. */
void lit_take_label(struct lit_parser *p, unsigned int thread);
void lit_take_goto(struct lit_parser *p, unsigned int thread, struct lit_step *step);
void lit_resolve_labels(struct lit_parser *p);

/* lit_herd.c: a test in herd's format, after its architecture. */
void lit_parse_herd(struct lit_parser *p);
int lit_herd_register(struct lit_parser *p, unsigned int thread);

/* lit_parse.c */
void lit_parse_name(struct lit_parser *p);
void lit_take_string(struct lit_parser *p, char *to, const char *what);

/* lit_init.c: the declarations between braces. */
void lit_parse_init(struct lit_parser *p);

/* lit_steps.c: the table of threads; its first line. */
void lit_parse_heads(struct lit_parser *p);
void lit_parse_threads(struct lit_parser *p);

/* lit_tables.c: note what only the model can do with tables. */
void lit_check_tables(struct lit_test *test);

/* lit_conds.c: from the conditions, with what may stand before them, to the end. */
void lit_parse_conds(struct lit_parser *p);
bool lit_at_conds(const struct lit_parser *p);

/* lit_cond.c: one condition, to the end of the line: its node and its text. */
unsigned int lit_take_cond(struct lit_parser *p, char *text);
unsigned int lit_take_obs(struct lit_parser *p);
/* P1 before a colon is the number 1. */
void lit_skip_p(struct lit_parser *p);
unsigned int lit_node(struct lit_parser *p, enum lit_node_kind kind, unsigned int a,
		      unsigned int b);

#endif /* LIT_LEX_H */
