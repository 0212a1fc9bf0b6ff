// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/vpt: what an administrator reads there is what the calls say, whatever
 * the processes do meanwhile; and a reader keeps nobody waiting.
 */
#include "lib/view.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/limits.h"
#include "injector/injector.h"

#define FRAME_MASK	0x000ffffffffff000ULL
#define BIT_P		(1ULL << 0)
#define BIT_PS		(1ULL << 7)
#define MANY		64	/* files that are open at once */
#define STAYS		40	/* pages that stay mapped */

static char *tables_of(u64 id, u64 start, u64 end, size_t step)
{
	int fd = view_open("tables");
	char what[64], *text;

	snprintf(what, sizeof(what), "%llu %#llx %#llx\n", (unsigned long long)id,
		 (unsigned long long)start, (unsigned long long)end);
	REQUIRE(!view_select(fd, what), "select %s: %s", what, strerror(errno));
	text = view_text(fd, step);
	close(fd);
	return text;
}

static void regions_are_listed(u64 unused)
{
	struct region r[MANY];
	struct vpt_stats s;
	const char *line;
	unsigned int i;
	char *text;
	int fd;

	(void)unused;
	for (i = 0; i < MANY; i++) {
		region_rw(&r[i], 1, i & 1 ? VPT_STRICT : 0);
		if (i & 1)
			REQUIRE(!vu_map(r[i].fd, r[i].base, VPT_4K, RW, 0), "MAP");
	}
	fd = view_open("regions");
	text = view_text(fd, 100);
	for (i = 0; i < MANY; i++) {
		line = line_with(text, "start", (u64)r[i].base);
		if (!EXPECT(line, "region %u is not there", i))
			continue;
		vu_stats(r[i].fd, &s);
		EXPECT(line_value(line, "mapped", 1) == s.mapped_bytes &&
		       line_value(line, "leaves_4k", ~0ULL) == s.leaves[0] &&
		       line_value(line, "tables", ~0ULL) == (i & 1 ? 2 : 0) &&
		       line_value(line, "strict", 2) == (i & 1) &&
		       line_value(line, "bytes", 0) == VPT_1G &&
		       line_value(line, "pid", 0) == (u64)getpid(), "%.300s", line);
		region_close(&r[i]);
	}
	free(text);
	text = view_text(fd, 4096);
	for (i = 0; i < MANY; i++)
		EXPECT(!line_with(text, "start", (u64)r[i].base), "region %u stays", i);
	free(text);
}

/* Whether a line about the leaf at @va says what RESOLVE does. */
static bool leaf_is_shown(const char *text, int fd, const char *va)
{
	struct vpt_page page;
	const char *line;
	u64 entry;

	if (vu_resolve(fd, va, &page))
		return false;
	for (line = text; *line; line = line_next(line)) {
		entry = line_value(line, "entry", 0);
		if (line_value(line, "va", 1) != page.addr || !(entry & BIT_P) ||
		    (line_value(line, "level", 0) > 1 && !(entry & BIT_PS)))
			continue;
		return (entry & FRAME_MASK & ~(page.page_size - 1)) == page.phys;
	}
	return false;
}

static unsigned int count_lines(const char *text, const char *key, u64 value)
{
	unsigned int n = 0;
	const char *line;

	for (line = text; *line; line = line_next(line))
		n += line_value(line, key, ~value) == value;
	return n;
}

static void dump_agrees_with_resolve(u64 step)
{
	struct region r;
	unsigned int i;
	char *text;
	u64 id;

	region_rw(&r, 2, VPT_STRICT);
	REQUIRE(!vu_map_range(r.fd, r.base + VPT_2M, VPT_2M, VPT_4K, RW, NULL), "MAP_RANGE");
	REQUIRE(!vu_map(r.fd, r.base + 7 * VPT_2M, VPT_4K, VPT_READ, 0), "MAP");
	if (have_size(r.fd, VPT_2M))
		REQUIRE(!vu_map(r.fd, r.base + VPT_1G + VPT_2M, VPT_2M, RW, 0), "MAP 2M");
	id = id_of(r.base);
	text = tables_of(id, 0, ~0ULL, step);
	for (i = 0; i < 512; i++)
		EXPECT(leaf_is_shown(text, r.fd, r.base + VPT_2M + i * VPT_4K), "page %u", i);
	EXPECT(leaf_is_shown(text, r.fd, r.base + 7 * VPT_2M), "the page by itself");
	if (have_size(r.fd, VPT_2M))
		EXPECT(leaf_is_shown(text, r.fd, r.base + VPT_1G + VPT_2M), "the 2M page");
	EXPECT(count_lines(text, "level", 1) == 513, "%u entries of level 1",
	       count_lines(text, "level", 1));
	EXPECT(count_lines(text, "level", 4) == 1, "%u entries of level 4",
	       count_lines(text, "level", 4));
	EXPECT(line_with(text, "live", 512), "the count of a full table");
	free(text);
	region_close(&r);
}

