// SPDX-License-Identifier: GPL-2.0
/*
 * munmap and MAP_FIXED of parts of a region: what is left keeps its data, what
 * is gone is gone, a huge page is never cut, and the hole is anybody's again.
 */
#include "lib/world.h"

static void expect_bytes(struct region *r, u64 region_bytes, u64 mapped_bytes,
			 const char *when)
{
	struct vpt_stats s;

	REQUIRE(!vu_stats(r->fd, &s), "STATS");
	EXPECT(s.region_bytes == region_bytes &&
	       s.mapped_bytes == mapped_bytes,
	       "%s: region of %llu bytes, %llu mapped; expected %llu, %llu", when,
	       s.region_bytes, s.mapped_bytes, (unsigned long long)region_bytes,
	       (unsigned long long)mapped_bytes);
	expect_sound(r->fd, when);
}

static void *anonymous(char *at, u64 length, int extra)
{
	return mmap(at, length, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | extra, -1, 0);
}

/* @length bytes at @offset go; the pages beside them stay. */
static void one_part(u64 offset, u64 length, bool reuse)
{
	struct region r;
	char *cut;
	u64 i, v, beside = 0;

	region_rw(&r, 2, VPT_STRICT);
	cut = r.base + offset;
	for (i = 0; i < 4; i++) {
		char *p = cut + (i < 2 ? (i + 1) * -VPT_4K : length + (i - 2) * VPT_4K);

		if (p < r.base || p >= r.base + r.bytes)
			continue;
		REQUIRE(!vu_map(r.fd, p, VPT_4K, RW, 0), "map beside");
		*(u64 *)p = (u64)p;
		beside += VPT_4K;
	}
	REQUIRE(!vu_map(r.fd, cut, VPT_4K, RW, 0), "map");
	if (length > VPT_4K)
		REQUIRE(!vu_map(r.fd, cut + length - VPT_4K, VPT_4K, RW, 0), "map");
	if (reuse)
		EXPECT(anonymous(cut, length, 0) == cut, "MAP_FIXED: %s", strerror(errno));
	else
		EXPECT(!munmap(cut, length), "munmap: %s", strerror(errno));
	expect_bytes(&r, r.bytes - length, beside, "after munmap");
	for (i = 0; i < length; i += i + VPT_2M < length ? VPT_2M - VPT_4K : VPT_4K) {
		enum probe got = probe_load(cut + i, &v);

		EXPECT(reuse ? !got && !v : got == PROBE_SEGV, "offset %llx: %d, %llx",
		       (unsigned long long)i, got, (unsigned long long)v);
	}
	for (i = 0; i < 4; i++) {
		char *p = cut + (i < 2 ? (i + 1) * -VPT_4K : length + (i - 2) * VPT_4K);

		if (p < r.base || p >= r.base + r.bytes)
			continue;
		EXPECT(!probe_load(p, &v) && v == (u64)p, "data beside the hole");
		EXPECT(!vu_unmap(r.fd, p, NULL), "unmap beside the hole");
	}
	expect_bytes(&r, r.bytes - length, 0, "all unmapped");
	EXPECT(!munmap(cut, length), "munmap of the hole");
	region_close(&r);
}

static void parts(u64 reuse)
{
	static const u64 lengths[] = {
		VPT_4K, 3 * VPT_4K, VPT_2M, VPT_2M + VPT_4K, 5 * VPT_2M, VPT_1G - VPT_2M,
		VPT_1G, VPT_1G + VPT_4K,
	};
	unsigned int i;

	need_cuts();
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		one_part(0, lengths[i], reuse);
		one_part(2 * VPT_1G - lengths[i], lengths[i], reuse);
		if (lengths[i] < VPT_1G) {
			one_part(VPT_2M, lengths[i], reuse);
			one_part(VPT_1G - VPT_4K, lengths[i], reuse);
			one_part(VPT_1G / 2 + VPT_4K, lengths[i], reuse);
		}
	}
}

