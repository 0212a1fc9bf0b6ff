// SPDX-License-Identifier: GPL-2.0
/*
 * A call whose answer could not be delivered is not done: the struct lies in what the
 * call would take away.  Elsewhere in the region it is as good as anywhere.  And REMAP, which
 * needs a frame of the page's size, answers although the size changes meanwhile.
 */
#include "lib/guest.h"

#include <linux/mempolicy.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define ATTEMPTS	5	/* where a busy machine brings the split too early, or too late */

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/* A struct at @at, in a page that is mapped. */
static struct vpt_page *page_at(char *at, char *addr, u32 prot)
{
	struct vpt_page *p = (struct vpt_page *)at;

	*p = (struct vpt_page){ .argsz = sizeof(*p), .addr = (u64)addr, .prot = prot };
	return p;
}

static struct vpt_range *range_at(char *at, char *addr, u64 bytes, u32 prot)
{
	struct vpt_range *r = (struct vpt_range *)at;

	*r = (struct vpt_range){ .argsz = sizeof(*r), .addr = (u64)addr,
				 .length = bytes, .prot = prot };
	return r;
}

/* Nothing was done: the page is there, can be written, and holds what it held. */
static void expect_untouched(struct region *r, char *va, u64 frame, const char *what)
{
	struct vpt_page now;

	EXPECT(!vu_resolve(r->fd, va, &now), "%s: the page has gone", what);
	EXPECT(now.frame == frame && now.prot == RW, "%s: frame %llu, prot %u", what,
	       now.frame, now.prot);
	EXPECT(!probe_store(va + VPT_4K - 8, 1), "%s: a store", what);
	expect_sound(r->fd, what);
}

/* The struct at @at, which overlaps the page at @va. */
static void one_place(struct region *r, char *va, u64 size, char *at, u64 frame)
{
	struct {
		const char *name;
		unsigned long request;
		u32 prot;
	} single[] = {
		{ "UNMAP", VPT_IOC_UNMAP, 0 }, { "REMAP", VPT_IOC_REMAP, 0 },
		{ "PROTECT", VPT_IOC_PROTECT, VPT_READ },
	};
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(single); i++) {
		err = call(r->fd, single[i].request, page_at(at, va, single[i].prot));
		EXPECT(err == -EFAULT, "%s: %s", single[i].name, strerror(-err));
		expect_untouched(r, va, frame, single[i].name);
	}
	err = call(r->fd, VPT_IOC_UNMAP_RANGE, range_at(at, va, size, 0));
	EXPECT(err == -EFAULT, "UNMAP_RANGE: %s", strerror(-err));
	expect_untouched(r, va, frame, "UNMAP_RANGE");
	err = call(r->fd, VPT_IOC_PROTECT_RANGE, range_at(at, va, size, VPT_READ));
	EXPECT(err == -EFAULT, "PROTECT_RANGE: %s", strerror(-err));
	expect_untouched(r, va, frame, "PROTECT_RANGE");
	/* Rights that leave the answer a place. */
	err = call(r->fd, VPT_IOC_PROTECT, page_at(at, va, RW));
	EXPECT(!err, "PROTECT to the same rights: %s", strerror(-err));
	err = call(r->fd, VPT_IOC_PROTECT_RANGE, range_at(at, va, size, RW));
	EXPECT(!err, "PROTECT_RANGE to the same rights: %s", strerror(-err));
}

static void not_done(u32 flags, u64 size)
{
	struct region r;
	u64 frame;
	char *va;

	region_rw(&r, 2, flags);
	need_size(r.fd, size);
	va = r.base + (size == VPT_1G ? VPT_1G : 2 * VPT_2M);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
	/* REMAP takes another one. */
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, va, size, RW, frame), "map");
	REQUIRE(!vu_map(r.fd, va - VPT_4K, VPT_4K, RW, 0), "map before");
	one_place(&r, va, size, va, frame);
	one_place(&r, va, size, va + size - sizeof(struct vpt_range), frame);
	/* The first bytes are before the page, the last ones in it. */
	one_place(&r, va, size, va - sizeof(u64), frame);
	/* Right before it: the answer is written. */
	EXPECT(!call(r.fd, VPT_IOC_UNMAP,
		     page_at(va - sizeof(struct vpt_page), va, 0)), "UNMAP from before");
	EXPECT(((struct vpt_page *)(va - sizeof(struct vpt_page)))->frame == frame,
	       "the answer");
	EXPECT(vu_resolve(r.fd, va, NULL) == -ENOENT, "the page is still there");
	expect_sound(r.fd, "unmapped");
	region_close(&r);
}

static void not_done_strict(u64 size)
{
	not_done(VPT_STRICT, size);
}

static void not_done_demand(u64 size)
{
	not_done(0, size);
}

/* A page at one place that is of 4 KiB and of 2 MiB in turn. */
struct changing {
	struct region r;
	u64 frame[2];
};

