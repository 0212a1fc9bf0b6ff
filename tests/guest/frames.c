// SPDX-License-Identifier: GPL-2.0
/* Frames: zeroed, counted, charged to their user, readable by a debugger. */
#include "lib/guest.h"
#include "lib/limits.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Every 4 KiB of @va, and all bytes of the first and last of them. */
static void expect_zeroes(const char *va, u64 size, u64 round)
{
	const u64 *words = (const u64 *)va;
	u64 i;

	for (i = 0; i < size / 8; i += size > VPT_2M ? 511 : 1)
		if (!EXPECT(!words[i], "round %llu: offset %llx holds %llx",
			    (unsigned long long)round, (unsigned long long)i * 8,
			    (unsigned long long)words[i]))
			return;
}

static void fill(char *va, u64 size)
{
	u64 i;

	for (i = 0; i < size; i += size > VPT_2M ? 511 * 8 : 8)
		*(u64 *)(va + i) = 0x5ec2e75ec2e75ec2;
}

static void fresh_frames_are_zeroed(u64 size)
{
	u64 i, rounds = size == VPT_4K ? 2000 : size == VPT_2M ? 40 : 2;
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	for (i = 0; i < rounds; i++) {
		REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
		expect_zeroes(r.base, size, i);
		fill(r.base, size);
		if (i % 2) {
			EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
			continue;
		}
		EXPECT(!vu_remap(r.fd, r.base, 0, NULL) || size == VPT_1G, "remap");
		if (size != VPT_1G)
			expect_zeroes(r.base, size, i);
		EXPECT(!vu_unmap_range(r.fd, r.base, size, NULL), "unmap");
	}
	region_close(&r);
}

/* Frames of a range, and of a demand fault, of memory that others have used. */
static void ranges_and_touches_are_zeroed(u64 unused)
{
	u64 i, bytes = 4 * VPT_2M;
	struct region r;
	char *dirty;

	(void)unused;
	region_rw(&r, 1, 0);
	for (i = 0; i < 4; i++) {
		dirty = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		fill(dirty, bytes);
		munmap(dirty, bytes);
		if (i % 2)
			REQUIRE(!vu_map_range(r.fd, r.base, bytes, VPT_4K, RW, NULL), "map");
		expect_zeroes(r.base, bytes, i);
		fill(r.base, bytes);
		EXPECT(!vu_unmap_range(r.fd, r.base, bytes, NULL), "unmap");
	}
	region_close(&r);
}

/* Root is not bound by the limit, so become nobody; the file stays open. */
static void memlock_limits_frames(u64 size)
{
	u64 limit = size == VPT_4K ? 16 * VPT_4K : 2 * VPT_2M;
	struct rlimit rl = { limit, limit };
	struct vpt_page p;
	struct region r;
	u64 i, n = limit / size, frame;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &rl), "setrlimit");
	become_nobody();
	for (i = 0; i < n; i++)
		EXPECT(!vu_map(r.fd, r.base + i * size, size, RW, 0),
		       "map %llu, within the limit", (unsigned long long)i);
	EXPECT(vu_map(r.fd, r.base + n * size, size, RW, 0) == -ENOMEM,
	       "map beyond the limit");
	EXPECT(vu_frame_alloc(r.fd, size, &frame) == -ENOMEM,
	       "FRAME_ALLOC beyond the limit");
	EXPECT(vu_remap(r.fd, r.base, 0, NULL) == -ENOMEM, "REMAP beyond the limit");
	EXPECT(vu_map_range(r.fd, r.base + VPT_1G / 2, 2 * size, size, RW, NULL) == -ENOMEM,
	       "MAP_RANGE beyond the limit");
	EXPECT(!vu_resolve(r.fd, r.base, &p) && !p.phys,
	       "physical address %llx shown to nobody", p.phys);
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(!vu_map(r.fd, r.base + n * size, size, RW, 0), "map in its stead");
	EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "unmap all");
	EXPECT(!vu_map_range(r.fd, r.base, limit, size, RW, NULL), "all of the limit");
	expect_sound(r.fd, "at the limit");
	region_close(&r);
}

