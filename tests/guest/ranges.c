// SPDX-License-Identifier: GPL-2.0
/* The range forms: all or none, holes skipped, huge pages never cut. */
#include "lib/guest.h"

static void expect_done(struct vpt_range *d, u64 bytes, u64 pages, const char *what)
{
	EXPECT(d->touched_bytes == bytes && d->touched_pages == pages,
	       "%s touched %llu bytes, %llu pages; expected %llu, %llu", what,
	       d->touched_bytes, d->touched_pages, (unsigned long long)bytes,
	       (unsigned long long)pages);
}

/* Long enough to cross tables, and not aligned to them. */
static void map_protect_unmap(u64 size)
{
	u64 n = size == VPT_4K ? 1300 : size == VPT_2M ? 8 : 1;
	struct vpt_stats before, after;
	struct vpt_range d;
	struct region r;
	char *va;
	u64 i, v;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	va = r.base + VPT_1G - (size == VPT_1G ? 0 : n / 2 * size);
	REQUIRE(!vu_map_range(r.fd, va, n * size, size, RW, &d), "MAP_RANGE");
	expect_done(&d, n * size, n, "MAP_RANGE");
	for (i = 0; i < n; i++) {
		EXPECT(!probe_load(va + i * size + 16, &v) && !v, "page %llu: load",
		       (unsigned long long)i);
		EXPECT(!probe_store(va + i * size, i), "page %llu: store",
		       (unsigned long long)i);
	}
	EXPECT(probe_load(va - 8, &v) == PROBE_SEGV, "below the range");
	EXPECT(probe_load(va + n * size, &v) == PROBE_SEGV, "above the range");
	expect_sound(r.fd, "mapped");
	vu_stats(r.fd, &before);
	EXPECT(!vu_protect_range(r.fd, va, n * size, VPT_READ, &d), "PROTECT_RANGE");
	expect_done(&d, n * size, n, "PROTECT_RANGE");
	vu_stats(r.fd, &after);
	EXPECT(after.shootdowns == before.shootdowns + 1, "%llu shootdowns for one call",
	       after.shootdowns - before.shootdowns);
	for (i = 0; i < n; i++) {
		EXPECT(!probe_load(va + i * size, &v) && v == i, "page %llu: data",
		       (unsigned long long)i);
		EXPECT(probe_store(va + i * size, 0) == PROBE_SEGV,
		       "page %llu: store to a read-only page", (unsigned long long)i);
	}
	EXPECT(!vu_unmap_range(r.fd, va, n * size, &d), "UNMAP_RANGE");
	expect_done(&d, n * size, n, "UNMAP_RANGE");
	for (i = 0; i < n; i++)
		EXPECT(probe_load(va + i * size, &v) == PROBE_SEGV,
		       "page %llu: load after unmap", (unsigned long long)i);
	vu_stats(r.fd, &after);
	EXPECT(!after.mapped_bytes && !after.frames, "%llu bytes, %llu frames are left",
	       after.mapped_bytes, after.frames);
	expect_sound(r.fd, "unmapped");
	region_close(&r);
}

/* Holes and mixed sizes: what lies wholly inside is touched, all else stays. */
static void holes_and_mixed_sizes(u64 unused)
{
	struct vpt_stats s;
	struct vpt_range d;
	struct region r;
	u64 i, v;

	(void)unused;
	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, VPT_2M);
	for (i = 0; i < 50; i++)
		REQUIRE(!vu_map(r.fd, r.base + i * 7 * VPT_4K, VPT_4K, RW, 0), "map 4K");
	for (i = 2; i < 6; i += 2)
		REQUIRE(!vu_map(r.fd, r.base + i * VPT_2M, VPT_2M, RW, 0), "map 2M");
	EXPECT(!vu_protect_range(r.fd, r.base, r.bytes, VPT_READ, &d), "PROTECT_RANGE");
	expect_done(&d, 50 * VPT_4K + 2 * VPT_2M, 52, "PROTECT_RANGE of all");
	EXPECT(probe_store(r.base + 4 * VPT_2M, 1) == PROBE_SEGV, "store to read-only");
	EXPECT(!vu_unmap_range(r.fd, r.base + VPT_4K, 3 * VPT_2M - VPT_4K, &d),
	       "UNMAP_RANGE");
	expect_done(&d, 49 * VPT_4K + VPT_2M, 50, "UNMAP_RANGE of a part");
	EXPECT(!probe_load(r.base, &v), "the page before the range");
	EXPECT(!probe_load(r.base + 4 * VPT_2M, &v), "the page after the range");
	EXPECT(!vu_unmap_range(r.fd, r.base + VPT_1G, VPT_1G, &d), "UNMAP_RANGE of nothing");
	expect_done(&d, 0, 0, "UNMAP_RANGE of nothing");
	vu_stats(r.fd, &s);
	EXPECT(s.leaves[0] == 1 && s.leaves[1] == 1, "%llu and %llu leaves are left",
	       s.leaves[0], s.leaves[1]);
	expect_sound(r.fd, "after ranges");
	region_close(&r);
}

