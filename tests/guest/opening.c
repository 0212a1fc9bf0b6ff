// SPDX-License-Identifier: GPL-2.0
/* open() and mmap() succeed where they can: under signals, and in narrow places. */
#include "lib/uring.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define MANY_VMAS	20000

static volatile sig_atomic_t ticks;

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

/* The more VMAs, the longer open() takes. */
static void many_vmas(unsigned int n)
{
	char *p = mmap(NULL, (n + 1) * VPT_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	unsigned int i;

	REQUIRE(p != MAP_FAILED, "mmap");
	for (i = 0; i < n; i += 2)
		REQUIRE(!mprotect(p + i * VPT_4K, VPT_4K, PROT_NONE), "mprotect: %s",
			strerror(errno));
}

static void tick_every(long us)
{
	const struct itimerval every = { { 0, us }, { 0, us } };

	REQUIRE(!setitimer(ITIMER_REAL, &every, NULL), "setitimer");
}

static void open_under_a_timer(u64 vmas)
{
	const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	u64 i, n = vmas ? 40 : 1000;
	int fd;

	many_vmas(vmas);
	sigaction(SIGALRM, &action, NULL);
	tick_every(2000);
	for (i = 0; i < n; i++) {
		fd = open(VPT_DEVICE, O_RDWR);
		if (!EXPECT(fd >= 0, "open number %llu: %s", (unsigned long long)i,
			    strerror(errno)))
			break;
		close(fd);
	}
	tick_every(0);
	EXPECT(ticks > 1, "%d signals", (int)ticks);
}

static void openat_next(struct uring *u, unsigned int flags)
{
	struct io_uring_sqe *sqe = uring_next(u, IORING_OP_OPENAT);

	sqe->fd = AT_FDCWD;
	sqe->addr = (u64)VPT_DEVICE;
	sqe->open_flags = O_RDWR;
	sqe->flags = flags;
}

/*
 * The event that is waited for comes within the system call that goes on to open: there is
 * task work then, which Linux takes for a signal.
 */
static void io_uring_opens_with_work_pending(u64 unused)
{
	static u64 one = 1;
	int results[3], event = eventfd(0, 0);
	struct io_uring_sqe *sqe;
	struct uring u;
	unsigned int i;

	(void)unused;
	uring_open(&u, 0);
	close(open(VPT_DEVICE, O_RDWR));
	for (i = 0; i < 50; i++) {
		sqe = uring_next(&u, IORING_OP_POLL_ADD);
		sqe->fd = event;
		sqe->poll32_events = POLLIN;
		sqe = uring_next(&u, IORING_OP_WRITE);
		sqe->fd = event;
		sqe->addr = (u64)&one;
		sqe->len = sizeof(one);
		openat_next(&u, 0);
		uring_submit(&u, results);
		REQUIRE(results[0] == POLLIN && results[1] == sizeof(one),
			"poll: %d, write: %d", results[0], results[1]);
		REQUIRE(read(event, &one, sizeof(one)) == sizeof(one), "eventfd");
		one = 1;
		if (!EXPECT(results[2] >= 0, "open number %u: %d", i, results[2]))
			break;
		close(results[2]);
	}
	uring_close(&u);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/*
 * Opened by the process, or by a worker thread of its; the other thread is there to take
 * the stop, which then is everybody's.
 */
static void io_uring_opens_under_stops(u64 flags)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	_Atomic bool *over = mmap(NULL, sizeof(*over), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), child;
	pthread_t sleeper;
	struct uring u;
	unsigned int i, opened = 0;
	int fd;

	REQUIRE(over != MAP_FAILED, "mmap");
	uring_open(&u, 0);
	many_vmas(2000);
	REQUIRE(!pthread_create(&sleeper, NULL, sleep_on, NULL), "thread");
	child = must_fork();
	while (!child) {
		kill(parent, SIGSTOP);
		nanosleep(&pause, NULL);
		/* It ends by itself: killed after a stop it would leave us stopped. */
		if (kill(parent, SIGCONT) || atomic_load(over))
			_exit(0);
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < 100; i++) {
		openat_next(&u, flags);
		fd = uring_one(&u);
		/* Stops may keep Linux from making a worker (io-wq.c): nobody has called open(). */
		if (fd == -ECANCELED)
			continue;
		if (!EXPECT(fd >= 0, "open number %u: %d", i, fd))
			break;
		close(fd);
		opened++;
	}
	EXPECT(opened >= 50, "no worker but for %u opens", opened);
	atomic_store(over, true);
	waitpid(child, NULL, 0);
	uring_close(&u);
}

/* Whether or not a handler runs: the mask is as it was. */
static void the_signal_mask_stays(u64 unused)
{
	sigset_t set, before, after;
	int sig;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &before);
	close(open(VPT_DEVICE, O_RDWR));
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		EXPECT(sigismember(&before, sig) == sigismember(&after, sig),
		       "signal %d has changed in the mask", sig);
	EXPECT(!sigpending(&set) && sigismember(&set, SIGUSR1) == 1, "the signal is lost");
}

