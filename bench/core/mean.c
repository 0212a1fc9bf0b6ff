// SPDX-License-Identifier: GPL-2.0
/*
 * Mean time of an operation, from long loops.  The contestants take turns, in
 * another order each time, on the same tables.
 */
#include "bench.h"

#define RUNNERS	8
#define SAMPLES	64

static const struct runner *const runners[RUNNERS] = {
	&inlined_plain, &floor_plain, &core_plain, &norec_plain,
	&inlined_locked, &floor_locked, &core_locked, &norec_locked,
};

static const char *const op_name[OPS] = { "map", "protect", "unmap" };

/* How a pattern is run. */
enum form { PAGES, LOCKED, RANGES, PAIRS, FORMS };
static const char *const form_name[FORMS] = { "page", "page+lock", "range", "pair" };

/* Whether the runner takes part. */
static bool takes_part(const struct runner *r, enum form form)
{
	bool inlined = r == &inlined_plain || r == &inlined_locked;
	bool plain = r->exchange[0] == 'p';

	switch (form) {
	case LOCKED:
		return !plain && !inlined;
	case RANGES:
		return !inlined;
	case PAIRS:
		return !inlined && r != &norec_plain && r != &norec_locked;
	default:
		return true;
	}
}

static u64 run(const struct runner *r, struct world *w, const struct pattern *p,
	       enum form form, enum bench_op op)
{
	switch (form) {
	case RANGES:
		return r->ranges(w, p, op);
	case PAIRS:
		return op == MAP ? r->pairs(w, p) : 0;
	default:
		return r->pages(w, p, op, form == LOCKED);
	}
}

static void turn(const struct runner *r, struct world *w, const struct pattern *p,
		 enum form form, double *ns)
{
	int op;

	world_reset(w);
	for (op = 0; op < OPS; op++) {
		double start = cpu_ns();
		u64 bad = run(r, w, p, form, op);

		ns[op] = (cpu_ns() - start) / (double)p->n;
		if (bad)
			die(p->name, r->who);
	}
	if (r != &norec_plain && r != &norec_locked &&
	    w->env.nfree + w->env.ndeferred != w->tables - 2)
		die(p->name, "tables lost");
}

static void print(const struct runner *r, const struct pattern *p, enum form form,
		  const char *op, const double *ns, unsigned int turns)
{
	unsigned int t;

	printf("{\"experiment\":\"mean\",\"pattern\":\"%s\",\"level\":%u,\"form\":\"%s\","
	       "\"op\":\"%s\",\"who\":\"%s\",\"exchange\":\"%s\",\"pages\":%llu,"
	       "\"unit\":\"ns\",\"samples\":[", p->name, p->level, form_name[form], op,
	       r->who, r->exchange, (unsigned long long)p->n);
	for (t = 0; t < turns; t++)
		printf("%s%.3f", t ? "," : "", ns[t]);
	printf("]}\n");
}

static void compare(struct world *w, const struct pattern *p, enum form form,
		    unsigned int turns)
{
	static double ns[RUNNERS][OPS][SAMPLES];
	unsigned int t, i, op;
	double one[OPS];

	fprintf(stderr, "@ %s, %s\n", p->name, form_name[form]);
	for (t = 0; t <= turns; t++) {
		for (i = 0; i < RUNNERS; i++) {
			/* There and back, so that nobody always follows the same. */
			unsigned int which = (t & 1 ? i + t : 2 * RUNNERS - 1 - i) % RUNNERS;

			if (!takes_part(runners[which], form))
				continue;
			turn(runners[which], w, p, form, one);
			for (op = 0; t && op < OPS; op++)	/* turn 0 warms up */
				ns[which][op][t - 1] = one[op];
		}
	}
	for (i = 0; i < RUNNERS; i++) {
		for (op = 0; op < (form == PAIRS ? 1 : OPS); op++) {
			if (takes_part(runners[i], form))
				print(runners[i], p, form,
				      form == PAIRS ? "map+unmap" : op_name[op],
				      ns[i][op], turns);
		}
	}
	fflush(stdout);
}

void bench_mean(unsigned int turns)
{
	const u64 *small = bench_frames(1), *large = bench_frames(2);
	const u32 *million = bench_shuffle(1000000), *many = bench_shuffle(100000);
	const u64 b = BENCH_BASE, k = 4096, m = 1ULL << 21, g = 1ULL << 30;
	const struct pattern pages[] = {
		{ "sequential", 1, 1000000, b, k, NULL, small, 0 },
		{ "reverse", 1, 1000000, b + 999999 * k, -k, NULL, small, 0 },
		{ "random", 1, 1000000, b, k, million, small, 0 },
		{ "sparse", 1, 100000, b, m, NULL, small, 0 },
		{ "sequential", 2, 100000, b, m, NULL, large, 0 },
		{ "reverse", 2, 100000, b + 99999 * m, -m, NULL, large, 0 },
		{ "random", 2, 100000, b, m, many, large, 0 },
		{ "sparse", 2, 20000, b, g, NULL, large, 0 },
	};
	const struct pattern ranges[] = {
		{ "one range", 1, 1000000, b, k, NULL, small, 1000000 },
		{ "ranges of 512", 1, 1000000, b, k, NULL, small, 512 },
		{ "one range", 2, 100000, b, m, NULL, large, 100000 },
	};
	const struct pattern pairs[] = {
		{ "same page", 1, 100000, b, k, NULL, small, 0 },
		{ "same page", 2, 100000, b, m, NULL, large, 0 },
	};
	struct world w;
	unsigned int i;

	if (turns > SAMPLES)
		turns = SAMPLES;
	world_init(&w, BENCH_TABLES);
	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		compare(&w, &pages[i], PAGES, turns);
	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		compare(&w, &pages[i], LOCKED, turns);
	for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		compare(&w, &ranges[i], RANGES, turns);
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		compare(&w, &pairs[i], PAIRS, turns);
	world_free(&w);
}
