/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring, a few requests at a time. */
#ifndef URING_H
#define URING_H

#include "guest.h"

#include <linux/io_uring.h>

struct uring {
	int fd;
	u32 flags;
	char *ring;
	size_t bytes;		/* of it */
	struct io_uring_sqe *sqe;
	struct io_uring_params p;
	unsigned int pending;
};

/* @flags as io_uring_setup() has them; the property is skipped where there is none. */
void uring_open(struct uring *u, u32 flags);

/* The next request of a batch of at most 16. */
struct io_uring_sqe *uring_next(struct uring *u, uint8_t opcode);

/* Submit the batch and wait until it is done: @results[] in the order of the requests. */
void uring_submit(struct uring *u, int *results);

/* The same with a batch of one. */
int uring_one(struct uring *u);

void uring_close(struct uring *u);

#endif /* URING_H */
