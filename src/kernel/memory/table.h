/* SPDX-License-Identifier: GPL-2.0 */
/* Tables, and an operation with its spans and its reserve of them. */
#ifndef VPT_TABLE_H
#define VPT_TABLE_H

#include <linux/list.h>
#include <linux/types.h>

#include "../../core/pt.h"
#include "../vpt_file.h"
#include "span.h"

/* Tables kept in the reserve for the next operation. */
#define VPT_RESERVE_KEEP	8

void vpt_spare_move(struct vpt_spare *from, struct vpt_spare *to, u64 n);
void vpt_lock_file(struct vpt_file *f);
void vpt_unlock_file(struct vpt_file *f);
int vpt_lock_reserved(struct pt_env *env, u64 va, u64 last, u64 tables);
bool vpt_walkers_may_stay(struct pt_env *env);
void vpt_unlock(struct pt_env *env);
void vpt_lock_again(struct pt_env *env);
void vpt_unlock_again(struct pt_env *env);
void vpt_reclaim_tables(struct pt_env *env, struct list_head *held);
void vpt_drop_spare(struct vpt_file *f);

static inline void vpt_spare_init(struct vpt_spare *spare)
{
	INIT_LIST_HEAD(&spare->pages);
	spare->n = 0;
}

/* An operation begins. */
static inline void vpt_env_init(struct pt_env *env, struct vpt_file *f)
{
	env->f = f;
	env->mm = f->mm;
	env->root_mirrored = f->root_mirrored;
	env->mmap_locked = false;
	env->range = false;
	env->left = false;
	env->walkers = false;
	vpt_spare_init(&env->reserve);
	INIT_LIST_HEAD(&env->dead_tables);
	INIT_LIST_HEAD(&env->dead_frames);
	env->removed = NULL;
	env->untold.end = 0;
}

/* It deals with [@va, @last]; or with all spans, if that is 0 and U64_MAX. */
static inline void vpt_env_about(struct pt_env *env, u64 va, u64 last)
{
	env->va = va;
	env->last = last;
}

/* From now on it holds the one @span by that span's lock; or others, if that is NULL. */
static __always_inline void vpt_env_holds(struct pt_env *env, struct vpt_span *span, bool all)
{
	env->span = span;
	env->all = all;
	env->books = span ? &span->books : &env->f->books;
	env->extent = NULL;
}

/* As vpt_env_init(), of who holds every span already. */
static inline void vpt_env_init_all(struct pt_env *env, struct vpt_file *f)
{
	vpt_assert_all(f);
	vpt_env_init(env, f);
	vpt_env_holds(env, NULL, true);
}

/* From the beginning: who got the rest later (vpt_lock_rest()) began when nobody watched. */
static inline bool vpt_took_all(const struct pt_env *env)
{
	return env->all && !env->span;
}

#endif /* VPT_TABLE_H */
