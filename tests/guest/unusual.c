// SPDX-License-Identifier: GPL-2.0
/*
 * What Linux does to processes, CPUs and memory now and then, while a region is used:
 * address spaces shared by processes, tasks killed inside the kernel, CPUs that come and
 * go.
 */
#include "lib/limits.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "hold/hold.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease	448
#endif

#define STACK		(64 << 10)

static struct region r;

/* A process with this address space, and the open files it has now. */
static pid_t sharer(int (*run)(void *), int flags)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	pid_t child;

	REQUIRE(stack != MAP_FAILED, "mmap");
	child = clone(run, stack + STACK, CLONE_VM | SIGCHLD | flags, NULL);
	REQUIRE(child > 0, "clone: %s", strerror(errno));
	return child;
}

static int pipes[2];

/* The kernel writes to a page that is not there, in the span of the first: read(2) faults. */
static int read_into_the_region(void *unused)
{
	(void)unused;
	syscall(SYS_read, pipes[0], r.base + VPT_4K, 8UL);
	return 0;
}

static _Atomic u64 tid, go, done;

/*
 * A new thread of @routine is held at @symbol, and there is something to be read into the
 * region.  It sleeps there: on PREEMPT_RT who waits for a lock spins while the lock's owner has
 * a CPU, and does not see that it is killed.  Return: the file that holds it.
 */
static int hold_new(pthread_t *thread, void *(*routine)(void *), const char *symbol)
{
	int hold;

	REQUIRE(!pipe(pipes) && write(pipes[1], "12345678", 8) == 8, "pipe");
	REQUIRE(!pthread_create(thread, NULL, routine, NULL), "thread");
	wait_for(&tid, 1);
	hold = hold_thread(symbol, tid, HOLD_ASLEEP, HOLD_MAX_MS);
	post(&go, 1);
	REQUIRE(hold_reached(hold, &done), "%s() was not passed", symbol);
	return hold;
}

/* It ends though the one of @hold is held: @otherwise is what has happened if not. */
static void kill_and_end(pid_t child, pthread_t thread, int hold, const char *otherwise)
{
	int status;

	kill(child, SIGKILL);
	EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "status %x", status);
	EXPECT(hold_state(hold) == HOLD_HELD, "%s", otherwise);
	hold_release(hold);
	pthread_join(thread, NULL);
	close(hold);
	region_close(&r);
}

static void *protect_a_page(void *unused)
{
	post(&tid, gettid());
	wait_for(&go, 1);
	vu_protect(r.fd, r.base, VPT_READ, NULL);
	post(&done, 1);
	return unused;
}

/* It must not try again and again for as long as somebody holds the span's lock. */
static void killed_inside_the_kernel(u64 unused)
{
	_Atomic u64 never = 0;
	pthread_t thread;
	pid_t child;
	int hold;

	(void)unused;
	region_rw(&r, 1, 0);
	*r.base = 1;
	hold = hold_new(&thread, protect_a_page, "vpt_shootdown");
	child = sharer(read_into_the_region, 0);
	EXPECT(hold_makes_wait(hold, child, &never), "it does not wait for the lock");
	kill_and_end(child, thread, hold, "it ended with the lock's holder only");
}

static void *map_in_vain(void *unused)
{
	post(&tid, gettid());
	wait_for(&go, 1);
	/* From here on the limit counts, and /dev/hold cannot be opened. */
	become_nobody();
	EXPECT(vu_map(r.fd, r.base, VPT_4K, RW, 0) == -EEXIST, "MAP");
	post(&done, 1);
	return unused;
}

