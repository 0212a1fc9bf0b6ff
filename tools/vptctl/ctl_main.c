// SPDX-License-Identifier: GPL-2.0
/* vptctl: the command line. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static const char ctl_usage_text[] =
	"Usage: vptctl [OPTION...] COMMAND\n"
	"\n"
	"Shows the regions of vpt, of every process, and their page tables as they stand.\n"
	"Needs root, and debugfs (mount -t debugfs debugfs /sys/kernel/debug).\n"
	"\n"
	"  list                 each open file: whose, where, how much is mapped, counters\n"
	"  dump [START END]     its tables, as ptdump prints them\n"
	"  walk ADDR            what the MMU reads for one address, bit by bit\n"
	"  map --svg | --html   a picture of its tables\n"
	"  follow               changes as they happen, until interrupted\n"
	"  check                run the specification's invariants; status 1 if one is broken\n"
	"  set check=MODE       check each operation from now on: off, op, full\n"
	"\n"
	"  -i, --id ID          only the open file with that number (see list)\n"
	"  -p, --pid PID        only those of that process\n"
	"  -j, --json           list, dump, walk, check, follow: for a program\n"
	"  -e, --entries        dump: each entry on a line, with its value\n"
	"  -o, --output FILE    map: write there, not to stdout\n"
	"  -t, --tables N       map: draw at most N tables (default 64)\n"
	"      --svg, --html    map: a picture; a page that decodes what is clicked at\n"
	"      --from DIR       read regions, tables and check from copies in this folder\n"
	"  -h, --help           this text\n"
	"\n"
	"Addresses are hexadecimal. Exit status: 0; 1 check found a broken invariant, or the\n"
	"address is in no region; 2 it could not be done.\n";

static const struct option ctl_options[] = {
	{ "id", required_argument, NULL, 'i' },
	{ "pid", required_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "entries", no_argument, NULL, 'e' },
	{ "output", required_argument, NULL, 'o' },
	{ "tables", required_argument, NULL, 't' },
	{ "svg", no_argument, NULL, 's' },
	{ "html", no_argument, NULL, 'w' },
	{ "from", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	const char *name;
	int (*run)(const struct ctl_ask *ask);
	int min, max;		/* arguments */
} ctl_commands[] = {
	{ "list", ctl_list, 0, 0 },
	{ "dump", ctl_dump, 0, 2 },
	{ "walk", ctl_walk, 1, 1 },
	{ "map", ctl_map, 0, 0 },
	{ "follow", ctl_follow, 0, 0 },
	{ "check", ctl_check, 0, 0 },
	{ "set", ctl_set, 1, 1 },
};

static void ctl_option(struct ctl_ask *ask, int c)
{
	switch (c) {
	case 'i':
		ask->id = ctl_number(optarg, "--id");
		break;
	case 'p':
		ask->pid = ctl_number(optarg, "--pid");
		break;
	case 't':
		ask->tables = (unsigned int)ctl_number(optarg, "--tables");
		break;
	case 'j':
		ask->json = true;
		break;
	case 'e':
		ask->entries = true;
		break;
	case 'o':
		ask->out = optarg;
		break;
	case 's':
	case 'w':
		ask->html = c == 'w';
		break;
	case 'f':
		ask->dir = optarg;
		break;
	case 'h':
		fputs(ctl_usage_text, stdout);
		exit(0);
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct ctl_ask ask = { .dir = CTL_DIR, .tables = 64 };
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "i:p:jeo:t:h", ctl_options, NULL)) != -1)
		ctl_option(&ask, c);
	if (optind == argc) {
		fputs(ctl_usage_text, stderr);
		return 2;
	}
	ask.command = argv[optind];
	ask.arg = argv + optind + 1;
	ask.nargs = argc - optind - 1;
	for (i = 0; i < sizeof(ctl_commands) / sizeof(ctl_commands[0]); i++) {
		if (strcmp(ask.command, ctl_commands[i].name))
			continue;
		if (ask.nargs < ctl_commands[i].min || ask.nargs > ctl_commands[i].max)
			ctl_die("%s takes other arguments; see --help", ask.command);
		return ctl_commands[i].run(&ask);
	}
	ctl_die("there is no command %s; see --help", ask.command);
}
