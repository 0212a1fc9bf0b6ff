// SPDX-License-Identifier: GPL-2.0
/*
 * How fast the core is, next to a floor measured in the same run.
 *
 * The core is called through its public interface and compiled on its own.  Floor
 * and core take turns on the same table pages; figures are medians over the turns,
 * and so is their ratio.  "called" is the floor through a function pointer, as the
 * core is called; "inlined" is the floor inside the loop.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "floor_core.h"
#include "pt.h"

#define TABLES	100300
#define PAGES	1000000
#define SPARSE	100000
#define TURNS	15
#define BASE	(1ULL << 39)

#define RW	(PT_WRITE | PT_USER)
#define RO	PT_USER

static struct pt_env env;
static struct pt pt;
static u64 frames[PAGES];

/* A pattern of addresses: @n of them, @step apart; a chunk is one range call. */
struct pattern {
	const char *name;
	u64 n;
	u64 step;
	u64 chunk;
};

enum { MAP, PROTECT, UNMAP, OPS };
static const char *const op_name[OPS] = { "map", "protect", "unmap+reclaim" };

/* How a pattern is run: each returns the number of failures. */
typedef u64 (*run_fn)(const struct pattern *p, int op);

static __always_inline u64 run_inlined(const struct pattern *p, int op)
{
	u64 i, old, bad = 0, va = BASE;

	for (i = 0; i < p->n; i++, va += p->step) {
		if (op == MAP)
			bad |= floor_map(&env, pt.root, va, frames[i]);
		else if (op == PROTECT)
			bad |= floor_protect(&env, pt.root, va, &old);
		else
			bad |= floor_unmap(&env, pt.root, va, &old);
	}
	return bad;
}

static u64 floor_inlined(const struct pattern *p, int op)
{
	switch (op) {
	case MAP:
		return run_inlined(p, MAP);
	case PROTECT:
		return run_inlined(p, PROTECT);
	default:
		return run_inlined(p, UNMAP);
	}
}

static __attribute__((noinline)) int called_map(struct pt_env *e, u64 root, u64 va, u64 pa)
{
	return floor_map(e, root, va, pa);
}

static __attribute__((noinline)) int called_protect(struct pt_env *e, u64 root, u64 va,
						    u64 *old)
{
	return floor_protect(e, root, va, old);
}

static __attribute__((noinline)) int called_unmap(struct pt_env *e, u64 root, u64 va,
						  u64 *old)
{
	return floor_unmap(e, root, va, old);
}

/* The compiler must not know where a pointer leads, or it might inline the call. */
#define opaque(pointer) __asm__("" : "+r"(pointer))

static u64 floor_called(const struct pattern *p, int op)
{
	int (*map)(struct pt_env *, u64, u64, u64) = called_map;
	int (*protect)(struct pt_env *, u64, u64, u64 *) = called_protect;
	int (*unmap)(struct pt_env *, u64, u64, u64 *) = called_unmap;
	u64 i, old, bad = 0, va = BASE;

	opaque(map);
	opaque(protect);
	opaque(unmap);
	switch (op) {
	case MAP:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= map(&env, pt.root, va, frames[i]);
		break;
	case PROTECT:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= protect(&env, pt.root, va, &old);
		break;
	default:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= unmap(&env, pt.root, va, &old);
	}
	return bad;
}

static u64 core_pages(const struct pattern *p, int op)
{
	struct pt_mapping old;
	u64 i, bad = 0, va = BASE;
	bool tighter;

	switch (op) {
	case MAP:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= pt_map(&pt, va, frames[i], 1, RW);
		break;
	case PROTECT:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= pt_protect(&pt, va, RO, &old, &tighter);
		break;
	default:
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= pt_unmap(&pt, va, &old);
	}
	return bad;
}

static u64 chunk_at(const struct pattern *p, u64 i)
{
	return p->n - i < p->chunk ? p->n - i : p->chunk;
}

static __always_inline u64 range_floor(const struct pattern *p, int op)
{
	u64 i, n, bad = 0;

	for (i = 0; i < p->n; i += n) {
		u64 va = BASE + (i << 12);

		n = chunk_at(p, i);
		if (op == MAP)
			bad |= floor_map_range(&env, pt.root, va, frames + i, n);
		else if (op == PROTECT)
			bad |= floor_protect_range(&env, pt.root, va, n);
		else
			bad |= floor_unmap_range(&env, pt.root, va, n);
	}
	return bad;
}

static u64 range_floor_called(const struct pattern *p, int op)
{
	return range_floor(p, op);
}

static u64 core_range(const struct pattern *p, int op)
{
	struct pt_touched done;
	u64 i, n, bad = 0;

	for (i = 0; i < p->n; i += n) {
		u64 va = BASE + (i << 12);

		n = chunk_at(p, i);
		if (op == MAP)
			bad |= pt_map_range(&pt, va, frames + i, n, 1, RW);
		else if (op == PROTECT)
			bad |= pt_protect_range(&pt, va, va + (n << 12), RO, &done);
		else
			bad |= pt_unmap_range(&pt, va, va + (n << 12), &done);
	}
	return bad;
}

/* What the caller does after the shootdown. */
static void free_gathered(void)
{
	while (env.ngathered)
		env.free[env.nfree++] = env.gathered[--env.ngathered];
}

/*
 * One page in an empty region, mapped and unmapped again: three tables are made and
 * reclaimed each time.  Timed as "map"; there is nothing else to do.
 */
static u64 pairs_called(const struct pattern *p, int op)
{
	u64 i, old, bad = 0;

	for (i = 0; op == MAP && i < p->n; i++) {
		bad |= called_map(&env, pt.root, BASE, frames[i]);
		bad |= called_unmap(&env, pt.root, BASE, &old);
		free_gathered();
	}
	return bad;
}

