// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail on purpose. */
#include "failures.h"
#include "limits.h"

#include <fcntl.h>
#include <sys/syscall.h>

static void set(const char *kind, const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	if (!access(path, F_OK) && !put_file(path, value))
		note("%s: %s", path, strerror(errno));
}

int failures_open(const char *name)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/%s", syscall(SYS_gettid), name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("this kernel cannot make allocations fail: %s", strerror(errno));
	set("failslab", "ignore-gfp-wait", "N");
	set("failslab", "verbose", "0");
	set("fail_page_alloc", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-highmem", "N");
	set("fail_page_alloc", "min-order", "0");
	set("fail_page_alloc", "verbose", "0");
	set("fail_usercopy", "verbose", "0");
	return fd;
}

void failures_set(int fd, unsigned int value)
{
	char text[12];
	int length = snprintf(text, sizeof(text), "%u", value);

	REQUIRE(pwrite(fd, text, length, 0) == length, "%u failures: %s", value,
		strerror(errno));
}

void failures_often(unsigned int percent)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	char text[12];
	unsigned int i;

	snprintf(text, sizeof(text), "%u", percent);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		set(kinds[i], "task-filter", "Y");
		set(kinds[i], "interval", "1");
		set(kinds[i], "times", "-1");
		set(kinds[i], "probability", text);
	}
}

void failures_announce(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[120];
	int length = snprintf(line, sizeof(line), "vpt-test: expects %s\n", text);

	REQUIRE(fd >= 0 && write(fd, line, length) == length, "/dev/kmsg: %s",
		strerror(errno));
	close(fd);
}
