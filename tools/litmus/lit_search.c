// SPDX-License-Identifier: GPL-2.0
/*
 * Every outcome of a test: breadth first, so that the way to an outcome is a shortest
 * one.  As in mc_search.c, visited states are known by a 64-bit hash; the states on
 * the way to an outcome are made again from the beginning.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lit_json.h"
#include "lit_model.h"
#include "mmu_hash.h"

/**
 * struct lit_search - an exploration under way
 * @slots: hashes of the visited states, an open table
 * @number: of the state in each slot
 * @nslots: its size, a power of two
 * @hash: the same, by number of state
 * @parent: number of the state it was reached from
 * @queue: states, by number; those before @done are given back
 * @room: how many states the arrays hold
 * @user: bytes of the threads' part of a state, and
 * @bytes: of the machine's, which begins at @from: threads, operations in flight and CPUs that
 *	do not exist take no room
 * @at: number of the state that is expanded next; those before it are given back
 * @bounds: when to give up
 * @ends: which states lead to which
 * @first: the first state
 */
struct lit_search {
	struct lit_result *result;
	u64 *slots;
	u32 *number;
	u64 nslots;
	u64 *hash;
	u32 *parent;
	unsigned char **queue;
	u64 room;
	size_t user;
	size_t from;
	size_t bytes;
	u64 at;
	const struct lit_bounds *bounds;
	struct lit_ends ends;
	struct lit_state first;
};

struct lit_bounds lit_default_bounds(void)
{
	return (struct lit_bounds){ .states = LIT_LIMIT,
		.bytes = (u64)sysconf(_SC_PHYS_PAGES) / 2 * (u64)sysconf(_SC_PAGESIZE) };
}

#define LIT_HEAP	16	/* bytes that malloc() adds to an allocation */

void *lit_alloc(void *old, size_t bytes)
{
	void *p = realloc(old, bytes);

	if (!p) {
		fputs("vpt-litmus: out of memory\n", stderr);
		exit(2);
	}
	return p;
}

static u64 lit_hash(const struct lit_search *m, const struct lit_user *u,
		    const struct mmu_state *machine)
{
	u64 hash = mmu_hash((const unsigned char *)machine + m->from, m->bytes,
			    mmu_hash(u, m->user, 0));

	return hash ? hash : 1;
}

/* The slot of a hash, or the free one where it belongs. */
static u64 lit_slot(const struct lit_search *m, u64 hash)
{
	u64 at = hash & (m->nslots - 1);

	while (m->slots[at] && m->slots[at] != hash)
		at = (at + 1) & (m->nslots - 1);
	return at;
}

static void lit_insert(struct lit_search *m, u64 hash, u64 number)
{
	u64 at = lit_slot(m, hash);

	m->slots[at] = hash;
	m->number[at] = (u32)number;
}

static void lit_grow(struct lit_search *m)
{
	u64 i;

	m->room = m->room ? 2 * m->room : 1U << 14;
	m->hash = lit_alloc(m->hash, m->room * sizeof(*m->hash));
	m->parent = lit_alloc(m->parent, m->room * sizeof(*m->parent));
	m->queue = lit_alloc(m->queue, m->room * sizeof(*m->queue));
	free(m->slots);
	free(m->number);
	m->nslots = 2 * m->room;
	m->slots = lit_alloc(NULL, m->nslots * sizeof(*m->slots));
	m->number = lit_alloc(NULL, m->nslots * sizeof(*m->number));
	memset(m->slots, 0, m->nslots * sizeof(*m->slots));
	for (i = 0; i < m->result->states; i++)
		lit_insert(m, m->hash[i], i);
}

static void lit_visit(struct lit_search *m, const struct lit_user *u,
		      const struct mmu_state *machine, u32 parent)
{
	u64 hash = lit_hash(m, u, machine), n = m->result->states, at = lit_slot(m, hash);

	if (m->slots[at]) {
		if (m->number[at] != parent)
			lit_ends_note(&m->ends, parent, m->number[at]);
		return;
	}
	if (n)
		lit_ends_note(&m->ends, parent, (u32)n);
	if (n == m->room)
		lit_grow(m);
	lit_insert(m, hash, n);
	m->hash[n] = hash;
	m->parent[n] = parent;
	m->queue[n] = lit_alloc(NULL, m->user + m->bytes);
	memcpy(m->queue[n], u, m->user);
	memcpy(m->queue[n] + m->user, (const unsigned char *)machine + m->from, m->bytes);
	m->result->states++;
}

