# SPDX-License-Identifier: GPL-2.0
"""What stands where at a loop's head, in machine code.

A loop's variables are registers and slots of the stack.  Which one holds what is found by
looking at the states that come to the head; that it does is then shown of every path that
comes back to it.  What is not found to be something holds anything there.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional, Union

from disasm import WIDE, Instruction
from flow import Flow
from layout import Stuck
from opcodes import NO_FLAGS, memory_operand, uses
from ranges import lasting
from smt import order
from state import Frame, State
from term import Term, add, bits, bv, concat, eq, shl, sub, var, zext

Place = Union[str, tuple[int, int]]	# a register, or where on the stack and how many bytes
Grown = set[Optional[int]]	# by how much something has grown in one round; None: not told


def held_at(s: State, place: Place) -> Optional[Term]:
    """What stands there, if all of it was stored."""
    if isinstance(place, str):
        return s.frames[-1].regs[place]
    at, size = place
    there = s.objects["stack"].get(at)
    if there and there[0] == size:
        return there[1]
    parts = []
    for b in range(at, at + size):
        found = next((bits(v, 8 * (b - start) + 7, 8 * (b - start)) for start, (n, v)
                      in s.objects["stack"].items() if start <= b < start + n), None)
        if found is None:
            return None
        parts.append(found)
    return concat(*parts[::-1])


def holds(s: State, place: Place, value: Term) -> bool:
    """Whether that stands there, as far as it can be seen."""
    found = held_at(s, place)
    return found is not None and (found is value
                                  or s.known.reduce(found) is s.known.reduce(value))


def on_stack(s: State) -> list[Place]:
    return [(at, n) for at, (n, _) in s.objects["stack"].items()]


def common(states: list[State], among: list[Place]) -> dict[Place, Term]:
    """What stands in the same place in all of them."""
    found = {p: held_at(states[0], p) for p in among}
    return {p: v for p, v in found.items()
            if v is not None and all(holds(t, p, v) for t in states)}


def put_at(s: State, values: dict[Place, Term]) -> None:
    """At a head: these values, and anything everywhere else."""
    regs = {name: values.get(name) or var(s.name("anything"), 64) for name in WIDE}
    f = s.frames[-1]
    s.frames = [Frame(f.function, "", "", f.at, regs | {"flags": dict(NO_FLAGS)})]
    s.objects["stack"] = {p[0]: (p[1], v) for p, v in values.items() if not isinstance(p, str)}
    s.loops = {}


def stack_offset(s: State) -> int:
    """Of the stack pointer, from where it was at the call."""
    constant = [t for t in order([s.frames[-1].regs["rsp"]]) if t.op == "const"]
    n = constant[0].value if constant else 0
    return n - (1 << 64) if n >> 63 else n


@dataclass
class Head:
    """One loop's."""
    flow: Flow
    at: int
    body: set[int]

    def __post_init__(self) -> None:
        self.moved = self.flow.moved(self.at)

    def instructions(self) -> list[Instruction]:
        return [self.flow.body[a] for a in sorted(self.body)]

    def beside_stack(self) -> bool:
        """Whether what its instructions read or write may be memory of others."""
        found = [memory_operand(i) for i in self.instructions() if uses(i)]
        return any(m is not None and m[0].base != "rsp" for m in found)

    def of_stack(self, i: Instruction, s: State) -> tuple[set[int], set[int]]:
        """Bytes of the stack, from where it was at the call, that it reads and that it writes."""
        m, use = (uses(i) and memory_operand(i)) or (None, "")
        if m is None or m.base != "rsp" or m.index is not None:
            return set(), set()
        at = stack_offset(s) + self.moved.get(i.address, 0) + m.disp
        there = set(range(at, at + m.size))
        return there if "r" in use else set(), there if "w" in use else set()

    def stored(self, s: State) -> set[int]:
        """Bytes of the stack that the loop writes."""
        return set().union(*(self.of_stack(i, s)[1] for i in self.instructions()))

    def read_first(self, s: State) -> set[int]:
        """Bytes of the stack that are read from there on before they are written."""
        return self.flow.read_first(self.at, lambda i: self.of_stack(i, s))

    def candidates(self, s: State) -> list[Place]:
        """Where something may stand that the loop still reads."""
        live = self.flow.live(self.at)
        return [p for p in [*WIDE, *on_stack(s)] if not isinstance(p, str) or p in live]


# Between two runs

def comes_of(value: Optional[Term], now: Term) -> bool:
    return value is not None and bool({t for t in order([now]) if t.op == "var"}
                                      & set(order([value])))


