/* SPDX-License-Identifier: GPL-2.0 */
/* What must hold of the machine, and when it is looked at. */
#ifndef MMU_CHECK_H
#define MMU_CHECK_H

#include "mmu_machine.h"

/*
 * At each read of a walk.  Return false after a violation.
 *
 * table: what is read is a table, and not one that was freed;
 * fault: a walk may end without a mapping, because the abstract map says so before
 *	or after the operation in flight (or in the window of a split);
 * read: a leaf's translation is that of the map before or after, exactly.
 */
bool mmu_check_table(const struct mmu_state *s, unsigned int cpu, unsigned int table);
bool mmu_check_fault(const struct mmu_state *s, unsigned int cpu, unsigned int page);
bool mmu_check_read(const struct mmu_state *s, unsigned int cpu, unsigned int page,
		    unsigned int frame, unsigned int rights);

/*
 * Whenever a store reaches the tables: a walk through memory finds, at every page,
 * the map before or the map after the operation in flight.
 */
void mmu_check_memory(const struct mmu_state *s);

/* Whatever the core does to @table: it is one, and was not freed. */
void mmu_check_table_used(const struct mmu_state *s, unsigned int cpu, unsigned int table);

/*
 * When an operation releases its locks: its answer is what the abstract map says; no CPU
 * holds a translation of a page that no operation is changing which the map does not
 * have.  When no CPU is in an operation: all invariants of the tree hold.
 */
void mmu_check_answer(struct mmu_state *s, const struct mmu_flight *f,
		      const struct mmu_action *a);
void mmu_check_quiescent(const struct mmu_state *s);
void mmu_check_tree(const struct mmu_state *s);

/* All invariants of the tree hold; else @result tells which does not. */
struct spec_result;
bool mmu_tree_holds(const struct mmu_state *s, struct spec_result *result);

/*
 * Before a table or frame is given to anybody, by the operation in @slot: no CPU can reach
 * it.
 */
void mmu_check_table_unused(const struct mmu_state *s, unsigned int table, unsigned int slot);
void mmu_check_frame_unused(const struct mmu_state *s, unsigned int frame);

/* A leaf that goes, @entry, tells of every store that landed in its @n frames. */
void mmu_check_dirty(const struct mmu_state *s, unsigned int frame, unsigned int n,
		     u16 entry);

/* What user mode can observe in @s, added up over all states (see mmu_observe.c). */
extern bool mmu_observing;
extern u64 mmu_observed, mmu_observed_sum;
void mmu_observe(const struct mmu_state *s);

#endif /* MMU_CHECK_H */