/* A touch beyond the limit is a signal, and the process can go on. */
static void memlock_limits_touches(u64 unused)
{
	struct rlimit rl = { 4 * VPT_4K, 4 * VPT_4K };
	struct region r;
	u64 i;

	(void)unused;
	region_rw(&r, 1, 0);
	REQUIRE(!setrlimit(RLIMIT_MEMLOCK, &rl), "setrlimit");
	become_nobody();
	for (i = 0; i < 4; i++)
		EXPECT(!probe_store(r.base + i * VPT_4K, 1), "touch %llu",
		       (unsigned long long)i);
	EXPECT(probe_store(r.base + 4 * VPT_4K, 1) != PROBE_OK, "touch beyond the limit");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(!probe_store(r.base + 4 * VPT_4K, 1), "touch after an unmap");
	region_close(&r);
}

/* What was pinned must be unpinned when the process is done with it. */
static void pinned_memory_is_given_back(u64 unused)
{
	struct region r;
	u64 before = status_kib("VmPin:");

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	REQUIRE(!vu_map_range(r.fd, r.base, 100 * VPT_4K, VPT_4K, RW, NULL), "map");
	note("VmPin: %llu kB for 400 kB mapped",
	     (unsigned long long)(status_kib("VmPin:") - before));
	EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "unmap");
	EXPECT(status_kib("VmPin:") == before, "VmPin was %llu kB, is %llu kB",
	       (unsigned long long)before, (unsigned long long)status_kib("VmPin:"));
	region_close(&r);
}

/* The charge is batched, so allow for some; frames are freed by RCU, so wait. */
static void charged_to_memcg(u64 size)
{
	u64 before, with, after, slack = VPT_1G / 1024, bytes = 32 * VPT_2M;
	/* The protocol monitor's memory is the owner's too, until the file is closed. */
	const u64 monitor = checked_fully() ? bytes / 4 : 0;
	struct region r;
	int tries;

	enter_cgroup();
	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	before = cgroup_value("memory.current", NULL);
	REQUIRE(!vu_map_range(r.fd, r.base, bytes, size, RW, NULL), "map");
	with = cgroup_value("memory.current", NULL);
	EXPECT(with >= before + bytes && with < before + bytes + 4 * slack,
	       "%llu before, %llu with %llu mapped", (unsigned long long)before,
	       (unsigned long long)with, (unsigned long long)bytes);
	EXPECT(!vu_unmap_range(r.fd, r.base, bytes, NULL), "unmap");
	for (tries = 0; tries < 500; tries++) {
		after = cgroup_value("memory.current", NULL);
		if (after < before + slack + monitor)
			break;
		usleep(10000);
	}
	EXPECT(after < before + slack + monitor, "%llu before, %llu after unmap",
	       (unsigned long long)before, (unsigned long long)after);
	region_close(&r);
}

/* Over the group's limit: ENOMEM or a kill, and in any case nothing lost. */
static void memcg_limit_holds(u64 size)
{
	const u64 bytes = 64 * VPT_2M;
	struct vpt_stats s;
	int err, limit;
	struct region r;

	enter_cgroup();
	limit = cgroup_open("memory.max");
	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(pwrite(limit, "33554432", 8, 0) > 0, "memory.max");
	REQUIRE(cgroup_set("memory.oom.group", "0"), "memory.oom.group");
	put_file("/proc/self/oom_score_adj", "-1000");
	err = vu_map_range(r.fd, r.base, bytes, size, RW, NULL);
	vu_stats(r.fd, &s);
	REQUIRE(pwrite(limit, "max", 3, 0) > 0, "memory.max");
	close(limit);
	EXPECT(err == -ENOMEM, "128 MiB in a group of 32: %s", strerror(-err));
	EXPECT(!s.mapped_bytes && !s.frames, "%llu bytes, %llu frames are left",
	       s.mapped_bytes, s.frames);
	expect_sound(r.fd, "after ENOMEM");
	region_close(&r);
}

/* The debuggee: map, write, tell the parent where, wait. */
static void debuggee(u64 size, int tell)
{
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	if (!have_size(r.fd, size))
		r.base = NULL;
	else
		REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	if (r.base) {
		*(u64 *)r.base = 0x1111;
		*(u64 *)(r.base + size - 8) = 0x2222;
	}
	if (write(tell, &r.base, sizeof(r.base)) < 0)
		_exit(1);
	if (r.base)
		while (*(volatile u64 *)(r.base + 8) != 0x3333)
			usleep(1000);
	_exit(0);
}

