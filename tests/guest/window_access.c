// SPDX-License-Identifier: GPL-2.0
/*
 * Another process reads the region's memory by a system call, and sleeps (hold/hold.h) on its
 * way to the page, while its owner unmaps it or ends.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "hold/hold.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define VALUE	0x123456789abcdefULL

enum way {
	MEM,		/* /proc/PID/mem, as a debugger's PTRACE_PEEKDATA */
	READV,		/* process_vm_readv() */
};

enum act {
	UNMAP,		/* of a page beside others, which keeps no walker out */
	UNMAP_LAST,	/* of the last in its PT */
	MUNMAP,
	END,
};

/**
 * struct window - a read, and what the owner does meanwhile
 * @name: the property
 * @way: how it reads
 * @symbol: where it sleeps
 * @act: the owner's
 * @waits: it waits for the reader
 * @found: the reader finds the page
 */
struct window {
	const char *name;
	enum way way;
	const char *symbol;
	enum act act;
	bool waits;
	bool found;
};

/* What the processes share. */
struct board {
	_Atomic u64 tid, go, done;
	_Atomic int result;
	char *base;
};

static const struct window *window;
static struct board *board;
static pid_t owner;

static int act(const struct region *r)
{
	switch (window->act) {
	case UNMAP:
	case UNMAP_LAST:
		return vu_unmap(r->fd, r->base, NULL);
	case MUNMAP:
		return munmap(r->base, r->bytes) ? -errno : 0;
	case END:
		break;
	}
	_exit(0);
}

static void own(void)
{
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "map");
	if (window->act == UNMAP)
		REQUIRE(!vu_map(r.fd, r.base + VPT_4K, VPT_4K, RW, 0), "map");
	*(u64 *)r.base = VALUE;
	board->base = r.base;
	post(&board->tid, gettid());
	wait_for(&board->go, 1);
	board->result = act(&r);
	post(&board->done, 1);
	pause();
}

struct reader {
	_Atomic u64 tid, go, done;
	ssize_t size;
	int error;
	u64 value;
};

static void *read_it(void *arg)
{
	struct reader *reader = arg;
	struct iovec local = { &reader->value, sizeof(reader->value) };
	struct iovec remote = { board->base, sizeof(reader->value) };
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", owner);
	fd = open(path, O_RDONLY);
	post(&reader->tid, gettid());
	wait_for(&reader->go, 1);
	errno = 0;
	if (window->way == MEM)
		reader->size = pread(fd, &reader->value, sizeof(reader->value),
				     (off_t)board->base);
	else
		reader->size = process_vm_readv(owner, &local, 1, &remote, 1, 0);
	reader->error = errno;
	close(fd);
	post(&reader->done, 1);
	return NULL;
}

/* The process ends, but for its address space, which is the reader's for as long as it reads. */
static void expect_left_to_reader(int fd)
{
	EXPECT(ends_soon(owner), "the process does not end");
	EXPECT(frames_in_use(fd) == 1, "%llu frames", (unsigned long long)frames_in_use(fd));
}

static void expect_read(const struct reader *reader)
{
	if (window->found)
		EXPECT(reader->size == sizeof(reader->value) && reader->value == VALUE,
		       "%zd bytes, %llx, %s", reader->size, (unsigned long long)reader->value,
		       strerror(reader->error));
	else
		EXPECT(reader->size <= 0 && !reader->value, "%zd bytes, %llx", reader->size,
		       (unsigned long long)reader->value);
}

