/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's operations, each checked by the specification (spec/spec_opcheck.h).
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "../../spec/spec_map.h"
#include "world.h"

/**
 * struct judged - what the core's function reports, where it reports anything
 * @leaf: of operations on one mapping
 * @revoked: PROTECT
 * @touched: UNMAP_RANGE, PROTECT_RANGE
 */
struct judged {
	struct pt_mapping leaf;
	bool revoked;
	struct pt_touched touched;
};

/*
 * Have the core do @op; world_fail() if the verdict is that the answer, the map or an
 * invariant is wrong.
 */
enum pt_status judge(struct world *w, const struct spec_op *op, struct judged *report);

#endif /* JUDGE_H */
