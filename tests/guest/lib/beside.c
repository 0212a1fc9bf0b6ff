// SPDX-License-Identifier: GPL-2.0
/* A thread that does one thing for as long as a property does another. */
#include "guest.h"

static void *beside_run(void *arg)
{
	struct beside *b = arg;

	while (!atomic_load(&b->over)) {
		b->round(b->arg);
		b->rounds++;
	}
	return NULL;
}

void beside_begin(struct beside *b, void (*round)(void *arg), void *arg)
{
	*b = (struct beside) { .round = round, .arg = arg };
	REQUIRE(!pthread_create(&b->thread, NULL, beside_run, b), "thread");
}

void beside_end(struct beside *b)
{
	atomic_store(&b->over, true);
	EXPECT(!pthread_join(b->thread, NULL), "join");
}
