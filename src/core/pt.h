/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpt's page table: map, unmap, protect, remap, resolve at 4 KiB, 2 MiB and
 * 1 GiB, and range forms of the first three, on an x86-64 4-level table.
 *
 * What the core promises is numbered in spec/RULES.md; of these, rule 8 (no recursion,
 * no globals, tables through the environment only) is what lets it be proved as it is.
 *
 * The outside comes in through one header, pt_env.h, found on the include path:
 * the kernel, the host tests, the model checker and the prover each have their
 * own.  It must supply
 *
 *   u64, u32, bool;
 *   struct pt_env		whatever the environment keeps for one page table;
 *   pt_env_load(env, table, i)			 read entry i of the table page at
 *						 physical address @table;
 *   pt_env_store(env, table, level, i, e)	 write it: one 64-bit store, after
 *						 all stores before it;
 *   pt_env_exchange(env, table, level, i, e)	 write it, return what it replaced,
 *						 atomic against the MMU's A/D writes;
 *   pt_env_compare_exchange(env, table, level, i, old, e)
 *						 write it if it still is @old;
 *						 return what stood there;
 *   pt_env_lock(env, table, level) / pt_env_unlock()
 *						 exclude other software that writes
 *						 into this table (Linux: its page-table
 *						 lock of that level); not nested;
 *   pt_env_lock_counts(env) / pt_env_unlock_counts(env)
 *						 exclude other operations that change
 *						 the counts of tables above level 1;
 *						 pt_env_lock() nests inside;
 *   pt_env_covers(env, va, level)		 whether the operation excludes everybody
 *						 who uses what is behind @va's entry of
 *						 @level; at levels 1 and 2 it always
 *						 does;
 *   pt_env_leave(env, table)			 a table of the core's is empty, and must
 *						 not be unlinked now: forget its count;
 *   pt_env_live(env, table) / pt_env_set_live(env, table, n)
 *						 the table's live-entry count, kept
 *						 outside the page; 0 for a table the
 *						 core has not linked an entry into;
 *   pt_env_reserve(env)			 tables that can be taken for sure;
 *   pt_env_take(env, level, owned)		 take one: zeroed, 4 KiB aligned, not at
 *						 address 0, count 0, used by nobody; one
 *						 that is not @owned is a shared upper-level table
 *						 and belongs to other software once it
 *						 is linked;
 *   pt_env_release(env, table)			 a table of the core's has become a
 *						 shared upper-level table: forget its count;
 *   pt_env_defer_table(env, table, level)	 an unlinked table: all zero, but for
 *						 empty tables of other software, which
 *						 the environment looks for and takes too;
 *   pt_env_defer_leaf(env, va, level, entry)	 a leaf that a range form removed;
 *   pt_env_leaf_bits(level)			 ignored bits that each leaf must carry.
 *
 * Locking.  What an operation changes or answers about is the caller's to lock, until
 * the invalidation that it asks for has been acknowledged by every CPU.  The smallest
 * part is what is behind one entry of a PD: a PT and its pages, or a page of 2 MiB; so
 * operations behind different entries may run at the same time.  They share the tables
 * above, of which each changes the entries on its own path only.  Their live counts change
 * under pt_env_lock_counts().  A table above level 1 is unlinked by who has locked all
 * that is behind it (pt_env_covers()); whoever else empties it leaves it, as an empty
 * table that nobody counts, and pt_sweep() takes it out.  So a table on the path of what
 * an operation has locked is never unlinked.
 *
 * Hardware walks the table all the time; each operation is made so that any prefix of
 * its stores is the old or the new translation at every address.
 *
 * Reclamation.  The core frees nothing.  What it unlinks goes to the deferred-free list; the
 * caller may free or reuse it only after every CPU has invalidated (SDM 4.10.4.4,
 * 4.10.5).  The deferred-free list may hold tables on any status, so it is always flushed.
 *
 * Empty tables that other software linked in the core's places are not counted.
 * They are used when a mapping needs them, and unlinked when an operation finds
 * nothing else there.  Those that hang in a table which the core unlinks go with it:
 * nobody has counted them, and the core does not search 512 entries for them.  While
 * the core unlinks (all but pt_map() of 4 KiB pages may), the caller keeps other
 * software from linking there: pt_unlink_span() says where.
 *
 * Ownership.  The core owns a table if and only if its whole span lies inside the
 * region.  Tables above are shared upper-level tables: the core uses the entries inside its
 * region and creates a missing one, but never counts their entries and never
 * unlinks them.
 */
