// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/injector: damages an entry of the calling process's page table, behind the back
 * of everybody.  For the test of what vpt does when it finds such an entry.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "injector.h"

/* The entry of @level on @addr's path, or NULL if the path ends before. */
static u64 *injector_entry(unsigned long addr, unsigned int level)
{
	pgd_t *pgd = pgd_offset(current->mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (level == 3)
		return (u64 *)pud;
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	if (level == 2)
		return (u64 *)pmd;
	if (pmd_none(*pmd) || pmd_leaf(*pmd))
		return NULL;
	return (u64 *)pte_offset_kernel(pmd, addr);
}

static ssize_t injector_write(struct file *file, const char __user *user, size_t size,
			      loff_t *pos)
{
	struct injector_order order;
	ssize_t ret = -ENOENT;
	u64 *entry;

	if (size != sizeof(order))
		return -EINVAL;
	if (copy_from_user(&order, user, sizeof(order)))
		return -EFAULT;
	if (order.level < 1 || order.level > 3 || order.reserved)
		return -EINVAL;
	mmap_write_lock(current->mm);
	entry = injector_entry(order.addr, order.level);
	if (entry) {
		WRITE_ONCE(*entry, (READ_ONCE(*entry) & ~order.clear) | order.set);
		ret = size;
	}
	mmap_write_unlock(current->mm);
	return ret;
}

static const struct file_operations injector_fops = {
	.owner = THIS_MODULE,
	.write = injector_write,
	.llseek = noop_llseek,
};

static struct miscdevice injector_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "injector",
	.fops = &injector_fops,
	.mode = 0600,
};

module_misc_device(injector_device);

MODULE_DESCRIPTION("Damages page tables, for a test of vpt");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
