// SPDX-License-Identifier: GPL-2.0
/*
 * The edges of libvpt-preload.so: arguments that few programs give, what few ask of their
 * memory, and programs that clean up what is not theirs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "preload_test.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

/* What calls answer, given memory with a hole behind it: numbers of errors. */
struct call {
	const char *name;
	int (*answer)(char *p);
};

#define HUGE_LENGTH	(~0UL - 2 * PAGE + 1)

#define CALL(function, text, expression)			\
	static int function(char *p)				\
	{							\
		errno = 0;					\
		if ((long)(expression) != -1)			\
			return 0;				\
		return errno;					\
	}

static unsigned char core[16];

#define CALLS(X)								\
	X(munmap_wraps, "munmap, wrapping", munmap(p, HUGE_LENGTH))		\
	X(munmap_all, "munmap, all", munmap(p, ~0UL))				\
	X(munmap_odd, "munmap, misaligned", munmap(p + 1, PAGE))		\
	X(munmap_none, "munmap, nothing", munmap(p, 0))				\
	X(mprotect_wraps, "mprotect, wrapping", mprotect(p, HUGE_LENGTH, PROT_READ)) \
	X(mprotect_all, "mprotect, all", mprotect(p, ~0UL, PROT_READ))		\
	X(mprotect_hole, "mprotect, hole", mprotect(p + 4 * PAGE, PAGE, RW))	\
	X(mprotect_bits, "mprotect, bad bits", mprotect(p, PAGE, 0x100))	\
	X(madvise_wraps, "madvise, wrapping", madvise(p, HUGE_LENGTH, MADV_DONTNEED)) \
	X(madvise_hole, "madvise, hole", madvise(p + 4 * PAGE, PAGE, MADV_DONTNEED)) \
	X(madvise_over, "madvise, over the end", madvise(p, 6 * PAGE, MADV_DONTNEED)) \
	X(madvise_bad, "madvise, unknown", madvise(p, PAGE, 12345))		\
	X(madvise_none, "madvise, nothing", madvise(p, 0, MADV_DONTNEED))	\
	X(mremap_wraps, "mremap, wrapping", mremap(p, HUGE_LENGTH, PAGE, 0))	\
	X(mremap_huge, "mremap, huge", mremap(p, PAGE, HUGE_LENGTH, MREMAP_MAYMOVE)) \
	X(mremap_zero, "mremap, to nothing", mremap(p, PAGE, 0, MREMAP_MAYMOVE)) \
	X(mremap_from_zero, "mremap, from nothing", mremap(p, 0, PAGE, MREMAP_MAYMOVE)) \
	X(mremap_hole, "mremap, hole", mremap(p + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE)) \
	X(mremap_over, "mremap, over the end", mremap(p, 6 * PAGE, 9 * PAGE, MREMAP_MAYMOVE)) \
	X(mremap_bits, "mremap, bad flags", mremap(p, PAGE, PAGE, 64))		\
	X(msync_here, "msync", msync(p, 4 * PAGE, MS_SYNC))			\
	X(msync_hole, "msync, hole", msync(p, 6 * PAGE, MS_SYNC))		\
	X(msync_bits, "msync, bad flags", msync(p, PAGE, 64))			\
	X(mincore_hole, "mincore, hole", mincore(p, 6 * PAGE, core))		\
	X(mincore_odd, "mincore, misaligned", mincore(p + 1, PAGE, core))	\
	X(populate, "MADV_POPULATE_WRITE", madvise(p, 4 * PAGE, MADV_POPULATE_WRITE)) \
	X(populate_over, "populate, over the end", madvise(p, 6 * PAGE, MADV_POPULATE_WRITE)) \
	X(mergeable, "MADV_MERGEABLE", madvise(p, PAGE, MADV_MERGEABLE))	\
	X(remove_it, "MADV_REMOVE", madvise(p, PAGE, MADV_REMOVE))		\
	X(pkey_none, "pkey_mprotect, -1", pkey_mprotect(p, PAGE, PROT_READ, -1)) \
	X(pkey_bad, "pkey_mprotect, no such key", pkey_mprotect(p, PAGE, PROT_READ, 14)) \
	X(lock_it, "mlock", mlock(p, 4 * PAGE))					\
	X(growsdown, "PROT_GROWSDOWN", mprotect(p, PAGE, RW | PROT_GROWSDOWN))

CALLS(CALL)

#define ENTRY(function, text, expression)	{ text, function },
static const struct call calls[] = { CALLS(ENTRY) };

