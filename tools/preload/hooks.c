// SPDX-License-Identifier: GPL-2.0
/* The calls of libc that the library stands in for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks.h"
#include "preload.h"
#include "sys.h"

#define ADDR(p)		((unsigned long)(p))

extern struct real __start_vpt_real[] HIDDEN, __stop_vpt_real[] HIDDEN;

void real_find_all(void)
{
	struct real *real;

	for (real = __start_vpt_real; real < __stop_vpt_real; real++)
		real->function = dlsym(RTLD_NEXT, real->name);
}

void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)errno_of(serve_mmap(ADDR(addr), len, prot, flags, fd,
					 (unsigned long)offset));
}

int hook_munmap(void *addr, size_t len)
{
	return (int)errno_of(serve_munmap(ADDR(addr), len));
}

/* @new_addr is whatever the caller left in the register, where it gave none. */
void *hook_mremap(void *addr, size_t len, size_t new_len, int flags, void *new_addr)
{
	return (void *)errno_of(serve_mremap(ADDR(addr), len, new_len, flags, ADDR(new_addr)));
}

int hook_madvise(void *addr, size_t len, int advice)
{
	return (int)errno_of(serve_madvise(ADDR(addr), len, advice));
}

int hook_mprotect(void *addr, size_t len, int prot)
{
	return (int)errno_of(serve_mprotect(ADDR(addr), len, prot, -1));
}

EXPORTED int pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	return (int)errno_of(serve_mprotect(ADDR(addr), len, prot, pkey));
}

EXPORTED int msync(void *addr, size_t len, int flags)
{
	return (int)errno_of(serve_msync(ADDR(addr), len, flags));
}

EXPORTED int mincore(void *addr, size_t len, unsigned char *vec)
{
	return (int)errno_of(serve_mincore(ADDR(addr), len, vec));
}

/*
 * What several processes wait for, or what the kernel touches when a thread ends (a
 * robust mutex), it finds by its page: that must be Linux's.
 */
EXPORTED int pthread_attr_setstack(pthread_attr_t *attr, void *stack, size_t bytes)
{
	give_bytes(stack, bytes);
	return REAL(pthread_attr_setstack)(attr, stack, bytes);
}

EXPORTED int sem_init(sem_t *sem, int shared, unsigned int value)
{
	if (shared)
		give_bytes(sem, sizeof(*sem));
	return REAL(sem_init)(sem, shared, value);
}

EXPORTED int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	int shared = PTHREAD_PROCESS_PRIVATE, robust = PTHREAD_MUTEX_STALLED;

	if (attr && !pthread_mutexattr_getpshared(attr, &shared) &&
	    !pthread_mutexattr_getrobust(attr, &robust) &&
	    (shared == PTHREAD_PROCESS_SHARED || robust == PTHREAD_MUTEX_ROBUST))
		give_bytes(mutex, sizeof(*mutex));
	return REAL(pthread_mutex_init)(mutex, attr);
}

#define SHARED_INIT(name, type)						\
	EXPORTED int name##_init(name##_t *what, const type *attr)	\
	{								\
		int shared = PTHREAD_PROCESS_PRIVATE;			\
									\
		if (attr && !name##attr_getpshared(attr, &shared) &&	\
		    shared == PTHREAD_PROCESS_SHARED)			\
			give_bytes(what, sizeof(*what));		\
		return REAL(name##_init)(what, attr);			\
	}

SHARED_INIT(pthread_cond, pthread_condattr_t)
SHARED_INIT(pthread_rwlock, pthread_rwlockattr_t)

EXPORTED int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
				  unsigned int count)
{
	int shared = PTHREAD_PROCESS_PRIVATE;

	if (attr && !pthread_barrierattr_getpshared(attr, &shared) &&
	    shared == PTHREAD_PROCESS_SHARED)
		give_bytes(barrier, sizeof(*barrier));
	return REAL(pthread_barrier_init)(barrier, attr, count);
}

/*
 * Calls that a program makes for each number there is, as fcntl() (leave.c) and ioctl() (reach.c):
 * it finds its own descriptors.
 */
