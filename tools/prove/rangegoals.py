# SPDX-License-Identifier: GPL-2.0
"""The goals of a range form's paths: each induction's beginning, its step and its end."""
from __future__ import annotations

import abstract as a
from cases import ANY, Case, cases
from goals import Goal, PathGoals, beside_memory, passes_no_empty
from hwwalk import Walk, accessed, dirty, execute_disable, index, is_leaf, is_table, \
    same_but_a_d, shift, user, walk, writable
from inv import BEFORE, Region
from operations import RESERVE, RIGHTS, VA
from ranges import BYTES, END, HERE, LEAVES, PROGRESS, REMOVED, SEEN, held, kept, straddles, \
    whole_at
from state import Slot, State
from term import FALSE, TRUE, Term, add, and_, bit, bits, boolean, bv, bvand, bvnot, concat, \
    eq, implies, ite, ne, not_, or_, sub, ule, ult, var, zext
from view import Apart, met, run_facts, run_pair, run_value, walk_facts


def rights_of(e: Term) -> Term:
    """The rights of a leaf, as three bits of the interface."""
    def one(t: Term) -> Term:
        return ite(t, bv(1, 1), bv(0, 1))
    return concat(one(user(e)), one(writable(e)), one(not_(execute_disable(e))))


class RangePath(PathGoals):
    def __init__(self, operation, region: Region, state: State):
        super().__init__(region, state)
        self.operation = operation
        self.before_va = walk(BEFORE.mem, region.root, HERE, region.width_mask)
        self.protects = "protect" in operation.function
        # That no leaf straddles the end; a leaf of 4 KiB never does.
        self.at_end = whole_at(region, END) if state.phase != "entry" else []
        run = state.run
        if run is None:
            return
        here = self.slot_here()
        self.given = self.given + run_pair(run, state, run.level, run.table, run.first)
        if here is not None and self.protects and here.value is not here.initial:
            # The ghost of what hardware did to this entry, from here on part of the run's.
            cur = self.replaced(here)
            self.given = self.given + [
                eq(accessed(met(here.initial, here.index)), accessed(cur)),
                eq(dirty(met(here.initial, here.index)), dirty(cur))]
        w = self.before_v
        level = run.level
        self.facts_v = self.facts_v + [
            implies(w.reached[4 - level], f)
            for f in self.about_run(level, w.tables[4 - level], index(ANY, level))]

    def about_run(self, level: int, p: Term, i: Term) -> list[Term]:
        run = self.state.run
        facts = run_facts(self.region, run, level, p, i)
        facts += run_pair(run, self.state, level, p, i)
        if self.protects:
            from view import in_run
            e = BEFORE.mem(p, i)
            fresh = eq(bvand(rights_of(e), bvnot(SEEN)), bv(0, 3))
            facts.append(implies(and_(in_run(run, p, i), is_leaf(e, level)), fresh))
        return facts

    def slot_here(self) -> Slot | None:
        """The entry that the run has come to."""
        run = self.state.run
        return self.state.slots.get((run.table.ident, add(run.first, run.count).ident))

    def replaced(self, slot: Slot) -> Term:
        """What the last write to an entry replaced."""
        value, old = slot.initial, slot.initial
        for e in self.state.events:
            if e.slot is not None and e.slot.page is slot.page and e.slot.index is slot.index:
                if e.kind != "hardware":
                    old = value
                value = e.value
        return old

    def name(self) -> str:
        return self.state.phase

    def assumption_sets(self) -> list[tuple[str, list[Term]]]:
        return [("the walks'", self.given + self.facts_v + self.at_end)]

    def claim(self, what: str, claim: Term, theorem: str = "refinement") -> Goal:
        return Goal(theorem, f"{self.state.phase}: {what}", self.given, claim)

    def quiet(self) -> Goal:
        s = self.state
        silent = (all(e.kind in ("hardware",) for e in s.events)
                  and all(t.live is t.live_initial for t in s.tables.values()))
        return self.claim("nothing is written", TRUE if silent else FALSE)

    def done_is(self, wanted: dict[int, Term]) -> list[Goal]:
        found = self.state.objects["done"]
        return [self.claim(f"what was done is told (byte {at})",
                           eq(found[at][1], value) if at in found else FALSE)
                for at, value in wanted.items()]

    def goals(self) -> list[Goal]:
        goals = {"entry": self.entry, "start of a run": self.start, "entry of a run": self.step,
                 "run": self.end}[self.state.phase]()
        if self.protects:
            # The run's ghosts have what hardware did before a store, not between two.
            goals.append(self.claim("an entry's rights change by one store",
                                    boolean(len(self.writes()) <= 1), "transactional"))
            goals += self.within_range()
        if self.state.pending:
            goals.append(self.claim("every removed leaf is handed over", FALSE, "a/d"))
        if self.state.reserve is not RESERVE:
            goals.append(self.claim("takes no table", FALSE))
        return goals

    def within_range(self) -> list[Goal]:
        """What reaches beyond the range, operations beside it share."""
        goals = []
        for slot, _, _ in self.writes():
            if slot.level > 2:
                begin = concat(bv(0, 16), slot.base, bv(0, 12))
                end = add(begin, bv(1 << shift(slot.level), 64))
                goals.append(Goal("safety", "an entry above level 2 that changes is in the range",
                                  self.given + self.at_end, and_(ule(HERE, begin), ule(end, END))))
        return goals

    def entry(self) -> list[Goal]:
        s, r = self.state, self.region
        w, v = (walk(BEFORE.mem, r.root, at, r.width_mask) for at in (VA, END))
        valid = and_(ult(VA, END), a.aligned(VA, 1), a.aligned(END, 1), ule(r.start, VA),
                     ule(END, r.end), not_(straddles(w, VA)),
                     or_(eq(END, r.end), not_(straddles(v, END))),
                     a.rights_ok(RIGHTS) if self.protects else TRUE)
        goals = [self.quiet()] + self.done_is({n: bv(0, 64) for n in (0, 8, 16)})
        if s.cut:
            here = [eq(*s.heads, VA), valid]
            return goals + [self.claim("goes on where the range begins", and_(*here))]
        refused = eq(s.result, bv(a.INVALID, 32))
        return goals + [self.claim("answers INVALID when it should", and_(refused, not_(valid)))]

    def start(self) -> list[Goal]:
        run = held(self.state)
        first, entries = run[12][1], run[16][1]
        zero = and_(*(eq(v, bv(0, v.width)) for v in self.state.heads))
        same = {0: BYTES, 8: LEAVES}
        return [self.quiet(), self.claim("begins with its first entry", zero),
                self.claim("has entries, and they are in the table", and_(
                    ne(entries, bv(0, 32)), ule(entries, bv(512, 32)), ult(first, bv(512, 32)),
                    ule(add(first, entries), bv(512, 32))))] + self.done_is(same)

    def step(self) -> list[Goal]:
        s, here = self.state, self.slot_here()
        entries = held(s)[16][1]
        leaf = is_leaf(here.initial, here.level)
        moved = and_(eq(s.heads[0], add(zext(PROGRESS, s.heads[0].width),
                                        bv(1, s.heads[0].width))),
                     ult(add(zext(PROGRESS, 32), bv(1, 32)), entries))
        counted = eq(s.heads[1], add(zext(REMOVED, s.heads[1].width),
                                     ite(leaf, bv(1, s.heads[1].width), bv(0, s.heads[1].width))))
        goals = [self.claim("goes on at the next entry", moved),
                 self.claim("counts what it has changed", counted),
                 self.claim("the entry was no table", not_(is_table(here.initial, here.level))),
                 self.claim("the entry becomes what it should",
                            eq(here.value, run_value(s.run, here.initial, here.index))),
                 self.only_this_entry()]
        if self.protects:
            old, new = bits(s.heads[2], 2, 0), ite(leaf, rights_of(here.initial), bv(0, 3))
            goals += [self.claim("remembers which rights there were", and_(
                eq(bits(s.heads[2], 31, 3), bv(0, 29)),
                eq(old, or_bits(SEEN, new))))]
            goals += self.bits_kept(here)
        return goals + self.done_is({0: BYTES, 8: LEAVES})

    def only_this_entry(self) -> Goal:
        s, here = self.state, self.slot_here()
        same = (all(o is here or o.value is o.initial for o in s.slots.values())
                and all(t.live is t.live_initial for t in s.tables.values()) and kept(s))
        return self.claim("no other entry, no count and nothing else changes",
                          TRUE if same else FALSE)

    def bits_kept(self, here: Slot) -> list[Goal]:
        """Protect: A and D as hardware last set them stay; D goes with the right to write."""
        if not self.writes():
            return []
        old, new = self.replaced(here), here.value
        return [self.claim("A stays, and D where it can be written", and_(
            eq(accessed(new), accessed(old)),
            eq(dirty(new), and_(dirty(old), bit(RIGHTS, a.WRITE)))), "a/d")]

    def end(self) -> list[Goal]:
        s = self.state
        goals = []
        if s.cut:
            next_, = s.heads
            further = ule(HERE, next_) if self.linked() else ult(HERE, next_)
            goals += [Goal("refinement", "run: comes further", self.arithmetic(), and_(
                a.aligned(next_, 1), ule(self.region.start, next_), further,
                ult(next_, END))), *self.whole(next_)]
        else:
            next_ = END
            goals.append(self.claim("answers OK", eq(s.result, bv(a.OK, 32))))
        if self.protects:
            here = self.slot_here()
            goals += [] if here is None else self.bits_kept(here)
            told, was = s.objects["done"][16][1], var("was_revoked", 8)
            goals += [self.claim("does not forget that rights were taken away",
                                 or_(eq(told, was), eq(told, bv(1, 8)))),
                      self.claim("tells of rights taken away only if some were", or_(
                          eq(told, was), ne(bvand(self.rights_seen(), bvnot(bits(RIGHTS, 2, 0))),
                                            bv(0, 3))))]
        else:
            goals.append(self.swept(next_))
        goals += self.walks_to(next_)
        return goals + self.told()

    def linked(self) -> bool:
        """Others have linked a table at the entry that the run has come to.  If it is the first,
        the next walk goes through that table, which nobody unlinks meanwhile."""
        return any(e.kind == "linked" for e in self.state.events)

    def rights_seen(self) -> Term:
        """Of all leaves of the run, the last one too: their rights, together."""
        leaves = [or_bits(SEEN, ite(is_leaf(old, slot.level), rights_of(old), bv(0, 3)))
                  for slot, old, _ in self.writes()]
        return leaves[0] if leaves else SEEN

    def swept(self, next_: Term) -> Goal:
        """Of the tables that the walk passes through afterwards, none of the core's is empty, but
        for one that others have linked, through which the next walk goes."""
        now = walk(self.after.mem, self.region.root, HERE, self.region.width_mask)
        claim = passes_no_empty(self.region, self.after, HERE, now)
        if self.linked():
            claim = or_(eq(next_, HERE), claim)
        return Goal("reclamation", "run: no empty table of the core's stays on the way",
                    self.given, claim)

    def whole(self, next_: Term) -> list[Goal]:
        """No leaf straddles the next run's beginning, or the end of the range, afterwards."""
        r, level = self.region, self.state.run.level
        goals = []
        for name, at in (("the next run's beginning", next_), ("the end", END)):
            w = walk(BEFORE.mem, r.root, at, r.width_mask)
            facts = walk_facts(r, at, w) if at is next_ else self.at_end
            facts = facts + [implies(w.reached[4 - level], f) for f in
                             self.about_run(level, w.tables[4 - level], index(at, level))]
            after = walk(self.after.mem, r.root, at, r.width_mask)
            goals.append(Goal("refinement", f"run: no leaf straddles {name}", self.given + facts,
                              or_(ule(r.end, at), not_(straddles(after, at)))))
        return goals

    def walks_to(self, next_: Term) -> list[Goal]:
        """The walk of an arbitrary address after the run, which has come to @next_."""
        level = self.state.run.level
        top = shift(level + 1)
        there = and_(ule(HERE, ANY), ult(ANY, next_))
        inside = eq(bits(sub(next_, bv(1, 64)), 63, top), bits(HERE, 63, top))
        if self.linked():
            inside = or_(eq(next_, HERE), inside)
        goals = [Goal("refinement", "run: ends in its table", self.arithmetic(), inside),
                 Goal("refinement", "run: all of it is in its table", [inside],
                      implies(there, eq(bits(ANY, 63, top), bits(HERE, 63, top))))]
        for case in cases(HERE, level, self.state.known):
            goals += self.walks_in(case, there, inside)
        return goals

    def arithmetic(self) -> list[Term]:
        """What tells how far the run goes; if it ends at a table, that it did not begin there."""
        here = self.slot_here()
        if here and self.state.known.reduce(is_table(here.initial, here.level)) is TRUE:
            return self.given
        return beside_memory(self.given)

    def walks_in(self, case: Case, there: Term, inside: Term) -> list[Goal]:
        """In one case of it."""
        v, r = case.address, self.region
        where = f"parted at level {case.level}" if case.parted else "in its table"
        facts = self.given + case.facts + [case.of(f) for f in self.facts_v]
        # A table that others have linked is told by no term of the walk.
        after = self.after if self.linked() else Apart(self.after)
        now = walk(after.mem, r.root, v, r.width_mask)

        def goal(what: str, claim: Term, more: list[Term]) -> Goal:
            return Goal("refinement", f"run: {where}: {what}", facts + more, case.of(claim))
        # Then @now is the walk afterwards.
        goals = [goal("no two terms are one table", and_(*(
            implies(reached, eq(self.after.mem(table, index(v, 4 - n)), entry))
            for n, (reached, table, entry)
            in enumerate(zip(now.reached, now.tables, now.entries)))), [])]
        before = self.before_v
        kept = same_but_a_d(before, now)
        if case.parted:
            return goals + [goal("the walk is as before", kept, [])]
        more = [inside] + (self.at_end if case.level > 1 else [])
        goals.append(goal("elsewhere the walk is as before", implies(not_(there), kept), more))
        return goals + [goal(what, implies(there, claim), more)
                        for what, claim in self.done_with(now)]

    def done_with(self, now: Walk) -> list[tuple[str, Term]]:
        """What holds where the run has come past: the walk before, and @now."""
        before = self.before_v
        if not self.protects:
            return [("nothing is mapped", a.not_mapped(now))]
        changed = ite(before.mapped,
                      and_(a.maps(now, zext(before.frame, 64), before.level, RIGHTS),
                           implies(before.accessed, now.accessed),
                           implies(and_(before.dirty, bit(RIGHTS, a.WRITE)), now.dirty)),
                      a.not_mapped(now))
        told = eq(self.state.objects["done"][16][1], bv(1, 8))
        return [("every page has the new rights", changed),
                ("tells of rights taken away",
                 implies(and_(before.mapped, a.revoked(before, RIGHTS)), told))]

    def told(self) -> list[Goal]:
        """As many leaves and bytes as the run has changed."""
        s, here = self.state, self.slot_here()
        last = FALSE if here is None else and_(is_leaf(here.initial, here.level),
                                               TRUE if here.value is not here.initial else FALSE)
        n = add(zext(REMOVED, 64), ite(last, bv(1, 64), bv(0, 64)))
        size = 12 + 9 * (s.run.level - 1)
        bytes_ = concat(bits(n, 63 - size, 0), bv(0, size))
        return self.done_is({0: add(BYTES, bytes_), 8: add(LEAVES, n)})


def or_bits(x: Term, y: Term) -> Term:
    from term import bitwise
    return bitwise("bvor", x, y)


def goals_of(f: RangePath) -> list[Goal]:
    goals = f.safety() + f.goals() + f.steps() + f.bits_before_last() + f.reclaimed()
    if f.state.phase == "run":
        goals += f.invariant()
    return [g for g in goals if not (g.what == "every lock is released"
                                     and f.state.loop == "inner")]
