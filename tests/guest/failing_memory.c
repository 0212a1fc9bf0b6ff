// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation that a call makes fails once, on kernels with fault injection
 * (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC): the call says so and has changed nothing.
 *
 * fail-nth counts every allocation of the task, Linux's own included, and every copy from
 * or to user space where those can fail as well (CONFIG_FAULT_INJECTION_USERCOPY).
 */
#include "lib/failures.h"
#include "lib/world.h"

#include <fcntl.h>

#define MOST	400		/* allocations of one call */

/*
 * Whether the failure that was asked for came; and no more of them.  To ask, and to write, is
 * to copy from and to user space, which counts too: if it is here that it comes, it did not
 * come before.
 */
static bool nth_disarm(int fd)
{
	char text[12] = "0";
	ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
	bool failed = size > 0 && !strtoul(text, NULL, 10);

	REQUIRE(size > 0 || errno == EFAULT, "fail-nth: %s", strerror(errno));
	/* The count is down to 0 once it has failed. */
	REQUIRE(pwrite(fd, "0", 1, 0) == 1 || errno == EFAULT, "fail-nth: %s",
		strerror(errno));
	return failed;
}

/* Call @i of the world's, in a world of its own, with the Nth allocation failing. */
static bool call_fails(unsigned int i, int fd, unsigned int n)
{
	struct call calls[WORLD_CALLS];
	struct world w = { 0 };
	char what[80];
	bool failed;
	int err;

	world_open(&w, VPT_2M);
	world_calls(&w, calls);
	failures_set(fd, n);
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
	int fd = failures_open("fail-nth");
	unsigned int i, n;

	(void)unused;
	for (i = 0; i < WORLD_CALLS; i++) {
		for (n = 1; n < MOST && call_fails(i, fd, n); n++)
			;
		EXPECT(n < MOST, "call %u: more than %u failures", i, MOST);
	}
}

/* The address at which Linux has the tables already, so that all failures are vpt's; or none. */
enum tables { THERE, LINUX_MAKES };

static bool touch_fails(int fd, unsigned int n, enum tables tables)
{
	struct region r;
	enum probe got;
	u64 value = 1;
	bool failed;
	char *at;

	region_rw(&r, 1, 0);
	at = r.base + n * VPT_2M;
	if (tables == THERE)
		REQUIRE(!probe_store(at + VPT_4K, n), "touch beside");
	failures_set(fd, n);
	got = probe_store(at, n);
	failed = nth_disarm(fd);
	EXPECT(got == PROBE_OK || (failed && got == PROBE_BUS),
	       "touch, failure %u: outcome %d", n, got);
	EXPECT(probe_load(at, &value) == PROBE_OK && value == (got == PROBE_OK ? n : 0),
	       "after failure %u there is %llu", n, (unsigned long long)value);
	expect_sound(r.fd, "after the touch");
	region_close(&r);
	return failed;
}

static void touches(u64 tables)
{
	int fd = failures_open("fail-nth");
	unsigned int n;

	/* Linux says so when it has no memory for a table of its own, and repeats the fault. */
	if (tables == LINUX_MAKES)
		failures_announce("VM_FAULT_OOM leaked out to the #PF handler");
	for (n = 1; n < MOST && touch_fails(fd, n, tables); n++)
		;
	if (tables == LINUX_MAKES)
		failures_announce("nothing");
	EXPECT(n > 1, "nothing failed");
	EXPECT(n < MOST, "more than %u failures", MOST);
	note("%u failures", n - 1);
}

static void opening(u64 unused)
{
	int fd = failures_open("fail-nth");
	unsigned int n;
	bool failed = true;

	(void)unused;
	for (n = 1; n < MOST && failed; n++) {
		char *p = MAP_FAILED;
		int file, err = 0;

		failures_set(fd, n);
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
	int fd = failures_open("fail-nth");
	unsigned int n;
	bool failed = true;

	for (n = 1; n < MOST && failed; n++) {
		struct world w = { 0 };
		char *from;

		world_open(&w, VPT_2M);
		from = w.r.base + WORLD_FREE;
		failures_set(fd, n);
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
	{ "a touch that gets no memory is SIGBUS, and the next one works", touches, THERE, 0 },
	{ "so is one for which Linux has to make tables", touches, LINUX_MAKES, 0 },
	{ "open and mmap without memory leave nothing behind", opening, 0, 0 },
	{ "munmap of a part keeps the rest though no memory is left", unmapping,
	  VPT_2M, 0 },
};

int main(int argc, char **argv)
{
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
