/* SPDX-License-Identifier: GPL-2.0 */
/* Test Anything Protocol, for programs of a few named tests. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_tests, tap_failures;
static bool tap_passing;

/* Judge one fact of the current test; say what was wrong, but not for ever. */
#define TAP_CHECK(fact, ...)						\
	do {								\
		if (!(fact)) {						\
			if (tap_passing)				\
				printf("# %s:%d: " #fact ": ", __FILE__, __LINE__), \
				printf(__VA_ARGS__), puts("");		\
			tap_passing = false;				\
		}							\
	} while (0)

static void tap_begin(void)
{
	tap_passing = true;
}

static void tap_end(const char *name)
{
	tap_tests++;
	tap_failures += !tap_passing;
	printf("%sok %u - %s\n", tap_passing ? "" : "not ", tap_tests, name);
}

/* Return the program's exit status. */
static int tap_done(void)
{
	printf("1..%u\n", tap_tests);
	return tap_failures ? 1 : 0;
}

#endif /* TAP_H */
