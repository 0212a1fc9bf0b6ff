// SPDX-License-Identifier: GPL-2.0
/*
 * Threads on one region at the same time: in neighbouring PTs, in one PT, in PDs that come and go,
 * beside operations that need all of the region, and killed.  With check=off: where operations are
 * checked they run one after the other.
 */
#include "lib/guest.h"

#include <signal.h>
#include <sys/wait.h>

#define THREADS		4

static struct region r;

/* How many of the threads have begun, and have ended; the parent sees it, too. */
static struct progress {
	_Atomic u64 begun;
	_Atomic u64 ended;
} *progress;

/**
 * struct worker - a thread, and which pages are its own
 * @first: offset of its first
 * @stride: and of each next from the one before
 * @pages: how many
 * @huge: each is in a span of its own, and is sometimes a 2 MiB page
 * @number: from 1 on
 * @lives: how many of its pages have come and gone, of either size
 * @huge_lives: of 2 MiB
 */
struct worker {
	pthread_t thread;
	u64 first;
	u64 stride;
	unsigned int pages;
	bool huge;
	u64 number;
	u64 lives;
	u64 huge_lives;
};

static bool all_at_work(void)
{
	return progress->begun == THREADS && !progress->ended;
}

static bool refused(char *va, bool write)
{
	u64 value;

	return (write ? probe_store(va, 0) : probe_load(va, &value)) == PROBE_SEGV;
}

/* One life of a page. */
static void live(struct worker *w, char *va, u64 round)
{
	const u64 size = w->huge && round % 64 == 3 ? VPT_2M : VPT_4K;
	const u64 tag = w->number << 48 | round;
	struct vpt_page found;
	u64 value = 1;
	int ret;

	ret = vu_map(r.fd, va, size, RW, 0);
	if (size == VPT_2M && ret == -ENOMEM)
		return;
	if (!EXPECT(!ret, "map of %llx: %s", (unsigned long long)(va - r.base),
		    strerror(-ret)))
		return;
	EXPECT(!probe_load(va, &value) && !value, "a fresh page holds %llx",
	       (unsigned long long)value);
	EXPECT(!probe_store(va, tag), "store");
	EXPECT(!vu_protect(r.fd, va, VPT_READ, NULL), "protect");
	EXPECT(refused(va, true), "a store to a page that is read-only");
	EXPECT(!probe_load(va, &value) && value == tag, "load: %llx, not %llx",
	       (unsigned long long)value, (unsigned long long)tag);
	EXPECT(!vu_resolve(r.fd, va, &found) && found.addr == (u64)va &&
	       found.page_size == size && found.prot == VPT_READ, "resolve");
	if (round % 4 == 1) {
		EXPECT(!vu_remap(r.fd, va, 0, NULL), "remap");
		EXPECT(!probe_load(va, &value) && !value, "a page that was replaced");
	}
	ret = vu_unmap(r.fd, va, NULL);
	EXPECT(!ret, "unmap: %s", strerror(-ret));
	EXPECT(refused(va, false), "a load from a page that is gone");
	w->lives++;
	w->huge_lives += size == VPT_2M;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct budget b;
	u64 i;

	progress->begun++;
	wait_for(&progress->begun, THREADS);
	b = budget_of(4000);
	for (i = 0; budget_left(&b, i); i++)
		live(w, r.base + w->first + i % w->pages * w->stride, i);
	progress->ended++;
	EXPECT(w->lives > w->huge_lives && (!w->huge || w->huge_lives),
	       "thread %llu: %llu pages, %llu of them of 2 MiB", (unsigned long long)w->number,
	       (unsigned long long)w->lives, (unsigned long long)w->huge_lives);
	return NULL;
}

