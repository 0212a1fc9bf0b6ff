// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on the core and on a plain map, compared after each.
 *
 *	--seed N	the seed; it is printed, and the same seed does the same
 *	--ops N		how many operations
 *
 * A run is a row of episodes: each takes a random region and CPU, does some
 * thousand operations, cuts the region in two in the middle of some, and unmaps all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diff.h"

#define TABLES		(PT_ENTRIES == 2 ? 40 : 700)
#define EPISODE		4096	/* operations */
#define HISTORY		16
#define LEAVES_FULL	3000	/* with more leaves than this, take some away */

#if PT_INDEX_BITS == 9
#define OPS		1500000ULL
#define CHECK_EACH	256	/* operations between two looks at everything */
#else
#define OPS		4000000ULL
#define CHECK_EACH	1
#endif

static struct diff diff;
static u64 seed, state, ops = OPS, done;
static struct op history[HISTORY];
static u64 total[OP_KINDS][PT_AGAIN + 1];

void world_fail(const char *format, ...)
{
	char text[128];
	va_list args;
	u64 i;

	printf("not ok 1 - the core agrees with a plain map\n# seed %lu, operation %lu: ",
	       seed, done);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n# region [%#lx, %#lx), frames below %#lx; the last operations:\n",
	       diff.w.pt.start, diff.w.pt.end, diff.w.pt.pa_limit);
	for (i = done < HISTORY ? 0 : done - HISTORY + 1; i <= done; i++) {
		op_print(text, sizeof(text), &history[i % HISTORY]);
		printf("#   %s\n", text);
	}
	printf("# again: %s --seed %lu --ops %lu\n1..1\n",
	       "differential", seed, done + 1);
	exit(EXIT_FAILURE);
}

