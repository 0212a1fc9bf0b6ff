// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl's own fields, wrong in every way: the errno that vpt.h promises,
 * and nothing changed.  Addresses are offsets from the region's first byte.
 */
#include "lib/world.h"

#define END		(WORLD_GIB * VPT_1G)
#define HOLE		WORLD_FREE

/* Stand-ins for handles, which are not known before. */
#define HANDLE_4K	(1ULL << 60)
#define HANDLE_2M	(1ULL << 61)
#define NO_HANDLE	(1ULL << 62)
#define OTHERS_HANDLE	(1ULL << 63)

struct bad_page {
	const char *what;
	unsigned long request;
	u64 offset;
	u64 page_size;
	u32 prot;
	u64 frame;
	int want;
};

#define MAP		VPT_IOC_MAP
#define UNMAP		VPT_IOC_UNMAP
#define PROTECT		VPT_IOC_PROTECT
#define REMAP		VPT_IOC_REMAP
#define RESOLVE		VPT_IOC_RESOLVE

static const struct bad_page bad_pages[] = {
	{ "MAP at 1", MAP, HOLE + 1, VPT_4K, RW, 0, EINVAL },
	{ "MAP at half a page", MAP, HOLE + 2048, VPT_4K, RW, 0, EINVAL },
	{ "MAP 2M at 4K", MAP, HOLE + VPT_4K, VPT_2M, RW, 0, EINVAL },
	{ "MAP 2M at 1M", MAP, HOLE + VPT_2M / 2, VPT_2M, RW, 0, EINVAL },
	{ "MAP 1G at 2M", MAP, 2 * VPT_1G + VPT_2M, VPT_1G, RW, 0, EINVAL },
	{ "MAP 1G at 4K", MAP, 2 * VPT_1G + VPT_4K, VPT_1G, RW, 0, EINVAL },
	{ "MAP page_size 0", MAP, HOLE, 0, RW, 0, EINVAL },
	{ "MAP page_size 1", MAP, HOLE, 1, RW, 0, EINVAL },
	{ "MAP page_size 8K", MAP, HOLE, 2 * VPT_4K, RW, 0, EINVAL },
	{ "MAP page_size 4K + 1", MAP, HOLE, VPT_4K + 1, RW, 0, EINVAL },
	{ "MAP page_size 4K | 2M", MAP, HOLE, VPT_4K | VPT_2M, RW, 0, EINVAL },
	{ "MAP page_size 4M", MAP, HOLE, 2 * VPT_2M, RW, 0, EINVAL },
	{ "MAP page_size 512G", MAP, 0, 512 * VPT_1G, RW, 0, EINVAL },
	{ "MAP page_size 4G | 4K", MAP, HOLE, 4 * VPT_1G | VPT_4K, RW, 0, EINVAL },
	{ "MAP page_size -1", MAP, HOLE, ~0ULL, RW, 0, EINVAL },
	{ "MAP prot 0", MAP, HOLE, VPT_4K, 0, 0, EINVAL },
	{ "MAP prot W", MAP, HOLE, VPT_4K, VPT_WRITE, 0, EINVAL },
	{ "MAP prot X", MAP, HOLE, VPT_4K, VPT_EXEC, 0, EINVAL },
	{ "MAP prot WX", MAP, HOLE, VPT_4K, VPT_WRITE | VPT_EXEC, 0, EINVAL },
	{ "MAP prot R and an unknown bit", MAP, HOLE, VPT_4K, VPT_READ | 8, 0, EINVAL },
	{ "MAP prot -1", MAP, HOLE, VPT_4K, ~0U, 0, EINVAL },
	{ "MAP prot RX in an RW region", MAP, HOLE, VPT_4K, RX, 0, EACCES },
	{ "MAP 2M prot RWX in an RW region", MAP, HOLE, VPT_2M, RWX, 0, EACCES },
	{ "MAP 2M with a 4K frame", MAP, HOLE, VPT_2M, RW, HANDLE_4K, EINVAL },
	{ "MAP 4K with a 2M frame", MAP, HOLE, VPT_4K, RW, HANDLE_2M, EINVAL },
	{ "MAP with no such frame", MAP, HOLE, VPT_4K, RW, NO_HANDLE, ENOENT },
	{ "MAP with frame -1", MAP, HOLE, VPT_4K, RW, ~0ULL, ENOENT },
	{ "MAP with another file's frame", MAP, HOLE, VPT_4K, RW, OTHERS_HANDLE, ENOENT },
	{ "MAP over a 4K page", MAP, 0, VPT_4K, RW, 0, EEXIST },
	{ "MAP over a 4K page, by handle", MAP, 0, VPT_4K, RW, HANDLE_4K, EEXIST },
	{ "MAP around a 4K page", MAP, 0, VPT_2M, RW, 0, EEXIST },
	{ "MAP around all of a GiB's pages", MAP, 0, VPT_1G, RW, 0, EEXIST },
	{ "MAP inside a 2M page", MAP, VPT_2M + 5 * VPT_4K, VPT_4K, RW, 0, EEXIST },
	{ "MAP over a 2M page", MAP, VPT_2M, VPT_2M, RW, 0, EEXIST },
	{ "MAP inside a 1G page", MAP, VPT_1G + VPT_4K, VPT_4K, RW, 0, EEXIST },
	{ "MAP 2M inside a 1G page", MAP, VPT_1G + VPT_2M, VPT_2M, RW, 0, EEXIST },

	{ "UNMAP at 1", UNMAP, 1, 0, 0, 0, EINVAL },
	{ "UNMAP amid a 4K page", UNMAP, 2048, 0, 0, 0, EINVAL },
	{ "UNMAP amid a 2M page", UNMAP, VPT_2M + VPT_4K, 0, 0, 0, ENOENT },
	{ "UNMAP at a 2M page's end", UNMAP, 2 * VPT_2M - VPT_4K, 0, 0, 0, ENOENT },
	{ "UNMAP of a hole", UNMAP, HOLE, 0, 0, 0, ENOENT },
	{ "UNMAP beside a 4K page", UNMAP, VPT_4K, 0, 0, 0, ENOENT },
	{ "UNMAP amid a 1G page", UNMAP, VPT_1G + VPT_2M, 0, 0, 0, ENOENT },
	{ "UNMAP with page_size", UNMAP, 0, VPT_4K, 0, 0, EINVAL },
	{ "UNMAP with prot", UNMAP, 0, 0, VPT_READ, 0, EINVAL },
	{ "UNMAP with a frame", UNMAP, 0, 0, 0, HANDLE_4K, EINVAL },

	{ "PROTECT at 1", PROTECT, 1, 0, VPT_READ, 0, EINVAL },
	{ "PROTECT amid a 2M page", PROTECT, VPT_2M + VPT_4K, 0, VPT_READ, 0, ENOENT },
	{ "PROTECT amid a 1G page", PROTECT, VPT_1G + VPT_2M, 0, VPT_READ, 0, ENOENT },
	{ "PROTECT of a hole", PROTECT, HOLE, 0, VPT_READ, 0, ENOENT },
	{ "PROTECT prot 0", PROTECT, 0, 0, 0, 0, EINVAL },
	{ "PROTECT prot W", PROTECT, 0, 0, VPT_WRITE, 0, EINVAL },
	{ "PROTECT prot R and an unknown bit", PROTECT, 0, 0, VPT_READ | 16, 0, EINVAL },
	{ "PROTECT prot RX in an RW region", PROTECT, 0, 0, RX, 0, EACCES },
	{ "PROTECT 2M, prot RWX in an RW region", PROTECT, VPT_2M, 0, RWX, 0, EACCES },
	{ "PROTECT with page_size", PROTECT, 0, VPT_4K, VPT_READ, 0, EINVAL },
	{ "PROTECT with a frame", PROTECT, 0, 0, VPT_READ, HANDLE_4K, EINVAL },

	{ "REMAP at 1", REMAP, 1, 0, 0, 0, EINVAL },
	{ "REMAP amid a 2M page", REMAP, VPT_2M + VPT_4K, 0, 0, 0, ENOENT },
	{ "REMAP of a hole", REMAP, HOLE, 0, 0, 0, ENOENT },
	{ "REMAP 4K to a 2M frame", REMAP, 0, 0, 0, HANDLE_2M, EINVAL },
	{ "REMAP 2M to a 4K frame", REMAP, VPT_2M, 0, 0, HANDLE_4K, EINVAL },
	{ "REMAP to no such frame", REMAP, 0, 0, 0, NO_HANDLE, ENOENT },
	{ "REMAP to another file's frame", REMAP, 0, 0, 0, OTHERS_HANDLE, ENOENT },
	{ "REMAP with page_size", REMAP, 0, VPT_4K, 0, 0, EINVAL },
	{ "REMAP with prot", REMAP, 0, 0, RW, 0, EINVAL },

	{ "RESOLVE of a hole", RESOLVE, HOLE + 7, 0, 0, 0, ENOENT },
	{ "RESOLVE with page_size", RESOLVE, 0, VPT_4K, 0, 0, EINVAL },
	{ "RESOLVE with prot", RESOLVE, 0, 0, VPT_READ, 0, EINVAL },
	{ "RESOLVE with a frame", RESOLVE, 0, 0, 0, HANDLE_4K, EINVAL },
};

