# SPDX-License-Identifier: GPL-2.0
"""The goals of a split, which is made of two calls.

pt_split_break() takes a large leaf away and leaves its place counted, so that nobody takes
the table above for empty; pt_split_make() puts a table there with smaller leaves for the same
memory.  Between them the caller invalidates.  The first is a theorem of its own; the
second is shown together with it, for what it starts from is what the first one leaves.
The caller holds every span, and keeps all others from the entry.
"""
from __future__ import annotations

import abstract as a
from cases import ANY, VA
from goals import Goal
from hwwalk import Walk, same_translation, shift, walk
from inv import BEFORE, Region
from operations import RESERVE, Finished, Operation, find_errors, found, old_mapping
from state import State
from term import FALSE, TRUE, Term, and_, bits, bv, concat, eq, implies, ite, ne, not_, \
    sub, ult
from view import WRITES, After, Moment


def of(operation: Operation, region: Region, state: State) -> Finished:
    return (Split if operation.first else FirstHalf)(operation, region, state)


def large(f: Finished) -> Term:
    return ult(bv(1, 3), f.before_va.level)


class Counted(After):
    """The leaf's place is empty, and counts."""

    def card(self, p: Term) -> Term:
        return BEFORE.card(p)


class FirstHalf(Finished):
    """pt_split_break()"""

    def __init__(self, operation: Operation, region: Region, state: State):
        super().__init__(operation, region, state)
        self.after = Counted(state)

    def goals(self) -> list[Goal]:
        error = first_errors(self)
        if error:
            return [error] + self.untouched()
        there = a.in_mapping(self.before_va, VA, ANY)
        return ([found(self), self.takes_none(),
                 self.answer(and_(large(self), ne(RESERVE, bv(0, 64))), "of a large page"),
                 self.unchanged(not_(there)),
                 self.walks("the page is not mapped", implies(there, a.not_mapped(self.after_v))),
                 self.one_store(), self.keeps_counts()]
                + old_mapping(self) + self.no_bit_lost(lambda new: eq(new, bv(0, 64))))

    def keeps_counts(self) -> Goal:
        same = all(t.live is t.live_initial for t in self.state.tables.values())
        return Goal("invariant", "the place stays counted", self.given, TRUE if same else FALSE)


def first_errors(f: Finished) -> Goal | None:
    valid = and_(a.holds(f.region, VA), a.aligned(VA, 1))
    begins = a.begins(f.before_va, VA)
    if f.status == a.NOENT:
        return f.answer(and_(valid, not_(and_(begins, large(f)))))
    if f.status == a.NOMEM:
        return f.answer(and_(valid, begins, large(f), eq(RESERVE, bv(0, 64))))
    return find_errors(f)


class Split(Finished):
    """Both halves, where the first answers OK."""

    @property
    def status(self) -> int:
        return a.OK

    def goals(self) -> list[Goal]:
        there = a.in_mapping(self.before_va, VA, ANY)
        return [self.unchanged(not_(there)),
                self.walks("the page is the same memory through smaller pages",
                           implies(there, same_memory(self.before_v, self.after_v))),
                self.walks("they have A and D as handed out", implies(there, self.as_told())),
                self.answer(eq(self.state.reserve, sub(RESERVE, bv(1, 64))), "and takes one table"),
                ] + self.no_bit_lost(lambda new: eq(new, bv(0, 64)))

    def as_told(self) -> Term:
        told = [self.out(name) for name in ("accessed", "dirty")]
        if None in told:
            return FALSE
        now = (self.after_v.accessed, self.after_v.dirty)
        return and_(*(eq(t, ite(n, bv(1, 8), bv(0, 8))) for t, n in zip(told, now)))

    def steps(self) -> list[Goal]:
        """In front of the last store the page is not mapped, and all else as before."""
        events = self.state.events
        writes = [n for n, e in enumerate(events) if e.kind in WRITES]
        there, goals = a.in_mapping(self.before_va, VA, ANY), []
        for n in writes[:-1]:
            seen = walk(Moment(self.state, n + 1).mem, self.region.root, ANY,
                        self.region.width_mask)
            claim = ite(there, a.not_mapped(seen), same_translation(seen, self.before_v))
            goals.append(self.walks(f"after store {writes.index(n) + 1}: the page is not mapped, "
                                    "all else as before", claim, "transactional"))
        two = TRUE if len(writes) == 2 else FALSE
        return goals + [Goal("transactional", "there are two stores", self.given, two)]

    def bits_before_last(self) -> list[Goal]:
        """What the first store takes away is in the new leaves, as goals() has it."""
        return []


def same_memory(before: Walk, after: Walk) -> Term:
    """@ANY's byte is the same, with the same rights, in a page one level smaller."""
    same = and_(*(eq(getattr(before, x), getattr(after, x))
                  for x in ("writable", "user", "execute_disable")))
    return and_(after.mapped, same, eq(before.level, next_larger(after.level)),
                eq(byte(before), byte(after)))


def next_larger(level: Term) -> Term:
    return ite(eq(level, bv(1, 3)), bv(2, 3), bv(3, 3))


def byte(w: Walk) -> Term:
    """Where in memory @ANY's byte is."""
    return a.by_level(w.level, lambda n: concat(bits(w.frame, 51, shift(n)),
                                                bits(ANY, shift(n) - 1, 0)))


def goals_of(f: FirstHalf | Split) -> list[Goal]:
    return (f.safety() + f.goals() + f.steps() + f.bits_before_last() + f.sets_no_bit()
            + f.reclaimed() + f.invariant())
