# SPDX-License-Identifier: GPL-2.0
"""The core, compiled: to LLVM IR for the executor, and to a library that can be called."""
from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import NoReturn

import ir

TOP = Path(__file__).resolve().parents[2]
UNAVAILABLE = 77		# of the scripts in tools/
SOURCES = ("pt", "pt_walk", "pt_range")
FLAGS = ["-std=gnu11", "-ffreestanding", "-w"]
# As the kernel compiles: no vectors.  And loops are left as they are where nobody knows how
# often they run, as gcc's -O2 leaves them.
KERNEL = ["-mno-sse", "-mno-sse2", "-mno-mmx", "-mno-avx", "-mno-80387",
          "-mllvm", "-unroll-runtime=false"]


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def fetched(what: str, script: str) -> list[str]:
    """The command that a script in tools/ prints."""
    done = subprocess.run([str(TOP / "tools" / script)], text=True, stdout=subprocess.PIPE,
                          check=False)
    if done.returncode == UNAVAILABLE:
        skip(what)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout.splitlines()


@functools.cache
def clang() -> list[str]:
    """The command that runs clang-14."""
    return fetched("clang-14", "fetch-clang")


@functools.cache
def solver() -> str:
    """The solver's program."""
    return fetched("a solver", "fetch-solver")[0]


def skip(missing: str) -> NoReturn:
    """Nothing is proved where a program cannot be had, and that is no failure."""
    print(f"1..0 # SKIP {missing} is not to be had on this machine")
    raise SystemExit(0)


def ready() -> None:
    """Go on only where there are a compiler and a solver."""
    clang()
    solver()


def llvm(level: str, out: Path, core: Path = TOP / "src/core") -> ir.Module:
    """Compile the core to IR at -O<level> and load it."""
    out.mkdir(parents=True, exist_ok=True)
    compiler = clang()
    for name in SOURCES:
        run([*compiler, *FLAGS, *KERNEL, f"-O{level}", "-S", "-emit-llvm",
             f"-I{TOP}/tools/prove/env", f"-I{core}", "-o", str(out / f"{name}.ll"),
             str(core / f"{name}.c")])
    return load(out)


def load(out: Path) -> ir.Module:
    """The core's IR, as one module."""
    return ir.link([ir.parse((out / f"{name}.ll").read_text()) for name in SOURCES])


def native(out: Path, core: Path = TOP / "src/core") -> Path:
    """The core with gcc as a shared library whose environment is called back."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "core.so"
    run(["gcc", "-std=gnu11", "-O2", "-w", "-shared", "-fPIC", f"-I{TOP}/tools/prove/env",
         f"-I{core}", "-o", str(target), str(TOP / "tools/prove/env/callback.c")]
        + [str(core / f"{name}.c") for name in SOURCES])
    return target
