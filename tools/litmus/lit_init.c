// SPDX-License-Identifier: GPL-2.0
/* What a test declares: frames, flags, pages, and how later parts name them. */
#include <ctype.h>
#include <string.h>

#include "lit_herd.h"

int lit_find_frame(const struct lit_test *test, const char *name)
{
	unsigned int i;

	for (i = 0; i < test->nframes; i++) {
		if (!strcmp(test->frame[i].name, name))
			return (int)i;
	}
	return -1;
}

int lit_find_page(const struct lit_test *test, const char *name)
{
	unsigned int i;

	for (i = 0; i < test->npages; i++) {
		if (!strcmp(test->page[i].name, name))
			return (int)i;
	}
	return -1;
}

int lit_find_flag(const struct lit_test *test, const char *name)
{
	unsigned int i;

	for (i = 0; i < test->nflags; i++) {
		if (!strcmp(test->flag[i].name, name))
			return (int)i;
	}
	return -1;
}

const char *lit_size_name(unsigned int level)
{
	static const char *const name[] = { "?", "4K", "2M", "1G" };

	return name[level <= 3 ? level : 0];
}

unsigned int lit_take_size(struct lit_parser *p)
{
	unsigned int level;

	for (level = 1; level <= 3; level++) {
		if (lit_accept(p, lit_size_name(level)))
			return level;
	}
	lit_fail(p, "expected a page size (4K, 2M or 1G), found '%s'", lit_found(p));
	return 1;
}

unsigned int lit_take_rights(struct lit_parser *p)
{
	static const struct { const char *name; unsigned int rights; } known[] = {
		{ "ro", LIT_U }, { "rw", LIT_U | LIT_W }, { "rx", LIT_U | LIT_X },
		{ "rwx", LIT_U | LIT_W | LIT_X },
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (lit_accept(p, known[i].name))
			return known[i].rights;
	}
	lit_fail(p, "expected rights (ro, rw, rx or rwx), found '%s'", lit_found(p));
	return LIT_U;
}

/* Rights of a PDE.  Whether code may run is said by the pages behind it. */
unsigned int lit_take_table_rights(struct lit_parser *p)
{
	if (!lit_is(p, "ro") && !lit_is(p, "rw"))
		lit_fail(p, "expected rights of a table (ro or rw), found '%s'", lit_found(p));
	return lit_take_rights(p);
}

/* A frame's name, or "fresh".  It must be of size @level. */
int lit_take_frame(struct lit_parser *p, unsigned int level)
{
	int frame;

	if (lit_accept(p, "fresh"))
		return LIT_FRESH;
	frame = lit_find_frame(p->test, p->token.text);
	if (p->token.kind != LIT_T_WORD || frame < 0) {
		lit_fail(p, "'%s' is no frame; declare it: frame %s = 1", p->token.text,
			 p->token.text);
		return LIT_FRESH;
	}
	if (p->test->frame[frame].level != level) {
		lit_fail(p, "frame %s has %s and is to be mapped as %s", p->token.text,
			 lit_size_name(p->test->frame[frame].level), lit_size_name(level));
		return LIT_FRESH;
	}
	lit_next(p);
	return frame;
}

/* NAME, NAME+PAGE, NAME[SLOT], NAME+PAGE[SLOT] */
struct lit_loc lit_take_loc(struct lit_parser *p, bool frames)
{
	struct lit_loc loc = { LIT_IN_FLAG, 0, 0, 0 };
	const char *name = p->token.text;
	int flag = lit_find_flag(p->test, name), page = lit_find_page(p->test, name);
	int frame = frames ? lit_find_frame(p->test, name) : -1;
	unsigned int level = 1;

	if (p->token.kind != LIT_T_WORD) {
		lit_fail(p, "expected the name of a flag or an address");
		return loc;
	}
	if (flag >= 0) {
		loc.index = (unsigned int)flag;
	} else if (page >= 0) {
		loc.space = LIT_IN_PAGE;
		loc.index = (unsigned int)page;
		level = p->test->page[page].span;
	} else if (frame >= 0) {
		loc.space = LIT_IN_FRAME;
		loc.index = (unsigned int)frame;
		level = p->test->frame[frame].level;
	} else if (p->test->herd) {
		loc.index = lit_herd_location(p, &p->token);
	} else {
		lit_fail(p, "'%s' is not declared", name);
		return loc;
	}
	lit_next(p);
	if (loc.space != LIT_IN_FLAG && lit_is(p, "+")) {
		if (level == 1)
			lit_fail(p, "a page of 4K has no pages beyond the first");
		lit_next(p);
		loc.page = lit_take_number(p, 1U << (level - 1), "the page beyond the first");
	}
	if (loc.space != LIT_IN_FLAG && lit_accept(p, "[")) {
		loc.slot = lit_take_number(p, LIT_SLOTS, "the word");
		lit_expect(p, "]");
	}
	return loc;
}

