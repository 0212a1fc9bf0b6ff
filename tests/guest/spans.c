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

#include <linux/membarrier.h>
#include <sys/syscall.h>

#include "hold/hold.h"

#define HELD_MS		HOLD_MAX_MS
#define ATTEMPTS	3	/* where a busy machine lets go of what is held by itself */
#define WAITS_MS	300	/* an operation that waits is seen to wait this long */

static struct region r, beside;
static _Atomic u64 tid, go, done;
static _Atomic int result;
static _Atomic bool deaf;	/* the CPU that is held answers no interrupt */
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
 * struct pair - an operation that is held, on the first page, and another
 * @name: the property
 * @held: one that has a shootdown
 * @other: done meanwhile
 * @at: offset of the page that it is about
 * @waits: for the one that is held
 * @apart: it is about another region of the process
 */
struct pair {
	const char *name;
	enum operation held;
	enum operation other;
	u64 at;
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
	EXPECT(!operate(pair->held, r.fd, r.base), "the operation that is held fails");
	return unused;
}

/*
 * An operation with a shootdown needs the CPU of the one that is held: which answers, unless this
 * kernel's probes keep interrupts off.
 */
static void ask_for_interrupt(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	deaf = hold_state(hold) != HOLD_HELD;
}

static void *second(void *unused)
{
	const struct region *in = pair->apart ? &beside : &r;

	pin_to(0);
	wait_for(&go, 2);
	if (pair->other != MAP && pair->other != RESOLVE && pair->other != TOUCH)
		ask_for_interrupt();
	result = operate(pair->other, in->fd, in->base + pair->at);
	post(&done, 1);
	return unused;
}

static void hold_first(void)
{
	struct hold_order order = {
		.symbol = "vpt_shootdown", .tid = tid, .milliseconds = HELD_MS,
	};

	hold = hold_open();
	hold_set(hold, &order);
	post(&go, 1);
	while (hold_state(hold) == HOLD_WAITING)
		usleep(1000);
}

static void skip_if_deaf(bool held)
{
	if (!held && deaf)
		skip("a CPU that is held answers no interrupts here");
}

static void need_hold(void)
{
	if (cpus() < 2)
		skip("it takes two CPUs");
	pin_to(0);
	close(hold_open());
	/* Before anybody is held: it waits for all CPUs to have scheduled. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

/* Two pages in each of three spans. */
static void open_mapped(struct region *in)
{
	unsigned int i;

	region_rw(in, 1, 0);
	for (i = 0; i < 6; i++)
		REQUIRE(!vu_map(in->fd, in->base + i / 2 * VPT_2M + i % 2 * VPT_4K, VPT_4K, RW,
				0), "map");
}

/* Return: whether the first was held until the second was seen to wait, or not to. */
static bool attempt(void)
{
	pthread_t holds, operates;
	bool held, goes_on;
	unsigned int i;

	tid = go = done = 0;
	open_mapped(&r);
	if (pair->apart)
		open_mapped(&beside);
	REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame), "a frame");
	pthread_create(&holds, NULL, first, NULL);
	pthread_create(&operates, NULL, second, NULL);
	wait_for(&tid, 1);
	hold_first();
	post(&go, 2);
	for (i = 0; hold_state(hold) == HOLD_HELD && !done && (!pair->waits || i < WAITS_MS);
	     i++)
		usleep(1000);
	goes_on = done;
	held = hold_state(hold) == HOLD_HELD;
	EXPECT(!held || goes_on != pair->waits, "they run at the same time");
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
	skip_if_deaf(held);
	return held;
}

static void side_by_side(u64 arg)
{
	unsigned int n;

	pair = (const struct pair *)arg;
	need_hold();
	/* A fault of this thread could wait behind the one that is held, for mmap_lock. */
	REQUIRE(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall: %s", strerror(errno));
	for (n = 0; n < ATTEMPTS && !attempt(); n++)
		;
	EXPECT(n < ATTEMPTS, "the second waits for the first");
}

#define ELSEWHERE	.at = VPT_2M
#define SAME_SPAN	.at = VPT_4K, .waits = true
#define ALL_SPANS	.at = VPT_2M, .waits = true

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
	hold_first();
	ask_for_interrupt();
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
	skip_if_deaf(held);
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

int main(int argc, char **argv)
{
	struct property properties[ARRAY_SIZE(pairs) + 1] = {
		[ARRAY_SIZE(pairs)] = {
			"a frame is not free while another leaf of it is being invalidated",
			alias_being_invalidated, 0, 0,
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
