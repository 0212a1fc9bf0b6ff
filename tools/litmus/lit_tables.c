// SPDX-License-Identifier: GPL-2.0
/*
 * Rights of page tables.  The model stores them into the PDE.  The module has no such
 * call: the machine gives each page behind the PDE what the walk would come to.  That is
 * the same unless a test can tell the two apart.
 */
#include "lit_lex.h"

/* Number of the page table that @page is mapped by, or -1: it is mapped by no such table. */
static int lit_table_of(const struct lit_page *page)
{
	return page->level == 1 && page->span < 3 ?
	       (int)(page->place[0] * 2 + page->place[1]) : -1;
}

unsigned int lit_table_rights(const struct lit_test *test, const struct lit_page *page)
{
	unsigned int rights = page->table, i;

	for (i = 0; i < test->npages; i++) {
		if (lit_table_of(page) >= 0 &&
		    lit_table_of(&test->page[i]) == lit_table_of(page))
			rights &= test->page[i].table;
	}
	return rights;
}

/* Whether a call makes an entry of page table @table, or changes the rights of one. */
static bool lit_makes_entry(const struct lit_test *test, const struct lit_step *step, int table)
{
	const struct lit_page *page = &test->page[step->loc.index];
	unsigned int first, pages;

	if (step->kind != SPEC_OP_MAP && step->kind != SPEC_OP_MAP_RANGE &&
	    step->kind != SPEC_OP_PROTECT && step->kind != SPEC_OP_PROTECT_RANGE)
		return false;
	first = page->place[0] * 4 + page->place[1] * 2 + page->place[2] + step->loc.page;
	pages = 1U << ((step->span ? step->span : step->level ? step->level : page->level) - 1);
	return first < (unsigned int)table * 2 + 2 && (unsigned int)table * 2 < first + pages;
}

static bool lit_test_makes_entry(const struct lit_test *test, int table)
{
	unsigned int t, i;

	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			if (lit_makes_entry(test, &test->thread[t].step[i], table))
				return true;
		}
	}
	return test->demand;
}

/* Whether all pages behind the PDE have the rights that protecting all of them gives. */
static bool lit_step_is_exact(const struct lit_test *test, const struct lit_step *step)
{
	int table = lit_table_of(&test->page[step->loc.index]);
	unsigned int i;

	for (i = 0; i < test->npages; i++) {
		unsigned int rights = test->page[i].rights;

		if (lit_table_of(&test->page[i]) == table &&
		    (rights & LIT_X || step->rights & ~rights))
			return false;
	}
	return table >= 0 && !lit_test_makes_entry(test, table);
}

void lit_check_tables(struct lit_test *test)
{
	bool exact = true;
	unsigned int t, i;

	for (i = 0; i < test->npages; i++) {
		const struct lit_page *page = &test->page[i];

		if (page->table != (LIT_U | LIT_W))
			exact &= lit_table_of(page) >= 0 &&
				 !lit_test_makes_entry(test, lit_table_of(page));
	}
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			if (test->thread[t].step[i].kind == LIT_TABLE)
				exact &= lit_step_is_exact(test, &test->thread[t].step[i]);
		}
	}
	if (!exact && !test->model_only)
		test->model_only = "the module gives rights to pages, not to the tables above them, and here that differs";
}
