// SPDX-License-Identifier: GPL-2.0
/*
 * check= may be set to anything at any time: what was checked by one setting does not
 * disturb the next, and when nothing is to be checked nothing is left of it.
 *
 * By one thread: each change of full rewrites instructions, which an emulator with a
 * thread for each CPU does not always survive where they are running.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "hold/hold.h"
#include "injector/injector.h"

#define LISTENERS	"/sys/module/vpt/parameters/listeners"
#define PAGES		64

static int listeners(void)
{
	char text[16] = "";
	int fd = open(LISTENERS, O_RDONLY);

	REQUIRE(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "listeners: %s", strerror(errno));
	close(fd);
	return atoi(text);
}

/* Map and unmap pages of both sizes, so that tables come, go, and come back elsewhere. */
static void work(struct region *r, struct rng *rng)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		char *va = r->base + rng_below(rng, 16) * VPT_2M +
			   rng_below(rng, 4) * VPT_4K;

		switch (rng_below(rng, 4)) {
		case 0:
			vu_unmap(r->fd, va, NULL);
			break;
		case 1:
			vu_protect(r->fd, va, rng_below(rng, 2) ? RW : VPT_READ, NULL);
			break;
		case 2:
			vu_unmap_range(r->fd, (void *)((u64)va & ~(VPT_2M - 1)), VPT_2M, NULL);
			break;
		default:
			vu_map(r->fd, va, VPT_4K, RW, 0);
		}
	}
}

static void expect_no_violation(struct region *r, const char *when)
{
	struct vpt_stats s;

	REQUIRE(!vu_stats(r->fd, &s), "STATS");
	EXPECT(!s.violations, "%s: %llu violations", when, s.violations);
	expect_sound(r->fd, when);
}

static void settings_do_not_disturb_each_other(u64 unused)
{
	static const char *const modes[] = { "off", "full", "op" };
	struct rng rng = rng_of(0);
	struct vpt_stats s, t;
	struct region r;
	unsigned int i;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	for (i = 0; i < 24; i++) {
		const char *mode = modes[rng_below(&rng, ARRAY_SIZE(modes))];

		set_check(mode);
		vu_stats(r.fd, &s);
		work(&r, &rng);
		vu_stats(r.fd, &t);
		EXPECT((t.checked > s.checked) == !!strcmp(mode, "off"),
		       "check=%s: %llu operations checked", mode, t.checked - s.checked);
		expect_no_violation(&r, mode);
	}
	region_close(&r);
}

/*
 * Also one on spans that earlier ones have to themselves.  STATS, which takes all spans, comes
 * before and after.
 */
static void the_first_operation_is_checked(u64 ranges)
{
	const u64 bytes = 2 * VPT_2M;
	struct vpt_stats s, t;
	struct region r;
	unsigned int i;

	set_check("off");
	region_rw(&r, 1, VPT_STRICT);
	for (i = 0; i < 2; i++) {
		set_check("off");
		REQUIRE(!vu_stats(r.fd, &s), "STATS");
		REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0) &&
			!vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0), "MAP");
		set_check(i ? "full" : "op");
		if (ranges)
			EXPECT(!vu_protect_range(r.fd, r.base, bytes, VPT_READ, NULL),
			       "PROTECT_RANGE");
		else
			EXPECT(!vu_protect(r.fd, r.base, VPT_READ, NULL), "PROTECT");
		REQUIRE(!vu_stats(r.fd, &t), "STATS");
		EXPECT(t.checked == s.checked + 1, "check=%s: %llu operations checked",
		       i ? "full" : "op", t.checked - s.checked);
		EXPECT(!vu_unmap_range(r.fd, r.base, bytes, NULL), "UNMAP_RANGE");
	}
	region_close(&r);
}

static void nobody_listens_afterwards(u64 unused)
{
	struct rng rng = rng_of(1);
	struct region r;
	int others;

	(void)unused;
	set_check("off");
	others = listeners();		/* tracepoints */
	region_rw(&r, 1, VPT_STRICT);
	set_check("full");
	EXPECT(listeners() == others + 1, "check=full: %d listeners", listeners());
	set_check("full");
	EXPECT(listeners() == others + 1, "check=full again: %d listeners", listeners());
	work(&r, &rng);
	set_check("op");
	EXPECT(listeners() == others, "check=op: %d listeners, %d before", listeners(), others);
	set_check("full");
	set_check("off");
	EXPECT(listeners() == others, "check=off: %d listeners, %d before", listeners(),
	       others);
	region_close(&r);
}

