// SPDX-License-Identifier: GPL-2.0
/* The module's parameter check=, and properties of operations that are not checked: see guest.h. */
#include "guest.h"

#include <fcntl.h>

#define PARAMETER	"/sys/module/vpt/parameters/check"

bool check_mode_read(struct check_mode *mode)
{
	int fd = open(PARAMETER, O_RDONLY);
	const ssize_t size = fd < 0 ? -1 : read(fd, mode->is, sizeof(mode->is) - 1);

	if (fd >= 0)
		close(fd);
	mode->is[size < 0 ? 0 : size] = '\0';
	mode->is[strcspn(mode->is, "\n")] = '\0';
	return size > 0;
}

bool check_mode_write(const char *mode)
{
	int fd = open(PARAMETER, O_WRONLY);
	const bool set = fd >= 0 && write(fd, mode, strlen(mode)) == (ssize_t)strlen(mode);

	if (fd >= 0)
		close(fd);
	return set;
}

void set_check(const char *mode)
{
	REQUIRE(check_mode_write(mode), "check=%s: %s", mode, strerror(errno));
}

bool checked_fully(void)
{
	struct check_mode mode;

	return check_mode_read(&mode) && !strcmp(mode.is, "full");
}

int run_unchecked(int argc, char **argv, const struct property *p, size_t n)
{
	struct check_mode before;
	int status;

	if (!check_mode_read(&before) || !check_mode_write("off")) {
		printf("Bail out! %s: %s\n", PARAMETER, strerror(errno));
		return 1;
	}
	status = run_properties(argc, argv, p, n);
	return check_mode_write(before.is) ? status : 1;
}
