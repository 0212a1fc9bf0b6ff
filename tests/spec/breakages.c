// SPDX-License-Identifier: GPL-2.0
/* One small falsification of the fixture for each way to break an invariant. */
#include "breakages.h"

static void absent_but_not_zero(struct fixture *f)
{
	f->page[ROOT][1] = SPEC_D;
}

static void dropped_leaf_keeps_its_frame(struct fixture *f)
{
	f->page[PT][1] &= ~SPEC_P;
	f->live[PT] = 1;
	f->region.mappings = 3;
}

static void address_beyond_maxphyaddr(struct fixture *f)
{
	f->page[PT][0] |= 1ULL << 46;
}

static void table_beyond_maxphyaddr(struct fixture *f)
{
	f->page[PD][0] |= 1ULL << 51;
}

static void xd_without_nxe(struct fixture *f)
{
	f->region.cpu.nxe = false;
	f->page[PT][0] &= ~SPEC_XD;
	f->page[PD][1] &= ~SPEC_XD;
	f->page[PDPT][1] &= ~SPEC_XD;
	f->page[PT][1] |= SPEC_XD;
}

static void gigabyte_page_on_old_cpu(struct fixture *f)
{
	f->region.cpu.page1g = false;
}

static void ps_in_root(struct fixture *f)
{
	f->page[ROOT][1] = f->pa[LARGE] | LEAF(3);
}

/* The smallest geometry's level 2 has no reserved alignment bit; level 3 has. */
static void misaligned_gigabyte(struct fixture *f)
{
	f->page[PDPT][1] |= 1ULL << 13;
}

static void misaligned_gigabyte_high(struct fixture *f)
{
	f->page[PDPT][1] |= spec_size(3) / 2;
}

static void table_read_only(struct fixture *f)
{
	f->page[PD][0] &= ~SPEC_RW;
}

static void table_supervisor(struct fixture *f)
{
	f->page[PDPT][0] &= ~SPEC_US;
}

static void table_no_execute(struct fixture *f)
{
	f->page[ROOT][0] |= SPEC_XD;
}

static void table_stray_ignored_bit(struct fixture *f)
{
	f->page[PD][0] |= 1ULL << 52;
}

static void table_stray_memory_type(struct fixture *f)
{
	f->page[PD][0] |= SPEC_PCD;
}

static void leaf_without_its_bit(struct fixture *f)
{
	f->page[PT][1] &= ~LEAF_BIT(1);
}

static void leaf_with_another_levels_bit(struct fixture *f)
{
	f->page[PD][1] |= LEAF_BIT(1);
}

static void leaf_with_pat(struct fixture *f)
{
	f->page[PD][1] |= SPEC_PAT_LARGE;
}

static void leaf_global(struct fixture *f)
{
	f->page[PDPT][1] |= SPEC_G;
}

static void shadow_stack_page(struct fixture *f)
{
	f->region.cpu.shadow_stack = true;
	f->page[PT][0] |= SPEC_D;
	f->page[PT][1] |= SPEC_D;
	f->page[PT][1] &= ~SPEC_RW;
}

static void leaf_over_regions_end(struct fixture *f)
{
	f->region.end = spec_size(3) + spec_size(2);
	f->region.tables = 2;	/* the PDPT is a shared upper-level table now */
}

static void leaf_over_regions_start(struct fixture *f)
{
	f->region.start = spec_size(2) + spec_size(1);
	f->region.tables = 0;
	f->region.mappings = 2;
	f->recorded[SMALL] = 0;
}

static void frame_beyond_limit(struct fixture *f)
{
	f->region.frame_limit = f->pa[LARGE] + spec_size(3) - 1;
}

static void frame_not_ours(struct fixture *f)
{
	f->frame_level[MIDDLE] = 0;
}

static void frame_of_another_size(struct fixture *f)
{
	f->frame_level[LARGE] = 2;
}

static void frame_with_table_inside(struct fixture *f)
{
	f->table_at = f->pa[LARGE] + spec_size(3) - 0x1000;
}

static void frame_mapped_too_often(struct fixture *f)
{
	f->recorded[SMALL] = 1;
	f->recorded[STRANGE] = 1;
}

static void frame_recorded_too_often(struct fixture *f)
{
	f->recorded[SMALL] = 3;
	f->region.mappings = 5;
}

static void table_is_a_data_page(struct fixture *f)
{
	f->unreadable[PT] = true;
}

static void table_outside_memory(struct fixture *f)
{
	f->page[PD][0] = (1ULL << 45) | TABLE;
}

static void table_not_allocated(struct fixture *f)
{
	f->level[PT] = 0;
}

static void table_of_another_level(struct fixture *f)
{
	f->level[PD] = 1;
}

/* The PD's second entry leads to the PT as well. */
static void table_linked_twice(struct fixture *f)
{
	f->page[PD][1] = at(PT) | TABLE;
}

/* The PDPT's second entry leads to the root. */
static void table_below_itself(struct fixture *f)
{
	f->page[PDPT][1] = at(ROOT) | TABLE;
	f->level[ROOT] = 2;
	f->live[ROOT] = 1;
}

/* Nothing but the walk itself knows. */
static void table_leads_to_itself(struct fixture *f)
{
	f->env.known = NULL;
	f->env.visit = NULL;
	f->page[PD][1] = at(PD) | TABLE;
}

