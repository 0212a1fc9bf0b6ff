// SPDX-License-Identifier: GPL-2.0
/*
 * A call whose answer could not be delivered is not done: the struct lies in what the
 * call would take away.  Elsewhere in the region it is as good as anywhere.
 */
#include "lib/guest.h"

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/* A struct at @at, in a page that is mapped. */
static struct vpt_page *page_at(char *at, char *addr, u32 prot)
{
	struct vpt_page *p = (struct vpt_page *)at;

	*p = (struct vpt_page){ .argsz = sizeof(*p), .addr = (u64)addr, .prot = prot };
	return p;
}

static struct vpt_range *range_at(char *at, char *addr, u64 bytes, u32 prot)
{
	struct vpt_range *r = (struct vpt_range *)at;

	*r = (struct vpt_range){ .argsz = sizeof(*r), .addr = (u64)addr,
				 .length = bytes, .prot = prot };
	return r;
}

/* Nothing was done: the page is there, can be written, and holds what it held. */
static void expect_untouched(struct region *r, char *va, u64 frame, const char *what)
{
	struct vpt_page now;

	EXPECT(!vu_resolve(r->fd, va, &now), "%s: the page has gone", what);
	EXPECT(now.frame == frame && now.prot == RW, "%s: frame %llu, prot %u", what,
	       now.frame, now.prot);
	EXPECT(!probe_store(va + VPT_4K - 8, 1), "%s: a store", what);
	expect_sound(r->fd, what);
}

/* The struct at @at, which overlaps the page at @va. */
static void one_place(struct region *r, char *va, u64 size, char *at, u64 frame)
{
	struct {
		const char *name;
		unsigned long request;
		u32 prot;
	} single[] = {
		{ "UNMAP", VPT_IOC_UNMAP, 0 }, { "REMAP", VPT_IOC_REMAP, 0 },
		{ "PROTECT", VPT_IOC_PROTECT, VPT_READ },
	};
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(single); i++) {
		err = call(r->fd, single[i].request, page_at(at, va, single[i].prot));
		EXPECT(err == -EFAULT, "%s: %s", single[i].name, strerror(-err));
		expect_untouched(r, va, frame, single[i].name);
	}
	err = call(r->fd, VPT_IOC_UNMAP_RANGE, range_at(at, va, size, 0));
	EXPECT(err == -EFAULT, "UNMAP_RANGE: %s", strerror(-err));
	expect_untouched(r, va, frame, "UNMAP_RANGE");
	err = call(r->fd, VPT_IOC_PROTECT_RANGE, range_at(at, va, size, VPT_READ));
	EXPECT(err == -EFAULT, "PROTECT_RANGE: %s", strerror(-err));
	expect_untouched(r, va, frame, "PROTECT_RANGE");
	/* Rights that leave the answer a place. */
	err = call(r->fd, VPT_IOC_PROTECT, page_at(at, va, RW));
	EXPECT(!err, "PROTECT to the same rights: %s", strerror(-err));
	err = call(r->fd, VPT_IOC_PROTECT_RANGE, range_at(at, va, size, RW));
	EXPECT(!err, "PROTECT_RANGE to the same rights: %s", strerror(-err));
}

static void not_done(u32 flags, u64 size)
{
	struct region r;
	u64 frame;
	char *va;

	region_rw(&r, 2, flags);
	need_size(r.fd, size);
	va = r.base + (size == VPT_1G ? VPT_1G : 2 * VPT_2M);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
	REQUIRE(!vu_map(r.fd, va, size, RW, frame), "map");
	REQUIRE(!vu_map(r.fd, va - VPT_4K, VPT_4K, RW, 0), "map before");
	one_place(&r, va, size, va, frame);
	one_place(&r, va, size, va + size - sizeof(struct vpt_range), frame);
	/* The first bytes are before the page, the last ones in it. */
	one_place(&r, va, size, va - sizeof(u64), frame);
	/* Right before it: the answer is written. */
	EXPECT(!call(r.fd, VPT_IOC_UNMAP,
		     page_at(va - sizeof(struct vpt_page), va, 0)), "UNMAP from before");
	EXPECT(((struct vpt_page *)(va - sizeof(struct vpt_page)))->frame == frame,
	       "the answer");
	EXPECT(vu_resolve(r.fd, va, NULL) == -ENOENT, "the page is still there");
	expect_sound(r.fd, "unmapped");
	region_close(&r);
}

static void not_done_strict(u64 size)
{
	not_done(VPT_STRICT, size);
}

static void not_done_demand(u64 size)
{
	not_done(0, size);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("strict: without a place for the answer nothing is done",
			  not_done_strict),
		EACH_SIZE("demand: without a place for the answer nothing is done",
			  not_done_demand),
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
