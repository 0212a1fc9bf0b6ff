// SPDX-License-Identifier: GPL-2.0
/*
 * Libc's memory under libvpt-preload.so: what is served comes from vpt, and behaves as
 * Linux' memory does.  Run with --absent it checks that without the device the
 * same program runs on Linux' memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload_test.h"

static void test_malloc(void)
{
	char *p = calloc(8, MIB), *q;

	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	TAP_CHECK(all_are(p, 8 * MIB, 0), "not zero");
	memset(p, 'a', 8 * MIB);
	q = realloc(p, 64 * MIB);
	TAP_CHECK(rightly_placed(q), "%p", (void *)q);
	TAP_CHECK(all_are(q, 8 * MIB, 'a'), "lost by growing");
	q = realloc(q, 4 * MIB);
	TAP_CHECK(all_are(q, 4 * MIB, 'a'), "lost by shrinking");
	free(q);
	p = calloc(8, MIB);
	TAP_CHECK(all_are(p, 8 * MIB, 0), "an old page has come back");
	free(p);
}

static void test_mmap_kinds(void)
{
	char *p = fresh(MIB), *q;

	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	q = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TAP_CHECK(q != MAP_FAILED && !from_vpt(q), "PROT_NONE at %p", (void *)q);
	munmap(q, MIB);
	q = mmap(NULL, MIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TAP_CHECK(q != MAP_FAILED && !from_vpt(q), "shared at %p", (void *)q);
	munmap(q, MIB);
	q = mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TAP_CHECK(q == MAP_FAILED && errno == EINVAL, "length 0: %p", (void *)q);
	q = mmap(NULL, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	TAP_CHECK(rightly_placed(q) && all_are(q, MIB, 0), "populated at %p", (void *)q);
	TAP_CHECK(!munmap(p, MIB) && !munmap(q, MIB), "munmap");
}

static void test_partial_munmap(void)
{
	char *p = fresh(16 * PAGE);

	memset(p, 'a', 16 * PAGE);
	TAP_CHECK(!munmap(p + 4 * PAGE, 8 * PAGE), "munmap");
	TAP_CHECK(all_are(p, 4 * PAGE, 'a') && all_are(p + 12 * PAGE, 4 * PAGE, 'a'),
		  "neighbours lost");
	TAP_CHECK(munmap(p + 1, PAGE) && errno == EINVAL, "misaligned");
	munmap(p, 16 * PAGE);
}

static void test_madvise(void)
{
	char *p = fresh(16 * PAGE);

	memset(p, 'a', 16 * PAGE);
	TAP_CHECK(!madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED), "madvise");
	TAP_CHECK(all_are(p, PAGE, 'a') && all_are(p + PAGE, 2 * PAGE, 0) &&
		  all_are(p + 3 * PAGE, PAGE, 'a'), "wrong pages emptied");
	TAP_CHECK(!madvise(p, 16 * PAGE, MADV_NOHUGEPAGE), "a hint");
	munmap(p, 16 * PAGE);
}

static void test_readonly(void)
{
	char *p = fresh(16 * PAGE);

	p[0] = 'a';
	TAP_CHECK(!mprotect(p, 8 * PAGE, PROT_READ), "mprotect: %s", strerror(errno));
	TAP_CHECK(p[0] == 'a' && p[PAGE] == 0, "contents");
	TAP_CHECK(kills(store, p), "a touched page can be written");
	TAP_CHECK(kills(store, p + 4 * PAGE), "an untouched page can be written");
	TAP_CHECK(!kills(store, p + 8 * PAGE), "the page after cannot be written");
	TAP_CHECK(!madvise(p, 8 * PAGE, MADV_DONTNEED), "madvise");
	TAP_CHECK(p[0] == 0 && kills(store, p), "emptied pages can be written");
	TAP_CHECK(!mprotect(p, 8 * PAGE, RW), "mprotect");
	p[0] = 'b';
	TAP_CHECK(p[0] == 'b', "contents");
	munmap(p, 16 * PAGE);
}

static void test_no_access(void)
{
	char *p = fresh(16 * PAGE);

	memset(p, 'a', 16 * PAGE);
	TAP_CHECK(!mprotect(p + 4 * PAGE, 4 * PAGE, PROT_NONE), "mprotect: %s",
		  strerror(errno));
	TAP_CHECK(kills(load, p + 4 * PAGE), "can be read");
	TAP_CHECK(p[0] == 'a' && p[8 * PAGE] == 'a', "neighbours lost");
	TAP_CHECK(!mprotect(p + 4 * PAGE, 4 * PAGE, RW), "mprotect back");
	TAP_CHECK(all_are(p, 16 * PAGE, 'a'), "contents lost");
	TAP_CHECK(!munmap(p, 16 * PAGE), "munmap over what is Linux' now");
	TAP_CHECK(kills(load, p + 4 * PAGE), "still there");
}

static void test_mremap(void)
{
	char *p = fresh(4 * PAGE), *q, *blocker;

	memset(p, 'a', 4 * PAGE);
	q = mremap(p, 4 * PAGE, 2 * PAGE, 0);
	TAP_CHECK(q == p && all_are(q, 2 * PAGE, 'a'), "shrinking: %p", (void *)q);
	q = mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	TAP_CHECK(all_are(q, 2 * PAGE, 'a') && all_are(q + 2 * PAGE, 2 * PAGE, 0),
		  "growing: %p", (void *)q);
	p = fresh(5 * PAGE);
	memset(p, 'a', 4 * PAGE);
	blocker = mmap(p + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	TAP_CHECK(blocker == p + 4 * PAGE, "fixed");
	q = mremap(p, 4 * PAGE, 2048 * PAGE, MREMAP_MAYMOVE);
	TAP_CHECK(q != MAP_FAILED && q != p && all_are(q, 4 * PAGE, 'a'), "moving: %p",
		  (void *)q);
	TAP_CHECK(kills(load, p), "the old place is still there");
	TAP_CHECK(!munmap(blocker, PAGE), "munmap of what Linux put there");
	q[2047 * PAGE] = 1;
	p = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	TAP_CHECK(q == p && all_are(q, 2 * PAGE, 'a'), "to a fixed address: %p (%s)",
		  (void *)q, strerror(errno));
}

static void test_mremap_in_place(void)
{
	char *p = fresh(8 * PAGE), *q;

	memset(p, 'a', 8 * PAGE);
	q = mremap(p, 4 * PAGE, 6 * PAGE, 0);
	TAP_CHECK(q == MAP_FAILED && errno == ENOMEM, "grown over its own other half: %p",
		  (void *)q);
	TAP_CHECK(all_are(p, 8 * PAGE, 'a'), "contents lost");
	munmap(p, 8 * PAGE);
}

/* More than the region holds, but never at a time; nothing of it is touched. */
static void test_addresses_come_back(void)
{
	unsigned long gib = 1024 * MIB;
	int i;

	for (i = 0; i < 80; i++) {
		char *p = fresh(gib);

		TAP_CHECK(rightly_placed(p), "round %d: %p", i, (void *)p);
		TAP_CHECK(mremap(p, gib, PAGE, 0) == p, "shrinking");
		TAP_CHECK(!munmap(p, PAGE), "munmap");
	}
}

