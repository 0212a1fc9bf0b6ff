// SPDX-License-Identifier: GPL-2.0
/* What frames cost their owner, and what happens when there are no more. */
#include "lib/guest.h"
#include "lib/limits.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define MIB	(1UL << 20)
#define SLACK	(2 * MIB)	/* Linux adds up per-CPU counts only roughly */

static u64 rss(void)
{
	return status_kib("RssShmem:") << 10;
}

static bool expect_rss(u64 base, u64 bytes, const char *when)
{
	u64 now = rss();

	return EXPECT(now + SLACK >= base + bytes && now <= base + bytes + SLACK,
		      "%s: %lld kB more than before, %llu kB of frames", when,
		      (long long)(now - base) / 1024, (unsigned long long)bytes / 1024);
}

static void rss_tells_of_mapped_frames(u64 size)
{
	u64 bytes = 32 * MIB, base, peak;
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	base = rss();
	REQUIRE(!vu_map_range(r.fd, r.base, bytes, size, RW, NULL), "map");
	expect_rss(base, bytes, "mapped");
	peak = status_kib("VmRSS:");
	EXPECT(!vu_unmap_range(r.fd, r.base, bytes / 2, NULL), "unmap half");
	expect_rss(base, bytes / 2, "half unmapped");
	EXPECT(!munmap(r.base, r.bytes), "munmap");
	expect_rss(base, 0, "munmapped");
	EXPECT(status_kib("VmHWM:") + SLACK / 1024 >= peak, "VmHWM forgets the peak: %llu kB of %llu",
	       (unsigned long long)status_kib("VmHWM:"), (unsigned long long)peak);
}

static void rss_tells_of_handles(u64 size)
{
	/* Each costs what there are, with check=full. */
	u64 n = (checked_fully() ? 6 : 16) * MIB / size, i, base;
	struct region r;
	u64 *frame = calloc(n, sizeof(*frame));

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	base = rss();
	for (i = 0; i < n; i++)
		REQUIRE(!vu_frame_alloc(r.fd, size, &frame[i]), "FRAME_ALLOC");
	expect_rss(base, n * size, "held by handle");
	for (i = 0; i < n; i++)
		vu_map(r.fd, r.base + i * size, size, RW, frame[i]);
	expect_rss(base, n * size, "mapped as well");
	for (i = 0; i < n; i++)
		vu_frame_free(r.fd, frame[i]);
	expect_rss(base, n * size, "mapped only");
	EXPECT(!vu_unmap_range(r.fd, r.base, n * size, NULL), "unmap");
	expect_rss(base, 0, "gone");
	region_close(&r);
}

static void rss_tells_of_touches(u64 unused)
{
	u64 bytes = (checked_fully() ? 4 : 8) * MIB, base, i;
	struct region r;

	(void)unused;
	region_rw(&r, 1, 0);
	base = rss();
	for (i = 0; i < bytes; i += VPT_4K)
		r.base[i] = 1;
	expect_rss(base, bytes, "touched");
	region_close(&r);
	expect_rss(base, 0, "closed");
}

/* They were taken at insertion: the end of a process gives Linux nothing back. */
static void rss_leaves_out_the_pool(u64 unused)
{
	struct region r;
	u64 base;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, VPT_1G);
	base = rss();
	REQUIRE(!vu_map(r.fd, r.base, VPT_1G, RW, 0), "map");
	expect_rss(base, 0, "1 GiB mapped");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	expect_rss(base, 0, "unmapped");
	region_close(&r);
}

static void send_fd(int sock, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	REQUIRE(sendmsg(sock, &msg, 0) == 1, "sendmsg");
}

/* Frames in use in the whole system, by the module's count. */
static u64 frames_out(void)
{
	struct vpt_stats s = { 0 };
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	region_close(&r);
	return s.frames_allocated - s.frames_freed;
}

/*
 * The file outlives the address space that it belongs to, and nobody can use it: its
 * frames, those that only a handle names too, must go with the address space.
 */
static void frames_go_with_the_address_space(u64 size)
{
	int pair[2], status, tries;
	struct region r;
	u64 frame;
	pid_t child;

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	child = must_fork();
	if (!child) {
		region_rw(&r, 1, 0);
		need_size(r.fd, size);
		REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
		REQUIRE(!vu_map(r.fd, r.base, size, RW, frame), "map");
		REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
		send_fd(pair[0], r.fd);
		_exit(0);
	}
	waitpid(child, &status, 0);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "child: status %x", status);
	/* The file lies in the socket still. */
	for (tries = 0; tries < 500 && frames_out(); tries++)
		usleep(10000);
	EXPECT(!frames_out(), "%llu frames are left while the file is open",
	       (unsigned long long)frames_out());
	close(pair[0]);
	close(pair[1]);
}

