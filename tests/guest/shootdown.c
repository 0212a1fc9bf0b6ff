// SPDX-License-Identifier: GPL-2.0
/*
 * Shootdown: what was true of a mapping before a change is true nowhere after
 * it.  (Shapes MP.RT, RO, REMAP1, NX, RBS, REUSE, HUGE.any, WRC.TRT, UNM2,
 * PROT.gap, UP.RW, UP.X, MIGR of the litmus list.)
 */
#include "lib/race.h"

#include <pthread.h>

#define POISON		0x9015090150901509

/* Accesses. */

static enum probe use_load(struct race *r, char *at, u64 *value)
{
	(void)r;
	return probe_load(at, value);
}

static enum probe use_store(struct race *r, char *at, u64 *value)
{
	(void)r;
	*value = OLD;
	return probe_store(at, OLD);
}

static enum probe use_exec(struct race *r, char *at, u64 *value)
{
	u32 v = 0;
	enum probe got;

	(void)at;
	got = probe_exec(r->x + 128, &v);
	*value = v;
	return got;
}

/* What may be seen. */

static bool old_or_fault(enum probe got, u64 v)
{
	return got == PROBE_SEGV || (got == PROBE_OK && v == OLD);
}

static bool old_or_new(enum probe got, u64 v)
{
	return got == PROBE_OK && (v == OLD || v == NEW);
}

static bool only_new(enum probe got, u64 v)
{
	return got == PROBE_OK && v == NEW;
}

static bool only_old(enum probe got, u64 v)
{
	return got == PROBE_OK && v == OLD;
}

static bool only_fault(enum probe got, u64 v)
{
	(void)v;
	return got == PROBE_SEGV;
}

/* Changes.  All setups leave OLD at x, readable and writable. */

static void map_old(struct race *r)
{
	EXPECT(!vu_map(r->r.fd, r->x, r->size, RWX, r->frame[0]), "map");
}

static void unmap_x(struct race *r)
{
	EXPECT(!vu_unmap(r->r.fd, r->x, NULL), "unmap");
}

static void nothing(struct race *r)
{
	(void)r;
}

static const struct pattern unmap_pattern = {
	map_old, unmap_x, use_load, old_or_fault, only_fault, nothing,
};

static void protect_read(struct race *r)
{
	EXPECT(!vu_protect(r->r.fd, r->x, RX, NULL), "protect");
}

static const struct pattern read_only_pattern = {
	map_old, protect_read, use_store, old_or_fault, only_fault, unmap_x,
};

static void map_with_code(struct race *r)
{
	map_old(r);
	put_code(r->x + 128, OLD);
}

static void protect_nx(struct race *r)
{
	EXPECT(!vu_protect(r->r.fd, r->x, RW, NULL), "protect");
}

static void unmap_code(struct race *r)
{
	EXPECT(!vu_protect(r->r.fd, r->x, RW, NULL), "protect");
	*(u64 *)(r->x + 128) = OLD;
	unmap_x(r);
}

static const struct pattern no_exec_pattern = {
	map_with_code, protect_nx, use_exec, old_or_fault, only_fault, unmap_code,
};

/* More rights: once told, no access that they allow faults. */

static void map_read_only(struct race *r)
{
	EXPECT(!vu_map(r->r.fd, r->x, r->size, VPT_READ, r->frame[0]), "map");
}

static const struct pattern writable_pattern = {
	map_read_only, protect_nx, use_store, old_or_fault, only_old, unmap_x,
};

static void map_code_nx(struct race *r)
{
	map_with_code(r);
	protect_nx(r);
}

static void protect_exec(struct race *r)
{
	EXPECT(!vu_protect(r->r.fd, r->x, RX, NULL), "protect");
}

static const struct pattern exec_pattern = {
	map_code_nx, protect_exec, use_exec, old_or_fault, only_old, unmap_code,
};

