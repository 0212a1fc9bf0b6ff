// SPDX-License-Identifier: GPL-2.0
/* One map, four threads write their number into it; the sum is 10. */
#include "lib/guest.h"

#include <pthread.h>

static struct region region;

static void *write_number(void *arg)
{
	u64 n = (u64)arg;

	probe_store(region.base + (n - 1) * sizeof(u64), n);
	return NULL;
}

static void sum_is_10(u64 unused)
{
	pthread_t thread[4];
	u64 n, got, sum = 0;
	int err;

	(void)unused;
	region_rw(&region, 1, VPT_STRICT);
	err = vu_map(region.fd, region.base, VPT_4K, RW, 0);
	note("one page is mapped (%s); threads 1 to 4 write their number there",
	     strerror(-err));
	REQUIRE(!err, "map: %s", strerror(-err));
	for (n = 1; n <= 4; n++)
		pthread_create(&thread[n - 1], NULL, write_number, (void *)n);
	for (n = 0; n < 4; n++)
		pthread_join(thread[n], NULL);
	for (n = 0; n < 4; n++)
		if (EXPECT(!probe_load(region.base + n * sizeof(u64), &got),
			   "number %llu cannot be read", (unsigned long long)n + 1))
			sum += got;
	note("what happened:     the sum is %llu", (unsigned long long)sum);
	note("what was expected: the sum is 10");
	EXPECT(sum == 10, "wrong sum");
	region_close(&region);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "four threads write one page, the sum is 10", sum_is_10, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