/* Threads that touch the same page at the same time, round after round. */
#define TOUCHERS	4

struct crowd {
	struct region r;
	_Atomic u64 go, done[TOUCHERS], bus;
};

struct toucher {
	struct crowd *crowd;
	unsigned int n;
};

static void *touch_each_round(void *arg)
{
	struct toucher *t = arg;
	struct crowd *c = t->crowd;
	u64 round;

	pin_to(t->n);
	for (round = 1;; round++) {
		wait_for(&c->go, round);
		if (atomic_load(&c->go) == UINT64_MAX)
			return NULL;
		if (probe_store(c->r.base, round) != PROBE_OK)
			atomic_fetch_add(&c->bus, 1);
		post(&c->done[t->n], round);
	}
}

static void touch_together(struct crowd *c, u64 rounds)
{
	struct budget budget = budget_of(rounds);
	struct toucher toucher[TOUCHERS];
	pthread_t thread[TOUCHERS];
	u64 round, i, v;

	for (i = 0; i < TOUCHERS; i++) {
		toucher[i] = (struct toucher){ c, i };
		REQUIRE(!pthread_create(&thread[i], NULL, touch_each_round, &toucher[i]),
			"thread");
	}
	for (round = 1; budget_left(&budget, round); round++) {
		post(&c->go, round);
		for (i = 0; i < TOUCHERS; i++)
			wait_for(&c->done[i], round);
		EXPECT(probe_load(c->r.base, &v) == PROBE_OK && v == round,
		       "round %llu", (unsigned long long)round);
		EXPECT(!vu_unmap(c->r.fd, c->r.base, NULL), "unmap");
	}
	post(&c->go, UINT64_MAX);
	for (i = 0; i < TOUCHERS; i++)
		pthread_join(thread[i], NULL);
	note("%llu rounds", (unsigned long long)round - 1);
	EXPECT(!c->bus, "SIGBUS %llu times at a page that is within the limit",
	       (unsigned long long)c->bus);
}

static void last_page_of_memlock(u64 unused)
{
	struct rlimit rl = { VPT_4K, VPT_4K };
	static struct crowd crowd;

	(void)unused;
	region_rw(&crowd.r, 1, 0);
	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &rl), "setrlimit");
	become_nobody();
	touch_together(&crowd, 5000);
	region_close(&crowd.r);
}

/*
 * RLIMIT_MEMLOCK is the process's: what an ioctl holds for a moment, in whichever region, may be
 * a touch's last page.
 */
struct rival {
	struct region r;
	_Atomic u64 done;
};

/* Charged, found to be in vain, and given back. */
static void map_in_vain(void *arg)
{
	struct rival *other = arg;

	other->done += vu_map(other->r.fd, other->r.base, VPT_4K, RW, 0) == -EEXIST;
}

/* Charged page by page, until the allowance ends; it takes the longer the more there is. */
#define ALLOWED		16

static void be_refused(void *arg)
{
	struct rival *other = arg;

	other->done += vu_map_range(other->r.fd, other->r.base + VPT_2M, (ALLOWED + 8) * VPT_4K,
				    VPT_4K, RW, NULL) == -ENOMEM;
}

/* Charged before the old page goes. */
static void remap(void *arg)
{
	struct rival *other = arg;

	other->done += !vu_remap(other->r.fd, other->r.base, 0, NULL);
}

/**
 * struct contest - who else wants the last page
 * @ask: one ioctl, which counts how often it ended as it should
 * @apart: in another region
 * @pages: that are touched, as many as are allowed
 */
struct contest {
	void (*ask)(void *other);
	bool apart;
	u64 pages;
};

/* The other's page is mapped, and @pages more are allowed. */
static void open_at_the_limit(struct region *r, struct rival *other, bool apart, u64 pages)
{
	struct rlimit rl = { (1 + pages) * VPT_4K, (1 + pages) * VPT_4K };

	region_rw(r, 1, 0);
	other->r = *r;
	if (apart)
		region_rw(&other->r, 1, 0);
	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &rl), "setrlimit");
	become_nobody();
	other->r.base[0] = 1;
}

