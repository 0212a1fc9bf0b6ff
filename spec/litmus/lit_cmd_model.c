// SPDX-License-Identifier: GPL-2.0
/* vpt-litmus model and vpt-litmus check: verdicts of the model. */
#include <getopt.h>
#include <stdlib.h>

#include "lit_json.h"
#include "lit_model.h"
#include "lit_tool.h"

#define LIT_LIMIT	20000000
#define LIT_SMALL	400000	/* explored in explicit mode, too, by check */

/* What the command line asks for. */
struct lit_ask {
	const char *folder;
	const char *save;
	const char *shard;
	const char *json;
	FILE *way;
	bool trace;
	enum mmu_broken broken;
	u64 limit;
};

static const char *const lit_sorts[] = { "forbidden", "allowed", "interesting" };

static unsigned int lit_count(const struct lit_test *test, const struct lit_cond *cond,
			      const struct lit_result *r)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->noutcomes; i++)
		n += lit_holds(test, cond, &r->outcome[i]);
	return n;
}

enum lit_verdict {
	LIT_V_OK,
	LIT_V_NO,		/* something is not as the test says */
	LIT_V_BOUND,		/* not known: the model is too small, or was given up */
};

static const char *const lit_verdicts[] = { "Ok", "No", "Bound" };

static void lit_vsay(char *why, size_t size, const char *what, const struct lit_cond *cond)
{
	snprintf(why, size, "%s %.200s", what, cond->text);
}

/* Number of the first condition of @sort that some outcome meets (@met), or none; or -1. */
static int lit_first_cond(const struct lit_test *test, const struct lit_result *r,
			  enum lit_sort sort, bool met)
{
	unsigned int i;

	for (i = 0; i < test->nconds; i++) {
		if (test->cond[i].sort == sort && !lit_count(test, &test->cond[i], r) == !met)
			return (int)i;
	}
	return -1;
}

/*
 * Whether all is as the test says: nothing forbidden, what is allowed is reached.
 * Otherwise *@why says what is not, the worst first: what has been reached has been
 * reached, however small the model is; what has not may lie beyond its bounds.
 */
static enum lit_verdict lit_verdict(const struct lit_test *test, const struct lit_result *r,
				    char *why, size_t size)
{
	int cond = lit_first_cond(test, r, LIT_FORBIDDEN, true);

	why[0] = 0;
	if (cond >= 0) {
		lit_vsay(why, size, "reached: forbidden", &test->cond[cond]);
		return LIT_V_NO;
	}
	if (r->violation[0] || !r->complete) {
		snprintf(why, size, "%s", r->violation[0] ? r->violation : "not complete");
		return !strncmp(why, "bound", 5) || !r->violation[0] ? LIT_V_BOUND : LIT_V_NO;
	}
	cond = lit_first_cond(test, r, LIT_ALLOWED, false);
	if (cond < 0 && test->stores)
		snprintf(why, size, "where at most %u stores of a thread wait", test->stores);
	if (cond < 0)
		return LIT_V_OK;
	lit_vsay(why, size, "not reached: allowed", &test->cond[cond]);
	return LIT_V_NO;
}

static int lit_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lit_outcome));
}

/* As herd prints it. */
static void lit_print_model(const struct lit_test *test, struct lit_result *r)
{
	char why[512];
	enum lit_verdict verdict = lit_verdict(test, r, why, sizeof(why));
	unsigned int i;

	printf("Test %s\n%s\nStates %u\n", test->name, test->doc, r->noutcomes);
	qsort(r->outcome, r->noutcomes, sizeof(r->outcome[0]), lit_compare);
	for (i = 0; i < r->noutcomes; i++) {
		lit_print_outcome(stdout, test, &r->outcome[i]);
		puts("");
	}
	for (i = 0; i < test->nconds; i++) {
		const struct lit_cond *cond = &test->cond[i];
		unsigned int n = lit_count(test, cond, r);

		printf("%s %s: ", lit_sorts[cond->sort], cond->text);
		printf("%u of %u\n", n, r->noutcomes);
	}
	printf("Verdict %s %s%s%s\n", test->name, lit_verdicts[verdict], why[0] ? ": " : "",
	       why);
	printf("Model %s %llu states, %llu transitions, depth %u, %.2f s\n\n", test->name,
	       (unsigned long long)r->states, (unsigned long long)r->transitions, r->depth,
	       r->seconds);
}

