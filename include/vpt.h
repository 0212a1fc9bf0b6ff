/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/vpt: a region of address space whose page table is vpt's.
 *
 *	int fd = open("/dev/vpt", O_RDWR);
 *	char *p = mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
 *
 * A region is mapped MAP_SHARED at offset 0; its length and address are multiples
 * of 1 GiB, and it ends at or below 2^47.  A file has one region at a time.  In
 * demand mode (the default) touching an address maps a zeroed 4 KiB page with the
 * region's rights; in strict mode touching an unmapped address is SIGSEGV.  A
 * forbidden access to a mapped page is SIGSEGV in both.  A touch for which there is
 * no memory, or no allowance of RLIMIT_MEMLOCK, is SIGBUS.
 *
 * The file belongs to the process that opened it: calls from another process
 * (after fork, exec or SCM_RIGHTS) fail with EPERM.  Nothing of the region is
 * inherited over fork.
 *
 * Every ioctl takes a pointer to a struct whose first field, argsz, is its size in
 * bytes as the caller knows it.  A caller with a smaller, older struct gets that
 * version's behaviour; with a larger one, all bytes the kernel does not know must
 * be 0.  Fields marked [out] are written on success only and ignored on entry;
 * reserved fields must be 0.
 *
 * Errors that every ioctl can answer, and that change nothing:
 *	EFAULT	the struct cannot be read or written, or lies in what the call would
 *		unmap, remap or make read-only
 *	EINVAL	argsz too small, unknown flag, a reserved field that is not 0
 *	E2BIG	argsz too large, with a non-zero byte beyond what the kernel knows
 *	EPERM	the caller is not the process that opened the file
 *	ENOTTY	no such ioctl
 *	EINTR	a signal that kills came while waiting for the region, or during a CHECK
 * by those that change a mapping:
 *	EIO	the table was found to violate the specification (module parameter
 *		check=): what is left is munmap(2)
 * and, where an address is taken:
 *	ENXIO	the file has no region (not mapped yet, or unmapped)
 *	EINVAL	address misaligned for the page size, or a length that is 0, not a
 *		multiple of 4 KiB, or overflows
 *	ERANGE	address, or part of the range, outside the region
 *		(non-canonical addresses too, and those with a tag: see LAM_U57)
 */
#ifndef VPT_H
#define VPT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VPT_DEVICE	"/dev/vpt"

/* Rights.  What is mapped can be read, so VPT_READ must be given. */
#define VPT_READ	(1U << 0)
#define VPT_WRITE	(1U << 1)
#define VPT_EXEC	(1U << 2)

/* Page sizes, in bytes. */
#define VPT_4K		(1ULL << 12)
#define VPT_2M		(1ULL << 21)
#define VPT_1G		(1ULL << 30)

/* What a mapping is like, as UNMAP, PROTECT, REMAP and RESOLVE report it. */
#define VPT_ACCESSED	(1U << 0)	/* the MMU has used it */
#define VPT_DIRTY	(1U << 1)	/* the MMU has written through it */

/* Configure the file, before mmap.  EBUSY once a region is mapped. */
struct vpt_config {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* VPT_STRICT or 0 */
	__u64 reserved[2];
};

#define VPT_STRICT	(1U << 0)
#define VPT_BROKEN	(1U << 1)	/* a violation was found: changes answer EIO */

/*
 * One mapping: the argument of MAP, UNMAP, PROTECT, REMAP and RESOLVE.
 *
 * MAP: map one page at @addr.  In: addr, page_size, prot, frame (0: a fresh,
 * zeroed frame; else a handle of that page size).  Out: phys.
 *	EEXIST	something is mapped inside, around or at that place
 *	EINVAL	page_size, prot, or a frame of another size; a page of 2 MiB or 1 GiB
 *		across a boundary that madvise(2), mbind(2) or the like made in the
 *		region (see /proc/PID/maps)
 *	EACCES	prot exceeds the rights the region was mapped with
 *	ENOENT	no such frame handle
 *	ENOMEM	no memory, RLIMIT_MEMLOCK, or no free 1 GiB frame
 *	EOPNOTSUPP	page_size not available on this kernel or CPU
 *
 * UNMAP: remove the mapping that starts at @addr.  In: addr.  Out: all else, as
 * the mapping was.
 * PROTECT: change its rights by one atomic store.  In: addr, prot.  Out: all else,
 * state as it was before.
 * REMAP: replace its frame by one atomic store.  In: addr, frame (0: a fresh one).
 * Out: all else; frame and state of what was replaced.
 * RESOLVE: the mapping that covers @addr, which may be any byte.  Out: addr is set
 * to the mapping's first byte; all else.
 *	ENOENT	no mapping starts at (RESOLVE: covers) addr; no such frame handle
 *	EACCES, ENOMEM, EINVAL as for MAP
 *
 * A field that an operation does not take must be 0 on entry.
 */
