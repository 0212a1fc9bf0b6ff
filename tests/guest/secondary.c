// SPDX-License-Identifier: GPL-2.0
/*
 * Secondary MMUs are told of every translation that goes: after it went, and before
 * the frame behind it is anybody else's.  /dev/watcher plays the secondary MMU, of either
 * kind, and is registered before or after vpt, whose notifier Linux then calls last or
 * first.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "lib/scene.h"

/* enum mmu_notifier_event */
#define NOTIFY_UNMAP		0
#define NOTIFY_CLEAR		1
#define NOTIFY_PROTECTION_PAGE	3

/* A property's argument: an operation, a size, a kind, and who came first. */
#define CASE(how, level, kind, before)	((how) | (level) << 8 | (kind) << 16 | (before) << 24)
#define CASE_HOW(arg)			((enum how)((arg) & 0xff))
#define CASE_SIZE(arg)			(VPT_4K << 9 * (((arg) >> 8 & 0xff) - 1))
#define CASE_KIND(arg)			((arg) >> 16 & 0xff)
#define CASE_BEFORE(arg)		((arg) >> 24 & 1)

static bool five_levels(void)
{
	unsigned int a, b, c, d;
	u64 top = 1UL << 48;

	/* The CPU can, and Linux does: an address above 2^47 may be had. */
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & (1U << 16)))
		return false;
	return mmap((void *)top, VPT_4K, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)top;
}

static void expect_event(const struct scene *s, unsigned int i, enum watcher_call call)
{
	const struct watcher_event *e = &s->events[i];

	EXPECT(e->call == call, "call %u: %u, not %u", i, e->call, call);
	EXPECT(e->start <= (u64)s->r.base && e->end >= (u64)s->r.base + s->size,
	       "call %u: not all of the page is in %#llx..%#llx", i, e->start, e->end);
	EXPECT(e->refs, "call %u: the frame is free already", i);
}

static void expect_copy_told(const struct scene *s, enum how how, bool before)
{
	const u32 event = how == MUNMAP ? NOTIFY_UNMAP :
			  how == PROTECT || how == PROTECT_RANGE ? NOTIFY_PROTECTION_PAGE :
			  NOTIFY_CLEAR;

	if (!EXPECT(s->n == 2, "%u calls, not 2", s->n))
		return;
	expect_event(s, 0, WATCHER_START);
	expect_event(s, 1, WATCHER_END);
	EXPECT(s->events[0].event == event && s->events[1].event == event,
	       "event %u, %u, not %u", s->events[0].event, s->events[1].event, event);
	/* Of munmap() Linux tells the newest notifier first; vpt changes when it is told. */
	EXPECT(scene_changed(s, how, s->events[0].entry) == (how != MUNMAP || before),
	       "at start the entry is %#llx", s->events[0].entry);
	EXPECT(scene_changed(s, how, s->events[1].entry), "at end the entry is %#llx",
	       s->events[1].entry);
}

/* At least one flush comes after the change; munmap()'s own may come besides. */
static void expect_share_told(const struct scene *s, enum how how)
{
	unsigned int i, after = 0;

	for (i = 0; i < s->n; i++) {
		expect_event(s, i, WATCHER_FLUSH);
		after += scene_changed(s, how, s->events[i].entry);
	}
	EXPECT(after, "no flush after the change, of %u", s->n);
}

static void told(u64 arg)
{
	enum how how = CASE_HOW(arg);
	struct vpt_stats stats;
	struct scene s;
	int err;

	scene_open(&s, CASE_SIZE(arg), CASE_KIND(arg), CASE_BEFORE(arg));
	err = scene_operate(&s, how);
	REQUIRE(!err, "operation: %d", err);
	s.n = watched(s.watcher, s.events);
	if (s.kind == WATCHER_COPY)
		expect_copy_told(&s, how, CASE_BEFORE(arg));
	else
		expect_share_told(&s, how);
	REQUIRE(!vu_stats(s.r.fd, &stats), "STATS");
	EXPECT(stats.frames == (how == UNMAP || how == UNMAP_RANGE || how == MUNMAP ? 0 : 1),
	       "%llu frames in use afterwards", stats.frames);
}

