/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random use of a slice of a region by one thread, every answer and every byte
 * compared with what the thread knows it did.  Slices of one region may be used
 * by any number of threads at once; they share tables where they are small.
 */
#ifndef CHURN_H
#define CHURN_H

#include "guest.h"

#define CHURN_SLOTS	4	/* of 2 MiB */
#define CHURN_PAGES	6	/* used in each, spread over it */
#define CHURN_BYTES	(CHURN_SLOTS * VPT_2M)

struct slot {
	bool huge;
	bool mapped[CHURN_PAGES];
	bool writable[CHURN_PAGES];
	u64 value[CHURN_PAGES];
};

struct slice {
	int fd;
	char *base;		/* 2 MiB aligned */
	bool strict;
	bool huge_pages;	/* there are 2 MiB frames */
	bool vmas_split;	/* others split VMAs: no 2 MiB page across a boundary */
	struct rng rng;
	struct slot slot[CHURN_SLOTS];
};

void churn_init(struct slice *s, const struct region *r, u64 offset, bool strict,
		u64 stream);

/* One random step. */
void churn(struct slice *s);

/* Compare all of it. */
void churn_verify(struct slice *s);

#endif /* CHURN_H */
