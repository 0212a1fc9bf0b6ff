// SPDX-License-Identifier: GPL-2.0
/* What fork() costs a process of 64 MiB, the first time and the second, in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES	(64UL << 20)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Until fork() has returned in the parent; the child is gone before the next. */
static double fork_once(void)
{
	double start = now(), end;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	end = now();
	waitpid(pid, NULL, 0);
	return end - start;
}

/* What is never looked at, the compiler would not even allocate. */
static char *volatile memory;

int main(void)
{
	double first;

	memory = malloc(BYTES);
	memset(memory, 1, BYTES);
	first = fork_once();
	printf("%.0f %.0f\n", first, fork_once());
	return 0;
}
