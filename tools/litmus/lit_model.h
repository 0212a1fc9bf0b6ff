/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model executor: the threads of a test on the machine of spec/mmu, with the
 * real core, every outcome enumerated.
 *
 * To the machine's state it adds what threads have: where they stand, registers, a
 * store buffer each (x86-TSO; what user mode stores waits there with its physical
 * address), flags, and what is in the frames.  Hardware, core, protocol and handler
 * are those of the model checker, in monotone mode.
 */
#ifndef LIT_MODEL_H
#define LIT_MODEL_H

#include "lit.h"
#include "mc.h"

#define LIT_BUFFER	16	/* stores that wait for one thread */

_Static_assert(MMU_CPUS >= LIT_THREADS, "a CPU for each thread");
_Static_assert(LIT_W == MMU_W && LIT_X == MMU_X && LIT_U == MMU_U, "rights");

enum lit_phase {
	LIT_RUNS,		/* user mode, before the step at @pc */
	LIT_FAULTED,		/* the kernel is about to look what is mapped */
	LIT_CALLS,		/* in the kernel, in an operation */
	LIT_DEMANDS,		/* likewise, mapping what was touched */
	LIT_WALKS,		/* a software walk, interrupts off */
	LIT_ARRIVES,		/* switching to the address space on another CPU */
};

/*
 * A store that waits; @where as lit_where_*().  With LIT_MANY it stands for one or more
 * stores alike, as a loop makes them: how many does not matter, since a loop can always
 * have gone round once more.
 */
#define LIT_MANY	(1U << 15)

struct lit_store {
	u16 where;
	u16 value;
};

/**
 * struct lit_runner - a thread
 * @pc: next step, or the one under way
 * @cpu: where it runs
 * @phase: enum lit_phase
 * @level: of the table that a software walk reads next
 * @table: that table
 * @waiting: stores in @buffer
 * @reg: registers
 * @buffer: store buffer
 */
struct lit_runner {
	u8 pc;
	u8 cpu;
	u8 phase;
	u8 level;
	u8 table;
	u8 waiting;
	u8 reg[LIT_REGS];
	u8 unused[2];
	struct lit_store buffer[LIT_BUFFER];
};

/**
 * struct lit_user - what the threads add to the machine's state
 * @flag: flags
 * @word: words of the frames
 * @behind: CPUs, one bit each, whose generation of TLB contents is an old one
 * @run: threads; those that a test does not have are left out of stored states
 */
struct lit_user {
	u8 flag[8];
	u8 word[MMU_FRAMES][LIT_SLOTS];
	u8 behind;
	u8 unused[7];
	struct lit_runner run[LIT_THREADS];
};

static inline size_t lit_user_bytes(const struct lit_test *test)
{
	return offsetof(struct lit_user, run) + test->nthreads * sizeof(struct lit_runner);
}

#define LIT_MOVERS	4	/* CPUs, where threads move */

_Static_assert(sizeof(struct lit_user) % 8 == 0 && LIT_FLAGS <= 8, "hashed by words");
_Static_assert(MC_OPS >= LIT_STEPS + MMU_VPAGES && MC_SETUP >= LIT_PAGES, "calls of a thread");

struct lit_state {
	struct lit_user u;
	struct mmu_state m;
};

/**
 * struct lit_model - a test, as the model needs it
 * @test: the test
 * @config: its calls, for mc_core.c: row t are those of thread t
 * @call: number in its row of the call that a step makes
 * @demand: likewise, of the map that a touch of a page makes
 * @frame: first page of each frame
 * @code: what a frame's code returns
 * @looped: the step stands in a loop that does not count its turns
 * @needs: pages, one bit each, that a thread accesses from a step on
 * @declared: pages, one bit each, that the test names
 * @everywhere: CPUs speculate on all of these to the end, for A bits are asked for
 * @moves: some thread moves
 * @unchecked: the test does what the checks of the machine forbid
 */
