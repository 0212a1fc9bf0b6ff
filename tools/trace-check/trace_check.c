// SPDX-License-Identifier: GPL-2.0
/* vpt-trace-check: the protocol monitor over a recorded trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_text.h"

#define HISTORY		40	/* lines of it that are shown */

/* An event, and where it stood. */
struct record {
	u64 line;
	u64 id;
	struct spec_mon_event event;
	char *text;
};

/* The monitor of one region: of one open file of /dev/vpt. */
struct region {
	u64 id;
	struct spec_mon mon;
	void *memory;
	u64 bytes;
	u64 of_trace;		/* events */
	u64 early;		/* of them, those before its lock was first seen taken */
	bool started;
};

static struct record *records;
static u64 nrecords;
static struct region *regions;
static u64 nregions;
static u64 foreign, gaps;
static const char *source;

static void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "vpt-trace-check: out of memory\n");
		exit(2);
	}
	return memory;
}

static struct region *region_of(u64 id)
{
	struct region *r;

	for (r = regions; r < regions + nregions; r++) {
		if (r->id == id)
			return r;
	}
	regions = need(realloc(regions, (nregions + 1) * sizeof(*regions)));
	r = &regions[nregions++];
	*r = (struct region){ .id = id };
	return r;
}

static struct record *record_add(u64 line, u64 id, const char *text)
{
	struct record *r;

	/* Powers of two: it doubles when it is full. */
	if (!(nrecords & (nrecords - 1)))
		records = need(realloc(records, (nrecords ? 2 * nrecords : 1) *
				       sizeof(*records)));
	r = &records[nrecords++];
	*r = (struct record){ .line = line, .id = id, .text = need(strdup(text)) };
	return r;
}

/* Whether a comment is not about another format than this program reads. */
static bool format_ok(const char *comment)
{
	unsigned int format;

	if (sscanf(comment, "# vpt trace format %u", &format) != 1 || format == SPEC_MON_FORMAT)
		return true;
	fprintf(stderr, "%s: the trace has format %u, and this program reads %u\n", source, format,
		SPEC_MON_FORMAT);
	return false;
}

/* Return: false on a malformed line. */
static bool read_trace(FILE *in)
{
	struct spec_mon_event event;
	char *line = NULL, why[100];
	u64 id, number = 0;
	size_t room = 0;
	ssize_t length;
	bool ok = true;

	while (ok && (length = getline(&line, &room, in)) >= 0) {
		number++;
		line[strcspn(line, "\n")] = 0;
		if (*line == '#') {
			ok = format_ok(line);
			continue;
		}
		switch (trace_parse(line, &id, &event, why)) {
		case TRACE_EVENT:
			record_add(number, id, line)->event = event;
			region_of(id)->of_trace++;
			break;
		case TRACE_LOST:
			record_add(number, 0, line)->event.kind = SPEC_MON_KINDS;
			gaps++;
			break;
		case TRACE_MALFORMED:
			fprintf(stderr, "%s:%llu: %s\n", source, (unsigned long long)number, why);
			ok = false;
			break;
		default:
			foreign++;
		}
	}
	free(line);
	return ok;
}

/* Nothing is known of any region. */
static void start_over(void)
{
	struct region *r;

	for (r = regions; r < regions + nregions; r++) {
		if (!r->memory) {
			/* No event needs more than a table, a frame and a stale entry. */
			r->bytes = 4096 + 400 * r->of_trace;
			r->memory = need(malloc(r->bytes));
		}
		spec_mon_init(&r->mon, r->memory, r->bytes);
		r->started = false;
	}
}

static const char *cpus_text(u64 cpus)
{
	static char text[40];

	if (cpus == ~0ULL)
		return "all of them";
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)cpus);
	return text;
}

static bool leads_to(const struct spec_mon_event *e, u64 addr)
{
	bool write = e->kind == SPEC_MON_STORE || e->kind == SPEC_MON_EXCHANGE ||
		     e->kind == SPEC_MON_COMPARE;

	return write && addr && ((e->old & 0x000ffffffffff000ULL) == addr ||
				 (e->new & 0x000ffffffffff000ULL) == addr);
}