static void test_answers(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		char *ours = fresh(16 * PAGE), *theirs = linux_memory(16 * PAGE);
		int got, want;

		TAP_CHECK(rightly_placed(ours) && !from_vpt(theirs), "%p", (void *)ours);
		munmap(ours + 4 * PAGE, 12 * PAGE);
		munmap(theirs + 4 * PAGE, 12 * PAGE);
		got = calls[i].answer(ours);
		want = calls[i].answer(theirs);
		TAP_CHECK(got == want, "%s: %s, where Linux answers %s", calls[i].name,
			  strerror(got), strerror(want));
	}
}

#define FAULTS(expression)							\
	TAP_CHECK((expression) == -1 && errno == EFAULT, "%s: %s", #expression, strerror(errno))

static void test_pointers(void)
{
	void *volatile bad = (void *)8;
	char *p = fresh(4 * PAGE);
	int ends[2];

	TAP_CHECK(!pipe2(ends, O_CLOEXEC), "pipe");
	FAULTS(mincore(p, 4 * PAGE, bad));
	FAULTS(mincore(p, 4 * PAGE, NULL));
	FAULTS(setrlimit(RLIMIT_DATA, bad));
	FAULTS(prlimit(0, RLIMIT_AS, bad, NULL));
	FAULTS(syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, bad, NULL));
	FAULTS(syscall(SYS_clone3, bad, 88));
	FAULTS(vmsplice(ends[1], bad, 1, 0));
	TAP_CHECK(ioctl(ends[1], UFFDIO_REGISTER, bad) == -1 && errno == ENOTTY, "ioctl");
	close(ends[0]);
	close(ends[1]);
	munmap(p, 4 * PAGE);
}

