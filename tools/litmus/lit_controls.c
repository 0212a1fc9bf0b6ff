// SPDX-License-Identifier: GPL-2.0
/* Protocol steps that a control leaves out. */
#include "lit_model.h"

static const struct {
	const char *name;
	enum mmu_broken broken;
	const char *text;
} lit_broken[] = {
	{ "no-shootdown", MMU_NO_SHOOTDOWN, "the entry changes and nobody invalidates" },
	{ "shootdown-self-only", MMU_SELF_ONLY, "only the caller's CPU invalidates" },
	{ "return-before-ack", MMU_NO_WAIT,
	  "the call returns, and frees, without waiting for acknowledgements" },
	{ "ack-before-invalidate", MMU_ACK_FIRST,
	  "the handler acknowledges, then invalidates" },
	{ "ack-before-drain", MMU_HANDLER_UNDRAINED,
	  "the handler acknowledges with stores in the buffer" },
	{ "free-before-shootdown", MMU_FREE_FIRST,
	  "tables and frames are freed before the shootdown" },
	{ "free-before-ack", MMU_FREE_BEFORE_ACK,
	  "tables and frames are freed before the acknowledgements" },
	{ "shootdown-before-change", MMU_INVALIDATE_FIRST,
	  "first the shootdown, then the entry changes" },
	{ "ipi-before-drain", MMU_SEND_UNDRAINED,
	  "IPIs leave while the store is in the buffer" },
	{ "half-range", MMU_HALF_RANGE, "a range's shootdown leaves out its last page" },
	{ "invlpg-keeps-psc", MMU_INVLPG_KEEPS_PSC,
	  "INVLPG leaves the paging-structure caches alone (no fault of software)" },
	{ "plain-store", MMU_PLAIN_STORE, "an entry is read and stored, not exchanged" },
	{ "protect-by-unmap-and-map", MMU_PROTECT_GAP,
	  "protect is unmap and map, and faults do not wait for the lock" },
	{ "execute-without-shootdown", MMU_EXEC_LAZY,
	  "no shootdown when execution becomes allowed" },
	{ "no-generation", MMU_NO_GENERATION,
	  "tlb_gen stays as it is, so a CPU that was away does not flush" },

	/* Of several operations in flight. */
	{ "map-unlocked", MMU_MAP_UNLOCKED, "map takes no lock, nor does a touch that maps" },
	{ "unmap-unlocked", MMU_UNMAP_UNLOCKED, "unmap takes no lock" },
	{ "protect-unlocked", MMU_PROTECT_UNLOCKED, "protect takes no lock" },
	{ "remap-unlocked", MMU_REMAP_UNLOCKED, "remap takes no lock" },
	{ "counts-unlocked", MMU_COUNTS_UNLOCKED,
	  "counts of PDs and PDPTs change without their lock" },
	{ "linker-unlocked", MMU_LINKER_UNLOCKED, "PDs and PDPTs are linked without page_table_lock" },
	{ "lock-of-one-page", MMU_SPAN_OF_PAGE, "a lock for each page, not for each entry of a PD" },
	{ "range-locks-first-span", MMU_RANGE_FIRST, "a range locks its first span only" },
	{ "unlink-with-one-span", MMU_UNLINK_NARROW,
	  "a PD is unlinked with one of its spans locked" },
	{ "sweep-with-one-span", MMU_SWEEP_NARROW, "likewise by the sweep" },
	{ "release-before-ack", MMU_RELEASE_FIRST,
	  "locks are released before the acknowledgements" },
	{ "left-not-swept", MMU_NOT_SWEPT, "an empty table that was left stays" },
};

#define LIT_BROKEN	(sizeof(lit_broken) / sizeof(lit_broken[0]))

enum mmu_broken lit_broken_find(const char *name)
{
	size_t i;

	for (i = 0; i < LIT_BROKEN; i++) {
		if (!strcmp(lit_broken[i].name, name))
			return lit_broken[i].broken;
	}
	return MMU_BROKEN_KINDS;
}

const char *lit_broken_text(enum mmu_broken broken)
{
	size_t i;

	for (i = 0; i < LIT_BROKEN; i++) {
		if (lit_broken[i].broken == broken)
			return lit_broken[i].text;
	}
	return "";
}

void lit_broken_list(FILE *out)
{
	size_t i;

	for (i = 0; i < LIT_BROKEN; i++)
		fprintf(out, "%-26s %s\n", lit_broken[i].name, lit_broken[i].text);
}
