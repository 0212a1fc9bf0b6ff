// SPDX-License-Identifier: GPL-2.0
/*
 * vpt's MMU notifier: one for each address space, however many files are open there.
 *
 * It has to learn what Linux does to the regions: munmap(), the split of a 1 GiB leaf, the end
 * of the address space.  What a file of vpt does to its own region concerns no other:
 *
 *  - No translation of another region changes, and no other region has a copy of ours:
 *    regions are VMAs, so they do not overlap.  vpt's callback does nothing for a range in which
 *    the region has nothing.
 *  - No table of another region goes.  One that is unlinked spans nothing but one extent of one
 *    region (pt_unlink_span()).  Regions do share the tables above these, with each other as with
 *    the rest of the process: entries there are stored under Linux's page_table_lock, and
 *    a table whose span is not all the region's is not vpt's to count or to unlink.
 *  - munmap(), exec and exit are told of by Linux, to every file of the address space, before
 *    their tables go.  A file whose mmap() has failed has no region, and is told like the others.
 *  - After fork() the child has an address space without notifiers, and no VMA of the region
 *    (VM_DONTCOPY).  The file that it has inherited belongs to the parent's address space.
 *
 * With a notifier for each file, two regions of one process would be secondary MMUs to each
 * other: whether others are there is asked before each UNMAP, and must be answered without
 * walking Linux's list, which takes an SRCU that modules cannot lock.  The first and the last
 * of the list can be looked at, and vpt's is both as long as nobody else is there
 * (vpt_notifier_others()).
 *
 * A notifier's files are found under that SRCU, in the callbacks: who takes a file away waits
 * for it (mmu_notifier_unregister(), mmu_notifier_synchronize()) before the file is freed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mmu_notifier.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../region.h"
#include "../vpt_file.h"
#include "handle.h"
#include "notifier.h"
#include "secondary.h"

/*
 * The notifiers that have files, and each one's files.  A file comes with mmap_lock held for
 * writing besides, so that no two of one process register a notifier each.
 */
static LIST_HEAD(vpt_all_notifiers);
static DEFINE_SPINLOCK(vpt_notifiers_lock);

/* If the range must not block none changes anything: those before have nothing to undo. */
static int vpt_invalidate_start(struct mmu_notifier *notifier,
				const struct mmu_notifier_range *range)
{
	struct vpt_notifier *ours = container_of(notifier, struct vpt_notifier, linux_notifier);
	struct vpt_file *f;
	int ret;

	list_for_each_entry_srcu(f, &ours->files, beside, true) {
		ret = vpt_region_told(f, range);
		if (ret)
			return ret;
	}
	return 0;
}

static void vpt_mm_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct vpt_notifier *ours = container_of(notifier, struct vpt_notifier, linux_notifier);
	struct vpt_file *f;

	list_for_each_entry_srcu(f, &ours->files, beside, true) {
		vpt_region_remove(f, 0, VPT_ADDR_MAX);
		vpt_drop_handles(f);
	}
}

static const struct mmu_notifier_ops vpt_notifier_ops = {
	.invalidate_range_start = vpt_invalidate_start,
	.release = vpt_mm_release,
};

/* Let the notifier of @f's address space, if there is one, call for @f too.  Return: whether. */
static bool vpt_notifier_join(struct vpt_file *f)
{
	struct vpt_notifier *ours;
	bool found = false;

	spin_lock(&vpt_notifiers_lock);
	list_for_each_entry(ours, &vpt_all_notifiers, node) {
		if (ours->linux_notifier.mm != f->mm)
			continue;
		f->notifier = ours;
		list_add_rcu(&f->beside, &ours->files);
		found = true;
		break;
	}
	spin_unlock(&vpt_notifiers_lock);
	return found;
}

static void vpt_notifier_free(struct vpt_notifier *ours)
{
	vpt_in_flight_free(&ours->in_flight);
	kfree(ours);
}

/* Return: a notifier that is registered, for @f alone, and that others do not find yet. */
static struct vpt_notifier *vpt_notifier_new(struct vpt_file *f)
{
	struct vpt_notifier *ours = kzalloc(sizeof(*ours), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!ours)
		return ERR_PTR(-ENOMEM);
	ret = vpt_in_flight_init(&ours->in_flight);
	if (ret)
		goto free;
	INIT_LIST_HEAD(&ours->files);
	list_add(&f->beside, &ours->files);
	ours->linux_notifier.ops = &vpt_notifier_ops;
	f->notifier = ours;
	/* Holds a reference on the mm_struct, not on the address space. */
	ret = __mmu_notifier_register(&ours->linux_notifier, f->mm);
	if (!ret)
		return ours;
free:
	vpt_notifier_free(ours);
	return ERR_PTR(ret);
}

/**
 * vpt_notifier_register() - let @f know what Linux does, and see that others can be told
 * @f: file of the calling process
 *
 * Return: 0; -EINTR, -ENOMEM; -EOPNOTSUPP if this kernel keeps its notifiers otherwise.
 */
int vpt_notifier_register(struct vpt_file *f)
{
	struct vpt_notifier *ours = NULL;
	bool works = true;

	INIT_LIST_HEAD(&f->notices);
	INIT_LIST_HEAD(&f->unmapping.node);
	if (mmap_write_lock_killable(f->mm))
		return -EINTR;
	if (!vpt_notifier_join(f)) {
		ours = vpt_notifier_new(f);
		works = !IS_ERR(ours) && vpt_notifier_works(f);
	}
	if (ours && works) {
		spin_lock(&vpt_notifiers_lock);
		list_add(&ours->node, &vpt_all_notifiers);
		spin_unlock(&vpt_notifiers_lock);
	}
	mmap_write_unlock(f->mm);
	if (works)
		return 0;
	if (IS_ERR(ours))
		return PTR_ERR(ours);
	pr_err_once("this kernel's MMU notifiers cannot be called: no secondary MMU could be told of changes\n");
	mmu_notifier_unregister(&ours->linux_notifier, f->mm);
	vpt_notifier_free(ours);
	return -EOPNOTSUPP;
}

/**
 * vpt_notifier_unregister() - the opposite, at the end of the file
 * @f: file without a region
 *
 * On return no callback is at the file.
 */
void vpt_notifier_unregister(struct vpt_file *f)
{
	struct vpt_notifier *ours = f->notifier;
	bool last;

	spin_lock(&vpt_notifiers_lock);
	list_del_rcu(&f->beside);
	last = list_empty(&ours->files);
	if (last)
		list_del(&ours->node);
	spin_unlock(&vpt_notifiers_lock);
	if (last) {
		mmu_notifier_unregister(&ours->linux_notifier, f->mm);
		vpt_notifier_free(ours);
	} else {
		mmu_notifier_synchronize();
	}
}
