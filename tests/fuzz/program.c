// SPDX-License-Identifier: GPL-2.0
/* A program of calls: as text, at random, changed. */
#include "fuzz.h"

const struct what *what_of(unsigned int what)
{
	if (what < n_calls_vpt)
		return &calls_vpt[what];
	what -= n_calls_vpt;
	return what < n_calls_mm ? &calls_mm[what] : &calls_rare[what - n_calls_mm];
}

unsigned int whats(void)
{
	return n_calls_vpt + n_calls_mm + n_calls_rare;
}

size_t program_print(const struct program *p, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < p->n && used < size; i++) {
		const struct call *c = &p->call[i];

		used += snprintf(text + used, size - used, "%u %s %u %u %u %u;", c->thread,
				 what_of(c->what)->name, c->arg[0], c->arg[1], c->arg[2],
				 c->arg[3]);
	}
	return used;
}

static bool call_parse(struct call *c, const char *line)
{
	unsigned int thread, a[ARGS] = { 0 }, i;
	char name[24];

	if (sscanf(line, "%u %23s %u %u %u %u", &thread, name, &a[0], &a[1], &a[2],
		   &a[3]) < 2)
		return false;
	for (i = 0; i < whats() && strcmp(what_of(i)->name, name); i++)
		;
	if (i == whats() || thread >= MAX_THREADS)
		return false;
	c->what = i;
	c->thread = thread;
	for (i = 0; i < ARGS; i++)
		c->arg[i] = a[i];
	return true;
}

/* Lines that begin with # are comments. */
bool program_parse(struct program *p, const char *text)
{
	char line[120];

	p->n = 0;
	while (*text) {
		size_t n = strcspn(text, text[0] == '#' ? "\n" : ";\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + (text[n] != '\0');
		if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
			continue;
		if (p->n == MAX_CALLS || !call_parse(&p->call[p->n++], line))
			return false;
	}
	return p->n > 0;
}

static unsigned int what_random(struct rng *r)
{
	unsigned int i, sum = 0, pick;

	for (i = 0; i < whats(); i++)
		sum += what_of(i)->weight;
	pick = rng_below(r, sum);
	for (i = 0; pick >= what_of(i)->weight; i++)
		pick -= what_of(i)->weight;
	return i;
}

static void call_random(struct call *c, struct rng *r)
{
	unsigned int i;

	c->what = what_random(r);
	c->thread = rng_below(r, MAX_THREADS);
	for (i = 0; i < ARGS; i++)
		c->arg[i] = rng_below(r, 4) ? rng_below(r, 8) : rng_below(r, 256);
}

void program_random(struct program *p, struct rng *r)
{
	unsigned int i;

	p->n = 4 + rng_below(r, MAX_CALLS - 4);
	for (i = 0; i < p->n; i++)
		call_random(&p->call[i], r);
}

static void insert(struct program *p, unsigned int at, const struct call *c)
{
	if (p->n == MAX_CALLS)
		p->n--;
	if (at > p->n)
		at = p->n;
	memmove(&p->call[at + 1], &p->call[at], (p->n - at) * sizeof(*c));
	p->call[at] = *c;
	p->n++;
}

/* One place in memory, since faults are about two calls at the same one. */
static void gather_place(struct program *p, struct rng *r)
{
	uint8_t at = p->call[rng_below(r, p->n)].arg[0];

	p->call[rng_below(r, p->n)].arg[0] = at;
	p->call[rng_below(r, p->n)].arg[0] = at;
}

static void mutate_once(struct program *p, const struct program *other, struct rng *r)
{
	unsigned int i = rng_below(r, p->n), j = rng_below(r, p->n), cut;
	struct call c;

	switch (rng_below(r, 9)) {
	case 0:
	case 1:
		call_random(&c, r);
		insert(p, i, &c);
		break;
	case 2:
		if (p->n > 1)
			memmove(&p->call[i], &p->call[i + 1], (--p->n - i) * sizeof(c));
		break;
	case 3:
		c = p->call[i];
		p->call[i] = p->call[j];
		p->call[j] = c;
		break;
	case 4:
		p->call[i].thread = rng_below(r, MAX_THREADS);
		break;
	case 5:
		p->call[i].arg[rng_below(r, ARGS)] = rng_below(r, 256);
		break;
	case 6:
		gather_place(p, r);
		break;
	case 7:
		c = p->call[j];
		insert(p, i, &c);
		break;
	default:
		for (cut = rng_below(r, other->n); cut < other->n && i < MAX_CALLS; cut++)
			p->call[i++] = other->call[cut];
		if (i > p->n)
			p->n = i;
	}
}

void program_mutate(struct program *p, const struct program *other, struct rng *r)
{
	unsigned int n = 1 + rng_below(r, 4);

	while (n--)
		mutate_once(p, other, r);
}
