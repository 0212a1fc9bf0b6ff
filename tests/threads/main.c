// SPDX-License-Identifier: GPL-2.0
/*
 * The core and its protocol under threads: random operations and accesses, in rounds;
 * after each, whether the answers agree with one order of the operations for every page,
 * whether accesses saw what was there, and whether the tables are sound.
 *
 * Usage: threads [THREADS [ROUNDS [SEED]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_by_kind.h"
#include "pt_entry.h"

#define CALLS		6	/* of a thread in a round */
#define PAGES		8

static struct history history;
static struct event before[PAGES];
static unsigned int rounds;
static pthread_barrier_t barrier;

/*
 * The places of the operations: siblings in a PT, PTs of one PD, PDs of one PDPT.  With
 * one index bit a level these are all pages that there are.
 */
static u64 page_address(unsigned int i)
{
	return (i & 1) * pt_size(1) + (i >> 1 & 1) * pt_size(2) + (i >> 2) * pt_size(3);
}

static const u32 rights[] = { PT_USER, PT_USER | PT_WRITE, PT_USER | PT_EXEC, PT_RIGHTS };

static void op_begin(struct op *op, struct thread *me, struct event *e)
{
	memset(op, 0, sizeof(*op));
	if (pt_init(&op->pt, &op->env, 1 << 12, 0, 2 * pt_size(3), 52))
		abort();
	op->env.me = me;
	op->env.call = e;
}

/* Frames for @e, or false. */
static bool allocate(struct thread *me, struct event *e)
{
	unsigned int i;

	for (i = 0; i < e->n; i++) {
		e->frame[i] = frame_take(me);
		if (e->frame[i] == FRAMES)
			broken("there are no frames left: some were not freed");
		e->id[i] = machine.frame[e->frame[i]].id;
	}
	return true;
}

/*
 * Every fourth round: one thread maps and unmaps a page of 1 GiB, and the others pages in
 * its second half.
 */
#define LARGE_ROUND(round)	(((round) & 3) == 3)

static void choose_large(struct thread *me, struct event *e)
{
	e->kind = machine_random(me, 2) ? SPEC_OP_MAP : SPEC_OP_UNMAP;
	e->level = me->number ? 1 : 3;
	e->va = me->number ? page_address(2 + (unsigned int)machine_random(me, 2)) : 0;
	e->end = e->va + pt_size(e->level);
	e->n = e->kind == SPEC_OP_MAP;
	e->rights = PT_RIGHTS;
}

static void choose(struct thread *me, struct event *e, unsigned int round)
{
	memset(e, 0, sizeof(*e));
	if (LARGE_ROUND(round)) {
		choose_large(me, e);
		return;
	}
	do {
		e->kind = (enum spec_op_kind)(SPEC_OP_MAP +
					      machine_random(me, SPEC_OP_KINDS - SPEC_OP_MAP));
	} while (e->kind == SPEC_OP_SPLIT);	/* no call: a part of others */
	/* Small pages and large ones in equal parts, or rounds of mostly small ones. */
	e->level = round & 1 && machine_random(me, 4) ? 1 : 1 + (unsigned int)machine_random(me, 3);
	e->rights = rights[machine_random(me, 4)];
	e->va = page_address((unsigned int)machine_random(me, PAGES));
	e->end = e->va + pt_size(1);
	if (op_takes_range(e->kind)) {
		e->va = pt_base(e->va, 1 + (unsigned int)machine_random(me, 3));
		e->end = e->va + pt_size(1 + (unsigned int)machine_random(me, 3));
	}
	if (op_takes_frames(e->kind))
		e->n = e->kind == SPEC_OP_MAP_RANGE ? 2 : 1;
	if (e->kind == SPEC_OP_MAP || e->kind == SPEC_OP_MAP_RANGE) {
		e->va = pt_base(e->va, e->level);
		e->end = e->va + e->n * pt_size(e->level);
	}
}

static void call(struct thread *me, struct event *e)
{
	struct op_range range = { .va = e->va, .end = e->end };
	unsigned int i;
	u64 pa[RUN];
	struct op op;

	allocate(me, e);
	for (i = 0; i < e->n; i++)
		pa[i] = frame_address(e->frame[i]);
	op_begin(&op, me, e);
	e->from = machine_time();
	e->status = op_by_kind(&op, e->kind, &range, pa, e->n, e->level);
	e->to = machine_time();
	if (e->status == op_env_broken)
		broken("there is no call for the operation %s", spec_op_name(e->kind));
	for (i = 0; i < e->n && e->status != PT_OK; i++)
		frame_give(e->frame[i]);
}

/* Accesses between two operations. */
static void touch(struct thread *me, struct event *e, unsigned int round)
{
	memset(e, 0, sizeof(*e));
	e->kind = EVENT_ACCESS;
	e->va = page_address(LARGE_ROUND(round) ? 2 + (unsigned int)machine_random(me, 2) :
			     (unsigned int)machine_random(me, PAGES));
	e->from = machine_time();
	e->old_id = machine_access(me, e->va, machine_random(me, 2));
	e->to = machine_time();
	machine_poll(me);
}

