#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The catalogue's faults in the core, compiled as the module is: each must be refuted.

A fault's three objects are made by the commands that made the module's, and linked; what
the theorems need beside the code is taken from the module.
"""
from __future__ import annotations

import argparse
import functools
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]

import binary
import build
import flips
import mutants
from disasm import Code, in_core
from main import FOLDER
from operations import OPERATIONS
from pool import chosen, share_out
from solve import Solver

# As for the C, but for what is about no machine code.
ORDER = [name for name in mutants.ORDER if name in binary.NAMES]


def compile_like(module: Path, tree: Path, names: tuple[str, ...] = build.SOURCES) -> Path:
    """The core in the copy @tree of the sources, compiled as the one in the module was; its
    environment is the copy's, too, if there is one."""
    folder, core = module.resolve().parent, tree / "src/core"
    objects = []
    for name in names:
        text = (folder / f"src/core/.{name}.o.cmd").read_text().splitlines()[0]
        # What a mistake leaves unused is no error, also where warnings were errors (KCFLAGS).
        command = f"{text.split(':=', 1)[1].split(' ; ')[0]} -Wno-error"
        command = command.replace(f"{folder}/src/core/", f"{core}/")
        if (tree / "src/kernel").exists():
            command = command.replace(f"-I{folder}/src/", f"-I{tree}/src/")
        kdir = (folder / ".kdir").read_text().strip()
        done = subprocess.run(command, shell=True, cwd=kdir, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise SystemExit(f"{name}.c does not compile: {done.stderr}")
        objects.append(f"{core}/{name}.o")
    build.run(["ld", "-r", "-o", f"{core}/core.o", *objects])
    return core / "core.o"


def reachable(code: Code, function: str) -> str:
    """The code of a function and of all that it enters."""
    by_start = {start: name for name, start, _ in code.functions if in_core(name)}
    core = {int(name.rsplit(" at ", 1)[1], 16): f for name, f in code.core().items()}
    seen: dict[int, str] = {}
    work = [code.start[function]]
    while work:
        start = work.pop()
        if start in seen or start not in core:
            continue
        seen[start] = by_start[start] + "".join(
            f"{i.code.hex()} {i.symbol} {[getattr(o, 'symbol', '') for o in i.operands]}\n"
            for i in core[start])
        work += [i.target for i in core[start] if i.target is not None]
    return "\n".join(sorted(seen.values()))


def judge(module: Path, patch: Path) -> mutants.Verdict:
    """Whether it is refuted (None: it touches nothing that is proved), how, and a picture."""
    healthy = Code(module)
    code = Code(compile_like(module, mutants.broken_core(patch).resolve()), about=module)
    operations = [o for name in ORDER for o in OPERATIONS if o.name == name
                  and reachable(code, o.function[1:]) != reachable(healthy, o.function[1:])]
    if not operations:
        return None, "touches nothing that is proved", []
    solver = Solver(FOLDER / "goals", 60)
    for operation in operations:
        job = binary.BinaryJob(operation, "plain", code, solver)
        report = job.run(stop_when_refuted=True)
        if report.stuck:
            return True, f"{operation.name}: stops: {report.stuck}", []
        if job.refuted():
            how, picture = flips.refutation(job, solver)
            return True, f"{operation.name}: {how}", picture
    return False, "proved all the same: " + ", ".join(o.name for o in operations), []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("-q", "--quiet", action="store_true", help="no pictures")
    parser.add_argument("module", type=Path, help="a vpt.ko, where tools/build-module made it")
    parser.add_argument("only", nargs="*", help="names of faults")
    options = parser.parse_args()
    patches = chosen([p for folder in mutants.PATCHES for p in sorted(folder.glob("*.patch"))],
                     options.only, lambda p: p.stem)
    print(f"1..{len(patches)}", flush=True)
    failed = 0
    for n, ended in enumerate(share_out(functools.partial(judge, options.module), patches,
                                        options.jobs), 1):
        failed += not mutants.tell(n, ended.task.stem,
                                   ended.result or (False, ended.error, []), options.quiet)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
