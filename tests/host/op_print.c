// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "diff.h"

void op_print(char *text, u64 size, const struct op *op)
{
	static const char *const name[OP_KINDS] = {
		"map", "map_range", "unmap", "unmap_range", "protect", "protect_range",
		"remap", "resolve", "split", "foreign", "access", "reserve", "cut",
	};

	switch (op->kind) {
	case OP_UNMAP_RANGE:
	case OP_PROTECT_RANGE:
		snprintf(text, size, "%s [%#lx, %#lx) rights %x", name[op->kind], op->va,
			 op->end, op->rights);
		break;
	case OP_RESERVE:
		snprintf(text, size, "%s %lu", name[op->kind], op->n);
		break;
	default:
		snprintf(text, size, "%s %#lx n %lu -> %#lx level %u rights %x",
			 name[op->kind], op->va, op->n, op->pa, op->level, op->rights);
	}
}
