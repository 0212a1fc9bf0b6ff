// SPDX-License-Identifier: GPL-2.0
/*
 * fork() under libvpt-preload.so where something about the process is unusual: its numbers,
 * its first thread, its signals.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload_test.h"

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

/* Numbers of processes are others than /proc says. */
static bool forks_apart(void)
{
	return forks_with(memset(malloc(MIB), 'a', MIB), MIB);
}

static void *rest(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static bool forks_apart_with_thread(void)
{
	pthread_t thread;

	return !pthread_create(&thread, NULL, rest, NULL) && forks_apart();
}

static bool unshares(void)
{
	return !unshare(CLONE_NEWPID) && in_child(forks_apart_with_thread);
}

static void test_namespace(void)
{
	TAP_CHECK(in_child(unshares), "fork");
}

/* No signal can be queued, so no thread can be stopped: fork says so, and may be tried again. */
static bool forks_without_signals(void)
{
	struct rlimit old, none;
	pthread_t thread;
	bool ok;

	if (!filled(MIB) || pthread_create(&thread, NULL, rest, NULL) ||
	    getrlimit(RLIMIT_SIGPENDING, &old))
		return false;
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_SIGPENDING, &none);
	ok = fork() == -1 && errno == EAGAIN;
	setrlimit(RLIMIT_SIGPENDING, &old);
	return ok && forks_apart();
}

static bool has_ended(pid_t tid)
{
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	stat = fopen(path, "re");
	if (!stat || fscanf(stat, "%*d %*s %c", &state) != 1)
		state = 'X';
	if (stat)
		fclose(stat);
	return state == 'Z' || state == 'X';
}

static void *fork_alone(void *full)
{
	while (!has_ended(getpid()))
		sched_yield();
	while (full && dup(1) >= 0)
		;
	_exit(forks_apart() ? SEVEN : 1);
	return full;
}

/* The first thread of a process stays as a zombie until the last has ended. */
static bool ends_first_thread(void *full)
{
	pthread_t thread;

	if (!filled(MIB) || pthread_create(&thread, NULL, fork_alone, full))
		return false;
	pthread_exit(NULL);
}

static bool forks_after_first_thread(void)
{
	return ends_first_thread(NULL);
}

static bool forks_without_descriptors(void)
{
	return ends_first_thread("full");
}

static void test_first_thread(void)
{
	TAP_CHECK(in_child(forks_after_first_thread), "fork");
	TAP_CHECK(in_child(forks_without_descriptors), "no descriptor is free");
}

static void *rest_blocked(void *arg)
{
	const unsigned long all = ~0UL;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	*(volatile bool *)arg = true;
	return rest(NULL);
}

/* A thread that cannot be stopped, either, for a while. */
static bool forks_beside_blocked(void)
{
	volatile bool ready = false;
	pthread_t thread;

	if (!filled(MIB) || pthread_create(&thread, NULL, rest_blocked, (void *)&ready))
		return false;
	while (!ready)
		sched_yield();
	alarm(60);
	return fork() == -1 && errno == EAGAIN;
}

static void test_unstoppable(void)
{
	TAP_CHECK(in_child(forks_without_signals), "RLIMIT_SIGPENDING");
}

static bool sealed_page_forks(void)
{
	char *p = filled(MIB);

	if (syscall(SYS_mseal, p, PAGE, 0) && errno != ENOSYS)
		return false;
	return forks_apart() && all_are(p, MIB, 'a');
}

static void test_sealed(void)
{
	TAP_CHECK(in_child(sealed_page_forks), "fork");
}

/* Linux does not ask whether there is room for what was asked for with MAP_NORESERVE. */
static void test_unreserved(void)
{
	unsigned long bytes = (unsigned long)sysconf(_SC_PHYS_PAGES) * PAGE * 2;
	char *p = mmap(NULL, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	memset(p + MIB, 'a', MIB);
	TAP_CHECK(forks_with(p + MIB, MIB), "fork: %s", strerror(errno));
	munmap(p, bytes);
}

int main(void)
{
	pid_t blocked = fork();	/* it takes a while */

	if (!blocked)
		_exit(forks_beside_blocked() ? SEVEN : 1);
	run(test_namespace, "fork works where /proc is another PID namespace's");
	run(test_first_thread, "fork works when the first thread has ended");
	run(test_sealed, "fork works with sealed pages");
	run(test_unreserved, "fork works with more memory than there is, where none was reserved");
	run(test_unstoppable, "fork fails, and hangs not, where signals cannot be queued");
	tap_begin();
	TAP_CHECK(ended_well(blocked), "it does otherwise");
	tap_end("fork fails, and hangs not, beside a thread that blocks every signal");
	return tap_done();
}
