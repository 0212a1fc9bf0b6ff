// SPDX-License-Identifier: GPL-2.0
/*
 * The region of a file: how it comes (mmap), how it goes (munmap, exit, exec,
 * SIGKILL - all through the MMU notifier), and what Linux does to it in between.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "../../protocol/op.h"
#include "../checking/opcheck.h"
#include "../extent.h"
#include "../memory/secondary.h"
#include "../memory/span.h"
#include "../memory/table.h"
#include "../region.h"
#include "../vpt_file.h"
#include "fault.h"
#include "step.h"

/*
 * The level-4 table of @mm: its PGD, or under LA57 the P4D for [0, 2^48).  That is made by
 * Linux if nothing has been mapped there yet, with the tables that lead to @va.  @made
 * says so: those inside the region have to go (vpt_sweep_path()).
 *
 * Nobody frees the P4D while an extent of the region is left.  Linux frees it in
 * free_pgtables(), with mmap_lock held, only when no VMA lies in the 256 TiB that it covers:
 * floor and ceiling are the neighbours' bounds.  Here the VMA is about to be linked, and
 * mmap_lock is held for writing until it is; what is left of it after a munmap() of a part
 * keeps the table as well.  When the last part goes, by munmap() or at the end of the
 * address space, the notifier has removed the last extent before Linux comes to the tables.
 * A file that is mapped again comes here again.
 *
 * Return: physical address, 0 if there is no memory.
 */
static u64 vpt_root(struct mm_struct *mm, unsigned long va, bool *made)
{
	*made = pgtable_l5_enabled() && pgd_none(mm->pgd[0]);
	if (!pgtable_l5_enabled())
		return __pa(mm->pgd);
	if (*made && apply_to_page_range(mm, va, PAGE_SIZE, NULL, NULL))
		return 0;
	return pgd_val(mm->pgd[0]) & PTE_PFN_MASK;
}

/*
 * Take down the empty tables that Linux has made at @va, by an unmapping where nothing is
 * mapped.  A fault would leave no PT in a PD of the region's, and the core looks for empty
 * tables on an address' path only: elsewhere in a PD that goes, the entry of an empty PT
 * would be in a table that is taken to be all zero.
 *
 * No VMA leads here yet, so no secondary MMU has anything to forget.
 */
static void vpt_sweep_path(struct vpt_file *f, struct vpt_extent *extent)
{
	const u64 va = extent->pt.start;
	struct pt_mapping none;
	struct op op;

	vpt_env_init_all(&op.env, f);
	vpt_op_enter(&op, extent);
	WARN_ON_ONCE(!op_unmap_leaf(&op, va, &none));
	op_env_invalidate(&op, va, va + PAGE_SIZE, PAGE_SHIFT);
	vpt_reclaim_tables(&op.env, NULL);
}

static int vpt_region_check(struct vpt_file *f, struct vm_area_struct *vma)
{
	if (vma->vm_mm != f->mm)
		return -EPERM;
	if (f->end)
		return -EBUSY;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    ((vma->vm_start | vma->vm_end) & (VPT_GIB - 1)) ||
	    vma->vm_end > VPT_ADDR_MAX)
		return -EINVAL;
	if (!(vma->vm_flags & VM_READ))
		return -EACCES;
	return 0;
}

/**
 * vpt_region_map() - give a file its region
 * @f: file without a region
 * @vma: the VMA that mmap() is setting up; mmap_lock is held for writing
 *
 * Return: 0; -EPERM, -EBUSY, -EINVAL, -EACCES, -ENOMEM.
 */
