/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of the module: programs of system calls by several threads on one region.
 *
 *	program.c	a program: as text, at random, changed
 *	calls_vpt.c	what its calls do: the module's
 *	calls_mm.c	and Linux's
 *	calls_rare.c	the newer and rarer ones of them
 *	run.c		run one, and judge
 *	kmsg.c		what the kernel said meanwhile
 *	minimise.c	the calls of a program that it takes to fail
 *	kcov.c		which blocks of the module it reached
 *	fuzz.c		the loop
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../guest/lib/guest.h"

#define MAX_CALLS	24
#define MAX_THREADS	4
#define ARGS		4

/*
 * A call: what, by which thread, and four small numbers whose meaning is the call's.
 * Most choose from the tables in calls_vpt.c, modulo their length, so that every
 * program means something.
 */
struct call {
	uint8_t what;
	uint8_t thread;
	uint8_t arg[ARGS];
};

struct program {
	unsigned int n;
	struct call call[MAX_CALLS];
};

#define PROGRAM_TEXT	(MAX_CALLS * 40)

/* As text: "THREAD NAME A B C D;" for each call, or a line for each. */
size_t program_print(const struct program *p, char *text, size_t size);
bool program_parse(struct program *p, const char *text);

void program_random(struct program *p, struct rng *r);

/* Change @p a little; @other is another program of the corpus. */
void program_mutate(struct program *p, const struct program *other, struct rng *r);

/* Of a running program. */
struct state {
	int fd;
	char *base;
	u64 bytes;
	bool strict;
	_Atomic u64 handles[8];
	_Atomic bool ends;		/* the process goes before it can be looked at */
};

struct what {
	const char *name;
	void (*run)(struct state *s, const uint8_t *arg);
	unsigned int weight;		/* how often a random program has it */
};

extern const struct what calls_vpt[], calls_mm[], calls_rare[];
extern const unsigned int n_calls_vpt, n_calls_mm, n_calls_rare;
const struct what *what_of(unsigned int what);
unsigned int whats(void);

/* From a call's small numbers. */
char *place(struct state *s, uint8_t arg);
char *page_at(struct state *s, uint8_t arg);	/* the page it lies in */
u64 length_of(uint8_t arg);
u64 size_of_page(uint8_t arg);
u32 rights_of(uint8_t arg);

/*
 * At the end of each page programs write nothing but this, so a page that holds neither
 * it nor zero there holds somebody else's data.
 */
#define MARK		0x7670742d66757a7aULL
#define MARK_AT		(VPT_4K - 8)

enum outcome {
	RAN,			/* and was judged sound */
	ENDED,			/* killed itself: nothing to judge */
	LATE,			/* killed after its time */
	STUCK,			/* likewise, and it waited in the module; which was printed */
	WRONG,			/* unsound; the reason was printed */
};

/* Each thread does its calls @rounds times over. */
enum outcome program_run(const struct program *p, unsigned int rounds);

/*
 * Drop the calls without which @p still fails.  Return: false if it does not fail when it is
 * run again by itself.
 */
bool program_minimise(struct program *p, unsigned int rounds);

/* The kernel's log, of which lines that match one of @path's expressions are complaints. */
bool kmsg_open(const char *path);
void kmsg_reopen(void);
bool kmsg_complains(void);	/* since it was last asked; prints the line */

/* Wait until the module is at rest; false, and a line of text, if it does not get there. */
bool at_rest(void);

/* Coverage: a buffer for each thread, kept by the engine and written by the kernel. */
bool kcov_open(void);
void kcov_thread(unsigned int thread);	/* trace this thread from here on */
void kcov_reset(void);
unsigned int kcov_collect(void);	/* return: how many edges are new */
unsigned int kcov_edges(void);
void kcov_print(void);			/* each block reached: its offset in the module's text */

#endif /* FUZZ_H */