/* Faults of the process that ended well; those that have their access repeated do. */
static u64 faults_of(pid_t pid)
{
	char path[40], text[400] = "", *at;
	unsigned long faults = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	EXPECT(read(fd, text, sizeof(text) - 1) > 0, "%s: %s", path, strerror(errno));
	at = strrchr(text, ')');
	EXPECT(at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %lu", &faults) == 1, "%s", text);
	close(fd);
	return faults;
}

/*
 * An ioctl is on its way, with the last page that the process may have: an access of the kernel's
 * is repeated, and must not be for as long as that takes.
 */
static void killed_while_it_is_repeated(u64 unused)
{
	struct rlimit rl = { 2 * VPT_4K, 2 * VPT_4K };
	pthread_t thread;
	u64 faults;
	pid_t child;
	int hold;

	(void)unused;
	region_rw(&r, 1, 0);
	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &rl), "setrlimit");
	*r.base = 1;
	hold = hold_new(&thread, map_in_vain, "vpt_lock_reserved");
	child = sharer(read_into_the_region, 0);
	faults = faults_of(child);
	while (hold_state(hold) == HOLD_HELD && faults_of(child) < faults + 100)
		usleep(1000);
	EXPECT(faults_of(child) >= faults + 100, "the access is not repeated");
	kill_and_end(child, thread, hold, "it ended with the ioctl only");
}

static int use_the_region(void *unused)
{
	u64 frame, i;
	int wrong = 0;

	for (i = 0; i < 50; i++) {
		wrong += !!vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0);
		wrong += probe_store(r.base + VPT_2M, i) != PROBE_OK;
		wrong += !!vu_unmap(r.fd, r.base + VPT_2M, NULL);
		wrong += !!vu_frame_alloc(r.fd, VPT_4K, &frame);
		wrong += !!vu_frame_free(r.fd, frame);
		wrong += probe_store(r.base + VPT_1G - VPT_4K * (i + 1), i) != PROBE_OK;
	}
	(void)unused;
	return wrong;
}

/* CLONE_VM alone: another process, the same address space. */
static void a_sharer_is_as_good_as_the_owner(u64 flags)
{
	int status;
	pid_t child;

	region_rw(&r, 1, 0);
	child = sharer(use_the_region, flags);
	EXPECT(waitpid(child, &status, 0) == child && !status, "status %x", status);
	expect_sound(r.fd, "after the sharer");
	EXPECT(*(r.base + VPT_1G - VPT_4K) == 0 && *(r.base + VPT_1G - 2 * VPT_4K) == 1,
	       "what it wrote");
	region_close(&r);
}

static int opener_fd;

/* Into the address space of the parent, which does not have the file. */
static int open_and_map(void *unused)
{
	static char *const argv[] = { "/bin/true", NULL };

	opener_fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	r.base = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, opener_fd, 0);
	r.base[VPT_2M] = 2;
	(void)unused;
	execv(argv[0], argv);
	return 0;
}

static void a_region_outlives_its_opener(u64 unused)
{
	u64 i, value;
	int status;
	pid_t child;

	(void)unused;
	for (i = 0; i < 20; i++) {
		child = sharer(open_and_map, CLONE_VFORK);
		EXPECT(waitpid(child, &status, 0) == child && !status, "status %x", status);
		REQUIRE(r.base != MAP_FAILED, "mmap");
		EXPECT(r.base[VPT_2M] == 2, "what the child wrote");
		EXPECT(!probe_store(r.base + VPT_1G / 2, 7) &&
		       !probe_load(r.base + VPT_1G / 2, &value) && value == 7, "a touch");
		if (i % 2)
			EXPECT(!munmap(r.base, VPT_1G), "munmap");
	}
}

#define LOOKERS		3

static struct looker {
	_Atomic u64 looks, saw;
} lookers[LOOKERS];
static _Atomic bool over;

static void *look(void *arg)
{
	struct looker *l = arg;

	while (!over) {
		l->saw = *(volatile u64 *)r.base;
		l->looks++;
		sched_yield();
	}
	return NULL;
}

