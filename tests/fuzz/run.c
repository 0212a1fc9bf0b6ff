// SPDX-License-Identifier: GPL-2.0
/* Run one program in a process of its own, and judge what it leaves behind. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define SECONDS		60		/* for one program; a busy host is slow */
#define REST_TICKS	500		/* of 20 ms: tables are freed after RCU's grace period */

enum {
	EXIT_ENDED = 10,
	EXIT_WRONG,
};

static const struct program *program;
static unsigned int program_rounds;
static struct state state;
static _Atomic u64 started;

static void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *fmt, ...)
{
	char line[300];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(line, sizeof(line), "WRONG: ");
	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(EXIT_WRONG);
}

static void *thread_main(void *arg)
{
	unsigned int thread = (unsigned long)arg, round, i;

	kcov_thread(thread);
	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < MAX_THREADS)
		sched_yield();
	for (round = 0; round < program_rounds; round++)
		for (i = 0; i < program->n; i++)
			if (program->call[i].thread == thread)
				what_of(program->call[i].what)->run(&state,
								    program->call[i].arg);
	return NULL;
}

/*
 * What RESOLVE says of a page and what an access finds must be one and the same. In
 * strict mode a page that is not mapped cannot be read; and no page holds what nobody
 * has written there.
 */
static bool judge_page(char *page)
{
	struct vpt_page found;
	int err = vu_resolve(state.fd, page, &found);
	enum probe got;
	u64 value = 0;

	if (err && err != -ENOENT)
		return true;		/* a hole, where anything may be by now */
	got = probe_load(page + MARK_AT, &value);
	if (err && state.strict && got != PROBE_SEGV) {
		complain("page %p is not mapped and can be read: %#llx", page,
			 (unsigned long long)value);
		return false;
	}
	if (!err && got != PROBE_OK) {
		complain("page %p is mapped and cannot be read", page);
		return false;
	}
	if (got == PROBE_OK && value && value != MARK) {
		complain("page %p holds %#llx, which nobody wrote", page,
			 (unsigned long long)value);
		return false;
	}
	return true;
}

static bool judge(void)
{
	unsigned int i, j;
	struct vpt_check c;
	int err = vu_check(state.fd, &c);

	if (err && err != -ENXIO) {
		complain("CHECK: %s", strerror(-err));
		return false;
	}
	if (!err && c.violations) {
		complain("CHECK: %llu violations, first of invariant %u (%s), level %u, address %llx, entry %llx",
			 c.violations, c.invariant, c.name, c.level, c.addr, c.entry);
		return false;
	}
	for (i = 0; i < 16; i++)
		for (j = 0; j < 4; j++) {
			char *page = page_at(&state, i) + j * VPT_4K;

			if (page < state.base + state.bytes && !judge_page(page))
				return false;
		}
	return true;
}

/* The first call's numbers say how the region is, so that it is changed like a call. */
static void region_for(const struct program *p)
{
	const uint8_t *a = p->call[0].arg;

	state.bytes = (1 + a[3] % 3) * VPT_1G;
	state.strict = a[2] & 1;
	state.fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	if (state.fd < 0 || (state.strict && vu_config(state.fd, VPT_STRICT)))
		_exit(EXIT_ENDED);
	state.base = mmap(NULL, state.bytes, PROT_READ | PROT_WRITE |
			  (a[2] & 2 ? PROT_EXEC : 0), MAP_SHARED, state.fd, 0);
	if (state.base == MAP_FAILED)
		_exit(EXIT_ENDED);
}

static void in_child(void)
{
	const struct rlimit locked = { 512 << 20, 512 << 20 };
	pthread_t thread[MAX_THREADS];
	unsigned long i;

	setpgid(0, 0);
	if (program->call[0].arg[1] & 4)
		setrlimit(RLIMIT_MEMLOCK, &locked);
	kcov_thread(MAX_THREADS);
	region_for(program);
	for (i = 0; i < MAX_THREADS; i++)
		if (pthread_create(&thread[i], NULL, thread_main, (void *)i))
			_exit(EXIT_ENDED);
	for (i = 0; i < MAX_THREADS; i++)
		pthread_join(thread[i], NULL);
	if (state.ends)
		_exit(EXIT_ENDED);
	_exit(judge() ? 0 : EXIT_WRONG);
}

static void on_child(int sig)
{
	(void)sig;
}

/*
 * Whether a thread of the process is asleep in the module.  Elsewhere it may well be, as in a
 * fault that userfaultfd has to answer; but not in there, for so long.
 */
static bool sleeps_in_module(pid_t child)
{
	char path[300], where[100] = "";
	struct dirent *task;
	bool sleeps = false;
	DIR *tasks;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", child);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/wchan", child, task->d_name);
		f = task->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!f)
			continue;
		if (fgets(where, sizeof(where), f) && !strncmp(where, "vpt_", 4)) {
			complain("a thread waits in %s()", where);
			sleeps = true;
		}
		fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return sleeps;
}

/* Wait for it, but not for ever. */
static enum outcome reap(pid_t child, int *status)
{
	enum outcome late;

	struct timespec t = { .tv_sec = SECONDS };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (waitpid(child, status, WNOHANG) == 0) {
		if (sigtimedwait(&set, NULL, &t) < 0 && errno == EAGAIN) {
			late = sleeps_in_module(child) ? STUCK : LATE;
			kill(-child, SIGKILL);
			waitpid(child, status, 0);
			return late;
		}
	}
	return RAN;
}

enum outcome program_run(const struct program *p, unsigned int rounds)
{
	sigset_t set;
	enum outcome outcome;
	pid_t child;
	int status;

	signal(SIGCHLD, on_child);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	program = p;
	program_rounds = rounds;
	kcov_reset();
	fflush(stdout);
	child = fork();
	if (child < 0)
		return ENDED;
	if (!child)
		in_child();
	outcome = reap(child, &status);
	kill(-child, SIGKILL);
	if (kmsg_complains())
		return WRONG;
	if (outcome != RAN)
		return outcome;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WRONG)
		return WRONG;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? RAN : ENDED;
}

static bool resting(struct vpt_stats *s)
{
	int fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	int err = fd < 0 ? -errno : vu_stats(fd, s);

	if (fd >= 0)
		close(fd);
	return !err && s->files == 1 && s->frames_allocated == s->frames_freed &&
	       s->tables_allocated + s->tables_reclaimed_foreign ==
	       s->tables_freed + s->tables_transferred;
}

bool at_rest(void)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	struct vpt_stats s = { 0 };
	unsigned int i;

	for (i = 0; i < REST_TICKS; i++) {
		if (resting(&s))
			return true;
		nanosleep(&tick, NULL);
	}
	complain("not at rest: files %llu, frames %llu - %llu, tables %llu + %llu - %llu - %llu",
		 s.files, s.frames_allocated, s.frames_freed, s.tables_allocated,
		 s.tables_reclaimed_foreign, s.tables_freed, s.tables_transferred);
	return false;
}