#ifndef PT_H
#define PT_H

#include "pt_env.h"
#include "pt_geometry.h"

/* Who drops an answer does not know whether an invalidation is due. */
#ifndef __must_check
#define __must_check	__attribute__((__warn_unused_result__))
#endif

/* Rights of a mapping.  Whatever is mapped can be read. */
#define PT_EXEC		(1U << 0)
#define PT_WRITE	(1U << 1)	/* these two as in an entry (pt_entry.h) */
#define PT_USER		(1U << 2)
#define PT_RIGHTS	(PT_WRITE | PT_EXEC | PT_USER)

enum pt_status {
	PT_OK = 0,
	PT_EXISTS,	/* something is mapped inside, around or at that place */
	PT_NOENT,	/* nothing is mapped there, or no mapping starts there */
	PT_INVALID,	/* alignment, level, range, rights, or a straddled huge leaf */
	PT_NOMEM,	/* the reserve holds too few tables */
	PT_AGAIN,	/* an empty foreign table was unlinked: invalidate, call again */
	PT_WIDER,	/* more must be locked; nothing was changed */
};

/**
 * struct pt - one page table, seen through one region of it
 * @env: the environment's side
 * @root: physical address of the level-4 table, in bytes
 * @start: first byte of the region
 * @end: first byte after it
 * @pa_limit: first physical address that an entry cannot hold (2^MAXPHYADDR)
 */
struct pt {
	struct pt_env *env;
	u64 root;
	u64 start;
	u64 end;
	u64 pa_limit;
};

/**
 * struct pt_mapping - one leaf, decoded
 * @va: first byte it maps
 * @pa: first byte of its frame
 * @level: 1, 2 or 3; it maps pt_size(@level) bytes
 * @rights: PT_WRITE | PT_EXEC | PT_USER
 * @accessed: hardware has used the mapping
 * @dirty: hardware has written through it
 */
struct pt_mapping {
	u64 va;
	u64 pa;
	unsigned int level;
	u32 rights;
	bool accessed;
	bool dirty;
};

/**
 * struct pt_touched - what a range form did
 * @bytes: bytes of address space whose mapping was removed or changed
 * @leaves: leaves removed or changed
 * @revoked: rights were taken away (protect), so an invalidation is due
 */
struct pt_touched {
	u64 bytes;
	u64 leaves;
	bool revoked;
};

/**
 * pt_init() - describe a region of a page table
 * @pt: filled in
 * @env: environment
 * @root: physical address of the root table, 4 KiB aligned, not 0, below
 *	2^@maxphyaddr
 * @start: first byte, a multiple of the smallest page size
 * @end: first byte after, likewise; at most 2^PT_VA_BITS
 * @maxphyaddr: physical-address width in bits, 13..52 (CPUID 80000008H:EAX[7:0])
 *
 * Touches no table.  Return: PT_OK, or PT_INVALID.
 */
enum pt_status __must_check pt_init(struct pt *pt, struct pt_env *env, u64 root,
				    u64 start, u64 end, unsigned int maxphyaddr);

