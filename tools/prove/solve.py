# SPDX-License-Identifier: GPL-2.0
"""The solver: cvc5 on SMT-LIB text, with a cache by the text's hash."""
from __future__ import annotations

import functools
import hashlib
import os
import resource
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Sequence

from smt import script
from state import State
from term import TRUE, Term

CVC5 = "cvc5"
# A third faster on these goals than with the default, MiniSat.
OPTIONS = ["--lang=smt2", "--bv-sat-solver=cadical"]

# Seconds for one query, by the clock: many times what the slowest takes, so that a slow or
# busy machine proves the same.
LIMIT = 300.0


def spent() -> float:
    """Processor seconds of the solvers that this process has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@functools.cache
def identity() -> str:
    """Of the solver: an answer is one of this version with these options."""
    told = subprocess.run([CVC5, "--version"], capture_output=True, text=True, check=True)
    return " ".join(OPTIONS) + told.stdout


@dataclass
class Answer:
    """sat, unsat or unknown; processor seconds when it was asked; the goal's file."""
    result: str
    seconds: float
    key: str
    cached: bool


class Solver:
    """Asks cvc5, at most once for each text, version and set of options."""

    def __init__(self, folder: Path, limit: float = LIMIT):
        self.folder, self.limit = folder, limit
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.smt2"

    def ask(self, assertions: Sequence[Term]) -> Answer:
        text = script(assertions)
        key = hashlib.sha256((identity() + text).encode()).hexdigest()[:32]
        goal = self.path(key)
        answer = goal.with_suffix(".txt")
        try:
            result, seconds = answer.read_text().split()
            return Answer(result, float(seconds), key, True)
        except (FileNotFoundError, ValueError):
            pass
        goal.parent.mkdir(exist_ok=True)
        write_whole(goal, text)
        begin = spent()
        result = run(goal, self.limit)
        seconds = spent() - begin
        if result != "unknown":
            write_whole(answer, f"{result} {seconds:.3f}\n")
        return Answer(result, seconds, key, False)

    def model(self, assertions: Sequence[Term], wanted: Sequence[Term]) -> Optional[list[int]]:
        """Values of @wanted in one model of @assertions, or None."""
        from smt import Printer
        printer = Printer(list(assertions) + [w for w in wanted])
        printer.roots = list(assertions)
        text = printer.script()
        names = [printer.text(w) for w in wanted]
        text = "(set-option :produce-models true)\n" + text
        text += "".join(f"(get-value ({n}))\n" for n in names)
        done = subprocess.run([CVC5, *OPTIONS, f"--tlimit={int(self.limit * 1000)}"],
                              input=text, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        if not lines or lines[0] != "sat":
            return None
        return [parse_value(line) for line in lines[1:]]


def write_whole(path: Path, text: str) -> None:
    """Another process may ask the same: what it reads is whole, before and after."""
    partial = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    partial.write_text(text)
    partial.rename(path)


def parse_value(line: str) -> int:
    last = line.rstrip(")").split()[-1]
    if last.startswith("#b"):
        return int(last[2:], 2)
    return {"true": 1, "false": 0}[last]


def run(goal: Path, limit: float) -> str:
    done = subprocess.run([CVC5, *OPTIONS, f"--tlimit={int(limit * 1000)}", str(goal)],
                          capture_output=True, text=True, check=False)
    first = done.stdout.split("\n", 1)[0].strip()
    if first in ("sat", "unsat"):
        return first
    if "error" in done.stdout + done.stderr and "timeout" not in done.stderr:
        raise RuntimeError(f"{goal}: {done.stdout}{done.stderr}")
    return "unknown"


@dataclass
class SolverOracle:
    """Which branches are possible, by asking the solver."""
    solver: Solver
    asked: int = 0
    seconds: float = 0.0
    answers: dict[str, str] = field(default_factory=dict)	# by the query's key

    def possible(self, state: State, condition: Term) -> bool:
        condition = state.known.reduce(condition)
        if condition.op == "const":
            return condition is TRUE
        answer = self.solver.ask(state.facts + state.conditions + [condition])
        self.asked += 1
        self.seconds += answer.seconds
        self.answers[answer.key] = answer.result
        return answer.result != "unsat"


class ConcreteOracle:
    """For runs on constants: every condition has folded."""

    def possible(self, state: State, condition: Term) -> bool:
        condition = state.known.reduce(condition)
        if condition.op != "const":
            raise RuntimeError(f"not concrete: {condition}")
        return condition is TRUE
