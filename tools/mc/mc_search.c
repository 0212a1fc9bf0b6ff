// SPDX-License-Identifier: GPL-2.0
/*
 * Breadth-first search.
 *
 * Visited states are known by a 64-bit hash of the full state (hash compaction):
 * with n states the probability that any two share one, so that something is
 * overlooked, is about n * n / 2^65: below 1 in 3000 for 10^8 states, 1 in 300000
 * for 10^7.  The frontier holds full states.
 *
 * For the way back each state keeps its hash and its parent's number; the states on
 * it are made again from the beginning.
 *
 * Symmetry: CPUs whose thread has no program are interchangeable - nothing tells
 * them apart but their number - so their records are put in order before a state is
 * looked up.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "mc_json.h"
#include "mmu_hash.h"

#define MC_RESERVED	(1ULL << 36)	/* bytes of address space for an array */
#define MC_PROGRESS	5.0		/* seconds between two lines */

/* An array that grows in place: address space is reserved, memory comes by touch. */
struct mc_array {
	unsigned char *at;
	u64 bytes;
};

struct mc_search {
	const struct mc_config *config;
	struct mc_result *result;
	size_t state_at, state_bytes;	/* of what is used of a state */
	u64 *slots;
	u64 nslots;
	struct mc_array hashes;		/* u64, by number of state */
	struct mc_array parents;	/* u32, likewise */
	struct mc_array now, next;	/* frontiers */
	u64 first;			/* number of the first state of @now */
	double began, told;
	u64 told_states;
	bool idle[MMU_CPUS];		/* no program */
};

/* Seconds of processor time, so that figures do not depend on who else computes. */
static double mc_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *mc_reserve(u64 bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return at;
}

static void mc_array_free(struct mc_array *array)
{
	munmap(array->at, MC_RESERVED);
}

static void mc_append(struct mc_array *array, const void *data, size_t bytes)
{
	memcpy(array->at + array->bytes, data, bytes);
	array->bytes += bytes;
}

static void mc_swap_cpus(struct mmu_state *s, unsigned int a, unsigned int b)
{
	struct mmu_cpu cpu = s->cpu[a];
	unsigned int slot;

	s->cpu[a] = s->cpu[b];
	s->cpu[b] = cpu;
	for (slot = mmu_first_slot(); slot < MMU_FLIGHTS; slot++) {
		struct mmu_flight *f = &s->flight[slot];
		u8 bits = (f->pending >> a ^ f->pending >> b) & 1;

		f->pending ^= bits << a | bits << b;
	}
}

static void mc_order(const struct mc_search *m, struct mmu_state *s)
{
	unsigned int a, b;

	for (a = 0; a < mmu.cpus; a++) {
		for (b = a + 1; b < mmu.cpus && m->idle[a]; b++) {
			if (m->idle[b] &&
			    memcmp(&s->cpu[a], &s->cpu[b], sizeof(s->cpu[a])) < 0)
				mc_swap_cpus(s, a, b);
		}
	}
}

static u64 mc_hash(const struct mc_search *m, const struct mmu_state *s)
{
	u64 hash = mmu_hash((const unsigned char *)s + m->state_at, m->state_bytes, 0);

	return hash ? hash : 1;
}

static u64 mc_slot(const struct mc_search *m, u64 hash)
{
	return hash & (m->nslots - 1);
}

static void mc_grow(struct mc_search *m)
{
	u64 *old = m->slots, n = m->nslots, i;

	m->nslots = n ? 2 * n : 1U << 16;
	m->slots = mc_reserve(m->nslots * sizeof(u64));
	for (i = 0; i < n; i++) {
		u64 at = mc_slot(m, old[i]);

		if (!old[i])
			continue;
		while (m->slots[at])
			at = (at + 1) & (m->nslots - 1);
		m->slots[at] = old[i];
	}
	if (old)
		munmap(old, n * sizeof(u64));
}

