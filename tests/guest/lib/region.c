// SPDX-License-Identifier: GPL-2.0
/* The ioctls as functions, and a region ready for use. */
#include "guest.h"

#include <fcntl.h>
#include <sys/utsname.h>

static void region_map(struct region *r, void *at, unsigned int gib, u32 flags,
		       int prot, int extra)
{
	int err = 0;

	r->bytes = gib * VPT_1G;
	r->fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(r->fd >= 0, "open %s: %s", VPT_DEVICE, strerror(errno));
	if (flags)
		err = vu_config(r->fd, flags);
	REQUIRE(!err, "CONFIG: %s", strerror(-err));
	r->base = mmap(at, r->bytes, prot, MAP_SHARED | extra, r->fd, 0);
	REQUIRE(r->base != MAP_FAILED, "mmap of %u GiB: %s", gib, strerror(errno));
}

void region_open(struct region *r, unsigned int gib, u32 flags, int prot)
{
	region_map(r, NULL, gib, flags, prot, 0);
}

void region_open_at(struct region *r, void *at, unsigned int gib, u32 flags)
{
	region_map(r, at, gib, flags, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
	REQUIRE(r->base == at, "mmap at %p: got %p", at, r->base);
}

void region_close(struct region *r)
{
	EXPECT(!munmap(r->base, r->bytes), "munmap: %s", strerror(errno));
	EXPECT(!close(r->fd), "close: %s", strerror(errno));
}

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int vu_config(int fd, u32 flags)
{
	struct vpt_config c = { .argsz = sizeof(c), .flags = flags };

	return call(fd, VPT_IOC_CONFIG, &c);
}

static int call_page(int fd, unsigned long request, struct vpt_page p,
		     struct vpt_page *out)
{
	int err;

	p.argsz = sizeof(p);
	err = call(fd, request, &p);
	if (!err && out)
		*out = p;
	return err;
}

int vu_map(int fd, const void *va, u64 size, u32 prot, u64 frame)
{
	return call_page(fd, VPT_IOC_MAP, (struct vpt_page) {
		.addr = (u64)va, .page_size = size, .prot = prot, .frame = frame,
	}, NULL);
}

int vu_unmap(int fd, const void *va, struct vpt_page *old)
{
	return call_page(fd, VPT_IOC_UNMAP, (struct vpt_page) {
		.addr = (u64)va,
	}, old);
}

int vu_protect(int fd, const void *va, u32 prot, struct vpt_page *old)
{
	return call_page(fd, VPT_IOC_PROTECT, (struct vpt_page) {
		.addr = (u64)va, .prot = prot,
	}, old);
}

int vu_remap(int fd, const void *va, u64 frame, struct vpt_page *old)
{
	return call_page(fd, VPT_IOC_REMAP, (struct vpt_page) {
		.addr = (u64)va, .frame = frame,
	}, old);
}

int vu_resolve(int fd, const void *va, struct vpt_page *found)
{
	return call_page(fd, VPT_IOC_RESOLVE, (struct vpt_page) {
		.addr = (u64)va,
	}, found);
}

static int call_range(int fd, unsigned long request, struct vpt_range r,
		      struct vpt_range *out)
{
	int err;

	r.argsz = sizeof(r);
	err = call(fd, request, &r);
	if (!err && out)
		*out = r;
	return err;
}

int vu_map_range(int fd, const void *va, u64 length, u64 size, u32 prot,
		 struct vpt_range *done)
{
	return call_range(fd, VPT_IOC_MAP_RANGE, (struct vpt_range) {
		.addr = (u64)va, .length = length, .page_size = size, .prot = prot,
	}, done);
}

int vu_unmap_range(int fd, const void *va, u64 length, struct vpt_range *done)
{
	return call_range(fd, VPT_IOC_UNMAP_RANGE, (struct vpt_range) {
		.addr = (u64)va, .length = length,
	}, done);
}

int vu_protect_range(int fd, const void *va, u64 length, u32 prot,
		     struct vpt_range *done)
{
	return call_range(fd, VPT_IOC_PROTECT_RANGE, (struct vpt_range) {
		.addr = (u64)va, .length = length, .prot = prot,
	}, done);
}

int vu_frame_alloc(int fd, u64 size, u64 *frame)
{
	struct vpt_frame f = { .argsz = sizeof(f), .page_size = size };
	int err = call(fd, VPT_IOC_FRAME_ALLOC, &f);

	if (!err)
		*frame = f.frame;
	return err;
}

int vu_frame_free(int fd, u64 frame)
{
	struct vpt_frame f = { .argsz = sizeof(f), .frame = frame };

	return call(fd, VPT_IOC_FRAME_FREE, &f);
}

int vu_stats(int fd, struct vpt_stats *stats)
{
	*stats = (struct vpt_stats) { .argsz = sizeof(*stats) };
	return call(fd, VPT_IOC_STATS, stats);
}

int vu_check(int fd, struct vpt_check *check)
{
	*check = (struct vpt_check) { .argsz = sizeof(*check) };
	return call(fd, VPT_IOC_CHECK, check);
}

bool expect_sound(int fd, const char *when)
{
	struct vpt_check c;
	int err = vu_check(fd, &c);

	if (!EXPECT(!err, "%s: CHECK: %s", when, strerror(-err)))
		return false;
	return EXPECT(!c.violations, "%s: %llu violations, first of invariant %u (%s), level %u, address %llx, entry %llx",
		      when, c.violations, c.invariant, c.name, c.level, c.addr, c.entry);
}

const char *size_name(u64 size)
{
	return size == VPT_4K ? "4K" : size == VPT_2M ? "2M" :
	       size == VPT_1G ? "1G" : "?";
}

/* To allocate 1 GiB is to zero it, so look at the pool first. */
static int try_size(int fd, u64 size)
{
	struct vpt_stats s;
	u64 frame;
	int err;

	if (size == VPT_1G && !vu_stats(fd, &s) && s.pool_free)
		return 0;
	err = vu_frame_alloc(fd, size, &frame);
	if (!err)
		err = vu_frame_free(fd, frame);
	return err;
}

/* 4 KiB is always there; only what the machine may lack may be skipped. */
bool have_size(int fd, u64 size)
{
	int err = try_size(fd, size);
	/* 1 GiB takes the CPU's support, too. */
	const bool may_lack = size == VPT_1G || (size == VPT_2M && !linux_has_huge_pages());

	EXPECT(!err || (size != VPT_4K && err == -ENOMEM) || (may_lack && err == -EOPNOTSUPP),
	       "FRAME_ALLOC %s: %s", size_name(size), strerror(-err));
	return !err;
}

void need_size(int fd, u64 size)
{
	int err = have_size(fd, size) ? 0 : try_size(fd, size);

	if (err)
		skip("no %s frame: %s", size_name(size), strerror(-err));
}

bool linux_has_huge_pages(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

bool runs_on(const char *kernel)
{
	const size_t n = strlen(kernel);
	struct utsname name;

	REQUIRE(!uname(&name), "uname");
	return !strncmp(name.release, kernel, n) && name.release[n] == '.';
}

bool can_cut(void)
{
	struct utsname name;
	struct region r;
	bool refused;

	region_open(&r, 1, VPT_STRICT, PROT_READ);
	refused = munmap(r.base, VPT_4K) && errno == EINVAL;
	region_close(&r);
	if (refused && !uname(&name))
		EXPECT(strstr(name.version, "PREEMPT_RT") || !access("/proc/lockdep", F_OK),
		       "munmap of a page is refused on %s", name.version);
	return !refused;
}

void need_cuts(void)
{
	if (!can_cut())
		skip("this kernel's regions are cut at multiples of 1 GiB only");
}