/* On every kernel; and where a cut elsewhere is refused, it has changed nothing. */
static void whole_gib(u64 unused)
{
	struct region r;
	u64 i, v;

	(void)unused;
	region_rw(&r, 4, VPT_STRICT);
	for (i = 0; i < 4; i++) {
		REQUIRE(!vu_map(r.fd, r.base + i * VPT_1G, VPT_4K, RW, 0), "map");
		*(u64 *)(r.base + i * VPT_1G) = i;
	}
	if (!can_cut()) {
		EXPECT(munmap(r.base, VPT_4K) && errno == EINVAL, "munmap of a page");
		EXPECT(munmap(r.base + VPT_1G, VPT_2M) && errno == EINVAL, "of 2 MiB");
		EXPECT(anonymous(r.base, VPT_4K, 0) == MAP_FAILED, "MAP_FIXED");
		expect_bytes(&r, r.bytes, 4 * VPT_4K, "after refused cuts");
	}
	EXPECT(!munmap(r.base + VPT_1G, VPT_1G), "munmap of the second GiB");
	EXPECT(!munmap(r.base + 3 * VPT_1G, VPT_1G), "munmap of the last GiB");
	expect_bytes(&r, 2 * VPT_1G, 2 * VPT_4K, "after munmap");
	for (i = 0; i < 4; i++) {
		enum probe got = probe_load(r.base + i * VPT_1G, &v);

		EXPECT(i % 2 ? got == PROBE_SEGV : !got && v == i, "GiB %llu",
		       (unsigned long long)i);
	}
	region_close(&r);
}

/* Every cut through a huge page, by munmap and by MAP_FIXED: refused. */
static void huge_pages_are_not_cut(u64 size)
{
	struct world w;
	char *huge;

	need_cuts();
	world_open(&w, size);
	need_size(w.r.fd, size);
	huge = w.r.base + size;
	struct {
		const char *what;
		char *at;
		u64 length;
	} cuts[] = {
		{ "its first page", huge, VPT_4K },
		{ "its last page", huge + size - VPT_4K, VPT_4K },
		{ "its middle", huge + size / 2, VPT_4K },
		{ "its first half", huge, size / 2 },
		{ "its second half", huge + size / 2, size / 2 },
		{ "all but its first page", huge + VPT_4K, size - VPT_4K },
		{ "all but its last page", huge, size - VPT_4K },
		{ "its start and what is before", huge - VPT_4K, 2 * VPT_4K },
		{ "its end and what is behind", huge + size - VPT_4K, 2 * VPT_4K },
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(cuts); i++) {
		EXPECT(munmap(cuts[i].at, cuts[i].length) && errno == EINVAL,
		       "munmap of %s", cuts[i].what);
		world_unchanged(&w, cuts[i].what);
		EXPECT(anonymous(cuts[i].at, cuts[i].length, 0) == MAP_FAILED,
		       "MAP_FIXED over %s", cuts[i].what);
		world_unchanged(&w, cuts[i].what);
	}
	expect_sound(w.r.fd, "after refused cuts");
	EXPECT(!munmap(huge, size), "munmap of the whole huge page");
	expect_sound(w.r.fd, "the huge page has gone");
	region_close(&w.r);
}

/* One munmap over a neighbour and a cut: the neighbour stays as well. */
static void refused_cut_spares_the_neighbour(u64 unused)
{
	char *at = (char *)0x200000000000;
	struct region r;
	u64 v;

	(void)unused;
	need_cuts();
	region_open_at(&r, at, 1, VPT_STRICT);
	need_size(r.fd, VPT_2M);
	REQUIRE(anonymous(at - VPT_2M, VPT_2M, 0) != MAP_FAILED, "mmap");
	REQUIRE(!vu_map(r.fd, at, VPT_2M, RW, 0), "map");
	at[0] = 1;
	at[-VPT_2M] = 2;
	EXPECT(munmap(at - VPT_2M, VPT_2M + VPT_4K) && errno == EINVAL, "munmap");
	EXPECT(!probe_load(at, &v) && v == 1, "the huge page");
	EXPECT(!probe_load(at - VPT_2M, &v) && v == 2, "the neighbour");
	EXPECT(!munmap(at - VPT_2M, 2 * VPT_2M), "munmap of both");
	EXPECT(probe_load(at, &v) == PROBE_SEGV, "the huge page is still there");
	region_close(&r);
}

/*
 * The region goes in parts, or at once, and the file's next one comes in its place.  What it
 * had linked in tables that others use, too, Linux has freed, or left there.
 */