/* Adding rights and mapping where nothing was tell nobody. */
static void not_told(u64 size)
{
	struct scene s;

	scene_open(&s, size, WATCHER_COPY, false);
	REQUIRE(!vu_protect(s.r.fd, s.r.base, VPT_READ, NULL), "PROTECT");
	watch(s.watcher, s.r.base, s.phys, s.kind, 0);
	EXPECT(!vu_protect(s.r.fd, s.r.base, RW, NULL), "PROTECT");
	EXPECT(!watched(s.watcher, s.events), "told of rights that were added");
	EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
	watch(s.watcher, s.r.base, s.phys, s.kind, 0);
	EXPECT(!vu_map(s.r.fd, s.r.base, size, RW, 0), "MAP");
	EXPECT(!watched(s.watcher, s.events), "told of a new mapping");
}

/* A 1 GiB MAP that replaces an empty table, which a fault that failed has left. */
static void table_replaced(u64 kind)
{
	struct region empty;
	struct scene s;
	u64 v;

	scene_open(&s, VPT_4K, kind, false);
	region_rw(&empty, 1, VPT_STRICT);
	need_size(empty.fd, VPT_1G);
	/* Else 6.12 asks for a huge page before it links a table. */
	EXPECT(!madvise(empty.base, VPT_1G, MADV_NOHUGEPAGE), "madvise: %s", strerror(errno));
	EXPECT(probe_load(empty.base, &v) == PROBE_SEGV, "a touch in strict mode");
	watch(s.watcher, empty.base, s.phys, kind, 0);
	EXPECT(!vu_map(empty.fd, empty.base, VPT_1G, RW, 0), "MAP");
	s.n = watched(s.watcher, s.events);
	if (kind == WATCHER_COPY)
		EXPECT(s.n == 2 && s.events[0].call == WATCHER_START &&
		       s.events[1].call == WATCHER_END, "%u calls", s.n);
	else
		EXPECT(s.n == 1 && s.events[0].call == WATCHER_FLUSH, "%u calls", s.n);
}

/* Exit: a child's region goes, and every release() comes before its frame is free. */
static void exit_told(u64 before)
{
	struct watcher_event events[SCENE_EVENTS];
	int watcher = module_device("watcher");
	int status;
	unsigned int n;
	pid_t child = must_fork();

	if (!child) {
		struct vpt_page page;
		struct region r;

		if (before)
			watch(watcher, NULL, 0, WATCHER_COPY, 0);
		region_rw(&r, 1, 0);
		*(volatile u64 *)r.base = 1;
		REQUIRE(!vu_resolve(r.fd, r.base, &page), "RESOLVE");
		watch(watcher, r.base, page.phys, WATCHER_COPY, 0);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child && !status, "the child failed");
	n = watched(watcher, events);
	EXPECT(n == 1 && events[0].call == WATCHER_RELEASE && events[0].refs,
	       "%u calls; call %u with %u references", n, events[0].call, events[0].refs);
}

/*
 * What a thread does while a secondary MMU takes its time.  Meanwhile mmap_lock is held,
 * so that threads are created before.
 */

struct slow {
	struct scene *s;
	const char *va;
	enum how how;
	_Atomic u64 go, done;
	pthread_t thread;
};

static void *slow_run(void *arg)
{
	struct slow *w = arg;
	int err;

	wait_for(&w->go, 1);
	if (w->how == REMAP)
		err = vu_remap(w->s->r.fd, w->va, 0, NULL);
	else
		err = vu_unmap_range(w->s->r.fd, w->va, VPT_4K, NULL);
	EXPECT(!err, "slow operation: %d", err);
	post(&w->done, 1);
	return NULL;
}

static void slow_create(struct slow *w, struct scene *s, char *va, enum how how)
{
	*w = (struct slow){ .s = s, .va = va, .how = how };
	REQUIRE(!pthread_create(&w->thread, NULL, slow_run, w), "thread");
}

/* Return when @watcher has been called for the start, in which it takes its time. */
static void slow_start(struct slow *w, int watcher)
{
	struct watcher_event events[SCENE_EVENTS];

	post(&w->go, 1);
	while (!watched(watcher, events) && !w->done)
		usleep(1000);
}

