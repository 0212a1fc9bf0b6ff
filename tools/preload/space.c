// SPDX-License-Identifier: GPL-2.0
/* Regions of vpt, their addresses, and the lock. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "preload.h"
#include "stop.h"
#include "sys.h"

#define BITS	64UL

static void start_over(void)
{
	struct rlimit limit = { };

	fds_close_inherited();
	preload->pid = (pid_t)sys3(SYS_getpid, 0, 0, 0);
	preload->tasks = stop_start();
	preload->unusable = preload->tasks < 0;
	sys6(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, (unsigned long)&limit, 0, 0);
	preload->allowed = limit.rlim_cur;
}

/*
 * 0 free, 1 taken, 2 taken and somebody sleeps.  Return: the mask of signals, for
 * space_unlock().
 */
unsigned long space_lock(void)
{
	const unsigned long all = ~STOP_BIT;
	unsigned int seen = 0;
	unsigned long mask;

	sys6(SYS_rt_sigprocmask, SIG_SETMASK, (unsigned long)&all, (unsigned long)&mask,
	     sizeof(mask), 0, 0);
	if (!__atomic_compare_exchange_n(&preload->lock, &seen, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED)) {
		while (__atomic_exchange_n(&preload->lock, 2, __ATOMIC_ACQUIRE))
			sys6(SYS_futex, (unsigned long)&preload->lock, FUTEX_WAIT_PRIVATE,
			     2, 0, 0, 0);
	}
	if (!preload->pid)
		start_over();
	return mask;
}

void space_unlock(unsigned long mask)
{
	if (__atomic_exchange_n(&preload->lock, 0, __ATOMIC_RELEASE) == 2)
		sys3(SYS_futex, &preload->lock, FUTEX_WAKE_PRIVATE, 1);
	sys6(SYS_rt_sigprocmask, SIG_SETMASK, (unsigned long)&mask, 0, sizeof(mask), 0, 0);
}

/* Without the lock: whoever asks about addresses of its own gets the right answer. */
static bool space_touches(unsigned long addr, unsigned long bytes)
{
	int i;

	for (i = 0; i < REGIONS; i++) {
		unsigned long start = __atomic_load_n(&preload->region[i].start,
						      __ATOMIC_RELAXED);

		if (start && addr < start + REGION_BYTES && start < addr + bytes)
			return true;
	}
	return false;
}

/* Whether these are addresses that a mapping can have, some of them in a region. */
bool space_concerns(unsigned long addr, unsigned long len)
{
	return !(addr & (PAGE - 1)) && len && len <= TASK_BYTES && addr <= TASK_BYTES &&
	       space_touches(addr, round_up(len));
}

/* A child between vfork() and exec has its parent's memory, but descriptors of its own. */
bool space_is_mine(void)
{
	return !preload->pid || preload->pid == (pid_t)sys3(SYS_getpid, 0, 0, 0);
}

static bool bit(const struct region *r, enum page_kind kind, unsigned long page)
{
	return r->map[kind][page / BITS] >> page % BITS & 1;
}

/* The first page from @page on, but before @end, that is or is not of @kind; or @end. */
static unsigned long find(const struct region *r, enum page_kind kind, unsigned long page,
			  unsigned long end, bool is)
{
	while (page < end) {
		unsigned long word = r->map[kind][page / BITS];

		word = (is ? word : ~word) >> page % BITS;
		if (word) {
			page += (unsigned long)__builtin_ctzl(word);
			return page < end ? page : end;
		}
		page = (page / BITS + 1) * BITS;
	}
	return end;
}

/* Return: how many pages were not so before. */
static unsigned long mark(struct region *r, enum page_kind kind, unsigned long page,
			  unsigned long end, bool on)
{
	unsigned long changed = 0;

	while (page < end) {
		unsigned long many = BITS - page % BITS, mask;
		unsigned long *word = &r->map[kind][page / BITS];

		if (many > end - page)
			many = end - page;
		mask = (many == BITS ? ~0UL : (1UL << many) - 1) << page % BITS;
		/* A store would give a table of zeroes a page of memory. */
		mask &= on ? ~*word : *word;
		if (mask) {
			*word ^= mask;
			changed += (unsigned long)__builtin_popcountl(mask);
		}
		page += many;
	}
	return changed;
}

