// SPDX-License-Identifier: GPL-2.0
/*
 * Linux's newer and rarer calls that take memory.  Not perf_event_open(): the kernel
 * rewrites instructions for it, which an emulator with a thread for each CPU does not
 * always survive.
 */
#include "fuzz.h"
#include "../guest/lib/uring.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* What the headers of older systems lack. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise	440
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease	448
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node	450
#endif
#ifndef SYS_cachestat
#define SYS_cachestat	451
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA	0x53564d41
#define PR_SET_VMA_ANON_NAME	0
#endif

static void do_pkey(struct state *s, const uint8_t *a)
{
	int key = syscall(SYS_pkey_alloc, 0UL, (unsigned long)(a[3] & 3));

	syscall(SYS_pkey_mprotect, place(s, a[0]), length_of(a[1]), (unsigned long)(a[2] & 7),
		a[3] & 4 ? 0 : key);
	if (key >= 0)
		syscall(SYS_pkey_free, key);
}

static void do_process_madvise(struct state *s, const uint8_t *a)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, 25, 4, 102, 103 };
	struct iovec there[2] = {
		{ page_at(s, a[0]), length_of(a[1]) }, { page_at(s, a[3]), VPT_2M },
	};
	int self = syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0)
		return;
	syscall(SYS_process_madvise, self, there, 2L, advice[a[2] % ARRAY_SIZE(advice)], 0L);
	/* Of a process that lives: refused, but it looks. */
	syscall(SYS_process_mrelease, self, 0);
	close(self);
}

static void do_remap_file_pages(struct state *s, const uint8_t *a)
{
	syscall(SYS_remap_file_pages, page_at(s, a[0]), length_of(a[1]) & -VPT_4K, 0L,
		(long)(a[2] % 3), (long)(a[3] & 1 ? MAP_NONBLOCK : 0));
}

static void do_home_node(struct state *s, const uint8_t *a)
{
	syscall(SYS_set_mempolicy_home_node, page_at(s, a[0]), length_of(a[1]) & -VPT_4K, 0L,
		0L);
}

static void do_of_file(struct state *s, const uint8_t *a)
{
	struct {
		u64 off, len;
	} range = { a[0] * VPT_4K, length_of(a[1]) };
	u64 counts[5];

	switch (a[2] % 6) {
	case 0:
		syscall(SYS_cachestat, s->fd, &range, counts, 0);
		break;
	case 1:
		posix_fadvise(s->fd, range.off, range.len, POSIX_FADV_DONTNEED);
		break;
	case 2:
		fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range.off,
			  range.len);
		break;
	case 3:
		ftruncate(s->fd, range.off);
		break;
	case 4:
		mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, s->fd, range.off);
		break;
	default:
		lseek(s->fd, range.off, SEEK_SET);
		read(s->fd, counts, sizeof(counts));
		fsync(s->fd);
	}
}

static void do_vma_name(struct state *s, const uint8_t *a)
{
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page_at(s, a[0]),
	      length_of(a[1]) & -VPT_4K, a[2] & 1 ? "name" : NULL);
}

/* PAGEMAP_SCAN, of Linux 6.7 and later, write-protecting what it finds. */
static void do_pagemap_scan(struct state *s, const uint8_t *a)
{
	struct {
		u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
		u64 inverted, mask, anyof_mask, return_mask;
	} scan = {
		.size = sizeof(scan),
		.flags = a[2] & 3,
		.start = (u64)page_at(s, a[0]),
		.end = (u64)page_at(s, a[0]) + length_of(a[1]),
		.anyof_mask = 0xff,
		.return_mask = 0xff,
	};
	u64 regions[3 * 16];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	scan.vec = (u64)regions;
	scan.vec_len = 16;
	if (fd < 0)
		return;
	ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, sizeof(scan)), &scan);
	close(fd);
}

/* Pages of the region as io_uring's own buffers, and as the place where it reads to. */
static void do_uring(struct state *s, const uint8_t *a)
{
	struct io_uring_params p = { .flags = a[3] & 1 ? IORING_SETUP_SQPOLL : 0 };
	struct iovec there = { page_at(s, a[0]), VPT_4K };
	int fd = syscall(SYS_io_uring_setup, 4, &p);

	if (fd < 0)
		return;
	if (a[2] & 1)
		there.iov_len = length_of(a[1]) & (VPT_2M - 1);
	syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &there, 1);
	syscall(SYS_io_uring_register, fd, IORING_REGISTER_FILES, &s->fd, 1);
	/* Rings that the process supplies: Linux 6.5 and later. */
	if (a[2] & 2) {
		p = (struct io_uring_params){ .flags = 1U << 14 };
		p.cq_off.resv2 = (u64)there.iov_base;
		p.sq_off.resv2 = (u64)page_at(s, a[1]);
		close(syscall(SYS_io_uring_setup, 4, &p));
	}
	/* Half of the rings stay until the process ends. */
	if (a[2] & 4)
		close(fd);
}

/* Memory of the region given to a socket, and the file sent through it to itself. */
static void do_socket(struct state *s, const uint8_t *a)
{
	struct iovec there = { page_at(s, a[0]), VPT_4K };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr message = {
		.msg_iov = &there, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return;
	memcpy(CMSG_DATA(&control.header), &s->fd, sizeof(int));
	sendmsg(ends[0], &message, a[1] & 1 ? MSG_ZEROCOPY : 0);
	if (a[1] & 2) {
		there.iov_base = page_at(s, a[2]);
		recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC | MSG_PEEK);
	}
	close(ends[0]);
	/* What is in flight stays until the process ends. */
	if (a[1] & 4)
		close(ends[1]);
}

const struct what calls_rare[] = {
	{ "pkey", do_pkey, 2 },
	{ "process_madvise", do_process_madvise, 2 },
	{ "remap_file_pages", do_remap_file_pages, 2 },
	{ "home_node", do_home_node, 2 },
	{ "of_file", do_of_file, 2 },
	{ "vma_name", do_vma_name, 1 },
	{ "pagemap_scan", do_pagemap_scan, 2 },
	{ "uring", do_uring, 2 },
	{ "socket", do_socket, 2 },
};
const unsigned int n_calls_rare = ARRAY_SIZE(calls_rare);