static void remap_new(struct race *r)
{
	EXPECT(!vu_remap(r->r.fd, r->x, r->frame[1], NULL), "remap");
}

static const struct pattern remap_pattern = {
	map_old, remap_new, use_load, old_or_new, only_new, unmap_x,
};

/* Never a gap: an access that old and new rights allow cannot fault. */
static void protect_to_and_fro(struct race *r)
{
	EXPECT(!vu_protect(r->r.fd, r->x, VPT_READ, NULL), "protect");
	EXPECT(!vu_protect(r->r.fd, r->x, RWX, NULL), "protect");
	EXPECT(!vu_protect_range(r->r.fd, r->x, r->size, VPT_READ, NULL), "range");
	EXPECT(!vu_protect_range(r->r.fd, r->x, r->size, RW, NULL), "range");
}

static const struct pattern no_gap_pattern = {
	map_old, protect_to_and_fro, use_load, only_old, only_old, unmap_x,
};

/* The frame is written through another address as soon as x is gone. */
static void unmap_and_poison(struct race *r)
{
	unmap_x(r);
	EXPECT(!vu_map(r->r.fd, r->y, r->size, RW, r->frame[0]), "map");
	fill(r, r->y, r->size, POISON);
}

static void heal(struct race *r)
{
	fill(r, r->y, r->size, OLD);
	EXPECT(!vu_unmap(r->r.fd, r->y, NULL), "unmap");
}

static const struct pattern poison_pattern = {
	map_old, unmap_and_poison, use_load, old_or_fault, only_fault, heal,
};

/* Fresh frames, so that vpt frees them and Linux hands them out again. */

static void map_fresh(struct race *r)
{
	EXPECT(!vu_map_range(r->r.fd, r->x, r->pages * r->size, r->size, RW, NULL), "map");
	fill(r, r->x, r->pages * r->size, OLD);
}

static void unmap_and_reuse(struct race *r)
{
	u64 bytes = r->pages * r->size;

	EXPECT(!vu_unmap_range(r->r.fd, r->x, bytes, NULL), "unmap");
	EXPECT(!vu_map_range(r->r.fd, r->y, bytes, r->size, RW, NULL), "map");
	fill(r, r->y, bytes, POISON);
}

static void unmap_y(struct race *r)
{
	EXPECT(!vu_unmap_range(r->r.fd, r->y, r->pages * r->size, NULL), "unmap");
}

static const struct pattern reuse_pattern = {
	map_fresh, unmap_and_reuse, use_load, old_or_fault, only_fault, unmap_y,
};

static void protect_range_read(struct race *r)
{
	EXPECT(!vu_protect_range(r->r.fd, r->x, r->pages * r->size, VPT_READ, NULL),
	       "protect");
}

static void unmap_range_x(struct race *r)
{
	EXPECT(!vu_unmap_range(r->r.fd, r->x, r->pages * r->size, NULL), "unmap");
}

static const struct pattern range_read_only_pattern = {
	map_fresh, protect_range_read, use_store, old_or_fault, only_fault, unmap_range_x,
};

/* munmap(2) in place of the ioctl; what follows there is anonymous memory. */
static void munmap_x(struct race *r)
{
	EXPECT(!munmap(r->x, r->pages * r->size), "munmap");
}

/* The hole stays, so each round has a place of its own. */
static void next_place(struct race *r)
{
	r->x += r->pages * r->size;
}

static const struct pattern munmap_pattern = {
	map_fresh, munmap_x, use_load, old_or_fault, only_fault, next_place,
};

