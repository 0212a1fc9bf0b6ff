/* SPDX-License-Identifier: GPL-2.0 */
/* The caches of one CPU.  Private to the MMU model. */
#ifndef MMU_CACHE_H
#define MMU_CACHE_H

#include "mmu_model.h"

/* Lists of cached entries: descending, no duplicates, 0 after the last. */
bool mmu_has(const u16 *list, unsigned int size, u16 entry);
void mmu_insert(u16 *list, unsigned int size, u16 entry);
void mmu_remove(u16 *list, unsigned int size, unsigned int i);

/* Drop what a page fault at @page drops (SDM 4.10.4.1). */
void mmu_fault(struct mmu_cpu *cpu, unsigned int page);

void mmu_cache_translation(struct mmu_cpu *cpu, u16 e);

static inline bool mmu_tlb_covers(u16 e, unsigned int page)
{
	return e && page - MMU_TLB_BASE(e) < mmu_pages(MMU_TLB_LEVEL(e));
}

static inline bool mmu_psc_covers(u16 e, unsigned int page)
{
	return e && page - MMU_PSC_BASE(e) < 2 * mmu_pages(MMU_PSC_LEVEL(e));
}

/* First page behind an entry of level @level + 1 on @page's path. */
static inline unsigned int mmu_span_base(unsigned int page, unsigned int level)
{
	return page & ~(2 * mmu_pages(level) - 1);
}

#endif /* MMU_CACHE_H */
