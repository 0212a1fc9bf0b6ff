/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the ioctls: checks of arguments, and locks. */
#ifndef VPT_IOCTL_H
#define VPT_IOCTL_H

#include <linux/err.h>
#include <linux/types.h>

#include "../../../include/vpt.h"

struct file;
struct vpt_extent;
struct vpt_file;

static inline bool vpt_zero(const u64 *words, unsigned int n)
{
	while (n--) {
		if (words[n])
			return false;
	}
	return true;
}

long vpt_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int vpt_level(u64 page_size);
int vpt_prot_check(u32 prot);
int vpt_rights(struct vpt_file *f, u32 prot);
u64 vpt_show_phys(const struct vpt_file *f, u64 pa);
struct vpt_extent *vpt_find_extent(struct vpt_file *f, u64 va, u64 bytes);
int vpt_check_inside(struct vpt_file *f, u64 va, u64 bytes);

/* check.c */
int vpt_check_file(struct vpt_file *f, struct vpt_check *c);

/* mmap_lock.c */
int vpt_mmap_lock_unmap(struct vpt_file *f, u64 start, u64 end);
int vpt_mmap_lock_map(struct vpt_file *f, u64 start, u64 bytes, u64 page_size);
void vpt_mmap_unlock(struct vpt_file *f);

/*
 * Whether @size bytes at @user, where the answer goes to, overlap [@va, @va + @bytes),
 * where the operation would take that place away.
 */
static inline bool vpt_answer_lost(u64 user, size_t size, u64 va, u64 bytes)
{
	return user < va + bytes && va < user + size;
}

/* Each with its argument, which has been copied in from @user. */
int vpt_ioc_map(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_unmap(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_protect(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_remap(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_resolve(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_map_range(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_unmap_range(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_protect_range(struct vpt_file *f, void *arg, u64 user);
int vpt_ioc_check(struct vpt_file *f, void *arg, u64 user);

#endif /* VPT_IOCTL_H */
