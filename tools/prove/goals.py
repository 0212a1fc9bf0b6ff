# SPDX-License-Identifier: GPL-2.0
"""From a path to its goals: what must hold at its end and after each of its stores."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from cases import ANY
from hwwalk import INDEX_BITS, PAGE_BITS, VPN_BITS, Walk, accessed, dirty, is_leaf, \
    same_translation, walk
from inv import BEFORE, COUNT_BITS, Region, View, counts, entry_index, entry_parts, \
    facts_of_entry, facts_of_table, is_foreign, owned, table_base, table_parts, two_count
from smt import order
from state import Slot, State
from term import FALSE, TRUE, Term, and_, bits, bv, eq, implies, ne, not_, or_, var
from view import WRITES, After, Moment, pair_facts, walk_facts


@dataclass
class Goal:
    """Assumptions imply the claim.  @theorem: which of the five it belongs to."""
    theorem: str
    what: str
    assumptions: list[Term]
    claim: Term
    calls: Optional[int] = None	# of the environment, before the path comes here; None: all


def beside_memory(facts: list[Term]) -> list[Term]:
    """Those that say nothing of memory, nor of an array.  Where they suffice many paths have
    one goal in common, and an easier one."""
    return [f for f in facts if all(part.op != "app" for part in order([f]))]


class PathGoals:
    """Goals of one path that every operation has."""

    leaves_empty = False	# the operation is to make tables and leave them empty
    releases = False		# it is to release tables

    def __init__(self, region: Region, state: State):
        self.region, self.state = region, state
        self.after = After(state)
        self.given = state.facts + state.conditions
        self.before_v = walk(BEFORE.mem, region.root, ANY, region.width_mask)
        self.after_v = walk(self.after.mem, region.root, ANY, region.width_mask)
        self.facts_v = (walk_facts(region, ANY, self.before_v)
                        + pair_facts(state, ANY, self.before_v))

    def safety(self) -> list[Goal]:
        """Memory safety, ownership and the absence of undefined behaviour."""
        s = self.state
        goals = [Goal("safety", o.what, s.facts[:o.facts] + s.conditions[:o.conditions], o.claim,
                      o.calls) for o in s.obligations]
        if s.locked is not None:
            goals.append(Goal("safety", "every lock is released", self.given, FALSE))
        for t in s.tables.values():
            if t.fresh and t.base is None:
                goals.append(Goal("safety", "every table taken is linked", self.given, FALSE))
            if t.released and not self.releases:
                goals.append(Goal("safety", "tables are released where a region is cut alone",
                                  self.given, FALSE))
        return goals

    def bits_before_last(self) -> list[Goal]:
        """Of several writes to one entry, only what the last one replaces is handed out or
        compared: those before it must not take A or D from a leaf."""
        goals = []
        last: dict[tuple[int, int], tuple[Slot, Term, Term]] = {}
        for slot, old, new in self.writes():
            key = (slot.page.ident, slot.index.ident)
            if key in last:
                goals.append(self.loses_nothing(*last[key]))
            last[key] = slot, old, new
        return goals

    def writes(self) -> list[tuple[Slot, Term, Term]]:
        """Of each write: the entry, what it replaced, and by what."""
        found = []
        current: dict[tuple[int, int], Term] = {}
        for e in self.state.events:
            if e.slot is None:
                continue
            key = (e.slot.page.ident, e.slot.index.ident)
            if e.kind in WRITES:
                found.append((e.slot, current.get(key, e.slot.initial), e.value))
            current[key] = e.value
        return found

    def loses_nothing(self, slot: Slot, old: Term, new: Term) -> Goal:
        return Goal("a/d", "a write that another one follows takes no A or D away", self.given,
                    implies(is_leaf(old, slot.level), and_(
                        implies(accessed(old), accessed(new)), implies(dirty(old), dirty(new)))))

    def sets_no_bit(self) -> list[Goal]:
        """What is told of A and D comes from hardware."""
        return [Goal("a/d", "A and D of a leaf are set by hardware alone", self.given, and_(*(
            implies(and_(is_leaf(new, slot.level), get(new)),
                    and_(is_leaf(old, slot.level), get(old))) for get in (accessed, dirty))))
            for slot, old, new in self.writes()]

    def reclaimed(self) -> list[Goal]:
        """A table that has lost its last entry is unlinked, or left by who may not do that; and
        one that was made has got one."""
        none, goals = bv(0, COUNT_BITS), []
        for t in self.state.tables.values():
            if t.live is None or t.deferred or t.left or t.base is None:
                continue
            if t.fresh and t.owned is not None and not self.leaves_empty:
                goals.append(Goal("reclamation", f"a table made is used, level {t.level}",
                                  self.given, implies(t.owned, ne(t.live, none))))
            elif t.live is not t.live_initial:
                goals.append(Goal("reclamation", f"an emptied table is unlinked, level {t.level}",
                                  self.given, or_(ne(t.live, none), eq(t.live_initial, none))))
        return goals

    def walks(self, what: str, claim: Term, theorem: str = "refinement") -> Goal:
        """A claim about the walk of an arbitrary address."""
        return Goal(theorem, what, self.given + self.facts_v, claim)

    def steps(self) -> list[Goal]:
        """After each store, a walk of any address sees the old or the new."""
        goals = []
        events = self.state.events
        writes = [n for n, e in enumerate(events) if e.kind in WRITES]
        for n in writes[:-1]:
            seen = walk(Moment(self.state, n + 1).mem, self.region.root, ANY,
                        self.region.width_mask)
            goals.append(self.walks(
                f"after store {writes.index(n) + 1}: the old translation or the new",
                or_(same_translation(seen, self.before_v), same_translation(seen, self.after_v)),
                "transactional"))
        return goals

    # The invariant at an arbitrary place

    def invariant(self) -> list[Goal]:
        if self.state.reserve_only():
            return []
        goals = []
        for level in (4, 3, 2, 1):
            goals += self.invariant_at(level)
        goals += [Goal("invariant", "each entry of a table that was filled counts", self.given,
                       counts(self.after, t.filled(var("i", INDEX_BITS)), t.level))
                  for t in self.after.fresh if t.filled]
        return goals + [self.beside_region()]

    def place_facts(self, p: Term, level: int, i: Term) -> list[Term]:
        """The invariant before, at an arbitrary entry, its table and the tables above."""
        facts, guard, at = [], eq(BEFORE.level(p), bv(level, 3)), level
        base = BEFORE.base(p) if level < 4 else bv(0, VPN_BITS)
        facts += [implies(guard, f) for f in
                  facts_of_table(self.region, BEFORE, p, level, base)
                  + facts_of_entry(self.region, BEFORE, p, level, base, i)]
        facts += [implies(and_(guard, eq(p, s.page)), two_count(BEFORE, s.page, level, s.index, i))
                  for s in self.state.slots.values()
                  if s.level == level and not self.state.tables[s.page.ident].fresh]
        up, at = p, level
        while at < 4:
            below = BEFORE.base(up)
            up, at = BEFORE.parent(up), at + 1
            base = BEFORE.base(up) if at < 4 else bv(0, VPN_BITS)
            slot = entry_index(below, at)
            facts += [implies(guard, f) for f in
                      facts_of_table(self.region, BEFORE, up, at, base)
                      + facts_of_entry(self.region, BEFORE, up, at, base, slot)]
            facts += [implies(and_(guard, eq(up, s.page)),
                              two_count(BEFORE, s.page, at, s.index, slot))
                      for s in self.state.slots.values()
                      if s.level == at and not self.state.tables[s.page.ident].fresh]
        return facts + self.facts_of_the_run(p, level, i)

    def about_run(self, level: int, p: Term, i: Term) -> list[Term]:
        """What the path so far tells of an entry that may lie in its run of entries."""
        raise NotImplementedError

    def facts_of_the_run(self, p: Term, level: int, i: Term) -> list[Term]:
        """The same of an arbitrary entry, or of the one above it at the run's level."""
        facts: list[Term] = []
        if self.state.run is None:
            return facts
        guard, up, slot = eq(BEFORE.level(p), bv(level, 3)), p, i
        for at in range(level, 5):
            if at == self.state.run.level:
                facts += [implies(guard, f) for f in self.about_run(at, up, slot)]
            if at < 4:
                slot, up = entry_index(BEFORE.base(up), at + 1), BEFORE.parent(up)
        return facts

    def somewhere(self, level: int) -> list[Term]:
        """What is assumed of an arbitrary entry of a table that has @level afterwards."""
        p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
        return (self.given + self.place_facts(p, level, i)
                + [eq(self.after.level(p), bv(level, 3))])

    def invariant_at(self, level: int) -> list[Goal]:
        r, after = self.region, self.after
        p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
        facts = self.given + self.place_facts(p, level, i)
        base = after.base(p) if level < 4 else bv(0, VPN_BITS)
        here = facts + [eq(after.level(p), bv(level, 3))]
        parts = dict(table_parts(r, after, p, level, base))
        parts.update(entry_parts(r, after, p, level, base, i))
        goals = [Goal("invariant", f"{name}, level {level}", here, claim)
                 for name, claim in parts.items()]
        changed = ne_bool(counts(after, after.mem(p, i), level),
                          counts(BEFORE, BEFORE.mem(p, i), level))
        was = facts + [or_(eq(after.level(p), bv(level, 3)), eq(BEFORE.level(p), bv(level, 3)))]
        goals.append(Goal("invariant", f"what counts anew is known, level {level}",
                          was + [ne(p, t.page) for t in after.fresh], implies(changed, after.listed(p, i))))
        goals.append(Goal("invariant", f"no table of the core's is lost, level {level}",
                          facts + [eq(BEFORE.level(p), bv(level, 3)), after.gone(p)],
                          eq(after.live(p), bv(0, COUNT_BITS))))
        goals.append(Goal("invariant", f"a deferred table holds no leaf, level {level}",
                          facts + [eq(BEFORE.level(p), bv(level, 3)), after.gone(p)],
                          not_(counts(after, after.mem(p, i), level))))
        return [g for g in goals if g.claim is not TRUE and FALSE not in g.assumptions]

    def beside_region(self) -> Goal:
        """So a walk that has left the region's tree does not come back to it."""
        p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
        return Goal("invariant", "tables beside the region stay as they are",
                    self.given + [is_foreign(BEFORE, p)],
                    and_(eq(self.after.mem(p, i), BEFORE.mem(p, i)), is_foreign(self.after, p)))


class DeadEnd(PathGoals):
    """A path that the solver calls impossible: it must be, whatever it has assumed; and what
    it owed in front of that is shown as everywhere."""

    def __init__(self, operation, region: Region, state: State):
        super().__init__(region, state)
        self.operation, self.before_va = operation, self.before_v

    def name(self) -> str:
        return "impossible"

    def assumption_sets(self) -> list[tuple[str, list[Term]]]:
        return []


def goals_of(f: DeadEnd) -> list[Goal]:
    return f.safety() + [Goal("safety", "a path that leads nowhere is impossible", f.given, FALSE)]


def passes_no_empty(r: Region, v: View, va: Term, w: Walk, below: int = 4) -> Term:
    """No table of the core's below level @below that @w, a walk for @va, passes has count 0."""
    return and_(*(implies(
        and_(w.reached[4 - n], owned(r, table_base(bits(va, 47, 12), n), n)),
        ne(v.live(w.tables[4 - n]), bv(0, COUNT_BITS))) for n in range(1, below)))


def ne_bool(a: Term, b: Term) -> Term:
    return not_(eq(a, b))
