// SPDX-License-Identifier: GPL-2.0
/*
 * fork() under libvpt-preload.so: the child has its parent's memory as it was at one
 * moment, however it was made and whatever becomes of the parent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "preload_test.h"

/* Run this program anew, so that it is no child of a fork. */
static bool apart(const char *what)
{
	char *args[] = { "./fork_test", (char *)what, NULL };
	extern char **environ;
	pid_t pid;

	return !posix_spawn(&pid, args[0], NULL, NULL, args, environ) && ended_well(pid);
}

/* As soon as there is a child, the process dies. */
static void *die_when_forked(void *arg)
{
	FILE *children;
	char line[64];

	(void)arg;
	for (;;) {
		snprintf(line, sizeof(line), "/proc/self/task/%d/children", getpid());
		children = fopen(line, "re");
		if (children && fgets(line, sizeof(line), children))
			kill(getpid(), SIGKILL);
		if (children)
			fclose(children);
	}
	return NULL;
}

#define ORPHAN_BYTES	(32 * MIB)

static int parent_dies(void)
{
	char *p = filled(ORPHAN_BYTES);
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, die_when_forked, NULL);
	pid = fork();
	if (!pid) {
		while (getppid() != 1)
			sched_yield();
		puts(all_are(p, ORPHAN_BYTES, 'a') ? "whole" : "lost");
		fflush(stdout);
		_exit(0);
	}
	pause();
	return 1;
}

static void test_parent_dies(void)
{
	FILE *out = popen("./fork_test --parent-dies", "re");
	char line[64] = "";

	TAP_CHECK(out && fgets(line, sizeof(line), out) && !strcmp(line, "whole\n"),
		  "the child's memory: %s", line);
	pclose(out);
}

#define WORDS		8
#define WRITERS		2

static volatile unsigned long *words[WRITERS];
static volatile bool writing;

/* One store after the other: no word is ever ahead of the one before it. */
static void *write_in_order(void *arg)
{
	volatile unsigned long *word = words[(uintptr_t)arg];
	unsigned long n, i;

	for (n = 1; writing; n++) {
		for (i = 0; i < WORDS; i++)
			word[i * MIB / sizeof(*word)] = n;
	}
	return NULL;
}

static bool in_order(const volatile unsigned long *word)
{
	unsigned long i, first = word[0], last = first;

	for (i = 1; i < WORDS; i++) {
		unsigned long n = word[i * MIB / sizeof(*word)];

		if (n > last || n + 1 < first)
			return false;
		last = n;
	}
	return true;
}

static void test_threads_go_on(void)
{
	pthread_t thread[WRITERS];
	uintptr_t i, round;

	for (round = 0; round < 5; round++) {
		pid_t pid;

		writing = true;
		for (i = 0; i < WRITERS; i++) {
			words[i] = (unsigned long *)fresh(WORDS * MIB);
			memset((void *)words[i], 0, WORDS * MIB);
			pthread_create(&thread[i], NULL, write_in_order, (void *)i);
		}
		usleep(5000);
		pid = fork();
		if (!pid)
			_exit(in_order(words[0]) && in_order(words[1]) ? SEVEN : 1);
		TAP_CHECK(ended_well(pid), "round %lu: the child has a torn copy", round);
		writing = false;
		for (i = 0; i < WRITERS; i++) {
			pthread_join(thread[i], NULL);
			munmap((void *)words[i], WORDS * MIB);
		}
	}
}

static char *for_child;

static int child_main(void *arg)
{
	(void)arg;
	return for_child[MIB] == 'a' && all_are(for_child, MIB, 'a') ? SEVEN : 1;
}

static void judge_child(pid_t pid, const char *how)
{
	if (!pid)
		_exit(child_main(NULL));
	TAP_CHECK(ended_well(pid), "%s", how);
	munmap(for_child, 2 * MIB);
	for_child = filled(2 * MIB);
	TAP_CHECK(rightly_placed(for_child), "after %s", how);
}

static void test_every_way(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int master;

	for_child = filled(2 * MIB);
	judge_child(_Fork(), "_Fork()");
	judge_child((pid_t)syscall(SYS_fork), "syscall(SYS_fork)");
	judge_child((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), "syscall(SYS_clone)");
	judge_child(clone(child_main, stack + sizeof(stack), SIGCHLD, NULL), "clone()");
	judge_child(forkpty(&master, NULL, NULL, NULL), "forkpty()");
	close(master);
	munmap(for_child, 2 * MIB);
}

