/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the preload library share. */
#ifndef PRELOAD_TEST_H
#define PRELOAD_TEST_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define RW		(PROT_READ | PROT_WRITE)

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

static inline char *fresh(unsigned long bytes)
{
	return mmap(NULL, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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
