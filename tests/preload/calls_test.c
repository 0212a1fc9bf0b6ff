// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that name memory, descriptors or threads to the kernel, and that libvpt-preload.so
 * must see coming: what they do and answer is as with Linux's memory.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/close_range.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "preload_test.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY		60
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv		449
#endif
#define MPOL_F_NODE		1
#define MPOL_F_ADDR		2

static bool is_resident(char *p, unsigned long pages)
{
	unsigned char core[16] = { };
	unsigned long i;

	if (mincore(p, pages * PAGE, core))
		return false;
	for (i = 0; i < pages; i++) {
		if (!core[i])
			return false;
	}
	return true;
}

static bool is_locked(void)
{
	char *p = fresh(8 * PAGE);

	return rightly_placed(p) && !mlock(p, 8 * PAGE) && is_resident(p, 8);
}

static bool is_locked_by_syscall(void)
{
	char *p = fresh(8 * PAGE);

	return rightly_placed(p) && !syscall(SYS_mlock2, p, 8 * PAGE, 0) && is_resident(p, 8);
}

static bool are_all_locked(void)
{
	char *before = fresh(8 * PAGE), *p;

	if (!rightly_placed(before) || mlockall(MCL_CURRENT | MCL_FUTURE))
		return false;
	p = fresh(8 * PAGE);
	return is_resident(before, 8) && is_resident(p, 8);
}

static void test_locked(void)
{
	TAP_CHECK(in_child(is_locked), "mlock()");
	TAP_CHECK(in_child(is_locked_by_syscall), "syscall(SYS_mlock2)");
	TAP_CHECK(in_child(are_all_locked), "mlockall()");
}

/* As futex_waitv() takes it; flags of 2: a word of 32 bits, and not the process's own. */
struct waiter {
	unsigned long value;
	unsigned long word;
	unsigned int flags;
	unsigned int reserved;
};

struct answers {
	int policy;
	int page[2];
	int named;
	int remapped;
	int waited;
	char content;
};

/* The first of two pages is touched. */
static struct answers ask(char *p)
{
	void *pages[] = { p, p + PAGE };
	struct waiter waiter = { .value = 1, .word = (uintptr_t)p + PAGE, .flags = 2 };
	struct answers a = { };
	int node;

	*p = 'x';
	a.policy = syscall(SYS_get_mempolicy, &node, NULL, 0, p, MPOL_F_NODE | MPOL_F_ADDR) ?
		errno : 0;
	if (syscall(SYS_move_pages, 0, 2, pages, NULL, a.page, 0))
		a.page[0] = errno;
	a.named = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, 2 * PAGE, "name") ? errno : 0;
	a.remapped = syscall(SYS_remap_file_pages, p, 2 * PAGE, 0, 0, 0) ? errno : 0;
	a.content = *p;
	a.waited = syscall(SYS_futex_waitv, &waiter, 1, 0, NULL, 0) ? errno : 0;
	return a;
}

static void test_placed(void)
{
	char *p = fresh(2 * PAGE), *q = linux_memory(2 * PAGE);
	struct answers vpt, want;

	TAP_CHECK(rightly_placed(p) && is_linux(q), "the memory");
	want = ask(q);
	vpt = ask(p);
	TAP_CHECK(vpt.policy == want.policy, "get_mempolicy(): %d", vpt.policy);
	TAP_CHECK(vpt.page[0] == want.page[0] && vpt.page[1] == want.page[1],
		  "move_pages(): %d %d", vpt.page[0], vpt.page[1]);
	TAP_CHECK(vpt.named == want.named, "PR_SET_VMA: %d", vpt.named);
	TAP_CHECK(vpt.remapped == want.remapped, "remap_file_pages(): %d", vpt.remapped);
	TAP_CHECK(vpt.waited == want.waited, "futex_waitv(): %d", vpt.waited);
	TAP_CHECK(vpt.content == 'x', "%#x", vpt.content);
}

/* A fork must not take for vpt's what the program has put in its place. */
static bool keeps_segment(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	char *p = fresh(8 * PAGE);
	bool kept;
	pid_t pid;

	if (!rightly_placed(p) || id < 0)
		return false;
	memset(p, 'a', 8 * PAGE);
	if (shmat(id, p + 2 * PAGE, SHM_REMAP) != p + 2 * PAGE)
		return false;
	p[2 * PAGE] = 's';
	pid = fork();
	if (!pid) {
		p[2 * PAGE + 1] = 'c';
		_exit(0);
	}
	kept = pid > 0 && waitpid(pid, NULL, 0) == pid && p[2 * PAGE] == 's' &&
	       p[2 * PAGE + 1] == 'c' && all_are(p, 2 * PAGE, 'a') &&
	       all_are(p + 6 * PAGE, 2 * PAGE, 'a');
	shmctl(id, IPC_RMID, NULL);
	return kept;
}

