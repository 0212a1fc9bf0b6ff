// SPDX-License-Identifier: GPL-2.0
/*
 * How the core's cost grows: with threads, on regions of their own and on one region
 * behind its lock; and with the number of mapped pages.
 */
#include <pthread.h>

#include "bench.h"

#define THREADS		64
#define THREAD_PAGES	4096	/* 16 MiB: stays in a core's own caches */
#define ROUNDS		40

struct worker {
	pthread_t thread;
	struct world *w;
	unsigned int nth;
	bool shared;
	pthread_barrier_t *start;
	double ns;
};

/* Map, protect and unmap the thread's own addresses, again and again. */
static void *work(void *arg)
{
	struct worker *me = arg;
	const struct pattern p = {
		"threads", 1, THREAD_PAGES, BENCH_BASE + ((u64)me->nth << 30), 4096, NULL,
		bench_frames(1), 0,
	};
	u64 bad = 0;
	double start;
	int i;

	pin_to_cpu(me->nth);
	pthread_barrier_wait(me->start);
	start = wall_ns();
	for (i = 0; i < ROUNDS; i++) {
		bad |= core_locked.pages(me->w, &p, MAP, true);
		bad |= core_locked.pages(me->w, &p, PROTECT, true);
		bad |= core_locked.pages(me->w, &p, UNMAP, true);
		world_lock(me->w);
		free_deferred(&me->w->env);
		world_unlock(me->w);
	}
	me->ns = wall_ns() - start;
	if (bad)
		die("threads", "an operation failed");
	return NULL;
}

/* Operations per second of @n threads. */
static double operations(unsigned int n, bool shared)
{
	static struct world worlds[THREADS];
	static struct worker workers[THREADS];
	pthread_barrier_t start;
	double longest = 0;
	unsigned int i;

	pthread_barrier_init(&start, NULL, n);
	for (i = 0; i < n; i++) {
		if (!i || !shared)
			world_init(&worlds[i], shared ? 4096 : 64);
		workers[i] = (struct worker){
			.w = &worlds[shared ? 0 : i], .nth = i, .shared = shared,
			.start = &start,
		};
	}
	for (i = 0; i < n; i++) {
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("threads", "cannot be created");
	}
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].ns > longest)
			longest = workers[i].ns;
	}
	for (i = 0; i < (shared ? 1 : n); i++)
		world_free(&worlds[i]);
	pthread_barrier_destroy(&start);
	return 3.0 * n * ROUNDS * THREAD_PAGES / longest * 1e9;
}

void bench_threads(unsigned int turns)
{
	unsigned int most = usable_cpus(), n, t;
	int shared;

	bench_frames(1);
	if (most > THREADS)
		most = THREADS;
	for (shared = 0; shared < 2; shared++) {
		for (n = 1; n <= most; n++) {
			fprintf(stderr, "@ %u threads\n", n);
			printf("{\"experiment\":\"threads\",\"where\":\"user space\","
			       "\"regions\":\"%s\",\"threads\":%u,\"who\":\"core\","
			       "\"unit\":\"ops/s\",\"samples\":[",
			       shared ? "one" : "disjoint", n);
			operations(n, shared);
			for (t = 0; t < turns; t++)
				printf("%s%.0f", t ? "," : "", operations(n, shared));
			printf("]}\n");
			fflush(stdout);
		}
	}
	pin_to_last_cpu();
}

/* One more page in a table of @n pages: a short stretch at their end. */
static void size_turn(const struct runner *r, struct world *w, u64 n, double *ns)
{
	const u64 *frames = bench_frames(1);
	const u64 stretch = n < 1000 ? n : 1000, rest = n - stretch;
	const struct pattern below = { "size", 1, rest, BENCH_BASE, 4096, NULL, frames,
				       rest };
	const struct pattern last = { "size", 1, stretch, BENCH_BASE + rest * 4096, 4096,
				      NULL, frames, 0 };
	unsigned int op;
	u64 bad = 0;

	world_reset(w);
	if (rest)
		bad |= r->ranges(w, &below, MAP);
	for (op = 0; op < OPS; op++) {
		double start = cpu_ns();

		bad |= r->pages(w, &last, op, false);
		ns[op] = (cpu_ns() - start) / (double)stretch;
	}
	if (rest)
		bad |= r->ranges(w, &below, UNMAP);
	if (bad)
		die("size", r->who);
}

/* Bytes of tables for @n mapped pages. */
static double table_bytes(struct world *w, u64 n)
{
	const struct pattern all = { "size", 1, n, BENCH_BASE, 4096, NULL, bench_frames(1),
				     n };
	u64 used;

	world_reset(w);
	if (core_plain.ranges(w, &all, MAP))
		die("size", "map");
	used = w->tables - 2 - w->env.nfree + 1;	/* and the root */
	if (core_plain.ranges(w, &all, UNMAP))
		die("size", "unmap");
	return (double)used * 4096;
}

void bench_size(unsigned int turns, u64 most)
{
	static const struct runner *const runners[] = { &floor_plain, &core_plain };
	static const char *const name[OPS] = { "map", "protect", "unmap" };
	static double ns[OPS][64];
	struct world w;
	unsigned int r, t, op;
	double one[OPS];
	u64 n;

	world_init(&w, most / 512 + 64);
	for (n = 1000; n <= most; n *= 10) {
		fprintf(stderr, "@ %llu pages\n", (unsigned long long)n);
		printf("{\"experiment\":\"table size\",\"mapped\":%llu,"
		       "\"unit\":\"bytes\",\"samples\":[%.0f]}\n",
		       (unsigned long long)n, table_bytes(&w, n));
		for (r = 0; r < 2; r++) {
			for (t = 0; t < turns; t++) {
				size_turn(runners[r], &w, n, one);
				for (op = 0; op < OPS; op++)
					ns[op][t] = one[op];
			}
			for (op = 0; op < OPS; op++) {
				printf("{\"experiment\":\"size\",\"mapped\":%llu,"
				       "\"op\":\"%s\",\"who\":\"%s\",\"unit\":\"ns\","
				       "\"samples\":[", (unsigned long long)n, name[op],
				       runners[r]->who);
				for (t = 0; t < turns; t++)
					printf("%s%.3f", t ? "," : "", ns[op][t]);
				printf("]}\n");
			}
		}
		fflush(stdout);
	}
	world_free(&w);
}
