// SPDX-License-Identifier: GPL-2.0
/*
 * What the first fork() under libvpt-preload.so asks of the kernel: system calls and faults,
 * which are counted.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "preload_test.h"

#define CHUNKS		32UL
#define BYTES		(CHUNKS * 2 * MIB)

/* Fresh pages, their place, themselves, their rights. */
#define CALLS_A_CHUNK	4
/* Threads, the lock, the copy's place, questions about what is mapped, fork() itself. */
#define CALLS_BESIDE	24

static void fork_once(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(SEVEN);
	if (!ended_well(pid))
		_exit(1);
}

/* What is traced: the calls between the two signals are counted. */
static int marked_fork(void)
{
	if (!filled(BYTES))
		return 1;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	fork_once();
	raise(SIGSTOP);
	return SEVEN;
}

/* To the next call's beginning or end.  Return: the signal it stopped with, 0 at its end. */
static int next_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 0;
	return WSTOPSIG(status);
}

/* Calls between the first two times that it stops itself; then it goes on. */
static unsigned long calls_of(pid_t pid)
{
	unsigned long stops = 0;
	int signal = next_stop(pid);

	if (signal != SIGSTOP)
		return 0;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		bool call = signal == (SIGTRAP | 0x80);

		stops += call;
		ptrace(PTRACE_SYSCALL, pid, NULL, call || signal == SIGSTOP ? 0 : signal);
		signal = next_stop(pid);
		if (!signal || signal == SIGSTOP)
			break;
	}
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return stops / 2;
}

static void test_calls(void)
{
	char *args[] = { "./fork_work_test", "--marked", NULL };
	extern char **environ;
	unsigned long calls;
	pid_t pid;

	TAP_CHECK(!posix_spawn(&pid, args[0], NULL, NULL, args, environ), "spawn");
	calls = calls_of(pid);
	TAP_CHECK(ended_well(pid), "what is traced");
	TAP_CHECK(calls >= CHUNKS && calls <= CALLS_A_CHUNK * CHUNKS + CALLS_BESIDE,
		  "%lu calls for %lu MiB", calls, BYTES / MIB);
}

/* Accesses that faulted; pages that a system call maps are none. */
static int count_faults(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static unsigned long faults(int counter)
{
	unsigned long n = 0;

	return read(counter, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* Without huge pages, of which one fault would bring 512 pages. */
static void test_faults(void)
{
	unsigned long n;
	int counter;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	TAP_CHECK(filled(BYTES), "memory");
	counter = count_faults();
	fork_once();
	n = faults(counter);
	close(counter);
	TAP_CHECK(n && n <= BYTES / PAGE / 8, "%lu faults for %lu pages", n,
		  BYTES / PAGE);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--marked"))
		return marked_fork();
	run(test_calls, "a fork moves 2 MiB with four system calls");
	run(test_faults, "a fork moves pages without a fault for each");
	return tap_done();
}