struct bad_range {
	const char *what;
	u64 offset;
	u64 length;
	u64 page_size;
	u32 prot;
	int want;
};

/* For MAP_RANGE. */
static const struct bad_range bad_maps[] = {
	{ "page_size 0", HOLE, VPT_2M, 0, RW, EINVAL },
	{ "page_size 8K", HOLE, VPT_2M, 2 * VPT_4K, RW, EINVAL },
	{ "page_size 512G", 0, 512 * VPT_1G, 512 * VPT_1G, RW, EINVAL },
	{ "page_size -1", HOLE, VPT_2M, ~0ULL, RW, EINVAL },
	{ "2M at 4K", HOLE + VPT_4K, VPT_2M, VPT_2M, RW, EINVAL },
	{ "2M, length of 4K", HOLE, VPT_4K, VPT_2M, RW, EINVAL },
	{ "2M, length of 2M + 4K", HOLE, VPT_2M + VPT_4K, VPT_2M, RW, EINVAL },
	{ "1G, length of 2M", 2 * VPT_1G, VPT_2M, VPT_1G, RW, EINVAL },
	{ "1G at 2M", 2 * VPT_1G + VPT_2M, VPT_1G, VPT_1G, RW, EINVAL },
	{ "prot 0", HOLE, VPT_2M, VPT_4K, 0, EINVAL },
	{ "prot W", HOLE, VPT_2M, VPT_4K, VPT_WRITE, EINVAL },
	{ "prot R and an unknown bit", HOLE, VPT_2M, VPT_4K, VPT_READ | 8, EINVAL },
	{ "prot RX in an RW region", HOLE, VPT_2M, VPT_4K, RX, EACCES },
	{ "a 4K page at the start", 0, 3 * VPT_4K, VPT_4K, RW, EEXIST },
	{ "a 4K page at the end", END - 600 * VPT_4K, 600 * VPT_4K, VPT_4K, RW, EEXIST },
	{ "a 2M page in the way", VPT_4K, 3 * VPT_2M, VPT_4K, RW, EEXIST },
	{ "the inside of a 2M page", VPT_2M + VPT_4K, VPT_4K, VPT_4K, RW, EEXIST },
	{ "2M over a 4K page", 0, VPT_2M, VPT_2M, RW, EEXIST },
};

