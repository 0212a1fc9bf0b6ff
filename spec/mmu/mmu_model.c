// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU of each CPU: walks, TLB, paging-structure caches.
 *
 * Two modes show the same hardware.
 *
 * Explicit: a walk in flight is a register; it begins at the root or at a cached
 * entry, for any accessed page, at any time (4.10.2.3, 4.10.3.1: also for accesses
 * that are never executed); each entry read is one step; what is read may be cached
 * or not; cached entries may be dropped at any time; a fault drops those of its
 * address.  One walk is in flight on a CPU at a time.
 *
 * Monotone (the default): every read is cached and nothing is dropped but by
 * INVLPG.  This loses nothing that is checked.  A CPU whose caches hold more can do
 * all that one with less can: walks may begin at the root whatever is cached, the
 * TLB is a set in which old and new translations of a page stand side by side, and
 * no check asks for an entry to be cached.  So each explicit run is matched, step
 * by step, by one with larger caches, and a walk in flight by the cached entry that
 * it read last: both lead to the same next read, and INVLPG ends both.  The program
 * checks this by exploring small configurations in both modes.
 */
#include "mmu_cache.h"
#include "mmu_check.h"

/**
 * struct mmu_read - one read of a walk
 * @cpu: who walks
 * @page: address
 * @level: of the entry
 * @table: of the entry
 * @rights: of the entries before it
 * @write: for a store, which sets D
 * @forward: the CPU's own store buffer is looked at first.  The SDM does not say
 *           whether walks do; both are tried.
 */
struct mmu_read {
	unsigned int cpu;
	unsigned int page;
	unsigned int level;
	unsigned int table;
	unsigned int rights;
	bool write;
	bool forward;
};

static unsigned int mmu_read_index(const struct mmu_read *r)
{
	return r->level == 4 ? 0 : r->page >> (r->level - 1) & 1;
}

static struct mmu_step mmu_read_step(const struct mmu_read *r, unsigned int what,
				     u16 entry, bool cached)
{
	return (struct mmu_step){
		.what = (u8)what, .cpu = (u8)r->cpu, .page = (u8)r->page,
		.level = (u8)r->level, .write = r->write, .cached = cached,
		.a = entry, .b = (u16)r->table,
	};
}

/* The entry that @r reads; false if @r forwards and nothing is there to forward. */
static bool mmu_read_entry(const struct mmu_state *s, const struct mmu_read *r,
			   u16 *entry)
{
	unsigned int where = r->table * 2 + mmu_read_index(r), i;
	const struct mmu_flight *f;

	*entry = s->entry[r->table][mmu_read_index(r)];
	if (!r->forward)
		return true;
	f = mmu_flight_of(s, r->cpu);
	for (i = f->waiting; i-- > 0;) {
		if (f->buffer[i].where == where) {
			*entry = f->buffer[i].entry;
			return true;
		}
	}
	return false;
}

/*
 * The walk ends at an entry that is not present: nothing is cached (4.10.2.3), and
 * if the access was a real one it faults.
 */
static void mmu_read_absent(const struct mmu_state *s, const struct mmu_read *r,
			    u16 entry)
{
	struct mmu_state *t;

	if (!mmu_check_fault(s, r->cpu, r->page)) {
		mmu_branch(s);
		mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, false));
		return;
	}
	if (!mmu.explicit)
		return;
	t = mmu_branch(s);
	t->cpu[r->cpu].walk = 0;
	mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, false));
	/* 4.10.4.1: a page fault invalidates the entries for its address. */
	t = mmu_branch(s);
	mmu_fault(&t->cpu[r->cpu], r->page);
	mmu_commit(mmu_read_step(r, MMU_DID_FAULT, entry, false));
}

/* 4.10.3: an entry that leads to a table may be cached with the rights so far. */
static void mmu_read_table(const struct mmu_state *s, const struct mmu_read *r,
			   u16 entry, const struct mmu_seen *seen)
{
	unsigned int level = r->level - 1, rights = r->rights & seen->rights;
	u16 e = MMU_PSC_ENTRY(mmu_span_base(r->page, level), level, seen->page, rights);
	bool new = !mmu_has(s->cpu[r->cpu].psc, MMU_PSC, e);
	struct mmu_state *t;
	struct mmu_cpu *cpu;

	if (!mmu.explicit && !new)
		return;
	t = mmu_branch(s);
	cpu = &t->cpu[r->cpu];
	mmu_insert(cpu->psc, MMU_PSC, e);
	if (!mmu.explicit) {
		mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, true));
		return;
	}
	cpu->walk = MMU_WALK(r->page, level, seen->page, rights, r->write);
	mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, true));
	if (new) {
		t = mmu_branch(s);
		t->cpu[r->cpu].walk = MMU_WALK(r->page, level, seen->page, rights,
					       r->write);
		mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, false));
	}
}

/*
 * 4.8: the leaf is read, and A set, or A and D for a store, in one atomic access to
 * memory.  D is set by stores only, never by speculation.
 */
