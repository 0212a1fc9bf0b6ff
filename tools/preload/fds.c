// SPDX-License-Identifier: GPL-2.0
/*
 * The library's descriptors.  A program may close what it has not opened, or ask for each
 * number whether it is open, or want a number for itself: close(), fstat(), dup() and the
 * like are EBADF for ours, dup2() onto ours moves ours away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>

#include "preload.h"
#include "sys.h"

/* Where few programs look for descriptors, if there are so many. */
static const int high[] = { 500, 200, 100, 50, 30, 10, 3 };

#define FDS	(REGIONS + 1)

/* Number + 1, or 0.  A child finds its parent's here, and closes them. */
static int ours[FDS];

static int raise_fd(int fd)
{
	int to = -1;
	unsigned int i;

	for (i = 0; i < sizeof(high) / sizeof(*high) && to < 0; i++)
		to = (int)sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high[i]);
	return to;
}

/* Move @fd out of the way and remember it.  Return: its new number. */
int fds_add(int fd)
{
	int raised, i;

	if (fd < 0)
		return fd;
	raised = raise_fd(fd);
	if (raised >= 0) {
		sys3(SYS_close, fd, 0, 0);
		fd = raised;
	}
	for (i = 0; i < FDS; i++) {
		if (!ours[i]) {
			ours[i] = fd + 1;
			return fd;
		}
	}
	sys3(SYS_close, fd, 0, 0);
	return -EMFILE;
}

static int *entry(int fd)
{
	int i;

	for (i = 0; i < FDS; i++) {
		if (fd >= 0 && ours[i] == fd + 1)
			return &ours[i];
	}
	return NULL;
}

void fds_close(int *fd)
{
	int *at = entry(*fd);

	if (!at)
		return;
	*at = 0;
	sys3(SYS_close, *fd, 0, 0);
	*fd = -1;
}

void fds_close_inherited(void)
{
	int i;

	for (i = 0; i < FDS; i++) {
		if (ours[i])
			sys3(SYS_close, ours[i] - 1, 0, 0);
		ours[i] = 0;
	}
}

static bool is_ours(int fd)
{
	unsigned long mask;
	bool is;

	if (!entry(fd) || !space_is_mine())
		return false;
	mask = space_lock();
	is = entry(fd);
	space_unlock(mask);
	return is;
}

/* -1 is a descriptor that nobody has. */
int fds_asked(int fd)
{
	return is_ours(fd) ? -1 : fd;
}

static void renumber(int *at, int to)
{
	int fd = *at - 1, i;

	*at = to + 1;
	if (preload->tasks == fd)
		preload->tasks = to;
	for (i = 0; i < REGIONS; i++) {
		if (preload->region[i].start && preload->region[i].fd == fd)
			preload->region[i].fd = to;
	}
}

/*
 * dup3(), with ours moved out of its way only where it succeeds.  Return: whether there was
 * a place to move to.
 */
static bool dup_over(int from, int to, int flags, long *ret)
{
	int *at = entry(to), raised = at ? raise_fd(to) : -1;

	if (at && raised < 0)
		return false;
	*ret = sys3(SYS_dup3, from, to, flags);
	if (at && sys_failed(*ret))
		sys3(SYS_close, raised, 0, 0);
	else if (at)
		renumber(at, raised);
	return true;
}

/* With the lock also where @to is not ours: it may be one that is being opened. */
long fds_dup3(int from, int to, int flags)
{
	unsigned long mask;
	bool moved;
	long ret;

	if (from == to)
		return sys3(SYS_dup3, from, to, flags);
	from = fds_asked(from);
	if (!preload_on || !space_is_mine())
		return sys3(SYS_dup3, from, to, flags);
	mask = space_lock();
	moved = dup_over(from, to, flags, &ret);
	space_unlock(mask);
	if (moved)
		return ret;
	ret = leave("no descriptor is free");
	return ret ? ret : sys3(SYS_dup3, from, to, flags);
}

long fds_dup2(int from, int to)
{
	int asked = fds_asked(from);

	return from == to ? sys3(SYS_dup2, asked, asked, 0) : fds_dup3(from, to, 0);
}

/* The least descriptor of ours in a range, or -1. */
static int first_ours(unsigned int first, unsigned int last)
{
	int i, least = -1;

	for (i = 0; i < FDS; i++) {
		int fd = ours[i] - 1;

		if (fd >= 0 && (unsigned int)fd >= first && (unsigned int)fd <= last &&
		    (least < 0 || fd < least))
			least = fd;
	}
	return least;
}

long fds_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	unsigned long mask;
	long ret = flags & CLOSE_RANGE_UNSHARE ? leave_for_unshare(CLONE_FILES) : 0;
	int fd;

	if (ret)
		return ret;
	if (!preload_on || first > last || !space_is_mine())
		return sys3(SYS_close_range, first, last, flags);
	mask = space_lock();
	while (!ret && (fd = first_ours(first, last)) >= 0) {
		if ((unsigned int)fd > first)
			ret = sys3(SYS_close_range, first, fd - 1, flags);
		first = (unsigned int)fd + 1;
	}
	if (!ret && first <= last)
		ret = sys3(SYS_close_range, first, last, flags);
	space_unlock(mask);
	return ret;
}
