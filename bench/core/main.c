// SPDX-License-Identifier: GPL-2.0
/*
 * The traversal benchmark: traversal mean TURNS | latency SAMPLES | threads TURNS |
 * size TURNS PAGES.  Prints JSON, one object a line, for bench/run; progress goes to
 * stderr.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static unsigned int number(const char *text)
{
	long n = text ? strtol(text, NULL, 10) : 0;

	if (n < 1 || n > BENCH_FRAMES)
		die("usage", "traversal mean|latency|threads|size NUMBER [PAGES]");
	return (unsigned int)n;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	unsigned int n = number(argc > 2 ? argv[2] : NULL);
	int cpu = pin_to_last_cpu();

	printf("{\"experiment\":\"about\",\"compiler\":\"%s\",\"flags\":\"%s\",\"cpu\":%d,"
	       "\"ticks_per_ns\":%.4f}\n", BENCH_COMPILER, BENCH_FLAGS, cpu, ticks_per_ns());
	if (!strcmp(what, "mean"))
		bench_mean(n);
	else if (!strcmp(what, "latency"))
		bench_latency(n);
	else if (!strcmp(what, "threads"))
		bench_threads(n);
	else if (!strcmp(what, "size"))
		bench_size(n, number(argv[3]));
	else
		number(NULL);
	return EXIT_SUCCESS;
}
