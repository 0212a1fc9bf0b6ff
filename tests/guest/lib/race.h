/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One thread changes a mapping, then says so; the others, on other CPUs, have
 * just used it and use it all the while.  Once they have been told, none of them
 * may act on what was before.
 *
 * A round: the changer sets up and says go; each user uses the place once, so
 * that its TLB holds it, and says ready; the changer changes it and says done.
 */
#ifndef RACE_H
#define RACE_H

#include "guest.h"

#define USERS		3
#define OLD		1	/* what the place holds before the change */
#define NEW		2	/* what the second frame holds */

struct race;

/**
 * struct pattern - what changes, and what may be seen of it
 * @setup: before the users look; the place is usable after it
 * @change: the change, shootdown included
 * @use: an access to the place
 * @during: whether an access that overlaps the change may end so
 * @after: whether an access after the change may end so
 * @restore: make the next round's setup possible
 */
struct pattern {
	void (*setup)(struct race *r);
	void (*change)(struct race *r);
	enum probe (*use)(struct race *r, char *at, u64 *value);
	bool (*during)(enum probe got, u64 value);
	bool (*after)(enum probe got, u64 value);
	void (*restore)(struct race *r);
};

struct race {
	const struct pattern *p;
	struct region r;
	struct rng rng;
	u64 size;
	u64 users;
	u64 rounds;		/* that are asked for */
	u64 frame[2];
	char *x;		/* the place */
	char *y;		/* elsewhere */
	u64 pages;		/* of @size at @x */
	bool wander;		/* users change CPU all the time */
	char *at[USERS];	/* where each user looks in this round */
	_Atomic bool over;
	_Atomic u64 go, done, ready[USERS], finished[USERS];
	/* What the users have met, so that a race that never was is seen. */
	_Atomic u64 uses_during;
};

/*
 * Run @r->rounds rounds in a new region.  In @r: p, size, users, pages, rounds,
 * wander; @r->frame are two frames that hold OLD and NEW all over.
 */
void run_race(struct race *r);

/* Write @value wherever a user may look. */
void fill(struct race *r, char *at, u64 bytes, u64 value);

#endif /* RACE_H */
