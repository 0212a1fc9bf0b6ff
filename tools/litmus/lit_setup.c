// SPDX-License-Identifier: GPL-2.0
/* From a test to the first state of the machine. */
#include "lit_model.h"
#include "mmu_alloc.h"

struct lit_model lit_model;
bool lit_explicit;

unsigned int lit_page_of(const struct lit_test *test, const struct lit_loc *loc)
{
	const struct lit_page *page = &test->page[loc->index];

	return page->place[0] * 4 + page->place[1] * 2 + page->place[2] + loc->page;
}

static unsigned int lit_first_page(const struct lit_test *test, unsigned int page)
{
	return lit_page_of(test, &(struct lit_loc){ LIT_IN_PAGE, page, 0, 0 });
}

static u8 lit_frame_page(int frame)
{
	return frame >= 0 ? lit_model.frame[frame] : 0;
}

/* A call, as the machine takes it.  False: the step is no call. */
static bool lit_op(const struct lit_test *test, const struct lit_step *step,
		   struct mmu_op *op)
{
	_Static_assert(LIT_TABLE == (int)MMU_OP_TABLE, "the last of the calls");

	if (step->kind > LIT_TABLE)
		return false;
	*op = (struct mmu_op){
		.kind = (u8)step->kind, .va = (u8)lit_page_of(test, &step->loc),
		.level = (u8)step->level, .rights = (u8)step->rights,
		.frame = lit_frame_page(step->frame),
	};
	if (step->kind == SPEC_OP_MAP_RANGE)
		op->n = (u8)(mmu_pages(step->span) / mmu_pages(step->level));
	else if (step->span)
		op->n = (u8)mmu_pages(step->span);
	return true;
}

static void lit_collect_calls(const struct lit_test *test)
{
	unsigned int t, i, page;
	struct mmu_op op;

	for (t = 0; t < test->nthreads; t++) {
		struct mmu_op *row = lit_model.config.program[t];
		u8 n = 0;

		for (i = 0; i < test->thread[t].nsteps; i++) {
			if (!lit_op(test, &test->thread[t].step[i], &op))
				continue;
			lit_model.call[t][i] = n;
			row[n++] = op;
		}
		for (page = 0; page < MMU_VPAGES && test->demand; page++) {
			lit_model.demand[t][page] = n;
			row[n++] = (struct mmu_op){ .kind = SPEC_OP_MAP, .va = (u8)page,
						    .level = 1, .rights = MMU_U | MMU_W };
		}
	}
}

/* Pages, one bit each, that a step may access: through a register, any that is named. */
static unsigned int lit_touches(const struct lit_test *test, const struct lit_step *step)
{
	if (!lit_accesses(step) || step->loc.space == LIT_IN_FLAG)
		return 0;
	return step->loc.space == LIT_IN_PAGE ? 1U << lit_page_of(test, &step->loc) :
						lit_model.declared;
}

/* What a thread accesses from each of its steps on; so often that it is all of it. */
static void lit_collect_needs(const struct lit_test *test)
{
	unsigned int t, i, round;

	for (i = 0; i < test->npages; i++)
		lit_model.declared |= ((1U << mmu_pages(test->page[i].span)) - 1) <<
				      lit_first_page(test, i);
	for (t = 0; t < test->nthreads; t++) {
		const struct lit_thread *thread = &test->thread[t];
		u8 *needs = lit_model.needs[t];

		for (round = 0; round <= thread->nsteps; round++) {
			for (i = thread->nsteps; i-- > 0;) {
				const struct lit_step *step = &thread->step[i];

				needs[i] |= needs[i + 1];
				if (step->kind == LIT_UNTIL || step->kind == LIT_GOTO)
					needs[i] |= needs[step->start];
				needs[i] |= lit_touches(test, step);
			}
		}
	}
}

/* Registers, one bit each, that a step reads. */
static unsigned int lit_reads(const struct lit_step *step)
{
	unsigned int reads = step->loc.space == LIT_IN_REG ? 1U << step->loc.index : 0, i;

	for (i = 0; i < 2; i++)
		reads |= step->arg[i].reg ? 1U << step->arg[i].n : 0;
	for (i = 0; i < step->nuntil; i++)
		reads |= step->until[i].reg ? 1U << step->until[i].index : 0;
	return reads;
}

/*
 * Whether steps from @from to @to may count how often they are done: some register comes
 * into a turn as the one before has left it.
 */
