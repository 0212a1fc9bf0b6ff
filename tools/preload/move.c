// SPDX-License-Identifier: GPL-2.0
/* mremap().  What vpt cannot do, Linux does with memory of its own, and fails as it fails. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

/* The last page of the address space, where nothing can be mapped. */
#define NOWHERE		(TASK_BYTES - PAGE)

static long unmap_ours(unsigned long addr, unsigned long bytes)
{
	long ret = sys_munmap(addr, bytes);

	if (!ret)
		space_forget(addr, bytes);
	return ret;
}

/* The new pages are mapped before they are written to: no memory is no SIGBUS here. */
static long move_run(const struct stretch *run, unsigned long offset)
{
	struct stretch to = space_stretch(run->addr + offset, run->addr + offset + run->bytes);
	long ret = pages_fill(&to, to.bytes);

	if (!ret)
		pages_copy(to.addr, run->addr, run->bytes);
	return ret;
}

static long move(const struct stretch *s, unsigned long new_bytes)
{
	unsigned long to = space_take(new_bytes, s->unreserved);
	long ret;

	if (!to)
		return -E2BIG;
	ret = pages_each(s, true, move_run, to - s->addr);
	if (!ret)
		ret = unmap_ours(s->addr, s->bytes);
	if (!ret)
		return (long)to;
	unmap_ours(to, new_bytes);
	return ret;
}

/* Linux can use what was unmapped behind the stretch, vpt cannot. */
static long no_room(const struct stretch *s)
{
	unsigned long end = s->addr + s->bytes;

	return space_stretch(end, end + PAGE).owner == LINUX ? -E2BIG : -ENOMEM;
}

/* -E2BIG where vpt cannot. */
static long resize(unsigned long addr, unsigned long bytes, unsigned long new_len, int flags)
{
	struct stretch s = space_stretch(addr, addr + bytes);
	unsigned long new_bytes = round_up(new_len);

	if (new_len > REGION_BYTES || (flags & ~MREMAP_MAYMOVE) || s.owner != VPT ||
	    s.bytes != bytes || s.readonly)
		return -E2BIG;
	if (new_bytes < bytes) {
		long ret = unmap_ours(addr + new_bytes, bytes - new_bytes);

		return ret ? ret : (long)addr;
	}
	if (new_bytes == bytes)
		return (long)addr;
	if (preload->forking || !preload_on)
		return -E2BIG;
	if (space_take_behind(&s, new_bytes - bytes))
		return (long)addr;
	return flags & MREMAP_MAYMOVE ? move(&s, new_bytes) : no_room(&s);
}

/* Of no bytes Linux looks at the page that is there. */
static unsigned long source_bytes(unsigned long len)
{
	unsigned long bytes = round_up(len);

	return bytes ? bytes : PAGE;
}

static long linux_mremap(unsigned long addr, unsigned long len, unsigned long new_len,
			 int flags, unsigned long new_addr)
{
	return sys6(SYS_mremap, addr, len, new_len, (unsigned long)flags, new_addr, 0);
}

/*
 * Linux unmaps what is at a fixed destination, and what the source shrinks by, before it finds
 * that it cannot move the rest. From 7.3 on it moves several mappings in one call, and leaves what
 * is at the destination of a hole between them. So what it did is looked up, whatever it says.
 */
static long move_by_linux(unsigned long addr, unsigned long len, unsigned long new_len,
			  int flags, unsigned long new_addr)
{
	unsigned long bytes = source_bytes(len), new_bytes = round_up(new_len);
	long ret;

	/* Nothing is there for the program, though for Linux there is. */
	if (space_stretch(addr, addr + PAGE).owner == NOBODY)
		return linux_mremap(NOWHERE, len, new_len, flags, new_addr);
	ret = give(addr, bytes);
	if (ret)
		return ret;
	ret = linux_mremap(addr, len, new_len, flags, new_addr);
	if (flags & MREMAP_FIXED)
		space_look(new_addr, new_bytes);
	if (new_bytes < bytes)
		space_look(addr + new_bytes, bytes - new_bytes);
	return ret;
}

long serve_mremap(unsigned long addr, unsigned long len, unsigned long new_len, int flags,
		  unsigned long new_addr)
{
	bool from = space_concerns(addr, PAGE) || space_concerns(addr, len);
	bool to = (flags & MREMAP_FIXED) && space_concerns(new_addr, new_len);
	unsigned long bytes = round_up(len), mask;
	long ret = -E2BIG;

	if (!new_len || (!from && !to))
		return linux_mremap(addr, len, new_len, flags, new_addr);
	mask = space_lock();
	if (bytes && bytes <= REGION_BYTES)
		ret = resize(addr, bytes, new_len, flags);
	if (ret == -E2BIG)
		ret = move_by_linux(addr, len, new_len, flags, new_addr);
	space_unlock(mask);
	return ret;
}
