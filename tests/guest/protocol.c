// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own events (tracepoints "vpt:*"), recorded while it works, keep the
 * protocol: vpt-trace-check, which runs here beside us, has nothing to say.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TRACING	"/sys/kernel/tracing"
#define TRACE	"/tmp/vpt-trace"
#define CHECKER	"./vpt-trace-check"

static void put(const char *file, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	REQUIRE(fd >= 0, "open %s: %s", path, strerror(errno));
	REQUIRE(write(fd, value, strlen(value)) == (ssize_t)strlen(value), "%s > %s: %s",
		value, path, strerror(errno));
	close(fd);
}

static bool enabled(void)
{
	int fd = open(TRACING "/events/vpt/enable", O_RDONLY);
	char c = 0;

	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c == '1';
}

/*
 * All events from one moment on, in one order, by the counter.  They are enabled once
 * and stay so: each time rewrites instructions that other CPUs may be running, which
 * an emulator with a thread for each CPU does not always survive.  (record-cmd does
 * that to the scheduler.)
 */
static void record(void)
{
	if (access(CHECKER, X_OK))
		skip("no %s here", CHECKER);
	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		skip("no tracefs: %s", strerror(errno));
	put("tracing_on", "0");
	put("trace_clock", "counter");
	put("buffer_size_kb", "24576");
	put("trace", "");
	put("options/record-cmd", "0");
	if (!enabled())
		put("events/vpt/enable", "1");
	put("tracing_on", "1");
}

static void stop(void)
{
	char buffer[1 << 16];
	int in, out;
	ssize_t n;

	put("tracing_on", "0");
	in = open(TRACING "/trace", O_RDONLY);
	out = open(TRACE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	REQUIRE(in >= 0 && out >= 0, "copy the trace: %s", strerror(errno));
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		REQUIRE(write(out, buffer, n) == n, "copy the trace: %s", strerror(errno));
	close(in);
	close(out);
	put("buffer_size_kb", "4");
}

/* The checker's report in lines of ours; return how often @event occurs in it. */
static u64 judge(const char *event)
{
	char line[200], name[100];
	FILE *out = popen(CHECKER " " TRACE " 2>&1", "r");
	u64 n, count = 0;
	int status;

	REQUIRE(out, "popen: %s", strerror(errno));
	while (fgets(line, sizeof(line), out)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "OK: ", 4) || !strstr(line, " vpt_") ||
		    strspn(line, " 0123456789") < 8)
			note("%s", line);
		if (sscanf(line, "%lu %99s", &n, name) == 2 && !strcmp(name, event))
			count = n;
	}
	status = pclose(out);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "%s: status %#x", CHECKER, status);
	unlink(TRACE);
	return count;
}

/* Every operation, at one size. */
static void every_operation(struct region *r, u64 size)
{
	char *p = r->base;
	u64 frame;
	u64 v;

	EXPECT(!vu_map(r->fd, p, size, RW, 0), "map");
	probe_store(p, 1);
	EXPECT(!vu_protect(r->fd, p, VPT_READ, NULL), "protect R");
	EXPECT(!vu_protect(r->fd, p, RW, NULL), "protect RW");
	probe_load(p, &v);
	if (!vu_frame_alloc(r->fd, size, &frame)) {
		EXPECT(!vu_remap(r->fd, p, frame, NULL), "remap");
		probe_store(p, 2);
		EXPECT(!vu_frame_free(r->fd, frame), "free the handle");
	} else {
		EXPECT(size == VPT_1G, "a frame");
	}
	EXPECT(!vu_unmap(r->fd, p, NULL), "unmap");
	EXPECT(vu_unmap(r->fd, p, NULL) == -ENOENT, "unmap again");
}