static bool lit_counts_turns(const struct lit_thread *t, unsigned int from, unsigned int to)
{
	unsigned int carried = 0, always = 0, written = 0, i;
	bool skips = false;

	for (i = from; i <= to; i++) {
		const struct lit_step *step = &t->step[i];
		unsigned int writes = step->reg >= 0 ? 1U << step->reg : 0;

		carried |= lit_reads(step) & ~always;
		skips |= step->kind == LIT_GOTO && step->start > i && step->start <= to;
		written |= writes;
		always |= skips ? 0 : writes;
	}
	return carried & written;
}

/*
 * Steps that may be done once more without anything being different then: those between
 * a place and a step that goes back there, if they do not count.
 */
static void lit_collect_loops(const struct lit_test *test)
{
	unsigned int t, i;

	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			const struct lit_step *step = &test->thread[t].step[i];

			if ((step->kind == LIT_UNTIL || step->kind == LIT_GOTO) &&
			    step->start < i &&
			    !lit_counts_turns(&test->thread[t], step->start, i))
				memset(&lit_model.looped[t][step->start], true,
				       (i - step->start) * sizeof(bool));
		}
	}
}

static void lit_collect_kinds(const struct lit_test *test)
{
	unsigned int t, i;

	for (i = 0; i < test->npages; i++)
		lit_model.unchecked |= test->page[i].table != (LIT_U | LIT_W);
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			const struct lit_step *step = &test->thread[t].step[i];

			lit_model.moves |= step->kind == LIT_MOVE;
			/* A CPU that is away keeps what it had, and cannot use it. */
			lit_model.unchecked |= step->kind == LIT_MOVE;
			lit_model.everywhere |= step->query == LIT_ACCESSED;
			lit_model.unchecked |= step->kind == LIT_TABLE ||
					       step->kind == LIT_PTE ||
					       step->kind == LIT_PDE ||
					       step->kind == LIT_INVLPG;
		}
	}
}

static void lit_fill(struct lit_user *u, unsigned int frame, unsigned int pages,
		     unsigned int value)
{
	for (; pages--; frame++)
		memset(u->word[frame - MMU_FRAME0], (int)value, LIT_SLOTS);
}

/* Frames by name: allocated for good. */
static bool lit_make_frames(const struct lit_test *test, struct lit_state *s)
{
	unsigned int i, j, pages;
	u16 first;

	memset(lit_model.code, LIT_POISON, sizeof(lit_model.code));
	memset(s->u.word, LIT_POISON, sizeof(s->u.word));
	for (i = 0; i < test->nframes; i++) {
		pages = mmu_pages(test->frame[i].level);
		first = mmu_alloc(&s->m, test->frame[i].level, 1, 0);
		if (!first)
			return false;
		lit_model.frame[i] = (u8)first;
		for (j = 0; j < pages; j++) {
			s->m.frame[first + j - MMU_FRAME0] |= MMU_F_HANDLE;
			lit_model.code[first + j - MMU_FRAME0] = (u8)test->frame[i].value;
		}
		lit_fill(&s->u, first, pages, test->frame[i].value);
	}
	return true;
}

static void lit_collect_setup(const struct lit_test *test)
{
	unsigned int i, n = 0;

	for (i = 0; i < test->npages; i++) {
		const struct lit_page *page = &test->page[i];

		if (page->frame == LIT_UNMAPPED)
			continue;
		lit_model.config.setup[n++] = (struct mmu_op){
			.kind = page->span == page->level ? SPEC_OP_MAP : SPEC_OP_MAP_RANGE,
			.va = (u8)lit_first_page(test, i),
			.level = (u8)page->level, .rights = (u8)page->rights,
			.n = page->span == page->level ? 0 :
			     (u8)(mmu_pages(page->span) / mmu_pages(page->level)),
			.frame = lit_frame_page(page->frame),
		};
	}
}

/* One after the other, each store at once in memory. */
static void lit_do_setup(struct mmu_state *m)
{
	mc_core_setup(true);
	mmu_run_setup(m);
	mc_core_setup(false);
}

static u16 *lit_entry(struct mmu_state *m, unsigned int page, unsigned int level)
{
	unsigned int table = MMU_ROOT, l = 4, index;

	for (;; l--) {
		index = l == 4 ? 0 : page >> (l - 1) & 1;
		if (l == level)
			return &m->entry[table][index];
		table = m->entry[table][index] >> MMU_E_PAGE;
	}
}

