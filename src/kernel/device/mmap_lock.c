// SPDX-License-Identifier: GPL-2.0
/*
 * Linux's software walkers, and what keeps them out of a table that is freed.
 *
 * A walker reads an entry, and for a while holds a pointer into the table that the
 * entry leads to.  These are the walkers, what they hold meanwhile, and what excludes
 * them from a table that vpt unlinks:
 *
 *   walker                          6.1              6.4 and later    excluded by
 *   page fault, until vm_ops->fault mmap_lock read   the VMA's lock   (a), (b)
 *    or huge_fault is called                         or mmap_lock r.
 *   get_user_pages(), move_pages,   mmap_lock read   mmap_lock read   (a)
 *    mbind, mincore, KVM's and
 *    HMM's faults, pagemap,
 *    process_vm_readv, clear_refs,
 *    memory failure's search (which
 *    splits a leaf of 1 GiB, too)
 *   /proc/PID/smaps, numa_maps      mmap_lock read   mmap_lock read;  (a), (b)
 *                                                    7.3: the VMA's
 *                                                    lock, if it can
 *   madvise, DAMON                  mmap_lock read   likewise         skip VM_PFNMAP
 *   userfaultfd's copy and zeropage mmap_lock read   the VMA's lock   (a), (b)
 *   get_user_pages_fast(), KVM's    interrupts off   interrupts off   (c)
 *    host_pfn_mapping_level(),
 *    perf's samples
 *   perf's samples in an NMI        interrupts off   interrupts off   (c), (g)
 *   munmap, MAP_FIXED over it       mmap_lock write, then read: its own
 *                                   VMAs are detached and locked      (d)
 *   OOM reaper, process_mrelease    mmap_lock read   mmap_lock read   skip VM_PFNMAP
 *   khugepaged, KSM, NUMA           mmap_lock read   mmap_lock read   skip VM_SPECIAL
 *    balancing, reclaim by
 *    generations (MGLRU)
 *   swapoff                         mmap_lock read   mmap_lock read   skips what has
 *                                                                     no anon_vma
 *   debugfs' page_tables/           mmap_lock write  mmap_lock write  (a), and by munmap,
 *    current_user (ptdump)                                            which holds it
 *   exit, exec                      the last user    the last user    (e)
 *   rmap (reclaim, migration)       -                -                no frame or
 *                                                                     table is in it
 *
 *  (a) mmap_lock held for writing.
 *  (b) vma_start_write() on every VMA that the table's span covers: madvise(), mbind()
 *      and others split a region into VMAs, which share tables up to the PDPT.  It waits for
 *      whoever holds a VMA's lock, be it a fault or a walk.  Under mmap_lock, VMAs stay as
 *      they are, and locked until it is released.
 *  (c) The shootdown waits until each CPU in the mm's mask has taken an interrupt.
 *  (d) The notifier runs before munmap frees a table, and what it removes is bounded by
 *      the VMAs that munmap has detached: 6.12's vms_gather_munmap_vmas() and 6.1's
 *      do_mas_align_munmap() lock and detach each of them before unmap_vmas() sends
 *      MMU_NOTIFY_UNMAP.  Tables that reach beyond them are released first.
 *  (e) release() comes from exit_mmap(), when mm_users is 0: mmget() fails for the rest.
 *
 *  (f) From 6.6 on a PT that goes is no matter of the walkers' locks: they are in a read-side
 *      critical section of RCU while they look at its entries, and change none but under its lock,
 *      after they have looked at the PD's entry again or found the entry that they had read.  So
 *      it is unlinked, its lock is taken once, every CPU invalidates, and it is freed after a
 *      grace period; until then it is all zero, and linked nowhere (vpt_table_done()).  Of a PD or
 *      a PDPT walkers hold pointers while they sleep, and may link a table in it.
 *
 *  (g) The current task's address space can be this one though its CPU is not in the mask:
 *      before 6.14 switch_mm_irqs_off() clears the bit while the old task is still the current
 *      one; use_temporary_mm() does so for as long as the kernel's text is patched; and
 *      kthread_use_mm() sets the task's address space before the bit.  In an NMI there
 *      perf_get_page_size() and perf_virt_to_phys() walk the current task's tables at the address
 *      of the sample, and no shootdown waits for it.  Interrupts are off, so a grace period does:
 *      PDs and PDPTs are used again after one (vpt_table_done()).
 *
 * The operations that unlink a table, and how they are called:
 *
 *   UNMAP of the last page in a PT that   op_env_lock_unmap_page()  (c), (f)
 *    is not the last of its PD, from 6.6
 *   UNMAP of the last page in a PT, or  vpt_mmap_lock_unmap()  (a), (b), (c)
 *    of 2 MiB or 1 GiB; UNMAP_RANGE
 *   MAP, MAP_RANGE of 2 MiB and 1 GiB   vpt_mmap_lock_map()    (a), (b), (c)
 *    (an empty table in the page's place)
 *   munmap, exit (vpt_region_remove())  the notifier              (c), (d), (e)
 *
 * MAP of 4 KiB, UNMAP of a page beside others in its PT (vpt_walkers_may_stay()), PROTECT, REMAP
 * and the split of a 1 GiB page unlink none.  (a) is taken for that UNMAP, too, and instead of
 * (f), where the address space has another MMU, while somebody watches, and where it is not
 * certain that others are there: op_env_lock_unmap_page().  Tables that an operation had to leave
 * are unlinked by its sweep, under (a), (b) and (c) as by UNMAP.
 */
