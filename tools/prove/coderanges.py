# SPDX-License-Identifier: GPL-2.0
"""The range forms that take away, in machine code: the inductions of ranges.py over again.

The cuts are the heads of the two loops in the function's control flow.  A run is told by
the walk that leads to it: its table is the last one, its first entry the address', and it has
as many entries as the table and the range have from there on.  That the loop's registers
count along is a goal of each path that comes back to its head (loopheads.py).
"""
from __future__ import annotations

from cuts import CutInduction, CutMachine, Values, at_cut, tell_run
from disasm import Code
from flow import Flow
from hwwalk import INDEX_BITS, VPN_BITS, index, shift
from inv import Region
from kernelenv import KernelEnvironment
from layout import Stuck
from loopheads import Grown, Head, put_at
from operations import RIGHTS, SIZES, VA, links_above
from ranges import BYTES, END, HERE, LEAVES, PROGRESS, REMOVED, SEEN, RangeContracts, arguments, \
    between_runs
from spans import HOLDS_ALL
from state import Pointer, Run, Slot, State
from term import TRUE, Term, add, and_, bits, bv, concat, eq, ite, sub, ule, ult, var, zext
from view import run_facts


def reaches_into(slot: Slot, first: Term, last: Term) -> tuple[str, Term]:
    """What an operation owes that has the spans from the address @first to @last."""
    low = INDEX_BITS * (slot.level - 1)
    first, last = (bits(v, 47, low + 12) for v in (first, last))
    base = bits(slot.base, VPN_BITS - 1, low)
    return "an entry that is used reaches into the range", and_(ule(first, base), ule(base, last))


class RangeEnvironment(KernelEnvironment, RangeContracts):
    """Of who holds the spans of the range, or every one."""

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        """The run's first entry is looked at after the loop, too."""
        first = [s.run.first] if s.run else []
        slot, before = RangeContracts.slot(self, s, address_term,
                                           self.own_index(s, address_term, i, *first))
        s.require(*reaches_into(slot, HERE, sub(END, bv(1, 64))))
        return slot, before

    def unshared(self, s: State, slot: Slot) -> Term:
        """If all of it is in the range, which is a goal (rangegoals.py)."""
        return TRUE

    def call(self, s: State, symbol: str) -> list[State]:
        if symbol == "pt_env_defer_leaf":
            return self.call_defer_leaf(s)
        if symbol == "pt_resolve":
            return self.call_resolve(s)
        return super().call(s, symbol)

    def call_defer_leaf(self, s: State) -> list[State]:
        """pt_env_defer_leaf(env, va, level, entry).  It changes no number of tables."""
        regs = s.frames[-1].regs
        self.whole(s)
        s.require("the environment is given the region's struct",
                  eq(regs["rdi"], self.objects["env"]))
        return [t for t, _ in self.defer_leaf(
            s, [None, regs["rsi"], bits(regs["rdx"], 31, 0), regs["rcx"]])]

    def call_resolve(self, s: State) -> list[State]:
        """pt_resolve(pt, va, found), which has a theorem of its own."""
        regs = s.frames[-1].regs
        found = self.object(regs["rdx"])
        s.require("pt_resolve() is given the region", eq(regs["rdi"], self.objects["pt"]))
        if found is None:
            raise Stuck("where does pt_resolve() hand out what it finds?")
        s.objects["found"], s.sizes["found"] = {}, SIZES["m"]
        out = []
        for t, status in self.resolve(s, [None, regs["rsi"], Pointer("found", 0)]):
            if status is None:
                out.append(t)
                continue
            _, va = t.objects.pop("found")[0]
            rest = var(t.name("leftover"), 8 * (SIZES["m"] - 8))
            self.store_object(t, found, 8, va)
            self.store_object(t, Pointer(found.object, found.offset + 8), SIZES["m"] - 8, rest)
            # By the ABI the rest of rax is anything.
            t.frames[-1].regs["rax"] = concat(var(t.name("high"), 32), status)
            t.answered = True
            out.append(t)
        return out


def role(grown: Grown) -> str:
    """Of what begins with 0: by 0 or 1 grows the number of leaves; rights are joined."""
    return "removed" if grown <= {0, 1} else "seen"