static void lit_new_name(struct lit_parser *p, char *to)
{
	const char *name = p->token.text;

	if (lit_find_flag(p->test, name) >= 0 || lit_find_page(p->test, name) >= 0 ||
	    lit_find_frame(p->test, name) >= 0)
		lit_fail(p, "'%s' is declared twice", name);
	else if (!strcmp(name, "F") || !strcmp(name, "fresh") || !strcmp(name, "none") ||
		 (name[0] == 'r' && isdigit((unsigned char)name[1])))
		lit_fail(p, "'%s' means something else", name);
	lit_take_word(p, to, LIT_NAME, "a name");
}

static unsigned int lit_initial(struct lit_parser *p)
{
	if (!lit_accept(p, "="))
		return 0;
	return lit_accept(p, "&") ? lit_take_address(p) :
				    lit_take_number(p, LIT_NUMBERS, "a value");
}

/* frame NAME [SIZE] [= VALUE] */
static void lit_parse_frame(struct lit_parser *p)
{
	struct lit_frame *frame = &p->test->frame[p->test->nframes];

	if (p->test->nframes == LIT_FRAMES) {
		lit_fail(p, "more than %u frames", LIT_FRAMES);
		return;
	}
	lit_new_name(p, frame->name);
	frame->level = p->token.kind == LIT_T_WORD ? lit_take_size(p) : 1;
	frame->value = lit_initial(p);
	p->test->nframes++;
}

/* flag NAME [= VALUE] */
static void lit_parse_flag(struct lit_parser *p)
{
	struct lit_flag *flag = &p->test->flag[p->test->nflags];

	if (p->test->nflags == LIT_FLAGS) {
		lit_fail(p, "more than %u flags", LIT_FLAGS);
		return;
	}
	lit_new_name(p, flag->name);
	flag->value = lit_initial(p);
	p->test->nflags++;
}

static unsigned int lit_page_number(const struct lit_page *page)
{
	return page->place[0] * 4 + page->place[1] * 2 + page->place[2];
}

/* Pages of the model that @page takes, together with the rest of its page table. */
static unsigned int lit_page_room(const struct lit_page *page)
{
	return page->span > 1 ? 1U << (page->span - 1) : 2;
}

/* Where an address lies that the test does not place: none shares a table. */
static void lit_default_place(struct lit_parser *p, struct lit_page *page)
{
	unsigned int room = lit_page_room(page), at, j;

	for (at = 0; at < 8; at += room) {
		for (j = 0; j < p->test->npages; j++) {
			const struct lit_page *other = &p->test->page[j];
			unsigned int start = lit_page_number(other) & ~1U;

			if (at < start + lit_page_room(other) && start < at + room)
				break;
		}
		if (j == p->test->npages)
			break;
	}
	page->place[0] = at >> 2 & 1;
	page->place[1] = at >> 1 & 1;
	page->place[2] = 0;
	if (at >= 8)
		lit_fail(p, "no table is left for this address; say where it lies: at 0.0.1");
}

/* Two mappings cannot be in one place. */
static void lit_check_overlap(struct lit_parser *p, const struct lit_page *page,
			      const struct lit_token *name)
{
	unsigned int start = lit_page_number(page), j;

	for (j = 0; j < p->test->npages; j++) {
		const struct lit_page *other = &p->test->page[j];
		unsigned int there = lit_page_number(other);

		if (page->frame != LIT_UNMAPPED && other->frame != LIT_UNMAPPED &&
		    start < there + (1U << (other->span - 1)) &&
		    there < start + (1U << (page->span - 1)))
			lit_fail_at(p, name->line, name->column, "%s and %s overlap",
				    other->name, page->name);
	}
}

