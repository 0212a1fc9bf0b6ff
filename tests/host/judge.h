/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's operations, each checked by the specification: judge_x() is pt_x()
 * with spec/spec_opcheck.h around it, and world_fail() if the verdict is that the
 * answer, the map or an invariant is wrong.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "world.h"

enum pt_status judge_map(struct world *w, u64 va, u64 pa, unsigned int level, u32 rights);
enum pt_status judge_unmap(struct world *w, u64 va, struct pt_mapping *old);
enum pt_status judge_protect(struct world *w, u64 va, u32 rights, struct pt_mapping *old,
			     bool *revoked);
enum pt_status judge_remap(struct world *w, u64 va, u64 pa, struct pt_mapping *old);
enum pt_status judge_resolve(struct world *w, u64 va, struct pt_mapping *found);
enum pt_status judge_map_range(struct world *w, u64 va, const u64 *pa, u64 n,
			       unsigned int level, u32 rights);
enum pt_status judge_unmap_range(struct world *w, u64 va, u64 end,
				 struct pt_touched *done);
enum pt_status judge_protect_range(struct world *w, u64 va, u64 end, u32 rights,
				   struct pt_touched *done);

#endif /* JUDGE_H */
