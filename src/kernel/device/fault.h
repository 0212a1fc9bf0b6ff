/* SPDX-License-Identifier: GPL-2.0 */
/* Faults in a region, and what else Linux asks of its VMAs. */
#ifndef VPT_FAULT_H
#define VPT_FAULT_H

#include <linux/mm.h>

extern const struct vm_operations_struct vpt_vm_ops;

#endif /* VPT_FAULT_H */
