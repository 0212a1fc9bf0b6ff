// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptors of libvpt-preload.so: a program that closes what it has not opened does not
 * close them, one that asks for each number does not find them, and the numbers are its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload_test.h"

#define OWN	500

static bool has_own(void)
{
	return fcntl(OWN, F_GETFD) >= 0 && rightly_placed(malloc(MIB)) &&
	       fcntl(OWN, F_GETFD) >= 0;
}

/* Bits of the ways of asking that find @fd open. */
static unsigned int asked(int fd)
{
	int (*fxstat)(int, int, struct stat *) = dlsym(RTLD_DEFAULT, "__fxstat");
	int (*fxstatat)(int, int, const char *, struct stat *, int) =
		dlsym(RTLD_DEFAULT, "__fxstatat");
	struct statx stx;
	struct stat st;
	const bool open[] = {
		!fstat(fd, &st),
		!fstatat(fd, "", &st, AT_EMPTY_PATH),
		!statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx),
		!syscall(SYS_fstat, fd, &st),
		!syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH),
		!syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx),
		fcntl(fd, F_GETFD) >= 0,
		fcntl(fd, F_DUPFD, 0) >= 0,
		syscall(SYS_fcntl, fd, F_GETFL) >= 0,
		!ioctl(fd, FIOCLEX),
		!syscall(SYS_ioctl, fd, FIOCLEX),
		dup(fd) >= 0,
		dup2(fd, fd) >= 0,
		dup2(fd, 1023) >= 0,
		dup3(fd, 1023, O_CLOEXEC) >= 0,
		syscall(SYS_dup, fd) >= 0,
		syscall(SYS_dup2, fd, fd) >= 0,
		syscall(SYS_dup3, fd, 1023, 0) >= 0,
		fxstat && !fxstat(1, fd, &st),
		fxstatat && !fxstatat(1, fd, "", &st, AT_EMPTY_PATH),
	};
	unsigned int i, found = 0;

	for (i = 0; i < sizeof(open) / sizeof(*open); i++)
		found |= (unsigned int)open[i] << i;
	return found;
}

/* As a program sees it that asks for each. */
static unsigned int found_open(void)
{
	unsigned int found = 0;
	int fd;

	for (fd = 3; fd < 1023; fd++)
		found |= asked(fd);
	return found;
}

/* What was moved for a call that failed is found nowhere, and the number is free. */
static bool fails_to_dup(void)
{
	int fd;

	for (fd = OWN; fd < OWN + 8; fd++) {
		if (dup2(-1, fd) != -1 || errno != EBADF)
			return false;
	}
	return !found_open() && fcntl(1, F_DUPFD, OWN + 2) == OWN + 2 &&
	       dup3(1, OWN, -1) == -1 && errno == EINVAL;
}

static void test_descriptors(void)
{
	int fd;

	/* As daemons do. */
	for (fd = 3; fd < 1024; fd++)
		close(fd);
	TAP_CHECK(rightly_placed(malloc(MIB)), "after close");
	closefrom(3);
	TAP_CHECK(rightly_placed(malloc(MIB)), "after closefrom");
	TAP_CHECK(!found_open(), "open for these ways of asking: %#x", found_open());
	TAP_CHECK(in_child(fails_to_dup), "a dup2() that fails");
	TAP_CHECK(!close_range(3, ~0U, 0), "close_range");
	TAP_CHECK(rightly_placed(malloc(MIB)), "after close_range");
	for (fd = OWN; fd < OWN + 8; fd++)
		TAP_CHECK(dup2(1, fd) == fd, "dup2: %s", strerror(errno));
	TAP_CHECK(rightly_placed(malloc(MIB)), "after dup2");
	TAP_CHECK(in_child(has_own), "a child's descriptor");
	for (fd = OWN; fd < OWN + 8; fd++)
		TAP_CHECK(!close(fd), "closing its own: %s", strerror(errno));
}

static volatile bool opening;

/* Each of them wants a region of its own. */
static void *open_regions(void *arg)
{
	int i;

	for (i = 0; i < 60; i++) {
		char *p = mmap(NULL, 40UL << 30, RW,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p != MAP_FAILED)
			munmap(p, 40UL << 30);
	}
	opening = false;
	return arg;
}

/* The library opens a region at the number that the program wants by then. */
static bool keeps_number(void)
{
	pthread_t thread;
	struct stat st;
	int fd = dup(1);

	opening = true;
	if (fd < 0 || pthread_create(&thread, NULL, open_regions, NULL))
		return false;
	while (opening) {
		close(fd);
		if (dup2(1, fd) != fd || fstat(fd, &st))
			return false;
	}
	pthread_join(thread, NULL);
	return rightly_placed(fresh(MIB));
}

static void test_opening(void)
{
	TAP_CHECK(in_child(keeps_number), "it is closed, or another file's");
}

/* The first is free, and each may be the program's: the last, too. */
static int use_all(void)
{
	struct rlimit limit;
	char *p = filled(MIB);
	int fd;

	if (!p || open("/dev/null", O_RDONLY) != 3 || getrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	close(3);
	for (fd = 3; fd < (int)limit.rlim_cur; fd++) {
		if (dup2(1, fd) != fd)
			return 1;
	}
	closefrom(3);
	return all_are(p, MIB, 'a') && malloc(4 * MIB) && forks_with(p, MIB) ? SEVEN : 1;
}

static bool starts_with(rlim_t descriptors)
{
	struct rlimit few = { descriptors, descriptors };
	char *args[] = { "fds_test", "--few", NULL };

	return !setrlimit(RLIMIT_NOFILE, &few) && !execv("./fds_test", args);
}

static bool has_few_descriptors(void)
{
	return starts_with(40);
}

static bool has_very_few_descriptors(void)
{
	return starts_with(9);
}

static void test_few(void)
{
	TAP_CHECK(in_child(has_few_descriptors), "the first is not free");
	TAP_CHECK(in_child(has_very_few_descriptors), "the first, or one of all, is not free");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--few"))
		return use_all();
	run(test_descriptors, "the library's descriptors stay open, and out of the way");
	run(test_opening, "a region that is opened takes no number from the program");
	run(test_few, "few descriptors are the program's own");
	return tap_done();
}
