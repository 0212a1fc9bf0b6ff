// SPDX-License-Identifier: GPL-2.0
/* Map, use, unmap, touch: a fault, never a value. */
#include "lib/guest.h"

static void touch_faults(u64 unused)
{
	struct region r;
	u64 before = 0, after = 0;
	enum probe outcome;
	int map_error, unmap_error;

	(void)unused;
	region_rw(&r, 1, VPT_STRICT);
	map_error = vu_map(r.fd, r.base, VPT_4K, RW, 0);
	REQUIRE(!map_error, "map: %s", strerror(-map_error));
	EXPECT(!probe_store(r.base, 42), "the mapped page cannot be written");
	EXPECT(!probe_load(r.base, &before), "the mapped page cannot be read");
	unmap_error = vu_unmap(r.fd, r.base, NULL);
	outcome = probe_load(r.base, &after);

	note("a page is mapped (%s), 42 written, %llu read, unmapped (%s), touched",
	     strerror(-map_error), (unsigned long long)before, strerror(-unmap_error));
	if (outcome == PROBE_OK)
		note("what happened:     the value %llu", (unsigned long long)after);
	else
		note("what happened:     %s at %s", outcome == PROBE_SEGV ? "SIGSEGV" :
		     "SIGBUS", probe_fault_addr() == r.base ? "that address" :
		     "another address");
	note("what was expected: SIGSEGV at that address");
	EXPECT(before == 42, "the page did not hold what was written");
	EXPECT(!unmap_error, "unmap: %s", strerror(-unmap_error));
	EXPECT(outcome == PROBE_SEGV && probe_fault_addr() == r.base, "no fault");
	region_close(&r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "an unmapped page faults, and gives no value", touch_faults, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
