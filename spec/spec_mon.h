/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol monitor: every table page and every entry of a region runs through
 * an automaton, stepped by what the page table's software and its shootdowns say
 * that they do.  It looks at no memory and shares no code with what it watches.
 *
 * It judges what the Intel SDM (vol. 3A, 4.10.4 and 4.10.5) demands between a change
 * of an entry and the next use of what the change took away: the invariants of
 * spec_inv.h hold at one moment, this is about the order of things.
 *
 * An entry
 *
 *	state	 event				    becomes   unless (violation)
 *	-------  ---------------------------------  --------  -------------------------
 *	unseen	 any write, or ENTRY_SEEN	    by the value it held
 *	clean	 write: present			    present
 *	present	 atomic write: 0 (leaf), any: 0	    dropped   a plain store hits a leaf
 *		 atomic write: other frame, fewer   stale     plain; another size; other
 *		   rights, or execution newly		        bits beside the address
 *		   allowed (Linux needs that)
 *		 atomic write: more rights	    present
 *	stale	 the shootdown that covers it ends  present   REGION_UNLOCK comes first
 *	dropped	 the shootdown that covers it ends  clean     a write makes it present,
 *							      or REGION_UNLOCK, first
 *
 * A shootdown covers an entry if it began after the change and one of its addresses
 * lies in the page; for an entry that led to a table any address will do, because
 * INVLPG drops all paging-structure caches of the PCID (4.10.4.1).  Until it ends,
 * the entry counts as cached by each CPU of whose invalidation there was no event.
 *
 * A table page
 *
 *	state	     event				       becomes	    unless
 *	-----------  ----------------------------------------  -----------  ---------
 *	(unknown)    TABLE_SEEN, or a write into it	       linked
 *	(unknown)    TABLE_TAKE				       taken	    not zero
 *	reserved     TABLE_TAKE				       taken	    not zero
 *	taken	     written into another table's entry	       linked	    wrong level
 *	linked	     that entry becomes 0		       unlinked	    not empty, or
 *									    not all inside
 *	linked, and  REGION_LOCK without a region	       (unknown)
 *	 not whole
 *	unlinked     the shootdown that covers it ends	       invalidated
 *	taken	     TABLE_FREE: it was not needed	       reserved, (unknown)
 *	invalidated  TABLE_FREE				       reserved, (unknown)
 *
 * A frame is mapped by a number of leaves, and dropped by those of them that are
 * dropped or stale; it is free to go when both are 0.
 *
 * Other software links tables too, and frees those that the region does not own, with its
 * last VMA.
 * Nothing is said about what the monitor has not seen: where it knows too little it
 * is silent.
 */
#ifndef SPEC_MON_H
#define SPEC_MON_H

#include "spec_walk.h"

/* Of recorded traces: one more when an event or a field gets another name or meaning. */
#define SPEC_MON_FORMAT	1

#define SPEC_MON_CPUS	64	/* a mask has CPUs 0..63 */
#define SPEC_MON_ANY	(~0ULL)	/* an address that is not known */

/* One thing that happens.  The fields that count are named behind each. */
enum spec_mon_kind {
	SPEC_MON_REGION_LOCK,	/* @by, @lo, @hi, @gen: @by's to change; none if @lo = @hi */
	SPEC_MON_REGION_UNLOCK,	/* @by: what was done counts as done */
	SPEC_MON_OPERATION,	/* @start, @end, @lo, @hi: what is to be done, and where */
	SPEC_MON_TABLE_SEEN,	/* @table, @level, @base, @parent: it is linked */
	SPEC_MON_ENTRY_SEEN,	/* @table, @level, @index, @old: in a table seen */
	SPEC_MON_TABLE_TAKE,	/* @table, @level, @owned, @zero: out of the reserve */
	SPEC_MON_TABLE_LOCK,	/* @table, @level, @by */
	SPEC_MON_TABLE_UNLOCK,	/* the same */
	SPEC_MON_STORE,		/* @table, @level, @index, @old, @new, @by: plain */
	SPEC_MON_EXCHANGE,	/* the same, atomic */
	SPEC_MON_COMPARE,	/* the same, and nothing unless @old is @expected */
	SPEC_MON_TABLE_DEFER,	/* @table, @level: to be freed */
	SPEC_MON_TABLE_RELEASE,	/* @table: other software's from now on */
	SPEC_MON_FRAME_DEFER,	/* @frame, @level: to be freed */
	SPEC_MON_SHOOT_BEGIN,	/* @start, @end, @shift, @cpus, @gen */
	SPEC_MON_INVALIDATE,	/* @cpu, @start, @end, @shift, @all: done, on that CPU */
	SPEC_MON_ACK,		/* @cpu */
	SPEC_MON_SHOOT_END,	/* @cpus: of those asked, the ones still there */
	SPEC_MON_TABLE_FREE,	/* @table, @level, @reserve */
	SPEC_MON_FRAME_FREE,	/* @frame, @level */
	SPEC_MON_KINDS
};

