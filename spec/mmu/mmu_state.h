/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of the modelled machine: what memory, the CPUs' MMUs and the threads
 * hold between two steps.
 *
 * The geometry is the smallest that has everything: one index bit a level, so that
 * a page of level 1, 2, 3 is 1, 2, 4 pages of 4 KiB and a table holds two entries.
 * The region is [0, 8 pages): all that is behind entry 0 of the root.  Physical
 * memory is 24 pages: 0 is never used, 1 is the root, 2..7 can be tables, 8..23
 * frames (the litmus tests have eight tables more).  Addresses, physical and linear, are page numbers here.
 *
 * A state is a plain array of bytes without padding, a multiple of eight, hashed as
 * such; all sets in it are kept in one canonical order.
 */
#ifndef MMU_STATE_H
#define MMU_STATE_H

#include "spec_walk.h"

typedef uint8_t u8;
typedef uint16_t u16;

#ifndef MMU_CPUS
#define MMU_CPUS	3	/* at most */
#endif
#define MMU_VPAGES	8	/* pages of the region */
#define MMU_ROOT	1	/* page of the root */
#ifndef MMU_TABLES
#define MMU_TABLES	8	/* pages below this one are tables */
#endif
#define MMU_FRAME0	MMU_TABLES	/* first frame */
#define MMU_FRAMES	16
#define MMU_PA_BITS	17	/* MAXPHYADDR */
#ifndef MMU_TLB
#define MMU_TLB		6	/* translations that a CPU can hold at once */
#define MMU_PSC		8	/* paging-structure-cache entries likewise */
#endif
#define MMU_BUFFER	6	/* stores that wait in a store buffer */
#ifndef MMU_FLIGHTS
#define MMU_FLIGHTS	3	/* operations in flight, at most */
#endif
#define MMU_ALL_PAGES	((1U << MMU_VPAGES) - 1)

/*
 * A paging-structure entry in 13 bits: those of its bits that anybody here sets.
 * mmu_pack() refuses an entry that has others.
 */
#define MMU_E_P		(1U << 0)
#define MMU_E_RW	(1U << 1)
#define MMU_E_US	(1U << 2)
#define MMU_E_A		(1U << 3)
#define MMU_E_D		(1U << 4)
#define MMU_E_PS	(1U << 5)
#define MMU_E_XD	(1U << 6)
#define MMU_E_SW	(1U << 7)	/* bit 9: software's, ignored by hardware */
#define MMU_E_PAGE	8		/* bits 12:8: bits 16:12 of the address */
#define MMU_E_VALUES	(1U << 13)

/* Rights, of a translation and in the abstract map. */
#define MMU_X		1U
#define MMU_W		2U
#define MMU_U		4U

/*
 * A TLB entry (SDM 4.10.2.2): page number, page frame, rights, dirty flag; and the
 * page size.  0 is none.
 */
#define MMU_TLB_ENTRY(base, level, frame, rights, d) \
	((u16)((base) | (level) << 3 | (frame) << 5 | (rights) << 10 | (d) << 13))
#define MMU_TLB_BASE(e)		((e) & 7)
#define MMU_TLB_LEVEL(e)	((e) >> 3 & 3)
#define MMU_TLB_FRAME(e)	((e) >> 5 & 31)
#define MMU_TLB_RIGHTS(e)	((e) >> 10 & 7)
#define MMU_TLB_D		(1U << 13)

/*
 * A paging-structure-cache entry (SDM 4.10.3): @level 3, 2, 1 for a PML4E, PDPTE,
 * PDE cache, that is the level of the table it leads to; the first page behind the
 * cached entry; the table; the rights of the walk so far.  0 is none.
 */
#define MMU_PSC_ENTRY(base, level, table, rights) \
	((u16)((base) | (level) << 3 | (table) << 5 | (rights) << 9))
#define MMU_PSC_BASE(e)		((e) & 7)
#define MMU_PSC_LEVEL(e)	((e) >> 3 & 3)
#define MMU_PSC_TABLE(e)	((e) >> 5 & 15)
#define MMU_PSC_RIGHTS(e)	((e) >> 9 & 7)