static void empty_table_with_count(struct fixture *f)
{
	f->page[PT][0] = 0;
	f->page[PT][1] = 0;
	f->region.mappings = 2;
}

static void empty_table_without_foreign_tables(struct fixture *f)
{
	f->page[ROOT][1] = at(SPARE) | TABLE;
}

static void only_a_foreign_table_below(struct fixture *f)
{
	f->region.foreign_tables = true;
	f->page[ROOT][1] = at(SPARE) | TABLE;
	f->page[SPARE][1] = at(SPARE2) | TABLE;
	f->level[SPARE] = 3;
	f->live[SPARE] = 1;
	f->region.tables = 4;
}

static void uncounted_table_with_leaf(struct fixture *f)
{
	f->region.foreign_tables = true;
	f->live[PDPT] = 0;
	f->region.tables = 2;
}

static void live_count_too_high(struct fixture *f)
{
	f->live[PD]++;
}

static void live_count_too_low(struct fixture *f)
{
	f->live[PT]--;
}

static void live_count_with_foreign_table(struct fixture *f)
{
	f->region.foreign_tables = true;
	f->page[PDPT][1] = at(SPARE) | TABLE;	/* in the leaf's place, uncounted */
	f->region.mappings = 3;
}

static void table_allocated_but_not_linked(struct fixture *f)
{
	f->region.tables = 4;
}

#define END_OF_TREE	0
#define SIZE(level)	(1ULL << (SPEC_PAGE_SHIFT + SPEC_INDEX_BITS * ((level) - 1)))
#define VA(i3, i2, i1)	((i3) * SIZE(3) + (i2) * SIZE(2) + (i1) * SIZE(1))
#define ROOT_1		SIZE(4)		/* behind the root's second entry */

#define BREAK(number, how, level, va) { number, #how, how, level, va }
const struct breakage breakages[] = {
	BREAK(1, absent_but_not_zero, 4, ROOT_1),
	BREAK(1, dropped_leaf_keeps_its_frame, 1, VA(0, 0, 1)),
	BREAK(2, address_beyond_maxphyaddr, 1, VA(0, 0, 0)),
	BREAK(2, table_beyond_maxphyaddr, 2, VA(0, 0, 0)),
	BREAK(2, xd_without_nxe, 1, VA(0, 0, 1)),
	BREAK(2, gigabyte_page_on_old_cpu, 3, VA(1, 0, 0)),
	BREAK(3, ps_in_root, 4, ROOT_1),
	BREAK(4, misaligned_gigabyte, 3, VA(1, 0, 0)),
	BREAK(4, misaligned_gigabyte_high, 3, VA(1, 0, 0)),
	BREAK(5, table_read_only, 2, VA(0, 0, 0)),
	BREAK(5, table_supervisor, 3, VA(0, 0, 0)),
	BREAK(5, table_no_execute, 4, VA(0, 0, 0)),
	BREAK(5, table_stray_ignored_bit, 2, VA(0, 0, 0)),
	BREAK(5, table_stray_memory_type, 2, VA(0, 0, 0)),
	BREAK(6, leaf_without_its_bit, 1, VA(0, 0, 1)),
	BREAK(6, leaf_with_another_levels_bit, 2, VA(0, 1, 0)),
	BREAK(6, leaf_with_pat, 2, VA(0, 1, 0)),
	BREAK(6, leaf_global, 3, VA(1, 0, 0)),
	BREAK(7, shadow_stack_page, 1, VA(0, 0, 1)),
	BREAK(8, leaf_over_regions_end, 3, VA(1, 0, 0)),
	BREAK(8, leaf_over_regions_start, 2, VA(0, 1, 0)),
	BREAK(9, frame_beyond_limit, 3, VA(1, 0, 0)),
	BREAK(10, frame_not_ours, 2, VA(0, 1, 0)),
	BREAK(10, frame_of_another_size, 3, VA(1, 0, 0)),
	BREAK(11, frame_with_table_inside, 3, VA(1, 0, 0)),
	BREAK(12, frame_mapped_too_often, 1, VA(0, 0, 1)),
	BREAK(13, frame_recorded_too_often, END_OF_TREE, 0),
	BREAK(14, table_is_a_data_page, 2, VA(0, 0, 0)),
	BREAK(14, table_outside_memory, 2, VA(0, 0, 0)),
	BREAK(15, table_not_allocated, 2, VA(0, 0, 0)),
	BREAK(15, table_of_another_level, 3, VA(0, 0, 0)),
	BREAK(16, table_linked_twice, 2, VA(0, 1, 0)),
	BREAK(16, table_below_itself, 3, VA(1, 0, 0)),
	BREAK(16, table_leads_to_itself, 2, VA(0, 1, 0)),
	BREAK(17, empty_table_with_count, 2, VA(0, 0, 0)),
	BREAK(17, empty_table_without_foreign_tables, 4, ROOT_1),
	BREAK(17, only_a_foreign_table_below, 4, ROOT_1),
	BREAK(18, uncounted_table_with_leaf, 4, VA(0, 0, 0)),
	BREAK(19, live_count_too_high, 3, VA(0, 0, 0)),
	BREAK(19, live_count_too_low, 2, VA(0, 0, 0)),
	BREAK(19, live_count_with_foreign_table, 4, VA(0, 0, 0)),
	BREAK(20, table_allocated_but_not_linked, END_OF_TREE, 0),
};

const unsigned int breakages_count = sizeof(breakages) / sizeof(breakages[0]);
