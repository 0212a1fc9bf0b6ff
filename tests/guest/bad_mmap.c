// SPDX-License-Identifier: GPL-2.0
/* mmap, mremap and mprotect: what a region may not be, and stays. */
#include "lib/world.h"

#include <fcntl.h>

static int open_vpt(int how)
{
	int fd = open(VPT_DEVICE, how);

	REQUIRE(fd >= 0, "open: %s", strerror(errno));
	return fd;
}

struct bad_mmap {
	const char *what;
	u64 at;
	u64 length;
	int flags;
	u64 offset;
	int want;
};

#define AT	0x200000000000ULL	/* 32 TiB, aligned and free */

static const struct bad_mmap bad_mmaps[] = {
	{ "private", 0, VPT_1G, MAP_PRIVATE, 0, EINVAL },
	{ "private, fixed", AT, VPT_1G, MAP_PRIVATE | MAP_FIXED, 0, EINVAL },
	{ "one page", 0, VPT_4K, MAP_SHARED, 0, EINVAL },
	{ "2 MiB", 0, VPT_2M, MAP_SHARED, 0, EINVAL },
	{ "1 GiB - 4 KiB", 0, VPT_1G - VPT_4K, MAP_SHARED, 0, EINVAL },
	{ "1 GiB + 4 KiB", 0, VPT_1G + VPT_4K, MAP_SHARED, 0, EINVAL },
	{ "1.5 GiB", 0, VPT_1G * 3 / 2, MAP_SHARED, 0, EINVAL },
	{ "offset of a page", 0, VPT_1G, MAP_SHARED, VPT_4K, EINVAL },
	{ "offset of 1 GiB", 0, VPT_1G, MAP_SHARED, VPT_1G, EINVAL },
	{ "offset high up", 0, VPT_1G, MAP_SHARED, 1ULL << 46, EINVAL },
	{ "fixed at 4 KiB", AT + VPT_4K, VPT_1G, MAP_SHARED | MAP_FIXED, 0, EINVAL },
	{ "fixed at 2 MiB", AT + VPT_2M, VPT_1G, MAP_SHARED | MAP_FIXED, 0, EINVAL },
	{ "fixed at 512 MiB", AT + VPT_1G / 2, 2 * VPT_1G, MAP_SHARED | MAP_FIXED, 0,
	  EINVAL },
};

static void wrong_mmaps(u64 unused)
{
	unsigned int i;
	void *p;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(bad_mmaps); i++) {
		const struct bad_mmap *b = &bad_mmaps[i];
		int fd = open_vpt(O_RDWR);

		p = mmap((void *)b->at, b->length, PROT_READ | PROT_WRITE, b->flags, fd,
			 b->offset);
		EXPECT(p == MAP_FAILED && errno == b->want, "%s: %s, expected %s", b->what,
		       p == MAP_FAILED ? strerror(errno) : "mapped", strerror(b->want));
		if (p != MAP_FAILED)
			munmap(p, b->length);
		p = mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
		EXPECT(p != MAP_FAILED, "%s, then a good mmap: %s", b->what,
		       strerror(errno));
		close(fd);
		if (p != MAP_FAILED)
			munmap(p, VPT_1G);
	}
}