/* The child's memory is the parent's at the time of the fork, whatever comes then. */
static void test_fork_is_a_moment(void)
{
	unsigned long bytes = 16 * MIB;
	char *p = fresh(bytes);
	int status = -1;
	pid_t pid;

	memset(p, 'a', bytes);
	pid = fork();
	if (!pid)
		_exit(all_are(p, bytes, 'a') ? 7 : 1);
	memset(p, 'b', bytes);
	TAP_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		  WEXITSTATUS(status) == 7, "status %#x", status);
	munmap(p, bytes);
}

static void test_fork(void)
{
	char *p = fresh(64 * PAGE);
	int status = -1;
	pid_t pid;

	memset(p, 'a', 32 * PAGE);
	mprotect(p, 8 * PAGE, PROT_READ);
	pid = fork();
	if (!pid) {
		char *mine = malloc(4 * MIB);
		bool ok = all_are(p, 32 * PAGE, 'a') && all_are(p + 32 * PAGE, PAGE, 0);

		ok = ok && kills(store, p) && !kills(store, p + 8 * PAGE);
		p[16 * PAGE] = 'c';
		memset(mine, 'm', 4 * MIB);
		ok = ok && !munmap(p + 40 * PAGE, PAGE);
		_exit(ok ? 7 : 1);
	}
	TAP_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		  WEXITSTATUS(status) == 7, "status %#x", status);
	TAP_CHECK(p[16 * PAGE] == 'a', "the child's store is seen");
	munmap(p, 64 * PAGE);
}

static void test_exec(void)
{
	TAP_CHECK(system("exec /bin/busybox true") == 0, "a static program");
	TAP_CHECK(system("LD_PRELOAD= exec ./preload_test --nothing") == 0,
		  "a dynamic one without the library");
	TAP_CHECK(system("VPT_PRELOAD_QUIET=1 ./preload_test --nothing") == 0,
		  "a dynamic one with the library");
}

/* Whether a descriptor of the device is open, in a program that has not opened it. */
static bool has_device(void)
{
	char path[64], to[64];
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n > 0 && !strncmp(to, "/dev/vpt", (size_t)n))
			return true;
	}
	return false;
}

/* What a system call of the process goes through: nothing. */
static bool is_filtered(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	int filters = -1, no_new_privs = -1;
	char line[256];

	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "Seccomp: %d", &filters);
		sscanf(line, "NoNewPrivs: %d", &no_new_privs);
	}
	if (status)
		fclose(status);
	return filters || no_new_privs;
}

static void test_surroundings(void)
{
	struct rlimit limit;

	TAP_CHECK(!is_filtered(), "there is a filter");
	TAP_CHECK(system("LD_PRELOAD= exec ./preload_test --no-device") == 0,
		  "a program executed has the device open");
	TAP_CHECK(absent || (!getrlimit(RLIMIT_MEMLOCK, &limit) &&
			     limit.rlim_cur == RLIM_INFINITY), "RLIMIT_MEMLOCK is as it was");
}

