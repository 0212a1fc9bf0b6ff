// SPDX-License-Identifier: GPL-2.0
/* What a CPU has cached, how it gets there, and what INVLPG does to it. */
#include <stdarg.h>
#include <stdio.h>

#include "mmu_cache.h"

struct mmu_machine mmu;
struct mmu_state mmu_succ[MMU_SUCCESSORS];
struct mmu_step mmu_succ_step[MMU_SUCCESSORS];
unsigned int mmu_nsucc;
char mmu_violation[256];
unsigned int mmu_violating;
struct mmu_seen mmu_seen[SPEC_LEVELS + 1][MMU_E_VALUES];

static const struct spec_cpu mmu_cpu = {
	.maxphyaddr = MMU_PA_BITS, .nxe = true, .page1g = true,
};

static const struct { u64 bit; u16 packed; } mmu_bits[] = {
	{ SPEC_P, MMU_E_P }, { SPEC_RW, MMU_E_RW }, { SPEC_US, MMU_E_US },
	{ SPEC_A, MMU_E_A }, { SPEC_D, MMU_E_D }, { SPEC_PS, MMU_E_PS },
	{ SPEC_XD, MMU_E_XD }, { 1ULL << 9, MMU_E_SW },
};

void mmu_violate(const char *format, ...)
{
	va_list args;

	if (mmu_violation[0] || (mmu.unchecked && strncmp(format, "bound", 5)))
		return;
	va_start(args, format);
	vsnprintf(mmu_violation, sizeof(mmu_violation), format, args);
	va_end(args);
	mmu_violating = mmu_nsucc;
}

u64 mmu_unpack(u16 packed)
{
	u64 entry = (u64)(packed >> MMU_E_PAGE) << SPEC_PAGE_SHIFT;
	unsigned int i;

	for (i = 0; i < sizeof(mmu_bits) / sizeof(mmu_bits[0]); i++)
		entry |= packed & mmu_bits[i].packed ? mmu_bits[i].bit : 0;
	return entry;
}

u16 mmu_pack(u64 entry)
{
	u16 packed = (u16)((entry >> SPEC_PAGE_SHIFT & 31) << MMU_E_PAGE);
	unsigned int i;

	for (i = 0; i < sizeof(mmu_bits) / sizeof(mmu_bits[0]); i++)
		packed |= entry & mmu_bits[i].bit ? mmu_bits[i].packed : 0;
	if (mmu_unpack(packed) != entry)
		mmu_violate("entry %#llx has bits that nobody should set",
			    (unsigned long long)entry);
	return packed;
}

void mmu_model_init(void)
{
	unsigned int level, packed;

	for (level = 1; level <= SPEC_LEVELS; level++) {
		for (packed = 0; packed < MMU_E_VALUES; packed++) {
			struct mmu_seen *seen = &mmu_seen[level][packed];
			struct spec_entry entry;

			spec_decode(&mmu_cpu, mmu_unpack((u16)packed), level, &entry);
			seen->kind = (u8)entry.kind;
			seen->reserved = !!entry.reserved;
			seen->page = (u8)(entry.addr >> SPEC_PAGE_SHIFT);
			seen->rights = (entry.writable ? MMU_W : 0) |
				       (entry.execute_disable ? 0 : MMU_X) |
				       (entry.user ? MMU_U : 0);
		}
	}
}

bool mmu_has(const u16 *list, unsigned int size, u16 entry)
{
	unsigned int i;

	for (i = 0; i < size && list[i] > entry; i++)
		;
	return i < size && list[i] == entry;
}

/* Insert into a descending list without duplicates. */
void mmu_insert(u16 *list, unsigned int size, u16 entry)
{
	unsigned int i = 0, j;

	while (i < size && list[i] > entry)
		i++;
	if (i < size && list[i] == entry)
		return;
	if (list[size - 1]) {
		mmu_violate("bound: a cache of the model is too small");
		return;
	}
	for (j = size - 1; j > i; j--)
		list[j] = list[j - 1];
	list[i] = entry;
}

void mmu_remove(u16 *list, unsigned int size, unsigned int i)
{
	for (; i + 1 < size; i++)
		list[i] = list[i + 1];
	list[size - 1] = 0;
}

static void mmu_drop_tlb(struct mmu_cpu *cpu, unsigned int page)
{
	unsigned int i = 0;

	while (i < MMU_TLB) {
		if (mmu_tlb_covers(cpu->tlb[i], page))
			mmu_remove(cpu->tlb, MMU_TLB, i);
		else
			i++;
	}
}

void mmu_fault(struct mmu_cpu *cpu, unsigned int page)
{
	unsigned int i = 0;

	cpu->walk = 0;
	mmu_drop_tlb(cpu, page);
	while (i < MMU_PSC) {
		if (mmu_psc_covers(cpu->psc[i], page))
			mmu_remove(cpu->psc, MMU_PSC, i);
		else
			i++;
	}
}

/*
 * 4.10.4.1: INVLPG invalidates the TLB entries of the page number, whatever their
 * size, and all entries of the paging-structure caches whatever their address.  A
 * walk in flight holds what it read in the same manner and starts anew.
 */
void mmu_invlpg(struct mmu_cpu *cpu, unsigned int page)
{
	mmu_drop_tlb(cpu, page);
	cpu->walk = 0;
	if (mmu.broken != MMU_INVLPG_KEEPS_PSC)
		memset(cpu->psc, 0, sizeof(cpu->psc));
}

/*
 * A store through a writable translation with D set needs no walk: its address is
 * settled and it waits in the store buffer.  In monotone mode it is taken to wait
 * there as soon as the translation is cached; the later it gets to memory, the more
 * is asked of the protocol.
 */
void mmu_refill_stores(struct mmu_cpu *cpu)
{
	unsigned int i, page;

	for (i = 0; i < MMU_TLB && cpu->tlb[i]; i++) {
		u16 e = cpu->tlb[i];

		if (!(e & MMU_TLB_D) || !(MMU_TLB_RIGHTS(e) & MMU_W))
			continue;
		for (page = 0; page < MMU_VPAGES; page++) {
			if (mmu_tlb_covers(e, page) && (mmu.written >> page & 1))
				cpu->stores |= mmu_frame_bit(MMU_TLB_FRAME(e) + page -
							     MMU_TLB_BASE(e));
		}
	}
}

/* In monotone mode D = 1 says more than D = 0 and takes its place. */
void mmu_cache_translation(struct mmu_cpu *cpu, u16 e)
{
	unsigned int i;

	for (i = 0; i < MMU_TLB && !mmu.explicit; i++) {
		if (cpu->tlb[i] == (e | MMU_TLB_D))
			return;
		if ((cpu->tlb[i] | MMU_TLB_D) == e && cpu->tlb[i] != e) {
			mmu_remove(cpu->tlb, MMU_TLB, i);
			break;
		}
	}
	mmu_insert(cpu->tlb, MMU_TLB, e);
}
