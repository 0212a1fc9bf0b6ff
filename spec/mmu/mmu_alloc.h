/* SPDX-License-Identifier: GPL-2.0 */
/* The allocators of frames and tables; what is freed can be handed out at once. */
#ifndef MMU_ALLOC_H
#define MMU_ALLOC_H

#include "mmu_model.h"

/* @n frames of @level in a row, for @cpu.  Return: the first page, or 0. */
u16 mmu_alloc(struct mmu_state *t, unsigned int level, unsigned int n, unsigned int cpu);

/*
 * The frames of @n pages from @page on are mapped once more, or once less, by the operation
 * in @slot.
 */
void mmu_frame_get(struct mmu_state *t, unsigned int page, unsigned int n);
void mmu_frame_put(struct mmu_state *t, unsigned int page, unsigned int n, unsigned int slot);

/* Free the frames whose last mapping the operation in @slot has taken. */
void mmu_free_frames(struct mmu_state *t, unsigned int slot);

/* How many tables can be taken; take one. */
u16 mmu_reserve(const struct mmu_state *t);
u16 mmu_take(struct mmu_state *t, unsigned int cpu);

/* Table @page was unlinked by the operation in @slot; free all such tables. */
void mmu_defer(struct mmu_state *t, unsigned int page, unsigned int slot);
void mmu_free_tables(struct mmu_state *t, unsigned int slot);

#endif /* MMU_ALLOC_H */