/* For UNMAP_RANGE (prot 0) and PROTECT_RANGE. */
static const struct bad_range bad_touches[] = {
	{ "with page_size", 0, VPT_4K, VPT_4K, VPT_READ, EINVAL },
	{ "a 2M page straddles the start", VPT_2M + VPT_4K, VPT_2M, 0, VPT_READ, EINVAL },
	{ "a 2M page straddles the end", 0, VPT_2M + VPT_4K, 0, VPT_READ, EINVAL },
	{ "within a 2M page", VPT_2M + VPT_4K, VPT_4K, 0, VPT_READ, EINVAL },
	{ "a piece of a 1G page, if any", 2 * VPT_2M + VPT_4K, VPT_1G, 0, VPT_READ, EINVAL },
	{ "a 2M page but its last 4K", VPT_2M, VPT_2M - VPT_4K, 0, VPT_READ, EINVAL },
};

/* For all three. */
static const struct bad_range bad_ranges[] = {
	{ "length 0", HOLE, 0, 0, 0, EINVAL },
	{ "length 1", HOLE, 1, 0, 0, EINVAL },
	{ "length 4K - 1", HOLE, VPT_4K - 1, 0, 0, EINVAL },
	{ "length 4K + 1", HOLE, VPT_4K + 1, 0, 0, EINVAL },
	{ "at 1", HOLE + 1, VPT_4K, 0, 0, EINVAL },
	{ "at half a page", HOLE + 2048, VPT_4K, 0, 0, EINVAL },
	{ "length -4K", HOLE, -VPT_4K, 0, 0, EINVAL },
	{ "over the region's end", END - 2 * VPT_4K, 3 * VPT_4K, 0, 0, ERANGE },
	{ "over the region's start", -VPT_4K, 2 * VPT_4K, 0, 0, ERANGE },
	{ "above the region", END, VPT_4K, 0, 0, ERANGE },
	{ "below the region", -VPT_4K, VPT_4K, 0, 0, ERANGE },
	{ "4K more than the region", 0, END + VPT_4K, 0, 0, ERANGE },
	{ "2^46 bytes", 0, 1ULL << 46, 0, 0, ERANGE },
};

