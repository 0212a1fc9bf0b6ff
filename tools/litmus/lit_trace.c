// SPDX-License-Identifier: GPL-2.0
/* A way through the model, for a person. */
#include "lit_model.h"

static void lit_print_names(FILE *out)
{
	const struct lit_test *test = lit_model.test;
	unsigned int i;

	for (i = 0; i < test->npages; i++) {
		struct lit_loc loc = { LIT_IN_PAGE, i, 0, 0 };

		fprintf(out, "%s%s is page %u", i ? ", " : "     ", test->page[i].name,
			lit_page_of(test, &loc));
	}
	for (i = 0; i < test->nframes; i++)
		fprintf(out, ", %s is frame %u", test->frame[i].name, lit_model.frame[i]);
	fputs("; P0 begins on CPU0, and so on\n", out);
}

void lit_print_legend(FILE *out, const struct lit_state *s)
{
	lit_print_names(out);
	mc_print_state(out, &s->m);
}

static void lit_print_thread_step(FILE *out, const struct mmu_step *step)
{
	const struct lit_test *test = lit_model.test;
	const struct lit_step *what = &test->thread[step->cpu].step[step->a];

	lit_print_step(out, test, step->cpu, what);
	if (what->kind == LIT_LOOP || what->kind == LIT_UNTIL || what->kind == LIT_FENCE ||
	    what->kind == LIT_WAIT || what->kind == LIT_INVLPG || what->kind == LIT_PTE ||
	    what->kind == LIT_PDE)
		return;
	if (step->b == LIT_POISON)
		fputs(": whatever is in a page that was freed", out);
	else
		fprintf(out, ": %s", lit_value_name(test, step->b));
}

static void lit_print_drain(FILE *out, const struct mmu_step *step)
{
	if (step->a < 64)
		fprintf(out, "its store reaches frame %u, word %u := %u",
			step->a / LIT_SLOTS + MMU_FRAME0, step->a % LIT_SLOTS, step->b);
	else if (step->a < 128)
		fprintf(out, "its store reaches %s := %u",
			lit_model.test->flag[step->a - 64].name, step->b);
	else
		fprintf(out, "its store reaches entry %u of table %u", step->a & 1,
			(step->a - 128) / 2);
}

void lit_print_move(FILE *out, const struct mmu_step *step, const struct lit_state *s)
{
	const struct lit_test *test = lit_model.test;
	struct mmu_step machine = *step;

	if (step->what < LIT_DID_STEP) {
		mc_print_step(out, step, &s->m);
		return;
	}
	if (step->what == LIT_DID_CALL) {
		machine.what = MMU_DID_THREAD;
		machine.a = step->b;
		machine.cpu = s->u.run[step->cpu].cpu;
		mc_print_step(out, &machine, &s->m);
		return;
	}
	fprintf(out, step->what == LIT_DID_MISSED ? "CPU%u " : "P%u: ", step->cpu);
	switch (step->what) {
	case LIT_DID_STEP:
		lit_print_thread_step(out, step);
		break;
	case LIT_DID_DRAIN:
		lit_print_drain(out, step);
		break;
	case LIT_DID_FAULT:
		lit_print_step(out, test, step->cpu, &test->thread[step->cpu].step[step->a]);
		fprintf(out, " faults: page %u is %s; what was cached for it is dropped",
			step->page, step->b ? "present and forbids it" : "not present");
		break;
	case LIT_DID_LOOK:
		fputs("the kernel finds that it is allowed by now: again", out);
		break;
	case LIT_DID_BEGIN:
		fputs("begins ", out);
		lit_print_step(out, test, step->cpu, &test->thread[step->cpu].step[step->a]);
		break;
	case LIT_DID_WALK:
		fprintf(out, "in software, without interrupts: level %u, table %u", step->level,
			step->b);
		break;
	case LIT_DID_LEAVE:
		lit_print_step(out, test, step->cpu, &test->thread[step->cpu].step[step->a]);
		break;
	case LIT_DID_ARRIVE:
		fputs(step->b ? "is there; its TLB is behind and flushed" :
				"is there; its TLB counts as up to date", out);
		break;
	default:
		fputs("acknowledges the IPI; it runs another address space", out);
	}
	fputs("\n", out);
}
