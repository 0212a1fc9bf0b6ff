// SPDX-License-Identifier: GPL-2.0
/*
 * Every system call that takes memory, over leaves of every size.  What it
 * answers is Linux's business; the region must be intact after each of them.
 */
#include "lib/world.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef SYS_cachestat
#define SYS_cachestat	451
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif
#ifndef SYS_mseal
#define SYS_mseal	462
#endif

static struct world w;

/* Whole leaves, pieces of leaves, holes, and more than one of them. */
struct spot {
	const char *what;
	u64 offset, length;
};

static const struct spot spots[] = {
	{ "a 4K page", 0, VPT_4K },
	{ "a 4K page and a hole", 0, 2 * VPT_4K },
	{ "a 2M page", VPT_2M, VPT_2M },
	{ "a piece of a 2M page", VPT_2M + 7 * VPT_4K, 3 * VPT_4K },
	{ "a read-only 2M page", 2 * VPT_2M, VPT_2M },
	{ "a hole", WORLD_FREE, VPT_2M },
	{ "the 1G page", VPT_1G, VPT_1G },
	{ "a piece of the 1G page", VPT_1G + 5 * VPT_2M, 2 * VPT_2M },
	{ "4K of the 1G page", VPT_1G + 5 * VPT_2M + VPT_4K, VPT_4K },
	{ "the last 4K page", WORLD_GIB * VPT_1G - VPT_4K, VPT_4K },
	{ "all", 0, WORLD_GIB * VPT_1G },
};

static void after(const char *call, u64 detail, const char *where)
{
	char what[120];

	snprintf(what, sizeof(what), "%s %llu of %s", call, (unsigned long long)detail,
		 where);
	world_intact(&w, what);
	world_mend(&w);
}

/* Run @call on each spot, with each of @n details, and look after each. */
static void sweep(const char *name, void (*call)(char *at, u64 length, u64 detail),
		  const u64 *details, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < ARRAY_SIZE(spots); j++) {
			call(w.r.base + spots[j].offset, spots[j].length, details[i]);
			after(name, details[i], spots[j].what);
		}
	}
}

static const u64 once[] = { 0 };

static void do_madvise(char *at, u64 length, u64 advice)
{
	madvise(at, length, advice);
}

static void madvise_all(u64 unused)
{
	u64 advice[30];
	unsigned int i;

	(void)unused;
	world_open(&w, VPT_1G);
	for (i = 0; i < 28; i++)
		advice[i] = i;
	advice[28] = 102;		/* guard pages, 6.13 */
	advice[29] = 103;
	sweep("madvise", do_madvise, advice, ARRAY_SIZE(advice));
}

static void do_process_madvise(char *at, u64 length, u64 advice)
{
	struct iovec iov = { at, length };
	int self = syscall(SYS_pidfd_open, getpid(), 0);

	syscall(SYS_process_madvise, self, &iov, 1, advice, 0);
	close(self);
}

static void process_madvise_all(u64 unused)
{
	static const u64 advice[] = { 3, 4, 20, 21, 25 };

	(void)unused;
	world_open(&w, VPT_1G);
	sweep("process_madvise", do_process_madvise, advice, ARRAY_SIZE(advice));
}

static void do_mlock(char *at, u64 length, u64 how)
{
	if (how == 2)
		mlockall(MCL_CURRENT);
	else if (how == 3)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	else
		syscall(SYS_mlock2, at, length, how);
	munlock(at, length);
	munlockall();
}

static void do_msync(char *at, u64 length, u64 how)
{
	static unsigned char vec[WORLD_GIB * VPT_1G / VPT_4K];

	msync(at, length, how);
	mincore(at, length, vec);
}

static void locking_and_syncing(u64 unused)
{
	static const u64 locks[] = { 0, 1, 2, 3 };
	static const u64 syncs[] = { MS_ASYNC, MS_SYNC, MS_INVALIDATE | MS_SYNC };

	(void)unused;
	world_open(&w, VPT_1G);
	sweep("mlock", do_mlock, locks, ARRAY_SIZE(locks));
	sweep("msync", do_msync, syncs, ARRAY_SIZE(syncs));
}