/**
 * struct spec_mon_event - one event
 * @kind: what happened
 * @level: of the table, 1..4; of the frame, 1..3
 * @index: of the entry
 * @owned: the table will be the region's own
 * @zero: all its entries are 0
 * @reserve: freed back into the reserve, not to the system
 * @all: everything that the CPU has cached, whatever the range
 * @cpu: 0..63
 * @shift: log2 of the distance of the addresses that are invalidated in a range
 * @by: task
 * @table: physical address, bytes; a lock at level 3 or 4 is one for all of them, and
 *	   may come with 0
 * @base: first address that the table translates
 * @parent: the table above it, 0 if none
 * @old: what the entry held before
 * @new: what it was to hold
 * @expected: what it was expected to hold
 * @start: first byte of a range of addresses
 * @end: first byte after it
 * @lo: first byte that may be changed
 * @hi: first byte after
 * @cpus: mask of CPUs
 * @gen: generation of the address space's translations, raised before each
 *	 shootdown for CPUs that are not interrupted; 0 if there is none
 * @frame: physical address, bytes
 */
struct spec_mon_event {
	enum spec_mon_kind kind;
	unsigned int level;
	unsigned int index;
	bool owned;
	bool zero;
	bool reserve;
	bool all;
	unsigned int cpu;
	unsigned int shift;
	u64 by;
	u64 table;
	u64 base;
	u64 parent;
	u64 old;
	u64 new;
	u64 expected;
	u64 start;
	u64 end;
	u64 lo;
	u64 hi;
	u64 cpus;
	u64 gen;
	u64 frame;
};

/* Violations are numbered 1..SPEC_MON_LAST; spec_mon_list.c has their sentences. */
enum spec_mon_wrong {
	SPEC_MON_NONE,
	SPEC_MON_ENTRY_REUSED,
	SPEC_MON_TABLE_REUSED,
	SPEC_MON_TABLE_FREED_EARLY,
	SPEC_MON_TABLE_FREED_LINKED,
	SPEC_MON_FRAME_FREED_EARLY,
	SPEC_MON_FRAME_FREED_MAPPED,
	SPEC_MON_NO_LOCK,
	SPEC_MON_LOCK_ORDER,
	SPEC_MON_NO_REGION_LOCK,
	SPEC_MON_ACK_EARLY,
	SPEC_MON_SHOOT_CUT_SHORT,
	SPEC_MON_NO_GENERATION,
	SPEC_MON_REPLACED,
	SPEC_MON_RESIZED,
	SPEC_MON_PLAIN_OVER_LEAF,
	SPEC_MON_OUTSIDE,
	SPEC_MON_WRONG_LEVEL,
	SPEC_MON_UNLINKED_FULL,
	SPEC_MON_LINKED_UNTAKEN,
	SPEC_MON_NOT_ZERO,
	SPEC_MON_DEAD_STORE,
	SPEC_MON_DEFERRED_LINKED,
	SPEC_MON_LEFT_STALE,
	SPEC_MON_LEFT_UNEXECUTABLE,
	SPEC_MON_LEFT_TABLE,
	SPEC_MON_FOREIGN_CHANGE,
	SPEC_MON_LAST = SPEC_MON_FOREIGN_CHANGE
};

/* What has become of a table page. */
enum spec_mon_table_state {
	SPEC_MON_UNKNOWN,
	SPEC_MON_RESERVED,
	SPEC_MON_TAKEN,
	SPEC_MON_LINKED,
	SPEC_MON_UNLINKED,
	SPEC_MON_INVALIDATED,
};

