#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prove the core: every goal of every operation at -O2, the level that ships, or at others."""
from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

import build
from jobs import GOOD, Job, Report
from operations import OPERATIONS
from pool import WHOLE, dealt, shard, share_out
from solve import LIMIT, Solver, identity

FOLDER = build.TOP / "build/prove"
# The largest first, so that both processors end at about the same time.
SIZE = {name: n for n, name in enumerate((
    "map 1G", "protect", "path for map 4K range", "release", "map 2M", "sweep", "map 4K", "unmap",
    "map 1G range", "map 2M range", "map 4K range", "protect range", "map 4K while Linux links",
    "unmap range"), 1)}
# Of one theorem's paths so many at a time, or the largest would keep one processor alone.
PATHS = 4
# At other levels than the one that ships only if asked for by name: see README.md.
SHIPPED_ONLY = ("range", "while Linux links")


def is_long(name: str) -> bool:
    """About a range, or what makes as many goals as one; and what cuts a region."""
    return name in ("sweep", "release") or any(word in name for word in SHIPPED_ONLY)


# Single pages, and what else is proved in a few minutes; the others take the rest.
PARTS = {"all": lambda name: True, "pages": lambda name: not is_long(name), "ranges": is_long}


@functools.cache
def fingerprint() -> str:
    """Of all that a result depends on beside the core: the prover, the solver, clang.  Taken
    before the first process starts, so that it is of the code that runs."""
    h = hashlib.sha256()
    for f in sorted(Path(__file__).parent.glob("**/*.[pch]*")):
        if f.is_file() and "__pycache__" not in f.parts:
            h.update(f.read_bytes())
    version = subprocess.run([*build.clang(), "--version"], capture_output=True, check=True)
    h.update(version.stdout + identity().encode())
    return h.hexdigest()


def result_key(optimise: str, name: str) -> str:
    """Of one job: the core's IR, and the fingerprint."""
    h = hashlib.sha256(fingerprint().encode())
    for f in sorted((FOLDER / f"ir-O{optimise}").glob("*.ll")):
        h.update(f.read_bytes())
    h.update(f"{optimise} {name}".encode())
    return h.hexdigest()[:32]


ticks = multiprocessing.Value("l", 0)


def tick(n: int) -> None:
    with ticks.get_lock():
        ticks.value += n


def kept(saved: Path, prove: Callable[[], Report]) -> dict:
    """The report of a theorem: from a file, or made now, and kept there if all is proved."""
    if saved.exists():
        done = json.loads(saved.read_text())
        tick(sum(c["goals"] for c in done["checked"] if c["result"] != "folded"))
        return done | {"again": True}
    report = prove()
    if report.good():
        saved.parent.mkdir(parents=True, exist_ok=True)
        partial = saved.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(report.json()))
        partial.rename(saved)
    return report.json()


def run_job(task: tuple[str, str, float]) -> dict:
    """In a process of its own."""
    name, optimise, limit = task
    operation = next(o for o in OPERATIONS if o.name == name)
    return kept(FOLDER / "result" / f"{result_key(optimise, name)}.json",
                lambda: Job(operation, optimise, build.load(FOLDER / f"ir-O{optimise}"),
                            Solver(FOLDER / "goals", limit), tick).run())


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def proved(done: dict) -> bool:
    return bool(done["paths"] and done["checked"] and not done["stuck"]) and all(
        c["result"] in GOOD for c in done["checked"])


def line(n: int, done: dict) -> str:
    checked = done["checked"]
    bad = [c for c in checked if c["result"] not in GOOD]
    good = proved(done)
    slowest = max((c["seconds"] for c in checked), default=0)
    asked = sum(c["goals"] for c in checked if c["result"] == "proved")
    folded = sum(c["result"] == "folded" for c in checked)
    empty = sum(c["result"] == "empty" for c in checked)
    empty = f" and {empty} known to be empty" if empty else ""
    of = f"O{done['optimise']}" if done["optimise"].isdigit() else done["optimise"]
    out = [f"{'ok' if good else 'not ok'} {n} - {of} {done['operation']}: "
           f"{done['paths']} paths, {asked} goals proved, {folded} by folding, "
           f"{done['satisfiable']} assumption sets satisfiable{empty}, "
           f"{done['seconds']:.1f} s{' (unchanged)' if done.get('again') else ''}, "
           f"slowest {slowest:.2f} s"]
    if done["stuck"]:
        out += [f"# stuck: {line}" for line in done["stuck"].splitlines()]
    for c in bad[:20]:
        out.append(f"# {c['result']}: {c['theorem']}: {c['what']} (path {c['path']}, {c['key']})")
    return "\n".join(out)


def ask(job: Callable[[tuple], dict], tasks: list[tuple], jobs: int) -> tuple[list[dict], float]:
    """Run job(task) for each task, which begins with the theorem's name and what it is proved
    of; print how each comes out.  Return: the results, and how long it took."""
    fingerprint()
    Job.workers = min(jobs, PATHS)
    begin, results = time.monotonic(), []
    print(f"1..{len(tasks)}", flush=True)
    for ended in share_out(job, tasks, jobs, 0.5):
        if ended is None:
            progress(f"{len(results)} of {len(tasks)} theorems, {ticks.value} goals, "
                     f"{time.monotonic() - begin:.0f} s")
            continue
        results.append(ended.result or Report(*ended.task[:2], stuck=ended.error).json())
        progress("")
        print(line(len(results), results[-1]), flush=True)
    total = time.monotonic() - begin
    print(f"# {ticks.value} goals in {total:.0f} s on {jobs} processors")
    return results, total


def prove(options: argparse.Namespace) -> int:
    build.ready()
    levels = options.optimise.split(",")
    fresh = not (FOLDER / "goals").exists()
    for optimise in levels:
        build.llvm(optimise, FOLDER / f"ir-O{optimise}")
    names = options.only or [o.name for o in OPERATIONS if PARTS[options.part](o.name)]
    tasks = [(n, o, options.limit) for n in dealt(names, SIZE, options.shard) for o in levels
             if options.only or o == "2" or not n.endswith(SHIPPED_ONLY)]
    results, total = ask(run_job, tasks, options.jobs)
    run = {"seconds": total, "jobs": options.jobs}
    (FOLDER / "last.json").write_text(json.dumps(run | {"results": results}))
    if fresh and options.part == "all" and not options.only and options.shard == WHOLE:
        (FOLDER / "uncached.json").write_text(json.dumps(run))
    return 0 if results and all(map(proved, results)) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-O", dest="optimise", default="2", help="levels (default 2)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one goal")
    parser.add_argument("--part", choices=PARTS, default="all")
    parser.add_argument("--shard", type=shard, default=WHOLE, metavar="I/N",
                        help="the theorems of the I-th of N machines")
    parser.add_argument("only", nargs="*", help="names of theorems (default: all of the part)")
    options = parser.parse_args()
    unknown = set(options.only) - {o.name for o in OPERATIONS}
    if unknown:
        parser.error(f"there is no theorem {', '.join(sorted(unknown))}; there are: "
                     + ", ".join(o.name for o in OPERATIONS))
    return prove(options)


if __name__ == "__main__":
    sys.exit(main())