static void test_segments(void)
{
	TAP_CHECK(in_child(keeps_segment), "shmat()");
}

static int allocate_and_end(void *arg)
{
	char *p = fresh(MIB);

	(void)arg;
	*p = 1;
	return 0;
}

/* The child uses the same descriptors, but not the same memory. */
static bool shares_descriptors(void)
{
	char *stack = malloc(256 << 10);
	pid_t pid = clone(allocate_and_end, stack + (256 << 10), CLONE_FILES | SIGCHLD, NULL);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return false;
	return forks_with(memset(fresh(MIB), 'a', MIB), MIB);
}

static pthread_barrier_t meet;
static char *later;
static int (*split)(void);

static int by_unshare(void)
{
	return unshare(CLONE_FILES);
}

static int by_close_range(void)
{
	return close_range(2000, ~0U, CLOSE_RANGE_UNSHARE);
}

static void *unshare_and_advise(void *arg)
{
	bool *well = arg;

	*well = !split();
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	*well = *well && !madvise(later, MIB, MADV_DONTNEED) && !*later;
	return NULL;
}

/* What the library opens after that, in one thread, the other does not have. */
static bool splits_descriptors(void)
{
	bool well = false;
	pthread_t thread;
	int i;

	pthread_barrier_init(&meet, NULL, 2);
	if (pthread_create(&thread, NULL, unshare_and_advise, &well))
		return false;
	pthread_barrier_wait(&meet);
	for (i = 0; i < 2; i++) {
		char *p = mmap(NULL, 40UL << 30, RW, MAP_PRIVATE | MAP_ANONYMOUS |
			       MAP_NORESERVE, -1, 0);

		if (p != MAP_FAILED)
			munmap(p, 40UL << 30);
	}
	later = fresh(MIB);
	memset(later, 'a', MIB);
	pthread_barrier_wait(&meet);
	pthread_join(thread, NULL);
	return well;
}

static int advise(void *p)
{
	return madvise(p, MIB, MADV_DONTNEED) ? 1 : SEVEN;
}

/* A process of its own, with the same memory. */
static bool shares_memory(void)
{
	char *stack = malloc(256 << 10), *p = fresh(MIB);

	if (!rightly_placed(p))
		return false;
	memset(p, 'a', MIB);
	return ended_well(clone(advise, stack + (256 << 10), CLONE_VM | SIGCHLD, p)) &&
	       all_are(p, MIB, 0);
}

static int close_all(void *arg)
{
	(void)arg;
	closefrom(3);
	return SEVEN;
}

/* One that has all of it until it ends, as of vfork(), but closes its parent's descriptors. */
static bool lends_all(void)
{
	char *stack = malloc(256 << 10), *p = fresh(MIB);

	if (!rightly_placed(p))
		return false;
	memset(p, 'a', MIB);
	return ended_well(clone(close_all, stack + (256 << 10),
				CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, NULL)) &&
	       !madvise(p, MIB, MADV_DONTNEED) && all_are(p, MIB, 0) &&
	       forks_with(memset(p, 'a', MIB), MIB);
}

static void test_descriptors(void)
{
	TAP_CHECK(in_child(lends_all), "clone(CLONE_VM | CLONE_VFORK | CLONE_FILES)");
	TAP_CHECK(in_child(shares_memory), "clone(CLONE_VM)");
	TAP_CHECK(in_child(shares_descriptors), "clone(CLONE_FILES)");
	split = by_unshare;
	TAP_CHECK(in_child(splits_descriptors), "unshare(CLONE_FILES)");
	split = by_close_range;
	TAP_CHECK(in_child(splits_descriptors), "close_range(CLOSE_RANGE_UNSHARE)");
}

static long ring(struct io_uring_params *params)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(SYS_io_uring_setup), "D"(4), "S"(params)
			 : "rcx", "r11", "memory");
	return ret;
}

/* As liburing makes it, without libc; the kernel's thread for it cannot be stopped. */
static bool forks_beside_ring(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL };

	if (ring(&params) < 0)
		return true;	/* no io_uring here */
	return forks_with(memset(fresh(MIB), 'a', MIB), MIB);
}

static bool registers_buffers(void)
{
	struct io_uring_params params = { };
	struct iovec part = { .iov_base = fresh(16 * PAGE), .iov_len = 16 * PAGE };
	long fd;

	if (!rightly_placed(part.iov_base))
		return false;
	memset(part.iov_base, 'a', part.iov_len);
	fd = syscall(SYS_io_uring_setup, 4, &params);
	return fd < 0 || !syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &part, 1);
}

static void test_rings(void)
{
	TAP_CHECK(in_child(forks_beside_ring), "fork");
	TAP_CHECK(in_child(registers_buffers), "IORING_REGISTER_BUFFERS");
}