struct lit_model {
	const struct lit_test *test;
	struct mc_config config;
	u8 call[LIT_THREADS][LIT_STEPS];
	u8 demand[LIT_THREADS][MMU_VPAGES];
	u8 frame[LIT_FRAMES];
	u8 code[MMU_FRAMES];
	bool looped[LIT_THREADS][LIT_STEPS];
	u8 needs[LIT_THREADS][LIT_STEPS + 1];
	u8 declared;
	bool everywhere;
	bool moves;
	bool unchecked;
};

/*
 * lit_setup.c.  @lit_explicit: with walks in registers, optional fills and drops at any
 * time instead of monotone caches (see mmu_model.c): the same outcomes, many more states.
 */
extern struct lit_model lit_model;
extern bool lit_explicit;
bool lit_model_begin(const struct lit_test *test, enum mmu_broken broken,
		     struct lit_state *s, char *error, size_t size);
unsigned int lit_page_of(const struct lit_test *test, const struct lit_loc *loc);

/* lit_run.c: all that can happen in @s: mmu_succ and, beside it, lit_succ. */
extern struct lit_user lit_succ[MMU_SUCCESSORS];
void lit_successors(const struct lit_state *s);
bool lit_finished(const struct lit_state *s);

/* Begin a successor; finish it with lit_commit(). */
struct lit_user *lit_branch(const struct lit_state *s, struct mmu_state **m);

/* Steps of the trace beside those of enum mmu_what. */
enum lit_what {
	LIT_DID_STEP = 64,	/* thread @cpu did step @a, result @b */
	LIT_DID_DRAIN,		/* its oldest store reached memory */
	LIT_DID_FAULT,		/* it faults at page @page */
	LIT_DID_LOOK,		/* the kernel finds that the access is allowed now */
	LIT_DID_CALL,		/* step of its call; @b: node before */
	LIT_DID_BEGIN,		/* begins the call of step @a */
	LIT_DID_WALK,		/* reads entry of level @level, table @b, in software */
	LIT_DID_LEAVE,
	LIT_DID_ARRIVE,
	LIT_DID_MISSED,		/* the handler runs on CPU @cpu, in another address space */
};

void lit_commit(unsigned int thread, enum lit_what what, unsigned int a, unsigned int b,
		unsigned int page);

/* lit_access.c: loads, stores, fetches and locked instructions of user mode. */
void lit_access(const struct lit_state *s, unsigned int thread);
void lit_look(const struct lit_state *s, unsigned int thread);
void lit_drain(const struct lit_state *s, unsigned int thread);
unsigned int lit_read_flag(const struct lit_state *s, unsigned int thread,
			   unsigned int flag);
void lit_store_to(struct lit_runner *run, unsigned int where, unsigned int value,
		  bool looped);
unsigned int lit_operand(const struct lit_runner *run, const struct lit_operand *o);
unsigned int lit_calculate(enum lit_op op, unsigned int a, unsigned int b);
void lit_done(struct lit_runner *run, const struct lit_step *step, unsigned int result);
void lit_begin_call(const struct lit_state *s, unsigned int thread, unsigned int slot,
		    enum lit_phase phase);

bool lit_forward(const struct lit_runner *run, unsigned int where, unsigned int *value);

/* lit_entry.c: steps pte, pde, entry, gup. */
void lit_store_entry(const struct lit_state *s, struct lit_runner *run,
		     const struct lit_step *step);
void lit_load_entry(const struct lit_state *s, struct lit_runner *run,
		    const struct lit_step *step);
void lit_gup(const struct lit_state *s, unsigned int thread);

/* Where a store goes: a word of a frame, a flag, an entry of a table. */
static inline unsigned int lit_where_word(unsigned int frame, unsigned int slot)
{
	return (frame - MMU_FRAME0) * LIT_SLOTS + slot;
}

static inline unsigned int lit_where_flag(unsigned int flag)
{
	return 64 + flag;
}

