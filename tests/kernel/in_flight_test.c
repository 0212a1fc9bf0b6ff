// SPDX-License-Identifier: GPL-2.0
/*
 * Counts of each CPU (src/kernel/memory/in_flight.c), by threads: who is alone is alone, and
 * sums that are equal say that nobody was on his way.  TAP.
 */
#include <sched.h>
#include <stdio.h>

#include "../../src/kernel/memory/in_flight.h"

#define TOUCHES	200000
#define ALONE	10000
#define ASKS	300000

__thread int fake_cpu;
int fake_woken;

static struct vpt_in_flight all;
static int inside, met, stop;
static int tests, failures;

static void result(bool good, const char *name)
{
	tests++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, name);
}

static void *touches(void *thread)
{
	int i;

	fake_cpu = 2 * (int)(intptr_t)thread;
	for (i = 0; i < TOUCHES; i++) {
		if (vpt_touch_begin(&all))
			abort();
		__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
		if (i % 64 == 0)
			sched_yield();
		__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
		/* A touch may end on another CPU. */
		fake_cpu ^= i & 1;
		vpt_touch_end(&all);
	}
	return NULL;
}

static void *loner(void *thread)
{
	int i, n;

	fake_cpu = 2 * (int)(intptr_t)thread;
	for (i = 0; i < ALONE; i++) {
		if (vpt_touch_begin_alone(&all))
			abort();
		for (n = 0; n < 50; n++) {
			met += __atomic_load_n(&inside, __ATOMIC_SEQ_CST);
			if (i % 16 == 0)
				sched_yield();
		}
		vpt_touch_end_alone(&all);
		sched_yield();
	}
	return NULL;
}

/* Ask, and be refused, or settle what was had; each on the CPU that one is on by then. */
static void *asks(void *thread)
{
	u64 i;

	fake_cpu = 2 * (int)(intptr_t)thread;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		atomic64_t *asked = vpt_in_flight_ask(&all, 3);

		fake_cpu ^= 1;
		if (i % 3)
			atomic64_sub(3, asked);
		else
			vpt_in_flight_settle(&all, 3);
	}
	return NULL;
}

static void run(void *(*a)(void *), void *(*b)(void *), int of_a, int of_b)
{
	pthread_t threads[FAKE_CPUS / 2];
	int i;

	for (i = 0; i < of_a + of_b; i++)
		pthread_create(&threads[i], NULL, i < of_a ? a : b, (void *)(intptr_t)i);
	while (i-- > 0)
		pthread_join(threads[i], NULL);
}

static void *looks(void *thread)
{
	int i;

	fake_cpu = 2 * (int)(intptr_t)thread;
	for (i = 0; i < ASKS; i++) {
		const u64 settled = vpt_in_flight_settled(&all);

		met += vpt_in_flight_asked(&all) == settled;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	return NULL;
}

int main(void)
{
	if (vpt_in_flight_init(&all))
		return 1;
	run(touches, loner, 3, 2);
	result(!met, "no touch is under way while one is alone");
	result(fake_woken, "touches and who is alone have met");

	met = 0;
	vpt_in_flight_ask(&all, 5);
	run(asks, looks, 3, 1);
	result(!met, "while an ioctl is on its way the sums differ, whoever else asks and is refused");

	vpt_in_flight_settle(&all, 5);
	result(vpt_in_flight_asked(&all) == vpt_in_flight_settled(&all),
	       "when all is settled they are equal");
	vpt_in_flight_free(&all);
	printf("1..%d\n", tests);
	return failures != 0;
}
