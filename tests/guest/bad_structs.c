// SPDX-License-Identifier: GPL-2.0
/*
 * What every ioctl refuses, whatever it does: a wrong argsz, unknown flags,
 * reserved bytes, bad pointers, wrong numbers - and that nothing changes by it.
 *
 * Each sweep ends with the same arguments unspoilt, which must be accepted: so
 * it was the spoilt byte that was refused.
 */
#include "lib/world.h"

#include <fcntl.h>

static void refused(struct world *w, const struct call *good, struct call *bad, int want,
		    const char *how)
{
	char what[100];
	int err;

	snprintf(what, sizeof(what), "%s, %s", good->name, how);
	err = call_issue(w->r.fd, bad);
	EXPECT(err == want, "%s: %s, expected %s", what, strerror(-err), strerror(-want));
	world_unchanged(w, what);
}

static void accepted(struct world *w, const struct call *good, const char *how)
{
	struct call c = *good;
	int err = call_issue(w->r.fd, &c);

	EXPECT(!err, "%s, %s: %s", good->name, how, strerror(-err));
}

static void sweep(void (*spoil)(struct world *w, const struct call *good), const char *how)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	unsigned int i;

	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	for (i = 0; i < WORLD_CALLS; i++)
		spoil(&w, &calls[i]);
	for (i = 0; i < WORLD_CALLS; i++)
		accepted(&w, &calls[i], how);
	expect_sound(w.r.fd, how);
	region_close(&w.r);
}

static void spoil_argsz(struct world *w, const struct call *good)
{
	struct call bad = *good;
	size_t i;

	for (i = 0; i < good->size; i += i < 8 || i >= good->size - 8 ? 1 : 8) {
		bad = *good;
		bad.arg.argsz = i;
		refused(w, good, &bad, -EINVAL, "argsz too small");
	}
	for (i = 0; i < 64; i += i < 8 ? 1 : 7) {
		bad = *good;
		bad.arg.argsz = good->size + 64;
		bad.arg.bytes[good->size + i] = 0x80;
		refused(w, good, &bad, -E2BIG, "argsz larger, non-zero byte in the tail");
	}
}

static void argsz_too_small_or_dirty_tail(u64 unused)
{
	(void)unused;
	sweep(spoil_argsz, "the right argsz");
}

static void each_call(void (*one)(struct world *w, struct call *c, u64 arg), u64 arg)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	unsigned int i;

	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	for (i = 0; i < WORLD_CALLS; i++)
		one(&w, &calls[i], arg);
	region_close(&w.r);
}

static void accepted_larger(struct world *w, struct call *c, u64 extra)
{
	size_t i;

	c->arg.argsz += extra;
	accepted(w, c, "argsz larger, zero tail");
	for (i = c->size; i < c->size + extra; i++)
		EXPECT(!c->arg.bytes[i], "%s: the tail was written", c->name);
}

/* A larger struct of a newer caller, all zero where we do not know it. */
static void argsz_larger_is_accepted(u64 extra)
{
	each_call(accepted_larger, extra);
}

static void spoil_flags(struct world *w, const struct call *good)
{
	unsigned int bit;

	for (bit = 0; bit < 32 && good->flags_in; bit++) {
		struct call bad = *good;

		bad.arg.flags = 1U << bit;
		refused(w, good, &bad, -EINVAL, "unknown flag");
	}
}

static void unknown_flags(u64 unused)
{
	(void)unused;
	sweep(spoil_flags, "no flags");
}

static void spoil_reserved(struct world *w, const struct call *good)
{
	struct call bad;
	size_t i;

	for (i = good->reserved; i < good->size; i++) {
		bad = *good;
		bad.arg.bytes[i] = 1 << i % 8;
		refused(w, good, &bad, -EINVAL, "reserved byte set");
	}
	for (i = 0; i < 4 && good->reserved0; i++) {
		bad = *good;
		bad.arg.bytes[good->reserved0 + i] = 0x80;
		refused(w, good, &bad, -EINVAL, "reserved0 byte set");
	}
}

static void reserved_bytes(u64 unused)
{
	(void)unused;
	sweep(spoil_reserved, "reserved bytes 0");
}

