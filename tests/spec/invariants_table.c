// SPDX-License-Identifier: GPL-2.0
/* Prints the list of invariants as a Markdown table, for the documentation. */
#include <stdio.h>

#include "spec_inv.h"

int main(void)
{
	unsigned int n;

	puts("| no. | name | invariant | cost |");
	puts("|---|---|---|---|");
	for (n = 1; n <= SPEC_INV_LAST; n++)
		printf("| %u | `%s` | %s | %s |\n", n, spec_invariant_name(n),
		       spec_invariant_sentence(n),
		       spec_invariant_cost(n) == SPEC_COST_WALK ? "walk" : "tree");
	return ferror(stdout) ? 1 : 0;
}
