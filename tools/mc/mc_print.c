// SPDX-License-Identifier: GPL-2.0
/* States and steps, for a person. */
#include "mc.h"

static void mc_print_rights(FILE *out, unsigned int rights)
{
	fprintf(out, "r%c%c%s", rights & MMU_W ? 'w' : '-', rights & MMU_X ? 'x' : '-',
		rights & MMU_U ? "" : " supervisor");
}

static void mc_print_entry(FILE *out, u16 e)
{
	if (!e) {
		fputs("0", out);
		return;
	}
	fprintf(out, "%u:%s%s%s%s%s%s", e >> MMU_E_PAGE, e & MMU_E_P ? "P" : "",
		e & MMU_E_RW ? " RW" : "", e & MMU_E_A ? " A" : "",
		e & MMU_E_D ? " D" : "", e & MMU_E_PS ? " PS" : "",
		e & MMU_E_XD ? " XD" : "");
}

static void mc_print_tlb(FILE *out, u16 e)
{
	fprintf(out, "page %u", MMU_TLB_BASE(e));
	if (MMU_TLB_LEVEL(e) > 1)
		fprintf(out, "+%u", mmu_pages(MMU_TLB_LEVEL(e)) - 1);
	fprintf(out, " -> frame %u ", MMU_TLB_FRAME(e));
	mc_print_rights(out, MMU_TLB_RIGHTS(e));
	fputs(e & MMU_TLB_D ? " D" : "", out);
}

static void mc_print_psc(FILE *out, u16 e)
{
	static const char *const name[] = { "", "PDE", "PDPTE", "PML4E" };

	fprintf(out, "%s of page %u -> table %u", name[MMU_PSC_LEVEL(e)],
		MMU_PSC_BASE(e), MMU_PSC_TABLE(e));
}

static const char *mc_op_name(unsigned int kind)
{
	return kind == MMU_OP_TABLE ? "table" : spec_op_name((enum spec_op_kind)kind);
}

void mc_print_op(FILE *out, const struct mmu_op *op)
{
	if (op->kind == SPEC_OP_NONE) {
		fputs("the sweep", out);
		return;
	}
	fprintf(out, "%s(page %u", op->touch ? "touch" : mc_op_name(op->kind), op->va);
	if (op->n)
		fprintf(out, ", n %u", op->n);
	if (op->level)
		fprintf(out, ", level %u", op->level);
	if (op->rights) {
		fputs(", ", out);
		mc_print_rights(out, op->rights);
	}
	fputs(")", out);
}

void mc_print_held(FILE *out, unsigned int held)
{
	const char *before = "locks of pages ";
	unsigned int page;

	if (held == MMU_ALL_PAGES) {
		fputs("lock of the whole region", out);
		return;
	}
	for (page = 0; page < MMU_VPAGES; page++) {
		unsigned int first = page;

		if (!(held >> page & 1))
			continue;
		while (held >> (page + 1) & 1)
			page++;
		fprintf(out, page > first ? "%s%u-%u" : "%s%u", before, first, page);
		before = ", ";
	}
}

static void mc_print_flight(FILE *out, const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_flight *f = mmu_flight_of(s, cpu);
	unsigned int i;

	if (!f)
		return;
	fputs("            holds the ", out);
	mc_print_held(out, f->held);
	fputs("; store buffer:", out);
	for (i = 0; i < f->waiting; i++) {
		fprintf(out, " %u[%u]=", f->buffer[i].where / 2, f->buffer[i].where & 1);
		mc_print_entry(out, f->buffer[i].entry);
	}
	fputs(f->waiting ? "\n" : " empty\n", out);
}

static void mc_print_cpu(FILE *out, const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_cpu *c = &s->cpu[cpu];
	unsigned int i;

	fprintf(out, "      CPU%u  TLB:", cpu);
	for (i = 0; i < MMU_TLB && c->tlb[i]; i++) {
		fputs(i ? "; " : " ", out);
		mc_print_tlb(out, c->tlb[i]);
	}
	fprintf(out, "%s\n            caches:", i ? "" : " empty");
	for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
		fputs(i ? "; " : " ", out);
		mc_print_psc(out, c->psc[i]);
	}
	fputs(i ? "\n" : " empty\n", out);
	if (c->walk)
		fprintf(out, "            walk in flight: page %u, next level %u in table %u\n",
			MMU_WALK_PAGE(c->walk), MMU_WALK_LEVEL(c->walk),
			MMU_WALK_TABLE(c->walk));
	if (c->stores)
		fprintf(out, "            user stores not yet landed, frames (mask from 8): %#x\n",
			c->stores);
	for (i = mmu_first_slot(); i < MMU_FLIGHTS; i++) {
		if (c->ipi[i])
			fprintf(out, "            IPI of CPU%d's shootdown %s\n",
				(int)s->flight[i].by - 1,
				c->ipi[i] == 1 ? "pending" : "being handled");
	}
	mc_print_flight(out, s, cpu);
}

