/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every guest test stands on: properties and TAP (tap.c), the ioctls
 * (region.c), and accesses that may fault (probe.c).
 */
#ifndef GUEST_H
#define GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdatomic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vpt.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define RW		(VPT_READ | VPT_WRITE)
#define RX		(VPT_READ | VPT_EXEC)
#define RWX		(VPT_READ | VPT_WRITE | VPT_EXEC)

/* Properties: each runs in a process of its own and is one line of TAP. */

/**
 * struct property - one thing that holds
 * @name: the sentence, as TAP prints it
 * @run: checks it, with EXPECT() and skip()
 * @arg: handed to @run: a page size, or whatever the test wants
 * @seconds: time limit, 0 for five minutes; four times as long with check=full
 */
struct property {
	const char *name;
	void (*run)(u64 arg);
	u64 arg;
	unsigned int seconds;
};

#define EACH_SIZE(what, fn)						\
	{ "4K: " what, fn, VPT_4K, 0 },					\
	{ "2M: " what, fn, VPT_2M, 0 },					\
	{ "1G: " what, fn, VPT_1G, 0 }

/**
 * run_properties() - run them in order, print TAP
 *
 * After each, the module must be at rest again: what was allocated is freed.  Each begins with
 * the check= of the first, and so does what comes after the last.
 * The program's arguments are [count [seed [filter]]], 0 for the default.
 * Return: exit status of the program, 0 if all hold.
 */
int run_properties(int argc, char **argv, const struct property *p, size_t n);

/* The same with check=off, whatever it was before and will be again. */
int run_unchecked(int argc, char **argv, const struct property *p, size_t n);

/* Iterations that the program's argument asks for, or @preset. */
u64 iterations(u64 preset);

/*
 * For loops whose length matters less than the time they take: as many rounds as
 * the program's argument asks for; without one @preset, or what can be done in
 * half a second if that is less, but at least a tenth (see paced()).
 */
struct budget {
	u64 rounds;
	u64 least;
	u64 end;		/* now_ns() */
};
struct budget budget_of(u64 preset);
bool budget_left(const struct budget *b, u64 done);

/* Wait, ten seconds at most, for what has to come by itself.  Return: whether it did. */
bool ends_soon(pid_t child);		/* and is waited for */
bool becomes_zombie(pid_t child);
bool comes_to(u64 (*figure)(int fd), int fd, u64 value);

/* The module's frames. */
u64 frames_in_use(int fd);

/* Nanoseconds, CLOCK_MONOTONIC. */
u64 now_ns(void);

/* A thread that does @round again and again beside the property, until the end. */
struct beside {
	void (*round)(void *arg);
	void *arg;
	_Atomic bool over;
	_Atomic u64 rounds;	/* done so far */
	pthread_t thread;
};
void beside_begin(struct beside *b, void (*round)(void *arg), void *arg);
void beside_end(struct beside *b);

struct hold_order;
struct hold_state;

/*
 * /dev/hold, whose module is inserted if need be (hold/hold.h): one order for a file.  A
 * property is skipped where the module is not.
 */
int hold_open(void);
void hold_set(int fd, const struct hold_order *order);
/*
 * The first call of @symbol by thread @tid.  hold_at(): it spins there, hold_asleep_at(): it
 * sleeps, both for as long as they may.
 */
int hold_thread(const char *symbol, pid_t tid, u32 flags, u32 milliseconds);
int hold_at(const char *symbol, pid_t tid);
int hold_asleep_at(const char *symbol, pid_t tid);
struct hold_state hold_read(int fd);
u32 hold_state(int fd);		/* enum hold_state_is */
bool hold_irqs_off(int fd);	/* whether interrupts were off where it was stopped */
/* Wait until it is held, unless *@done before; @done may be NULL.  Return: whether it is. */
bool hold_reached(int fd, _Atomic u64 *done);
void hold_release(int fd);
/* For a property that holds a thread on another CPU than its own, which is 0 from now on. */
void need_hold(void);

/* Wait for *@done while its thread is held.  Return: whether it came in that time. */
bool hold_lets(int fd, _Atomic u64 *done);

/*
 * Look whether thread @tid sleeps in the kernel, and wait a little.  Return: whether it did at
 * each of many looks, which *@asleep, 0 at first, counts.
 */
bool sleeps_on(pid_t tid, unsigned int *asleep);

/*
 * Wait until thread @tid is seen to sleep in the kernel, look after look, while the one of @fd
 * is held; no longer than that, nor when *@done.  Return: whether it was seen.
 */
bool hold_makes_wait(int fd, pid_t tid, _Atomic u64 *done);

/* The module's parameter check=.  Return: whether it could be read, or set. */
struct check_mode {
	char is[8];
};

bool check_mode_read(struct check_mode *mode);
bool check_mode_write(const char *mode);

/* For the rest of the property. */
void set_check(const char *mode);

/* Whether check=full. */
bool checked_fully(void);

/* @n, or an eighth where check=full makes an operation cost what the table has. */
u64 paced(u64 n);

/* The run's seed, drawn at the start unless it was given; the first call prints it. */
u64 seed(void);

