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

/* A page that is to become a table, with its lock, or NULL. */
static struct page *vpt_table_page_alloc(void)
{
	struct page *page = alloc_page(VPT_USER_GFP | __GFP_ZERO);

	if (page && !vpt_ptlock_alloc(page)) {
		__free_page(page);
		return NULL;
	}
	return page;
}

static void vpt_table_page_free(struct page *page)
{
	vpt_ptlock_free(page);
	__free_page(page);
}

static void vpt_free_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		vpt_table_page_free(page);
		vpt_count(tables_freed, 1);
	}
}

static int vpt_reserve_fill(struct vpt_file *f, u64 tables)
{
	LIST_HEAD(pages);
	u64 i;

	for (i = 0; i < tables; i++) {
		struct page *page = vpt_table_page_alloc();

		if (!page || fatal_signal_pending(current)) {
			if (page)
				vpt_table_page_free(page);
			vpt_free_pages(&pages);
			return -ENOMEM;
		}
		vpt_index(page) = 0;
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
		vpt_index(page) = VPT_TABLE_TAG << 32 | VPT_TABLE_MADE;
		env->tables++;
	} else {
		vpt_index(page) = 0;
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
	if (vpt_index(page) & VPT_TABLE_MADE)
		vpt_count(tables_given, 1);
	vpt_index(page) = 0;
	env->tables--;
}

void pt_env_gather_table(struct pt_env *env, u64 table, unsigned int level)
{
	struct page *page = vpt_table_page(table);

	if (vpt_telling())
		vpt_tell_table(env, SPEC_MON_TABLE_GATHER, table, level, false);
	if (!vpt_table_tagged(page) || !(vpt_index(page) & VPT_TABLE_MADE))
		vpt_count(tables_adopted, 1);
	if (vpt_table_tagged(page))
		env->tables--;
	vpt_index(page) = level;
	vpt_mm_account(env->mm, level, false);
	list_add(&page->lru, &env->dead_tables);
}

static void vpt_table_free_rcu(struct rcu_head *head)
{
	vpt_table_page_free(container_of(head, struct page, rcu_head));
	vpt_count(tables_freed, 1);
}

/*
 * A table whose every entry has been invalidated everywhere.  It is all zero, so
 * it can go back to the reserve as it is; what is too much for the reserve goes
 * back to Linux after a grace period, for walkers that rely on RCU.
 */
static void vpt_table_done(struct vpt_file *f, struct page *page, unsigned int level,
			   struct list_head *held)
{
	/* Of a broken tree it is not known that the table is all zero. */
	const bool keep = !held && pt_env_reserve(&f->env) < VPT_RESERVE_KEEP &&
			  !f->violations && vpt_ptlock_there(page);

	if (vpt_telling())
		vpt_tell_table(&f->env, SPEC_MON_TABLE_FREE, page_to_phys(page), level, keep);
	vpt_table_dtor(page, level);
	vpt_index(page) = 0;
	if (held)
		list_add(&page->lru, held);
	else if (keep)
		vpt_reserve_add(&f->env, page);
	else
		call_rcu(&page->rcu_head, vpt_table_free_rcu);
}

/*
 * A fault that died for lack of memory before it reached us may have left an empty
 * PD in a PDPT of ours, which nobody counted.  Found here, where a whole PDPT goes.
 */
static void vpt_free_stray_tables(struct vpt_file *f, struct page *pdpt,
				  struct list_head *held)
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
		vpt_table_done(f, pd, 2, held);
	}
}

/*
 * After a shootdown: the tables unlinked before it are free, or, if @held is not NULL,
 * as good as free and left there for vpt_free_held_tables().  @f->lock is held.
 */
void vpt_reclaim_tables(struct vpt_file *f, struct list_head *held)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &f->env.dead_tables, lru) {
		unsigned int level = vpt_index(page);

		list_del(&page->lru);
		if (level == 3)
			vpt_free_stray_tables(f, page, held);
		vpt_table_done(f, page, level, held);
	}
}

void vpt_free_held_tables(struct list_head *held)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, held, lru) {
		list_del(&page->lru);
		call_rcu(&page->rcu_head, vpt_table_free_rcu);
	}
}
