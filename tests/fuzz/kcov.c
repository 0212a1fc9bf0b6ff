// SPDX-License-Identifier: GPL-2.0
/*
 * KCOV: which blocks of the module each thread of a program went through. The debug
 * kernels have KCOV for nothing but the module (Kbuild), so all that is traced is its.
 * The buffers are opened before the fork; the kernel writes, the engine reads.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/kcov.h>

#define WORDS		(32 << 10)	/* per thread; what comes later is not seen */
#define EDGES		(1 << 18)

static struct {
	int fd;
	u64 *area;
} kcov[MAX_THREADS + 1];		/* the last one is the program's main thread */

static uint8_t edge[EDGES];
static unsigned int edges;

/* Blocks reached: an open hash of addresses. */
#define BLOCKS		(1 << 16)
static u64 block[BLOCKS];

bool kcov_open(void)
{
	unsigned int i;

	for (i = 0; i <= MAX_THREADS; i++) {
		kcov[i].fd = open("/sys/kernel/debug/kcov", O_RDWR);
		if (kcov[i].fd < 0 || ioctl(kcov[i].fd, KCOV_INIT_TRACE, WORDS))
			return false;
		kcov[i].area = mmap(NULL, WORDS * sizeof(u64), PROT_READ | PROT_WRITE,
				    MAP_SHARED, kcov[i].fd, 0);
		if (kcov[i].area == MAP_FAILED)
			return false;
	}
	return true;
}

void kcov_thread(unsigned int thread)
{
	if (kcov[thread].area)
		ioctl(kcov[thread].fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

void kcov_reset(void)
{
	unsigned int i;

	for (i = 0; i <= MAX_THREADS; i++)
		if (kcov[i].area)
			atomic_store((_Atomic u64 *)kcov[i].area, 0);
}

static void block_add(u64 pc)
{
	unsigned int i = (pc * 0x9e3779b97f4a7c15ULL) >> 48;

	while (block[i] && block[i] != pc)
		i = (i + 1) % BLOCKS;
	block[i] = pc;
}

unsigned int kcov_collect(void)
{
	unsigned int thread, fresh = 0;
	u64 i, n;

	for (thread = 0; thread <= MAX_THREADS; thread++) {
		u64 last = 0;

		if (!kcov[thread].area)
			return 0;
		n = atomic_load((_Atomic u64 *)kcov[thread].area);
		for (i = 1; i <= n && i < WORDS; i++) {
			u64 pc = kcov[thread].area[i];
			u64 e = ((last * 31 + pc) * 0x9e3779b97f4a7c15ULL) >> 46;

			last = pc;
			if (edge[e])
				continue;
			edge[e] = 1;
			fresh++;
			block_add(pc);
		}
	}
	edges += fresh;
	return fresh;
}

unsigned int kcov_edges(void)
{
	return edges;
}

static u64 module_text(void)
{
	FILE *f = fopen("/sys/module/vpt/sections/.text", "r");
	unsigned long long at = 0;

	if (f) {
		if (fscanf(f, "%llx", &at) != 1)
			at = 0;
		fclose(f);
	}
	return at;
}

void kcov_print(void)
{
	u64 text = module_text();
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		if (block[i])
			printf("block %llx\n", (unsigned long long)(block[i] - text));
}
