// SPDX-License-Identifier: GPL-2.0
/* What a process may have, and what Linux says that it has. */
#include "limits.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NOBODY	65534
#define CGROUP	"/tmp/vpt-cgroup"

u64 status_kib(const char *field)
{
	char line[200];
	u64 kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			kib = strtoull(line + strlen(field), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

void become_nobody(void)
{
	REQUIRE(!setgid(NOBODY) && !setuid(NOBODY), "setuid");
}

bool put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

u64 cgroup_value(const char *file, const char *key)
{
	char path[80], text[1000] = "", *at = text;
	int fd;

	snprintf(path, sizeof(path), CGROUP "/test/%s", file);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = 0;
		close(fd);
	}
	if (key) {
		at = strstr(text, key);
		at = at ? at + strlen(key) : text;
	}
	return strtoull(at, NULL, 10);
}

bool cgroup_set(const char *file, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), CGROUP "/test/%s", file);
	return put_file(path, value);
}

int cgroup_open(const char *file)
{
	char path[80];

	snprintf(path, sizeof(path), CGROUP "/test/%s", file);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void enter_cgroup(void)
{
	char pid[20];

	mkdir(CGROUP, 0700);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		skip("no cgroup2: %s", strerror(errno));
	if (!put_file(CGROUP "/cgroup.subtree_control", "+memory"))
		skip("no memory controller: %s", strerror(errno));
	mkdir(CGROUP "/test", 0700);
	snprintf(pid, sizeof(pid), "%d", getpid());
	REQUIRE(put_file(CGROUP "/test/cgroup.procs", pid), "cgroup.procs: %s",
		strerror(errno));
}
