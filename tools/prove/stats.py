#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The last run of `make prove` in figures: tables, and the distribution of query times."""
from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import build

HERE = Path(__file__).parent
FOLDER = build.TOP / "build/prove"
# What one has to read to believe the theorem, what one has to trust, what is proved.
PARTS = {
    "statement (what is claimed)": ["abstract.py", "hwwalk.py", "inv.py", "start.py",
                                    "operations.py", "goals.py", "cases.py", "split.py",
                                    "bounds.py", "rangegoals.py", "mapgoals.py", "view.py"],
    "contracts (what is assumed of the environment)": ["contract.py", "steps.py",
                                                       "env/pt_env.h", "kernelenv.py",
                                                       "spans.py"],
    "lemmas (proved by WP, used by the prover)": ["lemmas.c"],
    "prover (trusted to be right)": ["ir.py", "layout.py", "execute.py", "state.py",
                                     "ranges.py", "maprange.py", "term.py", "smt.py",
                                     "solve.py", "jobs.py", "pool.py", "main.py", "build.py",
                                     "lemmas.py", "disasm.py", "opcodes.py", "machine.py",
                                     "cuts.py", "flow.py", "loopheads.py", "coderanges.py",
                                     "codemaprange.py", "structs.py", "binary.py"],
    "checks of the prover (not trusted)": ["native.py", "picture.py", "mutants.py", "again.py",
                                           "stats.py", "env/callback.c",
                                           "../../tests/prove/*.py"],
    "code proved (all of src/core)": ["../../src/core/*.c", "../../src/core/*.h"],
}
# Others' figures, as they state them.  What they write as proof is here asked of the
# solver, but for the lemmas.  Their verifier, Verus, is not in their lines; ours is the
# prover in the table above.
VERIMM = ("VeriMM (ASPLOS'26)",
          {"trusted": "1789", "spec": "4713", "proof": "7911", "exec": "358", "both": "78",
           "time": "< 60 s", "units": "518", "share": "83 %"})
THESIS = ("thesis (2022)", {"time": "69.3 s", "units": "223"})
SOURCES = """\
VeriMM: README of its artifact (github.com/matthias-brun/verified-nrkernel), on an Intel Xeon
Silver 4310.  Thesis: "Verified Paging for x86-64 in Rust", verified-page-table/README.md in
github.com/matthias-brun/verified-paging-for-x86-64-in-rust, on a laptop; "A few proof steps
are incomplete".  Units are functions there and solver queries here.  The theorems differ:
VeriMM's covers a model of the MMU, which here is the model checker's."""
ROWS = {"trusted": "trusted lines (what is claimed and assumed)",
        "spec": "spec lines that need not be trusted", "proof": "proof lines",
        "exec": "executable lines", "both": "lines both proof and executable",
        "time": "verification time, whole", "units": "units verified",
        "share": "share of them under one second"}


def python_lines(text: str) -> int:
    """Lines with code: no blanks, comments or docstrings."""
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if (isinstance(body, list) and body and isinstance(body[0], ast.Expr)
                and isinstance(getattr(body[0], "value", None), ast.Constant)
                and isinstance(body[0].value.value, str)):
            dropped.update(range(body[0].lineno, body[0].end_lineno + 1))
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in dropped
               for n, line in enumerate(text.splitlines(), 1))


def c_lines(text: str) -> int:
    text = re.sub(r"/\*(?!@).*?\*/|//(?!@)[^\n]*", "", text, flags=re.DOTALL)
    return sum(bool(line.strip()) for line in text.splitlines())


def count(patterns: list[str]) -> tuple[int, int]:
    """Files and lines of code."""
    files = [f for p in patterns for f in sorted(HERE.glob(p))
             or ([HERE / p] if (HERE / p).exists() else [])]
    total = sum((python_lines if f.suffix == ".py" else c_lines)(f.read_text()) for f in files)
    return len(files), total


