// SPDX-License-Identifier: GPL-2.0
/*
 * Windows held open: a walker of Linux's is stopped (hold/hold.h) while it holds a pointer
 * into a table, and an operation tries to free that table.  The operation waits for the
 * walker; where it need not, it does not.  README.md has the table of windows.  With check=off:
 * while operations are checked UNMAP waits for every walker.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <pthread.h>

#include "hold/hold.h"
#include "watcher/watcher.h"

#define SLOT		(512 * VPT_1G)
#define HELD_MS		15000
/* Tables that may wait for a grace period, of which none ends while a walker is held. */
#define WAITING		1024

/* The operation, and what frees which table. */
enum operation {
	UNMAP,
	UNMAP_OFTEN,
	UNMAP_RANGE,
	UNMAP_HUGE,
	MAP_HUGE,
	MUNMAP,
};

/**
 * struct window - a walker at one step, and an operation
 * @name: the property
 * @symbol: where the walker is stopped, NULL for the first that Linux asks about a fault
 * @operation: what is done meanwhile
 * @boundary: offset at which another VMA begins, 0 for one VMA.  Where regions are cut at
 *	multiples of 1 GiB only, walker and operation may be in one VMA all the same
 * @small: no huge pages are wanted there
 * @victim: offset of the address that is faulted on
 * @mapped: offset of the page that the operation takes away
 * @waits: the operation waits for the walker
 * @smaps: the walker is a reader of /proc/self/smaps, not a fault
 * @beside: another page is mapped in the PT
 * @neighbour: another page is mapped in the next PT
 * @other_mmu: the address space has a secondary MMU
 * @answer: the operation's, when the walker has gone first
 * @only: the kernel that comes through @symbol there, NULL for each
 * @except: the kernel that does not, NULL for none
 */
struct window {
	const char *name;
	const char *symbol;
	enum operation operation;
	u64 boundary;
	bool small;
	u64 victim;
	u64 mapped;
	bool waits;
	bool smaps;
	bool beside;
	bool neighbour;
	bool other_mmu;
	int answer;
	const char *only;
	const char *except;
};

/* The region's part that is a whole slot of 512 GiB, whose PDPT is vpt's. */
static struct region r;
static char *base;

static const struct window *window;
static int watcher;
static _Atomic u64 tid, operator_tid, go, fault_over, done;
static _Atomic int result;

/* 6.1 wants no huge pages in special VMAs; others ask for one first, if they have any. */
static const char *symbol(void)
{
	if (window->symbol)
		return window->symbol;
	return linux_has_huge_pages() && !runs_on("6.1") ? "vpt_huge_fault" : "vpt_fault";
}

static void hold_walker(int fd)
{
	struct hold_order order = { .tid = tid, .milliseconds = HELD_MS };

	/* An entry of the region, among those of all VMAs. */
	if (window->smaps) {
		order.argument = 2;
		order.value = (u64)base;
		order.mask = ~(SLOT - 1);
	}
	strncpy(order.symbol, symbol(), sizeof(order.symbol) - 1);
	hold_set(fd, &order);
}

static void *walker(void *unused)
{
	char buffer[4096];
	int fd;

	pin_to(1);
	/* Not within the window: the first use of what is used below. */
	fd = open("/proc/self/smaps", O_RDONLY);
	post(&tid, gettid());
	wait_for(&go, 1);
	if (window->smaps)
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
	else
		probe_store(base + window->victim, 0x5a);
	close(fd);
	post(&fault_over, 1);
	return unused;
}

static int unmap_often(char *at)
{
	unsigned int i;
	int ret = vu_unmap(r.fd, at, NULL);

	for (i = 0; i < 2 * WAITING && !ret; i++) {
		ret = vu_map(r.fd, at, VPT_4K, RW, 0);
		if (!ret)
			ret = vu_unmap(r.fd, at, NULL);
	}
	return ret;
}

static int operate(void)
{
	char *at = base + window->mapped;

	switch (window->operation) {
	case UNMAP_OFTEN:
		return unmap_often(at);
	case UNMAP:
	case UNMAP_HUGE:
		return vu_unmap(r.fd, at, NULL);
	case UNMAP_RANGE:
		return vu_unmap_range(r.fd, at, VPT_4K, NULL);
	case MAP_HUGE:
		return vu_map(r.fd, at, VPT_2M, RW, 0);
	case MUNMAP:
		break;
	}
	return munmap(base, SLOT) ? -errno : 0;
}

static void *operator(void *unused)
{
	pin_to(0);
	post(&operator_tid, gettid());
	wait_for(&go, 2);
	result = operate();
	post(&done, 1);
	return unused;
}

static void add_other_mmu(void)
{
	struct watcher_order order = { .kind = WATCHER_COPY };

	watcher = module_device("watcher");
	REQUIRE(write(watcher, &order, sizeof(order)) == sizeof(order), "watcher: %s",
		strerror(errno));
}

