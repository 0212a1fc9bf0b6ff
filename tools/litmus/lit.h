/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A litmus test, as the parser hands it to both executors.  The format is described
 * in README.md, beside this file.
 */
#ifndef LIT_H
#define LIT_H

#include <stdbool.h>
#include <stdio.h>

#include "spec_map.h"

#define LIT_NAME	64
#define LIT_TEXT	600
#define LIT_THREADS	8
#define LIT_STEPS	64	/* of one thread */
#define LIT_REGS	16	/* likewise */
#define LIT_FRAMES	6
#define LIT_PAGES	8
#define LIT_FLAGS	8
#define LIT_SLOTS	4	/* words of a 4 KiB page that a test can name */
#define LIT_OBS		32	/* what an outcome consists of */
#define LIT_OUTCOMES	4096	/* of one test */
#define LIT_NODES	256	/* of all conditions */
#define LIT_CONDS	4
#define LIT_CONTROLS	4

/*
 * What a register or a word of memory holds: a small number, a fault, or the status
 * of a call, in the order of enum pt_status.
 */
enum lit_value {
	LIT_NUMBERS = 200,	/* numbers are below this */
	LIT_ADDRESS = 200,	/* of the first flag; of others and of pages: those that follow */
	LIT_OK = 0xe0,
	LIT_EEXIST,
	LIT_ENOENT,
	LIT_EINVAL,
	LIT_ENOMEM,
	LIT_EAGAIN,
	LIT_ELSE,		/* a value or status that is none of these */
	LIT_F = 0xf0,		/* SIGSEGV */
	LIT_POISON,		/* what is found where a frame or table was freed */
	LIT_UNSET = 0xff,	/* the step was not reached */
};

/* Rights, as in an entry. */
#define LIT_X	1U
#define LIT_W	2U
#define LIT_U	4U

/**
 * struct lit_frame - memory by name, kept by a handle as long as the test lasts
 * @name: of the frame
 * @level: size: 1, 2, 3 for 4 KiB, 2 MiB, 1 GiB
 * @value: what every word of it holds at the beginning, and what its code returns
 */
struct lit_frame {
	char name[LIT_NAME];
	unsigned int level;
	unsigned int value;
};

#define LIT_UNMAPPED	(-1)
#define LIT_FRESH	(-2)	/* a frame without a name */
#define LIT_UNLIMITED	(-1)	/* number of tables */

/**
 * struct lit_page - an address by name, and what is mapped there at the beginning
 * @name: of the address
 * @level: page size
 * @span: level of the size that is covered; above @level: by as many pages as it takes
 * @frame: number, LIT_FRESH, or LIT_UNMAPPED
 * @rights: of the mapping
 * @value: what a fresh frame holds at the beginning
 * @accessed: A is set at the beginning
 * @dirty: D, too
 * @place: index in the PDPT, PD and PT, each 0 or 1
 * @table: rights of the PDE above it, LIT_U | LIT_W unless the test says otherwise
 */
struct lit_page {
	char name[LIT_NAME];
	unsigned int level;
	unsigned int span;
	int frame;
	unsigned int rights;
	unsigned int value;
	bool accessed;
	bool dirty;
	unsigned int place[3];
	unsigned int table;
};

/* Ordinary memory, outside the region. */
struct lit_flag {
	char name[LIT_NAME];
	unsigned int value;
};

enum lit_space {
	LIT_IN_FLAG,
	LIT_IN_PAGE,		/* through an address of the region */
	LIT_IN_FRAME,		/* what a frame holds at the end */
	LIT_IN_REG,		/* where the address in a register says */
};

/**
 * struct lit_loc - a word
 * @space: what @index counts
 * @index: flag, page, frame or register
 * @page: 4 KiB pages of the model (an eighth of its region) beyond the first
 * @slot: word in that page
 */
struct lit_loc {
	enum lit_space space;
	unsigned int index;
	unsigned int page;
	unsigned int slot;
};

/* What a step does, besides the operations of enum spec_op_kind, which are calls. */
enum lit_kind {
	LIT_TABLE = SPEC_OP_KINDS,	/* rights of the PDE; by a range form on the machine */
	LIT_LOAD,
	LIT_STORE,
	LIT_EXEC,
	LIT_XCHG,		/* the locked exchange */
	LIT_UPDATE,		/* a locked addition and the like; gives what was there before */
	LIT_CMPXCHG,		/* the locked compare-and-exchange; likewise */
	LIT_FENCE,
	LIT_LFENCE,
	LIT_SFENCE,
	LIT_CALC,		/* in registers */
	LIT_GOTO,		/* to step @start, if the operands are or are not alike */
	LIT_WAIT,		/* until the flag has the value */
	LIT_LOOP,
	LIT_UNTIL,		/* back to the loop's start, unless an alternative holds */
	LIT_CHECK,		/* every invariant: 0 if all hold */
	LIT_MOVE,		/* to another CPU */
	LIT_GUP,		/* a lockless walk by software */
	LIT_PTE,		/* store an entry, nothing else: model only */
	LIT_INVLPG,		/* on this CPU: model only */
	LIT_PDE,		/* store the entry above the page table, nothing else: model only */
	LIT_ENTRY,		/* load the entry of a page as data: model only */
};

