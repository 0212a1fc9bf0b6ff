// SPDX-License-Identifier: GPL-2.0
/* vpt-litmus check: verdicts of tests and of their controls, as TAP. */
#include <getopt.h>
#include <stdlib.h>

#include "lit_ask.h"

#define LIT_SMALL	400000	/* states; explored in explicit mode, too */

static void lit_check_controls(const struct lit_test *test, const struct lit_bounds *bounds,
			       unsigned int *n, bool *bad)
{
	static struct lit_result r;
	unsigned int i;

	for (i = 0; i < test->ncontrols; i++) {
		bool shown = lit_control(test, test->control[i], bounds, &r);

		*bad |= !shown;
		printf("%sok %u - %s without its step shows what is forbidden: %s (%llu states) ",
		       shown ? "" : "not ", ++*n, test->name, test->control[i],
		       (unsigned long long)r.states);
		if (shown)
			lit_print_outcome(stdout, test, &r.outcome[r.noutcomes - 1]);
		else
			printf("\n# %s", r.violation[0] ? r.violation : "everything was explored");
		puts("");
		fflush(stdout);
	}
}

/* Both modes of the hardware must show the same; where the larger one is small enough. */
static void lit_check_explicit(const struct lit_test *test, struct lit_result *r,
			       unsigned int *n, bool *bad)
{
	struct lit_bounds small = { .states = LIT_SMALL, .bytes = ~0ULL };
	static struct lit_result e;
	bool same;

	lit_explicit = true;
	lit_explore(test, MMU_CORRECT, -1, &small, NULL, &e);
	lit_explicit = false;
	if (!e.complete && e.states >= LIT_SMALL)
		return;
	qsort(r->outcome, r->noutcomes, sizeof(r->outcome[0]), lit_compare_outcomes);
	qsort(e.outcome, e.noutcomes, sizeof(e.outcome[0]), lit_compare_outcomes);
	same = e.complete && e.noutcomes == r->noutcomes &&
	       !memcmp(e.outcome, r->outcome, e.noutcomes * sizeof(e.outcome[0]));
	*bad |= !same;
	printf("%sok %u - %s: explicit walks show the same %u outcomes (%llu states)\n",
	       same ? "" : "not ", ++*n, test->name, e.noutcomes,
	       (unsigned long long)e.states);
}

int lit_cmd_check(int argc, char **argv)
{
	struct lit_ask ask;
	static struct lit_result r;
	struct lit_list list;
	unsigned int i, n = 0;
	bool all, bad = false;
	char why[512];

	if (!lit_ask_model(argc, argv, true, &ask))
		return 2;
	all = lit_load(&list, ask.folder, argv + optind, argc - optind);
	mmu_model_init();
	for (i = 0; i < list.n; i++) {
		const struct lit_test *test = list.test[i];
		bool ok;

		lit_explore(test, MMU_CORRECT, -1, &ask.bounds, NULL, &r);
		ok = lit_verdict(test, &r, why, sizeof(why)) == LIT_V_OK;
		bad |= !ok;
		printf("%sok %u - %s: %u outcomes (%llu states, %.2f s)\n", ok ? "" : "not ",
		       ++n, test->name, r.noutcomes, (unsigned long long)r.states, r.seconds);
		if (!ok)
			printf("# %s\n", why);
		lit_check_explicit(test, &r, &n, &bad);
		lit_check_controls(test, &ask.bounds, &n, &bad);
	}
	printf("1..%u\n", n);
	return all ? bad : 2;
}
