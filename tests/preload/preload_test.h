/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the preload library share. */
#ifndef PRELOAD_TEST_H
#define PRELOAD_TEST_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define RW		(PROT_READ | PROT_WRITE)

/* What a child exits with when all is well, and nobody exits with by mistake. */
#define SEVEN		7

static bool absent;		/* there is no device */

/* Whether the mapping at @p is a region of vpt's. */
static inline bool from_vpt(const void *p)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	bool is = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (uintptr_t)p >= start &&
		    (uintptr_t)p < end)
			is = strstr(line, "/dev/vpt");
	}
	if (maps)
		fclose(maps);
	return is;
}

/* Where memory should come from. */
static inline bool rightly_placed(const void *p)
{
	return p != MAP_FAILED && p && from_vpt(p) == !absent;
}

static inline bool is_linux(const void *p)
{
	return p != MAP_FAILED && p && !from_vpt(p);
}

static inline char *fresh(unsigned long bytes)
{
	return mmap(NULL, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Memory that is where it should be, or NULL. */
static inline char *filled(unsigned long bytes)
{
	char *p = fresh(bytes);

	return rightly_placed(p) ? memset(p, 'a', bytes) : NULL;
}

/* Memory of the same kind that the library leaves to Linux. */
static inline char *linux_memory(unsigned long bytes)
{
	char *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, bytes, RW);
	return p;
}

static inline bool all_are(const char *p, unsigned long bytes, char want)
{
	unsigned long i;

	for (i = 0; i < bytes; i++) {
		if (p[i] != want)
			return false;
	}
	return true;
}

static inline bool ended_well(pid_t pid)
{
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == SEVEN;
}

/* A child that hangs is one that fails. */
static inline bool in_child(bool (*fact)(void))
{
	pid_t pid = fork();

	if (!pid) {
		alarm(60);
		_exit(fact() ? SEVEN : 1);
	}
	return ended_well(pid);
}

/* Whether a child has this memory of its parent's, and can have more. */
static inline bool forks_with(const char *p, unsigned long bytes)
{
	pid_t pid = fork();

	if (!pid)
		_exit(all_are(p, bytes, 'a') && malloc(2 * MIB) ? SEVEN : 1);
	return ended_well(pid);
}

static sigjmp_buf back;

static inline void on_segv(int signal)
{
	siglongjmp(back, signal);
}

/* Whether @access is answered with SIGSEGV. */
static inline bool kills(void (*access)(volatile char *), char *p)
{
	struct sigaction handler = { .sa_handler = on_segv }, old;
	bool killed = true;

	sigaction(SIGSEGV, &handler, &old);
	if (!sigsetjmp(back, 1)) {
		access(p);
		killed = false;
	}
	sigaction(SIGSEGV, &old, NULL);
	return killed;
}

static inline void store(volatile char *p)
{
	*p = 1;
}

static inline void load(volatile char *p)
{
	(void)*p;
}

static inline void run(void (*test)(void), const char *name)
{
	char full[128];

	tap_begin();
	test();
	snprintf(full, sizeof(full), "%s%s", name, absent ? ", without the device" : "");
	tap_end(full);
	fflush(stdout);
}

#endif /* PRELOAD_TEST_H */
