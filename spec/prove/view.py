# SPDX-License-Identifier: GPL-2.0
"""The state after a path, or after its first few stores, as a view."""
from __future__ import annotations

from typing import Optional

from hwwalk import page
from inv import BEFORE, COUNT_BITS, counts, two_count, entry_base, entry_index, entry_parts, \
    facts_of_entry, facts_of_table, Region, table_base
from hwwalk import Walk, index, walk
from state import Slot, State, TablePage
from term import FALSE, TRUE, Term, add, and_, bits, bv, eq, implies, ite, not_, or_, sub

WRITES = ("store", "exchange", "compare_exchange")


class After:
    """Memory, counts and ghosts as the path left them.

    The ghosts are what the path made them: a table taken and linked has its place, a
    gathered one has none, and neither have the empty tables of other software that
    hung in it.  A count changes by the entries that began or ceased to count.
    """

    def __init__(self, state: State):
        self.slots = [s for s in state.slots.values() if s.value is not s.initial]
        self.tables = list(state.tables.values())
        self.fresh = [t for t in self.tables if t.fresh and t.base is not None]
        self.gathered = [t for t in self.tables if t.gathered]
        self.path_slots = list(state.slots.values())

    def mem(self, p: Term, i: Term) -> Term:
        value = BEFORE.mem(p, i)
        for t in self.fresh:
            value = ite(eq(p, t.page), bv(0, 64), value)
        for s in self.slots:
            value = ite(and_(eq(p, s.page), eq(i, s.index)), s.value, value)
        return value

    def gone(self, p: Term) -> Term:
        """Gathered, or below a gathered table."""
        found = FALSE
        for g in self.gathered:
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
            if t.live is not t.live_initial:
                found += [s for s in self.path_slots
                          if s.base is t.base and s.level == t.level + 1 and s not in found]
        return found

    def card(self, p: Term) -> Term:
        value = BEFORE.card(p)
        one, none = bv(1, COUNT_BITS), bv(0, COUNT_BITS)
        for s in self.affected():
            before = ite(counts(BEFORE, s.initial, s.level), one, none)
            after = ite(counts(self, s.value, s.level), one, none)
            value = add(value, ite(eq(p, s.page), sub(after, before), none))
        return value


class Moment:
    """Memory after the first @n events of a path: what a hardware walk sees then."""

    def __init__(self, state: State, n: int):
        self.values: dict[tuple[int, int], tuple[Slot, Term]] = {}
        for e in state.events[:n]:
            if e.slot is not None:
                self.values[e.slot.page.ident, e.slot.index.ident] = (e.slot, e.value)
        self.fresh = [t for t in state.tables.values() if t.fresh and t.base is not None]

    def mem(self, p: Term, i: Term) -> Term:
        value = BEFORE.mem(p, i)
        for t in self.fresh:
            value = ite(eq(p, t.page), bv(0, 64), value)
        for slot, v in self.values.values():
            value = ite(and_(eq(p, slot.page), eq(i, slot.index)), v, value)
        return value


def walk_facts(region: Region, va: Term, w: Walk) -> list[Term]:
    """The invariant at the tables and entries that a walk before the operation reads."""
    facts = []
    for n, level in enumerate((4, 3, 2, 1)):
        base = table_base(bits(va, 47, 12), level)
        there = facts_of_table(region, BEFORE, w.tables[n], level, base) if level < 4 else []
        there += facts_of_entry(region, BEFORE, w.tables[n], level, base, index(va, level))
        facts += [implies(w.reached[n], f) for f in there]
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
