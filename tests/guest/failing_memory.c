// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation that a call makes fails once, on kernels with fault injection
 * (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC): the call says so and has changed nothing.
 *
 * fail-nth counts every allocation of the task, Linux's own included, and every copy from
 * or to user space where those can fail as well (CONFIG_FAULT_INJECTION_USERCOPY).
 */
#include "lib/world.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define MOST	400		/* allocations of one call */

static void set(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);

	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		note("%s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int nth_open(void)
{
	char path[60];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("this kernel cannot make allocations fail: %s", strerror(errno));
	set("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	set("/sys/kernel/debug/failslab/verbose", "0");
	set("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	set("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	set("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	set("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	set("/sys/kernel/debug/fail_usercopy/verbose", "0");
	return fd;
}

/* From here on the Nth allocation fails. */
static void nth_arm(int fd, unsigned int n)
{
	char text[12];
	int length = snprintf(text, sizeof(text), "%u", n);

	REQUIRE(pwrite(fd, text, length, 0) == length, "fail-nth: %s", strerror(errno));
}

/* Whether it came to that; and no more failures. */
static bool nth_disarm(int fd)
{
	char text[12] = "";
	bool failed;

	/* The count is down to 0 once it has failed. */
	REQUIRE(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %s", strerror(errno));
	failed = !strtoul(text, NULL, 10);
	REQUIRE(pwrite(fd, "0", 1, 0) == 1, "fail-nth: %s", strerror(errno));
	return failed;
}

/* Call @i of the world's, in a world of its own, with the Nth allocation failing. */
static bool call_fails(unsigned int i, int fd, unsigned int n)
{
	struct call calls[WORLD_CALLS];
	struct world w = { 0 };
	char what[80];
	unsigned int j;
	bool failed;
	int err;

	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	for (j = 0; j < i; j++)
		REQUIRE(!call_issue(w.r.fd, &calls[j]), "%s", calls[j].name);
	world_remember(&w);
	nth_arm(fd, n);
	err = call_issue(w.r.fd, &calls[i]);
	failed = nth_disarm(fd);

	snprintf(what, sizeof(what), "%s, failure %u", calls[i].name, n);
	if (!failed)
		EXPECT(!err, "%s: %s though nothing failed", what, strerror(-err));
	else
		EXPECT(!err || err == -ENOMEM || err == -EFAULT, "%s: %s", what,
		       strerror(-err));
	if (err == -ENOMEM)
		world_unchanged(&w, what);
	expect_sound(w.r.fd, what);
	region_close(&w.r);
	return failed;
}

static void ioctls(u64 unused)
{
	int fd = nth_open();
	unsigned int i, n;

	(void)unused;
	for (i = 0; i < WORLD_CALLS; i++) {
		for (n = 1; n < MOST && call_fails(i, fd, n); n++)
			;
		EXPECT(n < MOST, "call %u: more than %u failures", i, MOST);
	}
}

static void touches(u64 unused)
{
	int fd = nth_open();
	unsigned int n = 0;
	bool failed = true;

	(void)unused;
	for (n = 1; n < MOST && failed; n++) {
		struct region r;
		enum probe got;
		u64 value = 1;

		region_rw(&r, 1, 0);
		nth_arm(fd, n);
		got = probe_store(r.base + n * VPT_2M, n);
		failed = nth_disarm(fd);
		EXPECT(got == PROBE_OK || (failed && got == PROBE_BUS),
		       "touch, failure %u: outcome %d", n, got);
		EXPECT(probe_load(r.base + n * VPT_2M, &value) == PROBE_OK &&
		       value == (got == PROBE_OK ? n : 0),
		       "after failure %u there is %llu", n, (unsigned long long)value);
		expect_sound(r.fd, "after the touch");
		region_close(&r);
	}
	EXPECT(n < MOST, "more than %u failures", MOST);
}

static void opening(u64 unused)
{
	int fd = nth_open();
	unsigned int n;
	bool failed = true;

	(void)unused;
	for (n = 1; n < MOST && failed; n++) {
		char *p = MAP_FAILED;
		int file, err = 0;

		nth_arm(fd, n);
		file = open(VPT_DEVICE, O_RDWR);
		if (file >= 0)
			p = mmap(NULL, VPT_1G, PROT_READ, MAP_SHARED, file, 0);
		if (p == MAP_FAILED)
			err = errno;
		failed = nth_disarm(fd);
		EXPECT(failed || !err, "failure %u: %s", n, strerror(err));
		if (p != MAP_FAILED)
			munmap(p, VPT_1G);
		if (file >= 0)
			close(file);
	}
	EXPECT(n < MOST, "more than %u failures", MOST);
}

static void unmapping(u64 part)
{
	int fd = nth_open();
	unsigned int n;
	bool failed = true;

	for (n = 1; n < MOST && failed; n++) {
		struct world w = { 0 };
		char *from;

		world_open(&w, VPT_2M);
		from = w.r.base + WORLD_FREE;
		nth_arm(fd, n);
		munmap(from, part);
		failed = nth_disarm(fd);
		expect_sound(w.r.fd, "after munmap");
		munmap(w.r.base, w.r.bytes);
		close(w.r.fd);
	}
	EXPECT(n < MOST, "more than %u failures", MOST);
}

static const struct property properties[] = {
	{ "an ioctl that gets no memory changes nothing", ioctls, 0, 600 },
	{ "a touch that gets no memory is SIGBUS, and the next one works", touches, 0, 0 },
	{ "open and mmap without memory leave nothing behind", opening, 0, 0 },
	{ "munmap of a part keeps the rest though no memory is left", unmapping,
	  VPT_2M, 0 },
};

int main(int argc, char **argv)
{
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