int vpt_region_map(struct vpt_file *f, struct vm_area_struct *vma)
{
	struct vpt_extent *extent;
	int ret = vpt_region_check(f, vma);
	bool made;
	u64 root;

	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	if (ret)
		return ret;
	root = vpt_root(f->mm, vma->vm_start, &made);
	if (!root)
		return -ENOMEM;
	extent = kmalloc(sizeof(*extent), GFP_KERNEL_ACCOUNT);
	if (!extent)
		return -ENOMEM;

	/* Bounds and root are as the core wants them: vpt_region_check(), vpt_root(). */
	if (WARN_ON_ONCE(pt_init(&extent->pt, NULL, root, vma->vm_start, vma->vm_end,
				 boot_cpu_data.x86_phys_bits))) {
		kfree(extent);
		return -EINVAL;
	}

	vpt_lock_file(f);
	f->root = root;
	f->root_mirrored = !pgtable_l5_enabled() && boot_cpu_has(X86_FEATURE_PTI);
	vpt_extent_first(f, extent);
	f->rights = PT_USER | (vma->vm_flags & VM_WRITE ? PT_WRITE : 0) |
		    (vma->vm_flags & VM_EXEC ? PT_EXEC : 0);
	WRITE_ONCE(f->start, vma->vm_start);
	WRITE_ONCE(f->end, vma->vm_end);
	if (made)
		vpt_sweep_path(f, extent);
	vpt_unlock_file(f);

	/*
	 * SHARED and PFNMAP: no copy on write, no pages of Linux's.  IO: nothing may
	 * be pinned, and MADV_DOFORK cannot undo DONTCOPY.
	 */
	vpt_vma_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	vma->vm_ops = &vpt_vm_ops;
	vma->vm_private_data = f;
	return 0;
}

/* Let others in. */
static void vpt_region_pause(struct vpt_file *f)
{
	vpt_unlock_file(f);
	cond_resched();
	vpt_lock_file(f);
}

static void vpt_cut_step(struct op *op, u64 va, u64 stop)
{
	struct vpt_file *f = op->env.f;
	struct pt_touched done;
	int ret;

	ret = op_unmap_run(op, va, stop, &done);
	if (ret == op_env_broken)
		ret = op_unmap_run(op, va, stop, &done);
	/* may_split() let no boundary fall into a huge leaf. */
	WARN_ON_ONCE(ret && !f->violations);
	if (done.leaves || op_env_deferred(op)) {
		op_env_invalidate(op, va, stop, PAGE_SHIFT);
		op_env_flush_sharers(op, va, stop);
		vpt_hold_unmapped(&op->env);
	}
}

/*
 * Remove everything in [@lo, @hi), a part of the extent, and its tables.  Tables
 * that reach beyond it on either side cover somebody else's addresses from now on.
 *
 * It leaves the region first, so that nobody maps anything there while the lock is
 * released from one step to the next.
 */
static void vpt_extent_cut(struct vpt_file *f, struct vpt_extent *extent, u64 lo, u64 hi)
{
	struct op op;
	u64 va, stop;

	vpt_env_init_all(&op.env, f);
	vpt_op_enter(&op, extent);
	if (lo > op.pt.start)
		pt_release(&op.pt, lo);
	op.pt.start = lo;
	if (hi < op.pt.end)
		pt_release(&op.pt, hi);
	op.pt.end = hi;
	vpt_extent_shrink(f, extent, lo, hi);
	f->extents.cut = &op.pt;
	for (va = lo; va < hi; va = stop) {
		if (va > lo)
			vpt_region_pause(f);
		stop = vpt_step_end(f, va, hi);
		vpt_cut_step(&op, va, stop);
	}
	f->extents.cut = NULL;
}

/**
 * vpt_region_remove() - unmap what the region has in a range, for good
 * @f: file
 * @start: first byte
 * @end: first byte after
 *
 * Context: Linux is about to take the tables down: no VMA leads there any more, or
 * the address space has no user left.  May sleep.
 */