@dataclass
class Outer:
    """@kept: what each round leaves as it was; @moving: by name, where the loop's variables
    stand, and what stood there at first."""
    kept: dict[Place, Term]
    moving: dict[str, dict[Place, Term]]

    @staticmethod
    def of(head: Head, reached: list[State], firsts: dict[str, Term],
           also: frozenset[Term]) -> "Outer":
        """@firsts: what the variables are when the loop is entered."""
        found = Outer({}, {name: {} for name in firsts})
        stored, used = head.stored(reached[0]), head.read_first(reached[0])
        for p in head.candidates(reached[0]):
            v = held_at(reached[0], p)
            if any(held_at(t, p) is not v for t in reached) or lasting(v, also) is not v:
                continue
            there = set() if isinstance(p, str) else set(range(p[0], p[0] + p[1]))
            moves = isinstance(p, str) or there & stored
            name = next((n for n, first in firsts.items() if v is first), None)
            if name and moves:
                if there <= used:
                    found.moving[name][p] = v
            elif isinstance(p, str) or not moves:
                found.kept[p] = v
        return found

    def values(self, now: dict[str, Term]) -> dict[Place, Term]:
        return self.kept | {p: now[name] for name, there in self.moving.items() for p in there}

    def weaken(self, back: list[State], now: dict[str, Term]) -> bool:
        """Forget what did not come back as it was; whether there was something."""
        lost = [p for p, v in self.kept.items() if not all(holds(t, p, v) for t in back)]
        for p in lost:
            del self.kept[p]
        return bool(lost) | any([self.settle(back, there, now[name])
                                 for name, there in self.moving.items()])

    def settle(self, back: list[State], there: dict[Place, Term], now: Term) -> bool:
        """What did not move is kept; if nothing did, that is refuted.  What stood there by chance,
        and does not come of the variable any more, holds anything."""
        still = [p for p in there if all(holds(t, p, now) for t in back)]
        if len(still) == len(there):
            return False
        for p in still:
            self.kept[p] = there.pop(p)
        astray = [p for p in there if not all(comes_of(held_at(t, p), now) for t in back)]
        for p in astray if len(astray) < len(there) else []:
            del there[p]
            still.append(p)
        return bool(still)

    def told(self, s: State, name: str) -> Term:
        """A variable, where a path comes to the head."""
        found = {held_at(s, p) for p in self.moving[name]}
        if len(found) != 1 or None in found:
            raise Stuck(f"a loop's variable, {name}, is told in several ways, or in none")
        return found.pop()


# Inside a run

def wide(t: Term, width: int) -> Term:
    return zext(t, width) if t.width <= width else bits(t, width - 1, 0)


def step_of(v: Term, then: Term) -> Optional[int]:
    """By which constant it has grown; a number of 32 bits may stand in a register."""
    if v.width == then.width == 64 and all(bits(t, 63, 32).value == 0 for t in (v, then)):
        v, then = bits(v, 31, 0), bits(then, 31, 0)
    if v.value is not None and then.value is not None:
        return (then.value - v.value) % (1 << v.width)
    x, c = (v.args[0], v.args[1].value) if v.op == "add" else (v, 0)
    y, d = (then.args[0], then.args[1].value) if then.op == "add" else (then, 0)
    if x is not y or c is None or d is None:
        return 0 if v is then else None
    return (d - c) % (1 << v.width)


@dataclass
class Variables:
    """A loop's variables, by what one round from its beginning did to them.

    @steps: what grows by a constant each time, and by how many bits that is 1 shifted;
    @rest: what else changes and begins with 0, by the names of @roles.
    """
    width: int		# of the numbers that told() gives
    steps: dict[Place, int] = field(default_factory=dict)
    rest: dict[str, Place] = field(default_factory=dict)
    others: set[Place] = field(default_factory=set)		# that hold anything

    @staticmethod
    def of(head: Head, rounds: list[tuple[State, list[State]]],
           roles: Callable[[Grown], Optional[str]], width: int) -> "Variables":
        """@rounds: states at the loop's beginning, and where each comes in one round."""
        found = Variables(width)
        for p in head.candidates(rounds[0][0]):
            grown: Grown = set()
            for s, after in rounds:
                v = held_at(s, p)
                for t in after:
                    then = held_at(t, p)
                    grown.add(None if v is None or then is None else
                              0 if holds(t, p, v) else step_of(v, t.known.reduce(then)))
            if grown == {0}:
                continue
            step = grown.pop() if len(grown) == 1 else None
            if step and step & (step - 1) == 0:
                found.steps[p] = step.bit_length() - 1
                continue
            grown |= {step} if step is not None else set()
            zero = all(holds(s, p, bv(0, 64 if isinstance(p, str) else 8 * p[1]))
                       for s, _ in rounds)
            role = roles(grown or {None}) if zero else None
            if role is None or role in found.rest:
                found.others.add(p)
            else:
                found.rest[role] = p
        if not found.steps:
            raise Stuck("nothing at a loop's head tells how far it has come")
        return found

    def begin(self, begun: list[State]) -> dict[Place, Term]:
        """What stands in all places when the loop is entered."""
        first = common(begun, [*WIDE, *on_stack(begun[0])])
        if not first.keys() >= self.steps.keys():
            raise Stuck("what tells how far a loop has come begins in several ways")
        return first

    def kept(self, among: list[Place], first: dict[Place, Term]) -> set[Place]:
        return {p for p in among if p in first and p not in self.steps
                and p not in self.rest.values() and p not in self.others}

    def values(self, first: dict[Place, Term], kept: set[Place], progress: Term,
               rest: dict[str, Term]) -> dict[Place, Term]:
        """At the head, after @progress rounds."""
        found = {p: v for p, v in first.items() if p in kept}
        found |= {p: self.grown(p, first[p], progress) for p in self.steps}
        return found | {p: wide(rest[role], first[p].width) for role, p in self.rest.items()}

    def grown(self, p: Place, first: Term, progress: Term) -> Term:
        return add(first, shl(wide(progress, first.width), self.steps[p]))

    def told(self, s: State, first: dict[Place, Term]) -> list[Term]:
        """The loop's variables where a path comes to its head: progress and the others by
        their names.  That the places which grow do so together is a goal."""
        width = self.width
        p = next(iter(self.steps))
        low = self.steps[p]
        n = bits(sub(held_at(s, p), first[p]), min(width - 1 + low, first[p].width - 1), low)
        n = zext(n, width)
        for q in self.steps:
            s.require(f"{q} is at a loop's head what the rounds so far have made it",
                      eq(held_at(s, q), self.grown(q, first[q], n)))
        found = [n]
        for _, p in sorted(self.rest.items()):
            v = held_at(s, p)
            if v.width > width:
                s.require(f"{p} is a number of {width} bits",
                          eq(bits(v, v.width - 1, width), bv(0, v.width - width)))
            found.append(bits(v, width - 1, 0))
        return found