/* mmap() and munmap() too take the lock under which the monitor begins. */
static void a_region_comes_and_goes(u64 unused)
{
	struct rng rng = rng_of(2);
	struct region r;
	struct vpt_stats s;

	(void)unused;
	set_check("full");
	region_rw(&r, 1, VPT_STRICT);
	work(&r, &rng);
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	EXPECT(s.checked, "nothing was checked");
	expect_no_violation(&r, "full from the beginning");
	region_close(&r);

	set_check("off");
	region_rw(&r, 1, 0);
	set_check("full");
	region_close(&r);
}

/*
 * It may have much to remember, which is made ready first.  Nobody may have to wait for
 * that with interrupts off.
 */
static void the_monitor_starts_with_interrupts_on(u64 unused)
{
	const struct hold_order order = {
		.symbol = "spec_mon_init", .tid = gettid(), .milliseconds = 1,
	};
	int hold = hold_open();
	struct region r;

	(void)unused;
	set_check("off");
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map_range(r.fd, r.base, VPT_2M, VPT_4K, RW, NULL), "map");
	hold_set(hold, &order);
	set_check("full");
	REQUIRE(!vu_protect(r.fd, r.base, VPT_READ, NULL), "protect");
	EXPECT(hold_state(hold) == HOLD_EXPIRED, "no monitor has started");
	EXPECT(!hold_irqs_off(hold), "it starts with interrupts off");
	close(hold);
	region_close(&r);
}

/* Checks of a tree mark its tables with their number, of 15 bits; 0 is none. */
#define MARKS		((1 << 15) - 1)

/* A page in each part of the region that is left: at its beginning, and at its end. */
static void open_parts(struct region *r)
{
	need_cuts();
	region_rw(r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r->fd, r->base, VPT_4K, RW, 0) &&
		!vu_map(r->fd, r->base + VPT_1G - VPT_2M, VPT_4K, RW, 0), "MAP");
}

/* So many that the next check has the last one's number.  An operation is checked twice. */
static void check_the_first_part(struct region *r)
{
	unsigned int i;

	for (i = 0; i < (MARKS - 1) / 2; i++)
		REQUIRE(!vu_resolve(r->fd, r->base, NULL), "RESOLVE");
}

static void marks_repeat(u64 unused)
{
	struct region r;

	(void)unused;
	open_parts(&r);
	REQUIRE(!munmap(r.base + VPT_2M, VPT_1G - 2 * VPT_2M), "munmap: %s", strerror(errno));
	set_check("full");
	expect_sound(r.fd, "at first");
	check_the_first_part(&r);
	expect_no_violation(&r, "when as many checks have passed as there are marks");
	munmap(r.base + VPT_1G - VPT_2M, VPT_2M);
	r.bytes = VPT_2M;
	region_close(&r);
}

static void skip_if_expired(int hold)
{
	if (hold_state(hold) == HOLD_EXPIRED)
		skip("the machine is too busy");
}

struct cut {
	struct region r;
	_Atomic u64 tid, go, done;
};

static void *cut_most(void *arg)
{
	struct cut *c = arg;

	pin_to(1);
	post(&c->tid, gettid());
	wait_for(&c->go, 1);
	EXPECT(!munmap(c->r.base + VPT_2M, VPT_1G - VPT_2M), "munmap: %s", strerror(errno));
	post(&c->done, 1);
	return NULL;
}

/*
 * Stopped in the first step of it; and then, asleep with no lock but mmap_lock, between two.  A
 * busy machine may let it go on from the first by itself.  Return: the file that holds it there.
 */
static int hold_between_steps(struct cut *c)
{
	int first = hold_at("vpt_step_end", c->tid), second;

	post(&c->go, 1);
	REQUIRE(hold_reached(first, &c->done) || hold_state(first) == HOLD_EXPIRED,
		"munmap() has no step");
	second = hold_asleep_at("vpt_lock_file", c->tid);
	skip_if_expired(first);
	hold_release(first);
	EXPECT(hold_reached(second, &c->done), "munmap() has one step");
	close(first);
	return second;
}

