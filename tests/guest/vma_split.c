// SPDX-License-Identifier: GPL-2.0
/*
 * A region in several VMAs: madvise(), mbind() and others split it.  No page lies across
 * the boundary of two VMAs, since munmap() of one of them would take half of the page.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

/* Whether a VMA begins at @at. */
static bool vma_begins(const void *at)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;
	bool found = false;
	char line[512];

	REQUIRE(maps, "/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), maps))
		found |= sscanf(line, "%lx-", &start) == 1 && start == (unsigned long)at;
	fclose(maps);
	return found;
}

static void by_madvise_random(char *at, u64 bytes)
{
	madvise(at, bytes, MADV_RANDOM);
}

static void by_madvise_nohugepage(char *at, u64 bytes)
{
	madvise(at, bytes, MADV_NOHUGEPAGE);
}

static void by_mbind(char *at, u64 bytes)
{
	syscall(SYS_mbind, at, bytes, MPOL_LOCAL, NULL, 0, 0);
}

static void by_mlock(char *at, u64 bytes)
{
	mlock(at, bytes);
}

static void by_mseal(char *at, u64 bytes)
{
	syscall(SYS_mseal, at, bytes, 0);
}

static void by_name(char *at, u64 bytes)
{
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, bytes, "part");
}

static void by_mprotect(char *at, u64 bytes)
{
	mprotect(at, bytes, PROT_READ);
}

static void by_mremap(char *at, u64 bytes)
{
	if (mremap(at, bytes, 2 * bytes, MREMAP_MAYMOVE) != MAP_FAILED)
		EXPECT(false, "mremap succeeded");
}

/* @must: Linux splits the VMA there, on every kernel. */
static const struct way {
	const char *name;
	void (*split)(char *at, u64 bytes);
	bool must;
} ways[] = {
	{ "madvise(MADV_RANDOM)", by_madvise_random, true },
	{ "madvise(MADV_NOHUGEPAGE)", by_madvise_nohugepage, true },
	{ "mbind", by_mbind, true },
	{ "mlock", by_mlock, false },
	{ "prctl(PR_SET_VMA)", by_name, false },
	{ "mprotect", by_mprotect, false },
	{ "mremap", by_mremap, false },
	/* The last one: what is sealed stays. */
	{ "mseal", by_mseal, false },
};

/* A file and a frame of it for all regions: a fresh one of 1 GiB takes seconds. */
static int fd;
static u64 frame;

static void file_open(u64 size)
{
	fd = open(VPT_DEVICE, O_RDWR);
	REQUIRE(fd >= 0 && !vu_config(fd, VPT_STRICT), "open: %s", strerror(errno));
	need_size(fd, size);
	REQUIRE(!vu_frame_alloc(fd, size, &frame), "a frame");
}

static char *region_map(void)
{
	char *base = mmap(NULL, 4 * VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	REQUIRE(base != MAP_FAILED, "mmap: %s", strerror(errno));
	return base;
}

static bool region_unmap(char *base)
{
	return !munmap(base, 4 * VPT_1G);
}

/* A boundary at @offset inside the second page: nothing is mapped across it. */
static void check_across(const struct way *way, char *base, u64 size, u64 offset)
{
	char *page = base + size;
	bool split;
	int got;

	way->split(page + offset, 4 * VPT_1G - size - offset);
	split = vma_begins(page + offset);
	EXPECT(split || !way->must, "%s does not split", way->name);
	got = vu_map(fd, page, size, RW, frame);
	EXPECT(got == (split ? -EINVAL : 0), "%s at +%#llx: map: %s", way->name,
	       (unsigned long long)offset, strerror(-got));
	if (split && size == VPT_2M) {
		got = vu_map_range(fd, base, 3 * size, size, RW, NULL);
		EXPECT(got == -EINVAL, "%s at +%#llx: map of a range: %s", way->name,
		       (unsigned long long)offset, strerror(-got));
	}
	if (split)
		EXPECT(vu_resolve(fd, base, NULL) == -ENOENT &&
		       vu_resolve(fd, page, NULL) == -ENOENT,
		       "%s: something is mapped", way->name);
	/* Where no page lies across it, the boundary is in nobody's way. */
	EXPECT(!vu_map(fd, base, size, RW, frame), "%s: map below it", way->name);
	EXPECT(!vu_map(fd, base + 2 * size, size, RW, frame), "%s: map above it",
	       way->name);
	expect_sound(fd, way->name);
}

static void no_page_lies_across(u64 size)
{
	const u64 offsets[] = { VPT_4K, size / 2, size - VPT_4K };
	unsigned int i, j;

	file_open(size);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			char *base = region_map();

			check_across(&ways[i], base, size, offsets[j]);
			if (!region_unmap(base)) {
				EXPECT(ways[i].split == by_mseal, "munmap");
				break;
			}
		}
	}
}

static void no_boundary_comes_into_a_page(u64 size)
{
	unsigned int i;
	u64 value;

	file_open(size);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		char *base = region_map();

		REQUIRE(!vu_map(fd, base, size, RW, frame), "map");
		*(u64 *)base = i;
		ways[i].split(base + VPT_4K, 4 * VPT_1G - VPT_4K);
		EXPECT(!vma_begins(base + VPT_4K), "%s splits the page's VMA",
		       ways[i].name);
		EXPECT(!vu_resolve(fd, base, NULL), "%s: the page is gone", ways[i].name);
		EXPECT(!probe_load(base, &value) && value == i, "%s: the page's data",
		       ways[i].name);
		EXPECT(region_unmap(base) || ways[i].split == by_mseal, "munmap");
	}
}

/* With a boundary where pages meet, each side can go without the other. */
static void each_side_goes_alone(u64 size)
{
	struct vpt_stats s = { 0 };
	char *base;
	u64 value;

	file_open(size);
	base = region_map();
	REQUIRE(!madvise(base + size, 4 * VPT_1G - size, MADV_RANDOM), "madvise");
	EXPECT(!vu_map(fd, base, size, RW, frame), "map below");
	EXPECT(!vu_map(fd, base + size, size, RW, frame), "map above");
	*(u64 *)base = 7;
	EXPECT(!munmap(base + size, 4 * VPT_1G - size), "munmap above: %s",
	       strerror(errno));
	EXPECT(!vu_stats(fd, &s) && s.mapped_bytes == size, "%llu bytes are mapped",
	       s.mapped_bytes);
	EXPECT(!probe_load(base, &value) && value == 7, "what is below");
	expect_sound(fd, "after munmap");
	EXPECT(!munmap(base, size), "munmap below");
}

/* A 4 KiB page has no inside for a boundary. */
#define HUGE_SIZES(what, fn)						\
	{ "2M: " what, fn, VPT_2M, 0 },					\
	{ "1G: " what, fn, VPT_1G, 0 }

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		HUGE_SIZES("no page is mapped across a VMA boundary", no_page_lies_across),
		HUGE_SIZES("no VMA boundary comes into a page",
			   no_boundary_comes_into_a_page),
		HUGE_SIZES("pages on both sides of a VMA boundary go one by one",
			   each_side_goes_alone),
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
