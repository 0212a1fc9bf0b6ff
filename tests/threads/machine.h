/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine of threads for the core and its protocol: each thread is a CPU, with a TLB
 * and a paging-structure cache of its own, that does operations and accesses memory.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define THREADS		8	/* at most */
#define TABLES		128
#define RESERVE		16	/* tables that one operation takes or unlinks, at most */
#define FRAMES_EACH	64	/* frames of one thread */
#define FRAMES		(THREADS * FRAMES_EACH)
#define TLB		16
#define SPANS		32	/* locks of entries of PDs */
#define REQUESTS	1024	/* invalidations that are remembered */

/* What a thread has cached: a translation, or where a PT is.  @size 0: nothing. */
struct cached {
	u64 va;
	u64 size;
	u64 entry;
	unsigned int level;
};

/**
 * struct thread - a CPU
 * @number: which
 * @random: state of its generator
 * @tlb: translations that it may use
 * @psc: the PT that it read last
 * @acked: invalidations that it has done
 * @away: it uses no translation, and has none
 */
struct thread {
	unsigned int number;
	u64 random;
	struct cached tlb[TLB];
	struct cached psc;
	u64 acked;
	bool away;
};

/**
 * struct frame - memory behind a mapping
 * @used: allocated; read by who accesses it without a lock
 * @count: mappings
 * @id: number of its present use, of no other use of any frame
 */
struct frame {
	bool used;
	unsigned int count;
	u64 id;
};

/* An invalidation; @number when it can be read. */
struct request {
	u64 number;
	u64 start;
	u64 end;
};

struct machine {
	unsigned int threads;
	struct thread thread[THREADS];
	u64 table[TABLES][512];
	bool table_used[TABLES];
	u32 live[TABLES];
	u64 free[TABLES];
	unsigned int nfree;
	pthread_mutex_t tables;		/* free and nfree */
	struct frame frame[FRAMES];
	u64 ids;
	pthread_mutex_t span[SPANS];
	pthread_mutex_t counts;
	pthread_mutex_t linker;
	u64 requests;
	struct request request[REQUESTS];
	u64 clock;
};

extern struct machine machine;

static inline u64 *table_slot(u64 table, unsigned int i)
{
	return &machine.table[table >> 12][i];
}

/* Report, and end the program with a failure. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

void machine_init(unsigned int threads);
u64 machine_time(void);
u64 machine_random(struct thread *me, u64 below);

/* A zeroed table that nobody uses, and the way back.  Address 0: none. */
u64 table_take(void);
void table_give(u64 table);

/* A frame of @me's, or FRAMES. */
unsigned int frame_take(struct thread *me);
void frame_give(unsigned int frame);
u64 frame_address(unsigned int frame);
unsigned int frame_at(u64 pa);

/* Let others run, now and then. */
void machine_pause(struct thread *me);

/* Do the invalidations that others wait for.  Whoever waits must call it. */
void machine_poll(struct thread *me);
void machine_lock(struct thread *me, pthread_mutex_t *lock);
void machine_invalidate(struct thread *me, u64 start, u64 end);
void machine_leave(struct thread *me);
void machine_enter(struct thread *me);

/* One access.  Return: number of the frame's use that it went to, 0: page fault. */
u64 machine_access(struct thread *me, u64 va, bool write);

#endif /* MACHINE_H */
