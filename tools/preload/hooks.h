/* SPDX-License-Identifier: GPL-2.0 */
/* What functions that stand in for libc's share. */
#ifndef PRELOAD_HOOKS_H
#define PRELOAD_HOOKS_H

#include <dlfcn.h>
#include <errno.h>

#include "sys.h"

/* libc's own @name, looked up once. */
#define REAL(name)							\
	({								\
		static __typeof__(name) *real;				\
									\
		if (!real)						\
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
		real;							\
	})

/* What a system call returned, as libc returns it. */
static inline long errno_of(long ret)
{
	if (!sys_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

#endif /* PRELOAD_HOOKS_H */