static char fifo[] = "/tmp/calls-test-fifo";

static void *load_fifo(void *arg)
{
	dlopen(fifo, RTLD_NOW);
	return arg;
}

static void wait_for_reader(void)
{
	int fd;

	while ((fd = open(fifo, O_WRONLY | O_NONBLOCK)) < 0)
		usleep(1000);
	close(fd);
}

/* A thread in dlopen() has the loader's lock, and the child of _Fork() has no such thread. */
static bool child_calls(void)
{
	pthread_t thread;
	pid_t pid;

	unlink(fifo);
	if (mkfifo(fifo, 0600) || pthread_create(&thread, NULL, load_fifo, NULL))
		return false;
	usleep(300 * 1000);
	pid = _Fork();
	if (!pid) {
		alarm(20);
		_exit(fcntl(0, F_GETFD) < 0 || setsockopt(0, 0, 0, NULL, 0) != -1 ? 1 : SEVEN);
	}
	wait_for_reader();
	pthread_join(thread, NULL);
	return ended_well(pid);
}

static void test_loader(void)
{
	TAP_CHECK(in_child(child_calls), "fcntl() in a child of _Fork()");
}

/* Like a library before this one whose fstat() is made of the next one's fstat64(). */
int fstat(int fd, struct stat *st)
{
	int (*next)(int, struct stat *) = dlsym(RTLD_NEXT, "fstat64");
	static int within;
	int ret = -1;

	if (!within++)
		ret = next(fd, st);
	within--;
	return ret;
}

static void test_order(void)
{
	struct stat st;

	TAP_CHECK(!fstat(0, &st), "it is asked again by the one it asks");
}

static bool opens(void)
{
	char *p = fresh(MIB);

	return rightly_placed(p) && (syscall(SYS_openat, AT_FDCWD, "/tmp/direct",
					    O_RDWR | O_CREAT | O_DIRECT, 0600), is_linux(p));
}

static bool opens_as_told(void)
{
	struct open_how how = { .flags = O_RDWR | O_DIRECT };
	char *p = fresh(MIB);

	return rightly_placed(p) && (syscall(SYS_openat2, AT_FDCWD, "/tmp/direct", &how,
					     sizeof(how)), is_linux(p));
}

static bool sets_flags(void)
{
	char *p = fresh(MIB);

	return rightly_placed(p) && (syscall(SYS_fcntl, 0, F_SETFL, O_DIRECT), is_linux(p));
}

static bool sends_in_place(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	char *p = fresh(MIB);

	return rightly_placed(p) && (syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_ZEROCOPY, &one,
					     sizeof(one)), is_linux(p));
}

static bool splices(void)
{
	struct iovec part = { .iov_base = fresh(MIB), .iov_len = PAGE };
	int ends[2];

	return rightly_placed(part.iov_base) && !pipe(ends) &&
	       syscall(SYS_vmsplice, ends[1], &part, 1, 0) == (long)PAGE;
}

static bool registers(void)
{
	struct uffdio_register range = { };
	char *p = fresh(MIB);

	range.range.start = (uintptr_t)p;
	range.range.len = MIB;
	return rightly_placed(p) && (syscall(SYS_ioctl, 0, UFFDIO_REGISTER, &range), is_linux(p));
}

static void *limit_by_thread(void *arg)
{
	const struct rlimit limit = { 256UL << 30, 256UL << 30 };

	return prlimit(gettid(), RLIMIT_AS, &limit, NULL) ? NULL : arg;
}

static bool limits_a_thread(void)
{
	char *p = fresh(MIB);
	pthread_t thread;
	void *well = NULL;

	if (!rightly_placed(p) || pthread_create(&thread, NULL, limit_by_thread, p))
		return false;
	pthread_join(thread, &well);
	return well && is_linux(p);
}

static void test_same_by_syscall(void)
{
	TAP_CHECK(in_child(opens), "openat");
	TAP_CHECK(in_child(opens_as_told), "openat2");
	TAP_CHECK(in_child(sets_flags), "fcntl");
	TAP_CHECK(in_child(sends_in_place), "setsockopt");
	TAP_CHECK(in_child(splices), "vmsplice");
	TAP_CHECK(in_child(registers), "ioctl");
	TAP_CHECK(in_child(limits_a_thread), "prlimit() of a thread");
}

int main(void)
{
	run(test_locked, "locked memory is there");
	run(test_placed, "calls about the place of a page answer as Linux");
	run(test_segments, "a segment put over vpt's memory stays");
	run(test_descriptors, "memory or descriptors that processes share are no trouble");
	run(test_rings, "io_uring's buffers and threads are no trouble");
	run(test_loader, "what a child may call does not wait for the loader");
	run(test_order, "the library calls what comes after it");
	run(test_same_by_syscall, "a call made by syscall() is seen too");
	return tap_done();
}
