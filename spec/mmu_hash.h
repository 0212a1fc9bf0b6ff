/* SPDX-License-Identifier: GPL-2.0 */
/* A 64-bit hash of a few dozen bytes: multiply, fold, eight bytes at a time. */
#ifndef MMU_HASH_H
#define MMU_HASH_H

#include <string.h>

#include "spec_types.h"

static inline u64 mmu_mix(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

/* @bytes is a multiple of 4. */
static inline u64 mmu_hash(const void *data, size_t bytes, u64 seed)
{
	const unsigned char *p = data;
	u64 h = mmu_mix(seed ^ 0x9e3779b97f4a7c15ULL, 0xa0761d6478bd642fULL);
	u64 word;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = mmu_mix(h ^ word, 0xe7037ed1a0b428dbULL) + word;
	}
	if (bytes) {
		word = 0;
		memcpy(&word, p, 4);
		h = mmu_mix(h ^ word, 0x8ebc6af09c88c6e3ULL) + word;
	}
	return mmu_mix(h, 0x589965cc75374cc3ULL);
}

#endif /* MMU_HASH_H */
