// SPDX-License-Identifier: GPL-2.0
/*
 * vptctl map: a picture of a region's tables.  One column for each level, a box for each
 * table with a cell for each of its 512 entries, a line from an entry to the table that
 * it leads to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "page.h"

#define CELL		7		/* pixels */
#define COLUMNS		32
#define ROWS		(512 / COLUMNS)
#define BOX_W		(CELL * COLUMNS)
#define BOX_H		(CELL * ROWS)
#define TITLE		32
#define GAP_X		60
#define GAP_Y		16
#define TOP		112
#define LEFT		16

/**
 * struct map_box - a table
 * @first: the first of its entries
 * @parent: number of the box of the entry that leads here, or -1
 * @from: that entry
 * @y: top
 * @children: tables below it that are drawn
 * @leaves: entries that map a page
 */
struct map_box {
	const struct ctl_entry *first;
	int parent;
	const struct ctl_entry *from;
	double y;
	unsigned int children;
	unsigned int leaves;
};

/**
 * struct map - a picture
 * @region: of this region
 * @e: its entries, in the order of the walk
 * @n: how many
 * @box: tables
 * @boxes: how many are drawn
 * @more: how many are not
 * @box_of: number of the box that an entry stands in, or -1
 * @height: of the picture
 * @out: where it goes
 */
struct map {
	const struct ctl_region *region;
	struct ctl_entry *e;
	unsigned int n;
	struct map_box *box;
	unsigned int boxes;
	unsigned int more;
	int *box_of;
	double height;
	FILE *out;
};

static double map_x(unsigned int level)
{
	return LEFT + (SPEC_LEVELS - level) * (BOX_W + GAP_X);
}

/* Deal the entries out to tables; at most @most of these. */
static void map_sort(struct map *m, unsigned int most)
{
	int at[SPEC_LEVELS + 2] = { -1, -1, -1, -1, -1, -1 };
	const struct ctl_entry *last[SPEC_LEVELS + 2] = { NULL };
	unsigned int i;

	m->box = ctl_realloc(NULL, (most + 1) * sizeof(*m->box));
	m->box_of = ctl_realloc(NULL, (m->n + 1) * sizeof(*m->box_of));
	for (i = 0; i < m->n; i++) {
		const struct ctl_entry *e = &m->e[i];
		unsigned int level = e->level;

		m->box_of[i] = -1;
		if (!last[level] || last[level]->table != e->table ||
		    (e->va ^ last[level]->va) >> spec_shift(level + 1)) {
			m->more += m->boxes == most;
			at[level] = m->boxes == most ? -1 : (int)m->boxes++;
			if (at[level] >= 0) {
				m->box[at[level]] = (struct map_box){
					.first = e, .parent = at[level + 1],
					.from = last[level + 1],
				};
				if (at[level + 1] >= 0)
					m->box[at[level + 1]].children++;
			}
		}
		last[level] = e;
		m->box_of[i] = at[level];
		if (at[level] >= 0)
			m->box[at[level]].leaves += e->seen.kind == SPEC_LEAF;
	}
}

/* A table without tables below it has a place of its own, others stand beside their first. */
static void map_place(struct map *m)
{
	double y = TOP;
	unsigned int i, k;

	for (i = 0; i < m->boxes; i++) {
		if (m->box[i].children)
			continue;
		m->box[i].y = y;
		y += BOX_H + TITLE + GAP_Y;
	}
	m->height = y + 24;
	for (i = m->boxes; i-- > 0;) {
		if (!m->box[i].children)
			continue;
		for (k = i + 1; m->box[k].parent != (int)i; k++)
			;
		m->box[i].y = m->box[k].y;
	}
}

static void map_cell_at(const struct map_box *box, const struct ctl_entry *e, double *x,
			double *y)
{
	*x = map_x(e->level) + CELL * (e->index % COLUMNS);
	*y = box->y + TITLE + CELL * (double)(e->index / COLUMNS);
}

static const char *map_class(const struct ctl_entry *e)
{
	static const char *const leaf[] = { "ro", "rx", "rw", "rwx" };

	if (e->seen.reserved)
		return "bad";
	if (e->seen.kind == SPEC_ABSENT)
		return "bad";
	if (e->seen.kind == SPEC_TABLE)
		return e->child == CTL_VPT ? "table" : "other";
	return leaf[2 * e->seen.writable + !e->seen.execute_disable];
}