static void test_lengths(void)
{
	char *p = mmap(NULL, ~0UL, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

	TAP_CHECK(p == MAP_FAILED && errno == ENOMEM, "SIZE_MAX: %p", (void *)p);
	p = mmap(NULL, HUGE_LENGTH, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TAP_CHECK(p == MAP_FAILED && errno == ENOMEM, "wrapping: %p", (void *)p);
	p = fresh(2 * PAGE);
	memset(p, 'a', 2 * PAGE);
	q = mremap(p, 2 * PAGE, HUGE_LENGTH, MREMAP_MAYMOVE);
	TAP_CHECK(q == MAP_FAILED && all_are(p, 2 * PAGE, 'a'), "mremap: %p", (void *)q);
}

static void test_given_back(void)
{
	char *p = fresh(16 * PAGE), *q;
	int i;

	memset(p, 'a', 16 * PAGE);
	munmap(p + 4 * PAGE, 4 * PAGE);
	TAP_CHECK(kills(load, p + 4 * PAGE) && kills(store, p + 7 * PAGE), "can be touched");
	TAP_CHECK(all_are(p, 4 * PAGE, 'a') && all_are(p + 8 * PAGE, 8 * PAGE, 'a'),
		  "neighbours lost");
	q = fresh(MIB);
	for (i = 0; i < 64; i++)
		kills(store, q + MIB + i * PAGE);
	q = fresh(MIB);
	TAP_CHECK(all_are(q, MIB, 0), "fresh memory is not zero");
}

static void test_never_handed_out(void)
{
	char *next = (char *)fresh(MIB) + MIB, *p;

	TAP_CHECK(mprotect(next, MIB, PROT_READ) && errno == ENOMEM, "mprotect");
	TAP_CHECK(madvise(next, MIB, MADV_DONTNEED) && errno == ENOMEM, "madvise");
	TAP_CHECK(mremap(next, MIB, 2 * MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT,
		  "mremap");
	TAP_CHECK(!munmap(next, MIB), "munmap");
	p = fresh(MIB);
	TAP_CHECK(p == next, "%p, not %p", (void *)p, (void *)next);
	TAP_CHECK(all_are(p, MIB, 0) && !kills(store, p), "the memory there is not usable");
}

static void test_moved_in(void)
{
	char *p = fresh(16 * PAGE), *from = linux_memory(4 * PAGE), *q;
	unsigned long i;

	memset(p, 'a', 16 * PAGE);
	memset(from, 'b', 4 * PAGE);
	q = mremap(from, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * PAGE);
	TAP_CHECK(q == p + 4 * PAGE && all_are(q, 4 * PAGE, 'b'), "%p", (void *)q);
	TAP_CHECK(all_are(p, 4 * PAGE, 'a') && all_are(p + 8 * PAGE, 8 * PAGE, 'a'),
		  "neighbours lost");
	/* Where nothing was handed out yet. */
	from = linux_memory(4 * PAGE);
	memset(from, 'c', 4 * PAGE);
	q = mremap(from, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * MIB);
	TAP_CHECK(q == p + 4 * MIB, "%p", (void *)q);
	for (i = 0; i < 16; i++)
		memset(fresh(MIB), 'd', MIB);
	TAP_CHECK(all_are(q, 4 * PAGE, 'c') && all_are(p + 4 * PAGE, 4 * PAGE, 'b'),
		  "a page has two owners");
}

static void test_places(void)
{
	char *p = mmap(NULL, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0), *q;

	TAP_CHECK((uintptr_t)p < 1UL << 32, "MAP_32BIT: %p", (void *)p);
	p = linux_memory(MIB);
	munmap(p, MIB);
	q = mmap(p, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TAP_CHECK(q == p, "a hint for %p: %p", (void *)p, (void *)q);
}

static unsigned long available(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *info = fopen("/proc/meminfo", "re");

	while (info && fgets(line, sizeof(line), info))
		sscanf(line, "MemAvailable: %lu", &kib);
	fclose(info);
	return kib << 10;
}

static void test_untouched(void)
{
	unsigned long bytes = 8UL << 30, before = available();
	int prots[] = { PROT_READ, PROT_NONE };
	char *p;
	int i;

	for (i = 0; i < 2; i++) {
		p = mmap(NULL, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		TAP_CHECK(rightly_placed(p), "%p", (void *)p);
		memset(p + 4 * MIB, 'a', MIB);
		TAP_CHECK(!mprotect(p, bytes, prots[i]), "%d: %s", prots[i], strerror(errno));
		TAP_CHECK(kills(store, p) && kills(store, p + 4 * MIB), "can be written");
		TAP_CHECK(kills(load, p + bytes / 2) == (prots[i] == PROT_NONE), "reading");
		TAP_CHECK(available() + 64 * MIB > before, "%lu MiB of memory are gone",
			  (before - available()) / MIB);
		TAP_CHECK(!mprotect(p, bytes, RW), "back: %s", strerror(errno));
		TAP_CHECK(all_are(p + 4 * MIB, MIB, 'a') && all_are(p + 5 * MIB, MIB, 0),
			  "contents");
		munmap(p, bytes);
	}
}

static void test_mincore(void)
{
	char *p = fresh(16 * PAGE);
	unsigned long i, wrong = 0;

	memset(core, 0xff, sizeof(core));
	p[3 * PAGE] = p[4 * PAGE] = p[15 * PAGE] = 1;
	TAP_CHECK(!mincore(p, 16 * PAGE, core), "%s", strerror(errno));
	for (i = 0; i < 16; i++)
		wrong += (core[i] & 1) != (i == 3 || i == 4 || i == 15);
	TAP_CHECK(!wrong, "%lu pages", wrong);
}

#define PAGES	256

/* How many faults it takes to touch each page of this memory. */
static long faults(void (*access)(volatile char *), char *p)
{
	struct rusage before, after;
	unsigned long i;

	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < PAGES; i++)
		access(p + i * PAGE);
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

/* What else faults meanwhile is the program's own: a few pages. */
static void test_populated(void)
{
	char *p = fresh(PAGES * PAGE);

	TAP_CHECK(rightly_placed(p) && faults(store, p) >= PAGES, "memory that is not populated");
	p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	TAP_CHECK(rightly_placed(p) && faults(store, p) < PAGES / 16, "MAP_POPULATE");
	p = fresh(PAGES * PAGE);
	TAP_CHECK(!madvise(p, PAGES * PAGE, MADV_POPULATE_WRITE), "%s", strerror(errno));
	TAP_CHECK(rightly_placed(p) && faults(store, p) < PAGES / 16, "MADV_POPULATE_WRITE");
	p = fresh(PAGES * PAGE);
	TAP_CHECK(!madvise(p, PAGES * PAGE, MADV_POPULATE_READ), "%s", strerror(errno));
	TAP_CHECK(rightly_placed(p) && faults(load, p) < PAGES / 16, "MADV_POPULATE_READ");
}

/* Linux closes every key while a handler runs, and siglongjmp() does not open it again. */
static bool key_kills(int key, unsigned int closed, void (*access)(volatile char *), char *p)
{
	return !pkey_set(key, closed) && kills(access, p) && !pkey_set(key, 0);
}

static bool obeys_key(void)
{
	char *p = filled(4 * PAGE);
	int key = pkey_alloc(0, 0);

	if (key < 0) {
		puts("# this machine has no protection keys");
		fflush(stdout);
		return true;
	}
	return p && !pkey_mprotect(p + PAGE, PAGE, RW, key) && is_linux(p + PAGE) &&
	       rightly_placed(p) && rightly_placed(p + 2 * PAGE) && all_are(p, 4 * PAGE, 'a') &&
	       !kills(store, p + 2 * PAGE - 1) &&
	       key_kills(key, PKEY_DISABLE_WRITE, store, p + PAGE) &&
	       !pkey_set(key, PKEY_DISABLE_WRITE) && !kills(load, p + PAGE) &&
	       key_kills(key, PKEY_DISABLE_ACCESS, load, p + PAGE) &&
	       all_are(p, 2 * PAGE - 1, 'a') && all_are(p + 2 * PAGE, 2 * PAGE, 'a') &&
	       !pkey_mprotect(p + PAGE, PAGE, RW, 0) && !pkey_free(key) && p[PAGE] == 'a';
}

static void test_key(void)
{
	TAP_CHECK(in_child(obeys_key), "it does not");
}

/* What a child is to find, or not. */
static char *inherited;

static bool is_wiped(void)
{
	return all_are(inherited, PAGE, 0) && all_are(inherited + PAGE, PAGE, 'a');
}

static bool is_gone(void)
{
	return kills(load, inherited) && all_are(inherited + PAGE, PAGE, 'a');
}

static void test_inheritance(void)
{
	inherited = filled(2 * PAGE);
	TAP_CHECK(!madvise(inherited, PAGE, MADV_WIPEONFORK), "%s", strerror(errno));
	TAP_CHECK(in_child(is_wiped) && all_are(inherited, 2 * PAGE, 'a'), "MADV_WIPEONFORK");
	inherited = filled(2 * PAGE);
	TAP_CHECK(!madvise(inherited, PAGE, MADV_DONTFORK), "%s", strerror(errno));
	TAP_CHECK(in_child(is_gone) && all_are(inherited, 2 * PAGE, 'a'), "MADV_DONTFORK");
}

static bool is_limited(void)
{
	struct rlimit limit = { 256 * MIB, 256 * MIB };
	char *small, *q;

	if (setrlimit(RLIMIT_DATA, &limit))
		return false;
	q = fresh(512 * MIB);
	small = fresh(MIB);
	if (q != MAP_FAILED || errno != ENOMEM || small == MAP_FAILED)
		return false;
	limit.rlim_cur = limit.rlim_max = 512 * MIB;
	if (setrlimit(RLIMIT_AS, &limit))
		return false;
	q = fresh(MIB);
	return q != MAP_FAILED && fresh(1024 * MIB) == MAP_FAILED;
}

static void test_limits(void)
{
	TAP_CHECK(in_child(is_limited), "RLIMIT_DATA or RLIMIT_AS");
}

static char *volatile shared;
static volatile bool writing;
static unsigned long lost;

/* What was stored is there at the next look, wherever the page lies by then. */
static void *count(void *arg)
{
	unsigned long n = 0;

	(void)arg;
	while (writing) {
		char *p = shared;
		volatile unsigned long *word = (unsigned long *)(p + 3 * MIB);

		if (!p)
			continue;
		for (n = *word; writing && shared == p; ) {
			lost += *word != n;
			*word = ++n;
		}
	}
	return NULL;
}

static void test_giving(void)
{
	pthread_t thread;
	int i;

	writing = true;
	pthread_create(&thread, NULL, count, NULL);
	for (i = 0; i < 40; i++) {
		char *p = fresh(4 * MIB);

		memset(p, 0, 4 * MIB);
		shared = p;
		usleep(1000);
		TAP_CHECK(!mprotect(p, 4 * MIB, RW | PROT_EXEC), "%s", strerror(errno));
		TAP_CHECK(is_linux(p), "still vpt's");
		usleep(1000);
	}
	writing = false;
	pthread_join(thread, NULL);
	TAP_CHECK(!lost, "%lu stores", lost);
}

int main(void)
{
	run(test_answers, "calls answer as Linux does");
	run(test_pointers, "a pointer to nothing is EFAULT");
	run(test_lengths, "lengths do not wrap");
	run(test_given_back, "what was given back faults, and what is fresh is zero");
	run(test_never_handed_out, "what was never handed out is not there, and is whole when it is");
	run(test_moved_in, "what Linux moves into a region has one owner");
	run(test_places, "MAP_32BIT and hints are heard");
	run(test_untouched, "rights of untouched memory cost no memory");
	run(test_mincore, "mincore knows what was touched");
	run(test_populated, "what is populated is there before it is touched");
	run(test_key, "a page obeys its protection key");
	run(test_inheritance, "MADV_WIPEONFORK and MADV_DONTFORK do what they do");
	run(test_limits, "RLIMIT_DATA and RLIMIT_AS hold");
	run(test_giving, "no store is lost when memory becomes Linux's");
	return tap_done();
}
