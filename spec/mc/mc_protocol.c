// SPDX-License-Identifier: GPL-2.0
/*
 * What the module does around the core, operation by operation.  To be read beside
 * src/kernel/ioctl_page.c, ioctl_range.c, region.c (split) and shootdown.c, which
 * it follows line by line as far as MMU, memory and locks are concerned; the faults
 * of enum mmu_broken stand where somebody might make them.
 */
#include "mc.h"
#include "pt.h"
#include "pt_entry.h"

_Static_assert(PT_WRITE == MMU_W && PT_EXEC == MMU_X && PT_USER == MMU_U, "rights");
_Static_assert((int)PT_EXISTS == MMU_EXISTS && (int)PT_NOENT == MMU_NOENT &&
	       (int)PT_INVALID == MMU_INVALID && (int)PT_NOMEM == MMU_NOMEM &&
	       (int)PT_AGAIN == MMU_AGAIN, "status");
_Static_assert(PT_INDEX_BITS == SPEC_INDEX_BITS, "geometry");

/* One operation under way. */
struct mc_call {
	const struct mmu_op *op;
	struct pt_env env;
	struct pt pt;
	u64 va;
	u8 frame;
	u16 seen;		/* A and D of the leaf that is reported */
	struct mmu_answer answer;
};

static u8 mc_page(u64 address)
{
	return (u8)(address >> PT_PAGE_SHIFT);
}

static void mc_do(unsigned int act)
{
	mc_ask(&(struct mmu_action){ .act = (u8)act });
}

static void mc_lock(struct mc_call *c)
{
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_LOCK, .page = c->frame, .op = *c->op });
}

/* @leaf: what stood there, for protect: the last sight of D. */
static void mc_unlock(struct mc_call *c, enum pt_status status, bool dirty)
{
	c->answer.status = (u8)status;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_UNLOCK, .page = c->frame, .op = *c->op,
				     .answer = c->answer,
				     .entry = dirty ? MMU_E_D : 0 });
}

static void mc_return(struct mc_call *c)
{
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_RETURN, .answer = c->answer,
				     .entry = c->seen });
}

/* mmap_lock for writing, and the VMAs that a table which may be freed can cover. */
static void mc_lock_vmas(u64 start, u64 end)
{
	if (mmu.linux_links)
		mc_ask(&(struct mmu_action){ .act = MMU_ACT_LOCK_VMAS, .page = mc_page(start),
					     .n = mc_page(end - start) });
}

/* vpt_lock_walkers_unmap(): every table on the path of [@start, @end) may be freed. */
static void mc_lock_path_vmas(const struct mc_call *c, u64 start, u64 end)
{
	if (mmu.broken != MMU_ONE_VMA)
		pt_unlink_span(&c->pt, &start, &end);
	mc_lock_vmas(start, end);
}

static void mc_unlock_vmas(void)
{
	if (mmu.linux_links)
		mc_do(MMU_ACT_UNLOCK_VMAS);
}

static void mc_report(struct mc_call *c, const struct pt_mapping *m)
{
	c->answer.va = mc_page(m->va);
	c->answer.leaf = MMU_PAGE(mc_page(m->pa), m->rights, m->level);
	if (mmu.broken == MMU_WRONG_ANSWER)
		c->answer.leaf ^= 1;
	c->seen = (m->accessed ? MMU_E_A : 0) | (m->dirty ? MMU_E_D : 0);
}

static void mc_frame_get(u64 pa, unsigned int level)
{
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_GET, .page = mc_page(pa),
				     .level = (u8)level });
}

static void mc_frame_put(const struct pt_mapping *old)
{
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_PUT, .page = mc_page(old->pa),
				     .level = (u8)old->level,
				     .entry = old->dirty ? MMU_E_D : 0 });
}

/* vpt_shootdown(), first half: the locked increment, and the IPIs. */
static void mc_send(u64 start, u64 end, unsigned int shift)
{
	u8 n = (u8)((end - start) >> shift);

	if (mmu.broken == MMU_NO_SHOOTDOWN || mmu.broken == MMU_INVALIDATE_FIRST)
		return;
	if (mmu.broken == MMU_HALF_RANGE && n > 1)
		n--;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_SEND, .page = mc_page(start), .n = n,
				     .level = (u8)(1 << (shift - PT_PAGE_SHIFT)),
				     .whom = mmu.broken == MMU_SELF_ONLY ?
					     MMU_SEND_SELF : MMU_SEND_ALL });
}

