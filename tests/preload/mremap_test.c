// SPDX-License-Identifier: GPL-2.0
/*
 * mremap() under libvpt-preload.so, each call made twice: on memory of vpt's and on memory of
 * Linux's that is laid out alike.  The answers, the address returned, what is mapped afterwards,
 * what it holds and whether it can be written must be the same, however the call ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "preload_test.h"

/* Both arenas begin with a hole, and behind their ends nothing was mapped ever. */
#define ARENA		32
#define SOURCE		1
#define LAST		30
#define TARGET		16
#define AHEAD		48

#define GIB		(1024 * MIB)
#define HUGE_LENGTH	(~0UL - 2 * PAGE + 1)

/* Where Linux does not place what asks for no address, so that no hole is filled meanwhile. */
#define LINUX_ARENAS	(1UL << 40)

struct page_state {
	bool mapped;
	bool readable;
	bool writable;
	char content;
};

enum where { NOWHERE, SAME, AT_TARGET, ELSEWHERE };

struct outcome {
	int error;
	enum where where;
	struct page_state page[ARENA];
	struct page_state moved[ARENA];
};

struct call {
	int source;
	int target;		/* -1: misaligned */
	unsigned long len;
	unsigned long new_len;
	int flags;
};

static int zero, ends[2];

static void set(char *arena, int page, char content)
{
	arena[(unsigned long)page * PAGE] = content;
}

static struct page_state state_of(char *p)
{
	struct page_state s = { };
	void *here = mmap(p, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			  MAP_FIXED_NOREPLACE, -1, 0);

	if (here == p) {
		munmap(p, PAGE);
		return s;
	}
	s.mapped = true;
	s.readable = write(ends[1], p, 1) == 1 && read(ends[0], &s.content, 1) == 1;
	s.writable = read(zero, p + 8, 1) == 1;
	return s;
}

/* Ways to lay out an arena, whose pages hold their numbers. */
static void whole(char *p)
{
	(void)p;
}

static void no_first(char *p)
{
	munmap(p + SOURCE * PAGE, PAGE);
}

static void no_third(char *p)
{
	munmap(p + (SOURCE + 2) * PAGE, PAGE);
}

static void hole_behind(char *p)
{
	munmap(p + (SOURCE + 4) * PAGE, 2 * PAGE);
}

static void readonly_third(char *p)
{
	mprotect(p + (SOURCE + 2) * PAGE, PAGE, PROT_READ);
}

static void readonly(char *p)
{
	mprotect(p + SOURCE * PAGE, 8 * PAGE, PROT_READ);
}

static void forbidden_and_back(char *p)
{
	mprotect(p + (SOURCE + 2) * PAGE, PAGE, PROT_NONE);
	mprotect(p + (SOURCE + 2) * PAGE, PAGE, RW);
}

static void readonly_and_back(char *p)
{
	mprotect(p + (SOURCE + 2) * PAGE, PAGE, PROT_READ);
	mprotect(p + (SOURCE + 2) * PAGE, PAGE, RW);
}

