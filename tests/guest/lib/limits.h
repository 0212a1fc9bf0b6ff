/* SPDX-License-Identifier: GPL-2.0 */
/* What a process may have, and what Linux says that it has. */
#ifndef LIMITS_H
#define LIMITS_H

#include "guest.h"

/* A line of /proc/self/status that begins with @field, in kB. */
u64 status_kib(const char *field);

/* Root is not bound by RLIMIT_MEMLOCK.  Files that are open stay open. */
void become_nobody(void);

bool put_file(const char *path, const char *text);

/* Move to a memory cgroup of its own; skip the property where there is none. */
void enter_cgroup(void);

/* A number in one of the group's files, after the word @key if it is not NULL. */
u64 cgroup_value(const char *file, const char *key);
bool cgroup_set(const char *file, const char *value);

/* For who is at the limit: to open a file there is charged, and Linux may kill for it. */
int cgroup_open(const char *file);

#endif /* LIMITS_H */