class CodeInduction(CutInduction):
    """One range form: all its paths, from cut to cut."""

    def __init__(self, operation, suffix: str, code: Code, region: Region, oracle) -> None:
        self.function, self.suffix, self.region = operation.function, suffix, region
        self.protects = "protect" in self.function
        self.env = RangeEnvironment(code, region, oracle, links_above(operation))
        self.env.hands_over = not self.protects
        self.machine = CutMachine(code, self.env, oracle, suffix, ("pt_resolve",))
        self.heads = self.loops(Flow(code, self.function[1:] + suffix))
        self.machine.cuts = {h.at: name for name, h in self.heads.items()}

    def loops(self, flow: Flow) -> dict[str, Head]:
        """The loop over the runs, and the largest one in it."""
        found = sorted(flow.loops().items(), key=lambda loop: -len(loop[1]))
        if len(found) < 2 or not found[1][1] < found[0][1]:
            raise Stuck("the loops of a range form are not nested as expected")
        return {"outer": Head(flow, *found[0]), "inner": Head(flow, *found[1])}

    def begin(self) -> tuple[State, dict[str, Term]]:
        s, regs = self.called_with(arguments(self.function))
        if not self.protects:
            s.assume(HOLDS_ALL)
        return s, regs

    # Paths

    def paths(self) -> list[State]:
        s, regs = self.begin()
        whole = self.proceed("entry", self.started(s, regs, self.function[1:] + self.suffix),
                             ("outer", ""))
        out = whole + self.repeated("outer", at_cut(whole, "outer"), {"here": VA},
                                    {"here": HERE}, self.one_run)
        for s in out:
            self.tell_done(s)
        return out

    def one_run(self, reached: list[State]) -> list[State]:
        out = self.proceed("start of a run", self.at_outer(reached), ("inner",))
        begun = at_cut(out, "inner")
        found = self.variables("inner", begun, role)
        if sorted(found.rest) != (["removed", "seen"] if self.protects else ["removed"]):
            raise Stuck(f"the loop over a run's entries has other variables: {found.rest}")
        for s in begun:
            last = self.last_of_walk(s)
            tell_run(s, last.page, last.index, self.entries_at(last.level))
            new = self.rounds([s], "inner", found, ("inner", "outer", ""),
                              lambda values, s=s: self.at_inner(s, values))
            for t in new:
                t.phase = "entry of a run" if t.loop == "inner" else "run"
            own = (last.page.ident, add(last.index, PROGRESS).ident)
            if any(own not in t.slots for t in at_cut(new, "inner")):
                raise Stuck("a round that looks at no entry of its own")
            out += new
        return out

    def last_of_walk(self, s: State) -> Slot:
        slot = min(s.slots.values(), key=lambda o: o.level)
        if slot.index is not index(HERE, slot.level):
            raise Stuck("the walk for a run does not end at its address' entry")
        return slot

    def tell_done(self, s: State) -> None:
        """What was done, field by field; at first the last one with what is behind it."""
        last = 8 if s.phase == "entry" else 1
        if not s.dead:
            s.objects["done"] = {at: (n, self.env.load_object(s, Pointer("done", at), n))
                                 for at, n in ((0, 8), (8, 8), (16, last))}

    # States at the cuts

    def at_outer(self, reached: list[State]) -> State:
        """Any state between two runs."""
        s, _ = self.begin()
        s.frames, s.fresh = reached[0].frames, max(t.fresh for t in reached)
        put_at(s, self.runs["outer"].values(self.now["outer"]))
        s.objects["done"] = {0: (8, BYTES), 8: (8, LEAVES), 16: (1, var("was_revoked", 8))}
        s.fact(*between_runs(self.region, self.protects))
        return s

    def at_inner(self, reached: State, values: Values) -> State:
        """The same run with any progress."""
        s = reached.clone()
        slot = self.last_of_walk(s)
        t, n = s.tables[slot.page.ident], self.entries_at(slot.level)
        s.run = run = Run(t.page, t.level, t.base, slot.index, PROGRESS, REMOVED,
                          RIGHTS if self.protects else None)
        put_at(s, values(PROGRESS, {"removed": REMOVED, "seen": SEEN}))
        s.fact(ult(zext(PROGRESS, 32), n), ule(REMOVED, zext(PROGRESS, 32)),
               ule(add(zext(run.first, 32), n), bv(512, 32)))
        for i in (run.first, add(run.first, PROGRESS)):
            s.fact(*run_facts(self.region, run, run.level, run.table, i))
        return s

    def entries_at(self, level: int) -> Term:
        """How many entries of its table of @level the range has from @HERE on."""
        low = shift(level)
        room = sub(bv(512, 32), zext(index(HERE, level), 32))
        last = sub(zext(bits(sub(END, bv(1, 64)), 63, low), 64), zext(bits(HERE, 63, low), 64))
        return ite(ult(last, zext(room, 64)), add(bits(last, 31, 0), bv(1, 32)), room)
