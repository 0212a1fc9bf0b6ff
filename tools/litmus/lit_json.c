// SPDX-License-Identifier: GPL-2.0
/* A way through the model, for a program. */
#include "lit_json.h"
#include "mc_json.h"

static void lit_json_print_move(FILE *memory, const void *step, const void *s)
{
	lit_print_move(memory, step, s);
}

static void lit_json_print_step(FILE *memory, const void *thread, const void *step)
{
	lit_print_step(memory, lit_model.test, *(const unsigned int *)thread, step);
}

static void lit_json_threads(FILE *out, const struct lit_test *test)
{
	unsigned int t, i;

	fputs("\"threads\":[", out);
	for (t = 0; t < test->nthreads; t++) {
		fputs(t ? ",{\"steps\":[" : "{\"steps\":[", out);
		for (i = 0; i < test->thread[t].nsteps; i++) {
			fputs(i ? "," : "", out);
			mc_json_text(out, lit_json_print_step, &t, &test->thread[t].step[i]);
		}
		fputs("],\"regs\":[", out);
		for (i = 0; i < test->thread[t].nregs; i++) {
			fputs(i ? "," : "", out);
			mc_json_string(out, test->thread[t].reg[i]);
		}
		fputs("]}", out);
	}
	fputs("],", out);
}

static void lit_json_names(FILE *out, const struct lit_test *test)
{
	unsigned int i;

	fputs("\"pages\":[", out);
	for (i = 0; i < test->npages; i++) {
		struct lit_loc loc = { LIT_IN_PAGE, i, 0, 0 };

		fprintf(out, "%s{\"name\":\"%s\",\"page\":%u,\"size\":\"%s\"}", i ? "," : "",
			test->page[i].name, lit_page_of(test, &loc),
			lit_size_name(test->page[i].span));
	}
	fputs("],\"frames\":[", out);
	for (i = 0; i < test->nframes; i++)
		fprintf(out, "%s{\"name\":\"%s\",\"frame\":%u}", i ? "," : "",
			test->frame[i].name, lit_model.frame[i]);
	fputs("],\"flags_named\":[", out);
	for (i = 0; i < test->nflags; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", test->flag[i].name);
	fputs("],\"conds\":[", out);
	for (i = 0; i < test->nconds; i++) {
		static const char *const sort[] = { "forbidden", "allowed", "interesting" };

		fprintf(out, "%s{\"sort\":\"%s\",\"text\":", i ? "," : "",
			sort[test->cond[i].sort]);
		mc_json_string(out, test->cond[i].text);
		fputc('}', out);
	}
	fputs("],", out);
}

static const char *lit_json_where(unsigned int where)
{
	static char text[64];

	where &= ~LIT_MANY;
	if (where < 64)
		snprintf(text, sizeof(text), "frame %u, word %u", where / LIT_SLOTS + MMU_FRAME0,
			 where % LIT_SLOTS);
	else if (where < 128)
		snprintf(text, sizeof(text), "%s", lit_model.test->flag[where - 64].name);
	else
		snprintf(text, sizeof(text), "entry %u of table %u", where & 1,
			 (where - 128) / 2);
	return text;
}

static void lit_json_runner(FILE *out, const struct lit_state *s, unsigned int t)
{
	static const char *const phase[] = {
		"runs", "faulted", "calls", "demands", "walks", "arrives",
	};
	const struct lit_thread *thread = &lit_model.test->thread[t];
	const struct lit_runner *run = &s->u.run[t];
	unsigned int i;

	fprintf(out, "{\"pc\":%u,\"cpu\":%u,\"phase\":\"%s\",\"waits_flag\":%d,\"waits_drain\":%d,\"regs\":[",
		run->pc, run->cpu, run->pc == thread->nsteps ? "ended" : phase[run->phase],
		run->phase == LIT_RUNS && run->pc < thread->nsteps &&
		thread->step[run->pc].kind == LIT_WAIT &&
		lit_read_flag(s, t, thread->step[run->pc].loc.index) !=
		thread->step[run->pc].value,
		run->phase == LIT_RUNS && run->pc < thread->nsteps && run->waiting &&
		(thread->step[run->pc].kind <= LIT_TABLE ||
		 thread->step[run->pc].kind >= LIT_CHECK ||
		 thread->step[run->pc].kind == LIT_FENCE));
	for (i = 0; i < thread->nregs; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", run->reg[i] == LIT_UNSET ? "" :
			lit_value_name(lit_model.test, run->reg[i]));
	fputs("],\"buffer\":[", out);
	for (i = 0; i < run->waiting; i++)
		fprintf(out, "%s{\"where\":\"%s\",\"value\":%u}", i ? "," : "",
			lit_json_where(run->buffer[i].where), run->buffer[i].value);
	fputs("]}", out);
}

static void lit_json_state(FILE *out, const struct lit_state *s)
{
	const struct lit_test *test = lit_model.test;
	unsigned int i, k;

	fputs("\"machine\":", out);
	mc_json_state(out, &s->m);
	fputs(",\"runs\":[", out);
	for (i = 0; i < test->nthreads; i++) {
		fputs(i ? "," : "", out);
		lit_json_runner(out, s, i);
	}
	fputs("],\"flags\":[", out);
	for (i = 0; i < test->nflags; i++)
		fprintf(out, "%s%u", i ? "," : "", s->u.flag[i]);
	fputs("],\"words\":[", out);
	for (i = 0; i < MMU_FRAMES; i++) {
		fputs(i ? ",[" : "[", out);
		for (k = 0; k < LIT_SLOTS; k++)
			fprintf(out, "%s\"%s\"", k ? "," : "",
				s->u.word[i][k] == LIT_POISON ? "?" :
				lit_value_name(lit_model.test, s->u.word[i][k]));
		fputs("]", out);
	}
	fputs("]", out);
}

void lit_json_begin(FILE *out, enum mmu_broken broken, const struct lit_state *s)
{
	const struct lit_test *test = lit_model.test;

	fputs("{\"kind\":\"litmus\",\"name\":", out);
	mc_json_string(out, test->name);
	fputs(",\"doc\":", out);
	mc_json_string(out, test->doc);
	fputs(",\"rule\":", out);
	mc_json_string(out, test->rule);
	fputs(",\"broken\":", out);
	mc_json_string(out, broken == MMU_CORRECT ? "" : lit_broken_text(broken));
	fputc(',', out);
	lit_json_names(out, test);
	lit_json_threads(out, test);
	lit_json_state(out, s);
	fputs("}\n", out);
}

void lit_json_move(FILE *out, const struct mmu_step *step, const struct lit_state *before,
		   const struct lit_state *after)
{
	fputs("{\"text\":", out);
	mc_json_text(out, lit_json_print_move, step, before);
	fputc(',', out);
	lit_json_state(out, after);
	fputs("}\n", out);
}

void lit_json_end(FILE *out, const char *how)
{
	mc_json_end(out, how);
}
