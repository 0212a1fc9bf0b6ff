/* SPDX-License-Identifier: GPL-2.0 */
/* Secondary MMUs: whoever else has translations of a region. */
#ifndef VPT_SECONDARY_H
#define VPT_SECONDARY_H

#include <linux/types.h>

struct mmu_notifier_range;
struct pt_env;
struct vpt_file;

bool vpt_notifier_others(const struct vpt_file *f);
bool vpt_notifier_works(struct vpt_file *f);
void vpt_free_told(struct pt_env *env, u64 start, u64 end, bool gone);
void vpt_unlock_and_notify(struct pt_env *env);
void vpt_let_go(struct pt_env *env);
void vpt_notify_within(struct vpt_file *f, const struct mmu_notifier_range *range);
void vpt_flush_sharers(struct pt_env *env, u64 start, u64 end);
void vpt_hold_unmapped(struct pt_env *env);
void vpt_free_unmapped(struct vpt_file *f);

#endif /* VPT_SECONDARY_H */
