# SPDX-License-Identifier: GPL-2.0
"""The layers that judge a mutant, the cheapest first, each by its own tests."""
from __future__ import annotations

import re
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue import LAYERS, TOP, Boot, Mutant
from scratch import Broken, Cores, Run, Scratch, watch

SEED = "1"
HOST_CORE = (["units-tiny"], ["units-full"], ["units-guarded"], ["exhaustive-tiny"],
             ["differential-tiny", "--seed", SEED], ["differential-full", "--seed", SEED])
WORKLOAD = "workload"
VIOLATION = re.compile(r"vpt: check: *(.*)")
SECONDS = {"host": 60, "model": 120, "check": 120}
# Less to compile, and warnings about what a mutant leaves unused are of no interest.
HOST_FLAGS = ("HOST_CFLAGS=-O1", "HOST_WARN=-std=gnu11 -w")
MODEL_FLAGS = ("MC_WARNINGS=-std=gnu11 -w",)
SPEC_FLAGS = ("SPEC_CFLAGS=-O1", "SPEC_WARNINGS=-std=gnu11 -w")
MODULE_FLAGS = ("KCFLAGS=-w",)


@dataclass
class Verdict:
    """What a layer says of a mutant: caught by which test, or missed."""

    layer: str
    caught: bool
    seconds: float = 0.0
    test: str = ""
    said: str = ""

    def text(self) -> str:
        return f"{self.test}: {self.said}" if self.said else self.test


