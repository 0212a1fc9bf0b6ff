// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses that may fault.  Each thread has its own way out of the handler, so
 * any number of threads may probe at once.  The mask is not saved: SA_NODEFER
 * leaves it alone, and a probe then costs no system call.
 */
#include "guest.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static _Thread_local sigjmp_buf way_out;
static _Thread_local volatile sig_atomic_t probing;
static _Thread_local const void *volatile fault_addr;
static _Thread_local volatile int fault_code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!probing) {
		/* Not ours: die of it, visibly. */
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	fault_addr = info->si_addr;
	fault_code = info->si_code;
	siglongjmp(way_out, sig == SIGSEGV ? PROBE_SEGV : PROBE_BUS);
}

static void install(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static void ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	fault_addr = NULL;
	probing = 1;
}

/* What @access ends in. */
#define PROBE(access)						\
	({							\
		int sig_;					\
								\
		ready();					\
		sig_ = sigsetjmp(way_out, 0);			\
		if (!sig_)					\
			access;					\
		probing = 0;					\
		(enum probe)sig_;				\
	})

enum probe probe_load(const void *p, u64 *value)
{
	return PROBE(*value = *(const volatile u64 *)p);
}

enum probe probe_store(void *p, u64 value)
{
	return PROBE(*(volatile u64 *)p = value);
}

enum probe probe_exchange(void *p, u64 value, u64 *old)
{
	return PROBE(*old = __atomic_exchange_n((u64 *)p, value, __ATOMIC_SEQ_CST));
}

enum probe probe_add(void *p, u64 value, u64 *old)
{
	return PROBE(*old = __atomic_fetch_add((u64 *)p, value, __ATOMIC_SEQ_CST));
}

static void compare_exchange(u64 *p, u64 expected, u64 value, u64 *old)
{
	*old = expected;
	__atomic_compare_exchange_n(p, old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

enum probe probe_cmpxchg(void *p, u64 expected, u64 value, u64 *old)
{
	return PROBE(compare_exchange(p, expected, value, old));
}

enum probe probe_exec(const void *p, u32 *result)
{
	return PROBE(*result = ((u32 (*)(void))p)());
}

const void *probe_fault_addr(void)
{
	return fault_addr;
}

int probe_fault_code(void)
{
	return fault_code;
}

void put_code(void *p, u32 value)
{
	unsigned char code[6] = { 0xb8, 0, 0, 0, 0, 0xc3 };	/* mov; ret */

	memcpy(code + 1, &value, sizeof(value));
	memcpy(p, code, sizeof(code));
}

unsigned int cpus(void)
{
	static _Atomic unsigned int n;

	if (!n)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n;
}

void pin_to(unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n % cpus(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void relax(void)
{
	if (cpus() < 4)
		sched_yield();
	else
		__builtin_ia32_pause();
}

char thread_state(pid_t tid)
{
	char path[40], text[200] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

/* A futex is 32 bits: the low half, and nobody counts that far. */
void wait_for(_Atomic u64 *v, u64 want)
{
	const struct timespec soon = { .tv_nsec = 5000000 };
	unsigned int spins = 0;
	u64 now;

	while ((now = atomic_load(v)) < want) {
		if (++spins < 50)
			relax();
		else
			syscall(SYS_futex, v, FUTEX_WAIT_PRIVATE, (u32)now, &soon);
	}
}

void post(_Atomic u64 *v, u64 value)
{
	atomic_store(v, value);
	syscall(SYS_futex, v, FUTEX_WAKE_PRIVATE, INT32_MAX);
}
