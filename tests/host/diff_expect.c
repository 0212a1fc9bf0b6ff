// SPDX-License-Identifier: GPL-2.0
/* What the core must answer. */
#include "diff.h"

bool expect_page(const struct diff *d, u64 va)
{
	return va % 4096 == 0 && va >= d->w.pt.start && va < d->w.pt.end;
}

bool expect_frame(const struct diff *d, u64 pa, unsigned int level)
{
	u64 limit = d->w.pt.pa_limit;

	return pa % ref_size(level) == 0 && pa < limit && ref_size(level) <= limit - pa;
}

enum pt_status expect_leaf(struct diff *d, u64 va, struct leaf **leaf)
{
	if (!expect_page(d, va))
		return PT_INVALID;
	*leaf = model_find(&d->m, va);
	return *leaf && (*leaf)->va == va ? PT_OK : PT_NOENT;
}

/* Tables that leaves of @level all over [@va, @end) lack. */
static u64 missing_tables(struct diff *d, u64 va, u64 end, unsigned int level)
{
	unsigned int l;
	u64 n = 0;

	for (l = level; l <= 3; l++) {
		u64 span = ref_size(l + 1);
		u64 at;

		for (at = va - va % span; at < end; at += span)
			n += !world_table(&d->w, at, l);
	}
	return n;
}

enum pt_status expect_map(struct diff *d, u64 va, const u64 *pa, u64 n,
			  unsigned int level, u32 rights)
{
	u64 size, i;

	if (level < 1 || level > 3 || rights > PT_RIGHTS || !n || !expect_page(d, va))
		return PT_INVALID;
	size = ref_size(level);
	if (va % size || n > (d->w.pt.end - va) / size)
		return PT_INVALID;
	for (i = 0; i < n; i++)
		if (!expect_frame(d, pa[i], level))
			return PT_INVALID;
	for (i = 0; i < n; i++) {
		if (model_overlaps(&d->m, va + i * size, va + (i + 1) * size))
			return PT_EXISTS;
		/* A table, and nothing in it: a foreign one. */
		if (level > 1 && world_table(&d->w, va + i * size, level - 1))
			return PT_AGAIN;
	}
	if (missing_tables(d, va, va + n * size, level) > d->w.env.nfree)
		return PT_NOMEM;
	return PT_OK;
}

static bool straddles(struct diff *d, u64 va)
{
	struct leaf *leaf = model_find(&d->m, va);

	return leaf && leaf->va != va;
}

enum pt_status expect_range(struct diff *d, u64 va, u64 end, u32 rights)
{
	if (rights > PT_RIGHTS || !expect_page(d, va) || end % 4096 || end <= va ||
	    end > d->w.pt.end || straddles(d, va) || straddles(d, end))
		return PT_INVALID;
	return PT_OK;
}
