// SPDX-License-Identifier: GPL-2.0
/*
 * fork(): a region is not inherited, so the child gets copies of its pages at the same
 * addresses, from Linux, while the parent waits.  The child goes on without vpt.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "preload.h"
#include "sys.h"

/* Of the thread that forks: several may. */
static __thread int mem = -1;			/* the parent's memory */
static __thread int ready[2] = { -1, -1 };	/* the child says when it needs no more */

static void copy_page(unsigned long addr)
{
	unsigned long done = 0;

	while (done < PAGE) {
		long n = sys6(SYS_pread64, (unsigned long)mem, addr + done, PAGE - done,
			      addr + done, 0, 0);

		if (n <= 0)
			return;		/* never touched */
		done += (unsigned long)n;
	}
}

/* A stretch of the region that is in use and not Linux' already. */
static void adopt(unsigned long first, unsigned long n)
{
	unsigned long addr = SPACE_START + first * PAGE, page;
	long at = sys_mmap(addr, n * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE);

	if (sys_failed(at))
		_exit(127);
	for (page = 0; page < n; page++)
		copy_page(addr + page * PAGE);
	while (n) {
		bool readonly;
		unsigned long run = space_run(READONLY, first, n, &readonly);

		if (readonly)
			sys_mprotect(SPACE_START + first * PAGE, run * PAGE, PROT_READ);
		first += run;
		n -= run;
	}
}

static void adopt_all(void)
{
	unsigned long first = 0;
	bool used, gone;

	while (first < SPACE_PAGES) {
		unsigned long n = space_run(USED, first, SPACE_PAGES - first, &used);

		if (used) {
			n = space_run(GONE, first, n, &gone);
			if (!gone)
				adopt(first, n);
		}
		first += n;
	}
}

static void before(void)
{
	if (preload.fd < 0)
		return;
	mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (pipe2(ready, O_CLOEXEC))
		ready[0] = ready[1] = -1;
}

static void in_parent(void)
{
	char nothing;

	if (preload.fd < 0)
		return;
	close(ready[1]);
	/* A byte, or the end of file where there is no child. */
	while (sys3(SYS_read, ready[0], &nothing, 1) == -4 /* EINTR */)
		;
	close(ready[0]);
	close(mem);
}

static void in_child(void)
{
	if (preload.fd < 0)
		return;
	/*
	 * The lock may be that of a thread which is not here.  What it was marking is its
	 * own, and nobody's now.
	 */
	space_lock_reset();
	if (mem < 0 || ready[1] < 0)
		_exit(127);
	adopt_all();
	sys3(SYS_write, ready[1], "", 1);
	close(preload.fd);
	preload.fd = -1;
	close(ready[0]);
	close(ready[1]);
	close(mem);
}

int fork_prepare(void)
{
	return -pthread_atfork(before, in_parent, in_child);
}