/* Addresses that no region can hold; as they are, not relative. */
static const u64 outside[] = {
	0, VPT_4K, VPT_1G, 1ULL << 46, 1ULL << 47, 1ULL << 48, 1ULL << 52, 1ULL << 56,
	1ULL << 63, 0xffff800000000000, 0xffff888000000000, 0xffffffff81000000,
	-VPT_1G, -VPT_2M, -VPT_4K,
};

static u64 others_handle(void)
{
	struct region other;
	u64 handle = 0;
	int i;

	/* Handles that count from one would else be ours as well. */
	region_rw(&other, 1, VPT_STRICT);
	for (i = 0; i < 20; i++)
		REQUIRE(!vu_frame_alloc(other.fd, VPT_4K, &handle), "FRAME_ALLOC");
	return handle;
}

static u64 real_handle(struct world *w, u64 frame, u64 other)
{
	switch (frame) {
	case HANDLE_4K:		return w->handle_4k;
	case HANDLE_2M:		return w->handle_2m;
	case NO_HANDLE:		return w->handle_4k + w->handle_2m + 1000;
	case OTHERS_HANDLE:	return other;
	default:		return frame;
	}
}

static void check_answer(struct world *w, int err, int want, const char *what,
			 const char *verb)
{
	char text[120];

	snprintf(text, sizeof(text), "%s%s", verb, what);
	EXPECT(err == -want, "%s: %s, expected %s", text, strerror(-err), strerror(want));
	world_unchanged(w, text);
}

/* Lines about what lies at 1 GiB make sense where a 1 GiB page does. */
static bool needs_1g(const struct bad_page *b)
{
	return b->offset > VPT_1G && b->offset < 2 * VPT_1G;
}

static void wrong_pages(u64 unused)
{
	u64 other = others_handle();
	struct world w;
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_1G);
	need_size(w.r.fd, VPT_2M);
	for (i = 0; i < ARRAY_SIZE(bad_pages); i++) {
		const struct bad_page *b = &bad_pages[i];
		struct vpt_page p = {
			.argsz = sizeof(p),
			.addr = (u64)w.r.base + b->offset,
			.page_size = b->page_size,
			.prot = b->prot,
			.frame = real_handle(&w, b->frame, other),
		};

		if ((b->page_size == VPT_1G || needs_1g(b)) && w.n < 5)
			continue;
		check_answer(&w, ioctl(w.r.fd, b->request, &p) ? -errno : 0, b->want,
			     b->what, "");
	}
	expect_sound(w.r.fd, "at the end");
	region_close(&w.r);
}

