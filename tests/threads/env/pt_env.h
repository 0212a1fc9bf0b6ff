/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the threaded tests: entries are read and written as other
 * threads do at the same time, all else is plain memory, so that ThreadSanitizer sees
 * what no lock protects.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include "machine.h"

#define PT_ENV_BIT_W	(1ULL << 1)
#define PT_ENV_BIT_U	(1ULL << 2)
#define PT_ENV_BIT_XD	(1ULL << 63)

/**
 * struct pt_env - one operation under way
 * @me: the thread that does it
 * @call: what was called for
 * @reserve: tables that may be taken
 * @reserved: how many
 * @deferred: tables that were unlinked, and not freed
 * @ndeferred: how many
 * @dead: frames that nothing maps any more, and were not freed
 * @ndead: how many
 * @stale: something was taken away, and nobody has been told to invalidate
 * @held: locks that it holds, one bit each
 * @first: first entry of a PD, counted through the region, that is locked
 * @last: and the last one
 * @all: all are
 * @left: an empty table was left
 */
struct pt_env {
	struct thread *me;
	struct event *call;
	u64 reserve[RESERVE];
	unsigned int reserved;
	u64 deferred[RESERVE];
	unsigned int ndeferred;
	unsigned int dead[FRAMES_EACH];
	unsigned int ndead;
	bool stale;
	u64 held;
	u64 first;
	u64 last;
	bool all;
	bool left;
};

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	machine_pause(env->me);
	if (!__atomic_load_n(&machine.table_used[table >> 12], __ATOMIC_RELAXED))
		broken("the core reads table %#llx, which was freed", (unsigned long long)table);
	return __atomic_load_n(table_slot(table, i), __ATOMIC_ACQUIRE);
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	(void)level;
	machine_pause(env->me);
	__atomic_store_n(table_slot(table, i), entry, __ATOMIC_RELEASE);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	u64 old;

	(void)level;
	machine_pause(env->me);
	old = __atomic_exchange_n(table_slot(table, i), entry, __ATOMIC_SEQ_CST);
	env->stale |= old != 0;
	return old;
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	const u64 rights = PT_ENV_BIT_W | PT_ENV_BIT_U;

	(void)level;
	machine_pause(env->me);
	if (__atomic_compare_exchange_n(table_slot(table, i), &old, entry, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
	    ((old & ~entry & rights) || ((old ^ entry) & PT_ENV_BIT_XD)))
		env->stale = true;
	return old;
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)env; (void)table;
	if (level >= 3)
		pthread_mutex_lock(&machine.linker);
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)env; (void)table;
	if (level >= 3)
		pthread_mutex_unlock(&machine.linker);
}

static inline void pt_env_lock_counts(struct pt_env *env)
{
	(void)env;
	pthread_mutex_lock(&machine.counts);
}

static inline void pt_env_unlock_counts(struct pt_env *env)
{
	(void)env;
	pthread_mutex_unlock(&machine.counts);
}

bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level);

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	machine_pause(env->me);
	/* Others may change it, and then it is a hint. */
	return __atomic_load_n(&machine.live[table >> 12], __ATOMIC_RELAXED);
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	(void)env;
	__atomic_store_n(&machine.live[table >> 12], n, __ATOMIC_RELAXED);
}

#include "../../lib/env/pt_own.h"

static inline void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level)
{
	(void)level;
	env->stale = true;
	env->deferred[env->ndeferred++] = table;
}

void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry);

static inline u64 pt_env_leaf_bits(unsigned int level)
{
	(void)level;
	return 1ULL << 9;
}

#endif /* PT_ENV_H */
