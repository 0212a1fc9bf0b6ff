// SPDX-License-Identifier: GPL-2.0
/* Rounds of one thread that changes a mapping and others that use it. */
#include "race.h"

#include <pthread.h>

/* Distance of the words that are written and looked at. */
static u64 grain(struct race *r)
{
	return r->size == VPT_1G ? 65536 : 64;
}

void fill(struct race *r, char *at, u64 bytes, u64 value)
{
	u64 i;

	for (i = 0; i < bytes; i += grain(r))
		*(u64 *)(at + i) = value;
}

static void pick_places(struct race *r)
{
	u64 i, bytes = r->size * r->pages;

	for (i = 0; i < r->users; i++)
		r->at[i] = r->x + rng_below(&r->rng, bytes / grain(r)) * grain(r);
}

static void one_round(struct race *r, u64 me, u64 round)
{
	enum probe got;
	char *at;
	u64 v = 0;

	at = r->at[me];
	got = r->p->use(r, at, &v);
	EXPECT(r->p->during(got, v), "round %llu, before: %d, %llx",
	       (unsigned long long)round, got, (unsigned long long)v);
	post(&r->ready[me], round);
	while (atomic_load(&r->done) < round) {
		got = r->p->use(r, at, &v);
		EXPECT(r->p->during(got, v), "round %llu, during: %d, %llx",
		       (unsigned long long)round, got, (unsigned long long)v);
		atomic_fetch_add(&r->uses_during, 1);
		if (r->wander)
			pin_to(rng_below(&(struct rng) { round + v }, 4));
		relax();
	}
	got = r->p->use(r, at, &v);
	EXPECT(r->p->after(got, v), "round %llu, at offset %llx, after: %d, %llx",
	       (unsigned long long)round, (unsigned long long)(at - r->x), got,
	       (unsigned long long)v);
	post(&r->finished[me], round);
}

struct user {
	struct race *r;
	u64 me;
};

static void *user(void *arg)
{
	struct user *u = arg;
	u64 round;

	pin_to(u->me + 1);
	for (round = 1;; round++) {
		wait_for(&u->r->go, round);
		if (atomic_load(&u->r->over))
			return NULL;
		one_round(u->r, u->me, round);
	}
}

static void change_and_tell(struct race *r, u64 round)
{
	u64 i;

	r->p->setup(r);
	pick_places(r);
	post(&r->go, round);
	for (i = 0; i < r->users; i++)
		wait_for(&r->ready[i], round);
	r->p->change(r);
	post(&r->done, round);
	for (i = 0; i < r->users; i++)
		wait_for(&r->finished[i], round);
	r->p->restore(r);
}

static void prepare(struct race *r)
{
	unsigned int i;

	region_open(&r->r, 3, VPT_STRICT, PROT_READ | PROT_WRITE | PROT_EXEC);
	need_size(r->r.fd, r->size);
	r->x = r->r.base + (r->size == VPT_1G ? 0 : 4 * VPT_2M);
	r->y = r->r.base + 2 * VPT_1G;
	for (i = 0; i < 2; i++)
		if (vu_frame_alloc(r->r.fd, r->size, &r->frame[i]))
			skip("fewer than two %s frames", size_name(r->size));
	for (i = 0; i < 2; i++) {
		REQUIRE(!vu_map(r->r.fd, r->x, r->size, RW, r->frame[i]), "map");
		fill(r, r->x, r->size, i ? NEW : OLD);
		REQUIRE(!vu_unmap(r->r.fd, r->x, NULL), "unmap");
	}
}

void run_race(struct race *r)
{
	struct user users[USERS];
	pthread_t threads[USERS];
	struct budget b;
	u64 i, round;

	r->rng = rng_of(r->size);
	prepare(r);
	pin_to(0);
	for (i = 0; i < r->users; i++) {
		users[i] = (struct user) { r, i };
		pthread_create(&threads[i], NULL, user, &users[i]);
	}
	b = budget_of(r->rounds);
	for (round = 1; budget_left(&b, round - 1); round++)
		change_and_tell(r, round);
	atomic_store(&r->over, true);
	post(&r->go, round);
	for (i = 0; i < r->users; i++)
		pthread_join(threads[i], NULL);
	if (round - 1 < r->rounds)
		note("%llu rounds", (unsigned long long)round - 1);
	EXPECT(cpus() == 1 || r->uses_during > round / 10,
	       "only %llu accesses overlapped %llu changes",
	       (unsigned long long)r->uses_during, (unsigned long long)round - 1);
	expect_sound(r->r.fd, "after the races");
	region_close(&r->r);
}
