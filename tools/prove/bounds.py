# SPDX-License-Identifier: GPL-2.0
"""What depends on a region's bounds: pt_release(), for a region that is cut in two, and
pt_unlink_span(), the addresses behind what an unmapping may unlink."""
from __future__ import annotations

import abstract as a
from cases import VA
from goals import Goal
from hwwalk import INDEX_BITS, PAGE_BITS, VPN_BITS, shift
from inv import BEFORE, Region, address, inside, last_byte, owned, table_base
from term import FALSE, TRUE, Term, add, and_, bits, bv, concat, eq, implies, not_, or_, sub, \
    ule, ult, var

FIRST, BEHIND = var("first_of_range", 64), var("behind_range", 64)
LEVELS = (1, 2, 3)


def spans(va: Term, level: int) -> Term:
    """First page behind the table of @level that @va passes through."""
    return table_base(bits(va, 47, 12), level)


# Release

def release_facts(r: Region) -> list[Term]:
    """One part of the region ends at @VA, and another begins there."""
    return [ult(r.start, VA), ult(VA, r.end), a.aligned(VA, 1)]


def part(first: Term, behind: Term) -> Region:
    """A region of the same table with other bounds."""
    found = Region()
    found.start, found.end = first, behind
    return found


def cuts(base: Term, level: int) -> Term:
    """@VA lies behind the table of @level at @base, and not at its beginning."""
    return and_(eq(spans(VA, level), base), not_(a.aligned(VA, level + 1)))


def release_goals(f) -> list[Goal]:
    return ([f.takes_none(), f.unchanged(TRUE), only_releases(f)]
            + [released(f, level) for level in LEVELS]
            + [g for level in LEVELS for g in both_parts(f, level)])


def only_releases(f) -> Goal:
    s = f.state
    quiet = (all(e.kind in ("hardware", "linked", "release") for e in s.events)
             and all(t.live is t.live_initial for t in s.tables.values()))
    return Goal("refinement", "nothing is written", f.given, TRUE if quiet else FALSE)


def released(f, level: int) -> Goal:
    """Of each level the table of the core's that the new bound cuts, if there is one."""
    r, w = f.region, f.before_va
    found = [t for t in f.state.tables.values() if t.released and t.level == level]
    due = and_(w.reached[4 - level], owned(r, spans(VA, level), level),
               cuts(spans(VA, level), level))
    claim = not_(due) if not found else and_(due, eq(found[0].page, w.tables[4 - level]))
    return Goal("reclamation", f"the table that is cut is released, and no other, level {level}",
                f.given + f.facts_va, claim if len(found) < 2 else FALSE)


def both_parts(f, level: int) -> list[Goal]:
    """What is not released is wholly of one part, and what lies wholly in a part was the core's
    before; a leaf is of one part, if none goes across; and a table that is cut is on @VA's path."""
    r, base = f.region, var("base", VPN_BITS)
    low, high = part(r.start, VA), part(VA, r.end)
    p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
    given = r.facts() + release_facts(r)		# on whichever path
    table = eq(bits(base, INDEX_BITS * level - 1, 0), bv(0, INDEX_BITS * level))
    in_parts = or_(owned(low, base, level), owned(high, base, level))
    leaf = concat(bits(base, VPN_BITS - 1, INDEX_BITS * (level - 1)),
                  bv(0, INDEX_BITS * (level - 1)))
    across = and_(eq(bits(address(leaf), 47, shift(level)), bits(VA, 47, shift(level))),
                  not_(a.aligned(VA, level)))
    found = and_(f.before_va.reached[4 - level], eq(f.before_va.tables[4 - level], p))
    there = f.place_facts(p, level, i) + [eq(BEFORE.level(p), bv(level, 3))]
    return [
        Goal("invariant", f"what is not cut belongs to one part, level {level}",
             given + [table],
             eq(and_(owned(r, base, level), not_(cuts(base, level))), in_parts)),
        Goal("invariant", f"a leaf that does not go across lies in one part, level {level}",
             given, implies(and_(inside(r, leaf, level), not_(across)),
                            or_(inside(low, leaf, level), inside(high, leaf, level)))),
        Goal("invariant", f"a table that is cut is on the way to the new bound, level {level}",
             given + f.facts_va + there,
             implies(and_(owned(r, BEFORE.base(p), level), cuts(BEFORE.base(p), level)),
                     found))]


# The span of what may be unlinked

def span_objects() -> dict[str, dict]:
    """What the caller's two variables hold."""
    return {"first": {0: (8, FIRST)}, "behind": {0: (8, BEHIND)}}


def span_facts(r: Region) -> list[Term]:
    return [ule(r.start, FIRST), ult(FIRST, BEHIND), ule(BEHIND, r.end),
            a.aligned(FIRST, 1), a.aligned(BEHIND, 1)]


def span_goals(f) -> list[Goal]:
    """Each table of the core's that an address of the range passes through has its span in what
    is told; and that is no wider than such tables make it."""
    r, objects = f.region, f.state.objects
    first, behind = (objects[name][0][1] for name in ("first", "behind"))
    given = f.given + [ule(FIRST, VA), ult(VA, BEHIND)]
    quiet = TRUE if not f.state.events and not f.state.slots else FALSE
    goals = [f.takes_none(), f.unchanged(TRUE), told(f, quiet, "no table is looked at"),
             told(f, and_(ule(first, FIRST), ule(BEHIND, behind)), "what is told holds the range")]
    for level in LEVELS:
        base = spans(VA, level)
        goals.append(Goal("reclamation", f"what may be unlinked lies inside, level {level}", given,
                          implies(owned(r, base, level), and_(
                              ule(first, address(base)),
                              ult(last_byte(base, level + 1), behind)))))
    last = sub(BEHIND, bv(1, 64))
    starts = [and_(owned(r, spans(FIRST, n), n), eq(first, address(spans(FIRST, n))))
              for n in LEVELS]
    ends = [and_(owned(r, spans(last, n), n),
                 eq(behind, add(last_byte(spans(last, n), n + 1), bv(1, 64)))) for n in LEVELS]
    return goals + [told(f, or_(eq(first, FIRST), *starts), "it starts where it must"),
                    told(f, or_(eq(behind, BEHIND), *ends), "it ends where it must")]


def told(f, claim: Term, what: str) -> Goal:
    return Goal("refinement", what, f.given, claim)
