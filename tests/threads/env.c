// SPDX-License-Identifier: GPL-2.0
/* What the protocol asks of its environment. */
#include "op.h"

static void reserve_give_back(struct pt_env *env)
{
	while (env->reserved)
		table_give(env->reserve[--env->reserved]);
}

/*
 * Take the locks of PD entries @first to @last, in the order of the locks; all of them
 * where these are as many.
 */
static void lock_spans(struct pt_env *env, u64 first, u64 last)
{
	unsigned int i;

	env->all = last - first >= SPANS - 1;
	env->first = first;
	env->last = last;
	env->held = 0;
	for (; first <= last && last - first < SPANS; first++)
		env->held |= 1ULL << first % SPANS;
	if (env->all)
		env->held = (1ULL << SPANS) - 1;
	for (i = 0; i < SPANS; i++) {
		if (env->held >> i & 1)
			machine_lock(env->me, &machine.span[i]);
	}
}

bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level)
{
	return level <= 2 || env->all ||
	       (level == 3 && pt_base(va, 3) >> pt_shift(2) >= env->first &&
		(pt_base(va, 3) + pt_size(3) - 1) >> pt_shift(2) <= env->last);
}

static int fill_reserve(struct pt_env *env, u64 tables)
{
	while (env->reserved < tables) {
		u64 table = table_take();

		if (!table) {
			reserve_give_back(env);
			return PT_NOMEM;
		}
		env->reserve[env->reserved++] = table;
	}
	return 0;
}

int op_env_lock(struct op *op, u64 va, u64 end)
{
	lock_spans(&op->env, va >> pt_shift(2), (end - 1) >> pt_shift(2));
	return 0;
}

int op_env_lock_all(struct op *op, u64 va, u64 end)
{
	(void)va; (void)end;
	lock_spans(&op->env, 0, SPANS - 1);
	return 0;
}

int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level)
{
	int ret = fill_reserve(&op->env, pt_map_tables(va, n, level));

	return ret ? ret : op_env_lock(op, va, va + (n << pt_shift(level)));
}

void op_env_unlock(struct op *op, int ret)
{
	struct pt_env *env = &op->env;
	unsigned int i;

	(void)ret;
	if (env->stale)
		broken("an operation ends, and has not invalidated what it took away");
	if (env->ndeferred || env->ndead)
		broken("an operation ends, and has not freed %u tables, %u frames",
		       env->ndeferred, env->ndead);
	for (i = 0; i < SPANS; i++) {
		if (env->held >> i & 1)
			pthread_mutex_unlock(&machine.span[i]);
	}
	reserve_give_back(env);
}

static void frame_put(struct pt_env *env, u64 pa)
{
	unsigned int frame = frame_at(pa);

	if (--machine.frame[frame].count)
		return;
	env->dead[env->ndead++] = frame;
}

void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	(void)va; (void)level;
	frame_put(env, entry & 0x000ffffffffff000ULL);
}

void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level)
{
	u64 i;

	(void)op; (void)level;
	for (i = 0; i < n; i++)
		machine.frame[frame_at(pa[i])].count++;
}

void op_env_unmapped(struct op *op, const struct pt_mapping *old)
{
	frame_put(&op->env, old->pa);
}

void op_env_end_leaf(struct op *op, enum pt_status status, const struct pt_mapping *leaf,
		     bool revoked)
{
	struct event *call = op->env.call;

	(void)revoked;
	if (status != PT_OK)
		return;
	call->old.va = leaf->va;
	call->old.level = leaf->level;
	call->old.rights = leaf->rights;
	call->old_id = machine.frame[frame_at(leaf->pa)].id;
}

void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift)
{
	(void)shift;
	machine_invalidate(op->env.me, va, end);
	op->env.stale = false;
}

void op_env_free(struct op *op, u64 va, u64 end, bool gone)
{
	struct pt_env *env = &op->env;

	(void)va; (void)end; (void)gone;
	while (env->ndeferred)
		table_give(env->deferred[--env->ndeferred]);
	while (env->ndead)
		frame_give(env->dead[--env->ndead]);
}