static unsigned long page_in(const struct region *r, unsigned long addr)
{
	return (addr - r->start) / PAGE;
}

static struct region *region_at(unsigned long addr)
{
	int i;

	for (i = 0; i < REGIONS; i++) {
		struct region *r = &preload->region[i];

		if (r->start && addr >= r->start && addr < r->end)
			return r;
	}
	return NULL;
}

/* The start of the first region after @addr, or @end if that is nearer. */
static unsigned long next_region(unsigned long addr, unsigned long end)
{
	int i;

	for (i = 0; i < REGIONS; i++) {
		unsigned long start = preload->region[i].start;

		if (start > addr && start < end)
			end = start;
	}
	return end;
}

/* Nothing in the region is vpt's any more. */
static void close_region(struct region *r)
{
	sys_munmap((unsigned long)r->map[0], PAGE_KINDS * REGION_BYTES / PAGE / 8);
	fds_close(&r->fd);
	__atomic_store_n(&r->start, 0, __ATOMIC_RELAXED);
	r->end = 0;
	r->live = 0;
}

void space_retire(void)
{
	struct region *r = preload->current;

	if (!r)
		return;
	preload->current = NULL;
	if (r->next < r->end)
		sys_munmap(r->next, r->end - r->next);
	r->next = r->end;
	if (!r->live)
		close_region(r);
}

static long open_device(void)
{
	long fd = sys3(SYS_open, VPT_DEVICE, O_RDWR | O_CLOEXEC, 0);

	return sys_failed(fd) ? fd : fds_add((int)fd);
}

