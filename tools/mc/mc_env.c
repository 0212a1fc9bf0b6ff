// SPDX-License-Identifier: GPL-2.0
/*
 * What the protocol asks of its environment, as actions of the machine; and the
 * deliberate faults, where somebody might make them.
 */
#include "mc.h"
#include "op.h"

static u8 mc_page(u64 address)
{
	return (u8)(address >> PT_PAGE_SHIFT);
}

static void mc_do(unsigned int act)
{
	mc_ask(&(struct mmu_action){ .act = (u8)act });
}

/*
 * The pages whose locks an operation needs for [@va, @end): a lock is for all that is
 * behind one entry of a PD.  A page of level 3 has those of its own.
 */
static u8 mc_spans(const struct mmu_op *call, u64 va, u64 end)
{
	const unsigned int last = (unsigned int)((end - 1) >> PT_PAGE_SHIFT);
	unsigned int page = (unsigned int)(va >> PT_PAGE_SHIFT), pages = 0;
	const bool range = end - va > PT_PAGE_SIZE &&
			   mmu.broken == (call->level == 3 ? MMU_LARGE_FIRST : MMU_RANGE_FIRST);

	if (!mmu.spans)
		return MMU_ALL_PAGES;
	for (; page <= last && page < MMU_VPAGES; page++) {
		pages |= mmu_span_pages(page, mmu.broken == MMU_SPAN_OF_PAGE ? 1 : 2);
		if (range)
			break;
	}
	return (u8)pages;
}

/* A fault of the locks: this operation takes none. */
static bool mc_unlocked(const struct mmu_op *call)
{
	static const u8 kind[] = {
		[MMU_MAP_UNLOCKED - MMU_MAP_UNLOCKED] = SPEC_OP_MAP,
		[MMU_UNMAP_UNLOCKED - MMU_MAP_UNLOCKED] = SPEC_OP_UNMAP,
		[MMU_PROTECT_UNLOCKED - MMU_MAP_UNLOCKED] = SPEC_OP_PROTECT,
		[MMU_REMAP_UNLOCKED - MMU_MAP_UNLOCKED] = SPEC_OP_REMAP,
		[MMU_RESOLVE_UNLOCKED - MMU_MAP_UNLOCKED] = SPEC_OP_RESOLVE,
	};

	return mmu.broken >= MMU_MAP_UNLOCKED && mmu.broken <= MMU_RESOLVE_UNLOCKED &&
	       call->kind == kind[mmu.broken - MMU_MAP_UNLOCKED];
}

/* Take the locks of @pages, one after the other; with the last the operation begins. */
static int mc_lock(struct op *op, u8 pages, bool downwards)
{
	static const struct mmu_op sweep;
	struct pt_env *env = &op->env;
	unsigned int i, one, taken = 0;

	env->held = pages;
	for (i = 0; i < MMU_VPAGES; i++) {
		unsigned int page = downwards ? MMU_VPAGES - 1 - i : i;

		one = mmu_span_pages(page, 2) & pages & ~taken;
		taken |= one;
		if (!mmu.spans || taken == pages)
			break;
		if (one)
			mc_ask(&(struct mmu_action){ .act = MMU_ACT_SPAN, .n = (u8)one });
	}
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_LOCK, .page = env->frame,
				     .n = (u8)(mmu.spans ? one : pages), .index = env->wide,
				     .op = env->answered ? sweep : *env->op });
	return 0;
}

int op_env_lock(struct op *op, u64 va, u64 end)
{
	return mc_lock(op, mc_unlocked(op->env.op) ? 0 : mc_spans(op->env.op, va, end), false);
}

/* mmap_lock for writing, and the VMAs that a table which may be freed can cover. */
static void mc_lock_vmas(struct op *op, u64 start, u64 end)
{
	if (!mmu.linux_links)
		return;
	op->env.vmas = true;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_LOCK_VMAS, .page = mc_page(start),
				     .n = mc_page(end - start) });
}

int op_env_lock_map(struct op *op, u64 va, u64 n, unsigned int level)
{
	if (level > 1)
		mc_lock_vmas(op, va, va + n * pt_size(level));
	return op_env_lock(op, va, va + n * pt_size(level));
}

