// SPDX-License-Identifier: GPL-2.0
/* The module's files: lines of key=value pairs (src/kernel/checking/debugfs.c). */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

void ctl_die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fputs("vptctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("\n", stderr);
	exit(2);
}

void *ctl_realloc(void *old, size_t bytes)
{
	void *p = realloc(old, bytes);

	if (!p)
		ctl_die("out of memory");
	return p;
}

static u64 ctl_parse(const char *text, const char *what, int radix)
{
	char *end;
	u64 n;

	errno = 0;
	n = strtoull(text, &end, radix);
	if (errno || end == text || *end || strchr(text, '-'))
		ctl_die("%s: not a number: %s", what, text);
	return n;
}

u64 ctl_number(const char *text, const char *what)
{
	return ctl_parse(text, what, 0);
}

u64 ctl_address(const char *text)
{
	return ctl_parse(text, "an address", 16);
}

/**
 * ctl_split() - take a line apart
 * @line: filled in
 * @text: "key=value key=value ...", perhaps with a newline
 */
void ctl_split(struct ctl_line *line, const char *text)
{
	char *word, *save = NULL, *equals;

	line->n = 0;
	snprintf(line->text, sizeof(line->text), "%s", text);
	for (word = strtok_r(line->text, " \n", &save); word && line->n < CTL_KEYS;
	     word = strtok_r(NULL, " \n", &save)) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals = 0;
		line->key[line->n] = (unsigned short)(word - line->text);
		line->value[line->n++] = (unsigned short)(equals + 1 - line->text);
	}
}

/* Value of a key, or NULL. */
const char *ctl_get(const struct ctl_line *line, const char *key)
{
	unsigned int i;

	for (i = 0; i < line->n; i++) {
		if (!strcmp(line->text + line->key[i], key))
			return line->text + line->value[i];
	}
	return NULL;
}

u64 ctl_get_number(const struct ctl_line *line, const char *key)
{
	const char *value = ctl_get(line, key);

	return value ? strtoull(value, NULL, 0) : 0;
}

/*
 * Open one of the module's files, and tell it what to show.  What is a copy is not
 * told; whoever reads looks what it is about in any case.
 */
FILE *ctl_open(const struct ctl_ask *ask, const char *name, const char *select)
{
	bool copy = strcmp(ask->dir, CTL_DIR);
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ask->dir, name);
	f = fopen(path, copy ? "r" : "r+");
	if (!f && errno == ENOENT && !copy)
		ctl_die("%s: not there: is vpt inserted (modprobe vpt), and debugfs mounted?",
			path);
	if (!f)
		ctl_die("%s: %s", path, strerror(errno));
	if (!copy && select && write(fileno(f), select, strlen(select)) < 0)
		ctl_die("%s: %s", path, strerror(errno));
	return f;
}

static bool ctl_wanted(const struct ctl_ask *ask, const struct ctl_region *r)
{
	return (!ask->id || r->id == ask->id) && (!ask->pid || r->pid == ask->pid);
}

/* Those that are asked for; to be freed. */
struct ctl_region *ctl_regions(const struct ctl_ask *ask, unsigned int *n)
{
	struct ctl_region *regions = NULL, *r;
	FILE *f = ctl_open(ask, "regions", NULL);
	char text[CTL_LINE];

	*n = 0;
	while (fgets(text, sizeof(text), f)) {
		regions = ctl_realloc(regions, (*n + 1) * sizeof(*regions));
		r = &regions[*n];
		ctl_split(&r->line, text);
		r->id = ctl_get_number(&r->line, "id");
		r->pid = ctl_get_number(&r->line, "pid");
		r->start = ctl_get_number(&r->line, "start");
		r->end = ctl_get_number(&r->line, "end");
		r->strict = ctl_get_number(&r->line, "strict");
		r->write = ctl_get_number(&r->line, "write");
		r->exec = ctl_get_number(&r->line, "exec");
		*n += ctl_wanted(ask, r);
	}
	if (ferror(f))
		ctl_die("regions: %s", strerror(errno));
	fclose(f);
	return regions;
}

/* The one region that is asked for, and holds *@va unless it is NULL; or the program ends. */
const struct ctl_region *ctl_one_region(const struct ctl_ask *ask, const u64 *va)
{
	struct ctl_region *regions, *found = NULL;
	static struct ctl_region one;
	unsigned int n, i;

	regions = ctl_regions(ask, &n);
	for (i = 0; i < n; i++) {
		if (!regions[i].end || (va && (*va < regions[i].start || *va >= regions[i].end)))
			continue;
		if (found)
			ctl_die("there is more than one: choose with --id (see list)");
		found = &regions[i];
	}
	if (!found && va) {
		fprintf(stderr, "vptctl: %#llx is in no region\n", (unsigned long long)*va);
		exit(1);
	}
	if (!found)
		ctl_die("there is no such region");
	one = *found;
	free(regions);
	return &one;
}

static enum ctl_child ctl_child(const char *word)
{
	if (!word)
		return CTL_NO_TABLE;
	return !strcmp(word, "vpt") ? CTL_VPT : !strcmp(word, "shared") ? CTL_SHARED :
	       CTL_UNTRACKED;
}

struct ctl_entry *ctl_entries(const struct ctl_ask *ask, u64 id, u64 start, u64 end,
			      unsigned int *n)
{
	struct ctl_entry *entries = NULL, *e;
	unsigned int room = 0;
	struct ctl_line line;
	char text[CTL_LINE];
	FILE *f;

	snprintf(text, sizeof(text), "%llu %#llx %#llx", (unsigned long long)id,
		 (unsigned long long)start, (unsigned long long)end);
	f = ctl_open(ask, "tables", text);
	*n = 0;
	while (fgets(text, sizeof(text), f)) {
		if (*n == room) {
			room = room ? 2 * room : 1024;
			entries = ctl_realloc(entries, room * sizeof(*entries));
		}
		ctl_split(&line, text);
		e = &entries[*n];
		e->id = ctl_get_number(&line, "id");
		e->va = ctl_get_number(&line, "va");
		e->level = (unsigned int)ctl_get_number(&line, "level");
		e->table = ctl_get_number(&line, "table");
		e->index = (unsigned int)ctl_get_number(&line, "index");
		e->raw = ctl_get_number(&line, "entry");
		e->child = ctl_child(ctl_get(&line, "child"));
		e->live = (unsigned int)ctl_get_number(&line, "live");
		if (e->id != id || e->level < 1 || e->level > SPEC_LEVELS || e->va >= end ||
		    e->va + spec_size(e->level) <= start)
			continue;
		spec_decode(ctl_cpu(), e->raw, e->level, &e->seen);
		++*n;
	}
	if (ferror(f))
		ctl_die("tables: %s", strerror(errno));
	fclose(f);
	return entries;
}
