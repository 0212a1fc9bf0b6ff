// SPDX-License-Identifier: GPL-2.0
/* Rounds: threads that meet, run, and are counted. */
#include "lit_machine.h"

#include <pthread.h>
#include <time.h>

#define LIT_REPIN	64	/* rounds between two changes of CPUs and addresses */
#define LIT_MEETING	4096	/* counts until all have seen that they may begin */
#define LIT_PATIENCE	120	/* seconds without a round */

struct lit_worker {
	struct lit_arena *arena;
	unsigned int thread;
};

static double lit_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void lit_await(const struct lit_arena *a, volatile u64 *v, u64 want)
{
	unsigned int spins = 0;

	while (*v < want && !a->over.v)
		lit_spin(a, &spins);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void lit_tell(struct lit_line *line, u64 value)
{
	__atomic_store_n(&line->v, value, __ATOMIC_SEQ_CST);
}

/*
 * All threads have met.  Each begins at once, or up to a round's length later; with
 * --barrier timebase, when the counter says so.
 */
static void lit_meet(struct lit_arena *a, unsigned int thread)
{
	if (a->options->timebase) {
		while (__builtin_ia32_rdtsc() < a->go)
			;
	} else if (rng_below(&a->rng[thread], 2)) {
		lit_pause(a, thread, a->ticks);
	}
}

/* Another CPU has just written the code that this one will run (SDM vol. 3A 8.1.3). */
static void lit_serialize(void)
{
	unsigned int a = 0, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a" (a), "=b" (b), "+c" (c), "=d" (d) : : "memory");
}

static void lit_body(struct lit_arena *a, unsigned int thread)
{
	if (a->ninstances)
		lit_run_instances(a, thread);
	else
		lit_run_thread(a, thread);
}

/* One round of one thread, from the meeting to the end of its steps. */
static void lit_round(struct lit_arena *a, unsigned int thread, u64 round)
{
	if (round % LIT_REPIN == 1) {
		pin_to(a->map[thread]);
		lit_serialize();
	}
	lit_warm_thread(a, thread);
	lit_tell(&a->ready[thread], round);
	lit_await(a, &a->start.v, round);
	lit_meet(a, thread);
	lit_body(a, thread);
	lit_tell(&a->done[thread], round);
}

/* Threads other than the first wait for its word that the state is set. */
static void *lit_worker(void *arg)
{
	struct lit_worker *me = arg;
	struct lit_arena *a = me->arena;
	u64 round;

	for (round = 1;; round++) {
		/* The first thread's readiness says that the state is set. */
		lit_await(a, &a->ready[0].v, round);
		if (a->over.v)
			return NULL;
		lit_round(a, me->thread, round);
	}
}

/* Which CPU each thread runs on; a permutation, unless the user has chosen. */
static void lit_choose_cpus(struct lit_arena *a)
{
	const struct lit_options *o = a->options;
	unsigned int n = cpus() < LIT_CPUS ? cpus() : LIT_CPUS, i, j, swap;
	unsigned int cpu[LIT_CPUS];

	for (i = 0; i < n; i++)
		cpu[i] = i;
	for (i = n; i > 1 && !o->ncpus; i--) {
		j = rng_below(&a->rng[0], i);
		swap = cpu[i - 1];
		cpu[i - 1] = cpu[j];
		cpu[j] = swap;
	}
	for (i = 0; i < LIT_THREADS; i++)
		a->map[i] = o->ncpus ? o->cpu[i % o->ncpus] : cpu[i % n];
}

/* What one instance came to is put where what a lone test comes to stands. */
static void lit_take_instance(struct lit_arena *a, const struct lit_instance *in)
{
	const struct lit_test *test = a->world.test;
	unsigned int t, i;

	for (i = 0; i < test->nflags; i++)
		a->flag[i].v = in->flag[i].v;
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nregs; i++)
			a->reg[t][i] = (unsigned char)lit_word_value(in->reg[t][i]);
	}
}

static void lit_set_instance(const struct lit_test *test, struct lit_instance *in)
{
	unsigned int t, i;

	for (i = 0; i < test->nflags; i++)
		in->flag[i].v = test->flag[i].value;
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nregs; i++)
			in->reg[t][i] = test->thread[t].initial[i];
	}
}

static void lit_count(const struct lit_arena *a, struct lit_histogram *h)
{
	const struct lit_test *test = a->world.test;
	struct lit_outcome outcome = { { 0 } };
	unsigned int i;

	for (i = 0; i < test->nobs; i++) {
		const struct lit_obs *o = &test->obs[i];

		if (o->reg)
			outcome.v[i] = a->reg[o->thread][o->index];
		else if (o->loc.space == LIT_IN_FLAG)
			outcome.v[i] = (unsigned char)lit_word_value(a->flag[o->loc.index].v);
		else
			outcome.v[i] = lit_world_word(&a->world, &o->loc);
	}
	if (!lit_counts(test, &outcome)) {
		h->filtered++;
		return;
	}
	for (i = 0; i < h->n; i++) {
		if (!memcmp(&h->outcome[i], &outcome, sizeof(outcome)))
			break;
	}
	h->rounds++;
	if (i == LIT_OUTCOMES) {
		snprintf(h->error, sizeof(h->error), "more than %u outcomes", LIT_OUTCOMES);
		return;
	}
	if (i == h->n)
		h->outcome[h->n++] = outcome;
	h->count[i]++;
}

