// SPDX-License-Identifier: GPL-2.0
/*
 * Before a process forks all its memory becomes Linux's; until the fork is made new
 * memory is Linux's too.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "preload.h"
#include "sys.h"

/* Each caller that gets 0 calls fork_in_parent(); in the child all is 0 again. */
long fork_prepare(void)
{
	unsigned long mask;
	long ret;

	if (!preload_on)
		return 0;
	mask = space_lock();
	ret = give_all();
	if (!ret)
		preload->forking++;
	space_unlock(mask);
	return ret;
}

void fork_in_parent(void)
{
	unsigned long mask;

	if (!preload_on)
		return;
	mask = space_lock();
	preload->forking--;
	space_unlock(mask);
}

/* libc forks by itself too, in daemon() and forkpty(): where the hooks do not see it. */
static __thread bool prepared;

static void before(void)
{
	prepared = !fork_prepare();
}

static void in_parent(void)
{
	if (prepared)
		fork_in_parent();
}

static void in_child(void)
{
	if (preload_on)
		space_unlock(space_lock());
}

int fork_start(void)
{
	return -pthread_atfork(before, in_parent, in_child);
}
