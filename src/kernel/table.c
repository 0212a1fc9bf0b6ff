// SPDX-License-Identifier: GPL-2.0
/*
 * Table pages: the reserve from which the core takes them, and the way back after
 * the shootdown.  Linux's own bookkeeping for tables (constructor, destructor,
 * mm counters) is done here and nowhere else.
 */
#include <linux/rcupdate.h>
#include <asm/pgalloc.h>

#include "vpt_file.h"

static void vpt_mm_account(struct mm_struct *mm, unsigned int level, bool linked)
{
	switch (level) {
	case 3:
		if (linked)
			mm_inc_nr_puds(mm);
		else
			mm_dec_nr_puds(mm);
		break;
	case 2:
		if (linked)
			mm_inc_nr_pmds(mm);
		else
			mm_dec_nr_pmds(mm);
		break;
	default:
		if (linked)
			mm_inc_nr_ptes(mm);
		else
			mm_dec_nr_ptes(mm);
	}
}

static void vpt_reserve_add(struct pt_env *env, struct page *page)
{
	list_add(&page->lru, &env->reserve);
	env->reserved++;
}

static struct page *vpt_reserve_take(struct pt_env *env)
{
	struct page *page = list_first_entry(&env->reserve, struct page, lru);

	list_del(&page->lru);
	env->reserved--;
	return page;
}

/* A page of the reserve, which is not in its list any more, will be freed. */
static void vpt_tell_excess(struct pt_env *env, struct page *page)
{
	if (vpt_telling())
		vpt_tell_table(env, SPEC_MON_TABLE_FREE, page_to_phys(page), 1, false);
}

static void vpt_free_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
		vpt_count(tables_freed, 1);
	}
}

static int vpt_reserve_fill(struct vpt_file *f, u64 tables)
{
	LIST_HEAD(pages);
	u64 i;

	for (i = 0; i < tables; i++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					       __GFP_RETRY_MAYFAIL | __GFP_NOWARN);

		if (!page || fatal_signal_pending(current)) {
			if (page)
				__free_page(page);
			vpt_free_pages(&pages);
			return -ENOMEM;
		}
		page->index = 0;
		list_add(&page->lru, &pages);
		vpt_count(tables_allocated, 1);
	}
	mutex_lock(&f->lock);
	list_splice(&pages, &f->env.reserve);
	f->env.reserved += tables;
	mutex_unlock(&f->lock);
	return 0;
}

/**
 * vpt_lock_reserved() - take the file's lock with enough tables in the reserve
 * @f: file
 * @tables: how many the core may take
 *
 * Context: may sleep and allocate.
 * Return: 0 with @f->lock held; without it -ENOMEM, -EINTR on a fatal signal, -EIO
 * if the table was found to violate the specification.
 */
int vpt_lock_reserved(struct vpt_file *f, u64 tables)
{
	int ret;

	for (;;) {
		if (vpt_telling())
			vpt_monitor_prepare(f);
		if (mutex_lock_killable(&f->lock))
			return -EINTR;
		if (f->violations) {
			mutex_unlock(&f->lock);
			return -EIO;
		}
		if (pt_env_reserve(&f->env) >= tables) {
			if (vpt_telling())
				vpt_tell_lock(f);
			return 0;
		}
		mutex_unlock(&f->lock);
		ret = vpt_reserve_fill(f, tables);
		if (ret)
			return ret;
	}
}

static void vpt_unlock_only(struct vpt_file *f)
{
	if (vpt_telling())
		vpt_tell_unlock(f);
	mutex_unlock(&f->lock);
}

static noinline void vpt_unlock_and_free(struct vpt_file *f)
{
	LIST_HEAD(excess);

	while (pt_env_reserve(&f->env) > VPT_RESERVE_KEEP) {
		struct page *page = vpt_reserve_take(&f->env);

		vpt_tell_excess(&f->env, page);
		list_add(&page->lru, &excess);
	}
	vpt_unlock_only(f);
	vpt_free_pages(&excess);
}

