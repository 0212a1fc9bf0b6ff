/* SPDX-License-Identifier: GPL-2.0 */
/* An entry has changed: invalidate on every CPU, and wait. */
#ifndef VPT_SHOOTDOWN_H
#define VPT_SHOOTDOWN_H

#include <linux/types.h>

struct pt_env;

void vpt_shootdown(struct pt_env *env, u64 start, u64 end, unsigned int shift);
bool vpt_pdpt_goes(const struct pt_env *env);

#endif /* VPT_SHOOTDOWN_H */
