// SPDX-License-Identifier: GPL-2.0
/*
 * Whether every execution can end.  Where threads go back to earlier steps, one may go
 * round for ever, in some executions only; what comes after would then not be seen, and
 * "forbidden" would hold of nothing.
 */
#include <stdlib.h>

#include "lit_model.h"

void lit_ends_begin(struct lit_ends *e, const struct lit_test *test)
{
	unsigned int t, i;

	*e = (struct lit_ends){ .wanted = false };
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			const struct lit_step *step = &test->thread[t].step[i];

			e->wanted |= step->kind == LIT_UNTIL ||
				     (step->kind == LIT_GOTO && step->start <= i);
		}
	}
}

void lit_ends_note(struct lit_ends *e, u32 from, u32 to)
{
	if (!e->wanted)
		return;
	if (e->nedges == e->room) {
		e->room = e->room ? 2 * e->room : 1U << 14;
		e->edge = lit_alloc(e->edge, e->room * sizeof(*e->edge));
	}
	e->edge[e->nedges++] = (struct lit_edge){ from, to };
}

/* Backwards from the ends.  Edges lead forwards, most of them: few rounds do. */
bool lit_ends_all(const struct lit_ends *e, u64 states)
{
	unsigned char *ends;
	bool more = true;
	u64 i, n = 0;

	if (!e->wanted)
		return true;
	ends = lit_alloc(NULL, states);
	memset(ends, 0, states);
	while (more) {
		more = false;
		for (i = e->nedges; i-- > 0;) {
			const struct lit_edge *edge = &e->edge[i];

			if (ends[edge->from] || (edge->from != edge->to && !ends[edge->to]))
				continue;
			ends[edge->from] = 1;
			n++;
			more = true;
		}
	}
	free(ends);
	return n == states;
}
