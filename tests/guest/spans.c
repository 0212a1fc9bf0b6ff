// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on different spans of one region, 2 MiB each, run at the same time, and those on
 * two regions of one process; on one span, and where an operation needs all, they wait for
 * each other.
 *
 * An operation is stopped (hold/hold.h) at its shootdown, its span held, and
 * another is done meanwhile.  With check=off: where operations are checked they run one after
 * the other.
 */
#include "lib/guest.h"

#include <sched.h>

#include "hold/hold.h"

#define ATTEMPTS	3	/* where a busy machine lets go of what is held by itself */

static struct region r, beside;
static _Atomic u64 tid, go, done;
static _Atomic u64 second_tid;
static _Atomic int result;
static int hold;

enum operation {
	MAP,
	UNMAP,
	PROTECT,
	REMAP,
	RESOLVE,
	TOUCH,
	PROTECT_RANGE,
	PROTECT_TWO_SPANS,
	UNMAP_RANGE,
	FRAME_FREE,
	STATS,
	CHECK,
};

/**
 * struct pair - an operation that is held, and another
 * @name: the property
 * @held: one that comes to @symbol
 * @other: done meanwhile
 * @at: offset of the page that it is about
 * @held_at: likewise
 * @symbol: where the first is held, NULL for its shootdown
 * @waits: for the one that is held
 * @apart: it is about another region of the process
 */
struct pair {
	const char *name;
	enum operation held;
	enum operation other;
	u64 at;
	u64 held_at;
	const char *symbol;
	bool waits;
	bool apart;
};

static const struct pair *pair;
static u64 frame;

static int operate(enum operation what, int fd, char *at)
{
	struct vpt_stats stats;
	struct vpt_check check;

	switch (what) {
	case MAP:
		return vu_map(fd, at + VPT_2M / 2, VPT_4K, RW, 0);
	case UNMAP:
		return vu_unmap(fd, at, NULL);
	case PROTECT:
		return vu_protect(fd, at, VPT_READ, NULL);
	case REMAP:
		return vu_remap(fd, at, 0, NULL);
	case RESOLVE:
		return vu_resolve(fd, at, NULL);
	case TOUCH:
		return probe_store(at + VPT_2M / 2, 1) == PROBE_OK ? 0 : -EFAULT;
	case PROTECT_RANGE:
		return vu_protect_range(fd, at, 2 * VPT_4K, VPT_READ, NULL);
	case PROTECT_TWO_SPANS:
		return vu_protect_range(fd, at, VPT_2M + VPT_4K, VPT_READ, NULL);
	case UNMAP_RANGE:
		return vu_unmap_range(fd, at, VPT_4K, NULL);
	case FRAME_FREE:
		return vu_frame_free(fd, frame);
	case STATS:
		return vu_stats(fd, &stats);
	case CHECK:
		return vu_check(fd, &check);
	}
	return -EINVAL;
}

static void *first(void *unused)
{
	pin_to(1);
	post(&tid, gettid());
	wait_for(&go, 1);
	EXPECT(!operate(pair->held, r.fd, r.base + pair->held_at),
	       "the operation that is held fails");
	return unused;
}

static void *second(void *unused)
{
	const struct region *in = pair->apart ? &beside : &r;

	pin_to(0);
	post(&second_tid, gettid());
	wait_for(&go, 2);
	result = operate(pair->other, in->fd, in->base + pair->at);
	post(&done, 1);
	return unused;
}

/* It answers interrupts, so that the other's shootdown need not wait for it. */
static void wait_until_held(int fd)
{
	REQUIRE(hold_reached(fd, NULL), "the time of who is held is up");
	EXPECT(!hold_irqs_off(fd), "who is held has interrupts off");
}

static void hold_first(const char *symbol)
{
	hold = hold_at(symbol, tid);
	post(&go, 1);
	wait_until_held(hold);
}

/* Two pages in each of three spans, and one that is alone in a PD. */
static void open_mapped(struct region *in)
{
	unsigned int i;

	region_rw(in, 2, 0);
	for (i = 0; i < 6; i++)
		REQUIRE(!vu_map(in->fd, in->base + i / 2 * VPT_2M + i % 2 * VPT_4K, VPT_4K, RW,
				0), "map");
	REQUIRE(!vu_map(in->fd, in->base + VPT_1G, VPT_4K, RW, 0), "map");
}

static void open_region(void)
{
	tid = second_tid = go = done = 0;
	open_mapped(&r);
	REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame), "a frame");
}

/* Return: whether it was seen, while the first was held, that the second waits, or ends. */
static bool second_seen(void)
{
	if (pair->waits)
		return hold_makes_wait(hold, second_tid, &done);
	while (!done && hold_state(hold) == HOLD_HELD)
		usleep(1000);
	return done && hold_state(hold) == HOLD_HELD;
}