/* Each sees @value in a look that begins after this call. */
static bool all_see(u64 value)
{
	bool right = true;
	unsigned int i;

	for (i = 0; i < LOOKERS; i++) {
		const u64 from = lookers[i].looks;

		while (lookers[i].looks < from + 2)
			sched_yield();
		right &= EXPECT(lookers[i].saw == value, "thread %u saw %llu, not %llu", i,
				(unsigned long long)lookers[i].saw, (unsigned long long)value);
	}
	return right;
}

static void *toggle_cpus(void *unused)
{
	char path[60];
	unsigned int i;

	for (i = 0; !over; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online",
			 1 + i / 2 % (cpus() - 1));
		if (!put_file(path, i % 2 ? "1" : "0"))
			break;
		go++;
	}
	for (i = 1; i < cpus(); i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", i);
		put_file(path, "1");
	}
	return unused;
}

static void cpus_come_and_go(u64 unused)
{
	pthread_t thread[LOOKERS + 1];
	u64 frame[2], i, rounds = 0;

	(void)unused;
	if (cpus() < 2 || access("/sys/devices/system/cpu/cpu1/online", W_OK))
		skip("no CPU can be taken offline");
	region_rw(&r, 1, VPT_STRICT);
	for (i = 0; i < 2; i++) {
		REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame[i]), "frame");
		REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, frame[i]), "map");
		*(u64 *)r.base = i;
		if (!i)
			REQUIRE(!vu_unmap(r.fd, r.base, NULL), "unmap");
	}
	for (i = 0; i < LOOKERS; i++)
		pthread_create(&thread[i], NULL, look, &lookers[i]);
	pthread_create(&thread[LOOKERS], NULL, toggle_cpus, NULL);
	for (; go < 12 && rounds < 20000; rounds++) {
		EXPECT(!vu_remap(r.fd, r.base, frame[rounds % 2], NULL), "remap");
		if (!all_see(rounds % 2))
			break;
	}
	note("%llu CPUs went or came, %llu shootdowns", (unsigned long long)go,
	     (unsigned long long)rounds);
	over = true;
	for (i = 0; i <= LOOKERS; i++)
		pthread_join(thread[i], NULL);
	EXPECT(go, "no CPU was taken offline");
	expect_sound(r.fd, "after CPU hotplug");
	region_close(&r);
}

static void use_until_killed(void)
{
	u64 i;

	region_rw(&r, 1, 0);
	for (i = 0;; i++) {
		vu_map_range(r.fd, r.base + VPT_2M, VPT_2M, VPT_4K, RW, NULL);
		probe_store(r.base + i % 512 * VPT_4K, i);
		vu_unmap_range(r.fd, r.base, 2 * VPT_2M, NULL);
	}
}

static void killed_and_reaped(u64 unused)
{
	const struct timespec soon = { .tv_nsec = 20000000 };
	pid_t child;
	u64 i;
	int fd;

	(void)unused;
	for (i = 0; i < 20; i++) {
		child = must_fork();
		if (!child)
			use_until_killed();
		fd = syscall(SYS_pidfd_open, child, 0);
		nanosleep(&soon, NULL);
		kill(child, SIGKILL);
		while (!syscall(SYS_process_mrelease, fd, 0))
			;
		close(fd);
		waitpid(child, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a task killed inside the kernel does not wait for the lock",
		  killed_inside_the_kernel, 0, 0 },
		{ "a task killed while its access is repeated does not wait for an ioctl",
		  killed_while_it_is_repeated, 0, 0 },
		{ "a process that shares the address space uses the region",
		  a_sharer_is_as_good_as_the_owner, 0, 0 },
		{ "and one that shares the files too", a_sharer_is_as_good_as_the_owner,
		  CLONE_FILES, 0 },
		{ "a region outlives the process that opened it",
		  a_region_outlives_its_opener, 0, 0 },
		{ "CPUs come and go during shootdowns", cpus_come_and_go, 0, 0 },
		{ "killed, and reaped by process_mrelease, while in use", killed_and_reaped,
		  0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