/* at I.J.K: index in the PDPT, PD, PT */
static void lit_parse_place(struct lit_parser *p, struct lit_page *page)
{
	const char *t = p->token.text;
	unsigned int i;

	if (p->token.kind != LIT_T_WORD || strlen(t) != 5 || t[1] != '.' || t[3] != '.' ||
	    strspn(t, "01.") != 5) {
		lit_fail(p, "expected a place: three indices of 0 or 1, as 0.1.0");
		return;
	}
	for (i = 0; i < 3; i++) {
		page->place[i] = (unsigned int)(t[2 * i] - '0');
		if (page->place[i] && i + 1 > 4 - page->span) {
			lit_fail(p, "not aligned for a page of %s",
				 lit_size_name(page->span));
			return;
		}
	}
	lit_next(p);
}

/* [accessed | dirty]: A, or A and D, at the beginning */
static void lit_parse_used(struct lit_parser *p, struct lit_page *page)
{
	/* On the machine the value is stored through the page itself. */
	page->accessed = page->value;
	page->dirty = page->value && page->rights & LIT_W;
	if (lit_is(p, "dirty") && !(page->rights & LIT_W))
		lit_fail(p, "only a page that can be written is dirty");
	if (lit_accept(p, "dirty"))
		page->accessed = page->dirty = true;
	else
		page->accessed |= lit_accept(p, "accessed");
}

/* page NAME SIZE[/SIZE] [-> FRAME [RIGHTS] [= VALUE] [USED]] [at PLACE] [under RIGHTS] */
static void lit_parse_page(struct lit_parser *p)
{
	struct lit_page *page = &p->test->page[p->test->npages];
	struct lit_token name;

	if (p->test->npages == LIT_PAGES) {
		lit_fail(p, "more than %u addresses", LIT_PAGES);
		return;
	}
	*page = (struct lit_page){ .frame = LIT_UNMAPPED, .rights = LIT_U | LIT_W,
				   .table = LIT_U | LIT_W };
	name = p->token;
	lit_new_name(p, page->name);
	page->span = lit_take_size(p);
	page->level = page->span;
	if (lit_accept(p, "/"))
		page->level = lit_take_size(p);
	if (page->level > page->span)
		lit_fail(p, "%s does not consist of pages of %s",
			 lit_size_name(page->span), lit_size_name(page->level));
	if (lit_accept(p, "->")) {
		page->frame = lit_take_frame(p, page->level);
		if (page->frame >= 0 && page->level != page->span)
			lit_fail(p, "several pages and one frame; say fresh");
		if (p->token.kind == LIT_T_WORD && p->token.text[0] == 'r')
			page->rights = lit_take_rights(p);
		if (page->frame == LIT_FRESH)
			page->value = lit_initial(p);
		lit_parse_used(p, page);
	}
	if (lit_accept(p, "at"))
		lit_parse_place(p, page);
	else
		lit_default_place(p, page);
	lit_check_overlap(p, page, &name);
	if (lit_accept(p, "under")) {
		if (page->frame == LIT_UNMAPPED)
			lit_fail(p, "nothing is mapped there, so no table is above it");
		if (page->level != 1)
			lit_fail(p, "only 4K pages have a page table above them");
		if (lit_accept(p, "supervisor")) {
			page->table = LIT_W;
			p->test->model_only = "the module makes no supervisor entries";
		} else {
			page->table = lit_take_table_rights(p);
		}
	}
	p->test->npages++;
}

static void lit_declaration(struct lit_parser *p)
{
	if (lit_accept(p, "frame")) {
		lit_parse_frame(p);
	} else if (lit_accept(p, "page")) {
		lit_parse_page(p);
	} else if (lit_accept(p, "flag")) {
		lit_parse_flag(p);
	} else if (lit_accept(p, "tables")) {
		p->test->tables = (int)lit_take_number(p, 7, "the number of tables");
	} else if (lit_accept(p, "stores")) {
		p->test->stores = lit_take_number(p, 17, "the number of stores that wait");
		if (!p->test->stores)
			lit_fail(p, "a store buffer has room for one store at least");
	} else if (lit_accept(p, "region")) {
		lit_expect(p, "512G");
		p->test->big_region = true;
	} else {
		lit_fail(p, "expected frame, page, flag, tables, stores or region, found '%s'",
			 lit_found(p));
	}
}

void lit_parse_init(struct lit_parser *p)
{
	lit_expect(p, "{");
	lit_skip_lines(p);
	while (!p->failed && !lit_is(p, "}")) {
		lit_declaration(p);
		if (!lit_is(p, "}") && !lit_accept(p, ";") && p->token.kind != LIT_T_LINE)
			lit_fail(p, "expected the end of the line, found '%s'",
				 lit_found(p));
		lit_skip_lines(p);
	}
	lit_expect(p, "}");
}
