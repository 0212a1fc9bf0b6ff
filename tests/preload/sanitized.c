// SPDX-License-Identifier: GPL-2.0
/*
 * Built with ThreadSanitizer, whose runtime has an allocator and a memcpy() of its own and makes
 * system calls by itself: threads that allocate, and a fork.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES	(3UL << 20)
#define THREADS	3

static void *allocate(void *arg)
{
	char *p = malloc(BYTES);

	memset(p, 1, BYTES);
	p = realloc(p, 2 * BYTES);
	free(p);
	return arg;
}

int main(void)
{
	pthread_t thread[THREADS];
	char *p = malloc(BYTES);
	int i, status;
	pid_t pid;

	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, allocate, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	memset(p, 7, BYTES);
	pid = fork();
	if (!pid)
		_exit(p[BYTES / 2]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
