/* SPDX-License-Identifier: GPL-2.0 */
/* Frames: how they are allocated and charged, referenced and freed. */
#ifndef VPT_FRAME_H
#define VPT_FRAME_H

#include <linux/gfp.h>
#include <linux/types.h>

struct page;
struct pt_env;
struct vpt_books;
struct vpt_file;

/* Frames that are taken from Linux at a time. */
#define VPT_BATCH	32

/* For what a user asks for: fail rather than have somebody killed. */
#define VPT_USER_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

int vpt_charge(struct vpt_file *f, unsigned long pages);
void vpt_uncharge(struct vpt_file *f, unsigned long pages);
struct page *vpt_frame_alloc(struct vpt_file *f, unsigned int level);
unsigned int vpt_frame_alloc_some(struct vpt_file *f, struct page **pages, unsigned int n);
void vpt_frames_keep(struct vpt_file *f, struct vpt_books *books, u64 n);
void vpt_frames_settle(struct vpt_file *f, u64 n, unsigned int level);
bool vpt_frame_retire(struct page *frame, unsigned long pages);
void vpt_frame_free(struct vpt_file *f, struct page *frame);
struct page *vpt_touch_alloc(void);
void vpt_touch_keep(struct pt_env *env);
void vpt_touch_free(struct page *page);
struct page *vpt_frame_of(u64 pa);
struct page *vpt_leaf_frame(unsigned int level, u64 pa);
unsigned int vpt_frame_level(struct page *frame);
bool vpt_frame_known(u64 pa);
void vpt_frame_get(struct page *frame, unsigned long n);
void vpt_frame_put(struct pt_env *env, struct page *frame);
void vpt_leaf_put(struct pt_env *env, struct page *frame);
void vpt_leaf_added(struct pt_env *env, unsigned int level, u64 n);
void vpt_leaf_removed(struct pt_env *env, unsigned int level, u64 pa);
void vpt_free_frames(struct vpt_file *f, struct vpt_books *books,
		     struct list_head *frames);

#endif /* VPT_FRAME_H */
