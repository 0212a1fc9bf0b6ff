// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "../../spec/spec_opcheck.h"
#include "judge.h"

static u64 judge_read(void *ctx, u64 table, unsigned int i)
{
	const struct world *w = ctx;

	return ((const u64 *)(w->env.arena + table))[i];
}

static bool judge_is_table(void *ctx, u64 table, unsigned int level)
{
	const struct world *w = ctx;

	return table && table >> 12 < w->tables && level <= 3;
}

static unsigned int judge_live(void *ctx, u64 table)
{
	const struct world *w = ctx;

	return w->env.live[table >> 12];
}

struct judge {
	const struct world *w;
	struct pt pt;		/* as it was: the core only reads it */
	struct spec_env env;
	struct spec_region region;
	struct spec_op op;
	struct spec_opcheck opcheck;
};

static void judge_region(const struct world *w, struct spec_region *region)
{
	unsigned int level;

	*region = (struct spec_region) {
		.cpu = {
			.maxphyaddr = (unsigned int)__builtin_ctzll(w->pt.pa_limit),
			.nxe = true,
			.page1g = true,
			.shadow_stack = true,
		},
		.root = w->pt.root,
		.start = w->pt.start,
		.end = w->pt.end,
		.foreign_tables = true,
		.tables = SPEC_UNCOUNTED,
		.mappings = SPEC_UNCOUNTED,
	};
	for (level = 1; level <= 3; level++) {
		region->leaf_mask[level] = REF_LEAF_MARK | spec_leaf_attributes(level);
		region->leaf_value[level] = REF_LEAF_MARK;
	}
}

static void judge_begin(struct judge *j, struct world *w, const struct spec_op *op)
{
	j->env = (struct spec_env) {
		.memory = { .read = judge_read, .ctx = w },
		.is_table = judge_is_table,
		.live = judge_live,
	};
	j->w = w;
	j->pt = w->pt;
	j->op = *op;
	judge_region(w, &j->region);
	/* The whole tree where it is small. */
	if (!spec_opcheck_begin(&j->opcheck, &j->region, &j->env, &j->op, w->env.nfree,
				SPEC_INDEX_BITS == 1))
		world_fail("before %s: %s does not hold at %#lx", spec_op_name(op->kind),
			   spec_invariant_name(j->opcheck.result.first.invariant),
			   j->opcheck.result.first.va);
}

static enum pt_status judge_end(struct judge *j, const struct spec_answer *answer)
{
	const struct spec_opcheck *t = &j->opcheck;

	if (memcmp(&j->pt, &j->w->pt, sizeof(j->pt)))
		world_fail("%s of %#lx has written into struct pt",
			   spec_op_name(j->op.kind), j->op.va);
	if (!spec_opcheck_end(&j->opcheck, answer, &j->region))
		world_fail("%s of %#lx %s: %s, should be %s; %lu leaves, should be %lu; invariant %u",
			   spec_op_name(j->op.kind), j->op.va, spec_wrong_text(t->wrong),
			   spec_status_name(answer->status),
			   spec_status_name(t->expect.status), t->seen.leaves,
			   t->after.leaves, t->result.first.invariant);
	return (enum pt_status)answer->status;
}

static struct spec_answer answer_status(enum pt_status status)
{
	return (struct spec_answer){ .status = (enum spec_status)status };
}

static struct spec_answer answer_leaf(enum pt_status status, const struct judged *report)
{
	const struct pt_mapping *m = &report->leaf;
	struct spec_answer answer = answer_status(status);

	if (status == PT_OK) {
		answer.revoked = report->revoked;
		answer.leaf = (struct spec_span) {
			.mapped = true, .va = m->va, .level = m->level, .frame = m->pa,
			.rights = m->rights, .dirty = m->dirty,
		};
	}
	return answer;
}

static struct spec_answer answer_range(enum pt_status status, const struct pt_touched *done)
{
	return (struct spec_answer) {
		.status = (enum spec_status)status, .revoked = done->revoked,
		.leaves = done->leaves, .bytes = done->bytes,
	};
}

static struct spec_answer core_call(struct pt *pt, const struct spec_op *op,
				    struct judged *report)
{
	switch (op->kind) {
	case SPEC_OP_MAP:
		return answer_status(pt_map(pt, op->va, *op->frame, op->level, op->rights));
	case SPEC_OP_UNMAP:
		return answer_leaf(pt_unmap(pt, op->va, &report->leaf), report);
	case SPEC_OP_PROTECT:
		return answer_leaf(pt_protect(pt, op->va, op->rights, &report->leaf,
					      &report->revoked), report);
	case SPEC_OP_REMAP:
		return answer_leaf(pt_remap(pt, op->va, *op->frame, &report->leaf), report);
	case SPEC_OP_RESOLVE:
		return answer_leaf(pt_resolve(pt, op->va, &report->leaf), report);
	case SPEC_OP_MAP_RANGE:
		return answer_status(pt_map_range(pt, op->va, op->frame, op->n, op->level,
						  op->rights));
	case SPEC_OP_UNMAP_RANGE:
		return answer_range(pt_unmap_range(pt, op->va, op->end, &report->touched),
				    &report->touched);
	case SPEC_OP_PROTECT_RANGE:
		return answer_range(pt_protect_range(pt, op->va, op->end, op->rights,
						     &report->touched), &report->touched);
	default:
		world_fail("there is no call for the operation %s", spec_op_name(op->kind));
	}
}

enum pt_status judge(struct world *w, const struct spec_op *op, struct judged *report)
{
	struct spec_answer answer;
	struct judge j;

	/* What the core should report and does not is wrong. */
	memset(report, 0xa5, sizeof(*report));
	report->revoked = op->kind == SPEC_OP_PROTECT;
	judge_begin(&j, w, op);
	answer = core_call(&w->pt, op, report);
	return judge_end(&j, &answer);
}