static void change_size(void *arg)
{
	static const u64 sizes[] = { VPT_4K, VPT_2M };
	struct changing *c = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT(!vu_map(c->r.fd, c->r.base, sizes[i], RW, c->frame[i]), "map");
		/* About as long as REMAP takes to clear a frame. */
		usleep(500);
		EXPECT(!vu_unmap(c->r.fd, c->r.base, NULL), "unmap");
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void remap_answers(u64 unused)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct sigaction noted = { .sa_handler = on_alarm };	/* not SA_RESTART */
	struct budget b = budget_of(20000);
	struct beside beside = { 0 };
	u64 n, found = 0, absent = 0;
	struct changing c;

	(void)unused;
	region_rw(&c.r, 1, VPT_STRICT);
	need_size(c.r.fd, VPT_2M);
	REQUIRE(!vu_frame_alloc(c.r.fd, VPT_4K, &c.frame[0]) &&
		!vu_frame_alloc(c.r.fd, VPT_2M, &c.frame[1]), "FRAME_ALLOC");
	REQUIRE(!sigaction(SIGALRM, &noted, NULL), "sigaction");
	beside_begin(&beside, change_size, &c);
	setitimer(ITIMER_REAL, &often, NULL);
	for (n = 0; budget_left(&b, n); n++) {
		int err = vu_remap(c.r.fd, c.r.base, 0, NULL);

		found += !err;
		absent += err == -ENOENT;
		if (!EXPECT(!err || err == -ENOENT, "REMAP: %s", strerror(-err)))
			break;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	beside_end(&beside);
	EXPECT(found, "no REMAP has met a page");
	note("%llu REMAPs, %llu without a page", (unsigned long long)found,
	     (unsigned long long)absent);
	expect_sound(c.r.fd, "in the end");
	region_close(&c.r);
}

/* A page of 1 GiB that Linux has split while REMAP clears a frame for it. */
struct split {
	struct region r;
	u64 delay;		/* microseconds */
	u64 begun;		/* now_ns() */
};

static void *split_soon(void *arg)
{
	struct split *s = arg;

	usleep(s->delay);
	s->begun = now_ns();
	syscall(SYS_mbind, s->r.base, s->r.bytes, MPOL_LOCAL, NULL, 0, MPOL_MF_STRICT);
	return NULL;
}

static void expect_remapped(const struct region *r)
{
	struct vpt_page now = { 0 };

	EXPECT(!vu_resolve(r->fd, r->base, &now) && now.page_size == VPT_2M, "the page after it");
	EXPECT(*(u64 *)r->base == 0 && *(u64 *)(r->base + VPT_2M) == 5, "the data: %llu, %llu",
	       (unsigned long long)*(u64 *)r->base,
	       (unsigned long long)*(u64 *)(r->base + VPT_2M));
}

/* Return: whether the split came when REMAP had begun, and before its end. */
static bool attempt_split(struct split *s, u64 frame)
{
	const struct region *r = &s->r;
	struct vpt_page old = { 0 };
	pthread_t thread;
	bool amid;
	u64 begun;
	int err;

	REQUIRE(!vu_map(r->fd, r->base, VPT_1G, RW, frame), "map");
	*(u64 *)r->base = *(u64 *)(r->base + VPT_2M) = 5;
	REQUIRE(!pthread_create(&thread, NULL, split_soon, s), "pthread_create");
	begun = now_ns();
	err = vu_remap(r->fd, r->base, 0, &old);
	pthread_join(thread, NULL);
	REQUIRE(!err, "REMAP: %s", strerror(-err));
	amid = s->begun > begun && old.page_size == VPT_2M;
	if (amid)
		expect_remapped(r);
	expect_sound(r->fd, "in the end");
	REQUIRE(!vu_unmap_range(r->fd, r->base, r->bytes, NULL), "unmap");
	return amid;
}

/* One that was unmapped is free soon. */
static void await_frame(int fd)
{
	unsigned int n;

	for (n = 0; n < 1000 && !have_size(fd, VPT_1G); n++)
		usleep(10000);
}

static void remap_of_a_page_that_is_split(u64 unused)
{
	struct split s;
	unsigned int n;
	u64 frame;

	(void)unused;
	region_rw(&s.r, 1, VPT_STRICT);
	need_size(s.r.fd, VPT_1G);
	REQUIRE(!vu_frame_alloc(s.r.fd, VPT_1G, &frame), "FRAME_ALLOC");
	need_size(s.r.fd, VPT_1G);
	for (n = 0; n < ATTEMPTS; n++) {
		s.delay = 20000 >> n;
		if (attempt_split(&s, frame))
			break;
		await_frame(s.r.fd);
	}
	EXPECT(n < ATTEMPTS, "no split came while REMAP was clearing a frame");
	region_close(&s.r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("strict: without a place for the answer nothing is done",
			  not_done_strict),
		EACH_SIZE("demand: without a place for the answer nothing is done",
			  not_done_demand),
		{ "REMAP answers, though the page's size changes all the time", remap_answers, 0, 0 },
		{ "1G: a page that is split under REMAP is remapped", remap_of_a_page_that_is_split,
		  0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
