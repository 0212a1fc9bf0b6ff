// SPDX-License-Identifier: GPL-2.0
/*
 * vptctl follow: the tracepoints of the system vpt, as they come (spec/MONITOR.md).
 *
 * In an instance of its own, so that whoever else traces is not disturbed.
 */
#define _GNU_SOURCE	/* ppoll */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

/* Each whole line of what came; the start of another stays in @text.  Its length. */
static size_t ctl_follow_lines(const struct ctl_ask *ask, char *text, size_t n)
{
	char *end, *line = text;

	while ((end = memchr(line, '\n', text + n - line))) {
		const char next = end[1];

		end[1] = 0;
		ctl_follow_line(ask, line);
		end[1] = next;
		line = end + 1;
	}
	n -= line - text;
	memmove(text, line, n);
	return n;
}

/*
 * Signals arrive while it waits and at no other time: none comes between a look at
 * ctl_over and the wait, after which nothing would end before the next event.
 */
static void ctl_follow_pipe(const struct ctl_ask *ask, int fd, const sigset_t *waiting)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };
	char text[CTL_LINE];
	size_t n = 0;
	ssize_t got;

	while (ppoll(&poll, 1, NULL, waiting) >= 0 && !ctl_over && !ferror(stdout)) {
		got = read(fd, text + n, sizeof(text) - 1 - n);
		if (got < 0 && errno != EAGAIN)
			return;
		n = ctl_follow_lines(ask, text, n + (got > 0 ? got : 0));
		/* No event is as long. */
		if (n == sizeof(text) - 1)
			n = 0;
	}
}

int ctl_follow(const struct ctl_ask *ask)
{
	const struct sigaction end = { .sa_handler = ctl_end };
	static const int signals[] = { SIGINT, SIGTERM, SIGPIPE };
	sigset_t blocked, before;
	char path[128];
	unsigned int i;
	int fd;

	if (ask->pid)
		ctl_die("follow takes --id, not --pid");
	sigemptyset(&blocked);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &end, NULL);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &before);
	ctl_follow_begin(ask);
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof(path), "%s/trace_pipe", ctl_instance);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0) {
		ctl_follow_pipe(ask, fd, &before);
		close(fd);
	}
	ctl_put("events/vpt/enable", "0");
	if (rmdir(ctl_instance))
		ctl_die("%s: %s", ctl_instance, strerror(errno));
	return 0;
}