static void divide(void)
{
	const int advice = window->small && linux_has_huge_pages() ? MADV_NOHUGEPAGE :
								    MADV_RANDOM;
	char *at = base + window->boundary;

	if (!window->boundary || (window->boundary % VPT_1G && !can_cut()))
		return;
	REQUIRE(!madvise(at, r.base + r.bytes - at, advice), "madvise: %s", strerror(errno));
}

static void setup(void)
{
	const u64 size = window->operation == UNMAP_HUGE ? VPT_2M : VPT_4K;

	region_rw(&r, 1024, 0);
	if (window->operation == UNMAP_HUGE || window->operation == MAP_HUGE)
		need_size(r.fd, VPT_2M);
	base = (char *)(((u64)r.base + SLOT - 1) & ~(SLOT - 1));
	if (window->operation != MAP_HUGE)
		REQUIRE(!vu_map(r.fd, base + window->mapped, size, RW, 0), "map");
	if (window->beside)
		REQUIRE(!vu_map(r.fd, base + window->mapped + VPT_4K, VPT_4K, RW, 0), "map");
	if (window->neighbour)
		REQUIRE(!vu_map(r.fd, base + VPT_2M, VPT_4K, RW, 0), "map");
	if (window->other_mmu)
		add_other_mmu();
	divide();
}

/* What was freed too early is soon used for something else. */
static void use_tables(void)
{
	static u64 n;
	u64 i;

	for (i = 0; i < 16; i++)
		EXPECT(!vu_map(r.fd, base + (64 + n++) * VPT_1G, VPT_4K, RW, 0) ||
		       window->operation == MUNMAP, "map elsewhere");
}

static void need_kernel(void)
{
	if (window->only && !runs_on(window->only))
		skip("a window of Linux %s", window->only);
	if (window->except && runs_on(window->except))
		skip("no window of Linux %s", window->except);
}

/* Whether the operation does, while the walker is held, what it should: wait, or return. */
static bool as_it_should(int hold)
{
	if (window->waits)
		return hold_makes_wait(hold, operator_tid, &done);
	return hold_lets(hold, &done);
}

static void held_open(u64 arg)
{
	pthread_t walks, operates;
	bool right;
	int hold;

	window = (const struct window *)arg;
	need_kernel();
	need_hold();
	hold = hold_open();
	setup();
	pthread_create(&walks, NULL, walker, NULL);
	pthread_create(&operates, NULL, operator, NULL);
	wait_for(&tid, 1);
	wait_for(&operator_tid, 1);
	hold_walker(hold);
	post(&go, 1);
	REQUIRE(hold_reached(hold, &fault_over), "%s() was not passed", symbol());

	post(&go, 2);
	right = as_it_should(hold);
	EXPECT(hold_state(hold) == HOLD_HELD, "the walker went on by itself");
	EXPECT(right, window->waits ? "the operation was not seen to wait for the walker" :
	       "the operation waits for a walker elsewhere");
	if (done)
		use_tables();
	hold_release(hold);
	pthread_join(walks, NULL);
	pthread_join(operates, NULL);
	EXPECT(result == window->answer, "the operation: %s", strerror(-result));
	use_tables();
	expect_sound(r.fd, "in the end");
	close(hold);
	if (window->other_mmu)
		close(watcher);
}

static void *sleeper(void *unused)
{
	post(&tid, gettid());
	wait_for(&go, 1);
	return unused;
}

/* A PT that goes beside walkers is used again after a grace period: by Linux, not by vpt. */
static void goes_by_rcu(u64 unused)
{
	const unsigned int rounds = 64;
	struct vpt_stats before, s;
	pthread_t other;
	unsigned int i;

	(void)unused;
	if (runs_on("6.1"))
		skip("walkers do not rely on RCU");
	region_rw(&r, 1, 0);
	REQUIRE(!vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0), "map");
	pthread_create(&other, NULL, sleeper, NULL);
	wait_for(&tid, 1);
	REQUIRE(!vu_stats(r.fd, &before), "STATS");
	for (i = 0; i < rounds; i++) {
		REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "map");
		REQUIRE(!vu_unmap(r.fd, r.base, NULL), "unmap");
	}
	for (i = 0; i < 1000; i++) {
		REQUIRE(!vu_stats(r.fd, &s), "STATS");
		if (s.tables_freed - before.tables_freed >= rounds && !s.tables_waiting)
			break;
		usleep(10000);
	}
	EXPECT(s.tables_freed - before.tables_freed >= rounds, "%llu tables freed in %u rounds",
	       s.tables_freed - before.tables_freed, rounds);
	EXPECT(!s.tables_waiting, "%llu tables wait", s.tables_waiting);
	post(&go, 1);
	pthread_join(other, NULL);
	expect_sound(r.fd, "in the end");
}

