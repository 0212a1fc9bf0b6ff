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

static inline u64 mmu_word(const unsigned char *p)
{
	u64 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* @bytes is a multiple of 8.  Two chains, so that the multiplier is never idle. */
static inline u64 mmu_hash(const void *data, size_t bytes, u64 seed)
{
	const unsigned char *p = data;
	u64 a = seed ^ 0x9e3779b97f4a7c15ULL, b = seed ^ 0xc2b2ae3d27d4eb4fULL;

	for (; bytes >= 32; bytes -= 32, p += 32) {
		a = mmu_mix(mmu_word(p) ^ a, mmu_word(p + 8) ^ 0xe7037ed1a0b428dbULL);
		b = mmu_mix(mmu_word(p + 16) ^ b, mmu_word(p + 24) ^ 0x8ebc6af09c88c6e3ULL);
	}
	for (; bytes >= 8; bytes -= 8, p += 8)
		a = mmu_mix(mmu_word(p) ^ a, 0xa0761d6478bd642fULL);
	return mmu_mix(a ^ 0x589965cc75374cc3ULL, b ^ 0x1d8e4e27c47d124fULL);
}

#endif /* MMU_HASH_H */