/* Add @s if it is new. */
static void mc_visit(struct mc_search *m, const struct mmu_state *s, u64 hash,
		     u32 parent)
{
	u64 at = mc_slot(m, hash);

	for (; m->slots[at]; at = (at + 1) & (m->nslots - 1)) {
		if (m->slots[at] == hash)
			return;
	}
	m->slots[at] = hash;
	mc_append(&m->hashes, &hash, sizeof(hash));
	mc_append(&m->parents, &parent, sizeof(parent));
	mc_append(&m->next, (const unsigned char *)s + m->state_at, m->state_bytes);
	if (mmu_observing)
		mmu_observe(s);
	if (++m->result->states * 3 > m->nslots * 2)
		mc_grow(m);
}

/* Software can go on, or has nothing left to do. */
static void mc_check_deadlock(const struct mmu_state *s)
{
	unsigned int i;

	for (i = 0; i < mmu_nsucc; i++) {
		u8 what = mmu_succ_step[i].what;

		if (what == MMU_DID_THREAD || what == MMU_DID_DRAIN ||
		    what == MMU_DID_HANDLER || what == MMU_DID_LEAVE)
			return;
	}
	if (!mmu_finished(s)) {
		mmu_violate("deadlock: no thread can go on");
		mmu_violating = ~0U;
	}
}

static void mc_expand(struct mc_search *m, const struct mmu_state *s, u32 number)
{
	static u64 hash[MMU_SUCCESSORS];
	unsigned int i;

	mmu_successors(s);
	mc_check_deadlock(s);
	if (mmu_violation[0])
		return;
	for (i = 0; i < mmu_nsucc; i++) {
		mc_order(m, &mmu_succ[i]);
		hash[i] = mc_hash(m, &mmu_succ[i]);
		__builtin_prefetch(&m->slots[mc_slot(m, hash[i])]);
	}
	m->result->transitions += mmu_nsucc;
	for (i = 0; i < mmu_nsucc; i++)
		mc_visit(m, &mmu_succ[i], hash[i], number);
}

static void mc_event(struct mc_search *m, u64 done)
{
	double now = mc_clock();
	u64 states = m->result->states;

	if (now - m->told < MC_PROGRESS)
		return;
	fprintf(stderr, "# %s: %.1f M states, %.2f M/s, depth %u, queue %llu\n",
		m->config->name, (double)states / 1e6,
		(double)(states - m->told_states) / 1e6 / (now - m->told),
		m->result->depth,
		(unsigned long long)((m->now.bytes - done + m->next.bytes) /
				     m->state_bytes));
	m->told = now;
	m->told_states = states;
}

/* Do the setup's operations, one after another, each store at once in memory. */
static void mc_setup(const struct mc_config *config, struct mmu_state *s)
{
	mmu_machine_init(s, config->reserve ? config->reserve : MMU_TABLES - 2,
			 config->foreign);
	mc_core_setup(true);
	mmu_run_setup(s);
	mc_core_setup(false);
}

bool mc_trace_json;

static void mc_trace_state(struct mc_search *m, const struct mmu_state *s, bool first, FILE *out)
{
	if (!mc_trace_json)
		mc_print_state(out, s);
	else if (first)
		mc_json_begin(out, m->config, mc_broken_name(mmu.broken), s);
}

static void mc_trace_step(unsigned int number, const struct mmu_step *step,
			  const struct mmu_state *before, const struct mmu_state *after, FILE *out)
{
	if (mc_trace_json) {
		mc_json_move(out, step, before, after);
		return;
	}
	fprintf(out, "%3u ", number);
	mc_print_step(out, step, before);
}

/* Print the way to state number @number and what then happened. */
static void mc_trace(struct mc_search *m, u32 number, FILE *out)
{
	const u64 *hashes = (const u64 *)m->hashes.at;
	const u32 *parents = (const u32 *)m->parents.at;
	u32 *path = malloc((m->result->depth + 2) * sizeof(*path));
	static struct mmu_state s, ordered;
	unsigned int n = 0, i, step = 1;
	char found[sizeof(mmu_violation)];

	memcpy(found, mmu_violation, sizeof(found));
	for (; number; number = parents[number])
		path[n++] = number;
	mmu_violation[0] = 0;
	mc_setup(m->config, &s);
	mc_trace_state(m, &s, true, out);
	while (n-- > 0) {
		mmu_successors(&s);
		for (i = 0; i < mmu_nsucc; i++) {
			ordered = mmu_succ[i];
			mc_order(m, &ordered);
			if (mc_hash(m, &ordered) == hashes[path[n]])
				break;
		}
		mc_trace_step(step++, &mmu_succ_step[i], &s, &mmu_succ[i], out);
		s = mmu_succ[i];
	}
	mmu_successors(&s);
	mc_trace_state(m, &s, false, out);
	if (mmu_violation[0] && mmu_violating < mmu_nsucc)
		mc_trace_step(step, &mmu_succ_step[mmu_violating], &s,
			      &mmu_succ[mmu_violating], out);
	if (mc_trace_json)
		mc_json_end(out, found);
	else
		fprintf(out, "    violation: %s\n", found);
	memcpy(mmu_violation, found, sizeof(found));
	free(path);
}

