// SPDX-License-Identifier: GPL-2.0
/*
 * Several operations in flight: each locks what it may change, which is all that is behind
 * the entries of PDs that it covers (src/core/pt.h).
 *
 * In this geometry an entry of a PD is two pages, a PD four, the PDPT eight.
 */
#include <string.h>

#include "mc_ops.h"

#define PAGES(a, b)	(PAGE(a) | PAGE(b))

/* name, CPUs, reserve, accessed, written, foreign, quick, explicit, setup, programs, boundary, spans */
static const struct mc_config mc_spans[] = {
	/* Neighbouring PTs of one PD. */
	{ "spans: reclaim | map, two PTs", 2, 0, PAGES(0, 2), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: reclaim | reclaim, PD goes", 2, 0, PAGES(0, 2), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(2, 1), MAP(4, 1) }, { { UNMAP(0) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: reclaim | reclaim, PDPT goes", 2, 0, PAGES(0, 2), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP(0) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: reclaim | map 2 MiB, one PD", 2, 0, PAGES(0, 3), PAGE(3), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(2, 2) } }, 0, 1 },
	{ "spans: unmap 2 MiB | map, one PD", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 2) }, { { UNMAP(0) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: map | map, one PD", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { }, { { MAP(0, 1) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: revoke | revoke, two PTs", 2, 0, PAGES(0, 2), PAGES(0, 2), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { PROTECT(0, RO) }, { PROTECT(2, RO) } }, 0, 1 },
	{ "spans: remap | unmap, two PTs", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { REMAP(0, 1) }, { UNMAP(2) } }, 0, 1 },

	/* Two PDs of the PDPT. */
	{ "spans: map | map, two PDs", 2, 0, PAGES(0, 4), PAGE(0), 0, 1, 0,
	  { }, { { MAP(0, 1) }, { MAP(4, 1) } }, 0, 1 },
	{ "spans: reclaim | reclaim, two PDs", 2, 0, PAGES(0, 4), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(4, 1) }, { { UNMAP(0) }, { UNMAP(4) } }, 0, 1 },
	{ "spans: reclaim | map, two PDs", 2, 0, PAGES(0, 4), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(4, 1) } }, 0, 1 },
	{ "spans: unmap 1 GiB | map, two PDs", 2, 0, PAGES(0, 4), PAGE(0), 0, 1, 0,
	  { MAP(0, 3) }, { { UNMAP(0) }, { MAP(4, 1) } }, 0, 1 },

	/* A large page where a table has just gone. */
	{ "spans: reclaim | map 2 MiB over it", 2, 0, PAGES(0, 1), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(0, 2) } }, 0, 1 },
	{ "spans: reclaim | map 1 GiB over it", 2, 0, PAGES(0, 3), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(0, 3) } }, 0, 1 },
	{ "spans: unmap 1 GiB | map in it", 2, 0, PAGES(0, 2), PAGE(2), 0, 1, 0,
	  { MAP(0, 3) }, { { UNMAP(0) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: split 1 GiB | unmap in it", 2, 0, PAGES(0, 2), PAGE(2), 0, 1, 0,
	  { MAP(0, 3) }, { { SPLIT(0) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: revoke 1 GiB | resolve in it", 2, 0, PAGES(0, 3), PAGE(3), 0, 1, 0,
	  { MAP(0, 3) }, { { PROTECT(0, RO) }, { RESOLVE(2) } }, 0, 1 },

	/* One PT. */
	{ "spans: map | map, one PT", 2, 0, PAGES(0, 1), PAGE(0), 0, 1, 0,
	  { MAP(4, 1) }, { { MAP(0, 1) }, { MAP(1, 1) } }, 0, 1 },
	{ "spans: unmap | unmap, one PT", 2, 0, PAGES(0, 1), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(1, 1) }, { { UNMAP(0) }, { UNMAP(1) } }, 0, 1 },
	{ "spans: revoke | unmap, same page", 2, 0, PAGE(0), 0, 0, 1, 0,
	  { MAP_RO(0, 1) }, { { PROTECT(0, RO) }, { UNMAP(0) } }, 0, 1 },
	{ "spans: remap | unmap, same page", 2, 0, PAGE(0), 0, 0, 1, 0,
	  { MAP(0, 1) }, { { REMAP_SAME(0) }, { UNMAP(0) } }, 0, 1 },
	{ "spans: reclaim | resolve, one PT", 2, 0, PAGES(0, 1), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { RESOLVE(1) } }, 0, 1 },

	/* Ranges across PTs. */
	{ "spans: unmap_range | unmap in it", 2, 0, PAGES(0, 2), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP_RANGE(0, 4) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: unmap_range | map in it", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP_RANGE(0, 4) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: unmap_range | map beside it", 2, 0, PAGES(0, 4), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP_RANGE(0, 4) }, { MAP(4, 1) } }, 0, 1 },
	{ "spans: map_range | map in it", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { }, { { MAP_RANGE(0, 4, 1) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans: protect_range | unmap in it", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { PROTECT_RANGE(0, 4, RO) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: unmap_range | unmap_range", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP_RANGE(0, 4) }, { UNMAP_RANGE(2, 4) } }, 0, 1 },
	{ "spans: reclaim | unmap_range", 2, 0, PAGES(0, 4), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(4, 1) }, { { UNMAP(0) }, { UNMAP_RANGE(2, 4) } }, 0, 1 },

	/* More than one operation on a CPU. */
	{ "spans: unmap map | unmap map, two PTs", 2, 0, PAGES(0, 2), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP(0), MAP(0, 1) }, { UNMAP(2), MAP(2, 1) } }, 0, 1 },

	/* Three CPUs. */
	{ "spans: reclaim | reclaim | -, one PD", 3, 0, PAGE(0), 0, 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1), MAP(4, 1) }, { { UNMAP(0) }, { UNMAP(2) } }, 0, 1 },
	{ "spans: reclaim | reclaim | map, one PD", 3, 0, PAGE(0), 0, 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP(0) }, { UNMAP(2) }, { MAP(1, 1) } }, 0, 1 },
	{ "spans: reclaim | reclaim | map, two PDs", 3, 0, PAGE(0), 0, 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP(0) }, { UNMAP(2) }, { MAP(4, 1) } }, 0, 1 },
	{ "spans: revoke | revoke | resolve", 3, 0, PAGE(0), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 1), MAP(4, 1) },
	  { { PROTECT(0, RO) }, { PROTECT(2, RO) }, { RESOLVE(4) } }, 0, 1 },

	/* Linux's faults meanwhile, which link empty tables; and those that vpt answers. */
	{ "spans, Linux links: reclaim | map", 2, 5, PAGES(0, 2), 0, 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(2, 1) } }, 0, 1 },
	{ "spans, Linux links: map 1 GiB | resolve", 2, 4, PAGES(0, 2), 0, 2, 1, 0,
	  { }, { { MAP(0, 3) }, { RESOLVE(2) } }, 0, 1 },
	{ "spans, Linux links: map | map", 2, 5, PAGES(0, 4), 0, 1, 0, 0,
	  { }, { { MAP(0, 1) }, { MAP(4, 1) } }, 0, 1 },
	{ "spans, Linux links: reclaim | reclaim", 2, 5, PAGES(0, 2), 0, 1, 0, 0,
	  { MAP(0, 1), MAP(2, 1) }, { { UNMAP(0) }, { UNMAP(2) } }, 0, 1 },
	{ "spans, Linux links: reclaim | touch", 2, 5, PAGES(0, 2), 0, 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { TOUCH(2) } }, 0, 1 },
	{ "spans, Linux links: reclaim | touch it", 2, 5, PAGES(0, 1), 0, 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { TOUCH(1) } }, 0, 1 },
	{ "spans, Linux links: unmap_range | touch", 2, 5, PAGES(0, 2), 0, 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP_RANGE(0, 4) }, { TOUCH(2) } }, 0, 1 },
	{ "spans, Linux links: map 2 MiB | touch", 2, 5, PAGES(0, 2), 0, 1, 0, 0,
	  { }, { { MAP(0, 2) }, { TOUCH(2) } }, 0, 1 },
	{ "spans, Linux links: touch | touch", 2, 5, PAGES(0, 4), 0, 1, 0, 0,
	  { }, { { TOUCH(0) }, { TOUCH(4) } }, 0, 1 },
	{ "spans, two VMAs: reclaim | touch", 2, 5, PAGES(0, 2), 0, 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { TOUCH(2) } }, 2, 1 },
	{ "spans, two VMAs: reclaim | map", 2, 5, PAGES(0, 4), 0, 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(4, 1) } }, 4, 1 },
};

static bool mc_unmaps(const struct mc_config *config)
{
	unsigned int cpu, i;

	for (cpu = 0; cpu < config->cpus; cpu++) {
		for (i = 0; i < MC_OPS; i++) {
			if (config->program[cpu][i].kind == SPEC_OP_UNMAP)
				return true;
		}
	}
	return false;
}

/* What UNMAP does beside Linux's walkers is explored with them kept out, and with them there. */
void mc_spans_init(void)
{
	struct mc_config *beside;
	unsigned int i;

	for (i = 0; i < sizeof(mc_spans) / sizeof(mc_spans[0]); i++) {
		mc_config_add(&mc_spans[i]);
		if (!mc_spans[i].foreign || !mc_unmaps(&mc_spans[i]))
			continue;
		beside = mc_config_add(&mc_spans[i]);
		beside->spans = MC_WALKERS_STAY;
		strcat(beside->name, ", walkers stay");
	}
}
