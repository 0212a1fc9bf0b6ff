// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that become Linux's, contents and all.  The copy is made beside, in memory of
 * Linux's, and then moved to the place at once; the threads that could store meanwhile
 * stand still.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

#define RW		(PROT_READ | PROT_WRITE)
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* At most so much exists twice. */
#define PIECE		(64UL << 20)

static long copy_run(const struct stretch *run, unsigned long offset)
{
	pages_copy(run->addr + offset, run->addr, run->bytes);
	return 0;
}

static long give_piece(const struct stretch *s)
{
	long copy = sys_mmap(0, s->bytes, RW, ANONYMOUS), ret;

	if (sys_failed(copy))
		return copy;
	ret = pages_each(s, true, copy_run, (unsigned long)copy - s->addr);
	if (!ret && s->readonly)
		ret = sys_mprotect((unsigned long)copy, s->bytes, PROT_READ);
	if (!ret)
		ret = sys6(SYS_mremap, (unsigned long)copy, s->bytes, s->bytes,
			   MREMAP_MAYMOVE | MREMAP_FIXED, s->addr, 0);
	if (sys_failed(ret)) {
		sys_munmap((unsigned long)copy, s->bytes);
		return ret;
	}
	preload->moved += s->bytes / PAGE;
	space_forget(s->addr, s->bytes);
	return 0;
}

static long give_stretch(struct stretch s)
{
	unsigned long left = s.bytes;
	long ret = 0;

	while (left && !ret) {
		s.bytes = left < PIECE ? left : PIECE;
		ret = give_piece(&s);
		s.addr += s.bytes;
		left -= s.bytes;
	}
	return ret;
}

static long give_job(unsigned long addr, unsigned long end)
{
	struct stretch s;
	long ret = 0;

	while (!ret && space_next_ours(addr, &s) && s.addr < end) {
		if (s.bytes > end - s.addr)
			s.bytes = end - s.addr;
		addr = s.addr + s.bytes;
		ret = give_stretch(s);
	}
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