/* Every table on the path of [@va, @end) may be freed; or a PT, and walkers stay. */
int op_env_lock_unmap(struct op *op, u64 va, u64 end)
{
	u64 start = va, stop = end;

	op->env.walkers = mmu.walkers_stay && end - va == PT_PAGE_SIZE;
	if (op->env.walkers)
		return op_env_lock(op, va, end);
	if (mmu.broken != MMU_ONE_VMA)
		pt_unlink_span(&op->pt, &start, &stop);
	mc_lock_vmas(op, start, stop);
	op->env.wide = mmu.broken == MMU_UNLINK_NARROW;
	return op_env_lock(op, va, end);
}

int op_env_lock_all(struct op *op, u64 va, u64 end)
{
	struct pt_env *env = &op->env;
	const bool narrow = mmu.broken == (env->answered ? MMU_SWEEP_NARROW : MMU_WIDE_NARROW);
	u64 start = va, stop = end;

	pt_unlink_span(&op->pt, &start, &stop);
	if (!env->walkers || mmu.broken != MMU_SWEEP_BESIDE_WALKERS)
		mc_lock_vmas(op, start, stop);
	env->walkers = false;
	env->wide = narrow;
	return mc_lock(op, narrow ? mc_spans(env->op, va, end) : MMU_ALL_PAGES,
		       mmu.broken == MMU_LOCK_ORDER);
}

bool op_env_left(struct op *op)
{
	bool left = op->env.left && mmu.broken != MMU_NOT_SWEPT;

	op->env.left = false;
	return left;
}

/* The duties of an operation: see op.h. */
static void mc_check_duties(const struct pt_env *env)
{
	if (env->stale)
		mmu_violate("the operation ends, and has not invalidated what it took away");
	if (env->deferred || env->removed)
		mmu_violate("the operation ends, and has not freed %u tables, %u leaves' frames",
			    env->deferred, env->removed);
}

void op_env_unlock(struct op *op, int ret)
{
	struct pt_env *env = &op->env;

	mc_check_duties(env);
	if (env->answered) {
		mc_do(MMU_ACT_UNLOCK);
	} else {
		if (ret)
			env->answer = (struct mmu_answer){ 0 };
		env->answer.status = (u8)ret;
		mc_ask(&(struct mmu_action){ .act = MMU_ACT_UNLOCK, .page = env->frame,
					     .op = *env->op, .answer = env->answer,
					     .entry = env->seen & MMU_E_D });
	}
	env->answered = !op_env_wider(ret);
	if (env->vmas)
		mc_do(MMU_ACT_UNLOCK_VMAS);
	env->vmas = false;
}

void op_env_lock_linker(struct op *op)
{
	mc_table_lock(&op->env, MMU_ACT_TABLE_LOCK);
}

void op_env_unlock_linker(struct op *op)
{
	mc_table_lock(&op->env, MMU_ACT_TABLE_UNLOCK);
}

/* Frames and answers. */

void op_env_mapped(struct op *op, const u64 *pa, u64 n, unsigned int level)
{
	u64 i;

	(void)op;
	for (i = 0; i < n; i++)
		mc_ask(&(struct mmu_action){ .act = MMU_ACT_GET, .page = mc_page(pa[i]),
					     .level = (u8)level });
}

void op_env_unmapped(struct op *op, const struct pt_mapping *old)
{
	op->env.removed++;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_PUT, .page = mc_page(old->pa),
				     .level = (u8)old->level,
				     .entry = old->dirty ? MMU_E_D : 0 });
}

void op_env_end_leaf(struct op *op, enum pt_status status, const struct pt_mapping *leaf,
		     bool revoked)
{
	struct mmu_answer *answer = &op->env.answer;

	if (status != PT_OK)
		return;
	answer->revoked = revoked;
	answer->va = mc_page(leaf->va);
	answer->leaf = MMU_PAGE(mc_page(leaf->pa), leaf->rights, leaf->level);
	if (mmu.broken == MMU_WRONG_ANSWER)
		answer->leaf ^= 1;
	op->env.seen = (leaf->accessed ? MMU_E_A : 0) | (leaf->dirty ? MMU_E_D : 0);
}

void op_env_end_range(struct op *op, enum pt_status status, const struct pt_touched *done)
{
	struct mmu_answer *answer = &op->env.answer;

	if (status != PT_OK)
		return;
	answer->leaves = (u8)done->leaves;
	answer->pages = mc_page(done->bytes);
	answer->revoked = done->revoked;
}

