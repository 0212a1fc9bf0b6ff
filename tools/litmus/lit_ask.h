/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands model and check are asked, and what they share. */
#ifndef LIT_ASK_H
#define LIT_ASK_H

#include "lit_model.h"
#include "lit_tool.h"

/**
 * struct lit_ask - a command line
 * @folder: of the catalogue
 * @save: file for rows, or NULL
 * @shard: "I/N", or NULL
 * @json: file for that way, or NULL
 * @way: where the way goes to
 * @trace: show the way to what is interesting or forbidden
 * @broken: protocol step to leave out
 * @bounds: when to give up
 */
struct lit_ask {
	const char *folder;
	const char *save;
	const char *shard;
	const char *json;
	FILE *way;
	bool trace;
	enum mmu_broken broken;
	struct lit_bounds bounds;
};

/* @check: the command is check, which takes fewer options. */
bool lit_ask_model(int argc, char **argv, bool check, struct lit_ask *ask);

/* Whether a control shows what is forbidden; the outcome is @r's last. */
bool lit_control(const struct lit_test *test, const char *step, const struct lit_bounds *bounds,
		 struct lit_result *r);

#endif /* LIT_ASK_H */