struct vpt_page {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* 0 */
	__u64 addr;		/* user virtual address, bytes */
	__u64 page_size;	/* VPT_4K, VPT_2M or VPT_1G */
	__u32 prot;		/* VPT_READ | VPT_WRITE | VPT_EXEC */
	__u32 state;		/* [out] VPT_ACCESSED | VPT_DIRTY */
	__u64 frame;		/* handle; 0 for a frame without one */
	__u64 phys;		/* [out] physical address, bytes; 0 without CAP_SYS_ADMIN */
	__u64 reserved[2];
};

/*
 * A range: the argument of MAP_RANGE, UNMAP_RANGE and PROTECT_RANGE.
 *
 * MAP_RANGE maps @length bytes with fresh frames of @page_size, all or none; 2^28 pages
 * and more are ENOMEM.
 * UNMAP_RANGE and PROTECT_RANGE act on every mapping that lies wholly inside, skip
 * holes, and say how much they touched (nothing mapped there is no error); a huge
 * page that straddles an end is EINVAL and nothing changes.
 * A range may not reach over a hole that munmap(2) left in the region (ERANGE).
 * Errors as for MAP, UNMAP and PROTECT.
 *
 * UNMAP_RANGE and PROTECT_RANGE go by steps of up to 8192 pages, with one shootdown
 * each.  Each 2 MiB that have been used with 4 KiB pages count as 512, so 32 MiB from
 * such a boundary on, or 16 GiB of 2 MiB pages, are one step, and are done at once; what
 * is empty counts as one for each 2 MiB, 1 GiB or 512 GiB, as tables lead there.  Of
 * a longer range each step is done, on every CPU, before the next begins, from low
 * addresses to high ones; touches and calls of other threads may come in between.  What
 * they map behind the steps that are done, or what straddles the range's end by then,
 * stays; what they unmap is skipped.  EINTR and EIO may come between two steps.
 * MAP_RANGE, and CHECK, hold the region for as long as they take.
 */
struct vpt_range {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* 0 */
	__u64 addr;		/* first byte */
	__u64 length;		/* bytes */
	__u64 page_size;	/* MAP_RANGE: VPT_4K, VPT_2M or VPT_1G; else 0 */
	__u32 prot;		/* UNMAP_RANGE: 0 */
	__u32 reserved0;
	__u64 touched_bytes;	/* [out] bytes mapped, unmapped or protected */
	__u64 touched_pages;	/* [out] mappings, of whatever size */
	__u64 reserved[2];
};

/*
 * Frames by handle, so that two addresses may map one frame and a frame may
 * outlive its mapping.  A handle is the file's own, is never 0, and keeps the
 * frame until FRAME_FREE; the frame itself lives as long as a handle or a mapping.
 *
 * FRAME_ALLOC: in: page_size; out: frame.  EINVAL, ENOMEM, EOPNOTSUPP as for MAP.
 * FRAME_FREE: in: frame; page_size must be 0.  ENOENT: no such handle.
 */
struct vpt_frame {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* 0 */
	__u64 page_size;	/* VPT_4K, VPT_2M or VPT_1G */
	__u64 frame;		/* handle */
	__u64 phys;		/* [out] as above */
	__u64 reserved[2];
};

/*
 * Counters.  The first block is this file's; the second the module's, since it was
 * inserted; the third the file's again; the last the module's.  At rest (every file closed, and
 * no table waits) frames_allocated == frames_freed and
 * tables_allocated + tables_reclaimed_foreign == tables_freed + tables_transferred.
 */
