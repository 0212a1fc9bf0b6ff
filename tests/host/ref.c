// SPDX-License-Identifier: GPL-2.0
#include "ref.h"

struct ref ref_walk(struct pt_env *env, u64 root, u64 va, u64 **slot)
{
	bool write = true, user = true, fetch = true;
	struct ref found = { 0 };
	unsigned int level;
	u64 table = root;

	for (level = 4; level >= 1; level--) {
		u64 *p = (u64 *)(env->arena + table) + ref_index(va, level);
		u64 entry = *p;

		if (slot)
			*slot = p;
		if (!(entry & REF_P))
			return found;
		write = write && (entry & REF_W);
		user = user && (entry & REF_U);
		fetch = fetch && !(entry & REF_XD);
		if (level == 1 || (entry & REF_PS)) {
			found.level = level;
			found.base = va - va % ref_size(level);
			found.pa = entry & REF_ADDRESS;
			found.rights = (write ? PT_WRITE : 0) |
				       (user ? PT_USER : 0) | (fetch ? PT_EXEC : 0);
			found.accessed = entry & REF_A;
			found.dirty = entry & REF_D;
			return found;
		}
		table = entry & REF_ADDRESS;
	}
	return found;
}
