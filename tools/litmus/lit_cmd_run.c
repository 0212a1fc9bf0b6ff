// SPDX-License-Identifier: GPL-2.0
/* vpt-litmus run: tests on this machine. */
#include "lit_machine.h"
#include "lit_model.h"
#include "lit_tool.h"

#include <getopt.h>
#include <sys/random.h>
#include <signal.h>
#include <sys/wait.h>

#define LIT_INSTANCES	100000U

static int usage(FILE *out)
{
	fputs("usage: vpt-litmus run [OPTION...] [TEST...]\n"
	      "\n"
	      "  -n N            rounds of each test (default 10000)\n"
	      "  --seconds S     rounds of one test for at most so long (a round that has begun is\n"
	      "                  finished; what the model needs before is not counted)\n"
	      "  --seed N        of delays and placement (default: drawn, and printed)\n"
	      "  --affinity C,.. CPU of each thread (default: all CPUs, in changing order)\n"
	      "  --allowed FILE  what the model allows, from model --save FILE (default:\n"
	      "                  ask the model, which takes a moment)\n"
	      "  --shard I/N     every N-th test, from the I-th on\n"
	      "  --folder DIR    the catalogue (default tests/litmus/catalogue)\n"
	      "  --size S        tests between two meetings of the threads (default 100), of\n"
	      "                  those without pages and calls\n"
	      "  --stride D      and the distance of such that follow each other (default 1)\n"
	      "  --interpret     do step by step what is compiled to machine code otherwise\n"
	      "  --barrier KIND  user (default): threads begin when they see that all are\n"
	      "                  ready, or a random while later; timebase: all at one count\n"
	      "                  of the time-stamp counter\n"
	      "  --progress      a line on stderr that tells how far it is\n"
	      "  --tap, --rows   print TAP; or rows for the summary\n"
	      "\n"
	      "Exits 1 if the machine shows what the model does not allow.\n", out);
	return out == stderr ? 2 : 0;
}

static bool take_affinity(struct lit_options *o, const char *list)
{
	char *end;

	for (;; list = end + 1) {
		unsigned long cpu = strtoul(list, &end, 10);

		if (end == list || o->ncpus == LIT_CPUS || cpu >= cpus())
			return false;
		o->cpu[o->ncpus++] = (unsigned int)cpu;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
	}
}

static bool take_number(const char *option, u64 *to)
{
	unsigned long long n;

	if (!lit_take_count(optarg, &n)) {
		fprintf(stderr, "%s takes a number, from 1 on, not %s\n", option, optarg);
		return false;
	}
	*to = n;
	return true;
}

/* Of instances of a test between two meetings: how many, how far from each other. */
static bool take_instances(const char *option, u64 *to)
{
	if (!take_number(option, to))
		return false;
	if (*to > LIT_INSTANCES)
		fprintf(stderr, "%s is at most %u, not %s\n", option, LIT_INSTANCES, optarg);
	return *to <= LIT_INSTANCES;
}

static bool take_option(struct lit_options *o, int c)
{
	switch (c) {
	case 'n':
		return take_number("-n", &o->rounds);
	case 'T':
		return take_number("--seconds", &o->seconds);
	case 's':
		return take_number("--seed", &o->seed);
	case 'a':
		if (take_affinity(o, optarg))
			return true;
		fprintf(stderr, "--affinity takes numbers of CPUs (0 to %u) with commas between them, not %s\n",
			cpus() - 1, optarg);
		return false;
	case 'm':
		o->allowed = optarg;
		return true;
	case 'i':
		o->shard = optarg;
		return true;
	case 'd':
		o->folder = optarg;
		return true;
	case 'p':
		o->progress = true;
		return true;
	case 'S':
		return take_instances("--size", &o->size);
	case 'D':
		return take_instances("--stride", &o->stride);
	case 'I':
		o->interpret = true;
		return true;
	case 'b':
		o->timebase = !strcmp(optarg, "timebase");
		if (o->timebase || !strcmp(optarg, "user"))
			return true;
		fprintf(stderr, "--barrier is user or timebase, not %s\n", optarg);
		return false;
	case 't':
		o->tap = true;
		return true;
	case 'r':
		o->rows = true;
		return true;
	default:
		return false;
	}
}

static bool take_options(int argc, char **argv, struct lit_options *o)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 'T' },
		{ "seed", required_argument, NULL, 's' },
		{ "affinity", required_argument, NULL, 'a' },
		{ "allowed", required_argument, NULL, 'm' },
		{ "shard", required_argument, NULL, 'i' },
		{ "folder", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 'S' },
		{ "stride", required_argument, NULL, 'D' },
		{ "interpret", no_argument, NULL, 'I' },
		{ "barrier", required_argument, NULL, 'b' },
		{ "progress", no_argument, NULL, 'p' },
		{ "tap", no_argument, NULL, 't' },
		{ "rows", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct lit_options){ .folder = "tests/litmus/catalogue", .rounds = 10000, .size = 100,
				   .stride = 1 };
	while ((c = getopt_long(argc, argv, "n:", options, NULL)) != -1) {
		if (c == 'h')
			exit(usage(stdout));
		if (!take_option(o, c))
			return false;
	}
	while (!o->seed)
		o->seed = getrandom(&o->seed, 4, 0) == 4 ? o->seed : 1;
	return true;
}

