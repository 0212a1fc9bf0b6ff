// SPDX-License-Identifier: GPL-2.0
/*
 * No page of a region can be pinned, or handed out as a struct page, a physical address
 * or a node: every way to get_user_pages() and follow_page() that a program has in a
 * guest, over leaves of every size.  What Linux took a reference on, it would give back
 * after the mapping is gone; and of a 1 GiB frame, which is no compound page, it would
 * free a part while it is mapped.
 *
 * AF_PACKET is no such way: a ring is its own memory, which the program maps, and what is sent
 * without one is copied (packet_snd()).
 */
#include "lib/guest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif
#define WP_ASYNC	(1ULL << 15)	/* UFFD_FEATURE_WP_ASYNC, 6.7 */

/* The way that was just tried is not to be had here. */
static bool untried;

static void not_tried(const char *what)
{
	static const char *noted[8];
	unsigned int i;

	untried = true;
	for (i = 0; i < ARRAY_SIZE(noted) - 1 && noted[i] && noted[i] != what; i++)
		;
	if (!noted[i])
		note("not tried: this kernel has no %s", what);
	noted[i] = what;
}

/* Each tries one way at one page.  Return: whether it was refused, or is not to be had. */

static bool vmsplice_refused(char *at)
{
	struct iovec iov = { at, VPT_4K };
	int pipes[2];
	ssize_t n;

	REQUIRE(!pipe(pipes), "pipe");
	n = vmsplice(pipes[1], &iov, 1, SPLICE_F_NONBLOCK);
	/* A reference that was taken is dropped with the pipe. */
	close(pipes[0]);
	close(pipes[1]);
	return n < 0;
}

static bool vm_readv_refused(char *at)
{
	struct iovec local, remote = { at, 64 };
	char buffer[64];

	local = (struct iovec){ buffer, sizeof(buffer) };
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0;
}

static bool vm_writev_refused(char *at)
{
	struct iovec local, remote = { at + 64, 64 };
	char buffer[64] = { 0 };

	local = (struct iovec){ buffer, sizeof(buffer) };
	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) < 0;
}

static bool move_pages_query_refused(char *at)
{
	void *page = at;
	int status = 0;

	return syscall(SYS_move_pages, 0, 1L, &page, NULL, &status, 0) < 0 || status < 0;
}

static bool move_pages_refused(char *at)
{
	void *page = at;
	int status = 0, node = 0;

	return syscall(SYS_move_pages, 0, 1L, &page, &node, &status, MPOL_MF_MOVE_ALL) < 0 ||
	       status < 0;
}

static bool get_mempolicy_refused(char *at)
{
	int node;

	return syscall(SYS_get_mempolicy, &node, NULL, 0, at, MPOL_F_NODE | MPOL_F_ADDR) < 0;
}

static bool populate_refused(char *at)
{
	/* MADV_POPULATE_READ and MADV_POPULATE_WRITE */
	return madvise(at, VPT_4K, 22) < 0 && madvise(at, VPT_4K, 23) < 0;
}

static bool futex_refused(char *at)
{
	return syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 &&
	       syscall(SYS_futex, at, FUTEX_CMP_REQUEUE, 0, NULL, at + 8, 0) < 0;
}

static bool io_uring_refused(char *at)
{
	struct iovec iov = { at, VPT_4K };
	struct io_uring_params p = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &p);
	bool refused;

	REQUIRE(ring >= 0, "io_uring_setup: %s", strerror(errno));
	refused = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1) < 0;
	close(ring);
	return refused;
}

/* -1 on a kernel that was built without it (tools/debug), where nobody can pin that way. */
static int socket_if_known(int family, int type, const char *name)
{
	int sock = socket(family, type, 0);

	if (sock >= 0)
		return sock;
	REQUIRE(errno == EAFNOSUPPORT, "%s: %s", name, strerror(errno));
	not_tried(name);
	return sock;
}

static bool xdp_refused(char *at)
{
	struct xdp_umem_reg umem = { .addr = (u64)at, .len = VPT_4K, .chunk_size = VPT_4K };
	int sock = socket_if_known(AF_XDP, SOCK_RAW, "AF_XDP");
	bool refused;

	if (sock < 0)
		return true;
	refused = setsockopt(sock, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) < 0;
	close(sock);
	return refused;
}

static bool zerocopy_refused(char *at)
{
	struct sockaddr_in lo = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int sock = socket_if_known(AF_INET, SOCK_DGRAM, "AF_INET"), one = 1;
	bool refused;

	if (sock < 0)
		return true;
	REQUIRE(!setsockopt(sock, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)),
		"SO_ZEROCOPY: %s", strerror(errno));
	refused = sendto(sock, at, VPT_4K, MSG_ZEROCOPY, (struct sockaddr *)&lo,
			 sizeof(lo)) < 0;
	close(sock);
	return refused;
}

