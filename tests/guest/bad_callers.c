// SPDX-License-Identifier: GPL-2.0
/*
 * The file belongs to the process that opened it: a child, another process and
 * the next program are refused.  And a region that is not there, or not whole.
 */
#include "lib/world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Every ioctl and mmap through @fd answer @want; exit status says so. */
static int all_refused(int fd, struct call *calls, unsigned int n, int want, const char *who)
{
	bool ok = true;
	unsigned int i;
	void *p;

	for (i = 0; i < n; i++) {
		struct call c = calls[i];
		int err = call_issue(fd, &c);

		ok &= EXPECT(err == -want, "%s: %s: %s, expected %s", who, c.name,
			     strerror(-err), strerror(want));
	}
	ok &= EXPECT(vu_config(fd, VPT_STRICT) == -EPERM, "%s: CONFIG", who);
	p = mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, fd, 0);
	ok &= EXPECT(p == MAP_FAILED && errno == EPERM, "%s: mmap: %s", who,
		     p == MAP_FAILED ? strerror(errno) : "succeeds");
	return !ok;
}

static void expect_exit_0(pid_t pid, const char *who)
{
	int status = 0;

	REQUIRE(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "%s: status %x", who, status);
}

static void child_is_refused(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	pid_t pid;
	u64 v;

	(void)unused;
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	pid = must_fork();
	if (!pid) {
		EXPECT(probe_load(w.r.base, &v) == PROBE_SEGV, "the region was inherited");
		_exit(all_refused(w.r.fd, calls, WORLD_CALLS, EPERM, "child"));
	}
	expect_exit_0(pid, "child");
	world_unchanged(&w, "after a child's calls");
	expect_sound(w.r.fd, "after a child's calls");
	region_close(&w.r);
}

/* A child that outlives its parent still holds the file, and no more. */
static void orphan_is_refused(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	int pipes[2];
	char byte;
	pid_t pid, opener;

	(void)unused;
	REQUIRE(!pipe(pipes), "pipe");
	pid = must_fork();
	if (!pid) {
		world_open(&w, VPT_2M);
		world_calls(&w, calls);
		opener = getpid();
		if (fork())
			_exit(0);
		while (getppid() == opener)
			usleep(1000);
		all_refused(w.r.fd, calls, WORLD_CALLS, EPERM, "orphan");
		_exit(write(pipes[1], "x", 1) != 1);
	}
	close(pipes[1]);
	expect_exit_0(pid, "parent");
	EXPECT(read(pipes[0], &byte, 1) == 1, "the orphan has died");
}

static void send_fd(int sock, int fd)
{
	char byte = 'f', room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	REQUIRE(sendmsg(sock, &m, 0) == 1, "sendmsg: %s", strerror(errno));
}

static int receive_fd(int sock)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd = -1;

	REQUIRE(recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m), "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* The stranger was there before the file was opened. */
static void stranger_is_refused(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct world w;
	int socks[2];
	pid_t pid;

	(void)unused;
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks), "socketpair");
	pid = must_fork();
	if (!pid) {
		int fd = receive_fd(socks[1]);

		REQUIRE(read(socks[1], calls, sizeof(calls)) > 0, "read");
		_exit(all_refused(fd, calls, WORLD_CALLS, EPERM, "stranger"));
	}
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	send_fd(socks[0], w.r.fd);
	REQUIRE(write(socks[0], calls, sizeof(calls)) == sizeof(calls), "write");
	expect_exit_0(pid, "stranger");
	world_unchanged(&w, "after a stranger's calls");
	region_close(&w.r);
}

/* What exec leaves open is of no use to the next program: run as "exec FD". */
static int after_exec(int fd)
{
	static const unsigned long requests[] = {
		VPT_IOC_CONFIG, VPT_IOC_MAP, VPT_IOC_UNMAP, VPT_IOC_PROTECT,
		VPT_IOC_REMAP, VPT_IOC_RESOLVE, VPT_IOC_MAP_RANGE, VPT_IOC_UNMAP_RANGE,
		VPT_IOC_PROTECT_RANGE, VPT_IOC_FRAME_ALLOC, VPT_IOC_FRAME_FREE,
		VPT_IOC_STATS, VPT_IOC_CHECK,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		u64 arg[64] = { _IOC_SIZE(requests[i]) };

		if (ioctl(fd, requests[i], arg) != -1 || errno != EPERM)
			return 10 + i;
	}
	if (mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED ||
	    errno != EPERM)
		return 9;
	return 0;
}

