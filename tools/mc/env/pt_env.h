/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the model checker: everything the core does is a
 * question to the machine (mmu_machine.h), one at a time.
 */
#ifndef PT_ENV_H
#define PT_ENV_H

#include "mmu_machine.h"

/**
 * struct pt_env - one operation under way
 * @op: what was called for
 * @frame: first of the frames that the caller has allocated
 * @deferred: tables unlinked so far and not yet freed
 * @removed: leaves removed so far, whose frames have not been freed
 * @stale: something was taken away, and nobody has been told to invalidate
 * @lost: likewise, and it was more than the prohibition to execute
 * @vmas: mmap_lock and VMAs are locked
 * @held: pages, one bit each, behind entries that are locked
 * @wide: a deliberate fault: it takes itself to have locked everything
 * @left: an empty table was left
 * @answered: it has taken effect, and what is still locked for is the sweep
 * @seen: A and D of the leaf that is reported
 * @answer: what is reported
 */
struct pt_env {
	const struct mmu_op *op;
	u8 frame;
	unsigned int deferred;
	unsigned int removed;
	bool stale;
	bool lost;
	bool vmas;
	u8 held;
	bool wide;
	bool left;
	bool walkers;
	bool answered;
	u16 seen;
	struct mmu_answer answer;
};

/* Do @a, return its value.  Does not return where the machine stops to look. */
u16 mc_ask(const struct mmu_action *a);

static inline u16 mc_ask_table(unsigned int act, u64 table, unsigned int level,
			       unsigned int i, u64 entry)
{
	struct mmu_action a = {
		.act = (u8)act, .page = (u8)(table >> 12), .index = (u8)i,
		.level = (u8)level, .entry = mmu_pack(entry),
	};

	if (table & 0xfff || table >> 12 >= MMU_TABLES || i > 1)
		mmu_violate("the core accesses entry %u of %#llx, which is no table",
			    i, (unsigned long long)table);
	return mc_ask(&a);
}

static inline u64 pt_env_load(struct pt_env *env, u64 table, unsigned int i)
{
	(void)env;
	return mmu_unpack(mc_ask_table(MMU_ACT_LOAD, table, 0, i, 0));
}

static inline void pt_env_store(struct pt_env *env, u64 table, unsigned int level,
				unsigned int i, u64 entry)
{
	(void)env;
	mc_ask_table(MMU_ACT_STORE, table, level, i, entry);
}

static inline u64 pt_env_exchange(struct pt_env *env, u64 table, unsigned int level,
				  unsigned int i, u64 entry)
{
	u64 old;

	if (mmu.broken == MMU_PLAIN_STORE) {
		old = pt_env_load(env, table, i);
		pt_env_store(env, table, level, i, entry);
	} else {
		old = mmu_unpack(mc_ask_table(MMU_ACT_EXCHANGE, table, level, i, entry));
	}
	if (old)
		env->stale = env->lost = true;
	return old;
}

/* The entry @old has given way to @entry, which has other rights. */
static inline void mc_rights_changed(struct pt_env *env, u64 old, u64 entry)
{
	const u64 xd = 1ULL << 63, rights = 6 | xd;

	/* The bits that allow, and the one that forbids. */
	if ((old ^ xd) & ~(entry ^ xd) & rights)
		env->stale = env->lost = true;
	if (old & ~entry & xd)
		env->stale = true;
}

static inline u64 pt_env_compare_exchange(struct pt_env *env, u64 table,
					  unsigned int level, unsigned int i,
					  u64 old, u64 entry)
{
	struct mmu_action a = {
		.act = MMU_ACT_COMPARE, .page = (u8)(table >> 12), .index = (u8)i,
		.level = (u8)level, .entry = mmu_pack(entry), .old = mmu_pack(old),
	};

	u64 seen;

	if (mmu.broken == MMU_PLAIN_STORE)
		return pt_env_exchange(env, table, level, i, entry);
	seen = mmu_unpack(mc_ask(&a));
	if (seen == old)
		mc_rights_changed(env, old, entry);
	return seen;
}