static void ranges(struct region *r, u64 size, u64 pages)
{
	EXPECT(!vu_map_range(r->fd, r->base, pages * size, size, RW, NULL), "map range");
	EXPECT(!vu_protect_range(r->fd, r->base, pages * size, VPT_READ, NULL), "R");
	EXPECT(!vu_protect_range(r->fd, r->base, pages * size, RW, NULL), "RW");
	EXPECT(!vu_unmap_range(r->fd, r->base + size, size, NULL), "unmap one");
	EXPECT(!vu_unmap_range(r->fd, r->base, pages * size, NULL), "unmap range");
}

static void each_operation(u64 size)
{
	struct region r;

	region_rw(&r, 2, VPT_STRICT);
	need_size(r.fd, size);
	record();
	every_operation(&r, size);
	ranges(&r, size, size == VPT_1G ? 1 : 600);
	region_close(&r);
	stop();
	EXPECT(judge("vpt_shootdown_end") >= 3, "shootdowns in the trace");
}

/* Linux walks over a 1 GiB leaf with walkers that cannot deal with one. */
static void split(u64 unused)
{
	struct region r;
	char buffer[4096];
	int fd;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, VPT_1G);
	record();
	EXPECT(!vu_map(r.fd, r.base, VPT_1G, RW, 0), "map");
	probe_store(r.base + VPT_2M, 5);
	/* 6.1 walks for this one only, and not with MPOL_DEFAULT. */
	syscall(SYS_mbind, r.base, VPT_1G, MPOL_LOCAL, NULL, 0, MPOL_MF_STRICT);
	fd = open("/proc/self/smaps", O_RDONLY);
	while (fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	region_close(&r);
	stop();
	/* The table of the 2 MiB leaves, beside what the region needs anyway. */
	EXPECT(judge("vpt_store") > 512, "the leaf was split");
}

/* How many lines of the trace hold both. */
static u64 lines_with(const char *event, const char *field)
{
	FILE *trace = fopen(TRACE, "r");
	char line[400];
	u64 n = 0;

	REQUIRE(trace, "%s: %s", TRACE, strerror(errno));
	while (fgets(line, sizeof(line), trace))
		n += strstr(line, event) && strstr(line, field);
	fclose(trace);
	return n;
}

static bool kernel_uses_pti(void)
{
	FILE *cpus = fopen("/proc/cpuinfo", "r");
	char line[4096];
	bool found = false;

	while (!found && fgets(line, sizeof(line), cpus))
		found = !strncmp(line, "flags", 5) && strstr(line, " pti");
	fclose(cpus);
	return found;
}

/*
 * A refused touch leaves an empty PD of Linux's, which goes with its PDPT.  Under PTI the
 * one address that is invalidated does not reach what is cached of the way there.
 */
static void pdpt_goes(u64 unused)
{
	const u64 slot = 512 * VPT_1G;
	struct region r;
	char *base;

	(void)unused;
	if (!kernel_uses_pti())
		skip("no PTI");
	region_rw(&r, 1024, VPT_STRICT);
	base = (char *)(((u64)r.base + slot - 1) & ~(slot - 1));
	/* Where huge pages are wanted, 6.12 asks for one before it links a PD. */
	REQUIRE(!linux_has_huge_pages() || !madvise(r.base, r.bytes, MADV_NOHUGEPAGE),
		"madvise: %s", strerror(errno));
	EXPECT(!vu_map(r.fd, base, VPT_4K, RW, 0), "map");
	EXPECT(probe_store(base + VPT_1G, 1) == PROBE_SEGV, "a touch");
	record();
	EXPECT(!vu_unmap(r.fd, base, NULL), "unmap");
	stop();
	EXPECT(lines_with("vpt_table_free:", "") == 4, "PT, PD, PDPT and the PD of Linux's: %llu",
	       (unsigned long long)lines_with("vpt_table_free:", ""));
	EXPECT(lines_with("vpt_invalidate:", " all=1") && !lines_with("vpt_invalidate:", " all=0"),
	       "an address is invalidated, not everything");
	judge("vpt_table_free");
	region_close(&r);
}

