// SPDX-License-Identifier: GPL-2.0
/*
 * Run-time checking: the module parameter check=, operation checks, violations.
 *
 * A violation is reported once for each file, in the kernel's log; from then on the
 * file's operations fail with EIO (vpt_lock_reserved()), its faults with SIGBUS, and
 * what is left to do is to take the region down.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/string.h>

#include "../extent.h"
#include "../memory/span.h"
#include "../vpt_file.h"
#include "events.h"
#include "monitor.h"
#include "opcheck.h"

/* Rights and statuses pass between the core and the specification as numbers. */
static_assert(PT_EXEC == SPEC_MAY_EXEC && PT_WRITE == SPEC_MAY_WRITE &&
	      PT_USER == SPEC_MAY_USER);
static_assert((int)PT_OK == (int)SPEC_OK && (int)PT_EXISTS == (int)SPEC_EXISTS &&
	      (int)PT_NOENT == (int)SPEC_NOENT && (int)PT_INVALID == (int)SPEC_INVALID &&
	      (int)PT_NOMEM == (int)SPEC_NOMEM && (int)PT_AGAIN == (int)SPEC_AGAIN);

unsigned int vpt_check_mode = VPT_CHECK_OFF;

/* How often it was set: what happened under another setting is not known. */
static unsigned int vpt_check_epoch;

static const char *const vpt_check_names[] = {
	[VPT_CHECK_OFF] = "off",
	[VPT_CHECK_OP] = "op",
	[VPT_CHECK_FULL] = "full",
};

static int vpt_check_set(const char *value, const struct kernel_param *param)
{
	int mode = sysfs_match_string(vpt_check_names, value), was;

	if (mode < 0)
		return mode;
	/* Set under the module's parameter lock. */
	was = vpt_check_mode;
	/* A monitor that starts must get every event that follows. */
	if (mode == VPT_CHECK_FULL && was != VPT_CHECK_FULL)
		vpt_events_get();
	WRITE_ONCE(vpt_check_epoch, vpt_check_epoch + 1);
	/* Who sees the new mode sees the new number. */
	smp_wmb();
	WRITE_ONCE(vpt_check_mode, mode);
	if (mode != VPT_CHECK_FULL && was == VPT_CHECK_FULL) {
		vpt_monitors_drop();
		vpt_events_put();
	}
	return 0;
}

static int vpt_check_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", vpt_check_names[READ_ONCE(vpt_check_mode)]);
}

static const struct kernel_param_ops vpt_check_ops = {
	.set = vpt_check_set,
	.get = vpt_check_get,
};
module_param_cb(check, &vpt_check_ops, NULL, 0644);

MODULE_PARM_DESC(check, "Check each operation against the specification: off (default), op, full");

static void vpt_report_walk(struct vpt_file *f, const struct pt *pt, u64 va)
{
	static const char *const names[] = { "", "PT", "PD", "PDPT", "PML4" };
	struct spec_region region;
	struct spec_walk walk;
	struct spec_env env;
	unsigned int level;

	vpt_spec_look(f, &env);
	vpt_spec_region(f, pt, &region);
	spec_translate(&env.memory, &region.cpu, region.root, va, &walk);
	for (level = SPEC_LEVELS; level >= walk.level; level--)
		pr_err("check:   %-4s %#013llx[%3llu] = %#018llx\n", names[level],
		       walk.table[level], va >> spec_shift(level) & (SPEC_ENTRIES - 1),
		       walk.entry[level]);
}

/**
 * vpt_violation() - something is not as the specification says
 * @f: file; all spans are held
 * @va: address it is about; VPT_NO_WALK for what a user can bring about at will
 * @fmt: what is wrong
 *
 * Reports the first one of the file, and counts it.  With a walk of @va, whose physical
 * addresses whoever reads the log may see: as in Linux's own reports (print_bad_pte()).
 */
void vpt_violation(struct vpt_file *f, u64 va, const char *fmt, ...)
{
	struct va_format text = { .fmt = fmt };
	va_list args;

	vpt_assert_all(f);
	if (f->violations++)
		return;
	va_start(args, fmt);
	text.va = &args;
	pr_err("check: %pV\n", &text);
	va_end(args);
	if (va != VPT_NO_WALK && f->extents.cut)
		vpt_report_walk(f, f->extents.cut, va);
	else if (va != VPT_NO_WALK && !vpt_region_gone(f))
		vpt_report_walk(f, &vpt_extent_from(f, 0)->pt, va);
	pr_err("check: the region of process %d (%s) takes no more changes\n",
	       task_tgid_nr(current), current->comm);
}

static void vpt_report_invariant(struct vpt_file *f, const struct vpt_opcheck *t)
{
	const struct spec_violation *v = &t->opcheck.result.first;

	vpt_violation(f, v->va,
		      "%s of %#llx %s: %s (invariant %u), at %#llx, level %u, entry %#llx, %llu seen, %llu recorded",
		      spec_op_name(t->op.kind), t->op.va, spec_wrong_text(t->opcheck.wrong),
		      spec_invariant_name(v->invariant), v->invariant, v->va, v->level,
		      v->entry, v->seen, v->recorded);
}

