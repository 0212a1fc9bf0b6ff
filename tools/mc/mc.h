/* SPDX-License-Identifier: GPL-2.0 */
/* The model checker: configurations, the software's side, the search. */
#ifndef MC_H
#define MC_H

#include <stdio.h>

#include "mmu_check.h"

#ifndef MC_OPS
#define MC_OPS		4	/* operations in a program, at most */
#define MC_SETUP	6	/* operations before it */
#endif
#define MC_ROOTS	(MC_OPS > MC_SETUP ? MC_OPS : MC_SETUP)

/**
 * struct mc_config - what is explored
 * @name: what runs on the CPUs, "|" between them
 * @cpus: how many
 * @reserve: tables that can be taken at the beginning; 0 means all six
 * @accessed: pages, one bit each, that user threads on every CPU access at any time
 * @written: of these, the pages that they store to
 * @foreign: empty tables that Linux's faults may link; they come out of the six
 * @quick: part of make check-model
 * @explicit: explored in explicit mode
 * @setup: operations done one after another before the exploration
 * @program: operations of each CPU's thread
 * @boundary: first page of the region's second VMA; 0: it is one VMA
 * @spans: 0: each operation locks the whole region; 1: what it may change; MC_WALKERS_STAY: and
 *	UNMAP of a page leaves Linux's walkers where they are
 */
struct mc_config {
	char name[64];
	u8 cpus;
	u8 reserve;
	u8 accessed;
	u8 written;
	u8 foreign;
	bool quick;
	bool explicit;
	struct mmu_op setup[MC_SETUP + 1];
	struct mmu_op program[MMU_CPUS][MC_OPS + 1];
	u8 boundary;
	u8 spans;
};

#define MC_WALKERS_STAY	2
#define MC_CONFIGS	1024

/*
 * mc_configs.c: those made by hand; mc_pairs.c adds all pairs of operations, mc_spans.c
 * those with several operations in flight.
 */
extern struct mc_config mc_configs[MC_CONFIGS];
extern unsigned int mc_nconfigs;

void mc_configs_init(void);
void mc_pairs_init(void);
void mc_spans_init(void);
struct mc_config *mc_config_add(const struct mc_config *config);
const struct mc_config *mc_config_find(const char *name);

/* mc_core.c: threads as the core and the protocol ask for their actions. */
void mc_core_begin(const struct mc_config *config);
unsigned int mc_core_nodes(void);
void mc_core_setup(bool on);

/* mc_calls.c: one operation, from the call to its return. */
void mc_call(const struct mmu_op *op);

/**
 * struct mc_result - of an exploration
 * @states: distinct states
 * @transitions: steps tried, those that lead to known states included
 * @finished: states in which every program has ended
 * @depth: steps from the beginning to the farthest state, or to the violation
 * @seconds: it took
 * @bytes: memory for the visited states and the frontier
 * @complete: every state that can be reached was reached
 * @violation: empty, or what was found
 * @outcomes: different things user mode can observe (if asked for)
 * @outcomes_sum: over them
 */
struct mc_result {
	u64 states;
	u64 transitions;
	u64 finished;
	unsigned int depth;
	double seconds;
	u64 bytes;
	bool complete;
	char violation[256];
	u64 outcomes;
	u64 outcomes_sum;
};

/**
 * mc_search() - explore a configuration breadth first
 * @config: configuration; &mmu says how
 * @limit: states after which to give up; 0: none
 * @progress: print a line every few seconds, to stderr
 * @trace: where to print the steps that lead to a violation; NULL: nowhere.  As text, or,
 *	with mc_trace_json, for tools/trace-page
 * @result: filled in
 */
extern bool mc_trace_json;
void mc_search(const struct mc_config *config, u64 limit, bool progress, FILE *trace,
	       struct mc_result *result);

enum mc_mode {
	MC_MONOTONE,		/* see mmu_model.c */
	MC_EXPLICIT,
	MC_SIMPLE,
};

/**
 * struct mc_job - one exploration, in a process of its own
 * @config: what
 * @mode: how
 * @broken: with which deliberate fault
 * @observe: collect what user mode can observe
 * @limit: states after which to give up; 0: none
 * @progress: lines to stderr while it runs
 * @done: @result is there
 * @result: of the search
 */
struct mc_job {
	const struct mc_config *config;
	enum mc_mode mode;
	enum mmu_broken broken;
	bool observe;
	bool progress;
	u64 limit;
	volatile bool done;
	struct mc_result result;
};

/* mc_jobs.c: room for jobs, and a way to do them, some at a time. */
struct mc_job *mc_job_add(const struct mc_config *config, enum mc_mode mode,
			  enum mmu_broken broken);
void mc_job_do(struct mc_job *job, FILE *trace);
/* Do them all; call @report for each, in order, as soon as it can be. */
void mc_jobs_do(unsigned int at_once, void (*report)(const struct mc_job *job));

/* mc_suite.c: the suites. Return the program's exit status. */
int mc_suite_check(unsigned int at_once);
int mc_suite_model(unsigned int at_once);
enum mmu_broken mc_broken_find(const char *name);
const char *mc_broken_name(enum mmu_broken broken);
void mc_broken_list(FILE *out);

/* mc_print.c */
void mc_print_step(FILE *out, const struct mmu_step *step, const struct mmu_state *s);
void mc_print_state(FILE *out, const struct mmu_state *s);
void mc_print_op(FILE *out, const struct mmu_op *op);
void mc_print_held(FILE *out, unsigned int held);

#endif /* MC_H */
