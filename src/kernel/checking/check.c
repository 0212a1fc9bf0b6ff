// SPDX-License-Identifier: GPL-2.0
/*
 * How the specification looks at a file - how to read a table, and what is on record
 * about a page - and CHECK: its invariants, run over the tables as they stand.
 */
#include <linux/sched/signal.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "../device/ioctl.h"
#include "../extent.h"
#include "../memory/frame.h"
#include "../memory/handle.h"
#include "../memory/span.h"
#include "../vpt_file.h"
#include "opcheck.h"

/*
 * What a check of a tree has seen of a page is noted in the page, with the number of the
 * check: for a table beside its live count, for a frame in lru.prev, which is used
 * only when the frame is dead.  (Not in lru.next: its lowest bit marks a tail page.)
 */
#define VPT_MARK_SHIFT	17
#define VPT_MARK_MAX	0x7fffUL
#define VPT_MARKS	(VPT_MARK_MAX << VPT_MARK_SHIFT)

static u64 vpt_spec_read(void *ctx, u64 table, unsigned int i)
{
	struct vpt_file *f = ctx;

	/* Under PTI the copy that user mode runs on is the one that counts. */
	if (table == f->root && f->root_mirrored)
		table += PAGE_SIZE;
	return vpt_table_entry(table, i);
}

static bool vpt_spec_is_table(void *ctx, u64 table, unsigned int level)
{
	if (!pfn_valid(PHYS_PFN(table)))
		return false;
	/* Linux 6.1 does not mark PUD tables. */
	if (level == 3 && LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0))
		return true;
	return PageTable(vpt_table_page(table));
}

static unsigned int vpt_spec_live(void *ctx, u64 table)
{
	return vpt_table_live(table);
}

static bool vpt_spec_known(void *ctx, u64 table, unsigned int level)
{
	return vpt_table_tagged(vpt_table_page(table));
}

static u64 vpt_spec_visit(void *ctx, u64 table)
{
	struct page *page = vpt_table_page(table);
	struct vpt_file *f = ctx;
	const unsigned long mark = (unsigned long)f->mark << VPT_MARK_SHIFT;

	if (!vpt_table_tagged(page))
		return 0;
	if ((vpt_index(page) & VPT_MARKS) == mark)
		return 1;
	vpt_index(page) = (vpt_index(page) & ~VPT_MARKS) | mark;
	return 0;
}

/* Take the marks off the tables on @va's walk, down to level 1.  Return: its last level. */
static unsigned int vpt_marks_off_walk(struct vpt_file *f, u64 va)
{
	unsigned int level = PT_LEVELS;
	u64 table = f->root;

	while (level > 1) {
		const u64 entry = vpt_spec_read(f, table, pt_index(va, level));

		/* A broken tree is not followed. */
		if ((entry & (_PAGE_PRESENT | _PAGE_PSE)) != _PAGE_PRESENT ||
		    !vpt_spec_is_table(f, entry & PTE_PFN_MASK, level - 1))
			break;
		table = entry & PTE_PFN_MASK;
		level--;
		if (vpt_table_tagged(vpt_table_page(table)))
			vpt_index(vpt_table_page(table)) &= ~VPT_MARKS;
	}
	return level;
}

static void vpt_marks_off(struct vpt_file *f, const struct pt *pt)
{
	u64 va, bytes;

	for (va = pt->start; va < pt->end; va = (va & ~(bytes - 1)) + bytes) {
		bytes = pt_size(max(vpt_marks_off_walk(f, va), 2U));
		cond_resched();
	}
}

/**
 * vpt_tree_check_begin() - a check of a tree begins: give it a number
 * @f: file; all spans are held
 *
 * Numbers are never 0, which is what a new table has, and begin anew when there are no
 * more.  Until then a check may have been of one extent each time, so that tables of
 * another have kept a mark from long ago: these come off, and those in what munmap() is
 * taking away.
 */
void vpt_tree_check_begin(struct vpt_file *f)
{
	struct vpt_extent *extent;

	vpt_assert_all(f);
	f->tree_checks++;
	if (f->mark++ < VPT_MARK_MAX)
		return;
	f->mark = 1;
	for (extent = vpt_extent_from(f, 0); extent; extent = vpt_extent_next(extent))
		vpt_marks_off(f, &extent->pt);
	if (f->extents.cut)
		vpt_marks_off(f, f->extents.cut);
}

static bool vpt_spec_frame_known(void *ctx, u64 pa, unsigned int level)
{
	struct page *frame;

	if (!vpt_frame_known(pa))
		return false;
	frame = vpt_frame_of(pa);
	/* A 1 GiB frame may have been split into 2 MiB mappings. */
	return vpt_frame_level(frame) == level ||
	       (level == 2 && vpt_frame_level(frame) == 3);
}

static bool vpt_any_table(struct page *page, unsigned long n)
{
	for (; n; n--, page++) {
		if (PageTable(page))
			return true;
	}
	return false;
}

/* The memory map has a subsection whole or not at all: so pfn_valid() once for each. */
static bool vpt_spec_frame_has_table(void *ctx, u64 pa, u64 bytes, bool whole)
{
	unsigned long pfn = PHYS_PFN(pa), end = PHYS_PFN(pa + bytes), next;

	/* A 1 GiB frame may have been split into 2 MiB mappings. */
	if (whole) {
		pfn = page_to_pfn(vpt_frame_of(pa));
		end = pfn + PHYS_PFN(pt_size(vpt_frame_level(vpt_frame_of(pa))));
	}
	for (; pfn < end; pfn = next) {
		next = min(end, ALIGN(pfn + 1, PAGES_PER_SUBSECTION));
		if (pfn_valid(pfn) && vpt_any_table(pfn_to_page(pfn), next - pfn))
			return true;
	}
	return false;
}

