/* SPDX-License-Identifier: GPL-2.0 */
/* Handles: the numbers by which users name frames. */
#ifndef VPT_HANDLE_H
#define VPT_HANDLE_H

#include <linux/types.h>

struct page;
struct pt_env;
struct vpt_file;

int vpt_handle_alloc(struct vpt_file *f, unsigned int level, u32 *handle, u64 *pa);
int vpt_handle_free(struct vpt_file *f, u64 handle);
struct page *vpt_handle_frame(struct vpt_file *f, u64 handle);
int vpt_pick_frame(const struct pt_env *env, unsigned int level, u64 *pa);
u32 vpt_frame_handle(struct page *frame);
void vpt_drop_handles(struct vpt_file *f);

#endif /* VPT_HANDLE_H */
