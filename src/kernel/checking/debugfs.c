// SPDX-License-Identifier: GPL-2.0
/*
 * Every open file and its tables, for an administrator: /sys/kernel/debug/vpt.
 *
 *	regions	a line for each open file: whose it is, and its counters
 *	tables	the entries of the regions' tables, as they stand
 *	check	the specification's invariants, run over each region
 *
 * A line is "key=value" pairs; numbers are decimal, or hexadecimal after 0x.  Readers
 * ignore a key that they do not know, so that more can be added.  Written to, a file is
 * told what to show to whoever reads this descriptor: "ID", or "ID START END" for the
 * addresses from START up to END (hexadecimal), or "0" for everything.
 *
 * Who reads needs CAP_SYS_ADMIN of the initial user namespace when it opens the file, for
 * physical addresses are shown.  A process is named by its number in the reader's pid
 * namespace, 0 if it has none there.
 *
 * Lifetimes.  A reader holds a reference on the struct vpt_file that it looks at, which
 * keeps the memory and nothing else: when the file is released its region is gone, and the
 * reader finds no extent.  Tables are read with all spans held, and within extents only:
 * while an extent is there and the spans are held, nobody frees a table of its walks (the
 * notifier takes the extent away, holding them, before Linux frees any).  Neither
 * lock nor reference is held while text is copied to the reader, so that one who does not
 * take it keeps nobody waiting.
 *
 * For the same reason a dump is not of one moment: each 2 MiB of addresses are, or
 * each entry of level 2 and above.  What is mapped from the beginning to the end of the
 * reading is in it, once.
 */
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>

#include "../device/ioctl.h"
#include "../extent.h"
#include "../memory/span.h"
#include "../vpt_file.h"
#include "debugfs.h"
#include "opcheck.h"

/* Every open file, by its number. */
static DEFINE_XARRAY_ALLOC1(vpt_files);

static struct dentry *vpt_debugfs_dir;

/* No address is as large: this file has no more to show. */
#define VPT_VIEW_DONE	U64_MAX

/**
 * struct vpt_view - what one descriptor of these files shows, and how far it is
 * @id: of this file alone; 0: of all
 * @start: tables: first address of interest
 * @end: first address after
 * @at: number of the open file that is shown next, or of the next there is after it
 * @va: address in that file where its next piece of text begins
 * @next: and the one after; VPT_VIEW_DONE
 */
struct vpt_view {
	u32 id;
	u64 start;
	u64 end;
	unsigned long at;
	u64 va;
	u64 next;
};

/**
 * vpt_file_add() - give a file its number, and show it
 * @f: file, with one reference, which is for vpt_file_put(); no region yet
 *
 * Return: 0, -ENOMEM, -EBUSY.
 */
int vpt_file_add(struct vpt_file *f)
{
	static u32 next;
	int ret;

	f->owner = get_pid(task_tgid(current));
	ret = xa_alloc_cyclic(&vpt_files, &f->id, f, XA_LIMIT(1, U32_MAX), &next,
			      GFP_KERNEL_ACCOUNT);
	return ret < 0 ? ret : 0;
}

/* Readers do not find it any more; some may be looking at it. */
void vpt_file_remove(struct vpt_file *f)
{
	if (f->id)
		xa_erase(&vpt_files, f->id);
}

static void vpt_file_free(struct kref *refs)
{
	struct vpt_file *f = container_of(refs, struct vpt_file, refs);

	put_pid(f->owner);
	free_cpumask_var(f->shot);
	kfree(f->opcheck);
	kfree(f->spans);
	kfree(f);
}

void vpt_file_put(struct vpt_file *f)
{
	kref_put(&f->refs, vpt_file_free);
}

/* The file that @v is at, with a reference; or NULL. */
static struct vpt_file *vpt_view_file(struct vpt_view *v)
{
	struct vpt_file *f;

	xa_lock(&vpt_files);
	f = xa_find(&vpt_files, &v->at, v->id ?: U32_MAX, XA_PRESENT);
	if (f)
		kref_get(&f->refs);
	xa_unlock(&vpt_files);
	return f;
}

static void *vpt_view_start(struct seq_file *m, loff_t *pos)
{
	struct vpt_view *v = m->private;

	if (!*pos) {
		v->at = v->id;
		v->va = v->start;
	}
	return vpt_view_file(v);
}

