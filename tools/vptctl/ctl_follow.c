// SPDX-License-Identifier: GPL-2.0
/*
 * vptctl follow: the tracepoints of the system vpt, as they come (spec/MONITOR.md).
 *
 * In an instance of its own, so that whoever else traces is not disturbed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

#define CTL_TRACING	"/sys/kernel/tracing/instances"

static char ctl_instance[96];
static volatile sig_atomic_t ctl_over;

static void ctl_end(int sig)
{
	(void)sig;
	ctl_over = 1;
}

static void ctl_put(const char *file, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ctl_instance, file);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f)) {
		fprintf(stderr, "vptctl: %s: %s\n", path, strerror(errno));
		rmdir(ctl_instance);
		exit(2);
	}
}

/* "  comm-123  [000] d..1.  12.345: vpt_store: id=1 ...": the event and what it says. */
static char *ctl_event(char *text, char **event)
{
	char *at = strstr(text, ": vpt_"), *colon;

	if (!at)
		return NULL;
	*event = at + 2;
	colon = strchr(*event, ':');
	if (!colon)
		return NULL;
	*colon = 0;
	return colon + 1;
}

static void ctl_follow_line(const struct ctl_ask *ask, char *text)
{
	struct ctl_line line;
	char *event, *rest;

	if (!ask->json) {
		fputs(text, stdout);
		return;
	}
	rest = ctl_event(text, &event);
	if (!rest)
		return;
	ctl_split(&line, rest);
	fputs("{\"event\": ", stdout);
	ctl_json_string(stdout, event);
	fputs(", \"is\": ", stdout);
	ctl_json_line(stdout, &line);
	puts("}");
}

static void ctl_follow_begin(const struct ctl_ask *ask)
{
	char filter[40];

	snprintf(ctl_instance, sizeof(ctl_instance), CTL_TRACING "/vptctl-%d", getpid());
	if (mkdir(ctl_instance, 0700))
		ctl_die("%s: %s (mount -t tracefs tracefs /sys/kernel/tracing)", ctl_instance,
			strerror(errno));
	/* One order for the events of all CPUs. */
	ctl_put("trace_clock", "counter");
	snprintf(filter, sizeof(filter), "id == %llu", (unsigned long long)ask->id);
	if (ask->id)
		ctl_put("events/vpt/filter", filter);
	ctl_put("events/vpt/enable", "1");
}

int ctl_follow(const struct ctl_ask *ask)
{
	const struct sigaction end = { .sa_handler = ctl_end };
	char path[128], text[CTL_LINE];
	FILE *f;

	if (ask->pid)
		ctl_die("follow takes --id, not --pid");
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &end, NULL);
	ctl_follow_begin(ask);
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof(path), "%s/trace_pipe", ctl_instance);
	f = fopen(path, "r");
	while (f && !ctl_over && fgets(text, sizeof(text), f)) {
		ctl_follow_line(ask, text);
		if (ferror(stdout))
			break;
	}
	if (f)
		fclose(f);
	ctl_put("events/vpt/enable", "0");
	if (rmdir(ctl_instance))
		ctl_die("%s: %s", ctl_instance, strerror(errno));
	return 0;
}
