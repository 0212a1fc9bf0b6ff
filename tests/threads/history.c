// SPDX-License-Identifier: GPL-2.0
/*
 * Linearizability of one page's history (Wing and Gong, 1993): try each call that may
 * be the first, and so on; what has been tried is remembered.
 *
 * An operation on several pages is looked at page by page.  What its answer says of
 * other pages than the one in question (EXISTS inside a larger place) says nothing here.
 */
#include <stdio.h>
#include <string.h>

#include "history.h"
#include "op.h"

#define TRIED	(1U << 16)

/* What a page is: its frame's use, rights, and the leaf that it belongs to. */
struct page_state {
	u64 id;
	u64 base;
	unsigned int level;
	u32 rights;
};

struct search {
	u64 va;
	const struct event *event[EVENTS];
	unsigned int n;
	u64 tried[TRIED];
};

static bool is_old(const struct page_state *s, const struct event *e)
{
	return s->id && s->id == e->old_id && s->base == e->old.va &&
	       s->level == e->old.level && s->rights == e->old.rights;
}

/* What the specification says that a call which succeeds does to the page at @va. */
static void take_effect(struct page_state *s, const struct event *e, u64 va)
{
	struct spec_span span = {
		.mapped = s->id, .va = s->base, .level = s->level,
		.frame = s->id << PT_PAGE_SHIFT, .rights = s->rights,
	};
	u64 frame[RUN];
	unsigned int i;

	for (i = 0; i < RUN; i++)
		frame[i] = e->id[i] << PT_PAGE_SHIFT;
	spec_map_effect(&(struct spec_op){
		.kind = e->kind, .va = e->va, .end = e->end, .n = e->n, .frame = frame,
		.level = e->level, .rights = e->rights,
	}, va, &span);
	*s = (struct page_state){
		.id = span.frame >> PT_PAGE_SHIFT, .base = span.va, .level = span.level,
		.rights = span.rights,
	};
}

static bool starts_at(const struct page_state *s, u64 va)
{
	return s->id && s->base == va;
}

/* A call about the leaf at one address has succeeded. */
static bool step_leaf(struct page_state *s, const struct event *e, u64 va)
{
	if (!is_old(s, e))
		return false;
	take_effect(s, e, va);
	return true;
}

static bool step_map(struct page_state *s, const struct event *e, u64 va)
{
	if (s->id)
		return false;
	take_effect(s, e, va);
	return true;
}

static bool step_range(struct page_state *s, const struct event *e, u64 va)
{
	/* A leaf that lies across an end is an error. */
	if (s->id && (s->base < e->va || s->base + pt_size(s->level) > e->end))
		return false;
	take_effect(s, e, va);
	return true;
}

static bool step_ok(struct page_state *s, const struct event *e, u64 va)
{
	switch (e->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		return step_map(s, e, va);
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		return step_range(s, e, va);
	default:
		return step_leaf(s, e, va);
	}
}

static bool step_refused(const struct page_state *s, const struct event *e, u64 va)
{
	switch (e->kind) {
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
		/* Of several pages any may be the one. */
		return e->status != PT_EXISTS || e->n > 1 || e->level > 1 || s->id;
	case SPEC_OP_RESOLVE:
		return !s->id;
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		return true;
	default:	/* about the leaf that starts there */
		if (e->status == PT_AGAIN)
			return starts_at(s, va) && s->level != e->level;
		return e->status != PT_NOENT || !starts_at(s, va);
	}
}

/* Let @e take effect.  Return whether its answer agrees. */
static bool step(struct page_state *s, const struct event *e, u64 va)
{
	return e->status == PT_OK ? step_ok(s, e, va) : step_refused(s, e, va);
}

/* Whether this was tried before; it has been now. */
static bool tried(struct search *m, u64 done, const struct page_state *s)
{
	u64 key = (done * 0x9e3779b97f4a7c15ULL ^ s->id) * 0xe7037ed1a0b428dbULL ^
		  (s->rights << 8 | s->level) ^ s->base;
	u64 *slot = &m->tried[(key >> 40) % TRIED];

	key |= 1;
	if (*slot == key)
		return true;
	*slot = key;
	return false;
}

static bool search(struct search *m, u64 done, struct page_state s)
{
	u64 first_return = ~0ULL;
	unsigned int i;

	if (done == (m->n == 64 ? ~0ULL : (1ULL << m->n) - 1))
		return true;
	if (tried(m, done, &s))
		return false;
	for (i = 0; i < m->n; i++) {
		if (!(done >> i & 1) && m->event[i]->to < first_return)
			first_return = m->event[i]->to;
	}
	for (i = 0; i < m->n; i++) {
		struct page_state next = s;

		if (!(done >> i & 1) && m->event[i]->from <= first_return &&
		    step(&next, m->event[i], m->va) && search(m, done | 1ULL << i, next))
			return true;
	}
	return false;
}

static bool concerns(const struct event *e, u64 va)
{
	switch (e->kind) {
	case SPEC_OP_NONE:
	case EVENT_ACCESS:
		return false;
	case SPEC_OP_MAP:
	case SPEC_OP_MAP_RANGE:
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		return va >= e->va && va < e->end;
	default:
		if (e->status == PT_OK)
			return va - e->old.va < pt_size(e->old.level);
		return va == e->va;
	}
}

static void print_event(const struct event *e)
{
	printf("# %4llu..%-4llu %-13s %#9llx..%#-9llx level %u rights %u new %llu: status %d, old %#llx level %u rights %u use %llu\n",
	       (unsigned long long)e->from, (unsigned long long)e->to, spec_op_name(e->kind),
	       (unsigned long long)e->va, (unsigned long long)e->end, e->level, e->rights,
	       (unsigned long long)e->id[0], e->status, (unsigned long long)e->old.va,
	       e->old.level, e->old.rights, (unsigned long long)e->old_id);
}

bool history_linear(const struct history *h, u64 va, const struct event *before)
{
	struct page_state start = { 0 };
	static struct search m;
	unsigned int i;

	memset(&m, 0, sizeof(m));
	m.va = va;
	for (i = 0; i < h->n; i++) {
		if (!concerns(&h->event[i], va))
			continue;
		if (m.n == EVENTS)
			broken("too many calls on one page in one round");
		m.event[m.n++] = &h->event[i];
	}
	if (before->status == PT_OK)
		start = (struct page_state){ before->old_id, before->old.va,
					     before->old.level, before->old.rights };
	if (search(&m, 0, start))
		return true;
	printf("# page %#llx, before the round: use %llu, rights %u\n",
	       (unsigned long long)va, (unsigned long long)start.id, start.rights);
	for (i = 0; i < m.n; i++)
		print_event(m.event[i]);
	return false;
}
