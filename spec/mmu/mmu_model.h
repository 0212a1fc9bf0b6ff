/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MMU model: what the hardware of each CPU may do at any time.
 *
 * Section numbers are the Intel SDM's, vol. 3A, in the editions whose section 4.10
 * is "Caching Translation Information".
 */
#ifndef MMU_MODEL_H
#define MMU_MODEL_H

#include <string.h>

#include "mmu_map.h"

#ifndef MMU_SUCCESSORS
#define MMU_SUCCESSORS	512
#endif

/* What is explored; set before, not changed during an exploration. */
extern struct mmu_machine mmu;

/* The successors of the state that is being expanded. */
extern struct mmu_state mmu_succ[MMU_SUCCESSORS];
extern struct mmu_step mmu_succ_step[MMU_SUCCESSORS];
extern unsigned int mmu_nsucc;

/* The first violation: what, and which successor shows it. */
extern char mmu_violation[256];
extern unsigned int mmu_violating;

/* Note a violation by the successor that is being made. */
void mmu_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Begin a successor as a copy of @s.  It counts when mmu_commit() is called. */
static inline struct mmu_state *mmu_branch(const struct mmu_state *s)
{
	struct mmu_state *t = &mmu_succ[mmu_nsucc];

	memcpy(t, s, sizeof(*t));
	return t;
}

static inline void mmu_commit(struct mmu_step step)
{
	mmu_succ_step[mmu_nsucc] = step;
	if (mmu_nsucc + 1 < MMU_SUCCESSORS)
		mmu_nsucc++;
	else
		mmu_violate("bound: more than %u steps can follow a state", MMU_SUCCESSORS - 1);
}

/* What the decoder of spec_walk.c makes of each packed entry at each level. */
struct mmu_seen {
	u8 kind;	/* enum spec_kind */
	u8 reserved;
	u8 page;	/* table or frame */
	u8 rights;
};

extern struct mmu_seen mmu_seen[SPEC_LEVELS + 1][MMU_E_VALUES];

void mmu_model_init(void);

/* Between 64-bit entries and packed ones.  Violation if a bit has no place. */
u16 mmu_pack(u64 entry);
u64 mmu_unpack(u16 packed);

/* INVLPG of @page on one CPU (SDM 4.10.4.1, rule I3). */
void mmu_invlpg(struct mmu_cpu *cpu, unsigned int page);

/* User mode may store again through what the TLB holds (see the comment there). */
void mmu_refill_stores(struct mmu_cpu *cpu);

/* Everything the hardware may do in @s, as successors; that of one CPU. */
void mmu_hardware(const struct mmu_state *s);
void mmu_hardware_of(const struct mmu_state *s, unsigned int cpu);

/* A fault that reductions must not hide, nor checks of locks find before its damage shows. */
static inline bool mmu_lock_fault(void)
{
	return mmu.broken >= MMU_MAP_UNLOCKED;
}

/*
 * Where the operation of @cpu's is in &mmu_state.flight, and its shootdown in
 * &mmu_cpu.ipi.  One after the other they are all in the last.
 */
static inline unsigned int mmu_slot(unsigned int cpu)
{
	return MMU_FLIGHTS - 1 - (mmu.spans ? cpu : 0);
}

/* The operations in flight are from here on. */
static inline unsigned int mmu_first_slot(void)
{
	return mmu.spans ? MMU_FLIGHTS - mmu.cpus : MMU_FLIGHTS - 1;
}

/* The operation that @cpu does; NULL: none. */
static inline const struct mmu_flight *mmu_flight_of(const struct mmu_state *s,
						     unsigned int cpu)
{
	const struct mmu_flight *f = &s->flight[mmu_slot(cpu)];

	return f->by == cpu + 1 ? f : NULL;
}

/* A shootdown's interrupt waits, or is being handled. */
static inline bool mmu_interrupted(const struct mmu_cpu *c)
{
	unsigned int i;

	for (i = 0; i < MMU_FLIGHTS; i++) {
		if (c->ipi[i])
			return true;
	}
	return false;
}

/* The CPU is in the handler of a shootdown, and has done some of it. */
static inline bool mmu_in_handler(const struct mmu_cpu *c)
{
	unsigned int i;

	for (i = 0; i < MMU_FLIGHTS; i++) {
		if (c->ipi[i] > 1)
			return true;
	}
	return false;
}

/* The bit of @frame in &mmu_cpu.stores. */
static inline u16 mmu_frame_bit(unsigned int frame)
{
	return (u16)(1U << (frame - MMU_FRAME0));
}

#endif /* MMU_MODEL_H */
