// SPDX-License-Identifier: GPL-2.0
/* vpt-litmus: the command line. */
#include <string.h>

#include "lit_model.h"
#include "lit_tool.h"

int lit_usage(FILE *out)
{
	fputs("usage: vpt-litmus model [--broken STEP] [--trace] [--json FILE] [--explicit]\n"
	      "			 [--save FILE] [TEST...]\n"
	      "	every outcome, and the verdict; --broken: without a step of the protocol,\n"
	      "	with the way to what is forbidden; --trace: the way to what is interesting;\n"
	      "	--json: the way into FILE, for tools/trace-page, which makes a page of it;\n"
	      "	--save: verdicts and outcomes into FILE, for run --allowed;\n"
	      "	--explicit: walks in registers, caches that forget (slower, the same);\n"
	      "	--limit N: give up after N states (default 20000000); --memory MIB: or with\n"
	      "	so much memory in use (default: half of what there is); --progress: how far\n"
	      "	it is, how long it can take (by itself where stderr is a terminal and stdout is none)\n"
	      "       vpt-litmus check [TEST...]\n"
	      "	verdicts of tests and their controls, as TAP\n"
	      "       vpt-litmus run [OPTION...] [TEST...]\n"
	      "	on this machine, through /dev/vpt; run --help lists the options\n"
	      "       vpt-litmus broken\n"
	      "	the steps of the protocol that can be left out\n"
	      "\n"
	      "TEST is a file (NAME.litmus, or with a / in it) or a folder (likewise); or, of the catalogue (--folder DIR, default\n"
	      "tests/litmus/catalogue), a name, a pattern as of the shell, or @GROUP. Default: all of it.\n"
	      "--shard I/N takes every N-th test, from the I-th on.\n"
	      "\n"
	      "Exit status: 0 all verdicts are Ok; 1 some are not; 2 a test or an option is not\n"
	      "understood (the other tests are run all the same).\n", out);
	return out == stderr ? 2 : 0;
}

static int lit_command(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "model"))
		return lit_cmd_model(argc - 1, argv + 1);
	if (!strcmp(command, "check"))
		return lit_cmd_check(argc - 1, argv + 1);
	if (!strcmp(command, "run"))
		return lit_cmd_run(argc - 1, argv + 1);
	if (!strcmp(command, "broken")) {
		lit_broken_list(stdout);
		return 0;
	}
	if (!strcmp(command, "--help") || !strcmp(command, "-h") || !strcmp(command, "help"))
		return lit_usage(stdout);
	if (*command)
		fprintf(stderr, "vpt-litmus has no command %s\n", command);
	return lit_usage(stderr);
}

int main(int argc, char **argv)
{
	int status = lit_command(argc, argv);

	/* A log that is cut off would be taken for a whole one. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("vpt-litmus: standard output");
		return 2;
	}
	return status;
}
