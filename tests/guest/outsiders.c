// SPDX-License-Identifier: GPL-2.0
/*
 * What is neither vpt's nor the process's, and has to do with a region: threads of the
 * kernel that use the address space, and who holds a page found by its number.
 */
#include "lib/uring.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "outsider/outsider.h"

#define OLD	0x01d01d01d01d01d0ULL
#define NEW	0x4e34e34e34e34e34ULL

/* Return: 0 or -errno. */
static int order(int fd, enum outsider_does does, u64 addr, u64 value)
{
	const struct outsider_order o = { .does = does, .addr = addr, .value = value };

	return write(fd, &o, sizeof(o)) == sizeof(o) ? 0 : -errno;
}

static struct outsider_seen seen(int fd)
{
	struct outsider_seen s;

	REQUIRE(read(fd, &s, sizeof(s)) == sizeof(s), "outsider: read");
	return s;
}

/* What the watching thread sees in a look that began after this call. */
static struct outsider_seen seen_from_now(int fd)
{
	const u64 before = seen(fd).rounds;
	struct outsider_seen s;

	do {
		relax();
		s = seen(fd);
	} while (s.rounds < before + 2);
	return s;
}

static void kernel_threads_map_nothing(u64 unused)
{
	int fd = module_device("outsider");
	struct region r;

	(void)unused;
	region_rw(&r, 1, 0);
	*(u64 *)r.base = OLD;
	EXPECT(!order(fd, OUTSIDER_LOAD, (u64)r.base, 0) && seen(fd).value == OLD, "load");
	EXPECT(!order(fd, OUTSIDER_STORE, (u64)r.base, NEW) && *(u64 *)r.base == NEW, "store");
	EXPECT(!vu_protect(r.fd, r.base, VPT_READ, NULL), "protect");
	EXPECT(order(fd, OUTSIDER_STORE, (u64)r.base, OLD) == -EFAULT,
	       "a store to a read-only page");
	EXPECT(*(u64 *)r.base == NEW, "it holds %llx", (unsigned long long)*(u64 *)r.base);
	EXPECT(order(fd, OUTSIDER_LOAD, (u64)r.base + VPT_4K, 0) == -EFAULT, "a touch");
	EXPECT(order(fd, OUTSIDER_STORE, (u64)r.base + VPT_2M, 0) == -EFAULT, "a touch");
	EXPECT(vu_resolve(r.fd, r.base + VPT_4K, NULL) == -ENOENT &&
	       vu_resolve(r.fd, r.base + VPT_2M, NULL) == -ENOENT, "the touch has mapped");
	expect_sound(r.fd, "after a kernel thread's accesses");
	region_close(&r);
	close(fd);
}

static void other_processes_map_nothing(u64 unused)
{
	int fd = module_device("outsider"), status;
	struct region r;
	pid_t child;

	(void)unused;
	region_rw(&r, 1, 0);
	*(u64 *)r.base = OLD;
	child = must_fork();
	if (!child) {
		EXPECT(!order(fd, OUTSIDER_FAULT, (u64)r.base, 0), "a page that is there");
		EXPECT(order(fd, OUTSIDER_FAULT, (u64)r.base + VPT_4K, 0) == -EFAULT, "a touch");
		EXPECT(order(fd, OUTSIDER_FAULT, (u64)r.base + VPT_2M, 0) == -EFAULT, "a touch");
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child && !status, "status %x", status);
	EXPECT(vu_resolve(r.fd, r.base + VPT_4K, NULL) == -ENOENT &&
	       vu_resolve(r.fd, r.base + VPT_2M, NULL) == -ENOENT, "the touch has mapped");
	EXPECT(!order(fd, OUTSIDER_FAULT, (u64)r.base + VPT_4K, 0) &&
	       !vu_resolve(r.fd, r.base + VPT_4K, NULL), "the process's own touch");
	expect_sound(r.fd, "afterwards");
	region_close(&r);
	close(fd);
}