static void *vpt_view_next(struct seq_file *m, void *file, loff_t *pos)
{
	struct vpt_view *v = m->private;
	struct vpt_file *f = file;

	++*pos;
	v->va = v->next;
	if (v->va == VPT_VIEW_DONE) {
		v->at = f->id + 1UL;
		v->va = v->start;
	}
	vpt_file_put(f);
	cond_resched();
	/* A fatal signal ends a long search where there is little to show. */
	return fatal_signal_pending(current) ? ERR_PTR(-EINTR) : vpt_view_file(v);
}

static void vpt_view_stop(struct seq_file *m, void *file)
{
	if (!IS_ERR_OR_NULL(file))
		vpt_file_put(file);
}

/* The name comes last, what is not plain in it as octal numbers. */
static void vpt_view_process(struct seq_file *m, struct vpt_file *f)
{
	char comm[TASK_COMM_LEN] = "";
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(f->owner, PIDTYPE_TGID);
	if (task)
		get_task_comm(comm, task);
	rcu_read_unlock();
	seq_printf(m, " pid=%d comm=", pid_vnr(f->owner));
	seq_escape_mem(m, comm, strlen(comm), ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, " \\=");
	seq_putc(m, '\n');
}

static int vpt_regions_show(struct seq_file *m, void *file)
{
	struct vpt_view *v = m->private;
	struct vpt_file *f = file;
	struct vpt_extent *extent;
	u64 bytes = 0, mapped = 0;
	unsigned int level;

	v->next = VPT_VIEW_DONE;
	if (vpt_lock_all_killable(f))
		return -EINTR;
	for (extent = vpt_extent_from(f, 0); extent; extent = vpt_extent_next(extent))
		bytes += extent->pt.end - extent->pt.start;
	for (level = 1; level <= VPT_LEVELS; level++)
		mapped += f->books.leaves[level - 1] << pt_shift(level);
	seq_printf(m, "id=%u start=0x%llx end=0x%llx bytes=%llu strict=%d write=%d exec=%d",
		   f->id, f->start, f->end, bytes, f->strict, !!(f->rights & PT_WRITE),
		   !!(f->rights & PT_EXEC));
	seq_printf(m, " mapped=%llu leaves_4k=%llu leaves_2m=%llu leaves_1g=%llu tables=%llu",
		   mapped, f->books.leaves[0], f->books.leaves[1], f->books.leaves[2],
		   f->books.tables);
	seq_printf(m, " frames=%llu handles=%llu faults=%llu segvs=%llu shootdowns=%llu",
		   f->books.frames, f->nhandles, f->books.faults, f->books.segvs,
		   f->books.shootdowns);
	seq_printf(m, " checked=%llu violations=%llu", f->opchecks, f->violations);
	vpt_unlock_all(f);
	vpt_view_process(m, f);
	return 0;
}

/* Whose the table behind an entry is, as spec_inv.h has it. */
static void vpt_tables_child(struct seq_file *m, struct vpt_file *f, const struct pt *pt,
			     u64 va, unsigned int level, u64 table)
{
	const u64 span = pt_size(level), base = va & ~(span - 1);
	const unsigned int live = vpt_table_live(table);

	if (base < pt->start || pt->end - base < span)
		seq_puts(m, " child=shared");
	else if (live)
		seq_printf(m, " child=vpt live=%u", live);
	else
		seq_puts(m, " child=untracked");
}

/*
 * The entries on the path of @va, a byte of @pt.  Those that lead to a table are shown with
 * the first address behind them that is not before @first.  Return: bytes behind the last.
 */
static u64 vpt_tables_path(struct seq_file *m, struct vpt_file *f, const struct pt *pt,
			   u64 va, u64 first, bool absent)
{
	unsigned int level;
	struct spec_env env;
	u64 table = f->root;

	vpt_spec_look(f, &env);
	for (level = PT_LEVELS;; level--) {
		const unsigned int i = pt_index(va, level);
		const u64 entry = env.memory.read(f, table, i);
		const u64 below = entry & PTE_PFN_MASK;
		/* A broken tree is not followed. */
		const bool leads = level > 1 && (entry & _PAGE_PRESENT) &&
				   !(entry & _PAGE_PSE) &&
				   env.is_table(f, below, level - 1);

		if ((entry || absent) &&
		    (!leads || va == first || !(va & (pt_size(level) - 1)))) {
			seq_printf(m, "id=%u va=0x%llx level=%u table=0x%llx index=%u entry=0x%llx",
				   f->id, va & ~(pt_size(level) - 1), level, table, i, entry);
			if (leads)
				vpt_tables_child(m, f, pt, va, level, below);
			seq_putc(m, '\n');
		}
		if (!leads)
			return pt_size(level);
		table = below;
	}
}

