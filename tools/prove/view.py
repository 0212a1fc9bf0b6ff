# SPDX-License-Identifier: GPL-2.0
"""The state after a path, or after its first few stores, as a view."""
from __future__ import annotations

from typing import Optional

from hwwalk import accessed, dirty, is_table, page, present, writable
from inv import BEFORE, COUNT_BITS, ENTRIES, counts, two_count, facts_of_entry, facts_of_table, \
    is_foreign, reaches, Region, table_base
from hwwalk import Walk, index
from state import Run, Slot, State, TablePage
from term import FALSE, TRUE, Term, add, and_, app, bit, bits, bv, concat, eq, implies, ite, ne, not_, \
    or_, sub, ule, ult, zext

WRITES = ("store", "exchange", "compare_exchange")


def in_run(run: Run, p: Term, i: Term) -> Term:
    """Entry @i of @p is one that the run is done with."""
    end = add(zext(run.first, 10), zext(run.count, 10))
    return and_(eq(p, run.table), ule(run.first, i), ult(zext(i, 10), end))


def met(e: Term, i: Term) -> Term:
    """Entry @i of a run as hardware left it when the operation changed it."""
    a, d = app("runA", 0, i), app("runD", 0, i)
    return set_bits(e, or_(accessed(e), a), or_(dirty(e), and_(d, writable(e))))


def set_bits(e: Term, a: Term, d: Term) -> Term:
    def one(t: Term) -> Term:
        return ite(t, bv(1, 1), bv(0, 1))
    return concat(bits(e, 63, 7), one(d), one(a), bits(e, 4, 0))


def run_value(run: Run, e: Term, i: Term) -> Term:
    """What became of an entry of the run that was @e."""
    if run.fill is not None:
        return run.fill(i)
    if run.looks:
        return e
    if run.rights is None:
        return ite(present(e), bv(0, 64), e)
    m, r = met(e, i), run.rights
    new = set_bits(m, accessed(m), and_(dirty(m), bit(r, 1)))
    new = concat(not_bit(bits(r, 0, 0)), bits(new, 62, 3), bits(r, 2, 1), bits(new, 0, 0))
    return ite(present(e), new, e)


def not_bit(t: Term) -> Term:
    return ite(eq(t, bv(1, 1)), bv(0, 1), bv(1, 1))


def run_memory(run: Optional[Run], p: Term, i: Term) -> Term:
    value = BEFORE.mem(p, i)
    return value if run is None else ite(in_run(run, p, i), run_value(run, value, i), value)


def made(t: TablePage, i: Term) -> Term:
    """Entry @i of a table that was linked, as it was then."""
    return t.filled(i) if t.filled else bv(0, 64)


class After:
    """Memory, counts and ghosts as the path left them.

    The ghosts are what the path made them: a table taken and linked has its place, a
    deferred one has none, and neither have the empty tables of other software that
    hung in it.  A count changes by the entries that began or ceased to count.
    """

    def __init__(self, state: State):
        self.run = state.run
        self.slots = [s for s in state.slots.values() if s.value is not s.initial]
        self.tables = list(state.tables.values())
        self.fresh = [t for t in self.tables if t.fresh and t.base is not None]
        self.deferred = [t for t in self.tables if t.deferred]
        self.path_slots = list(state.slots.values())

    def mem(self, p: Term, i: Term) -> Term:
        value = run_memory(self.run, p, i)
        for t in self.fresh:
            value = ite(eq(p, t.page), made(t, i), value)
        for s in self.slots:
            value = ite(and_(eq(p, s.page), eq(i, s.index)), s.value, value)
        return value

    def gone(self, p: Term) -> Term:
        """Deferred, or below a deferred table."""
        found = FALSE
        for g in self.deferred:
            found = or_(found, eq(p, g.page))
            up, level = p, BEFORE.level(p)
            for depth in range(1, g.level):
                up = BEFORE.parent(up)
                found = or_(found, and_(eq(up, g.page), eq(level, bv(g.level - depth, 3))))
        return found

    def level(self, p: Term) -> Term:
        value = BEFORE.level(p)
        for t in self.fresh:
            value = ite(eq(p, t.page), bv(t.level, 3), value)
        return ite(self.gone(p), bv(0, 3), value)

    def parent(self, p: Term) -> Term:
        value = BEFORE.parent(p)
        for t in self.fresh:
            value = ite(eq(p, t.page), t.parent, value)
        return value

    def base(self, p: Term) -> Term:
        value = BEFORE.base(p)
        for t in self.fresh:
            value = ite(eq(p, t.page), t.base, value)
        return value

    def foreign(self, p: Term) -> Term:
        return BEFORE.foreign(p)

    def live(self, p: Term) -> Term:
        value = BEFORE.live(p)
        for t in self.tables:
            if t.live is not None:
                value = ite(eq(p, t.page), t.live, value)
        return value

    def affected(self) -> list[Slot]:
        """Entries that may count now and did not before, or the other way round."""
        found = list(self.slots)
        for t in self.tables:
            if t.moved or t.live is not t.live_initial:
                found += [s for s in self.path_slots
                          if s.base is t.base and s.level == t.level + 1 and s not in found]
        return found

    def listed(self, p: Term, i: Term) -> Term:
        """Entry @i of @p is one of those, or one that the run has cleared or filled."""
        found = or_(*(and_(eq(p, s.page), eq(i, s.index)) for s in self.affected()))
        if self.run is not None and (self.run.clears or self.run.fill):
            found = or_(found, in_run(self.run, p, i))
        return found

    def card(self, p: Term) -> Term:
        value = BEFORE.card(p)
        one, none = bv(1, COUNT_BITS), bv(0, COUNT_BITS)
        for s in self.affected():
            before = ite(counts(BEFORE, s.initial, s.level), one, none)
            after = ite(counts(self, s.value, s.level), one, none)
            value = add(value, ite(eq(p, s.page), sub(after, before), none))
        for t in self.fresh:
            if t.beside is not None:
                value = add(value, ite(eq(p, t.page), t.beside, none))
            if t.filled:	# all of them count: a goal
                value = add(value, ite(eq(p, t.page), bv(ENTRIES, COUNT_BITS), none))
        if self.run is not None and self.run.clears:
            value = sub(value, ite(eq(p, self.run.table), self.run.removed, none))
        if self.run is not None and self.run.fill:
            filled = zext(self.run.count, COUNT_BITS)
            value = add(value, ite(eq(p, self.run.table), filled, none))
        return value


