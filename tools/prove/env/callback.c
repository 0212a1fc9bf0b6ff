// SPDX-License-Identifier: GPL-2.0
/*
 * The prover's environment as calls of one function, so that the compiled core can
 * be run step by step beside the executor.
 */
#include "pt_env.h"

enum callback {
	LOAD, STORE, EXCHANGE, COMPARE_EXCHANGE, LOCK, UNLOCK, LIVE, SET_LIVE, RESERVE,
	TAKE, DEFER_TABLE, LEAF_BITS, DEFER_LEAF, RELEASE,
};

u64 (*callback)(u32 what, u64 a, u64 b, u64 c, u64 d, u64 e);

u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	return callback(LOAD, table, i, 0, 0, 0);
}

void pt_env_store(struct pt_env *env, u64 table, unsigned int level, unsigned int i,
		  u64 entry)
{
	callback(STORE, table, level, i, entry, 0);
}

u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level, unsigned int i,
		    u64 entry)
{
	return callback(EXCHANGE, table, level, i, entry, 0);
}

u64 pt_env_compare_exchange(struct pt_env *env, u64 table, unsigned int level,
			    unsigned int i, u64 old, u64 entry)
{
	return callback(COMPARE_EXCHANGE, table, level, i, old, entry);
}

void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	callback(LOCK, table, level, 0, 0, 0);
}

void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	callback(UNLOCK, table, level, 0, 0, 0);
}

unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	return (unsigned int)callback(LIVE, table, 0, 0, 0, 0);
}

void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	callback(SET_LIVE, table, n, 0, 0, 0);
}

void pt_env_release(struct pt_env *env, u64 table)
{
	callback(RELEASE, table, 0, 0, 0, 0);
}

u64 pt_env_reserve(struct pt_env *env)
{
	return callback(RESERVE, 0, 0, 0, 0, 0);
}

u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	return callback(TAKE, level, owned, 0, 0, 0);
}

void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level)
{
	callback(DEFER_TABLE, table, level, 0, 0, 0);
}

void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	callback(DEFER_LEAF, va, level, entry, 0, 0);
}

u64 pt_env_leaf_bits(unsigned int level)
{
	return callback(LEAF_BITS, level, 0, 0, 0, 0);
}
