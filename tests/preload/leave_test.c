// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that memory of vpt's does not survive under libvpt-preload.so: a program that makes
 * them goes on, with Linux's memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "preload_test.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE	65
#endif

/* Old memory is whole, new memory works. */
static bool goes_on(char *p)
{
	char *q = malloc(4 * MIB);

	memset(q, 'b', 4 * MIB);
	q = realloc(q, 8 * MIB);
	return all_are(p, MIB, 'a') && all_are(q, 4 * MIB, 'b') && !munmap(p, MIB);
}

#define ALLOW(nr)					\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),	\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* What a program of Linux's memory calls here. */
static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_mremap), ALLOW(SYS_brk), ALLOW(SYS_exit_group),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static const struct sock_fprog program = {
	.len = sizeof(filter) / sizeof(*filter), .filter = filter,
};

static bool lives_with_prctl(void)
{
	char *p = filled(MIB);

	return p && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) && goes_on(p);
}

static bool lives_with_syscall(void)
{
	char *p = filled(MIB);

	return p && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) && goes_on(p);
}

static struct sock_filter no_masks[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

/* The library makes no call then that the program does not make. */
static bool lives_without_masks(void)
{
	const struct sock_fprog forbids = { sizeof(no_masks) / sizeof(*no_masks), no_masks };
	const struct rlimit limit = { 1UL << 20, 1UL << 20 };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &forbids) &&
	       !setrlimit(RLIMIT_CORE, &limit) && !prlimit(getpid(), RLIMIT_CORE, &limit, NULL) &&
	       !syscall(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}

static void test_seccomp(void)
{
	TAP_CHECK(in_child(lives_without_masks), "a filter of the library's calls");
	TAP_CHECK(in_child(lives_with_prctl), "prctl()");
	TAP_CHECK(in_child(lives_with_syscall), "syscall(SYS_seccomp)");
}

static const struct rlimit little = { 65536, 65536 };

/* What was not touched before the limit is touched without SIGBUS. */
static bool touches(void)
{
	char *p = filled(MIB), *later = fresh(16 * MIB), *q;

	if (!p || !rightly_placed(later) || setrlimit(RLIMIT_MEMLOCK, &little) || setuid(1000))
		return false;
	memset(later, 'b', 16 * MIB);
	q = malloc(16 * MIB);
	memset(q, 'b', 16 * MIB);
	return goes_on(p);
}

static bool touches_by_prlimit(void)
{
	char *later = fresh(16 * MIB);

	if (!rightly_placed(later) || prlimit(0, RLIMIT_MEMLOCK, &little, NULL) || setuid(1000))
		return false;
	memset(later, 'b', 16 * MIB);
	return true;
}

static bool starts_poor(void)
{
	/* The library takes the limit that a new process finds. */
	return !chmod("/dev/vpt", 0666) && !prlimit(0, RLIMIT_MEMLOCK, &little, NULL) &&
	       !setuid(1000) && !execl("./leave_test", "leave_test", "--poor", NULL);
}

static void test_memlock(void)
{
	TAP_CHECK(in_child(touches), "setrlimit()");
	TAP_CHECK(in_child(touches_by_prlimit), "prlimit()");
	TAP_CHECK(in_child(starts_poor), "from the start");
}

static void test_pinning(void)
{
	const struct timespec moment = { 0, 1000 };
	char *p = filled(PAGE), *q = filled(16 * PAGE);
	struct iovec part = { q, 16 * PAGE };
	int ends[2], fd;

	TAP_CHECK(syscall(SYS_futex, p, FUTEX_WAIT, 'a' * 0x01010101, &moment, 0, 0) == -1 &&
		  errno == ETIMEDOUT, "a shared futex: %s", strerror(errno));
	TAP_CHECK(!pipe2(ends, O_CLOEXEC) && vmsplice(ends[1], &part, 1, SPLICE_F_NONBLOCK) > 0,
		  "vmsplice: %s", strerror(errno));
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		struct uffdio_api api = { .api = UFFD_API };
		struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };

		r.range.start = (uintptr_t)fresh(MIB);
		r.range.len = MIB;
		TAP_CHECK(!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &r),
			  "userfaultfd: %s", strerror(errno));
		close(fd);
	}
	munmap(q, 16 * PAGE);
}

