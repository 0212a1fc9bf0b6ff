# SPDX-License-Identifier: GPL-2.0
"""One path of an execution: where it is, what it has assumed, what it has done."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional, Union

from term import TRUE, Term, and_, app, bitwise, arith, boolean, bv, concat, eq, extract, ite, \
    mask, not_, or_, slt, ult


@dataclass(frozen=True)
class Pointer:
    """Into one of the path's objects; offset in bytes."""
    object: str
    offset: int


@dataclass(frozen=True)
class Element:
    """Into an array of 64-bit numbers that the caller hands over and nobody writes."""
    array: str
    index: Term
    count: Term		# of the array's elements


class Undefined:
    """What undef or uninitialised memory holds: may be moved, not used."""


UNDEFINED = Undefined()
Value = Union[Term, Pointer, Element, Undefined, None]


@dataclass
class Frame:
    function: str
    block: str
    previous: str
    at: int
    regs: dict[str, Value]


@dataclass(frozen=True)
class Obligation:
    """Must hold whenever the path gets here; the numbers say how many there were so far."""
    what: str
    claim: Term
    conditions: int
    facts: int
    calls: int


def follow(state: State, step: Callable[[State], list[State]]) -> list[State]:
    """Every path from here, to where it ends; a step gives the states that may be next."""
    done: list[State] = []
    work = [state]
    while work:
        s = work.pop()
        while not s.ended:
            # Where no way leads on, what the path owed until there stays to be shown.
            successors = step(s) or [s.die()]
            s = successors[0]
            work.extend(successors[:0:-1])
        done.append(s)
    return done


class Known:
    """What assumptions fix: bits of terms, and the truth of conditions."""

    def __init__(self) -> None:
        self.bits: dict[int, tuple[int, int]] = {}
        self.truth: dict[int, bool] = {}

    def copy(self) -> "Known":
        new = Known()
        new.bits, new.truth = dict(self.bits), dict(self.truth)
        return new

    def learn(self, cond: Term, holds: bool = True) -> None:
        if cond.op == "not":
            self.learn(cond.args[0], not holds)
            return
        if (cond.op == "and" and holds) or (cond.op == "or" and not holds):
            for a in cond.args:
                self.learn(a, holds)
            return
        self.truth[cond.ident] = holds
        if cond.op != "eq" or cond.args[1].op != "const" or not cond.args[0].width:
            return
        base, low, width = cond.args[0], 0, cond.args[0].width
        if not holds and width > 1:
            return
        if base.op == "extract":
            low, base = base.info[1], base.args[0]
        value = cond.args[1].info if holds else 1 - cond.args[1].info
        m, v = self.bits.get(base.ident, (0, 0))
        m2 = mask(width) << low
        self.bits[base.ident] = (m | m2, v & ~m2 | value << low)

    def _slice(self, t: Term) -> Term:
        base, high, low = t, t.width - 1, 0
        if t.op == "extract":
            base, (high, low) = t.args[0], t.info
        m, v = self.bits.get(base.ident, (0, 0))
        if not m >> low & mask(high - low + 1):
            return t
        parts, top = [], high
        while top >= low:
            known = m >> top & 1
            bottom = top
            while bottom > low and m >> (bottom - 1) & 1 == known:
                bottom -= 1
            width = top - bottom + 1
            parts.append(bv(v >> bottom, width) if known else extract(base, top, bottom))
            top = bottom - 1
        return concat(*parts)

    def reduce(self, t: Term, memo: Optional[dict[int, Term]] = None) -> Term:
        """The term, folded with what is known."""
        memo = {} if memo is None else memo
        found = memo.get(t.ident)
        if found is not None:
            return found
        new = t
        if t.op == "const":
            return t
        if not t.width and t.ident in self.truth:
            new = boolean(self.truth[t.ident])
        elif t.op in ("var", "app", "extract"):
            new = self._slice(t)
        elif t.args:
            args = [self.reduce(a, memo) for a in t.args]
            if any(x is not y for x, y in zip(args, t.args)):
                new = rebuild(t, args)
                if not new.width and new.ident in self.truth:
                    new = boolean(self.truth[new.ident])
        memo[t.ident] = new
        return new


def rebuild(t: Term, args: list[Term]) -> Term:
    op = t.op
    if op == "and":
        return and_(*args)
    if op == "or":
        return or_(*args)
    if op == "not":
        return not_(args[0])
    if op == "ite":
        return ite(*args)
    if op == "eq":
        return eq(*args)
    if op == "ult":
        return ult(*args)
    if op == "slt":
        return slt(*args)
    if op == "concat":
        return concat(*args)
    if op == "extract":
        return extract(args[0], *t.info)
    if op in ("bvand", "bvor", "bvxor"):
        return bitwise(op, *args)
    if op in ("add", "sub", "mul"):
        return arith(op, *args)
    if op == "app":
        return app(t.info, t.width, *args)
    raise AssertionError(op)


@dataclass
class Slot:
    """One table entry that the path has accessed.  Those of a path are all distinct."""
    page: Term		# page number of the table, bits 51:12 of its address
    level: int		# the table's
    index: Term
    initial: Term
    value: Term
    base: Term		# address behind the entry, bits 47:12


@dataclass
class Event:
    """Something the outside can see: a store to a table, a page taken or deferred."""
    kind: str
    page: Term
    level: int
    slot: Optional[Slot] = None		# the slot as it is after the store
    value: Optional[Term] = None
    owned: Optional[Term] = None
    conditions: int = 0
    facts: int = 0
    where: str = ""			# the instruction, in machine code


