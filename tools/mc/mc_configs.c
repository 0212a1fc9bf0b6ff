// SPDX-License-Identifier: GPL-2.0
/*
 * The configurations that are written by hand: three CPUs, more than one operation
 * in a program, sizes mixed, errors; and the small ones that are explored in
 * explicit mode as well.
 */
#include "mc_ops.h"

/* name, CPUs, reserve, accessed, written, foreign, quick, explicit, setup, programs, boundary, spans */
static const struct mc_config mc_by_hand[] = {
	{ "unmap | - | -, level 1", 3, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 1, 0,
	  { MAP(0, 1), MAP(1, 1) }, { { UNMAP(0) } }, 0, 0 },
	{ "unmap and reclaim | - | -, level 1", 3, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) } }, 0, 0 },
	{ "unmap | - | -, level 2", 3, 0, PAGE(0) | PAGE(1) | PAGE(2), PAGE(1), 0, 1, 0,
	  { MAP(0, 2), MAP(2, 2) }, { { UNMAP(0) } }, 0, 0 },
	{ "unmap | - | -, level 3", 3, 0, PAGE(0) | PAGE(3) | PAGE(4), PAGE(3), 0, 1, 0,
	  { MAP(0, 3), MAP(4, 3) }, { { UNMAP(0) } }, 0, 0 },
	{ "remap | - | -, level 1", 3, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { REMAP(0, 1) } }, 0, 0 },
	{ "revoke | - | -, level 1", 3, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { PROTECT(0, RO) } }, 0, 0 },
	{ "split | - | -, level 2", 3, 0, PAGE(0) | PAGE(1), PAGE(1), 0, 1, 0,
	  { MAP(0, 2) }, { { SPLIT(0) } }, 0, 0 },
	{ "unmap_range | - | -, level 1", 3, 0, PAGE(0) | PAGE(3), PAGE(0), 0, 0, 0,
	  { MAP_RANGE(0, 4, 1) }, { { UNMAP_RANGE(0, 4) } }, 0, 0 },
	{ "protect_range | - | -, level 1", 3, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 0, 0,
	  { MAP_RANGE(0, 2, 1) }, { { PROTECT_RANGE(0, 2, RX) } }, 0, 0 },
	{ "unmap | unmap | -, same", 3, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { UNMAP(0) } }, 0, 0 },
	{ "unmap | unmap | -, sibling", 3, 0, PAGE(0) | PAGE(1), PAGE(0) | PAGE(1), 0, 0, 0,
	  { MAP(0, 1), MAP(1, 1) }, { { UNMAP(0) }, { UNMAP(1) } }, 0, 0 },
	{ "unmap and reclaim | map sibling | -", 3, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(1, 1) } }, 0, 0 },
	{ "unmap and reclaim | map over it | -", 3, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(0, 2) } }, 0, 0 },
	{ "split | unmap sibling half | -", 3, 0, PAGE(0) | PAGE(1), PAGE(1), 0, 0, 0,
	  { MAP(0, 2) }, { { SPLIT(0) }, { UNMAP(1) } }, 0, 0 },
	{ "unmap | unmap | unmap", 3, 0, PAGE(0), PAGE(0), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { UNMAP(0) }, { UNMAP(0) } }, 0, 0 },
	{ "unmap | map | protect", 3, 0, PAGE(0), PAGE(0), 0, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(0, 1) }, { PROTECT(0, RO) } }, 0, 0 },

	{ "unmap map | unmap map", 2, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 0, 0,
	  { MAP(0, 1), MAP(1, 1) }, { { UNMAP(0), MAP(0, 1) }, { UNMAP(1), MAP(1, 1) } }, 0, 0 },
	{ "unmap map | remap revoke", 2, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0), MAP(0, 1) }, { REMAP(0, 1), PROTECT(0, RO) } }, 0, 0 },
	{ "revoke grant revoke | -", 2, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { PROTECT(0, RO), PROTECT(0, RW), PROTECT(0, RO) } }, 0, 0 },
	{ "split unmap map | -", 2, 0, PAGE(0) | PAGE(1), PAGE(1), 0, 1, 0,
	  { MAP(0, 2) }, { { SPLIT(0), UNMAP(1), MAP(1, 1) } }, 0, 0 },
	{ "split level 3, split level 2 | -", 2, 0, PAGE(0) | PAGE(3), PAGE(3), 0, 1, 0,
	  { MAP(0, 3) }, { { SPLIT(0), SPLIT(2), UNMAP(3) } }, 0, 0 },
	{ "three sizes, one range | -", 2, 0, PAGE(0) | PAGE(2) | PAGE(4), PAGE(4), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 2), MAP(4, 3) }, { { UNMAP_RANGE(0, 8) } }, 0, 0 },
	{ "three sizes, one protect | -", 2, 0, PAGE(0) | PAGE(4), PAGE(4), 0, 0, 0,
	  { MAP(0, 1), MAP(2, 2), MAP(4, 3) }, { { PROTECT_RANGE(0, 8, RO) } }, 0, 0 },
	{ "4 KiB gone, 1 GiB in place | -", 2, 0, PAGE(0) | PAGE(3), PAGE(0), 0, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0), MAP(0, 3), UNMAP(0), MAP(3, 1) } }, 0, 0 },

	{ "errors: alignment, range, rights", 2, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 2) },
	  { { MAP(1, 2), MAP(8, 1), PROTECT(0, 8), UNMAP(8) },
	    { UNMAP(1), UNMAP_RANGE(1, 2), PROTECT_RANGE(0, 1, RO), MAP(0, 4) } }, 0, 0 },
	{ "errors: overlap around and inside", 2, 0, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 2), MAP(4, 1) },
	  { { MAP(0, 3), MAP(1, 1), MAP(4, 2), MAP(4, 3) },
	    { MAP_RANGE(2, 2, 2), SPLIT(4), REMAP(1, 1), REMAP(0, 1) } }, 0, 0 },
	{ "errors: two tables in the reserve", 2, 2, PAGE(0), PAGE(0), 0, 1, 0,
	  { MAP(0, 3) },
	  { { MAP(4, 1), MAP(4, 2), SPLIT(0) }, { UNMAP(4), MAP_RANGE(4, 2, 1) } }, 0, 0 },

	{ "Linux links: map 4 KiB | -", 2, 4, PAGE(0), PAGE(0), 2, 1, 0,
	  { }, { { MAP(0, 1) } }, 0, 0 },
	{ "Linux links: map 1 GiB | -", 2, 4, PAGE(0), PAGE(0), 2, 1, 0,
	  { }, { { MAP(0, 3) } }, 0, 0 },
	{ "Linux links: map 1 GiB | map 1 GiB", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 2, 1, 0,
	  { }, { { MAP(0, 3) }, { MAP(4, 3) } }, 0, 0 },
	{ "Linux links: map_range 1 GiB | -", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 2, 1, 0,
	  { }, { { MAP_RANGE(0, 2, 3) } }, 0, 0 },
	{ "Linux links: map_range 4 KiB | -", 2, 4, PAGE(0) | PAGE(1), PAGE(0), 2, 1, 0,
	  { }, { { MAP_RANGE(0, 2, 1) } }, 0, 0 },
	{ "Linux links: protect_range | -", 2, 4, PAGE(0) | PAGE(1), PAGE(0), 2, 1, 0,
	  { MAP(4, 1) }, { { PROTECT_RANGE(0, 8, RO) } }, 0, 0 },
	{ "Linux links: unmap | map", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(4, 1) } }, 0, 0 },
	{ "Linux links: unmap nothing | map", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 2, 1, 0,
	  { }, { { UNMAP(0) }, { MAP(4, 1) } }, 0, 0 },
	{ "Linux links: unmap_range | map 1 GiB", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 2, 1, 0,
	  { MAP(4, 1) }, { { UNMAP_RANGE(0, 8) }, { MAP(0, 3) } }, 0, 0 },
	{ "Linux links: unmap map | unmap map", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 2, 0, 0,
	  { MAP(0, 1), MAP(4, 3) },
	  { { UNMAP(0), MAP(0, 1) }, { UNMAP(4), MAP(4, 3) } }, 0, 0 },
	{ "Linux links: split 1 GiB | map", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 1, 0, 0,
	  { MAP(0, 3) }, { { SPLIT(0) }, { MAP(4, 2) } }, 0, 0 },
	{ "Linux links: unmap | map | -", 3, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 0, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(4, 1) } }, 0, 0 },

	{ "two VMAs, one PT: unmap | -", 2, 4, PAGE(0) | PAGE(1), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) } }, 1, 0 },
	{ "two VMAs, one PD: unmap | -", 2, 4, PAGE(0) | PAGE(2), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) } }, 2, 0 },
	{ "two VMAs, one PDPT: unmap | -", 2, 4, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) } }, 4, 0 },
	{ "two VMAs, one PDPT: unmap | unmap", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 1), MAP(4, 1) }, { { UNMAP(0) }, { UNMAP(4) } }, 4, 0 },
	{ "two VMAs, one PDPT: unmap | map", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP(0) }, { MAP(4, 1) } }, 4, 0 },
	{ "two VMAs, one PDPT: unmap_range | map", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 1) }, { { UNMAP_RANGE(0, 4) }, { MAP(4, 1) } }, 4, 0 },
	{ "two VMAs, one PDPT: unmap 1 GiB | map", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { MAP(0, 3) }, { { UNMAP(0) }, { MAP(4, 1) } }, 4, 0 },
	{ "two VMAs, one PDPT: map 1 GiB | map", 2, 5, PAGE(0) | PAGE(4), PAGE(0), 1, 1, 0,
	  { }, { { MAP(0, 3) }, { MAP(4, 1) } }, 4, 0 },

	{ "explicit: unmap | -, level 1", 2, 0, PAGE(0), PAGE(0), 0, 0, 1,
	  { MAP(0, 1) }, { { UNMAP(0) } }, 0, 0 },
	{ "explicit: unmap | -, level 2", 2, 0, PAGE(1), PAGE(1), 0, 0, 1,
	  { MAP(0, 2) }, { { UNMAP(0) } }, 0, 0 },
	{ "explicit: unmap | -, level 3", 2, 0, PAGE(3), PAGE(3), 0, 1, 1,
	  { MAP(0, 3) }, { { UNMAP(0) } }, 0, 0 },
	{ "explicit: remap | -, level 3", 2, 0, PAGE(3), PAGE(3), 0, 0, 1,
	  { MAP(0, 3) }, { { REMAP(0, 3) } }, 0, 0 },
	{ "explicit: revoke | -, level 3", 2, 0, PAGE(3), PAGE(3), 0, 1, 1,
	  { MAP(0, 3) }, { { PROTECT(0, RO) } }, 0, 0 },
	{ "explicit: revoke | -, level 2", 2, 0, PAGE(1), PAGE(1), 0, 0, 1,
	  { MAP(0, 2) }, { { PROTECT(0, RO) } }, 0, 0 },
	{ "explicit: split | -, level 2", 2, 0, PAGE(1), PAGE(1), 0, 0, 1,
	  { MAP(0, 2) }, { { SPLIT(0) } }, 0, 0 },
	{ "explicit: map | -, level 1", 2, 0, PAGE(0), PAGE(0), 0, 1, 1,
	  { }, { { MAP(0, 1) } }, 0, 0 },
	{ "explicit: unmap map, level 3", 1, 0, PAGE(3), PAGE(3), 0, 1, 1,
	  { MAP(0, 3) }, { { UNMAP(0), MAP(0, 3) } }, 0, 0 },
	{ "explicit: unmap map, level 1", 1, 0, PAGE(0), PAGE(0), 0, 1, 1,
	  { MAP(0, 1) }, { { UNMAP(0), MAP(0, 1) } }, 0, 0 },
	{ "explicit: unmap, two pages", 1, 0, PAGE(0) | PAGE(1), PAGE(0), 0, 1, 1,
	  { MAP(0, 1), MAP(1, 1) }, { { UNMAP(0) } }, 0, 0 },
};

struct mc_config mc_configs[MC_CONFIGS];
unsigned int mc_nconfigs;

struct mc_config *mc_config_add(const struct mc_config *config)
{
	if (mc_nconfigs == MC_CONFIGS)
		__builtin_trap();
	mc_configs[mc_nconfigs] = *config;
	return &mc_configs[mc_nconfigs++];
}

const struct mc_config *mc_config_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < mc_nconfigs; i++) {
		if (!strcmp(mc_configs[i].name, name))
			return &mc_configs[i];
	}
	return NULL;
}

void mc_configs_init(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(mc_by_hand) / sizeof(mc_by_hand[0]); i++)
		mc_config_add(&mc_by_hand[i]);
	mc_pairs_init();
	mc_spans_init();
}