/*
 * A walk in flight, of the MMU or of a fault of Linux's: the address, the level and page
 * of the table it reads next, rights so far, and whether it is for a write.  0 is none.
 */
#define MMU_WALK(page, level, table, rights, write) \
	((u16)((page) | ((level) & 3) << 3 | (table) << 5 | (rights) << 9 | \
	       (write) << 12 | 1U << 13))
#define MMU_WALK_PAGE(w)	((w) & 7)
#define MMU_WALK_LEVEL(w)	(((w) >> 3 & 3) ? ((w) >> 3 & 3) : 4)
#define MMU_WALK_TABLE(w)	((w) >> 5 & 15)
#define MMU_WALK_RIGHTS(w)	((w) >> 9 & 7)
#define MMU_WALK_WRITE(w)	((w) >> 12 & 1)

/**
 * struct mmu_cpu - one CPU and the thread that runs on it
 * @tlb: translations it may use; descending, 0 after the last
 * @psc: paging-structure caches, likewise
 * @walk: the walk in flight (explicit mode only)
 * @stores: frames, one bit each, to which stores of user mode may be waiting in
 *          the store buffer
 * @node: where the thread stands in its operation (mc_core.h); 0 between two
 * @answers: status + 1 of the operations done, 4 bits each
 * @ipi: for each operation in flight 0; or 1 + the number of INVLPGs that the handler of
 *       its shootdown has done
 * @op: how many operations of its program the thread has begun
 */
struct mmu_cpu {
	u16 tlb[MMU_TLB];
	u16 psc[MMU_PSC];
	u16 walk;
	u16 stores;
	u16 node;
	u16 answers;
	u8 ipi[MMU_FLIGHTS];
	u8 op;
	u8 unused[3 - MMU_FLIGHTS];
};

/*
 * A store on its way to memory; @where is page * 2 + index, or 0 for the one that
 * releases the page-table lock, 1 for the one that releases the counts' lock (plain
 * stores on x86).
 */
#define MMU_TABLE_UNLOCKS	0
#define MMU_COUNTS_UNLOCKS	1


struct mmu_store {
	u8 where;
	u8 unused;
	u16 entry;
};

/**
 * struct mmu_flight - an operation in flight
 * @buffer: store buffer of its CPU: FIFO, x86-TSO (SDM 8.2.2).  Nobody else stores to
 *          tables, but for Linux.
 * @by: 1 + number of the CPU that does it; 0: none
 * @held: pages, one bit each, behind entries whose locks that CPU holds
 * @pages: pages, one bit each, whose mapping the operation changes
 * @window: pages that it, a split, may show as not mapped
 * @expect: status + 1 that it must answer
 * @waiting: stores in @buffer
 * @pending: CPUs, one bit each, whose acknowledgement it waits for
 * @inv_start: first page of its shootdown
 * @inv_n: how many INVLPGs that takes
 * @inv_step: pages from one to the next
 * @unused: keeps what follows aligned
 */
struct mmu_flight {
	struct mmu_store buffer[MMU_BUFFER];
	u8 by;
	u8 held;
	u8 pages;
	u8 window;
	u8 expect;
	u8 waiting;
	u8 pending;
	u8 inv_start;
	u8 inv_n;
	u8 inv_step;
	u8 unused[6];
};

/*
 * What a page for tables is, in bits 3:2; its live count is bits 1:0.  Bits 5:4 of a
 * deferred one: the operation that frees it.
 */
#define MMU_T_RESERVE	0U		/* zero, in nobody's use */
#define MMU_T_TAKEN	(1U << 2)	/* the core's */
#define MMU_T_DEFERRED	(2U << 2)	/* unlinked, not yet invalidated everywhere */
#define MMU_T_OTHERS	(3U << 2)	/* Linux's, to be linked by it */
#define MMU_T_LIVE	3U
#define MMU_T_STATE	(3U << 2)
#define MMU_T_FLIGHT	4

/*
 * What a frame is: bits 3:0 count its mappings; then two bits of its state, two flags, and of
 * a dead one the operation that frees it.
 */
