// SPDX-License-Identifier: GPL-2.0
/* The monitor's list of violations, and the names of its states. */
#include "spec_mon.h"

static const struct {
	const char *name;
	const char *sentence;
	const char *source;
} spec_mon_wrongs[] = {
	[SPEC_MON_ENTRY_REUSED] = {
		"entry_reused",
		"An entry is made present before every CPU has invalidated what it held.",
		"SDM 4.10.4.2, 4.10.5",
	},
	[SPEC_MON_TABLE_REUSED] = {
		"table_reused",
		"A table is taken that is in use, or was unlinked and not freed.",
		"SDM 4.10.4.2, 4.10.5; rule 3",
	},
	[SPEC_MON_TABLE_FREED_EARLY] = {
		"table_freed_early",
		"A table is freed before every CPU has invalidated the entry that led to it.",
		"SDM 4.10.3, 4.10.5; rule 3",
	},
	[SPEC_MON_TABLE_FREED_LINKED] = {
		"table_freed_linked",
		"A table is freed that walks still reach.",
		"SDM 4.5.4; rule 3",
	},
	[SPEC_MON_FRAME_FREED_EARLY] = {
		"frame_freed_early",
		"A frame is freed before every CPU has invalidated the leaves that mapped it.",
		"SDM 4.10.4.2, 4.10.5; rule 3",
	},
	[SPEC_MON_FRAME_FREED_MAPPED] = {
		"frame_freed_mapped",
		"A frame is freed, or deferred to be freed, that a leaf still maps.",
		"SDM 4.5.4; rule 3",
	},
	[SPEC_MON_NO_LOCK] = {
		"no_lock",
		"A linked table is written by a task that does not hold the table's lock.",
		"src/core/pt.h; rule 6",
	},
	[SPEC_MON_LOCK_ORDER] = {
		"lock_order",
		"Table locks nest, are released by somebody else, or are kept too long.",
		"src/core/pt.h",
	},
	[SPEC_MON_NO_REGION_LOCK] = {
		"no_region_lock",
		"A change without the region's lock, or the lock is taken twice.",
		"src/core/pt.h",
	},
	[SPEC_MON_ACK_EARLY] = {
		"ack_early",
		"A CPU acknowledges a shootdown whose whole range it has not invalidated.",
		"SDM 4.10.5",
	},
	[SPEC_MON_SHOOT_CUT_SHORT] = {
		"shootdown_cut_short",
		"A shootdown ends, or another begins, before every CPU has acknowledged.",
		"SDM 4.10.5",
	},
	[SPEC_MON_NO_GENERATION] = {
		"no_generation",
		"A shootdown leaves the generation as it was: a CPU that is not interrupted will not flush, and no locked instruction came before the interrupts.",
		"SDM 8.2.2, 4.10.5; switch_mm_irqs_off()",
	},
	[SPEC_MON_REPLACED] = {
		"replaced",
		"A present leaf is given another frame by a plain store.",
		"SDM 4.8, 4.10.4.2; rule 6",
	},
	[SPEC_MON_RESIZED] = {
		"resized",
		"A present entry becomes a leaf where it led to a table, leads to a table where it was a leaf, or leads to another table.",
		"SDM 4.10.4.2",
	},
	[SPEC_MON_PLAIN_OVER_LEAF] = {
		"plain_over_leaf",
		"A plain store over a present leaf: A and D that the CPU sets meanwhile are lost.",
		"SDM 4.8; rule 6",
	},
	[SPEC_MON_OUTSIDE] = {
		"outside",
		"An entry is written that says nothing about the addresses that may be changed.",
		"rule 9",
	},
	[SPEC_MON_WRONG_LEVEL] = {
		"wrong_level",
		"A table is used at another level than its own.",
		"SDM 4.5.4",
	},
	[SPEC_MON_UNLINKED_FULL] = {
		"unlinked_full",
		"A table is unlinked while it has present entries.",
		"rule 1",
	},
	[SPEC_MON_LINKED_UNTAKEN] = {
		"linked_untaken",
		"A table is linked that was not taken out of the reserve.",
		"SDM 4.10.3; rule 3",
	},
	[SPEC_MON_NOT_ZERO] = {
		"not_zero",
		"A table is taken, or one that nobody has linked is written, whose entries are not 0.",
		"rule 2",
	},
	[SPEC_MON_DEAD_STORE] = {
		"dead_store",
		"A table is written that is unlinked, or free.",
		"SDM 4.10.3; rule 3",
	},
	[SPEC_MON_DEFERRED_LINKED] = {
		"deferred_linked",
		"A table is deferred that was not unlinked before.",
		"rule 3",
	},
	[SPEC_MON_LEFT_STALE] = {
		"left_stale",
		"The region's lock is released while a CPU may use a mapping that was removed or replaced, or rights that were taken away.",
		"SDM 4.10.4.2, 4.10.5",
	},
	[SPEC_MON_LEFT_UNEXECUTABLE] = {
		"left_unexecutable",
		"The region's lock is released while a CPU may not know that a page can now be executed, which Linux answers with SIGSEGV.",
		"against SDM 4.10.4.3; op_rights_stale()",
	},
	[SPEC_MON_LEFT_TABLE] = {
		"left_table",
		"The region's lock is released with a table that was taken and not linked, or unlinked and not freed.",
		"rules 2 and 4",
	},
	[SPEC_MON_FOREIGN_CHANGE] = {
		"foreign_change",
		"An entry or a table is not as it was left: somebody else has changed it.",
		"src/core/pt.h",
	},
};

static const char *const spec_mon_table_states[] = {
	[SPEC_MON_UNKNOWN] = "unknown",
	[SPEC_MON_RESERVED] = "reserved",
	[SPEC_MON_TAKEN] = "taken",
	[SPEC_MON_LINKED] = "linked",
	[SPEC_MON_UNLINKED] = "unlinked",
	[SPEC_MON_INVALIDATED] = "invalidated",
};

static const char *const spec_mon_entry_states[] = {
	[SPEC_MON_UNSEEN] = "unseen",
	[SPEC_MON_CLEAN] = "clean",
	[SPEC_MON_PRESENT] = "present",
	[SPEC_MON_STALE] = "stale",
	[SPEC_MON_DROPPED] = "dropped",
};

static bool spec_mon_listed(unsigned int wrong)
{
	return wrong > SPEC_MON_NONE && wrong <= SPEC_MON_LAST;
}

const char *spec_mon_wrong_name(unsigned int wrong)
{
	return spec_mon_listed(wrong) ? spec_mon_wrongs[wrong].name : NULL;
}

const char *spec_mon_wrong_sentence(unsigned int wrong)
{
	return spec_mon_listed(wrong) ? spec_mon_wrongs[wrong].sentence : NULL;
}

const char *spec_mon_wrong_source(unsigned int wrong)
{
	return spec_mon_listed(wrong) ? spec_mon_wrongs[wrong].source : NULL;
}

const char *spec_mon_table_state_name(enum spec_mon_table_state state)
{
	return spec_mon_table_states[state];
}

const char *spec_mon_entry_state_name(enum spec_mon_entry_state state)
{
	return spec_mon_entry_states[state];
}