static int try_page(struct world *w, unsigned long request, u64 addr, u64 size)
{
	struct vpt_page p = {
		.argsz = sizeof(p),
		.addr = addr,
		.page_size = request == MAP ? size : 0,
		.prot = request == MAP || request == PROTECT ? VPT_READ : 0,
	};

	return ioctl(w->r.fd, request, &p) ? -errno : 0;
}

static void addresses_outside(u64 size)
{
	static const struct {
		const char *verb;
		unsigned long request;
	} verbs[] = {
		{ "MAP at ", MAP }, { "UNMAP at ", UNMAP }, { "PROTECT at ", PROTECT },
		{ "REMAP at ", REMAP }, { "RESOLVE at ", RESOLVE },
	};
	unsigned int i, j;
	struct world w;
	char at[32];
	u64 addr;

	world_open(&w, VPT_2M);
	need_size(w.r.fd, size);
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		for (j = 0; j < ARRAY_SIZE(outside) + 2; j++) {
			addr = j < ARRAY_SIZE(outside) ? outside[j] & ~(size - 1) :
			       (u64)w.r.base + (j % 2 ? END : -size);
			snprintf(at, sizeof(at), "%llx", (unsigned long long)addr);
			check_answer(&w, try_page(&w, verbs[i].request, addr, size),
				     ERANGE, at, verbs[i].verb);
		}
	}
	check_answer(&w, try_page(&w, RESOLVE, (u64)w.r.base - 1, 0), ERANGE,
		     "byte before the region", "RESOLVE of the ");
	check_answer(&w, try_page(&w, RESOLVE, (u64)w.r.base + END, 0), ERANGE,
		     "byte after the region", "RESOLVE of the ");
	region_close(&w.r);
}

static int try_range(struct world *w, unsigned long request, const struct bad_range *b,
		     u64 base)
{
	struct vpt_range r = {
		.argsz = sizeof(r),
		.addr = base + b->offset,
		.length = b->length,
		.page_size = b->page_size,
		.prot = b->prot,
	};

	return ioctl(w->r.fd, request, &r) ? -errno : 0;
}

/* One of the table's lines against each of the three range ioctls. */
static void try_ranges(struct world *w, struct bad_range b, u64 base)
{
	b.page_size = VPT_4K;
	b.prot = VPT_READ;
	check_answer(w, try_range(w, VPT_IOC_MAP_RANGE, &b, base), b.want, b.what,
		     "MAP_RANGE, ");
	b.page_size = 0;
	check_answer(w, try_range(w, VPT_IOC_PROTECT_RANGE, &b, base), b.want, b.what,
		     "PROTECT_RANGE, ");
	b.prot = 0;
	check_answer(w, try_range(w, VPT_IOC_UNMAP_RANGE, &b, base), b.want, b.what,
		     "UNMAP_RANGE, ");
}

static void wrong_ranges(u64 unused)
{
	struct bad_range b;
	struct world w;
	unsigned int i;
	u64 base;

	(void)unused;
	world_open(&w, VPT_2M);
	need_size(w.r.fd, VPT_2M);
	base = (u64)w.r.base;
	for (i = 0; i < ARRAY_SIZE(bad_ranges); i++)
		try_ranges(&w, bad_ranges[i], base);
	b = (struct bad_range) { "wrapping round", -2 * VPT_4K, 4 * VPT_4K, 0, 0, EINVAL };
	try_ranges(&w, b, 0);
	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		b = (struct bad_range) { "outside", outside[i], VPT_4K, 0, 0, ERANGE };
		/* The last page of all: its end wraps to 0, so either will do. */
		if (outside[i] != -VPT_4K)
			try_ranges(&w, b, 0);
	}
	expect_sound(w.r.fd, "at the end");
	region_close(&w.r);
}

static void wrong_map_ranges(u64 unused)
{
	struct world w;
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_1G);
	need_size(w.r.fd, VPT_2M);
	for (i = 0; i < ARRAY_SIZE(bad_maps); i++)
		check_answer(&w, try_range(&w, VPT_IOC_MAP_RANGE, &bad_maps[i],
					   (u64)w.r.base),
			     bad_maps[i].want, bad_maps[i].what, "MAP_RANGE, ");
	expect_sound(w.r.fd, "at the end");
	region_close(&w.r);
}

