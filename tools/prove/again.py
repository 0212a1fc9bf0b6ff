#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A second opinion: all queries of the last run again, those about branches too, by another
solver, as far as it finishes."""
from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import build
from solve import PROGRAMS, Solver, name

FOLDER = build.TOP / "build/prove"


CVC5 = PROGRAMS["cvc5"]
# How each is called, with seconds for a query.
OTHERS = {
    "cvc5": lambda limit: ["cvc5", *CVC5.options, f"{CVC5.limit}{limit * 1000}"],
    "z3": lambda limit: ["z3", f"-T:{limit}"],
}


def ask(task: tuple[str, str, str, int]) -> tuple[str, str, str]:
    """(key, the first solver's answer, the other's)."""
    key, expected, other, limit = task
    goal = Solver(FOLDER / "goals").path(key)
    if not goal.exists():
        return key, expected, "no such query"
    done = subprocess.run([*OTHERS[other](limit), str(goal)], capture_output=True, text=True,
                          check=False)
    first = done.stdout.split("\n", 1)[0].strip()
    return key, expected, first if first in ("sat", "unsat") else "unknown"


def queries(results: list[dict]) -> dict[str, str]:
    """Every query whose answer the proof rests on, by its key, and its answer."""
    expected = {c["key"]: "sat" if c["result"] == "satisfiable" else "unsat"
                for r in results for c in r["checked"]
                if c["result"] in ("proved", "satisfiable", "empty")}
    for r in results:
        expected |= {k: v for k, v in r["branch_answers"].items() if v != "unknown"}
    return expected


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--by", choices=OTHERS, help="default: cvc5, or z3 if that was the first",
                        default=next(o for o in OTHERS if o != name()))
    parser.add_argument("--limit", type=int, default=5, help="seconds for one query")
    parser.add_argument("--sample", type=int, default=0, help="only so many, at random")
    options = parser.parse_args()
    last = json.loads((FOLDER / "last.json").read_text())
    tasks = [(key, value, options.by, options.limit)
             for key, value in sorted(queries(last["results"]).items())]
    if options.sample and options.sample < len(tasks):
        tasks = random.Random(1).sample(tasks, options.sample)
    same = open_ = 0
    differ: list[str] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for key, wanted, got in pool.map(ask, tasks):
            same += got == wanted
            open_ += got == "unknown"
            if got not in (wanted, "unknown"):
                differ.append(f"{key}: {name()} says {wanted}, {options.by} says {got}")
    if not same:
        differ.append("no query was answered")
    print(f"1..1\n{'not ok' if differ else 'ok'} 1 - {options.by} agrees on {same} of {len(tasks)} "
          f"queries, and does not finish {open_} in {options.limit} s")
    print("\n".join(f"# {line}" for line in differ), end="\n" if differ else "")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
