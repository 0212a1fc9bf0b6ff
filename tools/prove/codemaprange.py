# SPDX-License-Identifier: GPL-2.0
"""pt_map_range() in machine code: the inductions of maprange.py over again.

The cuts are the heads of the same five loops, found in the control flow, and the call of
pt_make_path(), which has a theorem of its own.  The frames are an array of the caller's: that
the core reads it where it should, and inside it, is owed at each read.
"""
from __future__ import annotations

from coderanges import reaches_into
from cuts import CutInduction, CutMachine, Values, at_cut, tell_run, variables
from disasm import Code
from flow import Flow
from hwwalk import index, is_table, page
from inv import Region
from kernelenv import KernelEnvironment
from layout import Stuck
from loopheads import Head, common, on_stack, put_at
from machine import SAVED, Loaded
from maprange import COUNTED, MISSING, PAGES, SEEN, SEEN_ALL, MapContracts, arguments_ok, at, \
    begun_run, between_checks, between_fills, entries_at, filled, frame, range_end, seen_so_far, \
    table_at
from operations import N, RESERVE, RIGHTS, VA, links_above
from ranges import PROGRESS, lasting
from smt import order
from spans import HOLDS_ALL
from state import Element, Pointer, Slot, State, TablePage
from term import FALSE, Term, add, bits, boolean, bv, concat, eq, ne, shl, sub, ult, var, zext

ARRAY = var("at_pa", 64)		# where the frames are


class MapEnvironment(KernelEnvironment, MapContracts):
    """Of who holds the spans of the range, or every one."""

    frame_here: Term | None = None		# which of the frames may be read now
    level = 0			# of the pages

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        slot, before = MapContracts.slot(self, s, address_term, i)
        s.require(*reaches_into(slot, VA, sub(range_end(self.level), bv(1, 64)))
                  if self.level else ("nothing is read for other levels", FALSE))
        return slot, before

    def mem_read(self, s: State, address: Term, size: int) -> Loaded:
        if ARRAY not in order([address]):
            return super().mem_read(s, address, size)
        if self.frame_here is None or size != 8:
            raise Stuck("the frames are read here, or by parts")
        s.require("the frame is read whose turn it is",
                  eq(address, add(ARRAY, shl(self.frame_here, 3))))
        s.require("a frame that is read is the caller's", ult(self.frame_here, N))
        return [(s, frame(self.frame_here))]

    def call(self, s: State, symbol: str) -> list[State]:
        return self.call_make_path(s) if symbol == "pt_make_path" else super().call(s, symbol)

    def call_make_path(self, s: State) -> list[State]:
        """pt_make_path(pt, va, level, table), which has a theorem of its own, ends a path."""
        regs = s.frames[-1].regs
        self.whole(s)
        self.account(s)
        s.require("pt_make_path() is given the region", eq(regs["rdi"], self.objects["pt"]))
        s.require("no lock is held when a path is made",
                  boolean(s.locked is None and not s.counting))
        s.heads = [None, regs["rsi"], bits(regs["rdx"], 31, 0), regs["rcx"]]
        s.ended, s.cut, s.loop = True, "made", "made"
        return [s]


