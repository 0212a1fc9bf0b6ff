// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "diff.h"

void op_print(char *text, u64 size, const struct op *op)
{
	static const char *const others[OP_KINDS] = {
		[OP_FOREIGN] = "foreign", [OP_ACCESS] = "access", [OP_RESERVE] = "reserve",
		[OP_CUT] = "cut",
	};
	const char *name = op->kind < SPEC_OP_KINDS ? spec_op_name(op->kind) : others[op->kind];

	switch (op->kind) {
	case SPEC_OP_UNMAP_RANGE:
	case SPEC_OP_PROTECT_RANGE:
		snprintf(text, size, "%s [%#lx, %#lx) rights %x", name, op->va,
			 op->end, op->rights);
		break;
	case OP_RESERVE:
		snprintf(text, size, "%s %lu", name, op->n);
		break;
	default:
		snprintf(text, size, "%s %#lx n %lu -> %#lx level %u rights %x",
			 name, op->va, op->n, op->pa, op->level, op->rights);
	}
}
