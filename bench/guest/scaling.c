// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that map, protect and unmap pages of their own:
 *
 *	scaling TURNS
 *
 * with vpt in regions of their own (a file each), with vpt in one region, and with
 * Linux' own calls in their one address space.  One thread on each CPU.
 */
#include "bench_guest.h"

#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define THREADS	64
#define ROUNDS	500

enum kind { DISJOINT, ONE, LINUX, KINDS };
static const char *const who[KINDS] = { "vpt", "vpt", "Linux" };
static const char *const regions[KINDS] = { "disjoint", "one", "address space" };

struct worker {
	pthread_t thread;
	unsigned int cpu;
	enum kind kind;
	struct region *r;
	char *va;
	pthread_barrier_t *start;
	double ns;
};

static void round_of(struct worker *me)
{
	char *p;

	if (me->kind != LINUX) {
		vpt_map(me->r, me->va);
		vpt_protect(me->r, me->va, VPT_READ);
		vpt_unmap(me->r, me->va);
		return;
	}
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED || mprotect(p, PAGE, PROT_READ) || munmap(p, PAGE))
		err(1, "Linux");
}

static void *work(void *arg)
{
	struct worker *me = arg;
	double begun;
	int i;

	pin_to(me->cpu);
	round_of(me);
	pthread_barrier_wait(me->start);
	begun = wall_ns();
	for (i = 0; i < ROUNDS; i++)
		round_of(me);
	me->ns = wall_ns() - begun;
	return NULL;
}

/* Operations per second of @n threads. */
static double operations(enum kind kind, unsigned int n)
{
	static struct region region[THREADS];
	static struct worker worker[THREADS];
	unsigned int i, opened = kind == DISJOINT ? n : kind == ONE;
	pthread_barrier_t start;
	double longest = 0;

	pthread_barrier_init(&start, NULL, n);
	for (i = 0; i < opened; i++)
		region_open(&region[i], kind == ONE ? n : 1);
	for (i = 0; i < n; i++) {
		struct region *r = &region[kind == DISJOINT ? i : 0];

		worker[i] = (struct worker){
			.cpu = i, .kind = kind, .r = r, .start = &start,
			.va = r->base + (kind == ONE ? i * VPT_1G : 0),
		};
		/* A neighbour, so that no table comes and goes. */
		if (kind != LINUX)
			vpt_map(r, worker[i].va + PAGE);
	}
	for (i = 0; i < n; i++) {
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			errx(1, "no thread");
	}
	for (i = 0; i < n; i++) {
		pthread_join(worker[i].thread, NULL);
		if (worker[i].ns > longest)
			longest = worker[i].ns;
	}
	for (i = 0; i < opened; i++)
		region_close(&region[i]);
	pthread_barrier_destroy(&start);
	return 3.0 * n * ROUNDS / longest * 1e9;
}

int main(int argc, char **argv)
{
	unsigned int n, most = cpus(), turns = argc > 1 ? (unsigned int)atoi(argv[1]) : 3, t;
	static double ops[THREADS + 1][KINDS][64];
	int kind;

	if (most > THREADS)
		most = THREADS;
	if (turns > 64)
		turns = 64;
	for (t = 0; t < turns; t++) {
		for (n = 1; n <= most; n++) {
			for (kind = 0; kind < KINDS; kind++)
				ops[n][kind][t] = operations(kind, n);
		}
	}
	for (kind = 0; kind < KINDS; kind++) {
		for (n = 1; n <= most; n++) {
			printf("{\"experiment\":\"threads\",\"where\":\"guest\",\"regions\":\"%s\","
			       "\"threads\":%u,\"who\":\"%s\",\"unit\":\"ops/s\",\"samples\":[",
			       regions[kind], n, who[kind]);
			for (t = 0; t < turns; t++)
				printf("%s%.0f", t ? "," : "", ops[n][kind][t]);
			printf("]}\n");
		}
	}
	return 0;
}
