// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "diff.h"
#include "judge.h"

#define tell(condition, ...) do {		\
	if (!(condition))			\
		world_fail(__VA_ARGS__);	\
} while (0)

/* The MMU and Linux, at moments of their choice. */
static void noise(struct world *w, enum pt_env_event event, u64 table,
		  unsigned int level, unsigned int i)
{
	struct diff *d = w->owner;
	struct table_info *t = &w->info[table >> 12];
	u64 *slot = (u64 *)(w->env.arena + table) + i;
	u64 dice = diff_random(&d->noise) % 16;

	if (event == PT_ENV_EXCHANGE && d->busy_mmu && dice < 4 && (*slot & REF_P)) {
		struct leaf *leaf = model_find(&d->m, t->base + i * ref_size(level));

		*slot |= REF_A;
		leaf->accessed = true;
		if (dice < 2 && (*slot & REF_W)) {
			*slot |= REF_D;
			leaf->dirty = true;
		}
	}
	if (event == PT_ENV_LOCK && d->racing && dice < 4 && level > 1 &&
	    w->nspare > 3)
		world_link_foreign(w, w->intruder_va, (unsigned int)dice % (level - 1) + 1);
}

/* A range form hands over a leaf: it must be the next one of the plain map. */
static void deferred(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	struct diff *d = env->context;
	struct leaf *leaf = &d->m.leaf[d->next_leaf++];

	tell(leaf->va < d->expected_end && leaf->va == va && leaf->level == level,
	     "leaf %#lx handed over, %#lx expected", va, leaf->va);
	tell((entry & REF_ADDRESS) == leaf->pa && !!(entry & REF_A) == leaf->accessed &&
	     !!(entry & REF_D) == leaf->dirty, "leaf %#lx handed over with odd bits", va);
}

void diff_init(struct diff *d, u64 tables, u64 start, u64 end, unsigned int maxphyaddr)
{
	memset(d, 0, sizeof(*d));
	world_init(&d->w, tables, start, end);
	d->w.pt.pa_limit = 1ULL << maxphyaddr;
	d->w.owner = d;
	d->w.intruder = noise;
	d->w.env.on_leaf = deferred;
	d->w.env.context = d;
	d->extents = 1;
	d->noise = 1;
}

void diff_destroy(struct diff *d)
{
	world_destroy(&d->w);
}

static void same_mapping(const struct pt_mapping *m, const struct leaf *leaf)
{
	tell(m->va == leaf->va && m->pa == leaf->pa && m->level == leaf->level &&
	     m->rights == leaf->rights,
	     "reported %#lx -> %#lx level %u rights %x; is %#lx -> %#lx level %u rights %x",
	     m->va, m->pa, m->level, m->rights, leaf->va, leaf->pa, leaf->level,
	     leaf->rights);
	tell(m->accessed == leaf->accessed && m->dirty == leaf->dirty,
	     "A or D of %#lx reported wrongly", leaf->va);
}

/* A hardware walk finds at @va what the plain map holds. */
static void check_address(struct diff *d, u64 va)
{
	struct ref seen = world_walk(&d->w, va);
	struct leaf *leaf = model_find(&d->m, va);

	if (!leaf) {
		tell(!seen.level, "%#lx is mapped, and should not be", va);
		return;
	}
	tell(seen.level == leaf->level && seen.base == leaf->va && seen.pa == leaf->pa &&
	     seen.rights == leaf->rights && seen.accessed == leaf->accessed &&
	     seen.dirty == leaf->dirty,
	     "%#lx: walk finds level %u pa %#lx rights %x, should be %u, %#lx, %x", va,
	     seen.level, seen.pa, seen.rights, leaf->level, leaf->pa, leaf->rights);
}

static void check_around(struct diff *d, u64 va, u64 end)
{
	const u64 at[] = { va - 1, va, va + (end - va) / 2, end - 1, end };
	unsigned int i;

	for (i = 0; i < 5; i++)
		if (at[i] < 1ULL << PT_VA_BITS)
			check_address(d, at[i]);
}