static void last_page_beside(u64 arg)
{
	const struct contest *contest = (const struct contest *)arg;
	struct budget budget = budget_of(5000);
	static struct rival other;
	struct beside ioctls;
	struct region r;
	u64 round, bus = 0, i;

	open_at_the_limit(&r, &other, contest->apart, contest->pages);
	beside_begin(&ioctls, contest->ask, &other);
	/* On a busy host the other thread may come late. */
	for (round = 1; budget_left(&budget, round) || !other.done; round++) {
		for (i = 1; i <= contest->pages; i++)
			bus += probe_store(r.base + i * VPT_4K, 1) != PROBE_OK;
		vu_unmap_range(r.fd, r.base + VPT_4K, contest->pages * VPT_4K, NULL);
	}
	beside_end(&ioctls);
	EXPECT(!bus, "SIGBUS %llu times of %llu, within the limit",
	       (unsigned long long)bus, (unsigned long long)((round - 1) * contest->pages));
	region_close(&r);
	if (contest->apart)
		region_close(&other.r);
}

/* Each ioctl that allocates, done, refused, and in vain: whatever it asked for is settled. */
static void ask_in_every_way(struct region *r)
{
	const int no_2m = linux_has_huge_pages() ? -ENOMEM : -EOPNOTSUPP;
	char *free = r->base + VPT_2M;
	u64 frame;

	EXPECT(vu_map(r->fd, r->base, VPT_4K, RW, 0) == -EEXIST, "MAP in vain");
	EXPECT(vu_map(r->fd, r->base, VPT_2M, RW, 0) == no_2m, "MAP of 2M");
	EXPECT(!vu_map(r->fd, free, VPT_4K, RW, 0), "MAP");
	EXPECT(vu_map(r->fd, free + VPT_4K, VPT_4K, RW, 0) == -ENOMEM, "MAP refused");
	EXPECT(vu_remap(r->fd, free, 0, NULL) == -ENOMEM, "REMAP refused");
	EXPECT(vu_frame_alloc(r->fd, VPT_4K, &frame) == -ENOMEM, "FRAME_ALLOC refused");
	EXPECT(!vu_unmap(r->fd, free, NULL), "UNMAP");
	EXPECT(!vu_remap(r->fd, r->base, 0, NULL), "REMAP");
	EXPECT(!vu_frame_alloc(r->fd, VPT_4K, &frame), "FRAME_ALLOC");
	EXPECT(!vu_frame_free(r->fd, frame), "FRAME_FREE");
	EXPECT(vu_map_range(r->fd, free, 2 * VPT_4K, VPT_4K, RW, NULL) == -ENOMEM,
	       "MAP_RANGE refused");
	EXPECT(vu_map_range(r->fd, r->base, VPT_4K, VPT_4K, RW, NULL) == -EEXIST,
	       "MAP_RANGE in vain");
	EXPECT(!vu_map_range(r->fd, free, VPT_4K, VPT_4K, RW, NULL), "MAP_RANGE");
	EXPECT(!vu_unmap_range(r->fd, free, VPT_4K, NULL), "UNMAP_RANGE");
}

static void refused_and_nothing_asked(u64 unused)
{
	static struct rival other;
	struct beside ioctls;
	struct region r;
	u64 i, bus = 0;

	(void)unused;
	open_at_the_limit(&r, &other, true, 1);
	ask_in_every_way(&other.r);
	r.base[0] = 1;
	/* If something is left asked this is repeated until the property's time is up. */
	EXPECT(probe_store(r.base + VPT_4K, 1) == PROBE_BUS, "beyond the limit");
	beside_begin(&ioctls, be_refused, &other);
	for (i = 1; i <= 100 || !other.done; i++)
		bus += probe_store(r.base + i * VPT_4K, 1) == PROBE_BUS;
	beside_end(&ioctls);
	EXPECT(bus == i - 1, "SIGBUS %llu times of %llu, beyond the limit",
	       (unsigned long long)bus, (unsigned long long)i - 1);
	region_close(&r);
	region_close(&other.r);
}

/* All in one PT, since the memory for tables Linux asks for in its own way. */
static void memcg_limit_is_sigbus(u64 unused)
{
	enum probe got = PROBE_OK;
	struct region r;
	char text[24];
	u64 i, kills;
	int limit;

	(void)unused;
	enter_cgroup();
	limit = cgroup_open("memory.max");
	kills = cgroup_value("memory.events", "oom_kill ");
	region_rw(&r, 1, 0);
	r.base[0] = 1;
	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)(cgroup_value("memory.current", NULL) + MIB));
	REQUIRE(pwrite(limit, text, strlen(text), 0) > 0, "memory.max");
	for (i = 1; i < VPT_2M / VPT_4K && got == PROBE_OK; i++)
		got = probe_store(r.base + i * VPT_4K, 1);
	REQUIRE(pwrite(limit, "max", 3, 0) > 0, "memory.max");
	close(limit);
	EXPECT(got == PROBE_BUS, "touch %llu: %d", (unsigned long long)i, got);
	EXPECT(i > 64, "only %llu touches in 1 MiB", (unsigned long long)i);
	kills = cgroup_value("memory.events", "oom_kill ") - kills;
	EXPECT(!kills, "%llu killed", (unsigned long long)kills);
	EXPECT(probe_store(r.base + i * VPT_4K, 1) == PROBE_OK, "touch with more memory");
	expect_sound(r.fd, "after SIGBUS");
	region_close(&r);
}

