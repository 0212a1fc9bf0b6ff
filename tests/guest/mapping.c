// SPDX-License-Identifier: GPL-2.0
/* Mappings: what is there after map, unmap, remap and a touch, and what is not. */
#include "lib/guest.h"

/* The mapping that covers @va is @want's; physical addresses are not compared. */
static void expect_mapping(int fd, const void *va, const char *base, u64 size, u32 prot)
{
	struct vpt_page p;
	int err = vu_resolve(fd, va, &p);

	if (!EXPECT(!err, "RESOLVE %p: %s", va, strerror(-err)))
		return;
	EXPECT(p.addr == (u64)base && p.page_size == size && p.prot == prot,
	       "RESOLVE %p: addr %llx, size %llx, prot %x; expected %p, %llx, %x",
	       va, p.addr, p.page_size, p.prot, base, (unsigned long long)size, prot);
	EXPECT(p.phys && !(p.phys & (size - 1)), "phys %llx is not a frame of that size",
	       p.phys);
}

static void expect_unmapped(int fd, char *va)
{
	u64 value;
	int err = vu_resolve(fd, va, NULL);

	EXPECT(err == -ENOENT, "RESOLVE %p: %s, expected ENOENT", (void *)va,
	       strerror(-err));
	EXPECT(probe_load(va, &value) == PROBE_SEGV, "load from unmapped %p", (void *)va);
	EXPECT(probe_fault_addr() == va, "fault reported at %p, not %p",
	       probe_fault_addr(), (void *)va);
	EXPECT(probe_store(va, 1) == PROBE_SEGV, "store to unmapped %p", (void *)va);
}

static void demand_maps_zeroes(u64 unused)
{
	struct vpt_stats s;
	struct region r;
	u64 i, v;

	(void)unused;
	region_rw(&r, 2, 0);
	for (i = 0; i < 64; i++) {
		char *p = r.base + i * (r.bytes / 64) + i * VPT_4K;

		EXPECT(!probe_load(p + 8 * i, &v) && v == 0, "first load at %p", (void *)p);
		EXPECT(!probe_store(p, i) && !probe_load(p, &v) && v == i, "store at %p",
		       (void *)p);
		expect_mapping(r.fd, p + 123, p, VPT_4K, RW);
	}
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	EXPECT(s.leaves[0] == 64 && s.faults == 64 && s.frames == 64 &&
	       s.mapped_bytes == 64 * VPT_4K,
	       "%llu leaves, %llu faults, %llu frames, %llu bytes", s.leaves[0],
	       s.faults, s.frames, s.mapped_bytes);
	expect_sound(r.fd, "after 64 touches");
	region_close(&r);
}

/* A load first: the page must be writable all the same. */
static void demand_first_load_then_store(u64 unused)
{
	struct region r;
	struct vpt_stats s;
	u64 v;

	(void)unused;
	region_rw(&r, 1, 0);
	EXPECT(!probe_load(r.base, &v) && !v, "load");
	EXPECT(!probe_store(r.base, 7), "store after load");
	vu_stats(r.fd, &s);
	EXPECT(s.faults == 1 && s.segvs == 0, "%llu faults, %llu segvs", s.faults, s.segvs);
	region_close(&r);
}

static void demand_unmapped_page_comes_back_zero(u64 unused)
{
	struct region r;
	u64 i, v;

	(void)unused;
	region_rw(&r, 1, 0);
	for (i = 0; i < 100; i++) {
		EXPECT(!probe_load(r.base, &v) && !v, "round %llu: %llx",
		       (unsigned long long)i, (unsigned long long)v);
		memset(r.base, 0xa5, VPT_4K);
		EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	}
	region_close(&r);
}

static void demand_read_only_region(u64 unused)
{
	struct region r;
	u64 v;

	(void)unused;
	region_open(&r, 1, 0, PROT_READ);
	EXPECT(!probe_load(r.base, &v) && !v, "load");
	expect_mapping(r.fd, r.base, r.base, VPT_4K, VPT_READ);
	EXPECT(probe_store(r.base, 1) == PROBE_SEGV, "store to a mapped page");
	EXPECT(probe_store(r.base + VPT_4K, 1) == PROBE_SEGV, "store to an unmapped page");
	EXPECT(vu_resolve(r.fd, r.base + VPT_4K, NULL) == -ENOENT,
	       "a refused store left a page");
	region_close(&r);
}

