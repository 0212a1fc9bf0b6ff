/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The plain map that the core is compared with: a sorted array of mappings.
 */
#ifndef MODEL_H
#define MODEL_H

#include "ref.h"

struct leaf {
	u64 va;
	u64 pa;
	unsigned int level;
	u32 rights;
	bool accessed;
	bool dirty;
};

#define MODEL_MAX	(PT_ENTRIES == 2 ? 64 : 8192)

struct model {
	struct leaf leaf[MODEL_MAX];
	u64 n;
};

/* Index of the first leaf that ends after @va. */
u64 model_at(const struct model *m, u64 va);

/* The leaf that covers @va, or NULL. */
struct leaf *model_find(struct model *m, u64 va);

/* Whether a leaf covers any byte of [@va, @end). */
bool model_overlaps(const struct model *m, u64 va, u64 end);

/* Make room for @n leaves at index @i; the caller fills them. */
struct leaf *model_insert(struct model *m, u64 i, u64 n);

void model_remove(struct model *m, u64 i, u64 n);

#endif /* MODEL_H */
