// SPDX-License-Identifier: GPL-2.0
/* io_uring, a few requests at a time, by the bare system calls. */
#include "uring.h"

#include <sys/syscall.h>

#define ENTRIES		16

void uring_open(struct uring *u, u32 flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 1000 };

	memset(u, 0, sizeof(*u));
	u->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (u->fd < 0 && (errno == ENOSYS || errno == EPERM))
		skip("no io_uring here");
	REQUIRE(u->fd >= 0, "io_uring_setup: %s", strerror(errno));
	u->flags = flags;
	u->bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (u->bytes < p.sq_off.array + p.sq_entries * sizeof(u32))
		u->bytes = p.sq_off.array + p.sq_entries * sizeof(u32);
	u->ring = mmap(NULL, u->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQ_RING);
	u->sqe = mmap(NULL, ENTRIES * sizeof(*u->sqe), PROT_READ | PROT_WRITE, MAP_SHARED,
		      u->fd, IORING_OFF_SQES);
	REQUIRE(u->ring != MAP_FAILED && u->sqe != MAP_FAILED, "the rings: %s",
		strerror(errno));
	u->p = p;
}

static _Atomic u32 *word(const struct uring *u, u32 offset)
{
	return (_Atomic u32 *)(u->ring + offset);
}

struct io_uring_sqe *uring_next(struct uring *u, uint8_t opcode)
{
	const u32 at = (atomic_load(word(u, u->p.sq_off.tail)) + u->pending) %
		       u->p.sq_entries;
	struct io_uring_sqe *sqe = &u->sqe[at];

	atomic_store(word(u, u->p.sq_off.array) + at, at);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->user_data = u->pending++;
	return sqe;
}

void uring_submit(struct uring *u, int *results)
{
	const unsigned int n = u->pending;
	struct io_uring_cqe *cqe;
	unsigned int i;
	u32 head;

	u->pending = 0;
	atomic_fetch_add(word(u, u->p.sq_off.tail), n);
	if (u->flags & IORING_SETUP_SQPOLL)
		syscall(SYS_io_uring_enter, u->fd, 0, n,
			IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS, NULL, 0);
	else
		REQUIRE(syscall(SYS_io_uring_enter, u->fd, n, n, IORING_ENTER_GETEVENTS,
				NULL, 0) == n, "io_uring_enter: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		head = atomic_load(word(u, u->p.cq_off.head));
		while (atomic_load(word(u, u->p.cq_off.tail)) == head)
			syscall(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS,
				NULL, 0);
		cqe = (struct io_uring_cqe *)(u->ring + u->p.cq_off.cqes) +
		      head % u->p.cq_entries;
		results[cqe->user_data] = cqe->res;
		atomic_store(word(u, u->p.cq_off.head), head + 1);
	}
}

int uring_one(struct uring *u)
{
	int result = -EINPROGRESS;

	uring_submit(u, &result);
	return result;
}

void uring_close(struct uring *u)
{
	munmap(u->ring, u->bytes);
	munmap(u->sqe, ENTRIES * sizeof(*u->sqe));
	close(u->fd);
}