/* What is not done by calls: contents of fresh frames, rights of tables, their number. */
static bool lit_finish_setup(const struct lit_test *test, struct lit_state *s)
{
	unsigned int i, j, page, table;
	int tables = 0;
	u16 mapped;

	for (i = 0; i < test->npages; i++) {
		const struct lit_page *p = &test->page[i];

		if (p->frame == LIT_UNMAPPED)
			continue;
		page = lit_first_page(test, i);
		for (j = 0; j < mmu_pages(p->span); j++) {
			mapped = mmu_map_at(s->m.old)->page[page + j];
			if (!mapped)
				return false;
			if (p->frame == LIT_FRESH)
				lit_fill(&s->u, MMU_PAGE_FRAME(mapped), 1, p->value);
		}
		for (j = 0; j < mmu_pages(p->span); j += mmu_pages(p->level))
			*lit_entry(&s->m, page + j, p->level) |=
				(p->accessed ? MMU_E_A : 0) | (p->dirty ? MMU_E_D : 0);
		table = lit_table_rights(test, p);
		if (table != (LIT_U | LIT_W)) {
			u16 *entry = lit_entry(&s->m, page, 2);

			*entry &= ~(MMU_E_RW | MMU_E_US);
			*entry |= (table & LIT_W ? MMU_E_RW : 0) |
				  (table & LIT_U ? MMU_E_US : 0);
		}
	}
	for (i = 0; i < MMU_TABLES && test->tables != LIT_UNLIMITED; i++) {
		if (s->m.table[i] == MMU_T_RESERVE && ++tables > test->tables)
			s->m.table[i] = MMU_T_OTHERS;
	}
	return true;
}

/* Whether a thread locks for something: a call, or the map that a touch makes. */
static bool lit_locks(const struct lit_test *test, unsigned int thread)
{
	unsigned int i;

	for (i = 0; i < test->thread[thread].nsteps; i++) {
		const struct lit_step *step = &test->thread[thread].step[i];

		if (step->kind < LIT_TABLE || (test->demand && lit_touches(test, step)))
			return true;
	}
	return false;
}

/*
 * Whether operations lock spans, so that several are in flight: where several threads have
 * some, and the machine has room for so many.  Where tables are few, one after the other:
 * with several in flight no reserve runs out (mmu_reserve()).
 */
static bool lit_spans(const struct lit_test *test)
{
	unsigned int t, n = 0;

	for (t = 0; t < test->nthreads; t++)
		n += lit_locks(test, t);
	return n > 1 && mmu.cpus <= MMU_FLIGHTS && test->tables == LIT_UNLIMITED;
}

/* Threads, each on the CPU of its number. */
static void lit_make_threads(const struct lit_test *test, struct lit_state *s)
{
	unsigned int t, i;

	for (t = 0; t < LIT_THREADS; t++)
		memset(s->u.run[t].reg, LIT_UNSET, LIT_REGS);
	for (t = 0; t < test->nthreads; t++) {
		memcpy(s->u.run[t].reg, test->thread[t].initial, LIT_REGS);
		s->u.run[t].cpu = (u8)t;
	}
	for (i = 0; i < test->nflags; i++)
		s->u.flag[i] = (u8)test->flag[i].value;
	if (lit_model.moves)
		s->m.away = (u8)(((1U << mmu.cpus) - 1) & ~((1U << test->nthreads) - 1));
}

bool lit_model_begin(const struct lit_test *test, enum mmu_broken broken,
		     struct lit_state *s, char *error, size_t size)
{
	memset(&lit_model, 0, sizeof(lit_model));
	memset(s, 0, sizeof(*s));
	lit_model.test = test;
	lit_collect_kinds(test);
	memset(&mmu, 0, sizeof(mmu));
	mmu.cpus = lit_model.moves && test->nthreads < LIT_MOVERS ? LIT_MOVERS : test->nthreads;
	mmu.spans = lit_spans(test);
	if (broken >= MMU_MAP_UNLOCKED && !mmu.spans) {
		snprintf(error, size, "bound: one operation in flight: no fault of the locks shows");
		return false;
	}
	mmu.unchecked = true;
	mmu_machine_init(&s->m, MMU_TABLES - 2, 0);
	if (!lit_make_frames(test, s)) {
		snprintf(error, size, "bound: the test's frames take more than the model's %u of 4K",
			 MMU_FRAMES);
		return false;
	}
	lit_collect_calls(test);
	lit_collect_needs(test);
	lit_collect_loops(test);
	lit_collect_setup(test);
	mc_core_begin(&lit_model.config);
	lit_do_setup(&s->m);
	if (!lit_finish_setup(test, s)) {
		snprintf(error, size, "%s", mmu_violation[0] ? mmu_violation :
			 "bound: the pages that are mapped at the beginning take more frames than the model has");
		return false;
	}
	lit_make_threads(test, s);
	mmu.broken = broken;
	mmu.explicit = lit_explicit;
	mmu.unchecked = broken || lit_model.unchecked;
	return true;
}
