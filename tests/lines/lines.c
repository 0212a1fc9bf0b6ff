// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: a thread on each CPU does every operation on pages of its own in one region, and
 * marks what it does (marks.h), for the plugin that notes who writes what.
 *
 *	lines ROUNDS
 *
 * Leaves beside it what names what the plugin has noted: "places", of each scene, and "symbols.gz".
 */
#include "../guest/lib/guest.h"
#include "marks.h"

#include <fcntl.h>

#define THREADS		16
#define PT_BYTES	(512 * VPT_4K)
#define SLICE		16	/* pages of a thread in one PT */
#define RANGE		8

/* Rounds until each span has its lock, and each list its pages. */
#define WARM_UP		4

struct worker {
	pthread_t thread;
	unsigned int cpu;
	unsigned int rounds;
	enum scene scene;
	int fd;
	char *va;		/* SLICE pages, of which the last stays mapped */
	bool marks;
	pthread_barrier_t *all;
};

static volatile u64 *const marks = (volatile u64 *)MARKS_ADDR;

static void mark(const struct worker *me, enum kind kind)
{
	marks[me->marks ? MARK(me->scene, kind) : MARK_OFF] = 1;
}

/* Do it, marked. */
#define DO(me, kind, call)						\
	({								\
		int err_;						\
									\
		mark(me, KIND_##kind);					\
		err_ = (call);						\
		marks[MARK_OFF] = 1;					\
		REQUIRE(!err_, "%s: %s", #kind, strerror(-err_));	\
	})

static int touch(volatile char *va)
{
	*va = 1;
	return 0;
}

static void single(const struct worker *me, char *va)
{
	DO(me, MAP, vu_map(me->fd, va, VPT_4K, RW, 0));
	DO(me, TOUCH, touch(va + VPT_4K));
	DO(me, PROTECT, vu_protect(me->fd, va, VPT_READ, NULL));
	DO(me, RESOLVE, vu_resolve(me->fd, va, NULL));
	DO(me, REMAP, vu_remap(me->fd, va, 0, NULL));
	DO(me, UNMAP, vu_unmap(me->fd, va, NULL));
	DO(me, UNMAP, vu_unmap(me->fd, va + VPT_4K, NULL));
}

static void range(const struct worker *me, char *va)
{
	u64 i;

	DO(me, MAP_RANGE, vu_map_range(me->fd, va, RANGE * VPT_4K, VPT_4K, RW, NULL));
	DO(me, PROTECT_RANGE, vu_protect_range(me->fd, va, RANGE * VPT_4K, VPT_READ, NULL));
	for (i = 0; i < RANGE; i++)
		DO(me, UNMAP, vu_unmap(me->fd, va + i * VPT_4K, NULL));
}

/* All spans are taken: what comes after it on the way back to single ones is not marked. */
static void range_at_once(struct worker *me, char *va)
{
	const bool marked = me->marks;

	me->marks = false;
	DO(me, MAP_RANGE, vu_map_range(me->fd, va, RANGE * VPT_4K, VPT_4K, RW, NULL));
	me->marks = marked;
	DO(me, UNMAP_RANGE, vu_unmap_range(me->fd, va, RANGE * VPT_4K, NULL));
}

static void *work(void *arg)
{
	struct worker *me = arg;
	unsigned int i;

	pin_to(me->cpu);
	for (i = 0; i < WARM_UP + me->rounds; i++) {
		if (i <= WARM_UP)
			pthread_barrier_wait(me->all);
		me->marks = i >= WARM_UP;
		if (me->scene == SCENE_OWN_PTS_RANGE) {
			range_at_once(me, me->va);
			continue;
		}
		single(me, me->va);
		range(me, me->va + 2 * VPT_4K);
	}
	/* What a thread frees at its end it does when all are done. */
	pthread_barrier_wait(me->all);
	return NULL;
}

static void copy(FILE *to, int from, const char *before)
{
	char line[256];
	FILE *f = fdopen(from, "r");

	REQUIRE(f, "fdopen: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		fprintf(to, "%s%s", before, line);
	fclose(f);
}

static void save_places(FILE *to, enum scene scene, int fd)
{
	const int places = module_device("places");
	char before[16];

	REQUIRE(write(places, &fd, sizeof(fd)) == sizeof(fd), "places: %s", strerror(errno));
	snprintf(before, sizeof(before), "%d ", scene);
	copy(to, places, before);
}

static void play(enum scene scene, unsigned int n, unsigned int rounds, FILE *places)
{
	struct worker worker[THREADS];
	pthread_barrier_t all;
	struct region r;
	unsigned int i;

	region_rw(&r, 1, 0);
	pthread_barrier_init(&all, NULL, n);
	for (i = 0; i < n; i++) {
		worker[i] = (struct worker){
			.cpu = i, .rounds = rounds, .scene = scene, .fd = r.fd, .all = &all,
			.va = r.base + i * (scene == SCENE_ONE_PT ? SLICE * VPT_4K : PT_BYTES),
		};
		touch(worker[i].va + (SLICE - 1) * VPT_4K);
	}
	save_places(places, scene, r.fd);
	for (i = 0; i < n; i++)
		REQUIRE(!pthread_create(&worker[i].thread, NULL, work, &worker[i]), "no thread");
	for (i = 0; i < n; i++)
		pthread_join(worker[i].thread, NULL);
	pthread_barrier_destroy(&all);
	region_close(&r);
}

static FILE *create(const char *name)
{
	FILE *f = fopen(name, "w");

	REQUIRE(f, "%s: %s", name, strerror(errno));
	return f;
}

/* Of instructions and of modules' data.  The names of the kernel's own data are not needed. */
static void save_symbols(void)
{
	FILE *from = fopen("/proc/kallsyms", "r"), *to = popen("gzip -1 >symbols.gz", "w");
	char line[512], type;
	u64 addr;

	REQUIRE(from && to, "kallsyms: %s", strerror(errno));
	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "%lx %c", &addr, &type) == 2 &&
		    (strchr("tTwW", type) || strchr(line, '[')))
			fputs(line, to);
	}
	fclose(from);
	REQUIRE(!pclose(to), "gzip failed");
}

int main(int argc, char **argv)
{
	const unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 30;
	FILE *places = create("places");
	int scene;

	REQUIRE(mmap((void *)marks, VPT_4K, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)marks,
		"mmap of the marks: %s", strerror(errno));
	marks[MARK_OFF] = 1;
	for (scene = 0; scene < NSCENES; scene++)
		play(scene, cpus() < THREADS ? cpus() : THREADS, rounds, places);
	fclose(places);
	save_symbols();
	return 0;
}
