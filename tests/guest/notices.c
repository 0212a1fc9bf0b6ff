// SPDX-License-Identifier: GPL-2.0
/*
 * Secondary MMUs come and go while an operation is under way that looks for them: each look, of
 * those that a lock does not protect, and what happens between it and the next (hold/hold.h).
 * With check=off: who is watched takes mmap_lock, or every span, and nobody comes in between.
 */
#include "lib/scene.h"

#include "hold/hold.h"

#define ATTEMPTS	3	/* where a busy machine lets go of what is held by itself */

/* An operation by a thread of its own. */
struct operation {
	enum how how;
	struct scene s;		/* its page, and whose */
	unsigned int cpu;
	pthread_t thread;
	_Atomic u64 tid, go, done;
};

static void *operate(void *arg)
{
	struct operation *o = arg;
	int err;

	pin_to(o->cpu);
	post(&o->tid, gettid());
	wait_for(&o->go, 1);
	err = scene_operate(&o->s, o->how);
	EXPECT(!err, "operation: %s", strerror(-err));
	post(&o->done, 1);
	return NULL;
}

static void operation_create(struct operation *o, const struct scene *s, u64 at, enum how how,
			     unsigned int cpu)
{
	*o = (struct operation){ .how = how, .s = *s, .cpu = cpu };
	o->s.r.base += at;
	REQUIRE(!pthread_create(&o->thread, NULL, operate, o), "thread");
	wait_for(&o->tid, 1);
}

/* Return: whether it is held there. */
static bool operation_hold(struct operation *o, int hold, const char *symbol)
{
	struct hold_order order = { .tid = o->tid, .milliseconds = HOLD_MAX_MS };

	strncpy(order.symbol, symbol, sizeof(order.symbol) - 1);
	hold_set(hold, &order);
	post(&o->go, 1);
	while (hold_state(hold) == HOLD_WAITING && !o->done)
		usleep(1000);
	return hold_state(hold) == HOLD_HELD;
}

static void need_two_cpus(void)
{
	if (cpus() < 2)
		skip("it takes two CPUs");
	pin_to(0);
	close(module_device("hold"));
	close(module_device("watcher"));
	/* A fault of this thread could wait for mmap_lock. */
	REQUIRE(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall: %s", strerror(errno));
}

/* Two pages in one PT, and as many in the next; nobody watches. */
static void open_pages(struct scene *s)
{
	struct vpt_page page;
	unsigned int i;

	*s = (struct scene){ .size = VPT_4K, .kind = WATCHER_COPY };
	s->watcher = module_device("watcher");
	region_rw(&s->r, 1, VPT_STRICT);
	for (i = 0; i < 4; i++)
		REQUIRE(!vu_map(s->r.fd, s->r.base + i / 2 * VPT_2M + i % 2 * VPT_4K, VPT_4K,
				RW, 0), "MAP");
	REQUIRE(!vu_resolve(s->r.fd, s->r.base, &page), "RESOLVE");
	s->phys = page.phys;
}

static void expect_frames(const struct scene *s, u64 frames)
{
	struct vpt_stats stats;

	REQUIRE(!vu_stats(s->r.fd, &stats), "STATS");
	EXPECT(stats.frames == frames, "%llu frames in use, not %llu", stats.frames,
	       (unsigned long long)frames);
}

/*
 * UNMAP of a page beside others holds no lock that keeps notifiers from coming.  One that has
 * come by the shootdown may have read the entry before it was changed.
 */
static bool attempt_newcomer(void)
{
	int hold = hold_open();
	struct operation o;
	struct scene s;
	unsigned int i;
	bool held;

	open_pages(&s);
	operation_create(&o, &s, 0, UNMAP, 1);
	EXPECT(operation_hold(&o, hold, "vpt_shootdown") || hold_state(hold) == HOLD_EXPIRED,
	       "there is no shootdown");
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, 0);
	held = hold_state(hold) == HOLD_HELD;
	hold_release(hold);
	pthread_join(o.thread, NULL);
	s.n = watched(s.watcher, s.events);
	EXPECT(!held || (s.n == 2 && s.events[0].call == WATCHER_START &&
			 s.events[1].call == WATCHER_END), "%u calls, not 2", s.n);
	for (i = 0; held && i < s.n; i++)
		EXPECT(scene_changed(&s, UNMAP, s.events[i].entry) && s.events[i].refs,
		       "call %u: entry %#llx, %u references", i, s.events[i].entry,
		       s.events[i].refs);
	expect_frames(&s, 3);
	close(s.watcher);
	close(hold);
	region_close(&s.r);
	return held;
}

static void *close_watcher(void *arg)
{
	struct operation *o = arg;

	post(&o->tid, gettid());
	close(o->s.watcher);
	post(&o->done, 1);
	return NULL;
}

/* The notifier is off the list; who closes it waits until it has returned. */
static void wait_until_gone(struct operation *o)
{
	while (!o->done && thread_state(o->tid) != 'D')
		usleep(1000);
}

/*
 * One operation is telling the only secondary MMU, which goes away meanwhile; another has nobody
 * to tell, but finds that somebody tells, and when it gets there nobody does any more.
 */
static bool attempt_last_notice(u32 delay)
{
	struct operation tells, goes = { 0 }, frees;
	int hold = hold_open();
	struct scene s;
	bool open;

	open_pages(&s);
	operation_create(&tells, &s, 0, REMAP, 0);
	operation_create(&frees, &s, VPT_2M, REMAP, 1);
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, delay);
	post(&tells.go, 1);
	while (!watched(s.watcher, s.events) && !tells.done)
		usleep(1000);
	goes.s.watcher = s.watcher;
	REQUIRE(!pthread_create(&goes.thread, NULL, close_watcher, &goes), "thread");
	wait_for(&goes.tid, 1);
	wait_until_gone(&goes);
	open = operation_hold(&frees, hold, "vpt_leave_to_notice");
	wait_for(&tells.done, 1);
	open = open && hold_state(hold) == HOLD_HELD;
	hold_release(hold);
	pthread_join(tells.thread, NULL);
	pthread_join(goes.thread, NULL);
	pthread_join(frees.thread, NULL);
	expect_frames(&s, 4);
	expect_sound(s.r.fd, "in the end");
	close(hold);
	region_close(&s.r);
	return open;
}

static void told_though_new(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_two_cpus();
	for (n = 0; n < ATTEMPTS && !attempt_newcomer(); n++)
		;
	EXPECT(n < ATTEMPTS, "nobody could register while the operation was held");
}

static void frees_itself(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_two_cpus();
	for (n = 0; n < ATTEMPTS && !attempt_last_notice(1000 << n); n++)
		;
	EXPECT(n < ATTEMPTS, "it has found no notice that ended");
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a secondary MMU that registers during UNMAP is told", told_though_new, 0, 0 },
		{ "who finds that the last notice has ended frees by itself", frees_itself, 0, 0 },
	};

	return run_unchecked(argc, argv, properties, ARRAY_SIZE(properties));
}