/* A disk in memory, the guest's own: -1 where its module was not put here. */
static int disk(void)
{
	static const char path[] = "/dev/ram0";
	const int how = O_RDWR | O_DIRECT | O_CLOEXEC;
	int fd;

	if (!module_here("brd"))
		return -1;
	fd = open(path, how);
	if (fd >= 0)
		return fd;
	REQUIRE(module_insert("brd"), "brd.ko cannot be inserted");
	fd = open(path, how);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static bool direct_refused(char *at, ssize_t (*transfer)(int fd, char *at))
{
	int fd = disk();
	bool refused;

	if (fd < 0) {
		not_tried("disk in memory (brd.ko)");
		return true;
	}
	refused = transfer(fd, at) < 0;
	EXPECT(!refused || errno == EFAULT, "O_DIRECT: %s", strerror(errno));
	close(fd);
	return refused;
}

static ssize_t from_disk(int fd, char *at)
{
	return pread(fd, at, VPT_4K, 0);
}

static ssize_t to_disk(int fd, char *at)
{
	return pwrite(fd, at, VPT_4K, 0);
}

static bool direct_read_refused(char *at)
{
	return direct_refused(at, from_disk);
}

static bool direct_write_refused(char *at)
{
	return direct_refused(at, to_disk);
}

/*
 * But for asynchronous write protection, for which some kernels between 6.7 and 7.1 take any
 * VMA: mm_syscalls looks at what comes of it.
 */
static bool userfaultfd_refused(char *at)
{
	static const u64 features[] = { 0, WP_ASYNC };
	static const u64 modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP, 1 << 2,
	};
	bool refused = true;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		for (j = 0; j < ARRAY_SIZE(modes); j++) {
			struct uffdio_api api = { .api = UFFD_API, .features = features[i] };
			struct uffdio_register reg = {
				.range = { (u64)at, VPT_4K }, .mode = modes[j],
			};
			int uffd;

			if (features[i] == WP_ASYNC && modes[j] == UFFDIO_REGISTER_MODE_WP)
				continue;
			uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
			REQUIRE(uffd >= 0, "userfaultfd: %s", strerror(errno));
			if (!ioctl(uffd, UFFDIO_API, &api) &&
			    !ioctl(uffd, UFFDIO_REGISTER, &reg))
				refused = false;
			close(uffd);
		}
	}
	return refused;
}

static const struct way {
	const char *name;
	bool (*refused)(char *at);
} ways[] = {
	{ "vmsplice", vmsplice_refused },
	{ "process_vm_readv", vm_readv_refused },
	{ "process_vm_writev", vm_writev_refused },
	{ "move_pages as a query", move_pages_query_refused },
	{ "move_pages", move_pages_refused },
	{ "get_mempolicy", get_mempolicy_refused },
	{ "MADV_POPULATE", populate_refused },
	{ "a shared futex", futex_refused },
	{ "a fixed buffer of io_uring", io_uring_refused },
	{ "memory of AF_XDP", xdp_refused },
	{ "MSG_ZEROCOPY", zerocopy_refused },
	{ "a read with O_DIRECT", direct_read_refused },
	{ "a write with O_DIRECT", direct_write_refused },
	{ "userfaultfd", userfaultfd_refused },
};

/* A region with one leaf; SPLIT: 2 MiB leaves that were a 1 GiB one. */
#define SPLIT	(VPT_1G | 1)
#define PATTERN	0x7676767676767676ULL

static u64 spots[5];

static void leaf_open(struct region *r, u64 kind, u32 prot)
{
	const u64 size = kind & ~1ULL;
	struct vpt_page p = { 0 };
	unsigned int i;

	region_rw(r, 2, VPT_STRICT);
	need_size(r->fd, size);
	REQUIRE(!vu_map(r->fd, r->base, size, RW, 0), "map");
	if (kind == SPLIT) {
		syscall(SYS_mbind, r->base, r->bytes, MPOL_LOCAL, NULL, 0, MPOL_MF_STRICT);
		REQUIRE(!vu_resolve(r->fd, r->base, &p) && p.page_size == VPT_2M,
			"the page is not split");
	}
	memcpy(spots, (u64 []){ 0, VPT_4K % size, size / 2 & ~(VPT_4K - 1),
				(VPT_2M + VPT_4K) % size, size - VPT_4K }, sizeof(spots));
	for (i = 0; i < ARRAY_SIZE(spots); i++)
		memset(r->base + spots[i], 0x76, VPT_4K);
	if (prot != RW)
		REQUIRE(!vu_protect_range(r->fd, r->base, size, prot, NULL), "protect");
}

static void pages_intact(const struct region *r, const char *when)
{
	unsigned int i, word;

	for (i = 0; i < ARRAY_SIZE(spots); i++) {
		const u64 *page = (u64 *)(r->base + spots[i]);

		for (word = 0; word < VPT_4K / 8 && page[word] == PATTERN; word++)
			;
		EXPECT(word == VPT_4K / 8, "%s: the page at +%#llx holds %#llx", when,
		       (unsigned long long)spots[i], (unsigned long long)page[word]);
	}
}

