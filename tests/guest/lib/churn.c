// SPDX-License-Identifier: GPL-2.0
/* Random use of a slice of a region, compared with what is known of it. */
#include "churn.h"

void churn_init(struct slice *s, const struct region *r, u64 offset, bool strict,
		u64 stream)
{
	*s = (struct slice) {
		.fd = r->fd,
		.base = r->base + offset,
		.strict = strict,
		.huge_pages = have_size(r->fd, VPT_2M),
		.rng = rng_of(stream),
	};
}

/* Spread, so that first and last entries of a table are among them. */
static char *page_at(struct slice *s, unsigned int slot, unsigned int page)
{
	static const u64 index[CHURN_PAGES] = { 0, 1, 7, 255, 510, 511 };

	return s->base + slot * VPT_2M + index[page] * VPT_4K;
}

static bool expect_answer(int err, int want, const char *what, const char *at)
{
	return EXPECT(err == want, "%s %p: %s, expected %s", what, (const void *)at,
		      strerror(-err), strerror(-want));
}

static void write_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	u64 value = rng_next(&s->rng);
	enum probe got = probe_store(page_at(s, slot, page), value);

	if (!t->mapped[page] && !s->strict) {
		/* The touch maps a page of the region's rights. */
		t->mapped[page] = t->writable[page] = true;
	}
	EXPECT(got == (t->mapped[page] && t->writable[page] ? PROBE_OK : PROBE_SEGV),
	       "store to %p: %d", (void *)page_at(s, slot, page), got);
	if (!got)
		t->value[page] = value;
}

static void read_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	u64 value = 0;
	enum probe got = probe_load(page_at(s, slot, page), &value);

	if (!t->mapped[page] && !s->strict) {
		t->mapped[page] = t->writable[page] = true;
		t->value[page] = 0;
	}
	if (!t->mapped[page])
		EXPECT(got == PROBE_SEGV, "load from %p: %d, %llx",
		       (void *)page_at(s, slot, page), got, (unsigned long long)value);
	else
		EXPECT(!got && value == t->value[page], "load from %p: %d, %llx, not %llx",
		       (void *)page_at(s, slot, page), got, (unsigned long long)value,
		       (unsigned long long)t->value[page]);
}

static bool is_empty(const struct slot *t)
{
	unsigned int i;

	for (i = 0; i < CHURN_PAGES; i++)
		if (t->mapped[i])
			return false;
	return !t->huge;
}

static void fresh(struct slot *t, unsigned int page, bool writable)
{
	t->mapped[page] = true;
	t->writable[page] = writable;
	t->value[page] = 0;
}

static void map_huge(struct slice *s, unsigned int slot)
{
	struct slot *t = &s->slot[slot];
	unsigned int i;
	int err;

	if (!s->huge_pages)
		return;
	err = vu_map(s->fd, page_at(s, slot, 0), VPT_2M, RW, 0);
	if (err == -ENOMEM)
		return;		/* fragmented, or many of us at once */
	if (err == -EINVAL && s->vmas_split)
		return;
	expect_answer(err, is_empty(t) ? 0 : -EEXIST, "MAP 2M", page_at(s, slot, 0));
	if (err)
		return;
	t->huge = true;
	for (i = 0; i < CHURN_PAGES; i++)
		fresh(t, i, true);
}

static void map_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	bool writable = rng_below(&s->rng, 4);
	int err = vu_map(s->fd, page_at(s, slot, page), VPT_4K,
			 writable ? RW : VPT_READ, 0);

	expect_answer(err, t->mapped[page] ? -EEXIST : 0, "MAP", page_at(s, slot, page));
	if (!err)
		fresh(t, page, writable);
}

static void unmap_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	int err = vu_unmap(s->fd, page_at(s, slot, page), NULL);
	int want = t->mapped[page] && (!t->huge || page == 0) ? 0 : -ENOENT;

	expect_answer(err, want, "UNMAP", page_at(s, slot, page));
	if (err)
		return;
	if (t->huge)
		memset(t, 0, sizeof(*t));
	t->mapped[page] = false;
}

static void protect_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	bool writable = rng_below(&s->rng, 2);
	int err = vu_protect(s->fd, page_at(s, slot, page), writable ? RW : VPT_READ, NULL);
	int want = t->mapped[page] && (!t->huge || page == 0) ? 0 : -ENOENT;
	unsigned int i;

	expect_answer(err, want, "PROTECT", page_at(s, slot, page));
	for (i = 0; i < CHURN_PAGES && !err; i++)
		if (i == page || t->huge)
			t->writable[i] = writable;
}

static void remap_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	int err = vu_remap(s->fd, page_at(s, slot, page), 0, NULL);
	int want = t->mapped[page] && (!t->huge || page == 0) ? 0 : -ENOENT;
	unsigned int i;

	if (err == -ENOMEM && t->huge)
		return;
	expect_answer(err, want, "REMAP", page_at(s, slot, page));
	for (i = 0; i < CHURN_PAGES && !err; i++)
		if (i == page || t->huge)
			t->value[i] = 0;
}

static void range_op(struct slice *s, unsigned int slot)
{
	unsigned int n = 1 + rng_below(&s->rng, CHURN_SLOTS - slot), i, j;
	bool unmap = rng_below(&s->rng, 2);
	char *at = page_at(s, slot, 0);
	int err = unmap ? vu_unmap_range(s->fd, at, n * VPT_2M, NULL) :
		  vu_protect_range(s->fd, at, n * VPT_2M, VPT_READ, NULL);

	expect_answer(err, 0, unmap ? "UNMAP_RANGE" : "PROTECT_RANGE", at);
	for (i = slot; i < slot + n && !err; i++) {
		for (j = 0; j < CHURN_PAGES; j++)
			s->slot[i].writable[j] = false;
		if (unmap)
			memset(&s->slot[i], 0, sizeof(s->slot[i]));
	}
}

static void resolve_page(struct slice *s, unsigned int slot, unsigned int page)
{
	struct slot *t = &s->slot[slot];
	struct vpt_page p;
	int err = vu_resolve(s->fd, page_at(s, slot, page) + 77, &p);

	expect_answer(err, t->mapped[page] ? 0 : -ENOENT, "RESOLVE",
		      page_at(s, slot, page));
	if (!err)
		EXPECT(p.page_size == (t->huge ? VPT_2M : VPT_4K) &&
		       p.prot == (t->writable[page] ? RW : VPT_READ),
		       "RESOLVE %p: size %llx, prot %x", (void *)page_at(s, slot, page),
		       p.page_size, p.prot);
}

void churn(struct slice *s)
{
	unsigned int slot = rng_below(&s->rng, CHURN_SLOTS);
	unsigned int page = rng_below(&s->rng, CHURN_PAGES);

	switch (rng_below(&s->rng, 20)) {
	case 0 ... 1:
		map_huge(s, slot);
		break;
	case 2 ... 5:
		map_page(s, slot, page);
		break;
	case 6 ... 8:
		unmap_page(s, slot, page);
		break;
	case 9:
		protect_page(s, slot, page);
		break;
	case 10:
		remap_page(s, slot, page);
		break;
	case 11:
		range_op(s, slot);
		break;
	case 12:
		resolve_page(s, slot, page);
		break;
	case 13 ... 16:
		write_page(s, slot, page);
		break;
	default:
		read_page(s, slot, page);
	}
}

void churn_verify(struct slice *s)
{
	unsigned int i, j;

	for (i = 0; i < CHURN_SLOTS; i++)
		for (j = 0; j < CHURN_PAGES; j++)
			if (s->strict || s->slot[i].mapped[j])
				read_page(s, i, j);
}
