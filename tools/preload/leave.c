// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that vpt's memory does not survive: what forbids the library its own system
 * calls, limits what it may map, or lets the kernel pin what lies in a region.  Before
 * such a call is made, either the pages concerned or all become Linux's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hooks.h"
#include "preload.h"
#include "sys.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif

/*
 * For good, in this process and its children.  Nothing of the library's is left but
 * the jumps: not a descriptor, and no system call that the program does not make.
 */
long leave(const char *why)
{
	unsigned long mask;
	long ret;

	if (!preload_on || !space_is_mine())
		return 0;
	mask = space_lock();
	ret = give_all();
	if (!ret) {
		preload_on = false;
		space_retire();
		fds_close(&preload->tasks);
	}
	space_unlock(mask);
	if (!ret)
		message(why, "not with vpt");
	return ret;
}

/*
 * What the program passes may not be there, which is for Linux to say.  The kernel reads a mask of
 * signals, here one after the other, before it finds that nothing can be done with it.  After
 * leave() nobody needs to know, and no system call may be made.
 */
bool can_read(const void *p, size_t bytes)
{
	const char *word = p, *end = word + bytes;

	if (!preload_on)
		return false;
	for (; word < end; word += 8) {
		if (sys6(SYS_rt_sigprocmask, -1UL, (unsigned long)word, 0, 8, 0, 0) == -EFAULT)
			return false;
	}
	return p;
}

/* A filter, or strict mode, may kill for what the library calls. */
long leave_for_prctl(unsigned long option)
{
	return option == PR_SET_SECCOMP ? leave("seccomp") : 0;
}

/*
 * What vpt maps counts against RLIMIT_MEMLOCK, addresses against RLIMIT_AS; against
 * RLIMIT_DATA Linux's memory counts, and vpt's does not.
 */
long leave_for_limit(int resource, const struct rlimit *new)
{
	if (!can_read(new, sizeof(*new)) || new->rlim_cur == RLIM_INFINITY)
		return 0;
	switch (resource) {
	case RLIMIT_MEMLOCK:
		return leave("a limit on RLIMIT_MEMLOCK");
	case RLIMIT_DATA:
		return leave("a limit on RLIMIT_DATA");
	case RLIMIT_AS:
		return leave("a limit on RLIMIT_AS");
	}
	return 0;
}

EXPORTED int prctl(int option, ...)
{
	unsigned long a, b, c, d;
	va_list more;
	long ret;

	va_start(more, option);
	a = va_arg(more, unsigned long);
	b = va_arg(more, unsigned long);
	c = va_arg(more, unsigned long);
	d = va_arg(more, unsigned long);
	va_end(more);
	ret = leave_for_prctl((unsigned long)option);
	if (!ret && option == PR_SET_VMA && a == PR_SET_VMA_ANON_NAME)
		return (int)errno_of(serve_name(b, c, d));
	return ret ? (int)errno_of(ret) : REAL(prctl)(option, a, b, c, d);
}

/* The two names of each are one ABI. */
#define LIMIT_HOOK(name, type)						\
	EXPORTED int name(__rlimit_resource_t resource, const struct type *new) \
	{								\
		long ret = leave_for_limit((int)resource, (const struct rlimit *)new); \
									\
		return ret ? (int)errno_of(ret) : REAL(name)(resource, new); \
	}

LIMIT_HOOK(setrlimit, rlimit)
LIMIT_HOOK(setrlimit64, rlimit64)

/* 0, the process or one of its threads. */
static bool is_me(pid_t pid)
{
	return preload_on && (!pid || !sys3(SYS_tgkill, getpid(), pid, 0));
}

#define PRLIMIT_HOOK(name, type)					\
	EXPORTED int name(pid_t pid, __rlimit_resource_t resource,	\
			  const struct type *new, struct type *old)	\
	{								\
		long ret = !is_me(pid) ? 0 :				\
			leave_for_limit((int)resource, (const struct rlimit *)new); \
									\
		return ret ? (int)errno_of(ret) : REAL(name)(pid, resource, new, old); \
	}

PRLIMIT_HOOK(prlimit, rlimit)
PRLIMIT_HOOK(prlimit64, rlimit64)

static long leave_for_flags(int flags)
{
	return flags & O_DIRECT ? leave("O_DIRECT") : 0;
}

