// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "model.h"

u64 model_at(const struct model *m, u64 va)
{
	u64 low = 0, high = m->n;

	while (low < high) {
		u64 mid = (low + high) / 2;

		if (m->leaf[mid].va + ref_size(m->leaf[mid].level) > va)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct leaf *model_find(struct model *m, u64 va)
{
	u64 i = model_at(m, va);

	return i < m->n && m->leaf[i].va <= va ? &m->leaf[i] : NULL;
}

bool model_overlaps(const struct model *m, u64 va, u64 end)
{
	u64 i = model_at(m, va);

	return i < m->n && m->leaf[i].va < end;
}

struct leaf *model_insert(struct model *m, u64 i, u64 n)
{
	memmove(m->leaf + i + n, m->leaf + i, (m->n - i) * sizeof(*m->leaf));
	m->n += n;
	return m->leaf + i;
}

void model_remove(struct model *m, u64 i, u64 n)
{
	memmove(m->leaf + i, m->leaf + i + n, (m->n - i - n) * sizeof(*m->leaf));
	m->n -= n;
}
