// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads at once, each of which knows what its own memory must hold: on
 * one region, on several, beside neighbours in the same tables, and with every
 * call that walks the tables going on meanwhile.
 */
#include "lib/churn.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define MAX_THREADS	8

static _Atomic u64 stop;
static struct region region;
static bool strict;
static bool vmas_split;	/* by a thread beside */

struct worker {
	pthread_t thread;
	struct region *r;
	u64 offset;
	u64 stream;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct budget b = budget_of(3000);
	struct slice s;
	u64 i;

	churn_init(&s, w->r, w->offset, strict, w->stream);
	s.vmas_split = vmas_split;
	for (i = 0; budget_left(&b, i); i++)
		churn(&s);
	churn_verify(&s);
	return NULL;
}

static void start(struct worker *w, struct region *r, u64 offset, u64 stream)
{
	*w = (struct worker) { .r = r, .offset = offset, .stream = stream };
	pthread_create(&w->thread, NULL, work, w);
}

/* Slices side by side, sharing PDs; the last straddles a GiB boundary. */
static void one_region(u64 is_strict)
{
	struct worker w[MAX_THREADS];
	struct vpt_stats s;
	unsigned int i;

	strict = is_strict;
	region_rw(&region, 2, strict ? VPT_STRICT : 0);
	for (i = 0; i < MAX_THREADS; i++)
		start(&w[i], &region, i < MAX_THREADS - 1 ? i * CHURN_BYTES :
		      VPT_1G - CHURN_BYTES / 2, i);
	for (i = 0; i < MAX_THREADS; i++)
		pthread_join(w[i].thread, NULL);
	expect_sound(region.fd, "all threads done");
	EXPECT(!vu_unmap_range(region.fd, region.base, region.bytes, NULL), "unmap all");
	vu_stats(region.fd, &s);
	EXPECT(!s.mapped_bytes && !s.frames, "%llu bytes, %llu frames are left",
	       s.mapped_bytes, s.frames);
	region_close(&region);
}

/* Regions of one process, side by side in one PDPT, and each with two threads. */
static void several_regions(u64 unused)
{
	static struct region r[4];
	struct worker w[8];
	unsigned int i;

	(void)unused;
	strict = true;
	for (i = 0; i < 4; i++)
		region_open_at(&r[i], (char *)0x200000000000 + i * VPT_1G, 1, VPT_STRICT);
	for (i = 0; i < 8; i++)
		start(&w[i], &r[i / 2], i % 2 ? 0 : VPT_1G - CHURN_BYTES, i);
	for (i = 0; i < 8; i++)
		pthread_join(w[i].thread, NULL);
	for (i = 0; i < 4; i++) {
		expect_sound(r[i].fd, "one of four regions");
		region_close(&r[i]);
	}
}

/* Anonymous memory of another thread beside the region, or in a hole of it. */
struct neighbour {
	pthread_t thread;
	char *at;
	u64 bytes;
	u64 rounds;
};

static void *live_beside(void *arg)
{
	struct neighbour *n = arg;
	u64 i, v = 0;

	while (!atomic_load(&stop) || n->rounds < 4) {
		char *p = mmap(n->at, n->bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (!EXPECT(p == n->at, "mmap at %p: %s", (void *)n->at, strerror(errno)))
			break;
		for (i = 0; i < n->bytes; i += 37 * VPT_4K)
			EXPECT(!probe_store(p + i, (u64)p + i), "store beside");
		for (i = 0; i < n->bytes; i += 37 * VPT_4K)
			EXPECT(!probe_load(p + i, &v) && v == (u64)p + i, "load beside");
		EXPECT(!munmap(p, n->bytes), "munmap");
		n->rounds++;
	}
	return NULL;
}

static void neighbours(u64 unused)
{
	char *at = (char *)0x200000000000 + 8 * VPT_1G;
	struct neighbour n[3] = {
		{ .at = at - 3 * VPT_2M, .bytes = 3 * VPT_2M },
		{ .at = at + 2 * VPT_1G, .bytes = 3 * VPT_2M },
		{ .at = at + VPT_1G - 2 * VPT_4K, .bytes = VPT_2M },
	};
	struct worker w[4];
	unsigned int i;

	(void)unused;
	need_cuts();
	strict = true;
	region_open_at(&region, at, 2, VPT_STRICT);
	EXPECT(!munmap(n[2].at, n[2].bytes), "munmap of a hole");
	for (i = 0; i < 3; i++)
		pthread_create(&n[i].thread, NULL, live_beside, &n[i]);
	/* At the region's ends and on both sides of the hole. */
	start(&w[0], &region, 0, 0);
	start(&w[1], &region, region.bytes - CHURN_BYTES, 1);
	start(&w[2], &region, VPT_1G - VPT_2M - CHURN_BYTES, 2);
	start(&w[3], &region, VPT_1G + VPT_2M, 3);
	for (i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
	atomic_store(&stop, 1);
	for (i = 0; i < 3; i++)
		pthread_join(n[i].thread, NULL);
	expect_sound(region.fd, "beside neighbours");
	region_close(&region);
}

/* Calls that walk or pin while tables come and go; their answers do not matter. */
static void *walk_tables(void *arg)
{
	static unsigned char vec[VPT_1G / VPT_4K];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY), pipes[2];
	char buffer[4096], room[64];
	struct rng rng = rng_of(99);
	u64 n = 0;

	(void)arg;
	if (pipe2(pipes, O_NONBLOCK))
		return NULL;
	while (!atomic_load(&stop) || n < 10) {
		char *at = region.base + rng_below(&rng, 4 * CHURN_BYTES / VPT_4K) * VPT_4K;
		struct iovec local = { room, sizeof(room) }, remote = { at, sizeof(room) };

		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		if (vmsplice(pipes[1], &remote, 1, SPLICE_F_NONBLOCK) > 0 &&
		    read(pipes[0], buffer, sizeof(buffer)) < 0)
			break;
		mincore(at, VPT_4K * 64, vec);
		madvise(at, VPT_4K, rng_below(&rng, 26));
		if (n++ % 16 == 0 && pread(fd, buffer, sizeof(buffer), 0) < 0)
			break;
		if (n % 64 == 0)
			syscall(SYS_mbind, region.base, VPT_1G, 0, NULL, 0, 2);
	}
	EXPECT(n >= 10, "a walk has failed");
	close(fd);
	return NULL;
}

static void *check_all_the_time(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		expect_sound(region.fd, "while others work");
		relax();
	}
	return NULL;
}