@dataclass
class TablePage:
    """A table the path knows: its place in the tree, and its count."""
    page: Term
    level: int
    base: Term				# first address behind it, bits 47:12
    parent: Optional[Term] = None	# page and index that lead to it
    index: Optional[Term] = None
    fresh: bool = False			# taken during this operation, or linked by Linux
    owned: Optional[Term] = None		# as the core told when it took it
    entries: dict[int, Term] = field(default_factory=dict)	# stored before it is linked, by index
    filled: Optional[Callable[[Term], Term]] = None	# what they all are, by index
    deferred: bool = False
    released: bool = False		# not counted any more: the region's bounds cut its span
    left: bool = False			# empty, by who may not unlink it
    live: Optional[Term] = None		# now
    live_initial: Optional[Term] = None
    moved: bool = False			# others have changed the count; @live_initial has that, too
    beside: Optional[Term] = None	# entries that others have counted in it since it was linked


@dataclass(frozen=True)
class Run:
    """The entries of @table from @first on, @count of them, that a range form is done with.

    @removed of them were leaves.  @rights: their new rights; None: they are cleared, or
    empty ones are filled (@fill: with what, by index), or it only looks whether they are
    empty.
    """
    table: Term
    level: int
    base: Term
    first: Term		# 9 bits, as @count
    count: Term
    removed: Term
    rights: Optional[Term]
    fill: Optional[Callable[[Term], Term]] = None
    looks: bool = False

    @property
    def clears(self) -> bool:
        return self.rights is None and self.fill is None and not self.looks


class State:
    """A path.  Lists only grow, so a length is a moment."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.objects: dict[str, dict[int, tuple[int, Value]]] = {}
        self.sizes: dict[str, int] = {}		# of the objects, in bytes
        self.constant: frozenset[str] = frozenset()		# objects that nobody may write
        self.known = Known()
        self.conditions: list[Term] = []
        self.facts: list[Term] = []
        self.obligations: list[Obligation] = []
        self.events: list[Event] = []
        self.slots: dict[tuple[int, int], Slot] = {}
        self.tables: dict[int, TablePage] = {}
        self.locked: Optional[tuple[Term | str, int]] = None
        self.counting = False		# the lock of the counts above level 1 is held
        self.counted = False		# it was taken
        self.covered: Term = TRUE	# every span of the region is held
        # Where others may have linked a table between the last look and when all spans were had.
        self.unseen: frozenset[tuple[int, int]] = frozenset()
        self.settled: Optional[tuple[int, int]] = None	# the entry looked at since
        self.alone = False		# that entry was looked at before, in the same hold of its lock
        self.reserve: Optional[Term] = None
        self.calls = 0
        self.fresh = 0
        self.hardware: list[tuple[Slot, Term]] = []	# A and D set meanwhile
        self.ended = False
        self.dead = False			# ended where no way leads on
        self.cut = ""			# the loop header where it ended
        self.phase = ""			# of a range form
        self.loop = ""			# of pt_map_range(): which one's head that is
        self.heads: list[Value] = []	# the loop's variables there
        self.began: Optional["State"] = None	# as it was at the loop's head
        self.joins: Optional["State"] = None	# the path by which the induction goes on
        self.run: Optional[Run] = None
        self.pending: Optional[tuple[Slot, Term]] = None	# removed, not yet handed over
        self.result: Value = None
        self.where = ""			# the instruction, where machine code is executed
        self.answered = False		# a call of the environment has set rax
        self.half: Optional[tuple[Term, Term, Term]] = None	# stored in one copy of the root
        self.loops: dict[tuple, int] = {}
        self.trace: list[tuple] = []	# calls of the environment: name, arguments, result

    def clone(self) -> "State":
        new = State()
        new.frames = [Frame(f.function, f.block, f.previous, f.at, dict(f.regs))
                      for f in self.frames]
        new.objects = {name: dict(o) for name, o in self.objects.items()}
        new.known = self.known.copy()
        for name in ("conditions", "facts", "obligations", "events", "hardware", "trace"):
            setattr(new, name, list(getattr(self, name)))
        new.sizes = dict(self.sizes)
        new.slots = {k: Slot(**vars(s)) for k, s in self.slots.items()}
        new.tables = {k: TablePage(**vars(t)) for k, t in self.tables.items()}
        new.loops = dict(self.loops)
        for name in ("locked", "reserve", "calls", "fresh", "ended", "result", "cut", "phase",
                     "run", "pending", "counting", "counted", "covered", "unseen", "settled",
                     "alone", "dead", "constant", "began", "where", "answered", "half"):
            setattr(new, name, getattr(self, name))
        return new

    def die(self) -> "State":
        self.ended = self.dead = True
        return self

    def assume(self, cond: Term) -> None:
        if cond is not TRUE:
            self.conditions.append(cond)
            self.known.learn(cond)

    def fact(self, *facts: Term) -> None:
        self.facts.extend(f for f in facts if f is not TRUE)

    def require(self, what: str, claim: Term) -> None:
        claim = self.known.reduce(claim)
        if claim is not TRUE:
            self.obligations.append(
                Obligation(f"{what}, {self.where}" if self.where else what, claim,
                           len(self.conditions), len(self.facts), len(self.trace)))

    def reserve_only(self) -> bool:
        """Nothing that the invariant speaks of has changed."""
        return self.run is None and (all(x.value is x.initial for x in self.slots.values())
                and all(t.live is t.live_initial and not t.deferred
                        for t in self.tables.values()))

    def name(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"