static void peek_and_poke(pid_t child, u64 at, u64 size)
{
	char path[40];
	int fd, status;
	u64 v = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	fd = open(path, O_RDWR);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	EXPECT(pread(fd, &v, 8, at) == 8 && v == 0x1111, "first word: %llx",
	       (unsigned long long)v);
	EXPECT(pread(fd, &v, 8, at + size - 8) == 8 && v == 0x2222, "last word: %llx",
	       (unsigned long long)v);
	EXPECT(pread(fd, &v, 8, at + VPT_1G - (size == VPT_1G ? 0 : VPT_4K)) != 8,
	       "an unmapped address is readable");
	EXPECT(!ptrace(PTRACE_ATTACH, child, 0, 0), "attach: %s", strerror(errno));
	waitpid(child, &status, 0);
	errno = 0;
	v = ptrace(PTRACE_PEEKDATA, child, at, 0);
	EXPECT(!errno && v == 0x1111, "PEEKDATA: %llx, %s", (unsigned long long)v,
	       strerror(errno));
	EXPECT(!ptrace(PTRACE_POKEDATA, child, at + size - 8, 0x4444), "POKEDATA: %s",
	       strerror(errno));
	EXPECT(pread(fd, &v, 8, at + size - 8) == 8 && v == 0x4444, "poked: %llx",
	       (unsigned long long)v);
	ptrace(PTRACE_DETACH, child, 0, 0);
	v = 0x3333;
	EXPECT(pwrite(fd, &v, 8, at + 8) == 8, "pwrite: %s", strerror(errno));
	close(fd);
}

static void debugger_reads_and_writes(u64 size)
{
	int pipes[2], status;
	u64 at = 0;
	pid_t child;

	REQUIRE(!pipe(pipes), "pipe");
	child = must_fork();
	if (!child)
		debuggee(size, pipes[1]);
	REQUIRE(read(pipes[0], &at, sizeof(at)) == sizeof(at), "no debuggee");
	if (at)
		peek_and_poke(child, at, size);
	waitpid(child, &status, 0);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "debuggee: status %x", status);
	if (!at)
		skip("no %s frame", size_name(size));
}

/* /proc/PID/mem writes where the process itself cannot; not here. */
static void debugger_heeds_rights(u64 size)
{
	int fd = open("/proc/self/mem", O_RDWR);
	u64 new = 0x5555, v = 0;
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, VPT_READ, 0), "map");
	EXPECT(pwrite(fd, &new, 8, (off_t)r.base) != 8, "a read-only page was written");
	EXPECT(!probe_load(r.base, &v) && !v, "it holds %llx", (unsigned long long)v);
	EXPECT(!vu_protect(r.fd, r.base, RW, NULL), "protect");
	EXPECT(pwrite(fd, &new, 8, (off_t)r.base) == 8, "pwrite: %s", strerror(errno));
	EXPECT(!probe_load(r.base, &v) && v == new, "it holds %llx", (unsigned long long)v);
	close(fd);
	region_close(&r);
}

