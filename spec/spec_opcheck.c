// SPDX-License-Identifier: GPL-2.0
/* An operation's answer and effect, compared with the abstract map's. */
#include "spec_opcheck.h"

static void spec_walk_at(const struct spec_opcheck *t, u64 va, struct spec_walk *walk)
{
	if (t->env->pause)
		t->env->pause(t->env->memory.ctx);
	spec_translate(&t->env->memory, &t->region->cpu, t->region->root, va, walk);
}

static void spec_span_of(const struct spec_walk *walk, u64 va, struct spec_span *span)
{
	*span = (struct spec_span) {
		.mapped = walk->outcome == SPEC_MAPPED,
		.va = va & ~(spec_size(walk->level) - 1),
		.level = walk->level,
		.frame = walk->frame,
		.rights = (walk->writable ? SPEC_MAY_WRITE : 0) |
			  (walk->user ? SPEC_MAY_USER : 0),
		.dirty = walk->dirty,
	};
	if (span->mapped && !walk->execute_disable)
		span->rights |= SPEC_MAY_EXEC;
}

/* The abstract map, read off the tables by the hardware's walk. */
static void spec_span_at(void *ctx, u64 va, struct spec_span *span)
{
	struct spec_walk walk;

	spec_walk_at(ctx, va, &walk);
	spec_span_of(&walk, va, span);
}

static struct spec_map spec_opcheck_map(struct spec_opcheck *t)
{
	const u64 limit = 1ULL << t->region->cpu.maxphyaddr;

	return (struct spec_map) {
		.at = spec_span_at,
		.ctx = t,
		.start = t->region->start,
		.end = t->region->end,
		.frame_limit = t->region->frame_limit ? t->region->frame_limit : limit,
	};
}

