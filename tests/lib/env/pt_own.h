/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Of the core's environment where several operations run in one region, each with a reserve
 * and a deferred-free list of its own: what is done with tables.  For a pt_env.h to include
 * behind pt_env_set_live(); its struct pt_env has
 *
 *   reserve, reserved		tables that may be taken, and how many;
 *   deferred, ndeferred	those that were unlinked;
 *   left			an empty one was left.
 */
#ifndef PT_OWN_H
#define PT_OWN_H

static inline void pt_env_release(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
}

static inline void pt_env_leave(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
	env->left = true;
}

static inline u64 pt_env_reserve(struct pt_env *env)
{
	return env->reserved;
}

static inline u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	(void)level; (void)owned;
	return env->reserve[--env->reserved];
}

#endif /* PT_OWN_H */
