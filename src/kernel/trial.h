/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Run-time checking: operations on trial (spec/spec_trial.h), and what follows from
 * a violation.
 */
#ifndef VPT_TRIAL_H
#define VPT_TRIAL_H

#include "../../spec/spec_trial.h"
#include "vpt_file.h"

/* Values of the module parameter check=. */
enum vpt_check_mode {
	VPT_CHECK_OFF,
	VPT_CHECK_OP,	/* each operation: answer, effect, invariants along the walk */
	VPT_CHECK_FULL,	/* each operation: the whole region before and after */
};

extern unsigned int vpt_check_mode;

/**
 * struct vpt_trial - a file's trial, one at a time
 * @on: one is going on
 * @op: operation
 * @env: how the specification looks at the file
 * @region: and at its region
 * @trial: the trial
 * @last: at check=full, the region's map as the last operation left it
 * @last_start: the region that @last is about; 0 and 0 where there is none
 * @last_end: first byte after it
 * @epoch: number of the setting of check= that @last was taken under
 */
struct vpt_trial {
	bool on;
	struct spec_op op;
	struct spec_env env;
	struct spec_region region;
	struct spec_trial trial;
	struct spec_view last;
	u64 last_start;
	u64 last_end;
	unsigned int epoch;
};

/* In trial.c. */
bool vpt_trial_start(struct vpt_file *f, struct pt *pt, const struct spec_op *op);
void vpt_trial_judge(struct vpt_file *f, struct pt *pt, struct spec_answer *answer);
__printf(3, 4)
void vpt_violation(struct vpt_file *f, u64 va, const char *fmt, ...);

/* In check.c. */
void vpt_spec_look(struct vpt_file *f, struct spec_env *env);
void vpt_spec_region(struct vpt_file *f, const struct pt *pt, struct spec_region *region);

/*
 * An operation is about to be done.  Return: false if it must not be: the table is
 * broken already, which has been reported.
 */
static inline bool vpt_trial_begin(struct vpt_file *f, struct pt *pt,
				   const struct spec_op *op)
{
	if (vpt_telling())
		vpt_tell_operation(f, pt, op);
	if (likely(READ_ONCE(vpt_check_mode) == VPT_CHECK_OFF))
		return true;
	return vpt_trial_start(f, pt, op);
}

/* It has been done, and the books are right again.  It reports nothing more. */
static inline void vpt_trial_end(struct vpt_file *f, struct pt *pt,
				 enum pt_status status)
{
	struct spec_answer answer = { .status = (enum spec_status)status };

	if (unlikely(f->trial->on))
		vpt_trial_judge(f, pt, &answer);
}

/* It reports a mapping. */
static inline void vpt_trial_end_leaf(struct vpt_file *f, struct pt *pt,
				      enum pt_status status,
				      const struct pt_mapping *leaf, bool tighter)
{
	struct spec_answer answer = {
		.status = (enum spec_status)status,
		.tighter = tighter,
	};

	if (likely(!f->trial->on))
		return;
	if (status == PT_OK)
		answer.leaf = (struct spec_span) {
			.mapped = true,
			.va = leaf->va,
			.level = leaf->level,
			.frame = leaf->pa,
			.rights = leaf->rights,
			.dirty = leaf->dirty,
		};
	vpt_trial_judge(f, pt, &answer);
}

/* It reports numbers. */
static inline void vpt_trial_end_range(struct vpt_file *f, struct pt *pt,
				       enum pt_status status,
				       const struct pt_touched *done)
{
	struct spec_answer answer = {
		.status = (enum spec_status)status,
		.tighter = done->tighter,
		.leaves = done->leaves,
		.bytes = done->bytes,
	};

	if (unlikely(f->trial->on))
		vpt_trial_judge(f, pt, &answer);
}

#endif /* VPT_TRIAL_H */