def signal_name(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"


def judge(layer: str, program: str, run: Run) -> Verdict | None:
    """The verdict on one program's run, if it was not well."""
    if run.failure:
        return Verdict(layer, True, test=run.failure, said=run.detail)
    if run.late:
        return Verdict(layer, True, test=program, said="does not end")
    if run.status:
        return Verdict(layer, True, test=program, said=f"ends with {signal_name(run.status)}")
    return None


def host_programs(mutant: Mutant) -> list[list[str]]:
    programs = []
    if any(path.startswith("src/core/") for path in mutant.paths()):
        programs += [["build/host/" + words[0], *words[1:]] for words in HOST_CORE]
    if any(path.startswith("src/protocol/") for path in mutant.paths()):
        programs += [["build/host/threads-tiny"]]
    if any(path.startswith("spec/spec_") for path in mutant.paths()):
        programs += [[f"build/spec/{path.stem}{suffix}"]
                     for path in sorted((TOP / "tests/spec").glob("test_*.c"))
                     for suffix in ("", "_tiny")]
        programs.append(["build/host/differential-tiny", "--seed", SEED])
    return programs


def host(mutant: Mutant, tree: Scratch) -> Verdict:
    """The core's and the specification's own tests, each built when it is its turn."""
    for command in host_programs(mutant):
        tree.build(["make", "-s", "--no-print-directory", command[0],
                    *HOST_FLAGS, *SPEC_FLAGS])
        verdict = judge("host", Path(command[0]).name,
                        watch(command, tree.root, SECONDS["host"]))
        if verdict:
            return verdict
    return Verdict("host", False)


def model(mutant: Mutant, tree: Scratch) -> Verdict:
    """The model checker's quick suite."""
    del mutant
    tree.build(["make", "-s", "--no-print-directory", "build/model/mc", *MODEL_FLAGS])
    run = watch(["build/model/mc", "check"], tree.root, SECONDS["model"])
    return judge("model", "mc check", run) or Verdict("model", False)


def has_checks() -> bool:
    """Whether the module checks itself at run time."""
    sources = "".join(path.read_text() for path in (TOP / "src/kernel").rglob("*.c"))
    return bool(re.search(r"module_param\w*\(check,", sources))


def boot(tree: Scratch, guest: Boot, params: str, seconds: int, log: Path) -> Run:
    """Boot the mutant's module and run the guest's programs."""
    module = tree.build(["tools/build-module", guest.kernel, *MODULE_FLAGS]).split()[-1]
    if guest.pool:
        params = f"pool={guest.pool} {params}"
    log.unlink(missing_ok=True)
    # Linux makes no ZONE_MOVABLE by movablecore= beside it.
    movable = [] if any(a.startswith("movablecore=") for a in guest.append) else ["movable_node"]
    command = ["tools/vpt-run", "--quiet", "--kernel", guest.kernel, "--smp", str(guest.smp),
               "--mem", "6G" if guest.pool else "2G", "--cpu", "max,-erms,-fsrm",
               "--module", module, "--param", params.strip(), "--timeout", str(seconds),
               "--append", " ".join(["nokaslr", *movable, *guest.append]),
               "--log", str(log)]
    # The checker of traces is for "protocol", which skips what it has none for.
    for name in [*(program.split()[0] for program in guest.programs), "vpt-trace-check"]:
        command += ["--file", str(TOP / "build/guest" / name)]
    modules = subprocess.run([TOP / "tests/guest/modules", guest.kernel, *guest.programs],
                             stdout=subprocess.PIPE, text=True, check=True)
    for path in modules.stdout.split():
        command += ["--file", path]
    command += ["--", "tests/guest/run-all", *guest.programs]
    run = watch(command, tree.root, seconds + 20)
    demand_guest(run, guest)
    return run


def demand_guest(run: Run, guest: Boot) -> None:
    """Without a guest, or with programs that were not run, there is no verdict."""
    if run.failure:
        return
    if run.status in (77, 125):
        raise Broken("no guest: " + (run.errors.splitlines() or ["?"])[0])
    ran = sum(1 for line in run.lines if line.startswith("status "))
    if run.status in (0, 1) and ran < len(guest.programs):
        raise Broken(f"{ran} of {len(guest.programs)} programs were run")


def check(mutant: Mutant, tree: Scratch) -> Verdict:
    """A short workload, with the module checking itself: only its own word counts."""
    guest = replace(mutant.boot, programs=[WORKLOAD])
    log = tree.root / "build" / "check.log"
    run = boot(tree, guest, "check=full", SECONDS["check"], log)
    said = VIOLATION.search(log.read_text(errors="replace")) if log.exists() else None
    if said:
        return Verdict("check", True, test="check=full", said=said[1])
    return Verdict("check", False, said="" if not run.status else
                   "no violation, but the workload did not end well")


def splat(run: Run) -> str:
    """What the kernel complained of, from vpt-run's errors; a debug kernel's have no time."""
    lines = [line.strip() for line in run.errors.splitlines()]
    found = [line for line in lines if re.match(r"\d+:", line)] or lines
    return re.sub(r"^\d+:(\[[^]]*\] *)?", "", found[0]) if found else "?"


def guest_tests(mutant: Mutant, tree: Scratch) -> Verdict:
    """The tests in the guest that the catalogue names for the mutant."""
    log = tree.root / "build" / "guest.log"
    run = boot(tree, mutant.boot, "", mutant.boot.limit, log)
    if run.failure:
        return Verdict("guest", True, test=run.failure, said=run.detail)
    if run.status == 126:
        return Verdict("guest", True, test="the kernel complains", said=splat(run))
    if run.status == 124:
        return Verdict("guest", True, test=run.program, said="does not end")
    return judge("guest", "run-all", run) or Verdict("guest", False)


JUDGES = dict(zip(LAYERS, (host, model, check, guest_tests)))


def ask(layer: str, mutant: Mutant, tree: Scratch, cores: Cores) -> Verdict:
    """
    Ask one layer.  A guest gets as many processors as it has CPUs, since races need
    them; the seconds include what must be built, but not the waiting.
    """
    taken = cores.take(mutant.boot.smp if layer in ("check", "guest") else 1)
    try:
        start = time.monotonic()
        verdict = JUDGES[layer](mutant, tree)
        verdict.seconds = time.monotonic() - start
    finally:
        cores.give(taken)
    return verdict
