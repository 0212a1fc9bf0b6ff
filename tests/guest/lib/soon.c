// SPDX-License-Identifier: GPL-2.0
/* What has to come by itself: see guest.h. */
#include "guest.h"

#include <sys/wait.h>

#define TICKS	10000	/* of a millisecond */

bool ends_soon(pid_t child)
{
	unsigned int n;

	for (n = 0; n < TICKS && waitpid(child, NULL, WNOHANG) != child; n++)
		usleep(1000);
	return n < TICKS;
}

bool becomes_zombie(pid_t child)
{
	unsigned int n;

	for (n = 0; n < TICKS && thread_state(child) != 'Z'; n++)
		usleep(1000);
	return n < TICKS;
}

bool comes_to(u64 (*figure)(int fd), int fd, u64 value)
{
	unsigned int n;

	for (n = 0; n < TICKS && figure(fd) != value; n++)
		usleep(1000);
	return n < TICKS;
}

u64 frames_in_use(int fd)
{
	struct vpt_stats s;

	REQUIRE(!vu_stats(fd, &s), "STATS");
	return s.frames_allocated - s.frames_freed;
}