/* Two VMAs that share a PT, a PD, or a PDPT; the walker is in the second. */
#define PT_SHARED	.boundary = VPT_2M / 2, .victim = VPT_2M / 2 + 5 * VPT_4K
#define PD_SHARED	.boundary = VPT_2M, .victim = 3 * VPT_2M
#define PDPT_SHARED	.boundary = VPT_1G, .victim = 3 * VPT_1G
#define NONE_SHARED	.boundary = SLOT, .victim = SLOT + VPT_4K
#define WAITS		.waits = true

static const struct window windows[] = {
	{ "a fault about to be answered, in a PT that UNMAP empties",
	  "vpt_fault", UNMAP, PT_SHARED, WAITS },
	{ "a fault about to be answered, in a PT that UNMAP_RANGE empties",
	  "vpt_fault", UNMAP_RANGE, PT_SHARED, WAITS },
	{ "a fault about to read a PT that UNMAP empties",
	  "pte_offset_map_nolock", UNMAP, PT_SHARED, WAITS, .only = "6.12" },
	{ "a fault about to read a PT that UNMAP empties",
	  "pte_offset_map_rw_nolock", UNMAP, PT_SHARED, WAITS, .only = "7.3" },
	{ "a fault about to be answered, in a PD that UNMAP empties",
	  NULL, UNMAP, PD_SHARED, WAITS },
	{ "a fault about to be answered, in a PD that UNMAP of 2M empties",
	  NULL, UNMAP_HUGE, PD_SHARED, WAITS },
	{ "a fault about to be answered, in a PDPT that UNMAP empties",
	  NULL, UNMAP, PDPT_SHARED, WAITS },
	/* Where no huge page is asked for first. */
	{ "a fault about to link a PD into a PDPT that UNMAP empties",
	  "__pmd_alloc", UNMAP, PDPT_SHARED, WAITS, .small = true },
	{ "a fault about to link a PD into a PDPT that UNMAP_RANGE empties",
	  "__pmd_alloc", UNMAP_RANGE, PDPT_SHARED, WAITS, .small = true },
	{ "a fault about to be answered, where MAP puts a 2M page",
	  NULL, MAP_HUGE, .victim = VPT_4K, WAITS, .answer = -EEXIST },
	{ "a fault about to be answered, where munmap is",
	  "vpt_fault", MUNMAP, PT_SHARED, WAITS },
	{ "a fault that has just begun, where UNMAP frees tables",
	  "handle_mm_fault", UNMAP, PDPT_SHARED, WAITS },
	{ "a reader of smaps in a PT that UNMAP empties",
	  "smaps_pte_range", UNMAP, .smaps = true, WAITS, .except = "6.1" },
	{ "a reader of smaps in a PT does not hold up UNMAP of a page beside others",
	  "smaps_pte_range", UNMAP, .smaps = true, .beside = true, .except = "6.1" },
	/* Which KVM's fault relies on, between its two looks for what it has faulted in. */
	{ "it does where there is a secondary MMU",
	  "smaps_pte_range", UNMAP, .smaps = true, .beside = true, .other_mmu = true, WAITS,
	  .except = "6.1" },
	/* A PT goes by itself where walkers rely on RCU, and nobody else can see the difference. */
	{ "a fault about to be answered does not hold up UNMAP of its PT",
	  "vpt_fault", UNMAP, PT_SHARED, .neighbour = true, .except = "6.1" },
	{ "a fault about to read a PT does not hold up UNMAP of it",
	  "pte_offset_map_nolock", UNMAP, PT_SHARED, .neighbour = true, .only = "6.12" },
	{ "a fault about to read a PT does not hold up UNMAP of it",
	  "pte_offset_map_rw_nolock", UNMAP, PT_SHARED, .neighbour = true, .only = "7.3" },
	{ "a reader of smaps does not hold up UNMAP of its PT",
	  "smaps_pte_range", UNMAP, .smaps = true, .neighbour = true, .except = "6.1" },
	{ "on 6.1 a fault holds up UNMAP of its PT",
	  "vpt_fault", UNMAP, PT_SHARED, WAITS, .neighbour = true, .only = "6.1" },
	{ "a fault holds up UNMAP of its PT where there is a secondary MMU",
	  "vpt_fault", UNMAP, PT_SHARED, WAITS, .neighbour = true, .other_mmu = true },
	{ "when 1024 tables wait for a grace period, UNMAP waits for walkers",
	  "vpt_fault", UNMAP_OFTEN, PT_SHARED, WAITS, .neighbour = true, .except = "6.1" },
	{ "a fault that shares no table holds nobody up",
	  NULL, UNMAP, NONE_SHARED, .except = "6.1" },
};

int main(int argc, char **argv)
{
	struct property properties[ARRAY_SIZE(windows) + 1] = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		properties[i].name = windows[i].name;
		properties[i].run = held_open;
		properties[i].arg = (u64)&windows[i];
	}
	properties[i].name = "a PT that goes beside walkers goes to Linux, after a grace period";
	properties[i].run = goes_by_rcu;
	return run_unchecked(argc, argv, properties, ARRAY_SIZE(properties));
}