/* No owned table on @va's path is empty: it would have been swept. */
static void check_swept(struct diff *d, u64 va)
{
	unsigned int level;

	for (level = 1; level <= 3; level++) {
		u64 table = world_table(&d->w, va, level);

		tell(!table || d->w.env.live[table >> 12] ||
		     !world_owns(&d->w, va - va % ref_size(level + 1), level),
		     "an empty table of level %u is left at %#lx", level, va);
	}
}

void diff_check(struct diff *d)
{
	u64 i, leaves = 0;

	for (i = 0; i < d->m.n; i++)
		check_address(d, d->m.leaf[i].va);
	for (i = 0; i < d->extents; i++) {
		struct pt keep = d->w.pt;

		if (i)
			d->w.pt = d->extent[1];
		world_check(&d->w);
		leaves += d->w.linked_leaves;
		d->w.pt = keep;
	}
	tell(leaves == d->m.n, "%lu leaves in the tree, %lu expected", leaves, d->m.n);
}

static struct spec_op asked(const struct op *op)
{
	return (struct spec_op) {
		.kind = (enum spec_op_kind)op->kind, .va = op->va, .end = op->end, .n = 1,
		.frame = &op->pa, .level = op->level, .rights = op->rights,
	};
}

/* Have the core do it, and compare its status. */
static enum pt_status answered(struct diff *d, const struct spec_op *op, enum pt_status expected,
			       struct judged *report)
{
	enum pt_status status = judge(&d->w, op, report);

	tell(status == expected, "%s says %d, expected %d", spec_op_name(op->kind), status,
	     expected);
	d->count[op->kind][status]++;
	return status;
}

static void do_map(struct diff *d, const struct op *op, const u64 *pa, u64 n)
{
	struct spec_op map = asked(op);
	enum pt_status status, expected;
	struct judged report;
	struct leaf *leaf;
	u64 i, tries = 0;

	map.frame = pa;
	map.n = n;
	d->w.intruder_va = op->va;
	/* Who maps a large page keeps Linux out. */
	d->racing = d->busy_linux && op->level == 1 && expect_page(d, op->va);
	do {
		expected = expect_map(d, op->va, pa, n, op->level, op->rights);
		status = answered(d, &map, expected, &report);
		tell(status == PT_AGAIN || !d->w.env.ndeferred,
		     "map defers the freeing of tables, and does not say so");
		world_flush(&d->w);
	} while (status == PT_AGAIN && ++tries <= n * PT_ENTRIES);
	d->racing = false;
	if (status != PT_OK)
		return;
	leaf = model_insert(&d->m, model_at(&d->m, op->va), n);
	for (i = 0; i < n; i++)
		leaf[i] = (struct leaf){
			.va = op->va + i * ref_size(op->level), .pa = pa[i],
			.level = op->level, .rights = op->rights,
		};
	check_around(d, op->va, op->va + n * ref_size(op->level));
}

static void do_map_range(struct diff *d, const struct op *op)
{
	unsigned int level = op->level < 1 || op->level > 3 ? 1 : op->level;
	u64 n = op->n < DIFF_FRAMES ? op->n : DIFF_FRAMES, i;
	bool fine = expect_frame(d, op->pa, level);

	/* A bad frame stands in the middle of good ones. */
	for (i = 0; i < n; i++)
		d->frame[i] = (fine ? op->pa + 3 * i * ref_size(level) :
				      i * ref_size(level)) & (d->w.pt.pa_limit - 1);
	if (!fine && n)
		d->frame[n / 2] = op->pa;
	do_map(d, op, d->frame, n);
}

static void do_unmap(struct diff *d, const struct op *op)
{
	const struct spec_op unmap = asked(op);
	enum pt_status status, expected;
	struct judged report;
	struct leaf *leaf;

	expected = expect_leaf(d, op->va, &leaf);
	status = answered(d, &unmap, expected, &report);
	if (status == PT_OK) {
		same_mapping(&report.leaf, leaf);
		model_remove(&d->m, (u64)(leaf - d->m.leaf), 1);
		check_around(d, op->va, op->va + ref_size(report.leaf.level));
	}
	if (status != PT_INVALID)
		check_swept(d, op->va);
}

