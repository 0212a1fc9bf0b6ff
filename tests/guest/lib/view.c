// SPDX-License-Identifier: GPL-2.0
/* The module's files in debugfs, as text. */
#include "view.h"

#include <fcntl.h>
#include <sys/mount.h>

int view_open(const char *name)
{
	char path[64];
	int fd;

	if (mount("debugfs", VIEW_MOUNT, "debugfs", 0, NULL) && errno != EBUSY)
		skip("no debugfs: %s", strerror(errno));
	snprintf(path, sizeof(path), VIEW_DIR "%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

int view_select(int fd, const char *what)
{
	return write(fd, what, strlen(what)) == (ssize_t)strlen(what) ? 0 : -errno;
}

char *view_text(int fd, size_t step)
{
	size_t room = 1 << 16, n = 0;
	char *text = malloc(room + 1);
	ssize_t got;

	REQUIRE(text, "malloc");
	REQUIRE(!lseek(fd, 0, SEEK_SET), "lseek: %s", strerror(errno));
	while ((got = read(fd, text + n, step < room - n ? step : room - n)) > 0) {
		n += got;
		if (n == room) {
			room *= 2;
			text = realloc(text, room + 1);
			REQUIRE(text, "realloc");
		}
	}
	REQUIRE(!got, "read: %s", strerror(errno));
	text[n] = 0;
	return text;
}

u64 line_value(const char *line, const char *key, u64 otherwise)
{
	const char *at, *end = line + strcspn(line, "\n");
	size_t n = strlen(key);

	for (at = line; at + n < end; at += strcspn(at, " ") + 1) {
		if (!strncmp(at, key, n) && at[n] == '=')
			return strtoull(at + n + 1, NULL, 0);
	}
	return otherwise;
}

const char *line_next(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

const char *line_with(const char *text, const char *key, u64 value)
{
	const char *line;

	for (line = text; *line; line = line_next(line)) {
		if (line_value(line, key, ~value) == value)
			return line;
	}
	return NULL;
}

u64 id_of(const char *base)
{
	int fd = view_open("regions");
	char *text = view_text(fd, 4096);
	const char *line = line_with(text, "start", (u64)base);
	u64 id = 0;

	if (EXPECT(line, "no region at %p in:\n%s", base, text))
		id = line_value(line, "id", 0);
	free(text);
	close(fd);
	return id;
}
