/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's environment in the kernel: see src/protocol/op.h, by which this is
 * included.
 */
#ifndef OP_ENV_H
#define OP_ENV_H

#include <linux/sched.h>

#include "../checking/core_traced.h"
#include "../checking/events.h"
#include "../checking/opcheck.h"
#include "../extent.h"
#include "../memory/frame.h"
#include "../memory/handle.h"
#include "../memory/secondary.h"
#include "../memory/shootdown.h"
#include "../memory/span.h"
#include "../memory/table.h"
#include "../vpt_file.h"
#include "ioctl.h"
#include "step.h"

/* Call core function @fn: the plain copy, or the traced one. */
#define op_env_core		vpt_core

/*
 * The table is broken, and that is on record; the next call goes through without
 * an operation check: since vpt_lock_reserved() refuses everybody else, it comes from who
 * takes the region down.
 */
#define op_env_broken		(-EIO)

static inline int op_env_errno(enum pt_status status)
{
	switch (status) {
	case PT_OK:
		return 0;
	case PT_EXISTS:
		return -EEXIST;
	case PT_NOENT:
		return -ENOENT;
	case PT_NOMEM:
		return -ENOMEM;
	case PT_AGAIN:
		return -EAGAIN;
	case PT_WIDER:
		return -ERESTART;
	case PT_INVALID:
		break;
	}
	return -EINVAL;
}

/* Locks. */

/* A range is refused if a leaf straddles its end: so the byte after it is looked at. */
static inline int op_env_lock(struct op *op, u64 va, u64 end)
{
	return vpt_lock_reserved(&op->env, va, op->env.range ? end : end - 1, 0);
}

static inline int op_env_mmap_lock(struct op *op, u64 va, u64 last, u64 tables)
{
	int ret = vpt_lock_reserved(&op->env, va, last, tables);

	op->env.mmap_locked = true;
	if (ret)
		vpt_mmap_unlock(op->env.f);
	return ret;
}

/* One table more for each page of 1 GiB is what its split will need. */
static inline int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level)
{
	const u64 tables = n == 1 ? VPT_LEVELS : pt_map_tables(va, n, level);
	const u64 last = va + (n << pt_shift(level)) - 1;
	int ret;

	if (level == 1)
		return vpt_lock_reserved(&op->env, va, last, tables);
	ret = vpt_mmap_lock_map(op->env.f, va, n << pt_shift(level), pt_size(level));
	if (ret)
		return ret;
	return op_env_mmap_lock(op, va, last, tables + (level == 3 ? n : 0));
}

/*
 * Where a page shares its PT with others no table goes, and there is no walker to keep out; and a
 * PT can go beside others of its PD while walkers are in it, where they rely on RCU.  While
 * somebody listens that is not asked: an event would say that spans are locked for nothing.  A
 * secondary MMU's fault looks twice under one mmap_lock, and must find the second time what it
 * has faulted in (KVM's hva_to_pfn_remapped()).  One that registers after we look here, and VFIO,
 * which has no notifier (follow_fault_pfn()), may not find it, and answer EFAULT.
 */
static inline int op_env_lock_unmap_page(struct op *op, u64 va)
{
	int ret;

	if (op->env.range || vpt_watched() || vpt_notifier_others(op->env.f))
		return 1;
	ret = vpt_lock_reserved(&op->env, va, va, 0);
	if (ret || vpt_walkers_may_stay(&op->env))
		return ret;
	vpt_unlock(&op->env);
	return 1;
}

/* The frames of a range lose their references one by one, which takes all spans: frame.c. */
static inline int op_env_lock_unmap(struct op *op, u64 va, u64 end)
{
	int ret = op_env_lock_unmap_page(op, va);

	if (ret <= 0)
		return ret;
	ret = vpt_mmap_lock_unmap(op->env.f, va, end);
	if (ret)
		return ret;
	return op->env.range ? op_env_mmap_lock(op, 0, U64_MAX, 0) :
			       op_env_mmap_lock(op, va, end - 1, 0);
}

/* Walkers are kept out of what may unlink a table: who changes entries alone does not. */
static inline int op_env_lock_all(struct op *op, u64 va, u64 end)
{
	int ret;

	if (!op->env.mmap_locked && !op->env.walkers)
		return vpt_lock_reserved(&op->env, 0, U64_MAX, 0);
	op->env.walkers = false;
	ret = vpt_mmap_lock_unmap(op->env.f, va, end);
	return ret ? ret : op_env_mmap_lock(op, 0, U64_MAX, 0);
}

static inline bool op_env_wider(int ret)
{
	return ret == -ERESTART;
}

static inline bool op_env_left(struct op *op)
{
	const bool left = op->env.left;

	op->env.left = false;
	return left;
}

static inline void op_env_unlock(struct op *op, int ret)
{
	vpt_unlock_and_notify(&op->env);
	if (op->env.mmap_locked)
		vpt_mmap_unlock(op->env.f);
}

/* Of a broken table, too, and of no interest to the monitor. */
static inline int op_env_lock_resolve(struct op *op, u64 va)
{
	vpt_env_about(&op->env, va, va);
	return vpt_lock_spans(&op->env);
}