static void sigkill_ends_an_open(u64 unused)
{
	const struct timespec soon = { .tv_nsec = 50000000 };
	pid_t child;
	int status;

	(void)unused;
	many_vmas(MANY_VMAS);
	child = must_fork();
	for (; !child;)
		close(open(VPT_DEVICE, O_RDWR));
	nanosleep(&soon, NULL);
	kill(child, SIGKILL);
	/* An open() that tried again by itself would never end. */
	EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "not killed");
}

static void *map_at(void *at, u64 bytes, int flags, int *fd)
{
	*fd = open(VPT_DEVICE, O_RDWR);
	REQUIRE(*fd >= 0, "open: %s", strerror(errno));
	return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, *fd, 0);
}

#define LOW	((char *)VPT_1G)	/* the one place for MAP_32BIT */

static void low_place_is_found(u64 unused)
{
	char *p;
	int fd;

	(void)unused;
	p = map_at(NULL, VPT_1G, MAP_32BIT, &fd);
	EXPECT(p == LOW, "MAP_32BIT: %p, %s", p, strerror(errno));
	EXPECT(!probe_store(p, 1), "a touch");
	EXPECT(map_at(NULL, VPT_1G, MAP_32BIT, &fd) == MAP_FAILED && errno == ENOMEM,
	       "MAP_32BIT where there is no room");
	EXPECT(!munmap(p, VPT_1G), "munmap");
	EXPECT(map_at(NULL, 2 * VPT_1G, MAP_32BIT, &fd) == MAP_FAILED && errno == ENOMEM,
	       "MAP_32BIT of 2 GiB");
	p = map_at((void *)0x100000000000, VPT_1G, MAP_32BIT, &fd);
	EXPECT(p == LOW, "MAP_32BIT and a hint above: %p", p);
}

static void hints_are_heeded(u64 unused)
{
	char *at = (char *)0x100000000000, *p, *q;
	int fd, other;

	(void)unused;
	p = map_at(at, VPT_1G, 0, &fd);
	EXPECT(p == at, "a free hint: %p", p);
	q = map_at(at, VPT_1G, 0, &other);
	EXPECT(q != MAP_FAILED && q != at, "a hint that is taken: %p", q);
	EXPECT(map_at(at, VPT_1G, MAP_FIXED_NOREPLACE, &other) == MAP_FAILED &&
	       errno == EEXIST, "MAP_FIXED_NOREPLACE over a region: %s", strerror(errno));
	q = map_at(at + VPT_1G, VPT_1G, MAP_FIXED_NOREPLACE, &other);
	EXPECT(q == at + VPT_1G, "MAP_FIXED_NOREPLACE: %p", q);
	q = map_at(at + 4 * VPT_1G + VPT_4K, VPT_1G, 0, &other);
	EXPECT(q != MAP_FAILED && !((u64)q & (VPT_1G - 1)), "a hint that is misaligned: %p", q);
}

/* All of the address space is taken but for one GiB. */
static void last_place_is_found(u64 unused)
{
	char *p, *free_place = NULL;
	u64 bytes;
	int fd;

	(void)unused;
	for (bytes = 1ULL << 46; bytes >= VPT_4K;) {
		p = mmap(NULL, bytes, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			bytes /= 2;
		else if (bytes >= 4 * VPT_1G)
			free_place = p;
	}
	REQUIRE(free_place, "nothing was mapped");
	free_place = (char *)(((u64)free_place + VPT_1G) & ~(VPT_1G - 1));
	munmap(free_place, VPT_1G);
	p = map_at(NULL, VPT_1G, 0, &fd);
	EXPECT(p == free_place, "%p, expected %p: %s", p, free_place, strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "open() never fails for a signal", open_under_a_timer, 0, 0 },
		{ "open() never fails for a signal, with many VMAs",
		  open_under_a_timer, MANY_VMAS, 0 },
		{ "io_uring opens while task work is pending",
		  io_uring_opens_with_work_pending, 0, 0 },
		{ "io_uring opens under stops", io_uring_opens_under_stops, 0, 0 },
		{ "io_uring's worker opens under stops", io_uring_opens_under_stops,
		  IOSQE_ASYNC, 0 },
		{ "open() leaves the signal mask as it was", the_signal_mask_stays, 0, 0 },
		{ "SIGKILL ends an open()", sigkill_ends_an_open, 0, 0 },
		{ "MAP_32BIT: the one place is found", low_place_is_found, 0, 0 },
		{ "hints and MAP_FIXED_NOREPLACE are heeded", hints_are_heeded, 0, 0 },
		{ "the last place in the address space is found", last_place_is_found, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