/* A bijection that leaves no bit where it was (the finaliser of splitmix64). */
static u64 spec_mix(u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void spec_view_add(struct spec_view *view, const struct spec_span *s)
{
	if (!s->mapped)
		return;
	view->digest += spec_mix(spec_mix(s->va + s->level) + s->frame + s->rights);
	view->leaves++;
	view->bytes += spec_size(s->level);
	view->dirty += s->dirty;
}

/* What becomes of one mapping: nothing, another one, or many by a split. */
static void spec_view_add_effect(struct spec_view *view, const struct spec_op *op,
				 const struct spec_span *s)
{
	const u64 end = s->va + spec_size(s->level);
	struct spec_span after;
	u64 va = s->va;

	do {
		after = *s;
		spec_map_effect(op, va, &after);
		spec_view_add(view, &after);
		va += spec_size(after.level ? after.level : s->level);
	} while (va < end);
}

/*
 * Where the walk that ended in a hole in front of @va ends differently: behind all
 * entries of its table that are absent as well.  A walk that comes to one of those
 * ends there (SDM 4.7), so that none need be made.
 */
static u64 spec_hole_end(const struct spec_opcheck *t, const struct spec_walk *walk, u64 va)
{
	const struct spec_memory *memory = &t->env->memory;
	const unsigned int level = walk->level;

	while (va < t->window_end && va & (spec_span(level) - 1)) {
		unsigned int index = (va >> spec_shift(level)) & (SPEC_ENTRIES - 1);

		if (memory->read(memory->ctx, walk->table[level], index) & SPEC_P)
			break;
		va += spec_size(level);
	}
	return va;
}

/* Go through the window: what is mapped, and what has to become of it. */
static void spec_view_take(struct spec_opcheck *t, struct spec_view *now,
			   struct spec_view *then)
{
	const struct spec_op *op = then ? t->op : NULL;
	struct spec_walk walk;
	struct spec_span s;
	u64 va, i;

	*now = (struct spec_view){ 0 };
	for (va = t->window; va < t->window_end;) {
		spec_walk_at(t, va, &walk);
		spec_span_of(&walk, va, &s);
		spec_view_add(now, &s);
		if (op && s.mapped)
			spec_view_add_effect(then, op, &s);
		va = s.va + spec_size(s.level);
		if (!s.mapped)
			va = spec_hole_end(t, &walk, va);
	}
	if (!op || (op->kind != SPEC_OP_MAP && op->kind != SPEC_OP_MAP_RANGE))
		return;
	for (i = 0; i < op->n; i++) {
		s = (struct spec_span){ 0 };
		spec_map_effect(op, op->va + i * spec_size(op->level), &s);
		spec_view_add(then, &s);
	}
}

/* What the operation is about, given that its arguments are valid. */
static void spec_opcheck_extent(struct spec_opcheck *t, u64 *start, u64 *end)
{
	const struct spec_op *op = t->op;
	struct spec_span s;

	*start = op->va & ~(spec_size(1) - 1);
	switch (op->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		*end = op->va + op->n * spec_size(op->level);
		break;
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		*end = op->end;
		break;
	default:
		*end = *start + spec_size(1);
		spec_span_at(t, op->va, &s);
		if (s.mapped) {
			*start = s.va;
			*end = s.va + spec_size(s.level);
		}
	}
}

static void spec_opcheck_window(struct spec_opcheck *t)
{
	const struct spec_region *r = t->region;
	u64 start, end;

	t->window = r->start;
	t->window_end = r->end;
	if (t->whole)
		return;
	if (t->expect.status == SPEC_INVALID) {
		/* No telling what it is about: nothing is looked at. */
		t->window_end = r->start;
		return;
	}
	spec_opcheck_extent(t, &start, &end);
	if (start - r->start > spec_size(1))
		t->window = start - spec_size(1);
	if (r->end - end > spec_size(1))
		t->window_end = end + spec_size(1);
}

static bool spec_opcheck_invariants(struct spec_opcheck *t)
{
	if (t->whole)
		return spec_check_tree(t->region, t->env, &t->result);
	return spec_check_walk(t->region, t->env, t->op->va, &t->result);
}

bool spec_opcheck_begin(struct spec_opcheck *t, const struct spec_region *region,
			const struct spec_env *env, const struct spec_op *op, u64 reserve,
			bool whole)
{
	struct spec_map map;

	*t = (struct spec_opcheck) {
		.region = region,
		.env = env,
		.op = op,
		.whole = whole,
	};
	if (!spec_opcheck_invariants(t)) {
		t->wrong = SPEC_WRONG_BEFORE;
		return false;
	}
	map = spec_opcheck_map(t);
	spec_map_answer(&map, op, reserve, &t->expect);
	spec_opcheck_window(t);
	spec_view_take(t, &t->before, t->expect.status == SPEC_OK ? &t->after : NULL);
	if (t->expect.status != SPEC_OK)
		t->after = t->before;
	return true;
}

/* The hardware may have set D since the map was read. */
static bool spec_same_leaf(const struct spec_span *expected, const struct spec_span *s)
{
	return expected->mapped == s->mapped && expected->va == s->va &&
	       expected->level == s->level && expected->frame == s->frame &&
	       expected->rights == s->rights && s->dirty >= expected->dirty;
}

static enum spec_wrong spec_judge_answer(const struct spec_answer *expected,
					 const struct spec_answer *answer)
{
	if (answer->status != expected->status)
		return SPEC_WRONG_STATUS;
	if (answer->status != SPEC_OK)
		return SPEC_WRONG_NONE;
	if (!spec_same_leaf(&expected->leaf, &answer->leaf))
		return SPEC_WRONG_LEAF;
	if (answer->revoked != expected->revoked || answer->leaves != expected->leaves ||
	    answer->bytes != expected->bytes)
		return SPEC_WRONG_COUNT;
	return SPEC_WRONG_NONE;
}

static enum spec_wrong spec_judge_effect(const struct spec_view *expected,
					 const struct spec_view *seen)
{
	if (seen->digest != expected->digest || seen->leaves != expected->leaves ||
	    seen->bytes != expected->bytes)
		return SPEC_WRONG_EFFECT;
	return seen->dirty < expected->dirty ? SPEC_WRONG_DIRTY : SPEC_WRONG_NONE;
}

bool spec_opcheck_end(struct spec_opcheck *t, const struct spec_answer *answer,
		      const struct spec_region *region)
{
	t->region = region;
	t->wrong = spec_judge_answer(&t->expect, answer);
	if (t->wrong == SPEC_WRONG_NONE) {
		spec_view_take(t, &t->seen, NULL);
		t->wrong = spec_judge_effect(&t->after, &t->seen);
	}
	if (t->wrong == SPEC_WRONG_NONE && !spec_opcheck_invariants(t))
		t->wrong = SPEC_WRONG_AFTER;
	return t->wrong == SPEC_WRONG_NONE;
}

const char *spec_wrong_text(enum spec_wrong wrong)
{
	static const char *const texts[] = {
		[SPEC_WRONG_NONE] = "is right",
		[SPEC_WRONG_BEFORE] = "found an invariant broken before it began",
		[SPEC_WRONG_STATUS] = "answered the wrong status",
		[SPEC_WRONG_LEAF] = "reported the wrong mapping",
		[SPEC_WRONG_COUNT] = "reported the wrong numbers",
		[SPEC_WRONG_EFFECT] = "left another map behind than it has to",
		[SPEC_WRONG_DIRTY] = "lost a D bit",
		[SPEC_WRONG_AFTER] = "broke an invariant",
	};

	return texts[wrong];
}