static void accepted_with_garbage(struct world *w, struct call *c, u64 unused)
{
	(void)unused;
	if (c->size == sizeof(struct vpt_page))
		c->arg.page.state = c->arg.page.phys = ~0U;
	else if (c->size == sizeof(struct vpt_range))
		c->arg.range.touched_bytes = c->arg.range.touched_pages = ~0ULL;
	else if (c->size == sizeof(struct vpt_frame))
		c->arg.frame.phys = ~0ULL;
	else
		memset(c->arg.bytes + 8, 0xff, c->reserved - 8);
	accepted(w, c, "garbage in its [out] fields");
}

static void out_fields_are_ignored(u64 unused)
{
	each_call(accepted_with_garbage, unused);
}

/* Places that cannot be read or written, and one that cannot be written. */
static char *pages;	/* 0: read-write, 1: unmapped, 2: read-write, 3: read-only */

static void make_pages(void)
{
	pages = mmap(NULL, 4 * VPT_4K, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(pages != MAP_FAILED, "mmap");
	munmap(pages + VPT_4K, VPT_4K);
}

static void refused_at(struct world *w, const struct call *good, void *where,
		       bool copy, const char *how)
{
	char what[100];
	int err;

	mprotect(pages + 3 * VPT_4K, VPT_4K, PROT_READ | PROT_WRITE);
	if (copy)
		memcpy(where, good->arg.bytes, good->size);
	mprotect(pages + 3 * VPT_4K, VPT_4K, PROT_READ);
	snprintf(what, sizeof(what), "%s, %s", good->name, how);
	err = ioctl(w->r.fd, good->request, where) < 0 ? -errno : 0;
	EXPECT(err == -EFAULT, "%s: %s, expected %s", what, strerror(-err),
	       strerror(EFAULT));
	world_unchanged(w, what);
}

static void spoil_pointer(struct world *w, const struct call *good)
{
	refused_at(w, good, NULL, false, "NULL");
	refused_at(w, good, (void *)8, false, "pointer near NULL");
	refused_at(w, good, pages + VPT_4K, false, "unmapped page");
	memcpy(pages + VPT_4K - 4, good->arg.bytes, 4);
	refused_at(w, good, pages + VPT_4K - 4, false, "only argsz is readable");
	refused_at(w, good, (void *)0xffff888000001000, false, "kernel address");
	refused_at(w, good, (void *)0xffffffff81000000, false, "kernel text");
	refused_at(w, good, (void *)0x0000800000000000, false, "non-canonical");
	refused_at(w, good, (void *)(0x00007ffffffff000 - 8), false, "the end of user space");
	refused_at(w, good, (void *)-8UL, false, "the end of the world");
	refused_at(w, good, w->r.base + WORLD_FREE + 8 * VPT_2M, false,
		   "an unmapped address of the region");
	refused_at(w, good, pages + 3 * VPT_4K, true, "read-only struct");
	refused_at(w, good, pages + 3 * VPT_4K - good->size + 4, true,
		   "read-only from the last field on");
}

static void bad_pointers(u64 unused)
{
	(void)unused;
	make_pages();
	sweep(spoil_pointer, "a good pointer");
}

/* Good, though uncommon: an odd address, two pages, a page of the region itself. */
static void uncommon_pointers(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	unsigned int i;
	char *where[3];

	(void)unused;
	make_pages();
	mprotect(pages + 3 * VPT_4K, VPT_4K, PROT_READ | PROT_WRITE);
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	REQUIRE(!vu_map(w.r.fd, w.r.base + VPT_1G / 2, VPT_4K, RW, 0), "map");
	where[0] = pages + 1;
	where[1] = pages + 3 * VPT_4K - 7;
	where[2] = w.r.base + VPT_1G / 2 + 3;
	for (i = 0; i < WORLD_CALLS; i++) {
		char *p = where[i % 3];
		int err;

		memcpy(p, calls[i].arg.bytes, calls[i].size);
		err = ioctl(w.r.fd, calls[i].request, p) < 0 ? -errno : 0;
		EXPECT(!err, "%s at %p: %s", calls[i].name, (void *)p, strerror(-err));
	}
	region_close(&w.r);
}

static void wrong_numbers(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	unsigned int i, j;

	(void)unused;
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	for (i = 0; i < WORLD_CALLS; i++) {
		unsigned long good = calls[i].request;
		unsigned long bad[] = {
			good ^ 0x0100,				/* magic */
			good ^ 0x80,				/* number */
			good & ~(3UL << _IOC_DIRSHIFT),		/* direction */
			_IOC(_IOC_READ, VPT_IOC_MAGIC, _IOC_NR(good), _IOC_SIZE(good)),
			_IOC(_IOC_WRITE, VPT_IOC_MAGIC, _IOC_NR(good), _IOC_SIZE(good)),
		};

		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			struct call c = calls[i];

			c.request = bad[j];
			refused(&w, &calls[i], &c, -ENOTTY, "wrong number");
		}
	}
	for (i = 0; i < 256; i++) {
		struct call c = calls[0];

		if (i >= 0x40 && i <= 0x4c)
			continue;
		c.request = _IOWR(VPT_IOC_MAGIC, i, struct vpt_page);
		EXPECT(call_issue(w.r.fd, &c) == -ENOTTY, "number %x", i);
	}
	world_unchanged(&w, "wrong numbers");
	region_close(&w.r);
}

