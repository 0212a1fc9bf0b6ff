# SPDX-License-Identifier: GPL-2.0
"""The goals of pt_map_range()'s paths: each induction's beginning, its step and its end."""
from __future__ import annotations

import abstract as a
from cases import ANY
from goals import Goal, PathGoals, beside_memory
from hwwalk import Walk, index, present, same_but_a_d, same_translation, shift, walk
from inv import BEFORE, Region
from maprange import COUNTED, MISSING, PAGES, SEEN, SEEN_ALL, WRONG, arguments_ok, asked, at, \
    come_to, entries_at, frame, frame_fact, frame_of, free_between, range_end, table_at, wrong
from operations import N, RESERVE, RIGHTS, VA, overlap
from ranges import PROGRESS, held, kept
from state import Element, Event, Known, Slot, State
from term import FALSE, TRUE, Term, add, and_, bits, bv, concat, eq, implies, ne, not_, or_, \
    shl, sub, ule, ult, var, zext
from view import in_run, run_facts, walk_facts

INDEX = var("index", 64)		# of an arbitrary frame in the array


class MapRangePath(PathGoals):
    """One path between two cuts."""

    def __init__(self, operation, region: Region, state: State):
        super().__init__(region, state)
        self.operation, self.level = operation, operation.level
        self.before_va = walk(BEFORE.mem, region.root, VA, region.width_mask)
        if state.phase == "filling" and state.loop != "filling":
            # Whether there is another run, no goal but last() needs to know.
            self.given = state.facts + state.conditions[:-1]
        if self.level is None:
            return
        self.at, self.end = at(self.level), range_end(self.level)
        self.before_at = self.walked(self.at)
        self.facts_at = walk_facts(region, self.at, self.before_at)
        if state.phase in ("fill", "made", "filling"):
            self.facts_v = self.facts_v + [
                free_between(region, self.at, self.end, ANY, self.level)]
        if state.run is not None:
            w, level = self.before_v, state.run.level
            self.facts_v = self.facts_v + [
                implies(w.reached[4 - level], f)
                for f in self.about_run(level, w.tables[4 - level], index(ANY, level))]

    def walked(self, va: Term) -> Walk:
        return walk(BEFORE.mem, self.region.root, va, self.region.width_mask)

    def about_run(self, level: int, p: Term, i: Term) -> list[Term]:
        run = self.state.run
        facts = run_facts(self.region, run, level, p, i)
        if run.fill and level == run.level:
            facts.append(implies(in_run(run, p, i), frame_fact(self.region, level, i)))
        return facts

    def name(self) -> str:
        return self.state.phase

    def assumption_sets(self) -> list[tuple[str, list[Term]]]:
        s = self.state
        sets = [("the walks'", s.facts + s.conditions + self.facts_v)]
        if self.ends():
            sets += [(f"the invariant's, level {level}", self.somewhere(level))
                     for level in (1, 2, 3, 4)]
        return sets

    def ends(self) -> bool:
        """The core has written, and has come to where the invariant holds again.

        That it holds after steps of hardware alone is a theorem ("step of hardware").
        """
        return not self.silent() and self.state.loop not in ("look", "filling")

    def silent(self) -> bool:
        s = self.state
        return (all(e.kind == "hardware" for e in s.events)
                and all(t.live is t.live_initial for t in s.tables.values()))

    # Goals

    def claim(self, what: str, claim: Term, more: list[Term] | None = None,
              theorem: str = "refinement") -> Goal:
        return Goal(theorem, f"{self.state.phase}: {what}", self.given + (more or []), claim)

    def goals(self) -> list[Goal]:
        s = self.state
        goals = {"entry": self.entry, "array": self.array, "check": self.check,
                 "look": self.check, "fill": self.fill, "made": self.fill,
                 "filling": self.filling}[s.phase]()
        if s.cut and s.reserve is not RESERVE:
            goals.append(self.claim("takes no table but for a path", FALSE))
        return goals

    def status(self) -> int | None:
        return self.state.result.value if self.state.result is not None else None

    def quiet(self) -> Goal:
        return self.claim("nothing is written", TRUE if self.silent() else FALSE)

    def entry(self) -> list[Goal]:
        valid = FALSE if self.level is None else arguments_ok(self.region, self.level)
        if self.state.loop == "array":
            seen, i = self.state.heads
            return [self.quiet(), self.claim("goes on with good arguments only", valid),
                    self.claim("begins with the first frame",
                               and_(eq(seen, bv(0, 64)), eq(i, bv(0, 64)))),
                    self.nothing_counted()]
        refused = FALSE if self.state.loop else eq(self.state.result, bv(a.INVALID, 32))
        return [self.quiet(), self.claim("answers INVALID when it should",
                                         and_(refused, not_(valid)))]

    def array(self) -> list[Goal]:
        r, level, s = self.region, self.level, self.state
        seen_one = [implies(and_(ult(INDEX, SEEN), wrong(r, frame(INDEX), level)),
                            wrong(r, SEEN_ALL, level))]
        goals = [self.quiet()]
        if s.loop == "array":
            new, i = s.heads
            bad = wrong(r, new, level)
            return goals + [
                self.nothing_counted(),
                self.claim("goes on with the next frame",
                           and_(eq(i, add(SEEN, bv(1, 64))), ult(i, N))),
                self.claim("no wrong bit is missed", implies(
                    and_(ult(INDEX, i), wrong(r, frame(INDEX), level)), bad), seen_one),
                self.claim("a wrong bit is some frame's", implies(bad, or_(
                    and_(ult(WRONG, SEEN), wrong(r, frame(WRONG), level)),
                    wrong(r, frame(SEEN), level))))]
        if s.loop == "check":
            va, = s.heads
            return goals + [
                self.claim("goes on when every frame is fine",
                           implies(ult(INDEX, N), a.frame_ok(r, frame(INDEX), level)), seen_one),
                self.claim("goes on where the range begins, with nothing counted",
                           and_(eq(va, VA), eq(self.counted(), bv(0, 64)), ult(VA, self.end)))]
        some = or_(*(and_(ult(i, N), not_(a.frame_ok(r, frame(i), level)))
                     for i in (WRONG, SEEN)))
        return goals + [self.claim("answers INVALID when some frame is wrong",
                                   and_(eq(s.result, bv(a.INVALID, 32)), some))]

    def nothing_counted(self) -> Goal:
        return self.claim("has counted nothing yet", eq(self.counted(), bv(0, 64)))

    def counted(self) -> Term:
        return self.state.objects[COUNTED][0][1]

    def check(self) -> list[Goal]:
        s, status = self.state, self.status()
        if status == a.AGAIN:
            return self.again()
        goals = [self.quiet()]
        if status == a.EXISTS:
            return goals + [self.exists()]
        if s.loop == "look":
            return goals + self.looked()
        if s.loop == "check":
            done, = s.heads
            w = self.walked(done)
            more = walk_facts(self.region, done, w) + self.run_at(done, w)
            goals += [
                self.claim("comes further", and_(ult(self.at, done), ult(done, self.end),
                                                 a.aligned(done, self.level))),
                self.claim("no missing table was counted before",
                           a.starts_new(w, done, VA, self.level), self.facts_at + more)]
            return goals + self.passed(done, self.given)
        if s.loop == "fill":
            va, frames = s.heads
            first = isinstance(frames, Element) and frames.index is bv(0, 64)
            goals += [self.claim("begins to fill where the range begins",
                                 and_(eq(va, VA), TRUE if first else FALSE)),
                      self.claim("begins with as many frames as pages", eq(
                          N, zext(bits(sub(self.end, VA), 63, shift(self.level)), 64))),
                      self.claim("there are enough tables", ule(self.counted(), RESERVE))]
        else:
            goals.append(self.claim("answers NOMEM when there are not enough tables", and_(
                TRUE if status == a.NOMEM else FALSE, ult(RESERVE, self.counted()))))
        # Whether there are enough is the last condition, which the rest need not know.
        return goals + self.passed(self.end, s.facts + s.conditions[:-1])

    def passed(self, done: Term, given: list[Term]) -> list[Goal]:
        """[@at, @done) is free, and its missing tables are counted."""
        s, level = self.state, self.level
        goals = []
        if s.phase == "look":
            end = add(come_to(level), bv(1 << shift(level), 64))
            goals.append(Goal("refinement", "look: passes to the run's end", given, eq(end, done)))
            given, done = s.facts + s.conditions[:self.looked_at()], end
        goals.append(Goal("refinement", f"{s.phase}: the places are free", given + self.facts_v,
                          implies(and_(ule(self.at, ANY), ult(ANY, done)),
                                  a.free(self.before_v, level))))
        return goals + self.counts(done, given)

    def looked_at(self) -> int:
        """How many conditions there were, with the one that the entry is empty."""
        known, there = Known(), present(self.slot_here().initial)
        for n, condition in enumerate(self.state.conditions, 1):
            known.learn(condition)
            if known.reduce(there) is FALSE:
                return n
        return len(self.state.conditions)

    def run_at(self, va: Term, w: Walk) -> list[Term]:
        run = self.state.run
        if run is None:
            return []
        return [implies(w.reached[4 - run.level], f) for f in
                self.about_run(run.level, w.tables[4 - run.level], index(va, run.level))]

    def counts(self, done: Term, given: list[Term]) -> list[Goal]:
        """The number grows by the sum, over the run's pages, of what each one needs."""
        s, level, w = self.state, self.level, self.before_at
        hole, size = min(t.level for t in s.tables.values()), bv(1 << shift(level), 64)

        def so_far(va: Term) -> Term:
            return a.touched(self.at, va, level, hole)

        def goal(what: str, claim: Term, more: list[Term]) -> Goal:
            return Goal("refinement", f"{s.phase}: {what}", given + more, claim)
        inside = and_(ult(self.at, ANY), ult(ANY, done), a.aligned(ANY, level))
        here = a.needed(self.before_v, ANY, VA, level)
        return [
            goal("counts the first page's tables", and_(eq(w.level, bv(hole, 3)), eq(
                a.needed(w, self.at, VA, level), so_far(add(self.at, size)))), self.facts_at),
            goal("counts every other page's tables", implies(
                inside, eq(add(so_far(ANY), here), so_far(add(ANY, size)))),
                self.facts_at + self.facts_v),
            goal("counts to the run's end", eq(s.known.reduce(self.counted()),
                                               add(MISSING, so_far(done))), [])]

    def looked(self) -> list[Goal]:
        """To the run's first entry, or to the next one."""
        s, (i,) = self.state, self.state.heads
        if s.phase == "check":
            return [self.claim("begins with its first entry", eq(i, bv(0, i.width))),
                    self.claim("the run is in its table and the range",
                               and_(*self.run_ok()), self.facts_at),
                    self.claim("the run has the entries that it should",
                               eq(zext(held(s)[16][1], 64), entries_at(self.level)))]
        slot = self.slot_here()
        return [self.claim("looks at the next entry", and_(
            eq(i, add(zext(PROGRESS, i.width), bv(1, i.width))),
            ult(zext(i, 64), entries_at(self.level)))),
            self.claim("the entry was empty", eq(slot.initial, bv(0, 64))),
            self.claim("nothing else changes", TRUE if kept(s) else FALSE)]

    def run_ok(self) -> list[Term]:
        """What in_run() of maprange.py takes for granted of a run's beginning."""
        w, n = self.before_at, entries_at(self.level)
        return [w.reached[4 - self.level], ne(n, bv(0, 64)), ule(n, bv(512, 64)),
                ule(add(zext(index(self.at, self.level), 64), n), bv(512, 64))]

    def slot_here(self) -> Slot | None:
        """The entry that the run has come to."""
        run = self.state.run
        return self.state.slots.get((run.table.ident, add(run.first, run.count).ident))

    def exists(self) -> Goal:
        """A mapped address in the range."""
        if self.state.phase == "check":
            return self.claim("answers EXISTS where something is mapped",
                              and_(self.before_at.mapped, ule(VA, self.at), ult(self.at, self.end)),
                              self.facts_at)
        va, level = come_to(self.level), self.level
        w = self.walked(va)
        found, facts = overlap(self.region, va, w, level)
        last = add(va, bv((1 << shift(level)) - 1, 64))
        return self.claim("answers EXISTS where something is mapped in a page of the range",
                          and_(found, ule(VA, va), ult(last, self.end)),
                          walk_facts(self.region, va, w) + facts + self.run_at(va, w))

    def again(self) -> list[Goal]:
        """An empty table stood in the place of a page; in front of it all is free."""
        va, level = come_to(self.level), self.level
        w = self.walked(va)
        facts = walk_facts(self.region, va, w) + self.run_at(va, w)
        same = same_translation(self.before_v, self.after_v)
        now = walk(self.after.mem, self.region.root, va, self.region.width_mask)
        in_front = and_(ule(self.at, ANY), ult(ANY, va))
        return [
            self.claim("answers AGAIN where a table stands in a page's place", and_(
                ule(VA, va), ult(va, self.end), ult(w.level, bv(level, 3))), facts),
            self.claim("AGAIN: that place is free now", a.free(now, level), facts),
            self.walks("look: AGAIN: every walk is as before", same),
            self.walks("look: AGAIN: the places in front of it are free",
                       implies(in_front, a.free(self.before_v, level))),
            self.walks("look: AGAIN: nothing is mapped in its page", implies(
                a.in_page(va, ANY, level), a.not_mapped(self.before_v)))]

    def fill(self) -> list[Goal]:
        s, level, w = self.state, self.level, self.before_at
        goals = [self.quiet()]
        if s.loop == "made":
            _, va, wanted, _ = s.heads	# the first was compared when it was called
            goals.append(self.claim("a path is made where one is missing", and_(
                eq(va, self.at), eq(wanted, bv(level, 32)), a.page_ok(self.region, self.at, level),
                a.free(w, level), ule(a.missing(w, level), RESERVE),
                eq(a.missing(w, level), a.needed(w, self.at, self.at, level))), self.facts_at))
            return goals
        i, = s.heads
        return goals + self.joined() + [
            self.claim("begins with its first entry", eq(i, bv(0, i.width))),
            self.claim("the table is that of the walk", and_(
                eq(table_at(s, level).page, w.tables[4 - level]), *self.run_ok()), self.facts_at),
            self.claim("no table is needed there", eq(
                a.needed(w, self.at, self.at, level), bv(0, 64)), self.facts_at)]

    def joined(self) -> list[Goal]:
        """The run goes on from the path that knows least: what it has assumed holds here."""
        s, other = self.state, self.state.joins
        if other is None or s.phase == "made":
            return []
        known = {t.ident for t in self.given}
        return [self.claim("knows as much as the path by which the run goes on", and_(
            *(t for t in other.facts + other.conditions if t.ident not in known)),
            self.facts_at)]

    def filling(self) -> list[Goal]:
        s, level, here = self.state, self.level, self.slot_here()
        done = add(come_to(level), bv(1 << shift(level), 64))
        goals = [
            self.claim("the entry was empty", eq(here.initial, bv(0, 64))),
            self.claim("the entry becomes what it should",
                       eq(here.value, asked(self.region, level, here.index))),
            *self.stored(done)]
        if s.loop == "filling":
            i, = s.heads
            return goals + [
                self.claim("fills the next entry", and_(
                    eq(i, add(zext(PROGRESS, i.width), bv(1, i.width))),
                    ult(zext(i, 64), entries_at(level)))), self.only_this_entry(here)]
        if s.loop == "fill":
            va, frames = s.heads
            pages = frames.index if isinstance(frames, Element) else bv(-1, 64)
            return goals + [self.last("goes on where the run ends", and_(
                eq(va, done), ult(self.at, done), ult(done, self.end),
                eq(pages, add(PAGES, add(zext(PROGRESS, 64), bv(1, 64)))), ult(pages, N),
                eq(va, add(VA, shl(pages, shift(level)))),
                eq(sub(N, pages), zext(bits(sub(self.end, va), 63, shift(level)), 64))))]
        return goals + [self.last("answers OK when all is mapped", and_(
            eq(s.result, bv(a.OK, 32)), eq(done, self.end)))]

    def last(self, what: str, claim: Term) -> Goal:
        """After the run's end, whatever was counted: with its condition and the path's last."""
        s, store = self.state, self.last_store()
        given = s.facts[:store.facts] + s.conditions[:store.conditions + 1] + s.conditions[-1:]
        return Goal("refinement", f"filling: {what}", beside_memory(given), claim)

    def last_store(self) -> Event:
        return next(e for e in reversed(self.state.events) if e.kind == "store")

    def stored(self, done: Term) -> list[Goal]:
        """What holds after each store of a run, however the path goes on."""
        s, level = self.state, self.level
        store = self.last_store()
        given = s.facts[:store.facts] + s.conditions[:store.conditions]
        before, now = self.before_v, self.after_v
        there = and_(ule(self.at, ANY), ult(ANY, done))
        behind = and_(ule(done, ANY), ult(ANY, self.end))
        low = shift(level)
        number = zext(sub(bits(ANY, 47, low), bits(self.at, 47, low)), 64)
        i = index(ANY, level)
        pa = concat(bits(frame_of(level, i), 63, 12), bv(0, 12))

        def goal(what: str, claim: Term, theorem: str = "refinement") -> Goal:
            return Goal(theorem, f"filling: {what}", given + self.facts_v, claim)
        return [
            # So that frame_of() gives it the frame that the array has there.
            Goal("refinement", "filling: a page's number in the run is its entry's",
                 beside_memory(given), implies(there, eq(
                     number, zext(sub(i, index(self.at, level)), 64)))),
            goal("the pages so far are mapped as asked", implies(
                there, a.maps(now, pa, bv(level, 3), RIGHTS)), "transactional"),
            goal("elsewhere the walk is as before", implies(
                not_(there), same_but_a_d(before, now)), "transactional"),
            goal("the rest of the range is free", implies(behind, a.free(now, level))),
            goal("the rest needs no more tables than before", implies(behind, ule(
                a.needed(now, ANY, done, level), a.needed(before, ANY, self.at, level))))]

    def only_this_entry(self, here: Slot) -> Goal:
        s = self.state
        same = (all(o is here or o.value is o.initial for o in s.slots.values())
                and all(t.live is t.live_initial for t in s.tables.values()) and kept(s))
        return self.claim("no other entry, no count and nothing else changes",
                          TRUE if same else FALSE)


def goals_of(f: MapRangePath) -> list[Goal]:
    goals = (f.safety() + f.goals() + f.steps() + f.bits_before_last() + f.sets_no_bit()
             + f.reclaimed())
    if f.ends():
        goals += f.invariant()
    return [g for g in goals if not (g.what == "every lock is released"
                                     and f.state.loop == "filling")]
