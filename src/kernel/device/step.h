/* SPDX-License-Identifier: GPL-2.0 */
/* Steps: how an operation on a long range lets others in between. */
#ifndef VPT_STEP_H
#define VPT_STEP_H

#include <linux/types.h>

struct op;
struct op_range;
struct vpt_file;

/**
 * vpt_step_next() - find the next step
 * @op: operation; it holds the spans of the rest of the range.  @op->pt is set
 * @range: the call
 *
 * Return: 0; for the first step, with nothing done, -ENXIO, -ERANGE, and -EINVAL if
 * a leaf straddles the range's end.
 */
int vpt_step_next(struct op *op, struct op_range *range);

/*
 * Where a step at @va ends, at most at @end; never within a leaf.  The spans of [@va, @end) are
 * held.
 */
u64 vpt_step_end(struct vpt_file *f, u64 va, u64 end);

#endif /* VPT_STEP_H */