static void wrong_touch_ranges(u64 unused)
{
	struct bad_range b;
	struct world w;
	unsigned int i;
	u64 base;

	(void)unused;
	world_open(&w, VPT_1G);
	need_size(w.r.fd, VPT_2M);
	base = (u64)w.r.base;
	for (i = 0; i < ARRAY_SIZE(bad_touches); i++) {
		b = bad_touches[i];
		check_answer(&w, try_range(&w, VPT_IOC_PROTECT_RANGE, &b, base), b.want,
			     b.what, "PROTECT_RANGE, ");
		b.prot = 0;
		check_answer(&w, try_range(&w, VPT_IOC_UNMAP_RANGE, &b, base), b.want,
			     b.what, "UNMAP_RANGE, ");
	}
	b = (struct bad_range) { "prot", 0, VPT_4K, 0, VPT_READ, EINVAL };
	check_answer(&w, try_range(&w, VPT_IOC_UNMAP_RANGE, &b, base), EINVAL, b.what,
		     "UNMAP_RANGE with ");
	for (i = 0; i < 32; i++) {
		b = (struct bad_range) { "prot", 0, VPT_4K, 0, 1U << i, EINVAL };
		if (i == 0)
			continue;
		check_answer(&w, try_range(&w, VPT_IOC_PROTECT_RANGE, &b, base), EINVAL,
			     b.what, "PROTECT_RANGE with wrong ");
	}
	b.prot = RX;
	check_answer(&w, try_range(&w, VPT_IOC_PROTECT_RANGE, &b, base), EACCES,
		     "prot RX in an RW region", "PROTECT_RANGE, ");
	expect_sound(w.r.fd, "at the end");
	region_close(&w.r);
}

static int try_frame(struct world *w, unsigned long request, u64 size, u64 frame)
{
	struct vpt_frame f = { .argsz = sizeof(f), .page_size = size, .frame = frame };

	return ioctl(w->r.fd, request, &f) ? -errno : 0;
}

static void wrong_frames(u64 unused)
{
	static const u64 sizes[] = { 0, 1, 4095, 8192, 2 * VPT_2M, 512 * VPT_1G, ~0ULL };
	static const u64 frames[] = { 0, 1000000, 1ULL << 32, 1ULL << 63, ~0ULL };
	u64 other = others_handle();
	struct world w;
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_2M);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		check_answer(&w, try_frame(&w, VPT_IOC_FRAME_ALLOC, sizes[i], 0), EINVAL,
			     "a wrong size", "FRAME_ALLOC of ");
	for (i = 0; i < ARRAY_SIZE(frames); i++)
		check_answer(&w, try_frame(&w, VPT_IOC_FRAME_FREE, 0, frames[i]), ENOENT,
			     "no such handle", "FRAME_FREE of ");
	check_answer(&w, try_frame(&w, VPT_IOC_FRAME_FREE, 0, other), ENOENT,
		     "another file's handle", "FRAME_FREE of ");
	check_answer(&w, try_frame(&w, VPT_IOC_FRAME_FREE, 0, w.handle_4k | 1ULL << 32),
		     ENOENT, "a handle with a high bit set", "FRAME_FREE of ");
	check_answer(&w, try_frame(&w, VPT_IOC_FRAME_FREE, VPT_4K, w.handle_4k), EINVAL,
		     "page_size", "FRAME_FREE with ");
	EXPECT(!vu_frame_free(w.r.fd, w.handle_4k), "FRAME_FREE of a handle");
	region_close(&w.r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "wrong fields of MAP, UNMAP, PROTECT, REMAP, RESOLVE", wrong_pages, 0, 0 },
		EACH_SIZE("addresses outside the region", addresses_outside),
		{ "wrong ranges", wrong_ranges, 0, 0 },
		{ "wrong fields of MAP_RANGE", wrong_map_ranges, 0, 0 },
		{ "wrong fields of UNMAP_RANGE and PROTECT_RANGE", wrong_touch_ranges, 0, 0 },
		{ "wrong fields of FRAME_ALLOC and FRAME_FREE", wrong_frames, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
