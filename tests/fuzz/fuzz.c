// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer, in a guest.
 *
 * Usage: fuzz [-s SEED] [-c CALLS] [-t SECONDS] [CORPUS-FOLDER]
 *        fuzz -r FILE [-n TIMES]
 *
 * Each program is written out before it runs ("run ..."), so that whoever reads along
 * has it when the kernel dies of it; one that reached what none had is "keep ...". With
 * -r the programs of FILE run in turn, TIMES times over.
 */
#include "fuzz.h"

#include <dirent.h>
#include <time.h>

#define CORPUS		4096
#define REST_EVERY	64		/* programs between two looks at the counters */

static struct program corpus[CORPUS];
static unsigned int kept;

struct totals {
	u64 programs, calls, ended, late, wrong;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void say(const char *word, const struct program *p)
{
	char text[PROGRAM_TEXT];

	program_print(p, text, sizeof(text));
	printf("%s %s\n", word, text);
	fflush(stdout);
}

static void keep(const struct program *p)
{
	if (kept < CORPUS)
		corpus[kept++] = *p;
}

/* Run it, count it, keep it if it reached something new. */
static void run(const struct program *p, struct totals *t, bool tell_new)
{
	say("run", p);
	switch (program_run(p)) {
	case WRONG:
		t->wrong++;
		say("wrong", p);
		break;
	case ENDED:
		t->ended++;
		break;
	case LATE:
		t->late++;
		say("late", p);
		break;
	case RAN:
		break;
	}
	t->programs++;
	t->calls += p->n;
	if (kcov_collect() && tell_new) {
		keep(p);
		say("keep", p);
	}
	if (t->programs % REST_EVERY == 0 && !at_rest())
		t->wrong++;
}

static char *slurp(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static bool load_program(const char *folder, const char *name)
{
	struct program p;
	char path[600], *text;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	text = slurp(path);
	if (!text || !program_parse(&p, text)) {
		fprintf(stderr, "fuzz: %s is no program\n", path);
		return false;
	}
	keep(&p);
	return true;
}

/* In the order of their names, so that a seed means the same everywhere. */
static bool load_corpus(const char *folder)
{
	struct dirent **list;
	int i, n = scandir(folder, &list, NULL, alphasort);
	bool ok = n >= 0;

	for (i = 0; i < n; i++)
		if (list[i]->d_name[0] != '.')
			ok &= load_program(folder, list[i]->d_name);
	return ok;
}

static void next_program(struct program *p, u64 n)
{
	struct rng r = { (n * 0x9e3779b97f4a7c15ULL) | 1 };

	rng_next(&r);
	if (!kept || rng_below(&r, 10) == 0) {
		program_random(p, &r);
	} else {
		*p = corpus[rng_below(&r, kept)];
		program_mutate(p, &corpus[rng_below(&r, kept)], &r);
	}
}

static void fuzz(u64 seed, u64 calls, double seconds, struct totals *t)
{
	double end = now() + seconds;
	unsigned int i, n = kept;
	u64 number = seed << 32;

	for (i = 0; i < n; i++)
		run(&corpus[i], t, false);
	while (t->calls < calls && now() < end && !t->wrong) {
		struct program p;

		next_program(&p, ++number);
		run(&p, t, true);
	}
}

/* A program a line; or, without "run" or another word before it, the file is one. */
static void replay(char *text, u64 times, struct totals *t)
{
	struct program p;
	char *line, *next;

	if (program_parse(&p, text)) {
		while (times-- && !t->wrong)
			run(&p, t, false);
		return;
	}
	for (line = text; line && *line; line = next) {
		char *start = strchr(line, ' ');
		u64 i;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!start || !program_parse(&p, start))
			continue;
		for (i = 0; i < times && !t->wrong; i++)
			run(&p, t, false);
	}
}

int main(int argc, char **argv)
{
	u64 seed_given = 1, calls = UINT64_MAX, times = 1;
	double seconds = 1e9;
	struct totals t = { 0 };
	char *file = NULL;
	int c;

	while ((c = getopt(argc, argv, "s:c:t:r:n:")) != -1) {
		switch (c) {
		case 's': seed_given = strtoull(optarg, NULL, 0); break;
		case 'c': calls = strtoull(optarg, NULL, 0); break;
		case 't': seconds = strtod(optarg, NULL); break;
		case 'r': file = optarg; break;
		case 'n': times = strtoull(optarg, NULL, 0); break;
		default: return 2;
		}
	}
	printf("coverage %s\n", kcov_open() ? "on" : "off");
	if (file) {
		char *text = slurp(file);

		if (!text)
			return 2;
		replay(text, times, &t);
	} else {
		if (optind < argc && !load_corpus(argv[optind]))
			return 2;
		fuzz(seed_given, calls, seconds, &t);
	}
	if (!at_rest())
		t.wrong++;
	kcov_print();
	printf("total: %llu programs, %llu calls, %llu ended themselves, %llu late, %llu wrong, %u kept, %u edges\n",
	       (unsigned long long)t.programs, (unsigned long long)t.calls,
	       (unsigned long long)t.ended, (unsigned long long)t.late,
	       (unsigned long long)t.wrong, kept, kcov_edges());
	return t.wrong ? 1 : 0;
}