static void vpt_report_leaf(struct vpt_file *f, const struct vpt_opcheck *t,
			    const struct spec_answer *answer)
{
	const struct spec_span *is = &answer->leaf, *should = &t->opcheck.expect.leaf;

	vpt_violation(f, t->op.va,
		      "%s of %#llx %s: %#llx -> %#llx, level %u, rights %u, D %d; should be %#llx -> %#llx, level %u, rights %u, D %d",
		      spec_op_name(t->op.kind), t->op.va, spec_wrong_text(t->opcheck.wrong),
		      is->va, is->frame, is->level, is->rights, is->dirty,
		      should->va, should->frame, should->level, should->rights,
		      should->dirty);
}

static void vpt_report(struct vpt_file *f, const struct vpt_opcheck *t,
		       const struct spec_answer *answer)
{
	const struct spec_opcheck *opcheck = &t->opcheck;
	const char *op = spec_op_name(t->op.kind), *text = spec_wrong_text(opcheck->wrong);

	switch (opcheck->wrong) {
	case SPEC_WRONG_BEFORE:
	case SPEC_WRONG_AFTER:
		vpt_report_invariant(f, t);
		break;
	case SPEC_WRONG_LEAF:
		vpt_report_leaf(f, t, answer);
		break;
	case SPEC_WRONG_STATUS:
		vpt_violation(f, t->op.va, "%s of %#llx %s: %s, should be %s", op,
			      t->op.va, text, spec_status_name(answer->status),
			      spec_status_name(opcheck->expect.status));
		break;
	case SPEC_WRONG_COUNT:
		vpt_violation(f, t->op.va,
			      "%s of %#llx %s: %llu leaves, %llu bytes, revoked %d; should be %llu, %llu, %d",
			      op, t->op.va, text, answer->leaves, answer->bytes,
			      answer->revoked, opcheck->expect.leaves,
			      opcheck->expect.bytes, opcheck->expect.revoked);
		break;
	default:
		vpt_violation(f, t->op.va,
			      "%s of %#llx %s: %llu leaves, %llu bytes, %llu dirty, digest %#llx; should be %llu, %llu, %llu, %#llx",
			      op, t->op.va, text, opcheck->seen.leaves, opcheck->seen.bytes,
			      opcheck->seen.dirty, opcheck->seen.digest, opcheck->after.leaves,
			      opcheck->after.bytes, opcheck->after.dirty,
			      opcheck->after.digest);
	}
}

/* Whether the map is as the last operation left it: nobody else may change it. */
static bool vpt_opcheck_undisturbed(struct vpt_file *f, const struct vpt_opcheck *t)
{
	const struct spec_view *was = &t->last, *is = &t->opcheck.before;

	if (!t->opcheck.whole || t->epoch != READ_ONCE(vpt_check_epoch) ||
	    t->last_start != t->region.start || t->last_end != t->region.end)
		return true;
	if (was->digest == is->digest && was->leaves == is->leaves)
		return true;
	vpt_violation(f, t->op.va,
		      "before %s of %#llx somebody changed the map: %llu leaves, digest %#llx; was %llu, %#llx",
		      spec_op_name(t->op.kind), t->op.va, is->leaves, is->digest,
		      was->leaves, was->digest);
	return false;
}

/* An operation has ended well. */
static void vpt_opcheck_remember(struct vpt_opcheck *t)
{
	if (!t->opcheck.whole)
		return;
	t->last = t->opcheck.seen;
	t->last_start = t->region.start;
	t->last_end = t->region.end;
}

bool vpt_opcheck_start(struct vpt_file *f, struct pt *pt, const struct spec_op *op)
{
	const bool whole = READ_ONCE(vpt_check_mode) == VPT_CHECK_FULL;
	struct vpt_opcheck *t = f->opcheck;

	if (vpt_events_on())
		vpt_event_operation(f, pt, op);
	if (READ_ONCE(vpt_check_mode) == VPT_CHECK_OFF)
		return true;
	/* Who comes here although the table is broken takes the region down. */
	if (f->violations)
		return true;
	f->opchecks++;
	if (whole)
		vpt_tree_check_begin(f);
	t->op = *op;
	vpt_spec_look(f, &t->env);
	vpt_spec_region(f, pt, &t->region);
	t->on = spec_opcheck_begin(&t->opcheck, &t->region, &t->env, &t->op,
				   pt_env_reserve(pt->env), whole);
	if (!t->on)
		vpt_report(f, t, NULL);
	else if (!vpt_opcheck_undisturbed(f, t))
		t->on = false;
	t->epoch = READ_ONCE(vpt_check_epoch);
	return t->on;
}

void vpt_opcheck_judge(struct vpt_file *f, struct pt *pt, enum pt_status status,
		       const struct spec_answer *answer)
{
	struct spec_answer complete = *answer;
	struct vpt_opcheck *t = f->opcheck;

	complete.status = (enum spec_status)status;
	t->on = false;
	if (t->opcheck.whole)
		vpt_tree_check_begin(f);
	vpt_spec_region(f, pt, &t->region);
	if (spec_opcheck_end(&t->opcheck, &complete, &t->region))
		vpt_opcheck_remember(t);
	else
		vpt_report(f, t, &complete);
}

void vpt_opcheck_judge_leaf(struct vpt_file *f, struct pt *pt, enum pt_status status,
			    const struct pt_mapping *leaf, bool revoked)
{
	struct spec_answer answer = { .revoked = revoked };

	if (status == PT_OK)
		answer.leaf = (struct spec_span) {
			.mapped = true,
			.va = leaf->va,
			.level = leaf->level,
			.frame = leaf->pa,
			.rights = leaf->rights,
			.dirty = leaf->dirty,
		};
	vpt_opcheck_judge(f, pt, status, &answer);
}
