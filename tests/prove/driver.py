# SPDX-License-Identifier: GPL-2.0
"""The driver: what it is asked for, what dies under it, what it remembers."""
from __future__ import annotations

import argparse
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
from jobs import Checked, Job, Looked, Report
from operations import OPERATIONS
from pool import dealt, shard, share_out
from solve import Solver
from state import State
from term import arith, bv, eq, extract, ult, var


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


def shards() -> str:
    """Every theorem is in one shard of however many, and a large one in each."""
    names = [o.name for o in OPERATIONS]
    for n in range(1, len(names) + 2):
        parts = [dealt(names, main.SIZE, (i, n)) for i in range(1, n + 1)]
        assert sorted(name for part in parts for name in part) == sorted(names), (n, parts)
    largest = sorted(main.SIZE, key=lambda name: -main.SIZE[name])[:2]
    assert [dealt(names, main.SIZE, (i, 2))[0] for i in (1, 2)] == largest
    for text in ("0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"):
        try:
            raise AssertionError(shard(text))
        except argparse.ArgumentTypeError:
            pass
    return f"of {len(names)} theorems"


def killed() -> str:
    ended = {e.task: e for e in share_out(double_or_die, [1, 2, 3, 4], 2)}
    assert [ended[n].result for n in (1, 2, 3, 4)] == [2, None, None, 8], ended
    assert "-9" in ended[2].error and "wrong" in ended[3].error, ended
    report = Report("resolve", "2", stuck=ended[2].error).json()
    assert not main.proved(report) and main.line(1, report).startswith("not ok"), report
    return ended[2].error


class Paths(Job):
    """Seven paths, of which two and two have a goal in common; the process that comes to the one
    that @dies does."""
    dies = -1

    def explore(self) -> list[State]:
        return [State() for _ in range(7)]

    def path(self, n: int, state: State, stop: bool) -> Looked:
        if n == self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return n, f"way {n % 2}", [Checked("a theorem", "a goal", "proved", 0, f"key {n // 2}", n,
                                           False)]


def shared_paths() -> str:
    """Whether one process has all paths or three have some each."""
    with tempfile.TemporaryDirectory() as folder:
        reports = []
        for workers in 1, 3:
            job = Paths(OPERATIONS[0], "2", None, Solver(Path(folder)))
            job.workers = workers
            reports.append(job.run())
        one, three = reports
        assert [c.path for c in one.checked] == [0, 2, 4, 6] and one.good(), one
        assert one.checked == three.checked and one.answers == three.answers, three
        job.dies = 5
        lost = job.run()
        assert "-9" in lost.stuck and not lost.good(), lost
        return lost.stuck.strip()


def other_options() -> str:
    options = list(solve.program().options)
    with tempfile.TemporaryDirectory() as folder:
        solver, query = solve.Solver(Path(folder)), [eq(var("x", 8), bv(1, 8))]
        try:
            cached = [solver.ask(query).cached, solver.ask(query).cached]
            solve.program().options.append("--seed=1")
            solve.identity.cache_clear()
            cached.append(solver.ask(query).cached)
        finally:
            solve.program().options[:] = options
            solve.identity.cache_clear()
    assert cached == [False, True, False], cached
    return "and the same one is not"


def each_its_own() -> str:
    """More queries than one process answers, with one name for what has other widths."""
    with tempfile.TemporaryDirectory() as folder:
        solver, answers, processes = solve.Solver(Path(folder)), [], set()
        for n in range(1, 3 * solve.TURNS):
            x = var("x", n)
            bits = [eq(extract(x, i, i), bv(1, 1)) for i in range(n)]
            answers.append(solver.ask(bits + ([eq(x, bv(0, n))] if n % 2 else [])).result)
            assert solver.process
            processes.add(solver.process.child.pid)
    assert answers == ["unsat" if n % 2 else "sat" for n in range(1, 3 * solve.TURNS)], answers
    assert len(processes) == 3, processes
    return f"{len(answers)} queries, {len(processes)} processes"


def too_long() -> str:
    """Two factors of a number of 62 bits."""
    a, b = var("a", 64), var("b", 64)
    high = bv(0, 32)
    hard = [eq(arith("mul", a, b), bv(0x7fffffc7 * 0x7fffff8d, 64)), ult(bv(1, 64), a), ult(bv(1, 64), b),
            eq(extract(a, 63, 32), high), eq(extract(b, 63, 32), high)]
    with tempfile.TemporaryDirectory() as folder:
        solver = solve.Solver(Path(folder), 0.5)
        answer, after = solver.ask(hard), solver.ask([eq(a, b)])
        again_ = solver.ask(hard)
    assert (answer.result, after.result) == ("unknown", "sat"), (answer, after)
    assert not again_.cached, again_
    return f"after {answer.seconds:.1f} s"


def refused(solver: solve.Solver, text: str, why: str) -> None:
    try:
        said = solver.ready().ask(text, 10)
    except RuntimeError as error:
        assert why in str(error), error
    else:
        raise AssertionError(said)


def no_answer() -> str:
    """And the next query goes to another process."""
    with tempfile.TemporaryDirectory() as folder:
        solver = solve.Solver(Path(folder))
        refused(solver, "(assert (no-such))\n(check-sat)\n", "no-such")
        answers = [solver.ask([eq(var("x", 8), bv(1, 8))]).result]
        refused(solver, '(set-logic QF_BV)\n(check-sat)\n(echo "sat")\n', "sat / sat")
        answers.append(solver.ask([eq(var("x", 8), bv(2, 8))]).result)
    assert answers == ["sat", "sat"], answers
    return "an error, and an answer too many"


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
