// SPDX-License-Identifier: GPL-2.0
/*
 * What CPUs may still have cached: entries that were changed, the shootdown that
 * makes them clean, and the frames that wait for it.
 */
#include "spec_mon_nodes.h"

static struct spec_mon_frame *spec_mon_frame_at(const struct spec_mon *mon, u64 frame)
{
	return (struct spec_mon_frame *)spec_mon_find(mon, SPEC_MON_IS_FRAME, frame);
}

static struct spec_mon_frame *spec_mon_frame_make(struct spec_mon *mon, u64 frame)
{
	struct spec_mon_frame *f = spec_mon_frame_at(mon, frame);

	if (f)
		return f;
	return (struct spec_mon_frame *)spec_mon_add(mon, SPEC_MON_IS_FRAME, frame);
}

void spec_mon_frame_mapped(struct spec_mon *mon, u64 frame)
{
	struct spec_mon_frame *f = spec_mon_frame_make(mon, frame);

	if (f)
		f->maps++;
}

static void spec_mon_frame_dropped(struct spec_mon *mon, u64 frame)
{
	struct spec_mon_frame *f = spec_mon_frame_make(mon, frame);

	if (!f)
		return;
	/* It may be mapped by more leaves than were seen, not by fewer. */
	if (f->maps)
		f->maps--;
	f->stale++;
}

static void spec_mon_frame_clean(struct spec_mon *mon, u64 frame)
{
	struct spec_mon_frame *f = spec_mon_frame_at(mon, frame);

	if (!f)
		return;
	f->stale--;
	if (!f->stale && !f->maps)
		spec_mon_remove(mon, &f->node);
}

void spec_mon_outdate(struct spec_mon *mon, struct spec_mon_table *t, unsigned int index,
		      enum spec_mon_why why, u64 was)
{
	struct spec_mon_stale *s;

	s = (struct spec_mon_stale *)spec_mon_add(mon, SPEC_MON_IS_STALE,
						  spec_mon_slot(t->node.key, index));
	if (!s)
		return;
	s->why = why;
	s->level = t->level;
	s->was = was;
	s->va = t->base == SPEC_MON_ANY ? SPEC_MON_ANY :
					  t->base + index * spec_size(t->level);
	s->older = mon->stale;
	if (s->older)
		s->older->newer = s;
	mon->stale = s;
	if (why == SPEC_MON_WAS_LEAF)
		spec_mon_frame_dropped(mon, spec_mon_addr(was, t->level));
}

/* Every CPU has invalidated it. */
static void spec_mon_clean(struct spec_mon *mon, struct spec_mon_stale *s)
{
	u64 addr = spec_mon_addr(s->was, s->level);

	if (s->newer)
		s->newer->older = s->older;
	else
		mon->stale = s->older;
	if (s->older)
		s->older->newer = s->newer;
	if (s->why == SPEC_MON_WAS_LEAF) {
		spec_mon_frame_clean(mon, addr);
	} else if (s->why == SPEC_MON_WAS_TABLE) {
		struct spec_mon_table *t = spec_mon_table(mon, addr);

		if (t && t->state == SPEC_MON_UNLINKED)
			t->state = SPEC_MON_INVALIDATED;
	}
	spec_mon_remove(mon, &s->node);
}

/*
 * Whether one of the addresses @start, @start + 2^@shift, ... below @end makes a CPU
 * forget @s.  Any address of a page drops its translations, whatever their size; any
 * address at all drops every paging-structure-cache entry (SDM 4.10.4.1).
 */
static bool spec_mon_covers(const struct spec_mon_stale *s, u64 start, u64 end,
			    unsigned int shift)
{
	u64 steps;

	if (start >= end)
		return false;
	if (s->why == SPEC_MON_WAS_TABLE || s->va == SPEC_MON_ANY)
		return true;
	if (s->va <= start)
		return start - s->va < spec_size(s->level);
	steps = (s->va - start + (1ULL << shift) - 1) >> shift;
	start += steps << shift;
	return start < end && start - s->va < spec_size(s->level);
}

bool spec_mon_shoot_begin(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_stale *s;
	u64 gen = mon->gen;

	if (mon->shoot.on) {
		mon->verdict.cpus = mon->shoot.cpus & ~mon->shoot.acked;
		mon->verdict.va = e->start;
		return spec_mon_wrong(mon, SPEC_MON_SHOOT_CUT_SHORT, 0, 0, 0);
	}
	mon->shoot = (struct spec_mon_shoot){
		.on = true, .start = e->start, .end = e->end, .shift = e->shift,
		.cpus = e->cpus,
	};
	for (s = mon->stale; s; s = s->older)
		s->covered = spec_mon_covers(s, e->start, e->end, e->shift);
	mon->gen = e->gen;
	if (e->gen && e->gen == gen) {
		mon->verdict.va = e->start;
		return spec_mon_wrong(mon, SPEC_MON_NO_GENERATION, 0, 0, 0);
	}
	return true;
}

