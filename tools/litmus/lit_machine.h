/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine executor: a test, many times, through /dev/vpt.
 *
 * One process a test.  A round: the first thread makes the initial state, all threads
 * meet, each waits for a random while and runs its steps; then the outcome is
 * counted and everything unmapped.
 */
#ifndef LIT_MACHINE_H
#define LIT_MACHINE_H

#include "guest.h"
#include "lit.h"

#define LIT_CPUS		64

/* Why a test is skipped rather than failed: the user may not have given the module any. */
#define LIT_NO_FRAME	"no frame of that size (1G: the module's parameter pool=N)"

/* What the command line asks for. */
struct lit_options {
	const char *folder;
	const char *allowed;	/* file of the model's outcomes; NULL: ask the model */
	const char *shard;
	u64 rounds;
	u64 seconds;		/* for one test, at most; 0: no limit */
	u64 size;		/* instances of a test between two meetings, at most */
	u64 stride;		/* distance of instances that are run after each other */
	u64 seed;
	unsigned int cpu[LIT_CPUS];
	unsigned int ncpus;	/* of @cpu; 0: all there are, in random order */
	bool interpret;		/* no step is compiled */
	bool timebase;		/* threads begin at one count of the time-stamp counter */
	bool rows;		/* for the summary */
	bool tap;
	bool progress;
};

/**
 * struct lit_world - what a test runs in
 * @test: the test
 * @fd: of the device
 * @base: first byte of the region
 * @bytes: of it
 * @window: where each frame is mapped all the time
 * @handle: of each frame
 * @shift: 2 MiB pages by which all addresses are moved in this round
 */
struct lit_world {
	const struct lit_test *test;
	int fd;
	char *base;
	u64 bytes;
	char *window[LIT_FRAMES];
	u64 handle[LIT_FRAMES];
	u64 shift;
};

/* What threads share, each word in a cache line of its own. */
struct lit_line {
	_Alignas(64) volatile u64 v;
};

/* Compiled steps of a thread: @run takes its registers and flags; @end: the step after them. */
struct lit_body {
	void (*run)(u64 *reg, volatile void *flags);
	unsigned int end;
};

#define LIT_VALUES	256

/* A test beside others, all done between two meetings: its flags and registers. */
struct lit_instance {
	struct lit_line flag[LIT_FLAGS];
	u64 reg[LIT_THREADS][LIT_REGS];
};

/**
 * struct lit_arena - a test under way
 * @world: where
 * @options: how
 * @flag: flags of the test
 * @reg: registers of each thread
 * @ready: round for which each thread is ready
 * @start: round that may start
 * @done: round that each thread has finished
 * @over: no more rounds
 * @ticks: how long a round took, lately (time-stamp counter)
 * @map: number of the CPU that thread t, or move t, means
 * @rng: of each thread
 * @code: compiled steps, or NULL: the steps are interpreted
 * @run: of each thread, by the first step
 * @place: addresses, by value, of what registers may point to
 * @instance: instances of a test without a region, if all of it is compiled
 * @ninstances: how many; 0: one after the other
 * @go: when all threads begin, with --barrier timebase (time-stamp counter)
 */
struct lit_arena {
	struct lit_world world;
	const struct lit_options *options;
	struct lit_line flag[LIT_FLAGS];
	unsigned char reg[LIT_THREADS][LIT_REGS];
	struct lit_line ready[LIT_THREADS];
	struct lit_line done[LIT_THREADS];
	struct lit_line start;
	struct lit_line over;
	u64 ticks;
	unsigned int map[LIT_THREADS];
	struct rng rng[LIT_THREADS];
	unsigned char *code;
	struct lit_body run[LIT_THREADS][LIT_STEPS];
	u64 place[LIT_VALUES];
	struct lit_instance *instance;
	u64 ninstances;
	u64 go;
};

/* lit_world.c: return an error's text, or NULL. */
const char *lit_world_open(struct lit_world *w, const struct lit_test *test);
const char *lit_world_set(struct lit_world *w);
void lit_world_clear(struct lit_world *w);
unsigned int lit_world_word(const struct lit_world *w, const struct lit_loc *loc);
char *lit_address(const struct lit_world *w, const struct lit_loc *loc);
u64 lit_size(unsigned int level);
u64 lit_stride(unsigned int level);
u32 lit_prot(unsigned int rights);

#define LIT_CODE	1024	/* offset in a page of the code that exec runs */

/* lit_steps_run.c: all steps of one thread; and a look at its pages beforehand. */
void lit_run_thread(struct lit_arena *a, unsigned int thread);
void lit_warm_thread(struct lit_arena *a, unsigned int thread);
void lit_pause(struct lit_arena *a, unsigned int thread, u64 spins);
void lit_spin(const struct lit_arena *a, unsigned int *spins);

/* lit_compile.c: runs of steps without a call, as machine code. */
bool lit_compile_begin(struct lit_arena *a);
void lit_compile(struct lit_arena *a);
bool lit_compiled_whole(const struct lit_arena *a);
void lit_run_instances(struct lit_arena *a, unsigned int thread);
unsigned int lit_run_compiled(struct lit_arena *a, unsigned int thread, unsigned int number);

/**
 * struct lit_histogram - what came out
 * @n: different outcomes
 * @outcome: they
 * @count: how often each
 * @rounds: all together
 * @filtered: and those that the test's filter leaves out
 * @seconds: they took
 * @violations: of the invariants, after the last one
 * @error: why nothing came out; empty
 * @skipped: why the machine cannot do this test; empty
 */
struct lit_histogram {
	unsigned int n;
	struct lit_outcome outcome[LIT_OUTCOMES];
	u64 count[LIT_OUTCOMES];
	u64 rounds;
	u64 filtered;
	double seconds;
	u64 violations;
	char error[256];
	char skipped[256];
};

/* lit_arena.c: run the test, in this process. */
void lit_arena_run(const struct lit_test *test, const struct lit_options *options,
		   struct lit_histogram *h);

/* lit_report.c: print; return whether the machine did only what is allowed. */
struct lit_allowed {
	bool known;
	bool endless;		/* some execution does not end */
	unsigned int n;
	struct lit_outcome outcome[LIT_OUTCOMES];
};

bool lit_report(const struct lit_test *test, const struct lit_options *options,
		const struct lit_histogram *h, const struct lit_allowed *allowed,
		unsigned int number);

#endif /* LIT_MACHINE_H */
