/* SPDX-License-Identifier: GPL-2.0 */
/* A way through the model as JSON, for tools/trace-page: one object a line. */
#ifndef LIT_JSON_H
#define LIT_JSON_H

#include "lit_model.h"

/* The test, its names, and the state at the beginning. */
void lit_json_begin(FILE *out, enum mmu_broken broken, const struct lit_state *s);

/* A step from @before, and the state after it. */
void lit_json_move(FILE *out, const struct mmu_step *step, const struct lit_state *before,
		   const struct lit_state *after);

/* How it ended. */
void lit_json_end(FILE *out, const char *how);

#endif /* LIT_JSON_H */
