// SPDX-License-Identifier: GPL-2.0
#include "bench_guest.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void samples_init(struct samples *s, unsigned int room)
{
	s->n = 0;
	s->room = room;
	s->ticks = calloc(room, sizeof(*s->ticks));
	if (!s->ticks)
		err(1, "samples");
	/* Faults of our own must not fall into what is measured. */
	memset(s->ticks, 1, room * sizeof(*s->ticks));
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

void samples_print(struct samples *s, const char *members, ...)
{
	unsigned int i, first;
	va_list args;

	qsort(s->ticks, s->n, sizeof(*s->ticks), by_value);
	printf("{");
	va_start(args, members);
	vprintf(members, args);
	va_end(args);
	printf(",\"histogram\":[");
	for (i = 0; i < s->n; ) {
		first = i;
		while (i < s->n && s->ticks[i] == s->ticks[first])
			i++;
		printf("%s[%llu,%u]", first ? "," : "",
		       (unsigned long long)s->ticks[first], i - first);
	}
	printf("]}\n");
	fflush(stdout);
	s->n = 0;
}

double wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void print_clock(const char *unit)
{
	struct samples s;
	double start;
	u64 ticks;
	int i;

	start = wall_ns();
	ticks = ticks_now();
	while (wall_ns() < start + 2e7)
		;
	printf("{\"experiment\":\"about\",\"unit\":\"%s\",\"ticks_per_ns\":%.4f}\n", unit,
	       (double)(ticks_now() - ticks) / (wall_ns() - start));

	samples_init(&s, 1000);
	for (i = 0; i < 1000; i++) {
		ticks = ticks_now();
		samples_add(&s, ticks_now() - ticks);
	}
	samples_print(&s, "\"experiment\":\"clock\",\"unit\":\"ticks\"");
	free(s.ticks);
}

void region_open(struct region *r, unsigned int gib)
{
	r->bytes = (u64)gib << 30;
	r->fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	if (r->fd < 0)
		err(1, VPT_DEVICE);
	r->base = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->base == MAP_FAILED)
		err(1, "mmap of " VPT_DEVICE);
}

void region_close(struct region *r)
{
	munmap(r->base, r->bytes);
	close(r->fd);
}

static void call(struct region *r, unsigned long request, void *arg, const char *name)
{
	if (ioctl(r->fd, request, arg))
		err(1, "%s", name);
}

void vpt_map(struct region *r, char *va)
{
	struct vpt_page p = {
		.argsz = sizeof(p), .addr = (u64)va, .page_size = VPT_4K,
		.prot = VPT_READ | VPT_WRITE,
	};

	call(r, VPT_IOC_MAP, &p, "MAP");
}

void vpt_protect(struct region *r, char *va, u32 prot)
{
	struct vpt_page p = { .argsz = sizeof(p), .addr = (u64)va, .prot = prot };

	call(r, VPT_IOC_PROTECT, &p, "PROTECT");
}

void vpt_unmap(struct region *r, char *va)
{
	struct vpt_page p = { .argsz = sizeof(p), .addr = (u64)va };

	call(r, VPT_IOC_UNMAP, &p, "UNMAP");
}

void vpt_map_range(struct region *r, char *va, u64 bytes)
{
	struct vpt_range a = {
		.argsz = sizeof(a), .addr = (u64)va, .length = bytes, .page_size = VPT_4K,
		.prot = VPT_READ | VPT_WRITE,
	};

	call(r, VPT_IOC_MAP_RANGE, &a, "MAP_RANGE");
}

void vpt_protect_range(struct region *r, char *va, u64 bytes, u32 prot)
{
	struct vpt_range a = {
		.argsz = sizeof(a), .addr = (u64)va, .length = bytes, .prot = prot,
	};

	call(r, VPT_IOC_PROTECT_RANGE, &a, "PROTECT_RANGE");
}

void vpt_unmap_range(struct region *r, char *va, u64 bytes)
{
	struct vpt_range a = { .argsz = sizeof(a), .addr = (u64)va, .length = bytes };

	call(r, VPT_IOC_UNMAP_RANGE, &a, "UNMAP_RANGE");
}

void pin_to(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

unsigned int cpus(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

#define SPINNERS	64

static pthread_t spinner[SPINNERS];
static unsigned int nspinners;
static volatile bool stop;

static void *spin(void *cpu)
{
	pin_to((unsigned int)(uintptr_t)cpu);
	while (!stop)
		__builtin_ia32_pause();
	return NULL;
}

void spinners_start(unsigned int n)
{
	stop = false;
	for (nspinners = 0; nspinners < n && nspinners < SPINNERS; nspinners++) {
		if (pthread_create(&spinner[nspinners], NULL, spin,
				   (void *)(uintptr_t)(nspinners + 1)))
			errx(1, "no thread");
	}
}

void spinners_stop(void)
{
	stop = true;
	while (nspinners)
		pthread_join(spinner[--nspinners], NULL);
}