/**
 * pt_map() - map one page
 * @pt: region
 * @va: address, a multiple of the page size
 * @pa: frame, a multiple of the page size, below 2^MAXPHYADDR
 * @level: 1 (4 KiB), 2 (2 MiB) or 3 (1 GiB)
 * @rights: PT_WRITE | PT_EXEC | PT_USER
 *
 * Needs up to three tables in the reserve.  A not-present entry becomes present,
 * so no invalidation is due (SDM 4.10.4.3).  Links empty tables from the top down
 * and makes the page visible with one last store.
 *
 * Return: PT_OK; PT_EXISTS, PT_INVALID, PT_NOMEM with nothing changed; PT_AGAIN
 * (levels 2 and 3 only) when an empty table that the core does not count stood in
 * the place: it is in the deferred-free list now, and after the invalidation (SDM 4.10.4.2: P
 * cleared before the page size changes) the call can be repeated.
 */
enum pt_status __must_check pt_map(struct pt *pt, u64 va, u64 pa, unsigned int level, u32 rights);

/**
 * pt_unmap() - remove one mapping, and the tables it leaves empty
 * @pt: region
 * @va: first address of the mapping
 * @old: what was mapped, with the A and D that hardware had set
 *
 * Clears the leaf, then unlinks emptied tables bottom-up into the deferred-free list.  An
 * invalidation of @va on every CPU is due before the frame or a deferred table is
 * reused; it also covers the unlinked tables (SDM 4.10.4.1: INVLPG drops all
 * paging-structure caches of the PCID).  The caller excludes software walkers
 * that hold pointers into tables.
 *
 * Return: PT_OK; PT_NOENT if no mapping starts at @va, though a table that held
 * nothing may have been deferred; PT_INVALID if @va lies outside the region or is
 * not a multiple of 4 KiB; PT_WIDER, with nothing changed, if the leaf is larger than
 * what the operation covers (pt_env_covers()).
 */
enum pt_status __must_check pt_unmap(struct pt *pt, u64 va, struct pt_mapping *old);

/**
 * pt_protect() - change the rights of one mapping by one atomic store
 * @pt: region
 * @va: first address of the mapping
 * @rights: new rights
 * @old: the mapping as it was; @old->dirty is the last value of D where the right
 *       to write is taken away (a read-only dirty leaf would be a shadow-stack
 *       page, SDM vol. 1 section 17.2)
 * @revoked: set if some right was taken away: an invalidation of @va is due.
 *           Rights that are only added need none (SDM 4.10.4.3).
 *
 * At no instant does an access fault that both the old and the new rights allow.
 * Return: PT_OK, PT_NOENT, PT_WIDER, PT_INVALID (as for pt_unmap(), or bad rights).
 */
enum pt_status __must_check pt_protect(struct pt *pt, u64 va, u32 rights,
				       struct pt_mapping *old, bool *revoked);

/**
 * pt_remap() - replace the frame of one mapping by one atomic store
 * @pt: region
 * @va: first address of the mapping
 * @pa: new frame, a multiple of the mapping's size
 * @old: the mapping as it was, with its frame
 *
 * Size and rights stay.  An invalidation of @va is due before @old->pa is reused.
 * Return: PT_OK, PT_NOENT, PT_WIDER, PT_INVALID (as for pt_unmap(), or a bad frame).
 */
enum pt_status __must_check pt_remap(struct pt *pt, u64 va, u64 pa, struct pt_mapping *old);

/**
 * pt_resolve() - the mapping that covers an address
 * @pt: region
 * @va: any address of the region
 * @found: the mapping
 *
 * Return: PT_OK, PT_NOENT, PT_INVALID (outside the region).
 */
enum pt_status __must_check pt_resolve(struct pt *pt, u64 va, struct pt_mapping *found);

/**
 * pt_map_tables() - tables that pt_map_range() would take
 * @va: first address
 * @n: pages, at least one and no more than the address space holds
 * @level: page size
 *
 * Return: an upper bound that needs no look at the table: one table for each
 * table's span that the range touches, at each level from @level up to 3.
 */
u64 pt_map_tables(u64 va, u64 n, unsigned int level);

