// SPDX-License-Identifier: GPL-2.0
/* What the operations mean. */
#include "spec_map.h"

static bool spec_aligned(u64 addr, unsigned int level)
{
	return !(addr & (spec_size(level) - 1));
}

static u64 spec_span_end(const struct spec_span *span)
{
	return span->va + spec_size(span->level);
}

static bool spec_map_holds(const struct spec_map *map, u64 va)
{
	return va >= map->start && va < map->end;
}

/* A 4 KiB page can start at @va. */
static bool spec_map_page(const struct spec_map *map, u64 va)
{
	return spec_map_holds(map, va) && spec_aligned(va, 1);
}

static bool spec_map_frame(const struct spec_map *map, u64 frame, unsigned int level)
{
	return spec_aligned(frame, level) && frame < map->frame_limit &&
	       map->frame_limit - frame >= spec_size(level);
}

/* Whether anything is mapped in [@va, @end), which holes of any size fill else. */
static bool spec_map_any(const struct spec_map *map, u64 va, u64 end)
{
	struct spec_span s;

	for (; va < end; va = spec_span_end(&s)) {
		map->at(map->ctx, va, &s);
		if (s.mapped)
			return true;
	}
	return false;
}

/* A mapping has bytes on both sides of the boundary before @va. */
static bool spec_map_straddles(const struct spec_map *map, u64 va)
{
	struct spec_span s;

	if (!spec_map_holds(map, va))
		return false;
	map->at(map->ctx, va, &s);
	return s.mapped && s.va != va;
}

/*
 * Tables that leaves of @level need all over [@va, @end), inside a hole of level
 * @hole: at each level below the hole's one for each table's span that is touched.
 */
static u64 spec_map_missing(u64 va, u64 end, unsigned int level, unsigned int hole)
{
	u64 n = 0;

	for (; level < hole; level++)
		n += (end - 1) / spec_span(level) - va / spec_span(level) + 1;
	return n;
}

/* The places for new leaves, in the order of addresses. */
static enum spec_status spec_map_places(const struct spec_map *map, u64 va, u64 end,
					unsigned int level, u64 reserve)
{
	struct spec_span s;
	u64 missing = 0, next;

	for (; va < end; va = next) {
		map->at(map->ctx, va, &s);
		if (s.mapped)
			return SPEC_EXISTS;
		if (s.level < level) {
			/* A table, of which nothing is known but what it maps. */
			next = va + spec_size(level);
			return spec_map_any(map, va, next) ? SPEC_EXISTS : SPEC_AGAIN;
		}
		next = spec_span_end(&s);
		missing += spec_map_missing(va, next < end ? next : end, level, s.level);
	}
	return missing > reserve ? SPEC_NOMEM : SPEC_OK;
}

static enum spec_status spec_answer_map(const struct spec_map *map,
					const struct spec_op *op, u64 reserve)
{
	u64 i;

	if (op->level < 1 || op->level > 3 || (op->rights & ~SPEC_MAY_ALL) || !op->n ||
	    !spec_map_holds(map, op->va) || !spec_aligned(op->va, op->level) ||
	    op->n > (map->end - op->va) / spec_size(op->level))
		return SPEC_INVALID;
	for (i = 0; i < op->n; i++) {
		if (!spec_map_frame(map, op->frame[i], op->level))
			return SPEC_INVALID;
	}
	return spec_map_places(map, op->va, op->va + op->n * spec_size(op->level),
			       op->level, reserve);
}

/* The operations on one mapping, which must start at the address. */
static enum spec_status spec_answer_leaf(const struct spec_map *map,
					 const struct spec_op *op, u64 reserve,
					 struct spec_answer *answer)
{
	struct spec_span *leaf = &answer->leaf;

	if (!spec_map_page(map, op->va) ||
	    (op->kind == SPEC_OP_PROTECT && (op->rights & ~SPEC_MAY_ALL)))
		return SPEC_INVALID;
	map->at(map->ctx, op->va, leaf);
	if (!leaf->mapped || leaf->va != op->va)
		return SPEC_NOENT;
	if (op->kind == SPEC_OP_SPLIT && leaf->level == 1)
		return SPEC_NOENT;
	if (op->kind == SPEC_OP_SPLIT && !reserve)
		return SPEC_NOMEM;
	if (op->kind == SPEC_OP_REMAP && !spec_map_frame(map, *op->frame, leaf->level))
		return SPEC_INVALID;
	if (op->kind == SPEC_OP_PROTECT)
		answer->revoked = leaf->rights & ~op->rights;
	return SPEC_OK;
}

static enum spec_status spec_answer_resolve(const struct spec_map *map,
					    const struct spec_op *op,
					    struct spec_answer *answer)
{
	if (!spec_map_holds(map, op->va))
		return SPEC_INVALID;
	map->at(map->ctx, op->va, &answer->leaf);
	return answer->leaf.mapped ? SPEC_OK : SPEC_NOENT;
}

/* Whole mappings only; holes are skipped. */
static enum spec_status spec_answer_range(const struct spec_map *map,
					  const struct spec_op *op,
					  struct spec_answer *answer)
{
	struct spec_span s;
	u64 va;

