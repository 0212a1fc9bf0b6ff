/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the versions of Linux, and what the module cannot do without.
 * Each check names the release that made the change.  What the versions do differently
 * under the same names is in KERNELS.md.
 *
 * A change that leaves a macro is asked for by that macro, which a kernel with the change
 * ported back has too.  A function, a type or a member that came, went or has other arguments
 * the preprocessor cannot see: for those it is the version.
 */
#ifndef VPT_COMPAT_H
#define VPT_COMPAT_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vpt needs Linux 6.1 or newer"
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0) && !defined(VPT_UNTESTED_KERNEL)
#error "vpt is not tested on kernels after 7.3 (make VPT_UNTESTED_KERNEL=1 builds it anyway)"
#endif
#ifndef CONFIG_PARAVIRT
#error "vpt needs CONFIG_PARAVIRT: pv_ops is the exported way to INVLPG with PTI"
#endif
#if CONFIG_PGTABLE_LEVELS < 4
#error "vpt needs 64-bit page tables"
#endif
#ifndef CONFIG_MMU_NOTIFIER
#error "vpt needs CONFIG_MMU_NOTIFIER: it must be told when Linux unmaps or an address space ends"
#endif
/* A macro until 6.12, an option since; both if there are 4 CPUs or more. */
#if !(defined(USE_SPLIT_PTE_PTLOCKS) && USE_SPLIT_PTE_PTLOCKS) && \
	!defined(CONFIG_SPLIT_PTE_PTLOCKS)
#error "vpt needs CONFIG_SMP and CONFIG_NR_CPUS of 4 or more: each table has a lock of its own then"
#endif
#ifndef CONFIG_CONTIG_ALLOC
#error "vpt needs CONFIG_CONTIG_ALLOC: 1 GiB frames come from alloc_contig_range()"
#endif

/*
 * The word of a page's that is its owner's (6.16 renamed struct page's index; struct
 * folio has it at the same place under the old name).
 */
#define vpt_index(page)	(((struct folio *)(page))->index)

#include "compat_table.h"

/* 6.6: huge_fault() is told an order. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define vpt_fault_size	enum page_entry_size
#else
#define vpt_fault_size	unsigned int
#endif

/* 6.14: the only form left has the name that three had. */
#ifdef alloc_pages_bulk
#define vpt_alloc_pages_bulk	alloc_pages_bulk
#else
#define vpt_alloc_pages_bulk	alloc_pages_bulk_array
#endif

/*
 * 6.17: alloc_contig_range() takes flags instead of the pages' migrate type, whose
 * number it would accept and misunderstand.
 */
#ifdef ACR_FLAGS_NONE
#define VPT_CONTIG_MOVABLE	ACR_FLAGS_NONE
#else
#define VPT_CONTIG_MOVABLE	MIGRATE_MOVABLE
#endif

static inline unsigned long vpt_find_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	return current->mm->get_unmapped_area(file, addr, len, 0, flags);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	return mm_get_unmapped_area(current->mm, file, addr, len, 0, flags);
#else
	return mm_get_unmapped_area(file, addr, len, 0, flags);
#endif
}

/* 6.3: a VMA's flags are changed through functions. */
static inline void vpt_vma_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/* 6.6: the hook was renamed, and the macros are gone that called it. */
static inline void vpt_flush_secondary_tlb(struct mmu_notifier *notifier,
					   struct mm_struct *mm, u64 start, u64 end)
{
#ifdef ptep_clear_flush_notify
	if (notifier->ops->invalidate_range)
		notifier->ops->invalidate_range(notifier, mm, start, end);
#else
	if (notifier->ops->arch_invalidate_secondary_tlbs)
		notifier->ops->arch_invalidate_secondary_tlbs(notifier, mm, start, end);
#endif
}

/*
 * 6.6: walkers hold a PT's entries in a read-side critical section of RCU, and look at the PD's
 * entry again once they have its lock (pte_offset_map_lock()); since 6.5 they cope with a PT that
 * has gone.  Linux itself frees PTs so, with neither mmap_lock nor a VMA's lock
 * (retract_page_tables(), pte_free_defer()).  On 6.1 a walker reads the PD's entry twice, and
 * takes whatever it finds for a PT.
 */
#define VPT_PT_BY_RCU	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0))

/* 6.2: where call_rcu() is lazy (CONFIG_RCU_LAZY), a grace period takes up to 10 s. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define vpt_call_rcu	call_rcu
#else
#define vpt_call_rcu	call_rcu_hurry
#endif

/*
 * 6.4: faults hold the lock of their VMA alone, and in 7.3 so do walks for /proc.  Before,
 * mmap_lock excludes every walker.
 */
#ifdef CONFIG_PER_VMA_LOCK
#define VPT_VMA_LOCKS	1

static inline void vpt_vma_write_lock(struct vm_area_struct *vma)
{
	vma_start_write(vma);
}
#else
#define VPT_VMA_LOCKS	0

static inline void vpt_vma_write_lock(struct vm_area_struct *vma)
{
}
#endif

/*
 * As add_mm_counter(), which calls a function that is not exported for the sake of a
 * tracepoint.
 */
static inline void vpt_mm_counter_add(struct mm_struct *mm, int member, long n)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	atomic_long_add(n, &mm->rss_stat.count[member]);
#else
	percpu_counter_add(&mm->rss_stat[member], n);
#endif
}

/* 7.1: renamed. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define vpt_zap_special	zap_vma_ptes
#else
#define vpt_zap_special	zap_special_vma_range
#endif

/* A variable that is not to be cleared first, where the compiler would do so. */
#if __has_attribute(uninitialized)
#define vpt_uninitialized	__attribute__((uninitialized))
#else
#define vpt_uninitialized
#endif

#endif /* VPT_COMPAT_H */
