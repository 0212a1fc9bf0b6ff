// SPDX-License-Identifier: GPL-2.0
/*
 * Calls about long ranges go by steps: nobody waits for the whole of one, and what
 * others do in between is neither lost nor refused.
 */
#include "lib/guest.h"

#include <pthread.h>

#define LONG	(384ULL << 20)	/* bytes of 4 KiB pages */
#define STEP	(32ULL << 20)	/* include/vpt.h: one shootdown for so much */

#define TOUCHES	65536

/*
 * A reader that finds the lock taken again and again is let in after this: ns,
 * RWSEM_WAIT_TIMEOUT of kernel/locking/rwsem.c.
 */
#define READER_WAITS	4000000ULL

/* A thread that touches one new page after the other, and notes when that was done. */
struct toucher {
	pthread_t thread;
	char *at;
	_Atomic bool stop;
	_Atomic u64 touches;
	u64 when[TOUCHES];
};

static void *touch_on(void *arg)
{
	struct toucher *t = arg;
	u64 i;

	pin_to(1);
	for (i = 0; i < TOUCHES && !atomic_load(&t->stop); i++) {
		t->at[i * VPT_4K] = 1;
		t->when[i] = now_ns();
		atomic_store(&t->touches, i + 1);
	}
	return NULL;
}

static u64 touches_between(const struct toucher *t, u64 from, u64 to)
{
	u64 i, n = 0;

	for (i = 0; i < t->touches; i++)
		n += t->when[i] >= from && t->when[i] < to;
	return n;
}

static u64 longest_touch(const struct toucher *t)
{
	u64 i, longest = 0;

	for (i = 1; i < t->touches; i++)
		if (t->when[i] - t->when[i - 1] > longest)
			longest = t->when[i] - t->when[i - 1];
	return longest;
}

enum long_call { UNMAP_LONG, PROTECT_LONG, MUNMAP_LONG };

static void do_call(struct region *r, enum long_call what)
{
	struct vpt_range done;

	switch (what) {
	case UNMAP_LONG:
		REQUIRE(!vu_unmap_range(r->fd, r->base, LONG, &done), "UNMAP_RANGE");
		EXPECT(done.touched_bytes == LONG, "%llu bytes", done.touched_bytes);
		break;
	case PROTECT_LONG:
		REQUIRE(!vu_protect_range(r->fd, r->base, LONG, VPT_READ, &done),
			"PROTECT_RANGE");
		EXPECT(done.touched_bytes == LONG, "%llu bytes", done.touched_bytes);
		break;
	case MUNMAP_LONG:
		REQUIRE(!munmap(r->base, LONG), "munmap: %s", strerror(errno));
	}
}

/*
 * On two CPUs, or a touch has to wait for the CPU.  Touches go on in the second and in
 * the third quarter of the call's time.  (In the first and the last, it may be outside its
 * lock.)  The host may stop a CPU at any time, so the best of a few rounds counts; none
 * in a quarter shorter than what a reader may wait for mmap_lock is no failure.
 */
static void nobody_waits_for_the_whole(u64 what)
{
	unsigned int round, judged = 0;
	bool good = false;

	if (cpus() < 2)
		skip("one CPU");
	if (checked_fully())
		skip("check=full: a touch takes as long as the region is large");
	for (round = 0; round < 4 && !good; round++) {
		static struct toucher t;
		struct region r;
		u64 start, quarter;

		region_rw(&r, 2, 0);
		REQUIRE(!vu_map_range(r.fd, r.base, LONG, VPT_4K, RW, NULL), "MAP_RANGE");
		memset(&t, 0, sizeof(t));
		t.at = r.base + VPT_1G;
		REQUIRE(!pthread_create(&t.thread, NULL, touch_on, &t), "thread");
		pin_to(0);
		while (atomic_load(&t.touches) < 10)
			usleep(1000);
		start = now_ns();
		do_call(&r, what);
		quarter = (now_ns() - start) / 4;
		atomic_store(&t.stop, true);
		pthread_join(t.thread, NULL);
		note("%llu MiB in %llu us, the longest touch %llu us",
		     (unsigned long long)LONG >> 20, (unsigned long long)quarter / 250,
		     (unsigned long long)longest_touch(&t) / 1000);
		judged += quarter > READER_WAITS;
		good = touches_between(&t, start + quarter, start + 2 * quarter) &&
		       touches_between(&t, start + 2 * quarter, start + 3 * quarter);
		region_close(&r);
	}
	if (!good && !judged)
		skip("the calls are too short");
	EXPECT(good, "touches wait for the whole call");
}