static void marks_repeat_amid_munmap(u64 unused)
{
	pthread_t thread;
	struct cut c = { 0 };
	int hold;
	u64 i;

	(void)unused;
	need_hold();
	open_parts(&c.r);
	for (i = 1; i < 64; i++)
		REQUIRE(!vu_map(c.r.fd, c.r.base + i * VPT_2M, VPT_4K, RW, 0), "MAP");
	REQUIRE(!pthread_create(&thread, NULL, cut_most, &c), "thread");
	wait_for(&c.tid, 1);
	set_check("full");
	hold = hold_between_steps(&c);
	check_the_first_part(&c.r);
	skip_if_expired(hold);
	EXPECT(hold_state(hold) == HOLD_HELD, "munmap() has gone on");
	hold_release(hold);
	EXPECT(!pthread_join(thread, NULL), "join");
	expect_no_violation(&c.r, "after munmap()");
	close(hold);
	c.r.bytes = VPT_2M;
	region_close(&c.r);
}

/* Its number may be of no memory, or of somebody else's page, where nothing may be noted. */
static void a_strange_frame_is_reported(u64 unused)
{
	struct injector_order order = { .level = 1, .set = 1ULL << 38 };
	int device = module_device("injector");
	struct vpt_check c;
	struct region r;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "MAP");
	order.addr = (u64)r.base;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "no damage");
	EXPECT(!vu_check(r.fd, &c) && c.violations == 1 && !strcmp(c.name, "frame_known"),
	       "%llu violations, first %s", c.violations, c.name);
	order.clear = order.set;
	order.set = 0;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "not mended");
	expect_sound(r.fd, "once it is mended");
	close(device);
	region_close(&r);
}

/* What a process tells another. */
struct checker {
	_Atomic u64 base;
	_Atomic u64 go, done;
};

static void check_and_die(struct checker *shared)
{
	struct vpt_check c;
	struct region r;

	pin_to(1);
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0) &&
		!vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0), "MAP");
	post(&shared->base, (u64)r.base);
	wait_for(&shared->go, 1);
	vu_check(r.fd, &c);
	post(&shared->done, 1);
	_exit(1);
}

/*
 * From the frame behind one table it must not go on to that behind the next.  With check=full the
 * end of the process would look at both.
 */
static void a_fatal_signal_ends_check(u64 unused)
{
	struct checker *shared = mmap(NULL, VPT_4K, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hold_order order = { .symbol = "vpt_spec_frame_seen", .argument = 4,
				    .mask = ~0ULL, .milliseconds = HOLD_MAX_MS };
	int here, next, status;
	pid_t child;

	(void)unused;
	need_hold();
	here = hold_open();
	next = hold_open();
	set_check("off");
	REQUIRE(shared != MAP_FAILED, "mmap: %s", strerror(errno));
	child = must_fork();
	if (!child)
		check_and_die(shared);
	while (!shared->base && !waitpid(child, &status, WNOHANG))
		usleep(1000);
	REQUIRE(shared->base, "the process has no pages");
	order.tid = child;
	order.value = shared->base;
	hold_set(here, &order);
	order.value = shared->base + VPT_2M;
	hold_set(next, &order);
	post(&shared->go, 1);
	REQUIRE(hold_reached(here, &shared->done), "nobody has waited for us");
	kill(child, SIGKILL);
	skip_if_expired(here);
	hold_release(here);
	while (!waitpid(child, &status, WNOHANG) && hold_state(next) == HOLD_WAITING)
		usleep(1000);
	EXPECT(hold_state(next) == HOLD_WAITING, "CHECK goes on");
	close(here);
	close(next);
	waitpid(child, &status, 0);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "one setting of check= does not disturb the next",
		  settings_do_not_disturb_each_other, 0, 0 },
		{ "the first operation after check= is set is checked",
		  the_first_operation_is_checked, false, 0 },
		{ "the first operation on several spans after check= is set is checked",
		  the_first_operation_is_checked, true, 0 },
		{ "check= that leaves full leaves no listener", nobody_listens_afterwards, 0, 0 },
		{ "a region comes and goes while check=full", a_region_comes_and_goes, 0, 0 },
		{ "the monitor starts with interrupts on",
		  the_monitor_starts_with_interrupts_on, 0, 0 },
		{ "CHECK takes no table for two when marks repeat", marks_repeat, 0, 0 },
		{ "munmap() takes no table for two when marks repeat", marks_repeat_amid_munmap,
		  0, 0 },
		{ "CHECK reports a leaf that leads to no frame", a_strange_frame_is_reported, 0,
		  0 },
		{ "a fatal signal ends CHECK", a_fatal_signal_ends_check, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
