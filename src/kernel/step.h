/* SPDX-License-Identifier: GPL-2.0 */
/* Steps: how an operation on a long range lets others in between. */
#ifndef VPT_STEP_H
#define VPT_STEP_H

#include "vpt_file.h"

/* Pages, of whatever size, that one step deals with at most. */
#define VPT_STEP	8192

/**
 * struct vpt_steps - a call about a range, as it goes from step to step
 * @va: first byte of this step
 * @stop: first byte after this step; @va where nothing is left to do in it
 * @end: first byte after the range
 * @pt: region that the step lies in; NULL before the first one
 * @first: this is the first step
 */
struct vpt_steps {
	u64 va;
	u64 stop;
	u64 end;
	struct pt *pt;
	bool first;
};

/**
 * vpt_step_next() - find the next step
 * @f: file; @f->lock is held until the step is done
 * @s: for the first step va and end, all else 0; for another one @s->stop < @s->end
 *
 * Return: 0; for the first step, with nothing done, -ENXIO, -ERANGE, and -EINVAL if
 * a leaf straddles the range's end.
 */
int vpt_step_next(struct vpt_file *f, struct vpt_steps *s);

/* Where a step at @va ends, at most at @end; never within a leaf.  @f->lock is held. */
u64 vpt_step_end(struct vpt_file *f, u64 va, u64 end);

#endif /* VPT_STEP_H */
