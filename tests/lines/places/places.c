// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/places: what lies where in an open file of vpt's, and in the structs of Linux's that vpt
 * writes to.  For the count of cache lines that several CPUs write.
 *
 * A write of the file's number, an int, makes the list; a read gives it, a line for each place:
 *
 *	START SIZE OWNER NAME
 *
 * in hexadecimal digits; the owner is vpt or linux.  Places may lie in one another.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "memory/notifier.h"
#include "memory/pt_env.h"
#include "memory/span.h"
#include "vpt_file.h"

#define PLACES_ROOM	(64UL << 10)

/**
 * struct places - an open file
 * @size: bytes of @text
 * @text: the list
 */
struct places {
	size_t size;
	char text[PLACES_ROOM];
};

static void places_add(struct places *p, const void *start, size_t size, const char *owner,
		       const char *name)
{
	p->size += scnprintf(p->text + p->size, PLACES_ROOM - p->size, "%lx %zx %s %s\n",
			     (unsigned long)start, size, owner, name);
}

#define PLACES_ALL(p, object, owner, name)	\
	places_add(p, object, sizeof(*(object)), owner, name)
#define PLACES_FIELD(p, object, field, owner, name)	\
	places_add(p, &(object)->field, sizeof((object)->field), owner, name "." #field)

static void places_of_file(struct places *p, struct vpt_file *f)
{
	PLACES_ALL(p, f, "vpt", "vpt_file");
	PLACES_FIELD(p, f, lock, "vpt", "vpt_file");
	PLACES_FIELD(p, f, detached, "vpt", "vpt_file");
	PLACES_FIELD(p, f, extents, "vpt", "vpt_file");
	PLACES_FIELD(p, f, notices, "vpt", "vpt_file");
	PLACES_FIELD(p, f, handles, "vpt", "vpt_file");
	PLACES_FIELD(p, f, tables, "vpt", "vpt_file");
	PLACES_FIELD(p, f, spare, "vpt", "vpt_file");
	PLACES_FIELD(p, f, deposit, "vpt", "vpt_file");
	PLACES_FIELD(p, f, notices_lock, "vpt", "vpt_file");
	PLACES_FIELD(p, f, books, "vpt", "vpt_file");
	PLACES_FIELD(p, f, monitor, "vpt", "vpt_file");
}

static void places_of_spans(struct places *p, struct vpt_file *f)
{
	unsigned int i;

	for (i = 0; i < VPT_SPANS; i++) {
		PLACES_FIELD(p, &f->spans[i], lock, "vpt", "vpt_span");
		PLACES_FIELD(p, &f->spans[i], detached, "vpt", "vpt_span");
		PLACES_FIELD(p, &f->spans[i], books, "vpt", "vpt_span");
	}
}

static void places_of_notifier(struct places *p, struct vpt_notifier *n)
{
	int cpu;

	PLACES_ALL(p, n, "vpt", "vpt_notifier");
	PLACES_FIELD(p, n, in_flight.touch, "vpt", "vpt_notifier");
	PLACES_FIELD(p, n, in_flight.alone, "vpt", "vpt_notifier");
	for_each_possible_cpu(cpu)
		PLACES_ALL(p, per_cpu_ptr(n->in_flight.cpus, cpu), "vpt", "vpt_in_flight_cpu");
}

static void places_of_mm(struct places *p, struct mm_struct *mm)
{
	PLACES_ALL(p, mm, "linux", "mm_struct");
	PLACES_FIELD(p, mm, context.tlb_gen, "linux", "mm_struct");
	PLACES_FIELD(p, mm, mmap_lock, "linux", "mm_struct");
	PLACES_FIELD(p, mm, page_table_lock, "linux", "mm_struct");
	PLACES_FIELD(p, mm, pinned_vm, "linux", "mm_struct");
	PLACES_FIELD(p, mm, hiwater_rss, "linux", "mm_struct");
	PLACES_FIELD(p, mm, rss_stat, "linux", "mm_struct");
}

static void places_of_vma(struct places *p, struct vm_area_struct *vma)
{
	PLACES_ALL(p, vma, "linux", "vm_area_struct");
#if defined(CONFIG_PER_VMA_LOCK) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	PLACES_ALL(p, vma->vm_lock, "linux", "vma_lock");
#endif
}

/* A table and its struct page: the count of its entries, and Linux's lock. */
static void places_of_table(struct places *p, u64 table, const char *entries, const char *page)
{
	places_add(p, __va(table), PAGE_SIZE, "vpt", entries);
	places_add(p, vpt_table_page(table), sizeof(struct page), "vpt", page);
}

/* The tables that threads on PTs of their own have in common. */
static void places_of_tables(struct places *p, struct vpt_file *f)
{
	u64 table = f->root;

	places_of_table(p, table, "PML4's entries", "PML4's page");
	table = vpt_table_entry(table, pt_index(f->start, 4)) & PTE_PFN_MASK;
	places_of_table(p, table, "PDPT's entries", "PDPT's page");
	table = vpt_table_entry(table, pt_index(f->start, 3)) & PTE_PFN_MASK;
	places_of_table(p, table, "PD's entries", "PD's page");
}

static ssize_t places_write(struct file *file, const char __user *user, size_t size,
			    loff_t *pos)
{
	struct places *p = file->private_data;
	struct vpt_file *f;
	struct file *of;
	int fd;

	if (size != sizeof(fd))
		return -EINVAL;
	if (copy_from_user(&fd, user, sizeof(fd)))
		return -EFAULT;
	of = fget(fd);
	if (!of)
		return -EBADF;
	f = of->private_data;
	p->size = 0;
	mmap_read_lock(f->mm);
	PLACES_ALL(p, of, "linux", "file");
	places_of_file(p, f);
	places_of_spans(p, f);
	places_of_notifier(p, f->notifier);
	places_of_mm(p, f->mm);
	places_of_vma(p, vma_lookup(f->mm, f->start));
	places_of_tables(p, f);
	mmap_read_unlock(f->mm);
	fput(of);
	return size;
}

static ssize_t places_read(struct file *file, char __user *user, size_t size, loff_t *pos)
{
	struct places *p = file->private_data;

	return simple_read_from_buffer(user, size, pos, p->text, p->size);
}

static int places_open(struct inode *inode, struct file *file)
{
	file->private_data = vzalloc(sizeof(struct places));
	return file->private_data ? 0 : -ENOMEM;
}

static int places_release(struct inode *inode, struct file *file)
{
	vfree(file->private_data);
	return 0;
}

static const struct file_operations places_fops = {
	.owner = THIS_MODULE,
	.open = places_open,
	.release = places_release,
	.read = places_read,
	.write = places_write,
	.llseek = noop_llseek,
};

static struct miscdevice places_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "places",
	.fops = &places_fops,
	.mode = 0600,
};

module_misc_device(places_device);

MODULE_DESCRIPTION("Says what lies where in vpt's files, for a test of vpt");
MODULE_AUTHOR("The vpt authors");
MODULE_LICENSE("GPL");
