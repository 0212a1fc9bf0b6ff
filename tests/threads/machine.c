// SPDX-License-Identifier: GPL-2.0
/* Memory, invalidations, and what hardware does. */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op.h"
#include "pt_entry.h"

struct machine machine;

void broken(const char *format, ...)
{
	va_list args;

	printf("not ok 1 - ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n1..1\n");
	fflush(stdout);
	_exit(1);
}

void machine_init(unsigned int threads)
{
	unsigned int i;

	memset(&machine, 0, sizeof(machine));
	machine.threads = threads;
	pthread_mutex_init(&machine.tables, NULL);
	pthread_mutex_init(&machine.counts, NULL);
	pthread_mutex_init(&machine.linker, NULL);
	for (i = 0; i < SPANS; i++)
		pthread_mutex_init(&machine.span[i], NULL);
	/* Page 0 is nobody's, page 1 the root. */
	machine.table_used[1] = true;
	for (i = TABLES - 1; i > 1; i--)
		machine.free[machine.nfree++] = (u64)i << 12;
	for (i = 0; i < THREADS; i++) {
		machine.thread[i].number = i;
		machine.thread[i].random = i + 1;
		machine.thread[i].away = true;
	}
}

/* An order that agrees with real time, and that synchronises nothing. */
u64 machine_time(void)
{
	return __atomic_add_fetch(&machine.clock, 1, __ATOMIC_RELAXED);
}

u64 machine_random(struct thread *me, u64 below)
{
	/* xorshift64* */
	me->random ^= me->random >> 12;
	me->random ^= me->random << 25;
	me->random ^= me->random >> 27;
	return (me->random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

void machine_pause(struct thread *me)
{
	if (!machine_random(me, 16))
		sched_yield();
}

u64 table_take(void)
{
	u64 table = 0;

	pthread_mutex_lock(&machine.tables);
	if (machine.nfree)
		table = machine.free[--machine.nfree];
	pthread_mutex_unlock(&machine.tables);
	if (table)
		__atomic_store_n(&machine.table_used[table >> 12], true, __ATOMIC_RELAXED);
	return table;
}

void table_give(u64 table)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 entry = __atomic_exchange_n(table_slot(table, i), 0, __ATOMIC_RELAXED);

		/* An empty table that somebody has left hung there. */
		if (pte_is_usual_table(entry) && !machine.live[pte_addr(entry) >> 12])
			table_give(pte_addr(entry));
		else if (entry)
			broken("table %#llx is freed and not all zero", (unsigned long long)table);
	}
	__atomic_store_n(&machine.table_used[table >> 12], false, __ATOMIC_RELAXED);
	pthread_mutex_lock(&machine.tables);
	machine.free[machine.nfree++] = table;
	pthread_mutex_unlock(&machine.tables);
}