static void set_rights(struct leaf *leaf, u32 rights)
{
	leaf->rights = rights;
	if (!(rights & PT_WRITE))
		leaf->dirty = false;
}

static void do_protect(struct diff *d, const struct op *op)
{
	const struct spec_op protect = asked(op);
	enum pt_status expected;
	struct judged report;
	struct leaf *leaf;

	expected = op->rights > PT_RIGHTS ? PT_INVALID : expect_leaf(d, op->va, &leaf);
	if (answered(d, &protect, expected, &report) != PT_OK)
		return;
	same_mapping(&report.leaf, leaf);
	tell(report.revoked == ((leaf->rights | op->rights) != op->rights),
	     "protect says %srevoked", report.revoked ? "" : "not ");
	set_rights(leaf, op->rights);
	check_around(d, op->va, op->va + ref_size(leaf->level));
}

static void do_remap(struct diff *d, const struct op *op)
{
	const struct spec_op remap = asked(op);
	enum pt_status expected;
	struct judged report;
	struct leaf *leaf;

	expected = expect_leaf(d, op->va, &leaf);
	if (expected == PT_OK && !expect_frame(d, op->pa, leaf->level))
		expected = PT_INVALID;
	if (answered(d, &remap, expected, &report) != PT_OK)
		return;
	same_mapping(&report.leaf, leaf);
	leaf->pa = op->pa;
	leaf->accessed = false;
	leaf->dirty = false;
	check_around(d, op->va, op->va + ref_size(leaf->level));
}

static void do_resolve(struct diff *d, const struct op *op)
{
	struct leaf *leaf = model_find(&d->m, op->va);
	const struct spec_op resolve = asked(op);
	enum pt_status expected;
	struct judged report;

	expected = op->va < d->w.pt.start || op->va >= d->w.pt.end ? PT_INVALID :
		   leaf ? PT_OK : PT_NOENT;
	if (answered(d, &resolve, expected, &report) == PT_OK)
		same_mapping(&report.leaf, leaf);
}

static void same_touched(const struct diff *d, u64 first, u64 after, bool revoked,
			 const struct pt_touched *done)
{
	u64 i, bytes = 0;

	for (i = first; i < after; i++)
		bytes += ref_size(d->m.leaf[i].level);
	tell(done->leaves == after - first && done->bytes == bytes,
	     "%lu leaves, %lu bytes reported; are %lu, %lu", done->leaves, done->bytes,
	     after - first, bytes);
	tell(done->revoked == revoked, "revoked reported wrongly");
}

static void do_range(struct diff *d, const struct op *op)
{
	bool protect = op->kind == SPEC_OP_PROTECT_RANGE, revoked = false;
	u64 first = model_at(&d->m, op->va), after = model_at(&d->m, op->end), i;
	const struct spec_op range = asked(op);
	enum pt_status expected;
	struct judged report;

	expected = expect_range(d, op->va, op->end, protect ? op->rights : 0);
	d->next_leaf = first;
	d->expected_end = op->end;
	if (answered(d, &range, expected, &report) != PT_OK)
		return;
	for (i = first; protect && i < after; i++)
		revoked |= (d->m.leaf[i].rights & ~op->rights) != 0;
	same_touched(d, first, after, revoked, &report.touched);
	for (i = first; protect && i < after; i++)
		set_rights(&d->m.leaf[i], op->rights);
	if (!protect) {
		tell(d->next_leaf == after, "leaves were removed and not handed over");
		model_remove(&d->m, first, after - first);
		check_swept(d, op->va);
		check_swept(d, op->end - 1);
	}
	check_around(d, op->va, op->end);
}

