// SPDX-License-Identifier: GPL-2.0
/*
 * The calls, made with vpt's means.  Fresh memory is only an address: the touch maps
 * it.  What vpt cannot do - no access at all, execution, moving to a fixed address -
 * is done by Linux, which first gets the pages in question for good ("gone").
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "preload.h"
#include "sys.h"

#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW		(PROT_READ | PROT_WRITE)

static unsigned long page_of(unsigned long addr)
{
	return (addr - SPACE_START) / PAGE;
}

static unsigned long addr_of(unsigned long page)
{
	return SPACE_START + page * PAGE;
}

static unsigned long pages_in(unsigned long len)
{
	return (len + PAGE - 1) / PAGE;
}

static long unmap_range(unsigned long first, unsigned long n)
{
	struct vpt_range r = {
		.argsz = sizeof(r), .addr = addr_of(first), .length = n * PAGE,
	};

	return sys_ioctl(preload.fd, VPT_IOC_UNMAP_RANGE, &r);
}

static long map_range(unsigned long first, unsigned long n, __u32 prot)
{
	struct vpt_range r = {
		.argsz = sizeof(r), .addr = addr_of(first), .length = n * PAGE,
		.page_size = VPT_4K, .prot = prot,
	};

	return sys_ioctl(preload.fd, VPT_IOC_MAP_RANGE, &r);
}

static long protect_range(unsigned long first, unsigned long n, __u32 prot)
{
	struct vpt_range r = {
		.argsz = sizeof(r), .addr = addr_of(first), .length = n * PAGE, .prot = prot,
	};

	return sys_ioctl(preload.fd, VPT_IOC_PROTECT_RANGE, &r);
}

/* Call @fn for each stretch of the pages that is wholly, or not at all, of @kind. */
static long each_run(enum page_kind kind, unsigned long first, unsigned long n,
		     long (*fn)(unsigned long first, unsigned long n, bool is, long arg),
		     long arg)
{
	long ret = 0;

	while (n && !ret) {
		bool is;
		unsigned long run = space_run(kind, first, n, &is);

		ret = fn(first, run, is, arg);
		first += run;
		n -= run;
	}
	return ret;
}

/* Give pages to Linux, contents and all. */
static long give_up(unsigned long first, unsigned long n, bool gone, long arg)
{
	unsigned long len = n * PAGE;
	long copy, at;

	(void)arg;
	if (gone)
		return 0;
	copy = sys_mmap(0, len, RW, ANONYMOUS);
	if (sys_failed(copy))
		return copy;
	memcpy((void *)copy, (void *)addr_of(first), len);
	/* Linux takes the old pages away first, and tells vpt. */
	at = sys_mmap(addr_of(first), len, RW, ANONYMOUS | MAP_FIXED);
	if (sys_failed(at)) {
		sys_munmap((unsigned long)copy, len);
		return at;
	}
	memcpy((void *)addr_of(first), (void *)copy, len);
	sys_munmap((unsigned long)copy, len);
	space_mark(GONE, first, n, true);
	__atomic_add_fetch(&preload.moved, n, __ATOMIC_RELAXED);
	return 0;
}

static long give_up_all(unsigned long first, unsigned long n)
{
	return each_run(GONE, first, n, give_up, 0);
}

long serve_mmap(unsigned long len, int prot, int flags)
{
	unsigned long n = pages_in(len), first;

	if (preload.fd < 0 || !len || n > SPACE_PAGES)
		return sys_mmap(0, len, prot, flags);
	first = space_take(n);
	if (first == SPACE_PAGES) {
		__atomic_add_fetch(&preload.refused, 1, __ATOMIC_RELAXED);
		return sys_mmap(0, len, prot, flags);
	}
	__atomic_add_fetch(&preload.served, 1, __ATOMIC_RELAXED);
	/* As with Linux, populating that fails is no failure. */
	if (flags & MAP_POPULATE)
		map_range(first, n, VPT_READ | VPT_WRITE);
	return (long)addr_of(first);
}

/* Linux puts something in the region's place, whatever it is. */
long serve_mmap_fixed(unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, unsigned long fd, unsigned long offset)
{
	long ret = sys6(SYS_mmap, addr, len, prot, flags, fd, offset);
	unsigned long n = pages_in(len);

	if (preload.fd < 0 || sys_failed(ret))
		return ret;
	if (n > SPACE_PAGES - page_of(addr))
		n = SPACE_PAGES - page_of(addr);
	space_mark(USED, page_of(addr), n, true);
	space_mark(GONE, page_of(addr), n, true);
	space_mark(READONLY, page_of(addr), n, false);
	return ret;
}

/* The address may be handed out again only when nothing is mapped there any more. */
static long drop(unsigned long first, unsigned long n, bool gone, long arg)
{
	long ret;

	(void)arg;
	if (gone)
		return sys_munmap(addr_of(first), n * PAGE);
	ret = unmap_range(first, n);
	if (ret)
		return ret;
	space_mark(READONLY, first, n, false);
	space_mark(USED, first, n, false);
	return 0;
}

