// SPDX-License-Identifier: GPL-2.0
/*
 * Calls by which the kernel reaches the pages that a program names, in another way than
 * by touching them.  It finds nothing in a region, so those pages become Linux's first.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/uio.h>

#include "hooks.h"
#include "preload.h"
#include "sys.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv			449
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node	450
#endif
#ifndef SYS_mseal
#define SYS_mseal			462
#endif

#define MPOL_F_ADDR	2

/* As futex_waitv() takes it. */
struct waiter {
	unsigned long value;
	unsigned long word;
	unsigned int flags;
	unsigned int reserved;
};

static void parts_get(unsigned long at, unsigned long parts)
{
	const struct iovec *part = (const struct iovec *)at;
	unsigned long i;

	for (i = 0; i < parts && can_read(&part[i], sizeof(*part)); i++)
		give_bytes(part[i].iov_base, part[i].iov_len);
}

static void pages_get(unsigned long at, unsigned long pages)
{
	void *const *page = (void *const *)at;
	unsigned long i;

	for (i = 0; i < pages && can_read(&page[i], sizeof(*page)); i++)
		give_bytes(page[i], 1);
}

static void waiters_get(unsigned long at, unsigned long waiters)
{
	const struct waiter *w = (const struct waiter *)at;
	unsigned long i;

	for (i = 0; i < waiters && can_read(&w[i], sizeof(*w)); i++) {
		if (!(w[i].flags & FUTEX_PRIVATE_FLAG))
			give_bytes((void *)w[i].word, sizeof(int));
	}
}

/* The words of a futex that is not marked as the process's own. */
static void futex_gets(const unsigned long arg[6])
{
	if (arg[1] & FUTEX_PRIVATE_FLAG)
		return;
	give_bytes((void *)arg[0], sizeof(int));
	switch (arg[1] & FUTEX_CMD_MASK) {
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_WAKE_OP:
		give_bytes((void *)arg[4], sizeof(int));
	}
}

/* What is put over other memory has the size of the segment. */
static void segment_gets(unsigned long id, unsigned long addr, unsigned long flags)
{
	struct shmid_ds segment;

	if (preload_on && (flags & SHM_REMAP) && !shmctl((int)id, IPC_STAT, &segment))
		give_bytes((void *)(addr & ~(PAGE - 1)), segment.shm_segsz);
}

static void request_gets(unsigned long request, unsigned long at)
{
	const struct uffdio_range *range = (const struct uffdio_range *)at;

	if ((unsigned int)request == UFFDIO_REGISTER && can_read(range, sizeof(*range)))
		give_bytes((void *)range->start, range->len);
}

void reach(long nr, const unsigned long arg[6])
{
	switch (nr) {
	case SYS_mlock:
	case SYS_mlock2:
	case SYS_mbind:
	case SYS_mseal:
	case SYS_remap_file_pages:
	case SYS_set_mempolicy_home_node:
		give_bytes((void *)arg[0], arg[1]);
		break;
	case SYS_get_mempolicy:
		if (arg[4] & MPOL_F_ADDR)
			give_bytes((void *)arg[3], 1);
		break;
	case SYS_move_pages:
		pages_get(arg[2], arg[1]);
		break;
	case SYS_vmsplice:
		parts_get(arg[1], arg[2]);
		break;
	case SYS_futex:
		futex_gets(arg);
		break;
	case SYS_futex_waitv:
		waiters_get(arg[0], arg[1]);
		break;
	case SYS_shmat:
		segment_gets(arg[0], arg[1], arg[2]);
		break;
	case SYS_ioctl:
		request_gets(arg[1], arg[2]);
		break;
	}
}

EXPORTED int mlock(const void *addr, size_t len)
{
	give_bytes(addr, len);
	return REAL(mlock)(addr, len);
}

EXPORTED int mlock2(const void *addr, size_t len, unsigned int flags)
{
	give_bytes(addr, len);
	return REAL(mlock2)(addr, len, flags);
}

EXPORTED int remap_file_pages(void *addr, size_t len, int prot, size_t page, int flags)
{
	give_bytes(addr, len);
	return REAL(remap_file_pages)(addr, len, prot, page, flags);
}

EXPORTED void *shmat(int id, const void *addr, int flags)
{
	segment_gets((unsigned long)id, (unsigned long)addr, (unsigned long)flags);
	return REAL(shmat)(id, addr, flags);
}

EXPORTED int ioctl(int fd, unsigned long request, ...)
{
	va_list more;
	void *arg;

	va_start(more, request);
	arg = va_arg(more, void *);
	va_end(more);
	request_gets(request, (unsigned long)arg);
	return REAL(ioctl)(fds_asked(fd), request, arg);
}

EXPORTED ssize_t vmsplice(int fd, const struct iovec *part, size_t parts, unsigned int flags)
{
	parts_get((unsigned long)part, parts);
	return REAL(vmsplice)(fd, part, parts, flags);
}
