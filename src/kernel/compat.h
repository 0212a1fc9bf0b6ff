/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between Linux 6.1 and 6.12, and what the module cannot do without. */
#ifndef VPT_COMPAT_H
#define VPT_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#ifndef CONFIG_PARAVIRT
#error "vpt needs CONFIG_PARAVIRT: pv_ops is the exported way to INVLPG with PTI"
#endif
#if ALLOC_SPLIT_PTLOCKS
/* lockdep or PREEMPT_RT: ptlock_alloc() is not exported. */
#error "vpt does not build where a spinlock does not fit into struct page"
#endif
#if CONFIG_PGTABLE_LEVELS < 4
#error "vpt needs 64-bit page tables"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)

#define vpt_fault_size	enum page_entry_size
#define VPT_VMA_LOCKS	0

static inline spinlock_t *vpt_ptlock(struct page *table)
{
	return ptlock_ptr(table);
}

static inline void vpt_table_ctor(struct page *table, unsigned int level)
{
	/* Linux 6.1 neither locks nor counts PUD tables. */
	if (level == 2)
		pgtable_pmd_page_ctor(table);
	else if (level == 1)
		pgtable_pte_page_ctor(table);
}

static inline void vpt_table_dtor(struct page *table, unsigned int level)
{
	if (level == 2)
		pgtable_pmd_page_dtor(table);
	else if (level == 1)
		pgtable_pte_page_dtor(table);
}

static inline unsigned long vpt_find_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long flags)
{
	return current->mm->get_unmapped_area(file, addr, len, 0, flags);
}

static inline void vpt_vma_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

/* Before 6.4 there is no per-VMA lock: faults hold mmap_lock. */
static inline void vpt_vma_write_lock(struct vm_area_struct *vma)
{
}

#else

#define vpt_fault_size	unsigned int
#define VPT_VMA_LOCKS	1

static inline spinlock_t *vpt_ptlock(struct page *table)
{
	return ptlock_ptr(page_ptdesc(table));
}

static inline void vpt_table_ctor(struct page *table, unsigned int level)
{
	struct ptdesc *ptdesc = page_ptdesc(table);

	if (level == 3)
		pagetable_pud_ctor(ptdesc);
	else if (level == 2)
		pagetable_pmd_ctor(ptdesc);
	else
		pagetable_pte_ctor(ptdesc);
}

static inline void vpt_table_dtor(struct page *table, unsigned int level)
{
	struct ptdesc *ptdesc = page_ptdesc(table);

	if (level == 3)
		pagetable_pud_dtor(ptdesc);
	else if (level == 2)
		pagetable_pmd_dtor(ptdesc);
	else
		pagetable_pte_dtor(ptdesc);
}

static inline unsigned long vpt_find_area(struct file *file, unsigned long addr,
					  unsigned long len, unsigned long flags)
{
	return mm_get_unmapped_area(current->mm, file, addr, len, 0, flags);
}

static inline void vpt_vma_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vm_flags_set(vma, flags);
}

static inline void vpt_vma_write_lock(struct vm_area_struct *vma)
{
	vma_start_write(vma);
}

#endif

/* A variable that is not to be cleared first, where the compiler would do so. */
#if __has_attribute(uninitialized)
#define vpt_uninitialized	__attribute__((uninitialized))
#else
#define vpt_uninitialized
#endif

#endif /* VPT_COMPAT_H */
