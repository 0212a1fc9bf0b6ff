// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a process against open() and close() of its files.
 *
 * A thread of the process sleeps (hold/hold.h) where its notifier is registered, while the
 * others end; or where the notifier is told of the end, while the file that came to another
 * process in a message is used, closed, or collected as garbage there.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "hold/hold.h"

#define STACK	65536

/* What the processes share. */
struct board {
	_Atomic u64 tid, go, done;
	_Atomic int result;
};

static struct board *board;

/*
 * A process of @run's has begun, and its thread waits for "go".  Return: the process; *@fd: a file
 * of ours.
 */
static pid_t begin(void (*run)(void), int *fd)
{
	pid_t child;

	close(hold_open());
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	REQUIRE(board != MAP_FAILED, "mmap: %s", strerror(errno));
	*fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	REQUIRE(*fd >= 0, "open: %s", strerror(errno));
	child = must_fork();
	if (!child) {
		run();
		_exit(0);
	}
	wait_for(&board->tid, 1);
	return child;
}

static u64 files_open(int fd)
{
	struct vpt_stats s;

	REQUIRE(!vu_stats(fd, &s), "STATS");
	return s.files;
}

static void expect_no_frames(int fd)
{
	EXPECT(comes_to(frames_in_use, fd, 0), "%llu frames are left",
	       (unsigned long long)frames_in_use(fd));
}

static void expect_no_files(int fd)
{
	EXPECT(comes_to(files_open, fd, 1), "%llu files are open",
	       (unsigned long long)files_open(fd));
}

/* Registration. */

enum end {
	KILL,		/* by another process */
	EXIT_GROUP,	/* by another thread */
	EXIT_SHARER,	/* of the process that shares the address space, which goes on */
};

/**
 * struct registration - a thread that opens, or maps, and the end of the others
 * @name: the property
 * @symbol: where it sleeps meanwhile
 * @end: how they end
 * @second: the address space has another file, with a page
 */
struct registration {
	const char *name;
	const char *symbol;
	enum end end;
	bool second;
};

static const struct registration *registration;

static void use_file(void)
{
	struct region r;

	region_rw(&r, 1, 0);
	board->result = probe_store(r.base, 1) == PROBE_OK ? 0 : -EFAULT;
	region_close(&r);
}

static int opener(void *unused)
{
	(void)unused;
	post(&board->tid, gettid());
	wait_for(&board->go, 1);
	use_file();
	post(&board->done, 1);
	return 0;
}

static void *opener_thread(void *unused)
{
	opener(unused);
	return NULL;
}

static void process_that_opens(void)
{
	static char stack[STACK] __attribute__((aligned(16)));
	pthread_t thread;
	struct region r;

	if (registration->second) {
		region_rw(&r, 1, 0);
		REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "map");
	}
	if (registration->end == EXIT_SHARER)
		REQUIRE(clone(opener, stack + STACK, CLONE_VM | CLONE_FILES, NULL) > 0,
			"clone: %s", strerror(errno));
	else
		REQUIRE(!pthread_create(&thread, NULL, opener_thread, NULL), "thread");
	wait_for(&board->go, 2);
	if (registration->end == KILL)
		pause();
	syscall(SYS_exit_group, 0);
}

/* Its first thread, or who shares the address space, needs mmap_lock on its way out. */
static void expect_end(pid_t child, int hold)
{
	if (strcmp(registration->symbol, "vpt_notifier_register"))
		EXPECT(hold_makes_wait(hold, child, &board->done),
		       "it does not wait for mmap_lock");
	else
		EXPECT(becomes_zombie(child), "it does not end");
}

static void registers_amid_end(u64 arg)
{
	int fd, hold;
	pid_t child;
	u64 before;

	registration = (const struct registration *)arg;
	child = begin(process_that_opens, &fd);
	before = frames_in_use(fd);
	hold = hold_asleep_at(registration->symbol, board->tid);
	post(&board->go, 1);
	REQUIRE(hold_reached(hold, &board->done), "%s() was not passed", registration->symbol);
	post(&board->go, 2);
	if (registration->end == KILL)
		kill(child, SIGKILL);
	expect_end(child, hold);
	EXPECT(frames_in_use(fd) == before, "%llu frames, not %llu, while a thread is there",
	       (unsigned long long)frames_in_use(fd), (unsigned long long)before);
	EXPECT(hold_state(hold) == HOLD_HELD, "the thread went on by itself");
	hold_release(hold);
	EXPECT(ends_soon(child), "the process does not end");
	if (registration->end == EXIT_SHARER)
		wait_for(&board->done, 1);
	EXPECT(board->done == (registration->end == EXIT_SHARER), "the thread's open()");
	EXPECT(!board->result, "a store: %s", strerror(-board->result));
	expect_no_files(fd);
	expect_no_frames(fd);
	close(hold);
	close(fd);
}