/* Together: each begins when all are there, and does as much as fits in the same time. */
static void work_all(struct worker *workers)
{
	unsigned int i;

	progress->begun = progress->ended = 0;
	for (i = 0; i < THREADS; i++) {
		workers[i].number = i + 1;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void expect_empty(void)
{
	struct vpt_stats s;

	expect_sound(r.fd, "in the end");
	EXPECT(!vu_stats(r.fd, &s), "stats");
	EXPECT(!s.mapped_bytes && !s.frames && !s.handles, "%llu bytes, %llu frames are left",
	       s.mapped_bytes, s.frames);
}

enum layout {
	NEIGHBOURS,	/* a page each, in PTs side by side: PTs and the PD come and go */
	ONE_PT,
	TWO_PDS,	/* all of them in each */
	HUGE,		/* comes last: not every kernel has such pages */
};

static void lay_out(struct worker *w, enum layout layout, u64 i)
{
	switch (layout) {
	case NEIGHBOURS:
		*w = (struct worker){ .first = i * VPT_2M, .pages = 1 };
		break;
	case ONE_PT:
		*w = (struct worker){ .first = i * VPT_4K, .stride = THREADS * VPT_4K,
				      .pages = 512 / THREADS };
		break;
	case TWO_PDS:
		*w = (struct worker){ .first = VPT_1G - 2 * VPT_2M + i * VPT_2M,
				      .stride = VPT_1G, .pages = 2 };
		break;
	case HUGE:
		*w = (struct worker){ .first = i * VPT_2M, .stride = THREADS * VPT_2M,
				      .pages = 4, .huge = true };
		break;
	}
}

static void threads(u64 layout)
{
	struct worker workers[THREADS];
	unsigned int i;

	region_rw(&r, 3, VPT_STRICT);
	if (layout == HUGE)
		need_size(r.fd, VPT_2M);
	for (i = 0; i < THREADS; i++)
		lay_out(&workers[i], layout, i);
	work_all(workers);
	expect_empty();
	region_close(&r);
}

/* What others do while all workers are at work, and how often. */

/* A frame with a handle, mapped in the workers' spans and one more, and freed meanwhile. */
static void frames_round(void *met)
{
	char *va = r.base + VPT_2M / 2;
	u64 handle, i, found = 0;

	if (!all_at_work())
		return;
	if (!EXPECT(!vu_frame_alloc(r.fd, VPT_4K, &handle), "a frame"))
		return;
	for (i = 0; i < THREADS + 1; i++)
		EXPECT(!vu_map(r.fd, va + i * VPT_2M, VPT_4K, RW, handle), "map a handle");
	/* Beside the workers' pages, some of which are there. */
	for (i = 0; i < THREADS; i++)
		found += !vu_resolve(r.fd, r.base + i * VPT_2M, NULL);
	EXPECT(!probe_store(va, handle), "store");
	EXPECT(!vu_remap(r.fd, va, 0, NULL), "remap");
	EXPECT(!vu_frame_free(r.fd, handle), "free a handle");
	for (i = 0; i < THREADS + 1; i++)
		EXPECT(!vu_unmap(r.fd, va + i * VPT_2M, NULL), "unmap a handle's frame");
	*(u64 *)met += found && all_at_work();
}

/* A page of the part that goes next, and then the part. */
static void munmap_round(void *met)
{
	const u64 part = can_cut() ? 5 * VPT_2M : VPT_1G;

	if (!all_at_work() || r.bytes <= 2 * VPT_1G)
		return;
	r.bytes -= part;
	EXPECT(!vu_map(r.fd, r.base + r.bytes, VPT_4K, RW, 0), "map what will be cut off");
	EXPECT(!munmap(r.base + r.bytes, part), "munmap: %s", strerror(errno));
	*(u64 *)met += all_at_work();
}

static void sweeps_round(void *met)
{
	if (!all_at_work())
		return;
	EXPECT(!vu_unmap_range(r.fd, r.base + VPT_1G, 64 * VPT_2M, NULL), "unmap a range");
	EXPECT(!vu_map_range(r.fd, r.base + VPT_1G, VPT_2M + 16 * VPT_4K, VPT_4K, RW,
			      NULL), "map a range");
	EXPECT(!vu_protect_range(r.fd, r.base + VPT_1G, VPT_2M, VPT_READ, NULL),
	       "protect a range");
	EXPECT(!vu_unmap_range(r.fd, r.base + VPT_1G, 64 * VPT_2M, NULL), "unmap a range");
	*(u64 *)met += all_at_work();
}

static void wide_operations(u64 unused)
{
	static void (*const round[])(void *met) = { frames_round, munmap_round, sweeps_round };
	u64 met[ARRAY_SIZE(round)] = { 0 };
	struct beside beside[ARRAY_SIZE(round)];
	struct worker workers[THREADS];
	unsigned int i;

	(void)unused;
	region_rw(&r, 8, VPT_STRICT);
	for (i = 0; i < THREADS; i++)
		lay_out(&workers[i], NEIGHBOURS, i);
	progress->begun = 0;
	for (i = 0; i < ARRAY_SIZE(round); i++)
		beside_begin(&beside[i], round[i], &met[i]);
	work_all(workers);
	for (i = 0; i < ARRAY_SIZE(round); i++)
		beside_end(&beside[i]);
	note("%llu frames, %llu cuts and %llu sweeps while all were at work",
	     (unsigned long long)met[0], (unsigned long long)met[1],
	     (unsigned long long)met[2]);
	EXPECT(met[0] && met[1] && met[2], "they have not met");
	expect_empty();
	region_close(&r);
}

static void killed(u64 unused)
{
	const unsigned int layouts = linux_has_huge_pages() ? HUGE + 1 : HUGE;
	unsigned int n;
	int status = 0;
	pid_t child, ended = 0;

	(void)unused;
	for (n = 0; n < 8; n++) {
		progress->begun = progress->ended = ended = 0;
		child = must_fork();
		while (!child)
			threads(n % layouts);
		while (!all_at_work() && !(ended = waitpid(child, &status, WNOHANG)))
			usleep(1000);
		if (!ended) {
			usleep(5000 * (n + 1));
			kill(child, SIGKILL);
			ended = waitpid(child, &status, 0);
		}
		EXPECT(ended == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		       "status %x", status);
	}
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "threads in neighbouring PTs, which come and go", threads, NEIGHBOURS, 0 },
		{ "threads in one PT", threads, ONE_PT, 0 },
		{ "threads in two PDs, which come and go", threads, TWO_PDS, 0 },
		{ "threads with pages of both sizes", threads, HUGE, 0 },
		{ "threads beside operations on all spans", wide_operations, 0, 0 },
		{ "threads that are killed", killed, 0, 0 },
	};

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 1;
	return run_unchecked(argc, argv, properties, ARRAY_SIZE(properties));
}
