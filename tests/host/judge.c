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

static enum pt_status judge_end_status(struct judge *j, enum pt_status status)
{
	return judge_end(j, &(struct spec_answer){ .status = (enum spec_status)status });
}

static enum pt_status judge_end_leaf(struct judge *j, enum pt_status status,
				     const struct pt_mapping *m, bool revoked)
{
	struct spec_answer answer = { .status = (enum spec_status)status };

	if (status == PT_OK) {
		answer.revoked = revoked;
		answer.leaf = (struct spec_span) {
			.mapped = true, .va = m->va, .level = m->level, .frame = m->pa,
			.rights = m->rights, .dirty = m->dirty,
		};
	}
	return judge_end(j, &answer);
}

static enum pt_status judge_end_range(struct judge *j, enum pt_status status,
				      const struct pt_touched *done)
{
	return judge_end(j, &(struct spec_answer) {
		.status = (enum spec_status)status, .revoked = done->revoked,
		.leaves = done->leaves, .bytes = done->bytes,
	});
}

enum pt_status judge_map(struct world *w, u64 va, u64 pa, unsigned int level, u32 rights)
{
	const struct spec_op op = {
		.kind = SPEC_OP_MAP, .va = va, .n = 1, .frame = &pa, .level = level,
		.rights = rights,
	};
	struct judge j;

	judge_begin(&j, w, &op);
	return judge_end_status(&j, pt_map(&w->pt, va, pa, level, rights));
}

enum pt_status judge_unmap(struct world *w, u64 va, struct pt_mapping *old)
{
	struct judge j;

	judge_begin(&j, w, &(struct spec_op){ .kind = SPEC_OP_UNMAP, .va = va });
	return judge_end_leaf(&j, pt_unmap(&w->pt, va, old), old, false);
}

enum pt_status judge_protect(struct world *w, u64 va, u32 rights, struct pt_mapping *old,
			     bool *revoked)
{
	enum pt_status status;
	struct judge j;

	judge_begin(&j, w, &(struct spec_op) {
		.kind = SPEC_OP_PROTECT, .va = va, .rights = rights,
	});
	status = pt_protect(&w->pt, va, rights, old, revoked);
	return judge_end_leaf(&j, status, old, status == PT_OK && *revoked);
}

enum pt_status judge_remap(struct world *w, u64 va, u64 pa, struct pt_mapping *old)
{
	struct judge j;

	judge_begin(&j, w, &(struct spec_op) {
		.kind = SPEC_OP_REMAP, .va = va, .frame = &pa,
	});
	return judge_end_leaf(&j, pt_remap(&w->pt, va, pa, old), old, false);
}

enum pt_status judge_resolve(struct world *w, u64 va, struct pt_mapping *found)
{
	struct judge j;

	judge_begin(&j, w, &(struct spec_op){ .kind = SPEC_OP_RESOLVE, .va = va });
	return judge_end_leaf(&j, pt_resolve(&w->pt, va, found), found, false);
}

enum pt_status judge_map_range(struct world *w, u64 va, const u64 *pa, u64 n,
			       unsigned int level, u32 rights)
{
	const struct spec_op op = {
		.kind = SPEC_OP_MAP_RANGE, .va = va, .n = n, .frame = pa, .level = level,
		.rights = rights,
	};
	struct judge j;

	judge_begin(&j, w, &op);
	return judge_end_status(&j, pt_map_range(&w->pt, va, pa, n, level, rights));
}

enum pt_status judge_unmap_range(struct world *w, u64 va, u64 end,
				 struct pt_touched *done)
{
	struct judge j;

	judge_begin(&j, w, &(struct spec_op) {
		.kind = SPEC_OP_UNMAP_RANGE, .va = va, .end = end,
	});
	return judge_end_range(&j, pt_unmap_range(&w->pt, va, end, done), done);
}

enum pt_status judge_protect_range(struct world *w, u64 va, u64 end, u32 rights,
				   struct pt_touched *done)
{
	struct judge j;

	judge_begin(&j, w, &(struct spec_op) {
		.kind = SPEC_OP_PROTECT_RANGE, .va = va, .end = end, .rights = rights,
	});
	return judge_end_range(&j, pt_protect_range(&w->pt, va, end, rights, done), done);
}
