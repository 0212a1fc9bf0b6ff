#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Deliberate faults in the core: the prover must refute each, with a counterexample.

A fault is a patch with a line "Breaks: ..." at its head.  One that leaves all
functions of the proved operations as they are is outside of what is proved.
"""
from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build
from ir import Module
from jobs import Job
from operations import OPERATIONS, Finished
from picture import counterexample
from rangegoals import RangePath
from native import Native
from solve import Solver

FOLDER = build.TOP / "build/prove"
PATCHES = [build.TOP / "tests/mutants/core"]
# Not faults by what THEOREM.md says, and why.
BENIGN = {
    "place-empty-by-p": "equal: by the invariant an entry that is not present is 0",
    "no-sweep-on-noent": "that others' empty tables are swept is not claimed",
    "no-sweep-in-ranges": "that others' empty tables are swept is not claimed",
}
ORDER = ["resolve", "protect", "remap", "map 1G", "map 2M", "map 4K", "unmap",
         "unmap range", "protect range", "map, other levels", "init", "map 4K while Linux links"]


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


def judge(patch: Path, healthy: Module, solver: Solver, verbose: bool) -> tuple[bool | None, str]:
    """Whether it is refuted (None: it touches nothing that is proved), and how."""
    folder = broken_core(patch)
    module = build.llvm("2", folder / "ir", folder / "src/core")
    operations = [o for name in ORDER for o in OPERATIONS if o.name == name
                  and reachable(module, o.function) != reachable(healthy, o.function)]
    if not operations:
        return None, "touches nothing that is proved"
    for operation in operations:
        job = Job(operation, "2", module, solver)
        report = job.run(stop_at_failure=True)
        if report.stuck:
            return True, f"{operation.name}: the executor stops: {report.stuck[:150]}"
        if not job.failed:
            continue
        goal, state = job.failed[0]
        f = (RangePath if state.phase else Finished)(operation, job.region, state)
        found = counterexample(solver, f, goal)
        if found is None:
            return True, f"{operation.name}: not proved: {goal.theorem}: {goal.what}"
        native = Native(build.native(folder / "native", folder / "src/core"))
        replay = found.replay(native)
        if verbose:
            print("\n".join("#   " + line for line in found.lines()))
            print(f"#   {replay}", flush=True)
        return ("NOT" not in replay,
                f"{operation.name}: {goal.theorem}: {goal.what[:100]}; {replay}")
    return False, "proved all the same: " + ", ".join(o.name for o in operations)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-q", "--quiet", action="store_true", help="no pictures")
    parser.add_argument("--patches", type=Path, action="append", help="folder of patches")
    parser.add_argument("only", nargs="*", help="names of faults")
    options = parser.parse_args()
    folders = options.patches or PATCHES
    patches = [p for folder in folders for p in sorted(folder.glob("*.patch"))
               if not options.only or p.stem in options.only]
    healthy = build.llvm("2", FOLDER / "ir-O2")
    solver = Solver(FOLDER / "goals", 60)
    print(f"1..{len(patches)}", flush=True)
    failed = 0
    for n, patch in enumerate(patches, 1):
        begin = time.monotonic()
        refuted, how = judge(patch, healthy, solver, not options.quiet)
        seconds = time.monotonic() - begin
        benign = BENIGN.get(patch.stem)
        if refuted is None:
            print(f"ok {n} - {patch.stem} # SKIP {how}", flush=True)
        elif refuted or benign:
            how = how if refuted else f"proved all the same; {benign}"
            print(f"ok {n} - {patch.stem} # {how} ({seconds:.0f} s)", flush=True)
        else:
            failed += 1
            print(f"not ok {n} - {patch.stem} # {how} ({seconds:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