static void one_shootdown_for_each_step(u64 unused)
{
	struct vpt_stats before, after;
	struct region r;
	u64 steps;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	for (steps = 1; steps <= 3; steps++) {
		REQUIRE(!vu_map_range(r.fd, r.base, steps * STEP, VPT_4K, RW, NULL), "MAP");
		vu_stats(r.fd, &before);
		EXPECT(!vu_protect_range(r.fd, r.base, steps * STEP, VPT_READ, NULL),
		       "PROTECT_RANGE");
		vu_stats(r.fd, &after);
		EXPECT(after.shootdowns - before.shootdowns == steps,
		       "PROTECT_RANGE of %llu steps: %llu", (unsigned long long)steps,
		       after.shootdowns - before.shootdowns);
		EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "UNMAP_RANGE");
		vu_stats(r.fd, &before);
		EXPECT(before.shootdowns - after.shootdowns == steps,
		       "UNMAP_RANGE of %llu steps: %llu", (unsigned long long)steps,
		       before.shootdowns - after.shootdowns);
		EXPECT(!before.mapped_bytes, "%llu bytes are left", before.mapped_bytes);
		expect_sound(r.fd, "unmapped");
	}
	region_close(&r);
}

/* A leaf that straddles the far end is refused before anything is done. */
static void refused_as_a_whole(u64 unused)
{
	const u64 bytes = 3 * STEP + VPT_4K;
	struct vpt_stats s;
	struct region r;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, VPT_2M);
	REQUIRE(!vu_map_range(r.fd, r.base, 3 * STEP, VPT_4K, RW, NULL), "MAP");
	REQUIRE(!vu_map(r.fd, r.base + 3 * STEP, VPT_2M, RW, 0), "MAP 2M");
	EXPECT(vu_unmap_range(r.fd, r.base, bytes, NULL) == -EINVAL, "UNMAP_RANGE");
	EXPECT(vu_protect_range(r.fd, r.base, bytes, VPT_READ, NULL) == -EINVAL,
	       "PROTECT_RANGE");
	vu_stats(r.fd, &s);
	EXPECT(s.mapped_bytes == 3 * STEP + VPT_2M, "%llu bytes are left", s.mapped_bytes);
	EXPECT(!probe_store(r.base, 1), "a store");
	region_close(&r);
}

/* Threads that meet calls of many steps half-way. */
struct meeting {
	struct region r;
	bool huge;
	_Atomic bool stop;
	_Atomic u64 done;
};

#define TABLES	40	/* more than two steps */

static void *map_on(void *arg)
{
	struct meeting *m = arg;
	struct rng rng = rng_of((u64)pthread_self());

	while (!atomic_load(&m->stop)) {
		char *table = m->r.base + rng_below(&rng, TABLES) * VPT_2M;
		int err;

		if (m->huge && !rng_below(&rng, 4)) {
			err = vu_map(m->r.fd, table, VPT_2M, RW, 0);
			if (!err)
				err = vu_unmap(m->r.fd, table, NULL);
			EXPECT(!err || err == -EEXIST || err == -ENOENT || err == -ENOMEM ||
			       err == -ERANGE, "2M: %s", strerror(-err));
		} else {
			err = vu_map(m->r.fd, table + rng_below(&rng, 512) * VPT_4K, VPT_4K,
				     RW, 0);
			EXPECT(!err || err == -EEXIST || err == -ERANGE, "4K: %s",
			       strerror(-err));
		}
		atomic_fetch_add(&m->done, 1);
	}
	return NULL;
}

