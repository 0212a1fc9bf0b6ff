// SPDX-License-Identifier: GPL-2.0
/*
 * The core as a contestant, called through its public interface.  Compiled once for
 * each copy of the core: RUNNER names the symbol, WHO and EXCHANGE say which.
 */
#include "loops.h"

static __always_inline u64 map_page(struct world *w, u64 va, u64 pa)
{
	return pt_map(&w->pt, va, pa, 1, BENCH_RW);
}

static __always_inline u64 map_2m(struct world *w, u64 va, u64 pa)
{
	return pt_map(&w->pt, va, pa, 2, BENCH_RW);
}

static __always_inline u64 protect_page(struct world *w, u64 va, u64 pa)
{
	struct pt_mapping old;
	bool revoked;

	(void)pa;
	return pt_protect(&w->pt, va, BENCH_RO, &old, &revoked);
}

static __always_inline u64 unmap_page(struct world *w, u64 va, u64 pa)
{
	struct pt_mapping old;

	(void)pa;
	return pt_unmap(&w->pt, va, &old);
}

static __always_inline u64 pages(struct world *w, const struct pattern *p, enum bench_op op,
				 bool lock)
{
	switch (op) {
	case MAP:
		return p->level == 1 ? each_page(w, p, map_page, lock) :
				       each_page(w, p, map_2m, lock);
	case PROTECT:
		return each_page(w, p, protect_page, lock);
	default:
		return each_page(w, p, unmap_page, lock);
	}
}

static u64 run_pages(struct world *w, const struct pattern *p, enum bench_op op, bool lock)
{
	return lock ? pages(w, p, op, true) : pages(w, p, op, false);
}

static u64 run_ranges(struct world *w, const struct pattern *p, enum bench_op op)
{
	struct pt_touched done;
	u64 i, n, bad = 0;

	for (i = 0; i < p->n; i += n) {
		u64 va = p->first + i * p->step, end;

		n = p->n - i < p->chunk ? p->n - i : p->chunk;
		end = va + n * p->step;
		if (op == MAP)
			bad |= pt_map_range(&w->pt, va, p->frames + i, n, p->level,
					    BENCH_RW);
		else if (op == PROTECT)
			bad |= pt_protect_range(&w->pt, va, end, BENCH_RO, &done);
		else
			bad |= pt_unmap_range(&w->pt, va, end, &done);
	}
	return bad;
}

static u64 run_pairs(struct world *w, const struct pattern *p)
{
	return p->level == 1 ? each_pair(w, p, map_page, unmap_page) :
			       each_pair(w, p, map_2m, unmap_page);
}

static u64 run_sampled(struct world *w, const struct pattern *p, enum bench_op op, u32 *ticks)
{
	switch (op) {
	case MAP:
		return p->level == 1 ? each_page_timed(w, p, map_page, ticks) :
				       each_page_timed(w, p, map_2m, ticks);
	case PROTECT:
		return each_page_timed(w, p, protect_page, ticks);
	default:
		return each_page_timed(w, p, unmap_page, ticks);
	}
}

const struct runner RUNNER = {
	.who = WHO,
	.exchange = EXCHANGE,
	.pages = run_pages,
	.ranges = run_ranges,
	.pairs = run_pairs,
	.sampled = run_sampled,
};
