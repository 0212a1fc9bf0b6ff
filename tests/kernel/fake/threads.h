/* SPDX-License-Identifier: GPL-2.0 */
/* What Linux has for many CPUs, by threads: each is two CPUs, and no other thread is these. */
#ifndef FAKE_THREADS_H
#define FAKE_THREADS_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint64_t u64;

#define FAKE_CPUS	10
#define FAKE_AREA	256		/* bytes of each CPU */

extern __thread int fake_cpu;
extern int fake_woken;			/* how often somebody was to be woken */

#define __percpu
#define __must_check			__attribute__((__warn_unused_result__))
#define unlikely(x)			__builtin_expect(!!(x), 0)
#define ____cacheline_aligned_in_smp	__attribute__((__aligned__(64)))
#define READ_ONCE(x)			__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)		__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_mb()			__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()			__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()			__atomic_thread_fence(__ATOMIC_RELEASE)

#define GFP_KERNEL_ACCOUNT		0
#define __GFP_ZERO			0
#define alloc_percpu_gfp(type, gfp)	((type *)calloc(FAKE_CPUS, FAKE_AREA))
#define free_percpu(p)			free(p)
#define per_cpu_ptr(p, cpu)		((__typeof__(p))((char *)(p) + (cpu) * FAKE_AREA))
#define raw_cpu_ptr(p)			per_cpu_ptr(p, fake_cpu)
/* Not locked, so that it is no barrier. */
#define this_cpu_add(v, n)		\
	WRITE_ONCE(*per_cpu_ptr(&(v), fake_cpu), READ_ONCE(*per_cpu_ptr(&(v), fake_cpu)) + (n))
#define this_cpu_inc(v)			this_cpu_add(v, 1)
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < FAKE_CPUS; (cpu)++)

typedef struct {
	u64 counter;
} atomic64_t;

#define atomic64_add(n, v)		((void)__atomic_fetch_add(&(v)->counter, n, __ATOMIC_RELAXED))
#define atomic64_sub(n, v)		((void)__atomic_fetch_sub(&(v)->counter, n, __ATOMIC_RELAXED))
#define atomic64_read(v)		__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)

struct rw_semaphore {
	pthread_rwlock_t lock;
};

#define init_rwsem(s)			pthread_rwlock_init(&(s)->lock, NULL)
#define down_read_killable(s)		pthread_rwlock_rdlock(&(s)->lock)
#define down_write_killable(s)		pthread_rwlock_wrlock(&(s)->lock)
#define up_read(s)			pthread_rwlock_unlock(&(s)->lock)
#define up_write(s)			pthread_rwlock_unlock(&(s)->lock)
#define rwsem_acquire_read(...)		do { } while (0)
#define rwsem_release(...)		do { } while (0)

typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t woken;
} wait_queue_head_t;

#define init_waitqueue_head(q)		\
	do { pthread_mutex_init(&(q)->lock, NULL); pthread_cond_init(&(q)->woken, NULL); } while (0)
#define wake_up(q)			\
	do { __atomic_fetch_add(&fake_woken, 1, __ATOMIC_RELAXED);				\
	     pthread_mutex_lock(&(q)->lock); pthread_cond_broadcast(&(q)->woken);	\
	     pthread_mutex_unlock(&(q)->lock); } while (0)

/* Nobody is killed while he waits. */
#define wait_event_killable(q, condition)				\
	({ pthread_mutex_lock(&(q).lock);				\
	   while (!(condition))						\
		pthread_cond_wait(&(q).woken, &(q).lock);		\
	   pthread_mutex_unlock(&(q).lock); 0; })

#endif /* FAKE_THREADS_H */