static void mc_wait(void)
{
	if (mmu.broken != MMU_NO_WAIT && mmu.broken != MMU_NO_SHOOTDOWN)
		mc_do(MMU_ACT_WAIT);
}

static void mc_shootdown(u64 start, u64 end, unsigned int shift)
{
	mc_send(start, end, shift);
	mc_wait();
}

static void mc_free(struct mc_call *c)
{
	if (c->env.gathered)
		mc_do(MMU_ACT_FREE_TABLES);
	c->env.gathered = 0;
	mc_do(MMU_ACT_FREE_FRAMES);
}

/* vpt_settle() */
static void mc_settle(struct mc_call *c, u64 start, u64 end, unsigned int shift)
{
	if (mmu.broken == MMU_FREE_FIRST)
		mc_free(c);
	mc_send(start, end, shift);
	if (mmu.broken == MMU_FREE_BEFORE_ACK)
		mc_free(c);
	mc_wait();
	mc_free(c);
}

static void mc_alloc(struct mc_call *c, unsigned int n)
{
	struct mmu_action a = { .act = MMU_ACT_ALLOC, .level = c->op->level, .n = (u8)n };

	c->frame = c->op->frame ? c->op->frame : (u8)mc_ask(&a);
	if (c->frame)
		return;
	/* The operation never reached the table. */
	c->answer.status = PT_NOMEM;
	mc_return(c);
}

static void mc_frame_free(struct mc_call *c, unsigned int n)
{
	unsigned int pages = n << (c->op->level - 1);

	if (c->op->frame)
		return;
	mc_ask(&(struct mmu_action){ .act = MMU_ACT_FRAME_FREE, .page = c->frame,
				     .n = (u8)pages });
}

static void mc_map(struct mc_call *c)
{
	unsigned int level = c->op->level;
	u64 pa;
	enum pt_status status;

	mc_alloc(c, 1);
	pa = (u64)c->frame << PT_PAGE_SHIFT;
	if (level > 1)
		mc_lock_vmas(c->va, c->va + pt_size(level));
	mc_lock(c);
	status = pt_map(&c->pt, c->va, pa, level, c->op->rights);
	if (status == PT_AGAIN) {
		mc_settle(c, c->va, c->va + pt_size(level), pt_shift(level));
		status = pt_map(&c->pt, c->va, pa, level, c->op->rights);
	}
	if (status == PT_OK)
		mc_frame_get(pa, level);
	mc_unlock(c, status, false);
	if (level > 1)
		mc_unlock_vmas();
	if (status != PT_OK)
		mc_frame_free(c, 1);
}

static void mc_map_range(struct mc_call *c)
{
	unsigned int level = c->op->level, n = c->op->n, i;
	enum pt_status status;
	u64 pa[MMU_FRAMES];

	mc_alloc(c, n);
	for (i = 0; i < n; i++)
		pa[i] = ((u64)c->frame << PT_PAGE_SHIFT) + i * pt_size(level);
	if (level > 1)
		mc_lock_vmas(c->va, c->va + n * pt_size(level));
	mc_lock(c);
	for (;;) {
		status = pt_map_range(&c->pt, c->va, pa, n, level, c->op->rights);
		if (status != PT_AGAIN)
			break;
		mc_settle(c, c->va, c->va + n * pt_size(level), pt_shift(level));
	}
	for (i = 0; i < n && status == PT_OK; i++)
		mc_frame_get(pa[i], level);
	mc_unlock(c, status, false);
	if (level > 1)
		mc_unlock_vmas();
	if (status != PT_OK)
		mc_frame_free(c, n);
}

/* A table is unlinked before its last leaf is cleared; its parent keeps others. */
static enum pt_status mc_unlink_first(struct mc_call *c, struct pt_mapping *old)
{
	u64 table = c->pt.root, entry = 0, parent = 0;
	unsigned int level;

