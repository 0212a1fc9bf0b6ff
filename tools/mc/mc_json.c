// SPDX-License-Identifier: GPL-2.0
/* States and steps, for a program. */
#include <stdlib.h>

#include "mc_json.h"

void mc_json_string(FILE *out, const char *text)
{
	size_t n = strlen(text);

	/* A step ends with a newline. */
	while (n && text[n - 1] == '\n')
		n--;
	fputc('"', out);
	for (; n--; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n' || *text == '\t')
			fputs(*text == '\n' ? "\\n" : "\\t", out);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

void mc_json_text(FILE *out, mc_json_print *print, const void *a, const void *b)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);

	if (!memory) {
		perror("open_memstream");
		exit(2);
	}
	print(memory, a, b);
	fclose(memory);
	mc_json_string(out, text);
	free(text);
}

static void mc_json_print_step(FILE *memory, const void *step, const void *s)
{
	mc_print_step(memory, step, s);
}

void mc_json_step(FILE *out, const struct mmu_step *step, const struct mmu_state *s)
{
	mc_json_text(out, mc_json_print_step, step, s);
}

static void mc_json_entry(FILE *out, u16 e)
{
	fprintf(out, "{\"raw\":%u,\"page\":%u,\"p\":%d,\"w\":%d,\"u\":%d,\"a\":%d,\"d\":%d,\"ps\":%d,\"xd\":%d}",
		e, e >> MMU_E_PAGE, !!(e & MMU_E_P), !!(e & MMU_E_RW), !!(e & MMU_E_US),
		!!(e & MMU_E_A), !!(e & MMU_E_D), !!(e & MMU_E_PS), !!(e & MMU_E_XD));
}

/* Where each table hangs: level by number, 0 where it is in no tree. */
static void mc_json_levels(const struct mmu_state *s, unsigned int table,
			   unsigned int level, u8 *at)
{
	unsigned int i;

	at[table] = (u8)level;
	for (i = 0; level > 1 && i < 2; i++) {
		u16 e = s->entry[table][i];
		unsigned int below = e >> MMU_E_PAGE;

		if ((e & MMU_E_P) && !(e & MMU_E_PS) && below < MMU_TABLES && !at[below])
			mc_json_levels(s, below, level - 1, at);
	}
}

static void mc_json_tables(FILE *out, const struct mmu_state *s)
{
	static const char *const state[] = { "reserve", "taken", "deferred", "linux" };
	u8 level[MMU_TABLES] = { 0 };
	const char *comma = "";
	unsigned int i;

	mc_json_levels(s, MMU_ROOT, SPEC_LEVELS, level);
	fputs("\"tables\":[", out);
	for (i = MMU_ROOT; i < MMU_TABLES; i++) {
		if (i != MMU_ROOT && !level[i] && (s->table[i] & MMU_T_STATE) != MMU_T_TAKEN &&
		    (s->table[i] & MMU_T_STATE) != MMU_T_DEFERRED)
			continue;
		fprintf(out, "%s{\"n\":%u,\"level\":%u,\"state\":\"%s\",\"live\":%u,\"entries\":[",
			comma, i, level[i], i == MMU_ROOT ? "root" :
			state[(s->table[i] & MMU_T_STATE) >> 2], s->table[i] & MMU_T_LIVE);
		mc_json_entry(out, s->entry[i][0]);
		fputc(',', out);
		mc_json_entry(out, s->entry[i][1]);
		fputs("]}", out);
		comma = ",";
	}
	fputs("],", out);
}

static void mc_json_frames(FILE *out, const struct mmu_state *s)
{
	static const char *const state[] = { "free", "held", "dead", "?" };
	unsigned int i;

	fputs("\"frames\":[", out);
	for (i = 0; i < MMU_FRAMES; i++)
		fprintf(out, "%s{\"n\":%u,\"state\":\"%s\",\"count\":%u}", i ? "," : "",
			i + MMU_FRAME0, state[(s->frame[i] & MMU_F_STATE) >> MMU_F_COUNTS],
			s->frame[i] & MMU_F_COUNT);
	fputs("],", out);
}

static void mc_json_map(FILE *out, const struct mmu_state *s)
{
	unsigned int i;

	fputs("\"map\":[", out);
	for (i = 0; i < MMU_VPAGES; i++) {
		u16 old = mmu_map_at(s->old)->page[i], new = mmu_map_at(s->new)->page[i];

		fprintf(out, "%s{\"frame\":%u,\"rights\":%u,\"new_frame\":%u,\"new_rights\":%u}",
			i ? "," : "", old ? MMU_PAGE_FRAME(old) : 0,
			old ? MMU_PAGE_RIGHTS(old) : 0, new ? MMU_PAGE_FRAME(new) : 0,
			new ? MMU_PAGE_RIGHTS(new) : 0);
	}
	fputs("],", out);
}

static void mc_json_caches(FILE *out, const struct mmu_cpu *c)
{
	unsigned int i;

	fputs("\"tlb\":[", out);
	for (i = 0; i < MMU_TLB && c->tlb[i]; i++) {
		u16 e = c->tlb[i];

		fprintf(out, "%s{\"page\":%u,\"pages\":%u,\"frame\":%u,\"rights\":%u,\"d\":%d}",
			i ? "," : "", MMU_TLB_BASE(e), mmu_pages(MMU_TLB_LEVEL(e)),
			MMU_TLB_FRAME(e), MMU_TLB_RIGHTS(e), !!(e & MMU_TLB_D));
	}
	fputs("],\"psc\":[", out);
	for (i = 0; i < MMU_PSC && c->psc[i]; i++) {
		u16 e = c->psc[i];

		fprintf(out, "%s{\"level\":%u,\"page\":%u,\"table\":%u,\"rights\":%u}",
			i ? "," : "", MMU_PSC_LEVEL(e), MMU_PSC_BASE(e), MMU_PSC_TABLE(e),
			MMU_PSC_RIGHTS(e));
	}
	fputs("],", out);
}

