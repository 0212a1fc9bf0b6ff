// SPDX-License-Identifier: GPL-2.0
/* A region with something of every kind, and a valid argument for each ioctl. */
#include "world.h"

/* Each 4 KiB page has a word of its own; of 1 GiB, each 2 MiB will do. */
static u64 stride(const struct sentinel *s)
{
	return s->size == VPT_1G ? VPT_2M : VPT_4K;
}

static void stamp(struct sentinel *s)
{
	u64 i;

	for (i = 64; i < s->size; i += stride(s))
		*(u64 *)(s->va + i) = s->first + i;
	*(u64 *)s->va = s->first;
	*(u64 *)(s->va + s->size - 8) = s->last;
}

static void put(struct world *w, struct sentinel *s)
{
	REQUIRE(!vu_map(w->r.fd, s->va, s->size, RW, s->size == VPT_1G ? w->handle_1g : 0),
		"map %s", size_name(s->size));
	stamp(s);
	if (s->prot != RW)
		REQUIRE(!vu_protect(w->r.fd, s->va, s->prot, NULL), "protect");
}

static void add(struct world *w, u64 offset, u64 size, u32 prot)
{
	struct sentinel *s = &w->s[w->n];

	s->va = w->r.base + offset;
	s->size = size;
	s->prot = prot;
	if (size == VPT_1G)
		REQUIRE(!vu_frame_alloc(w->r.fd, size, &w->handle_1g), "FRAME_ALLOC");
	s->first = rng_next(&(struct rng) { w->n + 1 });
	s->last = ~s->first;
	put(w, s);
	w->n++;
}

void world_open(struct world *w, u64 largest)
{
	memset(w, 0, sizeof(*w));
	region_rw(&w->r, WORLD_GIB, VPT_STRICT);
	add(w, 0, VPT_4K, RW);
	if (have_size(w->r.fd, VPT_2M)) {
		add(w, VPT_2M, VPT_2M, RW);
		add(w, 2 * VPT_2M, VPT_2M, VPT_READ);
		REQUIRE(!vu_frame_alloc(w->r.fd, VPT_2M, &w->handle_2m), "FRAME_ALLOC");
	}
	if (largest == VPT_1G && have_size(w->r.fd, VPT_1G))
		add(w, VPT_1G, VPT_1G, RW);
	add(w, w->r.bytes - VPT_4K, VPT_4K, VPT_READ);
	REQUIRE(!vu_frame_alloc(w->r.fd, VPT_4K, &w->handle_4k), "FRAME_ALLOC");
	world_remember(w);
}

/* Reading sets A, so read before asking. */
static void look(struct sentinel *s, int fd, struct vpt_page *page, u64 *first, u64 *last)
{
	memset(page, 0, sizeof(*page));
	*first = *last = 0;
	EXPECT(!probe_load(s->va, first) && !probe_load(s->va + s->size - 8, last),
	       "the %s mapping at %p faults", size_name(s->size), (void *)s->va);
	EXPECT(!vu_resolve(fd, s->va, page), "RESOLVE %p", (void *)s->va);
}

void world_remember(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		struct sentinel *s = &w->s[i];

		look(s, w->r.fd, &s->page, &s->first, &s->last);
	}
	REQUIRE(!vu_stats(w->r.fd, &w->stats), "STATS");
}

static bool same_stats(const struct vpt_stats *a, const struct vpt_stats *b)
{
	return a->flags == b->flags && a->region_start == b->region_start &&
	       a->region_bytes == b->region_bytes && a->mapped_bytes == b->mapped_bytes &&
	       !memcmp(a->leaves, b->leaves, sizeof(a->leaves)) &&
	       a->frames == b->frames && a->handles == b->handles &&
	       a->faults == b->faults && a->files == b->files;
}