static void do_mbind(char *at, u64 length, u64 mode)
{
	static const unsigned int how[] = {
		0, MPOL_MF_STRICT, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL | MPOL_MF_STRICT,
	};
	unsigned long nodes = 1;
	unsigned int i;
	int node;

	for (i = 0; i < ARRAY_SIZE(how); i++)
		syscall(SYS_mbind, at, length, mode, mode ? &nodes : NULL, mode ? 64 : 0,
			how[i]);
	syscall(SYS_get_mempolicy, &node, NULL, 0, at, MPOL_F_NODE | MPOL_F_ADDR);
	syscall(SYS_get_mempolicy, &node, NULL, 0, at, MPOL_F_ADDR);
	syscall(SYS_set_mempolicy_home_node, at, length, 0, 0);
	syscall(SYS_mbind, at, length, MPOL_DEFAULT, NULL, 0, 0);
}

static void do_move_pages(char *at, u64 length, u64 how)
{
	void *pages[3] = { at, at + length / 2, at + length - 1 };
	int nodes[3] = { 0, 0, 0 }, status[3];
	unsigned long mask = 1;

	syscall(SYS_move_pages, 0, 3L, pages, NULL, status, 0);
	syscall(SYS_move_pages, 0, 3L, pages, nodes, status, how);
	syscall(SYS_migrate_pages, 0, 64L, &mask, &mask);
}

static void numa(u64 unused)
{
	static const u64 modes[] = {
		MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL,
		5 /* MPOL_PREFERRED_MANY */, MPOL_BIND | MPOL_F_NUMA_BALANCING,
	};
	static const u64 moves[] = { MPOL_MF_MOVE, MPOL_MF_MOVE_ALL };

	(void)unused;
	world_open(&w, VPT_1G);
	sweep("mbind", do_mbind, modes, ARRAY_SIZE(modes));
	sweep("move_pages", do_move_pages, moves, ARRAY_SIZE(moves));
}

/* Rights and places: all refused; mremap has tests of its own. */
static void do_change(char *at, u64 length, u64 prot)
{
	mprotect(at, length, prot);
	pkey_mprotect(at, length, prot, -1);
	pkey_mprotect(at, length, prot, 0);
	syscall(SYS_remap_file_pages, at, length, 0, 1, 0);
	mmap(at, length, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	syscall(SYS_mremap, at, length, length, 0, 0);
	syscall(SYS_mremap, at, length, length + VPT_1G, 0, 0);
	syscall(SYS_mremap, at, length, length + VPT_1G, 1, 0);
	syscall(SYS_mremap, at, length, length, 3, 0x200000000000);
	syscall(SYS_mremap, at, length, length, 5, 0);
	syscall(SYS_mremap, at, 0L, length, 1, 0);
}

static void changing(u64 unused)
{
	static const u64 prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC,
				     PROT_READ | PROT_WRITE | PROT_EXEC };
	(void)unused;
	world_open(&w, VPT_1G);
	sweep("mprotect, mremap and others", do_change, prots, ARRAY_SIZE(prots));
}

/* The bytes that are there already, so that the data stays right. */
static void do_vm_readv_writev(char *at, u64 length, u64 child)
{
	char same[256], other[256];
	struct iovec local = { other, 256 }, remote = { at, 256 };
	pid_t pid = getpid();

	(void)length;
	if (child) {
		pid = must_fork();
		if (!pid) {
			pid = getppid();
			process_vm_readv(pid, &local, 1, &remote, 1, 0);
			process_vm_writev(pid, &local, 1, &remote, 1, 0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		return;
	}
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) == 256)
		process_vm_writev(pid, &local, 1, &remote, 1, 0);
	/* The region as the local side. */
	local.iov_base = same;
	memset(same, 0, sizeof(same));
	process_vm_writev(pid, &remote, 1, &local, 1, 0);
	if (!probe_load(at, (u64 *)same)) {
		memcpy(same, at, sizeof(same));
		process_vm_readv(pid, &remote, 1, &local, 1, 0);
	}
}

static bool can_write(char *at)
{
	u64 v;

	return !probe_load(at, &v) && !probe_store(at, v);
}

