/* SPDX-License-Identifier: GPL-2.0 */
/* The operations, as programs are written. */
#ifndef MC_OPS_H
#define MC_OPS_H

#include "mc.h"

#define RW	(MMU_U | MMU_W)
#define RO	MMU_U
#define RX	(MMU_U | MMU_X)

#define MAP(va, level)			{ SPEC_OP_MAP, va, 0, level, RW, 0, 0 }
#define MAP_RO(va, level)		{ SPEC_OP_MAP, va, 0, level, RO, 0, 0 }
/* A page that user mode touches, and whose fault maps it. */
#define TOUCH(va)			{ SPEC_OP_MAP, va, 0, 1, RW, 0, 1 }
#define UNMAP(va)			{ SPEC_OP_UNMAP, va, 0, 0, 0, 0, 0 }
#define PROTECT(va, rights)		{ SPEC_OP_PROTECT, va, 0, 0, rights, 0, 0 }
#define REMAP(va, level)		{ SPEC_OP_REMAP, va, 0, level, 0, 0, 0 }
#define RESOLVE(va)			{ SPEC_OP_RESOLVE, va, 0, 0, 0, 0, 0 }
/* To the frame that it has: the first of all. */
#define REMAP_SAME(va)			{ SPEC_OP_REMAP, va, 0, 1, 0, MMU_FRAME0, 0 }
#define SPLIT(va)			{ SPEC_OP_SPLIT, va, 0, 0, 0, 0, 0 }
#define MAP_RANGE(va, n, level)		{ SPEC_OP_MAP_RANGE, va, n, level, RW, 0, 0 }
#define UNMAP_RANGE(va, n)		{ SPEC_OP_UNMAP_RANGE, va, n, 0, 0, 0, 0 }
#define PROTECT_RANGE(va, n, rights)	{ SPEC_OP_PROTECT_RANGE, va, n, 0, rights, 0, 0 }
#define PAGE(n)				(1U << (n))

#endif /* MC_OPS_H */
