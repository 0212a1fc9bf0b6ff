// SPDX-License-Identifier: GPL-2.0
/*
 * What Linux asks about a VMA of ours: faults, a debugger's accesses, changes.
 *
 * A fault comes with mmap_lock or, from 6.4 on, the VMA's lock for reading; it counts itself
 * (in_flight.c) and takes the span of its address.  op_map_leaf() has the core write the entry,
 * by pt_env_store() under its page-table lock.
 */
#include <linux/highmem.h>
#include <linux/io.h>

#include "../../protocol/op.h"
#include "../extent.h"
#include "../memory/frame.h"
#include "../memory/notifier.h"
#include "../memory/span.h"
#include "../memory/table.h"
#include "../vpt_file.h"
#include "fault.h"

/* Map the fresh frame.  Return: as a fault handler; VM_FAULT_OOM for lack of anything. */
static vm_fault_t vpt_touch_map(struct op *op, u64 va, struct page *fresh)
{
	struct vpt_file *f = op->env.f;
	int ret;

	if (!fresh || vpt_charge(f, 1))
		return VM_FAULT_OOM;
	ret = op_map_leaf(op, va, page_to_phys(fresh), 1, f->rights);
	if (ret) {
		vpt_uncharge(f, 1);
		return ret == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}
	vpt_touch_keep(&op->env);
	op->env.books->faults++;
	return VM_FAULT_NOPAGE;
}

/*
 * What is mapped at @va now decides; Linux's view of the entry may be out of date.
 *  - a mapping that allows the access: try it again.  (The MMU drops what it had
 *    cached for an address when it faults there, SDM 4.10.4.1.)
 *  - a mapping that forbids it: SIGSEGV.  Only writes come here: Linux refuses a
 *    fetch from a page that is present and not executable itself.
 *  - no mapping: SIGSEGV in strict mode; else *@fresh, which is taken over.  Only
 *    here is it known that a page is needed, so only here may it be missed or charged.
 */
static vm_fault_t vpt_fault_locked(struct op *op, u64 va, bool write, struct page **fresh)
{
	struct pt_mapping m;
	vm_fault_t ret;
	int err;

	if (op_env_find(op, va, PAGE_SIZE))
		return VM_FAULT_SIGSEGV;
	err = op_resolve_leaf(op, va, &m);
	if (err == op_env_broken)
		return VM_FAULT_SIGBUS;
	if (!err)
		return write && !(m.rights & PT_WRITE) ? VM_FAULT_SIGSEGV :
							 VM_FAULT_NOPAGE;
	if (op->env.f->strict)
		return VM_FAULT_SIGSEGV;
	ret = vpt_touch_map(op, va, *fresh);
	if (ret == VM_FAULT_NOPAGE)
		*fresh = NULL;
	return ret;
}

/*
 * The task is killed, which will be seen on the way back to user mode.  An access of the
 * kernel's has to fail: repeated, it would come here again at once, and keep the CPU from
 * who holds the lock.
 */
