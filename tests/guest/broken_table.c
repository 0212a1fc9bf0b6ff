// SPDX-License-Identifier: GPL-2.0
/*
 * Run-time checking: what happens when vpt's table is not as the specification says.
 * Here /dev/injector damages an entry; a bug of vpt's own shows in the same way.
 */
#include <fcntl.h>

#include "lib/guest.h"
#include "injector/injector.h"

#define PAGES		4

/* Bits of an entry, SDM table 4-20. */
#define BIT_W		(1ULL << 1)
#define BIT_U		(1ULL << 2)
#define BIT_G		(1ULL << 8)
#define BIT_RESERVED	(1ULL << 51)

static void damage(const void *va, unsigned int level, u64 clear, u64 set)
{
	struct injector_order order = {
		.addr = (u64)va, .level = level, .clear = clear, .set = set,
	};
	int fd = module_device("injector");

	REQUIRE(write(fd, &order, sizeof(order)) == sizeof(order), "no damage done: %s",
		strerror(errno));
	close(fd);
}

/* The kernel's log from now on. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	REQUIRE(fd >= 0 && lseek(fd, 0, SEEK_END) >= 0, "/dev/kmsg: %s", strerror(errno));
	return fd;
}

static unsigned int log_count(int fd, const char *what)
{
	unsigned int n = 0;
	char record[1024];
	ssize_t size;

	while ((size = read(fd, record, sizeof(record) - 1)) > 0) {
		record[size] = 0;
		n += !!strstr(record, what);
	}
	return n;
}

static void region_with_pages(struct region *r)
{
	unsigned int i;

	region_rw(r, 1, VPT_STRICT);
	for (i = 0; i < PAGES; i++)
		REQUIRE(!vu_map(r->fd, r->base + i * VPT_2M, VPT_4K, RW, 0), "MAP");
}

/* Nothing can be changed any more. */
static void expect_refusals(struct region *r)
{
	char *far = r->base + VPT_1G / 2;
	struct vpt_stats s;
	struct region other;
	u64 v;

	EXPECT(vu_map(r->fd, far, VPT_4K, RW, 0) == -EIO, "MAP does not answer EIO");
	EXPECT(vu_unmap(r->fd, r->base + VPT_2M, NULL) == -EIO, "UNMAP does not answer EIO");
	EXPECT(vu_protect(r->fd, r->base + VPT_2M, VPT_READ, NULL) == -EIO,
	       "PROTECT does not answer EIO");
	EXPECT(vu_remap(r->fd, r->base + VPT_2M, 0, NULL) == -EIO,
	       "REMAP does not answer EIO");
	EXPECT(vu_map_range(r->fd, far, VPT_2M, VPT_4K, RW, NULL) == -EIO,
	       "MAP_RANGE does not answer EIO");
	EXPECT(vu_unmap_range(r->fd, r->base, VPT_1G, NULL) == -EIO,
	       "UNMAP_RANGE does not answer EIO");
	EXPECT(vu_protect_range(r->fd, r->base, VPT_1G, RW, NULL) == -EIO,
	       "PROTECT_RANGE does not answer EIO");
	EXPECT(probe_load(far, &v) == PROBE_BUS, "a touch does not end in SIGBUS");
	REQUIRE(!vu_stats(r->fd, &s), "STATS");
	EXPECT(s.violations == 1 && (s.flags & VPT_BROKEN),
	       "%llu violations, flags %x", s.violations, s.flags);

	/* Other files are not concerned. */
	region_with_pages(&other);
	EXPECT(!vu_unmap(other.fd, other.base, NULL), "another region cannot be changed");
	expect_sound(other.fd, "in another region");
	region_close(&other);
}

/* Damage, then an operation at @op: it is noticed and reported once. */
static void expect_noticed(const char *mode, unsigned int level, u64 clear, u64 set,
			   u64 op)
{
	struct region r;
	int log;
	u64 v;

	set_check("off");
	region_with_pages(&r);
	set_check(mode);
	log = log_open();
	/* The first operation finds nothing wrong. */
	EXPECT(!vu_protect(r.fd, r.base, RW, NULL), "PROTECT before the damage");
	damage(r.base, level, clear, set);
	EXPECT(vu_protect(r.fd, r.base + op, RW, NULL) == -EIO,
	       "check=%s: an operation on a damaged table does not answer EIO", mode);
	expect_refusals(&r);
	EXPECT(log_count(log, "takes no more changes") == 1, "not reported once");
	/* (Below an entry that takes rights away Linux would try for ever.) */
	EXPECT(level == 3 || (!probe_store(r.base + VPT_2M, 5) &&
			      !probe_load(r.base + VPT_2M, &v) && v == 5),
	       "a page that is mapped cannot be used");
	set_check("off");
	/* With such an address nobody can find the frame, and it would be lost. */
	if (set & BIT_RESERVED)
		damage(r.base, level, set, clear);
	region_close(&r);
	EXPECT(log_count(log, "vpt: check:") == 0, "taking it down is reported");
	close(log);
}

