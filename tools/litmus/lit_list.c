// SPDX-License-Identifier: GPL-2.0
/* Which tests. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lit_tool.h"

static int lit_is_test(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".litmus");
}

/* Results are told apart by the tests' names. */
static bool lit_is_known(const struct lit_list *list, const struct lit_test *test)
{
	unsigned int i;

	for (i = 0; i < list->n; i++) {
		if (strcmp(list->test[i]->name, test->name))
			continue;
		fprintf(stderr, "%s: a test in %s is called %s, too\n", test->path,
			list->test[i]->path, test->name);
		return true;
	}
	return false;
}

static bool lit_add(struct lit_list *list, const char *path)
{
	static struct lit_test test;
	char error[512];

	if (!lit_parse_file(&test, path, error, sizeof(error))) {
		fprintf(stderr, "%s\n", error);
		return false;
	}
	if (lit_is_known(list, &test))
		return false;
	if (list->n == LIT_TESTS) {
		fprintf(stderr, "more than %u tests\n", LIT_TESTS);
		return false;
	}
	list->test[list->n] = malloc(sizeof(test));
	if (!list->test[list->n])
		return false;
	memcpy(list->test[list->n++], &test, sizeof(test));
	return true;
}

static bool lit_add_folder(struct lit_list *list, const char *folder)
{
	struct dirent **entry;
	int n = scandir(folder, &entry, lit_is_test, alphasort), i;
	bool ok = n > 0;
	char path[512];

	if (n <= 0)
		fprintf(stderr, "%s: no litmus tests there\n", folder);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry[i]->d_name);
		ok &= lit_add(list, path);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return ok;
}

static bool lit_is_folder(const char *arg)
{
	struct stat st;

	return strchr(arg, '/') && !stat(arg, &st) && S_ISDIR(st.st_mode);
}

/* Names of tests have no slash in them: what has one, and is there, is a file or a folder. */
static bool lit_is_path(const char *arg)
{
	const char *dot = strrchr(arg, '.');

	return (dot && !strcmp(dot, ".litmus")) || (strchr(arg, '/') && !access(arg, F_OK));
}

/* Drop what no selector names.  Each selector must name something. */
static bool lit_select(struct lit_list *list, char *const *args, int nargs)
{
	unsigned int i, kept = 0;
	bool ok = true;
	int a;

	for (a = 0; a < nargs; a++) {
		bool named = lit_is_path(args[a]);

		for (i = 0; i < list->n; i++)
			named |= lit_selected(list->test[i], args[a]);
		if (!named)
			fprintf(stderr, "no test is called %s\n", args[a]);
		ok &= named;
	}
	for (i = 0; i < list->n; i++) {
		for (a = 0; a < nargs; a++) {
			if (lit_selected(list->test[i], args[a]))
				break;
		}
		if (a < nargs)
			list->test[kept++] = list->test[i];
		else
			free(list->test[i]);
	}
	list->n = kept;
	return ok;
}

bool lit_load(struct lit_list *list, const char *folder, char *const *args, int nargs)
{
	bool ok = true, names = !nargs;
	int a;

	list->n = 0;
	for (a = 0; a < nargs; a++)
		names |= !lit_is_path(args[a]);
	if (names)
		ok = lit_add_folder(list, folder);
	if (names && nargs)
		ok &= lit_select(list, args, nargs);
	for (a = 0; a < nargs; a++) {
		if (lit_is_folder(args[a]))
			ok &= lit_add_folder(list, args[a]);
		else if (lit_is_path(args[a]))
			ok &= lit_add(list, args[a]);
	}
	return ok;
}

bool lit_take_shard(struct lit_list *list, const char *shard)
{
	unsigned int i, of, at, kept = 0;
	char rest;

	if (sscanf(shard, "%u/%u%c", &i, &of, &rest) != 2 || !i || i > of) {
		fprintf(stderr, "a shard is I/N with I from 1 to N, not %s\n", shard);
		return false;
	}
	for (at = 0; at < list->n; at++) {
		if (at % of == i - 1)
			list->test[kept++] = list->test[at];
		else
			free(list->test[at]);
	}
	list->n = kept;
	return true;
}

bool lit_take_count(const char *text, unsigned long long *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 0);
	return isdigit((unsigned char)text[0]) && !*end && *n && !errno;
}