static void replace_x(struct race *r)
{
	EXPECT(mmap(r->x, r->pages * r->size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == r->x,
	       "mmap");
}

static bool only_zero(enum probe got, u64 v)
{
	return got == PROBE_OK && v == 0;
}

static bool old_zero_or_fault(enum probe got, u64 v)
{
	return old_or_fault(got, v) || only_zero(got, v);
}

static const struct pattern replace_pattern = {
	map_fresh, replace_x, use_load, old_zero_or_fault, only_zero, next_place,
};

/* Runs. */

/* Larger pages are costlier. */
static u64 rounds_for(u64 size, u64 preset)
{
	return size == VPT_1G ? preset / 100 : size == VPT_2M ? preset / 10 : preset;
}

static void race(const struct pattern *p, u64 size, u64 users, u64 pages, u64 preset)
{
	struct race r = {
		.p = p, .size = size, .users = users, .pages = pages,
		.rounds = rounds_for(size, preset),
	};

	run_race(&r);
}

#define PRESET	2000

#define RACE(name)							\
static void race_##name(u64 size)					\
{									\
	race(&name##_pattern, size, 1, 1, PRESET);			\
}

RACE(unmap)
RACE(read_only)
RACE(no_exec)
RACE(writable)
RACE(exec)
RACE(remap)
RACE(no_gap)
RACE(poison)

static void three_threads(u64 size)
{
	race(&unmap_pattern, size, 2, 1, PRESET);
	race(&remap_pattern, size, 3, 1, PRESET / 2);
}

static void ranges(u64 pages)
{
	race(&reuse_pattern, VPT_4K, 2, pages, PRESET / 4);
	race(&range_read_only_pattern, VPT_4K, 2, pages, PRESET / 4);
}

static void huge_ranges(u64 pages)
{
	race(&reuse_pattern, VPT_2M, 1, pages, PRESET / 2);
}

static void munmaps(u64 size)
{
	need_cuts();
	race(&munmap_pattern, size, 2, 1, PRESET / 2);
	race(&replace_pattern, size, 2, 1, PRESET / 2);
}

static void wanderers(u64 size)
{
	struct race r = {
		.p = &unmap_pattern, .size = size, .users = 2, .pages = 1,
		.wander = true, .rounds = rounds_for(size, PRESET / 2),
	};

	run_race(&r);
}

/* WRC.TRT: told by somebody who was told. */

struct chain {
	struct region r;
	_Atomic bool over;
	_Atomic u64 go, f, g, ready, finished;
};

static void end_chain(struct chain *c, u64 round)
{
	atomic_store(&c->over, true);
	post(&c->f, round);
	post(&c->go, round);
}

static void *middle(void *arg)
{
	struct chain *c = arg;
	u64 i;

	pin_to(1);
	for (i = 1; !atomic_load(&c->over); i++) {
		wait_for(&c->f, i);
		post(&c->g, i);
	}
	return NULL;
}

static void *last(void *arg)
{
	struct chain *c = arg;
	u64 i, v;

	pin_to(2);
	for (i = 1;; i++) {
		wait_for(&c->go, i);
		if (atomic_load(&c->over))
			return NULL;
		EXPECT(!probe_load(c->r.base, &v), "round %llu, before",
		       (unsigned long long)i);
		post(&c->ready, i);
		wait_for(&c->g, i);
		EXPECT(probe_load(c->r.base, &v) == PROBE_SEGV,
		       "round %llu: a stale value, %llx", (unsigned long long)i,
		       (unsigned long long)v);
		post(&c->finished, i);
	}
}

static void told_at_second_hand(u64 size)
{
	struct budget b = budget_of(rounds_for(size, PRESET));
	struct chain c = { 0 };
	pthread_t threads[2];
	u64 i;

	region_rw(&c.r, 1, VPT_STRICT);
	need_size(c.r.fd, size);
	pin_to(0);
	pthread_create(&threads[0], NULL, middle, &c);
	pthread_create(&threads[1], NULL, last, &c);
	for (i = 1; budget_left(&b, i - 1); i++) {
		EXPECT(!vu_map(c.r.fd, c.r.base, size, RW, 0), "map");
		post(&c.go, i);
		wait_for(&c.ready, i);
		EXPECT(!vu_unmap(c.r.fd, c.r.base, NULL), "unmap");
		post(&c.f, i);
		wait_for(&c.finished, i);
	}
	end_chain(&c, i);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	region_close(&c.r);
}

/* UNM2: two unmap the same page; who comes second may not see it any more. */

static void *second_unmapper(void *arg)
{
	struct chain *c = arg;
	u64 i, v;
	int err;

	pin_to(1);
	for (i = 1;; i++) {
		wait_for(&c->go, i);
		if (atomic_load(&c->over))
			return NULL;
		probe_load(c->r.base, &v);
		err = vu_unmap(c->r.fd, c->r.base, NULL);
		EXPECT(!err || err == -ENOENT, "unmap: %s", strerror(-err));
		EXPECT(probe_load(c->r.base, &v) == PROBE_SEGV,
		       "round %llu: unmap said %s, but there is %llx",
		       (unsigned long long)i, strerror(-err), (unsigned long long)v);
		if (!err)
			atomic_fetch_add(&c->f, 1);
		post(&c->finished, i);
	}
}

static void two_unmappers(u64 size)
{
	struct budget b = budget_of(rounds_for(size, PRESET));
	struct chain c = { 0 };
	pthread_t other;
	u64 i, v, won = 0;
	int err;

	region_rw(&c.r, 1, VPT_STRICT);
	need_size(c.r.fd, size);
	pin_to(0);
	pthread_create(&other, NULL, second_unmapper, &c);
	for (i = 1; budget_left(&b, i - 1); i++) {
		EXPECT(!vu_map(c.r.fd, c.r.base, size, RW, 0), "map");
		post(&c.go, i);
		err = vu_unmap(c.r.fd, c.r.base, NULL);
		EXPECT(!err || err == -ENOENT, "unmap: %s", strerror(-err));
		EXPECT(probe_load(c.r.base, &v) == PROBE_SEGV,
		       "round %llu: unmap said %s, but there is %llx",
		       (unsigned long long)i, strerror(-err), (unsigned long long)v);
		won += !err;
		wait_for(&c.finished, i);
	}
	EXPECT(won + c.f == i - 1, "%llu and %llu unmaps of %llu pages",
	       (unsigned long long)won, (unsigned long long)c.f, (unsigned long long)i - 1);
	end_chain(&c, i);
	pthread_join(other, NULL);
	region_close(&c.r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("unmapped: no stale read", race_unmap),
		EACH_SIZE("read-only: no stale write", race_read_only),
		EACH_SIZE("NX: no stale fetch", race_no_exec),
		EACH_SIZE("writable: no fault any more", race_writable),
		EACH_SIZE("executable: no fault any more", race_exec),
		EACH_SIZE("remapped: no stale read, no gap", race_remap),
		EACH_SIZE("protect leaves no gap", race_no_gap),
		EACH_SIZE("a frame in other use is not seen", race_poison),
		{ "4K: two and three users", three_threads, VPT_4K, 0 },
		{ "2M: two and three users", three_threads, VPT_2M, 0 },
		{ "4K: ranges of 5 pages", ranges, 5, 0 },
		{ "4K: ranges of 40 pages", ranges, 40, 0 },
		{ "2M: ranges of 2 pages", huge_ranges, 2, 0 },
		{ "4K: munmap and MAP_FIXED", munmaps, VPT_4K, 0 },
		{ "2M: munmap and MAP_FIXED", munmaps, VPT_2M, 0 },
		{ "4K: users that change CPU", wanderers, VPT_4K, 0 },
		{ "2M: users that change CPU", wanderers, VPT_2M, 0 },
		{ "4K: told at second hand", told_at_second_hand, VPT_4K, 0 },
		{ "2M: told at second hand", told_at_second_hand, VPT_2M, 0 },
		{ "4K: two unmappers", two_unmappers, VPT_4K, 0 },
		{ "2M: two unmappers", two_unmappers, VPT_2M, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