static void mmu_set_ad(struct mmu_state *t, const struct mmu_read *r, u16 *entry)
{
	u16 ad = r->write ? MMU_E_A | MMU_E_D : MMU_E_A;

	if ((*entry & ad) == ad)
		return;
	*entry |= ad;
	t->entry[r->table][mmu_read_index(r)] = *entry;
}

static void mmu_note_store(struct mmu_state *t, unsigned int cpu, unsigned int frame)
{
	t->cpu[cpu].stores |= mmu_frame_bit(frame);
	t->frame[frame - MMU_FRAME0] |= MMU_F_WRITTEN;
}

/* Monotone mode: the read of @entry, cached as @e, would leave everything as it is. */
static bool mmu_known(const struct mmu_state *s, const struct mmu_read *r, u16 entry,
		      unsigned int frame, u16 e)
{
	const struct mmu_cpu *c = &s->cpu[r->cpu];

	if (!(entry & MMU_E_A) ||
	    !(mmu_has(c->tlb, MMU_TLB, e) || mmu_has(c->tlb, MMU_TLB, e | MMU_TLB_D)))
		return false;
	return !r->write || ((entry & MMU_E_D) && (c->stores & mmu_frame_bit(frame)) &&
			     (s->frame[frame - MMU_FRAME0] & MMU_F_WRITTEN));
}

/* The leaf is read; @keep: the translation is cached. */
static void mmu_use_leaf(const struct mmu_state *s, const struct mmu_read *r,
			 u16 entry, const struct mmu_seen *seen, bool keep)
{
	unsigned int rights = r->rights & seen->rights;
	unsigned int base = r->page & ~(mmu_pages(r->level) - 1);
	unsigned int frame = seen->page + r->page - base;
	u16 e = MMU_TLB_ENTRY(base, r->level, seen->page, rights, !!(entry & MMU_E_D));
	struct mmu_state *t;
	struct mmu_cpu *cpu;

	if (mmu_check_read(s, r->cpu, r->page, frame, rights) && !mmu.explicit &&
	    !mmu.simple && mmu_known(s, r, entry, frame, e))
		return;
	t = mmu_branch(s);
	cpu = &t->cpu[r->cpu];
	mmu_set_ad(t, r, &entry);
	if (r->write && frame >= MMU_FRAME0)
		mmu_note_store(t, r->cpu, frame);
	cpu->walk = 0;
	if (keep && !mmu.simple)
		mmu_cache_translation(cpu, entry & MMU_E_D ? e | MMU_TLB_D : e);
	if (mmu.simple)
		cpu->stores = 0;
	else if (!mmu.explicit)
		mmu_refill_stores(cpu);
	mmu_commit(mmu_read_step(r, mmu.simple ? MMU_DID_ACCESS : MMU_DID_READ, entry,
				 keep));
}

static void mmu_read_leaf(const struct mmu_state *s, const struct mmu_read *r,
			  u16 entry, const struct mmu_seen *seen)
{
	/*
	 * Setting A is a locked access and drains the store buffer first, so a leaf
	 * that needs it is not taken from there.
	 */
	if (r->forward && !(entry & MMU_E_A))
		return;
	/* 4.6: a store that the walk's rights forbid sets nothing. */
	if (r->write && !(r->rights & seen->rights & MMU_W))
		return;
	if (r->write && r->forward && !(entry & MMU_E_D))
		return;
	mmu_use_leaf(s, r, entry, seen, true);
	if (mmu.explicit)
		mmu_use_leaf(s, r, entry, seen, false);
}

/* One read, and what may come of it. */
static void mmu_do_read(const struct mmu_state *s, const struct mmu_read *r)
{
	const struct mmu_seen *seen;
	u16 entry;

	if (!mmu_read_entry(s, r, &entry))
		return;
	seen = &mmu_seen[r->level][entry];
	/* Only a leaf can tell a store from a load. */
	if (r->write && !mmu.explicit && seen->kind != SPEC_LEAF)
		return;
	if (mmu_check_table(s, r->cpu, r->table) && !seen->reserved) {
		if (seen->kind == SPEC_ABSENT)
			mmu_read_absent(s, r, entry);
		else if (seen->kind == SPEC_TABLE)
			mmu_read_table(s, r, entry, seen);
		else
			mmu_read_leaf(s, r, entry, seen);
		return;
	}
	if (seen->reserved)
		mmu_violate("CPU%u finds a reserved bit set in an entry of level %u",
			    r->cpu, r->level);
	mmu_branch(s);
	mmu_commit(mmu_read_step(r, MMU_DID_READ, entry, false));
}

static void mmu_read_both(const struct mmu_state *s, struct mmu_read *r)
{
	const struct mmu_flight *f = mmu_flight_of(s, r->cpu);

	r->forward = false;
	mmu_do_read(s, r);
	if (f && f->waiting) {
		r->forward = true;
		mmu_do_read(s, r);
	}
}

static void mmu_begin(const struct mmu_state *s, struct mmu_read *r)
{
	struct mmu_state *t;

	if (!mmu.explicit) {
		mmu_read_both(s, r);
		return;
	}
	t = mmu_branch(s);
	t->cpu[r->cpu].walk = MMU_WALK(r->page, r->level, r->table, r->rights, r->write);
	mmu_commit(mmu_read_step(r, MMU_DID_BEGIN, 0, false));
}

