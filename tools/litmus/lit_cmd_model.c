// SPDX-License-Identifier: GPL-2.0
/* vpt-litmus model: every outcome, and the verdict. */
#include <getopt.h>
#include <stdlib.h>

#include "lit_ask.h"
#include "lit_json.h"

static const char *const lit_sorts[] = { "forbidden", "allowed", "interesting" };

static const char *const lit_verdicts[] = { "Ok", "No", "Bound" };

/* As herd prints it; "??": it is not known. */
static void lit_print_log(const struct lit_test *test, const struct lit_result *r,
			  enum lit_verdict verdict, const char *why)
{
	static const char *const validation[] = { "Ok", "No", "??" };
	struct lit_log log;
	unsigned int i;

	lit_log_begin(&log, test);
	printf("Test %s %s\nStates %u\n", test->name, lit_log_kind(&log), r->noutcomes);
	for (i = 0; i < r->noutcomes; i++) {
		lit_print_outcome(stdout, test, &r->outcome[i]);
		puts("");
		lit_log_count(&log, test, &r->outcome[i], 1);
	}
	printf("%s%s%s\nWitnesses\n", validation[verdict], why[0] ? " " : "", why);
	lit_log_witnesses(stdout, &log, "");
	fputs("Condition ", stdout);
	lit_log_condition(stdout, &log);
	puts("");
	lit_log_observation(stdout, test, &log);
	printf("Time %s %.2f\n", test->name, r->seconds);
	lit_log_hash(stdout, test);
}

/* What herd does not print: the other conditions, and what it took. */
static void lit_print_model(const struct lit_test *test, struct lit_result *r)
{
	char why[512];
	enum lit_verdict verdict = lit_verdict(test, r, why, sizeof(why));
	unsigned int i;

	qsort(r->outcome, r->noutcomes, sizeof(r->outcome[0]), lit_compare_outcomes);
	lit_print_log(test, r, verdict, why);
	for (i = 0; i < test->nconds; i++) {
		const struct lit_cond *cond = &test->cond[i];

		printf("%s %s%s%s: %u of %u\n", lit_sorts[cond->sort], cond->forall ? "~(" : "",
		       cond->text, cond->forall ? ")" : "", lit_count(test, cond, r),
		       r->noutcomes);
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
		bool bad = lit_visits(test, LIT_FORBIDDEN, &r->outcome[i]) >= 0;

		fprintf(out, "allowed\t%s\t%s\t", test->name, bad ? "forbidden" : "-");
		lit_save_outcome(out, test, &r->outcome[i]);
	}
}

bool lit_control(const struct lit_test *test, const char *step, const struct lit_bounds *bounds,
		 struct lit_result *r)
{
	enum mmu_broken broken = lit_broken_find(step);

	if (broken == MMU_BROKEN_KINDS) {
		*r = (struct lit_result){ .met = -1 };
		snprintf(r->violation, sizeof(r->violation), "no such step");
		return false;
	}
	lit_explore(test, broken, LIT_FORBIDDEN, bounds, NULL, r);
	return r->met >= 0;
}

static void lit_save_controls(FILE *out, const struct lit_test *test,
			      const struct lit_bounds *bounds)
{
	static struct lit_result r;
	unsigned int i;

	for (i = 0; i < test->ncontrols; i++) {
		bool shown = lit_control(test, test->control[i], bounds, &r);

		fprintf(out, "control\t%s\t%s\t%s\t%u\t", test->name, test->control[i],
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
	lit_explore(test, ask->broken, LIT_FORBIDDEN, &ask->bounds, ask->way, &r);
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
		lit_explore(test, MMU_CORRECT, sort, &ask->bounds, ask->way, &r);
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
	lit_explore(test, MMU_CORRECT, -1, &ask->bounds, NULL, &r);
	lit_print_model(test, &r);
	fflush(stdout);
	if (save) {
		lit_save(save, test, &r);
		lit_save_controls(save, test, &ask->bounds);
	}
	return lit_verdict(test, &r, why, sizeof(why)) != LIT_V_OK;
}

/* Where ways go to. */
static bool lit_way_open(struct lit_ask *ask)
{
	ask->way = stdout;
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
	struct lit_ask ask;
	struct lit_list list;
	FILE *save = NULL;
	unsigned int i;
	bool all, bad = false;

	if (!lit_ask_model(argc, argv, false, &ask))
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
	for (i = 0; i < list.n; i++)
		bad |= !!lit_model_one(list.test[i], &ask, save);
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