static void reserved_bit_is_noticed(u64 unused)
{
	(void)unused;
	expect_noticed("op\n", 1, 0, BIT_RESERVED, 0);
	expect_noticed("full\n", 1, 0, BIT_RESERVED, 0);
}

static void memory_type_is_noticed(u64 unused)
{
	(void)unused;
	expect_noticed("op", 1, 0, BIT_G, 0);
}

static void strict_table_entry_is_noticed(u64 unused)
{
	(void)unused;
	expect_noticed("op", 2, BIT_U, 0, 0);
	expect_noticed("op", 3, BIT_W, 0, 0);
}

static void far_damage_is_noticed_by_full(u64 unused)
{
	(void)unused;
	expect_noticed("full", 1, 0, BIT_G, 3 * VPT_2M);
}

/* A leaf that is as good as another: only that nobody asked for it is wrong. */
static void other_rights_are_noticed_by_full(u64 unused)
{
	(void)unused;
	expect_noticed("full", 1, BIT_W, 0, 3 * VPT_2M);
}

static void far_damage_does_not_disturb_op(u64 unused)
{
	struct vpt_check c;
	struct vpt_stats s;
	struct region r;

	(void)unused;
	set_check("op");
	region_with_pages(&r);
	damage(r.base, 1, 0, BIT_G);
	EXPECT(!vu_protect(r.fd, r.base + 3 * VPT_2M, RW, NULL), "PROTECT elsewhere");
	REQUIRE(!vu_check(r.fd, &c), "CHECK");
	EXPECT(c.violations == 1 && c.addr == (u64)r.base, "CHECK: %llu violations",
	       c.violations);
	damage(r.base, 1, BIT_G, 0);
	expect_sound(r.fd, "after the repair");
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	EXPECT(s.checked == PAGES + 1 && !s.violations && s.flags == VPT_STRICT,
	       "%llu operations checked, %llu violations", s.checked, s.violations);
	set_check("off");
	region_close(&r);
}

static void off_checks_nothing(u64 unused)
{
	struct vpt_stats s;
	struct region r;

	(void)unused;
	set_check("off");
	region_with_pages(&r);
	damage(r.base, 1, 0, BIT_G);
	EXPECT(!vu_protect(r.fd, r.base + VPT_2M, RW, NULL), "PROTECT");
	REQUIRE(!vu_stats(r.fd, &s), "STATS");
	EXPECT(!s.checked && !s.violations, "%llu operations checked", s.checked);
	damage(r.base, 1, BIT_G, 0);
	region_close(&r);
}

static void mode_is_what_was_written(u64 unused)
{
	static const char *const modes[] = { "op", "full", "off" };
	struct check_mode now;
	unsigned int i;

	(void)unused;
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		set_check(modes[i]);
		REQUIRE(check_mode_read(&now), "no answer");
		EXPECT(!strcmp(now.is, modes[i]), "check=%s reads %s", modes[i], now.is);
	}
	EXPECT(!check_mode_write("some") && errno == EINVAL, "check=some is taken");
}

static const struct property properties[] = {
	{ "check= can be read and written, and takes no other word",
	  mode_is_what_was_written, 0, 0 },
	{ "check=off looks at nothing", off_checks_nothing, 0, 0 },
	{ "check=op does not see damage elsewhere, CHECK does",
	  far_damage_does_not_disturb_op, 0, 0 },
	{ "a reserved bit ends all changes", reserved_bit_is_noticed, 0, 0 },
	{ "a global leaf ends all changes", memory_type_is_noticed, 0, 0 },
	{ "a table entry that takes rights away ends all changes",
	  strict_table_entry_is_noticed, 0, 0 },
	{ "check=full sees damage anywhere", far_damage_is_noticed_by_full, 0, 0 },
	{ "check=full sees rights that nobody asked for",
	  other_rights_are_noticed_by_full, 0, 0 },
};

int main(int argc, char **argv)
{
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