/* Registered before any library's constructor runs, so it is the first one called. */
static char *for_handler;
static volatile bool handler_saw_it;

static void first_in_child(void)
{
	handler_saw_it = !for_handler || for_handler[0] == 'a';
}

static void register_early(int argc, char **argv, char **envp)
{
	(void)argc, (void)argv, (void)envp;
	pthread_atfork(NULL, NULL, first_in_child);
}

__attribute__((section(".preinit_array"), used))
static void (*early)(int, char **, char **) = register_early;

static void test_handlers(void)
{
	pid_t pid;

	for_handler = filled(MIB);
	pid = fork();
	if (!pid)
		_exit(handler_saw_it ? SEVEN : 1);
	TAP_CHECK(ended_well(pid), "a handler of pthread_atfork() ran before the memory was there");
	munmap(for_handler, MIB);
	for_handler = NULL;
}

static void test_child_on_vpt(void)
{
	pid_t pid = fork();

	if (!pid) {
		char *p = calloc(4, MIB);
		bool ok = rightly_placed(p) && all_are(p, 4 * MIB, 0);
		pid_t grandchild;

		memset(p, 'a', 4 * MIB);
		grandchild = fork();
		if (!grandchild)
			_exit(all_are(p, 4 * MIB, 'a') && rightly_placed(malloc(MIB)) ?
			      SEVEN : 1);
		ok = ended_well(grandchild) && ok;
		free(p);
		_exit(ok ? SEVEN : 1);
	}
	TAP_CHECK(ended_well(pid), "the child's new memory");
}

static sigset_t every;

static bool allocates(void)
{
	char *p = malloc(4 * MIB);
	bool ok = rightly_placed(p) && all_are(memset(p, 'a', 4 * MIB), 4 * MIB, 'a');

	free(p);
	return ok;
}

static bool blocked(void)
{
	return !sigprocmask(SIG_SETMASK, &every, NULL) && allocates();
}

static bool blocked_as_of_old(void)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	sigsetmask(-1);
#pragma GCC diagnostic pop
	return allocates();
}

static bool reset_to_default(void)
{
	int i;

	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	return allocates();
}

static void *allocate(void *arg)
{
	*(bool *)arg = allocates();
	return NULL;
}

static bool in_blocked_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok = false;

	pthread_attr_init(&attr);
	return !pthread_attr_setsigmask_np(&attr, &every) &&
	       !pthread_create(&thread, &attr, allocate, &ok) && !pthread_join(thread, NULL) &&
	       ok;
}

static bool in_blocked_context(void)
{
	volatile bool again = false;
	ucontext_t here;

	getcontext(&here);
	if (again)
		return allocates();
	again = true;
	here.uc_sigmask = every;
	setcontext(&here);
	return false;
}

static volatile bool handler_allocated;

static void allocate_here(int signal)
{
	(void)signal;
	handler_allocated = allocates();
}

/* The handler runs while all other signals are blocked by the call that waits. */
static bool in_wait(int (*waits)(const sigset_t *others))
{
	struct sigaction handler = { .sa_handler = allocate_here, .sa_mask = every };
	sigset_t others = every;

	sigdelset(&others, SIGALRM);
	sigprocmask(SIG_SETMASK, &every, NULL);
	sigaction(SIGALRM, &handler, NULL);
	raise(SIGALRM);
	return waits(&others) == -1 && errno == EINTR && handler_allocated;
}

static int by_ppoll(const sigset_t *others)
{
	return ppoll(NULL, 0, NULL, others);
}

static int by_pselect(const sigset_t *others)
{
	return pselect(0, NULL, NULL, NULL, NULL, others);
}

static int by_epoll(const sigset_t *others)
{
	struct epoll_event event;

	return epoll_pwait(epoll_create1(EPOLL_CLOEXEC), &event, 1, -1, others);
}

static bool in_sigsuspend(void)
{
	return in_wait(sigsuspend);
}

static bool in_ppoll(void)
{
	return in_wait(by_ppoll);
}

static bool in_pselect(void)
{
	return in_wait(by_pselect);
}

static bool in_epoll(void)
{
	return in_wait(by_epoll);
}

