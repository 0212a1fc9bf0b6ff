# SPDX-License-Identifier: GPL-2.0
"""The range forms, by induction: over the runs of a range, and over a run's entries.

Both loops are cut at their heads.  A path then leads from the call to the first run
("entry"), or from the head of a run, with any progress inside it, through one entry to
the next ("entry of a run") or out of the run to the next one or to the end ("run").

Between runs the invariant holds, nothing in front of the next run is left to do, and no
leaf straddles its beginning or the end of the range.  Of a loop's variables nothing is
known but what is said here, whatever they were at first; what else the loop could change
must be as it was when a path comes back to the head (kept()).  Inside a run the entries
from its first one on, so many of them, are done with and were no tables, and the rest of
memory is as at the run's beginning (view.py: Run).
"""
from __future__ import annotations


import abstract as a
import ir
from contract import Contracts, of
from execute import Executor, Stuck
from hwwalk import Walk, shift, walk
from inv import BEFORE, Region
from operations import RIGHTS, SIZES, VA, Operation, caller_objects, links_above
from smt import order
from state import UNDEFINED, Element, Frame, Pointer, Run, Slot, State, Value
from term import FALSE, TRUE, Term, add, and_, bits, boolean, bv, concat, eq, ite, not_, or_, \
    ule, ult, var, zext
from view import WRITES, run_facts, run_value, walk_facts

END = var("end_of_range", 64)
HERE = var("here", 64)		# where the next run begins; VA: where the range does
PROGRESS, REMOVED, SEEN = var("progress", 9), var("removed", 32), var("rights_seen", 3)
BYTES, LEAVES = var("bytes", 64), var("leaves", 64)
DONE = Pointer("done", 0)


def arguments(function: str) -> list[Value]:
    return [Pointer("pt", 0), VA, END] + ([RIGHTS] if "protect" in function else []) + [DONE]


def lasting(v: Value, also: frozenset[Term] = frozenset()) -> Value:
    """What is made of arguments and constants; anything else must not be used again."""
    if isinstance(v, Element):
        return v if lasting(v.index, also) is v.index else UNDEFINED
    if not isinstance(v, Term):
        return v
    names = {"va", "end_of_range", "n", "rights", "root", "start", "end", "widthmask"}
    names |= {f"leaf{part}{n}" for part in ("high", "low") for n in (1, 2, 3)}
    lasts = all(t.op != "app" and (t.op != "var" or t.info in names or t in also)
                for t in order([v]))
    return v if lasts else UNDEFINED


def merge(frames: list[Frame], others: list[Frame]) -> None:
    """What differs where two paths meet must not be used from there on."""
    for f, g in zip(frames, others, strict=True):
        if (f.function, f.block, f.at) != (g.function, g.block, g.at):
            raise Stuck("two paths meet in different places")
        for name, v in f.regs.items():
            if g.regs.get(name, v) != v:
                f.regs[name] = UNDEFINED


def any_way(s: State, reached: list[State], also: frozenset[Term] = frozenset()) -> State:
    """At the cut that all of @reached have come to, with what they have in common."""
    s.frames = [Frame(f.function, f.block, f.previous, f.at,
                      {name: lasting(v, also) for name, v in f.regs.items()})
                for f in reached[0].frames]
    for other in reached[1:]:
        merge(s.frames, other.frames)
    s.fresh = max(t.fresh for t in reached)
    for t in reached:
        s.objects |= {n: {} for n in t.objects if n not in s.objects}
        s.sizes |= t.sizes
    return s


def held(s: State) -> dict[int, tuple[int, Value]]:
    """The core's struct pt_run."""
    found = [o for o in s.objects.values()
             if {at: n for at, (n, _) in o.items()} == {0: 8, 8: 4, 12: 4, 16: 4, 24: 8}]
    if len(found) != 1:
        raise Stuck("no struct pt_run, or more than one")
    return found[0]