static void do_split(struct diff *d, const struct op *op)
{
	enum pt_status status, expected;
	struct pt_mapping old;
	struct leaf *leaf, whole;
	u64 i;

	expected = expect_leaf(d, op->va, &leaf);
	if (expected == PT_OK)
		expected = leaf->level == 1 ? PT_NOENT :
			   !d->w.env.nfree ? PT_NOMEM : PT_OK;
	d->w.caller_locks = true;
	status = pt_split_break(&d->w.pt, op->va, &old);
	tell(status == expected, "split says %d, expected %d", status, expected);
	d->count[op->kind][status]++;
	if (status == PT_OK) {
		whole = *leaf;
		same_mapping(&old, &whole);
		tell(!world_walk(&d->w, op->va).level, "a broken leaf is still there");
		world_settle(&d->w);
		d->w.broken = op->va;
		d->w.broken_level = whole.level;
		pt_split_make(&d->w.pt, &old);
		leaf = model_insert(&d->m, model_at(&d->m, op->va), PT_ENTRIES - 1);
		for (i = 0; i < PT_ENTRIES; i++) {
			leaf[i] = whole;
			leaf[i].level--;
			leaf[i].va += i * ref_size(leaf[i].level);
			leaf[i].pa += i * ref_size(leaf[i].level);
		}
		check_around(d, op->va, op->va + ref_size(whole.level));
	}
	d->w.caller_locks = false;
}

static void do_access(struct diff *d, const struct op *op)
{
	struct leaf *leaf = model_find(&d->m, op->va);

	if (!leaf)
		return;
	leaf->accessed = true;
	leaf->dirty |= op->rights & leaf->rights & PT_WRITE;
	world_access(&d->w, op->va, op->rights & leaf->rights & PT_WRITE);
}

/* The caller cuts only where no leaf is cut. */
static void do_cut(struct diff *d, const struct op *op)
{
	struct leaf *leaf = model_find(&d->m, op->va);

	if (d->extents > 1 || !expect_page(d, op->va) || op->va == d->w.pt.start ||
	    (leaf && leaf->va != op->va))
		return;
	pt_release(&d->w.pt, op->va);
	d->extent[1] = d->w.pt;
	d->extent[1].start = op->va;
	d->w.pt.end = op->va;
	d->extents = 2;
}

static void watch(struct diff *d, const struct op *op)
{
	u64 va;

	world_watch(&d->w);
	if (PT_ENTRIES == 2) {
		for (va = 0; va < 1ULL << PT_VA_BITS; va += 4096)
			world_probe(&d->w, va);
		return;
	}
	for (va = op->va; va < op->va + 5 * 4096; va += 4096)
		if (expect_page(d, va))
			world_probe(&d->w, va);
}

void diff_apply(struct diff *d, const struct op *op)
{
	u64 available = d->w.env.nfree + d->w.nspare;

	watch(d, op);
	switch (op->kind) {
	case SPEC_OP_MAP:
		do_map(d, op, &op->pa, 1);
		break;
	case SPEC_OP_MAP_RANGE:
		do_map_range(d, op);
		break;
	case SPEC_OP_UNMAP:
		do_unmap(d, op);
		break;
	case SPEC_OP_PROTECT:
		do_protect(d, op);
		break;
	case SPEC_OP_REMAP:
		do_remap(d, op);
		break;
	case SPEC_OP_RESOLVE:
		do_resolve(d, op);
		break;
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		do_range(d, op);
		break;
	case SPEC_OP_SPLIT:
		do_split(d, op);
		break;
	case OP_FOREIGN:
		if (expect_page(d, op->va) && d->w.nspare > 3)
			world_link_foreign(&d->w, op->va, op->level);
		break;
	case OP_ACCESS:
		do_access(d, op);
		break;
	case OP_RESERVE:
		world_reserve(&d->w, op->n < available ? op->n : available);
		break;
	case OP_CUT:
		do_cut(d, op);
		break;
	default:
		world_fail("there is no operation %u", op->kind);
	}
	world_flush(&d->w);
	if (d->thorough)
		diff_check(d);
}