static void do_file_io(char *at, u64 length, u64 unused)
{
	int fd = memfd_create("io", 0), null = open("/dev/null", O_WRONLY);
	struct iovec iov[2] = { { at, 512 }, { at + length - 512, 512 } };

	(void)unused;
	if (pwritev(fd, iov, 2, 0) == 1024)
		EXPECT(preadv(fd, iov, 2, 0) == 1024 || !can_write(at) ||
		       !can_write(at + length - 8), "preadv: %s", strerror(errno));
	if (write(null, at, length) < 0 || pwrite(fd, at, 64, 0) < 0)
		errno = 0;
	if (ftruncate(fd, 0) || pread(fd, at, length, 0) > 0)
		EXPECT(0, "an empty file was read");
	close(fd);
	close(null);
}

static void do_futex(char *at, u64 length, u64 op)
{
	struct timespec soon = { .tv_nsec = 1000 };
	u32 *word = (u32 *)at, val = 0;
	u64 v;

	(void)length;
	if (!probe_load(at, &v))
		val = v;
	/* A lock would be written; a compare of a wrong value is not. */
	if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) {
		syscall(SYS_futex, word, op, val, &soon, NULL, ~0);
		syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, &soon, NULL, ~0);
		val ^= 1;
	}
	syscall(SYS_futex, word, op, val, &soon, word + 1, val ^ 2);
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, &soon, word + 1, val ^ 2);
}

static void do_userfaultfd(char *at, u64 length, u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (u64)at, length }, .mode = mode };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	REQUIRE(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd: %s", strerror(errno));
	EXPECT(ioctl(fd, UFFDIO_REGISTER, &reg), "userfaultfd took the region");
	close(fd);
}

/*
 * Some kernels between 6.7 and 7.1 take any VMA for this, and rewrite its leaves.  Then the region
 * takes no more changes, and goes without a trace.
 */
static void userfaultfd_async(u64 unused)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct region r;

	(void)unused;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		skip("no asynchronous write protection");
	region_rw(&r, 1, 0);
	r.base[0] = 1;
	reg.range.start = wp.range.start = (u64)r.base;
	reg.range.len = wp.range.len = VPT_2M;
	if (ioctl(fd, UFFDIO_REGISTER, &reg)) {
		EXPECT(errno == EINVAL, "UFFDIO_REGISTER: %s", strerror(errno));
		expect_sound(r.fd, "after the refusal");
	} else {
		note("userfaultfd takes the region");
		EXPECT(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT");
		EXPECT(vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0) == -EIO, "MAP");
	}
	close(fd);
	region_close(&r);
	region_rw(&r, 1, 0);
	r.base[0] = r.base[VPT_4K] = r.base[VPT_2M] = 1;
	expect_sound(r.fd, "the next region");
	region_close(&r);
}

/* Register as buffers with io_uring: a pin for as long as it likes. */
static void do_io_uring(char *at, u64 length, u64 unused)
{
	u32 params[30] = { 0 };
	struct iovec iov = { at, length };
	int fd = syscall(SYS_io_uring_setup, 4, params);

	(void)unused;
	REQUIRE(fd >= 0, "io_uring_setup: %s", strerror(errno));
	syscall(SYS_io_uring_register, fd, 0 /* BUFFERS */, &iov, 1);
	close(fd);
}

static void do_odds(char *at, u64 length, u64 unused)
{
	u64 range[2] = { 0, length };
	char name[] = "vpt";

	(void)unused;
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, length, name);
	prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0);
	prctl(67, 0, 0, 0, 0);
	syscall(SYS_cachestat, w.r.fd, range, range, 0);
	syscall(SYS_readahead, w.r.fd, 0L, length);
	syscall(SYS_fallocate, w.r.fd, 0, 0L, length);
	syscall(SYS_membarrier, 1, 0, 0);
	EXPECT(ftruncate(w.r.fd, 0), "the device can be truncated");
	lseek(w.r.fd, 0, SEEK_END);
	fsync(w.r.fd);
	if (read(w.r.fd, at, 16) > 0 || write(w.r.fd, at, 16) > 0)
		EXPECT(0, "the device can be read or written");
}

static void odds(u64 unused)
{
	(void)unused;
	world_open(&w, VPT_1G);
	sweep("io_uring buffers", do_io_uring, once, 1);
	sweep("prctl and others", do_odds, once, 1);
}

/* Taking frames out of service: Linux cannot get at them, so nothing happens. */
static void do_offline(char *at, u64 length, u64 advice)
{
	madvise(at, length > VPT_2M ? VPT_2M : length, advice);
}

