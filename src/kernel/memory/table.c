// SPDX-License-Identifier: GPL-2.0
/*
 * Tables: the reserve from which the core takes them, and the way back after
 * the shootdown.  Linux's own bookkeeping for tables (constructor, destructor,
 * mm counters) is done here and nowhere else.
 */
#include <linux/io.h>

#include "../checking/events.h"
#include "../checking/monitor.h"
#include "../extent.h"
#include "frame.h"
#include "table.h"
#include "table_page.h"

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

static void vpt_spare_add(struct vpt_spare *spare, struct page *page)
{
	list_add(&page->lru, &spare->pages);
	spare->n++;
}

static struct page *vpt_spare_take(struct vpt_spare *spare)
{
	struct page *page = list_first_entry(&spare->pages, struct page, lru);

	list_del(&page->lru);
	spare->n--;
	return page;
}

/*
 * Move @n pages, or all there are: a broken table may have more leaves of 1 GiB than were
 * mapped, and than tables wait for.
 */
void vpt_spare_move(struct vpt_spare *from, struct vpt_spare *to, u64 n)
{
	for (n = min(n, from->n); n; n--)
		vpt_spare_add(to, vpt_spare_take(from));
}

static void vpt_spare_move_all(struct vpt_spare *from, struct vpt_spare *to)
{
	list_splice_init(&from->pages, &to->pages);
	to->n += from->n;
	from->n = 0;
}

/* A spare page, which is not in its list any more, will be freed. */
static void vpt_event_excess(struct vpt_file *f, struct page *page)
{
	if (vpt_events_on())
		vpt_event_table(f, SPEC_MON_TABLE_FREE, page_to_phys(page), 1, false);
}

static int vpt_reserve_fill(struct vpt_spare *reserve, u64 tables)
{
	while (reserve->n < tables) {
		struct page *page = vpt_table_page_alloc();

		if (!page || fatal_signal_pending(current)) {
			if (page)
				vpt_table_page_free(page);
			return -ENOMEM;
		}
		vpt_index(page) = 0;
		vpt_spare_add(reserve, page);
		vpt_count(tables_allocated, 1);
	}
	return 0;
}

/* Take every span, whatever state the file is in. */
void vpt_lock_file(struct vpt_file *f)
{
	vpt_lock_all(f);
	if (vpt_events_on())
		vpt_event_lock(f);
}

void vpt_unlock_file(struct vpt_file *f)
{
	if (vpt_events_on())
		vpt_event_unlock(f);
	vpt_unlock_all(f);
}

/* To take one span is no event: while somebody listens all are taken. */
static bool vpt_env_traced(const struct pt_env *env)
{
	return vpt_events_on() && vpt_took_all(env);
}

/* Take the spans that the operation had before, to end it. */
void vpt_lock_again(struct pt_env *env)
{
	vpt_lock_spans_again(env);
	if (vpt_env_traced(env))
		vpt_event_lock(env->f);
}

void vpt_unlock_again(struct pt_env *env)
{
	if (vpt_env_traced(env))
		vpt_event_unlock(env->f);
	vpt_unlock_spans(env);
}

/* Where a walk towards a PT has ended: the last table, its level, and the one above. */
struct vpt_path {
	u64 table;
	unsigned int level;
	u64 above;
};

/* Follow the entry for @va in the last table.  Return: whether it leads to a table. */
static __always_inline bool vpt_path_down(struct vpt_path *path, u64 va, unsigned int level)
{
	const u64 entry = vpt_table_entry(path->table, pt_index(va, level));

	if ((entry & (_PAGE_PRESENT | _PAGE_PSE)) != _PAGE_PRESENT)
		return false;
	path->above = path->table;
	path->table = entry & PTE_PFN_MASK;
	path->level = level - 1;
	return true;
}

/*
 * Walk towards the PT of the one span that the operation holds.  Nobody else unlinks what is on
 * this path; others may link tables.  Outside the region tables are not ours to look at.
 */
