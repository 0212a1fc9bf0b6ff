# SPDX-License-Identifier: GPL-2.0
"""Random programs of plain memory, and whether the model has all their outcomes and no other."""
from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import x86tso
from x86tso import Outcome, Program, Step

VPT_LITMUS = Path(__file__).resolve().parents[2] / "build/litmus/vpt-litmus"
AT_A_TIME = 500  # files of one command
SIZES = ((2, 2), (2, 3), (2, 4), (2, 5), (3, 2), (3, 3))  # threads, steps of the longest
VERBS = {"load": 12, "store": 12, "fence": 2, "xchg": 1, "add": 1, "cmpxchg": 1}


def step(draw: random.Random, before: list[Step], places: int, value: int) -> Step:
    """One after those: mostly a store first, and mostly at another place than the last."""
    verb = draw.choices(list(VERBS), list(VERBS.values()))[0]
    place = draw.randrange(places)
    if draw.random() < 0.6:
        verb = verb if before else "store"
        place = (before[-1].place + 1) % places if before else place
    reads = sum(one.verb in x86tso.READS for one in before)
    register = draw.randrange(reads) if verb == "store" and reads and draw.random() < 0.2 else -1
    return Step(verb, place, value, draw.randrange(3), register)


def program(seed: int, number: int) -> Program:
    """The same for the same seed and number, whatever else is made."""
    draw = random.Random(f"{seed}.{number}")
    threads, longest = draw.choice(SIZES)
    places = draw.choice((2, 2, 3))
    found: Program = []
    value = 0
    for _ in range(threads):
        thread: list[Step] = []
        for _ in range(draw.randint(max(1, longest - 1), longest)):
            value += 1
            thread.append(step(draw, thread, places, value))
        found.append(thread)
    return found


def cells(thread: list[Step]) -> Iterator[str]:
    """The thread in the house's form."""
    reads = 0
    for one in thread:
        value = f"r{one.register}" if one.register >= 0 else str(one.value)
        words = {"load": "", "store": f" {value}", "cmpxchg": f" {one.expected} {value}"}.get(one.verb, f" {value}")
        text = "fence" if one.verb == "fence" else f"{one.verb} f{one.place}{words}"
        if one.verb in x86tso.READS:
            text, reads = f"r{reads} = {text}", reads + 1
        yield text


def text_of(name: str, threads: Program) -> str:
    places = sorted({one.place for thread in threads for one in thread if one.verb != "fence"})
    columns = [[f"P{i}", *cells(thread)] for i, thread in enumerate(threads)]
    height = max(len(column) for column in columns)
    rows = [" | ".join(column[i] if i < len(column) else "" for column in columns) + " ;" for i in range(height)]
    shown = "locations [" + " ".join(f"f{place};" for place in places) + "]" if places else ""
    return "\n".join([f"vpt {name}", "{", *(f"  flag f{place}" for place in places), "}", *rows, "", shown,
                      "exists true"]) + "\n"


def allowed(files: list[Path]) -> dict[str, set[Outcome]]:
    """What the model has for each file, by test; nothing where it gives no verdict."""
    done = subprocess.run([VPT_LITMUS, "model", *files], stdout=subprocess.PIPE, text=True, check=False)
    found = {}
    for part in re.split(r"(?m)^(?=Test )", done.stdout)[1:]:
        name = part.split()[1]
        if f"\nVerdict {name} Ok\n" in part:
            states = part.split("\n", 2)[2].split("\nOk\n")[0].splitlines()
            found[name] = {frozenset(word for word in state.replace(" ", "").split(";") if word) for state in states}
    return found


def difference(model: set[Outcome] | None, axioms: set[Outcome]) -> str:
    if model is None:
        return "the model gives no verdict"
    said = [f"{who} {'; '.join(sorted(one))}" for who, those in
            (("only the model has", model - axioms), ("only the axioms have", axioms - model)) for one in sorted(those, key=sorted)]
    return ", ".join(said)


def compared(seed: int, count: int, folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Of each program its text, where the two differ, and whether it shows a store buffer."""
    for first in range(0, count, AT_A_TIME):
        programs = {f"RND-{seed}-{i}": program(seed, i) for i in range(first, min(count, first + AT_A_TIME))}
        files = [folder / f"{name}.litmus" for name in programs]
        for path, (name, threads) in zip(files, programs.items()):
            path.write_text(text_of(name, threads))
        model = allowed(files)
        for name, threads in programs.items():
            axioms = x86tso.outcomes(threads)
            yield (text_of(name, threads), difference(model.get(name), axioms),
                   axioms != x86tso.without_buffers(threads))
