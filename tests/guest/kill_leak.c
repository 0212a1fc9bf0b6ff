// SPDX-License-Identifier: GPL-2.0
/*
 * Every way a process can end while its region is in full use.  Nothing is lost:
 * the harness waits for the module's counters to balance after each property.
 */
#include "lib/churn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define THREADS		4

/* What the dying processes have done, so that a test of nothing is seen. */
static _Atomic u64 *steps;

static struct region region;
static bool strict;
static u64 round_number;

static void *churn_for_ever(void *arg)
{
	u64 n = (u64)arg;
	struct slice s;

	churn_init(&s, &region, n * CHURN_BYTES, strict, round_number * THREADS + n);
	for (;;) {
		churn(&s);
		atomic_fetch_add(steps, 1);
	}
	return NULL;
}

/* One of them, now and then, at 1 GiB. */
static void *map_and_unmap_1g(void *arg)
{
	char *at = region.base + VPT_1G;

	(void)arg;
	for (;;) {
		if (!vu_map(region.fd, at, VPT_1G, RW, 0))
			at[12345678] = 1;
		vu_unmap(region.fd, at, NULL);
	}
	return NULL;
}

/* Open a region and use it with four threads; the caller is one of them. */
static void start_user(u64 round, bool with_1g)
{
	pthread_t thread;
	u64 i;

	round_number = round;
	strict = round % 3;
	region_rw(&region, 2, strict ? VPT_STRICT : 0);
	for (i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, i == 3 && with_1g ? map_and_unmap_1g :
			       churn_for_ever, (void *)i);
}

static void share_steps(void)
{
	steps = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(steps != MAP_FAILED, "mmap");
	seed();
}

/* Until @n more steps are done, for a second at most. */
static void wait_for_steps(u64 n)
{
	u64 end = *steps + n;
	int patience = 1000;

	while (*steps < end && patience--)
		usleep(1000);
}

static void expect_signal(pid_t pid, int sig)
{
	int status = 0;

	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == sig, "status %x", status);
}

static void random_kills(u64 rounds)
{
	struct rng rng;
	u64 i, n = iterations(rounds);

	share_steps();
	rng = rng_of(0);
	for (i = 0; i < n; i++) {
		pid_t pid = must_fork();
		int pidfd;

		REQUIRE(pid >= 0, "fork: %s", strerror(errno));
		if (!pid) {
			start_user(i, i % 50 == 7);
			churn_for_ever(0);
		}
		/* From before open to deep in the work. */
		if (i % 4)
			wait_for_steps(rng_below(&rng, 60));
		usleep(rng_below(&rng, 3000));
		pidfd = syscall(SYS_pidfd_open, pid, 0);
		kill(pid, SIGKILL);
		/* The OOM reaper's way, racing with exit. */
		if (i % 3 == 0)
			syscall(SYS_process_mrelease, pidfd, 0);
		expect_signal(pid, SIGKILL);
		close(pidfd);
	}
	note("%llu kills, %llu steps of work", (unsigned long long)n,
	     (unsigned long long)*steps);
	EXPECT(*steps > n * 20, "only %llu steps in %llu processes",
	       (unsigned long long)*steps, (unsigned long long)n);
}

enum end {
	EXIT,
	EXIT_OF_A_THREAD,
	EXEC,
	EXEC_OF_A_THREAD,
	CLOSE,
	MUNMAP,
	ABORT,
};

static void *exec_true(void *unused)
{
	(void)unused;
	execl("/proc/self/exe", "kill_leak", "true", NULL);
	_exit(99);
}

static void *exit_0(void *unused)
{
	(void)unused;
	exit(0);
}

static void user_ends(enum end how, u64 round)
{
	pthread_t thread;

	start_user(round, false);
	wait_for_steps(round * 2);
	switch (how) {
	case EXIT:
		_exit(0);
	case EXIT_OF_A_THREAD:
		pthread_create(&thread, NULL, exit_0, NULL);
		pause();
		break;
	case EXEC:
		exec_true(NULL);
		break;
	case EXEC_OF_A_THREAD:
		pthread_create(&thread, NULL, exec_true, NULL);
		pause();
		break;
	case CLOSE:
	case MUNMAP:
		break;
	case ABORT:
		abort();
	}
}

static void ends(u64 how)
{
	u64 i, n = 25;
	int status;
	pid_t pid;

	share_steps();
	/* A dump walks the address space; nobody needs the file. */
	setrlimit(RLIMIT_CORE, &(struct rlimit) { 1 << 20, 1 << 20 });
	REQUIRE(!chdir("/tmp"), "chdir");
	for (i = 0; i < n; i++) {
		pid = must_fork();
		if (!pid)
			user_ends(how, i);
		if (how == ABORT) {
			expect_signal(pid, SIGABRT);
			continue;
		}
		REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid");
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "status %x", status);
	}
	EXPECT(*steps > n * 4, "only %llu steps", (unsigned long long)*steps);
	remove("/tmp/core");
}

static void *touch_for_ever(void *arg)
{
	struct rng rng = rng_of((u64)arg);
	u64 v;

	for (;;) {
		probe_load(region.base + rng_below(&rng, region.bytes / 8) * 8, &v);
		atomic_fetch_add(steps, 1);
	}
	return NULL;
}

#define TOUCHES	50	/* before it is torn away, each time */

/* Close or munmap under the feet of threads that touch the region. */
static void torn_away(u64 how)
{
	u64 i, v, before, touches;
	pthread_t thread;
	pid_t pid;
	int status;

	share_steps();
	touches = paced(TOUCHES);
	for (i = 0; i < 20; i++) {
		before = atomic_load(steps);
		pid = must_fork();
		if (pid) {
			REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid");
			EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "status %x",
			       status);
			continue;
		}
		region_rw(&region, 1, 0);
		pthread_create(&thread, NULL, touch_for_ever, (void *)(2 * i));
		pthread_create(&thread, NULL, touch_for_ever, (void *)(2 * i + 1));
		/* In full swing; how long that takes depends on check=. */
		while (atomic_load(steps) < before + touches)
			usleep(1000);
		if (how == CLOSE)
			EXPECT(!close(region.fd), "close");
		else
			EXPECT(!munmap(region.base, region.bytes), "munmap");
		usleep(5000);
		EXPECT(probe_load(region.base, &v) == (how == CLOSE ? PROBE_OK : PROBE_SEGV),
		       "the region, after");
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "random SIGKILLs of four-thread users lose nothing", random_kills,
		  200, 600 },
		{ "exit while in use", ends, EXIT, 0 },
		{ "exit by another thread while in use", ends, EXIT_OF_A_THREAD, 0 },
		{ "exec while in use", ends, EXEC, 0 },
		{ "exec by another thread while in use", ends, EXEC_OF_A_THREAD, 0 },
		{ "abort and core dump while in use", ends, ABORT, 0 },
		{ "close while in use", torn_away, CLOSE, 0 },
		{ "munmap while in use", torn_away, MUNMAP, 0 },
	};

	if (argc == 2 && !strcmp(argv[1], "true"))
		return 0;
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
