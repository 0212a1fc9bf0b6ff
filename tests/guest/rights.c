// SPDX-License-Identifier: GPL-2.0
/* Rights, and the A and D bits: what is forbidden faults, every time. */
#include "lib/guest.h"

/* Forbidden accesses in a row; with check= each looks at all of a 1 GiB frame. */
static u64 times(u64 size)
{
	return size == VPT_1G ? 50 : 1000;
}

static void forbidden_store(u64 size)
{
	static const u64 at[] = { 0, 8, 2048, 4088 };
	const u64 n = times(size);
	struct vpt_stats s;
	struct region r;
	u64 i, v;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, VPT_READ, 0), "map");
	for (i = 0; i < n; i++) {
		char *p = r.base + at[i % 4] + (i % 7) * (size / 8 & ~(VPT_4K - 1));

		if (!EXPECT(probe_store(p, 1) == PROBE_SEGV, "store %llu at %p",
			    (unsigned long long)i, (void *)p))
			break;
		EXPECT(probe_fault_addr() == p, "fault at %p, not %p",
		       probe_fault_addr(), (void *)p);
		EXPECT(!probe_load(p, &v) && !v, "a refused store was stored");
	}
	vu_stats(r.fd, &s);
	EXPECT(s.segvs == n, "%llu segvs", s.segvs);
	EXPECT(!vu_protect(r.fd, r.base, RW, NULL), "protect RW");
	EXPECT(!probe_store(r.base, 1), "the store is allowed now");
	EXPECT(!vu_protect(r.fd, r.base, VPT_READ, NULL), "protect R");
	for (i = 0; i < n; i++)
		EXPECT(probe_store(r.base, 2) == PROBE_SEGV, "store after protect");
	EXPECT(!probe_load(r.base, &v) && v == 1, "a refused store was stored");
	expect_sound(r.fd, "after refused stores");
	region_close(&r);
}

/* @prot: of the region.  The VMA's own VM_EXEC must not let a fetch through. */
static void fetch_from_nx(u64 size, int prot)
{
	struct region r;
	u32 v = 0;
	u64 i;

	region_open(&r, 1, VPT_STRICT, prot);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	put_code(r.base + size - 64, 7);
	for (i = 0; i < times(size); i++)
		if (!EXPECT(probe_exec(r.base + size - 64, &v) == PROBE_SEGV,
			    "fetch %llu from an NX page", (unsigned long long)i))
			break;
	expect_sound(r.fd, "after refused fetches");
	region_close(&r);
}

static void forbidden_fetch(u64 size)
{
	fetch_from_nx(size, PROT_READ | PROT_WRITE | PROT_EXEC);
	fetch_from_nx(size, PROT_READ | PROT_WRITE);
}

static void allowed_fetch(u64 size)
{
	struct region r;
	u32 v = 0;

	region_open(&r, 1, VPT_STRICT, PROT_READ | PROT_WRITE | PROT_EXEC);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, RWX, 0), "map");
	put_code(r.base, 7);
	put_code(r.base + size - 64, 8);
	EXPECT(!probe_exec(r.base, &v) && v == 7, "RWX, first byte: %u", v);
	EXPECT(!probe_exec(r.base + size - 64, &v) && v == 8, "RWX, last bytes: %u", v);
	EXPECT(!vu_protect(r.fd, r.base, RX, NULL), "protect RX");
	EXPECT(!probe_exec(r.base, &v) && v == 7, "RX: %u", v);
	EXPECT(probe_store(r.base, 0) == PROBE_SEGV, "RX: store");
	EXPECT(!vu_protect(r.fd, r.base, RW, NULL), "protect RW");
	EXPECT(probe_exec(r.base, &v) == PROBE_SEGV, "RW: fetch");
	EXPECT(!vu_protect(r.fd, r.base, RWX, NULL), "protect RWX");
	EXPECT(!probe_exec(r.base, &v) && v == 7, "RWX again: %u", v);
	expect_sound(r.fd, "after fetches");
	region_close(&r);
}

/* A demand page has the region's rights, execute among them. */
static void demand_page_executes(u64 unused)
{
	struct region r;
	u32 v = 0;

	(void)unused;
	region_open(&r, 1, 0, PROT_READ | PROT_WRITE | PROT_EXEC);
	put_code(r.base, 9);
	EXPECT(!probe_exec(r.base, &v) && v == 9, "region with PROT_EXEC: %u", v);
	region_close(&r);
	region_open(&r, 1, 0, PROT_READ | PROT_WRITE);
	put_code(r.base, 9);
	EXPECT(probe_exec(r.base, &v) == PROBE_SEGV, "region without PROT_EXEC");
	EXPECT(probe_exec(r.base + VPT_2M, &v) == PROBE_SEGV, "fetch as first touch");
	region_close(&r);
}

