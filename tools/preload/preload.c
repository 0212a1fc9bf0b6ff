// SPDX-License-Identifier: GPL-2.0
/* The library's beginning and end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks.h"
#include "preload.h"
#include "sys.h"

static struct preload nothing;
struct preload *preload = &nothing;
bool preload_on;

/* The process that the program was started as; its children are silent. */
static pid_t first;

/* What stderr was at the start: the program may have put something else there. */
static struct stat first_stderr;

/* VPT_PRELOAD_STATS, as it was at the start: children that are executed may be without it. */
static enum { NO_STATS, STATS, STATS_OF_ALL } stats;

/* Found at the start: a child may not look for it, with a lock that its parent held. */
static void (*next_exit)(int status);

static bool has_stderr(void)
{
	struct stat now;

	return !fstat(STDERR_FILENO, &now) && now.st_dev == first_stderr.st_dev &&
	       now.st_ino == first_stderr.st_ino;
}

void message(const char *what, const char *why)
{
	if (!getenv("VPT_PRELOAD_QUIET") && has_stderr())
		dprintf(STDERR_FILENO, "vpt-preload: %s: %s; the program's memory is Linux' "
			"as usual\n", what, why);
}

/* vpt charges what is mapped against this limit, and root may go without. */
static void raise_limit(struct rlimit limit)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (!setrlimit(RLIMIT_MEMLOCK, &none))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/*
 * Linux counts private writable memory against RLIMIT_DATA, and addresses, a
 * region's too, against RLIMIT_AS.  A program with such a limit gets Linux's memory.
 */
static bool limited(__rlimit_resource_t resource)
{
	struct rlimit limit;

	return !getrlimit(resource, &limit) && limit.rlim_cur != RLIM_INFINITY;
}

static int make_state(void)
{
	long at = sys_mmap(0, round_up(sizeof(*preload)), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS);
	long ret;

	if (sys_failed(at))
		return (int)at;
	ret = sys3(SYS_madvise, at, round_up(sizeof(*preload)), MADV_WIPEONFORK);
	if (ret)
		return (int)ret;
	preload = (struct preload *)at;
	return 0;
}

static int start(const char **what)
{
	unsigned long mask;
	int ret;

	*what = "RLIMIT_DATA or RLIMIT_AS is set";
	if (limited(RLIMIT_DATA) || limited(RLIMIT_AS))
		return -ENOTSUP;
	*what = "the library's state";
	ret = make_state();
	if (ret)
		return ret;
	mask = space_lock();
	*what = "/proc/self/task";
	ret = preload->tasks < 0 ? preload->tasks : space_open(what);
	space_unlock(mask);
	if (ret)
		return ret;
	*what = "pthread_atfork";
	ret = fork_start();
	return ret ? ret : patch_libc(what);
}

static void __attribute__((constructor)) preload_start(void)
{
	struct rlimit limit;
	const char *what;
	int ret;

	if (getenv("VPT_PRELOAD_STATS"))
		stats = strcmp(getenv("VPT_PRELOAD_STATS"), "all") ? STATS : STATS_OF_ALL;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	raise_limit(limit);
	fstat(STDERR_FILENO, &first_stderr);
	next_exit = (void (*)(int))dlsym(RTLD_NEXT, "_exit");
	real_find_all();
	ret = start(&what);
	if (ret) {
		message(what, strerror(-ret));
		space_retire();
		fds_close_inherited();
		setrlimit(RLIMIT_MEMLOCK, &limit);
		return;
	}
	first = getpid();
	preload_on = true;
}

static struct vpt_stats sum_of_regions(void)
{
	struct vpt_stats all = { }, s;
	int i;

	for (i = 0; i < REGIONS; i++) {
		struct region *r = &preload->region[i];

		s = (struct vpt_stats){ .argsz = sizeof(s) };
		if (!r->start || sys_ioctl(r->fd, VPT_IOC_STATS, &s))
			continue;
		all.faults += s.faults;
		all.shootdowns += s.shootdowns;
		all.mapped_bytes += s.mapped_bytes;
	}
	return all;
}

/* Say on stderr what was done. */
static void __attribute__((destructor)) preload_stop(void)
{
	struct vpt_stats all;

	if (!stats || !first || !has_stderr() || (first != getpid() && stats != STATS_OF_ALL))
		return;
	all = sum_of_regions();
	dprintf(STDERR_FILENO, "vpt-preload: %lu mmaps from vpt, %lu for want of a region from "
		"Linux, %lu pages given to Linux; %llu faults, %llu shootdowns, %llu KiB "
		"mapped\n", preload->served, preload->refused, preload->moved,
		(unsigned long long)all.faults, (unsigned long long)all.shootdowns,
		(unsigned long long)all.mapped_bytes >> 10);
}

/* As most children end.  One of vfork() has its parent's memory. */
EXPORTED void _exit(int status)
{
	if (stats == STATS_OF_ALL && space_is_mine())
		preload_stop();
	if (next_exit)
		next_exit(status);
	for (;;)
		sys3(SYS_exit_group, status, 0, 0);
}

EXPORTED void _Exit(int status)
{
	_exit(status);
}