	for (level = PT_LEVELS; level; level--) {
		entry = pt_env_load(&c->env, table, pt_index(c->va, level));
		if (level == 1)
			break;
		parent = table;
		table = entry & 0x1f000;
	}
	pt_env_store(&c->env, parent, 2, pt_index(c->va, 2), 0);
	entry = pt_env_exchange(&c->env, table, 1, pt_index(c->va, 1), 0);
	pt_env_set_live(&c->env, table, 0);
	pt_env_gather_table(&c->env, table, 1);
	pt_env_set_live(&c->env, parent, pt_env_live(&c->env, parent) - 1);
	*old = (struct pt_mapping){
		.va = c->va, .pa = entry & 0x1f000, .level = 1,
		.rights = (entry & 2 ? PT_WRITE : 0) | (entry & 4 ? PT_USER : 0) |
			  (entry >> 63 ? 0 : PT_EXEC),
		.dirty = entry & 0x40,
	};
	return PT_OK;
}

static void mc_unmap(struct mc_call *c)
{
	struct pt_mapping old = { .level = 1 };
	enum pt_status status;

	mc_lock_path_vmas(c, c->va, c->va + PT_PAGE_SIZE);
	mc_lock(c);
	if (mmu.broken == MMU_INVALIDATE_FIRST) {
		mc_ask(&(struct mmu_action){ .act = MMU_ACT_SEND, .page = c->op->va,
					     .n = 1, .level = 1 });
		mc_do(MMU_ACT_WAIT);
	}
	if (mmu.broken == MMU_UNLINK_FIRST)
		status = mc_unlink_first(c, &old);
	else
		status = pt_unmap(&c->pt, c->va, &old);
	if (status == PT_OK) {
		mc_report(c, &old);
		mc_frame_put(&old);
	}
	if (status == PT_OK || c->env.gathered)
		mc_settle(c, c->va, c->va + pt_size(old.level), pt_shift(old.level));
	mc_unlock(c, status, false);
	mc_unlock_vmas();
}

/* vpt_rights_stale() */
static bool mc_stale(u32 before, u32 after, bool tighter)
{
	if (mmu.broken == MMU_EXEC_LAZY)
		return tighter;
	return tighter || (after & ~before & PT_EXEC);
}

static enum pt_status mc_protect_gap(struct mc_call *c, struct pt_mapping *old,
				     bool *tighter)
{
	enum pt_status status = pt_unmap(&c->pt, c->va, old);

	if (status != PT_OK)
		return status;
	*tighter = old->rights & ~c->op->rights;
	return pt_map(&c->pt, c->va, old->pa, old->level, c->op->rights);
}

static void mc_protect(struct mc_call *c)
{
	struct pt_mapping old = { 0 };
	enum pt_status status;
	bool tighter = false;

	mc_lock(c);
	if (mmu.broken == MMU_PROTECT_GAP)
		status = mc_protect_gap(c, &old, &tighter);
	else
		status = pt_protect(&c->pt, c->va, c->op->rights, &old, &tighter);
	if (status == PT_OK) {
		mc_report(c, &old);
		c->answer.tighter = tighter;
		if (mc_stale(old.rights, c->op->rights, tighter))
			mc_shootdown(old.va, old.va + pt_size(old.level),
				     pt_shift(old.level));
	}
	mc_unlock(c, status, old.dirty);
}

static enum pt_status mc_remap_locked(struct mc_call *c)
{
	u64 pa = (u64)c->frame << PT_PAGE_SHIFT;
	struct pt_mapping old;
	enum pt_status status = pt_resolve(&c->pt, c->va, &old);

	if (status != PT_OK)
		return status;
	if (old.va != c->va)
		return PT_NOENT;
	if (old.level != c->op->level)
		return PT_AGAIN;
	status = pt_remap(&c->pt, c->va, pa, &old);
	if (status != PT_OK)
		return status;
	mc_frame_get(pa, old.level);
	mc_report(c, &old);
	mc_frame_put(&old);
	mc_settle(c, old.va, old.va + pt_size(old.level), pt_shift(old.level));
	return PT_OK;
}

static void mc_remap(struct mc_call *c)
{
	enum pt_status status;

	mc_alloc(c, 1);
	mc_lock(c);
	status = mc_remap_locked(c);
	mc_unlock(c, status, false);
	if (status != PT_OK)
		mc_frame_free(c, 1);
}

static void mc_resolve(struct mc_call *c)
{
	struct pt_mapping m;
	enum pt_status status;

	mc_lock(c);
	status = pt_resolve(&c->pt, c->va, &m);
	if (status == PT_OK)
		mc_report(c, &m);
	mc_unlock(c, status, false);
}