/* Invalidating and freeing. */

static void mc_free(struct op *op)
{
	if (op->env.deferred) {
		if (op->env.walkers && mmu.broken != MMU_NO_GRACE)
			mc_do(MMU_ACT_GRACE);
		mc_do(MMU_ACT_FREE_TABLES);
	}
	if (op->env.removed)
		mc_do(MMU_ACT_FREE_FRAMES);
	op->env.deferred = 0;
	op->env.removed = 0;
}

static bool mc_skips(const struct pt_env *env)
{
	return mmu.broken == MMU_NO_SHOOTDOWN || mmu.broken == MMU_INVALIDATE_FIRST ||
	       (mmu.broken == MMU_EXEC_LAZY && !env->lost);
}

/* The first half: the locked increment, and the IPIs. */
static void mc_send(u64 start, u64 end, unsigned int shift)
{
	u8 n = (u8)((end - start) >> shift);

	if (mmu.broken == MMU_HALF_RANGE && n > 1)
		n--;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_SEND, .page = mc_page(start), .n = n,
				     .level = (u8)(1 << (shift - PT_PAGE_SHIFT)),
				     .whom = mmu.broken == MMU_SELF_ONLY ?
					     MMU_SEND_SELF : MMU_SEND_ALL });
}

void op_env_invalidate(struct op *op, u64 va, u64 end, unsigned int shift)
{
	if (mmu.broken == MMU_FREE_FIRST)
		mc_free(op);
	if (!mc_skips(&op->env)) {
		mc_send(va, end, shift);
		if (mmu.broken == MMU_FREE_BEFORE_ACK)
			mc_free(op);
		if (mmu.broken == MMU_RELEASE_FIRST)
			mc_do(MMU_ACT_RELEASE);
		if (mmu.broken != MMU_NO_WAIT)
			mc_do(MMU_ACT_WAIT);
	}
	op->env.stale = false;
	op->env.lost = false;
}

void op_env_free(struct op *op, u64 va, u64 end, bool gone)
{
	(void)va; (void)end; (void)gone;
	mc_free(op);
}

/* A table is unlinked before its last leaf is cleared; its parent keeps others. */
static enum pt_status mc_unlink_first(struct pt *pt, u64 va, struct pt_mapping *old)
{
	u64 table = pt->root, entry = 0, parent = 0;
	unsigned int level;

	for (level = PT_LEVELS; level; level--) {
		entry = pt_env_load(pt->env, table, pt_index(va, level));
		if (level == 1)
			break;
		parent = table;
		table = entry & 0x1f000;
	}
	pt_env_store(pt->env, parent, 2, pt_index(va, 2), 0);
	entry = pt_env_exchange(pt->env, table, 1, pt_index(va, 1), 0);
	pt_env_set_live(pt->env, table, 0);
	pt_env_defer_table(pt->env, table, 1);
	pt_env_set_live(pt->env, parent, pt_env_live(pt->env, parent) - 1);
	*old = (struct pt_mapping){
		.va = va, .pa = entry & 0x1f000, .level = 1,
		.rights = (entry & 2 ? PT_WRITE : 0) | (entry & 4 ? PT_USER : 0) |
			  (entry >> 63 ? 0 : PT_EXEC),
		.dirty = entry & 0x40,
	};
	return PT_OK;
}

enum pt_status mc_core_pt_unmap(struct pt *pt, u64 va, struct pt_mapping *old)
{
	if (mmu.broken == MMU_INVALIDATE_FIRST) {
		mc_ask(&(struct mmu_action){ .act = MMU_ACT_SEND, .page = mc_page(va),
					     .n = 1, .level = 1 });
		mc_do(MMU_ACT_WAIT);
	}
	return mmu.broken == MMU_UNLINK_FIRST ? mc_unlink_first(pt, va, old) :
						(pt_unmap)(pt, va, old);
}

enum pt_status mc_core_pt_protect(struct pt *pt, u64 va, u32 rights, struct pt_mapping *old,
				  bool *revoked)
{
	enum pt_status status;

	if (mmu.broken != MMU_PROTECT_GAP)
		return (pt_protect)(pt, va, rights, old, revoked);
	status = (pt_unmap)(pt, va, old);
	if (status != PT_OK)
		return status;
	*revoked = old->rights & ~rights;
	return pt_map(pt, va, old->pa, old->level, rights);
}
