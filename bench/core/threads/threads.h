/* SPDX-License-Identifier: GPL-2.0 */
/* What the benchmark of threads runs: the core behind its protocol, many in one region. */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include <stdint.h>

struct region;

/**
 * struct stretch - what one thread does
 * @start: first address
 * @pages: of 4 KiB, one after the other
 * @rounds: times that all are mapped, protected and unmapped
 */
struct stretch {
	uint64_t start;
	uint64_t pages;
	uint64_t rounds;
};

/**
 * struct many - regions that several threads work in
 * @create: a region from @start to @end, with @tables table pages; NULL: no memory
 * @destroy: and its end
 * @work: a thread's share; 0, or something else if an operation failed
 */
struct many {
	struct region *(*create)(uint64_t start, uint64_t end, uint64_t tables);
	void (*destroy)(struct region *r);
	uint64_t (*work)(struct region *r, const struct stretch *s);
};

extern const struct many many_spans;

#endif /* BENCH_THREADS_H */
