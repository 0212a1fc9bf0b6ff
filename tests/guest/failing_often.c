// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of calls by several threads while one allocation of a few fails, on kernels with
 * fault injection: what a call says is what it has done, and nothing is lost. Each
 * failure by itself, one after the other: failing_memory.
 */
#include "lib/failures.h"

#include <fcntl.h>
#include <pthread.h>

#define WORKERS	4
#define PLACES	12		/* of 4 KiB, for each worker */
#define RUN	8		/* pages of a range */
#define PERCENT	15		/* of allocations that fail */
#define CALLS	4000		/* of each worker, at most */

struct place {
	char *at;
	u64 size;
	u32 prot;		/* 0: nothing is mapped */
	u64 value;
};

/* One thread, and what it knows of memory that only it uses, in tables that all use. */
struct worker {
	pthread_t thread;
	struct region *r;
	struct rng rng;
	struct place page[PLACES];
	struct place huge;
	struct place run;	/* of RUN pages, mapped and unmapped by ranges */
	u64 handle;		/* 0: none */
	int fd;			/* make-it-fail */
	u64 refused;		/* calls that got no memory */
	u64 calls;
};

/* @w issues a call whose allocations may fail.  Return: whether it was done. */
#define TRY(call, want, at)						\
	({								\
		int err_;						\
									\
		failures_set(w->fd, 1);					\
		err_ = (call);						\
		failures_set(w->fd, 0);					\
		answered(w, err_, (want), #call, (at));			\
	})

static bool answered(struct worker *w, int err, int want, const char *call, const void *at)
{
	w->calls++;
	if (err == -ENOMEM)
		w->refused++;
	else
		EXPECT(err == want, "%s at %p: %s, expected %s", call, at, strerror(-err),
		       strerror(-want));
	return !err;
}

/* Memory is as the worker knows it, with no failures. */
static void look(struct worker *w, struct place *p)
{
	struct vpt_page page = { 0 };
	int err = vu_resolve(w->r->fd, p->at, &page);
	u64 v = 0;

	if (!EXPECT(err == (p->prot ? 0 : -ENOENT), "RESOLVE %p: %s", (void *)p->at,
		    strerror(-err)) || err)
		return;
	EXPECT(page.prot == p->prot, "%p: prot %x, not %x", (void *)p->at, page.prot, p->prot);
	EXPECT(!probe_load(p->at, &v) && v == p->value, "%p holds %llx, not %llx",
	       (void *)p->at, (unsigned long long)v, (unsigned long long)p->value);
	if (!(p->prot & VPT_WRITE))
		return;
	p->value = rng_next(&w->rng);
	EXPECT(!probe_store(p->at, p->value), "store to %p", (void *)p->at);
}

static void map_or_unmap(struct worker *w, struct place *p)
{
	u32 prot = rng_below(&w->rng, 4) ? RW : VPT_READ;

	if (p->prot) {
		if (TRY(vu_unmap(w->r->fd, p->at, NULL), 0, p->at))
			p->prot = 0;
	} else if (TRY(vu_map(w->r->fd, p->at, p->size, prot, 0), 0, p->at)) {
		p->prot = prot;
		p->value = 0;
	}
}

static void protect(struct worker *w, struct place *p)
{
	u32 prot = rng_below(&w->rng, 2) ? RW : VPT_READ;

	if (TRY(vu_protect(w->r->fd, p->at, prot, NULL), p->prot ? 0 : -ENOENT, p->at))
		p->prot = prot;
}

/* A new frame, which is zero. */
static void remap(struct worker *w, struct place *p)
{
	if (TRY(vu_remap(w->r->fd, p->at, 0, NULL), p->prot ? 0 : -ENOENT, p->at))
		p->value = 0;
}

static void use_range(struct worker *w)
{
	struct place *p = &w->run;
	u64 bytes = RUN * VPT_4K;

	if (!p->prot) {
		if (TRY(vu_map_range(w->r->fd, p->at, bytes, VPT_4K, RW, NULL), 0, p->at))
			*p = (struct place) { .at = p->at, .prot = RW };
	} else if (rng_below(&w->rng, 2)) {
		if (TRY(vu_protect_range(w->r->fd, p->at, bytes, VPT_READ, NULL), 0, p->at))
			p->prot = VPT_READ;
	} else if (TRY(vu_unmap_range(w->r->fd, p->at, bytes, NULL), 0, p->at)) {
		p->prot = 0;
	}
}

static void use_handle(struct worker *w)
{
	u64 frame = 0;

	if (!w->handle) {
		if (TRY(vu_frame_alloc(w->r->fd, VPT_4K, &frame), 0, NULL))
			w->handle = frame;
	} else if (TRY(vu_frame_free(w->r->fd, w->handle), 0, NULL)) {
		w->handle = 0;
	}
}

/* A file of one's own: opened, mapped, touched, cut and closed. */
static void use_file(struct worker *w)
{
	char *p = MAP_FAILED;
	int fd;

	failures_set(w->fd, 1);
	fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		p = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		vu_map(fd, p + VPT_2M, VPT_4K, RW, 0);
		munmap(p, VPT_2M);
	}
	failures_set(w->fd, 0);
	w->refused += fd < 0 || p == MAP_FAILED;
	w->calls++;
	if (p != MAP_FAILED)
		EXPECT(!munmap(p, VPT_1G), "munmap: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void one_call(struct worker *w)
{
	struct place *p = &w->page[rng_below(&w->rng, PLACES)];

	switch (rng_below(&w->rng, 16)) {
	case 0:
		p = &w->huge;
		map_or_unmap(w, p);
		break;
	case 1 ... 3:
		p = &w->run;
		use_range(w);
		break;
	case 4:
		use_handle(w);
		break;
	case 5:
		protect(w, p);
		break;
	case 6 ... 8:
		remap(w, p);
		break;
	case 9:
		if (!rng_below(&w->rng, 8))
			use_file(w);
		break;
	default:
		map_or_unmap(w, p);
	}
	look(w, p);
}

static void *work(void *arg)
{
	struct budget b = budget_of(CALLS);
	struct worker *w = arg;
	u64 i;

	w->fd = failures_open("make-it-fail");
	for (i = 0; budget_left(&b, i); i++)
		one_call(w);
	close(w->fd);
	if (w->handle)
		EXPECT(!vu_frame_free(w->r->fd, w->handle), "FRAME_FREE");
	return NULL;
}

/* Pages of all workers lie beside one another: tables are made and reclaimed under all. */
static void settle(struct worker *w, struct region *r, unsigned int n)
{
	unsigned int i;

	*w = (struct worker) { .r = r, .rng = rng_of(n) };
	for (i = 0; i < PLACES; i++)
		w->page[i] = (struct place) {
			.at = r->base + (i / 2) * 64 * VPT_2M + (i % 2 * 500 + n) * VPT_4K,
			.size = VPT_4K,
		};
	w->huge = (struct place) { .at = r->base + (8 + n) * VPT_2M, .size = VPT_2M };
	/* The third worker's lies in two tables. */
	w->run.at = r->base + 40 * VPT_2M - RUN * 5 / 2 * VPT_4K + n * RUN * VPT_4K;
}

static void nothing_is_lost(u64 unused)
{
	int fd = failures_open("make-it-fail");
	u64 calls = 0, refused = 0;
	struct worker w[WORKERS];
	struct vpt_stats s;
	struct region r;
	unsigned int i;

	(void)unused;
	close(fd);
	region_rw(&r, 1, VPT_STRICT);
	failures_often(PERCENT);
	for (i = 0; i < WORKERS; i++) {
		settle(&w[i], &r, i);
		REQUIRE(!pthread_create(&w[i].thread, NULL, work, &w[i]), "thread");
	}
	for (i = 0; i < WORKERS; i++) {
		pthread_join(w[i].thread, NULL);
		calls += w[i].calls;
		refused += w[i].refused;
	}
	failures_often(0);
	note("%llu of %llu calls got no memory", (unsigned long long)refused,
	     (unsigned long long)calls);
	EXPECT(refused > calls / 100, "too few calls got no memory");
	expect_sound(r.fd, "all threads done");
	EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "unmap all");
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	EXPECT(!s.mapped_bytes && !s.frames && !s.handles,
	       "%llu bytes, %llu frames, %llu handles are left", s.mapped_bytes, s.frames,
	       s.handles);
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "calls of which many get no memory do what they say, and nothing is lost",
		  nothing_is_lost, 0, 600 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