#define MMU_F_COUNTS	4
#define MMU_F_COUNT	((1U << MMU_F_COUNTS) - 1)
#define MMU_F_FREE	0U		/* anybody's: an access to it is an error */
#define MMU_F_HELD	(1U << MMU_F_COUNTS)	/* allocated */
#define MMU_F_DEAD	(2U << MMU_F_COUNTS)	/* its last mapping is gone */
#define MMU_F_STATE	(3U << MMU_F_COUNTS)
#define MMU_F_WRITTEN	(4U << MMU_F_COUNTS)	/* a store landed that D must tell of */
#define MMU_F_HANDLE	(8U << MMU_F_COUNTS)	/* kept without a mapping, too */
#define MMU_F_FLIGHT	(MMU_F_COUNTS + 4)

/**
 * struct mmu_state - the machine
 * @flight: operations in flight, see mmu_slot(): those that a configuration has no use
 *          for come first, so that what it uses is in one piece
 * @entry: the tables
 * @table: state and live count of each page that can be a table
 * @frame: state of each frame
 * @old: number of the abstract map (mmu_map.h) as the operations that are over left it
 * @new: number of the map that those in flight make; else equal to @old
 * @table_lock: Linux's page_table_lock is taken
 * @counts_lock: 1 + number of the CPU that has the lock of the counts of tables above
 *          level 1
 * @touching: of each VMA the CPUs, one bit each, that handle a fault of their user mode in
 *          it, and hold its lock for reading
 * @vmas_locked: VMAs, one bit each, that are locked for writing; while one is, mmap_lock
 *          is taken for writing as well
 * @foreign: how many tables Linux may still link
 * @away: CPUs, one bit each, that run another address space: not in mm_cpumask
 * @fault: Linux's fault under way, as a walk: the table that it holds a pointer into
 * @unused: keeps what follows aligned
 * @cpu: the CPUs
 */
struct mmu_state {
	struct mmu_flight flight[MMU_FLIGHTS];
	u16 entry[MMU_TABLES][2];
	u8 table[MMU_TABLES];
	u16 frame[MMU_FRAMES];
	u16 old;
	u16 new;
	u8 table_lock;
	u8 vmas_locked;
	u8 foreign;
	u8 away;
	u8 counts_lock;
	u8 touching[2];
	u8 unused;
	u16 fault;
	u16 unused_too;
	struct mmu_cpu cpu[MMU_CPUS];
};

/* Deliberate faults, to see that the checker finds them. */
enum mmu_broken {
	MMU_CORRECT,
	MMU_NO_SHOOTDOWN,	/* the entry changes and nobody invalidates */
	MMU_SELF_ONLY,		/* only the initiator invalidates */
	MMU_FREE_FIRST,		/* tables and frames are freed before the shootdown */
	MMU_FREE_BEFORE_ACK,	/* after the IPIs are sent, before they are acknowledged */
	MMU_NO_WAIT,		/* the operation returns without waiting for the acks */
	MMU_ACK_FIRST,		/* the handler acknowledges, then invalidates */
	MMU_INVLPG_KEEPS_PSC,	/* against I3 */
	MMU_PLAIN_STORE,	/* exchange as load and store: A and D get lost */
	MMU_PROTECT_GAP,	/* protect as unmap and map */
	MMU_SEND_UNDRAINED,	/* IPIs leave while the store buffer is not empty */
	MMU_HANDLER_UNDRAINED,	/* the handler acknowledges with stores in the buffer */
	MMU_EXEC_LAZY,		/* no shootdown for execution allowed */
	MMU_HALF_RANGE,		/* a range's shootdown omits its last page */
	MMU_INVALIDATE_FIRST,	/* shootdown, then the entry changes */
	MMU_UNLINK_FIRST,	/* table unlinked, then the leaf cleared: harmless */
	MMU_WRONG_ANSWER,	/* the old mapping is reported with another frame */
	MMU_ONE_VMA,		/* only the VMA at the operation's own address is locked */
	MMU_NO_GENERATION,	/* tlb_gen stays (the litmus tests have CPUs that are away) */
	MMU_EVERY_STEP,		/* no step is joined to the one before for its locks: harmless */

