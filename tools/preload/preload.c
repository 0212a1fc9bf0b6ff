// SPDX-License-Identifier: GPL-2.0
/*
 * The library's beginning and end, and the calls of libc that it stands before: those
 * that could block or replace SIGSYS, and fork().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "preload.h"
#include "sys.h"

struct preload preload = { .fd = -1 };

static void message(const char *what, const char *why)
{
	if (!getenv("VPT_PRELOAD_QUIET"))
		dprintf(STDERR_FILENO, "vpt-preload: %s: %s\n", what, why);
}

/* vpt charges what is mapped against this limit, and root may go without. */
static void raise_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (!setrlimit(RLIMIT_MEMLOCK, &limit) || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* A descriptor that the program will not take for one of its own. */
static int open_device(void)
{
	int fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC), high;

	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 500);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static int start(const char **what)
{
	void *at;
	int fd, ret;

	*what = VPT_DEVICE;
	fd = open_device();
	if (fd < 0)
		return fd;
	*what = "mapping " VPT_DEVICE;
	at = mmap((void *)SPACE_START, SPACE_BYTES, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	ret = at == (void *)SPACE_START ? space_init() : -(errno ? errno : EEXIST);
	if (!ret) {
		raise_limit();
		*what = "seccomp";
		ret = fork_prepare();
		if (!ret)
			ret = trap_install();
		preload.fd = ret ? -1 : fd;
		if (!ret)
			return 0;
	}
	if (at != MAP_FAILED)
		munmap(at, SPACE_BYTES);
	close(fd);
	return ret;
}

static void __attribute__((constructor)) preload_start(void)
{
	const char *what;
	int ret;

	if (!trap_possible(&what)) {
		message(what, "the program's memory is Linux' as usual");
		return;
	}
	ret = start(&what);
	if (ret) {
		char why[128];

		snprintf(why, sizeof(why), "%s; the program's memory is Linux' as usual",
			 strerror(-ret));
		message(what, why);
	}
}

/* VPT_PRELOAD_STATS=1: say at the end what was done, on stderr. */
static void __attribute__((destructor)) preload_stop(void)
{
	struct vpt_stats s = { .argsz = sizeof(s) };

	if (!getenv("VPT_PRELOAD_STATS") || preload.fd < 0 ||
	    ioctl(preload.fd, VPT_IOC_STATS, &s))
		return;
	dprintf(STDERR_FILENO, "vpt-preload: %lu mmaps from vpt, %lu for want of room from "
		"Linux, %lu pages given to Linux; %llu faults, %llu shootdowns, %llu KiB "
		"mapped\n", preload.served, preload.refused, preload.moved,
		(unsigned long long)s.faults, (unsigned long long)s.shootdowns,
		(unsigned long long)s.mapped_bytes >> 10);
}

/* libc's own @name, looked up once. */
#define REAL(name)							\
	({								\
		static __typeof__(name) *real;				\
									\
		if (!real)						\
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
		real;							\
	})

/* Whatever @set says, SIGSYS must get through: a blocked one kills the process. */
static const sigset_t *without_sigsys(int how, const sigset_t *set, sigset_t *copy)
{
	if (!set || how == SIG_UNBLOCK || preload.fd < 0 || !sigismember(set, SIGSYS))
		return set;
	*copy = *set;
	sigdelset(copy, SIGSYS);
	return copy;
}

__attribute__((visibility("default")))
int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	return REAL(sigprocmask)(how, without_sigsys(how, set, &copy), old);
}

__attribute__((visibility("default")))
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	return REAL(pthread_sigmask)(how, without_sigsys(how, set, &copy), old);
}

__attribute__((visibility("default")))
int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	struct sigaction copy;

	if (!action || preload.fd < 0)
		return REAL(sigaction)(signal, action, old);
	if (signal == SIGSYS) {
		errno = EINVAL;		/* taken, as SIGKILL is */
		return -1;
	}
	copy = *action;
	sigdelset(&copy.sa_mask, SIGSYS);
	return REAL(sigaction)(signal, &copy, old);
}