/* 4.10.3.1: a walk begins at the root or at any cached entry of its address. */
static void mmu_begin_walks(const struct mmu_state *s, unsigned int cpu,
			    unsigned int page, bool write)
{
	const struct mmu_cpu *c = &s->cpu[cpu];
	struct mmu_read r = { .cpu = cpu, .page = page, .level = 4, .table = MMU_ROOT,
			      .rights = MMU_W | MMU_X | MMU_U, .write = write };
	unsigned int i;

	mmu_begin(s, &r);
	for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
		if (!mmu_psc_covers(c->psc[i], page))
			continue;
		r.level = MMU_PSC_LEVEL(c->psc[i]);
		r.table = MMU_PSC_TABLE(c->psc[i]);
		r.rights = MMU_PSC_RIGHTS(c->psc[i]);
		mmu_begin(s, &r);
	}
}

/* Simple mode: the whole walk and the access are one step, nothing is cached. */
static void mmu_access(const struct mmu_state *s, unsigned int cpu, unsigned int page,
		       bool write)
{
	struct mmu_read r = { .cpu = cpu, .page = page, .level = 4, .table = MMU_ROOT,
			      .rights = MMU_W | MMU_X | MMU_U, .write = write };
	const struct mmu_seen *seen;
	u16 entry;

	for (;; r.level--) {
		entry = s->entry[r.table][mmu_read_index(&r)];
		seen = &mmu_seen[r.level][entry];
		if (seen->kind != SPEC_TABLE || seen->reserved)
			break;
		r.rights &= seen->rights;
		r.table = seen->page;
	}
	mmu_do_read(s, &r);
}

/* Explicit mode: cached entries, and the walk in flight, may go at any time. */
static void mmu_drops(const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_cpu *c = &s->cpu[cpu];
	unsigned int i;

	for (i = 0; i < MMU_TLB && c->tlb[i]; i++) {
		mmu_remove(mmu_branch(s)->cpu[cpu].tlb, MMU_TLB, i);
		mmu_commit((struct mmu_step){ .what = MMU_DID_DROP_TLB, .cpu = (u8)cpu,
					      .a = c->tlb[i] });
	}
	for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
		mmu_remove(mmu_branch(s)->cpu[cpu].psc, MMU_PSC, i);
		mmu_commit((struct mmu_step){ .what = MMU_DID_DROP_PSC, .cpu = (u8)cpu,
					      .a = c->psc[i] });
	}
	if (c->walk) {
		mmu_branch(s)->cpu[cpu].walk = 0;
		mmu_commit((struct mmu_step){ .what = MMU_DID_ABANDON, .cpu = (u8)cpu });
	}
	if (c->stores) {
		mmu_branch(s)->cpu[cpu].stores = 0;
		mmu_commit((struct mmu_step){ .what = MMU_DID_LAND, .cpu = (u8)cpu });
	}
}

/* Explicit mode: a store through a cached translation with D set. */
static void mmu_hits(const struct mmu_state *s, unsigned int cpu)
{
	struct mmu_state *t = mmu_branch(s);

	/* The handler runs with the user's thread interrupted. */
	if (mmu_in_handler(&s->cpu[cpu]))
		return;
	mmu_refill_stores(&t->cpu[cpu]);
	if (t->cpu[cpu].stores != s->cpu[cpu].stores)
		mmu_commit((struct mmu_step){ .what = MMU_DID_ACCESS, .cpu = (u8)cpu,
					      .write = 1 });
}

static void mmu_walks(const struct mmu_state *s, unsigned int cpu)
{
	unsigned int page;

	for (page = 0; page < MMU_VPAGES; page++) {
		if (!(mmu.accessed >> page & 1))
			continue;
		if (mmu.simple)
			mmu_access(s, cpu, page, false);
		else
			mmu_begin_walks(s, cpu, page, false);
		if (!(mmu.written >> page & 1))
			continue;
		if (mmu.simple)
			mmu_access(s, cpu, page, true);
		else
			mmu_begin_walks(s, cpu, page, true);
	}
}

void mmu_hardware_of(const struct mmu_state *s, unsigned int cpu)
{
	u16 walk = s->cpu[cpu].walk;

	if (walk) {
		struct mmu_read r = {
			.cpu = cpu, .page = MMU_WALK_PAGE(walk),
			.level = MMU_WALK_LEVEL(walk), .table = MMU_WALK_TABLE(walk),
			.rights = MMU_WALK_RIGHTS(walk), .write = MMU_WALK_WRITE(walk),
		};

		mmu_read_both(s, &r);
	} else {
		mmu_walks(s, cpu);
	}
	if (mmu.explicit) {
		mmu_drops(s, cpu);
		mmu_hits(s, cpu);
	}
}

void mmu_hardware(const struct mmu_state *s)
{
	unsigned int cpu;

	for (cpu = 0; cpu < mmu.cpus; cpu++)
		mmu_hardware_of(s, cpu);
}
