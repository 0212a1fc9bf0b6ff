# SPDX-License-Identifier: GPL-2.0
"""Wrong cores that the prover once called proved, each through a hole of its own.

unsound/*.patch, with a head:

	Breaks:		what goes wrong
	Passed:		the hole
	Theorem:	the one that is about it
	Goal:		what refutes it: the theorem's part, and words of the goal; or
	Stops:		words of what the executor stops with

The named goal must be refuted, not just any: so each hole has its own test.
"""
from __future__ import annotations

import functools
import re
from pathlib import Path

import build
from execute import Stuck
from jobs import Job, goals_of, with_goals
from mutants import FOLDER, broken_core
from native import Native
from operations import OPERATIONS
from picture import counterexample
from pool import share_out
from solve import Solver
from state import State
from term import not_

class Refuted(Exception):
    """The path and its goal."""


PATCHES = sorted((Path(__file__).parent / "unsound").glob("*.patch"))


def head(patch: Path) -> dict[str, str]:
    text = re.sub(r"\n (?=\S)", " ", patch.read_text().split("\n\n", 1)[0])
    return dict(line.split(": ", 1) for line in text.splitlines())


def refute(patch: Path) -> str:
    """How it is refuted; AssertionError: it is not."""
    told = head(patch)
    folder = broken_core(patch)
    module = build.llvm("2", folder / "ir", folder / "src/core")
    solver = Solver(FOLDER / "goals")
    operation = next(o for o in OPERATIONS if o.name == told["Theorem"])
    theorem, words = told.get("Goal", ": ").split(": ", 1)

    def watch(state: State) -> None:
        f = with_goals(operation, job.region, state)
        for goal in goals_of(f) if theorem else []:
            if goal.theorem != theorem or words not in goal.what:
                continue
            if solver.ask(goal.assumptions + [not_(goal.claim)]).result == "sat":
                raise Refuted(f, goal)

    job = Job(operation, "2", module, solver, watch=watch)
    try:
        for state in job.explore():
            watch(state)
    except Stuck as stuck:
        assert told.get("Stops", "\n") in str(stuck), f"stops with: {stuck}"
        return f"the executor stops: {stuck}"
    except Refuted as refuted:
        f, goal = refuted.args
        native = Native(build.native(folder / "native", folder / "src/core"))
        replay = counterexample(solver, f, goal).replay(native)
        assert "NOT" not in replay, replay
        return f"{theorem}: {goal.what}; {replay}"
    raise AssertionError("neither refuted nor stopped")


@functools.cache
def judged(jobs: int) -> dict[str, tuple[str, str]]:
    """For each patch what refuted it, or why nothing did."""
    return {e.task.stem: (e.result or "", e.error) for e in share_out(refute, PATCHES, jobs)}


def check(name: str, jobs: int) -> str:
    how, error = judged(jobs)[name]
    assert not error, error
    return how