static void another_comes(u64 neighbour)
{
	static const u64 gib[] = { 1, 1, 3, 512, 1, 512, 2 };
	char *at = (char *)0x200000000000;
	struct region r;
	u64 i, piece, v;

	region_open_at(&r, at, 1, VPT_STRICT);
	if (neighbour)
		REQUIRE(anonymous(at + 600 * VPT_1G, VPT_4K, MAP_POPULATE) != MAP_FAILED &&
			anonymous(at + 511 * VPT_1G, VPT_4K, MAP_POPULATE) != MAP_FAILED,
			"mmap");
	for (i = 0; i < ARRAY_SIZE(gib); i++) {
		u64 length = gib[i] * VPT_1G - (neighbour && gib[i] == 512 ? VPT_1G : 0);

		if (i)
			REQUIRE(mmap(at, length, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED_NOREPLACE, r.fd, 0) == at,
				"mmap of region %llu: %s", (unsigned long long)i,
				strerror(errno));
		/* By halves, where that is allowed: of a table, or of several. */
		piece = can_cut() || !(length / 2 % VPT_1G) ? length / 2 : length;
		for (v = 0; v < 2; v++) {
			char *page = at + v * (length / 2);
			int err = vu_map(r.fd, page, VPT_4K, RW, 0);

			REQUIRE(!err && !probe_store(page, v), "map in region %llu: %s",
				(unsigned long long)i, strerror(-err));
		}
		EXPECT(!munmap(at, piece), "munmap of the first part");
		if (piece < length) {
			EXPECT(!probe_load(at + piece, &v) && v == 1, "the second part");
			expect_sound(r.fd, "the first part has gone");
			EXPECT(!munmap(at + piece, length - piece), "munmap of the second");
		}
		EXPECT(probe_load(at, &v) == PROBE_SEGV, "the region is still there");
	}
	close(r.fd);
	munmap(at + 511 * VPT_1G, VPT_4K);
	munmap(at + 600 * VPT_1G, VPT_4K);
}

/*
 * Random rounds against a model: 6 MiB about a GiB boundary, page by page.  Linux
 * puts anonymous pages of the holes into tables that hold the region's leaves.
 */
#define PAGES		1536

enum state {
	REGION,		/* the region's, nothing mapped */
	SMALL,		/* the region's, 4 KiB page */
	HUGE,		/* the region's, part of a 2 MiB page */
	HOLE,
	ANON,
};

static struct model {
	struct region r;
	char *base;			/* of the window */
	struct rng rng;
	bool huge;			/* there are 2 MiB frames */
	enum state state[PAGES];
	u64 value[PAGES];		/* of SMALL, HUGE, ANON */
	bool edge[PAGES];		/* a VMA may begin in the region's midst */
} m;

static char *page_at(unsigned int i)
{
	return m.base + i * VPT_4K;
}

static void set_page(unsigned int i, enum state state)
{
	m.state[i] = state;
	m.value[i] = rng_next(&m.rng);
	if (state == SMALL || state == HUGE || state == ANON)
		EXPECT(!probe_store(page_at(i), m.value[i]), "store, page %u", i);
}

static bool cuts_huge(unsigned int i, unsigned int n)
{
	return (i % 512 && m.state[i] == HUGE) ||
	       ((i + n) % 512 && m.state[i + n - 1] == HUGE);
}

/* Linux splits the VMA at the start before the end is refused, and leaves that as it is. */
static bool may_leave_edge(unsigned int i, bool refused)
{
	m.edge[i] |= refused;
	return refused;
}

static void model_munmap(unsigned int i, unsigned int n)
{
	bool refused = may_leave_edge(i, cuts_huge(i, n));
	int err = munmap(page_at(i), n * VPT_4K) ? errno : 0;

	EXPECT(err == (refused ? EINVAL : 0), "munmap of %u at %u: %s", n, i,
	       strerror(err));
	for (; n && !refused; n--)
		set_page(i++, HOLE);
}

static void model_anonymous(unsigned int i, unsigned int n)
{
	bool refused = may_leave_edge(i, cuts_huge(i, n));
	bool done = anonymous(page_at(i), n * VPT_4K, 0) != MAP_FAILED;

	EXPECT(done == !refused, "MAP_FIXED of %u at %u: %s", n, i, strerror(errno));
	for (; n && !refused; n--)
		set_page(i++, ANON);
}

static void model_map(unsigned int i)
{
	static const int want[] = { 0, -EEXIST, -EEXIST, -ERANGE, -ERANGE };
	int err = vu_map(m.r.fd, page_at(i), VPT_4K, RW, 0);

	EXPECT(err == want[m.state[i]], "MAP at %u: %s", i, strerror(-err));
	if (!err)
		set_page(i, SMALL);
}

