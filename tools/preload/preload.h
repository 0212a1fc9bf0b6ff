/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvpt-preload.so: a program's anonymous memory on /dev/vpt.  See README.md.
 *
 * Everything that the SIGSYS handler calls must be safe wherever libc may be making
 * a system call: no allocation, no lock of libc's, and errno stays as it was.  So it
 * makes its own system calls (sys.h), under a lock of its own, with all signals blocked.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <vpt.h>

#define PAGE		4096UL
#define HIDDEN		__attribute__((visibility("hidden")))

/*
 * Where the region lies: far from where Linux puts things, and told apart from
 * everything else by the upper half of an address.
 */
#define SPACE_START	0x600000000000UL
#define SPACE_GIB	64UL
#define SPACE_BYTES	(SPACE_GIB << 30)
#define SPACE_END	(SPACE_START + SPACE_BYTES)
#define SPACE_PAGES	(SPACE_BYTES / PAGE)

static inline bool in_space(unsigned long addr)
{
	return addr >= SPACE_START && addr < SPACE_END;
}

/* What is known of a page of the region. */
enum page_kind {
	USED,		/* handed out */
	READONLY,	/* and may not be written */
	GONE,		/* belongs to Linux for good: something that vpt cannot do */
	PAGE_KINDS,
};

/**
 * struct preload - the library's state
 * @fd: /dev/vpt, or -1 where the program's memory is left to Linux
 * @map: a bit for each page of the region and each kind
 * @hint: no free page stands before this one
 * @served: mmaps answered from vpt
 * @refused: mmaps left to Linux because the region was full
 * @moved: pages given to Linux for good
 */
struct preload {
	int fd;
	unsigned long *map[PAGE_KINDS];
	unsigned long hint;
	unsigned long served;
	unsigned long refused;
	unsigned long moved;
};

extern struct preload preload HIDDEN;

/* space.c: which pages of the region are what */
void space_lock(void) HIDDEN;
void space_unlock(void) HIDDEN;
void space_lock_reset(void) HIDDEN;
int space_init(void) HIDDEN;
/* First page of @n that were free and are USED now, or SPACE_PAGES. */
unsigned long space_take(unsigned long n) HIDDEN;
/* The same for exactly these pages. */
bool space_take_at(unsigned long first, unsigned long n) HIDDEN;
void space_mark(enum page_kind kind, unsigned long first, unsigned long n, bool on) HIDDEN;
/* How many pages from @first on, at most @n, agree with @first on @kind; *@is tells. */
unsigned long space_run(enum page_kind kind, unsigned long first, unsigned long n,
			bool *is) HIDDEN;

/* serve.c: the calls; each returns what the system call returns, -errno included */
long serve_mmap(unsigned long len, int prot, int flags) HIDDEN;
long serve_mmap_fixed(unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, unsigned long fd, unsigned long offset) HIDDEN;
long serve_munmap(unsigned long addr, unsigned long len) HIDDEN;
long serve_mremap(unsigned long addr, unsigned long len, unsigned long new_len, int flags,
		  unsigned long new_addr) HIDDEN;
long serve_madvise(unsigned long addr, unsigned long len, int advice) HIDDEN;
long serve_mprotect(unsigned long addr, unsigned long len, int prot) HIDDEN;

/* trap.c: the filter and the handler */
int trap_install(void) HIDDEN;
bool trap_possible(const char **why) HIDDEN;

/* fork.c */
int fork_prepare(void) HIDDEN;

#endif /* PRELOAD_H */