/* What a walk of one address reads, to the entry that is not present. */
static void walk_ends_where_nothing_is(u64 unused)
{
	struct region r;
	char *text;
	u64 id;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "MAP");
	id = id_of(r.base);
	text = tables_of(id, (u64)r.base + 123, (u64)r.base + 124, 4096);
	EXPECT(count_lines(text, "id", id) == 4 && leaf_is_shown(text, r.fd, r.base),
	       "a mapped page:\n%s", text);
	free(text);
	text = tables_of(id, (u64)r.base + VPT_4K, (u64)r.base + VPT_4K + 1, 4096);
	EXPECT(count_lines(text, "id", id) == 4 && count_lines(text, "entry", 0) == 1,
	       "its neighbour:\n%s", text);
	free(text);
	text = tables_of(id, (u64)r.base + VPT_2M, (u64)r.base + VPT_2M + 1, 4096);
	EXPECT(count_lines(text, "id", id) == 3 && count_lines(text, "entry", 0) == 1 &&
	       line_value(line_with(text, "entry", 0), "level", 0) == 2,
	       "where there is no table:\n%s", text);
	free(text);
	text = tables_of(id, (u64)r.base - VPT_4K, (u64)r.base, 4096);
	EXPECT(!*text, "outside:\n%s", text);
	free(text);
	region_close(&r);
}

static void odd_selections_are_refused(u64 unused)
{
	static const char *const odd[] = {
		"", "x", "-", "1 2", "1 5 5", "1 6 5", "1 0 1000 1", "\n", "1 0 z",
		"4294967296", "-1", "1 -1 1000",
		"11111111111111111111111111111111111111111111111111111111111111111111111111111111",
	};
	char *const nowhere = (char *)VPT_4K;
	int fd = view_open("tables");
	unsigned int i;
	char *text;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		EXPECT(!odd[i][0] || view_select(fd, odd[i]) == -EINVAL, "\"%s\": %d", odd[i],
		       view_select(fd, odd[i]));
	EXPECT(write(fd, nowhere, 8) == -1 && errno == EFAULT, "a bad pointer: %s",
	       strerror(errno));
	REQUIRE(!view_select(fd, "4294967295"), "a number that no file has");
	text = view_text(fd, 4096);
	EXPECT(!*text, "it shows %s", text);
	free(text);
	close(fd);
}

/* A region that comes and goes. */
static void come_and_go(void *unused)
{
	struct region r;

	(void)unused;
	region_rw(&r, 1, 0);
	vu_map_range(r.fd, r.base, 64 * VPT_4K, VPT_4K, RW, NULL);
	r.base[VPT_1G / 2] = 1;
	region_close(&r);
}