bool world_unchanged(struct world *w, const char *what)
{
	struct vpt_stats stats;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		struct sentinel *s = &w->s[i];
		struct vpt_page page;
		u64 first, last;

		look(s, w->r.fd, &page, &first, &last);
		ok &= EXPECT(!memcmp(&page, &s->page, sizeof(page)),
			     "%s: the %s mapping at %p has changed: size %llx, prot %x, state %x, phys %llx; was %llx, %x, %x, %llx",
			     what, size_name(s->size), (void *)s->va, page.page_size,
			     page.prot, page.state, page.phys, s->page.page_size,
			     s->page.prot, s->page.state, s->page.phys);
		ok &= EXPECT(first == s->first && last == s->last,
			     "%s: the data at %p has changed", what, (void *)s->va);
	}
	vu_stats(w->r.fd, &stats);
	ok &= EXPECT(same_stats(&stats, &w->stats),
		     "%s: bytes %llu, leaves %llu/%llu/%llu, frames %llu, handles %llu, files %llu; were %llu, %llu/%llu/%llu, %llu, %llu, %llu",
		     what, stats.mapped_bytes, stats.leaves[0], stats.leaves[1],
		     stats.leaves[2], stats.frames, stats.handles, stats.files,
		     w->stats.mapped_bytes, w->stats.leaves[0], w->stats.leaves[1],
		     w->stats.leaves[2], w->stats.frames, w->stats.handles,
		     w->stats.files);
	return ok;
}

/* A byte of a sentinel still maps to the physical byte it did. */
static bool same_place(struct world *w, struct sentinel *s, u64 offset, const char *what)
{
	struct vpt_page p = { 0 };
	int err = vu_resolve(w->r.fd, s->va + offset, &p);
	bool split = s->size == VPT_1G && p.page_size == VPT_2M;

	return EXPECT(!err && p.prot == s->prot && (split || p.page_size == s->size) &&
		      p.phys - p.addr == s->page.phys - s->page.addr,
		      "%s: %s mapping, offset %llx: %s, size %llx, prot %x, phys %llx for %llx; expected prot %x, phys %llx for %llx",
		      what, size_name(s->size), (unsigned long long)offset,
		      strerror(-err), p.page_size, p.prot, p.phys, p.addr, s->prot,
		      s->page.phys, s->page.addr);
}

static bool same_data(struct sentinel *s, const char *what)
{
	bool ok = true;
	u64 i, v = 0;

	for (i = 64; i < s->size && ok; i += stride(s))
		ok = EXPECT(!probe_load(s->va + i, &v) && v == s->first + i,
			    "%s: %s mapping, offset %llx holds %llx, not %llx", what,
			    size_name(s->size), (unsigned long long)i,
			    (unsigned long long)v, (unsigned long long)(s->first + i));
	ok &= EXPECT(!probe_load(s->va, &v) && v == s->first, "%s: first word", what);
	ok &= EXPECT(!probe_load(s->va + s->size - 8, &v) && v == s->last,
		     "%s: last word", what);
	return ok;
}

bool world_intact(struct world *w, const char *what)
{
	struct vpt_stats stats;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		struct sentinel *s = &w->s[i];

		ok &= same_place(w, s, 0, what);
		ok &= same_place(w, s, s->size / 2, what);
		ok &= same_place(w, s, s->size - 1, what);
		ok &= same_data(s, what);
	}
	vu_stats(w->r.fd, &stats);
	ok &= EXPECT(stats.mapped_bytes == w->stats.mapped_bytes &&
		     stats.handles == w->stats.handles &&
		     stats.region_bytes == w->stats.region_bytes,
		     "%s: %llu bytes mapped, %llu handles, region of %llu; were %llu, %llu, %llu",
		     what, stats.mapped_bytes, stats.handles, stats.region_bytes,
		     w->stats.mapped_bytes, w->stats.handles, w->stats.region_bytes);
	return ok & expect_sound(w->r.fd, what);
}

/* The file's region once more, in one VMA. */
static void renew(struct world *w)
{
	unsigned int i;

	REQUIRE(!munmap(w->r.base, w->r.bytes), "munmap: %s", strerror(errno));
	REQUIRE(mmap(w->r.base, w->r.bytes, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED_NOREPLACE, w->r.fd, 0) == w->r.base,
		"mmap: %s", strerror(errno));
	for (i = 0; i < w->n; i++)
		put(w, &w->s[i]);
}

