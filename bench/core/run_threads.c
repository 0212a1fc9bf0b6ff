// SPDX-License-Identifier: GPL-2.0
/*
 * The core behind its protocol, as several threads run it in one region: the text that the
 * kernel compiles, with a lock for each span, and an environment of each operation's own.
 */
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "threads.h"

struct shared_region {
	struct region r;
	struct pt pt;
};

void lock_wait(struct lock *lock)
{
	unsigned int i, wait = 1;

	do {
		/* Reading leaves the line with its holder; who waits long comes back rarely. */
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED)) {
			for (i = 0; i < wait; i++)
				__builtin_ia32_pause();
			if (wait < LOCK_WAIT)
				wait *= 2;
		}
	} while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE));
}

void reserve_fill(struct pt_env *env, u64 tables)
{
	struct region *r = env->r;

	lock(&r->tables);
	while (env->reserved < tables && r->nfree)
		env->reserve[env->reserved++] = r->free[--r->nfree];
	unlock(&r->tables);
}

void reserve_give(struct pt_env *env, u64 table)
{
	struct region *r = env->r;

	if (env->reserved < RESERVE) {
		env->reserve[env->reserved++] = table;
		return;
	}
	lock(&r->tables);
	r->free[r->nfree++] = table;
	unlock(&r->tables);
}

int op_env_lock_all(struct op *op, u64 va, u64 end)
{
	unsigned int i;

	(void)va; (void)end;
	for (i = 0; i < SPANS; i++)
		lock(&op->env.r->span[i]);
	op->env.held = NULL;
	return 0;
}

void op_env_unlock_all(struct op *op)
{
	unsigned int i;

	for (i = 0; i < SPANS; i++)
		unlock(&op->env.r->span[i]);
}

static void destroy(struct region *region)
{
	struct shared_region *s = (struct shared_region *)region;

	free(s->r.arena);
	free(s->r.page);
	free(s->r.free);
	free(s);
}

static void *zeroed(u64 align, u64 bytes)
{
	void *p = aligned_alloc(align, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

static struct region *create(u64 start, u64 end, u64 tables)
{
	struct shared_region *s = zeroed(CACHE_LINES, sizeof(*s));
	u64 i;

	if (!s)
		return NULL;
	s->r.arena = zeroed(4096, tables << 12);
	s->r.page = zeroed(CACHE_LINES, tables * sizeof(*s->r.page));
	s->r.free = malloc(tables * sizeof(*s->r.free));
	if (!s->r.arena || !s->r.page || !s->r.free ||
	    pt_init(&s->pt, NULL, 4096, start, end, 52) != PT_OK) {
		destroy(&s->r);
		return NULL;
	}
	/* Neither 0, which means "none", nor the root. */
	for (i = tables - 1; i > 1; i--)
		s->r.free[s->r.nfree++] = i << 12;
	return &s->r;
}

static u64 map_all(struct op *op, const struct stretch *s)
{
	u64 i, bad = 0;

	op->rights = PT_WRITE | PT_USER;
	for (i = 0; i < s->pages; i++) {
		op->pa = (1ULL << 32) + (i << 12);
		bad |= (u64)op_map(op, s->start + (i << 12), 1);
	}
	return bad;
}

static u64 protect_all(struct op *op, const struct stretch *s)
{
	struct pt_mapping old;
	u64 i, bad = 0;

	op->rights = PT_USER;
	for (i = 0; i < s->pages; i++)
		bad |= (u64)op_protect(op, s->start + (i << 12), &old);
	return bad;
}

static u64 unmap_all(struct op *op, const struct stretch *s)
{
	struct pt_mapping old;
	u64 i, bad = 0;

	for (i = 0; i < s->pages; i++)
		bad |= (u64)op_unmap(op, s->start + (i << 12), &old);
	return bad;
}

static u64 work(struct region *region, const struct stretch *s)
{
	struct shared_region *shared = (struct shared_region *)region;
	struct op op = { .pt = shared->pt, .env.r = region };
	u64 i, bad = 0;

	op.pt.env = &op.env;
	for (i = 0; i < s->rounds; i++)
		bad |= map_all(&op, s) | protect_all(&op, s) | unmap_all(&op, s);
	while (op.env.reserved) {
		lock(&region->tables);
		region->free[region->nfree++] = op.env.reserve[--op.env.reserved];
		unlock(&region->tables);
	}
	return bad;
}

const struct many RUNNER = {
	.create = create,
	.destroy = destroy,
	.work = work,
};
