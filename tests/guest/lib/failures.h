/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail on purpose, on kernels with fault injection (CONFIG_FAILSLAB,
 * CONFIG_FAIL_PAGE_ALLOC), for one thread.
 */
#ifndef FAILURES_H
#define FAILURES_H

#include "guest.h"

/*
 * From the calling thread's folder in /proc: "fail-nth", whose Nth allocation or copy from or
 * to user space fails, or "make-it-fail", whose allocations fail at failures_often()'s
 * rate.  Neither leaves a line in the kernel's log.  Return: the open file; the property is
 * skipped where there is none.
 */
int failures_open(const char *name);

/* Write it: the number N, or whether allocations may fail. */
void failures_set(int fd, unsigned int value);

/* Allocations of slabs and of pages fail, so many of a hundred, in threads that ask for it. */
void failures_often(unsigned int percent);

/*
 * From here on the kernel may say @text, which is no complaint then (tools/check-console):
 * its own answer to a failure of its own.  Until "nothing", or the next program.
 */
void failures_announce(const char *text);

#endif /* FAILURES_H */