static void next_program_is_refused(u64 unused)
{
	struct world w;
	char fd[12];

	(void)unused;
	world_open(&w, VPT_2M);
	snprintf(fd, sizeof(fd), "%d", dup(w.r.fd));
	execl("/proc/self/exe", "bad_callers", "exec", fd, NULL);
	EXPECT(0, "exec: %s", strerror(errno));
}

static void expect_all(int fd, struct call *calls, int want, const char *when)
{
	unsigned int i;

	for (i = 0; i < WORLD_CALLS; i++) {
		struct call c = calls[i];
		int err;

		if (!c.takes_addr)
			continue;
		err = call_issue(fd, &c);
		EXPECT(err == -want, "%s: %s: %s, expected %s", when, c.name,
		       strerror(-err), strerror(want));
	}
}

/* Before the first mmap and after the last munmap. */
static void no_region(u64 unused)
{
	struct call calls[WORLD_CALLS];
	struct vpt_stats s;
	struct world w;
	u64 frame = 0;
	int fd;

	(void)unused;
	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	fd = open(VPT_DEVICE, O_RDWR);
	REQUIRE(fd >= 0, "a second open");
	expect_all(fd, calls, ENXIO, "before mmap");
	EXPECT(!vu_stats(fd, &s) && !s.region_start && !s.region_bytes, "STATS");
	EXPECT(!vu_frame_alloc(fd, VPT_4K, &frame) && !vu_frame_free(fd, frame),
	       "frames need no region");
	close(fd);
	EXPECT(!munmap(w.r.base, w.r.bytes), "munmap");
	expect_all(w.r.fd, calls, ENXIO, "after munmap");
	EXPECT(!vu_stats(w.r.fd, &s) && !s.region_bytes && !s.mapped_bytes &&
	       !(s.leaves[0] | s.leaves[1] | s.leaves[2]), "STATS after munmap");
	EXPECT(s.handles == w.stats.handles, "the handles have gone with the region");
	close(w.r.fd);
}

/* A hole that munmap left is outside the region. */
static void hole_of_munmap(u64 unused)
{
	struct region r;
	char *hole;

	(void)unused;
	need_cuts();
	region_rw(&r, 2, VPT_STRICT);
	hole = r.base + 64 * VPT_2M;
	EXPECT(!munmap(hole, 3 * VPT_4K), "munmap: %s", strerror(errno));
	EXPECT(vu_map(r.fd, hole, VPT_4K, RW, 0) == -ERANGE, "MAP in the hole");
	EXPECT(vu_map(r.fd, hole + 2 * VPT_4K, VPT_4K, RW, 0) == -ERANGE, "at its end");
	EXPECT(vu_map(r.fd, hole, VPT_2M, RW, 0) == -ERANGE, "MAP 2M over the hole");
	EXPECT(vu_resolve(r.fd, hole, NULL) == -ERANGE, "RESOLVE in the hole");
	EXPECT(vu_unmap(r.fd, hole, NULL) == -ERANGE, "UNMAP in the hole");
	EXPECT(vu_map_range(r.fd, hole - VPT_4K, 5 * VPT_4K, VPT_4K, RW, NULL) == -ERANGE,
	       "MAP_RANGE over the hole");
	EXPECT(vu_unmap_range(r.fd, r.base, r.bytes, NULL) == -ERANGE,
	       "UNMAP_RANGE over the hole");
	EXPECT(vu_protect_range(r.fd, hole - VPT_4K, 2 * VPT_4K, VPT_READ, NULL) == -ERANGE,
	       "PROTECT_RANGE into the hole");
	EXPECT(!vu_map(r.fd, hole - VPT_4K, VPT_4K, RW, 0), "MAP below the hole");
	EXPECT(!vu_map(r.fd, hole + 3 * VPT_4K, VPT_4K, RW, 0), "MAP above the hole");
	expect_sound(r.fd, "beside the hole");
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a child is refused", child_is_refused, 0, 0 },
		{ "an orphan is refused", orphan_is_refused, 0, 0 },
		{ "a stranger with the fd is refused", stranger_is_refused, 0, 0 },
		{ "the next program is refused", next_program_is_refused, 0, 0 },
		{ "no region: ENXIO", no_region, 0, 0 },
		{ "a hole of munmap: ERANGE", hole_of_munmap, 0, 0 },
	};

	if (argc == 3 && !strcmp(argv[1], "exec"))
		return after_exec(atoi(argv[2]));
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
