// SPDX-License-Identifier: GPL-2.0
/*
 * Short stretches of operations, each timed by the time-stamp counter: one operation
 * where the counter is fine enough for that, else BATCH of them.  The counter's own
 * cost is in every sample; the rows of "clock" say how much that is.
 */
#include <stdlib.h>

#include "bench.h"

#define BATCH		64
#define FINE_NS		1.0	/* step of a clock that can time one operation */

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

/* All samples, as pairs of a value and how often it occurred. */
static void print(const char *who, const char *exchange, const struct pattern *p,
		  const char *op, u64 batch, u32 *ticks)
{
	const char *comma = "";
	u64 i, first, n = p->n / batch;

	qsort(ticks, n, sizeof(*ticks), by_value);
	printf("{\"experiment\":\"latency\",\"pattern\":\"%s\",\"level\":%u,"
	       "\"form\":\"page\",\"op\":\"%s\",\"who\":\"%s\",\"exchange\":\"%s\","
	       "\"batch\":%llu,\"unit\":\"ticks\",\"histogram\":[", p->name, p->level, op, who,
	       exchange, (unsigned long long)batch);
	for (i = 0; i < n; comma = ",") {
		first = i;
		while (i < n && ticks[i] == ticks[first])
			i++;
		printf("%s[%u,%llu]", comma, ticks[first],
		       (unsigned long long)(i - first));
	}
	printf("]}\n");
}

static void sample_clock(const struct pattern *p, u32 *ticks)
{
	u64 i, start;

	for (i = 0; i < p->n; i++) {
		start = ticks_now();
		ticks[i] = (u32)(ticks_now() - start);
	}
	print("clock", "none", p, "nothing", 1, ticks);
}

static void sample(struct world *w, const struct runner *r, const struct pattern *p,
		   bool warm_up, u32 *ticks)
{
	static const char *const name[OPS] = { "map", "protect", "unmap" };
	static u32 *kept[OPS];
	unsigned int op;

	world_reset(w);
	for (op = 0; op < OPS; op++) {
		kept[op] = ticks + op * (p->n / p->chunk);
		if (r->sampled(w, p, op, kept[op]))
			die(p->name, r->who);
	}
	for (op = 0; !warm_up && op < OPS; op++)
		print(r->who, r->exchange, p, name[op], p->chunk, kept[op]);
}

void bench_latency(unsigned int samples)
{
	static const struct runner *const runners[] = {
		&floor_locked, &core_locked, &norec_locked,
	};
	const u64 *small = bench_frames(1), *large = bench_frames(2);
	const u64 chunk = clock_step(ticks_per_ns()) > FINE_NS ? BATCH : 1;
	const u64 n = samples / BATCH * BATCH, b = BENCH_BASE, k = 4096, m = 1ULL << 21;
	const u32 *order = bench_shuffle((u32)n);
	const struct pattern patterns[] = {
		{ "sequential", 1, n, b, k, NULL, small, chunk },
		{ "reverse", 1, n, b + (n - 1) * k, -k, NULL, small, chunk },
		{ "random", 1, n, b, k, order, small, chunk },
		{ "sparse", 1, n, b, m, NULL, small, chunk },
		{ "sequential", 2, n, b, m, NULL, large, chunk },
		{ "random", 2, n, b, m, order, large, chunk },
	};
	u32 *ticks = calloc(OPS * n, sizeof(*ticks));
	struct world w;
	unsigned int i, r;

	if (!ticks)
		die("calloc", "no memory");
	world_init(&w, BENCH_TABLES);
	sample_clock(&patterns[0], ticks);
	for (i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		fprintf(stderr, "@ %s, single operations\n", patterns[i].name);
		for (r = 0; r < sizeof(runners) / sizeof(*runners); r++)
			sample(&w, runners[r], &patterns[i], true, ticks);
		for (r = 0; r < sizeof(runners) / sizeof(*runners); r++)
			sample(&w, runners[r], &patterns[i], false, ticks);
		fflush(stdout);
	}
	world_free(&w);
	free(ticks);
}
