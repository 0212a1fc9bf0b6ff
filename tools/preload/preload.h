/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvpt-preload.so: a program's anonymous memory on /dev/vpt.  README.md says what a
 * user gets; this is how it is made.
 *
 * Calls.  libc's allocator calls libc's own mmap(), munmap(), mremap(), madvise() and
 * mprotect() directly, so interposing the symbols is not enough: patch.c overwrites the
 * first instruction of each with a jump to the functions of hooks.c.  A filter
 * (seccomp) would make every system call of the process slower and outlive exec;
 * syscall user dispatch cannot tell calls apart by number, so that each read() would
 * be a signal; and both kill a process that blocks SIGSYS.  A jump costs nothing
 * elsewhere and has no state in the kernel.  What libc does not call by itself is interposed.
 *
 * Addresses.  space.c has regions of vpt, in demand mode.  Addresses are handed out
 * upwards and once: what the program unmaps is unmapped from the region with munmap(2),
 * so that a touch faults and Linux may place something else there.  A region whose
 * pages have all been unmapped is closed, and a new one is opened when the current
 * one is used up.  A page of a region is vpt's (OURS) or Linux's or nobody's; what is not
 * OURS is left to Linux, which answers for it.
 *
 * Giving up.  What vpt cannot do - no access, execution, protection keys, moving to
 * a fixed address, and being inherited - is done by Linux on Linux's memory: give.c
 * moves the pages there, at the same addresses, for good.  The other threads stand
 * still while that is done (stop.c): no store of theirs may come between the copy and the
 * change of mapping.
 *
 * Fork.  Nothing of a region is inherited, so all of it is given up before the process
 * forks (fork.c).  The fork itself is Linux's alone: the child has a true snapshot, owes
 * nothing to its parent's being alive, and it does not matter when handlers of
 * pthread_atfork() run.  Each page is copied once in its life.  What parent and child
 * map from then on is vpt's again, in regions of their own.
 *
 * Locking.  One lock, held across the system calls that change a mapping, with all signals
 * blocked but the one that stop.c uses: a thread that waits for the lock can be
 * stopped, and the thread that stops the others holds it.  State lies in memory
 * that Linux clears in a child (MADV_WIPEONFORK), however the child was made; so
 * a child starts with the lock free and no region.
 *
 * Nothing here calls what could allocate or take a lock of libc's while it holds the
 * lock: it makes its own system calls (sys.h).
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <vpt.h>

#define PAGE		4096UL
#define HIDDEN		__attribute__((visibility("hidden")))
#define EXPORTED	__attribute__((visibility("default")))

#define REGIONS		16
#define REGION_BYTES	(64UL << 30)

/* No mapping is longer, and no address higher. */
#define TASK_BYTES	(1UL << 47)

static inline unsigned long round_up(unsigned long bytes)
{
	return (bytes + PAGE - 1) & ~(PAGE - 1);
}

/* What is known of a page of a region. */
enum page_kind {
	OURS,			/* handed out and vpt's */
	READONLY,		/* and may not be written; every such page is mapped */
	UNRESERVED,		/* and was asked for with MAP_NORESERVE */
	PAGE_KINDS,
};

/**
 * struct region - one file of /dev/vpt
 * @start: first address; 0 if there is no region
 * @end: first address after
 * @next: the first address that was never handed out
 * @live: bytes that are OURS
 * @fd: the file
 * @map: a bit for each page and kind
 */
struct region {
	unsigned long start;
	unsigned long end;
	unsigned long next;
	unsigned long live;
	int fd;
	unsigned long *map[PAGE_KINDS];
};

/**
 * struct preload - the state of a process; all zero in a child
 * @pid: whose state this is; 0 before the first use
 * @lock: see space_lock()
 * @forking: how many threads are forking; nothing is served meanwhile
 * @unusable: no region can be had here, which need not be tried again
 * @allowed: bytes that may be on vpt: RLIMIT_MEMLOCK, as the process found it
 * @region: the regions
 * @current: where addresses are handed out
 * @tasks: descriptor of the folder of the process's threads, or -errno
 * @served: mmaps answered from vpt
 * @refused: mmaps left to Linux because no region could be had
 * @moved: pages given to Linux for good
 */
struct preload {
	pid_t pid;
	unsigned int lock;
	unsigned int forking;
	bool unusable;
	unsigned long allowed;
	struct region region[REGIONS];
	struct region *current;
	int tasks;
	unsigned long served;
	unsigned long refused;
	unsigned long moved;
};

extern struct preload *preload HIDDEN;
extern bool preload_on HIDDEN;		/* memory is served; in children too */

/* A part of the address space of which all pages are alike. */
enum owner { LINUX, VPT, NOBODY };

struct stretch {
	unsigned long addr;
	unsigned long bytes;
	enum owner owner;
	bool readonly;
	bool unreserved;
	struct region *region;		/* for VPT and NOBODY */
};