static void lit_load(const struct lit_search *m, const unsigned char *from,
		     struct lit_state *s)
{
	memcpy(&s->u, from, m->user);
	memcpy((unsigned char *)&s->m + m->from, from + m->user, m->bytes);
}

static void lit_observe(const struct lit_state *s, struct lit_outcome *outcome)
{
	const struct lit_test *test = lit_model.test;
	unsigned int i;

	memset(outcome, 0, sizeof(*outcome));
	for (i = 0; i < test->nobs; i++) {
		const struct lit_obs *o = &test->obs[i];

		if (o->reg)
			outcome->v[i] = s->u.run[o->thread].reg[o->index];
		else if (o->loc.space == LIT_IN_FLAG)
			outcome->v[i] = s->u.flag[o->loc.index];
		else
			outcome->v[i] = s->u.word[lit_model.frame[o->loc.index] +
						  o->loc.page - MMU_FRAME0][o->loc.slot];
	}
}

/* Note an outcome.  Return whether it is one of those that are looked for. */
static bool lit_note(struct lit_search *m, const struct lit_state *s, int until)
{
	struct lit_result *r = m->result;
	struct lit_outcome outcome;
	unsigned int i;

	lit_observe(s, &outcome);
	if (!lit_counts(lit_model.test, &outcome))
		return false;
	for (i = 0; i < r->noutcomes; i++) {
		if (!memcmp(&r->outcome[i], &outcome, sizeof(outcome)))
			return false;
	}
	if (r->noutcomes == LIT_OUTCOMES) {
		snprintf(r->violation, sizeof(r->violation), "bound: more than %u outcomes",
			 LIT_OUTCOMES);
		return true;
	}
	r->outcome[r->noutcomes++] = outcome;
	if (until >= 0)
		r->met = lit_visits(lit_model.test, (enum lit_sort)until, &outcome);
	return r->met >= 0;
}

bool lit_trace_json;

static void lit_trace_begin(FILE *out, const struct lit_state *s)
{
	if (lit_trace_json)
		lit_json_begin(out, mmu.broken, s);
	else
		lit_print_legend(out, s);
}

static void lit_trace_move(FILE *out, unsigned int number, const struct mmu_step *step,
			   const struct lit_state *before, const struct lit_state *after)
{
	if (lit_trace_json) {
		lit_json_move(out, step, before, after);
		return;
	}
	fprintf(out, "%3u  ", number);
	lit_print_move(out, step, before);
}

/* Print the way to state @number, and what was the matter there. */
static void lit_trace(struct lit_search *m, u64 number, FILE *out)
{
	u32 *path = lit_alloc(NULL, (m->result->depth + 2) * sizeof(*path));
	static struct lit_state s, after;
	unsigned int n = 0, i, step = 1;

	for (; number; number = m->parent[number])
		path[n++] = (u32)number;
	s = m->first;
	lit_trace_begin(out, &s);
	while (n-- > 0) {
		lit_successors(&s);
		for (i = 0; i + 1 < mmu_nsucc; i++) {
			if (lit_hash(m, &lit_succ[i], &mmu_succ[i]) == m->hash[path[n]])
				break;
		}
		after.u = lit_succ[i];
		after.m = mmu_succ[i];
		lit_trace_move(out, step++, &mmu_succ_step[i], &s, &after);
		s = after;
	}
	free(path);
}

/* What a state that leads nowhere says. */
static bool lit_ended(struct lit_search *m, const struct lit_state *s, int until)
{
	if (lit_finished(s))
		return lit_note(m, s, until);
	if (!mmu_nsucc)
		snprintf(m->result->violation, sizeof(m->result->violation),
			 "no thread can go on");
	m->result->endless = !mmu_nsucc;
	return !mmu_nsucc;
}

/* Expand state @number.  Return whether that ended the exploration. */
static bool lit_expand(struct lit_search *m, u64 number, int until)
{
	static struct lit_state s;
	unsigned int i;

	lit_load(m, m->queue[number], &s);
	free(m->queue[number]);
	m->queue[number] = NULL;
	mmu_nsucc = 0;
	if (!lit_finished(&s))
		lit_successors(&s);
	if (mmu_violation[0]) {
		memcpy(m->result->violation, mmu_violation, sizeof(mmu_violation));
		return true;
	}
	if (!mmu_nsucc && lit_ended(m, &s, until))
		return true;
	if (!mmu_nsucc)
		lit_ends_note(&m->ends, (u32)number, (u32)number);
	m->result->transitions += mmu_nsucc;
	for (i = 0; i < mmu_nsucc; i++)
		lit_visit(m, &lit_succ[i], &mmu_succ[i], (u32)number);
	return false;
}