/* What LIT_CALC and LIT_UPDATE do with two operands. */
enum lit_op {
	LIT_OP_PLUS,
	LIT_OP_MINUS,
	LIT_OP_AND,
	LIT_OP_OR,
	LIT_OP_XOR,
	LIT_OP_COMPARE,		/* 0, 1, 2: the first is less, equal, greater */
	LIT_OP_FIRST,		/* the first as it is */
};

/* A value as it stands, or a register's. */
struct lit_operand {
	bool reg;
	unsigned int n;
};

enum lit_query {
	LIT_STATUS,
	LIT_DIRTY,
	LIT_ACCESSED,
};

/* What ends a loop: a flag or a register of the thread has a value. */
struct lit_until {
	bool reg;
	unsigned int index;
	unsigned int value;
};

/**
 * struct lit_step - one step of a thread
 * @kind: what it does: enum spec_op_kind, or enum lit_kind
 * @reg: register that takes the result, or -1
 * @query: what of a call's answer is the result
 * @loc: location, or the address of a call
 * @value: waited for; number of the CPU (move)
 * @op: of an update or calc
 * @arg: what is stored or added; expected and new value (cmpxchg); calc's; goto's
 * @differ: goto if the operands differ, else if they are alike
 * @level: page size of a map
 * @span: level of the size that a range form covers
 * @frame: of map, remap, pte: number, LIT_FRESH; LIT_UNMAPPED (pte: not present)
 * @rights: map, protect, table, pte
 * @start: until: step after the loop's; goto: step to go to
 * @until: alternatives
 * @nuntil: how many
 * @line: in the file
 */
struct lit_step {
	unsigned int kind;
	int reg;
	enum lit_query query;
	struct lit_loc loc;
	unsigned int value;
	enum lit_op op;
	struct lit_operand arg[2];
	bool differ;
	unsigned int level;
	unsigned int span;
	int frame;
	unsigned int rights;
	unsigned int start;
	struct lit_until until[2];
	unsigned int nuntil;
	unsigned int line;
};

/**
 * struct lit_thread - a thread
 * @nsteps: how many steps
 * @nregs: how many registers
 * @step: steps
 * @reg: names of registers
 * @initial: what they hold at the beginning
 */
struct lit_thread {
	unsigned int nsteps;
	unsigned int nregs;
	struct lit_step step[LIT_STEPS];
	char reg[LIT_REGS][LIT_NAME];
	unsigned char initial[LIT_REGS];
};

/* One thing that an outcome tells: a register, or a word at the end. */
struct lit_obs {
	bool reg;
	unsigned int thread;
	unsigned int index;
	struct lit_loc loc;
};

struct lit_outcome {
	unsigned char v[LIT_OBS];
};

enum lit_node_kind {
	LIT_TRUE,
	LIT_IS,			/* observable @a has value @b */
	LIT_SAME,		/* observables @a and @b agree */
	LIT_NOT,		/* node @a */
	LIT_AND,
	LIT_OR,
};

struct lit_node {
	enum lit_node_kind kind;
	unsigned int a;
	unsigned int b;
};

enum lit_sort {
	LIT_FORBIDDEN,		/* never, on either executor */
	LIT_ALLOWED,		/* the model must reach it */
	LIT_INTERESTING,	/* reported */
};

/**
 * struct lit_cond - a condition on the outcome
 * @sort: what is said of it
 * @root: number of its node
 * @forall: it was written "forall C": @root is ~C, and forbidden
 * @text: C
 */
struct lit_cond {
	enum lit_sort sort;
	unsigned int root;
	bool forall;
	char text[LIT_TEXT];
};

enum lit_format {
	LIT_OURS,
	LIT_X86,		/* herd's, with Intel's order of operands */
	LIT_X86_64,		/* herd's, with AT&T's */
};

/**
 * struct lit_test - a test
 * @path: file
 * @digest: of its text: two files with one are the same test
 * @name: of the test
 * @doc: what it shows
 * @rule: identifier of the rule it comes from
 * @source: where that stands
 * @groups: words, with a space on either side of each
 * @axioms: of the transistency model that a violation would break; likewise
 * @control: protocol steps without which the model must show a forbidden outcome
 * @ncontrols: how many
 * @herd: format of the file
 * @demand: touching an unmapped address maps a page
 * @big_region: the region covers whole PDPTs
 * @stores: stores of a thread that can wait, at most (model only); 0: as many as it makes
 * @tables: tables that the core can take (model only), or LIT_UNLIMITED
 * @model_only: why the machine cannot do it; empty if it can
 * @frame: frames
 * @page: addresses
 * @flag: flags
 * @thread: threads
 * @obs: what an outcome consists of, registers first
 * @cond: conditions on it
 * @node: of the conditions
 * @filtered: only outcomes that meet node @filter count
 * @filter: likewise
 */