static void model_map_huge(unsigned int i)
{
	bool edge = false;
	int want = 0, err;
	unsigned int j;

	i -= i % 512;
	for (j = i + 1; j < i + 512; j++)
		edge |= m.edge[j];
	for (j = i; j < i + 512; j++)
		if (m.state[j] == HOLE || m.state[j] == ANON)
			want = -ERANGE;
		else if (m.state[j] != REGION && !want)
			want = -EEXIST;
	err = vu_map(m.r.fd, page_at(i), VPT_2M, RW, 0);
	/* A leaf lies in one VMA. */
	EXPECT(err == want || (edge && err == -EINVAL), "MAP 2M at %u: %s, expected %s", i,
	       strerror(-err), strerror(-want));
	for (j = i; j < i + 512 && !err; j++)
		set_page(j, HUGE);
}

static void model_unmap(unsigned int i)
{
	static const int want[] = { -ENOENT, 0, 0, -ERANGE, -ERANGE };
	unsigned int n = 1;
	int err;

	if (m.state[i] == HUGE) {
		i -= i % 512;
		n = 512;
	}
	err = vu_unmap(m.r.fd, page_at(i), NULL);
	EXPECT(err == want[m.state[i]], "UNMAP at %u: %s", i, strerror(-err));
	for (; n && !err; n--)
		set_page(i++, REGION);
}

static void model_step(void)
{
	unsigned int i = rng_below(&m.rng, PAGES);
	unsigned int n = 1 + rng_below(&m.rng, rng_below(&m.rng, 8) ? 8 : PAGES / 2);

	if (n > PAGES - i)
		n = PAGES - i;
	switch (rng_below(&m.rng, 16)) {
	case 0:
	case 1:
		model_munmap(i, n);
		break;
	case 2:
		model_anonymous(i, n);
		break;
	case 3:
		if (m.huge)
			model_map_huge(i);
		break;
	case 4 ... 7:
		model_unmap(i);
		break;
	default:
		model_map(i);
	}
}

static void model_verify(void)
{
	unsigned int i;
	u64 v = 0;

	for (i = 0; i < PAGES; i++) {
		enum probe got = probe_load(page_at(i), &v);

		if (m.state[i] == REGION || m.state[i] == HOLE)
			EXPECT(got == PROBE_SEGV, "page %u (%d) is readable", i, m.state[i]);
		else
			EXPECT(!got && v == m.value[i], "page %u (%d): %d, %llx, not %llx",
			       i, m.state[i], got, (unsigned long long)v,
			       (unsigned long long)m.value[i]);
	}
	expect_sound(m.r.fd, "random rounds");
}

static void random_rounds(u64 gib)
{
	struct budget b = budget_of(40);
	u64 round, step;

	need_cuts();
	for (round = 0; budget_left(&b, round); round++) {
		memset(&m, 0, sizeof(m));
		m.rng = rng_of(round + gib * 1000);
		region_rw(&m.r, gib, VPT_STRICT);
		/* About a GiB boundary, or where a neighbour's tables begin. */
		m.base = m.r.base + (gib > 1 ? VPT_1G - VPT_2M : 0);
		m.huge = have_size(m.r.fd, VPT_2M);
		for (step = 0; step < 200; step++) {
			model_step();
			if (step % 50 == 49)
				model_verify();
		}
		munmap(m.r.base, m.r.bytes);
		close(m.r.fd);
	}
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "munmap of a GiB leaves the rest", whole_gib, 0, 0 },
		{ "munmap of a part leaves the rest", parts, 0, 0 },
		{ "MAP_FIXED over a part leaves the rest", parts, 1, 0 },
		{ "2M: a huge page is not cut", huge_pages_are_not_cut, VPT_2M, 0 },
		{ "1G: a huge page is not cut", huge_pages_are_not_cut, VPT_1G, 0 },
		{ "a refused cut spares the neighbour",
		  refused_cut_spares_the_neighbour, 0, 0 },
		{ "alone in 512 GiB, another region comes in its place", another_comes, 0, 0 },
		{ "beside others, another region comes in its place", another_comes, 1, 0 },
		{ "random munmap, MAP_FIXED, map, unmap at a region's start",
		  random_rounds, 1, 300 },
		{ "random munmap, MAP_FIXED, map, unmap about a GiB boundary",
		  random_rounds, 2, 300 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