/* Also one on a page that has a span to itself, or whose PT keeps others. */
static void each_operation_locks_once(u64 unused)
{
	struct region r;
	u64 locks;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0) &&
		!vu_map(r.fd, r.base + VPT_4K, VPT_4K, RW, 0), "map");
	record();
	EXPECT(!vu_protect(r.fd, r.base, VPT_READ, NULL), "protect");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	stop();
	locks = lines_with("vpt_region_lock:", "");
	EXPECT(locks == 2, "two operations take the locks %llu times", (unsigned long long)locks);
	EXPECT(judge("vpt_exchange") == 1, "exchanges in the trace");
	region_close(&r);
}

struct half {
	char *base;
	int fd;
	u64 seed;
};

static void *churn(void *arg)
{
	struct half *h = arg;
	struct rng rng = rng_of(h->seed);
	u64 i;

	for (i = 0; i < 300; i++) {
		char *p = h->base + rng_below(&rng, 1024) * VPT_4K;
		u64 bytes = (1 + rng_below(&rng, 40)) * VPT_4K;

		switch (rng_below(&rng, 6)) {
		case 0:
			vu_map(h->fd, p, VPT_4K, RW, 0);
			break;
		case 1:
			vu_unmap(h->fd, p, NULL);
			break;
		case 2:
			vu_protect(h->fd, p, rng_below(&rng, 2) ? RW : VPT_READ, NULL);
			break;
		case 3:
			vu_remap(h->fd, p, 0, NULL);
			break;
		case 4:
			vu_map_range(h->fd, p, bytes, VPT_4K, RW, NULL);
			break;
		default:
			vu_unmap_range(h->fd, p, bytes, NULL);
		}
		probe_store(h->base + rng_below(&rng, 1024) * VPT_4K, i);
	}
	return NULL;
}

/* Two threads in one region, in demand mode: their accesses fault pages in. */
static void two_threads(u64 flags)
{
	struct half a = { .seed = 1 }, b = { .seed = 2 };
	struct region r;
	pthread_t thread;

	region_rw(&r, 2, flags);
	seed();
	record();
	a.fd = b.fd = r.fd;
	a.base = r.base;
	b.base = r.base + VPT_1G - VPT_2M;
	pthread_create(&thread, NULL, churn, &b);
	churn(&a);
	pthread_join(thread, NULL);
	region_close(&r);
	stop();
	EXPECT(judge("vpt_exchange") > 100, "exchanges in the trace");
}

/* munmap() of a part, at the end and in the middle, and death by SIGKILL. */
static void killed(u64 unused)
{
	struct region r;
	pid_t child;

	(void)unused;
	record();
	child = must_fork();
	if (!child) {
		region_rw(&r, 4, 0);
		for (u64 at = 0; at < r.bytes; at += VPT_1G / 4)
			probe_store(r.base + at, at);
		munmap(r.base + VPT_1G, VPT_1G);
		probe_store(r.base + 2 * VPT_1G + VPT_4K, 1);
		munmap(r.base + 3 * VPT_1G, VPT_1G);
		probe_store(r.base + VPT_4K, 1);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
	stop();
	EXPECT(judge("vpt_frame_free") >= 16, "frames freed in the trace");
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("each operation keeps the protocol", each_operation),
		{ "a split of a 1 GiB page keeps the protocol", split, 0, 0 },
		{ "where a PDPT goes everything is invalidated", pdpt_goes, 0, 0 },
		{ "each operation takes the locks once", each_operation_locks_once, 0, 0 },
		{ "two threads keep the protocol", two_threads, VPT_STRICT, 0 },
		{ "two threads keep the protocol, in demand mode", two_threads, 0, 0 },
		{ "munmap of parts and SIGKILL keep the protocol", killed, 0, 0 },
	};

	int failed = run_properties(argc, argv, properties, ARRAY_SIZE(properties));

	if (enabled())
		put("events/vpt/enable", "0");
	return failed;
}