static void lit_save_outcome(FILE *out, const struct lit_test *test,
			     const struct lit_outcome *outcome)
{
	unsigned int i;

	for (i = 0; i < test->nobs; i++)
		fprintf(out, "%02x", outcome->v[i]);
	fputs("\t", out);
	lit_print_outcome(out, test, outcome);
	fputs("\n", out);
}

/* What run --allowed reads, and the summary. */
static void lit_save(FILE *out, const struct lit_test *test, const struct lit_result *r)
{
	char why[512];
	enum lit_verdict verdict = lit_verdict(test, r, why, sizeof(why));
	unsigned int i;

	fprintf(out, "test\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%016llx\n", test->name, test->path,
		test->rule, test->source, test->groups, test->axioms, test->doc, test->digest);
	for (i = 0; i < test->nconds; i++)
		fprintf(out, "cond\t%s\t%s\t%s\n", test->name,
			lit_sorts[test->cond[i].sort], test->cond[i].text);
	fprintf(out, "model\t%s\t%s\t%llu\t%.3f\t%s\n", test->name, lit_verdicts[verdict],
		(unsigned long long)r->states, r->seconds, why);
	/* A part of what is allowed is no measure of what a machine may do. */
	for (i = 0; i < r->noutcomes && r->complete && !r->violation[0]; i++) {
		bool bad = lit_meets(test, LIT_FORBIDDEN, &r->outcome[i]) >= 0;

		fprintf(out, "allowed\t%s\t%s\t", test->name, bad ? "forbidden" : "-");
		lit_save_outcome(out, test, &r->outcome[i]);
	}
}

/* A twin shows what is forbidden?  The outcome is @r's last. */
static bool lit_twin(const struct lit_test *test, const char *step, struct lit_result *r)
{
	enum mmu_broken broken = lit_broken_find(step);

	if (broken == MMU_BROKEN_KINDS) {
		*r = (struct lit_result){ .met = -1 };
		snprintf(r->violation, sizeof(r->violation), "no such step");
		return false;
	}
	lit_explore(test, broken, LIT_FORBIDDEN, LIT_LIMIT, NULL, r);
	return r->met >= 0;
}

static void lit_save_twins(FILE *out, const struct lit_test *test)
{
	static struct lit_result r;
	unsigned int i;

	for (i = 0; i < test->ntwins; i++) {
		bool shown = lit_twin(test, test->twin[i], &r);

		fprintf(out, "twin\t%s\t%s\t%s\t%u\t", test->name, test->twin[i],
			shown ? "shown" : "NOT shown", r.depth + 1);
		if (shown)
			lit_save_outcome(out, test, &r.outcome[r.noutcomes - 1]);
		else
			fprintf(out, "\t%s\n", r.violation);
	}
}

static void lit_way_end(const struct lit_test *test, const struct lit_ask *ask,
			const struct lit_result *r)
{
	const struct lit_cond *cond = &test->cond[r->met < 0 ? 0 : r->met];
	char how[LIT_TEXT + 40];

	snprintf(how, sizeof(how), "reached, %s: %s", lit_sorts[cond->sort], cond->text);
	lit_json_end(ask->way, r->met < 0 ? r->violation : how);
}