/* The pages whose locks others hold. */
static unsigned int mc_json_others(const struct mmu_state *s, unsigned int cpu)
{
	unsigned int i, held = 0;

	for (i = 0; i < mmu.cpus; i++) {
		const struct mmu_flight *f = mmu_flight_of(s, i);

		held |= f && i != cpu ? f->held : 0;
	}
	return held;
}

/* What the CPU's thread will do next in its operation, and what keeps it from that. */
static void mc_json_next(FILE *out, const struct mmu_state *s, unsigned int cpu)
{
	static const struct mmu_action none;
	const struct mmu_cpu *c = &s->cpu[cpu];
	const struct mmu_action *next = c->node ? mmu_node_action(c->node) : &none;
	const struct mmu_flight *f = mmu_flight_of(s, cpu);
	struct mmu_step step = {
		.what = MMU_DID_THREAD, .cpu = (u8)cpu, .a = c->node,
	};

	fputs("\"next\":", out);
	if (c->node)
		mc_json_step(out, &step, s);
	else
		fputs("null", out);
	fprintf(out, ",\"waits_lock\":%d,\"waits_acks\":%d,",
		(next->act == MMU_ACT_LOCK || next->act == MMU_ACT_SPAN) &&
		(next->n & mc_json_others(s, cpu)),
		next->act == MMU_ACT_WAIT && f && f->pending);
}

/* The operation that the CPU does: its locks, its stores, whom it waits for. */
static void mc_json_flight(FILE *out, const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_flight *f = mmu_flight_of(s, cpu);
	unsigned int i;

	fprintf(out, "\"held\":%u,\"pending\":%u,\"buffer\":[", f ? f->held : 0,
		f ? f->pending : 0);
	for (i = 0; f && i < f->waiting; i++) {
		fprintf(out, "%s{\"table\":%u,\"index\":%u,\"entry\":", i ? "," : "",
			f->buffer[i].where / 2, f->buffer[i].where & 1);
		mc_json_entry(out, f->buffer[i].entry);
		fputc('}', out);
	}
	fputs("],", out);
}

/* The shootdowns that interrupt the CPU: whose, and how far its handler is. */
static void mc_json_ipis(FILE *out, const struct mmu_state *s, const struct mmu_cpu *c)
{
	const char *comma = "";
	unsigned int i;

	fputs("\"ipis\":[", out);
	for (i = mmu_first_slot(); i < MMU_FLIGHTS; i++) {
		if (!c->ipi[i])
			continue;
		fprintf(out, "%s{\"by\":%d,\"step\":%u}", comma, (int)s->flight[i].by - 1,
			c->ipi[i]);
		comma = ",";
	}
	fputs("],", out);
}

static void mc_json_cpu(FILE *out, const struct mmu_state *s, unsigned int cpu)
{
	const struct mmu_cpu *c = &s->cpu[cpu];

	fputs("{", out);
	mc_json_caches(out, c);
	mc_json_next(out, s, cpu);
	mc_json_flight(out, s, cpu);
	mc_json_ipis(out, s, c);
	if (c->walk)
		fprintf(out, "\"walk\":{\"page\":%u,\"level\":%u,\"table\":%u,\"write\":%u},",
			MMU_WALK_PAGE(c->walk), MMU_WALK_LEVEL(c->walk),
			MMU_WALK_TABLE(c->walk), MMU_WALK_WRITE(c->walk));
	fprintf(out, "\"stores\":%u,\"away\":%d}", c->stores, s->away >> cpu & 1);
}

void mc_json_state(FILE *out, const struct mmu_state *s)
{
	unsigned int i;

	fputs("{", out);
	mc_json_tables(out, s);
	mc_json_frames(out, s);
	mc_json_map(out, s);
	fprintf(out, "\"table_lock\":%u,\"counts_lock\":%d,\"vmas_locked\":%u,\"cpus\":[",
		s->table_lock, (int)s->counts_lock - 1, s->vmas_locked);
	for (i = 0; i < mmu.cpus; i++) {
		fputs(i ? "," : "", out);
		mc_json_cpu(out, s, i);
	}
	fputs("]}", out);
}

void mc_json_begin(FILE *out, const struct mc_config *config, const char *broken,
		   const struct mmu_state *s)
{
	fputs("{\"kind\":\"model\",\"name\":", out);
	mc_json_string(out, config->name);
	fputs(",\"broken\":", out);
	mc_json_string(out, broken);
	fputs(",\"machine\":", out);
	mc_json_state(out, s);
	fputs("}\n", out);
}

void mc_json_move(FILE *out, const struct mmu_step *step, const struct mmu_state *before,
		  const struct mmu_state *after)
{
	fputs("{\"text\":", out);
	mc_json_step(out, step, before);
	fputs(",\"machine\":", out);
	mc_json_state(out, after);
	fputs("}\n", out);
}

void mc_json_end(FILE *out, const char *how)
{
	fputs("{\"end\":", out);
	mc_json_string(out, how);
	fputs("}\n", out);
}
