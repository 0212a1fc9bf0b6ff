// SPDX-License-Identifier: GPL-2.0
/* The split of a 1 GiB page, which Linux asks for and which cannot be refused. */
#include "lib/guest.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>

/*
 * Linux makes vpt split a 1 GiB page, whatever mappings before it have taken: a page
 * in a slot of its own of 512 GiB takes three tables at once, its neighbours none
 * or one, and so the reserve is left with any number, none among them.
 */
static void split_with_no_table_to_spare(u64 unused)
{
	const u64 slot = 512 * VPT_1G;
	struct vpt_page p = { 0 };
	struct region r;
	u64 i, n, value, frame;
	char *near;

	(void)unused;
	region_rw(&r, 8 * 512, VPT_STRICT);
	need_size(r.fd, VPT_1G);
	/* A frame of its own each time would be cleared each time. */
	REQUIRE(!vu_frame_alloc(r.fd, VPT_1G, &frame), "FRAME_ALLOC");
	near = r.base + VPT_1G;
	for (n = 0; n < 16; n++) {
		REQUIRE(!vu_map(r.fd, r.base, VPT_1G, RW, frame), "map of 1 GiB");
		*(u64 *)(r.base + 5 * VPT_2M) = n;
		for (i = 0; i < n % 8; i++)
			EXPECT(!vu_map(r.fd, near + i * VPT_2M, VPT_4K, RW, 0), "map near");
		for (i = 1; i < 2 + n / 8; i++)
			EXPECT(!vu_map(r.fd, r.base + i * slot, VPT_4K, RW, 0), "map far");
		/* With MPOL_DEFAULT it would not walk. */
		syscall(SYS_mbind, r.base, r.bytes, MPOL_LOCAL, NULL, 0, MPOL_MF_STRICT);
		EXPECT(!vu_resolve(r.fd, r.base, &p) && p.page_size == VPT_2M,
		       "size %llu: no split", p.page_size);
		EXPECT(!probe_load(r.base + 5 * VPT_2M, &value) && value == n,
		       "after %llu near, %llu far: %llu", (unsigned long long)n % 8,
		       (unsigned long long)n / 8 + 1, (unsigned long long)value);
		expect_sound(r.fd, "after the split");
		EXPECT(!vu_unmap_range(r.fd, r.base, r.bytes, NULL), "unmap");
	}
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "1G: a split finds its table, whatever was mapped before",
		  split_with_no_table_to_spare, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