#define ASKING(name, parameters, arguments)				\
	int name parameters;						\
	EXPORTED int name parameters					\
	{								\
		return REAL(name) arguments;				\
	}

#define STAT(name, type)						\
	ASKING(name, (int fd, struct type *st), (fds_asked(fd), st))
#define STATAT(name, type)						\
	ASKING(name, (int at, const char *path, struct type *st, int flags),	\
	       (fds_asked(at), path, st, flags))
/* What programs call that were built with glibc before 2.33. */
#define XSTAT(name, type)						\
	ASKING(name, (int version, int fd, struct type *st), (version, fds_asked(fd), st))
#define XSTATAT(name, type)						\
	ASKING(name, (int version, int at, const char *path, struct type *st, int flags), \
	       (version, fds_asked(at), path, st, flags))

ASKING(close, (int fd), (fds_asked(fd)))
ASKING(dup, (int fd), (fds_asked(fd)))
STAT(fstat, stat)
STAT(fstat64, stat64)
STATAT(fstatat, stat)
STATAT(fstatat64, stat64)
XSTAT(__fxstat, stat)
XSTAT(__fxstat64, stat64)
XSTATAT(__fxstatat, stat)
XSTATAT(__fxstatat64, stat64)
ASKING(statx, (int at, const char *path, int flags, unsigned int mask, struct statx *st),
       (fds_asked(at), path, flags, mask, st))

EXPORTED int dup2(int from, int to)
{
	return (int)errno_of(fds_dup2(from, to));
}

EXPORTED int dup3(int from, int to, int flags)
{
	return (int)errno_of(fds_dup3(from, to, flags));
}

EXPORTED int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)errno_of(fds_close_range(first, last, (unsigned int)flags));
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
		return (pid_t)errno_of(-EAGAIN);
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
		return (pid_t)errno_of(-EAGAIN);
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
	if (leave_for_clone((unsigned int)flags) || (forks && fork_prepare()))
		return (int)errno_of(-EAGAIN);
	pid = REAL(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
	if (forks)
		fork_in_parent();
	return pid;
}

/* The flags of clone3() are the first field of its argument. */
static bool call_clones(long nr, unsigned long a, unsigned long *flags)
{
	switch (nr) {
	case SYS_fork:
		*flags = 0;
		return true;
	case SYS_clone:
		*flags = a;
		return true;
	case SYS_clone3:
		if (!can_read((void *)a, 8))
			return false;
		*flags = *(unsigned long *)a;
		return true;
	}
	return false;
}

static long cloning_call(long nr, const unsigned long arg[6], unsigned long flags)
{
	bool forks = !(flags & CLONE_VM);
	long ret;

	if (leave_for_clone(flags) || (forks && fork_prepare()))
		return -EAGAIN;
	ret = sys6(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (forks && ret)
		fork_in_parent();
	return ret;
}

static long call(long nr, unsigned long arg[6])
{
	int first = (int)arg[0], third = (int)arg[2];
	unsigned long flags;
	long ret;

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
	case SYS_prctl:
		if (arg[0] == PR_SET_VMA && arg[1] == PR_SET_VMA_ANON_NAME)
			return serve_name(arg[2], arg[3], arg[4]);
		break;
	case SYS_close:
	case SYS_dup:
	case SYS_fstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_fcntl:
	case SYS_ioctl:
		arg[0] = (unsigned long)fds_asked(first);
		break;
	case SYS_dup2:
		return fds_dup2(first, (int)arg[1]);
	case SYS_dup3:
		return fds_dup3(first, (int)arg[1], third);
	case SYS_close_range:
		return fds_close_range((unsigned int)first, (unsigned int)arg[1],
				       (unsigned int)third);
	}
	ret = leave_for_call(nr, arg);
	if (ret)
		return ret;
	reach(nr, arg);
	if (call_clones(nr, arg[0], &flags))
		return cloning_call(nr, arg, flags);
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
	return errno_of(call(nr, arg));
}
