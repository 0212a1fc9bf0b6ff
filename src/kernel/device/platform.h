/* SPDX-License-Identifier: GPL-2.0 */
/* What the module relies on, as far as the machine decides it. */
#ifndef VPT_PLATFORM_H
#define VPT_PLATFORM_H

int vpt_platform_check(void);

#endif /* VPT_PLATFORM_H */