static void lit_search_end(struct lit_search *m)
{
	u64 i;

	for (i = 0; i < m->result->states; i++)
		free(m->queue[i]);
	free(m->queue);
	free(m->parent);
	free(m->hash);
	free(m->slots);
	free(m->number);
	free(m->ends.edge);
}

static double lit_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Memory in use: the tables, and the states that wait to be expanded. */
static u64 lit_used(const struct lit_search *m)
{
	return m->room * (sizeof(*m->hash) + sizeof(*m->parent) + sizeof(*m->queue)) +
	       m->nslots * (sizeof(*m->slots) + sizeof(*m->number)) +
	       m->ends.room * sizeof(*m->ends.edge) + (m->result->states - m->at) *
	       (m->user + m->bytes + LIT_HEAP);
}

/* Whether a bound has been reached; @result says which. */
static bool lit_beyond(struct lit_search *m)
{
	struct lit_result *r = m->result;

	if (r->states >= m->bounds->states)
		snprintf(r->violation, sizeof(r->violation),
			 "bound: not complete after %llu states (--limit)",
			 (unsigned long long)r->states);
	else if (lit_used(m) > m->bounds->bytes)
		snprintf(r->violation, sizeof(r->violation),
			 "bound: not complete after %llu states, which take %llu MiB (--memory)",
			 (unsigned long long)r->states,
			 (unsigned long long)(m->bounds->bytes >> 20));
	return r->violation[0];
}

/* How far it is, how fast, and how long it can take until the limit. */
static void lit_tell(const struct lit_search *m, double began)
{
	const struct lit_result *r = m->result;
	double seconds = lit_clock() - began + 1e-9, rate = (double)r->states / seconds;

	fprintf(stderr, "\r%-20s %llu states, %llu of them expanded, %u outcomes, %.0f MiB, %.0f s; at the limit in %.0f s ",
		lit_model.test->name, (unsigned long long)r->states,
		(unsigned long long)m->at, r->noutcomes, (double)lit_used(m) / (1 << 20), seconds,
		(double)(m->bounds->states - r->states) / rate);
}

static void lit_breadth_first(struct lit_search *m, int until, FILE *trace)
{
	struct lit_result *r = m->result;
	double began = lit_clock();
	u64 level_end = 1;

	for (m->at = 0; m->at < r->states && !lit_beyond(m); m->at++) {
		if (m->at == level_end) {
			r->depth++;
			level_end = r->states;
		}
		if (m->bounds->progress && m->at % LIT_TELL == LIT_TELL - 1)
			lit_tell(m, began);
		if (!lit_expand(m, m->at, until))
			continue;
		mmu_violation[0] = 0;
		if (trace)
			lit_trace(m, m->at, trace);
		return;
	}
	r->complete = m->at == r->states;
	if (!r->complete)
		return;
	r->endless = !lit_ends_all(&m->ends, r->states);
	if (!r->noutcomes)
		snprintf(r->violation, sizeof(r->violation),
			 "no outcome: there is no execution in which all threads end%s",
			 lit_model.test->filtered ? " and that the filter lets through" : "");
	else if (r->endless)
		snprintf(r->violation, sizeof(r->violation),
			 "there is an execution in which a thread goes round for ever, with no outcome");
}

void lit_explore(const struct lit_test *test, enum mmu_broken broken, int until,
		 const struct lit_bounds *bounds, FILE *trace, struct lit_result *result)
{
	static struct lit_search search;
	struct lit_search *m = &search;
	double began = lit_clock();

	memset(m, 0, sizeof(*m));
	memset(result, 0, sizeof(*result));
	m->result = result;
	m->bounds = bounds;
	result->met = -1;
	mmu_violation[0] = 0;
	if (!lit_model_begin(test, broken, &m->first, result->violation,
			     sizeof(result->violation)))
		return;
	m->user = lit_user_bytes(test);
	m->from = mmu_first_slot() * sizeof(struct mmu_flight);
	m->bytes = offsetof(struct mmu_state, cpu) + mmu.cpus * sizeof(struct mmu_cpu) - m->from;
	lit_ends_begin(&m->ends, test);
	lit_grow(m);
	lit_visit(m, &m->first.u, &m->first.m, 0);
	lit_breadth_first(m, until, trace);
	if (bounds->progress && result->states >= LIT_TELL)
		fprintf(stderr, "\r%130s\r", "");
	result->seconds = lit_clock() - began;
	lit_search_end(m);
}