/* The file in a message. */

enum receiver {
	CLOSES,		/* the last reference, but for a VMA's */
	COLLECTS,	/* its message becomes garbage */
	COLLECTS_LATER,	/* when the process is gone */
	COLLECTS_FIRST,	/* while it is there, and has no descriptor of the file */
};

/**
 * struct message - a file whose process ends, in another's hands
 * @name: the property
 * @symbol: where the end of the process sleeps
 * @receiver: what becomes of the file meanwhile
 * @mapped: the process has a region of the file's, and a page in it
 * @second: the process has another file, which stays open
 */
struct message {
	const char *name;
	const char *symbol;
	enum receiver receiver;
	bool mapped;
	bool second;
};

static const struct message *message;
static int received, sockets[2];

static void send_files(int to, int first, int second)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE((second < 0 ? 1 : 2) * sizeof(int)),
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN((second < 0 ? 1 : 2) * sizeof(int));
	memcpy(CMSG_DATA(&control.head), &first, sizeof(int));
	if (second >= 0)
		memcpy(CMSG_DATA(&control.head) + sizeof(int), &second, sizeof(int));
	REQUIRE(sendmsg(to, &m, 0) == 1, "sendmsg: %s", strerror(errno));
}

static int receive_file(int from)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	REQUIRE(recvmsg(from, &m, 0) == 1 && m.msg_controllen, "recvmsg: %s", strerror(errno));
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(int));
	return fd;
}

/* It ends with no descriptor of the file: what is left are the message, and a VMA. */
static void process_that_sends(void)
{
	struct region r, second;
	u64 frame;

	if (message->second) {
		region_rw(&second, 1, 0);
		REQUIRE(!vu_map(second.fd, second.base, VPT_4K, RW, 0), "map");
	}
	if (message->mapped) {
		region_rw(&r, 1, 0);
		REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "map");
	} else {
		r.fd = open(VPT_DEVICE, O_RDWR);
		REQUIRE(r.fd >= 0, "open: %s", strerror(errno));
	}
	REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frame), "a frame");
	/* With the socket in whose queue the message is: nobody else can receive it. */
	send_files(sockets[1], r.fd, message->receiver == CLOSES ? -1 : sockets[0]);
	close(r.fd);
	close(sockets[0]);
	close(sockets[1]);
	post(&board->tid, gettid());
	wait_for(&board->go, 1);
}

static void expect_no_use(int fd)
{
	struct vpt_stats stats;
	struct vpt_page page;
	u64 frame;

	EXPECT(vu_stats(fd, &stats) == -EPERM, "STATS");
	EXPECT(vu_frame_alloc(fd, VPT_4K, &frame) == -EPERM, "FRAME_ALLOC");
	EXPECT(vu_frame_free(fd, 1) == -EPERM, "FRAME_FREE");
	EXPECT(vu_map(fd, NULL, VPT_4K, RW, 0) == -EPERM, "MAP");
	EXPECT(vu_resolve(fd, NULL, &page) == -EPERM, "RESOLVE");
	EXPECT(vu_unmap_range(fd, NULL, VPT_1G, NULL) == -EPERM, "UNMAP_RANGE");
	EXPECT(mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM,
	       "mmap: %s", strerror(errno));
}

static void *closer(void *unused)
{
	post(&board->tid, gettid());
	EXPECT(!close(received), "close");
	post(&board->done, 1);
	return unused;
}

/* While the notifier is at the file, its last reference cannot go; but it is not the last. */
static void close_meanwhile(int hold)
{
	pthread_t closes;

	board->tid = 0;
	REQUIRE(!pthread_create(&closes, NULL, closer, NULL), "thread");
	wait_for(&board->tid, 1);
	if (message->mapped)
		EXPECT(hold_lets(hold, &board->done), "close() waits, though a VMA is left");
	else
		EXPECT(hold_makes_wait(hold, board->tid, &board->done),
		       "close() does not wait for the notifier");
	hold_release(hold);
	pthread_join(closes, NULL);
}

/* Linux looks for garbage when a socket is closed, and closes it by a thread of its own. */
static void collect(void)
{
	close(sockets[0]);
	close(sockets[1]);
}

