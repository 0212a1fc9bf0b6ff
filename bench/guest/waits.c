// SPDX-License-Identifier: GPL-2.0
/*
 * How often threads wait for each other's locks:
 *
 *	waits ROUNDS
 *
 * One thread on each CPU maps, touches, protects and unmaps pages of its own in one region:
 * on a PT of its own, and then, so that the count is seen to count, all in one PT.  The
 * kernel's own tracepoint tells of each time that a lock was not free; a mutex that this
 * program waits for is vpt's.
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
#define HISTOGRAM	"hist:keys=flags if comm == \"vpt-waits\""

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
	pthread_barrier_t *start;
};

static void *work(void *arg)
{
	struct worker *me = arg;
	unsigned int i;

	pin_to(me->cpu);
	pthread_barrier_wait(me->start);
	for (i = 0; i < me->rounds; i++) {
		vpt_map(me->r, me->va);
		*(volatile char *)me->va = 1;
		vpt_protect(me->r, me->va, VPT_READ);
		vpt_unmap(me->r, me->va);
	}
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

/* What the threads do is the same in both places, but for where their pages are. */
static void measure(enum kind kind, unsigned int n, unsigned int rounds)
{
	struct worker worker[THREADS];
	pthread_barrier_t start;
	struct region r;
	unsigned int i;
	u64 mutex, other;

	region_open(&r, 1);
	pthread_barrier_init(&start, NULL, n);
	for (i = 0; i < n; i++) {
		worker[i] = (struct worker){
			.cpu = i, .rounds = rounds, .r = &r, .start = &start,
			.va = r.base + i * (kind == OWN_PT ? PT_BYTES : 2 * PAGE),
		};
		/* A neighbour, so that no table comes and goes. */
		vpt_map(&r, worker[i].va + PAGE);
	}
	write_file(EVENT "/trigger", HISTOGRAM "\n");
	for (i = 0; i < n; i++) {
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			errx(1, "no thread");
	}
	for (i = 0; i < n; i++)
		pthread_join(worker[i].thread, NULL);
	read_waits(&mutex, &other);
	write_file(EVENT "/trigger", "!" HISTOGRAM "\n");
	printf("{\"experiment\":\"waits\",\"regions\":\"%s\",\"threads\":%u,\"unit\":\"waits\","
	       "\"operations\":%u,\"other\":%llu,\"samples\":[%llu]}\n", where[kind], n,
	       4 * n * rounds, (unsigned long long)other, (unsigned long long)mutex);
	fflush(stdout);
	pthread_barrier_destroy(&start);
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
	prctl(PR_SET_NAME, "vpt-waits");
	for (kind = 0; kind < KINDS; kind++)
		measure(kind, n, rounds);
	return 0;
}