/* Frames that Linux believes to be free are soon somebody else's. */
static void others_use_memory(void)
{
	const size_t bytes = 64 << 20;
	pid_t pid = must_fork();
	int status;

	if (!pid) {
		char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		madvise(p, bytes, MADV_NOHUGEPAGE);
		memset(p, 'S', bytes);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && !status, "a child that uses memory");
}

static void refused_everywhere(u64 kind, u32 prot)
{
	struct region r;
	unsigned int i, j;

	leaf_open(&r, kind, prot);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		for (j = 0; j < ARRAY_SIZE(spots); j++)
			EXPECT(ways[i].refused(r.base + spots[j]), "%s succeeds at +%#llx",
			       ways[i].name, (unsigned long long)spots[j]);
		pages_intact(&r, ways[i].name);
	}
	others_use_memory();
	pages_intact(&r, "after others have used memory");
	expect_sound(r.fd, "in the end");
	region_close(&r);
}

/* What is refused above is refused for the region's sake. */
static void all_works_elsewhere(u64 unused)
{
	unsigned int i;
	char *at;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		at = mmap(NULL, 2 * VPT_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		REQUIRE(at != MAP_FAILED, "mmap: %s", strerror(errno));
		untried = false;
		EXPECT(!ways[i].refused(at) || untried, "%s: %s", ways[i].name, strerror(errno));
		munmap(at, 2 * VPT_4K);
	}
}

static void nothing_is_pinned(u64 kind)
{
	refused_everywhere(kind, RW);
}

static void nothing_read_only_is_pinned(u64 kind)
{
	refused_everywhere(kind, VPT_READ);
}

/* What perf says of a fault at @at: the physical address in its sample. */
static u64 perf_phys_of_fault(char *at)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS, .sample_period = 1,
		.sample_type = PERF_SAMPLE_ADDR | PERF_SAMPLE_PHYS_ADDR,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	struct perf_event_mmap_page *ring;
	u64 at_byte = 0, phys = ~0ULL;

	REQUIRE(fd >= 0, "perf_event_open: %s", strerror(errno));
	ring = mmap(NULL, 2 * VPT_4K, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(ring != MAP_FAILED, "perf's ring: %s", strerror(errno));
	EXPECT(probe_store(at, 1) == PROBE_SEGV, "a store");
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	while (at_byte < ring->data_head) {
		struct {
			struct perf_event_header head;
			u64 addr, phys;
		} *sample = (void *)((char *)ring + VPT_4K + at_byte);

		if (sample->head.type == PERF_RECORD_SAMPLE && sample->addr == (u64)at)
			phys = sample->phys;
		at_byte += sample->head.size;
	}
	munmap(ring, 2 * VPT_4K);
	close(fd);
	return phys;
}

static void perf_knows_no_address(u64 kind)
{
	struct region r;
	unsigned int i;
	u64 phys;

	/* perf patches the scheduler; an emulator's other CPU may trip over the int3. */
	if (cpus() > 1)
		skip("perf patches the kernel while another CPU runs it");
	leaf_open(&r, kind, VPT_READ);
	for (i = 0; i < ARRAY_SIZE(spots); i++) {
		phys = perf_phys_of_fault(r.base + spots[i]);
		EXPECT(phys != ~0ULL, "no sample of the fault");
		EXPECT(!phys, "+%#llx: physical address %#llx",
		       (unsigned long long)spots[i], (unsigned long long)phys);
	}
	pages_intact(&r, "after perf");
	region_close(&r);
}

/* Nothing is pinned for a debugger: it goes through vm_ops->access. */
static void a_debugger_reads_and_writes(u64 kind)
{
	int mem = open("/proc/self/mem", O_RDWR);
	struct region r;
	unsigned int i;
	u64 value;

	REQUIRE(mem >= 0, "/proc/self/mem: %s", strerror(errno));
	leaf_open(&r, kind, RW);
	for (i = 0; i < ARRAY_SIZE(spots); i++) {
		char *at = r.base + spots[i];

		EXPECT(pread(mem, &value, 8, (off_t)at) == 8 && value == PATTERN,
		       "read at +%#llx", (unsigned long long)spots[i]);
		value = 5;
		EXPECT(pwrite(mem, &value, 8, (off_t)at) == 8 && *(u64 *)at == 5,
		       "write at +%#llx", (unsigned long long)spots[i]);
		*(u64 *)at = PATTERN;
	}
	region_close(&r);
}

#define EACH_KIND(what, fn)						\
	EACH_SIZE(what, fn),						\
	{ "2M, of a 1G page that was split: " what, fn, SPLIT, 0 }

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "each way works with memory that is Linux's", all_works_elsewhere, 0, 0 },
		EACH_KIND("nothing can be pinned", nothing_is_pinned),
		EACH_KIND("nothing read-only can be pinned", nothing_read_only_is_pinned),
		EACH_KIND("perf gets no physical address", perf_knows_no_address),
		EACH_KIND("a debugger reads and writes", a_debugger_reads_and_writes),
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
