/* SPDX-License-Identifier: GPL-2.0 */
/* What Linux itself does with the tables: its page faults, and what excludes them. */
#ifndef MMU_LINUX_H
#define MMU_LINUX_H

#include "mmu_machine.h"

/* The VMAs, one bit each, that hold some of @n pages from @page. */
u8 mmu_linux_vmas(unsigned int page, unsigned int n);

/* Whether nobody holds mmap_lock, and no fault one of the VMAs that @a is to lock. */
bool mmu_linux_lets_lock(const struct mmu_state *s, const struct mmu_action *a);

/*
 * Whether a grace period may be over, for what the operation @slot has unlinked: the least that
 * it waits for is a fault that reads such a PT.
 */
bool mmu_linux_lets_free(const struct mmu_state *s, unsigned int slot);

/* What a fault may do next, as successors. */
void mmu_linux(const struct mmu_state *s);

#endif /* MMU_LINUX_H */
