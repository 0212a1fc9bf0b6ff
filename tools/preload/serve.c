// SPDX-License-Identifier: GPL-2.0
/* mmap() and munmap().  Fresh memory is only an address: the touch maps it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

#define RW		(PROT_READ | PROT_WRITE)
/* Linux refuses only what is much of the machine's memory. */
#define PROMISE_LEAST	(64UL << 20)

#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)

static bool servable(unsigned long addr, unsigned long len, int prot, int flags,
		     unsigned long offset)
{
	return !addr && len && len <= REGION_BYTES && prot == RW &&
	       (flags & ~(MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK)) == ANONYMOUS &&
	       !(offset & (PAGE - 1));
}

/*
 * Whether Linux would promise so much, or refuse at once what cannot be: vpt promises
 * nothing before a page is touched.  Return: 0 or -errno.
 */
static long promised(unsigned long len, int prot, int flags)
{
	long at;

	if (len < PROMISE_LEAST)
		return 0;
	at = sys_mmap(0, len, prot, flags & ~(MAP_POPULATE | MAP_NONBLOCK));
	return sys_failed(at) ? at : sys_munmap((unsigned long)at, len);
}

static unsigned long mmap_by_vpt(unsigned long len, int flags)
{
	struct stretch s;
	unsigned long addr;

	addr = preload->forking || !preload_on ? 0 : space_take(round_up(len), flags & MAP_NORESERVE);
	if (!addr) {
		preload->refused++;
		return 0;
	}
	preload->served++;
	/* As with Linux, populating that fails is no failure. */
	if (flags & MAP_POPULATE) {
		s = space_stretch(addr, addr + round_up(len));
		pages_fill(&s, s.bytes);
	}
	return addr;
}

/* Linux puts something in a region's place, whatever it is. */
static long mmap_fixed(unsigned long addr, unsigned long len, int prot, int flags, int fd,
		       unsigned long offset)
{
	unsigned long mask = space_lock();
	long ret = sys6(SYS_mmap, addr, len, (unsigned long)prot, (unsigned long)flags,
			(unsigned long)fd, offset);

	if (!sys_failed(ret))
		space_forget(addr, round_up(len));
	space_unlock(mask);
	return ret;
}

long serve_mmap(unsigned long addr, unsigned long len, int prot, int flags, int fd,
		unsigned long offset)
{
	unsigned long mask, got;
	long ret;

	if ((flags & MAP_FIXED) && space_concerns(addr, len))
		return mmap_fixed(addr, len, prot, flags, fd, offset);
	if (preload_on && servable(addr, len, prot, flags, offset) && space_is_mine()) {
		ret = promised(len, prot, flags);
		if (ret)
			return ret;
		mask = space_lock();
		got = mmap_by_vpt(len, flags);
		space_unlock(mask);
		if (got)
			return (long)got;
	}
	return sys6(SYS_mmap, addr, len, (unsigned long)prot, (unsigned long)flags,
		    (unsigned long)fd, offset);
}

/* What was never handed out is not mapped, for the program, and stays. */
static long unmap(unsigned long addr, unsigned long end)
{
	long ret = 0;

	while (addr < end && !ret) {
		struct stretch s = space_stretch(addr, end);

		if (s.owner != NOBODY) {
			ret = sys_munmap(s.addr, s.bytes);
			if (!ret)
				space_forget(s.addr, s.bytes);
		}
		addr += s.bytes;
	}
	return ret;
}

long serve_munmap(unsigned long addr, unsigned long len)
{
	unsigned long mask;
	long ret;

	if (!space_concerns(addr, len))
		return sys_munmap(addr, len);
	mask = space_lock();
	ret = unmap(addr, addr + round_up(len));
	space_unlock(mask);
	return ret;
}