static void child_sees_nothing(char *at, u64 length, const char *what)
{
	pid_t pid = must_fork();
	int status;
	u64 v;

	if (!pid) {
		EXPECT(probe_load(at, &v) == PROBE_SEGV &&
		       probe_load(at + length - 8, &v) == PROBE_SEGV,
		       "%s was inherited", what);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	EXPECT(!status, "child: status %x", status);
}

/* Not even after MADV_DOFORK; and vfork lends the memory for a while. */
static void forks(u64 unused)
{
	unsigned int i;
	pid_t pid;

	(void)unused;
	world_open(&w, VPT_1G);
	for (i = 0; i < ARRAY_SIZE(spots); i++) {
		char *at = w.r.base + spots[i].offset;

		child_sees_nothing(at, spots[i].length, spots[i].what);
		madvise(at, spots[i].length, MADV_DOFORK);
		child_sees_nothing(at, spots[i].length, spots[i].what);
		after("fork", 0, spots[i].what);
	}
	pid = vfork();
	if (!pid)
		_exit(0);
	after("vfork", 0, "all");
	pid = vfork();
	if (!pid) {
		execl("/nowhere", "nowhere", NULL);
		_exit(0);
	}
	after("vfork and a failing exec", 0, "all");
}

/* Sealed: the region cannot be unmapped, but its pages are still vpt's. */
static void sealed(u64 unused)
{
	(void)unused;
	world_open(&w, VPT_1G);
	if (syscall(SYS_mseal, w.r.base, w.r.bytes, 0))
		skip("no mseal: %s", strerror(errno));
	EXPECT(munmap(w.r.base, w.r.bytes), "munmap of a sealed region");
	after("mseal", 0, "all");
	EXPECT(!vu_unmap(w.r.fd, w.r.base, NULL), "UNMAP");
	EXPECT(!vu_map(w.r.fd, w.r.base, VPT_4K, RW, 0), "MAP");
	EXPECT(!vu_protect(w.r.fd, w.r.base, VPT_READ, NULL), "PROTECT");
	expect_sound(w.r.fd, "sealed");
}

/* What is done to each spot, in a world of its own. */
static const struct {
	const char *name;
	void (*call)(char *at, u64 length, u64 detail);
	unsigned int ndetails;
	u64 details[5];
} sweeps[] = {
	{ "process_vm", do_vm_readv_writev, 2, { 0, 1 } },
	{ "read and write", do_file_io, 1, { 0 } },
	{ "futex", do_futex, 5, { FUTEX_WAIT, FUTEX_WAKE, FUTEX_CMP_REQUEUE, FUTEX_WAIT_BITSET,
				  FUTEX_WAKE_BITSET } },
	{ "userfaultfd", do_userfaultfd, 4, { 1, 2, 3, 4 } },
	{ "madvise", do_offline, 2, { 100 /* MADV_HWPOISON */, 101 /* MADV_SOFT_OFFLINE */ } },
};

static void swept(u64 i)
{
	world_open(&w, VPT_1G);
	sweep(sweeps[i].name, sweeps[i].call, sweeps[i].details, sweeps[i].ndetails);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "madvise, every advice", madvise_all, 0, 0 },
		{ "process_madvise", process_madvise_all, 0, 0 },
		{ "mlock, msync, mincore", locking_and_syncing, 0, 0 },
		{ "mbind, move_pages, migrate_pages", numa, 0, 300 },
		{ "mprotect, remap_file_pages, mremap, MAP_FIXED_NOREPLACE",
		  changing, 0, 0 },
		{ "process_vm_readv and writev", swept, 0, 0 },
		{ "file reads and writes", swept, 1, 0 },
		{ "futexes, private and shared", swept, 2, 0 },
		{ "userfaultfd", swept, 3, 0 },
		{ "userfaultfd, asynchronous write protection", userfaultfd_async, 0, 0 },
		{ "fork, MADV_DOFORK, vfork", forks, 0, 0 },
		{ "mseal", sealed, 0, 0 },
		{ "madvise, MADV_HWPOISON and MADV_SOFT_OFFLINE", swept, 4, 0 },
		{ "io_uring buffers, prctl, calls on the fd", odds, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