def table(results: list[dict]) -> None:
    head = (f"{'theorem':34} {'paths':>5} {'goals':>6} {'folded':>6} {'queries':>7} "
            f"{'branches':>8} {'seconds':>8} {'slowest':>8}")
    print(head)
    for r in sorted(results, key=lambda r: (r["optimise"], r["operation"])):
        checked = r["checked"]
        print(f"-O{r['optimise']} {r['operation']:30} {r['paths']:5} "
              f"{sum(c['goals'] for c in checked if c['result'] == 'proved'):6} "
              f"{sum(c['result'] == 'folded' for c in checked):6} "
              f"{sum(c['result'] in ('proved', 'satisfiable', 'empty') for c in checked):7} "
              f"{r['branches']:8} {sum(c['seconds'] for c in checked):8.1f} "
              f"{max((c['seconds'] for c in checked), default=0):8.2f}")


def compare(ours: dict[str, str]) -> None:
    """Beside what others give for theirs."""
    columns = [("vpt", ours), VERIMM, THESIS]
    print(f"{'':46}" + "".join(f"{name:>20}" for name, _ in columns))
    for key, label in ROWS.items():
        cells = [values.get(key, "not given") for _, values in columns]
        print(f"{label:46}" + "".join(f"{cell:>20}" for cell in cells))
    print(SOURCES)


def uncached() -> str:
    """How long the last run took in which nothing was cached."""
    saved = FOLDER / "uncached.json"
    if not saved.exists():
        return "not measured"
    run = json.loads(saved.read_text())
    return f"{run['seconds']:.0f} s, {run['jobs']} CPUs"


def plot(seconds: list[float], target: Path) -> None:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6, 3.5))
    n = len(seconds)
    axes.step(seconds, [(i + 1) / n for i in range(n)], where="post")
    axes.set_xscale("log")
    axes.set_xlabel("seconds of one query")
    axes.set_ylabel("share of queries")
    axes.set_title(f"{n} queries of make prove")
    axes.grid(True, which="both", alpha=0.3)
    figure.tight_layout()
    figure.savefig(target, dpi=150)


def main() -> int:
    saved = FOLDER / "last.json"
    if not saved.exists():
        print("there is no run yet: make prove", file=sys.stderr)
        return 1
    last = json.loads(saved.read_text())
    results = last["results"]
    table(results)
    distinct = {c["key"]: c["seconds"] for r in results for c in r["checked"] if c["key"]}
    seconds = sorted(distinct.values())
    by: dict[str, int] = {}
    for r in results:
        for c in r["checked"]:
            if c["result"] in ("proved", "folded"):
                by[c["theorem"]] = by.get(c["theorem"], 0) + c["goals"]
    print("\ngoals by kind: " + ", ".join(f"{n} {k}" for k, n in sorted(by.items())))
    under = sum(s < 1 for s in seconds) / len(seconds)
    print(f"{len(seconds)} different queries, {sum(seconds):.0f} s of solver time, and "
          f"{sum(r['branch_seconds'] for r in results):.0f} s for branches; {under:.1%} under "
          f"one second, median {seconds[len(seconds) // 2]:.3f} s, slowest {seconds[-1]:.2f} s")
    print(f"last run: {last['seconds']:.0f} s on {last['jobs']} processors\n")
    print(f"{'lines of code':48} {'files':>5} {'lines':>6}")
    lines = {}
    for name, patterns in PARTS.items():
        files, lines[name] = count(patterns)
        print(f"{name:48} {files:5} {lines[name]:6}")
    statement, contracts, lemmas, _, _, code = lines.values()
    print()
    compare({"trusted": str(statement + contracts), "spec": "none", "proof": str(lemmas),
             "exec": str(code), "both": "none", "units": str(len(seconds)),
             "time": uncached(), "share": f"{under:.1%}"})
    plot(seconds, FOLDER / "goals.png")
    print(f"\nplot: {(FOLDER / 'goals.png').relative_to(build.TOP)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