/* Others may be at work behind the same PDs and PDPTs. */
static inline bool mc_shares(const struct pt_env *env)
{
	return env->held != MMU_ALL_PAGES;
}

/*
 * Linux's page-table locks.  Those of the lower levels keep nobody out in the model, nor
 * does page_table_lock where neither Linux nor another operation links tables.  Taking such
 * a lock would drain the store buffer; not to rely on that is stricter.
 */
static inline void mc_table_lock(const struct pt_env *env, unsigned int act)
{
	if ((mmu.linux_links || mc_shares(env)) && mmu.broken != MMU_LINKER_UNLOCKED)
		mc_ask(&(struct mmu_action){ .act = (u8)act });
}

static inline void pt_env_lock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)table;
	if (level >= 3)
		mc_table_lock(env, MMU_ACT_TABLE_LOCK);
}

static inline void pt_env_unlock(struct pt_env *env, u64 table, unsigned int level)
{
	(void)table;
	if (level >= 3)
		mc_table_lock(env, MMU_ACT_TABLE_UNLOCK);
}

static inline void mc_counts_lock(const struct pt_env *env, unsigned int act)
{
	if (mc_shares(env) && mmu.broken != MMU_COUNTS_UNLOCKED)
		mc_ask(&(struct mmu_action){ .act = (u8)act });
}

static inline void pt_env_lock_counts(struct pt_env *env)
{
	mc_counts_lock(env, MMU_ACT_COUNTS_LOCK);
}

static inline void pt_env_unlock_counts(struct pt_env *env)
{
	mc_counts_lock(env, MMU_ACT_COUNTS_UNLOCK);
}

static inline unsigned int pt_env_live(struct pt_env *env, u64 table)
{
	(void)env;
	return mc_ask_table(MMU_ACT_LIVE, table, 0, 0, 0);
}

static inline void pt_env_set_live(struct pt_env *env, u64 table, unsigned int n)
{
	struct mmu_action a = {
		.act = MMU_ACT_SET_LIVE, .page = (u8)(table >> 12), .n = (u8)n,
	};

	(void)env;
	if (n > 2)
		mmu_violate("the live count of table %u becomes %u", a.page, n);
	mc_ask(&a);
}

static inline bool pt_env_covers(struct pt_env *env, u64 va, unsigned int level)
{
	return level <= 2 || env->wide ||
	       (!env->walkers &&
		!(mmu_span_pages((unsigned int)(va >> 12), level) & ~env->held));
}

static inline void pt_env_leave(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
	env->left = true;
}

static inline void pt_env_release(struct pt_env *env, u64 table)
{
	pt_env_set_live(env, table, 0);
}

static inline u64 pt_env_reserve(struct pt_env *env)
{
	(void)env;
	return mc_ask(&(struct mmu_action){ .act = MMU_ACT_RESERVE });
}

static inline u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	(void)env; (void)level; (void)owned;
	return (u64)mc_ask(&(struct mmu_action){ .act = MMU_ACT_TAKE }) << 12;
}

static inline void pt_env_defer_table(struct pt_env *env, u64 table,
				      unsigned int level)
{
	env->deferred++;
	env->stale = env->lost = true;
	mc_ask_table(MMU_ACT_DEFER, table, level, 0, 0);
}

static inline void pt_env_defer_leaf(struct pt_env *env, u64 va, unsigned int level,
				     u64 entry)
{
	struct mmu_action a = {
		.act = MMU_ACT_PUT, .page = (u8)(entry >> 12 & 31), .level = (u8)level,
		.entry = mmu_pack(entry),
	};

	(void)va;
	env->removed++;
	mc_ask(&a);
}

/* An ignored bit (9, as Linux's special bit), so that losing it is noticed. */
static inline u64 pt_env_leaf_bits(unsigned int level)
{
	(void)level;
	return 1ULL << 9;
}

#endif /* PT_ENV_H */