static void replaced(char *p)
{
	mmap(p + (SOURCE + 2) * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	set(p, SOURCE + 2, 'r');
}

static void emptied(char *p)
{
	madvise(p + SOURCE * PAGE, 8 * PAGE, MADV_DONTNEED);
}

static void target_hole(char *p)
{
	munmap(p + TARGET * PAGE, 8 * PAGE);
}

static void target_half(char *p)
{
	munmap(p + (TARGET + 1) * PAGE, 2 * PAGE);
}

static void target_forbidden(char *p)
{
	mprotect(p + TARGET * PAGE, 2 * PAGE, PROT_NONE);
}

static const struct layout {
	const char *name;
	void (*make)(char *arena);
} layouts[] = {
	{ "whole", whole }, { "no first page", no_first }, { "no third page", no_third },
	{ "a hole behind", hole_behind }, { "third page read-only", readonly_third },
	{ "read-only", readonly }, { "third page forbidden and back", forbidden_and_back },
	{ "third page read-only and back", readonly_and_back },
	{ "third page replaced", replaced }, { "emptied", emptied },
	{ "no target", target_hole }, { "half a target", target_half },
	{ "target forbidden", target_forbidden },
};

static const unsigned long lengths[][2] = {
	{ 4 * PAGE, 4 * PAGE }, { 4 * PAGE, 2 * PAGE }, { 4 * PAGE, 6 * PAGE },
	{ 8 * PAGE, 8 * PAGE },
	/* The others only where all is whole. */
	{ 0, 4 * PAGE }, { 4 * PAGE, 0 }, { 4 * PAGE - 1, 4 * PAGE - 100 },
	{ AHEAD * PAGE, 4 * PAGE }, { HUGE_LENGTH, 4 * PAGE }, { 4 * PAGE, HUGE_LENGTH },
	{ 4 * PAGE, 1UL << 57 }, { ~0UL, 4 * PAGE },
};

#define PLAIN_LENGTHS	4

static const int flags[] = {
	0, MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_MAYMOVE | 64, MREMAP_MAYMOVE | MREMAP_FIXED,
	MREMAP_MAYMOVE | MREMAP_DONTUNMAP, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
};

static const int targets[] = { TARGET, SOURCE + 2, ARENA - 1, AHEAD, -1 };

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

static void fill(char *arena, void (*layout)(char *arena))
{
	int i;

	for (i = 0; i < ARENA; i++)
		set(arena, i, (char)('A' + i));
	munmap(arena, PAGE);
	layout(arena);
}

/* What is mapped can still be given to Linux as it stands, run by run. */
static bool is_whole(char *arena, const struct outcome *o)
{
	int i, end;

	for (i = 0; i < ARENA; i = end + 1) {
		for (end = i; end < ARENA && o->page[end].mapped; end++)
			;
		if (end > i && mprotect(arena + (unsigned long)i * PAGE,
					(unsigned long)(end - i) * PAGE, RW | PROT_EXEC))
			return false;
	}
	for (i = 0; i < ARENA; i++) {
		if (o->page[i].readable && arena[(unsigned long)i * PAGE] != o->page[i].content)
			return false;
	}
	return true;
}

static struct outcome make(const struct call *c, char *arena, bool *well)
{
	char *from = arena + (unsigned long)c->source * PAGE;
	char *to = c->target < 0 ? arena + TARGET * PAGE + 8 :
				   arena + (unsigned long)c->target * PAGE;
	struct outcome o = { };
	char *got = mremap(from, c->len, c->new_len, c->flags, to);
	int i;

	if (got == MAP_FAILED)
		o.error = errno;
	else
		o.where = got == from ? SAME : got == to && (c->flags & MREMAP_FIXED) ?
			AT_TARGET : ELSEWHERE;
	for (i = 0; i < ARENA; i++) {
		o.page[i] = state_of(arena + (unsigned long)i * PAGE);
		if (o.where >= AT_TARGET && (unsigned long)i * PAGE < c->new_len)
			o.moved[i] = state_of(got + (unsigned long)i * PAGE);
	}
	*well = is_whole(arena, &o);
	if (o.where >= AT_TARGET)
		munmap(got, c->new_len);
	munmap(arena, ARENA * PAGE);
	return o;
}

static void show(const char *whose, const struct outcome *o)
{
	int i;

	printf("# %s: %s, %d, ", whose, strerror(o->error), o->where);
	for (i = 0; i < 2 * ARENA; i++) {
		const struct page_state *s = i < ARENA ? &o->page[i] : &o->moved[i - ARENA];

		putchar(!s->mapped ? '-' : !s->readable ? 'x' : !s->content ? '0' : s->content);
		if (i == ARENA - 1)
			putchar(' ');
	}
	putchar('\n');
}

static char *linux_arena(void)
{
	static unsigned long next = LINUX_ARENAS;

	next += 16 * MIB;
	return mmap((void *)next, ARENA * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_FIXED_NOREPLACE, -1, 0);
}

/* What is being called, for whoever dies of it. */
static const struct layout *layout_now;
static const struct call *call_now;

static void show_call(void)
{
	const struct call *c = call_now;

	printf("# %s: page %d, %#lx to %#lx, flags %d, target %d\n", layout_now->name, c->source,
	       c->len, c->new_len, c->flags, c->target);
}

static void on_death(int signal)
{
	show_call();
	printf("not ok - signal %d\n", signal);
	fflush(stdout);
	_exit(1);
}

static bool is_same(const struct layout *layout, const struct call *c)
{
	char *ours = fresh(ARENA * PAGE), *theirs = linux_arena(), *after;
	bool well, usable;
	struct outcome want, got;

	layout_now = layout;
	call_now = c;
	if (ours == MAP_FAILED || theirs == MAP_FAILED) {
		show_call();
		return false;
	}
	fill(ours, layout->make);
	fill(theirs, layout->make);
	got = make(c, ours, &usable);
	want = make(c, theirs, &well);
	after = fresh(2 * ARENA * PAGE);
	memset(after, 'n', 2 * ARENA * PAGE);
	munmap(after, 2 * ARENA * PAGE);
	/* A region that lacks what was to be handed out next is of no more use. */
	usable = usable && after > ours && after < ours + GIB;
	if (usable && !memcmp(&got, &want, sizeof(got)))
		return true;
	show_call();
	if (!usable)
		printf("# what is mapped cannot be given to Linux, or the region is lost\n");
	show("vpt", &got);
	show("Linux", &want);
	return false;
}

static int failures, calls;

static void each_length(const struct layout *layout, struct call c)
{
	int most = layout == layouts ? COUNT(lengths) : PLAIN_LENGTHS, i;

	for (i = 0; i < most; i++) {
		c.len = lengths[i][0];
		c.new_len = lengths[i][1];
		/* Linux grows it in place, the library moves it, and both may. */
		if (layout->make == hole_behind && c.flags == MREMAP_MAYMOVE && c.new_len > c.len)
			continue;
		calls++;
		failures += !is_same(layout, &c);
	}
}

static void each_call(const struct layout *layout, int source)
{
	struct call c = { .source = source };
	int i, t;

	for (i = 0; i < COUNT(flags); i++) {
		c.flags = flags[i];
		for (t = 0; t < COUNT(targets); t++) {
			c.target = targets[t];
			each_length(layout, c);
			if (layout != layouts || !(c.flags & MREMAP_MAYMOVE) ||
			    !(c.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
				break;
		}
	}
}

/*
 * Whether Linux moves what there is of a source with a hole in it (7.3 does), and looks at all
 * of its arguments before it looks at the source.  The library does not: README.md, "Limits".
 */
static bool linux_moves_several(void)
{
	char *p = linux_arena();
	bool several;

	munmap(p + 2 * PAGE, (ARENA - 2) * PAGE);
	several = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			 p + 8 * PAGE) != MAP_FAILED;
	munmap(p, ARENA * PAGE);
	return several;
}

static void test_twins(void)
{
	int i;

	TAP_CHECK(!pipe(ends) && (zero = open("/dev/zero", O_RDONLY)) >= 0, "descriptors");
	for (i = 0; i < COUNT(layouts); i++)
		each_call(&layouts[i], SOURCE);
	if (linux_moves_several()) {
		printf("# not tried: a source that ends in a hole, or is one\n");
	} else {
		each_call(&layouts[0], LAST);
		each_call(&layouts[0], AHEAD);
	}
	TAP_CHECK(!failures, "%d of %d calls", failures, calls);
	TAP_CHECK(rightly_placed(fresh(MIB)), "no more memory of vpt's");
}

/* What Linux was given in several parts is one mapping for it. */
static void test_large(void)
{
	unsigned long bytes = 150 * MIB, i;
	char *p = fresh(bytes), *q, *to = mmap(NULL, bytes, PROT_NONE,
					       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TAP_CHECK(rightly_placed(p), "%p", (void *)p);
	for (i = 0; i < bytes; i += MIB)
		p[i] = (char)(i / MIB);
	TAP_CHECK(!mprotect(p, bytes, RW | PROT_EXEC), "%s", strerror(errno));
	q = mremap(p, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	TAP_CHECK(q == to, "%p: %s", (void *)q, strerror(errno));
	for (i = 0; q == to && i < bytes; i += MIB)
		TAP_CHECK(q[i] == (char)(i / MIB) && !q[i + PAGE], "%lu MiB", i / MIB);
	munmap(to, bytes);
}

int main(void)
{
	signal(SIGSEGV, on_death);
	run(test_twins, "mremap does what it does to Linux's memory, when it fails too");
	run(test_large, "memory that became Linux's can be moved in one");
	return tap_done();
}