/* The number carries the caller's struct size; argsz is what counts. */
static void size_in_the_number(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	for (i = 0; i < WORLD_CALLS; i++) {
		calls[i].request += 64UL << _IOC_SIZESHIFT;
		calls[i].arg.argsz += 64;
		accepted(&w, &calls[i], "a newer caller's number");
	}
	region_close(&w.r);
}

/* The same for CONFIG, which wants a file without a region. */
static void config_refuses(u64 unused)
{
	struct call good = {
		.name = "CONFIG", .request = VPT_IOC_CONFIG,
		.size = sizeof(struct vpt_config),
	}, bad;
	struct region r;
	unsigned int i;

	(void)unused;
	region_rw(&r, 1, 0);
	EXPECT(vu_config(r.fd, VPT_STRICT) == -EBUSY, "CONFIG after mmap");
	munmap(r.base, r.bytes);
	close(r.fd);
	REQUIRE((r.fd = open(VPT_DEVICE, O_RDWR)) >= 0, "open");
	good.arg.argsz = good.size;
	for (i = 0; i < good.size; i++) {
		bad = good;
		bad.arg.argsz = i;
		EXPECT(call_issue(r.fd, &bad) == -EINVAL, "argsz %u", i);
		bad = good;
		bad.arg.bytes[i] = 0x80;
		EXPECT(i < 4 || call_issue(r.fd, &bad) == -EINVAL, "byte %u", i);
	}
	for (i = 1; i < 32; i++) {
		bad = good;
		bad.arg.flags = 1U << i;
		EXPECT(call_issue(r.fd, &bad) == -EINVAL, "flag %u", i);
	}
	bad = good;
	bad.arg.argsz = good.size + 8;
	bad.arg.bytes[good.size + 7] = 1;
	EXPECT(call_issue(r.fd, &bad) == -E2BIG, "a dirty tail");
	EXPECT(ioctl(r.fd, VPT_IOC_CONFIG, NULL) && errno == EFAULT, "NULL");
	EXPECT(!vu_config(r.fd, VPT_STRICT) && !vu_config(r.fd, 0), "CONFIG");
	close(r.fd);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "argsz too small, or a dirty tail, is refused",
		  argsz_too_small_or_dirty_tail, 0, 0 },
		{ "argsz one byte larger is accepted", argsz_larger_is_accepted, 1, 0 },
		{ "argsz 64 bytes larger is accepted", argsz_larger_is_accepted, 64, 0 },
		{ "each unknown flag is refused", unknown_flags, 0, 0 },
		{ "each reserved byte is refused", reserved_bytes, 0, 0 },
		{ "[out] fields are ignored", out_fields_are_ignored, 0, 0 },
		{ "bad pointers are refused", bad_pointers, 0, 0 },
		{ "uncommon pointers are accepted", uncommon_pointers, 0, 0 },
		{ "wrong ioctl numbers are refused", wrong_numbers, 0, 0 },
		{ "a larger struct in the number is accepted", size_in_the_number, 0, 0 },
		{ "CONFIG refuses all that too", config_refuses, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
