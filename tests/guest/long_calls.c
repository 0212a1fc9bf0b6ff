// SPDX-License-Identifier: GPL-2.0
/*
 * Calls about long ranges go by steps: nobody waits for the whole of one, and what
 * others do in between is neither lost nor refused.
 */
#include "lib/guest.h"

#include <pthread.h>

#include "hold/hold.h"

#define STEP	(32ULL << 20)	/* include/vpt.h: one shootdown for so much */
#define STEPS	8
#define LONG	(STEPS * STEP)	/* bytes of 4 KiB pages */

enum long_call { UNMAP_LONG, PROTECT_LONG, MUNMAP_LONG };

/* A call about a long range, on CPU 0, and another thread's touches, on CPU 1. */
struct waits {
	struct region r;
	enum long_call what;
	_Atomic u64 tid, go, over;
	_Atomic u64 touches;
};

static void do_call(struct waits *w)
{
	const struct region *r = &w->r;
	struct vpt_range done = { 0 };

	switch (w->what) {
	case UNMAP_LONG:
		EXPECT(!vu_unmap_range(r->fd, r->base, LONG, &done), "UNMAP_RANGE");
		break;
	case PROTECT_LONG:
		EXPECT(!vu_protect_range(r->fd, r->base, LONG, VPT_READ, &done),
		       "PROTECT_RANGE");
		break;
	case MUNMAP_LONG:
		/* No less: not every kernel cuts a region anywhere. */
		EXPECT(!munmap(r->base, VPT_1G), "munmap: %s", strerror(errno));
		done.touched_bytes = LONG;
	}
	EXPECT(done.touched_bytes == LONG, "%llu bytes", done.touched_bytes);
}

static void *call_on(void *arg)
{
	struct waits *w = arg;

	pin_to(0);
	post(&w->tid, gettid());
	wait_for(&w->go, 1);
	do_call(w);
	post(&w->over, 1);
	return NULL;
}

/* One new page after the other. */
static void *touch_on(void *arg)
{
	struct waits *w = arg;
	char *at = w->r.base + VPT_1G;
	u64 i;

	pin_to(1);
	for (i = 0; i < VPT_1G / VPT_4K && !atomic_load(&w->over); i++) {
		at[i * VPT_4K] = 1;
		atomic_fetch_add(&w->touches, 1);
		usleep(100);
	}
	return NULL;
}

static bool touches_go_on(struct waits *w, u64 before, unsigned int ms)
{
	for (; ms && atomic_load(&w->touches) == before; ms--)
		usleep(1000);
	return atomic_load(&w->touches) != before;
}

/*
 * The call is held at each of its steps, locks and all.  A touch that began to wait in one
 * is over when the call is at one of the next: a lock goes to who has waited for it longest
 * as soon as it has been released before his eyes once.  Returns whether one was.
 *
 * A hold is closed only when no other is: that waits for all CPUs.
 */
static bool touched_between_steps(struct waits *w)
{
	int holds[STEPS];
	unsigned int step = 0;
	bool good = false;
	u64 before;

	holds[0] = hold_at("vpt_shootdown", w->tid);
	post(&w->go, 1);
	while (hold_reached(holds[step], &w->over) && !good && step + 1 < STEPS) {
		do {
			before = atomic_load(&w->touches);
		} while (touches_go_on(w, before, 50) && !step);
		holds[step + 1] = hold_at("vpt_shootdown", w->tid);
		hold_release(holds[step++]);
		good = hold_reached(holds[step], &w->over) && touches_go_on(w, before, 500);
	}
	hold_release(holds[step]);
	wait_for(&w->over, 1);
	do {
		close(holds[step]);
	} while (step--);
	return good;
}

static void nobody_waits_for_the_whole(u64 what)
{
	struct waits w = { .what = what };
	pthread_t call, touch;

	if (cpus() < 2)
		skip("one CPU");
	if (checked_fully())
		skip("check=full: a touch takes as long as the region is large");
	region_rw(&w.r, 2, 0);
	REQUIRE(!vu_map_range(w.r.fd, w.r.base, LONG, VPT_4K, RW, NULL), "MAP_RANGE");
	/* A fault of this thread would wait behind the call. */
	REQUIRE(!mlockall(MCL_CURRENT), "mlockall: %s", strerror(errno));
	pin_to(1);
	REQUIRE(!pthread_create(&call, NULL, call_on, &w), "thread");
	REQUIRE(!pthread_create(&touch, NULL, touch_on, &w), "thread");
	while (!atomic_load(&w.tid) || !atomic_load(&w.touches))
		usleep(1000);
	EXPECT(touched_between_steps(&w), "touches wait for the whole call");
	pthread_join(call, NULL);
	pthread_join(touch, NULL);
	region_close(&w.r);
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

/* Going through a PD that is almost empty is work as well. */
static void empty_entries_are_work(u64 unused)
{
	const u64 gib = 64, entries = gib * (511 + 512), step = STEP / VPT_4K;
	struct vpt_stats before, after;
	struct region r;
	u64 i;

	(void)unused;
	region_rw(&r, gib, VPT_STRICT);
	for (i = 0; i < gib; i++)
		REQUIRE(!vu_map(r.fd, r.base + i * VPT_1G, VPT_4K, RW, 0), "MAP");
	vu_stats(r.fd, &before);
	EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "UNMAP_RANGE");
	vu_stats(r.fd, &after);
	EXPECT(after.shootdowns - before.shootdowns >= entries / step, "%llu entries in %llu steps",
	       (unsigned long long)entries, after.shootdowns - before.shootdowns);
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
		{ "going through empty entries is done by steps too", empty_entries_are_work, 0,
		  0 },
		{ "a leaf across the far end is refused, and nothing done",
		  refused_as_a_whole, 0, 0 },
		{ "nothing is mapped behind the steps of a munmap",
		  nothing_is_mapped_behind_a_munmap, 0, 0 },
		{ "others come in between steps", others_come_in_between, 0, 0 },
		{ "many handles of one file are dropped", many_handles_are_dropped, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
