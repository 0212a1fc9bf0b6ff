// SPDX-License-Identifier: GPL-2.0
/*
 * All other threads of the process stand still, in a signal handler.  A thread that is
 * in a system call leaves it for that (SA_RESTART; what is never restarted says EINTR, as
 * it does when libc changes the process's user), so Linux stores nothing for it either.
 *
 * The handler is there only meanwhile, if libc has one.  libc's own signals, by tgkill(), are
 * handed on to libc's handler.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "preload.h"
#include "stop.h"
#include "sys.h"

#define THREADS_MAX	32768

/* Times that one thread is called, and that it is waited for, 10 ms each. */
#define PATIENCE	1000

/* As the kernel has it. */
struct action {
	void (*handler)(int signal, siginfo_t *info, void *context);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

#define SA_RESTORER	0x04000000UL

/* Among the flags that /proc tells of a thread; the second since Linux 6.4. */
#define PF_IO_WORKER	0x10
#define PF_USER_WORKER	0x4000

enum thread_state { CALLED, STOPPED, GONE };

static struct {
	struct action before;		/* libc's, or the default */
	unsigned int round;		/* odd while threads stand still */
	unsigned int n;			/* threads called */
	unsigned int stopped;		/* handlers that wait */
	unsigned int left;		/* handlers that have gone on */
	struct {
		int tid;
		int state;
	} thread[THREADS_MAX];
} stop;

void stop_restorer(void) HIDDEN;
__asm__(".text\n"
	".type stop_restorer, @function\n"
	"stop_restorer:\n\t"
	"movl $15, %eax\n\t"	/* rt_sigreturn */
	"syscall\n");

static void futex_wait(unsigned int *word, unsigned int seen, const struct timespec *most)
{
	sys6(SYS_futex, (unsigned long)word, FUTEX_WAIT_PRIVATE, seen, (unsigned long)most, 0,
	     0);
}

static void futex_wake(unsigned int *word)
{
	sys3(SYS_futex, word, FUTEX_WAKE_PRIVATE, THREADS_MAX);
}

static unsigned int load(const unsigned int *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void add_and_wake(unsigned int *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
	futex_wake(word);
}

/*
 * The stack may be in memory that is being moved: from the count on nothing is stored
 * to it until the round is over.
 */
static void on_stop(int signal, siginfo_t *info, void *context)
{
	unsigned long value = (unsigned long)info->si_value.sival_ptr;
	unsigned int round = (unsigned int)(value >> 32), i = (unsigned int)value;
	int called = CALLED;

	if (info->si_code != SI_QUEUE) {
		if (stop.before.flags & SA_SIGINFO)
			stop.before.handler(signal, info, context);
		return;
	}
	if (round != load(&stop.round) ||
	    !__atomic_compare_exchange_n(&stop.thread[i].state, &called, STOPPED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	add_and_wake(&stop.stopped);
	while (load(&stop.round) == round)
		futex_wait(&stop.round, round, NULL);
	add_and_wake(&stop.left);
}

static void install(void)
{
	struct action mine = {
		.handler = on_stop, .restorer = stop_restorer, .mask = ~0UL,
		.flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER,
	};
	struct action old;

	sys6(SYS_rt_sigaction, STOP_SIGNAL, (unsigned long)&mine, (unsigned long)&old, 8, 0, 0);
	if (old.handler != on_stop)
		stop.before = old;
}

/*
 * A thread that was called more than once has signals left.  libc's handler ignores them; the
 * default action, where libc has not made any thread, would be to end the process.
 */
static void uninstall(void)
{
	struct action now;

	if (!(stop.before.flags & SA_SIGINFO))
		return;
	sys6(SYS_rt_sigaction, STOP_SIGNAL, 0, (unsigned long)&now, 8, 0, 0);
	if (now.handler == on_stop)
		sys6(SYS_rt_sigaction, STOP_SIGNAL, (unsigned long)&stop.before, 0, 8, 0, 0);
}

/* Return: the end of the text. */
static char *print_number(char *to, int n)
{
	char digits[12];
	int i = 0;

	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (i)
		*to++ = digits[--i];
	*to = 0;
	return to;
}

/* Return: 0, or -EAGAIN where the user's signals are limited (RLIMIT_SIGPENDING). */
static long call(unsigned int i)
{
	int tries;
	long ret;

	siginfo_t info = { .si_signo = STOP_SIGNAL, .si_code = SI_QUEUE };

	info.si_pid = preload->pid;
	info.si_value.sival_ptr = (void *)((unsigned long)stop.round << 32 | i);
	for (tries = 0; tries < PATIENCE; tries++) {
		ret = sys6(SYS_rt_tgsigqueueinfo, (unsigned long)preload->pid,
			   (unsigned long)stop.thread[i].tid, STOP_SIGNAL,
			   (unsigned long)&info, 0, 0);
		if (ret != -EAGAIN)
			return 0;
		sys3(SYS_sched_yield, 0, 0, 0);
	}
	return ret;
}

/*
 * The list of threads must have the numbers by which they are called: it has others where
 * /proc belongs to another PID namespace.
 */
int stop_start(void)
{
	char name[12];
	int tasks = fds_add((int)sys3(SYS_open, "/proc/self/task",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));

	if (tasks < 0)
		return tasks;
	print_number(name, (int)sys3(SYS_gettid, 0, 0, 0));
	if (!sys3(SYS_faccessat, tasks, name, F_OK))
		return tasks;
	fds_close(&tasks);
	return -ESRCH;
}

struct dirent64 {
	uint64_t inode;
	int64_t offset;
	unsigned short bytes;
	unsigned char type;
	char name[];
};

static int number(const char *name)
{
	int n = 0;

	while (*name >= '0' && *name <= '9')
		n = n * 10 + (*name++ - '0');
	return n;
}

/* @text: TID (NAME) STATE and six numbers; a name has up to 64 bytes, and may hold anything. */
static bool is_no_user_thread(const char *text, long n)
{
	long i, flags = 0;
	int spaces = 0;

	for (i = n - 1; i >= 0 && text[i] != ')'; i--)
		;
	if (i < 0 || i + 2 >= n)
		return false;
	if (text[i + 2] == 'Z' || text[i + 2] == 'X')
		return true;
	for (i++; i < n && spaces < 8; i++) {
		spaces += text[i] == ' ';
		if (spaces == 7 && text[i] != ' ')
			flags = flags * 10 + (text[i] - '0');
	}
	return flags & (PF_IO_WORKER | PF_USER_WORKER);
}

/* What can be known without a descriptor, where none is free: it runs no file any more. */
static bool has_ended(int tid)
{
	char path[32], file[1];

	__builtin_memcpy(print_number(path, tid), "/exe", 5);
	return sys6(SYS_readlinkat, (unsigned long)preload->tasks, (unsigned long)path,
		    (unsigned long)file, sizeof(file), 0, 0) == -ENOENT;
}

/*
 * A thread that has ended, or a first thread that has and must stay as a zombie; or one that
 * the kernel works with, for io_uring or vhost: it runs nothing of the program's, and no
 * signal reaches it.
 */
static bool runs_nothing(int tid)
{
	char path[32], text[256];
	long fd, n;

	__builtin_memcpy(print_number(path, tid), "/stat", 6);
	fd = sys6(SYS_openat, (unsigned long)preload->tasks, (unsigned long)path,
		  O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd == -ENOENT || fd == -ESRCH)
		return true;
	if (sys_failed(fd))
		return has_ended(tid);
	n = sys3(SYS_read, fd, text, sizeof(text));
	sys3(SYS_close, fd, 0, 0);
	if (n == -ESRCH)
		return true;
	return is_no_user_thread(text, n);
}

/* A number that is found again after its thread has ended may be another thread's. */
static bool called(int tid)
{
	unsigned int i;

	for (i = 0; i < stop.n; i++) {
		if (stop.thread[i].tid == tid &&
		    (stop.thread[i].state != GONE || runs_nothing(tid)))
			return true;
	}
	return false;
}

/* Call who was not called yet.  Return: how many, or -errno. */
static long call_new(int self)
{
	static char buffer[4096] __attribute__((aligned(8)));
	long n, at, found = 0;

	sys3(SYS_lseek, preload->tasks, 0, 0);
	while ((n = sys3(SYS_getdents64, preload->tasks, buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < n; at += ((struct dirent64 *)(buffer + at))->bytes) {
			int tid = number(((struct dirent64 *)(buffer + at))->name);

			if (!tid || tid == self || called(tid))
				continue;
			if (stop.n == THREADS_MAX)
				return -EAGAIN;
			stop.thread[stop.n].tid = tid;
			stop.thread[stop.n].state = CALLED;
			if (call(stop.n++))
				return -EAGAIN;
			found++;
		}
	}
	return n < 0 ? n : found;
}

/*
 * A thread that neither stops nor ends for long has the signal blocked (by a system call
 * of its own), or waits for a child of vfork() that waits for us: -EAGAIN.
 */
static long wait_for(unsigned int i)
{
	const struct timespec some = { 0, 10 * 1000 * 1000 };
	int *state = &stop.thread[i].state;
	int patience = PATIENCE;

	while (__atomic_load_n(state, __ATOMIC_ACQUIRE) == CALLED) {
		unsigned int seen = load(&stop.stopped);
		int expected = CALLED;

		if (__atomic_load_n(state, __ATOMIC_ACQUIRE) != CALLED)
			break;
		futex_wait(&stop.stopped, seen, &some);
		if (load(&stop.stopped) != seen)
			continue;
		if (runs_nothing(stop.thread[i].tid)) {
			__atomic_compare_exchange_n(state, &expected, GONE, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
			break;
		}
		if (!--patience)
			return -EAGAIN;
		/* libc may have put its own handler there meanwhile. */
		install();
		call(i);
	}
	return 0;
}

long stop_others(void)
{
	int self = (int)sys3(SYS_gettid, 0, 0, 0);
	unsigned int waited = 0;
	long found;

	stop.n = 0;
	stop.stopped = 0;
	stop.left = 0;
	__atomic_add_fetch(&stop.round, 1, __ATOMIC_RELEASE);
	install();
	do {
		found = call_new(self);
		while (found > 0 && waited < stop.n) {
			long ret = wait_for(waited++);

			if (ret)
				found = ret;
		}
	} while (found > 0);
	if (found < 0)
		stop_end();
	return found;
}

void stop_end(void)
{
	unsigned int left;

	if (!(load(&stop.round) & 1))
		return;
	__atomic_add_fetch(&stop.round, 1, __ATOMIC_RELEASE);
	futex_wake(&stop.round);
	while ((left = load(&stop.left)) != load(&stop.stopped))
		futex_wait(&stop.left, left, NULL);
	uninstall();
}
