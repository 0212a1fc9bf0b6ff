// SPDX-License-Identifier: GPL-2.0
/* Which pages of the region are handed out: bitmaps under a lock. */
#include <linux/futex.h>

#include "preload.h"
#include "sys.h"

#define BITS	64UL

/* 0 free, 1 taken, 2 taken and somebody sleeps. */
static unsigned int lock;

void space_lock(void)
{
	unsigned int seen = 0;

	if (__atomic_compare_exchange_n(&lock, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock, 2, __ATOMIC_ACQUIRE))
		sys6(SYS_futex, (unsigned long)&lock, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

void space_unlock(void)
{
	if (__atomic_exchange_n(&lock, 0, __ATOMIC_RELEASE) == 2)
		sys3(SYS_futex, &lock, FUTEX_WAKE_PRIVATE, 1);
}

/* In a child that nobody shares memory with. */
void space_lock_reset(void)
{
	lock = 0;
}

int space_init(void)
{
	long at = sys_mmap(0, PAGE_KINDS * SPACE_PAGES / 8, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	int kind;

	if (sys_failed(at))
		return (int)at;
	for (kind = 0; kind < PAGE_KINDS; kind++)
		preload.map[kind] = (unsigned long *)at + kind * (SPACE_PAGES / BITS);
	return 0;
}

static bool bit(enum page_kind kind, unsigned long page)
{
	return preload.map[kind][page / BITS] >> page % BITS & 1;
}

/* The first page from @page on, but before @end, that is or is not of @kind; or @end. */
static unsigned long find(enum page_kind kind, unsigned long page, unsigned long end, bool is)
{
	while (page < end) {
		unsigned long word = preload.map[kind][page / BITS];

		word = (is ? word : ~word) >> page % BITS;
		if (word) {
			page += (unsigned long)__builtin_ctzl(word);
			return page < end ? page : end;
		}
		page = (page / BITS + 1) * BITS;
	}
	return end;
}

static void mark(enum page_kind kind, unsigned long first, unsigned long n, bool on)
{
	unsigned long page = first, end = first + n;

	while (page < end) {
		unsigned long many = BITS - page % BITS;
		unsigned long mask;

		if (many > end - page)
			many = end - page;
		mask = (many == BITS ? ~0UL : (1UL << many) - 1) << page % BITS;
		if (on)
			preload.map[kind][page / BITS] |= mask;
		else
			preload.map[kind][page / BITS] &= ~mask;
		page += many;
	}
	if (kind == USED && !on && first < preload.hint)
		preload.hint = first;
}

unsigned long space_take(unsigned long n)
{
	unsigned long first, end;

	space_lock();
	first = find(USED, preload.hint, SPACE_PAGES, false);
	preload.hint = first;
	while (first < SPACE_PAGES && n <= SPACE_PAGES - first) {
		end = find(USED, first, first + n, true);
		if (end == first + n) {
			mark(USED, first, n, true);
			space_unlock();
			return first;
		}
		first = find(USED, end, SPACE_PAGES, false);
	}
	space_unlock();
	return SPACE_PAGES;
}

bool space_take_at(unsigned long first, unsigned long n)
{
	bool free = false;

	space_lock();
	if (first < SPACE_PAGES && n <= SPACE_PAGES - first &&
	    find(USED, first, first + n, true) == first + n) {
		mark(USED, first, n, true);
		free = true;
	}
	space_unlock();
	return free;
}

void space_mark(enum page_kind kind, unsigned long first, unsigned long n, bool on)
{
	space_lock();
	mark(kind, first, n, on);
	space_unlock();
}

unsigned long space_run(enum page_kind kind, unsigned long first, unsigned long n, bool *is)
{
	unsigned long end;

	space_lock();
	*is = bit(kind, first);
	end = find(kind, first, first + n, !*is);
	space_unlock();
	return end - first;
}