/* The entries behind one of level 2, or behind a larger one that ends its walk. */
static int vpt_tables_show(struct seq_file *m, void *file)
{
	struct vpt_view *v = m->private;
	/* Of a single page, what is not present as well. */
	const bool absent = v->end - v->start <= PAGE_SIZE;
	struct vpt_file *f = file;
	struct vpt_extent *extent;
	u64 va, end;

	v->next = VPT_VIEW_DONE;
	if (vpt_lock_all_killable(f))
		return -EINTR;
	extent = vpt_extent_from(f, v->va);
	va = extent ? max(v->va, extent->pt.start) : v->end;
	if (va >= v->end)
		goto unlock;
	end = min(v->end, extent->pt.end);
	do {
		u64 bytes = vpt_tables_path(m, f, &extent->pt, va,
					    max(v->start, extent->pt.start), absent);

		va = (va & ~(bytes - 1)) + bytes;
	} while (va < end && (va & (pt_size(2) - 1)));
	v->next = va;
unlock:
	vpt_unlock_all(f);
	return 0;
}

static int vpt_check_show(struct seq_file *m, void *file)
{
	struct vpt_view *v = m->private;
	struct vpt_file *f = file;
	struct vpt_check c = { 0 };
	int ret = vpt_check_file(f, &c);

	v->next = VPT_VIEW_DONE;
	/* It has no region. */
	if (ret == -ENXIO)
		return 0;
	if (ret)
		return ret;
	seq_printf(m, "id=%u tables=%llu leaves=%llu violations=%llu", f->id, c.tables,
		   c.leaves, c.violations);
	if (c.violations)
		seq_printf(m, " invariant=%u name=%s level=%u va=0x%llx entry=0x%llx",
			   c.invariant, c.name, c.level, c.addr, c.entry);
	seq_putc(m, '\n');
	return 0;
}

static ssize_t vpt_view_write(struct file *file, const char __user *user, size_t size,
			      loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct vpt_view *v = m->private;
	u64 id, start = 0, end = U64_MAX;
	char text[80], more;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, size))
		return -EFAULT;
	text[size] = 0;
	/* One number, or three, and nothing after them. */
	if (sscanf(text, "%llu %c", &id, &more) != 1 &&
	    sscanf(text, "%llu %llx %llx %c", &id, &start, &end, &more) != 3)
		return -EINVAL;
	if (id > U32_MAX || start >= end)
		return -EINVAL;
	mutex_lock(&m->lock);
	v->id = id;
	v->start = start;
	v->end = end;
	mutex_unlock(&m->lock);
	return size;
}

static int vpt_view_open(struct inode *inode, struct file *file)
{
	struct vpt_view *v;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	v = __seq_open_private(file, inode->i_private, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->end = U64_MAX;
	return 0;
}

static const struct file_operations vpt_view_fops = {
	.owner = THIS_MODULE,
	.open = vpt_view_open,
	.read = seq_read,
	.write = vpt_view_write,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

#define VPT_VIEW_OPS(what)					\
	static const struct seq_operations vpt_##what##_ops = {	\
		.start = vpt_view_start,			\
		.next = vpt_view_next,				\
		.stop = vpt_view_stop,				\
		.show = vpt_##what##_show,			\
	}

VPT_VIEW_OPS(regions);
VPT_VIEW_OPS(tables);
VPT_VIEW_OPS(check);

static void __init vpt_view_create(const char *name, const struct seq_operations *ops)
{
	debugfs_create_file(name, 0600, vpt_debugfs_dir, (void *)ops, &vpt_view_fops);
}

/* Without debugfs the module works all the same. */
void __init vpt_debugfs_init(void)
{
	vpt_debugfs_dir = debugfs_create_dir("vpt", NULL);
	vpt_view_create("regions", &vpt_regions_ops);
	vpt_view_create("tables", &vpt_tables_ops);
	vpt_view_create("check", &vpt_check_ops);
}

/* No file is open: each holds the module. */
void vpt_debugfs_exit(void)
{
	debugfs_remove_recursive(vpt_debugfs_dir);
}