/* Whether an event has to do with what the verdict is about. */
static bool concerns(const struct spec_mon_event *e, const struct spec_mon_verdict *v)
{
	switch (e->kind) {
	case SPEC_MON_REGION_LOCK:
	case SPEC_MON_REGION_UNLOCK:
		return false;
	case SPEC_MON_OPERATION:
		return v->va == SPEC_MON_ANY || (e->start <= v->va && v->va < e->end);
	case SPEC_MON_SHOOT_BEGIN:
	case SPEC_MON_INVALIDATE:
	case SPEC_MON_ACK:
	case SPEC_MON_SHOOT_END:
		return true;
	case SPEC_MON_STORE:
	case SPEC_MON_EXCHANGE:
	case SPEC_MON_COMPARE:
		if (leads_to(e, v->frame) || leads_to(e, v->table))
			return true;
		return v->table && e->table == v->table && e->index == v->index;
	case SPEC_MON_FRAME_DEFER:
	case SPEC_MON_FRAME_FREE:
		return v->frame && e->frame == v->frame;
	default:
		return v->table && e->table == v->table;
	}
}

static void print_history(const struct record *last, const struct spec_mon_verdict *v)
{
	const struct record *r, *first = last;
	unsigned int shown = 0;
	u64 omitted = 0;

	for (r = last - 1; r >= records; r--) {
		if (r->id != last->id || !concerns(&r->event, v))
			continue;
		if (shown < HISTORY) {
			shown++;
			first = r;
		} else {
			omitted++;
		}
	}
	printf("  what came before");
	if (omitted)
		printf(", without the first %llu events", (unsigned long long)omitted);
	puts(":");
	for (r = first; r < last; r++) {
		if (r->id == last->id && concerns(&r->event, v))
			printf("    %llu: %s\n", (unsigned long long)r->line,
			       r->text + strspn(r->text, " "));
	}
}

static void print_violation(const struct record *r, const struct region *region)
{
	const struct spec_mon_verdict *v = &region->mon.verdict;

	printf("%s:%llu: violation %d, %s\n", source, (unsigned long long)r->line, v->wrong,
	       spec_mon_wrong_name(v->wrong));
	printf("  %s (%s)\n", spec_mon_wrong_sentence(v->wrong), spec_mon_wrong_source(v->wrong));
	printf("  the event: %s\n", r->text + strspn(r->text, " "));
	if (v->table) {
		printf("  table %#llx, level %u: %s", (unsigned long long)v->table, v->level,
		       spec_mon_table_state_name(spec_mon_table_state(&region->mon, v->table)));
		printf("; its entry %u: %s\n", v->index,
		       spec_mon_entry_state_name(spec_mon_entry_state(&region->mon, v->table,
								      v->index)));
	}
	if (v->frame)
		printf("  frame %#llx\n", (unsigned long long)v->frame);
	if (v->va != SPEC_MON_ANY)
		printf("  address %#llx\n", (unsigned long long)v->va);
	if (v->cpus)
		printf("  CPUs that have not invalidated: %s\n", cpus_text(v->cpus));
	print_history(r, v);
}

/* Return: the program's exit status. */
static int judge(void)
{
	struct record *r;

	start_over();
	for (r = records; r < records + nrecords; r++) {
		struct region *region;

		if (r->event.kind == SPEC_MON_KINDS) {
			printf("%s:%llu: events are missing here; all is forgotten: %s\n", source,
			       (unsigned long long)r->line, r->text);
			start_over();
			continue;
		}
		region = region_of(r->id);
		/* A trace that begins in the middle is judged from the next lock on. */
		region->started |= r->event.kind == SPEC_MON_REGION_LOCK;
		if (!region->started) {
			region->early++;
			continue;
		}
		if (!spec_mon_step(&region->mon, &r->event)) {
			print_violation(r, region);
			return 1;
		}
		if (region->mon.lost) {
			fprintf(stderr, "%s:%llu: lost track\n", source,
				(unsigned long long)r->line);
			return 2;
		}
	}
	return 0;
}