static void test_child_blocks_signals(void)
{
	static const struct {
		const char *how;
		bool (*fact)(void);
	} ways[] = {
		{ "sigprocmask", blocked }, { "sigsetmask", blocked_as_of_old },
		{ "signal", reset_to_default }, { "a thread's attributes", in_blocked_thread },
		{ "setcontext", in_blocked_context }, { "sigsuspend", in_sigsuspend },
		{ "ppoll", in_ppoll }, { "pselect", in_pselect }, { "epoll_pwait", in_epoll },
	};
	unsigned int i;

	sigfillset(&every);
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(ways[i].fact() ? SEVEN : 1);
		TAP_CHECK(ended_well(pid), "%s", ways[i].how);
	}
}

static bool forks(void)
{
	char *p = filled(2 * MIB);

	return p && forks_with(p, 2 * MIB);
}

/* No more descriptors, after everything that could need one is done. */
static int poor(void)
{
	struct rlimit none = { 0, 0 };
	char *p = filled(2 * MIB);

	if (!p || setrlimit(RLIMIT_NOFILE, &none))
		return 1;
	return forks_with(p, 2 * MIB) ? SEVEN : 1;
}

static int jailed(void)
{
	char *p = filled(2 * MIB);

	if (!p || chroot("/tmp") || setgid(1000) || setuid(1000))
		return 1;
	return forks_with(p, 2 * MIB) ? SEVEN : 1;
}

static void test_surroundings(void)
{
	TAP_CHECK(apart("--poor"), "without a free descriptor");
	TAP_CHECK(apart("--jailed"), "after chroot and setuid");
}

static ucontext_t outside, inside;
static volatile bool forked_well;

static void coroutine(void)
{
	forked_well = forks();
	swapcontext(&inside, &outside);
}

static void *fork_here(void *arg)
{
	(void)arg;
	return forks() ? (void *)1 : NULL;
}

static void test_stacks(void)
{
	unsigned long bytes = 256 << 10;
	void *stack = malloc(bytes), *well = NULL;
	pthread_attr_t attr;
	pthread_t thread;

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = bytes;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	TAP_CHECK(rightly_placed(malloc(bytes)) && forked_well, "a coroutine's");

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, fresh(bytes), bytes);
	TAP_CHECK(!pthread_create(&thread, &attr, fork_here, NULL), "create");
	pthread_join(thread, &well);
	TAP_CHECK(well, "a thread's");
}

/* Only the program itself says on stderr what was done, unless more is asked for. */
static unsigned long lines(const char *environment)
{
	char command[128], line[256];
	unsigned long n = 0;
	FILE *out;

	snprintf(command, sizeof(command), "%s ./fork_test --child-exits 2>&1", environment);
	out = popen(command, "re");
	while (out && fgets(line, sizeof(line), out))
		n += !!strstr(line, "mmaps from vpt");
	pclose(out);
	return n;
}

static void test_statistics(void)
{
	TAP_CHECK(lines("VPT_PRELOAD_STATS=1 exec") == 1, "=1");
	TAP_CHECK(lines("VPT_PRELOAD_STATS=all exec") == 3, "=all");
}

static int child_exits(void)
{
	clearenv();	/* as daemons do */
	if (!fork())
		exit(!malloc(2 * MIB));
	wait(NULL);
	if (!fork())
		_exit(!malloc(2 * MIB));
	wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		if (!strcmp(argv[1], "--parent-dies"))
			return parent_dies();
		if (!strcmp(argv[1], "--poor"))
			return poor();
		if (!strcmp(argv[1], "--jailed"))
			return jailed();
		if (!strcmp(argv[1], "--child-exits"))
			return child_exits();
	}
	run(test_parent_dies, "a child's memory is whole though its parent is killed");
	run(test_threads_go_on, "a fork is one moment for all threads' stores");
	run(test_every_way, "a child has its memory however it is made");
	run(test_handlers, "fork handlers of other libraries find the memory there");
	run(test_child_on_vpt, "a child's new memory is vpt's again");
	run(test_child_blocks_signals, "a child allocates whatever signals it blocks");
	run(test_surroundings, "fork needs no descriptor, no file and no privilege");
	run(test_stacks, "stacks in memory of vpt's survive fork");
	run(test_statistics, "children keep silent");
	return tap_done();
}
