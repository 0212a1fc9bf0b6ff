// SPDX-License-Identifier: GPL-2.0
/* Modules besides vpt, which the runner put beside the program. */
#include "guest.h"

#include <fcntl.h>
#include <sys/syscall.h>

static int module_open(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.ko", name);
	return open(file, O_RDONLY | O_CLOEXEC);
}

bool module_here(const char *name)
{
	int fd = module_open(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool module_insert(const char *name)
{
	int fd = module_open(name);
	bool there = !syscall(SYS_finit_module, fd, "", 0) || errno == EEXIST;

	if (!there)
		fprintf(stderr, "%s.ko: %s\n", name, strerror(errno));
	close(fd);
	return there;
}

int module_device(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		if (!module_here(name))
			skip("%s.ko is not here", name);
		REQUIRE(module_insert(name), "%s.ko cannot be inserted", name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}
