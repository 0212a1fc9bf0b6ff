// SPDX-License-Identifier: GPL-2.0
/* The options of the commands model and check. */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "lit_ask.h"

static const struct option lit_options[] = {
	{ "broken", required_argument, NULL, 'b' },
	{ "explicit", no_argument, NULL, 'e' },
	{ "folder", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", required_argument, NULL, 'j' },
	{ "limit", required_argument, NULL, 'l' },
	{ "memory", required_argument, NULL, 'm' },
	{ "progress", no_argument, NULL, 'p' },
	{ "save", required_argument, NULL, 's' },
	{ "shard", required_argument, NULL, 'i' },
	{ "trace", no_argument, NULL, 't' },
	{ NULL, 0, NULL, 0 },
};

/* --broken, and with the names if there is none of that kind. */
static bool lit_take_broken(struct lit_ask *ask)
{
	ask->broken = lit_broken_find(optarg);
	if (ask->broken != MMU_BROKEN_KINDS)
		return true;
	fprintf(stderr, "no protocol step is called %s:\n", optarg);
	lit_broken_list(stderr);
	return false;
}

static bool lit_take_bound(const char *option, unsigned int shift, u64 *bound)
{
	unsigned long long n;

	if (!lit_take_count(optarg, &n) || n << shift >> shift != n) {
		fprintf(stderr, "--%s takes a number, from 1 on, not %s\n", option, optarg);
		return false;
	}
	*bound = n << shift;
	return true;
}

static bool lit_take_option(struct lit_ask *ask, int c)
{
	switch (c) {
	case 'b':
		return lit_take_broken(ask);
	case 'd':
		ask->folder = optarg;
		return true;
	case 'e':
		lit_explicit = true;
		return true;
	case 'i':
		ask->shard = optarg;
		return true;
	case 'j':
		ask->json = optarg;
		return true;
	case 'l':
		return lit_take_bound("limit", 0, &ask->bounds.states);
	case 'm':
		return lit_take_bound("memory", 20, &ask->bounds.bytes);
	case 'p':
		ask->bounds.progress = true;
		return true;
	case 's':
		ask->save = optarg;
		return true;
	case 't':
		ask->trace = true;
		return true;
	case 'h':
		exit(lit_usage(stdout));
	default:
		fputs("vpt-litmus --help lists the options\n", stderr);
		return false;
	}
}

bool lit_ask_model(int argc, char **argv, bool check, struct lit_ask *ask)
{
	int c, at;

	*ask = (struct lit_ask){ .folder = "tests/litmus/catalogue", .bounds = lit_default_bounds() };
	ask->bounds.progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
	while ((c = getopt_long(argc, argv, "", lit_options, &at)) != -1) {
		if (check && (c == 'b' || c == 'e' || c == 'j' || c == 's' || c == 't')) {
			fprintf(stderr, "check takes no --%s; model does\n",
				lit_options[at].name);
			return false;
		}
		if (!lit_take_option(ask, c))
			return false;
	}
	return true;
}
