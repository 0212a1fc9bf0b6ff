// SPDX-License-Identifier: GPL-2.0
/* Goes through a region's tree and shows the invariants' checks what it finds. */
#include "spec_visit.h"

/**
 * struct spec_place - a table on the way down
 * @table: its physical address
 * @va: first address of its span
 * @next: index of the entry to look at next
 * @end: index after the last entry that reaches into the region
 * @seen: entries that count, so far
 * @live: live count
 * @owned: wholly inside the region; @counted, @live and @seen are used
 * @counted: the core's
 */
struct spec_place {
	u64 table;
	u64 va;
	unsigned int next;
	unsigned int end;
	unsigned int seen;
	unsigned int live;
	bool owned;
	bool counted;
};

/**
 * struct spec_check - one check under way
 * @region: what is checked
 * @env: how to look
 * @result: what was found
 * @visit: what the invariants are shown
 * @place: the tables on the way down, by level
 * @walk_only: of the whole list, only what one walk can say
 */
struct spec_check {
	const struct spec_region *region;
	const struct spec_env *env;
	struct spec_result *result;
	struct spec_visit visit;
	struct spec_place place[SPEC_LEVELS + 1];
	bool walk_only;
};

static void spec_report(struct spec_check *c, unsigned int n)
{
	struct spec_result *result = c->result;

	result->broken |= 1ULL << n;
	if (result->violations++)
		return;
	result->first = (struct spec_violation){
		.invariant = n,
		.level = c->visit.level,
		.va = c->visit.va,
		.table = c->visit.table,
		.entry = c->visit.raw,
		.seen = c->visit.seen,
		.recorded = c->visit.recorded,
	};
}

static void spec_judge(struct spec_check *c, enum spec_when when)
{
	unsigned int n;

	for (n = 1; n <= SPEC_INV_LAST; n++) {
		const struct spec_invariant *invariant = &spec_invariants[n];

		if (invariant->when != when)
			continue;
		if (c->walk_only && invariant->cost == SPEC_COST_TREE)
			continue;
		if (!invariant->holds(&c->visit))
			spec_report(c, n);
	}
}

/* Others may run; or the caller does not want to know any more. */
static void spec_pause(struct spec_check *c)
{
	if (c->env->pause && c->env->pause(c->env->memory.ctx))
		c->result->stopped = true;
}

static bool spec_inside(const struct spec_region *region, u64 va, u64 bytes)
{
	return va >= region->start && va + bytes <= region->end;
}

/* Whether @table is one of those that lead to the entry being visited. */
static bool spec_on_path(const struct spec_check *c, u64 table)
{
	unsigned int level;

	for (level = c->visit.level; level <= SPEC_LEVELS; level++) {
		if (c->place[level].table == table)
			return true;
	}
	return false;
}

/*
 * The entry being visited leads to a table: learn what the environment knows of it,
 * and describe it in @below.  Return whether it can be read.
 */
static bool spec_visit_table(struct spec_check *c, struct spec_place *below)
{
	const struct spec_env *env = c->env;
	struct spec_visit *s = &c->visit;
	const u64 table = s->entry.addr;
	void *ctx = env->memory.ctx;

	*below = (struct spec_place){ .table = table, .va = s->va };
	below->owned = s->inside;
	s->readable = !env->is_table || env->is_table(ctx, table, s->level - 1);
	s->known = true;
	s->repeated = false;
	if (s->readable && below->owned) {
		below->live = env->live ? env->live(ctx, table) : 0;
		below->counted = !env->live || below->live;
		if (below->counted && env->known)
			s->known = env->known(ctx, table, s->level - 1);
	}
	s->counted = below->counted;
	if (s->readable && s->known) {
		s->repeated = spec_on_path(c, table);
		if (!s->repeated && below->owned && env->visit && !c->walk_only)
			s->repeated = env->visit(ctx, table);
	}
	spec_judge(c, SPEC_WHEN_TABLE);
	return s->readable && s->known && !s->repeated;
}

static void spec_visit_leaf(struct spec_check *c)
{
	const struct spec_env *env = c->env;
	struct spec_visit *s = &c->visit;
	const u64 pa = s->entry.addr;
	void *ctx = env->memory.ctx;

	s->known = !env->frame_known || env->frame_known(ctx, pa, s->level);
	s->seen = 0;
	s->recorded = 0;
	if (s->known && env->frame_seen && env->frame_recorded && !c->walk_only) {
		s->seen = env->frame_seen(ctx, pa, s->level, s->va, s->raw);
		s->recorded = env->frame_recorded(ctx, pa, s->level);
	}
	s->holds_table = env->frame_has_table && s->seen <= 1 &&
			 env->frame_has_table(ctx, pa, spec_size(s->level), s->seen);
	spec_judge(c, SPEC_WHEN_LEAF);
	if (s->level > 1)
		spec_pause(c);
}