static void mc_touched(struct mc_call *c, const struct pt_touched *done)
{
	c->answer.leaves = (u8)done->leaves;
	c->answer.pages = mc_page(done->bytes);
	c->answer.tighter = done->tighter;
}

static void mc_unmap_range(struct mc_call *c)
{
	u64 end = c->va + ((u64)c->op->n << PT_PAGE_SHIFT);
	struct pt_touched done;
	enum pt_status status;

	mc_lock_path_vmas(c, c->va, end);
	mc_lock(c);
	status = pt_unmap_range(&c->pt, c->va, end, &done);
	if (done.leaves || c->env.gathered)
		mc_settle(c, c->va, end, PT_PAGE_SHIFT);
	mc_touched(c, &done);
	mc_unlock(c, status, false);
	mc_unlock_vmas();
}

static void mc_protect_range(struct mc_call *c)
{
	u64 end = c->va + ((u64)c->op->n << PT_PAGE_SHIFT);
	struct pt_touched done;
	enum pt_status status;

	mc_lock(c);
	status = pt_protect_range(&c->pt, c->va, end, c->op->rights, &done);
	if (status == PT_OK && done.leaves && mc_stale(0, c->op->rights, done.tighter))
		mc_shootdown(c->va, end, PT_PAGE_SHIFT);
	mc_touched(c, &done);
	mc_unlock(c, status, false);
}

/* vpt_region_split(), at level 2 as well. */
static void mc_split(struct mc_call *c)
{
	struct pt_mapping m;
	enum pt_status status;

	mc_lock(c);
	/* Keeps a fault from linking a table while the entry is empty. */
	mc_table_lock(MMU_ACT_TABLE_LOCK);
	status = pt_split_break(&c->pt, c->va, &m);
	if (status == PT_OK) {
		mc_report(c, &m);
		mc_shootdown(c->va, c->va + pt_size(m.level), pt_shift(m.level));
		pt_split_make(&c->pt, &m);
	}
	mc_table_lock(MMU_ACT_TABLE_UNLOCK);
	mc_unlock(c, status, false);
}

/*
 * Not in the module, which never takes rights away in a table: what rule I2 asks of
 * who does.
 */
static void mc_table(struct mc_call *c)
{
	u64 table = c->pt.root, entry = 0, rights = PT_WRITE | PT_USER;
	u64 start = c->va & ~(2 * pt_size(1) - 1);
	unsigned int level;

	mc_lock(c);
	for (level = PT_LEVELS; level >= 2; level--) {
		entry = pt_env_load(&c->env, table, pt_index(c->va, level));
		if (pte_kind(entry, level) != PTE_TABLE)
			break;
		if (level > 2)
			table = pte_addr(entry);
	}
	/* Nothing but a PDE that leads to a page table is meant. */
	if (level >= 2) {
		mc_unlock(c, PT_OK, false);
		return;
	}
	entry = (entry & ~rights) | (c->op->rights & rights);
	pt_env_exchange(&c->env, table, 2, pt_index(c->va, 2), entry);
	mc_shootdown(start, start + 2 * pt_size(1), PT_PAGE_SHIFT);
	mc_unlock(c, PT_OK, false);
}

void mc_protocol(const struct mmu_op *op)
{
	struct mc_call c = { .op = op, .va = (u64)op->va << PT_PAGE_SHIFT };

	if (pt_init(&c.pt, &c.env, MMU_ROOT << PT_PAGE_SHIFT, 0,
		    MMU_VPAGES << PT_PAGE_SHIFT, MMU_PA_BITS) != PT_OK)
		mmu_violate("pt_init() refuses");
	switch (op->kind) {
	case MMU_OP_MAP:
		mc_map(&c);
		break;
	case MMU_OP_UNMAP:
		mc_unmap(&c);
		break;
	case MMU_OP_PROTECT:
		mc_protect(&c);
		break;
	case MMU_OP_REMAP:
		mc_remap(&c);
		break;
	case MMU_OP_RESOLVE:
		mc_resolve(&c);
		break;
	case MMU_OP_MAP_RANGE:
		mc_map_range(&c);
		break;
	case MMU_OP_UNMAP_RANGE:
		mc_unmap_range(&c);
		break;
	case MMU_OP_PROTECT_RANGE:
		mc_protect_range(&c);
		break;
	case MMU_OP_TABLE:
		mc_table(&c);
		break;
	default:
		mc_split(&c);
	}
	mc_return(&c);
}
