// SPDX-License-Identifier: GPL-2.0
/* What the protocol asks of its environment. */
#include "op.h"

static void reserve_give_back(struct pt_env *env)
{
	while (env->reserved)
		table_give(env->reserve[--env->reserved]);
}

int op_env_lock_tables(struct op *op, u64 tables)
{
	struct pt_env *env = &op->env;

	while (env->reserved < tables) {
		u64 table = table_take();

		if (!table) {
			reserve_give_back(env);
			return PT_NOMEM;
		}
		env->reserve[env->reserved++] = table;
	}
	machine_lock(env->me, &machine.region);
	return 0;
}

void op_env_unlock(struct op *op, int ret)
{
	struct pt_env *env = &op->env;

	(void)ret;
	if (env->stale)
		broken("an operation ends, and has not invalidated what it took away");
	if (env->ndeferred || env->ndead)
		broken("an operation ends, and has not freed %u tables, %u frames",
		       env->ndeferred, env->ndead);
	pthread_mutex_unlock(&machine.region);
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
