// SPDX-License-Identifier: GPL-2.0
/*
 * The split of a 1 GiB page, which a walker of Linux's asks for: others use the page, and change
 * it, while the walker is on its way there, and while the entry is empty (hold/hold.h).
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "hold/hold.h"

#define USED	(5 * VPT_2M)	/* a page that is used */
#define VALUE	0x123456789abcdefULL
#define SHORT	500		/* milliseconds for which a CPU can do nothing but wait */
#define ATTEMPTS	5	/* where a busy machine brings the other too late */

/* Who walks, and what it holds. */
enum walker {
	MBIND,		/* mmap_lock for writing */
	SMAPS,		/* mmap_lock for reading (6.12), the VMA's (7.3); skips the VMA on 6.1 */
};

/* What another thread does. */
enum other {
	STORE,
	LOOK,		/* as a debugger */
	SPLIT,		/* is another walker */
	PROTECT,
	UNMAP,
};

enum outcome {
	WAITS,		/* asleep */
	SPINS,		/* until the other's time is up */
	GOES_ON,
};

/**
 * struct window - a walker that splits the page, and what another does meanwhile
 * @name: the property
 * @walker: the first
 * @symbol: where it is held
 * @other: what is done meanwhile
 * @outcome: whether it waits for the walker
 * @small: huge pages are not wanted: Linux goes for a PD without asking vpt
 */
struct window {
	const char *name;
	enum walker walker;
	const char *symbol;
	enum other other;
	enum outcome outcome;
	bool small;
};

static const struct window *window;
static struct region r;
static int hold;
static _Atomic u64 tid, other_tid, go, walked, done;
static _Atomic int result;
static u32 state_first, state_then;	/* the walker's, when the other began, and was done */

static void walk(enum walker who)
{
	static char buffer[2][4096];
	int fd;

	if (who == MBIND) {
		/* With MPOL_DEFAULT it would not walk. */
		syscall(SYS_mbind, r.base, r.bytes, MPOL_LOCAL, NULL, 0, MPOL_MF_STRICT);
		return;
	}
	fd = open("/proc/self/smaps", O_RDONLY);
	while (read(fd, buffer[gettid() == (pid_t)tid], sizeof(buffer[0])) > 0)
		;
	close(fd);
}

static void *walker(void *unused)
{
	pin_to(1);
	post(&tid, gettid());
	wait_for(&go, 1);
	walk(window->walker);
	post(&walked, 1);
	return unused;
}

static int look(int mem)
{
	u64 value = 0;

	if (pread(mem, &value, sizeof(value), (off_t)(r.base + USED)) != sizeof(value))
		return -errno;
	return value == VALUE ? 0 : -ENODATA;
}

static int operate(int mem)
{
	switch (window->other) {
	case STORE:
		return probe_store(r.base + USED + 8, VALUE) == PROBE_OK ? 0 : -EFAULT;
	case LOOK:
		return look(mem);
	case SPLIT:
		walk(window->walker);
		return 0;
	case PROTECT:
		return vu_protect(r.fd, r.base, VPT_READ, NULL);
	case UNMAP:
		return vu_unmap(r.fd, r.base, NULL);
	}
	return -EINVAL;
}

static void *other(void *unused)
{
	int mem = open("/proc/self/mem", O_RDONLY);

	pin_to(0);
	post(&other_tid, gettid());
	wait_for(&go, 2);
	state_first = hold_state(hold);
	result = operate(mem);
	state_then = hold_state(hold);
	post(&done, 1);
	close(mem);
	return unused;
}

/* Of the process, kilobytes. */
static u64 tables(void)
{
	char text[4096] = "", *at;
	int fd = open("/proc/self/status", O_RDONLY);

	REQUIRE(read(fd, text, sizeof(text) - 1) > 0, "status");
	close(fd);
	at = strstr(text, "VmPTE:");
	return at ? strtoull(at + 6, NULL, 10) : 0;
}

