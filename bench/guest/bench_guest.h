/* SPDX-License-Identifier: GPL-2.0 */
/* What the guest's benchmarks share: regions, the clock, samples and their output. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <vpt.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define PAGE		4096UL

/* The time-stamp counter, neither before what comes before nor after what follows. */
static inline u64 ticks_now(void)
{
	u32 low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/**
 * struct samples - what one row of a table is made from
 * @n: how many
 * @room: for how many there is room
 * @ticks: of the time-stamp counter, its own cost included
 */
struct samples {
	unsigned int n;
	unsigned int room;
	u64 *ticks;
};

void samples_init(struct samples *s, unsigned int room);

static inline void samples_add(struct samples *s, u64 ticks)
{
	if (s->n < s->room)
		s->ticks[s->n++] = ticks;
}

/* Print them as JSON, counted, under the keys given (text of JSON members); empty it. */
void samples_print(struct samples *s, const char *members, ...)
	__attribute__((format(printf, 2, 3)));

/* The row that says what the clock itself costs, and its rate. */
void print_clock(const char *unit);

double wall_ns(void);

struct region {
	int fd;
	char *base;
	u64 bytes;
};

/* False where there is no /dev/vpt; leaves the program where it does not work. */
void region_open(struct region *r, unsigned int gib);
void region_close(struct region *r);

/* The ioctls; leave the program if the call fails. */
void vpt_map(struct region *r, char *va);
void vpt_protect(struct region *r, char *va, u32 prot);
void vpt_unmap(struct region *r, char *va);
void vpt_map_range(struct region *r, char *va, u64 bytes);
void vpt_protect_range(struct region *r, char *va, u64 bytes, u32 prot);
void vpt_unmap_range(struct region *r, char *va, u64 bytes);

void pin_to(unsigned int cpu);
unsigned int cpus(void);

/* One thread on each further CPU that runs in this address space until stopped. */
void spinners_start(unsigned int n);
void spinners_stop(void);

#endif /* BENCH_GUEST_H */
