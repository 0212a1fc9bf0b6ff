// SPDX-License-Identifier: GPL-2.0
/*
 * A region with very many holes: what the module remembers of them is bounded, is
 * found quickly, and keeps nobody from what lies in a hole.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_process_mrelease
#define SYS_process_mrelease	448
#endif

#define MUNMAPS		16000
#define HOLES		20000
#define TOUCHES		256

/* The least that can be cut out of a region. */
static u64 least_cut(void)
{
	return can_cut() ? VPT_4K : VPT_1G;
}

/* A region of @n such pieces at least. */
static void region_of(struct region *r, u64 n, u64 piece, u32 flags)
{
	region_rw(r, (n * piece + VPT_1G - 1) / VPT_1G, flags);
}

/* What KASAN has in quarantine counts as in use until its cache is shrunk. */
static void shrink_kmalloc_caches(void)
{
	glob_t caches;
	size_t i;

	if (glob("/sys/kernel/slab/kmalloc-*/shrink", 0, NULL, &caches))
		return;
	for (i = 0; i < caches.gl_pathc; i++) {
		int fd = open(caches.gl_pathv[i], O_WRONLY);

		if (fd >= 0 && write(fd, "1", 1) != 1)
			note("%s: %s", caches.gl_pathv[i], strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	globfree(&caches);
}

/* Objects in use in all of the kernel's kmalloc caches. */
static u64 kmalloc_objects(void)
{
	unsigned long active;
	char line[512];
	u64 sum = 0;
	FILE *file;

	shrink_kmalloc_caches();
	file = fopen("/proc/slabinfo", "r");
	REQUIRE(file, "/proc/slabinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "kmalloc-%*s %lu", &active) == 1)
			sum += active;
	fclose(file);
	return sum;
}

/*
 * The same once what waits for RCU is free and others have rested: the least of some
 * readings, less what the rest of a kernel may have come to use.
 */
static u64 kmalloc_objects_after(void)
{
	const u64 noise = 500;
	u64 now, least = ~0ULL;
	int i;

	for (i = 0; i < 10; i++) {
		now = kmalloc_objects();
		if (now < least)
			least = now;
		usleep(200000);
	}
	return least > noise ? least - noise : 0;
}

/* Each munmap() takes the first piece of what is left: a split, and no new extent. */
static void munmaps_leave_nothing(u64 unused)
{
	u64 before, after, i, n = paced(MUNMAPS), piece = least_cut();
	struct region r;

	(void)unused;
	region_of(&r, n + 1, piece, VPT_STRICT);
	before = kmalloc_objects();
	for (i = 0; i < n; i++)
		REQUIRE(!munmap(r.base + i * piece, piece), "munmap: %s",
			strerror(errno));
	after = kmalloc_objects_after();
	EXPECT(after < before + n / 4, "%llu objects after %llu munmaps, %llu before",
	       (unsigned long long)after, (unsigned long long)n,
	       (unsigned long long)before);
	region_close(&r);
}

/* Splits that are not followed by a munmap(): one object a VMA, and no more. */
static void splits_are_bounded_by_vmas(u64 unused)
{
	u64 before, after, i, n = paced(8000), piece = least_cut();
	struct region r;

	(void)unused;
	region_of(&r, 2 * n, piece, VPT_STRICT);
	before = kmalloc_objects();
	for (i = 0; i < n; i++) {
		char *at = r.base + 2 * i * piece;

		REQUIRE(!madvise(at, piece, MADV_RANDOM), "madvise: %s", strerror(errno));
		REQUIRE(!madvise(at, piece, MADV_NORMAL), "madvise: %s", strerror(errno));
	}
	/* What was split is there for munmap() to leave holes in. */
	for (i = 0; i < n; i++)
		REQUIRE(!munmap(r.base + 2 * i * piece, piece), "munmap: %s",
			strerror(errno));
	expect_sound(r.fd, "with holes");
	REQUIRE(!munmap(r.base, r.bytes), "munmap: %s", strerror(errno));
	after = kmalloc_objects_after();
	EXPECT(after < before + n / 4, "%llu objects at the end, %llu before",
	       (unsigned long long)after, (unsigned long long)before);
	region_close(&r);
}

/* Nanoseconds that a touch of a new page takes, from @at downwards: the least of many. */
static u64 touch(char *at)
{
	u64 i, start, took, least = ~0ULL;

	for (i = 0; i < TOUCHES; i++) {
		start = now_ns();
		at[-(long)(i * VPT_4K)] = 1;
		took = now_ns() - start;
		if (took < least)
			least = took;
	}
	return least;
}

/* In a list, the last of many extents is far away. */
static void many_holes_cost_a_touch_little(u64 unused)
{
	u64 one, many, i, holes = paced(HOLES), piece = least_cut();
	struct region r;
	char *last;

	(void)unused;
	region_of(&r, 2 * holes + 1, piece, 0);
	last = r.base + r.bytes - VPT_4K;
	one = touch(last);
	REQUIRE(!vu_unmap_range(r.fd, r.base + r.bytes - VPT_1G / 2, VPT_1G / 2, NULL),
		"UNMAP_RANGE");
	for (i = 0; i < holes; i++)
		REQUIRE(!munmap(r.base + 2 * i * piece, piece), "munmap: %s",
			strerror(errno));
	many = touch(last);
	note("a touch takes %llu ns, with %llu holes %llu ns", (unsigned long long)one,
	     (unsigned long long)holes, (unsigned long long)many);
	EXPECT(many < 5 * one, "a touch takes %llu ns, with %llu holes %llu ns",
	       (unsigned long long)one, (unsigned long long)holes,
	       (unsigned long long)many);
	region_close(&r);
}

static u64 resident_pages(pid_t pid)
{
	unsigned long resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "r");
	REQUIRE(file, "%s: %s", path, strerror(errno));
	EXPECT(fscanf(file, "%*u %lu", &resident) == 1, "%s", path);
	fclose(file);
	return resident;
}

#define ANON_PAGES	2048

/* A process with anonymous memory in a hole of its region, that exits. */
static void exiting_child(void)
{
	const u64 bytes = ANON_PAGES * VPT_4K;
	const bool anywhere = can_cut();
	struct region r;
	char *hole;

	region_rw(&r, 3, 0);
	r.base[0] = 1;
	hole = mmap(r.base + (anywhere ? VPT_2M : VPT_1G), anywhere ? bytes : VPT_1G,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (hole == MAP_FAILED)
		_exit(2);
	memset(hole, 1, bytes);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	_exit(0);
}

/*
 * process_mrelease() does what the OOM reaper does.  It wants a process that is about
 * to exit; a tracer holds this one on its way.
 */
static void memory_in_a_hole_is_reaped(u64 unused)
{
	u64 before, after;
	int status, pidfd;
	pid_t child;

	(void)unused;
	child = must_fork();
	if (!child)
		exiting_child();
	REQUIRE(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "the child");
	REQUIRE(!ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT), "ptrace");
	REQUIRE(!ptrace(PTRACE_CONT, child, 0, 0), "ptrace");
	REQUIRE(waitpid(child, &status, 0) == child &&
		status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8), "status %x", status);
	before = resident_pages(child);
	EXPECT(before >= ANON_PAGES, "%llu pages", (unsigned long long)before);
	pidfd = syscall(SYS_pidfd_open, child, 0);
	EXPECT(!syscall(SYS_process_mrelease, pidfd, 0), "process_mrelease: %s",
	       strerror(errno));
	after = resident_pages(child);
	EXPECT(after + ANON_PAGES <= before + 16, "%llu pages after, %llu before",
	       (unsigned long long)after, (unsigned long long)before);
	close(pidfd);
	ptrace(PTRACE_CONT, child, 0, 0);
	EXPECT(waitpid(child, &status, 0) == child && !status, "the child's end");
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "munmaps leave no memory behind", munmaps_leave_nothing, 0, 0 },
		{ "what splits take is bounded by the VMAs", splits_are_bounded_by_vmas, 0, 0 },
		{ "many holes cost a touch little", many_holes_cost_a_touch_little, 0, 0 },
		{ "anonymous memory in a hole is reaped", memory_in_a_hole_is_reaped, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
