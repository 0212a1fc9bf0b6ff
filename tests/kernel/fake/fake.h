/* SPDX-License-Identifier: GPL-2.0 */
/* As much of Linux as platform.c includes; the test decides what the machine is like. */
#ifndef FAKE_H
#define FAKE_H

#include <errno.h>
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#if FAKE_LINUX >= KERNEL_VERSION(6, 15, 0)
#define CONFIG_BROADCAST_TLB_FLUSH	1
#endif
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define _PAGE_NX		(1ULL << 63)
extern uint64_t __supported_pte_mask;

enum cc_attr { CC_ATTR_MEM_ENCRYPT, CC_ATTR_OTHER };
bool cc_platform_has(enum cc_attr attr);

#define X86_FEATURE_XENPV	1
#define X86_FEATURE_INVLPGB	(13 * 32 + 3)
bool boot_cpu_has(int feature);

#define X86_VENDOR_INTEL	0
#define X86_VENDOR_AMD		2
struct cpuinfo_x86 { uint8_t x86, x86_vendor, x86_model; };
extern struct cpuinfo_x86 boot_cpu_data;

#define KBUILD_MODNAME	"vpt"
#define pr_err(fmt, ...)	fake_err(pr_fmt(fmt), ##__VA_ARGS__)
int fake_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* FAKE_H */