/* The mode is there only with some flags, but passing what is not read does no harm. */
#define OPEN_HOOK(name, parameters, arguments)				\
	int name parameters;						\
	EXPORTED int name parameters					\
	{								\
		va_list more;						\
		mode_t mode;						\
		long ret;						\
									\
		va_start(more, flags);					\
		mode = va_arg(more, mode_t);				\
		va_end(more);						\
		ret = leave_for_flags(flags);				\
		return ret ? (int)errno_of(ret) : REAL(name) arguments;	\
	}

#define OPEN(name)	OPEN_HOOK(name, (const char *path, int flags, ...), (path, flags, mode))
#define OPENAT(name)	OPEN_HOOK(name, (int at, const char *path, int flags, ...),	\
				  (at, path, flags, mode))

OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)
OPENAT(openat)
OPENAT(openat64)
OPENAT(__openat_2)
OPENAT(__openat64_2)

#define FCNTL_HOOK(name)						\
	int name(int fd, int what, ...);				\
	EXPORTED int name(int fd, int what, ...)			\
	{								\
		unsigned long arg;					\
		va_list more;						\
		long ret;						\
									\
		va_start(more, what);					\
		arg = va_arg(more, unsigned long);			\
		va_end(more);						\
		ret = what == F_SETFL ? leave_for_flags((int)arg) : 0;	\
		return ret ? (int)errno_of(ret) : REAL(name)(fds_asked(fd), what, arg); \
	}

FCNTL_HOOK(fcntl)
FCNTL_HOOK(fcntl64)

static long leave_for_option(int level, int option)
{
	return level == SOL_SOCKET && option == SO_ZEROCOPY ? leave("SO_ZEROCOPY") : 0;
}

EXPORTED int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
	long ret = leave_for_option(level, option);

	return ret ? (int)errno_of(ret) : REAL(setsockopt)(fd, level, option, value, bytes);
}

/*
 * The library needs memory, descriptors and the power to stop in one piece: a thread has all
 * three, a child none.  One of vfork() has its parent wait, and closes its own copy of the
 * descriptors, if it has one.
 */
long leave_for_clone(unsigned long flags)
{
	const unsigned long all = CLONE_VM | CLONE_FILES | CLONE_THREAD;
	const bool waits = (flags & (CLONE_VFORK | CLONE_FILES)) == CLONE_VFORK;
	bool splits = (flags & CLONE_VM) ? !waits && (flags & all) != all : flags & CLONE_FILES;

	return splits ? leave("a clone that shares only some") : 0;
}

long leave_for_unshare(int flags)
{
	return flags & CLONE_FILES ? leave("descriptors of a thread's own") : 0;
}

EXPORTED int unshare(int flags)
{
	long ret = leave_for_unshare(flags);

	return ret ? (int)errno_of(ret) : REAL(unshare)(flags);
}

/* Linux maps all pages then, and each later one at once. */
EXPORTED int mlockall(int flags)
{
	long ret = leave("mlockall");

	return ret ? (int)errno_of(ret) : REAL(mlockall)(flags);
}

/* The same calls, made by syscall(). */
long leave_for_call(long nr, const unsigned long arg[6])
{
	switch (nr) {
	case SYS_prctl:
		return leave_for_prctl(arg[0]);
	case SYS_seccomp:
		return arg[0] <= SECCOMP_SET_MODE_FILTER ? leave_for_prctl(PR_SET_SECCOMP) : 0;
	case SYS_setrlimit:
		return leave_for_limit((int)arg[0], (const struct rlimit *)arg[1]);
	case SYS_prlimit64:
		return is_me((pid_t)arg[0]) ?
			leave_for_limit((int)arg[1], (const struct rlimit *)arg[2]) : 0;
	case SYS_open:
		return leave_for_flags((int)arg[1]);
	case SYS_openat:
		return leave_for_flags((int)arg[2]);
	case SYS_openat2:	/* whose flags are the first field of its argument */
		return can_read((void *)arg[2], 8) ? leave_for_flags(*(int *)arg[2]) : 0;
	case SYS_fcntl:
		return arg[1] == F_SETFL ? leave_for_flags((int)arg[2]) : 0;
	case SYS_setsockopt:
		return leave_for_option((int)arg[1], (int)arg[2]);
	case SYS_unshare:
		return leave_for_unshare((int)arg[0]);
	case SYS_mlockall:
		return leave("mlockall");
	case SYS_io_uring_setup:
		return leave("io_uring");
	}
	return 0;
}
