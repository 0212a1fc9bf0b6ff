// SPDX-License-Identifier: GPL-2.0
/* vptctl list, check and set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define CTL_CHECK	"/sys/module/vpt/parameters/check"

static void ctl_list_one(const struct ctl_region *r)
{
	const struct ctl_line *l = &r->line;
	char where[40] = "-";

	if (r->end)
		snprintf(where, sizeof(where), "%#llx", (unsigned long long)r->start);
	printf("%4llu %7llu  %-15s %-16s %8s  %-6s r%c%c %9s %8llu %6llu %4llu %7llu %7llu %10llu %4llu\n",
	       (unsigned long long)r->id, (unsigned long long)r->pid,
	       ctl_get(l, "comm") ? ctl_get(l, "comm") : "", where,
	       r->end ? ctl_bytes(ctl_get_number(l, "bytes")) : "-",
	       r->strict ? "strict" : "demand", r->write ? 'w' : '-', r->exec ? 'x' : '-',
	       ctl_bytes(ctl_get_number(l, "mapped")),
	       (unsigned long long)ctl_get_number(l, "leaves_4k"),
	       (unsigned long long)ctl_get_number(l, "leaves_2m"),
	       (unsigned long long)ctl_get_number(l, "leaves_1g"),
	       (unsigned long long)ctl_get_number(l, "tables"),
	       (unsigned long long)ctl_get_number(l, "frames"),
	       (unsigned long long)ctl_get_number(l, "shootdowns"),
	       (unsigned long long)ctl_get_number(l, "violations"));
}

int ctl_list(const struct ctl_ask *ask)
{
	struct ctl_region *regions;
	unsigned int n, i;

	regions = ctl_regions(ask, &n);
	if (ask->json) {
		fputs("[", stdout);
		for (i = 0; i < n; i++) {
			fputs(i ? ",\n " : "", stdout);
			ctl_json_line(stdout, &regions[i].line);
		}
		puts("]");
		free(regions);
		return 0;
	}
	printf("%4s %7s  %-15s %-16s %8s  %-6s %-3s %9s %8s %6s %4s %7s %7s %10s %4s\n", "ID",
	       "PID", "COMMAND", "START", "SIZE", "MODE", "MAX", "MAPPED", "4K", "2M", "1G",
	       "TABLES", "FRAMES", "SHOOTDOWNS", "BAD");
	for (i = 0; i < n; i++)
		ctl_list_one(&regions[i]);
	free(regions);
	return 0;
}

static void ctl_check_one(const struct ctl_line *line)
{
	printf("region %llu: %llu tables, %llu leaves: ",
	       (unsigned long long)ctl_get_number(line, "id"),
	       (unsigned long long)ctl_get_number(line, "tables"),
	       (unsigned long long)ctl_get_number(line, "leaves"));
	if (!ctl_get_number(line, "violations")) {
		puts("every invariant holds");
		return;
	}
	printf("%llu violations; the first: %s (invariant %llu), at %#llx, level %llu, entry %#llx\n",
	       (unsigned long long)ctl_get_number(line, "violations"),
	       ctl_get(line, "name") ? ctl_get(line, "name") : "?",
	       (unsigned long long)ctl_get_number(line, "invariant"),
	       (unsigned long long)ctl_get_number(line, "va"),
	       (unsigned long long)ctl_get_number(line, "level"),
	       (unsigned long long)ctl_get_number(line, "entry"));
}

int ctl_check(const struct ctl_ask *ask)
{
	struct ctl_region *regions;
	char text[CTL_LINE], id[24];
	unsigned int n, i, shown = 0;
	struct ctl_line line;
	int bad = 0;
	FILE *f;

	regions = ctl_regions(ask, &n);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)ask->id);
	f = ctl_open(ask, "check", id);
	if (ask->json)
		fputs("[", stdout);
	while (fgets(text, sizeof(text), f)) {
		ctl_split(&line, text);
		for (i = 0; i < n && regions[i].id != ctl_get_number(&line, "id"); i++)
			;
		if (i == n)
			continue;
		bad |= !!ctl_get_number(&line, "violations");
		if (ask->json) {
			fputs(shown++ ? ",\n " : "", stdout);
			ctl_json_line(stdout, &line);
		} else {
			ctl_check_one(&line);
		}
	}
	if (ferror(f))
		ctl_die("check: %s", strerror(errno));
	if (ask->json)
		puts("]");
	fclose(f);
	free(regions);
	return bad;
}

int ctl_set(const struct ctl_ask *ask)
{
	const char *mode = strchr(ask->arg[0], '=');
	FILE *f;

	if (!mode || strncmp(ask->arg[0], "check=", 6))
		ctl_die("set takes check=off, check=op or check=full");
	f = fopen(CTL_CHECK, "w");
	if (!f)
		ctl_die("%s: %s", CTL_CHECK, strerror(errno));
	if (fputs(mode + 1, f) < 0 || fclose(f))
		ctl_die("check=%s: %s", mode + 1, strerror(errno));
	return 0;
}