/* That nothing is lost is the harness' to say. */
static void handles_go_with_the_file(u64 size)
{
	struct region r;
	u64 frame;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	EXPECT(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC, never mapped");
	if (size < VPT_1G) {
		EXPECT(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
		EXPECT(!vu_map(r.fd, r.base, size, RW, frame), "map");
	}
	region_close(&r);
}

struct rival {
	struct region r;
	_Atomic u64 go, done;
	u64 spins;	/* before it comes */
};

static void *unmap_each_time(void *arg)
{
	struct rival *it = arg;
	u64 round, i;

	for (round = 1;; round++) {
		wait_for(&it->go, round);
		if (it->go == UINT64_MAX)
			return NULL;
		for (i = 0; i < it->spins; i++)
			__builtin_ia32_pause();
		vu_unmap(it->r.fd, it->r.base, NULL);
		post(&it->done, round);
	}
}

/*
 * A fresh frame is taken and zeroed before the lock is, so that an UNMAP can come
 * between; of 2 MiB, so that it does.  That nothing is lost is the harness' to say.
 */
static void remap_may_lose_to_unmap(u64 unused)
{
	struct budget budget = budget_of(400);
	struct rng rng = rng_of(0);
	struct rival rival = { 0 };
	u64 round, frame, late = 0;
	pthread_t thread;
	int err;

	(void)unused;
	region_rw(&rival.r, 1, VPT_STRICT);
	need_size(rival.r.fd, VPT_2M);
	REQUIRE(!vu_frame_alloc(rival.r.fd, VPT_2M, &frame), "FRAME_ALLOC");
	REQUIRE(!pthread_create(&thread, NULL, unmap_each_time, &rival), "thread");
	for (round = 1; budget_left(&budget, round); round++) {
		REQUIRE(!vu_map(rival.r.fd, rival.r.base, VPT_2M, RW, frame), "map");
		rival.spins = rng_below(&rng, 1000);
		post(&rival.go, round);
		err = vu_remap(rival.r.fd, rival.r.base, 0, NULL);
		EXPECT(!err || err == -ENOENT, "remap: %s", strerror(-err));
		late += err == -ENOENT;
		wait_for(&rival.done, round);
	}
	post(&rival.go, UINT64_MAX);
	pthread_join(thread, NULL);
	note("REMAP came too late %llu times of %llu", (unsigned long long)late,
	     (unsigned long long)round - 1);
	EXPECT(late || cpus() == 1, "no REMAP came too late");
	expect_sound(rival.r.fd, "after all that");
	region_close(&rival.r);
}

static void counters_tell_what_happened(u64 size)
{
	unsigned int slot = size == VPT_4K ? 0 : size == VPT_2M ? 1 : 2;
	struct vpt_stats s[4];
	struct region r;
	u64 frame = 0;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	vu_stats(r.fd, &s[0]);
	EXPECT(s[0].region_start == (u64)r.base && s[0].region_bytes == r.bytes,
	       "region %llx, %llx", s[0].region_start, s[0].region_bytes);
	REQUIRE(!vu_frame_alloc(r.fd, size, &frame), "FRAME_ALLOC");
	REQUIRE(!vu_map(r.fd, r.base, size, RW, frame), "map");
	vu_stats(r.fd, &s[1]);
	EXPECT(s[1].leaves[slot] == 1 && s[1].mapped_bytes == size && s[1].frames == 1 &&
	       s[1].handles == 1 && s[1].frames_allocated == s[0].frames_allocated + 1,
	       "mapped: %llu leaves, %llu bytes, %llu frames, %llu handles",
	       s[1].leaves[slot], s[1].mapped_bytes, s[1].frames, s[1].handles);
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	vu_stats(r.fd, &s[2]);
	EXPECT(!s[2].leaves[slot] && !s[2].mapped_bytes && s[2].frames == 1 &&
	       s[2].handles == 1 && s[2].shootdowns == s[1].shootdowns + 1,
	       "unmapped: %llu leaves, %llu bytes, %llu frames, %llu handles, %llu shootdowns",
	       s[2].leaves[slot], s[2].mapped_bytes, s[2].frames, s[2].handles,
	       s[2].shootdowns - s[1].shootdowns);
	EXPECT(!vu_frame_free(r.fd, frame), "FRAME_FREE");
	vu_stats(r.fd, &s[3]);
	EXPECT(!s[3].frames && !s[3].handles, "freed: %llu frames, %llu handles",
	       s[3].frames, s[3].handles);
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("a fresh frame is zeroed", fresh_frames_are_zeroed),
		{ "frames of ranges and touches are zeroed",
		  ranges_and_touches_are_zeroed, 0, 0 },
		{ "4K: RLIMIT_MEMLOCK limits frames", memlock_limits_frames, VPT_4K, 0 },
		{ "2M: RLIMIT_MEMLOCK limits frames", memlock_limits_frames, VPT_2M, 0 },
		{ "RLIMIT_MEMLOCK limits touches", memlock_limits_touches, 0, 0 },
		{ "pinned memory is given back", pinned_memory_is_given_back, 0, 0 },
		{ "4K: frames are charged to the memory cgroup", charged_to_memcg,
		  VPT_4K, 0 },
		{ "2M: frames are charged to the memory cgroup", charged_to_memcg,
		  VPT_2M, 0 },
		{ "4K: a memory cgroup's limit holds", memcg_limit_holds, VPT_4K, 0 },
		{ "2M: a memory cgroup's limit holds", memcg_limit_holds, VPT_2M, 0 },
		EACH_SIZE("a debugger reads and writes", debugger_reads_and_writes),
		EACH_SIZE("a debugger writes only what can be written", debugger_heeds_rights),
		EACH_SIZE("frames with a handle go with the file", handles_go_with_the_file),
		{ "2M: a REMAP that comes after an UNMAP keeps no frame",
		  remap_may_lose_to_unmap, 0, 0 },
		EACH_SIZE("counters tell what happened", counters_tell_what_happened),
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