static bool leaves_for_direct(void)
{
	char *p = filled(MIB);

	return p && (open("/tmp/direct", O_RDWR | O_CREAT | O_DIRECT, 0600), is_linux(p)) &&
	       is_linux(fresh(MIB)) && goes_on(p);
}

static bool leaves_for_fcntl(void)
{
	char *p = filled(MIB);
	int fd = open("/tmp/direct", O_RDWR | O_CREAT, 0600);

	return p && fd >= 0 && (fcntl(fd, F_SETFL, O_DIRECT), is_linux(p)) && goes_on(p);
}

static bool leaves_for_zerocopy(void)
{
	char *p = filled(MIB);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	return p && fd >= 0 &&
	       (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)), is_linux(p)) &&
	       goes_on(p);
}

static void test_direct(void)
{
	TAP_CHECK(in_child(leaves_for_direct), "open()");
	TAP_CHECK(in_child(leaves_for_fcntl), "fcntl()");
	TAP_CHECK(in_child(leaves_for_zerocopy), "SO_ZEROCOPY");
}

/* Each in a page of its own: to give one away would be to give all of them. */
static bool are_linux(void)
{
	pthread_mutexattr_t shared, robust;
	pthread_condattr_t condition;
	pthread_rwlockattr_t rwlock;
	pthread_barrierattr_t barrier;
	char *p[6];
	int i, n = 0;

	for (i = 0; i < 6; i++)
		p[i] = filled(PAGE);
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init((pthread_mutex_t *)p[0], &shared);
	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init((pthread_mutex_t *)p[1], &robust);
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	pthread_cond_init((pthread_cond_t *)p[2], &condition);
	pthread_rwlockattr_init(&rwlock);
	pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init((pthread_rwlock_t *)p[3], &rwlock);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init((pthread_barrier_t *)p[4], &barrier, 2);
	sem_init((sem_t *)p[5], 1, 0);
	for (i = 0; i < 6; i++)
		n += is_linux(p[i]);
	return n == 6;
}

static void *die_holding(void *mutex)
{
	pthread_mutex_lock(mutex);
	usleep(100000);
	return NULL;
}

/* The kernel passes it on when its owner ends. */
static bool passes_on(void)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)filled(PAGE);
	pthread_mutexattr_t robust;
	pthread_t thread;

	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &robust);
	alarm(30);
	return !pthread_create(&thread, NULL, die_holding, mutex) && !usleep(50000) &&
	       pthread_mutex_lock(mutex) == EOWNERDEAD;
}

static void test_shared(void)
{
	TAP_CHECK(in_child(are_linux), "still vpt's");
	TAP_CHECK(in_child(passes_on), "a robust mutex");
}

/* On a kernel that lacks it, this is an ordinary start. */
static bool starts_without_execution(void)
{
	prctl(PR_SET_MDWE, 1, 0, 0, 0);
	return !execl("./leave_test", "leave_test", "--poor", NULL);
}

static void test_mdwe(void)
{
	TAP_CHECK(in_child(starts_without_execution), "a program does not start");
}

static void test_promises(void)
{
	unsigned long bytes = (unsigned long)sysconf(_SC_PHYS_PAGES) * PAGE * 2;

	TAP_CHECK(fresh(bytes) == MAP_FAILED && errno == ENOMEM, "%lu MiB", bytes / MIB);
	TAP_CHECK(rightly_placed(mmap(NULL, bytes, RW,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
		  "MAP_NORESERVE");
}

/* Some versions of it want to know where Linux places what. */
static bool is_sanitized(void)
{
	return personality(ADDR_NO_RANDOMIZE) >= 0 && !execl("./sanitized", "sanitized", NULL);
}

static void test_sanitized(void)
{
	TAP_CHECK(in_child(is_sanitized), "it ends otherwise");
}

static int poor(void)
{
	char *p = fresh(MIB);

	memset(p, 'a', MIB);
	return goes_on(p) ? SEVEN : 1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--poor"))
		return poor();
	run(test_seccomp, "a program that filters its system calls lives");
	run(test_memlock, "a limit on locked memory is no SIGBUS");
	run(test_pinning, "what the kernel pins is Linux's");
	run(test_direct, "a program that reads past the page cache has Linux's memory");
	run(test_shared, "locks that the kernel looks at lie in Linux's memory");
	run(test_mdwe, "a program that may not make memory executable starts");
	run(test_promises, "memory that is not there is refused as by Linux");
	run(test_sanitized, "a program of ThreadSanitizer's runs");
	return tap_done();
}