static void walkers(u64 unused)
{
	pthread_t walker, checker;
	struct worker w[4];
	unsigned int i;

	(void)unused;
	strict = true;
	vmas_split = true;
	region_rw(&region, 2, VPT_STRICT);
	pthread_create(&walker, NULL, walk_tables, NULL);
	pthread_create(&checker, NULL, check_all_the_time, NULL);
	for (i = 0; i < 4; i++)
		start(&w[i], &region, i * CHURN_BYTES, i);
	for (i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
	atomic_store(&stop, 1);
	pthread_join(walker, NULL);
	pthread_join(checker, NULL);
	region_close(&region);
}

/* Threads that touch the same untouched pages: one frame each, one value. */
static u64 touched_pages;
static _Atomic u64 touchers;

static void *touch_same(void *arg)
{
	u64 i;

	(void)arg;
	touchers++;
	wait_for(&touchers, 4);
	for (i = 0; i < touched_pages; i++)
		atomic_fetch_add((_Atomic u64 *)(region.base + i * 3 * VPT_4K), 1);
	return NULL;
}

static void same_pages(u64 unused)
{
	pthread_t threads[4];
	struct vpt_stats s;
	u64 i, v;

	(void)unused;
	touched_pages = paced(4000);
	region_rw(&region, 1, 0);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, touch_same, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < touched_pages; i++)
		EXPECT(!probe_load(region.base + i * 3 * VPT_4K, &v) && v == 4,
		       "page %llu holds %llu", (unsigned long long)i,
		       (unsigned long long)v);
	vu_stats(region.fd, &s);
	EXPECT(s.leaves[0] == touched_pages && s.frames == touched_pages &&
	       s.faults == touched_pages, "%llu leaves, %llu frames, %llu faults",
	       s.leaves[0], s.frames, s.faults);
	expect_sound(region.fd, "all touched");
	region_close(&region);
}

/*
 * A touch, for which 6.1 links a PD before it asks vpt, and a MAP, for which the core
 * links one, at the same moment in the same GiB, where nothing is yet.
 */
#define FRESH_GIBS	256

static _Atomic u64 fresh_go, fresh_done;

static char *fresh_at(u64 i)
{
	return region.base + i % FRESH_GIBS * VPT_1G;
}

static void *touch_fresh(void *arg)
{
	u64 i;

	(void)arg;
	pin_to(1);
	for (i = 1; !atomic_load(&stop); i++) {
		while (atomic_load(&fresh_go) < i && !atomic_load(&stop))
			if (cpus() == 1)
				relax();
		if (!atomic_load(&stop))
			EXPECT(!probe_store(fresh_at(i), i), "touch");
		atomic_store(&fresh_done, i);
	}
	return NULL;
}

static void both_link(u64 unused)
{
	struct budget b = budget_of(5000);
	struct rng rng = rng_of(1);
	pthread_t other;
	u64 i, n, v;

	(void)unused;
	region_rw(&region, FRESH_GIBS, 0);
	pin_to(0);
	pthread_create(&other, NULL, touch_fresh, NULL);
	for (i = 1; budget_left(&b, i - 1); i++) {
		atomic_store(&fresh_go, i);
		for (n = rng_below(&rng, 2000); n; n--)
			__asm__ volatile("");
		EXPECT(!vu_map(region.fd, fresh_at(i) + VPT_2M, VPT_4K, RW, 0), "map");
		while (atomic_load(&fresh_done) < i)
			if (cpus() == 1)
				relax();
		EXPECT(!vu_resolve(region.fd, fresh_at(i), NULL), "what was touched is gone");
		EXPECT(!probe_load(fresh_at(i), &v) && v == i, "it holds %llu, not %llu",
		       (unsigned long long)v, (unsigned long long)i);
		EXPECT(!vu_resolve(region.fd, fresh_at(i) + VPT_2M, NULL),
		       "what was mapped is gone");
		EXPECT(!vu_unmap_range(region.fd, fresh_at(i), VPT_1G, NULL), "unmap");
	}
	atomic_store(&stop, 1);
	pthread_join(other, NULL);
	expect_sound(region.fd, "afterwards");
	region_close(&region);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "eight threads on one strict region", one_region, 1, 300 },
		{ "eight threads on one demand region", one_region, 0, 300 },
		{ "eight threads on four regions", several_regions, 0, 300 },
		{ "four threads beside neighbours in shared tables", neighbours, 0, 300 },
		{ "four threads while others walk the tables", walkers, 0, 300 },
		{ "four threads touch the same pages", same_pages, 0, 0 },
		{ "a touch and a MAP link tables at the same place", both_link, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
