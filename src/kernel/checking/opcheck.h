/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Run-time checking: operation checks (spec/spec_opcheck.h), and what follows from
 * a violation.
 */
#ifndef VPT_OPCHECK_H
#define VPT_OPCHECK_H

#include "../../../spec/spec_opcheck.h"
#include "../vpt_file.h"
#include "events.h"

/* Values of the module parameter check=. */
enum vpt_check_mode {
	VPT_CHECK_OFF,
	VPT_CHECK_OP,	/* each operation: answer, effect, invariants along the walk */
	VPT_CHECK_FULL,	/* each operation: the whole region before and after */
};

extern unsigned int vpt_check_mode;

/**
 * struct vpt_opcheck - a file's operation check, one at a time
 * @on: one is going on
 * @op: operation
 * @env: how the specification looks at the file
 * @region: and at its region
 * @opcheck: the specification's side of it
 * @last: at check=full, the region's map as the last operation left it
 * @last_start: the region that @last is about; 0 and 0 where there is none
 * @last_end: first byte after it
 * @epoch: number of the setting of check= that @last was taken under
 */
struct vpt_opcheck {
	bool on;
	struct spec_op op;
	struct spec_env env;
	struct spec_region region;
	struct spec_opcheck opcheck;
	struct spec_view last;
	u64 last_start;
	u64 last_end;
	unsigned int epoch;
};

/* In opcheck.c. */

/*
 * An operation is about to be done.  False: it must not be done; the table is broken
 * already, which has been reported.
 */
bool vpt_opcheck_start(struct vpt_file *f, struct pt *pt, const struct spec_op *op);
void vpt_opcheck_judge(struct vpt_file *f, struct pt *pt, enum pt_status status,
		       const struct spec_answer *answer);
void vpt_opcheck_judge_leaf(struct vpt_file *f, struct pt *pt, enum pt_status status,
			    const struct pt_mapping *leaf, bool revoked);
/* For vpt_violation(). */
#define VPT_NO_WALK	U64_MAX

__printf(3, 4)
void vpt_violation(struct vpt_file *f, u64 va, const char *fmt, ...);

/* In check.c. */
void vpt_tree_check_begin(struct vpt_file *f);
void vpt_spec_look(struct vpt_file *f, struct spec_env *env);
void vpt_spec_region(struct vpt_file *f, const struct pt *pt, struct spec_region *region);

/* Whether anybody wants to know of operations. */
static __always_inline bool vpt_watched(void)
{
	return vpt_events_on() || unlikely(READ_ONCE(vpt_check_mode) != VPT_CHECK_OFF);
}

/* It has been done, and the books are right again.  It reports nothing more. */
static inline void vpt_opcheck_end(struct vpt_file *f, struct pt *pt,
				   enum pt_status status)
{
	if (unlikely(f->opcheck->on))
		vpt_opcheck_judge(f, pt, status, &(const struct spec_answer){ });
}

/* It reports a mapping. */
static inline void vpt_opcheck_end_leaf(struct vpt_file *f, struct pt *pt,
					enum pt_status status,
					const struct pt_mapping *leaf, bool revoked)
{
	if (unlikely(f->opcheck->on))
		vpt_opcheck_judge_leaf(f, pt, status, leaf, revoked);
}

/* It reports numbers. */
static inline void vpt_opcheck_end_range(struct vpt_file *f, struct pt *pt,
					 enum pt_status status,
					 const struct pt_touched *done)
{
	if (unlikely(f->opcheck->on))
		vpt_opcheck_judge(f, pt, status, &(const struct spec_answer){
			.revoked = done->revoked,
			.leaves = done->leaves,
			.bytes = done->bytes,
		});
}

#endif /* VPT_OPCHECK_H */