static void need_window(void)
{
	if (window->outcome != GOES_ON && cpus() < 2)
		skip("it takes two CPUs");
	if (window->walker == SMAPS && runs_on("6.1"))
		skip("smaps skips the VMA on this kernel");
	close(hold_open());
	region_rw(&r, 1, VPT_STRICT);
	if (window->small)
		madvise(r.base, r.bytes, MADV_NOHUGEPAGE);
	REQUIRE(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall: %s", strerror(errno));
}

/* Its frame has to be cleared: once is enough. */
static void map_page(void)
{
	int err = vu_map(r.fd, r.base, VPT_1G, RW, 0);

	if (err == -ENOMEM || err == -EOPNOTSUPP)
		skip("no 1G frame: %s", strerror(-err));
	REQUIRE(!err, "map: %s", strerror(-err));
}

/* Where the entry is empty a spinlock is held: there it cannot sleep. */
static int hold_walker(void)
{
	if (window->outcome == SPINS)
		return hold_thread(window->symbol, tid, 0, SHORT);
	if (!strcmp(window->symbol, "vpt_shootdown"))
		return hold_at(window->symbol, tid);
	return hold_asleep_at(window->symbol, tid);
}

/* Return: whether the other came while the walker was held, which says what it had to. */
static bool expect_outcome(void)
{
	bool waits;

	switch (window->outcome) {
	case WAITS:
		waits = hold_makes_wait(hold, other_tid, &done);
		if (!waits && hold_state(hold) == HOLD_EXPIRED)
			return false;
		EXPECT(waits, "it does not wait for the walker");
		break;
	case SPINS:
		wait_for(&done, 1);
		if (state_first == HOLD_EXPIRED)
			return false;
		EXPECT(state_then == HOLD_EXPIRED, "it does not wait for the walker");
		break;
	case GOES_ON:
		EXPECT(hold_lets(hold, &done), "it waits for the walker");
		break;
	}
	return true;
}

static void expect_split(void)
{
	const u64 at = window->other == UNMAP ? VPT_2M : 0;
	struct vpt_page p = { 0 };
	u64 value = 0;

	EXPECT(!result, "the other: %s", strerror(-result));
	EXPECT(!vu_resolve(r.fd, r.base + at, &p) && p.page_size == VPT_2M, "size %llu: no split",
	       p.page_size);
	EXPECT(!probe_load(r.base + USED, &value) && value == VALUE, "%llx",
	       (unsigned long long)value);
	if (window->other == STORE)
		EXPECT(!probe_load(r.base + USED + 8, &value) && value == VALUE, "%llx",
		       (unsigned long long)value);
	if (window->other == PROTECT)
		EXPECT(probe_store(r.base, 0) == PROBE_SEGV, "a store");
	expect_sound(r.fd, "after the split");
}

static void begin(pthread_t *walks, pthread_t *others)
{
	tid = other_tid = go = walked = done = 0;
	REQUIRE(!pthread_create(walks, NULL, walker, NULL), "thread");
	REQUIRE(!pthread_create(others, NULL, other, NULL), "thread");
	wait_for(&tid, 1);
	wait_for(&other_tid, 1);
	pin_to(0);
}

/* Return: whether the two met. */
static bool attempt(void)
{
	pthread_t walks, others;
	u64 before;
	bool met;

	begin(&walks, &others);
	before = tables();
	map_page();
	*(u64 *)(r.base + USED) = VALUE;
	hold = hold_walker();
	post(&go, 1);
	REQUIRE(hold_reached(hold, &walked) || hold_state(hold) == HOLD_EXPIRED,
		"%s() was not passed", window->symbol);
	post(&go, 2);
	met = expect_outcome();
	hold_release(hold);
	pthread_join(walks, NULL);
	pthread_join(others, NULL);
	expect_split();
	REQUIRE(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "unmap");
	/* A table that the split's store had taken the place of would stay counted. */
	EXPECT(tables() <= before, "%llu kB of tables, not %llu", (unsigned long long)tables(),
	       (unsigned long long)before);
	close(hold);
	return met;
}

static void split_amid(u64 arg)
{
	unsigned int n;

	window = (const struct window *)arg;
	need_window();
	for (n = 0; n < ATTEMPTS && !attempt(); n++)
		;
	EXPECT(n < ATTEMPTS, "the other has never come while the walker was held");
	region_close(&r);
}

static const struct window windows[] = {
	{ "mbind() has left the entry empty: a store elsewhere in the page", MBIND,
	  "vpt_shootdown", STORE, WAITS, .small = false },
	{ "mbind() has left the entry empty: a debugger looks", MBIND, "vpt_shootdown", LOOK,
	  WAITS, .small = false },
	{ "smaps has left the entry empty: a store elsewhere in the page", SMAPS,
	  "vpt_shootdown", STORE, WAITS, .small = false },
	{ "smaps has left the entry empty: a store that would link a PD", SMAPS,
	  "vpt_shootdown", STORE, SPINS, .small = true },
	{ "smaps has left the entry empty: a debugger looks", SMAPS, "vpt_shootdown", LOOK,
	  WAITS, .small = false },
	{ "smaps has left the entry empty: PROTECT", SMAPS, "vpt_shootdown", PROTECT, WAITS,
	  .small = false },
	{ "smaps has left the entry empty: UNMAP", SMAPS, "vpt_shootdown", UNMAP, WAITS,
	  .small = false },
	{ "mbind() is about to split: UNMAP", MBIND, "__split_huge_pud", UNMAP, WAITS,
	  .small = false },
	{ "smaps is about to split: UNMAP", SMAPS, "__split_huge_pud", UNMAP, WAITS,
	  .small = false },
	{ "smaps is about to split: a store", SMAPS, "__split_huge_pud", STORE, GOES_ON,
	  .small = false },
	{ "smaps has told of the split: PROTECT", SMAPS, "vpt_region_told", PROTECT, GOES_ON,
	  .small = false },
	{ "smaps has told of the split: another walker splits", SMAPS, "vpt_region_told", SPLIT,
	  GOES_ON, .small = false },
};

int main(int argc, char **argv)
{
	struct property p[ARRAY_SIZE(windows)] = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		p[i] = (struct property){ windows[i].name, split_amid, (u64)&windows[i], 0 };
	return run_unchecked(argc, argv, p, ARRAY_SIZE(p));
}
