// SPDX-License-Identifier: GPL-2.0
/*
 * What user mode can observe, to compare the MMU model with one without caches.
 *
 * An observation is: these operations have returned, this one is in flight (known
 * by the maps before and after), and an access to this page now finds this frame
 * with these rights, or faults.  Not counted is the fault through a translation
 * that lacks a right granted since: the kernel retries it, and nobody sees it (I4).
 */
#include "mmu_check.h"
#include "mmu_hash.h"
#include "spec_walk.h"

#define MMU_OBSERVED	(1U << 20)

bool mmu_observing;
u64 mmu_observed, mmu_observed_sum;

static u64 mmu_observations[MMU_OBSERVED];

static void mmu_observe_one(u64 moment, unsigned int page, unsigned int frame,
			    unsigned int rights)
{
	u64 key = mmu_mix(moment ^ (page << 16 | frame << 8 | rights | 1ULL << 40),
			  0x9e3779b97f4a7c15ULL) | 1;
	u64 i = key % MMU_OBSERVED;

	for (; mmu_observations[i]; i = (i + 1) % MMU_OBSERVED) {
		if (mmu_observations[i] == key)
			return;
	}
	mmu_observations[i] = key;
	if (++mmu_observed == MMU_OBSERVED / 2)
		__builtin_trap();
	mmu_observed_sum += mmu_mix(key, 0xe7037ed1a0b428dbULL);
}

static u64 mmu_moment(const struct mmu_state *s)
{
	u64 moment = mmu_hash(mmu_map_at(s->old), sizeof(struct mmu_map), 1);
	unsigned int cpu;

	moment = mmu_hash(mmu_map_at(s->new), sizeof(struct mmu_map), moment);
	for (cpu = mmu_first_slot(); cpu < MMU_FLIGHTS; cpu++)
		moment = mmu_mix(moment, s->flight[cpu].window + 1);
	for (cpu = 0; cpu < mmu.cpus; cpu++)
		moment = mmu_mix(moment ^ s->cpu[cpu].answers, 0xa0761d6478bd642fULL);
	return moment;
}

static void mmu_observe_memory(const struct mmu_state *s, u64 moment, unsigned int page)
{
	unsigned int level, table = MMU_ROOT, rights = MMU_W | MMU_X | MMU_U;

	for (level = 4; level; level--) {
		unsigned int index = level == 4 ? 0 : page >> (level - 1) & 1;
		const struct mmu_seen *seen = &mmu_seen[level][s->entry[table][index]];

		if (seen->kind == SPEC_ABSENT) {
			mmu_observe_one(moment, page, 0, 0);
			return;
		}
		rights &= seen->rights;
		if (seen->kind == SPEC_LEAF) {
			mmu_observe_one(moment, page, seen->page +
					(page & (mmu_pages(level) - 1)), rights);
			return;
		}
		table = seen->page;
	}
}

static void mmu_observe_cached(const struct mmu_state *s, u64 moment, unsigned int page,
			       u16 e)
{
	unsigned int offset = page - MMU_TLB_BASE(e);
	u16 old = mmu_map_at(s->old)->page[page], new = mmu_map_at(s->new)->page[page];

	if (offset >= mmu_pages(MMU_TLB_LEVEL(e)) ||
	    (MMU_PAGE_RIGHTS(old) != MMU_TLB_RIGHTS(e) &&
	     MMU_PAGE_RIGHTS(new) != MMU_TLB_RIGHTS(e)))
		return;
	mmu_observe_one(moment, page, MMU_TLB_FRAME(e) + offset, MMU_TLB_RIGHTS(e));
}

void mmu_observe(const struct mmu_state *s)
{
	u64 moment = mmu_moment(s);
	unsigned int page, cpu, i;

	for (page = 0; page < MMU_VPAGES; page++) {
		if (!(mmu.accessed >> page & 1))
			continue;
		mmu_observe_memory(s, moment, page);
		for (cpu = 0; cpu < mmu.cpus; cpu++) {
			for (i = 0; i < MMU_TLB && s->cpu[cpu].tlb[i]; i++)
				mmu_observe_cached(s, moment, page, s->cpu[cpu].tlb[i]);
		}
	}
}