static inline void op_env_unlock_resolve(struct op *op, int ret)
{
	vpt_unlock_spans(&op->env);
}

static inline void op_env_pause(void)
{
	cond_resched();
}

static inline void op_env_lock_linker(struct op *op)
{
	spin_lock(&op->env.mm->page_table_lock);
	if (vpt_events_on())
		vpt_event_table_lock(&op->env, 0, 3, true);
}

static inline void op_env_unlock_linker(struct op *op)
{
	if (vpt_events_on())
		vpt_event_table_lock(&op->env, 0, 3, false);
	spin_unlock(&op->env.mm->page_table_lock);
}

/* What the caller asks for. */

static inline void vpt_op_enter(struct op *op, const struct vpt_extent *extent)
{
	op->pt = extent->pt;
	op->pt.env = &op->env;
}

static inline int op_env_find(struct op *op, u64 va, u64 bytes)
{
	struct vpt_extent *extent = op->env.extent;

	if (!extent || va != op->env.va || extent->pt.end - va < bytes)
		extent = vpt_find_extent(op->env.f, va, bytes);
	if (IS_ERR(extent))
		return PTR_ERR(extent);
	vpt_op_enter(op, extent);
	return 0;
}

static inline int op_env_step(struct op *op, struct op_range *range)
{
	return vpt_step_next(op, range);
}

static inline int op_env_rights(struct op *op)
{
	int rights = vpt_rights(op->env.f, op->env.prot);

	if (rights < 0)
		return rights;
	op->rights = rights;
	return 0;
}

static inline int op_env_frame(struct op *op, unsigned int level)
{
	return vpt_pick_frame(&op->env, level, &op->pa);
}

/* Most arguments lie outside the region: then the leaf need not be looked at first. */
static inline bool op_env_answers(const struct op *op)
{
	const struct vpt_file *f = op->env.f;

	return vpt_answer_lost(op->env.user, op->env.user_size, f->start, f->end - f->start);
}

static inline int op_env_answerable(const struct op *op, u64 va, u64 bytes)
{
	return vpt_answer_lost(op->env.user, op->env.user_size, va, bytes) ? -EFAULT : 0;
}

/* Operation checks and books. */

static inline bool op_env_start(struct op *op, const struct spec_op *spec)
{
	/* All spans are held for who watches, but for one who came when it was under way. */
	return !vpt_took_all(&op->env) || vpt_opcheck_start(op->env.f, &op->pt, spec);
}

/* It is written down only if somebody wants to know. */
#define op_env_begin(op, ...)							\
	(!vpt_watched() || op_env_start(op, &(const struct spec_op){ __VA_ARGS__ }))

static inline void op_env_end(struct op *op, enum pt_status status)
{
	vpt_opcheck_end(op->env.f, &op->pt, status);
}

static inline void op_env_end_leaf(struct op *op, enum pt_status status,
				   const struct pt_mapping *leaf, bool revoked)
{
	vpt_opcheck_end_leaf(op->env.f, &op->pt, status, leaf, revoked);
}

static inline void op_env_end_range(struct op *op, enum pt_status status,
				    const struct pt_touched *done)
{
	vpt_opcheck_end_range(op->env.f, &op->pt, status, done);
}

static inline void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level)
{
	u64 i;

	for (i = 0; i < n; i++) {
		vpt_frame_get(pfn_to_page(PHYS_PFN(pa[i])), 1);
		if (!((i + 1) % PT_ENTRIES))
			cond_resched();
	}
	vpt_leaf_added(&op->env, level, n);
}

static inline void op_env_unmapped(struct op *op, const struct pt_mapping *old)
{
	vpt_leaf_removed(&op->env, old->level, old->pa);
}

static inline void op_env_remapped(struct op *op, const struct pt_mapping *old)
{
	vpt_frame_get(pfn_to_page(PHYS_PFN(op->pa)), 1);
	vpt_leaf_put(&op->env, vpt_leaf_frame(old->level, old->pa));
}

static inline void op_env_split(struct op *op, const struct pt_mapping *old)
{
	op->env.books->leaves[old->level - 1]--;
	op->env.books->leaves[old->level - 2] += PT_ENTRIES;
	vpt_frame_get(vpt_frame_of(old->pa), PT_ENTRIES - 1);
}

static inline void op_env_keep(struct op *op, u64 n)
{
	if (op->env.fresh)
		vpt_frames_keep(op->env.f, op->env.books, n);
}

static inline void op_env_report(struct op *op, const struct pt_mapping *m)
{
	op->env.handle = vpt_frame_handle(vpt_leaf_frame(m->level, m->pa));
}

/* Invalidating and freeing. */

static inline bool op_env_deferred(const struct op *op)
{
	return !list_empty(&op->env.dead_tables);
}

static inline void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift)
{
	vpt_shootdown(&op->env, va, end, shift);
}

/* Of what Linux tells the others, or has told them. */
static inline void op_env_flush_sharers(struct op *op, u64 va, u64 end)
{
	vpt_flush_sharers(&op->env, va, end);
}

static inline void op_env_free(struct op *op, u64 va, u64 end, bool gone)
{
	vpt_free_told(&op->env, va, end, gone);
}

#endif /* OP_ENV_H */
