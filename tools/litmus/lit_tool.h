/* SPDX-License-Identifier: GPL-2.0 */
/* The program vpt-litmus: what its commands share. */
#ifndef LIT_TOOL_H
#define LIT_TOOL_H

#include "lit.h"

#define LIT_TESTS	1024

/**
 * struct lit_list - tests that were asked for
 * @n: how many
 * @test: they
 */
struct lit_list {
	unsigned int n;
	struct lit_test *test[LIT_TESTS];
};

/**
 * lit_load() - the tests that arguments name
 * @list: filled in
 * @folder: where the catalogue is
 * @args: paths of files and folders; or, for the catalogue, names, patterns and @groups
 * @nargs: how many; 0: the whole catalogue
 *
 * Says on stderr what is wrong.  Return: whether all were found and understood; those
 * that were are in @list in any case.
 */
bool lit_load(struct lit_list *list, const char *folder, char *const *args, int nargs);

/* Keep the tests number I, I + N, I + 2N ... of the list, from 1: a shard "I/N". */
bool lit_take_shard(struct lit_list *list, const char *shard);

/* A number from the command line, from 1 on, and nothing after it. */
bool lit_take_count(const char *text, unsigned long long *n);

/* lit_main.c: what commands and options there are.  Return: the status to exit with. */
int lit_usage(FILE *out);

/* lit_cmd_model.c: model, and check (TAP).  @argv is without the command. */
int lit_cmd_model(int argc, char **argv);
int lit_cmd_check(int argc, char **argv);

/* lit_cmd_run.c: on the machine. */
int lit_cmd_run(int argc, char **argv);

#endif /* LIT_TOOL_H */