void world_mend(struct world *w)
{
	unsigned int i;
	int ret;

	for (i = 0; i < w->n; i++) {
		struct sentinel *s = &w->s[i];
		struct vpt_page p;

		REQUIRE(!vu_resolve(w->r.fd, s->va, &p), "RESOLVE");
		if (p.page_size == s->size)
			continue;
		w->splits++;
		REQUIRE(!vu_unmap_range(w->r.fd, s->va, s->size, NULL), "unmap");
		ret = vu_map(w->r.fd, s->va, s->size, s->prot, w->handle_1g);
		REQUIRE(!ret || ret == -EINVAL, "map: %s", strerror(-ret));
		/* The call has split the VMA inside what was one page. */
		if (ret)
			renew(w);
	}
	world_remember(w);
}

static struct call call_page(const char *name, unsigned long request, u64 addr)
{
	struct call c = {
		.name = name,
		.request = request,
		.size = sizeof(struct vpt_page),
		.reserved = offsetof(struct vpt_page, reserved),
		.flags_in = true,
		.takes_addr = true,
	};

	c.arg.page.argsz = c.size;
	c.arg.page.addr = addr;
	return c;
}

static struct call call_range(const char *name, unsigned long request, u64 addr,
			      u64 length)
{
	struct call c = {
		.name = name,
		.request = request,
		.size = sizeof(struct vpt_range),
		.reserved = offsetof(struct vpt_range, reserved),
		.reserved0 = offsetof(struct vpt_range, reserved0),
		.flags_in = true,
		.takes_addr = true,
	};

	c.arg.range.argsz = c.size;
	c.arg.range.addr = addr;
	c.arg.range.length = length;
	return c;
}

static struct call call_other(const char *name, unsigned long request, size_t size,
			      size_t reserved, bool flags_in)
{
	struct call c = {
		.name = name,
		.request = request,
		.size = size,
		.reserved = reserved,
		.flags_in = flags_in,
	};

	c.arg.argsz = size;
	return c;
}

/* In an order in which all of them succeed, one after the other. */
void world_calls(struct world *w, struct call *calls)
{
	u64 base = (u64)w->r.base, hole = base + WORLD_FREE;
	struct call *c = calls;

	*c = call_page("MAP", VPT_IOC_MAP, hole);
	c->arg.page.page_size = VPT_4K;
	c++->arg.page.prot = RW;
	*c++ = call_page("RESOLVE", VPT_IOC_RESOLVE, base + 5);
	*c = call_page("PROTECT", VPT_IOC_PROTECT, base);
	c++->arg.page.prot = VPT_READ;
	*c++ = call_page("REMAP", VPT_IOC_REMAP, base);
	*c++ = call_page("UNMAP", VPT_IOC_UNMAP, base);
	*c = call_range("MAP_RANGE", VPT_IOC_MAP_RANGE, hole + VPT_2M, 3 * VPT_4K);
	c->arg.range.page_size = VPT_4K;
	c++->arg.range.prot = RW;
	*c = call_range("PROTECT_RANGE", VPT_IOC_PROTECT_RANGE,
			base + w->r.bytes - VPT_4K, VPT_4K);
	c++->arg.range.prot = RW;
	*c++ = call_range("UNMAP_RANGE", VPT_IOC_UNMAP_RANGE,
			  base + w->r.bytes - VPT_4K, VPT_4K);
	*c = call_other("FRAME_ALLOC", VPT_IOC_FRAME_ALLOC, sizeof(struct vpt_frame),
			offsetof(struct vpt_frame, reserved), true);
	c++->arg.frame.page_size = VPT_4K;
	*c = call_other("FRAME_FREE", VPT_IOC_FRAME_FREE, sizeof(struct vpt_frame),
			offsetof(struct vpt_frame, reserved), true);
	c++->arg.frame.frame = w->handle_4k;
	*c++ = call_other("STATS", VPT_IOC_STATS, sizeof(struct vpt_stats),
			  offsetof(struct vpt_stats, reserved), false);
	*c++ = call_other("CHECK", VPT_IOC_CHECK, sizeof(struct vpt_check),
			  offsetof(struct vpt_check, reserved), true);
}

int call_issue(int fd, struct call *c)
{
	return ioctl(fd, c->request, &c->arg) < 0 ? -errno : 0;
}
