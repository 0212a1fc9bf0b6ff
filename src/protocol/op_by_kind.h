/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whole operations by the kinds that the specification has: for those who have a list of
 * operations to do, and have included spec/spec_map.h.  The kernel has a call for each.
 */
#ifndef OP_BY_KIND_H
#define OP_BY_KIND_H

#include "op.h"

/* Whether an operation of that kind puts frames of its caller's into the table. */
static inline bool op_takes_frames(enum spec_op_kind kind)
{
	return kind == SPEC_OP_MAP || kind == SPEC_OP_REMAP || kind == SPEC_OP_MAP_RANGE;
}

/* Whether it is about all that is in a range. */
static inline bool op_takes_range(enum spec_op_kind kind)
{
	return kind == SPEC_OP_UNMAP_RANGE || kind == SPEC_OP_PROTECT_RANGE;
}

/**
 * op_by_kind() - a whole operation
 * @op: with @op->pt, and what the environment needs
 * @kind: which
 * @range: where; @range->end only for what is about a range
 * @pa: MAP_RANGE: the frames
 * @n: and how many
 * @level: MAP, MAP_RANGE: size of the pages
 *
 * For environments in which no operation answers op_env_broken.
 *
 * Return: as the operation's own function, or op_env_broken: there is none.
 */
static inline int op_by_kind(struct op *op, enum spec_op_kind kind, struct op_range *range,
			     const u64 *pa, u64 n, unsigned int level)
{
	struct pt_mapping m;

	switch (kind) {
	case SPEC_OP_MAP:
		return op_map(op, range->va, level);
	case SPEC_OP_UNMAP:
		return op_unmap(op, range->va, &m);
	case SPEC_OP_PROTECT:
		return op_protect(op, range->va, &m);
	case SPEC_OP_REMAP:
		return op_remap(op, range->va, &m);
	case SPEC_OP_RESOLVE:
		return op_resolve(op, range->va, &m);
	case SPEC_OP_MAP_RANGE:
		return op_map_range(op, range->va, pa, n, level);
	case SPEC_OP_UNMAP_RANGE:
		return op_unmap_range(op, range);
	case SPEC_OP_PROTECT_RANGE:
		return op_protect_range(op, range);
	default:
		return op_env_broken;
	}
}

#endif /* OP_BY_KIND_H */