static u64 pairs_core(const struct pattern *p, int op)
{
	struct pt_mapping old;
	u64 i, bad = 0;

	for (i = 0; op == MAP && i < p->n; i++) {
		bad |= pt_map(&pt, BASE, frames[i], 1, RW);
		bad |= pt_unmap(&pt, BASE, &old);
		free_gathered();
	}
	return bad;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Every table free, in the same order for each turn. */
static void reset(void)
{
	u64 i;

	env.nfree = 0;
	env.ngathered = 0;
	for (i = TABLES - 1; i > 1; i--)
		env.free[env.nfree++] = i << 12;
}

static void turn(run_fn run, const struct pattern *p, double *ns)
{
	int op;

	reset();
	for (op = 0; op < OPS; op++) {
		double start = now();
		u64 bad = run(p, op);

		ns[op] = (now() - start) / (double)p->n;
		if (bad) {
			fprintf(stderr, "%s: %s failed\n", p->name, op_name[op]);
			exit(EXIT_FAILURE);
		}
	}
	if (env.nfree + env.ngathered != TABLES - 2) {
		fprintf(stderr, "%s: tables lost\n", p->name);
		exit(EXIT_FAILURE);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct summary {
	double low;	/* quartiles */
	double median;
	double high;
};

static struct summary summarise(const double *values)
{
	double v[TURNS];

	memcpy(v, values, sizeof(v));
	qsort(v, TURNS, sizeof(*v), by_value);
	return (struct summary){ v[TURNS / 4], v[TURNS / 2], v[TURNS - 1 - TURNS / 4] };
}

#define RUNS 3

/* Compare runs[0..nruns-1]; the last is the core, the one before it its floor. */
static void compare(const struct pattern *p, const run_fn *runs, int nruns, int nops)
{
	double ns[OPS][RUNS][TURNS], ratio[TURNS], one[OPS];
	int t, r, op;

	for (t = -1; t < TURNS; t++) {
		fprintf(stderr, "\r%-24s turn %d of %d ", p->name, t + 1, TURNS);
		for (r = 0; r < nruns; r++) {
			int which = (r + t + nruns) % nruns;

			turn(runs[which], p, one);	/* turn -1 warms up */
			for (op = 0; t >= 0 && op < OPS; op++)
				ns[op][which][t] = one[op];
		}
	}
	fprintf(stderr, "\n");
	for (op = 0; op < nops; op++) {
		struct summary s;

		printf("%-22s %-14s", p->name, nops == 1 ? "map+unmap" : op_name[op]);
		if (nruns < RUNS)
			printf("        -");
		for (r = 0; r < nruns; r++) {
			s = summarise(ns[op][r]);
			printf(" %8.2f", s.median);
		}
		printf(" [%.2f-%.2f]", s.low, s.high);
		for (t = 0; t < TURNS; t++)
			ratio[t] = ns[op][nruns - 1][t] / ns[op][nruns - 2][t];
		s = summarise(ratio);
		printf("  %.2fx [%.2f-%.2f]\n", s.median, s.low, s.high);
	}
}

static void setup(void)
{
	const u64 bytes = (u64)TABLES << 12;
	u64 i;

	env.arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (env.arena == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	memset(env.arena, 0, bytes);
	env.live = calloc(TABLES, sizeof(*env.live));
	env.free = calloc(TABLES, sizeof(*env.free));
	env.gathered = calloc(TABLES, sizeof(*env.gathered));
	for (i = 0; i < PAGES; i++)
		frames[i] = (1ULL << 32) + (i << 12);
	if (!env.live || !env.free || !env.gathered ||
	    pt_init(&pt, &env, 4096, BASE, 2 * BASE, 52) != PT_OK)
		exit(EXIT_FAILURE);
}

/* Stay on one CPU: the last one we may use, or the one that BENCH_CPU names. */
static int pin(void)
{
	const char *wish = getenv("BENCH_CPU");
	cpu_set_t set;
	int cpu = wish ? atoi(wish) : CPU_SETSIZE - 1;

	sched_getaffinity(0, sizeof(set), &set);
	while (!wish && cpu > 0 && !CPU_ISSET(cpu, &set))
		cpu--;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return -1;
	return cpu;
}

static void print_cpu(void)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "model name", 10)) {
			printf("cpu       %s", strchr(line, ':') + 2);
			break;
		}
	}
	if (f)
		fclose(f);
}

int main(void)
{
	static const struct pattern seq = { "sequential, 10^6", PAGES, 4096, 0 };
	static const struct pattern sparse = { "1 per 2 MiB, 10^5", SPARSE, 1 << 21, 0 };
	static const struct pattern range = { "range of 10^6", PAGES, 4096, PAGES };
	static const struct pattern chunks = { "ranges of 512", PAGES, 4096, 512 };
	static const struct pattern pair = { "one page, in and out", SPARSE, 4096, 0 };
	static const run_fn pages[] = { floor_inlined, floor_called, core_pages };
	static const run_fn ranges[] = { range_floor_called, core_range };
	static const run_fn pairs[] = { pairs_called, pairs_core };

	setup();
	printf("compiler  " BENCH_COMPILER "\nflags     " BENCH_FLAGS "\n");
	print_cpu();
	printf("pinned    CPU %d\nturns     %d, alternating; median [quartiles], ns per page\n\n",
	       pin(), TURNS);
	printf("%-22s %-14s %8s %8s %8s\n", "", "", "inlined", "called", "core");
	compare(&seq, pages, 3, OPS);
	compare(&sparse, pages, 3, OPS);
	compare(&range, ranges, 2, OPS);
	compare(&chunks, ranges, 2, OPS);
	compare(&pair, pairs, 2, 1);
	return EXIT_SUCCESS;
}