void vpt_region_remove(struct vpt_file *f, u64 start, u64 end)
{
	struct vpt_extent *extent;

	vpt_lock_file(f);
	for (extent = vpt_extent_from(f, start); extent && extent->pt.start < end;
	     extent = vpt_extent_from(f, start)) {
		vpt_extent_cut(f, extent, max(start, extent->pt.start),
			       min(end, extent->pt.end));
		vpt_region_pause(f);
	}
	if (vpt_region_gone(f)) {
		WRITE_ONCE(f->start, 0);
		WRITE_ONCE(f->end, 0);
	}
	vpt_unlock_file(f);
}

/*
 * Linux is about to clear a 1 GiB leaf, because one of its walkers does not know
 * what to do with one.  Let it find 2 MiB leaves instead.
 */
static void vpt_region_split(struct vpt_file *f, u64 va)
{
	struct pt_mapping m;
	struct op op;

	vpt_lock_file(f);
	vpt_env_init_all(&op.env, f);
	if (op_env_find(&op, va, pt_size(3)) || pt_resolve(&op.pt, va, &m) != PT_OK ||
	    m.level != 3)
		goto unlock;
	/* The table comes from the deposit that was made with the leaf. */
	vpt_spare_move(&f->deposit, &op.env.reserve, 1);
	if (op_split_locked(&op, va) == op_env_broken)
		op_split_locked(&op, va);
	vpt_spare_move(&op.env.reserve, &f->deposit, op.env.reserve.n);
unlock:
	vpt_unlock_file(f);
}

/*
 * Whether userfaultfd has a part of the region in its hands.  Linux's change of rights comes with
 * mmap_lock, at least for reading.
 */
static bool vpt_region_armed(struct vpt_file *f, u64 start, u64 end)
{
	VMA_ITERATOR(vmi, f->mm, start);
	struct vm_area_struct *vma;

	lockdep_assert_held(&f->mm->mmap_lock);
	for_each_vma_range(vmi, vma, end) {
		if (vma->vm_private_data == f && userfaultfd_armed(vma))
			return true;
	}
	return false;
}

/*
 * Linux tells of a change of rights.  mprotect() is refused before it comes here, and PAGEMAP_SCAN
 * skips such VMAs; so where userfaultfd is armed, which some kernels between 6.7 and 7.1 allow
 * (KERNELS.md), it is about to write-protect leaves and to write markers into empty entries.
 */
static void vpt_region_rewritten(struct vpt_file *f, u64 va, u64 end)
{
	if (!vpt_region_armed(f, va, end))
		return;
	vpt_lock_all(f);
	vpt_violation(f, VPT_NO_WALK, "userfaultfd write-protects the region at %#llx", va);
	vpt_unlock_all(f);
}

/**
 * vpt_region_told() - Linux is about to change something in the file's address space
 * @f: file
 * @range: what, and where
 *
 * Context: start callback of the notifier; sleeps if the range may block.
 * Return: 0; -EAGAIN if it has to sleep, and must not.
 */
int vpt_region_told(struct vpt_file *f, const struct mmu_notifier_range *range)
{
	/* Its span first: most of what Linux tells of is no region's. */
	if (range->end <= READ_ONCE(f->start) || range->start >= READ_ONCE(f->end) ||
	    !vpt_region_touches(f, range->start, range->end)) {
		vpt_notify_within(f, range);
		return 0;
	}
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
		if (!mmu_notifier_range_blockable(range))
			return -EAGAIN;
		vpt_region_remove(f, range->start, range->end);
		return 0;
	case MMU_NOTIFY_CLEAR:
		if (range->end - range->start != pt_size(3) ||
		    (range->start & (pt_size(3) - 1)))
			return 0;
		if (!mmu_notifier_range_blockable(range))
			return -EAGAIN;
		vpt_region_split(f, range->start);
		return 0;
	case MMU_NOTIFY_PROTECTION_VMA:
		if (mmu_notifier_range_blockable(range))
			vpt_region_rewritten(f, max(range->start, READ_ONCE(f->start)),
					     min(range->end, READ_ONCE(f->end)));
		return 0;
	default:
		return 0;
	}
}