static u64 below(u64 n)
{
	return diff_random(&state) % n;
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

/* Indices that meet edges and each other often. */
static u64 some_index(void)
{
	static const unsigned int favourite[] = { 0, 1, 2, 3, 255, 256, 510, 511 };

	return favourite[below(8)] % PT_ENTRIES;
}

/* An address in the region, small pages' multiple. */
static u64 inside(void)
{
	u64 start = diff.w.pt.start, end = diff.w.pt.end, va = 0;
	unsigned int level;

	if (diff.m.n && chance(60)) {
		va = diff.m.leaf[below(diff.m.n)].va;
		if (chance(30))
			va += (below(9) - 4) * 4096;
	} else {
		for (level = 1; level <= 4; level++)
			va += some_index() << ref_shift(level);
	}
	if (va < start || va >= end)
		va = start + va % (end - start);
	return va;
}

static u64 some_address(unsigned int level)
{
	u64 va = inside();

	if (chance(3))
		return va + 1 + below(4095);
	if (chance(3))
		return chance(50) ? diff.w.pt.end + below(3) * 4096 :
				    diff.w.pt.start - 4096 * below(3);
	if (chance(1))
		return ~0ULL << below(64);
	return chance(95) ? va - va % ref_size(level) : va;
}

static u64 some_frame(unsigned int level)
{
	u64 pa = (diff_random(&state) << 12) % diff.w.pt.pa_limit;

	pa -= pa % ref_size(level);
	if (chance(3))
		return pa + (1ULL << below(64));
	return pa;
}

/* How many pages a range has: mostly few, sometimes some tables full. */
static u64 some_count(void)
{
	if (chance(2))
		return below(2) ? 0 : ~0ULL >> below(64);
	if (PT_ENTRIES > 2 && chance(4))
		return below(1200);
	return 1 + below(chance(80) ? 5 : 20);
}

static u64 some_reserve(void)
{
	return chance(70) ? 3 * below(PT_ENTRIES) : below(4);
}

/* Any, or one of those without which there is little to be done to. */
static unsigned int some_kind(void)
{
	static const unsigned int often[] = {
		SPEC_OP_MAP, SPEC_OP_MAP, SPEC_OP_MAP, SPEC_OP_MAP, SPEC_OP_MAP_RANGE,
		SPEC_OP_UNMAP, SPEC_OP_UNMAP, SPEC_OP_PROTECT, OP_FOREIGN, OP_ACCESS,
	};

	if (chance(1) && done % EPISODE > EPISODE / 2)
		return OP_CUT;
	if (diff.m.n > LEAVES_FULL)
		return SPEC_OP_UNMAP_RANGE;
	if (chance(45))
		return often[below(sizeof(often) / sizeof(*often))];
	return SPEC_OP_MAP + (unsigned int)below(OP_CUT - SPEC_OP_MAP);
}

static void choose(struct op *op)
{
	op->kind = some_kind();
	op->level = (unsigned int)below(3) + 1;
	op->rights = (u32)below(PT_RIGHTS + 1);
	op->va = some_address(op->level);
	op->pa = some_frame(op->level);
	op->n = some_count();
	op->end = op->va + (op->n << (chance(70) ? 12 : ref_shift(op->level)));
	if (chance(10))
		op->end = some_address(1);
	if (op->kind == OP_RESERVE)
		op->n = some_reserve();
	if (chance(1) && op->kind != OP_FOREIGN)
		op->level = chance(50) ? 0 : 4;
	if (chance(1))
		op->rights |= 1U << below(32);
}

static void begin_episode(void)
{
	const u64 root = ref_size(4), top = root << PT_INDEX_BITS;
	unsigned int level = (unsigned int)below(4) + 1;
	u64 unit = ref_size(level), start, end;

	start = below(top / unit) * unit;
	end = start + unit * (1 + below(3));
	if (chance(15) || end > top) {
		start = 0;
		end = top;
	}
	diff_init(&diff, TABLES, start, end, 52 - (unsigned int)below(16));
	diff.busy_mmu = chance(50);
	diff.busy_linux = chance(50);
	diff.noise = diff_random(&state) | 1;
	diff.thorough = CHECK_EACH == 1;
	world_reserve(&diff.w, TABLES / 2);
}

static void end_episode(void)
{
	struct op all = { .kind = SPEC_OP_UNMAP_RANGE };
	unsigned int i;

	for (i = 0; i < diff.extents; i++) {
		if (i)
			diff.w.pt = diff.extent[1];
		all.va = diff.w.pt.start;
		all.end = diff.w.pt.end;
		diff_apply(&diff, &all);
	}
	if (diff.m.n)
		world_fail("mappings are left after everything was unmapped");
	diff.extents = 1;
	for (i = 0; i < OP_KINDS; i++) {
		unsigned int s;

		for (s = 0; s <= PT_AGAIN; s++)
			total[i][s] += diff.count[i][s];
	}
	diff_destroy(&diff);
}

static void run(void)
{
	for (done = 0; done < ops; done++) {
		struct op *op = &history[done % HISTORY];

		if (done % EPISODE == 0)
			begin_episode();
		if (diff.extents > 1 && chance(50)) {
			struct pt other = diff.extent[1];

			diff.extent[1] = diff.w.pt;
			diff.w.pt = other;
		}
		choose(op);
		diff_apply(&diff, op);
		if (done % CHECK_EACH == 0)
			diff_check(&diff);
		if (done % EPISODE == EPISODE - 1 || done == ops - 1)
			end_episode();
	}
}

static void report(void)
{
	unsigned int i;

	printf("# answers     %9s %9s %9s %9s %9s %9s\n", "OK", "EXISTS", "NOENT",
	       "INVALID", "NOMEM", "AGAIN");
	for (i = SPEC_OP_NONE + 1; i < SPEC_OP_KINDS; i++)
		printf("# %-13s %7lu %9lu %9lu %9lu %9lu %9lu\n", spec_op_name(i),
		       total[i][PT_OK], total[i][PT_EXISTS], total[i][PT_NOENT],
		       total[i][PT_INVALID], total[i][PT_NOMEM], total[i][PT_AGAIN]);
}

int main(int argc, char **argv)
{
	int i;

	seed = (u64)time(NULL);
	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--ops"))
			ops = strtoull(argv[i + 1], NULL, 0);
	}
	printf("# seed %lu, %lu operations, %d index bits\n", seed, ops, PT_INDEX_BITS);
	fflush(stdout);
	state = seed * 0x9e3779b97f4a7c15ULL | 1;
	run();
	report();
	printf("ok 1 - the core agrees with a plain map\n1..1\n");
	return EXIT_SUCCESS;
}
