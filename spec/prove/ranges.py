# SPDX-License-Identifier: GPL-2.0
"""The range forms, by induction: over the runs of a range, and over a run's entries.

Both loops are cut at their heads.  A path then leads from the call to the first run
("entry"), or from the head of a run, with any progress inside it, through one entry to
the next ("entry of a run") or out of the run to the next one or to the end ("run").

Between runs the invariant holds, nothing in front of @va is left to do, and no leaf
straddles @va or the end of the range.  Inside a run the entries from its first one on,
so many of them, are done with and were no tables, and the rest of memory is as at the
run's beginning (view.py: Run).
"""
from __future__ import annotations


import abstract as a
import ir
from contract import Contracts
from execute import Executor, Stuck
from hwwalk import Walk, shift, walk
from inv import BEFORE, Region
from operations import RIGHTS, VA
from state import Pointer, Run, Slot, State, Value
from term import FALSE, TRUE, Term, add, and_, bits, bv, concat, eq, ite, not_, or_, ule, ult, \
    var, zext
from view import run_facts, run_value, walk_facts

END = var("end_of_range", 64)
PROGRESS, REMOVED, SEEN = var("progress", 9), var("removed", 32), var("rights_seen", 3)
BYTES, LEAVES = var("bytes", 64), var("leaves", 64)
DONE = Pointer("done", 0)


def arguments(function: str) -> list[Value]:
    return [Pointer("pt", 0), VA, END] + ([RIGHTS] if "protect" in function else []) + [DONE]


def straddles(w: Walk, va: Term) -> Term:
    return and_(w.mapped, not_(a.begins(w, va)))


