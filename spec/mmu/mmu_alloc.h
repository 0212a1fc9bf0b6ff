/* SPDX-License-Identifier: GPL-2.0 */
/* The allocators of frames and tables; what is freed can be handed out at once. */
#ifndef MMU_ALLOC_H
#define MMU_ALLOC_H

#include "mmu_model.h"

/* @n frames of @level in a row.  Return: the first page, or 0. */
u16 mmu_alloc(struct mmu_state *t, unsigned int level, unsigned int n);

/* The frames of @n pages from @page on are mapped once more, or once less. */
void mmu_frame_get(struct mmu_state *t, unsigned int page, unsigned int n);
void mmu_frame_put(struct mmu_state *t, unsigned int page, unsigned int n);

/* Free the frames whose last mapping is gone. */
void mmu_free_frames(struct mmu_state *t);

/* How many tables can be taken; take one. */
u16 mmu_reserve(const struct mmu_state *t);
u16 mmu_take(struct mmu_state *t);

/* Table @page was unlinked; free all such tables. */
void mmu_defer(struct mmu_state *t, unsigned int page);
void mmu_free_tables(struct mmu_state *t);

#endif /* MMU_ALLOC_H */