/* Return: as second_seen(). */
static bool attempt(void)
{
	pthread_t holds, operates;
	bool seen;

	open_region();
	if (pair->apart)
		open_mapped(&beside);
	pthread_create(&holds, NULL, first, NULL);
	pthread_create(&operates, NULL, second, NULL);
	wait_for(&tid, 1);
	wait_for(&second_tid, 1);
	hold_first(pair->symbol ? pair->symbol : "vpt_shootdown");
	post(&go, 2);
	seen = second_seen();
	EXPECT(!pair->waits || !done || hold_state(hold) != HOLD_HELD,
	       "they run at the same time");
	hold_release(hold);
	pthread_join(holds, NULL);
	pthread_join(operates, NULL);
	EXPECT(!result, "the second: %s", strerror(-result));
	expect_sound(r.fd, "in the end");
	close(hold);
	region_close(&r);
	if (pair->apart) {
		expect_sound(beside.fd, "in the end");
		region_close(&beside);
	}
	return seen;
}

static void side_by_side(u64 arg)
{
	unsigned int n;

	pair = (const struct pair *)arg;
	need_hold();
	for (n = 0; n < ATTEMPTS && !attempt(); n++)
		;
	EXPECT(n < ATTEMPTS, pair->waits ? "the second was not seen to wait for the first" :
	       "the second waits for the first");
}

#define ELSEWHERE	.at = VPT_2M
#define SAME_SPAN	.at = VPT_4K, .waits = true
#define ALL_SPANS	.at = VPT_2M, .waits = true
#define LAST_IN_PD	VPT_1G

static const struct pair pairs[] = {
	{ "MAP beside PROTECT of the span before", PROTECT, MAP, ELSEWHERE },
	{ "PROTECT beside PROTECT of the span before", PROTECT, PROTECT, ELSEWHERE },
	{ "REMAP beside PROTECT of the span before", PROTECT, REMAP, ELSEWHERE },
	{ "RESOLVE beside REMAP of the span before", REMAP, RESOLVE, ELSEWHERE },
	{ "a first touch beside PROTECT of the span before", PROTECT, TOUCH, ELSEWHERE },
	{ "PROTECT_RANGE within a span beside REMAP of the span before",
	  REMAP, PROTECT_RANGE, ELSEWHERE },
	{ "UNMAP beside PROTECT of the span before", PROTECT, UNMAP, ELSEWHERE },
	{ "MAP beside UNMAP of the span before", UNMAP, MAP, ELSEWHERE },
	{ "UNMAP beside UNMAP of the span before", UNMAP, UNMAP, ELSEWHERE },
	{ "a first touch beside UNMAP of the span before", UNMAP, TOUCH, ELSEWHERE },
	{ "PROTECT beside PROTECT_RANGE of two spans before", PROTECT_TWO_SPANS, PROTECT,
	  .at = 2 * VPT_2M },
	{ "MAP waits for PROTECT in the same span", PROTECT, MAP, SAME_SPAN },
	{ "PROTECT waits for PROTECT in the same span", PROTECT, PROTECT, SAME_SPAN },
	{ "REMAP waits for UNMAP in the same span", UNMAP, REMAP, SAME_SPAN },
	{ "RESOLVE waits for REMAP in the same span", REMAP, RESOLVE, SAME_SPAN },
	{ "a first touch waits for PROTECT in the same span", PROTECT, TOUCH, SAME_SPAN },
	{ "PROTECT waits for PROTECT_RANGE that ends in its span", PROTECT_TWO_SPANS, PROTECT,
	  ALL_SPANS },
	{ "PROTECT_RANGE of two spans waits for PROTECT in its first", PROTECT,
	  PROTECT_TWO_SPANS, .at = 0, .waits = true },
	{ "UNMAP_RANGE waits for PROTECT of another span", PROTECT, UNMAP_RANGE, ALL_SPANS },
	{ "FRAME_FREE waits for REMAP of any span", REMAP, FRAME_FREE, ALL_SPANS },
	{ "STATS waits for PROTECT of any span", PROTECT, STATS, ALL_SPANS },
	{ "CHECK waits for PROTECT of any span", PROTECT, CHECK, ALL_SPANS },
	/* Its PD goes with the page, or, here, afterwards: others may be on their way there. */
	{ "UNMAP that empties a PD waits for PROTECT_RANGE of others' spans", PROTECT_TWO_SPANS,
	  UNMAP, .at = LAST_IN_PD, .waits = true },
	{ "UNMAP that empties a PD does not wait for who waits for its span", UNMAP, STATS,
	  .held_at = LAST_IN_PD, .symbol = "vpt_lock_rest", .waits = true },
	/* The one that is held holds mmap_lock for writing, as the last of these shows. */
	{ "UNMAP beside UNMAP_RANGE in another region", UNMAP_RANGE, UNMAP, .apart = true },
	{ "REMAP beside UNMAP_RANGE in another region", UNMAP_RANGE, REMAP, .apart = true },
	{ "PROTECT beside UNMAP_RANGE in another region", UNMAP_RANGE, PROTECT, .apart = true },
	{ "UNMAP_RANGE waits for UNMAP_RANGE in another region", UNMAP_RANGE, UNMAP_RANGE,
	  .waits = true, .apart = true },
};