static void mc_start(struct mc_search *m)
{
	static struct mmu_state s;
	unsigned int cpu;

	m->state_at = mmu_first_slot() * sizeof(struct mmu_flight);
	m->state_bytes = offsetof(struct mmu_state, cpu) - m->state_at +
			 mmu.cpus * sizeof(struct mmu_cpu);
	for (cpu = 0; cpu < mmu.cpus; cpu++)
		m->idle[cpu] = m->config->program[cpu][0].kind == SPEC_OP_NONE;
	m->hashes.at = mc_reserve(MC_RESERVED);
	m->parents.at = mc_reserve(MC_RESERVED);
	m->now.at = mc_reserve(MC_RESERVED);
	m->next.at = mc_reserve(MC_RESERVED);
	m->began = m->told = mc_clock();
	mc_grow(m);
	mc_core_begin(m->config);
	mc_setup(m->config, &s);
	mc_visit(m, &s, mc_hash(m, &s), 0);
}

/* Expand all of a level.  Return whether to go on. */
static bool mc_level(struct mc_search *m, u64 limit, bool progress, FILE *trace)
{
	static struct mmu_state s;
	struct mc_array swap = m->now;
	u64 at;

	m->now = m->next;
	m->next = swap;
	/* Give the old level's memory back: levels get smaller, too. */
	madvise(m->next.at, m->next.bytes, MADV_DONTNEED);
	m->next.bytes = 0;
	for (at = 0; at < m->now.bytes; at += m->state_bytes) {
		u32 number = (u32)(m->first + at / m->state_bytes);

		memcpy((unsigned char *)&s + m->state_at, m->now.at + at, m->state_bytes);
		m->result->finished += mmu_finished(&s);
		mc_expand(m, &s, number);
		if (mmu_violation[0]) {
			m->result->depth++;
			if (trace)
				mc_trace(m, number, trace);
			return false;
		}
		if (progress && !(number & 0xfff))
			mc_event(m, at);
		if (limit && m->result->states >= limit)
			return false;
	}
	m->first += m->now.bytes / m->state_bytes;
	if (m->now.bytes + m->next.bytes > m->result->bytes)
		m->result->bytes = m->now.bytes + m->next.bytes;
	if (!m->next.bytes) {
		m->result->complete = true;
		return false;
	}
	m->result->depth++;
	return true;
}

void mc_search(const struct mc_config *config, u64 limit, bool progress, FILE *trace,
	       struct mc_result *result)
{
	static struct mc_search search;
	struct mc_search *m = &search;

	*m = (struct mc_search){ .config = config, .result = result };
	*result = (struct mc_result){ 0 };
	mmu_violation[0] = 0;
	mmu.cpus = config->cpus;
	mmu.accessed = config->accessed;
	mmu.written = config->written;
	mmu.linux_links = config->foreign;
	mmu.boundary = config->boundary;
	mmu.spans = config->spans;
	mmu.walkers_stay = config->spans == MC_WALKERS_STAY;
	mc_start(m);
	while (!mmu_violation[0] && mc_level(m, limit, progress, trace))
		;
	memcpy(result->violation, mmu_violation, sizeof(result->violation));
	result->bytes += m->hashes.bytes + m->parents.bytes + m->nslots * sizeof(u64);
	result->seconds = mc_clock() - m->began;
	result->outcomes = mmu_observed;
	result->outcomes_sum = mmu_observed_sum;
	munmap(m->slots, m->nslots * sizeof(u64));
	mc_array_free(&m->hashes);
	mc_array_free(&m->parents);
	mc_array_free(&m->now);
	mc_array_free(&m->next);
}
