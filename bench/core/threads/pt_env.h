/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the benchmark of threads: each operation has its own, several
 * run in one region at a time, and what they share is what they share in the kernel.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define SPANS		64	/* as in the kernel */
#define RESERVE		64	/* tables that a thread keeps */
#define LOCK_WAIT	4096	/* pauses between two looks at a lock, at most */
#define CACHE_LINES	128	/* two: they are fetched together */

/* A lock with cache lines of its own. */
struct lock {
	u32 taken;
} __attribute__((aligned(CACHE_LINES)));

/* What the kernel keeps in a struct page, which is a cache line as well. */
struct table_page {
	u32 live;
} __attribute__((aligned(64)));

/**
 * struct region - what the threads share
 * @arena: table pages, 4 KiB each
 * @page: a count for each
 * @free: table pages that no thread has
 * @nfree: how many
 * @span: what is behind the entries of PDs
 * @counts: live counts of tables above level 1
 * @linker: Linux' page-table lock
 * @tables: @free and @nfree
 */
struct region {
	unsigned char *arena;
	struct table_page *page;
	u64 *free;
	u64 nfree;
	struct lock span[SPANS];
	struct lock counts;
	struct lock linker;
	struct lock tables;
};

/**
 * struct pt_env - one operation under way
 * @r: the region
 * @reserve: tables that it may take; what the thread's last operation left
 * @reserved: how many
 * @deferred: tables that were unlinked
 * @ndeferred: how many
 * @held: the span's lock; NULL: all are held
 * @left: an empty table was left
 */
struct pt_env {
	struct region *r;
	u64 reserve[RESERVE];
	unsigned int reserved;
	u64 deferred[4];
	unsigned int ndeferred;
	struct lock *held;
	bool left;
};

/* Wait for @lock, which somebody has. */
void lock_wait(struct lock *lock);

static inline void lock(struct lock *lock)
{
	if (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
		lock_wait(lock);
}

static inline void unlock(struct lock *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

static inline u64 *pt_env_slot(struct pt_env *env, u64 table, unsigned int i)
{
	return (u64 *)(env->r->arena + table) + i;
}

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	return __atomic_load_n(pt_env_slot(env, table, i), __ATOMIC_RELAXED);
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	(void)level;
	__atomic_store_n(pt_env_slot(env, table, i), entry, __ATOMIC_RELEASE);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	(void)level;
	return __atomic_exchange_n(pt_env_slot(env, table, i), entry, __ATOMIC_SEQ_CST);
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	(void)level;
	__atomic_compare_exchange_n(pt_env_slot(env, table, i), &old, entry, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)table;
	if (level >= 3)
		lock(&env->r->linker);
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)table;
	if (level >= 3)
		unlock(&env->r->linker);
}

static inline void pt_env_lock_counts(struct pt_env *env)
{
	lock(&env->r->counts);
}

static inline void pt_env_unlock_counts(struct pt_env *env)
{
	unlock(&env->r->counts);
}

static inline bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level)
{
	(void)va;
	return level <= 2 || !env->held;
}

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	return __atomic_load_n(&env->r->page[table >> 12].live, __ATOMIC_RELAXED);
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	__atomic_store_n(&env->r->page[table >> 12].live, n, __ATOMIC_RELAXED);
}

#include "../../../tests/lib/env/pt_own.h"

static inline void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level)
{
	(void)level;
	env->deferred[env->ndeferred++] = table;
}

/* No range form is called. */
static inline void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level, u64 entry)
{
	(void)env; (void)va; (void)level; (void)entry;
}

static inline u64 pt_env_leaf_bits(unsigned int level)
{
	(void)level;
	return 0;
}

#endif /* PT_ENV_H */