static void strict_faults_everywhere(u64 unused)
{
	struct vpt_stats s;
	struct region r;
	u64 i;

	(void)unused;
	region_rw(&r, 2, VPT_STRICT);
	for (i = 0; i < 64; i++)
		expect_unmapped(r.fd, r.base + i * (r.bytes / 64) + i * VPT_4K);
	vu_stats(r.fd, &s);
	EXPECT(s.flags == VPT_STRICT && s.segvs == 128 && !s.faults && !s.frames,
	       "flags %x, %llu segvs, %llu faults, %llu frames", s.flags, s.segvs,
	       s.faults, s.frames);
	expect_sound(r.fd, "after refused touches");
	region_close(&r);
}

/* A refused touch leaves Linux's empty tables; a mapping must not mind them. */
static void map_where_linux_left_tables(u64 size)
{
	struct region r;
	u64 v;

	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, size);
	expect_unmapped(r.fd, r.base);
	expect_unmapped(r.fd, r.base + VPT_1G - VPT_4K);
	EXPECT(!vu_map(r.fd, r.base, size, RW, 0), "map over empty tables");
	EXPECT(!probe_load(r.base + size - 8, &v) && !v, "load");
	expect_sound(r.fd, "mapped over empty tables");
	region_close(&r);
}

static void map_use_unmap(u64 size)
{
	struct vpt_page old;
	struct region r;
	char *last;
	u64 v;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	for (char *p = r.base; p < r.base + 3 * VPT_1G; p += VPT_1G) {
		char *va = p == r.base ? p : p + VPT_1G - size;

		if (p != r.base && size == VPT_1G)
			break;
		last = va + size - 8;
		EXPECT(!vu_map(r.fd, va, size, RW, 0), "map %p", (void *)va);
		expect_mapping(r.fd, va, va, size, RW);
		expect_mapping(r.fd, last + 7, va, size, RW);
		EXPECT(!probe_load(last, &v) && !v, "first load");
		EXPECT(!probe_store(va, 1) && !probe_store(last, 2), "stores");
		EXPECT(!probe_load(va, &v) && v == 1, "load of what was stored");
		EXPECT(!probe_load(last, &v) && v == 2, "load of what was stored");
		expect_sound(r.fd, "mapped");
		EXPECT(!vu_unmap(r.fd, va, &old), "unmap");
		EXPECT(old.page_size == size && old.prot == RW && old.addr == (u64)va &&
		       old.state == (VPT_ACCESSED | VPT_DIRTY) && old.phys,
		       "unmap reports size %llx, prot %x, state %x", old.page_size,
		       old.prot, old.state);
		expect_unmapped(r.fd, va);
		expect_unmapped(r.fd, last);
		EXPECT(vu_unmap(r.fd, va, NULL) == -ENOENT, "a second unmap");
		expect_sound(r.fd, "unmapped");
	}
	region_close(&r);
}

/* Whatever overlaps is refused: inside, around, equal; neighbours are not. */
static void overlap_is_refused(u64 size)
{
	static const u64 sizes[] = { VPT_4K, VPT_2M, VPT_1G };
	struct region r;
	unsigned int i;
	char *va;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	va = r.base + VPT_1G + (size == VPT_1G ? 0 : VPT_1G - size);
	REQUIRE(!vu_map(r.fd, va, size, RW, 0), "map");
	probe_store(va, 77);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 s = sizes[i];
		char *first = (char *)((u64)va & ~(s - 1));
		char *last = (char *)((u64)(va + size - 1) & ~(s - 1));
		u64 v;

		if (!have_size(r.fd, s))
			continue;
		EXPECT(vu_map(r.fd, first, s, RW, 0) == -EEXIST, "%s at the start",
		       size_name(s));
		EXPECT(vu_map(r.fd, last, s, RW, 0) == -EEXIST, "%s at the end",
		       size_name(s));
		/* Of 1 GiB frames there may be too few for a range. */
		EXPECT(s == VPT_1G ||
		       vu_map_range(r.fd, first - s, 3 * s, s, RW, NULL) == -EEXIST,
		       "range of %s", size_name(s));
		EXPECT(!probe_load(va, &v) && v == 77, "the mapping has changed");
		EXPECT(vu_resolve(r.fd, first - s, NULL) == -ENOENT,
		       "a refused range left a page");
		expect_sound(r.fd, "after a refused overlap");
	}
	EXPECT(!vu_map(r.fd, va - VPT_4K, VPT_4K, RW, 0), "neighbour below");
	if (va + size < r.base + r.bytes)
		EXPECT(!vu_map(r.fd, va + size, VPT_4K, RW, 0), "neighbour above");
	region_close(&r);
}

