// SPDX-License-Identifier: GPL-2.0
/* What the machine showed, as herd and litmus7 print it, as TAP, or as rows. */
#include "lit_machine.h"
#include "lit_tool.h"

static bool is_allowed(const struct lit_allowed *allowed, const struct lit_outcome *o)
{
	unsigned int i;

	for (i = 0; i < allowed->n; i++) {
		if (!memcmp(&allowed->outcome[i], o, sizeof(*o)))
			return true;
	}
	return false;
}

/* Why the machine's outcomes are not as they should be; empty if they are. */
static void complaint(const struct lit_test *test, const struct lit_histogram *h,
		      const struct lit_allowed *allowed, char *why, size_t size)
{
	unsigned int i;
	u64 bad = 0;

	why[0] = 0;
	for (i = 0; i < h->n; i++) {
		if (!is_allowed(allowed, &h->outcome[i]) ||
		    lit_visits(test, LIT_FORBIDDEN, &h->outcome[i]) >= 0)
			bad += h->count[i];
	}
	if (h->error[0])
		snprintf(why, size, "%s", h->error);
	else if (!allowed->known)
		snprintf(why, size, "what the model allows is not known");
	else if (bad)
		snprintf(why, size, "%llu rounds ended in a way that the model does not allow%s",
			 (unsigned long long)bad, test->stores ?
			 ", in which no more stores wait than the test says" : "");
	else if (h->violations)
		snprintf(why, size, "%llu violations of the invariants",
			 (unsigned long long)h->violations);
	else if (!h->rounds)
		snprintf(why, size, "no rounds");
}

/* "*>" marks what the condition names. */
static void print_histogram(const struct lit_test *test, const struct lit_histogram *h,
			    const struct lit_allowed *allowed, const struct lit_log *log)
{
	unsigned int i;

	printf("Histogram (%u states)\n", h->n);
	for (i = 0; i < h->n; i++) {
		const struct lit_outcome *o = &h->outcome[i];

		printf("%-6llu%s", (unsigned long long)h->count[i],
		       lit_holds(test, log->cond, o) != log->cond->forall ? "*>" : ":>");
		lit_print_outcome(stdout, test, o);
		puts(!allowed->known || is_allowed(allowed, o) ? "" :
		     " # the model does not allow it");
	}
}

static u64 count_of(const struct lit_test *test, const struct lit_cond *cond,
		    const struct lit_histogram *h)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < h->n; i++) {
		if (lit_holds(test, cond, &h->outcome[i]))
			n += h->count[i];
	}
	return n;
}

static void print_conditions(const struct lit_test *test, const struct lit_histogram *h)
{
	static const char *const sorts[] = { "forbidden", "allowed", "interesting" };
	unsigned int i;

	for (i = 0; i < test->nconds; i++) {
		const struct lit_cond *c = &test->cond[i];

		printf("%s %s%s%s: %llu of %llu\n", sorts[c->sort], c->forall ? "~(" : "",
		       c->text, c->forall ? ")" : "", (unsigned long long)count_of(test, c, h),
		       (unsigned long long)h->rounds);
	}
}

/* As litmus7 prints it. */
static void print_log(const struct lit_test *test, const struct lit_histogram *h,
		      const struct lit_allowed *allowed)
{
	struct lit_log log;
	unsigned int i;
	bool ok;

	lit_log_begin(&log, test);
	for (i = 0; i < h->n; i++)
		lit_log_count(&log, test, &h->outcome[i], h->count[i]);
	ok = lit_log_validated(&log);
	printf("Test %s %s\n", test->name, lit_log_kind(&log));
	print_histogram(test, h, allowed, &log);
	printf("%s\n\nWitnesses\n", ok ? "Ok" : "No");
	lit_log_witnesses(stdout, &log, ",");
	fputs("Condition ", stdout);
	lit_log_condition(stdout, &log);
	printf(" is %svalidated\n", ok ? "" : "NOT ");
	lit_log_hash(stdout, test);
	lit_log_observation(stdout, test, &log);
	printf("Time %s %.2f\n", test->name, h->seconds);
}

static void print_human(const struct lit_test *test, const struct lit_histogram *h,
			const struct lit_allowed *allowed, const char *why)
{
	if (h->skipped[0]) {
		printf("Skipped %s: %s\n\n", test->name, h->skipped);
		return;
	}
	print_log(test, h, allowed);
	print_conditions(test, h);
	if (h->filtered)
		printf("Filtered %s %llu\n", test->name, (unsigned long long)h->filtered);
	printf("Model allows %u outcomes, %u were seen\n", allowed->n, h->n);
	printf("Verdict %s %s%s%s\n\n", test->name, why[0] ? "No" : "Ok", why[0] ? ": " : "", why);
}

static void print_rows(const struct lit_test *test, const struct lit_histogram *h,
		       const char *why)
{
	unsigned int i, j;

	printf("machine\t%s\t%llu\t%s\t%.2f\t%s\t%016llx\n", test->name,
	       (unsigned long long)h->rounds, h->skipped[0] ? "skipped" : why[0] ? "No" : "Ok",
	       h->seconds, h->skipped[0] ? h->skipped : why, test->digest);
	for (i = 0; i < h->n; i++) {
		printf("count\t%s\t", test->name);
		for (j = 0; j < test->nobs; j++)
			printf("%02x", h->outcome[i].v[j]);
		printf("\t%llu\t", (unsigned long long)h->count[i]);
		lit_print_outcome(stdout, test, &h->outcome[i]);
		puts("");
	}
}

static void print_tap(const struct lit_test *test, const struct lit_histogram *h,
		      const char *why, unsigned int number)
{
	if (h->skipped[0]) {
		printf("ok %u - %s # SKIP %s\n", number, test->name, h->skipped);
		return;
	}
	printf("%sok %u - %s: the machine does what the model allows (%llu rounds, %u outcomes)\n",
	       why[0] ? "not " : "", number, test->name, (unsigned long long)h->rounds, h->n);
	if (why[0])
		printf("# %s\n", why);
}

bool lit_report(const struct lit_test *test, const struct lit_options *options,
		const struct lit_histogram *h, const struct lit_allowed *allowed,
		unsigned int number)
{
	char why[512];

	complaint(test, h, allowed, why, sizeof(why));
	if (options->rows)
		print_rows(test, h, why);
	else if (options->tap)
		print_tap(test, h, why, number);
	else
		print_human(test, h, allowed, why);
	if (why[0] && options->tap)
		print_log(test, h, allowed);
	fflush(stdout);
	return h->skipped[0] || !why[0];
}
