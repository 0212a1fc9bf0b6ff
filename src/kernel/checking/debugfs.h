/* SPDX-License-Identifier: GPL-2.0 */
/* Open files, shown to an administrator. */
#ifndef VPT_DEBUGFS_H
#define VPT_DEBUGFS_H

struct vpt_file;

void vpt_debugfs_init(void);
void vpt_debugfs_exit(void);

int vpt_file_add(struct vpt_file *f);
void vpt_file_remove(struct vpt_file *f);

/* Drop a reference; the last one frees the struct. */
void vpt_file_put(struct vpt_file *f);

#endif /* VPT_DEBUGFS_H */
