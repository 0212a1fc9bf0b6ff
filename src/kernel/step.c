// SPDX-License-Identifier: GPL-2.0
/*
 * Steps: how an operation on a long range lets others in between.
 *
 * Each step is an operation of its own, with its trial, its invalidation and what it
 * frees; what lies before it is done, what lies behind it is as it was.  The locks are
 * released from one to the next.
 */
#include "ioctl.h"
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
		u64 entry = pt_env_load(&f->env, table, pt_index(va, level));

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

static int vpt_step_first(struct vpt_file *f, struct vpt_steps *s)
{
	struct vpt_piece *piece = vpt_find_piece(f, s->va, s->end - s->va);
	struct pt_mapping m;

	if (IS_ERR(piece))
		return PTR_ERR(piece);
	s->pt = &piece->pt;
	/* The first step must not be done if the last cannot be. */
	if (vpt_straddles(s->pt, s->end, &m))
		return -EINVAL;
	s->stop = vpt_step_end(f, s->va, s->end);
	return 0;
}

/*
 * A leaf that straddles an end now was mapped since the first step: all else that it
 * covers had been unmapped before, and is done.  Likewise what munmap() has taken.
 */
static void vpt_step_more(struct vpt_file *f, struct vpt_steps *s)
{
	struct vpt_piece *piece = vpt_piece_from(f, s->va);
	struct pt_mapping m;
	u64 end;

	if (!piece || piece->pt.start >= s->end) {
		s->va = s->end;
		s->stop = s->end;
		return;
	}
	s->pt = &piece->pt;
	s->va = max(s->va, piece->pt.start);
	end = min(s->end, piece->pt.end);
	s->stop = end;
	if (vpt_straddles(s->pt, s->va, &m))
		s->va = m.va + pt_size(m.level);
	if (vpt_straddles(s->pt, end, &m))
		end = m.va;
	if (s->va < end)
		s->stop = vpt_step_end(f, s->va, end);
	else
		s->va = s->stop;
}

int vpt_step_next(struct vpt_file *f, struct vpt_steps *s)
{
	s->first = !s->pt;
	if (s->first)
		return vpt_step_first(f, s);
	s->va = s->stop;
	vpt_step_more(f, s);
	return 0;
}
