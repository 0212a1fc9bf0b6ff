// SPDX-License-Identifier: GPL-2.0
/*
 * Every sequence of a few operations in the smallest geometry, compared with the
 * plain map after each.  Each operation is tried at each place where it could do
 * something of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "diff.h"

#define TABLES		24
#define ALPHABET	1024
#define LENGTH		4

static struct diff diff;
static struct op alphabet[ALPHABET];
static unsigned int letters, word[LENGTH], tests;
static int position;
static const char *what;

void world_fail(const char *format, ...)
{
	char text[128];
	va_list args;
	int i;

	printf("not ok %u - %s\n# ", tests + 1, what);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n# region [%#lx, %#lx), after:\n", diff.w.pt.start, diff.w.pt.end);
	for (i = 0; i <= position; i++) {
		op_print(text, sizeof(text), &alphabet[word[i]]);
		printf("#   %s\n", text);
	}
	printf("1..%u\n", tests + 1);
	exit(EXIT_FAILURE);
}

static void add(struct op op)
{
	if (letters == ALPHABET)
		world_fail("the alphabet is too small");
	alphabet[letters++] = op;
}

/* Operations on one mapping of [@start, @end). */
static void add_singles(u64 start, u64 end)
{
	unsigned int level;
	u64 va;

	for (level = 1; level <= 3; level++)
		for (va = start; va < end; va += ref_size(level))
			add((struct op){
				.kind = SPEC_OP_MAP, .va = va, .pa = va + (1 << 20),
				.level = level, .rights = PT_RIGHTS,
			});
	for (va = start; va < end; va += 4096) {
		add((struct op){ .kind = SPEC_OP_UNMAP, .va = va });
		add((struct op){ .kind = SPEC_OP_PROTECT, .va = va, .rights = PT_USER });
	}
	for (va = start; va < end; va += ref_size(2))
		add((struct op){ .kind = SPEC_OP_SPLIT, .va = va });
	for (level = 1; level <= 3; level++)
		for (va = start; va < end; va += ref_size(level + 1))
			add((struct op){ .kind = OP_FOREIGN, .va = va, .level = level });
	for (va = 0; va < 3; va++)
		add((struct op){ .kind = OP_RESERVE, .n = va });
}

static void add_ranges(u64 start, u64 end)
{
	u64 va, to;

	for (va = start; va < end; va += 4096) {
		add((struct op){ .kind = OP_ACCESS, .va = va, .rights = PT_WRITE });
		add((struct op){ .kind = OP_CUT, .va = va });
		for (to = va + 4096; to <= end; to += 4096) {
			add((struct op){ .kind = SPEC_OP_UNMAP_RANGE, .va = va, .end = to });
			add((struct op){
				.kind = SPEC_OP_PROTECT_RANGE, .va = va, .end = to,
				.rights = PT_WRITE,
			});
			add((struct op){
				.kind = SPEC_OP_MAP_RANGE, .va = va, .level = 1,
				.n = (to - va) / 4096, .rights = PT_RIGHTS,
			});
		}
	}
	for (va = start; va < end; va += ref_size(2))
		for (to = va + ref_size(2); to <= end; to += ref_size(2))
			add((struct op){
				.kind = SPEC_OP_MAP_RANGE, .va = va, .level = 2,
				.n = (to - va) / ref_size(2), .rights = PT_RIGHTS,
			});
}

static bool in_alphabet(unsigned int kind)
{
	unsigned int i = 0;

	while (i < letters && alphabet[i].kind != kind)
		i++;
	return i < letters;
}

/* The specification's other operations, on each page. */
static void add_others(u64 start, u64 end)
{
	unsigned int kind;
	u64 va;

	for (kind = SPEC_OP_MAP; kind < SPEC_OP_KINDS; kind++) {
		if (in_alphabet(kind))
			continue;
		for (va = start; va < end; va += 4096)
			add((struct op){
				.kind = kind, .va = va, .end = va + 4096, .pa = 1 << 20,
			});
	}
}

/* Run the word on an empty table. */
static void spell(u64 start, u64 end, int length)
{
	diff_init(&diff, TABLES, start, end, 30);
	diff.thorough = true;
	world_reserve(&diff.w, TABLES / 2);
	for (position = 0; position < length; position++)
		diff_apply(&diff, &alphabet[word[position]]);
	diff_destroy(&diff);
}

static void all_words(const char *name, u64 start, u64 end, bool ranges, int length)
{
	u64 words = 0;
	int i;

	what = name;
	letters = 0;
	add_singles(start, end);
	if (ranges) {
		add_ranges(start, end);
		add_others(start, end);
	}
	for (i = 0; i < length; i++)
		word[i] = 0;
	do {
		spell(start, end, length);
		words++;
		/* Count up, the last place fastest. */
		for (i = length - 1; i >= 0 && ++word[i] == letters; i--)
			word[i] = 0;
	} while (i >= 0);
	printf("ok %u - %s: %lu sequences of %d out of %u operations\n", ++tests, name,
	       words, length, letters);
	fflush(stdout);
}

int main(void)
{
	const u64 slot = ref_size(4), gib = ref_size(3);

	all_words("shared upper-level PDPT, all", slot + gib, slot + 2 * gib, true, 3);
	all_words("shared upper-level PDPT, single", slot + gib, slot + 2 * gib, false, 4);
	all_words("owned PDPT, all", slot, 2 * slot, true, 2);
	all_words("owned PDPT, single", slot, 2 * slot, false, 3);
	all_words("everything, all", 0, 2 * slot, true, 2);
	all_words("edges inside tables", gib - 4096, slot + 4096, true, 2);
	printf("1..%u\n", tests);
	return EXIT_SUCCESS;
}