/* The ends lie within 2 MiB pages that come and go. */
static void others_come_in_between(u64 unused)
{
	struct budget b = budget_of(2000);
	pthread_t threads[2];
	struct meeting m = { 0 };
	char *from;
	u64 i, length;
	int err;

	(void)unused;
	region_rw(&m.r, 1, VPT_STRICT);
	m.huge = have_size(m.r.fd, VPT_2M);
	from = m.r.base + VPT_4K;
	length = TABLES * VPT_2M - 2 * VPT_4K;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		REQUIRE(!pthread_create(&threads[i], NULL, map_on, &m), "thread");
	for (i = 0; budget_left(&b, i) || m.done < 100; i++) {
		if (i % 3)
			err = vu_unmap_range(m.r.fd, from, length, NULL);
		else
			err = vu_protect_range(m.r.fd, from, length, RW, NULL);
		EXPECT(!err || err == -EINVAL || err == -ERANGE, "%s", strerror(-err));
		/* At the end holes appear in the range as well. */
		if (!budget_left(&b, i + 64))
			munmap(m.r.base + (i % TABLES) * VPT_2M, VPT_4K);
	}
	atomic_store(&m.stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	expect_sound(m.r.fd, "at the end");
	region_close(&m.r);
}

static void *map_low(void *arg)
{
	struct meeting *m = arg;
	u64 i;
	int err;

	for (i = 0; !atomic_load(&m->stop); i++) {
		err = vu_map(m->r.fd, m->r.base + i % 512 * VPT_4K, VPT_4K, RW, 0);
		EXPECT(!err || err == -EEXIST || err == -ERANGE, "MAP: %s", strerror(-err));
		atomic_fetch_add(&m->done, 1);
	}
	return NULL;
}

/* What munmap() takes away is gone from its first step on: nothing comes back there. */
static void nothing_is_mapped_behind_a_munmap(u64 unused)
{
	const u64 bytes = paced(8) * STEP;
	struct vpt_stats s;
	unsigned int round;

	(void)unused;
	for (round = 0; round < 4; round++) {
		struct meeting m = { 0 };
		pthread_t thread;

		region_rw(&m.r, 2, VPT_STRICT);
		REQUIRE(!vu_map_range(m.r.fd, m.r.base, bytes, VPT_4K, RW, NULL), "MAP");
		REQUIRE(!pthread_create(&thread, NULL, map_low, &m), "thread");
		while (atomic_load(&m.done) < 10)
			usleep(1000);
		REQUIRE(!munmap(m.r.base, VPT_1G), "munmap: %s", strerror(errno));
		atomic_store(&m.stop, true);
		pthread_join(thread, NULL);
		REQUIRE(!vu_stats(m.r.fd, &s), "STATS");
		EXPECT(!s.mapped_bytes && !s.frames && s.region_bytes == VPT_1G,
		       "%llu bytes, %llu frames are left", s.mapped_bytes, s.frames);
		expect_sound(m.r.fd, "after munmap");
		region_close(&m.r);
	}
}

#define HANDLES	40000	/* at check=full each call costs what is mapped */

/* Handles that are left to the end of the file: all frames come back (expect_rest()). */
static void many_handles_are_dropped(u64 unused)
{
	u64 i, frame, start, n = paced(paced(HANDLES));
	struct region r;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	for (i = 0; i < n; i++)
		REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame), "FRAME_ALLOC");
	/* One frame mapped as often. */
	for (i = 0; i < n; i++)
		REQUIRE(!vu_map(r.fd, r.base + i * VPT_4K, VPT_4K, RW, frame), "MAP");
	start = now_ns();
	munmap(r.base, r.bytes);
	close(r.fd);
	note("%llu handles and mappings dropped in %llu us", (unsigned long long)n,
	     (unsigned long long)(now_ns() - start) / 1000);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "nobody waits for the whole of an UNMAP_RANGE", nobody_waits_for_the_whole,
		  UNMAP_LONG, 0 },
		{ "nobody waits for the whole of a PROTECT_RANGE",
		  nobody_waits_for_the_whole, PROTECT_LONG, 0 },
		{ "nobody waits for the whole of a munmap", nobody_waits_for_the_whole,
		  MUNMAP_LONG, 0 },
		{ "one shootdown for each step", one_shootdown_for_each_step, 0, 0 },
		{ "a leaf across the far end is refused, and nothing done",
		  refused_as_a_whole, 0, 0 },
		{ "nothing is mapped behind the steps of a munmap",
		  nothing_is_mapped_behind_a_munmap, 0, 0 },
		{ "others come in between steps", others_come_in_between, 0, 0 },
		{ "many handles of one file are dropped", many_handles_are_dropped, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
