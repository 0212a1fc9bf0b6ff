// SPDX-License-Identifier: GPL-2.0
/*
 * 1 GiB frames: where they are taken from; and frames of every size with a bad page.
 * Bad pages stay bad, so this runs in guests of its own: see tests/guest/boots.
 */
#include "lib/guest.h"
#include "lib/limits.h"

#include <fcntl.h>

#define HARD	"/sys/devices/system/memory/hard_offline_page"
#define SOFT	"/sys/devices/system/memory/soft_offline_page"
#define KPF_HWPOISON	19

static bool poisoned(u64 phys)
{
	int fd = open("/proc/kpageflags", O_RDONLY);
	u64 flags = 0;

	if (pread(fd, &flags, 8, phys / VPT_4K * 8) != 8)
		flags = 0;
	close(fd);
	return flags >> KPF_HWPOISON & 1;
}

static bool offline(const char *how, u64 phys)
{
	char text[24];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)phys);
	return put_file(how, text);
}

static void make_bad(u64 phys)
{
	offline(HARD, phys);
	if (!poisoned(phys))
		skip("no way to mark a page as bad");
}

static u64 phys_at(const struct region *r, const char *va)
{
	struct vpt_page p;

	REQUIRE(!vu_resolve(r->fd, va, &p) && p.phys, "RESOLVE");
	return p.phys;
}

static struct vpt_stats stats_of(const struct region *r)
{
	struct vpt_stats s;

	REQUIRE(!vu_stats(r->fd, &s), "STATS");
	return s;
}

/* Take a good part of the frames of a size; the bad page is in none of them. */
static void expect_not_handed_out(const struct region *r, u64 size, u64 bad)
{
	const u64 want = size == VPT_4K ? 20000 : size == VPT_2M ? 400 : 8;
	char *va = r->base + VPT_1G;
	u64 n, at;

	for (n = 0; n < want && !vu_map(r->fd, va + n * size, size, RW, 0); n++) {
		at = phys_at(r, va + n * size);
		EXPECT(bad - at >= size, "%s frame %llx has the bad page %llx",
		       size_name(size), (unsigned long long)at, (unsigned long long)bad);
	}
	note("looked at %llu frames of %s", (unsigned long long)n, size_name(size));
	EXPECT(!vu_unmap_range(r->fd, va, want * size, NULL), "unmap");
}

/* Returns what is counted now. */
static struct vpt_stats expect_retired(const struct region *r, const struct vpt_stats *before, u64 n)
{
	struct vpt_stats after = stats_of(r);

	EXPECT(after.frames_retired == before->frames_retired + n, "retired: %llu, then %llu",
	       before->frames_retired, after.frames_retired);
	return after;
}

static void a_page_goes_bad_in_use(u64 size)
{
	struct vpt_stats before, after;
	struct region r;
	u64 bad;

	region_rw(&r, 9, VPT_STRICT);
	need_size(r.fd, size);
	before = stats_of(&r);
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	bad = phys_at(&r, r.base) + (size == VPT_4K ? 0 : size / 2 + VPT_4K);
	make_bad(bad);
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	expect_not_handed_out(&r, size, bad);
	/* Linux retires single pages itself. */
	after = expect_retired(&r, &before, size > VPT_4K);
	if (size == VPT_1G)
		EXPECT(after.pool_free == before.pool_free - 1, "pool: %llu, then %llu",
		       before.pool_free, after.pool_free);
	region_close(&r);
}

static void a_page_goes_bad_in_the_pool(u64 unused)
{
	struct vpt_stats before;
	struct region r;
	u64 bad;

	(void)unused;
	region_rw(&r, 9, VPT_STRICT);
	need_size(r.fd, VPT_1G);
	before = stats_of(&r);
	REQUIRE(!vu_map(r.fd, r.base, VPT_1G, RW, 0), "map");
	bad = phys_at(&r, r.base) + VPT_1G - VPT_4K;
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	make_bad(bad);
	expect_not_handed_out(&r, VPT_1G, bad);
	expect_retired(&r, &before, 1);
	region_close(&r);
}

/* Linux would move the page if it could; it cannot, and nothing is changed. */
static void soft_offline_takes_nothing(u64 size)
{
	struct vpt_stats before, after;
	struct region r;
	u64 phys;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	before = stats_of(&r);
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	*(u64 *)r.base = 0x50f7;
	phys = phys_at(&r, r.base);
	EXPECT(!offline(SOFT, phys), "Linux says that it moved the page");
	EXPECT(!poisoned(phys) && phys_at(&r, r.base) == phys && *(u64 *)r.base == 0x50f7,
	       "the frame changed");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	after = stats_of(&r);
	EXPECT(after.frames_retired == before.frames_retired, "%llu retired",
	       after.frames_retired);
	region_close(&r);
}

/* Bounds of ZONE_MOVABLE in bytes; false without one. */
static bool movable_zone(u64 *start, u64 *end)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	u64 spanned = 0, pfn = 0, value;
	bool here = false;
	char line[200];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Node ", 5))
			here = strstr(line, "Movable");
		else if (here && sscanf(line, " spanned %llu", (unsigned long long *)&value) == 1)
			spanned = value;
		else if (here && sscanf(line, " start_pfn: %llu",
					(unsigned long long *)&value) == 1)
			pfn = value;
	}
	if (f)
		fclose(f);
	*start = pfn * VPT_4K;
	*end = (pfn + spanned) * VPT_4K;
	return spanned;
}

static void pool_leaves_the_movable_zone(u64 unused)
{
	u64 start, end, n, at;
	struct region r;

	(void)unused;
	if (!movable_zone(&start, &end))
		skip("no ZONE_MOVABLE");
	region_rw(&r, 8, VPT_STRICT);
	need_size(r.fd, VPT_1G);
	for (n = 0; n < 8 && !vu_map(r.fd, r.base + n * VPT_1G, VPT_1G, RW, 0); n++) {
		at = phys_at(&r, r.base + n * VPT_1G);
		EXPECT(at + VPT_1G <= start || at >= end,
		       "frame %llx lies in ZONE_MOVABLE, %llx to %llx",
		       (unsigned long long)at, (unsigned long long)start,
		       (unsigned long long)end);
	}
	note("%llu frames", (unsigned long long)n);
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "no frame of the pool lies in ZONE_MOVABLE", pool_leaves_the_movable_zone,
		  0, 0 },
		EACH_SIZE("soft_offline_page takes nothing from a region",
			  soft_offline_takes_nothing),
		{ "4K: a page that goes bad in use is not handed out again",
		  a_page_goes_bad_in_use, VPT_4K, 0 },
		{ "2M: a page that goes bad in use is not handed out again",
		  a_page_goes_bad_in_use, VPT_2M, 0 },
		{ "1G: a page that goes bad in the pool is not handed out",
		  a_page_goes_bad_in_the_pool, 0, 0 },
		{ "1G: a page that goes bad in use is not handed out again",
		  a_page_goes_bad_in_use, VPT_1G, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
