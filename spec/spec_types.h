/* SPDX-License-Identifier: GPL-2.0 */
/* The integer types, in the kernel and on the host. */
#ifndef SPEC_TYPES_H
#define SPEC_TYPES_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;
#endif

#endif /* SPEC_TYPES_H */