#include "../extent.h"
#include "../vpt_file.h"
#include "ioctl.h"

/*
 * Lock the VMAs in a range of pages of the region, mmap_lock being held for writing.
 * Return: 0; -EINVAL if a VMA ends inside a page.
 */
static int vpt_lock_vmas(struct mm_struct *mm, u64 start, u64 end, u64 page_size)
{
	VMA_ITERATOR(vmi, mm, start);
	struct vm_area_struct *vma;

	for_each_vma_range(vmi, vma, end) {
		if (vma->vm_end < end && (vma->vm_end & (page_size - 1)))
			return -EINVAL;
		vpt_vma_write_lock(vma);
	}
	return 0;
}

/**
 * vpt_mmap_lock_unmap() - keep walkers out of the tables that an unmapping may free
 * @f: file
 * @start: first byte that will be unmapped
 * @end: first byte after
 *
 * What is not the region's does not matter.
 *
 * Context: may sleep.  No span is held; spans are taken after this.  The region's
 * extents change under mmap_lock only, so that they can be read without it.
 * Return: 0 with mmap_lock held for writing; -EINTR.
 */
int vpt_mmap_lock_unmap(struct vpt_file *f, u64 start, u64 end)
{
	struct vpt_extent *extent;

	if (mmap_write_lock_killable(f->mm))
		return -EINTR;
	for (extent = vpt_extent_from(f, start); extent && extent->pt.start < end;
	     extent = vpt_extent_next(extent)) {
		u64 lo = max(start, extent->pt.start), hi = min(end, extent->pt.end);

		pt_unlink_span(&extent->pt, &lo, &hi);
		vpt_lock_vmas(f->mm, lo, hi, PAGE_SIZE);
	}
	return 0;
}

/**
 * vpt_mmap_lock_map() - keep walkers out of the tables in the place of huge pages
 * @f: file
 * @start: first byte, a multiple of @page_size
 * @bytes: length of the range that will be mapped, likewise
 * @page_size: 2 MiB or 1 GiB
 *
 * An empty table that Linux linked may have to give way to a page; its span is the
 * page's.  No page may lie across the end of a VMA: munmap() of the VMA on one side
 * would take a part of it, and may_split() is not asked where the split has been.
 *
 * Context: as vpt_mmap_lock_unmap().
 * Return: 0 with mmap_lock held for writing; -EINTR, -ENXIO, -ERANGE; -EINVAL if a VMA
 * ends inside a page.
 */
int vpt_mmap_lock_map(struct vpt_file *f, u64 start, u64 bytes, u64 page_size)
{
	struct vpt_extent *extent;
	int ret;

	if (mmap_write_lock_killable(f->mm))
		return -EINTR;
	extent = vpt_find_extent(f, start, bytes);
	if (IS_ERR(extent))
		ret = PTR_ERR(extent);
	else
		ret = vpt_lock_vmas(f->mm, start, start + bytes, page_size);
	if (ret)
		mmap_write_unlock(f->mm);
	return ret;
}

void vpt_mmap_unlock(struct vpt_file *f)
{
	mmap_write_unlock(f->mm);
}
