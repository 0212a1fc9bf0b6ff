/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A way through the machine as JSON, for tools/trace-page: each step as mc_print_step()
 * says it, and the state after it, whole.
 */
#ifndef MC_JSON_H
#define MC_JSON_H

#include "mc.h"

void mc_json_string(FILE *out, const char *text);

/* What @print writes of @a and @b, as a string. */
typedef void mc_json_print(FILE *memory, const void *a, const void *b);
void mc_json_text(FILE *out, mc_json_print *print, const void *a, const void *b);

/* What mc_print_step() says, as a string. */
void mc_json_step(FILE *out, const struct mmu_step *step, const struct mmu_state *s);

/* Memory, the CPUs' caches, store buffers, locks, and who waits for what. */
void mc_json_state(FILE *out, const struct mmu_state *s);

/* The model checker's own ways: the configuration and the first state; a step; the end. */
void mc_json_begin(FILE *out, const struct mc_config *config, const char *broken,
		   const struct mmu_state *s);
void mc_json_move(FILE *out, const struct mmu_step *step, const struct mmu_state *before,
		  const struct mmu_state *after);
void mc_json_end(FILE *out, const char *how);

#endif /* MC_JSON_H */