static void straddle(struct region *r, char *va, u64 length, const char *what)
{
	struct vpt_page p;
	u64 v;

	EXPECT(vu_unmap_range(r->fd, va, length, NULL) == -EINVAL, "unmap, %s", what);
	EXPECT(vu_protect_range(r->fd, va, length, VPT_READ, NULL) == -EINVAL,
	       "protect, %s", what);
	EXPECT(!vu_resolve(r->fd, r->base + VPT_1G, &p) && p.prot == RW,
	       "%s: the huge page has changed", what);
	EXPECT(!probe_load(r->base + VPT_1G - VPT_4K, &v) && v == 1,
	       "%s: the page before has changed", what);
	EXPECT(!probe_load(r->base + VPT_1G, &v) && v == 2,
	       "%s: the huge page's data has changed", what);
	EXPECT(!probe_store(r->base + VPT_1G - VPT_4K, 1), "%s: write before", what);
	expect_sound(r->fd, what);
}

/* A straddled huge page: EINVAL, and no page of the range has changed. */
static void straddled_huge_page(u64 size)
{
	struct region r;
	char *huge;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	huge = r.base + VPT_1G;
	REQUIRE(!vu_map(r.fd, huge, size, RW, 0), "map");
	REQUIRE(!vu_map(r.fd, huge - VPT_4K, VPT_4K, RW, 0), "map before");
	REQUIRE(!vu_map(r.fd, huge + size, VPT_4K, RW, 0), "map after");
	probe_store(huge - VPT_4K, 1);
	probe_store(huge, 2);
	straddle(&r, huge - VPT_4K, size, "the range ends inside");
	straddle(&r, huge - VPT_4K, 2 * VPT_4K, "the range ends at its first page");
	straddle(&r, huge + VPT_4K, size, "the range starts inside");
	straddle(&r, huge + size - VPT_4K, 2 * VPT_4K, "the range starts at its last page");
	straddle(&r, huge + VPT_4K, VPT_4K, "the range lies inside");
	region_close(&r);
}

/* One page in the way, anywhere: nothing of the range is mapped. */
static void map_is_all_or_none(u64 size)
{
	u64 n = size == VPT_4K ? 1100 : 8;
	struct vpt_stats before, after;
	struct region r;
	u64 i, at;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	for (i = 0; i < 5; i++) {
		at = i * (n - 1) / 4;
		REQUIRE(!vu_map(r.fd, r.base + VPT_1G + at * size, VPT_4K, RW, 0), "map");
		vu_stats(r.fd, &before);
		EXPECT(vu_map_range(r.fd, r.base + VPT_1G, n * size, size, RW, NULL) ==
		       -EEXIST, "a page in the way at %llu", (unsigned long long)at);
		vu_stats(r.fd, &after);
		EXPECT(after.mapped_bytes == before.mapped_bytes &&
		       after.frames == before.frames, "%llu bytes, %llu frames more",
		       after.mapped_bytes - before.mapped_bytes,
		       after.frames - before.frames);
		expect_sound(r.fd, "after a refused range");
		REQUIRE(!vu_unmap(r.fd, r.base + VPT_1G + at * size, NULL), "unmap");
	}
	EXPECT(!vu_map_range(r.fd, r.base + VPT_1G, n * size, size, RW, NULL),
	       "nothing in the way");
	region_close(&r);
}

/* More tables than a file keeps in reserve, and all that it keeps. */
#define LARGE		(10 * VPT_2M)
#define RESERVE		(6 * VPT_2M)

/* Each takes all of the reserve for a moment, and the second gives tables back to it. */
static void touch_two(void *arg)
{
	char *at = arg;
	u64 value;

	EXPECT(!probe_load(at, &value) && !probe_load(at + VPT_2M, &value), "a touch beside it");
}

static struct region *shared;

static void map_and_unmap(void *arg)
{
	char *at = arg;
	int ret = vu_map(shared->fd, at, VPT_4K, RW, 0);

	EXPECT(!ret, "a MAP beside it: %s", strerror(-ret));
	vu_unmap_range(shared->fd, at - VPT_1G / 2, VPT_1G / 2 + VPT_2M, NULL);
}

static void tables_suffice_beside_others(u64 unused)
{
	struct beside touches, maps;
	struct region r;
	u64 i, n = paced(24);
	int ret;

	(void)unused;
	region_rw(&r, 3, 0);
	shared = &r;
	beside_begin(&touches, touch_two, r.base + VPT_1G);
	beside_begin(&maps, map_and_unmap, r.base + VPT_1G + VPT_1G / 2);
	for (i = 0; i < n; i++) {
		const u64 bytes = i % 4 ? RESERVE : LARGE;

		ret = vu_map_range(r.fd, r.base + 2 * VPT_1G, bytes, VPT_4K, RW, NULL);
		if (!EXPECT(!ret, "round %llu: %s", (unsigned long long)i, strerror(-ret)))
			break;
		EXPECT(!vu_unmap_range(r.fd, r.base + 2 * VPT_1G, bytes, NULL), "unmap");
	}
	beside_end(&touches);
	beside_end(&maps);
	note("beside it %llu touches and %llu maps", (unsigned long long)touches.rounds,
	     (unsigned long long)maps.rounds);
	expect_sound(r.fd, "afterwards");
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("ranges map, protect, unmap with one shootdown each",
			  map_protect_unmap),
		{ "ranges skip holes and take mixed sizes", holes_and_mixed_sizes, 0, 0 },
		{ "2M: a straddled page refuses the range", straddled_huge_page, VPT_2M, 0 },
		{ "1G: a straddled page refuses the range", straddled_huge_page, VPT_1G, 0 },
		{ "4K: MAP_RANGE is all or none", map_is_all_or_none, VPT_4K, 0 },
		{ "2M: MAP_RANGE is all or none", map_is_all_or_none, VPT_2M, 0 },
		{ "4K: a large MAP_RANGE, and touches and MAPs beside it, have their tables",
		  tables_suffice_beside_others, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