static bool is_digest_of(const struct lit_test *test, const char *text)
{
	return text && strtoull(text + 1, NULL, 16) == test->digest;
}

/* Rows "test NAME ... DIGEST" and "allowed NAME . HEX ..." of what model --save wrote. */
static void read_allowed(const char *path, const struct lit_test *test,
			 struct lit_allowed *allowed)
{
	FILE *file = fopen(path, "r");
	char line[4096], *name, *hex;
	unsigned int i, byte;
	bool same = false;

	if (!file) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "test\t", 5))
			same = is_digest_of(test, strrchr(line, '\t'));
		if (!same || strncmp(line, "allowed\t", 8))
			continue;
		name = strtok(line + 8, "\t");
		strtok(NULL, "\t");
		hex = strtok(NULL, "\t");
		if (!name || !hex || strcmp(name, test->name) ||
		    strlen(hex) != 2 * test->nobs || allowed->n == LIT_OUTCOMES)
			continue;
		for (i = 0; i < test->nobs; i++) {
			sscanf(hex + 2 * i, "%2x", &byte);
			allowed->outcome[allowed->n].v[i] = (unsigned char)byte;
		}
		allowed->n++;
		allowed->known = true;
	}
	fclose(file);
}

static void ask_model(const struct lit_test *test, bool progress, struct lit_allowed *allowed)
{
	struct lit_bounds bounds = lit_default_bounds();
	static struct lit_result result;

	bounds.progress = progress;
	lit_explore(test, MMU_CORRECT, -1, &bounds, NULL, &result);
	allowed->known = result.complete && (!result.violation[0] || !result.noutcomes);
	allowed->endless = result.endless;
	allowed->n = result.noutcomes;
	memcpy(allowed->outcome, result.outcome, sizeof(allowed->outcome));
}

/* In a process of its own: no test finds what another one left. */
static void run_one(const struct lit_test *test, const struct lit_options *o,
		    const struct lit_allowed *allowed, struct lit_histogram *h)
{
	int status;
	pid_t pid;

	memset(h, 0, sizeof(*h));
	/* Its threads would wait for each other, round after round. */
	if (allowed->endless || (allowed->known && !allowed->n)) {
		snprintf(h->error, sizeof(h->error), "there is %s; not run", allowed->endless ?
			 "an execution in which a thread does not end" :
			 "no execution in which all threads end");
		return;
	}
	if (test->model_only) {
		snprintf(h->skipped, sizeof(h->skipped), "%s", test->model_only);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		lit_arena_run(test, o, h);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		snprintf(h->error, sizeof(h->error), "%s", strerror(errno));
	else if (WIFSIGNALED(status))
		snprintf(h->error, sizeof(h->error), "%s after %llu rounds",
			 WTERMSIG(status) == SIGALRM ? "stuck" : strsignal(WTERMSIG(status)),
			 (unsigned long long)h->rounds);
	if (!strcmp(h->error, LIT_NO_FRAME))
		snprintf(h->skipped, sizeof(h->skipped), "%s", h->error);
}

/* What the machine cannot do is no test of it, nor one that was skipped. */
static void drop_model_only(struct lit_list *list)
{
	unsigned int i, kept = 0;

	for (i = 0; i < list->n; i++) {
		if (!list->test[i]->model_only)
			list->test[kept++] = list->test[i];
	}
	list->n = kept;
}

int lit_cmd_run(int argc, char **argv)
{
	static struct lit_allowed allowed;
	struct lit_options options;
	struct lit_histogram *h;
	struct lit_list list;
	unsigned int i;
	bool all, ok = true;

	if (!take_options(argc, argv, &options)) {
		fputs("vpt-litmus run --help lists the options\n", stderr);
		return 2;
	}
	all = lit_load(&list, options.folder, argv + optind, argc - optind);
	if (options.shard && !lit_take_shard(&list, options.shard))
		return 2;
	h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h == MAP_FAILED)
		return 2;
	mmu_model_init();
	if (options.tap)
		drop_model_only(&list);
	if (options.tap)
		printf("1..%u\n", list.n);
	if (!options.rows)
		printf("# seed %llu\n", (unsigned long long)options.seed);
	for (i = 0; i < list.n; i++) {
		memset(&allowed, 0, sizeof(allowed));
		if (options.allowed)
			read_allowed(options.allowed, list.test[i], &allowed);
		else
			ask_model(list.test[i], options.progress, &allowed);
		run_one(list.test[i], &options, &allowed, h);
		ok &= lit_report(list.test[i], &options, h, &allowed, i + 1);
	}
	return all ? !ok : 2;
}
