// SPDX-License-Identifier: GPL-2.0
/* The pages of a region, by vpt's ioctls. */
#define _GNU_SOURCE
#include <errno.h>

#include "preload.h"
#include "sys.h"

static struct vpt_range range_of(const struct stretch *s)
{
	return (struct vpt_range){
		.argsz = sizeof(struct vpt_range), .addr = s->addr, .length = s->bytes,
	};
}

long pages_unmap(const struct stretch *s)
{
	struct vpt_range r = range_of(s);

	return sys_ioctl(s->region->fd, VPT_IOC_UNMAP_RANGE, &r);
}

long pages_protect(const struct stretch *s, __u32 prot)
{
	struct vpt_range r = range_of(s);

	r.prot = prot;
	return sys_ioctl(s->region->fd, VPT_IOC_PROTECT_RANGE, &r);
}

long pages_map(const struct stretch *s)
{
	struct vpt_range r = range_of(s);

	r.page_size = VPT_4K;
	r.prot = VPT_READ | VPT_WRITE;
	return sys_ioctl(s->region->fd, VPT_IOC_MAP_RANGE, &r);
}

/* To give mapped pages the rights that they have changes nothing, but says how many. */
long pages_mapped(const struct stretch *s)
{
	struct vpt_range r = range_of(s);
	long ret;

	r.prot = s->readonly ? VPT_READ : VPT_READ | VPT_WRITE;
	ret = sys_ioctl(s->region->fd, VPT_IOC_PROTECT_RANGE, &r);
	return ret ? ret : (long)r.touched_bytes;
}

/* Halves, until all or none is mapped: as deep as a region has bits of a page number. */
long pages_each(const struct stretch *s, bool mapped, run_fn fn, unsigned long arg)
{
	long n = pages_mapped(s), ret;
	struct stretch first = *s, second = *s;

	if (n < 0)
		return n;
	if (n == 0 || n == (long)s->bytes)
		return mapped == (n != 0) ? fn(s, arg) : 0;
	first.bytes = round_up(s->bytes / 2);
	second.addr += first.bytes;
	second.bytes -= first.bytes;
	ret = pages_each(&first, mapped, fn, arg);
	return ret ? ret : pages_each(&second, mapped, fn, arg);
}

static long fill_run(const struct stretch *run, unsigned long arg)
{
	long ret = pages_map(run);

	(void)arg;
	/* Another thread has touched a page since. */
	return ret == -EEXIST ? pages_each(run, false, fill_run, 0) : ret;
}

long pages_fill(const struct stretch *s, unsigned long most)
{
	long n = pages_mapped(s);

	if (n < 0)
		return n;
	if (s->bytes - (unsigned long)n > most)
		return -E2BIG;
	return pages_each(s, false, fill_run, 0);
}

/* Not memcpy(): a program may have its own, which watches its threads. */
void pages_copy(unsigned long to, unsigned long from, unsigned long bytes)
{
	unsigned long words = bytes / sizeof(words);

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
