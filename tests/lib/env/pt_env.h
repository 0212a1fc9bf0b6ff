/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment on the host: table pages live in an arena whose offset
 * is their "physical address", counts in an array beside it.
 *
 * With -DPT_ENV_ATOMIC the exchanges are locked instructions, as in the kernel.
 * Without it they are plain: no MMU walks these tables, so nothing else writes.
 *
 * With -DPT_ENV_EVENTS the test program hears of each access, and may play the
 * MMU or Linux between any two of them; without it the hook is no code at all.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

typedef uint64_t u64;
typedef uint32_t u32;

struct pt_env {
	unsigned char *arena;	/* table pages, 4 KiB each, zeroed when free */
	u32 *live;		/* live-entry count of each */
	u64 *free;		/* stack of free table pages' addresses */
	u64 nfree;
	u64 *deferred;		/* stack of unlinked tables, filled by the core */
	u64 ndeferred;
	u64 leaves_deferred;
	unsigned int narrow;	/* level of the first entry that is not covered; 0: none */
	u64 nleft;		/* tables that were left */
	bool counting;		/* the counts are locked */
	/* Called for each leaf that a range form removes; may be NULL. */
	void (*on_leaf)(struct pt_env *env, u64 va, unsigned int level, u64 entry);
	void *context;
};

enum pt_env_event {
	PT_ENV_LOAD,
	PT_ENV_STORE,		/* about to be written by a plain store */
	PT_ENV_EXCHANGE,	/* about to be written by an atomic exchange */
	PT_ENV_WRITTEN,		/* has been written, or compared and left alone */
	PT_ENV_LOCK,
	PT_ENV_UNLOCK,
	PT_ENV_TAKE,
	PT_ENV_DEFER,
	PT_ENV_RELEASE,
	PT_ENV_COUNT,		/* its live count is about to change */
};

/*
 * What happens to entry @i of @table, which the core says has @level.  A table
 * that is taken, deferred or released has no entry: @i is 0, or whether the core
 * takes it as its own.
 */
#ifdef PT_ENV_EVENTS
void pt_env_event(struct pt_env *env, enum pt_env_event event, u64 table,
		  unsigned int level, unsigned int i);
#else
static inline void pt_env_event(struct pt_env *env, enum pt_env_event event,
				u64 table, unsigned int level, unsigned int i)
{
	(void)env; (void)event; (void)table; (void)level; (void)i;
}
#endif

static inline u64 *pt_env_slot(struct pt_env *env, u64 table, unsigned int i)
{
	return (u64 *)(env->arena + (table + i * 8ULL));
}

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	pt_env_event(env, PT_ENV_LOAD, table, 0, i);
	return __atomic_load_n(pt_env_slot(env, table, i), __ATOMIC_RELAXED);
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	pt_env_event(env, PT_ENV_STORE, table, level, i);
	__atomic_store_n(pt_env_slot(env, table, i), entry, __ATOMIC_RELEASE);
	pt_env_event(env, PT_ENV_WRITTEN, table, level, i);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	u64 *slot = pt_env_slot(env, table, i);
	u64 old;

	pt_env_event(env, PT_ENV_EXCHANGE, table, level, i);
#ifdef PT_ENV_ATOMIC
	old = __atomic_exchange_n(slot, entry, __ATOMIC_SEQ_CST);
#else
	old = *slot;
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
#endif
	pt_env_event(env, PT_ENV_WRITTEN, table, level, i);
	return old;
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	u64 *slot = pt_env_slot(env, table, i);

	pt_env_event(env, PT_ENV_EXCHANGE, table, level, i);
#ifdef PT_ENV_ATOMIC
	__atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
#else
	if (*slot == old)
		__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
	else
		old = *slot;
#endif
	pt_env_event(env, PT_ENV_WRITTEN, table, level, i);
	return old;
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	pt_env_event(env, PT_ENV_LOCK, table, level, 0);
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	pt_env_event(env, PT_ENV_UNLOCK, table, level, 0);
}

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	return env->live[table >> 12];
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	pt_env_event(env, PT_ENV_COUNT, table, 0, 0);
	env->live[table >> 12] = n;
}

static inline void pt_env_release(struct pt_env *env, u64 table)
{
	pt_env_event(env, PT_ENV_RELEASE, table, 0, 0);
	env->live[table >> 12] = 0;
}

/* One operation at a time: it excludes everybody. */
static inline void pt_env_lock_counts(struct pt_env *env)
{
	env->counting = true;
}

static inline void pt_env_unlock_counts(struct pt_env *env)
{
	env->counting = false;
}

static inline bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level)
{
	(void)va;
	return level < env->narrow || !env->narrow;
}

static inline void pt_env_leave(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
	env->nleft++;
}

static inline u64 pt_env_reserve(struct pt_env *env)
{
	return env->nfree;
}

static inline u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	u64 table = env->free[--env->nfree];

	pt_env_event(env, PT_ENV_TAKE, table, level, owned);
	return table;
}

static inline void pt_env_defer_table(struct pt_env *env, u64 table,
				      unsigned int level)
{
	pt_env_event(env, PT_ENV_DEFER, table, level, 0);
	env->deferred[env->ndeferred++] = table;
}

static inline void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level,
				     u64 entry)
{
	env->leaves_deferred++;
	if (env->on_leaf)
		env->on_leaf(env, va, level, entry);
}

/* An ignored bit (9, as Linux's special bit), so that losing it is noticed. */
static inline u64 pt_env_leaf_bits(unsigned int level)
{
	(void)level;
	return 1ULL << 9;
}

#endif /* PT_ENV_H */
