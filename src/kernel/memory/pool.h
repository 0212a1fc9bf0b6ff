/* SPDX-License-Identifier: GPL-2.0 */
/* Frames of 1 GiB, put aside when the module is inserted (pool=). */
#ifndef VPT_POOL_H
#define VPT_POOL_H

#include <linux/compiler.h>
#include <linux/types.h>

struct page;

int vpt_pool_fill(unsigned int n);
void vpt_pool_empty(void);
struct page *vpt_pool_get(void);
void vpt_pool_put(struct page *frame);
unsigned int vpt_pool_free(void);
struct page *vpt_pool_find(unsigned long pfn);
extern unsigned int vpt_pool_frames;

/* The first page of the pool's frame that holds @pfn, or NULL. */
static inline struct page *vpt_pool_frame(unsigned long pfn)
{
	return unlikely(vpt_pool_frames) ? vpt_pool_find(pfn) : NULL;
}

#endif /* VPT_POOL_H */