static void read_amid_act(u64 arg)
{
	struct reader reader = { 0 };
	pthread_t thread;
	int fd, hold;

	window = (const struct window *)arg;
	close(hold_open());
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	REQUIRE(board != MAP_FAILED, "mmap: %s", strerror(errno));
	fd = open(VPT_DEVICE, O_RDWR);
	REQUIRE(fd >= 0, "open: %s", strerror(errno));
	owner = must_fork();
	if (!owner) {
		own();
		_exit(1);
	}
	wait_for(&board->tid, 1);
	REQUIRE(!pthread_create(&thread, NULL, read_it, &reader), "thread");
	wait_for(&reader.tid, 1);
	hold = hold_asleep_at(window->symbol, reader.tid);
	post(&reader.go, 1);
	REQUIRE(hold_reached(hold, &reader.done), "%s() was not passed", window->symbol);

	post(&board->go, 1);
	if (window->act == END)
		expect_left_to_reader(fd);
	else if (window->waits)
		EXPECT(hold_makes_wait(hold, board->tid, &board->done),
		       "it was not seen to wait for the reader");
	else
		EXPECT(hold_lets(hold, &board->done), "it waits for the reader");
	hold_release(hold);
	pthread_join(thread, NULL);
	expect_read(&reader);
	if (window->act != END) {
		wait_for(&board->done, 1);
		EXPECT(!board->result, "the owner: %s", strerror(-board->result));
		kill(owner, SIGKILL);
		EXPECT(ends_soon(owner), "the process does not end");
	}
	close(hold);
	close(fd);
}

/* Nor does khugepaged: it asks the same function (thp_vma_allowable_order(), VM_SPECIAL). */
static void collapse_is_refused(u64 unused)
{
	struct vpt_stats before, after;
	struct region r;
	u64 i, value;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map_range(r.fd, r.base, VPT_2M, VPT_4K, RW, NULL), "map");
	for (i = 0; i < VPT_2M; i += VPT_4K)
		*(u64 *)(r.base + i) = i;
	/* It may be allowed for the VMA, or not. */
	madvise(r.base, r.bytes, MADV_HUGEPAGE);
	REQUIRE(!vu_stats(r.fd, &before), "STATS");
	EXPECT(madvise(r.base, VPT_2M, MADV_COLLAPSE) && errno == EINVAL, "MADV_COLLAPSE: %s",
	       strerror(errno));
	EXPECT(madvise(r.base, r.bytes, MADV_COLLAPSE) && errno == EINVAL, "MADV_COLLAPSE: %s",
	       strerror(errno));
	REQUIRE(!vu_stats(r.fd, &after), "STATS");
	EXPECT(after.leaves[0] == 512 && after.frames == before.frames &&
	       after.tables_allocated == before.tables_allocated, "%llu leaves, %llu frames",
	       after.leaves[0], after.frames);
	for (i = 0; i < VPT_2M; i += VPT_4K)
		EXPECT(!probe_load(r.base + i, &value) && value == i, "page %llu",
		       (unsigned long long)i / VPT_4K);
	expect_sound(r.fd, "in the end");
	region_close(&r);
}

static const struct window windows[] = {
	{ "a debugger about to look, UNMAP beside others", MEM, "vpt_access", UNMAP,
	  .waits = false },
	{ "a debugger about to look, UNMAP of the last page", MEM, "vpt_access", UNMAP_LAST,
	  .waits = true, .found = true },
	{ "a debugger about to look, munmap", MEM, "vpt_access", MUNMAP,
	  .waits = true, .found = true },
	{ "a debugger about to look, exit", MEM, "vpt_access", END, .found = true },
	{ "a debugger that has all spans, UNMAP beside others", MEM, "pt_resolve", UNMAP,
	  .waits = true, .found = true },
	{ "a debugger that has all spans, exit", MEM, "pt_resolve", END, .found = true },
	{ "get_user_pages() about to begin, UNMAP beside others", READV, "pin_user_pages_remote",
	  UNMAP, .waits = false },
	{ "get_user_pages() about to begin, UNMAP of the last page", READV,
	  "pin_user_pages_remote", UNMAP_LAST, .waits = true },
	{ "get_user_pages() about to begin, munmap", READV, "pin_user_pages_remote", MUNMAP,
	  .waits = true },
	{ "get_user_pages() about to begin, exit", READV, "pin_user_pages_remote", END,
	  .waits = false },
};

int main(int argc, char **argv)
{
	struct property p[ARRAY_SIZE(windows) + 1] = {
		{ "MADV_COLLAPSE is refused, and changes nothing", collapse_is_refused, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		p[i + 1] = (struct property){ windows[i].name, read_amid_act,
					      (u64)&windows[i], 0 };
	return run_unchecked(argc, argv, p, ARRAY_SIZE(p));
}