static volatile sig_atomic_t signals;

static void on_sigsys(int signal)
{
	char *p = fresh(8 * MIB);

	(void)signal;
	signals++;
	munmap(p, 8 * MIB);
}

/* SIGSYS is a signal like others: the program's. */
static void test_signals(void)
{
	struct sigaction handler = { .sa_handler = on_sigsys };
	sigset_t all, old;
	char *p;

	sigfillset(&all);
	TAP_CHECK(!sigprocmask(SIG_SETMASK, &all, &old), "sigprocmask");
	p = fresh(8 * MIB);
	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	munmap(p, 8 * MIB);
	TAP_CHECK(!sigprocmask(SIG_SETMASK, NULL, &all) && sigismember(&all, SIGSYS) == 1 &&
		  sigismember(&all, SIGUSR1) == 1, "the mask is another");
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigfillset(&handler.sa_mask);
	TAP_CHECK(!sigaction(SIGSYS, &handler, NULL) && !raise(SIGSYS) && signals == 1,
		  "a handler of the program's");
	signal(SIGSYS, SIG_DFL);
	p = fresh(8 * MIB);
	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	munmap(p, 8 * MIB);
}

#define THREADS	4
#define ROUNDS	300

/* Allocate and free; everything keeps the pattern that its owner wrote. */
static void *churn(void *arg)
{
	unsigned long me = (uintptr_t)arg, state = me + 1, errors = 0, i, k;
	struct { unsigned char *p; unsigned long n; unsigned char tag; } slot[8] = { 0 };

	for (i = 0; i < ROUNDS; i++) {
		state = state * 6364136223846793005UL + 1442695040888963407UL;
		k = state >> 60 & 7;
		if (slot[k].p) {
			errors += slot[k].p[0] != slot[k].tag ||
				  slot[k].p[slot[k].n - 1] != slot[k].tag ||
				  slot[k].p[slot[k].n / 2] != slot[k].tag;
			free(slot[k].p);
		}
		slot[k].n = 150000 + (state >> 40 & 0xfffff);
		slot[k].tag = (unsigned char)(me * 64 + i % 64);
		slot[k].p = malloc(slot[k].n);
		if (!slot[k].p)
			return (void *)1000000UL;
		memset(slot[k].p, slot[k].tag, slot[k].n);
	}
	for (k = 0; k < 8; k++)
		free(slot[k].p);
	return (void *)errors;
}

#define GRABS	8000

static char *grabbed[THREADS][GRABS];
static pthread_barrier_t all_here;

/* As fast as can be: no page is touched. */
static void *grab(void *arg)
{
	char **p = grabbed[(uintptr_t)arg];
	unsigned long errors = 0, i;

	pthread_barrier_wait(&all_here);
	for (i = 0; i < GRABS; i++) {
		p[i] = fresh(PAGE);
		errors += p[i] == MAP_FAILED;
	}
	return (void *)errors;
}

static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return (x > y) - (x < y);
}

static void in_threads(void *(*work)(void *))
{
	pthread_t thread[THREADS];
	void *errors;
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		TAP_CHECK(!pthread_create(&thread[i], NULL, work, (void *)i), "create");
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &errors);
		TAP_CHECK(!errors, "%lu errors", (unsigned long)errors);
	}
}

static void test_threads(void)
{
	unsigned long n = THREADS * GRABS, i, twice = 0;
	char **p = grabbed[0];

	in_threads(churn);
	pthread_barrier_init(&all_here, NULL, THREADS);
	in_threads(grab);
	qsort(p, n, sizeof(*p), by_address);
	for (i = 1; i < n; i++)
		twice += p[i] == p[i - 1];
	TAP_CHECK(!twice, "%lu pages are two threads'", twice);
	for (i = 0; i < n; i++)
		munmap(p[i], PAGE);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--nothing")) {
		char *p = malloc(4 * MIB);

		memset(p, 1, 4 * MIB);
		free(p);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--no-device"))
		return has_device();
	absent = argc > 1 && !strcmp(argv[1], "--absent");
	run(test_malloc, "malloc, realloc and free");
	run(test_mmap_kinds, "only private anonymous writable memory is served");
	run(test_partial_munmap, "a part can be unmapped");
	run(test_madvise, "MADV_DONTNEED empties pages");
	run(test_readonly, "read-only memory stays read-only");
	run(test_no_access, "PROT_NONE forbids and gives back");
	run(test_mremap, "mremap grows, shrinks and moves");
	run(test_mremap_in_place, "mremap does not grow over what is in use");
	run(test_addresses_come_back, "addresses come back with munmap and mremap");
	run(test_fork_is_a_moment, "a child has its parent's memory as it was then");
	run(test_fork, "a child has its parent's memory");
	run(test_exec, "other programs can be executed");
	run(test_surroundings, "limits are raised, the device is nobody else's, and no call is filtered");
	run(test_signals, "signals can be blocked, and SIGSYS is the program's");
	run(test_threads, "four threads allocate at once");
	return tap_done();
}
