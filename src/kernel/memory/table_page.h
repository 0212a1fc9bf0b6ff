/* SPDX-License-Identifier: GPL-2.0 */
/* Table pages: from Linux, and back after a grace period. */
#ifndef VPT_TABLE_PAGE_H
#define VPT_TABLE_PAGE_H

#include <linux/list.h>
#include <linux/mm_types.h>

/*
 * PTs of the module that wait for a grace period, beyond which UNMAP unlinks none beside walkers:
 * 4 MiB.  Of other tables any number may wait, as of Linux's own from 6.15 on.
 */
#define VPT_PTS_WAITING		1024

struct page *vpt_page_alloc(void);
struct page *vpt_table_page_alloc(void);
void vpt_table_page_free(struct page *page);
void vpt_table_free(struct page *page, bool beside);
void vpt_free_tables(struct list_head *pages);
unsigned int vpt_tables_count_waiting(void);
unsigned int vpt_pts_count_waiting(void);

#endif /* VPT_TABLE_PAGE_H */