static long map_tables(struct region *r)
{
	unsigned long bytes = REGION_BYTES / PAGE / 8;
	long at = sys_mmap(0, PAGE_KINDS * bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	int kind;

	if (sys_failed(at))
		return at;
	for (kind = 0; kind < PAGE_KINDS; kind++)
		r->map[kind] = (unsigned long *)((unsigned long)at + (unsigned long)kind * bytes);
	return 0;
}

static long open_at(struct region *r, const char **what)
{
	long fd, at, ret;

	*what = VPT_DEVICE;
	fd = open_device();
	if (sys_failed(fd))
		return fd;
	*what = "mapping " VPT_DEVICE;
	r->fd = (int)fd;
	at = sys6(SYS_mmap, 0, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		  (unsigned long)fd, 0);
	ret = sys_failed(at) ? at : map_tables(r);
	if (ret) {
		if (!sys_failed(at))
			sys_munmap((unsigned long)at, REGION_BYTES);
		fds_close(&r->fd);
		return ret;
	}
	r->live = 0;
	r->next = (unsigned long)at;
	r->end = r->next + REGION_BYTES;
	__atomic_store_n(&r->start, r->next, __ATOMIC_RELAXED);
	return 0;
}

int space_open(const char **what)
{
	long ret = -ENOSPC;
	int i;

	space_retire();
	*what = "regions";
	for (i = 0; i < REGIONS; i++) {
		if (preload->region[i].start)
			continue;
		ret = open_at(&preload->region[i], what);
		if (!ret)
			preload->current = &preload->region[i];
		break;
	}
	return (int)ret;
}

static unsigned long live(void)
{
	unsigned long bytes = 0;
	int i;

	for (i = 0; i < REGIONS; i++)
		bytes += preload->region[i].live;
	return bytes;
}

/* Hand out the current region's next addresses.  Stray stores there are forgotten. */
static unsigned long take_next(unsigned long bytes, bool unreserved)
{
	struct region *r = preload->current;
	struct stretch s;

	if (!r || r->end - r->next < bytes || preload->allowed < live() + bytes)
		return 0;
	s = (struct stretch){ .addr = r->next, .bytes = bytes, .region = r };
	if (pages_unmap(&s))
		return 0;
	r->next += bytes;
	mark(r, UNRESERVED, page_in(r, s.addr), page_in(r, r->next), unreserved);
	r->live += mark(r, OURS, page_in(r, s.addr), page_in(r, r->next), true) * PAGE;
	return s.addr;
}

unsigned long space_take(unsigned long bytes, bool unreserved)
{
	unsigned long addr = take_next(bytes, unreserved);
	const char *what;

	if (addr || bytes > REGION_BYTES || preload->unusable || preload->allowed < live() + bytes)
		return addr;
	if (space_open(&what)) {
		preload->unusable = !preload->current && !preload->served;
		return 0;
	}
	return take_next(bytes, unreserved);
}

bool space_take_behind(const struct stretch *s, unsigned long bytes)
{
	return preload->current && preload->current->next == s->addr + s->bytes &&
	       take_next(bytes, s->unreserved);
}

void space_forget(unsigned long addr, unsigned long bytes)
{
	unsigned long end = addr + bytes;
	int i;

	for (i = 0; i < REGIONS; i++) {
		struct region *r = &preload->region[i];
		unsigned long lo, hi;

		if (!r->start || addr >= r->end || r->start >= end)
			continue;
		lo = addr > r->start ? addr : r->start;
		hi = end < r->end ? end : r->end;
		/* What was never handed out cannot be any more. */
		if (hi > r->next) {
			if (lo > r->next)
				sys_munmap(r->next, lo - r->next);
			r->next = hi;
		}
		mark(r, READONLY, page_in(r, lo), page_in(r, hi), false);
		r->live -= mark(r, OURS, page_in(r, lo), page_in(r, hi), false) * PAGE;
		if (!r->live && r != preload->current)
			close_region(r);
	}
}

/* Halves, as deep as a region has bits of a page number. */
static void forget_missing(const struct stretch *s)
{
	struct stretch first = *s, second = *s;
	long ret = pages_mapped(s);

	if (ret != -ERANGE && ret != -ENXIO)
		return;
	if (s->bytes == PAGE) {
		space_forget(s->addr, s->bytes);
		return;
	}
	first.bytes = round_up(s->bytes / 2);
	second.addr += first.bytes;
	second.bytes -= first.bytes;
	forget_missing(&first);
	forget_missing(&second);
}

void space_look(unsigned long addr, unsigned long bytes)
{
	unsigned long end = addr + bytes;

	while (addr < end) {
		struct stretch s = space_stretch(addr, end);

		if (s.owner != LINUX)
			forget_missing(&s);
		addr += s.bytes;
	}
}

void space_readonly(const struct stretch *s, bool on)
{
	struct region *r = s->region;

	mark(r, READONLY, page_in(r, s->addr), page_in(r, s->addr + s->bytes), on);
}

struct stretch space_stretch(unsigned long addr, unsigned long end)
{
	struct region *r = region_at(addr);
	struct stretch s = { .addr = addr, .owner = LINUX, .region = r };
	unsigned long page, last;

	if (!r) {
		s.bytes = next_region(addr, end) - addr;
		return s;
	}
	if (addr >= r->next) {
		s.owner = NOBODY;
		s.bytes = (end < r->end ? end : r->end) - addr;
		return s;
	}
	page = page_in(r, addr);
	last = page_in(r, end < r->next ? end : r->next);
	if (bit(r, OURS, page)) {
		s.owner = VPT;
		s.readonly = bit(r, READONLY, page);
		s.unreserved = bit(r, UNRESERVED, page);
		last = find(r, READONLY, page, last, !s.readonly);
		last = find(r, UNRESERVED, page, last, !s.unreserved);
	}
	s.bytes = (find(r, OURS, page, last, s.owner != VPT) - page) * PAGE;
	return s;
}

bool space_next_ours(unsigned long addr, struct stretch *s)
{
	while (addr < TASK_BYTES) {
		*s = space_stretch(addr, TASK_BYTES);
		if (s->owner == VPT)
			return true;
		addr += s->bytes;
	}
	return false;
}