/* Two pages of one frame, whose handle is returned; the first is watched. */
static u64 scene_aliased(struct scene *s)
{
	struct vpt_page page;
	u64 handle;

	scene_open(s, VPT_4K, WATCHER_COPY, false);
	EXPECT(!vu_unmap(s->r.fd, s->r.base, NULL), "UNMAP");
	REQUIRE(!vu_frame_alloc(s->r.fd, VPT_4K, &handle), "FRAME_ALLOC");
	REQUIRE(!vu_map(s->r.fd, s->r.base, VPT_4K, RW, handle) &&
		!vu_map(s->r.fd, s->r.base + VPT_4K, VPT_4K, RW, handle), "MAP");
	REQUIRE(!vu_resolve(s->r.fd, s->r.base, &page), "RESOLVE");
	s->phys = page.phys;
	return handle;
}

/*
 * While one thread's change is still being told, another lets go of the last reference
 * to the frame, and need not wait for that; but the frame stays.
 */
static void last_reference(u64 how)
{
	struct vpt_stats stats;
	struct slow w;
	struct scene s;
	u64 handle = scene_aliased(&s);

	EXPECT(!vu_remap(s.r.fd, s.r.base + VPT_4K, 0, NULL), "REMAP of the alias");
	slow_create(&w, &s, s.r.base, how);
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, 1000);
	slow_start(&w, s.watcher);
	EXPECT(!vu_frame_free(s.r.fd, handle), "FRAME_FREE");
	EXPECT(!atomic_load(&w.done), "who frees had to wait for who tells");
	EXPECT(!pthread_join(w.thread, NULL), "join");
	s.n = watched(s.watcher, s.events);
	/* Start, start again after the pause, end. */
	REQUIRE(s.n == 3, "%u calls", s.n);
	expect_event(&s, 1, WATCHER_START);
	expect_event(&s, 2, WATCHER_END);
	REQUIRE(!vu_stats(s.r.fd, &stats), "STATS");
	EXPECT(stats.frames == (how == REMAP ? 2 : 1), "%llu frames in use", stats.frames);
}

/*
 * Two changes are being told; the frame dies during both, and the younger one ends
 * first: it must not free what the older one still tells of.
 */
static void handed_on(u64 unused)
{
	struct slow old, young;
	struct scene s;
	u64 handle = scene_aliased(&s);
	int second = module_device("watcher");

	(void)unused;
	slow_create(&old, &s, s.r.base, REMAP);
	slow_create(&young, &s, s.r.base + VPT_4K, REMAP);
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, 1500);
	watch(second, s.r.base + VPT_4K, s.phys, WATCHER_COPY, 400);
	slow_start(&old, s.watcher);
	slow_start(&young, second);
	EXPECT(!vu_frame_free(s.r.fd, handle), "FRAME_FREE");
	EXPECT(!pthread_join(young.thread, NULL), "join");
	EXPECT(!atomic_load(&old.done), "the older one ended first: no test");
	EXPECT(!pthread_join(old.thread, NULL), "join");
	s.n = watched(s.watcher, s.events);
	REQUIRE(s.n == 3, "%u calls", s.n);
	expect_event(&s, 1, WATCHER_START);
	expect_event(&s, 2, WATCHER_END);
}

/*
 * Telling of 1 GiB by one file splits no 1 GiB page, its own or another's, and nobody waits for
 * ever.  After a REMAP, of which others are told as of a page that is cleared, there is one.
 */
static void two_files(u64 unused)
{
	struct region other;
	struct vpt_page page;
	struct scene s;

	(void)unused;
	scene_open(&s, VPT_1G, WATCHER_COPY, false);
	region_rw(&other, 1, VPT_STRICT);
	REQUIRE(!vu_map(other.fd, other.base, VPT_1G, RW, 0), "MAP");
	EXPECT(!vu_protect(s.r.fd, s.r.base, VPT_READ, NULL), "PROTECT");
	EXPECT(watched(s.watcher, s.events) == 2, "not told");
	EXPECT(!vu_resolve(s.r.fd, s.r.base, &page) && page.page_size == VPT_1G,
	       "the page was split");
	EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
	EXPECT(!vu_resolve(other.fd, other.base, &page) && page.page_size == VPT_1G,
	       "the other file's page was split");
	EXPECT(!vu_remap(other.fd, other.base, 0, NULL), "REMAP");
	EXPECT(!vu_resolve(other.fd, other.base, &page) && page.page_size == VPT_1G,
	       "the new page was split");
}