/* Everything that would give more than the region has, by every way there is. */
static void rights_stay_within_the_region(u64 region_prot)
{
	static const u32 all[] = { VPT_READ, RW, RX, RWX };
	u32 limit = VPT_READ | (region_prot & PROT_WRITE ? VPT_WRITE : 0) |
		    (region_prot & PROT_EXEC ? VPT_EXEC : 0);
	struct region r;
	unsigned int i;

	region_open(&r, 1, VPT_STRICT, region_prot);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, VPT_READ, 0), "map");
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		int want = all[i] & ~limit ? -EACCES : 0;
		char *p = r.base + VPT_2M;

		EXPECT(vu_map(r.fd, p, VPT_4K, all[i], 0) == want, "MAP %x", all[i]);
		EXPECT(vu_map_range(r.fd, p + VPT_2M, VPT_2M, VPT_4K, all[i], NULL) == want,
		       "MAP_RANGE %x", all[i]);
		EXPECT(vu_protect(r.fd, r.base, all[i], NULL) == want, "PROTECT %x",
		       all[i]);
		EXPECT(vu_protect_range(r.fd, r.base, VPT_4K, all[i], NULL) == want,
		       "PROTECT_RANGE %x", all[i]);
		EXPECT(vu_resolve(r.fd, p, NULL) == (want ? -ENOENT : 0),
		       "MAP %x and what it left", all[i]);
		EXPECT(!vu_unmap_range(r.fd, p, 2 * VPT_2M, NULL), "UNMAP_RANGE");
	}
	expect_sound(r.fd, "rights");
	region_close(&r);
}

static u32 state_of(int fd, const void *va)
{
	struct vpt_page p = { .state = ~0U };

	EXPECT(!vu_resolve(fd, va, &p), "RESOLVE");
	return p.state;
}

static void accessed_and_dirty(u64 size)
{
	struct vpt_page old;
	struct region r;
	u64 v;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map");
	EXPECT(state_of(r.fd, r.base) == 0, "fresh: %x", state_of(r.fd, r.base));
	probe_load(r.base + size - 8, &v);
	EXPECT(state_of(r.fd, r.base) == VPT_ACCESSED, "after a load: %x",
	       state_of(r.fd, r.base));
	probe_store(r.base + 16, 1);
	EXPECT(state_of(r.fd, r.base) == (VPT_ACCESSED | VPT_DIRTY),
	       "after a store: %x", state_of(r.fd, r.base));
	EXPECT(!vu_protect(r.fd, r.base, VPT_READ, &old), "protect");
	EXPECT(old.state == (VPT_ACCESSED | VPT_DIRTY) && old.page_size == size,
	       "protect reports state %x, size %llx", old.state, old.page_size);
	EXPECT(!vu_unmap(r.fd, r.base, &old), "unmap");
	REQUIRE(!vu_map(r.fd, r.base, size, RW, 0), "map again");
	EXPECT(!vu_unmap(r.fd, r.base, &old) && old.state == 0,
	       "never used, but unmap reports %x", old.state);
	region_close(&r);
}

static void refused_store_sets_no_dirty(u64 size)
{
	struct vpt_page old;
	struct region r;

	region_rw(&r, 1, VPT_STRICT);
	need_size(r.fd, size);
	REQUIRE(!vu_map(r.fd, r.base, size, VPT_READ, 0), "map");
	EXPECT(probe_store(r.base, 1) == PROBE_SEGV, "store to a read-only page");
	EXPECT(!vu_unmap(r.fd, r.base, &old) && !(old.state & VPT_DIRTY),
	       "a refused store made it dirty: %x", old.state);
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		EACH_SIZE("a store to a read-only page faults, every time", forbidden_store),
		EACH_SIZE("a fetch from an NX page faults, every time", forbidden_fetch),
		EACH_SIZE("an executable page executes", allowed_fetch),
		{ "a demand page executes only in a PROT_EXEC region",
		  demand_page_executes, 0, 0 },
		{ "rights stay within a region of R", rights_stay_within_the_region,
		  PROT_READ, 0 },
		{ "rights stay within a region of RW", rights_stay_within_the_region,
		  PROT_READ | PROT_WRITE, 0 },
		{ "rights stay within a region of RX", rights_stay_within_the_region,
		  PROT_READ | PROT_EXEC, 0 },
		{ "rights stay within a region of RWX", rights_stay_within_the_region,
		  PROT_READ | PROT_WRITE | PROT_EXEC, 0 },
		EACH_SIZE("A and D are reported", accessed_and_dirty),
		EACH_SIZE("a refused store sets no D", refused_store_sets_no_dirty),
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
