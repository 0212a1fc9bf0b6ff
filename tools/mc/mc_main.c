// SPDX-License-Identifier: GPL-2.0
/* The command line. */
#include <stdlib.h>

#include "mc.h"

static void mc_usage(FILE *out)
{
	fputs("usage: mc check [-j N]	the quick suite, as TAP\n"
	      "       mc model [-j N]	all configurations, completely, and a report\n"
	      "       mc list		names of configurations and of deliberate faults\n"
	      "       mc run [--explicit | --simple] [--broken FAULT] [--limit STATES]\n"
	      "	      [--json FILE] NAME\n"
	      "			one configuration; the shortest trace of a violation; --json:\n"
	      "			that trace into FILE, for tools/trace-page\n",
	      out);
}

static unsigned int mc_at_once(int argc, char **argv)
{
	int n = 1;

	if (argc == 4 && !strcmp(argv[2], "-j"))
		n = atoi(argv[3]);
	return n > 0 ? (unsigned int)n : 1;
}

static int mc_list(void)
{
	unsigned int i;

	for (i = 0; i < mc_nconfigs; i++)
		printf("%s\n", mc_configs[i].name);
	mc_broken_list(stdout);
	return 0;
}

/* Fill in @job from the options, and *@json.  Return false if one is not understood. */
static bool mc_options(int argc, char **argv, struct mc_job *job, const char **json)
{
	int i;

	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--explicit")) {
			job->mode = MC_EXPLICIT;
		} else if (!strcmp(argv[i], "--simple")) {
			job->mode = MC_SIMPLE;
		} else if (!strcmp(argv[i], "--broken") && i + 1 < argc) {
			job->broken = mc_broken_find(argv[++i]);
			if (job->broken == MMU_BROKEN_KINDS)
				return false;
		} else if (!strcmp(argv[i], "--limit") && i + 1 < argc) {
			job->limit = strtoull(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--json") && i + 1 < argc) {
			*json = argv[++i];
		} else if (!job->config) {
			job->config = mc_config_find(argv[i]);
			if (!job->config)
				return false;
			if (job->config->explicit && job->mode == MC_MONOTONE)
				job->mode = MC_EXPLICIT;
		} else {
			return false;
		}
	}
	return job->config;
}

static int mc_run(int argc, char **argv)
{
	struct mc_job job = { .progress = true };
	const struct mc_result *r = &job.result;
	const char *json = NULL;
	FILE *trace = stdout;

	if (!mc_options(argc, argv, &job, &json)) {
		mc_usage(stderr);
		return 2;
	}
	mc_trace_json = json;
	if (json)
		trace = fopen(json, "w");
	if (!trace) {
		perror(json);
		return 2;
	}
	mc_job_do(&job, trace);
	if (json && fclose(trace)) {
		perror(json);
		return 2;
	}
	printf("%s: %s, %llu states, %llu transitions, depth %u, %llu ends, %.1f s, %.2f M states/s, %llu MiB, %u nodes\n",
	       job.config->name, r->violation[0] ? "VIOLATION" :
	       r->complete ? "complete" : "not complete",
	       (unsigned long long)r->states, (unsigned long long)r->transitions, r->depth,
	       (unsigned long long)r->finished, r->seconds,
	       (double)r->states / r->seconds / 1e6, (unsigned long long)r->bytes >> 20,
	       mc_core_nodes());
	return r->violation[0] ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	mmu_model_init();
	mc_configs_init();
	if (!strcmp(command, "check"))
		return mc_suite_check(mc_at_once(argc, argv));
	if (!strcmp(command, "model"))
		return mc_suite_model(mc_at_once(argc, argv));
	if (!strcmp(command, "list"))
		return mc_list();
	if (!strcmp(command, "run"))
		return mc_run(argc, argv);
	mc_usage(!strcmp(command, "--help") ? stdout : stderr);
	return strcmp(command, "--help") ? 2 : 0;
}
