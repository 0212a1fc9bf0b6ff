# SPDX-License-Identifier: GPL-2.0
"""Scratch trees, in which mutants are built, and programs that are watched as they run."""
from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from catalogue import TOP, Mutant, apply

PARTS = ("Makefile", "Kbuild", "src", "include", "spec", "tests", "bench", "tools")
DETAIL = 100  # characters of what a test says


class Broken(Exception):
    """A mutant does not build, or a tool is missing: no verdict."""


@dataclass
class Run:
    """How a program ended."""

    status: int = 0
    late: bool = False
    failure: str = ""  # the first test that failed
    detail: str = ""  # what it said
    errors: str = ""
    program: str = ""  # of several, the last one
    lines: list[str] = field(default_factory=list)


class Cores:
    """The processors, handed out in the order of asking."""

    def __init__(self, total: int):
        self.total = total
        self.free = total
        self.turn = 0
        self.next = 0
        self.changed = threading.Condition()

    def take(self, n: int) -> int:
        n = min(n, self.total)
        with self.changed:
            ticket = self.next
            self.next += 1
            self.changed.wait_for(lambda: self.turn == ticket and self.free >= n)
            self.turn += 1
            self.free -= n
            self.changed.notify_all()
        return n

    def give(self, n: int) -> None:
        with self.changed:
            self.free += n
            self.changed.notify_all()


def clean_environment() -> dict[str, str]:
    """Without what make tells its children about its jobs and its variables."""
    drop = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VPT_BUILD", "KERNEL", "KDIR")
    return {key: value for key, value in os.environ.items() if key not in drop}


class Watch:
    """Reads TAP while it is printed and remembers the first failure."""

    def __init__(self) -> None:
        self.run = Run()
        self.program = ""
        self.notes: list[str] = []

    def line(self, line: str) -> bool:
        """Return whether enough has been seen."""
        self.run.lines.append(line)
        if self.run.failure:
            self.run.detail = line.lstrip("# ") if line.startswith("#") else ""
            return True
        if line.startswith("program "):
            self.program = line.split()[1]
            self.notes = []
        elif line.startswith("#"):
            if not line.startswith("# seed"):
                self.notes.append(line.lstrip("# "))
        elif line.startswith("ok "):
            self.notes = []
        failed = re.match(r"not ok \d+ *-? *(?!.*# *(?i:todo))(.*)", line)
        if failed:
            self.fail(failed[1])
        return bool(failed and self.run.detail)

    def fail(self, name: str) -> None:
        # check's: file:group:test:iteration: what was asserted
        unit = re.match(r"[^ :]+:([^:]+):([^:]+): (.*)", name)
        # The guest's: the number of failures, after notes that tell of them.
        name = re.sub(r" # \d+ failures$", "", name)
        if unit:
            self.run.failure = f"{unit[1]}: {unit[2]}"
            self.run.detail = unit[3]
            return
        self.run.failure = f"{self.program}: {name}" if self.program else name
        if self.notes:
            self.run.detail = self.notes[0]


RUNNING: set[int] = set()  # process groups


def end_all() -> None:
    """Leave no guest behind when the run is broken off."""
    for group in list(RUNNING):
        try:
            os.killpg(group, signal.SIGTERM)
        except ProcessLookupError:
            pass


def watch(command: list[str], cwd: Path, timeout: float, until_failure: bool = True) -> Run:
    """Run a program that prints TAP; end it at its first failure."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               errors="replace", env=clean_environment(),
                               start_new_session=True)
    RUNNING.add(process.pid)
    watcher = Watch()
    errors: list[str] = []

    def end(number: int) -> None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def give_up() -> None:
        watcher.run.late = True
        end(signal.SIGTERM)

    def read_errors() -> None:
        assert process.stderr
        errors.extend(process.stderr)

    reader = threading.Thread(target=read_errors, daemon=True)
    reader.start()
    timers = [threading.Timer(timeout, give_up),
              threading.Timer(timeout + 10, end, [signal.SIGKILL])]
    for timer in timers:
        timer.start()
    assert process.stdout
    for line in process.stdout:
        if watcher.line(line.rstrip("\n")) and until_failure:
            end(signal.SIGTERM)
            break
    # What is printed after the first failure is of no interest, but must go somewhere.
    threading.Thread(target=process.stdout.read, daemon=True).start()
    try:
        watcher.run.status = process.wait(timeout + 20)
    finally:
        for timer in timers:
            timer.cancel()
        end(signal.SIGKILL)
        RUNNING.discard(process.pid)
    reader.join(1)
    watcher.run.program = watcher.program
    watcher.run.errors = "".join(errors)
    watcher.run.detail = watcher.run.detail[:DETAIL]
    return watcher.run


class Scratch:
    """A copy of the tree below the build folder, with one mutant at a time in it."""

    def __init__(self) -> None:
        self.originals: dict[str, str] = {}
        self.root = self.claim(TOP / "build" / "mutants")
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        for part in PARTS:
            source = TOP / part
            if source.is_dir():
                shutil.copytree(source, self.root / part, symlinks=True)
            else:
                shutil.copy2(source, self.root / part)
        (self.root / "build").mkdir()
        for shared in ("kernels", "accel"):
            (TOP / "build" / shared).mkdir(exist_ok=True)
            (self.root / "build" / shared).symlink_to(TOP / "build" / shared)

    def claim(self, folder: Path) -> Path:
        """The first folder that no other run is using."""
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        while True:
            self.lock = open(folder / f"lock{number}", "w", encoding="ascii")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return folder / f"tree{number}"
            except BlockingIOError:
                number += 1

    def write(self, path: str, text: str) -> None:
        """Anew, never in place, and younger than all that was made of it."""
        target = self.root / path
        target.unlink()
        target.write_text(text)

    def mutate(self, mutant: Mutant) -> None:
        self.restore()
        for path, text in apply(mutant, self.root).items():
            self.originals[path] = (self.root / path).read_text()
            self.write(path, text)

    def restore(self) -> None:
        for path, text in self.originals.items():
            self.write(path, text)
        self.originals = {}

    def build(self, command: list[str]) -> str:
        """Run a build; return what it printed."""
        with subprocess.Popen(command, cwd=self.root, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              errors="replace", env=clean_environment(),
                              start_new_session=True) as process:
            RUNNING.add(process.pid)
            output, errors = process.communicate()
            RUNNING.discard(process.pid)
        if process.returncode:
            lines = [line for line in errors.splitlines() if "error" in line]
            raise Broken("does not build: " + (lines or errors.splitlines() or ["?"])[0])
        return output
