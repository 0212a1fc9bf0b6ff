// SPDX-License-Identifier: GPL-2.0
/*
 * A short run of every operation at every size, for a module that checks itself
 * (check=full): first one after the other, then two threads at random in the same
 * places, then what Linux does of its own accord.  The answers are not judged here;
 * the run ends as soon as one is EIO, which is how the module says that it has
 * found a violation.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define STEPS		400	/* of each thread */
#define PLACES		6

static struct region region;
static u64 frame_4k, frame_2m;

/* A violation: nothing that follows would say more. */
static void answer(int err)
{
	REQUIRE(err != -EIO, "an operation is refused with EIO");
}

/* In two PTs side by side, first and last entries among them. */
static char *place(unsigned int i)
{
	static const u64 page[PLACES] = { 0, 1, 511, 512, 513, 1023 };

	return region.base + page[i] * VPT_4K;
}

static void touch(char *at)
{
	u64 value;

	probe_load(at, &value);
	probe_store(at, value + 1);
}

/* What there is at @at, of one size, through all that can happen to it. */
static void life_of_a_page(char *at, u64 size, u64 frame)
{
	int fd = region.fd;

	answer(vu_map(fd, at, size, RW, 0));
	touch(at);
	answer(vu_protect(fd, at, VPT_READ, NULL));
	touch(at);
	answer(vu_protect(fd, at, RWX, NULL));
	answer(vu_resolve(fd, at, NULL));
	if (frame) {
		answer(vu_map(fd, at + size, size, RW, frame));
		touch(at + size);
		answer(vu_remap(fd, at, frame, NULL));
		touch(at);
		answer(vu_unmap(fd, at + size, NULL));
		touch(at);
	}
	if (size < VPT_1G)
		answer(vu_remap(fd, at, 0, NULL));
	touch(at);
	answer(vu_map(fd, at, size, RW, 0));
	answer(vu_unmap(fd, at, NULL));
	touch(at);
	answer(vu_unmap(fd, at, NULL));
}

static void life_of_a_range(char *at, u64 size, u64 n)
{
	int fd = region.fd;
	u64 i;

	answer(vu_map_range(fd, at, n * size, size, RW, NULL));
	for (i = 0; i < n; i++)
		touch(at + i * size);
	answer(vu_protect_range(fd, at, n * size, VPT_READ, NULL));
	answer(vu_protect_range(fd, at, n * size, RWX, NULL));
	for (i = 0; i < n; i++)
		touch(at + i * size);
	answer(vu_unmap_range(fd, at + size, (n - 1) * size, NULL));
	touch(at);
	answer(vu_unmap_range(fd, at, n * size, NULL));
	answer(vu_unmap_range(fd, region.base, region.bytes, NULL));
}

static void one_after_the_other(void)
{
	life_of_a_page(place(2), VPT_4K, frame_4k);
	life_of_a_page(region.base, VPT_2M, frame_2m);
	life_of_a_page(region.base + VPT_1G, VPT_1G, 0);
	life_of_a_range(place(2), VPT_4K, 5);
	life_of_a_range(region.base, VPT_4K, 600);
	life_of_a_range(region.base + VPT_2M, VPT_2M, 2);
}

static void any_step(struct rng *rng)
{
	char *at = place((unsigned int)rng_below(rng, PLACES));
	u64 bytes = (1 + rng_below(rng, 4)) * VPT_4K;
	u32 prot = rng_below(rng, 2) ? RW : VPT_READ;
	int fd = region.fd;

	switch (rng_below(rng, 14)) {
	case 0 ... 3:
		answer(vu_map(fd, at, VPT_4K, prot, rng_below(rng, 2) ? frame_4k : 0));
		break;
	case 4 ... 6:
		answer(vu_unmap(fd, at, NULL));
		break;
	case 7:
		answer(vu_protect(fd, at, prot, NULL));
		break;
	case 8:
		answer(vu_remap(fd, at, rng_below(rng, 2) ? frame_4k : 0, NULL));
		break;
	case 9:
		answer(vu_map_range(fd, at, bytes, VPT_4K, prot, NULL));
		break;
	case 10:
		answer(vu_unmap_range(fd, at, bytes, NULL));
		break;
	case 11:
		answer(vu_protect_range(fd, at, bytes, prot, NULL));
		break;
	case 12:
		answer(vu_map(fd, region.base, VPT_2M, RW, frame_2m));
		break;
	default:
		answer(vu_resolve(fd, at, NULL));
	}
	touch(at);
}

static void *work(void *arg)
{
	struct rng rng = rng_of((u64)arg);
	unsigned int i;

	pin_to((u64)arg);
	for (i = 0; i < STEPS; i++)
		any_step(&rng);
	return NULL;
}

static void two_at_once(void)
{
	pthread_t other;

	pthread_create(&other, NULL, work, (void *)1);
	work(NULL);
	pthread_join(other, NULL);
	answer(vu_unmap_range(region.fd, region.base, region.bytes, NULL));
}

/* Walkers of Linux's that split a 1 GiB leaf, and munmap through the middle. */
static void what_linux_does(void)
{
	char *cut = region.base + 7 * VPT_4K, line[4096];
	int fd;

	answer(vu_map(region.fd, region.base + VPT_1G, VPT_1G, RW, 0));
	touch(region.base + VPT_1G);
	fd = open("/proc/self/smaps", O_RDONLY);
	while (read(fd, line, sizeof(line)) > 0)
		;
	close(fd);
	touch(region.base + VPT_1G + VPT_2M);
	answer(vu_unmap(region.fd, region.base + VPT_1G, NULL));
	life_of_a_range(region.base, VPT_4K, 16);
	answer(vu_map_range(region.fd, region.base, 16 * VPT_4K, VPT_4K, RW, NULL));
	munmap(cut, VPT_4K);
	answer(vu_resolve(region.fd, region.base, NULL));
	answer(vu_unmap_range(region.fd, region.base, 7 * VPT_4K, NULL));
	answer(vu_map(region.fd, cut + VPT_4K, VPT_4K, RW, 0));
	answer(vu_unmap_range(region.fd, cut + VPT_4K, 8 * VPT_4K, NULL));
	answer(vu_resolve(region.fd, cut + VPT_4K, NULL));
}

static void use(u64 flags)
{
	region_open(&region, 2, (u32)flags, PROT_READ | PROT_WRITE | PROT_EXEC);
	answer(vu_frame_alloc(region.fd, VPT_4K, &frame_4k));
	if (have_size(region.fd, VPT_2M))
		answer(vu_frame_alloc(region.fd, VPT_2M, &frame_2m));
	one_after_the_other();
	two_at_once();
	what_linux_does();
	region_close(&region);
}

/* Ended by a signal amid its use. */
static void killed(u64 unused)
{
	pid_t child = must_fork();

	(void)unused;
	if (!child) {
		region_rw(&region, 1, 0);
		frame_4k = 0;
		for (;;)
			life_of_a_range(region.base, VPT_4K, 20);
	}
	usleep(200000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "strict: no operation finds a violation", use, VPT_STRICT, 60 },
		{ "demand: no operation finds a violation", use, 0, 60 },
		{ "killed: the end finds none", killed, 0, 60 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
