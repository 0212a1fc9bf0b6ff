// SPDX-License-Identifier: GPL-2.0
/*
 * The callers of the operations: each allocates its frames, has the protocol's text
 * (src/protocol/) do the operation, and returns.
 */
#include "mc.h"
#include "op_by_kind.h"
#include "pt_entry.h"

_Static_assert(PT_WRITE == MMU_W && PT_EXEC == MMU_X && PT_USER == MMU_U, "rights");
_Static_assert((int)PT_EXISTS == MMU_EXISTS && (int)PT_NOENT == MMU_NOENT &&
	       (int)PT_INVALID == MMU_INVALID && (int)PT_NOMEM == MMU_NOMEM &&
	       (int)PT_AGAIN == MMU_AGAIN && (int)PT_WIDER == MMU_WIDER, "status");
_Static_assert(PT_INDEX_BITS == SPEC_INDEX_BITS, "geometry");

static void mc_return(const struct op *op)
{
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_RETURN, .answer = op->env.answer,
				     .entry = op->env.seen });
}

static void mc_alloc(struct op *op, unsigned int n)
{
	const struct mmu_op *call = op->env.op;
	struct mmu_action a = { .act = MMU_ACT_ALLOC, .level = call->level, .n = (u8)n };

	op->env.frame = call->frame ? call->frame : (u8)mc_ask(&a);
	if (op->env.frame)
		return;
	/* The operation never reached the table. */
	op->env.answer.status = PT_NOMEM;
	mc_return(op);
}

static void mc_frame_free(const struct op *op, unsigned int n)
{
	unsigned int pages = n << (op->env.op->level - 1);

	if (op->env.op->frame)
		return;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_FRAME_FREE, .page = op->env.frame,
				     .n = (u8)pages });
}

/* A fault holds the lock of its VMA for reading, until it is over. */
static void mc_touch(const struct op *op, u64 va, unsigned int act)
{
	if (op->env.op->touch && mmu.linux_links)
		mc_ask(&(struct mmu_action){ .act = (u8)act, .page = (u8)(va >> PT_PAGE_SHIFT) });
}

/* Frames that nobody has mapped are the caller's again. */
static void mc_operation(struct op *op, u64 va)
{
	const struct mmu_op *call = op->env.op;
	const bool takes = op_takes_frames((enum spec_op_kind)call->kind);
	const unsigned int n = call->kind == SPEC_OP_MAP_RANGE ? call->n : 1;
	struct op_range range = { .va = va, .end = va + ((u64)call->n << PT_PAGE_SHIFT) };
	u64 pa[MMU_FRAMES];
	unsigned int i;
	int ret;

	mc_touch(op, va, MMU_ACT_TOUCH);
	if (takes)
		mc_alloc(op, n);
	for (i = 0; takes && i < n; i++)
		pa[i] = ((u64)op->env.frame << PT_PAGE_SHIFT) + i * pt_size(call->level);
	ret = op_by_kind(op, (enum spec_op_kind)call->kind, &range, pa, n, call->level);
	if (ret == op_env_broken)
		mmu_violate("no such operation");
	if (takes && ret)
		mc_frame_free(op, n);
	mc_touch(op, va, MMU_ACT_TOUCHED);
}

/* vpt_region_split(), at level 2 as well. */
static void mc_split(struct op *op, u64 va)
{
	int ret;

	op_env_lock(op, 0, MMU_VPAGES << PT_PAGE_SHIFT);
	ret = op_split_locked(op, va);
	op_env_unlock(op, ret);
}

/*
 * Not in the module, which never takes rights away in a table: what rule I2 asks of
 * who does.
 */
static void mc_table(struct op *op, u64 va)
{
	u64 table = op->pt.root, entry = 0, rights = PT_WRITE | PT_USER;
	u64 start = va & ~(2 * pt_size(1) - 1);
	unsigned int level;

	op_env_lock(op, 0, MMU_VPAGES << PT_PAGE_SHIFT);
	for (level = PT_LEVELS; level >= 2; level--) {
		entry = pt_env_load(&op->env, table, pt_index(va, level));
		if (pte_kind(entry, level) != PTE_TABLE)
			break;
		if (level > 2)
			table = pte_addr(entry);
	}
	/* Nothing but a PDE that leads to a page table is meant. */
	if (level < 2) {
		entry = (entry & ~rights) | (op->env.op->rights & rights);
		pt_env_exchange(&op->env, table, 2, pt_index(va, 2), entry);
		op_env_invalidate(op, start, start + 2 * pt_size(1), PT_PAGE_SHIFT);
	}
	op_env_unlock(op, PT_OK);
}

static void mc_run(struct op *op, u64 va)
{
	switch (op->env.op->kind) {
	case MMU_OP_TABLE:
		mc_table(op, va);
		break;
	case SPEC_OP_SPLIT:
		mc_split(op, va);
		break;
	default:
		mc_operation(op, va);
	}
}

void mc_call(const struct mmu_op *call)
{
	struct op op = { .env.op = call };

	if (pt_init(&op.pt, &op.env, MMU_ROOT << PT_PAGE_SHIFT, 0,
		    MMU_VPAGES << PT_PAGE_SHIFT, MMU_PA_BITS) != PT_OK)
		mmu_violate("pt_init() refuses");
	mc_run(&op, (u64)call->va << PT_PAGE_SHIFT);
	mc_return(&op);
}
