/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the traversal benchmark share: the tables they work on, the
 * patterns of addresses, and the contestants ("runners").
 *
 * Each runner is linked from its own copy of the core or the floor, with one public
 * symbol, so that all of them stand in one program and take turns in one run.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>

#include "pt_env.h"
#include "pt.h"

#define BENCH_TABLES	100800
#define BENCH_FRAMES	10000000
#define BENCH_BASE	(1ULL << 39)
#define BENCH_END	(1ULL << 47)

#define BENCH_RW	(PT_WRITE | PT_USER)
#define BENCH_RO	PT_USER

enum bench_op { MAP, PROTECT, UNMAP, OPS };

/**
 * struct world - one page table and what it is made from
 * @env: table pages
 * @pt: the region
 * @lock: stands for the region's lock, uncontended as in the kernel
 * @tables: table pages there are
 *
 * Two of them share no cache line, nor a pair of lines that is fetched together.
 */
struct world {
	struct pt_env env;
	struct pt pt;
	unsigned int lock;
	u64 tables;
} __attribute__((aligned(128)));

/**
 * struct pattern - which addresses, in which order
 * @name: as printed
 * @level: page size
 * @n: pages
 * @first: first address
 * @step: from one address to the next, bytes; negative to go down
 * @order: order in which the steps are visited, or NULL for one after the other
 * @frames: @n frames of that size
 * @chunk: pages in one call of a range form, or in one sample
 */
struct pattern {
	const char *name;
	unsigned int level;
	u64 n;
	u64 first;
	u64 step;
	const u32 *order;
	const u64 *frames;
	u64 chunk;
};

static inline u64 pattern_va(const struct pattern *p, u64 i)
{
	return p->first + (p->order ? p->order[i] : i) * p->step;
}

/**
 * struct runner - a contestant
 * @who: "core", "floor", ...
 * @exchange: "plain" or "locked": how it replaces a present entry
 * @pages: does @op to every page of the pattern, one call each; with @lock the
 *	world's lock is taken and released around each
 * @ranges: the same by the range form
 * @pairs: maps and unmaps the first page @n times; every table is made and unlinked
 *	each time
 * @sampled: as @pages, and writes the time of each @chunk calls to @ticks
 *
 * All return 0, or something else if a call failed.  Those that a runner does not
 * have are NULL.
 */
struct runner {
	const char *who;
	const char *exchange;
	u64 (*pages)(struct world *w, const struct pattern *p, enum bench_op op, bool lock);
	u64 (*ranges)(struct world *w, const struct pattern *p, enum bench_op op);
	u64 (*pairs)(struct world *w, const struct pattern *p);
	u64 (*sampled)(struct world *w, const struct pattern *p, enum bench_op op,
		       u32 *ticks);
};

extern const struct runner core_plain, core_locked, norec_plain, norec_locked;
extern const struct runner floor_plain, floor_locked, inlined_plain, inlined_locked;

/* What the caller does after the shootdown. */
static inline void free_deferred(struct pt_env *env)
{
	while (env->ndeferred)
		env->free[env->nfree++] = env->deferred[--env->ndeferred];
}

static inline void world_lock(struct world *w)
{
	while (__atomic_exchange_n(&w->lock, 1, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static inline void world_unlock(struct world *w)
{
	__atomic_store_n(&w->lock, 0, __ATOMIC_RELEASE);
}

/* The time-stamp counter, neither before what comes before nor after what follows. */
static inline u64 ticks_now(void)
{
	u32 low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/* world.c */
void world_init(struct world *w, u64 tables);
void world_free(struct world *w);
/* Every table free and zero, in the same order each time. */
void world_reset(struct world *w);
const u64 *bench_frames(unsigned int level);	/* BENCH_FRAMES of them */
const u32 *bench_shuffle(u32 n);
double cpu_ns(void);		/* of this thread */
double wall_ns(void);
double ticks_per_ns(void);
double clock_step(double rate);
int pin_to_last_cpu(void);
int pin_to_cpu(unsigned int nth);
unsigned int usable_cpus(void);
void die(const char *what, const char *why) __attribute__((noreturn));

/* Experiments, each in a file of its own.  They print JSON, one object a line. */
void bench_mean(unsigned int turns);
void bench_latency(unsigned int samples);
void bench_threads(unsigned int turns);
void bench_size(unsigned int turns, u64 most);

#endif /* BENCH_H */