/* Two addresses, one frame: a store through one is seen through the other. */
static void alias_shares_the_frame(u64 size)
{
	struct vpt_page a, b;
	struct region r;
	u64 frame = 0, v;
	char *y;

	region_rw(&r, 3, VPT_STRICT);
	need_size(r.fd, size);
	y = r.base + (size == VPT_1G ? VPT_1G : 3 * size);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame) && frame, "FRAME_ALLOC");
	EXPECT(!vu_map(r.fd, r.base, size, RW, frame), "map x");
	EXPECT(!vu_map(r.fd, y, size, VPT_READ, frame), "map y");
	vu_resolve(r.fd, r.base, &a);
	vu_resolve(r.fd, y, &b);
	EXPECT(a.phys == b.phys && a.frame == frame && b.frame == frame,
	       "phys %llx and %llx, frames %llx and %llx", a.phys, b.phys, a.frame, b.frame);
	EXPECT(!probe_store(r.base + size - 8, 5) && !probe_load(y + size - 8, &v) && v == 5,
	       "a store through x, a load through y");
	EXPECT(probe_store(y, 1) == PROBE_SEGV, "y is read-only");
	EXPECT(!vu_frame_free(r.fd, frame), "FRAME_FREE");
	EXPECT(vu_frame_free(r.fd, frame) == -ENOENT, "a second FRAME_FREE");
	EXPECT(vu_map(r.fd, r.base + 2 * VPT_1G, size, RW, frame) == -ENOENT,
	       "map of a freed handle");
	EXPECT(!probe_load(y + size - 8, &v) && v == 5, "the frame outlives its handle");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap x");
	EXPECT(!probe_load(y + size - 8, &v) && v == 5, "the frame outlives x");
	expect_sound(r.fd, "aliases");
	region_close(&r);
}

/* A handle keeps the frame and its data while nothing maps it. */
static void frame_outlives_its_mapping(u64 size)
{
	struct region r;
	u64 frame = 0, v;

	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
	EXPECT(!vu_map(r.fd, r.base, size, RW, frame), "map");
	EXPECT(!probe_load(r.base, &v) && !v, "a fresh frame holds %llx",
	       (unsigned long long)v);
	probe_store(r.base, 99);
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(!vu_map(r.fd, r.base + VPT_1G, size, RW, frame), "map elsewhere");
	EXPECT(!probe_load(r.base + VPT_1G, &v) && v == 99, "the data is gone");
	region_close(&r);
}