/* Its CPU is told, though it runs no thread of the process. */
static void kernel_threads_see_changes(u64 size)
{
	int fd = module_device("outsider");
	struct outsider_seen s;
	struct region r;
	u64 i, frame[2];

	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame[0]), "a frame");
	if (vu_frame_alloc(r.fd, size, &frame[1])) {
		EXPECT(size == VPT_1G, "another frame");
		skip("it takes two frames of 1 GiB");
	}
	for (i = 0; i < 2; i++) {
		REQUIRE(!vu_map(r.fd, r.base, size, RW, frame[i]), "map");
		*(u64 *)r.base = i;
		REQUIRE(!vu_unmap(r.fd, r.base, NULL), "unmap");
	}
	REQUIRE(!vu_map(r.fd, r.base, size, RW, frame[0]), "map");
	REQUIRE(!order(fd, OUTSIDER_WATCH, (u64)r.base, 0), "watch");
	for (i = 1; i <= paced(200); i++) {
		EXPECT(!vu_remap(r.fd, r.base, frame[i % 2], NULL), "remap");
		s = seen_from_now(fd);
		if (!EXPECT(!s.failed && s.value == i % 2, "round %llu: it saw %llx, failed %u",
			    (unsigned long long)i, (unsigned long long)s.value, s.failed))
			break;
	}
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(seen_from_now(fd).failed, "it reads what is not mapped");
	close(fd);
	region_close(&r);
}

static void munmap_under_a_kernel_thread(u64 unused)
{
	int fd = module_device("outsider");
	struct region r;
	u64 i;

	(void)unused;
	region_rw(&r, 2, 0);
	for (i = 0; i < 64; i++)
		r.base[VPT_1G + i * VPT_4K] = 1;
	REQUIRE(!order(fd, OUTSIDER_WATCH, (u64)r.base + VPT_1G, 0), "watch");
	EXPECT(!seen_from_now(fd).failed, "it does not see the page");
	EXPECT(!munmap(r.base + VPT_1G, VPT_1G), "munmap");
	EXPECT(seen_from_now(fd).failed, "it reads what was unmapped");
	close(fd);
	expect_sound(r.fd, "after the munmap");
	r.bytes = VPT_1G;
	region_close(&r);
}

/* The address space stays until the thread has done with it, and then leaves nothing. */
static void exit_under_a_kernel_thread(u64 unused)
{
	int fd, status;
	struct region r;
	unsigned int i;
	pid_t child;

	(void)unused;
	close(module_device("outsider"));
	for (i = 0; i < 20; i++) {
		child = must_fork();
		if (!child) {
			fd = module_device("outsider");
			region_rw(&r, 1, 0);
			*(u64 *)r.base = OLD;
			vu_map_range(r.fd, r.base + VPT_2M, VPT_2M, VPT_4K, RW, NULL);
			REQUIRE(!order(fd, OUTSIDER_WATCH, (u64)r.base, 0), "watch");
			EXPECT(seen_from_now(fd).value == OLD, "it does not see the page");
			if (i % 2)
				kill(getpid(), 9);
			_exit(0);
		}
		REQUIRE(waitpid(child, &status, 0) == child, "waitpid");
		EXPECT(WIFSIGNALED(status) || !WEXITSTATUS(status), "status %x", status);
	}
}

static void kernel_threads_cannot_open(u64 does)
{
	int fd = module_device("outsider"), err = order(fd, does, 0, 0);

	close(fd);
	if (err == -ENOENT)
		skip("kernel threads have a root of their own, without /dev");
	EXPECT(err == -EPERM, "open: %s", strerror(-err));
}

static bool is_handed_out(const struct region *r, u64 size, u64 phys)
{
	const u64 want = size == VPT_4K ? 5000 : size == VPT_2M ? 100 : 8;
	char *va = r->base + VPT_1G;
	struct vpt_page p;
	bool found = false;
	u64 n;

	for (n = 0; n < want && !vu_map(r->fd, va + n * size, size, RW, 0); n++)
		found |= !vu_resolve(r->fd, va + n * size, &p) && p.phys == phys;
	EXPECT(!vu_unmap_range(r->fd, va, want * size, NULL), "unmap");
	return found;
}