static u64 vpt_spec_frame_seen(void *ctx, u64 pa, unsigned int level, u64 va, u64 entry)
{
	unsigned long *note = (unsigned long *)&vpt_frame_of(pa)->lru.prev;
	struct vpt_file *f = ctx;

	if (*note >> 32 != f->tree_checks)
		*note = (unsigned long)f->tree_checks << 32;
	return ++*note & U32_MAX;
}

static u64 vpt_spec_frame_recorded(void *ctx, u64 pa, unsigned int level)
{
	struct page *frame = vpt_frame_of(pa);

	return page_private(frame) - !!vpt_frame_handle(frame);
}

static bool vpt_spec_pause(void *ctx)
{
	cond_resched();
	return false;
}

/* Of who looks and changes nothing. */
static bool vpt_spec_pause_killable(void *ctx)
{
	cond_resched();
	return fatal_signal_pending(current);
}

/* All that the file has tables of, if that is one range; or NULL. */
static const struct pt *vpt_region_whole(struct vpt_file *f)
{
	if (f->extents.cut)
		return vpt_region_gone(f) ? f->extents.cut : NULL;
	return f->extents.n == 1 ? &vpt_extent_from(f, 0)->pt : NULL;
}

/* The region that @pt describes: an extent of the file's, or a part of one. */
void vpt_spec_region(struct vpt_file *f, const struct pt *pt, struct spec_region *region)
{
	const struct pt *whole = vpt_region_whole(f);
	unsigned int level;

	*region = (struct spec_region) {
		.cpu = {
			.maxphyaddr = boot_cpu_data.x86_phys_bits,
			.nxe = __supported_pte_mask & _PAGE_NX,
			.page1g = boot_cpu_has(X86_FEATURE_GBPAGES),
			/* Kept everywhere, so that it holds where it matters. */
			.shadow_stack = true,
		},
		.root = f->root,
		.start = pt->start,
		.end = pt->end,
		.foreign_tables = true,
		.tables = SPEC_UNCOUNTED,
		.mappings = SPEC_UNCOUNTED,
	};
	for (level = 1; level <= VPT_LEVELS; level++) {
		region->leaf_value[level] = pt_env_leaf_bits(level) | SPEC_US;
		region->leaf_mask[level] = region->leaf_value[level] |
					   spec_leaf_attributes(level);
	}
	/* The totals are the file's: they say something while this is all of it. */
	if (whole && pt->start == whole->start && pt->end == whole->end) {
		region->tables = f->books.tables;
		region->mappings = f->books.leaves[0] + f->books.leaves[1] +
				   f->books.leaves[2];
	}
}

static void vpt_check_add(const struct vpt_file *f, struct vpt_check *c,
			  const struct spec_result *result)
{
	const struct spec_violation *first = &result->first;

	c->tables += result->tables;
	c->leaves += result->leaves;
	if (!c->violations && result->violations) {
		c->invariant = first->invariant;
		c->level = first->level;
		c->addr = first->va;
		c->entry = vpt_show_phys(f, first->entry);
		strscpy(c->name, spec_invariant_name(first->invariant), sizeof(c->name));
	}
	c->violations += result->violations;
}

void vpt_spec_look(struct vpt_file *f, struct spec_env *env)
{
	*env = (struct spec_env) {
		.memory = { .read = vpt_spec_read, .ctx = f },
		.is_table = vpt_spec_is_table,
		.live = vpt_spec_live,
		.known = vpt_spec_known,
		.visit = vpt_spec_visit,
		.frame_known = vpt_spec_frame_known,
		.frame_has_table = vpt_spec_frame_has_table,
		.frame_seen = vpt_spec_frame_seen,
		.frame_recorded = vpt_spec_frame_recorded,
		.pause = vpt_spec_pause,
	};
}

/**
 * vpt_check_file() - run every invariant over a file's region
 * @f: file
 * @c: filled in; all 0, but for @c->argsz
 *
 * Context: takes all spans, for as long as it takes.
 * Return: 0; -EINTR on a fatal signal, before or in the middle of it; -ENXIO.
 */
int vpt_check_file(struct vpt_file *f, struct vpt_check *c)
{
	struct spec_region region;
	struct spec_result result;
	struct vpt_extent *extent;
	struct spec_env env;
	int ret = 0;

	if (vpt_lock_all_killable(f))
		return -EINTR;
	if (vpt_region_gone(f)) {
		vpt_unlock_all(f);
		return -ENXIO;
	}
	vpt_tree_check_begin(f);
	vpt_spec_look(f, &env);
	env.pause = vpt_spec_pause_killable;
	for (extent = vpt_extent_from(f, 0); extent; extent = vpt_extent_next(extent)) {
		vpt_spec_region(f, &extent->pt, &region);
		spec_check_tree(&region, &env, &result);
		if (result.stopped) {
			ret = -EINTR;
			break;
		}
		vpt_check_add(f, c, &result);
	}
	vpt_unlock_all(f);
	return ret;
}

int vpt_ioc_check(struct vpt_file *f, void *arg, u64 user)
{
	struct vpt_check *c = arg;

	if (c->flags || !vpt_zero(c->reserved, ARRAY_SIZE(c->reserved)))
		return -EINVAL;
	*c = (struct vpt_check){ .argsz = c->argsz };
	return vpt_check_file(f, c);
}
