// SPDX-License-Identifier: GPL-2.0
/*
 * System calls of vpt and of Linux, one by one, in one process on one CPU:
 *
 *	syscalls UNIT SAMPLES SAMPLES-OF-512 [SPINNERS]
 *
 * UNIT only goes into the output: what a tick of the time-stamp counter is
 * ("instructions" under an emulator that counts them, "ns" otherwise).  With SPINNERS
 * as many threads run on other CPUs, so that each invalidation must reach them.
 *
 * vpt and Linux take turns, page by page.  After that vpt alone does the same under each
 * setting of check=, where it can be set.  Where a page stands alone its tables come
 * and go with it, for both; beside another page they stay.  THP is off: both map
 * 4 KiB pages.
 */
#include "bench_guest.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* As many entries as an operation looks at before it lets others in between (VPT_STEP). */
#define STEP		8192UL
#define PT_PAGES	512UL

enum { MAP, PROTECT, UNMAP, FAULT, OPS };
static const char *const op_name[OPS] = { "map", "protect", "unmap", "fault" };

/* An address far from everything else, for Linux' page that stands alone. */
#define ALONE		((char *)0x200000000000UL)

static struct samples vpt[OPS], linux_[OPS];
static u64 start;
static bool warming_up;			/* nothing is to be recorded */
static const char *check = "off";	/* setting of check= */

#define timed(samples, op, call)				\
	do {							\
		start = ticks_now();				\
		call;						\
		samples_add(&(samples)[op], ticks_now() - start); \
	} while (0)

static char *checked(char *p)
{
	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static void ok(int ret)
{
	if (ret)
		err(1, "mprotect or munmap");
}

static void linux_pages(char *at, unsigned long bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | (at ? MAP_FIXED : 0);
	char *p;

	if (strcmp(check, "off"))
		return;
	timed(linux_, MAP, p = mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0));
	checked(p);
	timed(linux_, PROTECT, ok(mprotect(p, bytes, PROT_READ)));
	timed(linux_, UNMAP, ok(munmap(p, bytes)));
}

static void vpt_one(struct region *r, char *va)
{
	timed(vpt, MAP, vpt_map(r, va));
	timed(vpt, PROTECT, vpt_protect(r, va, VPT_READ));
	timed(vpt, UNMAP, vpt_unmap(r, va));
}

static void vpt_many(struct region *r, char *va, unsigned long bytes)
{
	timed(vpt, MAP, vpt_map_range(r, va, bytes));
	timed(vpt, PROTECT, vpt_protect_range(r, va, bytes, VPT_READ));
	timed(vpt, UNMAP, vpt_unmap_range(r, va, bytes));
}

static void print(const char *where, unsigned long pages)
{
	int op;

	for (op = 0; op < OPS; op++) {
		if (warming_up)
			vpt[op].n = linux_[op].n = 0;
		if (!vpt[op].n)
			continue;
		samples_print(&vpt[op], "\"experiment\":\"syscalls\",\"where\":\"%s\","
			      "\"pages\":%lu,\"op\":\"%s\",\"who\":\"vpt\",\"check\":\"%s\","
			      "\"unit\":\"ticks\"", where, pages, op_name[op], check);
		if (!linux_[op].n)
			continue;
		samples_print(&linux_[op], "\"experiment\":\"syscalls\",\"where\":\"%s\","
			      "\"pages\":%lu,\"op\":\"%s\",\"who\":\"Linux\",\"check\":\"off\","
			      "\"unit\":\"ticks\"", where, pages, op_name[op]);
	}
}

static void touch(volatile char *p)
{
	*p = 1;
}

/* First touch of one page after the other, tables included. */
static void faults(struct region *r, unsigned int n)
{
	unsigned long bytes = n * PAGE, i;
	char *p = checked(mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	for (i = 0; i < bytes; i += PAGE) {
		timed(vpt, FAULT, touch(r->base + i));
		if (!strcmp(check, "off"))
			timed(linux_, FAULT, touch(p + i));
	}
	ok(munmap(p, bytes));
	vpt_unmap_range(r, r->base, bytes);
}

static void ranges_of(struct region *r, const char *where, unsigned long pages, unsigned int n)
{
	while (n--) {
		vpt_many(r, r->base + VPT_2M, pages * PAGE);
		linux_pages(ALONE, pages * PAGE);
	}
	print(where, pages);
}

static void measure(struct region *r, unsigned int ones, unsigned int ranges)
{
	char *beside = r->base + VPT_2M;
	unsigned int i;

	vpt_map(r, beside);
	for (i = 0; i < ones; i++) {
		vpt_one(r, beside + PAGE);
		linux_pages(NULL, PAGE);
	}
	vpt_unmap(r, beside);
	print("beside another", 1);

	for (i = 0; i < ones; i++) {
		vpt_one(r, beside);
		linux_pages(ALONE, PAGE);
	}
	print("alone", 1);

	ranges_of(r, "a table full", PT_PAGES, ranges);
	if (!strcmp(check, "off"))
		ranges_of(r, "a step", STEP, ranges / 8 + 1);

	faults(r, ones);
	print("first touch", 1);
}

static bool set_check(const char *how)
{
	int fd = open("/sys/module/vpt/parameters/check", O_WRONLY);
	bool done = fd >= 0 && write(fd, how, strlen(how)) == (ssize_t)strlen(how);

	if (fd >= 0)
		close(fd);
	check = done ? how : "off";
	return done;
}

int main(int argc, char **argv)
{
	unsigned int ones, ranges, others, op;
	struct region r;

	if (argc < 4)
		errx(2, "usage: syscalls UNIT SAMPLES SAMPLES-OF-512 [SPINNERS]");
	ones = (unsigned int)atoi(argv[2]);
	ranges = (unsigned int)atoi(argv[3]);
	others = argc > 4 ? (unsigned int)atoi(argv[4]) : 0;

	pin_to(0);
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		err(1, "PR_SET_THP_DISABLE");
	print_clock(argv[1]);
	for (op = 0; op < OPS; op++) {
		samples_init(&vpt[op], ones > ranges ? ones : ranges);
		samples_init(&linux_[op], ones > ranges ? ones : ranges);
	}
	region_open(&r, 2);
	spinners_start(others);
	/* Once unrecorded, so that every path has been taken and every cache is warm. */
	warming_up = true;
	measure(&r, 20, 2);
	warming_up = false;
	measure(&r, ones, ranges);
	if (set_check("op"))
		measure(&r, ones / 4 + 1, ranges / 4 + 1);
	if (set_check("full"))
		measure(&r, ones / 20 + 1, 2);
	set_check("off");
	spinners_stop();
	region_close(&r);
	return 0;
}
