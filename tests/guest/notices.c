// SPDX-License-Identifier: GPL-2.0
/*
 * Secondary MMUs come and go while an operation is under way that looks for them: each look, of
 * those that a lock does not protect, and what happens between it and the next (hold/hold.h).
 * With check=off: who is watched takes mmap_lock, or every span, and nobody comes in between.
 */
#include "lib/scene.h"

#include <fcntl.h>

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

/* It goes, and comes to @symbol, or its end.  Return: the file that holds it there. */
static int operation_hold(struct operation *o, const char *symbol)
{
	int hold = hold_at(symbol, o->tid);

	post(&o->go, 1);
	hold_reached(hold, &o->done);
	return hold;
}

static void need_watcher(void)
{
	need_hold();
	close(module_device("watcher"));
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

static u64 frames_of(const struct scene *s)
{
	struct vpt_stats stats;

	REQUIRE(!vu_stats(s->r.fd, &stats), "STATS");
	return stats.frames;
}

static void expect_frames(u64 found, u64 expected)
{
	EXPECT(found == expected, "%llu frames in use, not %llu", (unsigned long long)found,
	       (unsigned long long)expected);
}

/*
 * UNMAP of a page beside others holds no lock that keeps notifiers from coming.  One that has
 * come by the shootdown may have read the entry before it was changed.
 */
static bool attempt_newcomer(void)
{
	struct operation o;
	struct scene s;
	unsigned int i;
	bool held;
	int hold;

	open_pages(&s);
	operation_create(&o, &s, 0, UNMAP, 1);
	hold = operation_hold(&o, "vpt_shootdown");
	EXPECT(hold_state(hold) != HOLD_WAITING, "there is no shootdown");
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
	expect_frames(frames_of(&s), 3);
	close(s.watcher);
	close(hold);
	region_close(&s.r);
	return held;
}

/* A file, of vpt or a watcher, that is closed by a thread of its own. */
struct closing {
	int fd;
	pthread_t thread;
	_Atomic u64 tid, go, done;
};

static void *close_it(void *arg)
{
	struct closing *c = arg;

	post(&c->tid, gettid());
	wait_for(&c->go, 1);
	close(c->fd);
	post(&c->done, 1);
	return NULL;
}

static void closing_create(struct closing *c, int fd)
{
	*c = (struct closing){ .fd = fd };
	REQUIRE(!pthread_create(&c->thread, NULL, close_it, c), "thread");
	wait_for(&c->tid, 1);
}

/* The notifier is off the list; who closes it waits until it has returned. */
static void close_watcher(struct closing *c, struct operation *tells)
{
	unsigned int asleep = 0;

	post(&c->go, 1);
	while (!c->done && !tells->done && !sleeps_on(c->tid, &asleep))
		;
}

/*
 * One operation is telling the only secondary MMU, which goes away meanwhile; another has nobody
 * to tell, but finds that somebody tells, and when it gets there nobody does any more.
 */
static bool attempt_last_notice(u32 delay)
{
	struct operation tells, frees;
	struct closing goes;
	struct scene s;
	bool open;
	int hold;

	open_pages(&s);
	operation_create(&tells, &s, 0, REMAP, 0);
	operation_create(&frees, &s, VPT_2M, REMAP, 1);
	closing_create(&goes, s.watcher);
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, delay);
	post(&tells.go, 1);
	while (!watched(s.watcher, s.events) && !tells.done)
		usleep(1000);
	close_watcher(&goes, &tells);
	hold = operation_hold(&frees, "vpt_leave_to_notice");
	wait_for(&tells.done, 1);
	open = hold_state(hold) == HOLD_HELD;
	hold_release(hold);
	pthread_join(tells.thread, NULL);
	pthread_join(goes.thread, NULL);
	pthread_join(frees.thread, NULL);
	expect_frames(frames_of(&s), 4);
	expect_sound(s.r.fd, "in the end");
	close(hold);
	region_close(&s.r);
	return open;
}

/* A step's worth (VPT_STEP), and more. */
#define FRAMES		(8192 + 512)

/* Free them while two operations tell; return whether they did all the while. */
static bool free_amid(const struct scene *s, const u64 *handles, struct operation *young,
		      struct operation *old)
{
	u64 i, found;
	bool amid;

	for (i = 0; i < FRAMES; i++)
		EXPECT(!vu_frame_free(s->r.fd, handles[i]), "FRAME_FREE");
	amid = !young->done && !old->done;
	wait_for(&young->done, 1);
	found = frames_of(s);
	if (!amid || old->done)
		return false;
	/* Those that the two have replaced among them. */
	expect_frames(found, 6 + FRAMES);
	return true;
}

