// SPDX-License-Identifier: GPL-2.0
/* What an exploration says of a test. */
#include "lit_model.h"

unsigned int lit_count(const struct lit_test *test, const struct lit_cond *cond,
		       const struct lit_result *r)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->noutcomes; i++)
		n += lit_holds(test, cond, &r->outcome[i]);
	return n;
}

static void lit_vsay(char *why, size_t size, const char *what, const struct lit_cond *cond)
{
	snprintf(why, size, "%s %s%.200s%s", what, cond->forall ? "~(" : "", cond->text,
		 cond->forall ? ")" : "");
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
enum lit_verdict lit_verdict(const struct lit_test *test, const struct lit_result *r,
			     char *why, size_t size)
{
	int cond = lit_first_cond(test, r, LIT_FORBIDDEN, true);

	why[0] = 0;
	if (cond >= 0) {
		lit_vsay(why, size, "reached: forbidden", &test->cond[cond]);
		return LIT_V_NO;
	}
	if (r->violation[0] || !r->complete) {
		const bool bound = !strncmp(r->violation, "bound: ", 7) || !r->violation[0];

		snprintf(why, size, "%s", !r->violation[0] ? "not complete" :
			 r->violation + (bound ? 7 : 0));
		return bound ? LIT_V_BOUND : LIT_V_NO;
	}
	cond = lit_first_cond(test, r, LIT_ALLOWED, false);
	if (cond < 0 && test->stores)
		snprintf(why, size, "where at most %u stores of a thread wait", test->stores);
	if (cond < 0)
		return LIT_V_OK;
	lit_vsay(why, size, "not reached: allowed", &test->cond[cond]);
	return LIT_V_NO;
}

int lit_compare_outcomes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lit_outcome));
}
