# SPDX-License-Identifier: GPL-2.0
"""All outcomes of a program under x86-TSO, from axioms. It shares nothing with the model.

The model has machines with store buffers and lets them take steps. Here every execution is a
choice: for each place an order of the writes to it (co), for each read the write that it
reads (rf); a read comes before the writes after that one (fr). An execution is allowed if two
graphs have no cycle, as in herd's x86tso.cat and in Owens, Sarkar, Sewell, "A Better x86
Memory Model: x86-TSO", TPHOLs 2009:

    for each place      program order there, rf, co, fr
    all together        program order but for a write before a read, rf between threads, co, fr

A locked instruction is one event that reads and writes, so that nothing comes between it and
the write that it reads, and it keeps its order to both sides. MFENCE is an event that does neither.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

READS = ("load", "xchg", "add", "cmpxchg")
WRITES = ("store", "xchg", "add", "cmpxchg")


@dataclass(frozen=True)
class Step:
    verb: str  # load, store, fence, xchg, add, cmpxchg
    place: int = 0
    value: int = 0  # what is stored or added
    expected: int = 0  # of cmpxchg
    register: int = -1  # store: its value instead


Program = list[list[Step]]
Outcome = frozenset[str]
Edges = set[tuple[int, int]]


@dataclass(frozen=True)
class Event:
    number: int
    thread: int
    step: Step
    register: int  # that it reads into

    @property
    def reads(self) -> bool:
        return self.step.verb in READS

    @property
    def writes(self) -> bool:
        return self.step.verb in WRITES


@dataclass(frozen=True)
class Choice:
    """What is chosen for some places: None is the value 0 at the beginning."""

    last: dict[int, int | None]  # by place
    sources: dict[int, int | None]  # by read
    edges: Edges  # rf between threads, co, fr


def acyclic(edges: Edges) -> bool:
    after: dict[int, set[int]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)
    while after:
        ends = [a for a, bs in after.items() if bs.isdisjoint(after)]
        if not ends:
            return False
        for a in ends:
            del after[a]
    return True


def events_of(program: Program) -> list[Event]:
    found: list[Event] = []
    for thread, steps in enumerate(program):
        registers = itertools.count()
        for step in steps:
            found.append(Event(len(found), thread, step, next(registers) if step.verb in READS else -1))
    return found


def program_order(events: list[Event]) -> list[tuple[Event, Event]]:
    return [(a, b) for a, b in itertools.combinations(events, 2) if a.thread == b.thread]


def preserved(events: list[Event]) -> Edges:
    return {(a.number, b.number) for a, b in program_order(events)
            if not (a.step.verb == "store" and b.step.verb == "load")}


def choices(events: list[Event], place: int) -> Iterator[Choice]:
    """Those of one place whose own graph has no cycle."""
    here = [event for event in events if event.step.place == place and event.step.verb != "fence"]
    writes = [event.number for event in here if event.writes]
    reads = [event.number for event in here if event.reads]
    po = {(a.number, b.number) for a, b in program_order(here)}
    for order in itertools.permutations(writes):
        co = set(itertools.combinations(order, 2))
        if any((b, a) in po for a, b in co):
            continue
        for picked in itertools.product((None, *order), repeat=len(reads)):
            sources = dict(zip(reads, picked))
            rf = {(w, r) for r, w in sources.items() if w is not None}
            fr = {(r, later) for r, w in sources.items()
                  for later in order[order.index(w) + 1 if w is not None else 0:] if later != r}
            if acyclic(po | rf | co | fr):
                between = {(a, b) for a, b in rf if events[a].thread != events[b].thread}
                yield Choice({place: order[-1] if order else None}, sources, between | co | fr)


def executions(events: list[Event], order: Edges) -> list[Choice]:
    """All choices of all places with which this order has no cycle."""
    found = [Choice({}, {}, set())]
    for place in sorted({event.step.place for event in events if event.step.verb != "fence"}):
        found = [Choice(so_far.last | here.last, so_far.sources | here.sources, so_far.edges | here.edges)
                 for here in choices(events, place) for so_far in found
                 if acyclic(order | so_far.edges | here.edges)]
    return found


def outcome(events: list[Event], choice: Choice) -> Outcome:
    """What registers and memory hold at the end."""
    def read(event: Event) -> int:
        source = choice.sources[event.number]
        return 0 if source is None else written(events[source])

    def written(event: Event) -> int:
        step = event.step
        if step.verb == "add":
            return read(event) + step.value
        if step.verb == "cmpxchg" and read(event) != step.expected:
            return read(event)
        if step.register < 0:
            return step.value
        return read(next(e for e in events if e.thread == event.thread and e.register == step.register))

    held = {f"{event.thread}:r{event.register}={read(event)}" for event in events if event.reads}
    return frozenset(held | {f"f{place}={0 if last is None else written(events[last])}"
                             for place, last in choice.last.items()})


def outcomes(program: Program) -> set[Outcome]:
    events = events_of(program)
    return {outcome(events, choice) for choice in executions(events, preserved(events))}


def without_buffers(program: Program) -> set[Outcome]:
    """Where program order is kept whole: sequential consistency."""
    events = events_of(program)
    order = {(a.number, b.number) for a, b in program_order(events)}
    return {outcome(events, choice) for choice in executions(events, order)}