/* Several at once, where nothing but the compiled steps is done in between. */
static void lit_choose_instances(struct lit_arena *a)
{
	a->ninstances = 0;
	if (a->world.fd >= 0 || a->options->size < 2 || !lit_compiled_whole(a))
		return;
	if (!a->instance)
		a->instance = aligned_alloc(64, a->options->size * sizeof(*a->instance));
	if (a->instance)
		a->ninstances = a->options->size;
}

static bool lit_set(struct lit_arena *a, u64 round, struct lit_histogram *h)
{
	const struct lit_test *test = a->world.test;
	const char *error;
	unsigned int i;
	u64 instance;

	if (round % LIT_REPIN == 1) {
		lit_choose_cpus(a);
		a->world.shift = 2 * rng_below(&a->rng[0], 200);
		if (test->big_region)
			a->world.shift = 0;
		for (i = 0; i < test->npages; i++) {
			/* 1 GiB pages lie where they lie. */
			if (test->page[i].span == 3)
				a->world.shift = 0;
		}
		if (a->code)
			lit_compile(a);
		lit_choose_instances(a);
	}
	for (instance = 0; instance < a->ninstances; instance++)
		lit_set_instance(test, &a->instance[instance]);
	for (i = 0; i < LIT_THREADS; i++)
		memcpy(a->reg[i], test->thread[i].initial, LIT_REGS);
	for (i = 0; i < test->nflags; i++)
		a->flag[i].v = test->flag[i].value;
	error = lit_world_set(&a->world);
	if (error)
		snprintf(h->error, sizeof(h->error), "round %llu: initial state: %s",
			 (unsigned long long)round, error);
	return !error;
}

/* The first thread's round: it sets up, waits for the others, and counts. */
static bool lit_lead(struct lit_arena *a, u64 round, struct lit_histogram *h)
{
	unsigned int t, n = a->world.test->nthreads;
	u64 began, i;

	if (!lit_set(a, round, h))
		return false;
	if (round % LIT_REPIN == 1)
		pin_to(a->map[0]);
	lit_warm_thread(a, 0);
	lit_tell(&a->ready[0], round);
	for (t = 1; t < n; t++)
		lit_await(a, &a->ready[t].v, round);
	began = __builtin_ia32_rdtsc();
	a->go = began + LIT_MEETING;
	lit_tell(&a->start, round);
	lit_meet(a, 0);
	lit_body(a, 0);
	lit_tell(&a->done[0], round);
	for (t = 1; t < n; t++)
		lit_await(a, &a->done[t].v, round);
	/* How long such a round takes: pauses are as long, but do not add up. */
	a->ticks = (7 * a->ticks + (__builtin_ia32_rdtsc() - began) / 2) / 8;
	if (a->ticks > 1U << 22)
		a->ticks = 1U << 22;
	for (i = 0; i < a->ninstances; i++) {
		lit_take_instance(a, &a->instance[i]);
		lit_count(a, h);
	}
	if (!a->ninstances)
		lit_count(a, h);
	lit_world_clear(&a->world);
	return true;
}

static void lit_progress(const struct lit_arena *a, const struct lit_histogram *h,
			 double *told)
{
	if (!a->options->progress || lit_now() - *told < 1)
		return;
	*told = lit_now();
	fprintf(stderr, "\r%-24s %9llu of %llu rounds, %u outcomes ", a->world.test->name,
		(unsigned long long)h->rounds, (unsigned long long)a->options->rounds, h->n);
}

static void lit_rounds(struct lit_arena *a, struct lit_histogram *h)
{
	double began = lit_now(), told = began;
	struct vpt_check check;
	u64 round;

	for (round = 1; h->rounds + h->filtered < a->options->rounds; round++) {
		alarm(LIT_PATIENCE);
		if (!lit_lead(a, round, h))
			break;
		lit_progress(a, h, &told);
		if (a->options->seconds &&
		    lit_now() - began > (double)a->options->seconds)
			break;
	}
	alarm(0);
	h->seconds = lit_now() - began;
	if (a->options->progress)
		fprintf(stderr, "\r%79s\r", "");
	if (a->world.fd < 0)
		return;
	if (!vu_check(a->world.fd, &check))
		h->violations = check.violations;
	else
		snprintf(h->error, sizeof(h->error), "CHECK: %s", strerror(errno));
}

void lit_arena_run(const struct lit_test *test, const struct lit_options *options,
		   struct lit_histogram *h)
{
	static struct lit_arena arena;
	struct lit_worker worker[LIT_THREADS];
	pthread_t thread[LIT_THREADS];
	struct lit_arena *a = &arena;
	const char *error;
	unsigned int t;

	memset(a, 0, sizeof(*a));
	a->options = options;
	for (t = 0; t < LIT_THREADS; t++) {
		a->rng[t].s = (options->seed + t + 1) * 0x9e3779b97f4a7c15ULL | 1;
		rng_next(&a->rng[t]);
	}
	error = lit_world_open(&a->world, test);
	if (error) {
		snprintf(h->error, sizeof(h->error), "%s", error);
		return;
	}
	if (!options->interpret && !lit_compile_begin(a)) {
		snprintf(h->error, sizeof(h->error), "no memory for code: %s", strerror(errno));
		return;
	}
	for (t = 1; t < test->nthreads; t++) {
		worker[t] = (struct lit_worker){ a, t };
		pthread_create(&thread[t], NULL, lit_worker, &worker[t]);
	}
	lit_rounds(a, h);
	lit_tell(&a->over, 1);
	for (t = 1; t < test->nthreads; t++)
		pthread_join(thread[t], NULL);
	if (a->world.fd < 0)
		return;
	munmap(a->world.base, a->world.bytes);
	close(a->world.fd);
}
