# SPDX-License-Identifier: GPL-2.0
"""Tests in the format of COATCheck (Lustig, Sethi, Martonosi, Bhattacharjee, ASPLOS 2016).

Such a file has one execution or more, each after the line "Alternative": its accesses with
the values that they read and write, its order and, where needed, what memory holds in the end. They
are executions of one program; the last line says whether any of them can be observed. Here
that becomes the program, and the condition that an outcome is that of one of the executions.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

VERDICTS = {"Permitted": "exists", "Required": "exists", "Forbidden": "~exists"}

ACCESS = re.compile(r"(\d+) (\d+) 0 0 \((Read|Write) (normal|RMW) "
                    r"\(VA (\d+) 0\) \(PA (\d+) 0\) \(Data (\d+)\)\)")
FENCE = re.compile(r"(\d+) (\d+) 0 0 \(Fence MFENCE\)")
RELATION = re.compile(r"Relationship (\w+) (\d+) 0 -> (\d+) 0")
MEMORY = re.compile(r"\(PA (\d+) 0\) = (\d+)")


class Unread(Exception):
    """Why a file was not understood."""


@dataclass(frozen=True)
class Event:
    core: int
    kind: str  # Read, Write, Fence
    locked: bool = False
    place: int = 0
    value: int = 0


@dataclass
class Execution:
    events: dict[int, Event] = field(default_factory=dict)
    po: set[tuple[int, int]] = field(default_factory=set)
    final: dict[int, int] = field(default_factory=dict)

    def thread(self, core: int) -> list[Event]:
        """Its events in program order, which the numbers need not follow."""
        mine = {n for n, event in self.events.items() if event.core == core}
        before = {n: len({a for a, b in self.po if b == n and a in mine}) for n in mine}
        order = []
        while mine:
            first = min(mine, key=lambda n: (before[n], n))
            if before[first]:
                raise Unread("program order has a cycle")
            mine.remove(first)
            order.append(self.events[first])
            for after in {b for a, b in self.po if a == first and b in mine}:
                before[after] -= 1
        return order


def event_of(line: str) -> tuple[int, Event] | None:
    if found := ACCESS.fullmatch(line):
        number, core, virtual, place, value = (int(found[i]) for i in (1, 2, 5, 6, 7))
        if virtual != place:
            raise Unread(f"an address that is not its place: {line}")
        return number, Event(core, found[3], found[4] == "RMW", place, value)
    if found := FENCE.fullmatch(line):
        return int(found[1]), Event(int(found[2]), "Fence")
    return None


def take(line: str, execution: Execution) -> None:
    if event := event_of(line):
        execution.events[event[0]] = event[1]
    elif found := RELATION.fullmatch(line):
        if found[1] in ("po", "iico_control"):
            execution.po.add((int(found[2]), int(found[3])))
    elif found := MEMORY.fullmatch(line):
        execution.final[int(found[1])] = int(found[2])
    else:
        raise Unread(f"not understood: {line}")


def executions(lines: list[str]) -> tuple[dict[int, int], list[Execution]]:
    """What memory holds at first, where that is not 0, and the executions."""
    initial: dict[int, int] = {}
    found: list[Execution] = []
    for line in lines:
        if line == "Alternative":
            found.append(Execution())
        elif found:
            take(line, found[-1])
        elif memory := MEMORY.fullmatch(line):
            initial[int(memory[1])] = int(memory[2])
        else:
            raise Unread(f"not understood: {line}")
    if not found:
        raise Unread("no execution")
    return initial, found


def steps(thread: list[Event], core: int) -> tuple[list[str], list[str]]:
    """A thread in the house's form, and what its registers hold in this execution."""
    words, registers = [], []
    rest = iter(thread)
    for event in rest:
        register = f"r{len(registers)}"
        if event.kind == "Read":
            registers.append(f"{core}:{register}={event.value}")
        if event.locked:
            half = next(rest, None)
            if event.kind != "Read" or not half or not half.locked or half.kind != "Write" or half.place != event.place:
                raise Unread("half of a locked instruction")
            words.append(f"{register} = xchg f{event.place} {half.value}")
        else:
            words.append({"Read": f"{register} = load f{event.place}",
                          "Write": f"store f{event.place} {event.value}", "Fence": "fence"}[event.kind])
    return words, registers


def columns(threads: list[list[str]]) -> list[str]:
    height = max(len(thread) for thread in threads)
    rows = [[thread[i] if i < len(thread) else "" for thread in threads] for i in range(height)]
    return [" | ".join(row) + " ;" for row in [[f"P{i}" for i in range(len(threads))], *rows]]


def converted(name: str, text: str) -> tuple[str, str]:
    """The test in the house's form, and what is claimed of its condition."""
    lines = [line for line in (line.strip() for line in text.splitlines()) if line]
    if not lines or lines[-1] not in VERDICTS:
        raise Unread("no verdict in the last line")
    initial, found = executions(lines[:-1])
    programs, conditions, places = [], [], set(initial)
    for execution in found:
        cores = sorted({event.core for event in execution.events.values()})
        threads = [steps(execution.thread(core), i) for i, core in enumerate(cores)]
        programs.append([words for words, _ in threads])
        held = [register for _, registers in threads for register in registers]
        held += [f"f{place}={value}" for place, value in sorted(execution.final.items())]
        conditions.append("(" + (" /\\ ".join(held) or "true") + ")")
        places |= {event.place for event in execution.events.values()} | set(execution.final)
    if not programs[0]:
        raise Unread("no access")
    if any(program != programs[0] for program in programs):
        raise Unread("the executions are not of one program")
    flags = [f"  flag f{place} = {initial.get(place, 0)}" for place in sorted(places)]
    body = [f"vpt {name}", "{", *flags, "}", *columns(programs[0]), "",
            "exists " + " \\/ ".join(dict.fromkeys(conditions))]
    return "\n".join(body) + "\n", VERDICTS[lines[-1]]