/*
 * Many frames die while two operations are telling.  The younger one ends first and hands them on
 * to the older one, which has more to free then than it does under a lock at once.
 */
static bool attempt_many(u32 delay)
{
	static u64 handles[FRAMES];
	struct watcher_event events[SCENE_EVENTS];
	int second = module_device("watcher");
	struct operation old, young;
	struct scene s;
	bool amid;
	u64 i;

	open_pages(&s);
	for (i = 0; i < FRAMES; i++)
		REQUIRE(!vu_frame_alloc(s.r.fd, VPT_4K, &handles[i]), "FRAME_ALLOC");
	operation_create(&old, &s, 0, REMAP, 0);
	operation_create(&young, &s, VPT_2M, REMAP, 0);
	watch(s.watcher, s.r.base, s.phys, WATCHER_COPY, 2 * delay);
	watch(second, s.r.base + VPT_2M, s.phys, WATCHER_COPY, delay);
	post(&old.go, 1);
	while (!watched(s.watcher, s.events) && !old.done)
		usleep(1000);
	post(&young.go, 1);
	while (!watched(second, events) && !young.done)
		usleep(1000);
	amid = free_amid(&s, handles, &young, &old);
	pthread_join(young.thread, NULL);
	pthread_join(old.thread, NULL);
	expect_frames(frames_of(&s), 4);
	close(second);
	close(s.watcher);
	region_close(&s.r);
	return amid;
}

/* A thread of which Linux tells vpt. */
struct teller {
	void *page;
	pthread_t thread;
	_Atomic u64 tid, go, done;
};

static void *tell(void *arg)
{
	struct teller *t = arg;

	pin_to(1);
	post(&t->tid, gettid());
	wait_for(&t->go, 1);
	EXPECT(!munmap(t->page, VPT_4K), "munmap: %s", strerror(errno));
	post(&t->done, 1);
	return NULL;
}

static void teller_create(struct teller *t)
{
	*t = (struct teller){
		.page = mmap(NULL, VPT_4K, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};
	REQUIRE(t->page != MAP_FAILED, "mmap: %s", strerror(errno));
	REQUIRE(!pthread_create(&t->thread, NULL, tell, t), "thread");
	wait_for(&t->tid, 1);
}

/*
 * Of a munmap() elsewhere Linux tells vpt, which looks at each file of the address space, the
 * newest first.  Whether there are others or not, none is freed meanwhile.
 */
static void close_waits(u64 files)
{
	int hold, fd = -1, other = -1;
	struct closing c;
	struct teller t;

	need_hold();
	if (files > 1)
		other = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0 && (files == 1 || other >= 0), "open: %s", strerror(errno));
	teller_create(&t);
	closing_create(&c, fd);
	hold = hold_at("vpt_region_told", t.tid);
	post(&t.go, 1);
	REQUIRE(hold_reached(hold, &t.done), "nobody tells the file");
	post(&c.go, 1);
	EXPECT(hold_makes_wait(hold, c.tid, &c.done), "close() does not wait");
	hold_release(hold);
	pthread_join(t.thread, NULL);
	pthread_join(c.thread, NULL);
	close(hold);
	if (files > 1)
		close(other);
}

static void told_though_new(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_watcher();
	for (n = 0; n < ATTEMPTS && !attempt_newcomer(); n++)
		;
	EXPECT(n < ATTEMPTS, "nobody could register while the operation was held");
}

static void frees_itself(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_watcher();
	for (n = 0; n < ATTEMPTS && !attempt_last_notice(1000 << n); n++)
		;
	EXPECT(n < ATTEMPTS, "it has found no notice that ended");
}

static void handed_on(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_watcher();
	for (n = 0; n < ATTEMPTS && !attempt_many(3000 << n); n++)
		;
	EXPECT(n < ATTEMPTS, "nobody has handed anything on");
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a secondary MMU that registers during UNMAP is told", told_though_new, 0, 0 },
		{ "who finds that the last notice has ended frees by itself", frees_itself, 0, 0 },
		{ "many frames that are handed on are all freed", handed_on, 0, 0 },
		{ "close() waits for who tells the file", close_waits, 1, 0 },
		{ "close() waits for who tells the file, of two", close_waits, 2, 0 },
	};

	return run_unchecked(argc, argv, properties, ARRAY_SIZE(properties));
}