/* Holds a tenth of the memory, and wants to live. */
static void bystander(void)
{
	struct sysinfo info;
	char *mine;
	u64 bytes;

	sysinfo(&info);
	bytes = info.totalram / 10;
	mine = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	while (mine != MAP_FAILED) {
		mine[rng_below(&(struct rng){ getpid() }, bytes)]++;
		usleep(1000);
	}
	_exit(1);
}

static void toucher_of_all(void)
{
	struct region r;
	u64 i;

	signal(SIGBUS, SIG_DFL);
	region_rw(&r, 4, 0);
	for (i = 0; i < r.bytes; i += VPT_4K)
		*(volatile char *)(r.base + i) = 1;
	_exit(0);
}

/* Run in a small guest: see tests/guest/boots. */
static void who_touches_too_much_dies(u64 unused)
{
	struct sysinfo info;
	pid_t innocent, guilty;
	int status;

	(void)unused;
	sysinfo(&info);
	if (info.totalram > VPT_1G)
		skip("needs a guest with less than 1 GiB");
	innocent = must_fork();
	if (!innocent)
		bystander();
	usleep(500000);
	guilty = must_fork();
	if (!guilty)
		toucher_of_all();
	REQUIRE(waitpid(guilty, &status, 0) == guilty, "wait");
	EXPECT(WIFSIGNALED(status) && (WTERMSIG(status) == SIGBUS),
	       "who touched: status %x", status);
	EXPECT(!waitpid(innocent, &status, WNOHANG), "the bystander: status %x", status);
	kill(innocent, SIGKILL);
}

int main(int argc, char **argv)
{
	const struct property properties[] = {
		{ "4K: the RSS tells of mapped frames", rss_tells_of_mapped_frames, VPT_4K, 0 },
		{ "2M: the RSS tells of mapped frames", rss_tells_of_mapped_frames, VPT_2M, 0 },
		{ "4K: the RSS tells of handles", rss_tells_of_handles, VPT_4K, 0 },
		{ "2M: the RSS tells of handles", rss_tells_of_handles, VPT_2M, 0 },
		{ "the RSS tells of touches", rss_tells_of_touches, 0, 0 },
		{ "1G: the RSS leaves out the pool's frames", rss_leaves_out_the_pool, 0, 0 },
		{ "4K: frames go with the address space, though the file is open",
		  frames_go_with_the_address_space, VPT_4K, 0 },
		{ "2M: frames go with the address space, though the file is open",
		  frames_go_with_the_address_space, VPT_2M, 0 },
		{ "the last page of RLIMIT_MEMLOCK, touched by several threads, is no SIGBUS",
		  last_page_of_memlock, 0, 0 },
		{ "an ioctl that is charged for a moment costs no touch its page",
		  last_page_beside, (u64)&(struct contest) { map_in_vain, false, 1 }, 0 },
		{ "a touch of the last allowed page beside an ioctl of another region, in vain",
		  last_page_beside, (u64)&(struct contest) { map_in_vain, true, 1 }, 0 },
		{ "a touch of the last allowed page beside an ioctl of another region, refused",
		  last_page_beside, (u64)&(struct contest) { be_refused, true, ALLOWED }, 0 },
		{ "a touch of the last allowed page beside an ioctl, REMAP",
		  last_page_beside, (u64)&(struct contest) { remap, false, 1 }, 0 },
		{ "a touch of the last allowed page beside an ioctl of another region, REMAP",
		  last_page_beside, (u64)&(struct contest) { remap, true, 1 }, 0 },
		{ "an ioctl that was refused leaves nothing asked",
		  refused_and_nothing_asked, 0, 30 },
		{ "a touch beyond a memory cgroup's limit is SIGBUS, and nobody is killed",
		  memcg_limit_is_sigbus, 0, 0 },
		{ "who touches more than the machine has dies of SIGBUS, bystanders live",
		  who_touches_too_much_dies, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