class RangeContracts(Contracts):
    """Those of the environment, and pt_resolve() by what was proved of it."""

    def table(self) -> dict:
        return super().table() | {"@pt_env_gather_leaf": self.gather_leaf,
                                  "@pt_resolve": self.resolve}

    def resolve(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, va, out = args
        r = self.region
        w = walk(BEFORE.mem, r.root, va, r.width_mask)
        s.fact(*walk_facts(r, va, w))
        inside = a.holds(r, va)
        first = a.by_level(w.level, lambda n: concat(bits(va, 63, shift(n)), bv(0, shift(n))))
        results = []
        for status, cond in ((a.OK, and_(inside, w.mapped)), (a.INVALID, not_(inside)),
                             (a.NOENT, and_(inside, not_(w.mapped)))):
            if self.oracle.possible(s, cond):
                t = s.clone()
                t.assume(cond)
                # Where nothing is handed out, the caller's struct holds anything.
                found = first if status == a.OK else var(t.name("leftover"), 64)
                t.objects[out.object][out.offset] = (8, found)
                results.append((t, bv(status, 32)))
        return results

    def exchange(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        results = super().exchange(s, args)
        for t, old in results:
            slot = t.events[-1].slot
            t.require("a removed leaf is handed over before the next",
                      FALSE if t.pending else TRUE)
            t.pending = (slot, old)
        return results

    def gather_leaf(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, va, level, entry = args
        if s.pending is None:
            s.require("a leaf that is handed over was removed", FALSE)
            return [(s, None)]
        slot, old = s.pending
        s.require("a removed leaf is handed over as it was, with A and D", and_(
            eq(entry, old), eq(va, concat(bv(0, 16), slot.base, bv(0, 12))),
            eq(level, bv(slot.level, 32))))
        s.pending = None
        return [(s, None)]

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        """The entry that a run has come to was looked at before, if it is its first."""
        run = s.run
        if run is None or not self.known_table(s, s.known.reduce(address_term)).page is run.table:
            return super().slot(s, address_term, i)
        here = bits(s.known.reduce(i), 8, 0)
        if here is run.first:		# after the loop: a walk for the run's address again
            old = s.slots[run.table.ident, run.first.ident]
            now = s.slots.get((run.table.ident, add(run.first, run.count).ident), old)
            old.value = ite(eq(run.count, bv(0, 9)), now.value,
                            run_value(run, old.initial, run.first))
            return old, True
        known = s.slots.pop((run.table.ident, run.first.ident), None)
        try:
            found, _ = super().slot(s, address_term, i)
        finally:
            if known:
                s.slots[run.table.ident, run.first.ident] = known
        return found, True


class Induction:
    """One range form: all its paths, from cut to cut."""

    def __init__(self, function: str, module: ir.Module, region: Region, oracle) -> None:
        self.function, self.region = function, region
        self.contracts = RangeContracts(region, oracle)
        self.executor = Executor(module, self.contracts.table(), oracle)
        found = ir.loops(module.functions[function])
        ordered = sorted(found, key=lambda h: -len(found[h]))
        self.outer, self.inner = ordered[0], ordered[1]
        if not found[self.inner] < found[self.outer]:
            raise Stuck("the loops of a range form are not nested as expected")
        self.heads = {h: [i.dest for i in module.functions[function].blocks[h] if i.op == "phi"]
                      for h in (self.outer, self.inner)}
        self.executor.cuts = {(function, self.outer), (function, self.inner)}
        self.protects = "protect" in function

    def begin(self) -> State:
        s = State()
        s.fact(*self.region.facts())
        self.contracts.add_root(s)
        s.reserve = var("reserve", 64)
        s.objects = {"env": {}, "done": {}, "pt": {
            0: (8, Pointer("env", 0)), 8: (8, concat(bv(0, 12), self.region.root, bv(0, 12))),
            16: (8, self.region.start), 24: (8, self.region.end),
            32: (8, self.region.pa_limit)}}
        return s

    def paths(self) -> list[State]:
        whole = self.executor.run(self.begin(), self.function, arguments(self.function))
        for s in whole:
            s.phase = "entry"
            s.heads = self.head_values(s)
        runs: list[State] = []
        heads = [s for s in whole if s.cut == self.outer]
        if not heads:
            raise Stuck("no path reaches the first run")
        for s in self.executor.proceed(self.at_outer(heads[0])):
            if s.cut != self.inner:
                raise Stuck("a run without entries")
            s.phase = "start of a run"
            s.heads = self.head_values(s)
            runs.append(s)
        out = whole + runs
        for s in runs:
            for t in self.executor.proceed(self.at_inner(s)):
                t.phase = "entry of a run" if t.cut == self.inner else "run"
                t.heads = self.head_values(t)
                out.append(t)
        return out

    def at_outer(self, reached: State) -> State:
        """Any state between two runs."""
        s = self.begin()
        s.frames = reached.clone().frames
        s.fresh = reached.fresh
        s.objects |= {n: {} for n in reached.objects if n not in s.objects}
        s.objects["done"] = {0: (8, BYTES), 8: (8, LEAVES), 16: (1, var("was_tighter", 8))}
        phi, = self.heads[self.outer]
        s.frames[-1].regs[phi] = VA
        # Nor does one straddle the end; those that need this add it (rangegoals.py).
        s.fact(a.aligned(VA, 1), ule(self.region.start, VA), *whole_at(self.region, VA),
               ult(VA, END), *self.range_facts())
        return s

    def head_values(self, s: State) -> list[Value]:
        """What the loop's variables are where a path was cut."""
        return [s.frames[-1].regs[name] for name in self.heads[s.cut]] if s.cut else []

    def range_facts(self) -> list[Term]:
        return [a.aligned(END, 1), ule(END, self.region.end),
                *([a.rights_ok(RIGHTS)] if self.protects else [])]

    def at_inner(self, reached: State) -> State:
        """The same run with any progress."""
        s = reached.clone()
        held = next(o for o in s.objects.values()
                    if {at: n for at, (n, _) in o.items()} == {0: 8, 8: 4, 12: 4, 16: 4})
        table, level, first, entries = (held[at][1] for at in (0, 8, 12, 16))
        t = s.tables[bits(table, 51, 12).ident]
        rights = RIGHTS if self.protects else None
        s.run = run = Run(t.page, t.level, t.base, bits(first, 8, 0), PROGRESS, REMOVED, rights)
        # In this order; were it another, "goes on at the next entry" would be refuted.
        regs = s.frames[-1].regs
        for name, value in zip(self.heads[self.inner], (PROGRESS, REMOVED, SEEN)):
            regs[name] = zext(value, regs[name].width)
        s.fact(ult(zext(PROGRESS, 32), entries), ule(REMOVED, zext(PROGRESS, 32)),
               eq(first, zext(run.first, 32)), ule(add(zext(run.first, 32), entries), bv(512, 32)))
        s.fact(*run_facts(self.region, run, run.level, run.table, run.first))
        here = add(run.first, PROGRESS)
        s.fact(*run_facts(self.region, run, run.level, run.table, here))
        return s


def whole_at(r: Region, at: Term) -> list[Term]:
    """No leaf straddles @at; and the invariant along the walk of it."""
    w = walk(BEFORE.mem, r.root, at, r.width_mask)
    return [*walk_facts(r, at, w), or_(ule(r.end, at), not_(straddles(w, at)))]
