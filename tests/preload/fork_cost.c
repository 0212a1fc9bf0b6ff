// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to touch 64 MiB, and what fork() costs then, the first time and the second, in
 * microseconds: the process' own, so that what else runs in the guest is not in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES	(64UL << 20)
#define PAGE	4096

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

static double touch(void)
{
	double start = now();
	unsigned long i;

	for (i = 0; i < BYTES; i += PAGE)
		memory[i] = 1;
	return now() - start;
}

int main(void)
{
	double touched, first;

	memory = malloc(BYTES);
	touched = touch();
	first = fork_once();
	printf("%.0f %.0f %.0f\n", touched, first, fork_once());
	return 0;
}
