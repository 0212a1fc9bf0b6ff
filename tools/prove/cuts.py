# SPDX-License-Identifier: GPL-2.0
"""Inductions about machine code: paths from one loop's head to the next."""
from __future__ import annotations

import dataclasses
from typing import Callable, Optional

from disasm import Code, Instruction
from inv import Region
from kernelenv import KernelEnvironment
from layout import Stuck
from loopheads import Grown, Head, Outer, Place, Variables, holds
from machine import Machine
from operations import RESERVE, caller_objects
from smt import order
from state import State, Value, follow
from term import Term, boolean, bv, concat, zext

RUN = "run"		# an object: the run as struct pt_run would have it

Values = Callable[[Term, dict[str, Term]], dict[Place, Term]]


class CutMachine(Machine):
    """Ends paths at loops' heads; @contracts: functions of the core that are not entered, but
    called as what is proved of them."""

    def __init__(self, code: Code, environment: KernelEnvironment, oracle, suffix: str,
                 contracts: tuple[str, ...]):
        super().__init__(code, environment, oracle)
        self.cuts: dict[int, str] = {}
        self.contracts = {code.start[f + suffix]: f for f in contracts}

    def proceed(self, s: State) -> list[State]:
        """Every path from here, to the end of the call or to the next cut."""
        s.ended, s.cut, s.loop = False, "", ""
        return [t for first in super().step(s) or [s.die()] for t in follow(first, self.step)]

    def step(self, s: State) -> list[State]:
        name = self.cuts.get(s.frames[-1].at)
        return [self.end(s, name)] if name else super().step(s)

    def end(self, s: State, name: str) -> State:
        s.ended, s.cut, s.loop, s.where = True, name, name, ""
        return s

    def by_contract(self, insn: Instruction) -> Instruction:
        name = self.contracts.get(insn.target)
        return dataclasses.replace(insn, target=None, symbol=name) if name else insn

    def do_call(self, s: State, insn: Instruction) -> list[State]:
        return super().do_call(s, self.by_contract(insn))

    def do_jmp(self, s: State, insn: Instruction) -> list[State]:
        return super().do_jmp(s, self.by_contract(insn))


def variables(*terms: Term) -> frozenset[Term]:
    return frozenset(t for t in order(list(terms)) if t.op == "var")


def at_cut(states: list[State], name: str) -> list[State]:
    return [s for s in states if s.loop == name and not s.dead]


def tell_run(s: State, table: Term, index: Term, entries: Term) -> None:
    """The run that begins at entry @index of a table, as struct pt_run would have it."""
    t, first = s.tables[table.ident], s.slots.get((table.ident, index.ident))
    if first is None:
        raise Stuck("a run does not begin at its address' entry")
    s.objects[RUN] = {
        0: (8, concat(bv(0, 12), table, bv(0, 12))), 8: (4, bv(t.level, 32)),
        12: (4, zext(index, 32)), 16: (4, entries),
        24: (8, first.initial)}


class CutInduction:
    """What the inductions have in common: rounds of a loop inside a run."""

    machine: CutMachine
    env: KernelEnvironment
    region: Region
    heads: dict[str, Head]
    lasts: frozenset[Term]		# variables that are the same all the time
    runs: dict[str, Outer] = {}		# what stands where at the outer loops' heads,
    now: dict[str, dict[str, Term]] = {}	# and what their variables are there

    def called_with(self, arguments: list[Value]) -> tuple[State, dict[str, Term]]:
        """Any state that satisfies the invariant, at the call; and the registers."""
        s = State()
        s.fact(*self.region.facts())
        self.env.add_root(s)
        s.reserve = RESERVE
        caller_objects(s, self.region)
        return s, self.env.begin(s, arguments)

    def started(self, s: State, regs: dict[str, Term], function: str) -> State:
        stack = [v for _, v in s.objects["stack"].values()]
        self.lasts = variables(*regs.values(), *stack, *KernelEnvironment.GLOBALS.values())
        self.machine.enter(s, function, regs)
        return s

    def proceed(self, phase: str, s: State, to: tuple[str, ...]) -> list[State]:
        """Every path from @s to the next head or the end, of which only @to are expected."""
        found = self.machine.proceed(s)
        for t in found:
            t.phase = phase
            if t.loop not in to and not t.dead:
                raise Stuck(f"{phase}: a path comes to {t.loop or 'the end'}")
        return found

    def repeated(self, name: str, reached: list[State], firsts: dict[str, Term],
                 now: dict[str, Term],
                 one_round: Callable[[list[State]], list[State]]) -> list[State]:
        """The paths of an outer loop's rounds, of which @one_round makes those that begin with its
        variables as @now; in @reached, where it is entered, they are @firsts."""
        if not reached:
            raise Stuck(f"no path reaches {name}")
        self.runs = self.runs | {name: Outer.of(self.heads[name], reached, firsts, self.lasts)}
        self.now = self.now | {name: now}
        self.come_to(name, reached)
        while True:
            out = one_round(reached)
            back = at_cut(out, name)
            if not self.runs[name].weaken(back, now):
                break
        self.come_to(name, back)
        return out

    def come_to(self, name: str, states: list[State]) -> None:
        """What every path owes that comes to an outer loop's head; and the variables there."""
        for s in states:
            self.env.whole(s)
            s.require("the counts' lock is released", boolean(not s.counting))
            self.env.account(s)
            s.heads = self.told(name, s)

    def told(self, name: str, s: State) -> list[Value]:
        return [self.runs[name].told(s, variable) for variable in self.now[name]]

    def variables(self, name: str, begun: list[State],
                  roles: Callable[[Grown], Optional[str]], width: int = 32) -> Variables:
        """The loop's, by where one round leads from its beginnings."""
        if not begun:
            raise Stuck(f"no path reaches {name}")
        return Variables.of(self.heads[name], [
            (s, at_cut(self.machine.proceed(s.clone()), name)) for s in begun], roles, width)

    def rounds(self, begun: list[State], name: str, found: Variables, to: tuple[str, ...],
               at_head: Callable[[Values], State]) -> list[State]:
        """The paths of one more round of the loop that begins in @begun.  What stands in the same
        place in all of them, and each round leaves as it was, is kept; @at_head makes the state
        at the head from what stands there."""
        first = found.begin(begun)
        kept = found.kept(self.heads[name].candidates(begun[0]), first)
        for s in begun:
            s.heads = found.told(s, first)
        while True:
            head = at_head(lambda progress, rest: found.values(first, kept, progress, rest))
            head.began = head.clone()
            out = self.proceed(name, head, to)
            back = at_cut(out, name)
            lost = {p for p in kept if not all(holds(t, p, first[p]) for t in back)}
            if not lost:
                break
            kept -= lost
        for t in back:
            self.come_back(t)
            t.heads = found.told(t, first)
            t.objects["stack"] = t.began.objects["stack"]	# what is kept there was compared
        return out

    def come_back(self, t: State) -> None:
        """What a round leaves as it was, beside what goals and places say."""
        b = t.began
        self.env.whole(t)
        t.require("a round of the loop leaves the counts' lock as it was",
                  boolean((t.counting, t.counted) == (b.counting, b.counted)
                          and t.covered is b.covered))
        t.require("a round of the loop leaves what is beside tables and stack as it was", boolean(
            all(t.objects.get(o) == there for o, there in b.objects.items() if o != "stack")))
        t.require("a round of the loop leaves no table",
                  boolean(all(not x.left for x in t.tables.values())))
