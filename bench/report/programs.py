# SPDX-License-Identifier: GPL-2.0
"""Running the benchmark programs, here or in a guest, with a line of progress."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .rows import Row

TOP = Path(__file__).resolve().parents[2]
# As tools/lib.sh has it, and for all that is started from here.
BUILT = Path(os.environ.get("VPT_BUILD") or TOP / "build").absolute()
if os.environ.get("VPT_BUILD"):
    os.environ["VPT_BUILD"] = str(BUILT)
BUILD = BUILT / "bench"
KERNELS = subprocess.run([TOP / "tools/list-kernels", "main"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout.split()

# What tools/vpt-run exits with where this machine cannot provide a guest.
UNAVAILABLE = 77


class Unavailable(Exception):
    """Something that the experiment needs is not there; the text says what."""


@dataclass
class Context:
    """What all experiments are told, and the line that shows how far they are."""

    quick: bool
    host: bool
    started: float = field(default_factory=time.monotonic)

    def pick(self, full: int, quick: int) -> int:
        """One of two numbers."""
        return quick if self.quick else full

    def progress(self, text: str) -> None:
        """Show one line, in place of the last one where that is possible."""
        line = f"bench {time.monotonic() - self.started:4.0f} s: {text}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line[:100]}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def done(self) -> None:
        """The line is complete."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A message that stays."""
        self.done()
        print(f"bench: {text}", file=sys.stderr, flush=True)


def _relay(stream, context: Context, label: str, kept: list[str]) -> None:
    """Lines that start with @ are progress; others explain a failure."""
    for line in stream:
        line = line.rstrip()
        if line.startswith("@ "):
            context.progress(f"{label}: {line[2:]}")
        elif line:
            kept.append(line)


def make(context: Context, targets: tuple[str, ...]) -> None:
    """Have the Makefile bring what an experiment needs."""
    context.progress("make " + " ".join(targets))
    # Its files stay open, for the job server of a make that runs this.
    done = subprocess.run(["make", "-s", "--no-print-directory", *targets], cwd=TOP, text=True,
                          check=False, close_fds=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        raise Unavailable("; ".join(done.stderr.splitlines()[-3:]))


def run(context: Context, label: str, command: list[str]) -> list[Row]:
    """Run a program that prints one JSON object a line; return them."""
    context.progress(label)
    errors: list[str] = []
    with subprocess.Popen(command, cwd=TOP, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
        relay = threading.Thread(target=_relay,
                                 args=(child.stderr, context, label, errors))
        relay.start()
        output = child.stdout.read()
        relay.join()
    if child.returncode == UNAVAILABLE:
        raise Unavailable("; ".join(errors[-2:]) or label)
    if child.returncode:
        context.done()
        sys.exit(f"bench: {label}: status {child.returncode}\n" + "\n".join(errors[-30:]))
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@dataclass
class Guest:
    """How a guest is booted."""

    kernel: str
    smp: int = 1
    icount: bool = False
    params: str = ""
    files: tuple[str, ...] = ()
    mem: str = "2G"
    timeout: int = 600

    def unit(self) -> str:
        """What a tick of the guest's time-stamp counter stands for."""
        return "instructions" if self.icount else "ns"

    def command(self) -> list[str]:
        """The call of tools/vpt-run up to the program."""
        # Without erms and fsrm the kernel clears memory by words.  Where instructions
        # are counted each repetition of a string instruction counts as one.
        words = ["tools/vpt-run", "--quiet", "--kernel", self.kernel, "--smp",
                 str(self.smp), "--mem", self.mem, "--timeout", str(self.timeout),
                 "--cpu", "max,-erms,-fsrm"]
        if self.icount:
            words.append("--icount")
        if self.params:
            words += ["--param", self.params]
        for file in self.files:
            words += ["--file", file]
        return words + ["--"]


def in_guest(context: Context, label: str, guest: Guest, program: list[str]) -> list[Row]:
    """Run a program in a guest; its rows say in which."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = guest.command()
        command[1:1] = ["--log", str(log)]
        found = run(context, f"{label}, {guest.kernel}", command + program)
        accelerator = accelerator_of(guest)
    for row in found:
        row.update(kernel=guest.kernel, cpus=guest.smp, accelerator=accelerator)
    return found


def on_each_kernel(context: Context, measure: Callable[[str], list[Row]]) -> list[Row]:
    """Do it for each kernel that this machine can provide."""
    found: list[Row] = []
    reasons = []
    for kernel in KERNELS:
        try:
            found += measure(kernel)
        except Unavailable as reason:
            context.say(f"kernel {kernel}: not measured: {reason}")
            reasons.append(str(reason))
    if not found:
        raise Unavailable("; ".join(reasons))
    return found


def accelerator_of(guest: Guest) -> str:
    """The accelerator that vpt-run takes for such a guest."""
    if guest.icount:
        return "tcg, icount"
    image = BUILT / "kernels" / guest.kernel / "vmlinuz"
    answer = subprocess.run(["tools/accel", str(image)], cwd=TOP, text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return answer.stdout.strip() or "tcg"