static inline unsigned int lit_where_entry(unsigned int table, unsigned int index)
{
	return 128 + table * 2 + index;
}

/**
 * struct lit_result - of an exploration
 * @noutcomes: how many outcomes there are
 * @outcome: they
 * @states: distinct states
 * @transitions: steps tried
 * @depth: steps to the farthest state, or to what was looked for
 * @seconds: of processor time
 * @complete: everything was explored
 * @met: condition that ended it, or -1
 * @endless: there is an execution that does not end
 * @violation: what the machine's checks or the exploration itself complain of
 */
struct lit_result {
	unsigned int noutcomes;
	struct lit_outcome outcome[LIT_OUTCOMES];
	u64 states;
	u64 transitions;
	unsigned int depth;
	double seconds;
	bool complete;
	int met;
	bool endless;
	char violation[256];
};

/**
 * struct lit_bounds - how long an exploration may go on
 * @states: at most
 * @bytes: of memory, at most
 * @progress: tell on stderr how far it is, every LIT_TELL states
 */
struct lit_bounds {
	u64 states;
	u64 bytes;
	bool progress;
};

#define LIT_LIMIT	20000000	/* states, unless the user says otherwise */
#define LIT_TELL	65536

/* The bounds of a user who says nothing: LIT_LIMIT, half of the machine's memory. */
struct lit_bounds lit_default_bounds(void);

/**
 * lit_explore() - every outcome of a test
 * @test: test
 * @broken: protocol step that is left out; MMU_CORRECT: none
 * @until: stop at the first outcome that meets a condition of this sort; -1: never
 * @bounds: when to give up
 * @trace: where to print the way to that outcome, or to a violation; NULL: nowhere.
 *	As text, or, with lit_trace_json, for tools/trace-page; then it is for the caller to
 *	say how it ended (lit_json_end())
 * @result: filled in
 */
void lit_explore(const struct lit_test *test, enum mmu_broken broken, int until,
		 const struct lit_bounds *bounds, FILE *trace, struct lit_result *result);

/* From a state to one that may follow; to itself: all threads have ended there. */
struct lit_edge {
	u32 from;
	u32 to;
};

/**
 * struct lit_ends - how states follow each other, of a test in which threads go back
 * @wanted: the test is one
 * @edge: all steps of the exploration
 * @nedges: how many
 * @room: how many @edge has room for
 */
struct lit_ends {
	bool wanted;
	struct lit_edge *edge;
	u64 nedges;
	u64 room;
};

/* lit_ends.c */
void lit_ends_begin(struct lit_ends *e, const struct lit_test *test);
void lit_ends_note(struct lit_ends *e, u32 from, u32 to);
/* Whether from each of @states states an end can be reached. */
bool lit_ends_all(const struct lit_ends *e, u64 states);
/* realloc(), or the program ends. */
void *lit_alloc(void *old, size_t bytes);

/* lit_verdict.c */
enum lit_verdict {
	LIT_V_OK,
	LIT_V_NO,		/* something is not as the test says */
	LIT_V_BOUND,		/* not known: the model is too small, or was given up */
};

enum lit_verdict lit_verdict(const struct lit_test *test, const struct lit_result *r,
			     char *why, size_t size);
/* How many outcomes meet a condition. */
unsigned int lit_count(const struct lit_test *test, const struct lit_cond *cond,
		       const struct lit_result *r);
int lit_compare_outcomes(const void *a, const void *b);

extern bool lit_trace_json;

/* lit_trace.c */
void lit_print_legend(FILE *out, const struct lit_state *s);
void lit_print_move(FILE *out, const struct mmu_step *step, const struct lit_state *s);

/* lit_controls.c: protocol steps that can be left out, by name; and a sentence. */
enum mmu_broken lit_broken_find(const char *name);
const char *lit_broken_text(enum mmu_broken broken);
void lit_broken_list(FILE *out);

#endif /* LIT_MODEL_H */