struct lit_test {
	char path[256];
	unsigned long long digest;
	char name[LIT_NAME];
	char doc[LIT_TEXT];
	char rule[LIT_NAME];
	char source[LIT_TEXT];
	char groups[LIT_TEXT];
	char axioms[LIT_TEXT];
	char control[LIT_CONTROLS][LIT_NAME];
	unsigned int ncontrols;
	enum lit_format herd;
	bool demand;
	bool big_region;
	unsigned int stores;
	int tables;
	const char *model_only;
	unsigned int nframes, npages, nflags, nthreads, nobs, nconds, nnodes;
	struct lit_frame frame[LIT_FRAMES];
	struct lit_page page[LIT_PAGES];
	struct lit_flag flag[LIT_FLAGS];
	struct lit_thread thread[LIT_THREADS];
	struct lit_obs obs[LIT_OBS];
	struct lit_cond cond[LIT_CONDS];
	struct lit_node node[LIT_NODES];
	bool filtered;
	unsigned int filter;
};

/**
 * lit_parse_file() - read a test
 * @test: filled in
 * @path: file
 * @error: if something is wrong: "PATH:LINE:COLUMN: what"
 * @size: of @error, bytes
 *
 * Return: whether the file is a test.
 */
bool lit_parse_file(struct lit_test *test, const char *path, char *error, size_t size);

/* The same from memory; @text ends with 0. */
bool lit_parse(struct lit_test *test, const char *path, const char *text, char *error,
	       size_t size);

/* Whether an outcome meets a condition. */
bool lit_holds(const struct lit_test *test, const struct lit_cond *cond,
	       const struct lit_outcome *outcome);

/* Whether an outcome counts: without a filter, each does. */
bool lit_counts(const struct lit_test *test, const struct lit_outcome *outcome);

/* Number of the condition of @sort that @outcome meets, or -1. */
int lit_visits(const struct lit_test *test, enum lit_sort sort,
	       const struct lit_outcome *outcome);

/* "0:r0=1; 1:r1=F;" */
void lit_print_outcome(FILE *out, const struct lit_test *test,
		       const struct lit_outcome *outcome);
const char *lit_value_name(const struct lit_test *test, unsigned int value);

/*
 * Result of an operation on two values; LIT_ELSE: a number that is out of range, or a
 * sum with an address in it.
 */
unsigned int lit_calc(enum lit_op op, unsigned int a, unsigned int b);

/* The address of a flag or page, as a value; and the place that a value is the address of. */
unsigned int lit_address_of(const struct lit_loc *loc);
bool lit_place_of(unsigned int value, struct lit_loc *loc);

/*
 * What a word of memory, or a register, of the machine holds: what the test stores there
 * are values of these; LIT_ELSE is none.
 */
static inline unsigned int lit_word_value(uint64_t word)
{
	return word <= LIT_UNSET ? (unsigned int)word : LIT_ELSE;
}

/* Whether a step accesses memory, and whether it may write there. */
bool lit_accesses(const struct lit_step *step);
bool lit_writes(const struct lit_step *step);
void lit_print_step(FILE *out, const struct lit_test *test, unsigned int thread,
		    const struct lit_step *step);

/**
 * struct lit_log - what a log tells of a test, for herd's and litmus7's readers
 * @cond: the condition in question: the first that is forbidden, allowed or forall
 * @positive: how many outcomes, or rounds, meet it as it was written
 * @negative: how many do not
 */
struct lit_log {
	const struct lit_cond *cond;
	unsigned long long positive;
	unsigned long long negative;
};

/* lit_log.c */
void lit_log_begin(struct lit_log *log, const struct lit_test *test);
void lit_log_count(struct lit_log *log, const struct lit_test *test,
		   const struct lit_outcome *outcome, unsigned long long n);
/* "Allowed", "Required" or "Forbidden" */
const char *lit_log_kind(const struct lit_log *log);
/* "exists (C)", "forall (C)" or "~exists (C)" */
void lit_log_condition(FILE *out, const struct lit_log *log);
/* Whether the condition holds of what was counted. */
bool lit_log_validated(const struct lit_log *log);
/* "Positive: 1 Negative: 3", with @comma in between: witnesses of what is claimed. */
void lit_log_witnesses(FILE *out, const struct lit_log *log, const char *comma);
void lit_log_hash(FILE *out, const struct lit_test *test);
/* "Observation NAME Never 0 100" */
void lit_log_observation(FILE *out, const struct lit_test *test, const struct lit_log *log);

/* Shell pattern on the name, "@group", or a path. */
bool lit_selected(const struct lit_test *test, const char *selector);

/* Rights of the PDE above @page at the beginning: all that its pages say of it. */
unsigned int lit_table_rights(const struct lit_test *test, const struct lit_page *page);

/* "4K", "2M", "1G" */
const char *lit_size_name(unsigned int level);

#endif /* LIT_H */
