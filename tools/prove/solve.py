# SPDX-License-Identifier: GPL-2.0
"""The solver, on SMT-LIB text: several queries to a process, with a cache by the text's hash."""
from __future__ import annotations

import functools
import hashlib
import os
import select
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Sequence

from build import solver
from smt import script
from state import State
from term import TRUE, Term


@dataclass(frozen=True)
class Program:
    """How a solver is called."""
    options: list[str]
    for_many: list[str]		# besides, by who has many queries for one process
    limit: str			# the option of a query's time, in milliseconds


PROGRAMS = {
    "bitwuzla": Program([], [], "--time-limit="),
    # With CaDiCaL a third faster on these goals than with its default, MiniSat.
    "cvc5": Program(["--lang=smt2", "--bv-sat-solver=cadical"], ["--no-incremental"], "--tlimit="),
}

# Seconds for one query, by the clock: many times what the slowest takes, so that a slow or
# busy machine proves the same.
LIMIT = 300.0


# Queries that one process answers: starting it takes half as long as answering one. With
# many more it becomes slower itself, since (reset) does not give back all memory.
TURNS = 10


def program() -> Program:
    return PROGRAMS[name()]


def name() -> str:
    """Of the solver that is asked."""
    return Path(solver()).name


@functools.cache
def identity() -> str:
    """Of the solver: an answer is one of this version with these options."""
    told = subprocess.run([solver(), "--version"], capture_output=True, text=True, check=True)
    return f"{name()} {' '.join(program().options)} {told.stdout}"


@dataclass
class Answer:
    """sat, unsat or unknown; processor seconds when it was asked; the goal's file."""
    result: str
    seconds: float
    key: str
    cached: bool


class Process:
    """A solver that reads queries one after the other, each from a clean state."""

    def __init__(self) -> None:
        self.turns, self.owner = TURNS, os.getpid()
        self.child = subprocess.Popen(
            [solver(), *program().options, *program().for_many], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def fit(self) -> bool:
        """For another query of this process."""
        return self.turns > 0 and self.owner == os.getpid()

    def end(self) -> None:
        if self.owner == os.getpid():
            self.child.kill()
            self.child.communicate()

    def spent(self) -> float:
        """Its processor seconds so far."""
        return time.clock_gettime(~self.child.pid << 3 | 2)	# the kernel's make_process_cpuclock()

    def ask(self, text: str, limit: float) -> tuple[str, float]:
        """sat, unsat or, after @limit seconds by the clock, unknown; processor seconds."""
        begin = self.spent() if self.turns < TURNS else 0.0
        # Whatever else it might print is not taken for the next query's answer.
        mark = f"query {self.turns} ends"
        self.turns -= 1
        said = self.exchange(f'(reset)\n{text}(echo "{mark}")\n', mark, limit)
        if said is None:
            self.turns = 0
            return "unknown", self.spent() - begin
        if len(said) != 2 or said[0] not in ("sat", "unsat", "unknown") or said[1] != mark:
            self.turns = 0
            raise RuntimeError(f"{name()}: {' / '.join(said) or 'ended without an answer'}")
        return said[0], self.spent() - begin

    def exchange(self, text: str, mark: str, limit: float) -> Optional[list[str]]:
        """The lines that it says to @text until @mark, or its end; None if that takes too long."""
        stdin, stdout = self.child.stdin, self.child.stdout
        assert stdin and stdout
        said, deadline = "", time.monotonic() + limit
        try:
            stdin.write(text.encode())
            stdin.flush()
        except BrokenPipeError:
            pass				# it has ended, and said why
        while not said.endswith((f"{mark}\n", f'{mark}"\n')):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                return None
            more = os.read(stdout.fileno(), 4096).decode()
            if not more:
                break
            said += more
        return [line.strip('"') for line in said.splitlines()]


class Solver:
    """Asks the solver, at most once for each text, version and set of options."""

    def __init__(self, folder: Path, limit: float = LIMIT):
        self.folder, self.limit = folder, limit
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process: Optional[Process] = None

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.smt2"

    def ready(self) -> Process:
        if not self.process or not self.process.fit():
            if self.process:
                self.process.end()
            self.process = Process()
        return self.process

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
        try:
            result, seconds = self.ready().ask(text, self.limit)
        except RuntimeError as error:
            raise RuntimeError(f"{goal}: {error}") from error
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
        done = subprocess.run([solver(), *program().options,
                               f"{program().limit}{int(self.limit * 1000)}"],
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
