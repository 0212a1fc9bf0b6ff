// SPDX-License-Identifier: GPL-2.0
/*
 * Every pair of operations, one on each of two CPUs, at each size, with user threads
 * on both that access both places.
 *
 * The first operation is about a place at address 0.  Where the other's place is
 * decides which tables the two share: the same place; its sibling, in the same
 * table; or its cousin, in the neighbouring table.
 */
#include "mc_ops.h"
#include "op_by_kind.h"

enum mc_needs {
	MC_NEEDS_NOTHING,	/* place empty */
	MC_NEEDS_RW,
	MC_NEEDS_RO,
};

static const struct mc_kind {
	const char *name;
	u8 kind;
	u8 rights;
	u8 range;		/* of two places, from address 0 */
	u8 needs;
	u8 lowest;		/* level */
} mc_kinds[] = {
	{ "map", SPEC_OP_MAP, RW, 0, MC_NEEDS_NOTHING, 1 },
	{ "unmap", SPEC_OP_UNMAP, 0, 0, MC_NEEDS_RW, 1 },
	{ "revoke", SPEC_OP_PROTECT, RO, 0, MC_NEEDS_RW, 1 },
	{ "grant", SPEC_OP_PROTECT, RW, 0, MC_NEEDS_RO, 1 },
	{ "execute", SPEC_OP_PROTECT, RX, 0, MC_NEEDS_RO, 1 },
	{ "remap", SPEC_OP_REMAP, 0, 0, MC_NEEDS_RW, 1 },
	{ "resolve", SPEC_OP_RESOLVE, 0, 0, MC_NEEDS_RW, 1 },
	{ "split", SPEC_OP_SPLIT, 0, 0, MC_NEEDS_RW, 2 },
	{ "map_range", SPEC_OP_MAP_RANGE, RW, 1, MC_NEEDS_NOTHING, 1 },
	{ "unmap_range", SPEC_OP_UNMAP_RANGE, 0, 1, MC_NEEDS_RW, 1 },
	{ "protect_range", SPEC_OP_PROTECT_RANGE, RO, 1, MC_NEEDS_RW, 1 },
};

#define MC_KINDS	(sizeof(mc_kinds) / sizeof(mc_kinds[0]))

static const char *const mc_places[] = { "same", "sibling", "cousin" };

static struct mmu_op mc_op_of(const struct mc_kind *kind, unsigned int va,
			      unsigned int level)
{
	struct mmu_op op = { .kind = kind->kind, .va = (u8)va, .rights = kind->rights };

	if (op_takes_frames((enum spec_op_kind)kind->kind))
		op.level = (u8)level;
	if (kind->range) {
		op.va = 0;
		op.n = kind->kind == SPEC_OP_MAP_RANGE ? 2 : (u8)(2 * mmu_pages(level));
	}
	return op;
}

/* What is mapped at @va before, if anything: as the operations about it need it. */
static void mc_prepare(struct mc_config *config, unsigned int *n, unsigned int va,
		       unsigned int level, unsigned int needs)
{
	if (needs == MC_NEEDS_NOTHING)
		return;
	config->setup[(*n)++] = (struct mmu_op){
		.kind = SPEC_OP_MAP, .va = (u8)va, .level = (u8)level,
		.rights = needs == MC_NEEDS_RW ? RW : RO,
	};
}

/* Two operations about one place: what lets most of both happen. */
static unsigned int mc_needs_both(const struct mc_kind *a, const struct mc_kind *b)
{
	if (a->needs == MC_NEEDS_NOTHING)
		return b->needs;
	if (b->needs == MC_NEEDS_NOTHING)
		return a->needs;
	return a->needs == MC_NEEDS_RW ? a->needs : b->needs;
}

static void mc_pair(const struct mc_kind *a, const struct mc_kind *b,
		    unsigned int level, unsigned int place, bool spans)
{
	unsigned int size = mmu_pages(level), other = place * size, n = 0;
	struct mc_config config = { .cpus = 2, .spans = spans };
	unsigned int first = a->needs, second = b->needs;

	snprintf(config.name, sizeof(config.name), "%s%s | %s, %s, level %u",
		 spans ? "spans: " : "", a->name, b->name, mc_places[place], level);
	if (!place) {
		first = mc_needs_both(a, b);
		second = a->range || b->range ? first : MC_NEEDS_NOTHING;
	} else if (a->range && !b->range && place == 2) {
		second = b->needs;
	}
	mc_prepare(&config, &n, 0, level, first);
	mc_prepare(&config, &n, place ? other : size, level, second);
	config.program[0][0] = mc_op_of(a, 0, level);
	config.program[1][0] = mc_op_of(b, other, level);
	config.accessed = (u8)(1U | 1U << (place ? other : 2 * size - 1));
	if (!place && !a->range && !b->range)
		config.accessed = (u8)(1U | 1U << (size - 1));
	config.written = spans ? 1 : config.accessed;
	/* Of each size one place; ranges take longest. */
	config.quick = !spans && place == (level == 2) && !a->range && !b->range;
	mc_config_add(&config);
}

/* Each kind with itself and with those behind it. */
static void mc_pairs_at(unsigned int level, unsigned int place, bool spans)
{
	unsigned int i, j;

	for (i = 0; i < MC_KINDS; i++) {
		for (j = i; j < MC_KINDS; j++) {
			if (mc_kinds[i].lowest <= level && mc_kinds[j].lowest <= level)
				mc_pair(&mc_kinds[i], &mc_kinds[j], level, place, spans);
		}
	}
}

void mc_pairs_init(void)
{
	unsigned int level, place;

	for (level = 1; level <= 3; level++) {
		/* Beyond level 2 a cousin lies outside the region. */
		for (place = 0; place < (level < 3 ? 3 : 2); place++)
			mc_pairs_at(level, place, false);
	}
	/* Behind different entries of one PD, and of the PDPT. */
	mc_pairs_at(1, 2, true);
	mc_pairs_at(2, 1, true);
	mc_pairs_at(3, 1, true);
}