/* Above 2^47, where 5-level kernels map only who asks for it. */
static void high_addresses(u64 unused)
{
	static const u64 at[] = {
		(1ULL << 47) - VPT_1G, 1ULL << 47, 1ULL << 48, 1ULL << 52,
		(1ULL << 56) - 2 * VPT_1G, 1ULL << 56, 1ULL << 63, -2 * VPT_1G,
	};
	unsigned int i;
	void *p;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		int fd = open_vpt(O_RDWR);

		p = mmap((void *)at[i], 2 * VPT_1G, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
		EXPECT(p == MAP_FAILED && (errno == EINVAL || errno == ENOMEM),
		       "fixed at %llx: %s", (unsigned long long)at[i],
		       p == MAP_FAILED ? strerror(errno) : "mapped");
		/* A hint that cannot be followed may be refused or moved. */
		p = mmap((void *)at[i], 2 * VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
		EXPECT(p == MAP_FAILED ? errno == EINVAL || errno == ENOMEM :
		       (u64)p + 2 * VPT_1G <= 1ULL << 47 && !((u64)p % VPT_1G),
		       "hint %llx: %p, %s", (unsigned long long)at[i], p,
		       p == MAP_FAILED ? strerror(errno) : "mapped");
		close(fd);
	}
}

static void hints_are_followed(u64 unused)
{
	struct region a, b;
	void *p;
	int fd;

	(void)unused;
	region_open_at(&a, (void *)AT, 2, VPT_STRICT);
	region_open_at(&b, (void *)AT + 2 * VPT_1G, 1, VPT_STRICT);
	fd = open_vpt(O_RDWR);
	p = mmap((void *)(AT + 8 * VPT_1G), VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(p == (void *)(AT + 8 * VPT_1G), "a free hint: %p", p);
	munmap(p, VPT_1G);
	p = mmap((void *)AT, VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(p != MAP_FAILED && p != (void *)AT && !((u64)p % VPT_1G),
	       "a hint that is taken: %p", p);
	region_close(&a);
	region_close(&b);
}

static void one_region_at_a_time(u64 unused)
{
	struct world w;
	void *p;

	(void)unused;
	world_open(&w, VPT_2M);
	p = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, w.r.fd, 0);
	EXPECT(p == MAP_FAILED && errno == EBUSY, "a second mmap: %s", strerror(errno));
	p = mmap(w.r.base + 2 * VPT_1G, VPT_1G, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE,
		 w.r.fd, 0);
	EXPECT(p == MAP_FAILED, "one over the region, with care");
	EXPECT(vu_config(w.r.fd, 0) == -EBUSY, "CONFIG with a region");
	world_unchanged(&w, "second mmap");
	expect_sound(w.r.fd, "second mmap");
	if (can_cut())
		EXPECT(!munmap(w.r.base + VPT_2M / 2, VPT_4K), "munmap of a page");
	p = mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, w.r.fd, 0);
	EXPECT(p == MAP_FAILED && errno == EBUSY, "beside what munmap left: %s",
	       strerror(errno));
	region_close(&w.r);
}

static void file_rights_bind(u64 unused)
{
	int fd = open_vpt(O_RDONLY);
	void *p;

	(void)unused;
	p = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(p == MAP_FAILED && errno == EACCES, "RW of a read-only file: %s",
	       strerror(errno));
	/* Linux takes VM_SHARED away here, and a region must have it. */
	p = mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(p == MAP_FAILED && errno == EINVAL, "R of a read-only file: %s",
	       strerror(errno));
	close(fd);
}

static void mremap_is_refused(u64 unused)
{
	struct world w;
	u64 bytes;
	void *p;

	(void)unused;
	world_open(&w, VPT_2M);
	bytes = w.r.bytes;
	struct {
		const char *what;
		u64 offset, old, new;
		int flags;
		u64 to;
	} tries[] = {
		{ "grow", 0, bytes, bytes + VPT_1G, 0, 0 },
		{ "grow or move", 0, bytes, bytes + VPT_1G, MREMAP_MAYMOVE, 0 },
		{ "move", 0, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, AT },
		{ "move a page", 0, VPT_4K, VPT_4K, MREMAP_MAYMOVE | MREMAP_FIXED, AT },
		{ "move a huge page", VPT_2M, VPT_2M, VPT_2M,
		  MREMAP_MAYMOVE | MREMAP_FIXED, AT },
		{ "move the first GiB", 0, VPT_1G, VPT_1G,
		  MREMAP_MAYMOVE | MREMAP_FIXED, AT },
		{ "double", 0, 0, VPT_1G, MREMAP_MAYMOVE, 0 },
		{ "double there", 0, 0, VPT_1G, MREMAP_MAYMOVE | MREMAP_FIXED, AT },
#ifdef MREMAP_DONTUNMAP
		{ "move and leave", 0, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0 },
#endif
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(tries); i++) {
		p = mremap(w.r.base + tries[i].offset, tries[i].old, tries[i].new,
			   tries[i].flags, tries[i].to);
		EXPECT(p == MAP_FAILED, "%s: %p", tries[i].what, p);
		world_unchanged(&w, tries[i].what);
	}
	expect_sound(w.r.fd, "after mremap");
	region_close(&w.r);
}

static void mprotect_is_refused(u64 unused)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	struct world w;
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_2M);
	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		EXPECT(mprotect(w.r.base, w.r.bytes, prots[i]), "all, %d", prots[i]);
		EXPECT(mprotect(w.r.base, VPT_4K, prots[i]), "a page, %d", prots[i]);
		EXPECT(mprotect(w.r.base + VPT_2M, VPT_4K, prots[i]),
		       "a piece of a huge page, %d", prots[i]);
		EXPECT(mprotect(w.r.base + VPT_1G / 2, VPT_2M, prots[i]), "a hole, %d",
		       prots[i]);
		world_unchanged(&w, "mprotect");
	}
	expect_sound(w.r.fd, "after mprotect");
	region_close(&w.r);
}

static void many_files(u64 unused)
{
	struct region r[20];
	unsigned int i;
	u64 v;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		region_rw(&r[i], 1, 0);
		EXPECT(!probe_store(r[i].base, i), "store");
	}
	for (i = 0; i < ARRAY_SIZE(r); i++)
		EXPECT(!probe_load(r[i].base, &v) && v == i, "region %u holds %llu", i,
		       (unsigned long long)v);
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		expect_sound(r[i].fd, "one of twenty");
		EXPECT(vu_unmap(r[i].fd, r[(i + 1) % ARRAY_SIZE(r)].base, NULL) == -ERANGE,
		       "unmap in another file's region");
	}
	for (i = 0; i < ARRAY_SIZE(r); i++)
		region_close(&r[i]);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "wrong kinds, lengths, offsets and places are refused", wrong_mmaps, 0, 0 },
		{ "no region ends above 2^47", high_addresses, 0, 0 },
		{ "hints are followed", hints_are_followed, 0, 0 },
		{ "a file has one region at a time", one_region_at_a_time, 0, 0 },
		{ "a file that is not open for writing has no region", file_rights_bind, 0, 0 },
		{ "mremap is refused", mremap_is_refused, 0, 0 },
		{ "mprotect is refused", mprotect_is_refused, 0, 0 },
		{ "a process may have many files", many_files, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