/* What has become of an entry. */
enum spec_mon_entry_state {
	SPEC_MON_UNSEEN,
	SPEC_MON_CLEAN,
	SPEC_MON_PRESENT,
	SPEC_MON_STALE,
	SPEC_MON_DROPPED,
};

/**
 * struct spec_mon_verdict - the first violation
 * @wrong: its number; SPEC_MON_NONE if there is none
 * @table: table it is about, 0 if none
 * @level: of the table
 * @index: of the entry, where it is about one
 * @va: address it is about, SPEC_MON_ANY if that is not known
 * @frame: frame it is about, 0 if none
 * @entry: value of the entry that matters
 * @cpus: CPUs that may still use what they have cached, as far as is known
 */
struct spec_mon_verdict {
	enum spec_mon_wrong wrong;
	u64 table;
	unsigned int level;
	unsigned int index;
	u64 va;
	u64 frame;
	u64 entry;
	u64 cpus;
};

struct spec_mon_node;
struct spec_mon_table;
struct spec_mon_stale;

/* A shootdown under way. */
struct spec_mon_shoot {
	bool on;
	u64 start;
	u64 end;
	unsigned int shift;
	u64 cpus;		/* asked */
	u64 done;		/* have invalidated */
	u64 acked;
};

/**
 * struct spec_mon - a monitor of one region
 * @judging: no violation so far, and memory enough
 * @lost: memory ran out: nothing is judged any more
 * @verdict: the violation that ended the judging
 * @events: how many of each kind it has seen
 *
 * The rest is private.
 */
struct spec_mon {
	bool judging;
	bool lost;
	struct spec_mon_verdict verdict;
	u64 events[SPEC_MON_KINDS];

	struct spec_mon_node **bucket;
	u64 buckets;
	unsigned char *free;
	unsigned char *limit;
	struct spec_mon_node *spare[3];

	bool locked;
	u64 locked_by;
	u64 lo;
	u64 hi;
	u64 gen;
	bool table_locked;
	u64 table_lock;
	u64 table_locked_by;
	struct spec_mon_shoot shoot;
	struct spec_mon_stale *stale;
	u64 unsettled;		/* tables taken and not linked, or unlinked and not freed */
	u64 regions;		/* how often its lock was taken while there was none */
};

/**
 * spec_mon_init() - a monitor that has seen nothing
 * @mon: filled in
 * @memory: for what it must remember, aligned to 8 bytes; the caller's to free
 * @bytes: how much
 *
 * A table costs some 200 bytes, a mapped frame 40, an entry that is not yet
 * invalidated 64.  When it runs out the monitor sets @mon->lost and says nothing more.
 */
void spec_mon_init(struct spec_mon *mon, void *memory, u64 bytes);

/**
 * spec_mon_step() - something has happened
 * @mon: monitor
 * @event: what
 *
 * Events come in the order in which things happen, one at a time.  Those of a write, of
 * a lock that is taken and of a CPU's invalidation come after the fact; those of a lock
 * that is released, and of a table or frame that is freed, before it.
 *
 * Context: any; touches nothing but the monitor.
 * Return: false if this event is the violation that @mon->verdict describes.
 */
bool spec_mon_step(struct spec_mon *mon, const struct spec_mon_event *event);

/* What the monitor thinks of a table, or of an entry. */
enum spec_mon_table_state spec_mon_table_state(const struct spec_mon *mon, u64 table);
enum spec_mon_entry_state spec_mon_entry_state(const struct spec_mon *mon, u64 table,
					       unsigned int index);

/**
 * spec_mon_stale_cpus() - which CPUs may still use what an entry held
 * @mon: monitor
 * @table: its table
 * @index: and index
 *
 * Return: a mask; 0 if it is clean, all bits if no shootdown covers it yet.
 */
u64 spec_mon_stale_cpus(const struct spec_mon *mon, u64 table, unsigned int index);

/* The list: short name, sentence, and the source of the rule; NULL beyond its ends. */
const char *spec_mon_wrong_name(unsigned int wrong);
const char *spec_mon_wrong_sentence(unsigned int wrong);
const char *spec_mon_wrong_source(unsigned int wrong);

/* Names of states, as the tables above have them. */
const char *spec_mon_table_state_name(enum spec_mon_table_state state);
const char *spec_mon_entry_state_name(enum spec_mon_entry_state state);

#endif /* SPEC_MON_H */