void mc_print_state(FILE *out, const struct mmu_state *s)
{
	unsigned int i;

	fputs("    tables:", out);
	for (i = MMU_ROOT; i < MMU_TABLES; i++) {
		if (s->table[i] == MMU_T_RESERVE || s->table[i] == MMU_T_OTHERS)
			continue;
		fprintf(out, " %u%s(", i, (s->table[i] & MMU_T_STATE) == MMU_T_DEFERRED ?
			" deferred" : "");
		mc_print_entry(out, s->entry[i][0]);
		fputs(" | ", out);
		mc_print_entry(out, s->entry[i][1]);
		fputs(")", out);
	}
	fputs("\n    map:", out);
	for (i = 0; i < MMU_VPAGES; i++) {
		u16 old = mmu_map_at(s->old)->page[i], new = mmu_map_at(s->new)->page[i];

		if (!old && !new)
			continue;
		fprintf(out, " %u->%u ", i, MMU_PAGE_FRAME(old));
		if (old)
			mc_print_rights(out, MMU_PAGE_RIGHTS(old));
		if (old != new) {
			fprintf(out, " (or %u ", MMU_PAGE_FRAME(new));
			if (new)
				mc_print_rights(out, MMU_PAGE_RIGHTS(new));
			fputs(")", out);
		}
		fputs(",", out);
	}
	fputs("\n", out);
	for (i = 0; i < mmu.cpus; i++)
		mc_print_cpu(out, s, i);
}

static void mc_print_action(FILE *out, const struct mmu_action *a)
{
	static const char *const name[] = {
		"allocates frames", "gives frames back", "takes the ", "loads",
		"stores", "exchanges", "compare-exchanges", "live", "set_live", "reserve",
		"takes a table", "defers table", "get", "put", "sends IPIs: INVLPG",
		"has all acknowledgements", "frees the deferred tables",
		"frees the dead frames", "releases the lock, answers", "returns",
		"takes mmap_lock for writing", "releases mmap_lock",
		"takes page_table_lock", "releases page_table_lock", "takes the ",
		"takes the counts' lock", "releases the counts' lock",
		"takes the lock of its VMA for reading", "releases the lock of its VMA",
		"releases its locks too early", "sees a grace period end",
	};

	fputs(name[a->act], out);
	switch (a->act) {
	case MMU_ACT_SPAN:
		mc_print_held(out, a->n);
		break;
	case MMU_ACT_LOCK:
		mc_print_held(out, a->n);
		fputs(" for ", out);
		mc_print_op(out, &a->op);
		break;
	case MMU_ACT_LOAD:
		fprintf(out, " entry %u of table %u", a->index, a->page);
		break;
	case MMU_ACT_STORE:
	case MMU_ACT_EXCHANGE:
	case MMU_ACT_COMPARE:
		fprintf(out, " entry %u of table %u := ", a->index, a->page);
		mc_print_entry(out, a->entry);
		break;
	case MMU_ACT_SEND:
		fprintf(out, " at page %u, %u times, %u apart%s", a->page, a->n, a->level,
			a->whom == MMU_SEND_SELF ? ", to itself" : "");
		break;
	case MMU_ACT_UNLOCK:
		fprintf(out, " %u", a->answer.status);
		break;
	default:
		break;
	}
}

static void mc_print_read(FILE *out, const struct mmu_step *step)
{
	fprintf(out, "walks for page %u%s: level %u, table %u: ", step->page,
		step->write ? " (store)" : "", step->level, step->b);
	mc_print_entry(out, step->a);
	fputs(step->what == MMU_DID_FAULT ? "; faults" : step->cached ? "; caches it" : "",
	      out);
}

/* The oldest of the store buffer: an entry, or that the lock is let go. */
static void mc_print_drain(FILE *out, const struct mmu_store *store)
{
	if (store->where <= MMU_COUNTS_UNLOCKS) {
		fputs(store->where ? "the counts' lock is free" : "page_table_lock is free", out);
		return;
	}
	fprintf(out, "store reaches memory: entry %u of table %u := ", store->where & 1,
		store->where / 2);
	mc_print_entry(out, store->entry);
}

void mc_print_step(FILE *out, const struct mmu_step *step, const struct mmu_state *s)
{
	fprintf(out, "CPU%u ", step->cpu);
	switch (step->what) {
	case MMU_DID_THREAD:
		if (step->a)
			mc_print_action(out, mmu_node_action(step->a));
		else
			fputs("begins an operation", out);
		break;
	case MMU_DID_LINK:
		fprintf(out, "(any): Linux's fault at page %u links empty table %u at level %u",
			step->page, step->b, step->level);
		break;
	case MMU_DID_DESCEND:
		fprintf(out, "(any): Linux's fault at page %u: level %u, table %u: ",
			step->page, step->level, step->b);
		mc_print_entry(out, step->a);
		break;
	case MMU_DID_LEAVE:
		fprintf(out, "(any): Linux's fault at page %u is over", step->page);
		break;
	case MMU_DID_DRAIN:
		mc_print_drain(out, &s->flight[mmu_slot(step->cpu)].buffer[0]);
		break;
	case MMU_DID_BEGIN:
		fprintf(out, "begins a walk for page %u%s at level %u, table %u",
			step->page, step->write ? " (store)" : "", step->level, step->b);
		break;
	case MMU_DID_DROP_TLB:
		fputs("drops from its TLB: ", out);
		mc_print_tlb(out, step->a);
		break;
	case MMU_DID_DROP_PSC:
		fputs("drops from its caches: ", out);
		mc_print_psc(out, step->a);
		break;
	case MMU_DID_ABANDON:
		fputs("gives up the walk in flight", out);
		break;
	case MMU_DID_HANDLER:
		if (step->page == 0xff)
			fputs("handler: acknowledges", out);
		else
			fprintf(out, "handler: INVLPG page %u", step->page);
		break;
	case MMU_DID_LAND:
		fputs("user stores land", out);
		break;
	default:
		if (step->what == MMU_DID_ACCESS && !step->b)
			fputs("stores through its TLB", out);
		else
			mc_print_read(out, step);
	}
	fputs("\n", out);
}
