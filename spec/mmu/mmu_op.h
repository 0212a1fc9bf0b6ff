/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations in flight: their locks, and the instant at which each takes effect.
 *
 * An operation takes effect when it has its last lock: the abstract map that is then made
 * of the one before, those of the operations in flight included, is what it must arrive
 * at, and the answer of that map is what it must answer.  So the operations are
 * linearizable, in the order in which they got their last locks, if no violation is found.
 */
#ifndef MMU_OP_H
#define MMU_OP_H

#include "mmu_machine.h"

/* The pages whose locks somebody holds. */
unsigned int mmu_held(const struct mmu_state *t);

/* @cpu has one of the locks of the operation that it is about to do. */
void mmu_op_lock(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a);

/* It has the last, and the operation takes effect. */
void mmu_op_begin(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a);

/* It lets go of all: its answer is judged, and the old mapping of its pages is no more. */
void mmu_op_end(struct mmu_state *t, unsigned int cpu, const struct mmu_action *a);

/* A deliberate fault: it lets go of all, and goes on. */
void mmu_op_release(struct mmu_state *t, unsigned int cpu);

/*
 * Whether nobody else writes what the action reads, or reads what it writes: its locks
 * exclude them.  That they do is what mmu_op_check_locks() asks at each store.
 */
bool mmu_op_alone(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a);
void mmu_op_check_locks(const struct mmu_state *t, unsigned int cpu, const struct mmu_action *a);

#endif /* MMU_OP_H */
