// SPDX-License-Identifier: GPL-2.0
/*
 * Two threads map disjoint pages of one region, synchronise, and use each
 * other's page.
 */
#include "lib/guest.h"

#include <pthread.h>

static struct region region;
static pthread_barrier_t barrier;

struct side {
	u64 offset;		/* of the page this thread maps */
	u64 writes;		/* what it puts there */
	struct side *other;
	int map_error;
	enum probe outcome;	/* of its load from the other's page */
	u64 reads;
};

static void *one_side(void *arg)
{
	struct side *s = arg;
	char *page = region.base + s->offset;

	s->map_error = vu_map(region.fd, page, VPT_4K, RW, 0);
	if (!s->map_error)
		probe_store(page, s->writes);
	pthread_barrier_wait(&barrier);
	s->outcome = probe_load(region.base + s->other->offset, &s->reads);
	return NULL;
}

static void both_sides(u64 unused)
{
	struct side a = { .offset = 0, .writes = 1 };
	struct side b = { .offset = VPT_4K, .writes = 2, .other = &a };
	pthread_t thread;

	(void)unused;
	a.other = &b;
	region_rw(&region, 1, VPT_STRICT);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, one_side, &b);
	one_side(&a);
	pthread_join(thread, NULL);

	note("thread 1 maps page 0 (%s), writes 1; thread 2 maps page 1 (%s), writes 2",
	     strerror(-a.map_error), strerror(-b.map_error));
	note("what happened:     thread 1 read %s%llu, thread 2 read %s%llu",
	     a.outcome ? "a fault, not " : "", (unsigned long long)a.reads,
	     b.outcome ? "a fault, not " : "", (unsigned long long)b.reads);
	note("what was expected: thread 1 read 2, thread 2 read 1");
	EXPECT(!a.map_error && !b.map_error, "a map failed");
	EXPECT(!a.outcome && a.reads == 2, "thread 1 does not see thread 2's page");
	EXPECT(!b.outcome && b.reads == 1, "thread 2 does not see thread 1's page");
	region_close(&region);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "two threads use each other's page", both_sides, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
