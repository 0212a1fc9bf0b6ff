// SPDX-License-Identifier: GPL-2.0
/* vptctl walk: what the MMU reads for one address, bit by bit (SDM vol. 3A, 4.5). */
#include <stdlib.h>

#include "ctl.h"

static void ctl_bit(const struct ctl_entry *e, unsigned int bit, const char *name,
		    const char *one, const char *zero)
{
	bool set = e->raw >> bit & 1;

	printf("      bit %-5u %-4s %u  %s\n", bit, name, set, set ? one : zero);
}

static bool ctl_is_leaf(const struct ctl_entry *e)
{
	return e->seen.kind == SPEC_LEAF;
}

/* Bits that mean the same in every present entry, from the top. */
static void ctl_bits_high(const struct ctl_entry *e)
{
	ctl_bit(e, 63, "XD", "no instruction is fetched from here on",
		"does not forbid to execute");
	printf("      bits %u:12     %#llx  %s\n", ctl_cpu()->maxphyaddr - 1,
	       (unsigned long long)e->seen.addr,
	       ctl_is_leaf(e) ? "the page frame" : "the next table");
	if (ctl_is_leaf(e) && e->level > 1)
		ctl_bit(e, 12, "PAT", "memory type, third bit", "memory type, third bit");
}

static void ctl_bits_low(const struct ctl_entry *e)
{
	if (e->raw >> 9 & 1)
		ctl_bit(e, 9, "", "software's: Linux' special bit", "");
	if (ctl_is_leaf(e)) {
		ctl_bit(e, 8, "G", "global: INVLPG aside, flushes keep it", "not global");
		if (e->level == 1)
			ctl_bit(e, 7, "PAT", "memory type, third bit",
				"memory type, third bit");
		else
			ctl_bit(e, 7, "PS", "a page: the walk ends here", "");
		ctl_bit(e, 6, "D", "dirty: written through since it was mapped",
			"clean: not written through");
	} else if (e->level > 1) {
		ctl_bit(e, 7, "PS", "reserved here", "leads to a table");
	}
	ctl_bit(e, 5, "A", "accessed: a walk has used it", "no walk has used it");
	ctl_bit(e, 4, "PCD", "not cached", "memory type, second bit");
	ctl_bit(e, 3, "PWT", "write-through", "memory type, first bit");
	ctl_bit(e, 2, "U/S", "user mode may use it", "supervisor only");
	ctl_bit(e, 1, "R/W", "does not forbid to write", "no writes");
	ctl_bit(e, 0, "P", "present", "not present");
}

static void ctl_walk_entry(const struct ctl_entry *e, u64 va)
{
	printf("  %s at %#llx, entry %u (address bits %u:%u): %#018llx\n",
	       ctl_table_name(e->level), (unsigned long long)e->table,
	       (unsigned int)(va >> spec_shift(e->level)) & (SPEC_ENTRIES - 1),
	       spec_shift(e->level) + 8, spec_shift(e->level), (unsigned long long)e->raw);
	if (e->seen.kind == SPEC_ABSENT) {
		ctl_bit(e, 0, "P", "", "not present: the walk ends here with a page fault");
		if (e->raw)
			puts("      the rest is not 0: vpt never leaves such an entry (invariant 1)");
		return;
	}
	ctl_bits_high(e);
	ctl_bits_low(e);
	if (e->seen.reserved)
		printf("      reserved bits are set: %#llx: the walk ends here with a page fault\n",
		       (unsigned long long)e->seen.reserved);
	if (e->child == CTL_VPT)
		printf("      the table is vpt's; %u of its entries are in use\n", e->live);
	else if (e->child == CTL_SHARED)
		puts("      the table reaches beyond the region: it is Linux's, and stays");
	else if (e->child == CTL_UNTRACKED)
		puts("      the table is empty, and was linked by Linux");
}

/* How the walk ends; the entries from level 4 downward. */
static void ctl_walk_result(const struct ctl_entry *e, unsigned int n, u64 va)
{
	const struct ctl_entry *last = &e[n - 1];
	bool write = true, user = true, no_exec = false;
	u64 offset = va & (spec_size(last->level) - 1);
	unsigned int i;

	for (i = 0; i < n; i++) {
		write &= e[i].seen.writable;
		user &= e[i].seen.user;
		no_exec |= e[i].seen.execute_disable;
	}
	if (last->seen.kind != SPEC_LEAF || last->seen.reserved) {
		puts("  => page fault: there is no translation");
		return;
	}
	printf("  => physical %#llx: frame %#llx + offset %#llx of a page of %s\n",
	       (unsigned long long)(last->seen.addr + offset),
	       (unsigned long long)last->seen.addr, (unsigned long long)offset,
	       ctl_size_name(last->level));
	printf("     rights %s, %s mode (R/W and U/S must be 1 in every entry, XD in none, to write, to be used by user mode, to execute)\n",
	       ctl_rights(write, no_exec), user ? "user" : "supervisor");
	printf("     %s, %s\n", last->seen.accessed ? "accessed" : "not accessed",
	       last->seen.dirty ? "dirty" : "clean");
}

int ctl_walk(const struct ctl_ask *ask)
{
	u64 va = ctl_address(ask->arg[0]);
	const struct ctl_region *r = ctl_one_region(ask, &va);
	struct ctl_entry *e;
	unsigned int n, i;

	e = ctl_entries(ask, r->id, va, va + 1, &n);
	if (ask->json) {
		fputs("[", stdout);
		for (i = 0; i < n; i++) {
			fputs(i ? ",\n " : "", stdout);
			ctl_json_entry(stdout, &e[i]);
		}
		puts("]");
		return n ? 0 : 1;
	}
	printf("%#llx in region %llu, process %llu (%s)\n", (unsigned long long)va,
	       (unsigned long long)r->id, (unsigned long long)r->pid,
	       ctl_get(&r->line, "comm") ? ctl_get(&r->line, "comm") : "");
	if (!n) {
		puts("  => nothing: munmap() has taken this part of the region");
		return 1;
	}
	for (i = 0; i < n; i++)
		ctl_walk_entry(&e[i], va);
	ctl_walk_result(e, n, va);
	free(e);
	return 0;
}
