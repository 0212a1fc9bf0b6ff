/* SPDX-License-Identifier: GPL-2.0 */
/* The module's files in debugfs (src/kernel/checking/debugfs.c), as text. */
#ifndef VIEW_H
#define VIEW_H

#include "guest.h"

#define VIEW_MOUNT	"/sys/kernel/debug"
#define VIEW_DIR	VIEW_MOUNT "/vpt/"

/* Open one of the files; the property is skipped if there is no debugfs. */
int view_open(const char *name);

/* Choose what it shows.  Return: 0 or -errno. */
int view_select(int fd, const char *what);

/* All of it, read @step bytes at a time; to be freed. */
char *view_text(int fd, size_t step);

/* Number after "@key=" in a line, or @otherwise. */
u64 line_value(const char *line, const char *key, u64 otherwise);

const char *line_next(const char *line);

/* The first line with @key=@value, or NULL. */
const char *line_with(const char *text, const char *key, u64 value);

/* Number of the open file whose region begins at @base. */
u64 id_of(const char *base);

#endif /* VIEW_H */