/* A process that is killed in the middle of it. */
static void live_and_die(void *unused)
{
	const struct timespec life = { .tv_nsec = 3000000 };
	pid_t child = must_fork();

	(void)unused;
	REQUIRE(child >= 0, "fork");
	while (!child)
		come_and_go(NULL);
	nanosleep(&life, NULL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void regions_vanish_while_read(u64 unused)
{
	static const char *const names[] = { "regions", "tables", "check" };
	const struct budget budget = budget_of(400);
	struct beside threads[2], process;
	char buffer[700], *text;
	u64 i, lines = 0;
	ssize_t n;
	int fd;

	(void)unused;
	beside_begin(&process, live_and_die, NULL);
	beside_begin(&threads[0], come_and_go, NULL);
	beside_begin(&threads[1], come_and_go, NULL);
	for (i = 0; budget_left(&budget, i) || !threads[0].rounds || !process.rounds; i++) {
		fd = view_open(names[i % 3]);
		while ((n = read(fd, buffer, sizeof(buffer))) > 0)
			lines += n > 0;
		EXPECT(!n, "%s: %s", names[i % 3], strerror(errno));
		close(fd);
	}
	beside_end(&threads[0]);
	beside_end(&threads[1]);
	beside_end(&process);
	EXPECT(lines, "nothing was read");
	fd = view_open("check");
	text = view_text(fd, 4096);
	EXPECT(!*text, "afterwards:\n%s", text);
	free(text);
}

/* Change what lies between the pages that stay. */
static void map_and_unmap(void *arg)
{
	struct region *r = arg;

	vu_map_range(r->fd, r->base + VPT_4K, 400 * VPT_4K, VPT_4K, RW, NULL);
	vu_map(r->fd, r->base + VPT_1G / 2, VPT_4K, RW, 0);
	vu_unmap_range(r->fd, r->base + VPT_4K, 400 * VPT_4K, NULL);
	vu_unmap(r->fd, r->base + VPT_1G / 2, NULL);
}

static void what_stays_is_in_each_dump(u64 unused)
{
	const struct budget budget = budget_of(60);
	struct beside beside;
	struct region r;
	unsigned int p;
	char *text;
	u64 i, id;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	for (p = 0; p < STAYS; p++)
		REQUIRE(!vu_map(r.fd, r.base + 402 * VPT_4K + p * 5 * VPT_2M, VPT_4K, RW, 0),
			"MAP");
	id = id_of(r.base);
	beside_begin(&beside, map_and_unmap, &r);
	for (i = 0; budget_left(&budget, i) || beside.rounds < 2; i++) {
		text = tables_of(id, 0, ~0ULL, 300);
		for (p = 0; p < STAYS; p++) {
			const char *va = r.base + 402 * VPT_4K + p * 5 * VPT_2M;

			EXPECT(leaf_is_shown(text, r.fd, va), "page %u is not there", p);
			EXPECT(count_lines(text, "va", (u64)va) == 1, "page %u, twice", p);
		}
		free(text);
	}
	beside_end(&beside);
	region_close(&r);
}

/* A reader whose buffer is a page that nobody fills. */
struct stuck {
	int fd;
	char *buffer;
	_Atomic u64 done;
};

static void *stuck_run(void *arg)
{
	struct stuck *s = arg;

	EXPECT(read(s->fd, s->buffer, VPT_4K) > 0, "read: %s", strerror(errno));
	post(&s->done, 1);
	return NULL;
}

static int stuck_buffer(struct stuck *s)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_register reg;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		skip("no userfaultfd: %s", strerror(errno));
	s->buffer = mmap(NULL, VPT_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	REQUIRE(s->buffer != MAP_FAILED, "mmap");
	reg = (struct uffdio_register) {
		.range = { (u64)s->buffer, VPT_4K }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	REQUIRE(!ioctl(uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER: %s", strerror(errno));
	return uffd;
}

static void reader_that_stops_keeps_nobody_waiting(u64 unused)
{
	struct uffdio_zeropage zero;
	struct stuck s = { 0 };
	struct region r, other;
	struct pollfd fault;
	pthread_t thread;
	int uffd;

	(void)unused;
	uffd = stuck_buffer(&s);
	region_rw(&r, 1, 0);
	r.base[0] = 1;
	s.fd = view_open("tables");
	REQUIRE(!pthread_create(&thread, NULL, stuck_run, &s), "thread");
	fault = (struct pollfd) { .fd = uffd, .events = POLLIN };
	REQUIRE(poll(&fault, 1, -1) == 1 && fault.revents == POLLIN, "poll: %d",
		fault.revents);
	/* It stands there, having looked at the region. */
	EXPECT(!vu_map(r.fd, r.base + VPT_2M, VPT_4K, RW, 0), "MAP");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "UNMAP");
	region_close(&r);
	region_rw(&other, 1, 0);
	other.base[0] = 1;
	region_close(&other);
	EXPECT(!atomic_load(&s.done), "the reader did not wait");
	zero = (struct uffdio_zeropage) { .range = { (u64)s.buffer, VPT_4K } };
	REQUIRE(!ioctl(uffd, UFFDIO_ZEROPAGE, &zero), "UFFDIO_ZEROPAGE");
	pthread_join(thread, NULL);
	close(s.fd);
}

static void drop_capability(unsigned int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	REQUIRE(!syscall(SYS_capget, &head, data), "capget");
	data[0].effective &= ~(1U << cap);
	data[0].permitted &= ~(1U << cap);
	REQUIRE(!syscall(SYS_capset, &head, data), "capset");
}

static void administrators_only(u64 as_nobody)
{
	int fd = view_open("tables");

	close(fd);
	if (as_nobody)
		become_nobody();
	else
		drop_capability(CAP_SYS_ADMIN);
	fd = open(VIEW_DIR "tables", O_RDONLY);
	EXPECT(fd < 0 && errno == (as_nobody ? EACCES : EPERM), "%d: %s", fd,
	       strerror(errno));
}

/* In a pid namespace of its own, with a region; its number there is 1. */
static int in_namespace(void *arg)
{
	struct region *outside = arg, r;
	char *text = view_text(view_open("regions"), 4096);
	const char *line = line_with(text, "start", (u64)outside->base);

	EXPECT(line && !line_value(line, "pid", 1), "who is outside has a number: %s", text);
	free(text);
	region_rw(&r, 1, 0);
	text = view_text(view_open("regions"), 4096);
	/* The other region is not inherited, so this one may be at the same address. */
	line = line_with(text, "pid", 1);
	EXPECT(line && line_value(line, "start", 0) == (u64)r.base,
	       "its own number is not 1: %s", text);
	free(text);
	return 0;
}

static void numbers_are_of_the_readers_namespace(u64 unused)
{
	struct region r;
	pid_t child;
	int status;

	(void)unused;
	region_rw(&r, 1, 0);
	if (unshare(CLONE_NEWPID))
		skip("no pid namespaces: %s", strerror(errno));
	child = must_fork();
	if (!child)
		_exit(in_namespace(&r));
	EXPECT(waitpid(child, &status, 0) == child && !status, "status %d", status);
	region_close(&r);
}

/* A name that would be two lines, or move a terminal's cursor. */
static void names_are_plain(u64 unused)
{
	int fd = view_open("regions");
	struct region r;
	char *text;

	(void)unused;
	region_rw(&r, 1, 0);
	REQUIRE(!prctl(PR_SET_NAME, "a b\n\033=\\c\377", 0, 0, 0), "PR_SET_NAME");
	text = view_text(fd, 4096);
	EXPECT(strstr(text, "comm=a\\040b\\012\\033\\075\\134c\\377\n"), "%s", text);
	EXPECT(!strpbrk(text, "\033\377"), "%s", text);
	free(text);
	region_close(&r);
}

/* Nothing else holds it here. */
static void module_stays_while_a_file_is_open(u64 unused)
{
	int fd = view_open("regions");

	(void)unused;
	EXPECT(syscall(SYS_delete_module, "vpt", O_NONBLOCK) == -1 && errno == EWOULDBLOCK,
	       "rmmod: %s", strerror(errno));
	free(view_text(fd, 4096));
	close(fd);
}

static void check_finds_what_is_broken(u64 unused)
{
	struct injector_order order = { .level = 1, .set = 1ULL << 51 };
	int device = module_device("injector"), fd = view_open("check");
	struct region r;
	const char *line;
	char *text;
	u64 id;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0), "MAP");
	id = id_of(r.base);
	text = view_text(fd, 4096);
	line = line_with(text, "id", id);
	EXPECT(line && !line_value(line, "violations", 1) &&
	       line_value(line, "leaves", 0) == 1, "a sound region: %s", text);
	free(text);
	order.addr = (u64)r.base;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "no damage");
	text = view_text(fd, 4096);
	line = line_with(text, "id", id);
	EXPECT(line && line_value(line, "violations", 0) &&
	       line_value(line, "va", 0) == (u64)r.base, "a broken one: %s", text);
	free(text);
	order.set = 0;
	order.clear = 1ULL << 51;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "not mended");
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "every open file is listed, and no other", regions_are_listed, 0, 0 },
		{ "a dump agrees with RESOLVE", dump_agrees_with_resolve, 1 << 20, 0 },
		{ "a dump read by a few bytes agrees, too", dump_agrees_with_resolve, 300, 0 },
		{ "a walk ends where nothing is", walk_ends_where_nothing_is, 0, 0 },
		{ "odd selections are refused", odd_selections_are_refused, 0, 0 },
		{ "regions may vanish while they are read", regions_vanish_while_read, 0, 0 },
		{ "what stays mapped is in each dump, once", what_stays_is_in_each_dump, 0, 0 },
		{ "a reader that stops keeps nobody waiting",
		  reader_that_stops_keeps_nobody_waiting, 0, 0 },
		{ "nobody else may read: no CAP_SYS_ADMIN", administrators_only, 0, 0 },
		{ "nobody else may read: another user", administrators_only, 1, 0 },
		{ "process numbers are of the reader's namespace",
		  numbers_are_of_the_readers_namespace, 0, 0 },
		{ "names are plain text", names_are_plain, 0, 0 },
		{ "the module stays while a file is open", module_stays_while_a_file_is_open,
		  0, 0 },
		{ "check finds what is broken", check_finds_what_is_broken, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