/**
 * pt_map_range() - map consecutive pages, all or none
 * @pt: region
 * @va: first address, a multiple of the page size
 * @pa: @n frames, each as for pt_map()
 * @n: pages
 * @level: page size
 * @rights: rights of all of them
 *
 * One walk per table.  No invalidation is due.
 * Return: as pt_map(); on anything but PT_OK no page is mapped.
 */
enum pt_status __must_check pt_map_range(struct pt *pt, u64 va, const u64 *pa, u64 n,
					 unsigned int level, u32 rights);

/**
 * pt_unmap_range() - remove every mapping that lies wholly inside
 * @pt: region
 * @va: first address, a multiple of 4 KiB
 * @end: first address after, likewise
 * @done: what was removed
 *
 * Skips holes.  Each leaf goes to pt_env_defer_leaf(), each emptied table to the
 * deferred-free list.  One invalidation of the range is due, as for pt_unmap().
 * Return: PT_OK; PT_INVALID with nothing changed if the range is empty, misaligned
 * or outside the region, or if a leaf straddles @va or @end.
 */
enum pt_status __must_check pt_unmap_range(struct pt *pt, u64 va, u64 end,
					   struct pt_touched *done);

/**
 * pt_protect_range() - change the rights of every mapping wholly inside
 * @pt: region
 * @va: first address, a multiple of 4 KiB
 * @end: first address after, likewise
 * @rights: new rights
 * @done: what was changed; @done->revoked says whether an invalidation is due
 *
 * D of a leaf that loses the right to write is forgotten.
 * Return: as pt_unmap_range(), and PT_INVALID for bad rights.
 */
enum pt_status __must_check pt_protect_range(struct pt *pt, u64 va, u64 end, u32 rights,
					     struct pt_touched *done);

/**
 * pt_sweep() - unlink the tables on an address' path that hold nothing
 * @pt: region
 * @va: address
 *
 * Other software linked them there for a mapping that did not come about, or an
 * operation left them (pt_env_leave()).  They go to the deferred-free list.
 */
void pt_sweep(struct pt *pt, u64 va);

/**
 * pt_split_break() - first half of splitting a leaf: make it not present
 * @pt: region
 * @va: first address of a leaf at level 2 or 3
 * @old: the leaf
 *
 * The place stays counted and reserved.  The caller invalidates @va on every CPU
 * (SDM 4.10.4.2), keeps everybody else from filling the entry, and calls
 * pt_split_make().  Neither half takes the table's lock: the caller may hold it.
 * Return: PT_OK, PT_NOENT (no leaf of level 2 or 3 starts there), PT_INVALID,
 * PT_NOMEM if the reserve is empty.
 */
enum pt_status __must_check pt_split_break(struct pt *pt, u64 va, struct pt_mapping *old);

/**
 * pt_split_make() - second half: the same memory through leaves one level below
 * @pt: region
 * @old: what pt_split_break() handed out
 *
 * Takes one table, fills it (nobody sees it yet) and links it with one store.
 * Rights, A and D are those of the old leaf.
 */
void pt_split_make(struct pt *pt, const struct pt_mapping *old);

/**
 * pt_unlink_span() - the addresses behind the tables that an unmapping may unlink
 * @pt: region
 * @start: first address that pt_unmap() or pt_unmap_range() is to deal with
 * @end: first address after, likewise
 *
 * Widens the range to the spans of the widest tables that the core owns on the paths
 * of its first and its last address; they lie in the region.  A walker that may hold a
 * pointer into a table of any of these addresses must be kept out.  Depends on the
 * region's bounds alone, not on the table.
 */
void pt_unlink_span(const struct pt *pt, u64 *start, u64 *end);

/**
 * pt_release() - stop counting in the tables that an address cuts in two
 * @pt: region as it was
 * @va: new end of the region on one side and start on the other
 *
 * For a region that is about to lose a part: the tables whose span has @va inside
 * become shared upper-level tables.  Changes no translation.
 */
void pt_release(struct pt *pt, u64 va);

#endif /* PT_H */
