/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BREAKAGES_H
#define BREAKAGES_H

#include "fixture.h"

/**
 * struct breakage - one way to break one invariant
 * @invariant: its number, the only one that may be reported
 * @name: what is done
 * @how: does it to a good fixture
 * @level: where it must be reported; 0 for the whole tree
 * @va: likewise
 */
struct breakage {
	unsigned int invariant;
	const char *name;
	void (*how)(struct fixture *f);
	unsigned int level;
	u64 va;
};

extern const struct breakage breakages[];
extern const unsigned int breakages_count;

#endif /* BREAKAGES_H */