long serve_munmap(unsigned long addr, unsigned long len)
{
	unsigned long n = pages_in(len), inside;
	long ret;

	if (preload.fd < 0)
		return sys_munmap(addr, len);
	if ((addr & (PAGE - 1)) || !len || n > (1UL << 47) / PAGE)
		return -EINVAL;
	inside = SPACE_PAGES - page_of(addr);
	if (n <= inside)
		return each_run(GONE, page_of(addr), n, drop, 0);
	ret = each_run(GONE, page_of(addr), inside, drop, 0);
	return ret ? ret : sys_munmap(SPACE_END, (n - inside) * PAGE);
}

/* Linux moves, grows or shrinks what it has been given. */
static long mremap_by_linux(unsigned long addr, unsigned long len, unsigned long new_len,
			    int flags, unsigned long new_addr)
{
	long ret = give_up_all(page_of(addr), pages_in(len));

	if (ret)
		return ret;
	return sys6(SYS_mremap, addr, len, new_len, (unsigned long)flags, new_addr, 0);
}

/* To another place in the region, or to Linux' memory where there is none. */
static long move(unsigned long addr, unsigned long len, unsigned long new_len)
{
	long to = serve_mmap(new_len, RW, ANONYMOUS);

	if (sys_failed(to))
		return to;
	memcpy((void *)to, (void *)addr, len);
	serve_munmap(addr, len);
	return to;
}

long serve_mremap(unsigned long addr, unsigned long len, unsigned long new_len, int flags,
		  unsigned long new_addr)
{
	unsigned long first = page_of(addr), n = pages_in(len), new_n = pages_in(new_len);
	bool gone, readonly;

	if (preload.fd < 0)
		return sys6(SYS_mremap, addr, len, new_len, (unsigned long)flags, new_addr, 0);
	if ((addr & (PAGE - 1)) || !len || !new_len || n > SPACE_PAGES - first)
		return -EINVAL;
	if ((flags & ~MREMAP_MAYMOVE) || space_run(GONE, first, n, &gone) < n || gone ||
	    space_run(READONLY, first, n, &readonly) < n || readonly)
		return mremap_by_linux(addr, len, new_len, flags, new_addr);
	if (new_n < n) {
		long ret = serve_munmap(addr + new_n * PAGE, (n - new_n) * PAGE);

		return ret ? ret : (long)addr;
	}
	if (new_n == n || space_take_at(first + n, new_n - n))
		return (long)addr;
	return flags & MREMAP_MAYMOVE ? move(addr, n * PAGE, new_n * PAGE) : -ENOMEM;
}

static long refill(unsigned long first, unsigned long n, bool readonly, long arg)
{
	(void)arg;
	/* Else the next touch would map it writable. */
	return readonly ? map_range(first, n, VPT_READ) : 0;
}

static long empty(unsigned long first, unsigned long n, bool gone, long advice)
{
	long ret;

	if (gone)
		return sys3(SYS_madvise, addr_of(first), n * PAGE, advice);
	ret = unmap_range(first, n);
	return ret ? ret : each_run(READONLY, first, n, refill, 0);
}

long serve_madvise(unsigned long addr, unsigned long len, int advice)
{
	unsigned long n = pages_in(len);

	if (preload.fd < 0)
		return sys3(SYS_madvise, addr, len, advice);
	if ((addr & (PAGE - 1)) || n > SPACE_PAGES - page_of(addr))
		return -EINVAL;
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:		/* at once rather than later */
		return n ? each_run(GONE, page_of(addr), n, empty, advice) : 0;
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
	default:
		return -EINVAL;
	}
}

/* Rights are only there where a page is mapped: what may not be written is mapped now. */
static long make_readonly(unsigned long first, unsigned long n, bool gone, long prot)
{
	unsigned long page;
	long ret;

	if (gone)
		return sys_mprotect(addr_of(first), n * PAGE, (int)prot);
	for (page = first; page < first + n; page++)
		(void)*(volatile char *)addr_of(page);
	ret = protect_range(first, n, VPT_READ);
	if (!ret)
		space_mark(READONLY, first, n, true);
	return ret;
}

static long make_writable(unsigned long first, unsigned long n, bool gone, long prot)
{
	long ret;

	if (gone)
		return sys_mprotect(addr_of(first), n * PAGE, (int)prot);
	ret = protect_range(first, n, VPT_READ | VPT_WRITE);
	if (!ret)
		space_mark(READONLY, first, n, false);
	return ret;
}

long serve_mprotect(unsigned long addr, unsigned long len, int prot)
{
	unsigned long first = page_of(addr), n = pages_in(len);
	long ret;

	if (preload.fd < 0)
		return sys_mprotect(addr, len, prot);
	if ((addr & (PAGE - 1)) || n > SPACE_PAGES - first)
		return -EINVAL;
	if (!n)
		return 0;
	if (prot == PROT_READ)
		return each_run(GONE, first, n, make_readonly, prot);
	if (prot == RW || prot == PROT_WRITE)
		return each_run(GONE, first, n, make_writable, prot);
	ret = each_run(GONE, first, n, make_writable, RW);	/* so that it can be copied back */
	if (!ret)
		ret = give_up_all(first, n);
	return ret ? ret : sys_mprotect(addr, len, prot);
}