static struct vpt_path vpt_walk(struct pt_env *env)
{
	struct vpt_path path = { .table = env->f->root, .level = PT_LEVELS };

	env->extent = vpt_extent_at(env->f, env->va, 1);
	if (env->extent && vpt_path_down(&path, env->va, 4) && vpt_path_down(&path, env->va, 3))
		vpt_path_down(&path, env->va, 2);
	return path;
}

/**
 * vpt_walkers_may_stay() - whether an operation can unmap its page beside Linux's walkers
 * @env: operation; it has the lock of the page's span
 *
 * It can where no table becomes empty; and where a PT does, beside others of its PD, if walkers of
 * a PT rely on RCU.  Not in an address space of one thread, where mmap_lock holds nobody up and
 * the PT can be used again at once, nor while many of these wait for a grace period.  Others may
 * empty the PD meanwhile; then it is left, and swept.
 *
 * Return: false also if that is not certain.
 */
bool vpt_walkers_may_stay(struct pt_env *env)
{
	struct vpt_path path;

	if (!env->span)
		return false;
	path = vpt_walk(env);
	if (path.level != 1)
		return false;
	if (vpt_table_live(path.table) > 1)
		return true;
	env->walkers = VPT_PT_BY_RCU && vpt_table_live(path.above) > 1 &&
		       atomic_read(&env->mm->mm_users) > 1 &&
		       vpt_pts_count_waiting() < VPT_PTS_WAITING;
	return env->walkers;
}

/* Have @tables in the operation's reserve, if there are as many. */
static noinline bool vpt_reserve_take(struct pt_env *env, u64 tables)
{
	struct vpt_file *f = env->f;
	bool enough;

	vpt_assert_env(env);
	spin_lock(&f->tables);
	enough = env->reserve.n + f->spare.n >= tables;
	if (enough && env->reserve.n < tables)
		vpt_spare_move(&f->spare, &env->reserve, tables - env->reserve.n);
	spin_unlock(&f->tables);
	return enough;
}

/* Likewise, but for those that are linked already on the way to the one span. */
static __always_inline bool vpt_reserve_suffices(struct pt_env *env, u64 tables)
{
	if (tables && env->span)
		tables = min_t(u64, tables, vpt_walk(env).level - 1);
	return !tables || vpt_reserve_take(env, tables);
}

/* With @env->reserve as it is.  Return: as vpt_lock_reserved(); 1 if that is too little. */
static __always_inline int vpt_lock_try(struct pt_env *env, u64 tables)
{
	int ret = -EIO;

	if (vpt_events_on())
		vpt_monitor_prepare(env->f);
	if (vpt_lock_spans(env))
		return -EINTR;
	if (likely(!env->f->violations)) {
		if (vpt_reserve_suffices(env, tables)) {
			if (vpt_env_traced(env))
				vpt_event_lock(env->f);
			return 0;
		}
		ret = 1;
	}
	vpt_unlock_spans(env);
	return ret;
}

/* The first attempt has answered @ret. */
static noinline int vpt_lock_once_more(struct pt_env *env, u64 tables, int ret)
{
	while (ret > 0) {
		ret = vpt_reserve_fill(&env->reserve, tables);
		if (!ret)
			ret = vpt_lock_try(env, tables);
	}
	if (ret) {
		vpt_free_tables(&env->reserve.pages);
		env->reserve.n = 0;
	}
	return ret;
}

/**
 * vpt_lock_reserved() - take the spans of an operation with enough tables in the reserve
 * @env: operation
 * @va: first byte of what it deals with
 * @last: last byte; 0 and U64_MAX for all spans
 * @tables: how many the core may take, should there be no PT
 *
 * Context: may sleep and allocate.
 * Return: 0 with the spans held; without them, and with an empty reserve, -ENOMEM, -EINTR
 * on a fatal signal, -EIO if the table was found to violate the specification.
 */