/* Release the file's lock, and give back what the reserve holds in excess. */
void vpt_unlock(struct vpt_file *f)
{
	if (pt_env_reserve(&f->env) > VPT_RESERVE_KEEP)
		vpt_unlock_and_free(f);
	else
		vpt_unlock_only(f);
}

/* At the end of the file: nobody else can use it. */
void vpt_drop_reserve(struct vpt_file *f)
{
	struct page *page;

	list_for_each_entry(page, &f->env.reserve, lru)
		vpt_tell_excess(&f->env, page);
	vpt_free_pages(&f->env.reserve);
	f->env.reserved = 0;
}

u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	struct page *page = vpt_reserve_take(env);

	if (vpt_telling())
		vpt_tell_table(env, SPEC_MON_TABLE_TAKE, page_to_phys(page), level, owned);
	vpt_table_ctor(page, level);
	vpt_mm_account(env->mm, level, true);
	if (owned) {
		page->index = VPT_TABLE_TAG << 32 | VPT_TABLE_MADE;
		env->tables++;
	} else {
		page->index = 0;
		vpt_count(tables_given, 1);
	}
	return page_to_phys(page);
}

void pt_env_disown(struct pt_env *env, u64 table)
{
	struct page *page = vpt_table_page(table);

	if (vpt_telling())
		vpt_tell_table(env, SPEC_MON_TABLE_DISOWN, table, 0, false);
	if (!vpt_table_tagged(page))
		return;
	if (page->index & VPT_TABLE_MADE)
		vpt_count(tables_given, 1);
	page->index = 0;
	env->tables--;
}

void pt_env_gather_table(struct pt_env *env, u64 table, unsigned int level)
{
	struct page *page = vpt_table_page(table);

	if (vpt_telling())
		vpt_tell_table(env, SPEC_MON_TABLE_GATHER, table, level, false);
	if (!vpt_table_tagged(page) || !(page->index & VPT_TABLE_MADE))
		vpt_count(tables_adopted, 1);
	if (vpt_table_tagged(page))
		env->tables--;
	page->index = level;
	vpt_mm_account(env->mm, level, false);
	list_add(&page->lru, &env->dead_tables);
}

static void vpt_table_free_rcu(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
	vpt_count(tables_freed, 1);
}

/*
 * A table whose every entry has been invalidated everywhere.  It is all zero, so
 * it can go back to the reserve as it is; what is too much for the reserve goes
 * back to Linux after a grace period, for walkers that rely on RCU.
 */
static void vpt_table_done(struct vpt_file *f, struct page *page, unsigned int level)
{
	/* Of a broken tree it is not known that the table is all zero. */
	const bool keep = pt_env_reserve(&f->env) < VPT_RESERVE_KEEP && !f->violations;

	if (vpt_telling())
		vpt_tell_table(&f->env, SPEC_MON_TABLE_FREE, page_to_phys(page), level, keep);
	/* pmd_huge_pte, which the destructor looks at, has its place here too. */
	memset(&page->lru, 0, sizeof(page->lru));
	vpt_table_dtor(page, level);
	page->index = 0;
	if (keep)
		vpt_reserve_add(&f->env, page);
	else
		call_rcu(&page->rcu_head, vpt_table_free_rcu);
}

/*
 * A fault that died for lack of memory before it reached us may have left an empty
 * PD in a PDPT of ours, which nobody counted.  Found here, where a whole PDPT goes.
 */
static void vpt_free_stray_tables(struct vpt_file *f, struct page *pdpt)
{
	u64 *entries = page_address(pdpt);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		struct page *pd;

		if (!entries[i])
			continue;
		pd = vpt_table_page(entries[i] & PTE_PFN_MASK);
		entries[i] = 0;
		vpt_mm_account(f->mm, 2, false);
		vpt_count(tables_adopted, 1);
		vpt_table_done(f, pd, 2);
	}
}

/* After a shootdown: the tables unlinked before it are free.  @f->lock is held. */
void vpt_reclaim_tables(struct vpt_file *f)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &f->env.dead_tables, lru) {
		unsigned int level = page->index;

		list_del(&page->lru);
		if (level == 3)
			vpt_free_stray_tables(f, page);
		vpt_table_done(f, page, level);
	}
}
