// SPDX-License-Identifier: GPL-2.0
/*
 * Handles: the names by which a user calls a frame.
 *
 * A handle comes under the file's lock, when nobody knows it yet, and goes with all spans
 * held: so who holds a span and finds the frame of a handle can use it until the span is
 * released.
 */
#include <linux/io.h>

#include "../vpt_file.h"
#include "frame.h"
#include "handle.h"
#include "secondary.h"
#include "span.h"
#include "table.h"

/**
 * vpt_handle_alloc() - a frame that is named by a handle
 * @f: file
 * @level: size
 * @handle: the handle, never 0
 * @pa: its physical address, bytes
 *
 * Return: 0, -ENOMEM, -EINTR.
 */
int vpt_handle_alloc(struct vpt_file *f, unsigned int level, u32 *handle, u64 *pa)
{
	struct page *frame = vpt_frame_alloc(f, level);
	int ret;

	if (!frame)
		return -ENOMEM;
	*pa = page_to_phys(frame);
	vpt_frame_get(frame, 1);
	/* Reserved first: an entry that lookups find must be complete. */
	ret = xa_alloc(&f->handles, handle, NULL, XA_LIMIT(1, U32_MAX), VPT_USER_GFP);
	if (ret)
		goto free_frame;
	ret = -EINTR;
	if (mutex_lock_killable(&f->lock))
		goto free_handle;
	vpt_index(frame) = *handle;
	xa_store(&f->handles, *handle, frame, GFP_ATOMIC);
	vpt_frames_keep(f, &f->books, 1);
	f->nhandles++;
	mutex_unlock(&f->lock);
	vpt_frames_settle(f, 1, level);
	return 0;

free_handle:
	xa_erase(&f->handles, *handle);
free_frame:
	vpt_frame_free(f, frame);
	return ret == -EBUSY ? -ENOMEM : ret;
}

/* The frame of a handle, or NULL.  Some span is held, while which no handle goes. */
struct page *vpt_handle_frame(struct vpt_file *f, u64 handle)
{
	return handle && handle <= U32_MAX ? xa_load(&f->handles, handle) : NULL;
}

/*
 * The frame, of @level, that the operation's caller has allocated or names.  Return: 0;
 * -EAGAIN if the fresh one has another size; -ENOENT, -EINVAL.  Context: as
 * vpt_handle_frame().
 */
int vpt_pick_frame(const struct pt_env *env, unsigned int level, u64 *pa)
{
	struct page *frame = env->fresh;

	if (!frame) {
		frame = vpt_handle_frame(env->f, env->handle);
		if (!frame)
			return -ENOENT;
	}
	if (vpt_frame_level(frame) != level)
		return env->fresh ? -EAGAIN : -EINVAL;
	*pa = page_to_phys(frame);
	return 0;
}

u32 vpt_frame_handle(struct page *frame)
{
	return vpt_index(frame);
}

/*
 * If that was the last reference no leaf maps the frame, and no CPU has it cached: it can
 * be freed.  All spans are held: nobody has found the handle and not yet used it.
 */
static void vpt_handle_drop(struct pt_env *env, struct page *frame)
{
	struct vpt_file *f = env->f;

	vpt_assert_all(f);
	xa_erase(&f->handles, vpt_index(frame));
	vpt_index(frame) = 0;
	f->nhandles--;
	vpt_frame_put(env, frame);
}

/* Return: 0, -ENOENT, -EINTR. */
int vpt_handle_free(struct vpt_file *f, u64 handle)
{
	struct page *frame;
	struct pt_env env;
	int ret = -ENOENT;

	if (vpt_lock_all_killable(f))
		return -EINTR;
	vpt_env_init_all(&env, f);
	frame = vpt_handle_frame(f, handle);
	if (frame) {
		vpt_handle_drop(&env, frame);
		vpt_let_go(&env);
		ret = 0;
	}
	vpt_unlock_all(f);
	return ret;
}

/* At the end of the address space, or of the file: nobody can use it any more. */
void vpt_drop_handles(struct vpt_file *f)
{
	unsigned long handle;
	struct page *frame;
	struct pt_env env;

	vpt_lock_all(f);
	vpt_env_init_all(&env, f);
	xa_for_each(&f->handles, handle, frame) {
		vpt_handle_drop(&env, frame);
		if (f->nhandles % VPT_BATCH)
			continue;
		vpt_let_go(&env);
		cond_resched();
	}
	vpt_unlock_all(f);
	xa_destroy(&f->handles);
}
