/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops that every contestant runs in.  Each is expanded in place with the one
 * call it is to repeat, so that all contestants pay for the same loop.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "bench.h"

/* What is repeated: does its thing to one page, returns 0. */
typedef u64 (*page_fn)(struct world *w, u64 va, u64 pa);

static __always_inline u64 one_page(struct world *w, page_fn fn, u64 va, u64 pa, bool lock)
{
	u64 bad;

	if (!lock)
		return fn(w, va, pa);
	world_lock(w);
	bad = fn(w, va, pa);
	world_unlock(w);
	return bad;
}

static __always_inline u64 each_page(struct world *w, const struct pattern *p, page_fn fn,
				     bool lock)
{
	u64 i, va = p->first, bad = 0;

	if (p->order) {
		for (i = 0; i < p->n; i++)
			bad |= one_page(w, fn, pattern_va(p, i), p->frames[i], lock);
	} else {
		for (i = 0; i < p->n; i++, va += p->step)
			bad |= one_page(w, fn, va, p->frames[i], lock);
	}
	return bad;
}

static __always_inline u64 each_page_timed(struct world *w, const struct pattern *p,
					   page_fn fn, u32 *ticks)
{
	u64 i, k, start, bad = 0;

	for (i = 0; i < p->n; i += p->chunk) {
		start = ticks_now();
		for (k = i; k < i + p->chunk; k++)
			bad |= fn(w, pattern_va(p, k), p->frames[k]);
		*ticks++ = (u32)(ticks_now() - start);
	}
	return bad;
}

/* Map and unmap the first page again and again; the caller frees what is unlinked. */
static __always_inline u64 each_pair(struct world *w, const struct pattern *p, page_fn map,
				     page_fn unmap)
{
	u64 i, bad = 0;

	for (i = 0; i < p->n; i++) {
		bad |= map(w, p->first, p->frames[i]);
		bad |= unmap(w, p->first, 0);
		free_deferred(&w->env);
	}
	return bad;
}

#endif /* BENCH_LOOPS_H */
