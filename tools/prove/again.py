#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A second opinion: all queries of the last run again, those about branches too, by z3, as far
as it finishes."""
from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import build
from solve import Solver

FOLDER = build.TOP / "build/prove"


def ask(task: tuple[str, str, int]) -> tuple[str, str, str]:
    """(key, cvc5's answer, z3's)."""
    key, expected, limit = task
    goal = Solver(FOLDER / "goals").path(key)
    if not goal.exists():
        return key, expected, "no such query"
    done = subprocess.run(["z3", f"-T:{limit}", str(goal)], capture_output=True, text=True,
                          check=False)
    first = done.stdout.split("\n", 1)[0].strip()
    return key, expected, first if first in ("sat", "unsat") else "unknown"


def queries(results: list[dict]) -> dict[str, str]:
    """Every query whose answer the proof rests on, by its key, and cvc5's answer."""
    expected = {c["key"]: "sat" if c["result"] == "satisfiable" else "unsat"
                for r in results for c in r["checked"]
                if c["result"] in ("proved", "satisfiable", "empty")}
    for r in results:
        expected |= {k: v for k, v in r["branch_answers"].items() if v != "unknown"}
    return expected


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--limit", type=int, default=5, help="seconds for one query")
    parser.add_argument("--sample", type=int, default=0, help="only so many, at random")
    options = parser.parse_args()
    last = json.loads((FOLDER / "last.json").read_text())
    tasks = [(key, value, options.limit)
             for key, value in sorted(queries(last["results"]).items())]
    if options.sample and options.sample < len(tasks):
        tasks = random.Random(1).sample(tasks, options.sample)
    same = open_ = 0
    other: list[str] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for key, wanted, got in pool.map(ask, tasks):
            same += got == wanted
            open_ += got == "unknown"
            if got not in (wanted, "unknown"):
                other.append(f"{key}: cvc5 says {wanted}, z3 says {got}")
    if not same:
        other.append("no query was answered")
    print(f"1..1\n{'not ok' if other else 'ok'} 1 - z3 agrees on {same} of {len(tasks)} queries"
          f", and does not finish {open_} in {options.limit} s")
    print("\n".join(f"# {line}" for line in other), end="\n" if other else "")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
