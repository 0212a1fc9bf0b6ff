/* SPDX-License-Identifier: GPL-2.0 */
/* What functions that stand in for libc's share. */
#ifndef PRELOAD_HOOKS_H
#define PRELOAD_HOOKS_H

#include <dlfcn.h>
#include <errno.h>

#include "preload.h"
#include "sys.h"

/*
 * libc's own @name.  real_find_all() looks all up at the start: dlsym() waits for a thread
 * that is loading a library, which in a child may be a thread of its parent's.
 */
struct real {
	const char *name;
	void *function;
} __attribute__((aligned(16)));

#define REAL(what)							\
	({								\
		static struct real real					\
			__attribute__((section("vpt_real"), used)) = { .name = #what }; \
									\
		if (!real.function)					\
			real.function = dlsym(RTLD_NEXT, real.name);	\
		(__typeof__(what) *)real.function;			\
	})

/* hooks.c */
void real_find_all(void) HIDDEN;

/* What a system call returned, as libc returns it. */
static inline long errno_of(long ret)
{
	if (!sys_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

#endif /* PRELOAD_HOOKS_H */