/*
 * Two regions of one process are no secondary MMUs to each other, and a third party is told
 * of what either does; also when the file that was opened first, or last, is closed.
 */
static void told_of_both(u64 first_closes)
{
	struct region other[2];
	struct vpt_stats stats;
	struct vpt_page page;
	struct scene s;

	region_rw(&other[0], 1, VPT_STRICT);
	scene_open(&s, VPT_4K, WATCHER_COPY, false);
	region_rw(&other[1], 1, VPT_STRICT);
	REQUIRE(!vu_map(other[1].fd, other[1].base, VPT_4K, RW, 0), "MAP");
	REQUIRE(!vu_resolve(other[1].fd, other[1].base, &page), "RESOLVE");
	EXPECT(!vu_remap(s.r.fd, s.r.base, 0, NULL), "REMAP");
	EXPECT(watched(s.watcher, s.events) == 2, "not told of a REMAP");

	region_close(&other[!first_closes]);
	REQUIRE(!vu_resolve(s.r.fd, s.r.base, &page), "RESOLVE");
	s.phys = page.phys;
	watch(s.watcher, s.r.base, s.phys, s.kind, 0);
	EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
	s.n = watched(s.watcher, s.events);
	expect_copy_told(&s, UNMAP, false);

	/* And Linux still tells vpt. */
	REQUIRE(!vu_map(s.r.fd, s.r.base, VPT_4K, RW, 0), "MAP");
	EXPECT(!munmap(s.r.base, s.r.bytes), "munmap: %s", strerror(errno));
	REQUIRE(!vu_stats(s.r.fd, &stats), "STATS");
	EXPECT(!stats.frames, "%llu frames in use after munmap", stats.frames);
}

/*
 * The address for which vpt has Linux call the notifiers, so that it can call them itself:
 * who registers in between must not be called for the end of what it saw no start of.
 */
static void no_end_without_start(u64 unused)
{
	/* The first address that is not canonical. */
	void *nowhere = (void *)(1UL << (five_levels() ? 56 : 47));
	struct watcher_event events[SCENE_EVENTS];
	int second = module_device("watcher");
	struct slow w;
	struct scene s;
	unsigned int n;

	(void)unused;
	scene_open(&s, VPT_4K, WATCHER_COPY, false);
	slow_create(&w, &s, s.r.base, REMAP);
	watch(s.watcher, nowhere, s.phys, WATCHER_COPY, 1000);
	slow_start(&w, s.watcher);
	watch(second, nowhere, s.phys, WATCHER_COPY, 0);
	EXPECT(!pthread_join(w.thread, NULL), "join");
	EXPECT(watched(s.watcher, s.events) == 3, "the slow notifier was not called");
	n = watched(second, events);
	EXPECT(!n, "the late notifier was called %u times, first %u", n, events[0].call);
}

/*
 * An empty PD of Linux's, anywhere behind a PDPT, goes with it: who walks our tables may
 * have cached the way there, too.
 */
static void pdpt_told(u64 unused)
{
	struct scene s = { .kind = WATCHER_SHARE };
	const u64 slot = 512 * VPT_1G;
	struct vpt_page page;
	char *base;

	(void)unused;
	s.watcher = module_device("watcher");
	region_rw(&s.r, 1024, VPT_STRICT);
	base = (char *)(((u64)s.r.base + slot - 1) & ~(slot - 1));
	REQUIRE(!vu_map(s.r.fd, base, VPT_4K, RW, 0), "MAP");
	REQUIRE(!vu_resolve(s.r.fd, base, &page), "RESOLVE");
	watch(s.watcher, base + VPT_1G, page.phys, s.kind, 0);
	EXPECT(!vu_unmap(s.r.fd, base, NULL), "UNMAP");
	s.n = watched(s.watcher, s.events);
	EXPECT(s.n && s.events[0].call == WATCHER_FLUSH, "nothing is flushed beside the page");
	close(s.watcher);
	region_close(&s.r);
}

