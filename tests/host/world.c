// SPDX-License-Identifier: GPL-2.0
/* Building a world, and the parts that Linux and the MMU play in it. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static void *zalloc(u64 n, u64 size)
{
	void *p = calloc(n, size);

	if (!p)
		world_fail("out of memory");
	return p;
}

void world_init(struct world *w, u64 tables, u64 start, u64 end)
{
	u64 root = 4096, i;

	memset(w, 0, sizeof(*w));
	w->tables = tables;
	w->broken = ~0ULL;
	w->info = zalloc(tables, sizeof(*w->info));
	w->spare = zalloc(tables, sizeof(*w->spare));
	w->env.live = zalloc(tables, sizeof(*w->env.live));
	w->env.free = zalloc(tables, sizeof(*w->env.free));
	w->env.deferred = zalloc(tables, sizeof(*w->env.deferred));
	w->env.arena = aligned_alloc(4096, tables * 4096);
	if (!w->env.arena)
		world_fail("out of memory");
	memset(w->env.arena, 0, tables * 4096);
	for (i = tables - 1; i > 1; i--)
		w->env.free[w->env.nfree++] = i * 4096;
	w->info[1].state = TABLE_LINKED;
	w->info[1].level = 4;
	if (pt_init(&w->pt, &w->env, root, start, end, 52) != PT_OK)
		world_fail("pt_init refuses [%#lx, %#lx)", start, end);
}

void world_destroy(struct world *w)
{
	free(w->info);
	free(w->spare);
	free(w->env.live);
	free(w->env.free);
	free(w->env.deferred);
	free(w->env.arena);
}

void world_reserve(struct world *w, u64 n)
{
	while (w->env.nfree > n)
		w->spare[w->nspare++] = w->env.free[--w->env.nfree];
	while (w->env.nfree < n) {
		if (!w->nspare)
			world_fail("no table to spare for the reserve");
		w->env.free[w->env.nfree++] = w->spare[--w->nspare];
	}
}

struct ref world_walk(struct world *w, u64 va)
{
	return ref_walk(&w->env, w->pt.root, va, NULL);
}

bool world_owns(const struct world *w, u64 base, unsigned int level)
{
	u64 last = base + (ref_size(level) << PT_INDEX_BITS) - 1;

	return level <= 3 && w->pt.start <= base && last < w->pt.end;
}

static u64 *world_entry(struct world *w, u64 table, u64 va, unsigned int level)
{
	return (u64 *)(w->env.arena + table) + ref_index(va, level);
}

u64 world_table(struct world *w, u64 va, unsigned int level)
{
	u64 table = w->pt.root;
	unsigned int l;

	for (l = 4; l > level; l--) {
		u64 entry = *world_entry(w, table, va, l);

		if (!(entry & REF_P) || (entry & REF_PS))
			return 0;
		table = entry & REF_ADDRESS;
	}
	return table;
}

void world_watch(struct world *w)
{
	w->nprobes = 0;
	w->loads = 0;
	w->stores = 0;
	w->exchanges = 0;
}

void world_probe(struct world *w, u64 va)
{
	struct probe *p = &w->probe[w->nprobes++];

	if (w->nprobes > WORLD_PROBES)
		world_fail("too many addresses to watch");
	p->va = va;
	p->before = world_walk(w, va);
	p->now = p->before;
	p->changed = false;
}

void world_settle(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->nprobes; i++) {
		w->probe[i].before = w->probe[i].now;
		w->probe[i].changed = false;
	}
}

void world_flush(struct world *w)
{
	while (w->env.ndeferred) {
		u64 table = w->env.deferred[--w->env.ndeferred];

		w->info[table >> 12].state = TABLE_FREE;
		w->spare[w->nspare++] = table;
	}
}

void world_link_foreign(struct world *w, u64 va, unsigned int level)
{
	u64 table = w->pt.root;
	unsigned int l;

	for (l = 4; l > level; l--) {
		u64 *entry = world_entry(w, table, va, l);

		if (!*entry) {
			u64 fresh;

			if (!w->nspare)
				world_fail("no table to spare for Linux");
			fresh = w->spare[--w->nspare];
			w->info[fresh >> 12] = (struct table_info){
				.state = TABLE_LINKED, .level = l - 1,
				.base = va - va % ref_size(l), .foreign = true,
			};
			*entry = fresh | REF_TABLE;
		} else if (l <= 3 && (*entry & REF_PS)) {
			return;
		}
		table = *entry & REF_ADDRESS;
	}
}

void world_access(struct world *w, u64 va, bool write)
{
	u64 *slot;

	if (!ref_walk(&w->env, w->pt.root, va, &slot).level)
		world_fail("access to %#lx, where nothing is mapped", va);
	*slot |= REF_A | (write ? REF_D : 0);
}
