// SPDX-License-Identifier: GPL-2.0
/* vptctl dump: a region's tables, as ptdump prints the kernel's. */
#include <stdlib.h>

#include "ctl.h"

static void ctl_indent(unsigned int level)
{
	printf("%*s", 2 * (SPEC_LEVELS - (int)level), "");
}

static void ctl_dump_table(const struct ctl_entry *e)
{
	ctl_indent(e->level);
	printf("%s[%u]  %#llx  %s  -> %s at %#llx, ", ctl_table_name(e->level), e->index,
	       (unsigned long long)e->va, ctl_size_name(e->level),
	       ctl_table_name(e->level - 1), (unsigned long long)e->seen.addr);
	if (e->child == CTL_VPT)
		printf("vpt's, %u live\n", e->live);
	else
		printf("%s\n", e->child == CTL_SHARED ? "shared with other mappings" :
		       e->child == CTL_UNTRACKED ? "empty, linked by Linux" : "not a table");
}

static void ctl_dump_other(const struct ctl_entry *e)
{
	ctl_indent(e->level);
	printf("%s[%u]  %#llx  %s  %s %#llx\n", ctl_table_name(e->level), e->index,
	       (unsigned long long)e->va, ctl_size_name(e->level),
	       e->raw ? "not present, but not 0:" : "not present:",
	       (unsigned long long)e->raw);
}

static bool ctl_same_kind(const struct ctl_entry *a, const struct ctl_entry *b)
{
	return a->level == b->level && a->table == b->table &&
	       b->va == a->va + spec_size(a->level) && b->seen.kind == SPEC_LEAF &&
	       a->seen.writable == b->seen.writable &&
	       a->seen.execute_disable == b->seen.execute_disable &&
	       a->seen.user == b->seen.user && a->seen.accessed == b->seen.accessed &&
	       a->seen.dirty == b->seen.dirty && a->seen.reserved == b->seen.reserved;
}

/* Leaves from @first to @last, which differ in nothing but address and frame. */
static void ctl_dump_leaves(const struct ctl_entry *first, const struct ctl_entry *last)
{
	const struct spec_entry *s = &first->seen;
	u64 end = last->va + spec_size(last->level);

	ctl_indent(first->level);
	printf("%#llx-%#llx %9s  %s  %s%s %s %s", (unsigned long long)first->va,
	       (unsigned long long)end, ctl_bytes(end - first->va),
	       ctl_size_name(first->level), ctl_rights(s->writable, s->execute_disable),
	       s->user ? "u" : "s", s->accessed ? "A" : "-", s->dirty ? "D" : "-");
	if (first == last)
		printf("  frame %#llx", (unsigned long long)s->addr);
	else
		printf("  %u pages, frame %#llx first", (unsigned int)(last - first + 1),
		       (unsigned long long)s->addr);
	if (s->reserved)
		printf("  RESERVED BITS %#llx", (unsigned long long)s->reserved);
	puts("");
}

static void ctl_dump_entries(const struct ctl_ask *ask, const struct ctl_entry *e,
			     unsigned int n)
{
	unsigned int i, last;

	for (i = 0; i < n; i = last + 1) {
		last = i;
		if (ask->entries)
			printf("%#018llx  ", (unsigned long long)e[i].raw);
		if (e[i].seen.kind == SPEC_TABLE) {
			ctl_dump_table(&e[i]);
			continue;
		}
		if (e[i].seen.kind == SPEC_ABSENT) {
			ctl_dump_other(&e[i]);
			continue;
		}
		while (!ask->entries && last + 1 < n && ctl_same_kind(&e[last], &e[last + 1]))
			last++;
		ctl_dump_leaves(&e[i], &e[last]);
	}
}

int ctl_dump(const struct ctl_ask *ask)
{
	u64 start = 0, end = ~0ULL;
	struct ctl_region *regions;
	struct ctl_entry *e;
	unsigned int n, i, k, count, shown = 0;

	if (ask->nargs > 0)
		start = ctl_address(ask->arg[0]);
	if (ask->nargs > 1)
		end = ctl_address(ask->arg[1]);
	if (start >= end)
		ctl_die("dump: the end is not behind the start");
	regions = ctl_regions(ask, &n);
	if (ask->json)
		fputs("[", stdout);
	for (i = 0; i < n; i++) {
		if (!regions[i].end)
			continue;
		e = ctl_entries(ask, regions[i].id, start, end, &count);
		for (k = 0; ask->json && k < count; k++) {
			fputs(shown++ ? ",\n " : "", stdout);
			ctl_json_entry(stdout, &e[k]);
		}
		if (!ask->json) {
			printf("region %llu, process %llu (%s), %#llx-%#llx\n",
			       (unsigned long long)regions[i].id,
			       (unsigned long long)regions[i].pid,
			       ctl_get(&regions[i].line, "comm"),
			       (unsigned long long)regions[i].start,
			       (unsigned long long)regions[i].end);
			ctl_dump_entries(ask, e, count);
		}
		free(e);
	}
	if (ask->json)
		puts("]");
	free(regions);
	return 0;
}