bool spec_mon_invalidate(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_shoot *shoot = &mon->shoot;
	bool same = !((shoot->start - e->start) & ((1ULL << e->shift) - 1));

	/* To invalidate more, or more often, than is asked for is nobody's harm. */
	if (shoot->on && (e->all || (e->start <= shoot->start && e->end >= shoot->end &&
				     e->shift <= shoot->shift && same)))
		shoot->done |= 1ULL << e->cpu;
	return true;
}

bool spec_mon_ack(struct spec_mon *mon, const struct spec_mon_event *e)
{
	struct spec_mon_shoot *shoot = &mon->shoot;
	u64 cpu = 1ULL << e->cpu;

	if (!shoot->on)
		return true;
	shoot->acked |= cpu;
	if (!(shoot->cpus & cpu) || (shoot->done & cpu))
		return true;
	mon->verdict.cpus = cpu;
	mon->verdict.va = shoot->start;
	return spec_mon_wrong(mon, SPEC_MON_ACK_EARLY, 0, 0, 0);
}

bool spec_mon_shoot_end(struct spec_mon *mon, const struct spec_mon_event *e)
{
	u64 missing = mon->shoot.cpus & e->cpus & ~mon->shoot.acked;
	struct spec_mon_stale *s, *older;

	if (!mon->shoot.on)
		return true;
	mon->shoot.on = false;
	if (missing) {
		mon->verdict.cpus = missing;
		mon->verdict.va = mon->shoot.start;
		return spec_mon_wrong(mon, SPEC_MON_SHOOT_CUT_SHORT, 0, 0, 0);
	}
	for (s = mon->stale; s; s = older) {
		older = s->older;
		if (s->covered)
			spec_mon_clean(mon, s);
	}
	return true;
}

/* The region's lock is released: nothing may be left that a CPU must not use. */
bool spec_mon_all_clean(struct spec_mon *mon)
{
	struct spec_mon_stale *s = mon->stale, *worst = s;
	u64 slot;

	if (!s)
		return true;
	for (; s; s = s->older) {
		if (s->why != SPEC_MON_WAS_NX)
			worst = s;
	}
	slot = worst->node.key;
	mon->verdict.va = worst->va;
	mon->verdict.entry = worst->was;
	mon->verdict.cpus = ~0ULL;
	return spec_mon_wrong(mon, worst->why == SPEC_MON_WAS_NX ? SPEC_MON_LEFT_UNEXECUTABLE :
								   SPEC_MON_LEFT_STALE,
			      slot & ~(u64)(SPEC_ENTRIES - 1), worst->level,
			      slot & (SPEC_ENTRIES - 1));
}

bool spec_mon_frame_defer(struct spec_mon *mon, const struct spec_mon_event *e)
{
	const struct spec_mon_frame *f = spec_mon_frame_at(mon, e->frame);

	if (!f || !f->maps)
		return true;
	mon->verdict.frame = e->frame;
	return spec_mon_wrong(mon, SPEC_MON_FRAME_FREED_MAPPED, 0, e->level, 0);
}

static bool spec_mon_frame_idle(struct spec_mon *mon, u64 frame, unsigned int level)
{
	const struct spec_mon_frame *f = spec_mon_frame_at(mon, frame);

	if (!f)
		return true;
	mon->verdict.frame = frame;
	if (f->maps)
		return spec_mon_wrong(mon, SPEC_MON_FRAME_FREED_MAPPED, 0, level, 0);
	mon->verdict.cpus = mon->shoot.on ? mon->shoot.cpus & ~mon->shoot.acked : ~0ULL;
	return spec_mon_wrong(mon, SPEC_MON_FRAME_FREED_EARLY, 0, level, 0);
}

/* A large frame may have been mapped in pieces of the next smaller size. */
bool spec_mon_frame_free(struct spec_mon *mon, const struct spec_mon_event *e)
{
	u64 i;

	if (!spec_mon_frame_idle(mon, e->frame, e->level))
		return false;
	for (i = 1; e->level > 1 && i < SPEC_ENTRIES; i++) {
		if (!spec_mon_frame_idle(mon, e->frame + i * spec_size(e->level - 1),
					 e->level))
			return false;
	}
	return true;
}
