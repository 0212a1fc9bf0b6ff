/* SPDX-License-Identifier: GPL-2.0 */
/* The locks of a region's spans. */
#ifndef VPT_SPAN_H
#define VPT_SPAN_H

#include <linux/hash.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "../../core/pt.h"
#include "../vpt_file.h"

/* Locks that the region's spans share: one for each bit of a u64. */
#define VPT_SPAN_BITS	6
#define VPT_SPANS	(1U << VPT_SPAN_BITS)
#define VPT_SPAN_SHIFT	21	/* log2 of a span's bytes */

/**
 * struct vpt_span - the lock of some spans of a region
 * @lock: see vpt_file.h
 * @detached: it is what protects them, and not the file's lock.  Changes under both
 * @books: of operations that held @lock; all 0 while not detached.  Protected likewise
 */
struct vpt_span {
	struct mutex lock;	/* see vpt_file.h */
	bool detached;
	struct vpt_books books;
} ____cacheline_aligned_in_smp;

int vpt_spans_alloc(struct vpt_file *f);
int vpt_lock_spans(struct pt_env *env);
void vpt_lock_spans_again(struct pt_env *env);
int vpt_lock_all_killable(struct vpt_file *f);
void vpt_lock_all(struct vpt_file *f);

/* The lock of the span that holds @va.  Neighbours', and those 1 GiB apart, are different. */
static inline struct vpt_span *vpt_span(const struct vpt_file *f, u64 va)
{
	return &f->spans[hash_64(va >> VPT_SPAN_SHIFT, VPT_SPAN_BITS)];
}

/* After vpt_lock_spans(). */
static inline void vpt_unlock_spans(struct pt_env *env)
{
	if (likely(!env->all && env->span)) {
		mutex_unlock(&env->span->lock);
		return;
	}
	if (env->span)
		mutex_unlock(&env->span->lock);
	mutex_unlock(&env->f->lock);
}

static inline void vpt_unlock_all(struct vpt_file *f)
{
	mutex_unlock(&f->lock);
}

/* Every span is held: those that are detached, if any, by their own locks. */
static inline void vpt_assert_all(struct vpt_file *f)
{
	u64 left;

	lockdep_assert_held(&f->lock);
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	for (left = f->detached; left; left &= left - 1)
		lockdep_assert_held(&f->spans[__ffs64(left)].lock);
}

/* Whether the span that holds @va is held, as far as lockdep knows. */
static inline bool vpt_span_is_held(struct vpt_file *f, u64 va)
{
	struct vpt_span *span = vpt_span(f, va);

	return lockdep_is_held(span->detached ? &span->lock : &f->lock);
}

#endif /* VPT_SPAN_H */
