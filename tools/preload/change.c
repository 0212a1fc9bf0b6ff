// SPDX-License-Identifier: GPL-2.0
/* The calls about memory that is there: madvise(), mprotect(), msync(), mincore(). */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "preload.h"
#include "sys.h"

#define RW		(PROT_READ | PROT_WRITE)

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/* More than this is not mapped for the sake of read-only rights. */
#define FILL_MOST	(256 * PAGE)

/* A call's arguments, for what is done with each stretch. */
struct call {
	unsigned long addr;
	unsigned long len;
	long a;
	long b;
	long (*linux_does)(unsigned long addr, unsigned long len, const struct call *c);
	long (*vpt_does)(const struct stretch *s, const struct call *c);
	bool skips_holes;		/* goes on behind one, and says ENOMEM at the end */
};

static long each_stretch(const struct call *c)
{
	unsigned long addr = c->addr, end = addr + round_up(c->len);
	long ret, hole = 0;

	while (addr < end) {
		struct stretch s = space_stretch(addr, end);

		if (s.owner == VPT)
			ret = c->vpt_does(&s, c);
		else if (s.owner == LINUX)
			ret = c->linux_does(s.addr, s.bytes, c);
		else
			ret = -ENOMEM;
		if (ret == -ENOMEM && c->skips_holes)
			hole = ret;
		else if (ret)
			return ret;
		addr += s.bytes;
	}
	return hole;
}

static long answer(const struct call *c)
{
	unsigned long mask;
	long ret;

	if (!space_concerns(c->addr, c->len))
		return c->linux_does(c->addr, c->len, c);
	mask = space_lock();
	ret = each_stretch(c);
	space_unlock(mask);
	return ret;
}

/* Linux does it, with memory of its own. */
static long linux_gets(const struct stretch *s, const struct call *c)
{
	long ret = give(s->addr, s->bytes);

	return ret ? ret : c->linux_does(s->addr, s->bytes, c);
}

static long linux_madvise(unsigned long addr, unsigned long len, const struct call *c)
{
	return sys3(SYS_madvise, addr, len, c->a);
}

static long vpt_madvise(const struct stretch *s, const struct call *c)
{
	switch (c->a) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:		/* at once rather than later */
		return s->readonly ? linux_gets(s, c) : pages_unmap(s);
	case MADV_POPULATE_READ:
		return pages_fill(s, s->bytes);
	case MADV_POPULATE_WRITE:
		return s->readonly ? -EINVAL : pages_fill(s, s->bytes);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return 0;	/* advice, and not taken */
	case MADV_COLLAPSE:
	case MADV_REMOVE:
		return -EINVAL;	/* no huge pages, no file */
	default:
		return linux_gets(s, c);
	}
}

long serve_madvise(unsigned long addr, unsigned long len, int advice)
{
	const struct call c = {
		.addr = addr, .len = len, .a = advice, .skips_holes = true,
		.linux_does = linux_madvise, .vpt_does = vpt_madvise,
	};

	return answer(&c);
}

static long linux_mprotect(unsigned long addr, unsigned long len, const struct call *c)
{
	if (c->b == -1)
		return sys_mprotect(addr, len, (int)c->a);
	return sys6(SYS_pkey_mprotect, addr, len, (unsigned long)c->a, (unsigned long)c->b, 0, 0);
}

/*
 * Rights are only there where a page is mapped, so what may not be written is mapped.
 * If that would be much, it is better Linux's.
 */
static long make_readonly(const struct stretch *s, const struct call *c)
{
	long ret = s->readonly ? 0 : pages_fill(s, FILL_MOST);

	if (!ret)
		ret = pages_protect(s, VPT_READ);
	if (ret)
		return linux_gets(s, c);
	space_readonly(s, true);
	return 0;
}

static long make_writable(const struct stretch *s)
{
	long ret = s->readonly ? pages_protect(s, VPT_READ | VPT_WRITE) : 0;

	if (!ret)
		space_readonly(s, false);
	return ret;
}

static long vpt_mprotect(const struct stretch *s, const struct call *c)
{
	if (c->b != -1)
		return linux_gets(s, c);
	switch (c->a) {
	case PROT_READ:
		return make_readonly(s, c);
	case PROT_WRITE:
	case RW:
		return make_writable(s);
	default:
		return linux_gets(s, c);
	}
}

long serve_mprotect(unsigned long addr, unsigned long len, int prot, int pkey)
{
	const struct call c = {
		.addr = addr, .len = len, .a = prot, .b = pkey,
		.linux_does = linux_mprotect, .vpt_does = vpt_mprotect,
	};

	return answer(&c);
}

static long linux_msync(unsigned long addr, unsigned long len, const struct call *c)
{
	return sys3(SYS_msync, addr, len, c->a);
}

/* There is no file that anything could be written to. */
static long vpt_msync(const struct stretch *s, const struct call *c)
{
	const long all = MS_ASYNC | MS_SYNC | MS_INVALIDATE, both = MS_ASYNC | MS_SYNC;

	(void)s;
	return (c->a & ~all) || (c->a & both) == both ? -EINVAL : 0;
}

long serve_msync(unsigned long addr, unsigned long len, int flags)
{
	const struct call c = {
		.addr = addr, .len = len, .a = flags, .skips_holes = true,
		.linux_does = linux_msync, .vpt_does = vpt_msync,
	};

	return answer(&c);
}

static long linux_name(unsigned long addr, unsigned long len, const struct call *c)
{
	return sys6(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, len,
		    (unsigned long)c->a, 0);
}

/* The name is not kept; but whether it is one, and there are such, Linux says of 0 bytes. */
static long vpt_name(const struct stretch *s, const struct call *c)
{
	return linux_name(s->addr, 0, c);
}

long serve_name(unsigned long addr, unsigned long len, unsigned long name)
{
	const struct call c = {
		.addr = addr, .len = len, .a = (long)name, .skips_holes = true,
		.linux_does = linux_name, .vpt_does = vpt_name,
	};

	return answer(&c);
}

static unsigned char *byte_for(unsigned long addr, const struct call *c)
{
	return (unsigned char *)c->a + (addr - c->addr) / PAGE;
}

static long linux_mincore(unsigned long addr, unsigned long len, const struct call *c)
{
	return sys3(SYS_mincore, addr, len, byte_for(addr, c));
}

static long set_bytes(const struct stretch *run, unsigned long first_byte)
{
	unsigned char *byte = (unsigned char *)first_byte + run->addr / PAGE;
	unsigned long i;

	for (i = 0; i < run->bytes / PAGE; i++)
		byte[i] = 1;
	return 0;
}

/* Linux knows nothing of vpt's pages, but says EFAULT where the bytes cannot be written. */
static long vpt_mincore(const struct stretch *s, const struct call *c)
{
	unsigned char *byte = byte_for(s->addr, c);
	long ret = linux_mincore(s->addr, s->bytes, c);
	unsigned long i;

	if (ret)
		return ret;
	for (i = 0; i < s->bytes / PAGE; i++)
		byte[i] = 0;
	return pages_each(s, true, set_bytes, (unsigned long)byte - s->addr / PAGE);
}

long serve_mincore(unsigned long addr, unsigned long len, unsigned char *vec)
{
	const struct call c = {
		.addr = addr, .len = len, .a = (long)vec,
		.linux_does = linux_mincore, .vpt_does = vpt_mincore,
	};

	return answer(&c);
}