static void a_held_frame_is_not_used(u64 size)
{
	int fd = module_device("outsider");
	struct vpt_stats before, after;
	struct vpt_page p;
	struct region r;

	region_rw(&r, 9, VPT_STRICT);
	need_size(r.fd, size);
	vu_stats(r.fd, &before);
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	REQUIRE(!vu_resolve(r.fd, r.base, &p) && p.phys, "RESOLVE");
	REQUIRE(!order(fd, OUTSIDER_HOLD, p.phys + (size == VPT_1G ? VPT_1G / 2 : 0), 0),
		"hold: %s", strerror(errno));
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(!is_handed_out(&r, size, p.phys), "frame %llx is used again", p.phys);
	REQUIRE(!order(fd, OUTSIDER_DROP, 0, 0), "drop");
	/* Where others allocate too there is no telling who gets it. */
	if (size == VPT_1G)
		EXPECT(is_handed_out(&r, size, p.phys), "frame %llx is lost", p.phys);
	vu_stats(r.fd, &after);
	EXPECT(after.pool_free == before.pool_free &&
	       after.frames_retired == before.frames_retired,
	       "pool: %llu, then %llu; retired: %llu, then %llu", before.pool_free,
	       after.pool_free, before.frames_retired, after.frames_retired);
	expect_sound(r.fd, "afterwards");
	region_close(&r);
	close(fd);
}

/* Threads of io_uring's are the process's: what they touch is mapped, and charged to it. */
static void io_uring_maps_by_touch(u64 how)
{
	const u64 word = OLD;
	struct io_uring_sqe *sqe;
	struct region r;
	struct uring u;
	int pipes[2];
	u64 i;

	uring_open(&u, how & IORING_SETUP_SQPOLL);
	REQUIRE(!pipe(pipes), "pipe");
	region_rw(&r, 1, 0);
	for (i = 0; i < 20; i++) {
		char *at = r.base + i * (VPT_2M + VPT_4K);

		REQUIRE(write(pipes[1], &word, 8) == 8, "write");
		sqe = uring_next(&u, IORING_OP_READ);
		sqe->fd = pipes[0];
		sqe->addr = (u64)at;
		sqe->len = 8;
		sqe->off = -1;
		sqe->flags = how & IORING_SETUP_SQPOLL ? 0 : IOSQE_ASYNC;
		EXPECT(uring_one(&u) == 8 && *(u64 *)at == OLD, "read %llu",
		       (unsigned long long)i);
	}
	expect_sound(r.fd, "after io_uring");
	uring_close(&u);
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a kernel thread uses what is mapped, and maps nothing",
		  kernel_threads_map_nothing, 0, 0 },
		{ "another process's touch on its behalf maps nothing", other_processes_map_nothing,
		  0, 0 },
		EACH_SIZE("a kernel thread sees each change when the call returns",
			  kernel_threads_see_changes),
		{ "munmap under a kernel thread", munmap_under_a_kernel_thread, 0, 0 },
		{ "exit under a kernel thread", exit_under_a_kernel_thread, 0, 0 },
		{ "a kernel thread cannot open the device", kernel_threads_cannot_open,
		  OUTSIDER_OPEN, 0 },
		{ "nor while it uses an address space", kernel_threads_cannot_open,
		  OUTSIDER_OPEN_MM, 0 },
		EACH_SIZE("a frame that somebody holds is not used until they let go",
			  a_held_frame_is_not_used),
		{ "io_uring's worker maps by touch", io_uring_maps_by_touch, 0, 0 },
		{ "io_uring's polling thread maps by touch", io_uring_maps_by_touch,
		  IORING_SETUP_SQPOLL, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