static void map_cell(const struct map *m, const struct map_box *box,
		     const struct ctl_entry *e)
{
	double x, y;

	map_cell_at(box, e, &x, &y);
	fprintf(m->out, "<rect class=\"c %s%s\" x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" data-raw=\"%#llx\" data-va=\"%#llx\" data-level=\"%u\" data-table=\"%#llx\" data-index=\"%u\" data-child=\"%s\" data-live=\"%u\"><title>%s[%u] %#llx %s",
		map_class(e), e->seen.accessed ? "" : " idle", x, y, CELL - 1, CELL - 1,
		(unsigned long long)e->raw, (unsigned long long)e->va, e->level,
		(unsigned long long)e->table, e->index, ctl_child_name(e->child), e->live,
		ctl_table_name(e->level), e->index, (unsigned long long)e->va,
		ctl_size_name(e->level));
	if (e->seen.kind == SPEC_LEAF)
		fprintf(m->out, " %s%s%s, frame %#llx",
			ctl_rights(e->seen.writable, e->seen.execute_disable),
			e->seen.accessed ? " accessed" : "", e->seen.dirty ? " dirty" : "",
			(unsigned long long)e->seen.addr);
	fputs("</title></rect>\n", m->out);
	if (e->seen.dirty)
		fprintf(m->out, "<rect class=\"d\" x=\"%g\" y=\"%g\" width=\"2\" height=\"2\"/>\n",
			x + 1.5, y + 1.5);
}

static void map_box(const struct map *m, const struct map_box *box)
{
	const struct ctl_entry *e = box->first;
	double x = map_x(e->level), px, py;

	if (box->parent >= 0) {
		map_cell_at(&m->box[box->parent], box->from, &px, &py);
		fprintf(m->out, "<path class=\"l\" d=\"M%g %g C%g %g %g %g %g %g\"/>\n",
			px + CELL - 1, py + 2.5, px + 0.6 * GAP_X + 2, py + 2.5, x - 50,
			box->y + TITLE + 8, x, box->y + TITLE + 8);
	}
	fprintf(m->out, "<text class=\"t\" x=\"%g\" y=\"%g\">%s at %#llx</text>\n", x,
		box->y + 12, ctl_table_name(e->level), (unsigned long long)e->table);
	fprintf(m->out, "<text class=\"s\" x=\"%g\" y=\"%g\">from %#llx on, %s each", x,
		box->y + 25, (unsigned long long)(e->va & ~(spec_span(e->level) - 1)),
		ctl_size_name(e->level));
	if (box->from && box->from->child == CTL_VPT)
		fprintf(m->out, "; %u live", box->from->live);
	else
		fputs(e->level == SPEC_LEVELS || !box->from || box->from->child == CTL_SHARED ?
		      "; shared" : "; empty", m->out);
	fprintf(m->out, "</text>\n<rect class=\"b\" x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\"/>\n",
		x - 1, box->y + TITLE - 1, BOX_W + 1, BOX_H + 1);
}

static void map_legend(const struct map *m)
{
	static const struct {
		const char *class, *text;
	} key[] = {
		{ "ro", "page, read only" }, { "rw", "read, write" }, { "rx", "read, execute" },
		{ "rwx", "all three" }, { "rw idle", "not accessed" }, { "table", "vpt's table" },
		{ "other", "shared or empty table" }, { "bad", "wrong" },
	};
	unsigned int i;
	double x = LEFT;

	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		fprintf(m->out, "<rect class=\"c %s\" x=\"%g\" y=\"84\" width=\"10\" height=\"10\"/><text class=\"s\" x=\"%g\" y=\"93\">%s</text>\n",
			key[i].class, x, x + 15, key[i].text);
		x += 32 + 6.1 * (double)strlen(key[i].text);
	}
	fprintf(m->out, "<rect class=\"c rw\" x=\"%g\" y=\"84\" width=\"10\" height=\"10\"/><rect class=\"d\" x=\"%g\" y=\"87\" width=\"4\" height=\"4\"/><text class=\"s\" x=\"%g\" y=\"93\">dirty</text>\n",
		x, x + 3, x + 15);
}

