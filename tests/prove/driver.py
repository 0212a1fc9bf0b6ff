# SPDX-License-Identifier: GPL-2.0
"""The driver: what it is asked for, what dies under it, what it remembers."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import again
import build
import main
import solve
from jobs import Job, Report
from operations import OPERATIONS
from pool import share_out
from term import bv, eq, var


def unknown_theorem() -> str:
    done = subprocess.run([sys.executable, "-B", str(build.TOP / "tools/prove/main.py"), "resolv"],
                          capture_output=True, text=True, check=False)
    assert done.returncode and "1.." not in done.stdout and "resolve" in done.stderr, done
    return "it names those that there are"


def unknown_mistake() -> str:
    for script in ("tools/prove/mutants.py", "tests/prove/wrong.py", "tests/prove/flips.py",
                   "tests/prove/compiled.py"):
        module = [] if "mutants" in script else ["vpt.ko"]
        done = subprocess.run([sys.executable, "-B", str(build.TOP / script), *module, "no-such"],
                              capture_output=True, text=True, check=False)
        assert done.returncode and "1.." not in done.stdout and "no-such" in done.stderr, done
    return "of the mutants, the wrong cores, the changed bytes"


def double_or_die(n: int) -> int:
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 3:
        raise ValueError("wrong")
    return 2 * n


def killed() -> str:
    ended = {e.task: e for e in share_out(double_or_die, [1, 2, 3, 4], 2)}
    assert [ended[n].result for n in (1, 2, 3, 4)] == [2, None, None, 8], ended
    assert "-9" in ended[2].error and "wrong" in ended[3].error, ended
    report = Report("resolve", "2", stuck=ended[2].error).json()
    assert not main.proved(report) and main.line(1, report).startswith("not ok"), report
    return ended[2].error


def other_options() -> str:
    options = list(solve.OPTIONS)
    with tempfile.TemporaryDirectory() as folder:
        solver, query = solve.Solver(Path(folder)), [eq(var("x", 8), bv(1, 8))]
        try:
            cached = [solver.ask(query).cached, solver.ask(query).cached]
            solve.OPTIONS.append("--seed=1")
            solve.identity.cache_clear()
            cached.append(solver.ask(query).cached)
        finally:
            solve.OPTIONS[:] = options
            solve.identity.cache_clear()
    assert cached == [False, True, False], cached
    return "and the same one is not"


def second_opinion() -> str:
    ir = build.TOP / "build/prove/ir-O2"
    solver = solve.Solver(build.TOP / "build/prove/goals")
    operation = next(o for o in OPERATIONS if o.name == "resolve")
    report = Job(operation, "2", build.llvm("2", ir), solver).run().json()
    asked = again.queries([report])
    branches = report["branch_answers"]
    assert branches and branches.items() <= asked.items(), branches
    assert len(asked) > len(branches)
    return f"{len(branches)} of {len(asked)}"