/*
 * Look at the entry that is next at @level.  Return whether it leads to a table
 * that can be read, which is then the place one level below.
 */
static bool spec_look(struct spec_check *c, unsigned int level)
{
	struct spec_place *place = &c->place[level];
	const unsigned int index = place->next++;
	struct spec_visit *s = &c->visit;
	bool readable;

	s->raw = c->env->memory.read(c->env->memory.ctx, place->table, index);
	if (!s->raw)
		return false;
	s->level = level;
	s->va = place->va + index * spec_size(level);
	s->table = place->table;
	s->inside = spec_inside(c->region, s->va, spec_size(level));
	s->seen = 0;
	s->recorded = 0;
	spec_decode(&c->region->cpu, s->raw, level, &s->entry);
	spec_judge(c, SPEC_WHEN_ENTRY);
	if (s->entry.kind == SPEC_ABSENT)
		return false;

	place->seen++;
	if (s->entry.kind == SPEC_LEAF) {
		c->result->leaves++;
		c->result->level_leaves[level]++;
		if (!s->entry.reserved)
			spec_visit_leaf(c);
		return false;
	}
	readable = !s->entry.reserved && spec_visit_table(c, &c->place[level - 1]);
	if (!readable)
		c->result->incomplete = true;
	else if (c->place[level - 1].owned && !c->place[level - 1].counted)
		place->seen--;	/* untracked tables do not count */
	return readable;
}

/* Begin with the table at @level, whose address, span and owner are known. */
static void spec_enter(struct spec_check *c, unsigned int level)
{
	const struct spec_region *region = c->region;
	struct spec_place *place = &c->place[level];
	const u64 end = place->va + spec_span(level);

	c->result->tables++;
	if (place->owned && place->counted)
		c->result->counted++;
	else if (place->owned)
		c->result->untracked++;

	place->next = 0;
	place->end = SPEC_ENTRIES;
	if (region->start > place->va)
		place->next = (region->start - place->va) >> spec_shift(level);
	if (region->end < end)
		place->end = ((region->end - 1 - place->va) >> spec_shift(level)) + 1;
	spec_pause(c);
}

static void spec_enter_root(struct spec_check *c)
{
	c->place[SPEC_LEVELS] = (struct spec_place){ .table = c->region->root };
	spec_enter(c, SPEC_LEVELS);
}

/* All entries of the table at @level were looked at. */
static void spec_leave(struct spec_check *c, unsigned int level)
{
	const struct spec_place *place = &c->place[level];
	const struct spec_place *above;
	struct spec_visit *s = &c->visit;

	if (!place->owned)
		return;
	above = &c->place[level + 1];
	s->level = level + 1;
	s->va = place->va;
	s->table = above->table;
	s->raw = c->env->memory.read(c->env->memory.ctx, above->table,
				     above->next - 1);
	s->counted = place->counted;
	s->counts = c->env->live;
	s->seen = place->seen;
	s->recorded = place->live;
	spec_judge(c, SPEC_WHEN_DONE);
}

static void spec_begin(struct spec_check *c, const struct spec_region *region,
		       const struct spec_env *env, struct spec_result *result)
{
	*result = (struct spec_result){ 0 };
	*c = (struct spec_check){
		.region = region,
		.env = env,
		.result = result,
		.visit = { .region = region, .result = result },
	};
}

bool spec_check_tree(const struct spec_region *region, const struct spec_env *env,
		     struct spec_result *result)
{
	unsigned int level = SPEC_LEVELS;
	struct spec_check c;

	spec_begin(&c, region, env, result);
	spec_enter_root(&c);
	/* Each round looks at an entry or leaves a table, so it ends. */
	while (level <= SPEC_LEVELS && !result->stopped) {
		if (c.place[level].next == c.place[level].end)
			spec_leave(&c, level++);
		else if (spec_look(&c, level))
			spec_enter(&c, --level);
	}
	if (!result->incomplete && !result->stopped) {
		c.visit = (struct spec_visit){
			.region = region, .result = result, .va = region->start,
		};
		spec_judge(&c, SPEC_WHEN_END);
	}
	return !result->violations;
}

bool spec_check_walk(const struct spec_region *region, const struct spec_env *env,
		     u64 va, struct spec_result *result)
{
	unsigned int level = SPEC_LEVELS;
	struct spec_check c;

	spec_begin(&c, region, env, result);
	if (va < region->start || va >= region->end)
		return true;
	c.walk_only = true;
	spec_enter_root(&c);
	for (;;) {
		struct spec_place *place = &c.place[level];

		place->next = (va - place->va) >> spec_shift(level);
		if (!spec_look(&c, level))
			break;
		spec_enter(&c, --level);
	}
	return !result->violations;
}