static vm_fault_t vpt_fault_killed(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_USER ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

/*
 * Whether it is the process itself that touches its region.  A kernel thread (it may be vhost's)
 * has no user whose limit could be charged, and another process (VFIO's fixup_user_fault()) not the
 * right one.
 */
static bool vpt_fault_is_own(const struct vpt_file *f)
{
	return current->mm == f->mm && !(current->flags & PF_KTHREAD);
}

/* One attempt.  Return: as a fault handler; VM_FAULT_OOM for lack of anything. */
static vm_fault_t vpt_fault_try(struct vpt_file *f, struct vm_fault *vmf)
{
	const u64 va = vmf->address & PAGE_MASK;
	const bool own = vpt_fault_is_own(f);
	struct page *fresh = NULL;
	vm_fault_t ret;
	struct op op;
	int err;

	if (!READ_ONCE(f->strict) && own)
		fresh = vpt_touch_alloc();
	vpt_env_init(&op.env, f);
	err = vpt_lock_reserved(&op.env, va, va, fresh ? VPT_LEVELS : 0);
	/* The page may be mapped by now, or the tables may be there. */
	if (err == -ENOMEM)
		err = vpt_lock_reserved(&op.env, va, va, 0);
	if (!err) {
		ret = vpt_fault_locked(&op, va, vmf->flags & FAULT_FLAG_WRITE, &fresh);
		if (ret == VM_FAULT_SIGSEGV)
			op.env.books->segvs++;
		vpt_unlock(&op.env);
		/* What is missing for others does not come if they wait. */
		if (ret == VM_FAULT_OOM && !own)
			ret = VM_FAULT_SIGBUS;
	} else {
		ret = err == -EINTR ? vpt_fault_killed(vmf) : VM_FAULT_SIGBUS;
	}
	if (fresh)
		vpt_touch_free(fresh);
	return ret;
}

/*
 * There was no memory, or no allowance of RLIMIT_MEMLOCK; but what was missing may
 * have been on its way, in the hands of another fault, to this very page or back to Linux.
 * The allowance is the address space's: the other fault, or an ioctl, may be in another region.
 * So try again while no other fault holds anything.  An UNMAP gives back when it returns, and
 * one that is under way is not waited for, nor is what others have left to it.  An ioctl cannot
 * be excluded here, since it may wait for the mmap_lock that this fault holds: if one was on its
 * way the access is repeated, and faults again.  Otherwise it is SIGBUS, as for a file whose
 * next page cannot be had: VM_FAULT_OOM would have Linux kill somebody.
 */
static noinline vm_fault_t vpt_fault_alone(struct vpt_file *f, struct vm_fault *vmf)
{
	struct vpt_in_flight *all = &f->notifier->in_flight;
	const u64 settled = vpt_in_flight_settled(all);
	vm_fault_t ret;

	if (vpt_touch_begin_alone(all))
		return vpt_fault_killed(vmf);
	ret = vpt_fault_try(f, vmf);
	vpt_touch_end_alone(all);
	if (ret != VM_FAULT_OOM)
		return ret;
	if (vpt_in_flight_asked(all) == settled)
		return VM_FAULT_SIGBUS;
	/*
	 * It may go on like this as long as others ask: none of these locks was waited for.  An
	 * access of the kernel's comes back at once, and they may wait for this CPU.
	 */
	cond_resched();
	return fatal_signal_pending(current) ? vpt_fault_killed(vmf) : VM_FAULT_NOPAGE;
}

/*
 * Every fault ends here: nothing mapped, a write to a read-only page of whatever
 * size, and on 6.12 an empty PUD or PMD entry.  Never VM_FAULT_FALLBACK: Linux would
 * take a huge leaf apart.
 */
static vm_fault_t vpt_fault(struct vm_fault *vmf)
{
	struct vpt_file *f = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (vpt_touch_begin(&f->notifier->in_flight))
		return vpt_fault_killed(vmf);
	ret = vpt_fault_try(f, vmf);
	vpt_touch_end(&f->notifier->in_flight);
	return ret == VM_FAULT_OOM ? vpt_fault_alone(f, vmf) : ret;
}

static vm_fault_t vpt_huge_fault(struct vm_fault *vmf, vpt_fault_size size)
{
	return vpt_fault(vmf);
}

/*
 * Called before a read fault, for pages around it: there are none to offer.  But from
 * 6.4 on it says that fault() can do with the VMA's lock alone; without it Linux walks
 * once more, with mmap_lock.
 */
static vm_fault_t vpt_map_pages(struct vm_fault *vmf, pgoff_t first, pgoff_t last)
{
	return 0;
}

/* Copy to or from the part of the region at @va that one leaf maps. */
static int vpt_access_leaf(struct vpt_file *f, u64 va, void *buf, int len, int write)
{
	struct vpt_extent *extent = vpt_extent_at(f, va, 1);
	struct pt_mapping m;
	u64 pa, left;
	void *page;

	if (!extent || pt_resolve(&extent->pt, va, &m) != PT_OK ||
	    (write && !(m.rights & PT_WRITE)))
		return -EFAULT;
	pa = m.pa + (va - m.va);
	left = PAGE_SIZE - offset_in_page(va);
	if (len > left)
		len = left;
	page = kmap_local_page(pfn_to_page(PHYS_PFN(pa)));
	if (write)
		memcpy(page + offset_in_page(va), buf, len);
	else
		memcpy(buf, page + offset_in_page(va), len);
	kunmap_local(page);
	return len;
}

/*
 * A debugger reads or writes (ptrace, /proc/PID/mem), with the rights that the
 * process itself has.  Return: bytes done; -EFAULT if the first byte is not mapped.
 */
static int vpt_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
		      int len, int write)
{
	struct vpt_file *f = vma->vm_private_data;
	int done = 0, ret = 0;

	if (vpt_lock_all_killable(f))
		return -EINTR;
	while (done < len) {
		ret = vpt_access_leaf(f, addr + done, buf + done, len - done, write);
		if (ret < 0)
			break;
		done += ret;
	}
	vpt_unlock_all(f);
	return done ? done : ret;
}

/*
 * Linux is about to split a VMA at @addr, for munmap() or madvise().  A huge leaf
 * across it would be lost, and where a table's lock is vpt's own, Linux must not come to
 * own the table (compat_table.h).
 */
static int vpt_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	struct vpt_file *f = vma->vm_private_data;
	struct vpt_extent *extent;
	struct pt_mapping m;
	bool cut;

	vpt_lock_all(f);
	extent = vpt_extent_at(f, addr, 1);
	cut = (addr & (VPT_SPLIT_UNIT - 1)) ||
	      (extent && pt_resolve(&extent->pt, addr, &m) == PT_OK && m.va != addr);
	vpt_unlock_all(f);
	return cut ? -EINVAL : vpt_extent_for_split(f);
}

/* Rights are vpt's: mprotect() would rewrite leaves behind its back. */
static int vpt_mprotect(struct vm_area_struct *vma, unsigned long start,
			unsigned long end, unsigned long newflags)
{
	return -EACCES;
}

const struct vm_operations_struct vpt_vm_ops = {
	.open = vpt_vma_open,
	.close = vpt_vma_close,
	.fault = vpt_fault,
	.huge_fault = vpt_huge_fault,
	.map_pages = VPT_VMA_LOCKS ? vpt_map_pages : NULL,
	.pfn_mkwrite = vpt_fault,
	.access = vpt_access,
	.may_split = vpt_may_split,
	.mprotect = vpt_mprotect,
};