/* Each thread allocates from frames of its own; anybody may free them. */
unsigned int frame_take(struct thread *me)
{
	unsigned int first = me->number * FRAMES_EACH, i;

	for (i = first; i < first + FRAMES_EACH; i++) {
		struct frame *frame = &machine.frame[i];

		if (__atomic_load_n(&frame->used, __ATOMIC_ACQUIRE))
			continue;
		frame->count = 0;
		__atomic_store_n(&frame->id, __atomic_add_fetch(&machine.ids, 1, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&frame->used, true, __ATOMIC_RELEASE);
		return i;
	}
	return FRAMES;
}

void frame_give(unsigned int frame)
{
	__atomic_store_n(&machine.frame[frame].used, false, __ATOMIC_RELEASE);
}

/* Frames of whatever size stand a level-3 page apart. */
u64 frame_address(unsigned int frame)
{
	return (u64)(frame + 1) << pt_shift(3);
}

unsigned int frame_at(u64 pa)
{
	u64 frame = (pa >> pt_shift(3)) - 1;

	if (frame >= FRAMES || (pa & (pt_size(3) - 1)))
		broken("a leaf leads to %#llx, which is no frame", (unsigned long long)pa);
	return (unsigned int)frame;
}

static void invalidate(struct thread *me, u64 start, u64 end)
{
	unsigned int i;

	for (i = 0; i < TLB; i++) {
		struct cached *c = &me->tlb[i];

		if (c->size && c->va < end && start < c->va + c->size)
			c->size = 0;
	}
	/* INVLPG drops all paging-structure caches (rule I3). */
	me->psc.size = 0;
}

void machine_poll(struct thread *me)
{
	u64 last = __atomic_load_n(&machine.requests, __ATOMIC_SEQ_CST), n;

	for (n = me->acked + 1; n <= last; n++) {
		struct request *r = &machine.request[n % REQUESTS];

		while (__atomic_load_n(&r->number, __ATOMIC_ACQUIRE) != n)
			sched_yield();
		invalidate(me, r->start, r->end);
	}
	__atomic_store_n(&me->acked, last, __ATOMIC_SEQ_CST);
}

/* As the IPIs of the kernel, invalidations reach who waits for a lock. */
void machine_lock(struct thread *me, pthread_mutex_t *lock)
{
	while (pthread_mutex_trylock(lock)) {
		machine_poll(me);
		sched_yield();
	}
}

static bool acknowledged(struct thread *other, u64 number)
{
	return __atomic_load_n(&other->away, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&other->acked, __ATOMIC_SEQ_CST) >= number;
}

void machine_invalidate(struct thread *me, u64 start, u64 end)
{
	u64 number = __atomic_add_fetch(&machine.requests, 1, __ATOMIC_SEQ_CST);
	struct request *r = &machine.request[number % REQUESTS];
	unsigned int i;

	r->start = start;
	r->end = end;
	__atomic_store_n(&r->number, number, __ATOMIC_RELEASE);
	for (i = 0; i < machine.threads; i++) {
		while (!acknowledged(&machine.thread[i], number)) {
			machine_poll(me);
			sched_yield();
		}
	}
}

void machine_leave(struct thread *me)
{
	invalidate(me, 0, ~0ULL);
	__atomic_store_n(&me->away, true, __ATOMIC_SEQ_CST);
}

void machine_enter(struct thread *me)
{
	__atomic_store_n(&me->acked, __atomic_load_n(&machine.requests, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->away, false, __ATOMIC_SEQ_CST);
}

/* Read an entry as a walk does: of whatever is a table, unlinked ones included. */
static u64 walk_read(u64 table, u64 va, unsigned int level)
{
	if (!__atomic_load_n(&machine.table_used[table >> 12], __ATOMIC_RELAXED))
		broken("a walk reads table %#llx, which was freed", (unsigned long long)table);
	return __atomic_load_n(table_slot(table, pt_index(va, level)), __ATOMIC_ACQUIRE);
}

/* Set A, and D for a store, in the leaf as it is now.  Return: it, 0 if it is gone. */
static u64 walk_leaf(u64 table, u64 va, unsigned int level, bool write)
{
	u64 *slot = table_slot(table, pt_index(va, level));
	u64 entry = __atomic_load_n(slot, __ATOMIC_ACQUIRE), set = PTE_A;

	if (write && (entry & PTE_RW))
		set |= PTE_D;
	while (pte_kind(entry, level) == PTE_LEAF && (entry & set) != set) {
		if (__atomic_compare_exchange_n(slot, &entry, entry | set, false,
						__ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
			return entry | set;
	}
	return pte_kind(entry, level) == PTE_LEAF ? entry : 0;
}

static struct cached *tlb_find(struct thread *me, u64 va)
{
	unsigned int i;

	for (i = 0; i < TLB; i++) {
		if (va - me->tlb[i].va < me->tlb[i].size)
			return &me->tlb[i];
	}
	return NULL;
}

static struct cached *tlb_fill(struct thread *me, u64 va, bool write)
{
	struct cached *c = &me->tlb[machine_random(me, TLB)];
	unsigned int level = PT_LEVELS;
	u64 table = 1 << 12, entry;

	/* A walk may begin at what is cached of it. */
	if (va - me->psc.va < me->psc.size && machine_random(me, 4)) {
		level = 1;
		table = me->psc.entry;
	}
	for (;; level--) {
		entry = walk_read(table, va, level);
		if (pte_kind(entry, level) != PTE_TABLE)
			break;
		table = pte_addr(entry);
		if (level == 2)
			me->psc = (struct cached){ pt_base(va, 2), pt_size(2), table, 1 };
		machine_pause(me);
	}
	entry = walk_leaf(table, va, level, write);
	if (!entry)
		return NULL;
	*c = (struct cached){ pt_base(va, level), pt_size(level), entry, level };
	return c;
}

u64 machine_access(struct thread *me, u64 va, bool write)
{
	struct cached *c = tlb_find(me, va);
	struct frame *frame;

	if (!c)
		c = tlb_fill(me, va, write);
	if (!c)
		return 0;
	frame = &machine.frame[frame_at(pte_addr(c->entry))];
	if (!__atomic_load_n(&frame->used, __ATOMIC_ACQUIRE))
		broken("an access to %#llx reaches a frame that was freed",
		       (unsigned long long)va);
	return __atomic_load_n(&frame->id, __ATOMIC_RELAXED);
}