static void print_counts(void)
{
	u64 count[SPEC_MON_KINDS] = { 0 }, early = 0, all = 0;
	struct record *r;
	unsigned int i;

	for (r = records; r < records + nrecords; r++) {
		if (r->event.kind < SPEC_MON_KINDS) {
			count[r->event.kind]++;
			all++;
		}
	}
	for (i = 0; i < nregions; i++)
		early += regions[i].early;
	printf("OK: %llu events of %llu regions", (unsigned long long)(all - early),
	       (unsigned long long)nregions);
	if (early)
		printf(", %llu more before a region was locked", (unsigned long long)early);
	if (foreign)
		printf(", %llu foreign lines", (unsigned long long)foreign);
	if (gaps)
		printf(", %llu gaps", (unsigned long long)gaps);
	puts("");
	for (i = 0; i < SPEC_MON_KINDS; i++) {
		if (count[i])
			printf("%8llu %s\n", (unsigned long long)count[i], trace_event_name(i));
	}
}

static void list(void)
{
	unsigned int i;

	for (i = 1; i <= SPEC_MON_LAST; i++)
		printf("%u %s\n", i, spec_mon_wrong_name(i));
}

/* For the documentation. */
static void table(void)
{
	unsigned int i;

	puts("| | violation | | source |\n|---|---|---|---|");
	for (i = 1; i <= SPEC_MON_LAST; i++)
		printf("| %u | %s | %s | %s |\n", i, spec_mon_wrong_name(i),
		       spec_mon_wrong_sentence(i), spec_mon_wrong_source(i));
}

static void explain(void)
{
	unsigned int i;

	puts("An entry\n"
	     "  clean     not present, and no CPU has anything cached of it\n"
	     "  present   what it holds is all that a CPU can have cached\n"
	     "  stale     present, and CPUs may use what it held before\n"
	     "  dropped   not present, and CPUs may use what it held before\n"
	     "  unseen    the trace has not shown what it holds\n"
	     "becomes stale when it gets another frame, loses rights, or may newly be\n"
	     "executed; dropped when it becomes 0; present or clean again when a shootdown\n"
	     "that began afterwards and has an address in its page ends.  What led to a\n"
	     "table is covered by any shootdown.\n\n"
	     "A table\n"
	     "  reserved     in the reserve, all zero\n"
	     "  taken        out of it, written by its owner only\n"
	     "  linked       walks reach it\n"
	     "  unlinked     no entry leads to it, but CPUs may have cached one that did\n"
	     "  invalidated  no CPU has; it can be freed, and is reserved or unknown then\n"
	     "  unknown      the trace has not shown; linked as soon as it is written\n\n"
	     "A frame is mapped by a number of leaves, and dropped by those of them that\n"
	     "are stale or dropped; it can be freed when both are 0.\n\n"
	     "Violations");
	for (i = 1; i <= SPEC_MON_LAST; i++)
		printf("%4u  %s (%s)\n      %s\n", i, spec_mon_wrong_name(i),
		       spec_mon_wrong_source(i), spec_mon_wrong_sentence(i));
}

static int usage(FILE *out, int status)
{
	fputs("Usage: vpt-trace-check [--quiet] [FILE]\n\n"
	      "Checks a recorded trace of vpt's events (stdin without FILE) against the\n"
	      "protocol monitor: as /sys/kernel/tracing/trace has it, or trace-cmd report, or\n"
	      "perf script. Lines without an event of vpt's are skipped.\n\n"
	      "  --quiet    say nothing if all is well\n"
	      "  --explain  print the automaton's states and the violations\n"
	      "  --list     print the violations' numbers and names\n"
	      "  --table    print the violations as a Markdown table\n\n"
	      "Exit status: 0 all is well; 1 a violation; 2 a malformed trace, one without any\n"
	      "event of vpt's, or another error.\n", out);
	return status;
}

int main(int argc, char **argv)
{
	bool quiet = false;
	FILE *in = stdin;
	int i, status;

	source = "stdin";
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--explain"))
			return explain(), 0;
		if (!strcmp(argv[i], "--list"))
			return list(), 0;
		if (!strcmp(argv[i], "--table"))
			return table(), 0;
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return usage(stdout, 0);
		if (!strcmp(argv[i], "--quiet")) {
			quiet = true;
			continue;
		}
		if (argv[i][0] == '-' || in != stdin)
			return usage(stderr, 2);
		source = argv[i];
		in = fopen(source, "r");
		if (!in)
			return perror(source), 2;
	}
	if (!read_trace(in))
		return 2;
	if (!nregions) {
		fprintf(stderr, "%s: no event of vpt's in it\n", source);
		return 2;
	}
	status = judge();
	if (!status && !quiet)
		print_counts();
	return status;
}