static void remap_swaps_the_frame(u64 size)
{
	struct vpt_page old;
	struct region r;
	u64 a = 0, b = 0, v;

	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_frame_alloc(r.fd, size, &a), "FRAME_ALLOC");
	if (vu_frame_alloc(r.fd, size, &b) && EXPECT(size == VPT_1G, "FRAME_ALLOC"))
		skip("only one %s frame", size_name(size));
	REQUIRE(!vu_map(r.fd, r.base, size, RW, a), "map");
	probe_store(r.base, 1);
	EXPECT(!vu_remap(r.fd, r.base, b, &old), "remap to b");
	EXPECT(old.frame == a && old.page_size == size && old.prot == RW &&
	       old.state == (VPT_ACCESSED | VPT_DIRTY),
	       "remap reports frame %llx, size %llx, prot %x, state %x", old.frame,
	       old.page_size, old.prot, old.state);
	EXPECT(!probe_load(r.base, &v) && !v, "b holds %llx", (unsigned long long)v);
	probe_store(r.base, 2);
	EXPECT(!vu_remap(r.fd, r.base, a, NULL), "remap to a");
	EXPECT(!probe_load(r.base, &v) && v == 1, "a holds %llx", (unsigned long long)v);
	EXPECT(!vu_frame_free(r.fd, b), "FRAME_FREE");
	EXPECT(!vu_remap(r.fd, r.base, 0, NULL), "remap to a fresh frame");
	EXPECT(!probe_load(r.base, &v) && !v, "a fresh frame holds %llx",
	       (unsigned long long)v);
	EXPECT(vu_remap(r.fd, r.base, b, NULL) == -ENOENT, "remap to a freed handle");
	EXPECT(vu_remap(r.fd, r.base + VPT_1G, a, NULL) == -ENOENT, "remap of nothing");
	expect_sound(r.fd, "after remaps");
	region_close(&r);
}

static void region_closed_by_either_end(u64 fd_first)
{
	struct region r;
	u64 v;

	region_rw(&r, 2, 0);
	probe_store(r.base, 3);
	if (fd_first) {
		close(r.fd);
		EXPECT(!probe_load(r.base, &v) && v == 3, "data after close");
		EXPECT(!probe_load(r.base + VPT_1G, &v) && !v, "demand after close");
		EXPECT(!munmap(r.base, r.bytes), "munmap");
	} else {
		EXPECT(!munmap(r.base, r.bytes), "munmap");
		EXPECT(vu_resolve(r.fd, r.base, NULL) == -ENXIO, "no region is left");
		r.base = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0);
		REQUIRE(r.base != MAP_FAILED, "mmap again: %s", strerror(errno));
		EXPECT(!probe_load(r.base, &v) && !v, "the new region is fresh");
	}
}

/* The longest region: a whole 512 GiB slot and more, so that PDPTs are owned. */
static void region_of_a_whole_slot(u64 unused)
{
	struct region r;
	char *va;
	u64 v;

	(void)unused;
	region_rw(&r, 1536, VPT_STRICT);
	for (va = r.base; va < r.base + r.bytes; va += 100 * VPT_1G) {
		EXPECT(!vu_map(r.fd, va, VPT_4K, RW, 0), "map %p", (void *)va);
		EXPECT(!probe_store(va, (u64)va), "store");
		EXPECT(!probe_load(va, &v) && v == (u64)va, "load");
	}
	expect_sound(r.fd, "mapped");
	for (va = r.base; va < r.base + r.bytes; va += 100 * VPT_1G) {
		EXPECT(!vu_unmap(r.fd, va, NULL), "unmap");
		EXPECT(probe_load(va, &v) == PROBE_SEGV, "load after unmap");
	}
	expect_sound(r.fd, "unmapped");
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a first touch maps a zeroed page", demand_maps_zeroes, 0, 0 },
		{ "a page touched by a load can be stored to",
		  demand_first_load_then_store, 0, 0 },
		{ "an unmapped page comes back as zeroes by touch",
		  demand_unmapped_page_comes_back_zero, 0, 0 },
		{ "a touch in a read-only region maps read-only",
		  demand_read_only_region, 0, 0 },
		{ "strict: no touch maps anything", strict_faults_everywhere, 0, 0 },
		EACH_SIZE("empty tables of Linux do not stop a map",
			  map_where_linux_left_tables),
		EACH_SIZE("map, use, unmap, fault", map_use_unmap),
		EACH_SIZE("overlap is refused, neighbours are not", overlap_is_refused),
		EACH_SIZE("aliases share a frame", alias_shares_the_frame),
		EACH_SIZE("a handle keeps its frame", frame_outlives_its_mapping),
		EACH_SIZE("remap swaps the frame", remap_swaps_the_frame),
		{ "the region outlives its fd", region_closed_by_either_end, 1, 0 },
		{ "the fd outlives its region", region_closed_by_either_end, 0, 0 },
		{ "a region may span whole 512 GiB slots", region_of_a_whole_slot, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
