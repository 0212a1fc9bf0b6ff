// SPDX-License-Identifier: GPL-2.0
/*
 * Invalidation on every CPU, with exported symbols only.
 *
 * The entry has been changed already.  Then:
 *  1. mm->context.tlb_gen goes up, by a locked instruction, which also drains this
 *     CPU's store buffer: a CPU that has acknowledged cannot read the old entry
 *     again.  The generation is for CPUs that are not interrupted: one that holds
 *     translations of this address space under a PCID without running it compares
 *     generations when it switches back, and flushes (switch_mm_irqs_off() in
 *     arch/x86/mm/tlb.c);
 *  2. every CPU in mm_cpumask(mm) - those that have it loaded, lazily or not -
 *     runs the handler, and the call returns when all have.
 * A CPU that is just switching to the mm sets its bit in the mask before it reads
 * the generation; the locked increment stands between our stores and our reading
 * of the mask.  So it either gets the IPI or sees the new generation.
 *
 * A CPU that has run the handler flushes its PCID once more, when it next switches to the
 * mm or Linux next invalidates for it: cpu_tlbstate.ctxs[].tlb_gen, which the handler
 * cannot reach (it is not exported), has stayed behind.  That is one flush for however
 * many shootdowns came since, by a CPU that is switching anyway; none while it stays in
 * the process.  The other way would be wrong: a generation that is ahead of the TLB.
 *
 * Waiting for the IPIs also waits for lockless walkers on those CPUs (GUP-fast and
 * perf walk with interrupts off); for perf's on a CPU that is not in the mask see
 * mmap_lock.c.
 */
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/tlbflush.h>

#include "../checking/events.h"
#include "../vpt_file.h"
#include "shootdown.h"
#include "span.h"

/* Above this many INVLPGs a flush of the whole PCID is cheaper (Linux: 33). */
#define VPT_MAX_INVLPG	33

struct vpt_invalidation {
	struct vpt_file *f;
	u64 start;
	u64 end;
	unsigned int shift;	/* log2 of the smallest page in the range */
	bool all;		/* of the PCID */
};

/*
 * One INVLPG drops the translation of that address, of whatever size, and all
 * paging-structure caches of the PCID (SDM 4.10.4.1).  Under PTI the paravirt call does
 * INVPCID for the user PCID, which promises no more than the cached table entries that
 * lead to the address; so does INVLPG with EFER.TCE, which Linux sets from 6.15 on (AMD's
 * APM 2, 5.5.3).  See vpt_invalidates_all().
 */
static void vpt_invalidate_here(void *info)
{
	const struct vpt_invalidation *inv = info;
	u64 va;

	if (inv->all)
		__flush_tlb_local();
	else
		for (va = inv->start; va < inv->end; va += 1ULL << inv->shift)
			__flush_tlb_one_user(va);
	if (vpt_events_on())
		vpt_event_invalidated(inv->f, inv->start, inv->end, inv->shift, inv->all);
}

/**
 * vpt_pdpt_goes() - whether a PDPT has been unlinked and not yet freed
 * @env: operation; it has not freed its tables
 *
 * With it go empty PDs that Linux had linked anywhere in its 512 GiB
 * (vpt_free_stray_tables()): all other tables lead to an address that is invalidated.
 */
bool vpt_pdpt_goes(const struct pt_env *env)
{
	const struct page *page;

	list_for_each_entry(page, &env->dead_tables, lru) {
		if (vpt_index(page) == 3)
			return true;
	}
	return false;
}

/* Whether the addresses of a range do not suffice, or are more work than everything. */
static bool vpt_invalidates_all(const struct pt_env *env, u64 pages)
{
	if (pages > VPT_MAX_INVLPG)
		return true;
	if (boot_cpu_has(X86_FEATURE_TCE))
		return !list_empty(&env->dead_tables);
	return boot_cpu_has(X86_FEATURE_PTI) && vpt_pdpt_goes(env);
}

/* As on_each_cpu_mask(), which for this CPU alone would be a detour. */
static void vpt_invalidate_on(const struct cpumask *cpus, struct vpt_invalidation *inv)
{
	const unsigned int here = get_cpu();

	if (!cpumask_equal(cpus, cpumask_of(here))) {
		on_each_cpu_mask(cpus, vpt_invalidate_here, inv, true);
	} else {
		local_irq_disable();
		vpt_invalidate_here(inv);
		local_irq_enable();
	}
	put_cpu();
}

/**
 * vpt_shootdown() - invalidate a range on every CPU that may have cached it
 * @env: operation; it holds the spans of the range, and interrupts are on
 * @start: first byte
 * @end: first byte after
 * @shift: log2 of the smallest page that was mapped there
 *
 * On return no CPU uses a translation, or a cached table entry, that was read for
 * the range before the call (SDM 4.10.5).
 */
void vpt_shootdown(struct pt_env *env, u64 start, u64 end, unsigned int shift)
{
	struct vpt_file *f = env->f;
	struct vpt_invalidation inv = {
		.f = f, .start = start, .end = end, .shift = shift,
		.all = vpt_invalidates_all(env, (end - start) >> shift),
	};
	const struct cpumask *cpus = mm_cpumask(f->mm);
	/* Who has all spans has f->shot to itself; see vpt_env_traced(). */
	const bool traced = vpt_events_on() && env->all;

	lockdep_assert(vpt_span_is_held(f, start));
	atomic64_inc_return(&f->mm->context.tlb_gen);
	if (traced)
		cpus = vpt_event_shootdown(f, start, end, shift);
	vpt_invalidate_on(cpus, &inv);
	if (traced)
		vpt_event_shootdown_end(f);
	env->books->shootdowns++;
}