class Moment:
    """Memory after the first @n events of a path: what a hardware walk sees then."""

    def __init__(self, state: State, n: int):
        self.values: dict[tuple[int, int], tuple[Slot, Term]] = {}
        for e in state.events[:n]:
            if e.slot is not None:
                self.values[e.slot.page.ident, e.slot.index.ident] = (e.slot, e.value)
        self.run = state.run
        self.fresh = [t for t in state.tables.values() if t.fresh and t.base is not None]

    def mem(self, p: Term, i: Term) -> Term:
        value = run_memory(self.run, p, i)
        for t in self.fresh:
            value = ite(eq(p, t.page), made(t, i), value)
        for slot, v in self.values.values():
            value = ite(and_(eq(p, slot.page), eq(i, slot.index)), v, value)
        return value


class Apart:
    """The same memory, if tables that have different terms are different tables."""

    def __init__(self, after: After):
        self.after = after

    def mem(self, p: Term, i: Term) -> Term:
        after, run = self.after, self.after.run
        value = run_memory(run if run is not None and run.table is p else None, p, i)
        for t in after.fresh:
            value = made(t, i) if t.page is p else value
        for s in after.slots:
            if s.page is p:
                value = ite(eq(i, s.index), s.value, value)
        return value


def walk_facts(region: Region, va: Term, w: Walk) -> list[Term]:
    """The invariant at the tables and entries that a walk before the operation reads: of the
    region's tree, and from where it leaves that, that it does not come back."""
    facts = []
    for n, level in enumerate((4, 3, 2, 1)):
        base = table_base(bits(va, 47, 12), level)
        tree = TRUE if level == 4 else reaches(region, base, level + 1)
        there = facts_of_table(region, BEFORE, w.tables[n], level, base) if level < 4 else []
        there += facts_of_entry(region, BEFORE, w.tables[n], level, base, index(va, level))
        facts += [implies(and_(w.reached[n], tree), f) for f in there]
        if 1 < level < 4:
            facts.append(implies(and_(w.reached[n], not_(tree), is_table(w.entries[n], level)),
                                 is_foreign(BEFORE, page(w.entries[n]))))
    return facts


def pair_facts(state: State, va: Term, w: Walk) -> list[Term]:
    """Two entries of one table, the operation's and the walk's, both count."""
    facts = []
    for s in state.slots.values():
        n = 4 - s.level
        if s.level < 4 and not state.tables[s.page.ident].fresh:
            facts.append(implies(and_(w.reached[n], eq(w.tables[n], s.page)),
                                 two_count(BEFORE, s.page, s.level, s.index, index(va, s.level))))
    return facts


def run_facts(region: Region, run: Run, level: int, p: Term, i: Term) -> list[Term]:
    """What a run's progress says of entry @i of @p, a table of @level.

    No entry that it is done with led to a table; and of the counts (lemmas.c): what it
    removed, and what counts beside it, is not more than what counted in the table.
    """
    if level != run.level:
        return []
    e, inside = BEFORE.mem(p, i), in_run(run, p, i)
    here = eq(p, run.table)
    card, one = BEFORE.card(p), bv(1, COUNT_BITS)
    if run.fill or run.looks:
        return empty_run_facts(run, e, inside, here, card, counts(BEFORE, e, level))
    beside = and_(here, not_(inside), counts(BEFORE, e, level))
    facts = [implies(inside, not_(is_table(e, level))),
             implies(here, ule(run.removed, card)),
             implies(beside, ule(add(run.removed, one), card)),
             implies(and_(inside, present(e)), ne(run.removed, bv(0, COUNT_BITS)))]
    return facts


def empty_run_facts(run: Run, e: Term, inside: Term, here: Term, card: Term,
                    counted: Term) -> list[Term]:
    """The run's entries were empty; what counts with them filled is at most 512 (lemmas.c:
    run_fills), and less where another entry does not count."""
    full = add(card, zext(run.count, COUNT_BITS))
    return [implies(inside, eq(e, bv(0, 64))),
            implies(here, ule(full, bv(ENTRIES, COUNT_BITS))),
            implies(and_(here, not_(inside), not_(counted)), ult(full, bv(ENTRIES, COUNT_BITS)))]


def run_pair(run: Run, state: State, level: int, p: Term, i: Term) -> list[Term]:
    """Two entries beside the run that count make the count 2 more than it removed."""
    if level != run.level or run.fill or run.looks:
        return []
    facts = []
    for s in state.slots.values():
        if s.page is run.table:
            apart = and_(eq(p, s.page), ne(i, s.index), not_(in_run(run, p, i)),
                         not_(in_run(run, s.page, s.index)))
            both = and_(counts(BEFORE, BEFORE.mem(p, i), level),
                        counts(BEFORE, BEFORE.mem(p, s.index), level))
            facts.append(implies(and_(apart, both),
                                 ule(add(run.removed, bv(2, COUNT_BITS)), BEFORE.card(p))))
    return facts
