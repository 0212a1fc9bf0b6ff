// SPDX-License-Identifier: GPL-2.0
/*
 * Steps: how an operation on a long range lets others in between.
 *
 * The locks are released from one to the next (src/protocol/op_range.c).
 */
#include "../../protocol/op.h"
#include "../extent.h"
#include "../memory/span.h"
#include "../vpt_file.h"
#include "step.h"

/*
 * Bytes behind the entry in which @va's walk ends, looking no deeper than level 2; and
 * how many entries an operation may have to look at there.
 */
static u64 vpt_span_at(struct vpt_file *f, u64 va, unsigned int *entries)
{
	unsigned int level = PT_LEVELS;
	u64 table = f->root;

	for (;; level--) {
		u64 entry = vpt_table_entry(table, pt_index(va, level));

		if (!(entry & _PAGE_PRESENT) || entry & _PAGE_PSE)
			*entries = 1;
		else
			*entries = PT_ENTRIES;
		if (level == 2 || *entries < PT_ENTRIES)
			return pt_size(level);
		table = entry & PTE_PFN_MASK;
	}
}

u64 vpt_step_end(struct vpt_file *f, u64 va, u64 end)
{
	unsigned int left = VPT_STEP, entries;

	lockdep_assert(vpt_span_is_held(f, va));
	/* A broken tree is taken down at once. */
	if (f->violations)
		return end;
	while (va < end) {
		u64 bytes = vpt_span_at(f, va, &entries);

		if (entries > left)
			return va;
		left -= entries;
		va = (va & ~(bytes - 1)) + bytes;
	}
	return end;
}

/* Whether a leaf covers both the byte before @va and the byte at @va. */
static bool vpt_straddles(struct pt *pt, u64 va, struct pt_mapping *m)
{
	return va < pt->end && pt_resolve(pt, va, m) == PT_OK && m->va < va;
}

static int vpt_step_first(struct op *op, struct op_range *range)
{
	int ret = op_env_find(op, range->va, range->end - range->va);
	struct pt_mapping m;

	if (ret)
		return ret;
	/* The first step must not be done if the last cannot be. */
	if (vpt_straddles(&op->pt, range->end, &m))
		return -EINVAL;
	range->stop = vpt_step_end(op->env.f, range->va, range->end);
	return 0;
}

/*
 * A leaf that straddles an end now was mapped since the first step: all else that it
 * covers had been unmapped before, and is done.  Likewise what munmap() has taken.
 */
static void vpt_step_more(struct op *op, struct op_range *range)
{
	struct vpt_extent *extent = vpt_extent_from(op->env.f, range->va);
	struct pt_mapping m;
	u64 end;

	if (!extent || extent->pt.start >= range->end) {
		range->va = range->end;
		range->stop = range->end;
		return;
	}
	vpt_op_enter(op, extent);
	range->va = max(range->va, extent->pt.start);
	end = min(range->end, extent->pt.end);
	range->stop = end;
	if (vpt_straddles(&op->pt, range->va, &m))
		range->va = m.va + pt_size(m.level);
	if (vpt_straddles(&op->pt, end, &m))
		end = m.va;
	if (range->va < end)
		range->stop = vpt_step_end(op->env.f, range->va, end);
	else
		range->va = range->stop;
}

int vpt_step_next(struct op *op, struct op_range *range)
{
	if (!range->begun) {
		range->begun = true;
		return vpt_step_first(op, range);
	}
	range->va = range->stop;
	vpt_step_more(op, range);
	return 0;
}
