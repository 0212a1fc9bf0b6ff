#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Deliberate faults in the core: the prover must refute each, with a counterexample.

A fault is a patch with a line "Breaks: ..." at its head.  One that leaves all
functions of the proved operations as they are is outside of what is proved.
"""
from __future__ import annotations

import argparse
import functools
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build
from ir import Module
from jobs import Job, with_goals
from operations import OPERATIONS
from picture import counterexample
from native import Native
from pool import chosen, share_out
from solve import Solver

FOLDER = build.TOP / "build/prove"
PATCHES = [build.TOP / "tests/mutants/core"]
# Not faults by what README.md says, and why.
BENIGN = {
    "place-empty-by-p": "equal: by the invariant an entry that is not present is 0",
}
ORDER = ["resolve", "protect", "remap", "sweep", "map 1G", "map 2M", "map 4K", "unmap",
         "map other levels, range", "path for map 1G range", "map 1G range", "map 4K range",
         "unmap range", "protect range", "tables for 4K range", "tables for 2M range",
         "tables for 1G range", "map, other levels", "init", "split, first half", "split",
         "unlink span", "release", "map 4K while Linux links",
         "map 1G while Linux links"]


def reachable(module: Module, function: str) -> str:
    """The text of a function and of all it calls."""
    seen, work = {}, [function]
    while work:
        name = work.pop()
        if name in seen or name not in module.functions:
            continue
        f = module.functions[name]
        text = "\n".join(f"{b}:{i.text}" for b, insts in f.blocks.items() for i in insts)
        seen[name] = re.sub(r"!\w+|#\d+", "", text)
        work += [i.args[0] for insts in f.blocks.values() for i in insts if i.op == "call"]
    return "\n".join(seen[n] for n in sorted(seen))


def broken_core(patch: Path) -> Path:
    """A copy of the core with the fault in it."""
    folder = FOLDER / "mutants" / patch.stem
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(build.TOP / "src/core", folder / "src/core")
    done = subprocess.run(["patch", "-s", "-p1", "-d", str(folder), "-i", str(patch)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{patch.name} does not apply: {done.stdout}")
    return folder


Verdict = tuple[bool | None, str, list[str]]


def judge(patch: Path, healthy: Module, solver: Solver) -> Verdict:
    """Whether it is refuted (None: it touches nothing that is proved), how, and a picture.

    A goal that the solver does not decide in time refutes nothing: the search goes on.
    """
    folder = broken_core(patch)
    module = build.llvm("2", folder / "ir", folder / "src/core")
    operations = [o for name in ORDER for o in OPERATIONS if o.name == name
                  and reachable(module, o.function) != reachable(healthy, o.function)]
    if not operations:
        return None, "touches nothing that is proved", []
    open_: list[str] = []
    for operation in operations:
        job = Job(operation, "2", module, solver)
        report = job.run(stop_when_refuted=True)
        if report.stuck:
            return True, f"{operation.name}: the executor stops: {report.stuck[:150]}", []
        open_ += [f"{operation.name}: {goal.what[:60]}" for result, goal, _ in job.failed
                  if result == "unknown"]
        if not job.refuted():
            continue
        goal, state = next((g, s) for result, g, s in job.failed if result == "refuted")
        f = with_goals(operation, job.region, state)
        found = counterexample(solver, f, goal)
        if found is None:
            return True, f"{operation.name}: {goal.theorem}: {goal.what[:100]}; no picture", []
        native = Native(build.native(folder / "native", folder / "src/core"))
        replay = found.replay(native)
        return ("NOT" not in replay,
                f"{operation.name}: {goal.theorem}: {goal.what[:100]}; {replay}", found.lines())
    if open_:
        return False, f"no verdict on {len(open_)} goals, the first: {open_[0]}", []
    return False, "proved all the same: " + ", ".join(o.name for o in operations), []


def timed(limit: float, patch: Path) -> tuple[Verdict, float]:
    """In a process of its own."""
    begin = time.monotonic()
    verdict = judge(patch, build.load(FOLDER / "ir-O2"), Solver(FOLDER / "goals", limit))
    return verdict, time.monotonic() - begin


def tell(n: int, name: str, verdict: Verdict, quiet: bool, took: str = "") -> bool:
    """A line of TAP, and the counterexample; whether all is well with this fault."""
    refuted, how, picture = verdict
    if not quiet:
        print("".join(f"#   {line}\n" for line in picture), end="")
    if refuted is None:
        print(f"ok {n} - {name} # SKIP {how}", flush=True)
        return True
    benign = BENIGN.get(name)
    how += f"; {benign}" if benign and not refuted else ""
    good = bool(refuted or benign)
    print(f"{'ok' if good else 'not ok'} {n} - {name} # {how}{took}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("-q", "--quiet", action="store_true", help="no pictures")
    parser.add_argument("--limit", type=float, default=20, help="seconds for one goal")
    parser.add_argument("--patches", type=Path, action="append", help="folder of patches")
    parser.add_argument("only", nargs="*", help="names of faults")
    options = parser.parse_args()
    folders = options.patches or PATCHES
    patches = chosen([p for folder in folders for p in sorted(folder.glob("*.patch"))],
                     options.only, lambda p: p.stem)
    build.llvm("2", FOLDER / "ir-O2")
    print(f"1..{len(patches)}", flush=True)
    failed = 0
    for n, ended in enumerate(
            share_out(functools.partial(timed, options.limit), patches, options.jobs), 1):
        verdict, seconds = ended.result or ((False, ended.error, []), 0)
        failed += not tell(n, ended.task.stem, verdict, options.quiet, f" ({seconds:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
