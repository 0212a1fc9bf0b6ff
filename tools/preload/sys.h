/* SPDX-License-Identifier: GPL-2.0 */
/* System calls without libc, whose functions may be patched, allocate or take locks. */
#ifndef PRELOAD_SYS_H
#define PRELOAD_SYS_H

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

static inline long sys6(long nr, unsigned long a, unsigned long b, unsigned long c,
			unsigned long d, unsigned long e, unsigned long f)
{
	register unsigned long r10 __asm__("r10") = d;
	register unsigned long r8 __asm__("r8") = e;
	register unsigned long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define sys3(nr, a, b, c)						\
	sys6(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), 0, 0, 0)

static inline bool sys_failed(long ret)
{
	return (unsigned long)ret >= -4095UL;
}

static inline long sys_mmap(unsigned long addr, unsigned long len, int prot, int flags)
{
	return sys6(SYS_mmap, addr, len, (unsigned long)prot, (unsigned long)flags, -1UL, 0);
}

static inline long sys_munmap(unsigned long addr, unsigned long len)
{
	return sys3(SYS_munmap, addr, len, 0);
}

static inline long sys_mprotect(unsigned long addr, unsigned long len, int prot)
{
	return sys3(SYS_mprotect, addr, len, prot);
}

static inline long sys_ioctl(int fd, unsigned long request, void *arg)
{
	return sys3(SYS_ioctl, fd, request, arg);
}

#endif /* PRELOAD_SYS_H */
