// SPDX-License-Identifier: GPL-2.0
/*
 * The parser: each file of the catalogue is understood; each of bad/ is refused, at
 * the line and column and with the words that its first line says.
 */
#include <string.h>

#include "tap.h"
#include "lit.h"

/* The first line: # expect: LINE:COLUMN: WHAT */
static bool expected(const char *path, char *what, size_t size)
{
	static const char mark[] = "# expect: ";
	FILE *file = fopen(path, "r");
	char line[512];
	bool found;

	if (!file)
		return false;
	found = fgets(line, sizeof(line), file) && !strncmp(line, mark, sizeof(mark) - 1);
	fclose(file);
	if (!found)
		return false;
	line[strcspn(line, "\n")] = 0;
	snprintf(what, size, "%s:%s", path, line + sizeof(mark) - 1);
	return true;
}

static void check_bad(const char *path)
{
	char want[1024], got[1024] = "";
	static struct lit_test test;
	const char *name = strrchr(path, '/') + 1;
	char title[256];

	tap_begin();
	TAP_CHECK(expected(path, want, sizeof(want)), "%s does not say", path);
	TAP_CHECK(!lit_parse_file(&test, path, got, sizeof(got)), "%s is accepted", path);
	TAP_CHECK(!strcmp(want, got), "\n#   want %s\n#   got  %s", want, got);
	snprintf(title, sizeof(title), "refused: %s", name);
	tap_end(title);
}

static void check_good(const char *path)
{
	static struct lit_test test;
	char error[1024] = "", title[512];

	tap_begin();
	TAP_CHECK(lit_parse_file(&test, path, error, sizeof(error)), "%s", error);
	/* What a test of a user's, and one in herd's format, may leave out. */
	TAP_CHECK(test.rule[0] || test.herd, "no rule");
	snprintf(title, sizeof(title), "understood: %s", strrchr(path, '/') + 1);
	tap_end(title);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strstr(argv[i], "/bad/"))
			check_bad(argv[i]);
		else
			check_good(argv[i]);
	}
	return tap_done();
}