class CodeMapInduction(CutInduction):
    """All paths of pt_map_range() at one level, from cut to cut."""

    def __init__(self, operation, suffix: str, code: Code, region: Region, oracle) -> None:
        self.level, self.region = operation.level, region
        self.function = operation.function[1:] + suffix
        self.path = code.start["pt_make_path" + suffix]
        self.env = MapEnvironment(code, region, oracle, links_above(operation))
        self.env.level = operation.level or 0
        self.machine = CutMachine(code, self.env, oracle, suffix, ("pt_make_path",))
        self.heads = self.loops(Flow(code, self.function))
        self.machine.cuts = {h.at: name for name, h in self.heads.items()}

    def loops(self, flow: Flow) -> dict[str, Head]:
        """That over the array stands alone; the others have one in them that looks at entries,
        and that which fills them makes paths."""
        heads = [Head(flow, at_, body) for at_, body in flow.loops().items()]
        inner = {h.at: [i for i in heads if i.body < h.body and i.beside_stack()] for h in heads}
        outer = [h for h in heads if not any(h.body < o.body for o in heads)]
        alone = [h for h in outer if not inner[h.at]]
        fill = [h for h in outer if any(i.target == self.path for i in h.instructions())]
        check = [h for h in outer if h not in alone + fill]
        if [len(x) for x in (alone, check, fill)] != [1, 1, 1] or \
                any(len(inner[h.at]) != 1 for h in check + fill):
            raise Stuck("the loops of pt_map_range() are not as expected")
        return {"array": alone[0], "check": check[0], "look": inner[check[0].at][0],
                "fill": fill[0], "filling": inner[fill[0].at][0]}

    def begin(self) -> tuple[State, dict[str, Term]]:
        level = bv(self.level, 32) if self.level else var("anylevel", 32)
        s, regs = self.called_with([Pointer("pt", 0), VA, ARRAY, N, level, RIGHTS])
        if self.level == 3:
            s.assume(HOLDS_ALL)		# its caller's duty
        return s, regs

    # Paths

    def paths(self) -> list[State]:
        s, regs = self.begin()
        if not self.level:
            for n in (1, 2, 3):
                s.assume(ne(var("anylevel", 32), bv(n, 32)))
        out = self.proceed("entry", self.started(s, regs, self.function), ("array", ""))
        if not self.level:
            return out
        here = at(self.level)
        out += self.array(at_cut(out, "array"))
        out += self.repeated("check", at_cut(out, "check"), {"here": VA, "missing": bv(0, 64)},
                             {"here": here, "missing": MISSING}, self.check)
        out += self.repeated("fill", at_cut(out, "fill"), {"here": VA, "frames": ARRAY},
                             {"here": here, "frames": add(ARRAY, shl(PAGES, 3))}, self.fill)
        for s in out:
            self.come_to_goals(s)
        return out

    def array(self, begun: list[State]) -> list[State]:
        self.env.frame_here = SEEN
        found = self.variables("array", begun, lambda grown: "all", width=64)
        if sorted(found.rest) != ["all"]:
            raise Stuck(f"the loop over the frames has other variables: {found.rest}")
        out = []
        for s in begun:
            out += self.rounds([s], "array", found, ("array", "check", ""),
                               lambda values, s=s: self.at_array(s, values))
        for t in begun + at_cut(out, "array"):
            t.heads.reverse()
        self.env.frame_here = None
        return out

    def check(self, reached: list[State]) -> list[State]:
        s = self.between("check", reached)
        s.fact(*between_checks(self.region, self.level))
        to = ("look", "check", "fill", "")
        out = self.proceed("check", s, to)
        begun = at_cut(out, "look")
        found = self.variables("look", begun, lambda grown: None)
        for s in begun:
            t = self.table(s)
            tell_run(s, t.page, index(at(self.level), self.level),
                     bits(entries_at(self.level), 31, 0))
            out += self.rounds([s], "look", found, to,
                               lambda values, s=s: self.in_run(s, values, None))
        return out

    def fill(self, reached: list[State]) -> list[State]:
        s = self.between("fill", reached)
        s.fact(*between_fills(self.region, self.level))
        out = self.proceed("fill", s, ("made", "filling"))
        out += self.proceed("made", self.at_made(at_cut(out, "made")), ("filling",))
        begun = at_cut(out, "filling")
        made = self.any_table(begun)
        self.env.frame_here = add(PAGES, zext(PROGRESS, 64))
        found = self.variables("filling", begun, lambda grown: None)
        out += self.rounds(begun, "filling", found, ("filling", "fill", ""),
                           lambda values: self.in_run(
                               made, values, lambda i: filled(self.region, self.level, i)))
        self.env.frame_here = None
        return out

    def any_table(self, begun: list[State]) -> State:
        """Of the ways to a run's first entry, that by pt_make_path() knows least."""
        for s in begun:
            self.table(s)
            self.env.whole(s)
        ways = [s for s in begun if s.phase == "made"]
        if len(ways) != 1:
            raise Stuck("a path that was made leads to a run's first entry in several ways")
        made = ways[0]
        for s in begun:
            same = (s.locked, s.counting) == (made.locked, made.counting)
            if not same or self.differ(s.slots, made.slots) or self.differ(s.objects, made.objects):
                raise Stuck("two ways to a run's first entry have made something different")
            s.joins = made
        return made

    def differ(self, one: dict, made: dict) -> bool:
        """Beside the stack, of which is kept what is the same."""
        return any(one.get(k) != made[k] for k in made if k != "stack")

    def table(self, s: State) -> TablePage:
        """The table of leaves, to which the walk has led.  At level 3 its lock does not tell it."""
        for above in [o for o in s.slots.values() if o.level == self.level + 1]:
            table = page(s.known.reduce(above.value))
            self.env.known_table(s, concat(bv(0, 12), table, bv(0, 12)))
        return table_at(s, self.level)

    # States at the cuts

    def at_array(self, reached: State, values: Values) -> State:
        s = reached.clone()
        put_at(s, values(SEEN, {"all": SEEN_ALL}))
        s.fact(*seen_so_far(self.region, self.level))
        return s

    def between(self, name: str, reached: list[State]) -> State:
        """Any state between two runs."""
        s = self.anew(reached)
        put_at(s, self.runs[name].values(self.now[name]))
        return s

    def anew(self, reached: list[State]) -> State:
        """Of the call's arguments only this is known."""
        s, _ = self.begin()
        s.frames, s.fresh = reached[0].frames, max(t.fresh for t in reached)
        s.fact(arguments_ok(self.region, self.level))
        return s

    def in_run(self, reached: State, values: Values, fill) -> State:
        """The same run with any progress."""
        s = reached.clone()
        put_at(s, values(PROGRESS, {}))
        begun_run(self.region, s, self.table(s), fill)
        return s

    def at_made(self, reached: list[State]) -> State:
        """pt_make_path() has answered OK; the table is there."""
        if not reached or any(t.frames[-1].at != reached[0].frames[-1].at for t in reached):
            raise Stuck("paths are made in several places, or nowhere")
        s = self.anew(reached)
        also = self.lasts | variables(at(self.level), PAGES)
        there = common(reached, [*SAVED, "rsp", *on_stack(reached[0])])
        put_at(s, {p: v for p, v in there.items() if lasting(v, also) is v})
        s.frames[-1].regs["rax"] = concat(var(s.name("high"), 32), bv(0, 32))
        s.fact(*between_fills(self.region, self.level))
        table = self.region.root
        for level in range(4, self.level, -1):
            slot, _ = self.env.slot(s, concat(bv(0, 12), table, bv(0, 12)),
                                    zext(index(at(self.level), level), 32))
            s.assume(is_table(slot.value, level))
            table = page(slot.value)
        out = reached[0].heads[3]
        to = self.env.object(out)
        if to is None or any(t.heads[3] is not out for t in reached):
            raise Stuck("pt_make_path() tells the table to different places")
        self.env.store_object(s, to, 8, concat(bv(0, 12), table, bv(0, 12)))
        return s

    # What the goals look for

    def told(self, name: str, s: State) -> list:
        """The loops' variables; what is counted, or how many frames are done with."""
        here, other = super().told(name, s)
        if name == "check":
            s.objects[COUNTED] = {0: (8, other)}
            return [here]
        i = zext(bits(sub(other, ARRAY), 63, 3), 64)
        s.require("frames are told by their addresses", eq(other, add(ARRAY, shl(i, 3))))
        return [here, Element("pa", i, N)]

    def come_to_goals(self, s: State) -> None:
        """Nothing is counted over the array; behind the last run, what is compared with the
        reserve."""
        if s.loop == "array":
            s.objects[COUNTED] = {0: (8, bv(0, 64))}
        elif s.phase in ("check", "look") and s.loop in ("fill", ""):
            counted = [t for c in s.conditions for t in compared(c)]
            s.objects[COUNTED] = {0: (8, counted[-1] if counted else var("not_counted", 64))}


def compared(condition: Term) -> list[Term]:
    """What a condition compares with the reserve: the number of tables that are missing."""
    found = [t for t in order([condition]) if t.op == "ult" and RESERVE in t.args]
    return [a for t in found for a in t.args if a is not RESERVE]
