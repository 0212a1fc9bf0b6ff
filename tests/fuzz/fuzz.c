// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer, in a guest.
 *
 * Usage: fuzz [-s SEED] [-c CALLS] [-t SECONDS] [-j JOBS] [-x ROUNDS] [CORPUS-FOLDER]
 *        fuzz -r FILE [-n TIMES] [-j JOBS] [-x ROUNDS]
 *
 * Each program is written out before it runs ("run ..."), so that whoever reads along
 * has it when the kernel dies of it; one that reached what none had is "keep ...". With
 * -r the programs of FILE run in turn, TIMES times over. Each thread of a program does its
 * calls ROUNDS times. With JOBS so many programs run at a time; then coverage is off.
 */
#include "fuzz.h"

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

#define JOBS		64
#define CORPUS		4096
#define REST_EVERY	64		/* programs between two looks at the counters */

static struct program corpus[CORPUS];
static unsigned int kept;
static unsigned int jobs = 1, rounds = 1;

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

/* Say of which calls of the program a failure is made, unless it takes more than them. */
static void explain(const struct program *p)
{
	struct program less = *p;

	say("wrong", p);
	if (program_minimise(&less, rounds))
		say("minimal", &less);
	else
		printf("it does not fail when it is run again by itself\n");
}

/* Run it, count it, keep it if it reached something new. */
static void run(const struct program *p, struct totals *t, bool tell_new)
{
	say("run", p);
	switch (program_run(p, rounds)) {
	case WRONG:
		t->wrong++;
		explain(p);
		break;
	case ENDED:
		t->ended++;
		break;
	case LATE:
		t->late++;
		say("late", p);
		break;
	case STUCK:
		t->wrong++;
		say("wrong", p);
		break;
	case RAN:
		break;
	}
	t->programs++;
	t->calls += (u64)p->n * rounds;
	if (kcov_collect() && tell_new) {
		keep(p);
		say("keep", p);
	}
}

static void add(struct totals *t, const struct totals *more)
{
	t->programs += more->programs;
	t->calls += more->calls;
	t->ended += more->ended;
	t->late += more->late;
	t->wrong += more->wrong;
}

/*
 * Do @part, with each job's number: here if there is one job, else each in a process of its
 * own, which share nothing but the module.  Then it must be at rest.
 */
static void in_jobs(void (*part)(unsigned int job, void *arg, struct totals *t), void *arg,
		    struct totals *t)
{
	static struct totals *each;
	unsigned int i;
	int status;

	if (!each)
		each = mmap(NULL, JOBS * sizeof(*each), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(each, 0, JOBS * sizeof(*each));
	fflush(stdout);
	if (jobs == 1)
		part(0, arg, &each[0]);
	for (i = 0; jobs > 1 && i < jobs; i++) {
		pid_t child = fork();

		if (child < 0) {
			printf("WRONG: a job cannot begin: %s\n", strerror(errno));
			t->wrong++;
		}
		if (child)
			continue;
		kmsg_reopen();
		part(i, arg, &each[i]);
		_exit(0);
	}
	while (wait(&status) > 0) {
		if (status) {
			printf("WRONG: a job ends with status %x\n", status);
			t->wrong++;
		}
	}
	for (i = 0; i < jobs; i++)
		add(t, &each[i]);
	if (!at_rest())
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

struct stretch {
	u64 number;		/* of the first program of the first job */
	double end;
};

/* So many programs, of numbers that no other job has. */
static void fuzz_stretch(unsigned int job, void *arg, struct totals *t)
{
	const struct stretch *s = arg;
	u64 i, number = s->number + (u64)job * REST_EVERY;

	for (i = 0; i < REST_EVERY && now() < s->end && !t->wrong; i++) {
		struct program p;

		next_program(&p, number + i);
		run(&p, t, true);
	}
}

/* Those of the corpus as they are, shared out among the jobs. */
static void fuzz_corpus(unsigned int job, void *arg, struct totals *t)
{
	const unsigned int n = *(const unsigned int *)arg;
	unsigned int i;

	for (i = job; i < n && !t->wrong; i += jobs)
		run(&corpus[i], t, false);
}

static void fuzz(u64 seed, u64 calls, double seconds, struct totals *t)
{
	struct stretch s = { .number = (seed << 32) + 1, .end = now() + seconds };
	unsigned int n = kept;

	in_jobs(fuzz_corpus, &n, t);
	while (t->calls < calls && now() < s.end && !t->wrong) {
		in_jobs(fuzz_stretch, &s, t);
		s.number += (u64)jobs * REST_EVERY;
	}
}

struct replay {
	char *text;
	u64 times;
};

/* A program a line; or, without "run" or another word before it, the file is one. */
static void replay_part(unsigned int job, void *arg, struct totals *t)
{
	const struct replay *what = arg;
	struct program p;
	char *line, *next;
	u64 i;

	(void)job;
	if (program_parse(&p, what->text)) {
		for (i = 0; i < what->times && !t->wrong; i++)
			run(&p, t, false);
		return;
	}
	for (line = what->text; line && *line; line = next) {
		char *start = strchr(line, ' ');

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!start || !program_parse(&p, start))
			continue;
		for (i = 0; i < what->times && !t->wrong; i++)
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

	while ((c = getopt(argc, argv, "s:c:t:r:n:j:x:")) != -1) {
		switch (c) {
		case 's': seed_given = strtoull(optarg, NULL, 0); break;
		case 'c': calls = strtoull(optarg, NULL, 0); break;
		case 't': seconds = strtod(optarg, NULL); break;
		case 'r': file = optarg; break;
		case 'j': jobs = strtoul(optarg, NULL, 0); break;
		case 'x': rounds = strtoul(optarg, NULL, 0); break;
		case 'n': times = strtoull(optarg, NULL, 0); break;
		default: return 2;
		}
	}
	if (!jobs || jobs > JOBS || !rounds || !kmsg_open("splats"))
		return 2;
	printf("coverage %s\n", jobs == 1 && kcov_open() ? "on" : "off");
	if (file) {
		struct replay what = { slurp(file), times };

		if (!what.text)
			return 2;
		in_jobs(replay_part, &what, &t);
	} else {
		if (optind < argc && !load_corpus(argv[optind]))
			return 2;
		fuzz(seed_given, calls, seconds, &t);
		if (t.programs == t.ended + t.late) {
			printf("WRONG: no program was judged\n");
			t.wrong++;
		}
	}
	kcov_print();
	printf("total: %llu programs, %llu calls, %llu ended themselves, %llu late, %llu wrong, %u kept, %u edges\n",
	       (unsigned long long)t.programs, (unsigned long long)t.calls,
	       (unsigned long long)t.ended, (unsigned long long)t.late,
	       (unsigned long long)t.wrong, kept, kcov_edges());
	return t.wrong ? 1 : 0;
}