def set_variables(s: State, names: list[str], values: list[Term]) -> None:
    """A loop's variables at its head."""
    if len(names) != len(values):
        raise Stuck(f"the loop {s.cut or s.frames[-1].block} has other variables: {names}")
    regs = s.frames[-1].regs
    for name, value in zip(names, values):
        old = regs[name]
        wide = isinstance(old, Term) and isinstance(value, Term)
        regs[name] = zext(value, old.width) if wide else value


def kept(s: State) -> bool:
    """Back at the head, what the loop's variables do not say is as it was there."""
    b = s.began
    return (s.objects == b.objects and s.locked == b.locked and s.pending == b.pending
            and s.reserve is b.reserve
            and all(t.deferred == b.tables[k].deferred if k in b.tables else not t.fresh
                    for k, t in s.tables.items()))


def straddles(w: Walk, va: Term) -> Term:
    return and_(w.mapped, not_(a.begins(w, va)))


class RangeContracts(Contracts):
    """Those of the environment, and pt_resolve() by what was proved of it."""

    hands_over = False		# a leaf that is replaced is told of (pt_unmap_range())

    def table(self) -> dict:
        return super().table() | {
            "@pt_env_defer_leaf": of(Pointer("env", 0), self.defer_leaf),
            "@pt_resolve": of(Pointer("pt", 0), self.resolve)}

    def resolve(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, va, out = args
        r = self.region
        if s.run is not None or any(e.kind in WRITES for e in s.events):
            raise Stuck("pt_resolve() of memory that has changed")
        s.require("pt_resolve() is given a whole struct",
                  boolean(0 <= out.offset and out.offset + SIZES["m"] <= s.sizes[out.object]))
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
                t.objects[out.object] = {
                    at: v for at, v in t.objects[out.object].items()
                    if at + v[0] <= out.offset or out.offset + SIZES["m"] <= at}
                t.objects[out.object][out.offset] = (8, found)
                results.append((t, bv(status, 32)))
        return results or [(s.die(), None)]

    def write(self, s: State, slot: Slot, level: Term, value: Term, kind: str) -> None:
        """Whatever replaces a leaf, it is to be handed over; a plain store replaces none."""
        old = slot.value
        super().write(s, slot, level, value, kind)
        if self.hands_over and kind != "store":
            s.require("a removed leaf is handed over before the next",
                      FALSE if s.pending else TRUE)
            s.pending = (s.events[-1].slot, old)

    def unlink(self, s: State, slot: Slot, value: Term) -> None:
        """The entries of a run are not slots of their own: of a table that one went through it
        is asked only where the table is deferred whether it is empty."""
        if s.run is None:
            super().unlink(s, slot, value)

    def defer_leaf(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
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

    def own_index(self, s: State, address_term: Term, i: Term, *others: Term) -> Term:
        """In a run, an index that equals that of the entry it has come to, however it is said;
        but for the @others."""
        run = s.run
        if run is None or self.known_table(
                s, s.known.reduce(address_term)).page is not run.table:
            return i
        here, short = add(run.first, run.count), s.known.reduce(i)
        if bits(short, 8, 0) in (here, *others):
            return i
        s.require("a run's entries only are looked at", eq(short, zext(here, 32)))
        return zext(here, 32)

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

    def __init__(self, operation: Operation, module: ir.Module, region: Region, oracle,
                 watch) -> None:
        self.function, self.region, self.watch = operation.function, region, watch
        self.protects = "protect" in self.function
        self.contracts = RangeContracts(region, oracle, links_above(operation))
        self.contracts.hands_over = not self.protects
        self.executor = Executor(module, self.contracts.table(), oracle)
        found = ir.loops(module.functions[self.function])
        ordered = sorted(found, key=lambda h: -len(found[h]))
        self.outer, self.inner = ordered[0], ordered[1]
        if not found[self.inner] < found[self.outer]:
            raise Stuck("the loops of a range form are not nested as expected")
        self.heads = {h: [i.dest for i in module.functions[self.function].blocks[h]
                          if i.op == "phi"]
                      for h in (self.outer, self.inner)}
        self.executor.cuts = {(self.function, self.outer), (self.function, self.inner)}
        self.names = {"": "", self.outer: "outer", self.inner: "inner"}

    def begin(self) -> State:
        s = State()
        s.fact(*self.region.facts())
        self.contracts.add_root(s)
        s.reserve = var("reserve", 64)
        caller_objects(s, self.region)
        return s

    def paths(self) -> list[State]:
        entered = self.begin()
        self.executor.enter(entered, self.function, arguments(self.function))
        whole = self.proceed("entry", entered, ("outer", ""))
        heads = [s for s in whole if s.loop == "outer"]
        if not heads:
            raise Stuck("no path reaches the first run")
        runs = self.proceed("start of a run", self.at_outer(heads), ("inner",))
        out = whole + runs
        for s in runs:
            if not s.dead:
                out += self.proceed("run", self.at_inner(s), ("inner", "outer", ""))
        return out

    def proceed(self, phase: str, s: State, to: tuple[str, ...]) -> list[State]:
        """Every path from @s to the next head or the end, of which only @to are expected."""
        found = self.executor.proceed(s)
        for t in found:
            t.loop = self.names[t.cut]
            if t.loop not in to and not t.dead:
                raise Stuck(f"{phase}: a path comes to {t.loop or 'the end'}")
            t.phase = phase
            if phase == "run" and t.loop == "inner":
                t.phase = "entry of a run"
            t.heads = [t.frames[-1].regs[name] for name in self.heads[t.cut]] if t.cut else []
            self.watch(t)
        return found

    def at_outer(self, reached: list[State]) -> State:
        """Any state between two runs."""
        s = any_way(self.begin(), reached)
        s.objects["done"] = {0: (8, BYTES), 8: (8, LEAVES), 16: (1, var("was_revoked", 8))}
        set_variables(s, self.heads[self.outer], [HERE])
        # Nor does one straddle the end; those that need this add it (rangegoals.py).
        s.fact(*between_runs(self.region, self.protects))
        return s

    def at_inner(self, reached: State) -> State:
        """The same run with any progress."""
        s = reached.clone()
        table, _, first, entries = (held(s)[at][1] for at in (0, 8, 12, 16))
        t = s.tables[bits(table, 51, 12).ident]
        rights = RIGHTS if self.protects else None
        s.run = run = Run(t.page, t.level, t.base, bits(first, 8, 0), PROGRESS, REMOVED, rights)
        # In this order; were it another, "goes on at the next entry" would be refuted.
        set_variables(s, self.heads[self.inner],
                      [PROGRESS, REMOVED] + ([SEEN] if self.protects else []))
        s.fact(ult(zext(PROGRESS, 32), entries), ule(REMOVED, zext(PROGRESS, 32)),
               eq(first, zext(run.first, 32)), ule(add(zext(run.first, 32), entries), bv(512, 32)))
        s.fact(*run_facts(self.region, run, run.level, run.table, run.first))
        here = add(run.first, PROGRESS)
        s.fact(*run_facts(self.region, run, run.level, run.table, here))
        s.began = s.clone()
        return s


def between_runs(r: Region, protects: bool) -> list[Term]:
    """What is known where a run is about to begin."""
    return [a.aligned(HERE, 1), ule(r.start, HERE), *whole_at(r, HERE), ult(HERE, END),
            a.aligned(END, 1), ule(END, r.end), *([a.rights_ok(RIGHTS)] if protects else [])]


def whole_at(r: Region, at: Term) -> list[Term]:
    """No leaf straddles @at; and the invariant along the walk of it."""
    w = walk(BEFORE.mem, r.root, at, r.width_mask)
    return [*walk_facts(r, at, w), or_(ule(r.end, at), not_(straddles(w, at)))]