static int lit_broken_run(const struct lit_test *test, const struct lit_ask *ask)
{
	static struct lit_result r;

	printf("Test %s, broken: %s\n", test->name, lit_broken_text(ask->broken));
	lit_explore(test, ask->broken, LIT_FORBIDDEN, ask->limit, ask->way, &r);
	if (ask->json)
		lit_way_end(test, ask, &r);
	if (r.met >= 0) {
		fputs("     outcome: ", stdout);
		lit_print_outcome(stdout, test, &r.outcome[r.noutcomes - 1]);
		printf("\nVerdict %s Shown: %s (%llu states)\n\n", test->name,
		       test->cond[r.met].text, (unsigned long long)r.states);
		return 0;
	}
	printf("Verdict %s Not shown in %llu states%s%s\n\n", test->name,
	       (unsigned long long)r.states, r.violation[0] ? ": " : "", r.violation);
	return 1;
}

/* The way to each outcome that is interesting or forbidden, if there is one. */
static void lit_traces(const struct lit_test *test, const struct lit_ask *ask)
{
	static struct lit_result r;
	int sort;

	for (sort = LIT_FORBIDDEN; sort <= LIT_INTERESTING; sort++) {
		lit_explore(test, MMU_CORRECT, sort, ask->limit, ask->way, &r);
		if (r.met >= 0 && ask->json)
			lit_way_end(test, ask, &r);
		if (r.met >= 0)
			printf("     reached: %s %s\n\n", lit_sorts[sort],
			       test->cond[r.met].text);
	}
}

static int lit_model_one(const struct lit_test *test, const struct lit_ask *ask, FILE *save)
{
	static struct lit_result r;
	char why[512];

	if (ask->broken)
		return lit_broken_run(test, ask);
	if (ask->trace)
		lit_traces(test, ask);
	lit_explore(test, MMU_CORRECT, -1, ask->limit, NULL, &r);
	lit_print_model(test, &r);
	if (save) {
		lit_save(save, test, &r);
		lit_save_twins(save, test);
	}
	return lit_verdict(test, &r, why, sizeof(why)) != LIT_V_OK;
}