static void *run_thread(void *arg)
{
	struct thread *me = arg;
	struct event *mine = &history.event[me->number * 32];
	unsigned int round, i, j;

	for (round = 0; round < rounds; round++) {
		pthread_barrier_wait(&barrier);
		machine_enter(me);
		for (i = 0; i < CALLS; i++) {
			for (j = 0; j < 3; j++)
				touch(me, &mine[4 * i + j], round);
			choose(me, &mine[4 * i + 3], round);
			call(me, &mine[4 * i + 3]);
			machine_poll(me);
		}
		machine_leave(me);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* The page as it is, as a call of its own. */
static void resolve(struct event *e, unsigned int page)
{
	struct pt_mapping m;
	struct op op;

	memset(e, 0, sizeof(*e));
	e->kind = SPEC_OP_RESOLVE;
	e->va = page_address(page);
	op_begin(&op, &machine.thread[0], e);
	e->from = machine_time();
	e->status = op_resolve(&op, e->va, &m);
	e->to = machine_time();
}

/* With more than one index bit the region does not cover its PDPT. */
#define OWNED_LEVELS	(PT_INDEX_BITS == 1 ? 3 : 2)

/* Entries of @table are as many as its count says; likewise those of tables below it. */
static unsigned int check_table(u64 table, unsigned int level)
{
	const bool owned = level <= OWNED_LEVELS;
	unsigned int i, n = 0, tables = 1;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 entry = *table_slot(table, i);

		n += entry != 0;
		if (pte_kind(entry, level) == PTE_TABLE)
			tables += check_table(pte_addr(entry), level - 1);
	}
	if (owned && (!n || n != machine.live[table >> 12]))
		broken("a table of level %u has %u entries, and its count is %u", level, n,
		       machine.live[table >> 12]);
	return tables;
}

static void check_tree(void)
{
	unsigned int used = 0, i, linked;

	for (i = 0; i < TABLES; i++)
		used += machine.table_used[i];
	linked = check_table(1 << 12, 4);
	if (linked != used)
		broken("%u tables are linked, and %u in use", linked, used);
}

/* The use of a frame that @e has put at @va, 0: none. */
static u64 mapped_by(const struct event *e, u64 va)
{
	if (e->status != PT_OK)
		return 0;
	if (e->kind == SPEC_OP_REMAP)
		return va - e->old.va < pt_size(e->old.level) ? e->id[0] : 0;
	if ((e->kind != SPEC_OP_MAP && e->kind != SPEC_OP_MAP_RANGE) || va < e->va || va >= e->end)
		return 0;
	return e->id[(va - e->va) >> pt_shift(e->level)];
}

/*
 * Whether an access can have gone where it went: that use had not ended before, and no
 * later one was there before.
 */
static void check_access(const struct event *access)
{
	u64 mapped = 0;
	unsigned int i;

	if (access->kind != EVENT_ACCESS || !access->old_id)
		return;
	for (i = 0; i < history.n; i++) {
		const struct event *e = &history.event[i];

		if (mapped_by(e, access->va) == access->old_id)
			mapped = e->to;
		if ((e->kind == SPEC_OP_UNMAP || e->kind == SPEC_OP_REMAP) && e->status == PT_OK &&
		    e->old_id == access->old_id && e->to < access->from)
			broken("an access goes to a frame that was unmapped before");
	}
	for (i = 0; i < history.n; i++) {
		const struct event *e = &history.event[i];
		u64 id = mapped_by(e, access->va);

		if (e->from <= mapped || e->to >= access->from)
			continue;
		if (id && id != access->old_id)
			broken("an access goes where the page was before it was mapped anew");
		if (e->kind == SPEC_OP_RESOLVE && e->va == access->va &&
		    (e->status == PT_NOENT || e->old_id != access->old_id))
			broken("an access goes where RESOLVE has not found the page before");
	}
}

static void check_round(void)
{
	unsigned int page, i;

	for (page = 0; page < PAGES; page++) {
		resolve(&history.event[history.n], page);
		history.n++;
	}
	for (i = 0; i < history.n; i++)
		check_access(&history.event[i]);
	for (page = 0; page < PAGES; page++) {
		if (!history_linear(&history, page_address(page), &before[page]))
			broken("there is no order of the operations that the answers agree with");
		before[page] = history.event[history.n - PAGES + page];
	}
	check_tree();
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? (unsigned int)atoi(argv[1]) : 4, i;
	pthread_t thread[THREADS];

	rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 300;
	if (!n || n > THREADS)
		return 2;
	machine_init(n);
	pthread_barrier_init(&barrier, NULL, n + 1);
	for (i = 0; i < n; i++) {
		machine.thread[i].random += argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
		pthread_create(&thread[i], NULL, run_thread, &machine.thread[i]);
	}
	for (i = 0; i < PAGES; i++)
		before[i].status = PT_NOENT;
	for (i = 0; i < rounds; i++) {
		memset(&history, 0, sizeof(history));
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		history.n = n * 32;
		check_round();
	}
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	printf("ok 1 - %u threads, %u rounds: one order of the operations for each page\n1..1\n",
	       n, rounds);
	return 0;
}
