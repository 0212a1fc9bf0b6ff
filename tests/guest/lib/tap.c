// SPDX-License-Identifier: GPL-2.0
/* Properties, each in a process of its own, and TAP. */
#include "guest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#define DETAILS		8	/* failures told in full, per property */
#define BUDGET		500000000ULL	/* ns that a loop may take, if not told otherwise */
#define SLOW		10	/* seconds, from which on we say so */
#define REST_SECONDS	10	/* frames and tables are freed by RCU, so later */

/* What a property's process tells its parent. */
struct verdict {
	_Atomic u64 failures;
	_Atomic int skipped;
	char reason[240];
	_Atomic int seed_told;		/* stays from one property to the next */
};

static struct verdict *verdict;
static u64 arg_count, arg_seed;
static const char *arg_filter;

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char line[600];
	int n = snprintf(line, sizeof(line), "# %s", prefix);

	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* One write, so that threads and processes do not mix their lines. */
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(1);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void failed_at(const char *file, int line, const char *fmt, ...)
{
	const char *slash = strrchr(file, '/');
	char where[80];
	va_list ap;

	if (atomic_fetch_add(&verdict->failures, 1) >= DETAILS)
		return;
	snprintf(where, sizeof(where), "%s:%d: ", slash ? slash + 1 : file, line);
	va_start(ap, fmt);
	say(where, fmt, ap);
	va_end(ap);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(verdict->reason, sizeof(verdict->reason), fmt, ap);
	va_end(ap);
	atomic_store(&verdict->skipped, 1);
	_exit(0);
}

static bool stats_at_rest(struct vpt_stats *s)
{
	int fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	int err = fd < 0 ? -errno : vu_stats(fd, s);

	if (fd >= 0)
		close(fd);
	return !err && s->files == 1 &&
	       s->frames_allocated == s->frames_freed &&
	       s->tables_allocated + s->tables_reclaimed_foreign ==
	       s->tables_freed + s->tables_transferred;
}

/* All that a property used must come back, though it was killed half-way. */
static void expect_rest(void)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	struct vpt_stats s = { 0 };
	int tries = REST_SECONDS * 50;

	while (!stats_at_rest(&s) && --tries)
		nanosleep(&tick, NULL);
	EXPECT(tries, "not at rest: files %llu, frames %llu - %llu, tables %llu + %llu - %llu - %llu",
	       s.files, s.frames_allocated, s.frames_freed, s.tables_allocated,
	       s.tables_reclaimed_foreign, s.tables_freed, s.tables_transferred);
}

static void in_child(const struct property *p)
{
	/* A thread that hangs in the kernel must not outlive its property. */
	if (setpgid(0, 0))
		_exit(1);
	p->run(p->arg);
	_exit(0);
}

/*
 * Wait for the child, at most @seconds; what it was killed by is a failure.  They are counted
 * in ticks slept here: while a busy host lets the guest stand still there are none.
 */
static void reap(pid_t child, unsigned int seconds)
{
	const struct timespec tick = { .tv_nsec = 2000000 };
	u64 ticks = seconds * (1000000000ULL / tick.tv_nsec);
	bool late = false;
	int status;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (!late && !ticks--) {
			late = true;
			kill(-child, SIGKILL);
		}
		nanosleep(&tick, NULL);
	}
	kill(-child, SIGKILL);
	EXPECT(!late, "still running after %u s", seconds);
	EXPECT(late || !WIFSIGNALED(status), "killed by signal %d (%s)",
	       WTERMSIG(status), strsignal(WTERMSIG(status)));
	EXPECT(!WIFEXITED(status) || !WEXITSTATUS(status) || verdict->failures,
	       "exit status %d", WEXITSTATUS(status));
}

/* Where check=full makes an operation cost what the table has, four times as long. */
static unsigned int limit_of(const struct property *p)
{
	return (p->seconds ? p->seconds : 300) * (checked_fully() ? 4 : 1);
}

/* What the property has left is not for the next. */
static void restore_check(const struct check_mode *mode)
{
	struct check_mode now;

	if (check_mode_read(&now) && strcmp(now.is, mode->is))
		EXPECT(check_mode_write(mode->is), "check=%s: %s", mode->is, strerror(errno));
}

static bool run_one(const struct property *p, size_t number, const struct check_mode *mode)
{
	time_t start;
	pid_t child;

	memset(verdict, 0, offsetof(struct verdict, seed_told));
	fflush(stdout);
	child = fork();
	if (child < 0)
		return false;
	if (!child)
		in_child(p);
	start = time(NULL);
	reap(child, limit_of(p));
	restore_check(mode);
	expect_rest();
	if (time(NULL) - start >= SLOW)
		note("took %u s", (unsigned int)(time(NULL) - start));
	if (verdict->failures)
		printf("not ok %zu - %s # %llu failures\n", number, p->name,
		       (unsigned long long)verdict->failures);
	else if (verdict->skipped)
		printf("ok %zu - %s # SKIP %s\n", number, p->name, verdict->reason);
	else
		printf("ok %zu - %s\n", number, p->name);
	fflush(stdout);
	return !verdict->failures;
}

int run_properties(int argc, char **argv, const struct property *p, size_t n)
{
	struct check_mode mode;
	size_t i, number = 0;
	bool ok = true;

	arg_count = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	arg_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	if (!arg_seed) {
		if (getrandom(&arg_seed, sizeof(arg_seed), 0) < 0)
			arg_seed = time(NULL);
		arg_seed = (arg_seed & 0xffffffff) | 1;
	}
	arg_filter = argc > 3 ? argv[3] : "";
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	check_mode_read(&mode);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < n; i++)
		if (strstr(p[i].name, arg_filter))
			number++;
	printf("1..%zu\n", number);
	for (i = 0, number = 0; i < n; i++)
		if (strstr(p[i].name, arg_filter))
			ok &= run_one(&p[i], ++number, &mode);
	return !ok;
}

u64 iterations(u64 preset)
{
	return arg_count ? arg_count : preset;
}

u64 paced(u64 n)
{
	return checked_fully() ? n / 8 : n;
}

u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

struct budget budget_of(u64 preset)
{
	return (struct budget) {
		.rounds = iterations(preset),
		.least = arg_count ? arg_count : paced(preset) / 10 + 1,
		.end = now_ns() + BUDGET,
	};
}

bool budget_left(const struct budget *b, u64 done)
{
	return done < b->rounds && (done < b->least || now_ns() < b->end);
}

u64 seed(void)
{
	if (!atomic_exchange(&verdict->seed_told, 1))
		note("seed %llu", (unsigned long long)arg_seed);
	return arg_seed;
}

struct rng rng_of(u64 stream)
{
	struct rng r = { (seed() + stream) * 0x9e3779b97f4a7c15ULL | 1 };

	rng_next(&r);
	return r;
}

/* xorshift64*, S. Vigna */
u64 rng_next(struct rng *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return (r->s * 0x2545f4914f6cdd1dULL) >> 16;
}
