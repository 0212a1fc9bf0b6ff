// SPDX-License-Identifier: GPL-2.0
/*
 * The floor as a contestant: called, through a pointer, as the core is called; with
 * FLOOR_INLINED in the loop itself.
 */
#include "floor.h"
#include "loops.h"

#ifdef FLOOR_INLINED
#define FLOOR_CALL	static __always_inline
#define opaque(pointer)	((void)0)
#else
#define FLOOR_CALL	static __attribute__((noinline))
/* The compiler must not know where a pointer leads, or it might inline the call. */
#define opaque(pointer)	__asm__("" : "+r"(pointer))
#endif

FLOOR_CALL u64 map_4k(struct world *w, u64 va, u64 pa)
{
	return floor_map(&w->env, w->pt.root, va, pa, 1);
}

FLOOR_CALL u64 map_2m(struct world *w, u64 va, u64 pa)
{
	return floor_map(&w->env, w->pt.root, va, pa, 2);
}

/* What was there goes to memory, as it does in the core. */
#define keep(value)	__asm__ volatile("" : : "m"(value))

static __always_inline u64 protect(struct world *w, u64 va, unsigned int level)
{
	u64 old, bad = floor_protect(&w->env, w->pt.root, va, &old, level);

	keep(old);
	return bad;
}

static __always_inline u64 unmap(struct world *w, u64 va, unsigned int level)
{
	u64 old, bad = floor_unmap(&w->env, w->pt.root, va, &old, level);

	keep(old);
	return bad;
}

FLOOR_CALL u64 protect_4k(struct world *w, u64 va, u64 pa)
{
	(void)pa;
	return protect(w, va, 1);
}

FLOOR_CALL u64 protect_2m(struct world *w, u64 va, u64 pa)
{
	(void)pa;
	return protect(w, va, 2);
}

FLOOR_CALL u64 unmap_4k(struct world *w, u64 va, u64 pa)
{
	(void)pa;
	return unmap(w, va, 1);
}

FLOOR_CALL u64 unmap_2m(struct world *w, u64 va, u64 pa)
{
	(void)pa;
	return unmap(w, va, 2);
}

static __always_inline u64 pages_by(struct world *w, const struct pattern *p, page_fn fn,
				    bool lock)
{
	opaque(fn);
	return lock ? each_page(w, p, fn, true) : each_page(w, p, fn, false);
}

static u64 run_pages(struct world *w, const struct pattern *p, enum bench_op op, bool lock)
{
	if (p->level == 1)
		return op == MAP ? pages_by(w, p, map_4k, lock) :
		       op == PROTECT ? pages_by(w, p, protect_4k, lock) :
				       pages_by(w, p, unmap_4k, lock);
	return op == MAP ? pages_by(w, p, map_2m, lock) :
	       op == PROTECT ? pages_by(w, p, protect_2m, lock) :
			       pages_by(w, p, unmap_2m, lock);
}

static __always_inline u64 ranges(struct world *w, const struct pattern *p,
				  enum bench_op op, unsigned int level)
{
	u64 i, n, root = w->pt.root, bad = 0;

	for (i = 0; i < p->n; i += n) {
		u64 va = p->first + i * p->step;

		n = p->n - i < p->chunk ? p->n - i : p->chunk;
		if (op == MAP)
			bad |= floor_map_range(&w->env, root, va, p->frames + i, n, level);
		else if (op == PROTECT)
			bad |= floor_protect_range(&w->env, root, va, n, level);
		else
			bad |= floor_unmap_range(&w->env, root, va, n, level);
	}
	return bad;
}

static u64 run_ranges(struct world *w, const struct pattern *p, enum bench_op op)
{
	return p->level == 1 ? ranges(w, p, op, 1) : ranges(w, p, op, 2);
}

static u64 run_pairs(struct world *w, const struct pattern *p)
{
	page_fn map = p->level == 1 ? map_4k : map_2m;
	page_fn unmap = p->level == 1 ? unmap_4k : unmap_2m;

	opaque(map);
	opaque(unmap);
	return each_pair(w, p, map, unmap);
}

static u64 run_sampled(struct world *w, const struct pattern *p, enum bench_op op, u32 *ticks)
{
	static const page_fn fns[2][OPS] = {
		{ map_4k, protect_4k, unmap_4k },
		{ map_2m, protect_2m, unmap_2m },
	};
	page_fn fn = fns[p->level - 1][op];

	opaque(fn);
	return each_page_timed(w, p, fn, ticks);
}

const struct runner RUNNER = {
	.who = WHO,
	.exchange = EXCHANGE,
	.pages = run_pages,
	.ranges = run_ranges,
	.pairs = run_pairs,
	.sampled = run_sampled,
};
