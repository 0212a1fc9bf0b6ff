/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine around the MMUs: memory, store buffers, allocators, the region's lock,
 * interrupts; and the threads, each of which asks for one action after the other.
 *
 * What a thread asks next depends on what its actions so far have returned and on
 * nothing else.  The machine therefore knows a thread by a number only, its node;
 * whoever runs the software gives the action of a node and the node that follows
 * when the action returned a value.
 */
#ifndef MMU_MACHINE_H
#define MMU_MACHINE_H

#include "mmu_model.h"

enum mmu_act {
	MMU_ACT_ALLOC,		/* @n frames of @level; value: first page, or 0 */
	MMU_ACT_FRAME_FREE,	/* frames that were never mapped: @page, @n pages */
	MMU_ACT_LOCK,		/* of the pages @n, one bit each, for @op with frames @page */
	MMU_ACT_LOAD,		/* entry @index of table @page; value: the entry */
	MMU_ACT_STORE,		/* @entry */
	MMU_ACT_EXCHANGE,	/* @entry; value: what stood there */
	MMU_ACT_COMPARE,	/* @entry if @old stands there; value likewise */
	MMU_ACT_LIVE,		/* value: live count of table @page */
	MMU_ACT_SET_LIVE,	/* @n */
	MMU_ACT_RESERVE,	/* value: how many tables can be taken */
	MMU_ACT_TAKE,		/* value: a table */
	MMU_ACT_DEFER,		/* table @page was unlinked */
	MMU_ACT_GET,		/* frame @page of @level is mapped once more */
	MMU_ACT_PUT,		/* once less; @entry is the leaf as it was */
	MMU_ACT_SEND,		/* IPIs: invalidate @n addresses from @page, @level apart */
	MMU_ACT_WAIT,		/* for all acknowledgements */
	MMU_ACT_FREE_TABLES,	/* all that were deferred */
	MMU_ACT_FREE_FRAMES,	/* all whose last mapping is gone */
	MMU_ACT_UNLOCK,		/* with @answer; @entry as for PUT where rights changed */
	MMU_ACT_RETURN,		/* @answer; @entry: A and D that it tells of */
	MMU_ACT_LOCK_VMAS,	/* mmap_lock for writing, and the VMAs of @n pages from @page */
	MMU_ACT_UNLOCK_VMAS,
	MMU_ACT_TABLE_LOCK,	/* Linux's page_table_lock */
	MMU_ACT_TABLE_UNLOCK,
	MMU_ACT_SPAN,		/* a lock of the pages @n; LOCK takes the last one */
	MMU_ACT_COUNTS_LOCK,	/* of the counts of tables above level 1 */
	MMU_ACT_COUNTS_UNLOCK,
	MMU_ACT_TOUCH,		/* the lock of the VMA of page @page for reading */
	MMU_ACT_TOUCHED,
	MMU_ACT_RELEASE,	/* a deliberate fault: all locks, and the operation goes on */
	MMU_ACT_GRACE,		/* for Linux's fault, if it reads a PT that was unlinked */
};

/* SEND: which CPUs invalidate. */
#define MMU_SEND_ALL	0
#define MMU_SEND_SELF	1

struct mmu_action {
	u8 act;
	u8 page;
	u8 index;
	u8 level;
	u8 n;
	u8 whom;
	u16 entry;
	u16 old;
	struct mmu_op op;
	struct mmu_answer answer;
};

/* Given by whoever runs the software. */
const struct mmu_action *mmu_node_action(u16 node);
u16 mmu_node_next(u16 node, u16 value);
u16 mmu_node_begin(unsigned int cpu, unsigned int op);	/* 0: program is over */

/*
 * Memory with a root, frames all free, @reserve tables that can be taken, @foreign
 * that Linux may link.
 */
void mmu_machine_init(struct mmu_state *s, unsigned int reserve, unsigned int foreign);

/*
 * The last RETURN that was done: its answer, and in @entry the A and D of the leaf it
 * is about.
 */
extern const struct mmu_action *mmu_returned;

/* The shootdown's handler on one CPU, as successors. */
void mmu_handler(const struct mmu_state *s, unsigned int cpu);

/* Everything that may happen in @s, as successors. */
void mmu_successors(const struct mmu_state *s);

/* Every thread has ended its program. */
bool mmu_finished(const struct mmu_state *s);

/* The stores that wait may reach memory, as successors. */
void mmu_drains(const struct mmu_state *s);

/* What the CPU of the operation @f reads. */
u16 mmu_load(const struct mmu_state *t, const struct mmu_flight *f, unsigned int table,
	     unsigned int index);

/*
 * In place: one step of a thread, false if it cannot go on; the oldest store of those that
 * wait for the operation in @slot reaches memory; and the whole program of a setup on CPU
 * 0, each store at once in memory.
 */
bool mmu_thread_step(struct mmu_state *t, unsigned int cpu);
void mmu_drain_one(struct mmu_state *t, unsigned int slot);
void mmu_run_setup(struct mmu_state *s);

#endif /* MMU_MACHINE_H */
