// SPDX-License-Identifier: GPL-2.0
/*
 * How often threads wait for each other's locks:
 *
 *	waits ROUNDS
 *
 * One thread on each CPU maps, touches, protects and unmaps pages of its own in one region:
 * on a PT of its own, and then, so that the count is seen to count, all in one PT.  The
 * kernel's own tracepoint tells of each time that a lock was not free.  It is heard only while
 * all threads are there, since Linux has mutexes for those that come and go: a mutex that one
 * waits for meanwhile is vpt's.
 */
#include "bench_guest.h"

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#define THREADS		64
#define PT_BYTES	(512 * PAGE)
#define TRACEFS		"/sys/kernel/tracing"
#define EVENT		TRACEFS "/events/lock/contention_begin"
#define WORKER		"vpt-waits"
#define HISTOGRAM	"hist:keys=flags if comm == \"" WORKER "\""

/* As include/trace/events/lock.h has it. */
#define WAITED_FOR_MUTEX	(1U << 5)

enum kind { OWN_PT, ONE_PT, KINDS };
static const char *const where[KINDS] = { "one", "one PT" };

struct worker {
	pthread_t thread;
	unsigned int cpu;
	unsigned int rounds;
	struct region *r;
	char *va;
	pthread_barrier_t *all;		/* workers, and who counts */
};

static void *work(void *arg)
{
	struct worker *me = arg;
	unsigned int i;

	pin_to(me->cpu);
	prctl(PR_SET_NAME, WORKER);
	pthread_barrier_wait(me->all);	/* all are there */
	pthread_barrier_wait(me->all);	/* their waits count */
	for (i = 0; i < me->rounds; i++) {
		vpt_map(me->r, me->va);
		*(volatile char *)me->va = 1;
		vpt_protect(me->r, me->va, VPT_READ);
		vpt_unmap(me->r, me->va);
	}
	pthread_barrier_wait(me->all);	/* all have done it */
	pthread_barrier_wait(me->all);	/* their waits have been counted */
	return NULL;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* Waits that the histogram has, for mutexes and for all other locks. */
static void read_waits(u64 *mutex, u64 *other)
{
	FILE *f = fopen(EVENT "/hist", "r");
	unsigned long long count;
	char line[256];
	u64 flags;

	if (!f)
		err(1, EVENT "/hist");
	*mutex = *other = 0;
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "flags:"), *hits = strstr(line, "hitcount:");

		if (!at || !hits)
			continue;
		flags = strtoull(at + strlen("flags:"), NULL, 0);
		count = strtoull(hits + strlen("hitcount:"), NULL, 10);
		*(flags & WAITED_FOR_MUTEX ? mutex : other) += count;
	}
	fclose(f);
}

/* Count from when all are there, and before any of them goes. */
static void count(pthread_barrier_t *all, u64 *mutex, u64 *other)
{
	pthread_barrier_wait(all);
	write_file(EVENT "/trigger", HISTOGRAM "\n");
	pthread_barrier_wait(all);
	pthread_barrier_wait(all);
	read_waits(mutex, other);
	write_file(EVENT "/trigger", "!" HISTOGRAM "\n");
	pthread_barrier_wait(all);
}

/* What the threads do is the same in both places, but for where their pages are. */
static void measure(enum kind kind, unsigned int n, unsigned int rounds)
{
	struct worker worker[THREADS];
	pthread_barrier_t all;
	struct region r;
	unsigned int i;
	u64 mutex, other;

	region_open(&r, 1);
	pthread_barrier_init(&all, NULL, n + 1);
	for (i = 0; i < n; i++) {
		worker[i] = (struct worker){
			.cpu = i, .rounds = rounds, .r = &r, .all = &all,
			.va = r.base + i * (kind == OWN_PT ? PT_BYTES : 2 * PAGE),
		};
		/* A neighbour, so that no table comes and goes. */
		vpt_map(&r, worker[i].va + PAGE);
	}
	for (i = 0; i < n; i++) {
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			errx(1, "no thread");
	}
	count(&all, &mutex, &other);
	for (i = 0; i < n; i++)
		pthread_join(worker[i].thread, NULL);
	printf("{\"experiment\":\"waits\",\"regions\":\"%s\",\"threads\":%u,\"unit\":\"waits\","
	       "\"operations\":%u,\"other\":%llu,\"samples\":[%llu]}\n", where[kind], n,
	       4 * n * rounds, (unsigned long long)other, (unsigned long long)mutex);
	fflush(stdout);
	pthread_barrier_destroy(&all);
	region_close(&r);
}

int main(int argc, char **argv)
{
	unsigned int n = cpus(), rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 1000;
	int kind;

	if (n > THREADS)
		n = THREADS;
	if (access(TRACEFS "/events", F_OK) && mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		err(1, TRACEFS);
	for (kind = 0; kind < KINDS; kind++)
		measure(kind, n, rounds);
	return 0;
}