/* space.c: regions, and which of their pages are whose */
unsigned long space_lock(void) HIDDEN;
void space_unlock(unsigned long mask) HIDDEN;
bool space_concerns(unsigned long addr, unsigned long len) HIDDEN;
bool space_is_mine(void) HIDDEN;
/* Make a region the current one; 0 or -errno.  *@what says what failed. */
int space_open(const char **what) HIDDEN;
/* Hand out fresh addresses, or 0. */
unsigned long space_take(unsigned long bytes, bool unreserved) HIDDEN;
/* Hand out the addresses behind @s, which is VPT, as more of the same. */
bool space_take_behind(const struct stretch *s, unsigned long bytes) HIDDEN;
/* Linux has put something there, or has unmapped what was there. */
void space_forget(unsigned long addr, unsigned long bytes) HIDDEN;
/* The same, where Linux may have unmapped some, or all, or nothing. */
void space_look(unsigned long addr, unsigned long bytes) HIDDEN;
void space_readonly(const struct stretch *s, bool on) HIDDEN;
/* The stretch at @addr, up to @end at most. */
struct stretch space_stretch(unsigned long addr, unsigned long end) HIDDEN;
/* The current region hands out nothing more. */
void space_retire(void) HIDDEN;
/* All regions' OURS pages, one stretch after the other, from @addr on; false at the end. */
bool space_next_ours(unsigned long addr, struct stretch *s) HIDDEN;

/*
 * pages.c: the pages of a stretch that is VPT or NOBODY.  -ERANGE or -ENXIO is the answer where
 * the region does not have all of it any more.
 */
/* How many bytes are mapped. */
long pages_mapped(const struct stretch *s) HIDDEN;
typedef long (*run_fn)(const struct stretch *run, unsigned long arg);
/* Call @fn for each run of pages that are mapped (or are not). */
long pages_each(const struct stretch *s, bool mapped, run_fn fn, unsigned long arg) HIDDEN;
long pages_unmap(const struct stretch *s) HIDDEN;
long pages_protect(const struct stretch *s, __u32 prot) HIDDEN;
long pages_map(const struct stretch *s) HIDDEN;
/* Map what is not, unless that is more than @most bytes: -E2BIG. */
long pages_fill(const struct stretch *s, unsigned long most) HIDDEN;
void pages_copy(unsigned long to, unsigned long from, unsigned long bytes) HIDDEN;

/* give.c: to Linux; the lock is held */
long give(unsigned long addr, unsigned long bytes) HIDDEN;
long give_all(void) HIDDEN;
/* Without the lock: all pages that these bytes lie in. */
void give_bytes(const void *p, size_t bytes) HIDDEN;

/*
 * stop.c: the process's other threads stand still between stop_others() and stop_end(); the
 * lock is held.  stop_start() returns the descriptor that finds them, or -errno.
 */
int stop_start(void) HIDDEN;
long stop_others(void) HIDDEN;
void stop_end(void) HIDDEN;

/*
 * serve.c, change.c, move.c: the calls; each returns what the system call returns, -errno
 * included.  What is not vpt's is Linux's to answer, with the arguments as they are.
 */
long serve_mmap(unsigned long addr, unsigned long len, int prot, int flags, int fd,
		unsigned long offset) HIDDEN;
long serve_munmap(unsigned long addr, unsigned long len) HIDDEN;
long serve_mremap(unsigned long addr, unsigned long len, unsigned long new_len, int flags,
		  unsigned long new_addr) HIDDEN;
long serve_madvise(unsigned long addr, unsigned long len, int advice) HIDDEN;
long serve_mprotect(unsigned long addr, unsigned long len, int prot, int pkey) HIDDEN;
long serve_msync(unsigned long addr, unsigned long len, int flags) HIDDEN;
/* PR_SET_VMA_ANON_NAME */
long serve_name(unsigned long addr, unsigned long len, unsigned long name) HIDDEN;
long serve_mincore(unsigned long addr, unsigned long len, unsigned char *vec) HIDDEN;

/*
 * leave.c: calls that vpt's memory does not survive.  Each returns 0 or -errno, and then the
 * call must not be made.
 */
struct rlimit;
long leave(const char *why) HIDDEN;
long leave_for_prctl(unsigned long option) HIDDEN;
long leave_for_limit(int resource, const struct rlimit *limit) HIDDEN;
long leave_for_clone(unsigned long flags) HIDDEN;
long leave_for_unshare(int flags) HIDDEN;
/* Whichever of them syscall() makes. */
long leave_for_call(long nr, const unsigned long arg[6]) HIDDEN;
/* Whether the kernel could read what the program passes to it. */
bool can_read(const void *p, size_t bytes) HIDDEN;

/* reach.c: what this system call names to the kernel becomes Linux's */
void reach(long nr, const unsigned long arg[6]) HIDDEN;

/* preload.c: a line on stderr, unless nobody wants it */
void message(const char *what, const char *why) HIDDEN;

/* fork.c */
long fork_prepare(void) HIDDEN;
void fork_in_parent(void) HIDDEN;
int fork_start(void) HIDDEN;

/* fds.c: the library's descriptors, which the program must neither close nor find */
int fds_add(int fd) HIDDEN;
void fds_close(int *fd) HIDDEN;
void fds_close_inherited(void) HIDDEN;
long fds_dup2(int from, int to) HIDDEN;
long fds_dup3(int from, int to, int flags) HIDDEN;
long fds_close_range(unsigned int first, unsigned int last, unsigned int flags) HIDDEN;
/* What the kernel is to hear where the program names @fd. */
int fds_asked(int fd) HIDDEN;

/* patch.c */
int patch_libc(const char **what) HIDDEN;

/* hooks.c: what the patched functions jump to */
void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) HIDDEN;
int hook_munmap(void *addr, size_t len) HIDDEN;
void *hook_mremap(void *addr, size_t len, size_t new_len, int flags, void *new_addr) HIDDEN;
int hook_madvise(void *addr, size_t len, int advice) HIDDEN;
int hook_mprotect(void *addr, size_t len, int prot) HIDDEN;

#endif /* PRELOAD_H */