struct vpt_stats {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* [out] VPT_STRICT, VPT_BROKEN */
	__u64 region_start;	/* [out] address, 0 without a region */
	__u64 region_bytes;	/* [out] bytes still mapped */
	__u64 mapped_bytes;	/* [out] bytes of address space with a leaf */
	__u64 leaves[3];	/* [out] 4 KiB, 2 MiB, 1 GiB mappings */
	__u64 frames;		/* [out] frames in use, of any size */
	__u64 handles;		/* [out] frame handles held */
	__u64 faults;		/* [out] page faults that mapped a page */
	__u64 segvs;		/* [out] page faults answered with SIGSEGV */
	__u64 shootdowns;	/* [out] invalidations sent to all CPUs */

	__u64 frames_allocated;	/* [out] frames taken from Linux or the 1 GiB pool */
	__u64 frames_freed;	/* [out] and given back */
	__u64 tables_allocated;	/* [out] table pages taken from Linux */
	__u64 tables_reclaimed_foreign;	/* [out] tables that Linux had linked, reclaimed by vpt */
	__u64 tables_freed;	/* [out] table pages given back */
	__u64 tables_transferred;	/* [out] tables of vpt's left to Linux, which frees them */
	__u64 files;		/* [out] open files */
	__u64 pool_free;	/* [out] 1 GiB frames in the pool */

	__u64 checked;		/* [out] operations checked, see check= */
	__u64 violations;	/* [out] and how often something was wrong */

	__u64 frames_retired;	/* [out] huge frames with a bad page, not used again */
	__u64 tables_waiting;	/* [out] table pages that Linux's walkers may still look at */
	__u64 reserved[1];
};

/*
 * CHECK: run every invariant of the specification over the region's whole table.
 * Returns 0 whether or not they hold: see violations.
 */
struct vpt_check {
	__u32 argsz;		/* bytes */
	__u32 flags;		/* 0 */
	__u64 tables;		/* [out] tables visited */
	__u64 leaves;		/* [out] leaves visited */
	__u64 violations;	/* [out] how often an invariant did not hold */
	__u32 invariant;	/* [out] number of the first that did not, or 0 */
	__u32 level;		/* [out] where: level of the entry (4..1), or 0 */
	__u64 addr;		/* [out] where: address */
	__u64 entry;		/* [out] the entry; 0 without CAP_SYS_ADMIN */
	char name[64];		/* [out] the invariant's name, 0-terminated */
	__u64 reserved[2];
};

#define VPT_IOC_MAGIC		'v'
#define VPT_IOC_CONFIG		_IOW(VPT_IOC_MAGIC, 0x40, struct vpt_config)
#define VPT_IOC_MAP		_IOWR(VPT_IOC_MAGIC, 0x41, struct vpt_page)
#define VPT_IOC_UNMAP		_IOWR(VPT_IOC_MAGIC, 0x42, struct vpt_page)
#define VPT_IOC_PROTECT		_IOWR(VPT_IOC_MAGIC, 0x43, struct vpt_page)
#define VPT_IOC_REMAP		_IOWR(VPT_IOC_MAGIC, 0x44, struct vpt_page)
#define VPT_IOC_RESOLVE		_IOWR(VPT_IOC_MAGIC, 0x45, struct vpt_page)
#define VPT_IOC_MAP_RANGE	_IOWR(VPT_IOC_MAGIC, 0x46, struct vpt_range)
#define VPT_IOC_UNMAP_RANGE	_IOWR(VPT_IOC_MAGIC, 0x47, struct vpt_range)
#define VPT_IOC_PROTECT_RANGE	_IOWR(VPT_IOC_MAGIC, 0x48, struct vpt_range)
#define VPT_IOC_FRAME_ALLOC	_IOWR(VPT_IOC_MAGIC, 0x49, struct vpt_frame)
#define VPT_IOC_FRAME_FREE	_IOWR(VPT_IOC_MAGIC, 0x4a, struct vpt_frame)
#define VPT_IOC_STATS		_IOWR(VPT_IOC_MAGIC, 0x4b, struct vpt_stats)
#define VPT_IOC_CHECK		_IOWR(VPT_IOC_MAGIC, 0x4c, struct vpt_check)

#endif /* VPT_H */