/* Notifiers that come and go meanwhile: each start has its end. */

static void one_more_watcher(void *arg)
{
	struct watcher_event events[SCENE_EVENTS];
	int watcher = module_device("watcher");
	struct scene *s = arg;
	unsigned int i, n;

	watch(watcher, s->r.base, s->phys, WATCHER_COPY, 0);
	usleep(2000);
	n = watched(watcher, events);
	for (i = 0; i < n; i++)
		/* The last one may be on its way. */
		EXPECT(events[i].call == (i & 1 ? WATCHER_END : WATCHER_START) ||
		       (i == n - 1 && !events[i].call),
		       "call %u of %u is %u", i, n, events[i].call);
	close(watcher);
}

static void come_and_go(u64 unused)
{
	struct budget b = budget_of(4000);
	struct beside others;
	struct scene s;
	u64 i;

	(void)unused;
	scene_open(&s, VPT_4K, WATCHER_COPY, true);
	close(s.watcher);
	beside_begin(&others, one_more_watcher, &s);
	for (i = 0; budget_left(&b, i); i++) {
		EXPECT(!vu_remap(s.r.fd, s.r.base, 0, NULL), "REMAP");
		EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
		EXPECT(!vu_map(s.r.fd, s.r.base, VPT_4K, RW, 0), "MAP");
	}
	beside_end(&others);
}

#define EACH_CASE(what, how, level)						\
	{ what ": copy, registered before vpt", told,				\
	  CASE(how, level, WATCHER_COPY, 1), 0 },				\
	{ what ": copy, registered after vpt", told,				\
	  CASE(how, level, WATCHER_COPY, 0), 0 },				\
	{ what ": shared table, registered before vpt", told,			\
	  CASE(how, level, WATCHER_SHARE, 1), 0 },				\
	{ what ": shared table, registered after vpt", told,			\
	  CASE(how, level, WATCHER_SHARE, 0), 0 }

#define EACH_LEVEL(what, how)							\
	EACH_CASE("4K: told of " what, how, 1),					\
	EACH_CASE("2M: told of " what, how, 2),					\
	/* Two of the four, since each clears a frame of 1 GiB. */			\
	{ "1G: told of " what ": copy, registered before vpt", told,		\
	  CASE(how, 3, WATCHER_COPY, 1), 0 },					\
	{ "1G: told of " what ": shared table, registered after vpt", told,	\
	  CASE(how, 3, WATCHER_SHARE, 0), 0 }

static const struct property properties[] = {
	EACH_LEVEL("UNMAP", UNMAP),
	EACH_LEVEL("UNMAP_RANGE", UNMAP_RANGE),
	EACH_LEVEL("REMAP", REMAP),
	EACH_LEVEL("PROTECT", PROTECT),
	EACH_LEVEL("PROTECT_RANGE", PROTECT_RANGE),
	EACH_LEVEL("munmap", MUNMAP),
	EACH_SIZE("nobody is told of what is added", not_told),
	{ "told when a huge page replaces an empty table: copy", table_replaced,
	  WATCHER_COPY, 0 },
	{ "told when a huge page replaces an empty table: shared table", table_replaced,
	  WATCHER_SHARE, 0 },
	{ "told of the whole of a PDPT that goes", pdpt_told, 0, 0 },
	{ "exit: a notifier registered before vpt sees the frame alive", exit_told, 1, 0 },
	{ "exit: a notifier registered after vpt sees the frame alive", exit_told, 0, 0 },
	{ "FRAME_FREE while a REMAP is being told frees later", last_reference, REMAP, 0 },
	{ "FRAME_FREE while an UNMAP_RANGE is being told frees later", last_reference,
	  UNMAP_RANGE, 0 },
	{ "a frame waits for the oldest change that is being told", handed_on, 0, 0 },
	{ "telling of 1 GiB splits nothing", two_files, 0, 0 },
	{ "with three regions others are told, when the first has gone", told_of_both, 1, 0 },
	{ "with three regions others are told, when the last has gone", told_of_both, 0, 0 },
	{ "nobody registers between a start and an end", no_end_without_start, 0, 0 },
	{ "notifiers come and go while others are told", come_and_go, 0, 0 },
};

int main(int argc, char **argv)
{
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