int vpt_lock_reserved(struct pt_env *env, u64 va, u64 last, u64 tables)
{
	int ret;

	vpt_env_about(env, va, last);
	ret = vpt_lock_try(env, tables);
	return likely(!ret) ? 0 : vpt_lock_once_more(env, tables, ret);
}

static noinline void vpt_unlock_and_return(struct pt_env *env)
{
	struct vpt_file *f = env->f;
	struct page *page;
	LIST_HEAD(excess);

	spin_lock(&f->tables);
	vpt_spare_move_all(&env->reserve, &f->spare);
	while (f->spare.n > VPT_RESERVE_KEEP) {
		page = vpt_spare_take(&f->spare);
		list_add(&page->lru, &excess);
	}
	spin_unlock(&f->tables);
	list_for_each_entry(page, &excess, lru)
		vpt_event_excess(f, page);
	vpt_unlock_again(env);
	vpt_free_tables(&excess);
}

/*
 * The operation is over: release its spans.  What it has not used goes back to the file, and
 * from there to Linux what is too much.
 */
void vpt_unlock(struct pt_env *env)
{
	WARN_ON_ONCE(!list_empty(&env->dead_tables) || !list_empty(&env->dead_frames) ||
		     env->removed);
	if (unlikely(env->reserve.n || READ_ONCE(env->f->spare.n) > VPT_RESERVE_KEEP))
		vpt_unlock_and_return(env);
	else
		vpt_unlock_again(env);
}

/* At the end of the file: nobody else can use it.  A broken table may have lost leaves. */
void vpt_drop_spare(struct vpt_file *f)
{
	struct page *page;

	vpt_spare_move_all(&f->deposit, &f->spare);
	list_for_each_entry(page, &f->spare.pages, lru)
		vpt_event_excess(f, page);
	vpt_free_tables(&f->spare.pages);
	f->spare.n = 0;
}

/* Of tables above level 1, which operations on several spans count in. */
void pt_env_lock_counts(struct pt_env *env) __acquires(env)
{
	spin_lock(&env->f->tables);
}

void pt_env_unlock_counts(struct pt_env *env) __releases(env)
{
	spin_unlock(&env->f->tables);
}

/*
 * From now on it is like an empty table that Linux linked: used by who needs it, else taken by
 * op_sweep(), which follows, or with the PDPT that it stands in.
 */
void pt_env_leave(struct pt_env *env, u64 table)
{
	struct page *page = vpt_table_page(table);
	unsigned long word = 0;

	vpt_assert_env(env);
	env->left = true;
	if (!vpt_table_tagged(page))
		return;
	env->books->tables--;
	if (vpt_index(page) & VPT_TABLE_ALLOCATED)
		word = (unsigned long)VPT_TABLE_LEFT << 32;
	WRITE_ONCE(vpt_index(page), word);
}

u64 pt_env_take(struct pt_env *env, unsigned int level, bool owned)
{
	struct page *page = vpt_spare_take(&env->reserve);

	if (vpt_events_on())
		vpt_event_table(env->f, SPEC_MON_TABLE_TAKE, page_to_phys(page), level, owned);
	vpt_table_ctor(page, level);
	vpt_mm_account(env->mm, level, true);
	if (owned) {
		vpt_index(page) = VPT_TABLE_TAG << 32 | VPT_TABLE_ALLOCATED;
		env->books->tables++;
	} else {
		vpt_index(page) = 0;
		vpt_count(tables_transferred, 1);
	}
	return page_to_phys(page);
}

/* Whether the table, which is linked, was allocated here. */
static bool vpt_table_allocated(const struct page *page)
{
	return vpt_table_left(page) ||
	       (vpt_table_tagged(page) && (vpt_index(page) & VPT_TABLE_ALLOCATED));
}

