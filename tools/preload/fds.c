// SPDX-License-Identifier: GPL-2.0
/*
 * The library's descriptors.  A program may close what it has not opened, or want a
 * number for itself: close() of ours is EBADF, dup2() onto ours moves ours away. Who asks
 * with fstat() or fcntl() whether it is open hears EBADF, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>

#include "preload.h"
#include "sys.h"

/* Where few programs look for descriptors, if there are so many. */
static const int high[] = { 500, 200, 100, 50, 30 };

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

bool fds_is_ours(int fd)
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

static int move_away(int fd)
{
	int *at = entry(fd), to, i;

	if (!at)
		return 0;
	to = raise_fd(fd);
	if (to < 0)
		return to;
	*at = to + 1;
	if (preload->tasks == fd)
		preload->tasks = to;
	for (i = 0; i < REGIONS; i++) {
		if (preload->region[i].start && preload->region[i].fd == fd)
			preload->region[i].fd = to;
	}
	return 0;
}

long fds_dup(int from, int to, int flags)
{
	unsigned long mask;
	long ret;

	if (!entry(to) || from == to || !space_is_mine())
		return from == to && flags < 0 ? sys3(SYS_dup2, from, to, 0) :
			sys3(SYS_dup3, from, to, flags < 0 ? 0 : flags);
	mask = space_lock();
	ret = move_away(to);
	if (!ret)
		ret = sys3(SYS_dup3, from, to, flags < 0 ? 0 : flags);
	space_unlock(mask);
	return ret;
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
