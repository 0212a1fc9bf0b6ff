/* SPDX-License-Identifier: GPL-2.0 */
/* A region: it comes by mmap(), and goes by munmap() or with the process. */
#ifndef VPT_REGION_H
#define VPT_REGION_H

struct mmu_notifier_range;
struct vm_area_struct;
struct vpt_file;

int vpt_region_map(struct vpt_file *f, struct vm_area_struct *vma);
void vpt_region_remove(struct vpt_file *f, u64 start, u64 end);
int vpt_region_told(struct vpt_file *f, const struct mmu_notifier_range *range);

#endif /* VPT_REGION_H */