static void map_heading(const struct map *m)
{
	const struct ctl_region *r = m->region;
	const struct ctl_line *l = &r->line;

	fprintf(m->out, "<text class=\"h\" x=\"%d\" y=\"30\">Region %llu of process %llu (%s)</text>\n",
		LEFT, (unsigned long long)r->id, (unsigned long long)r->pid,
		ctl_get(l, "comm") ? ctl_get(l, "comm") : "");
	fprintf(m->out, "<text class=\"s\" x=\"%d\" y=\"50\">%#llx to %#llx, %s; %s mode, rights up to r%c%c; %s mapped</text>\n",
		LEFT, (unsigned long long)r->start, (unsigned long long)r->end,
		ctl_bytes(ctl_get_number(l, "bytes")), r->strict ? "strict" : "demand",
		r->write ? 'w' : '-', r->exec ? 'x' : '-',
		ctl_bytes(ctl_get_number(l, "mapped")));
	fprintf(m->out, "<text class=\"s\" x=\"%d\" y=\"67\">pages: %s of 4K, %s of 2M, %s of 1G; vpt's tables: %s; shootdowns so far: %s; violations: %s</text>\n",
		LEFT, ctl_get(l, "leaves_4k"), ctl_get(l, "leaves_2m"),
		ctl_get(l, "leaves_1g"), ctl_get(l, "tables"), ctl_get(l, "shootdowns"),
		ctl_get(l, "violations"));
}

static const char map_style[] =
	"text{font-family:'DejaVu Sans',sans-serif;fill:#222}"
	".h{font-size:19px;font-weight:bold}.t{font-size:12px;font-weight:bold}.s{font-size:11px}"
	".b{fill:#f4f4f4;stroke:#999;stroke-width:1}.l{fill:none;stroke:#888;stroke-width:1.2}"
	".ro{fill:#56b4e9}.rw{fill:#0072b2}.rx{fill:#e69f00}.rwx{fill:#d55e00}"
	".table{fill:#555}.other{fill:#aaa}.bad{fill:#ff00ff}.idle{fill-opacity:.4}"
	".d{fill:#fff;pointer-events:none}.c.chosen{stroke:#000;stroke-width:2}";

static void map_svg(const struct map *m)
{
	double width = map_x(1) + BOX_W + 3 * LEFT;
	unsigned int i;

	fprintf(m->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\">\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		width, m->height, width, m->height, map_style);
	map_heading(m);
	map_legend(m);
	for (i = 0; i < m->boxes; i++)
		map_box(m, &m->box[i]);
	for (i = 0; i < m->n; i++) {
		if (m->box_of[i] >= 0)
			map_cell(m, &m->box[m->box_of[i]], &m->e[i]);
	}
	if (!m->n)
		fprintf(m->out, "<text class=\"s\" x=\"%d\" y=\"%d\">Nothing is mapped.</text>\n",
			LEFT, TOP + 12);
	if (m->more)
		fprintf(m->out, "<text class=\"s\" x=\"%d\" y=\"%g\">%u more tables are not drawn (--tables).</text>\n",
			LEFT, m->height - 10, m->more);
	fputs("</svg>\n", m->out);
}

int ctl_map(const struct ctl_ask *ask)
{
	struct map m = { .region = ctl_one_region(ask, NULL), .out = stdout };

	m.e = ctl_entries(ask, m.region->id, 0, ~0ULL, &m.n);
	map_sort(&m, ask->tables);
	map_place(&m);
	if (ask->out)
		m.out = fopen(ask->out, "w");
	if (!m.out)
		ctl_die("%s: %s", ask->out, strerror(errno));
	if (ask->html)
		fputs(ctl_page_head, m.out);
	map_svg(&m);
	if (ask->html)
		fputs(ctl_page_tail, m.out);
	if (fflush(m.out) || (ask->out && fclose(m.out)))
		ctl_die("%s: %s", ask->out ? ask->out : "stdout", strerror(errno));
	free(m.e);
	free(m.box);
	free(m.box_of);
	return 0;
}
