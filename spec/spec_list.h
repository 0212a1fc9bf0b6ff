/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invariants of a region's page table: the one list.  The checks, their
 * numbers, the accessors and the table in the documentation come from here.
 *
 *	X(number, name, when it is checked, cost, sentence)
 *
 * The check is spec_holds_<name>() in spec_inv.c.  A number is never given to
 * another invariant.  Each says one thing and leaves the others' matters alone,
 * so that one fault breaks one of them.
 *
 * "The core's" table: wholly inside the region and not nobody's.  "Nobody's":
 * wholly inside the region and of live count 0; other software linked it and the
 * core has not used it.  "Border" table: only partly inside.
 */
#ifndef SPEC_LIST_H
#define SPEC_LIST_H

#define SPEC_INVARIANTS(X)						\
	X(1, absent_is_zero, ENTRY, WALK,				\
	  "An entry that is not present is 0.")				\
	X(2, no_reserved_bit, ENTRY, WALK,				\
	  "A present entry has no bit set that the CPU reserves: no address beyond MAXPHYADDR, no XD without EFER.NXE, no PS in a PDPTE without 1 GiB pages.") \
	X(3, no_large_pml4e, ENTRY, WALK,				\
	  "No present entry of level 4 has PS set.")			\
	X(4, leaf_aligned, ENTRY, WALK,					\
	  "A large leaf's frame is aligned to its size: bits 20:13 (2 MiB) or 29:13 (1 GiB) are 0.") \
	X(5, table_permissive, TABLE, WALK,				\
	  "An entry that leads to a table has R/W and U/S set and beside the address nothing but A and D, so that rights are decided at the leaf.") \
	X(6, leaf_bits, LEAF, WALK,					\
	  "A leaf carries the bits that the environment demands at its level.") \
	X(7, no_shadow_stack, LEAF, WALK,				\
	  "Where the CPU has shadow stacks, no leaf is dirty that cannot be written.") \
	X(8, leaf_inside, LEAF, WALK,					\
	  "A leaf lies wholly inside the region.")			\
	X(9, frame_in_limit, LEAF, WALK,				\
	  "A leaf's frame ends below the environment's limit.")		\
	X(10, frame_known, LEAF, WALK,					\
	  "A leaf's frame, with its size, is allocated to the region.")	\
	X(11, frame_is_no_table, LEAF, WALK,				\
	  "No frame contains a table.")					\
	X(12, frame_count, LEAF, TREE,					\
	  "No frame is mapped more often than recorded.")		\
	X(13, frame_total, END, TREE,					\
	  "There are as many leaves as the frames' records say in sum; with frame_count, each frame is mapped as often as recorded.") \
	X(14, table_is_table, TABLE, WALK,				\
	  "What an entry without PS leads to is a page used as a table.") \
	X(15, table_known, TABLE, WALK,					\
	  "A table of the core's is allocated to the region, for its level.") \
	X(16, one_parent, TABLE, TREE,					\
	  "A table is linked in one place only, and not below itself.")	\
	X(17, no_empty_table, DONE, TREE,				\
	  "A table of the core's holds a leaf or leads to a table of the core's.") \
	X(18, nobodys_is_empty, DONE, TREE,				\
	  "A table with live count 0 holds no leaf and leads to no table of the core's.") \
	X(19, live_count, DONE, TREE,					\
	  "The live count of a table of the core's is the number of its entries that are leaves or lead to tables of the core's.") \
	X(20, table_total, END, TREE,					\
	  "As many of the core's tables are reachable as are allocated and linked.")

#endif /* SPEC_LIST_H */
