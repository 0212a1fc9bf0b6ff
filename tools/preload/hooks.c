// SPDX-License-Identifier: GPL-2.0
/* The calls of libc that the library stands in for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <unistd.h>

#include "preload.h"
#include "sys.h"

#define ADDR(p)		((unsigned long)(p))

/* libc's own @name, looked up once. */
#define REAL(name)							\
	({								\
		static __typeof__(name) *real;				\
									\
		if (!real)						\
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
		real;							\
	})

static long answer(long ret)
{
	if (!sys_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)answer(serve_mmap(ADDR(addr), len, prot, flags, fd,
					 (unsigned long)offset));
}

int hook_munmap(void *addr, size_t len)
{
	return (int)answer(serve_munmap(ADDR(addr), len));
}

/* @new_addr is whatever the caller left in the register, where it gave none. */
void *hook_mremap(void *addr, size_t len, size_t new_len, int flags, void *new_addr)
{
	return (void *)answer(serve_mremap(ADDR(addr), len, new_len, flags, ADDR(new_addr)));
}

int hook_madvise(void *addr, size_t len, int advice)
{
	return (int)answer(serve_madvise(ADDR(addr), len, advice));
}

int hook_mprotect(void *addr, size_t len, int prot)
{
	return (int)answer(serve_mprotect(ADDR(addr), len, prot, -1));
}

EXPORTED int pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	return (int)answer(serve_mprotect(ADDR(addr), len, prot, pkey));
}

EXPORTED int msync(void *addr, size_t len, int flags)
{
	return (int)answer(serve_msync(ADDR(addr), len, flags));
}

EXPORTED int mincore(void *addr, size_t len, unsigned char *vec)
{
	return (int)answer(serve_mincore(ADDR(addr), len, vec));
}

/*
 * The kernel must be able to pin what several processes wait for, or what it clears when
 * a thread ends: nothing of vpt's.
 */
static void linux_gets(const void *p, size_t bytes)
{
	unsigned long addr = ADDR(p) & ~(PAGE - 1), mask;

	bytes = round_up(ADDR(p) + bytes) - addr;
	if (!space_concerns(addr, bytes))
		return;
	mask = space_lock();
	give(addr, bytes);
	space_unlock(mask);
}

EXPORTED int pthread_attr_setstack(pthread_attr_t *attr, void *stack, size_t bytes)
{
	linux_gets(stack, bytes);
	return REAL(pthread_attr_setstack)(attr, stack, bytes);
}

EXPORTED int sem_init(sem_t *sem, int shared, unsigned int value)
{
	if (shared)
		linux_gets(sem, sizeof(*sem));
	return REAL(sem_init)(sem, shared, value);
}

EXPORTED int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (attr && !pthread_mutexattr_getpshared(attr, &shared) &&
	    shared == PTHREAD_PROCESS_SHARED)
		linux_gets(mutex, sizeof(*mutex));
	return REAL(pthread_mutex_init)(mutex, attr);
}

EXPORTED int close(int fd)
{
	if (!fds_is_ours(fd))
		return REAL(close)(fd);
	errno = EBADF;
	return -1;
}

EXPORTED int dup2(int from, int to)
{
	return (int)answer(fds_dup(from, to, -1));
}

EXPORTED int dup3(int from, int to, int flags)
{
	return (int)answer(fds_dup(from, to, flags));
}

EXPORTED int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)answer(fds_close_range(first, last, (unsigned int)flags));
}

EXPORTED void closefrom(int first)
{
	fds_close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

EXPORTED pid_t fork(void)
{
	long ret = fork_prepare();
	pid_t pid;

	if (ret)
		return (pid_t)answer(-ENOMEM);
	pid = REAL(fork)();
	if (pid)
		fork_in_parent();
	return pid;
}

EXPORTED pid_t _Fork(void)
{
	long ret = fork_prepare();
	pid_t pid;

	if (ret)
		return (pid_t)answer(-ENOMEM);
	pid = REAL(_Fork)();
	if (pid)
		fork_in_parent();
	return pid;
}

EXPORTED int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	bool forks = !(flags & CLONE_VM);
	void *parent_tid, *tls, *child_tid;
	va_list more;
	int pid;

	va_start(more, arg);
	parent_tid = va_arg(more, void *);
	tls = va_arg(more, void *);
	child_tid = va_arg(more, void *);
	va_end(more);
	if (forks && fork_prepare())
		return (int)answer(-ENOMEM);
	pid = REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
	if (forks)
		fork_in_parent();
	return pid;
}

/* The flags of clone3() are the first field of its argument. */
static bool call_forks(long nr, unsigned long a)
{
	return nr == SYS_fork || (nr == SYS_clone && !(a & CLONE_VM)) ||
	       (nr == SYS_clone3 && !(*(unsigned long *)a & CLONE_VM));
}

static long forking_call(long nr, const unsigned long arg[6])
{
	long ret = fork_prepare();

	if (ret)
		return -ENOMEM;
	ret = sys6(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (ret)
		fork_in_parent();
	return ret;
}

static long call(long nr, const unsigned long arg[6])
{
	int first = (int)arg[0], third = (int)arg[2];

	switch (nr) {
	case SYS_mmap:
		return serve_mmap(arg[0], arg[1], third, (int)arg[3], (int)arg[4], arg[5]);
	case SYS_munmap:
		return serve_munmap(arg[0], arg[1]);
	case SYS_mremap:
		return serve_mremap(arg[0], arg[1], arg[2], (int)arg[3], arg[4]);
	case SYS_madvise:
		return serve_madvise(arg[0], arg[1], third);
	case SYS_mprotect:
		return serve_mprotect(arg[0], arg[1], third, -1);
	case SYS_pkey_mprotect:
		return serve_mprotect(arg[0], arg[1], third, (int)arg[3]);
	case SYS_msync:
		return serve_msync(arg[0], arg[1], third);
	case SYS_mincore:
		return serve_mincore(arg[0], arg[1], (unsigned char *)arg[2]);
	case SYS_close:
		return fds_is_ours(first) ? -EBADF : sys3(nr, arg[0], 0, 0);
	case SYS_dup2:
		return fds_dup(first, (int)arg[1], -1);
	case SYS_dup3:
		return fds_dup(first, (int)arg[1], third);
	case SYS_close_range:
		return fds_close_range((unsigned int)first, (unsigned int)arg[1],
				       (unsigned int)third);
	}
	if (call_forks(nr, arg[0]))
		return forking_call(nr, arg);
	return sys6(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

EXPORTED long syscall(long nr, ...)
{
	unsigned long arg[6];
	va_list more;
	int i;

	va_start(more, nr);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(more, unsigned long);
	va_end(more);
	return answer(call(nr, arg));
}