static u64 map_phys(char *va)
{
	struct vpt_page p = {
		.argsz = sizeof(p), .addr = (u64)va, .page_size = VPT_4K, .prot = RW,
	};

	REQUIRE(!ioctl(r.fd, VPT_IOC_MAP, &p), "map: %s", strerror(errno));
	return p.phys;
}

static void *remap_first(void *unused)
{
	pin_to(1);
	post(&tid, gettid());
	wait_for(&go, 1);
	EXPECT(!vu_remap(r.fd, r.base, 0, NULL), "remap");
	return unused;
}

/*
 * Two leaves in two spans map one frame, without a handle by now.  One is being replaced, and
 * CPUs may still use it, when the other is: the frame must not be free yet.
 */
static bool attempt_alias(void)
{
	struct vpt_page old;
	pthread_t holds;
	unsigned int i;
	bool held;

	tid = go = done = 0;
	region_rw(&r, 1, 0);
	REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame), "a frame");
	for (i = 0; i < 2; i++)
		REQUIRE(!vu_map(r.fd, r.base + i * VPT_2M, VPT_4K, RW, frame), "map");
	REQUIRE(!vu_frame_free(r.fd, frame), "free");
	pthread_create(&holds, NULL, remap_first, NULL);
	wait_for(&tid, 1);
	hold_first("vpt_shootdown");
	REQUIRE(!vu_remap(r.fd, r.base + VPT_2M, 0, &old), "remap");
	REQUIRE(old.phys, "physical addresses are not shown");
	for (i = 0; i < 64 && hold_state(hold) == HOLD_HELD; i++)
		EXPECT(map_phys(r.base + 2 * VPT_2M + i * VPT_4K) != old.phys ||
		       hold_state(hold) != HOLD_HELD,
		       "a frame is used again while a leaf of it is being invalidated");
	held = i == 64;
	hold_release(hold);
	pthread_join(holds, NULL);
	close(hold);
	region_close(&r);
	return held;
}

static void alias_being_invalidated(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_hold();
	for (n = 0; n < ATTEMPTS && !attempt_alias(); n++)
		;
	EXPECT(n < ATTEMPTS, "the second waits for the first");
}

static _Atomic u64 third_tid, third_done;

static void *third(void *unused)
{
	pin_to(0);
	post(&third_tid, gettid());
	wait_for(&go, 3);
	EXPECT(!operate(MAP, r.fd, r.base), "the third");
	post(&third_done, 1);
	return unused;
}

/* To where the first is, which comes to its end. */
static void move_to_cpu_1(pid_t thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	REQUIRE(!sched_setaffinity(thread, sizeof(set), &set), "affinity: %s", strerror(errno));
}

/*
 * The second waits for the first's span, since it needs another, too; and the third for the same
 * lock. It is not what protects the span any more when the third gets it.
 */
static bool attempt_attached(void)
{
	static const struct pair protect = { .held = PROTECT, .other = PROTECT_TWO_SPANS };
	pthread_t one, two, three;
	int hold_second;
	bool seen;

	pair = &protect;
	open_region();
	third_tid = third_done = 0;
	pthread_create(&one, NULL, first, NULL);
	pthread_create(&two, NULL, second, NULL);
	pthread_create(&three, NULL, third, NULL);
	wait_for(&tid, 1);
	wait_for(&second_tid, 1);
	wait_for(&third_tid, 1);
	hold_second = hold_at("vpt_shootdown", second_tid);
	hold_first("vpt_shootdown");
	post(&go, 2);
	seen = hold_makes_wait(hold, second_tid, &done);
	move_to_cpu_1(second_tid);
	post(&go, 3);
	seen = seen && hold_makes_wait(hold, third_tid, &third_done);
	hold_release(hold);
	wait_until_held(hold_second);
	seen = seen && hold_makes_wait(hold_second, third_tid, &third_done);
	EXPECT(!third_done || hold_state(hold_second) != HOLD_HELD,
	       "the third goes by the lock that it has waited for");
	hold_release(hold_second);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	pthread_join(three, NULL);
	EXPECT(!result, "the second: %s", strerror(-result));
	expect_sound(r.fd, "in the end");
	close(hold);
	close(hold_second);
	region_close(&r);
	return seen;
}

static void attached_meanwhile(u64 unused)
{
	unsigned int n;

	(void)unused;
	need_hold();
	for (n = 0; n < ATTEMPTS && !attempt_attached(); n++)
		;
	EXPECT(n < ATTEMPTS, "they were not seen to wait");
}

int main(int argc, char **argv)
{
	struct property properties[ARRAY_SIZE(pairs) + 2] = {
		[ARRAY_SIZE(pairs)] = {
			"a frame is not free while another leaf of it is being invalidated",
			alias_being_invalidated, 0, 0,
		},
		[ARRAY_SIZE(pairs) + 1] = {
			"who has waited for a span's lock looks whether it is still the one",
			attached_meanwhile, 0, 0,
		},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		properties[i].name = pairs[i].name;
		properties[i].run = side_by_side;
		properties[i].arg = (u64)&pairs[i];
	}
	return run_unchecked(argc, argv, properties, ARRAY_SIZE(properties));
}
