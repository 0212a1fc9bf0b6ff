// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that become Linux's, contents and all, at the same addresses; the threads that could store
 * meanwhile stand still.
 *
 * Linux joins memory to its neighbours, so that mremap() can take both in one, if each page was
 * first touched where it is.  So the pages that are put in the region's place are fresh, and what
 * they hold comes from a copy: memory that was filled elsewhere and moved here would not join.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

#define RW		(PROT_READ | PROT_WRITE)
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)

/* What is copied at once, and lies in one huge page of Linux's, if it uses them. */
#define CHUNK		(2UL << 20)

/* Linux promises so much whatever was promised before. */
#define EMPTY_MOST	(64UL << 20)

static struct {
	unsigned long at;		/* CHUNK bytes */
	bool holds[CHUNK / PAGE];
} copy;

static void copy_start(void)
{
	unsigned long i;

	for (i = 0; i < CHUNK / PAGE; i++)
		copy.holds[i] = false;
}

static long copy_run(const struct stretch *run, unsigned long chunk)
{
	unsigned long first = (run->addr - chunk) / PAGE, i;

	pages_copy(copy.at + run->addr - chunk, run->addr, run->bytes);
	for (i = 0; i < run->bytes / PAGE; i++)
		copy.holds[first + i] = true;
	return 0;
}

/* Linux gives all the pages in one call, where each touch would be a fault. */
static void copy_back_run(unsigned long chunk, unsigned long first, unsigned long pages)
{
	unsigned long at = first * PAGE, bytes = pages * PAGE;

	sys3(SYS_madvise, chunk + at, bytes, MADV_POPULATE_WRITE);
	pages_copy(chunk + at, copy.at + at, bytes);
}

static void copy_back(unsigned long chunk, unsigned long bytes)
{
	unsigned long pages = bytes / PAGE, first, next;

	for (first = 0; first < pages; first = next) {
		for (next = first + 1; next < pages; next++) {
			if (copy.holds[next] != copy.holds[first])
				break;
		}
		if (copy.holds[first])
			copy_back_run(chunk, first, next - first);
	}
}

/*
 * Made elsewhere first: if there is no memory, nothing has been unmapped yet.  There it must not
 * join a neighbour that has been touched, so it cannot be read before it is in its place.
 */
static long replace(const struct stretch *s)
{
	long ret, fresh = sys_mmap(0, s->bytes, PROT_WRITE,
				   ANONYMOUS | (s->unreserved ? MAP_NORESERVE : 0));

	if (sys_failed(fresh))
		return fresh;
	ret = sys6(SYS_mremap, (unsigned long)fresh, s->bytes, s->bytes,
		   MREMAP_MAYMOVE | MREMAP_FIXED, s->addr, 0);
	if (sys_failed(ret)) {
		sys_munmap((unsigned long)fresh, s->bytes);
		return ret;
	}
	preload->moved += s->bytes / PAGE;
	space_forget(s->addr, s->bytes);
	return 0;
}

static long protect(const struct stretch *s)
{
	return sys_mprotect(s->addr, s->bytes, s->readonly ? PROT_READ : RW);
}

/*
 * What lies in one chunk; whether @all of it is mapped is known, or is asked.  What has taken its
 * place becomes readable while it has no pages yet, whose entries would have to change; its pages
 * come back whether it does or not.
 */
static long give_chunk(const struct stretch *s, bool all)
{
	long ret;

	copy_start();
	ret = all ? copy_run(s, s->addr) : pages_each(s, true, copy_run, s->addr);
	if (!ret)
		ret = replace(s);
	if (ret)
		return ret;
	ret = sys_mprotect(s->addr, s->bytes, RW);
	copy_back(s->addr, s->bytes);
	return ret || !s->readonly ? ret : protect(s);
}

static long give_mapped(const struct stretch *s)
{
	unsigned long end = s->addr + s->bytes;
	struct stretch part = *s;
	long ret = 0;

	while (!ret && part.addr < end) {
		part.bytes = CHUNK - part.addr % CHUNK;
		if (part.bytes > end - part.addr)
			part.bytes = end - part.addr;
		ret = give_chunk(&part, true);
		part.addr += part.bytes;
	}
	return ret;
}

/* Halves, until nothing is mapped, or all is, or what is can be copied at once. */
static long give_stretch(const struct stretch *s)
{
	unsigned long end = s->addr + s->bytes, middle = (s->addr / 2 + end / 2) & ~(CHUNK - 1);
	struct stretch first = *s, second = *s;
	long n = pages_mapped(s), ret;

	if (n < 0)
		return n;
	if (!n && s->bytes <= EMPTY_MOST) {
		ret = replace(s);
		return ret ? ret : protect(s);
	}
	if (n == (long)s->bytes)
		return give_mapped(s);
	if (s->addr / CHUNK == (end - 1) / CHUNK)
		return give_chunk(s, false);
	if (middle <= s->addr)
		middle += CHUNK;
	first.bytes = middle - s->addr;
	second.addr = middle;
	second.bytes = end - middle;
	ret = give_stretch(&first);
	return ret ? ret : give_stretch(&second);
}

static long give_each(unsigned long addr, unsigned long end)
{
	struct stretch s;
	long ret = 0;

	while (!ret && space_next_ours(addr, &s) && s.addr < end) {
		if (s.bytes > end - s.addr)
			s.bytes = end - s.addr;
		addr = s.addr + s.bytes;
		ret = give_stretch(&s);
	}
	return ret;
}

static long give_job(unsigned long addr, unsigned long end)
{
	long at = sys_mmap(0, CHUNK, RW, ANONYMOUS), ret;

	if (sys_failed(at))
		return at;
	copy.at = (unsigned long)at;
	ret = give_each(addr, end);
	sys_munmap(copy.at, CHUNK);
	return ret;
}

/*
 * The caller's stack may be among what is moved: a coroutine's, say.  What is stored
 * there after its copy was made would be lost.
 */
static char stack[64 << 10] __attribute__((aligned(16)));

static long on_own_stack(unsigned long addr, unsigned long end)
{
	long ret;

	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "call *%[job]\n\t"
			 "movq %%rbx, %%rsp"
			 : "=a"(ret), "+D"(addr), "+S"(end)
			 : [top] "r"(stack + sizeof(stack)), [job] "r"(give_job)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
	return ret;
}

long give(unsigned long addr, unsigned long bytes)
{
	struct stretch s;
	long ret;

	if (!space_next_ours(addr, &s) || s.addr >= addr + bytes)
		return 0;
	ret = stop_others();
	if (!ret) {
		ret = on_own_stack(addr, addr + bytes);
		stop_end();
	}
	return ret;
}

long give_all(void)
{
	return give(0, TASK_BYTES);
}

void give_bytes(const void *p, size_t bytes)
{
	unsigned long addr = (unsigned long)p & ~(PAGE - 1), mask;

	bytes = round_up((unsigned long)p + bytes) - addr;
	if (!space_concerns(addr, bytes))
		return;
	mask = space_lock();
	give(addr, bytes);
	space_unlock(mask);
}