	if ((op->kind == SPEC_OP_PROTECT_RANGE && (op->rights & ~SPEC_MAY_ALL)) ||
	    !spec_map_page(map, op->va) || !spec_aligned(op->end, 1) ||
	    op->end <= op->va || op->end > map->end ||
	    spec_map_straddles(map, op->va) || spec_map_straddles(map, op->end))
		return SPEC_INVALID;
	for (va = op->va; va < op->end; va = spec_span_end(&s)) {
		map->at(map->ctx, va, &s);
		if (!s.mapped)
			continue;
		answer->leaves++;
		answer->bytes += spec_size(s.level);
		if (op->kind == SPEC_OP_PROTECT_RANGE && (s.rights & ~op->rights))
			answer->revoked = true;
	}
	return SPEC_OK;
}

void spec_map_answer(const struct spec_map *map, const struct spec_op *op, u64 reserve,
		     struct spec_answer *answer)
{
	enum spec_status status = SPEC_INVALID;

	*answer = (struct spec_answer){ 0 };
	switch (op->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		status = spec_answer_map(map, op, reserve);
		break;
	case SPEC_OP_UNMAP:
	case SPEC_OP_PROTECT:
	case SPEC_OP_REMAP:
	case SPEC_OP_SPLIT:
		status = spec_answer_leaf(map, op, reserve, answer);
		break;
	case SPEC_OP_RESOLVE:
		status = spec_answer_resolve(map, op, answer);
		break;
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		status = spec_answer_range(map, op, answer);
		break;
	case SPEC_OP_NONE:
	case SPEC_OP_KINDS:
		break;
	}
	if (status != SPEC_OK)
		*answer = (struct spec_answer){ .status = status };
}

/* The new leaf that covers @va, if one does. */
static void spec_effect_map(const struct spec_op *op, u64 va, struct spec_span *span)
{
	u64 i;

	if (va < op->va)
		return;
	i = (va - op->va) / spec_size(op->level);
	if (i >= op->n)
		return;
	*span = (struct spec_span) {
		.mapped = true,
		.va = op->va + i * spec_size(op->level),
		.level = op->level,
		.frame = op->frame[i],
		.rights = op->rights,
	};
}

static void spec_effect_protect(const struct spec_op *op, struct spec_span *span)
{
	span->rights = op->rights;
	/* What cannot be written must not be dirty: SDM vol. 1, 17.2 (shadow stacks). */
	if (!(op->rights & SPEC_MAY_WRITE))
		span->dirty = false;
}

/* The same memory through leaves of the level below. */
static void spec_effect_split(u64 va, struct spec_span *span)
{
	u64 offset;

	span->level--;
	offset = (va - span->va) & ~(spec_size(span->level) - 1);
	span->va += offset;
	span->frame += offset;
}

void spec_map_effect(const struct spec_op *op, u64 va, struct spec_span *span)
{
	const bool hit = span->mapped && span->va == op->va;
	const bool inside = span->mapped && span->va >= op->va && span->va < op->end;

	switch (op->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		spec_effect_map(op, va, span);
		break;
	case SPEC_OP_UNMAP:
	case SPEC_OP_UNMAP_RANGE:
		if (op->kind == SPEC_OP_UNMAP ? hit : inside)
			*span = (struct spec_span){ 0 };
		break;
	case SPEC_OP_PROTECT:
	case SPEC_OP_PROTECT_RANGE:
		if (op->kind == SPEC_OP_PROTECT ? hit : inside)
			spec_effect_protect(op, span);
		break;
	case SPEC_OP_REMAP:
		if (hit) {
			span->frame = *op->frame;
			span->dirty = false;
		}
		break;
	case SPEC_OP_SPLIT:
		if (hit)
			spec_effect_split(va, span);
		break;
	case SPEC_OP_RESOLVE:
	case SPEC_OP_NONE:
	case SPEC_OP_KINDS:
		break;
	}
}

const char *spec_op_name(enum spec_op_kind kind)
{
	static const char *const names[SPEC_OP_KINDS] = {
		[SPEC_OP_NONE] = "none",
		[SPEC_OP_MAP] = "map",
		[SPEC_OP_UNMAP] = "unmap",
		[SPEC_OP_PROTECT] = "protect",
		[SPEC_OP_REMAP] = "remap",
		[SPEC_OP_RESOLVE] = "resolve",
		[SPEC_OP_SPLIT] = "split",
		[SPEC_OP_MAP_RANGE] = "map_range",
		[SPEC_OP_UNMAP_RANGE] = "unmap_range",
		[SPEC_OP_PROTECT_RANGE] = "protect_range",
	};

	return names[kind];
}

const char *spec_status_name(enum spec_status status)
{
	static const char *const names[] = {
		[SPEC_OK] = "OK",
		[SPEC_EXISTS] = "EXISTS",
		[SPEC_NOENT] = "NOENT",
		[SPEC_INVALID] = "INVALID",
		[SPEC_NOMEM] = "NOMEM",
		[SPEC_AGAIN] = "AGAIN",
	};

	return names[status];
}
