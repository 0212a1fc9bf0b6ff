// SPDX-License-Identifier: GPL-2.0
/*
 * Of a program that failed, the calls without which it does not: for as long as the guest
 * lives.  One that takes the guest along is for "guest --minimise", a boot for each attempt.
 */
#include "fuzz.h"

#define TRIES		20	/* runs, until it is said not to fail */

static bool fails(const struct program *p, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < TRIES; i++)
		if (program_run(p, rounds) == WRONG)
			return true;
	return false;
}

/* @p without @n calls from the one with number @first on. */
static void drop(struct program *less, const struct program *p, unsigned int first,
		 unsigned int n)
{
	unsigned int end = first + n < p->n ? first + n : p->n;

	*less = *p;
	memmove(&less->call[first], &p->call[end], (p->n - end) * sizeof(p->call[0]));
	less->n -= end - first;
}

bool program_minimise(struct program *p, unsigned int rounds)
{
	unsigned int n, i;
	struct program less;

	if (!fails(p, rounds))
		return false;
	/* A dozen at once, half as many, at last one by one. */
	for (n = 12; n; n /= 2) {
		for (i = 0; i < p->n;) {
			drop(&less, p, i, n);
			if (less.n && fails(&less, rounds))
				*p = less;
			else
				i += n;
		}
	}
	return true;
}