static bool lit_ask_model(int argc, char **argv, struct lit_ask *ask)
{
	static const struct option options[] = {
		{ "broken", required_argument, NULL, 'b' },
		{ "explicit", no_argument, NULL, 'e' },
		{ "folder", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", required_argument, NULL, 'j' },
		{ "limit", required_argument, NULL, 'l' },
		{ "save", required_argument, NULL, 's' },
		{ "shard", required_argument, NULL, 'i' },
		{ "trace", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'b') {
			ask->broken = lit_broken_find(optarg);
			if (ask->broken == MMU_BROKEN_KINDS) {
				fprintf(stderr, "no protocol step is called %s:\n", optarg);
				lit_broken_list(stderr);
				return false;
			}
		} else if (c == 'd') {
			ask->folder = optarg;
		} else if (c == 'l') {
			ask->limit = strtoull(optarg, NULL, 0);
		} else if (c == 's') {
			ask->save = optarg;
		} else if (c == 'j') {
			ask->json = optarg;
		} else if (c == 'i') {
			ask->shard = optarg;
		} else if (c == 't') {
			ask->trace = true;
		} else if (c == 'e') {
			lit_explicit = true;
		} else if (c == 'h') {
			exit(lit_usage(stdout));
		} else {
			lit_usage(stderr);
			return false;
		}
	}
	return true;
}

/* Where ways go to. */
static bool lit_way_open(struct lit_ask *ask)
{
	if (!ask->json)
		return true;
	if (!ask->broken && !ask->trace) {
		fputs("--json goes with --broken or --trace\n", stderr);
		return false;
	}
	lit_trace_json = true;
	ask->way = fopen(ask->json, "w");
	if (!ask->way)
		perror(ask->json);
	return ask->way;
}

int lit_cmd_model(int argc, char **argv)
{
	struct lit_ask ask = { .folder = "spec/litmus", .limit = LIT_LIMIT, .way = stdout };
	struct lit_list list;
	FILE *save = NULL;
	unsigned int i;
	bool all, bad = false;

	if (!lit_ask_model(argc, argv, &ask))
		return 2;
	all = lit_load(&list, ask.folder, argv + optind, argc - optind);
	if (ask.shard && !lit_take_shard(&list, ask.shard))
		return 2;
	if (ask.save) {
		save = fopen(ask.save, "w");
		if (!save) {
			perror(ask.save);
			return 2;
		}
	}
	if (!lit_way_open(&ask))
		return 2;
	mmu_model_init();
	for (i = 0; i < list.n; i++) {
		bad |= !!lit_model_one(list.test[i], &ask, save);
		fflush(stdout);
	}
	if (save && fclose(save)) {
		perror(ask.save);
		return 2;
	}
	if (ask.json && fclose(ask.way)) {
		perror(ask.json);
		return 2;
	}
	return all ? bad : 2;
}

/* TAP: each test's verdict, and each twin's. */

static void lit_check_twins(const struct lit_test *test, unsigned int *n, bool *bad)
{
	static struct lit_result r;
	unsigned int i;

	for (i = 0; i < test->ntwins; i++) {
		bool shown = lit_twin(test, test->twin[i], &r);

		*bad |= !shown;
		printf("%sok %u - %s without its step shows what is forbidden: %s (%llu states) ",
		       shown ? "" : "not ", ++*n, test->name, test->twin[i],
		       (unsigned long long)r.states);
		if (shown)
			lit_print_outcome(stdout, test, &r.outcome[r.noutcomes - 1]);
		puts("");
		fflush(stdout);
	}
}

/* Both modes of the hardware must show the same; where the larger one is small enough. */
static void lit_check_explicit(const struct lit_test *test, struct lit_result *r,
			       unsigned int *n, bool *bad)
{
	static struct lit_result e;
	bool same;

	lit_explicit = true;
	lit_explore(test, MMU_CORRECT, -1, LIT_SMALL, NULL, &e);
	lit_explicit = false;
	if (!e.complete && e.states >= LIT_SMALL)
		return;
	qsort(r->outcome, r->noutcomes, sizeof(r->outcome[0]), lit_compare);
	qsort(e.outcome, e.noutcomes, sizeof(e.outcome[0]), lit_compare);
	same = e.complete && e.noutcomes == r->noutcomes &&
	       !memcmp(e.outcome, r->outcome, e.noutcomes * sizeof(e.outcome[0]));
	*bad |= !same;
	printf("%sok %u - %s: explicit walks show the same %u outcomes (%llu states)\n",
	       same ? "" : "not ", ++*n, test->name, e.noutcomes,
	       (unsigned long long)e.states);
}

int lit_cmd_check(int argc, char **argv)
{
	struct lit_ask ask = { .folder = "spec/litmus", .limit = LIT_LIMIT };
	static struct lit_result r;
	struct lit_list list;
	unsigned int i, n = 0;
	bool all, bad = false;
	char why[512];

	if (!lit_ask_model(argc, argv, &ask))
		return 2;
	all = lit_load(&list, ask.folder, argv + optind, argc - optind);
	mmu_model_init();
	for (i = 0; i < list.n; i++) {
		const struct lit_test *test = list.test[i];
		bool ok;

		lit_explore(test, MMU_CORRECT, -1, ask.limit, NULL, &r);
		ok = lit_verdict(test, &r, why, sizeof(why)) == LIT_V_OK;
		bad |= !ok;
		printf("%sok %u - %s: %u outcomes (%llu states, %.2f s)\n", ok ? "" : "not ",
		       ++n, test->name, r.noutcomes, (unsigned long long)r.states, r.seconds);
		if (!ok)
			printf("# %s\n", why);
		lit_check_explicit(test, &r, &n, &bad);
		lit_check_twins(test, &n, &bad);
	}
	printf("1..%u\n", n);
	return all ? bad : 2;
}