static void collect_meanwhile(int fd, int hold)
{
	const u64 files = files_open(fd);

	collect();
	usleep(300000);
	EXPECT(files_open(fd) == files, "a file has gone while the notifier is there");
	EXPECT(hold_state(hold) == HOLD_HELD, "the process goes on by itself");
	hold_release(hold);
}

static void end_and_use(pid_t child, int fd)
{
	int hold;

	if (message->receiver == COLLECTS_FIRST) {
		collect();
		expect_no_frames(fd);
		expect_no_files(fd);
	}
	hold = hold_asleep_at(message->symbol, board->tid);
	post(&board->go, 1);
	if (message->receiver == CLOSES || message->receiver == COLLECTS)
		REQUIRE(hold_reached(hold, &board->done), "%s() was not passed", message->symbol);
	if (message->receiver == CLOSES) {
		expect_no_use(received);
		close_meanwhile(hold);
	} else if (message->receiver == COLLECTS) {
		collect_meanwhile(fd, hold);
	} else {
		hold_release(hold);
	}
	EXPECT(ends_soon(child), "the process does not end");
	expect_no_frames(fd);
	if (message->receiver == COLLECTS_LATER) {
		EXPECT(files_open(fd) == 2, "%llu files", (unsigned long long)files_open(fd));
		collect();
	}
	expect_no_files(fd);
	close(hold);
}

static void ends_amid_use(u64 arg)
{
	pid_t child;
	int fd;

	message = (const struct message *)arg;
	REQUIRE(!socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets), "socketpair");
	child = begin(process_that_sends, &fd);
	if (message->receiver == CLOSES) {
		received = receive_file(sockets[0]);
		expect_no_use(received);
	}
	end_and_use(child, fd);
	close(fd);
}

static const struct registration registrations[] = {
	{ "SIGKILL before open() registers", "vpt_notifier_register", .end = KILL },
	{ "SIGKILL as Linux registers", "__mmu_notifier_register", .end = KILL },
	{ "exit_group() as Linux registers", "__mmu_notifier_register", .end = EXIT_GROUP },
	{ "SIGKILL as Linux has registered", "mm_drop_all_locks", .end = KILL },
	{ "exit_group() as Linux has registered", "mm_drop_all_locks", .end = EXIT_GROUP },
	{ "SIGKILL as a second file joins the notifier", "vpt_notifier_register", .end = KILL,
	  .second = true },
	{ "SIGKILL as mmap() makes the region", "vpt_region_map", .end = KILL },
	{ "exit of who shares the address space, as Linux registers", "__mmu_notifier_register",
	  .end = EXIT_SHARER },
	{ "exit of who shares the address space, as Linux has registered", "mm_drop_all_locks",
	  .end = EXIT_SHARER },
	{ "exit of who shares the address space, as a second file joins", "vpt_notifier_register",
	  .end = EXIT_SHARER, .second = true },
	{ "exit of who shares the address space, as mmap() makes the region", "vpt_region_map",
	  .end = EXIT_SHARER },
};

static const struct message messages[] = {
	{ "exit, about to take the file down: another closes it", "vpt_region_remove",
	  .receiver = CLOSES },
	{ "exit, about to drop handles: another closes the file", "vpt_drop_handles",
	  .receiver = CLOSES },
	{ "exit, about to take a region down: another closes the file", "vpt_region_remove",
	  .receiver = CLOSES, .mapped = true },
	{ "exit, amid two files: another closes one", "vpt_drop_handles", .receiver = CLOSES,
	  .second = true },
	{ "exit, about to drop handles: the file is garbage", "vpt_drop_handles",
	  .receiver = COLLECTS },
	{ "exit, about to take a region down: the file is garbage", "vpt_region_remove",
	  .receiver = COLLECTS, .mapped = true },
	{ "a file is garbage while its process is there", "vpt_drop_handles",
	  .receiver = COLLECTS_FIRST },
	{ "a file is garbage when its process is gone", "vpt_drop_handles",
	  .receiver = COLLECTS_LATER },
};

int main(int argc, char **argv)
{
	struct property p[ARRAY_SIZE(registrations) + ARRAY_SIZE(messages)] = { 0 };
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(registrations); i++)
		p[n++] = (struct property){ registrations[i].name, registers_amid_end,
					    (u64)&registrations[i], 0 };
	for (i = 0; i < ARRAY_SIZE(messages); i++)
		p[n++] = (struct property){ messages[i].name, ends_amid_use,
					    (u64)&messages[i], 0 };
	return run_unchecked(argc, argv, p, n);
}