/* Note a failure of the running property unless @cond; returns @cond. */
#define EXPECT(cond, ...)						\
	({								\
		bool holds_ = (cond);					\
									\
		/* The text tells of what @cond has done, so it comes second. */ \
		if (!holds_)						\
			failed_at(__FILE__, __LINE__, __VA_ARGS__);	\
		holds_;							\
	})
void failed_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As EXPECT(), and leave the property where going on makes no sense. */
#define REQUIRE(cond, ...)						\
	do {								\
		if (!EXPECT(cond, __VA_ARGS__))				\
			_exit(1);					\
	} while (0)

/* fork(), without which the property cannot go on. */
static inline pid_t must_fork(void)
{
	pid_t child = fork();

	REQUIRE(child >= 0, "fork: %s", strerror(errno));
	return child;
}

/* Leave the property as skipped. */
void skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A diagnostic line. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Random numbers, replayable from seed(). */
struct rng {
	u64 s;
};
struct rng rng_of(u64 stream);
u64 rng_next(struct rng *r);
static inline u64 rng_below(struct rng *r, u64 n)
{
	return rng_next(r) % n;
}

/* Regions. */

struct region {
	int fd;
	char *base;
	u64 bytes;
};

/* Open, configure, mmap; the property fails where that does not work. */
void region_open(struct region *r, unsigned int gib, u32 flags, int prot);
void region_close(struct region *r);
static inline void region_rw(struct region *r, unsigned int gib, u32 flags)
{
	region_open(r, gib, flags, PROT_READ | PROT_WRITE);
}

/* A region at @at exactly. */
void region_open_at(struct region *r, void *at, unsigned int gib, u32 flags);

/* The ioctls.  All return 0 or -errno; an out argument may be NULL. */
int vu_config(int fd, u32 flags);
int vu_map(int fd, const void *va, u64 size, u32 prot, u64 frame);
int vu_unmap(int fd, const void *va, struct vpt_page *old);
int vu_protect(int fd, const void *va, u32 prot, struct vpt_page *old);
int vu_remap(int fd, const void *va, u64 frame, struct vpt_page *old);
int vu_resolve(int fd, const void *va, struct vpt_page *found);
int vu_map_range(int fd, const void *va, u64 length, u64 size, u32 prot,
		 struct vpt_range *done);
int vu_unmap_range(int fd, const void *va, u64 length, struct vpt_range *done);
int vu_protect_range(int fd, const void *va, u64 length, u32 prot,
		     struct vpt_range *done);
int vu_frame_alloc(int fd, u64 size, u64 *frame);
int vu_frame_free(int fd, u64 frame);
int vu_stats(int fd, struct vpt_stats *stats);
int vu_check(int fd, struct vpt_check *check);

/* Skip the property where there is no frame of that size; say why. */
void need_size(int fd, u64 size);

/*
 * Whether a region can be cut anywhere: not where a page-table lock does not fit into a
 * word (PREEMPT_RT, lockdep), there at multiples of 1 GiB only.
 */
bool can_cut(void);
void need_cuts(void);

/* Whether Linux has huge pages of its own: not on PREEMPT_RT, where vpt has none either. */
bool linux_has_huge_pages(void);
bool runs_on(const char *kernel);	/* 6.1, 6.12: the release up to its second point */

/* The same as a question. */
bool have_size(int fd, u64 size);

/* CHECK finds nothing. */
bool expect_sound(int fd, const char *when);

const char *size_name(u64 size);

/* Modules of the tests, which the runner may have put beside the program. */

bool module_here(const char *name);

/* Insert NAME.ko, unless it is inserted already.  Return: whether it is now. */
bool module_insert(const char *name);

/* The device that the module makes; the property is skipped if NAME.ko is not here. */
int module_device(const char *name);

/* Accesses that may fault. */

enum probe {
	PROBE_OK,
	PROBE_SEGV,
	PROBE_BUS,
};

enum probe probe_load(const void *p, u64 *value);
enum probe probe_store(void *p, u64 value);
enum probe probe_exchange(void *p, u64 value, u64 *old);
enum probe probe_add(void *p, u64 value, u64 *old);
enum probe probe_cmpxchg(void *p, u64 expected, u64 value, u64 *old);
enum probe probe_exec(const void *p, u32 *result);

/* Where this thread's last fault was, and the signal's si_code. */
const void *probe_fault_addr(void);
int probe_fault_code(void);

/* Write at @p a function that returns @value, for probe_exec(). */
void put_code(void *p, u32 value);

/* Threads. */

/* Pin the calling thread to CPU @n, modulo the CPUs there are. */
void pin_to(unsigned int n);
unsigned int cpus(void);

/* A thread's state, as /proc has it.  'D': it sleeps, and no signal wakes it but a fatal one. */
char thread_state(pid_t tid);

/* Let others run: a pause, or a yield where there are too few CPUs. */
void relax(void);

/*
 * Wait until *@v is at least @want; set it and wake who waits.  Waiters sleep soon,
 * because a CPU that spins takes the host's CPU from the one that it waits for.
 */
void wait_for(_Atomic u64 *v, u64 want);
void post(_Atomic u64 *v, u64 value);

#endif /* GUEST_H */
