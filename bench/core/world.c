// SPDX-License-Identifier: GPL-2.0
/* Table pages, frames' addresses, clocks and CPUs for the traversal benchmark. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"

void die(const char *what, const char *why)
{
	fprintf(stderr, "traversal: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void *reserve(u64 bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		die("mmap", strerror(errno));
	return p;
}

void world_init(struct world *w, u64 tables)
{
	memset(w, 0, sizeof(*w));
	w->tables = tables;
	w->env.arena = reserve(tables << 12);
	memset(w->env.arena, 0, tables << 12);
	w->env.live = reserve(tables * sizeof(*w->env.live));
	w->env.free = reserve(tables * sizeof(*w->env.free));
	w->env.deferred = reserve(tables * sizeof(*w->env.deferred));
	if (pt_init(&w->pt, &w->env, 4096, BENCH_BASE, BENCH_END, 52) != PT_OK)
		die("pt_init", "refused");
	world_reset(w);
}

void world_free(struct world *w)
{
	munmap(w->env.arena, w->tables << 12);
	munmap(w->env.live, w->tables * sizeof(*w->env.live));
	munmap(w->env.free, w->tables * sizeof(*w->env.free));
	munmap(w->env.deferred, w->tables * sizeof(*w->env.deferred));
}

void world_reset(struct world *w)
{
	struct pt_env *env = &w->env;
	u64 i, taken = w->tables - env->nfree;

	/*
	 * Without reclamation tables are still linked: clear what was taken, and no
	 * more, for whoever comes next is to find the caches as after anybody else.
	 */
	if (env->nfree && env->nfree + env->ndeferred != w->tables - 2) {
		memset(env->arena, 0, taken << 12);
		memset(env->live, 0, taken * sizeof(*env->live));
	}
	env->nfree = 0;
	env->ndeferred = 0;
	/* Neither 0, which means "none", nor the root. */
	for (i = w->tables - 1; i > 1; i--)
		env->free[env->nfree++] = i << 12;
}

const u64 *bench_frames(unsigned int level)
{
	static u64 *frames[3];
	u64 i;

	if (!frames[level]) {
		frames[level] = reserve(BENCH_FRAMES * sizeof(u64));
		for (i = 0; i < BENCH_FRAMES; i++)
			frames[level][i] = (1ULL << 32) + (i << pt_shift(level));
	}
	return frames[level];
}

/* A permutation of 0..@n-1, the same in every run. */
const u32 *bench_shuffle(u32 n)
{
	u32 *order = reserve(n * sizeof(*order)), i;
	u64 state = 1;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 0; i--) {
		u32 other, kept = order[i];

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		other = (u32)((state >> 32) * (i + 1) >> 32);
		order[i] = order[other];
		order[other] = kept;
	}
	return order;
}

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double ticks_per_ns(void)
{
	double start = wall_ns(), end;
	u64 ticks = ticks_now();

	do {
		end = wall_ns();
	} while (end < start + 5e7);
	return (double)(ticks_now() - ticks) / (end - start);
}

/* The CPUs that the process might use when it started. */
static const cpu_set_t *allowed(void)
{
	static cpu_set_t set;

	if (!CPU_COUNT(&set))
		sched_getaffinity(0, sizeof(set), &set);
	return &set;
}

unsigned int usable_cpus(void)
{
	return (unsigned int)CPU_COUNT(allowed());
}

/* Stay on the @nth of the CPUs that the process may use. */
int pin_to_cpu(unsigned int nth)
{
	cpu_set_t set;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, allowed()) && !nth--)
			break;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -1 : cpu;
}

int pin_to_last_cpu(void)
{
	return pin_to_cpu(usable_cpus() - 1);
}

/* The smallest step in which the time-stamp counter is seen to go up, ns. */
double clock_step(double rate)
{
	u64 last = ticks_now(), least = ~0ULL, now;
	int i;

	for (i = 0; i < 100000; i++, last = now) {
		now = ticks_now();
		/* Differences of differences: the reading itself takes several steps. */
		if (now != last && now - last < least)
			least = now - last;
	}
	for (i = 0; i < 100000; i++) {
		u64 a = ticks_now(), b = ticks_now(), more = b - a;

		if (more > least && more - least < least)
			return (double)(more - least) / rate;
	}
	return (double)least / rate;
}
