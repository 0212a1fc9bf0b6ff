// SPDX-License-Identifier: GPL-2.0
/*
 * How the core's cost grows: with threads, on regions of their own, in one region and in
 * one PT; and with the number of mapped pages.
 */
#include <pthread.h>

#include "bench.h"
#include "threads/threads.h"

#define THREADS		64
#define THREAD_PAGES	4096	/* 16 MiB: stays in a core's own caches */
#define PT_PAGES	512
#define ROUNDS		40

/* Where the threads work: the names are what is printed. */
enum where { APART, ONE_REGION, ONE_PT, WHERES };

static const char *const where_name[WHERES] = { "disjoint", "one", "one PT" };

struct worker {
	pthread_t thread;
	unsigned int nth;
	struct world *w;	/* the core alone, behind one lock; or NULL, and */
	struct region *r;	/* behind its protocol */
	struct stretch pages;
	pthread_barrier_t *start;
	double ns;
};

static u64 work_behind_one_lock(struct world *w, const struct stretch *s)
{
	const struct pattern p = {
		"threads", 1, s->pages, s->start, 4096, NULL, bench_frames(1), 0,
	};
	u64 i, bad = 0;

	for (i = 0; i < s->rounds; i++) {
		bad |= core_locked.pages(w, &p, MAP, true);
		bad |= core_locked.pages(w, &p, PROTECT, true);
		bad |= core_locked.pages(w, &p, UNMAP, true);
		world_lock(w);
		free_deferred(&w->env);
		world_unlock(w);
	}
	return bad;
}

/* Map, protect and unmap the thread's own addresses, again and again. */
static void *work(void *arg)
{
	struct worker *me = arg;
	double start;
	u64 bad;

	pin_to_cpu(me->nth);
	pthread_barrier_wait(me->start);
	start = wall_ns();
	bad = me->w ? work_behind_one_lock(me->w, &me->pages) :
		      many_spans.work(me->r, &me->pages);
	me->ns = wall_ns() - start;
	if (bad)
		die("threads", "an operation failed");
	return NULL;
}

/* Neighbours: on PTs of their own in one PD, or all in one PT. */
static struct stretch stretch_of(unsigned int nth, unsigned int n, enum where where)
{
	struct stretch s = { BENCH_BASE, THREAD_PAGES, ROUNDS };

	if (where == ONE_PT) {
		s.pages = PT_PAGES / n;
		s.rounds = ROUNDS * THREAD_PAGES / s.pages;
	}
	s.start += nth * s.pages * 4096;
	return s;
}

/* Operations per second of @n threads, which @worker[] tells where to work. */
static double operations(struct worker *worker, unsigned int n)
{
	pthread_barrier_t start;
	double longest = 0, done = 0;
	unsigned int i;

	pthread_barrier_init(&start, NULL, n);
	for (i = 0; i < n; i++) {
		worker[i].start = &start;
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			die("threads", "cannot be created");
	}
	for (i = 0; i < n; i++) {
		pthread_join(worker[i].thread, NULL);
		done += 3.0 * (double)(worker[i].pages.pages * worker[i].pages.rounds);
		if (worker[i].ns > longest)
			longest = worker[i].ns;
	}
	pthread_barrier_destroy(&start);
	return done / longest * 1e9;
}

/* The core behind its protocol, with a lock for each span. */
static double spans(unsigned int n, enum where where)
{
	struct region *regions[THREADS];
	struct worker workers[THREADS];
	unsigned int i, own = where == APART ? n : 1;
	double found;

	for (i = 0; i < own; i++) {
		regions[i] = many_spans.create(BENCH_BASE, BENCH_END, 1024);
		if (!regions[i])
			die("threads", "no memory");
	}
	for (i = 0; i < n; i++)
		workers[i] = (struct worker){
			.nth = i, .r = regions[i % own], .pages = stretch_of(i, n, where),
		};
	found = operations(workers, n);
	for (i = 0; i < own; i++)
		many_spans.destroy(regions[i]);
	return found;
}

/* One thread and one lock around each call: what the locks of spans are compared with. */
static double one_lock(unsigned int n, enum where where)
{
	static struct world w;
	struct worker worker = { .w = &w, .pages = stretch_of(0, n, where) };
	double found;

	world_init(&w, 1024);
	found = operations(&worker, 1);
	world_free(&w);
	return found;
}

static void report_threads(const char *who, double (*run)(unsigned int, enum where),
			   unsigned int n, enum where where, unsigned int turns)
{
	unsigned int t;

	fprintf(stderr, "@ %s, %s, %u threads\n", who, where_name[where], n);
	printf("{\"experiment\":\"threads\",\"where\":\"user space\","
	       "\"regions\":\"%s\",\"threads\":%u,\"who\":\"%s\","
	       "\"unit\":\"ops/s\",\"samples\":[", where_name[where], n, who);
	run(n, where);
	for (t = 0; t < turns; t++)
		printf("%s%.0f", t ? "," : "", run(n, where));
	printf("]}\n");
	fflush(stdout);
}

void bench_threads(unsigned int turns)
{
	unsigned int most = usable_cpus(), n;
	enum where where;

	bench_frames(1);
	if (most > THREADS)
		most = THREADS;
	report_threads("core, one lock", one_lock, 1, ONE_REGION, turns);
	for (where = 0; where < WHERES; where++) {
		for (n = 1; n <= most; n++)
			report_threads("core", spans, n, where, turns);
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