void pt_env_release(struct pt_env *env, u64 table)
{
	struct page *page = vpt_table_page(table);

	if (vpt_events_on())
		vpt_event_table(env->f, SPEC_MON_TABLE_RELEASE, table, 0, false);
	if (vpt_table_allocated(page))
		vpt_count(tables_transferred, 1);
	if (vpt_table_tagged(page))
		env->books->tables--;
	if (vpt_table_tagged(page) || vpt_table_left(page))
		vpt_index(page) = 0;
}

void pt_env_defer_table(struct pt_env *env, u64 table, unsigned int level)
{
	struct page *page = vpt_table_page(table);

	if (vpt_events_on())
		vpt_event_table(env->f, SPEC_MON_TABLE_DEFER, table, level, false);
	/* Who got its lock while it was linked has finished; whoever gets it now looks again. */
	if (env->walkers) {
		spin_lock(vpt_ptlock(page));
		spin_unlock(vpt_ptlock(page));
	}
	if (!vpt_table_allocated(page))
		vpt_count(tables_reclaimed_foreign, 1);
	if (vpt_table_tagged(page))
		env->books->tables--;
	WRITE_ONCE(vpt_index(page), level);
	vpt_mm_account(env->mm, level, false);
	list_add(&page->lru, &env->dead_tables);
}

/*
 * A table whose every entry has been invalidated everywhere.  It is all zero, so
 * it can go to the spare ones as it is; what is too much for these goes back to Linux.  So does
 * a PT that walkers may still hold: a "spurious" fault stores where it finds the entry that it
 * has read before, which in another place's table it might.  So do all PDs and PDPTs: perf's walk
 * on a CPU that is not in the mask (mmap_lock.c) would take the PT's entries for a PD's.  What was
 * a PT is the last that it looks at, and can be any table: get_user_page_fast_only() finds an entry
 * without a special bit there if it is a table's, and then that the entry above has changed.
 */
static void vpt_table_done(struct pt_env *env, struct page *page, unsigned int level,
			   struct list_head *held)
{
	struct vpt_file *f = env->f;
	/* Of a broken tree it is not known that the table is all zero. */
	const bool keep = level == 1 && !held && !env->walkers && !f->violations &&
			  READ_ONCE(f->spare.n) < VPT_RESERVE_KEEP && vpt_ptlock_there(page);

	if (vpt_events_on())
		vpt_event_table(f, SPEC_MON_TABLE_FREE, page_to_phys(page), level, keep);
	vpt_table_dtor(page, level);
	vpt_index(page) = 0;
	if (held) {
		list_add(&page->lru, held);
	} else if (keep) {
		spin_lock(&f->tables);
		vpt_spare_add(&f->spare, page);
		spin_unlock(&f->tables);
	} else {
		vpt_table_free(page, env->walkers);
	}
}

/*
 * A fault that died for lack of memory before it reached us may have left an empty
 * PD in a PDPT of ours, which nobody counted; or an operation has (pt_env_leave()), which is
 * about to look again.  Found here, where a whole PDPT goes.
 */
static void vpt_free_stray_tables(struct pt_env *env, struct page *pdpt, struct list_head *held)
{
	u64 *entries = page_address(pdpt);
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		struct page *pd;

		if (!entries[i])
			continue;
		pd = vpt_table_page(entries[i] & PTE_PFN_MASK);
		entries[i] = 0;
		vpt_mm_account(env->mm, 2, false);
		if (!vpt_table_left(pd))
			vpt_count(tables_reclaimed_foreign, 1);
		vpt_table_done(env, pd, 2, held);
	}
}

/*
 * After a shootdown: the tables unlinked before it are free, or, if @held is not NULL,
 * left in @held for vpt_free_tables(), until secondary MMUs have been told.
 */
void vpt_reclaim_tables(struct pt_env *env, struct list_head *held)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &env->dead_tables, lru) {
		unsigned int level = vpt_index(page);

		list_del(&page->lru);
		WARN_ON_ONCE(env->walkers && level > 1);
		if (level == 3)
			vpt_free_stray_tables(env, page, held);
		vpt_table_done(env, page, level, held);
	}
}