	/* Where several operations are in flight. */
	MMU_MAP_UNLOCKED,	/* map takes no lock */
	MMU_UNMAP_UNLOCKED,
	MMU_PROTECT_UNLOCKED,
	MMU_REMAP_UNLOCKED,
	MMU_RESOLVE_UNLOCKED,
	MMU_COUNTS_UNLOCKED,	/* counts of PDs and PDPTs change without their lock */
	MMU_LINKER_UNLOCKED,	/* PDs and PDPTs are linked without page_table_lock */
	MMU_SPAN_OF_PAGE,	/* a lock for each page, not for each entry of a PD */
	MMU_RANGE_FIRST,	/* a range locks its first span only */
	MMU_LARGE_FIRST,	/* a page of level 3 locks its first span only */
	MMU_UNLINK_NARROW,	/* a PD is unlinked with one of its spans locked */
	MMU_SWEEP_NARROW,	/* likewise by the sweep */
	MMU_WIDE_NARROW,	/* a leaf of level 3 changes with one of its spans locked */
	MMU_RELEASE_FIRST,	/* locks are released before the acknowledgements */
	MMU_LOCK_ORDER,		/* who takes all locks takes the last first */
	MMU_NOT_SWEPT,		/* a table that was left stays */
	MMU_SWEEP_BESIDE_WALKERS,	/* it is taken out while walkers may be in it */
	MMU_NO_GRACE,		/* a PT is freed while walkers may be in it */
	MMU_BROKEN_KINDS
};

/**
 * struct mmu_machine - what does not change during an exploration
 * @cpus: how many
 * @accessed: pages, one bit each, that user threads and speculation touch
 * @written: those of them that user threads store to
 * @explicit: walks in flight are registers, fills are optional, drops are steps
 * @simple: no TLB, no paging-structure caches, atomic walks
 * @spans: each operation locks what it may change (src/core/pt.h), so that several can be in
 *         flight, one on each CPU; else the whole region
 * @walkers_stay: a PT is unlinked while Linux's walkers may be in its VMA
 * @linux_links: Linux's faults walk the tables, and link empty ones
 * @boundary: first page of the region's second VMA; 0: the region is one VMA
 * @unchecked: go on after a violation: what threads observe is looked at instead
 * @broken: deliberate fault; from MMU_MAP_UNLOCKED on one of the locks
 */
struct mmu_machine {
	unsigned int cpus;
	u8 accessed;
	u8 written;
	bool explicit;
	bool simple;
	bool spans;
	bool walkers_stay;
	bool linux_links;
	u8 boundary;
	bool unchecked;
	enum mmu_broken broken;
};

/* What a step was, for the one who reads the trace. */
enum mmu_what {
	MMU_DID_THREAD,		/* @a: node before */
	MMU_DID_DRAIN,		/* the oldest store reached memory */
	MMU_DID_READ,		/* a walk for @page read an entry of @level: @a, from @b */
	MMU_DID_BEGIN,		/* a walk for @page began, at table @b of @level */
	MMU_DID_FAULT,		/* page fault at @page: its cached entries are dropped */
	MMU_DID_DROP_TLB,	/* @a */
	MMU_DID_DROP_PSC,	/* @a */
	MMU_DID_ABANDON,	/* the walk in flight is given up */
	MMU_DID_HANDLER,	/* INVLPG @page in the shootdown's handler */
	MMU_DID_LAND,		/* user stores reached memory */
	MMU_DID_LINK,		/* Linux's fault at @page links table @b at @level */
	MMU_DID_DESCEND,	/* Linux's fault at @page reads an entry of @level: @a, from @b */
	MMU_DID_LEAVE,		/* Linux's fault at @page is over */
	MMU_DID_ACCESS,		/* simple mode: an atomic walk and access to @page */
};

struct mmu_step {
	u8 what;
	u8 cpu;
	u8 page;
	u8 level;
	u8 write;
	u8 cached;
	u16 a;
	u16 b;
};

_Static_assert(offsetof(struct mmu_state, cpu) % 8 == 0 && sizeof(struct mmu_cpu) % 8 == 0 &&
	       sizeof(struct mmu_flight) % 8 == 0,
	       "mmu_hash() takes eight bytes at a time");

#endif /* MMU_STATE_H */
