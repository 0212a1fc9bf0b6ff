# SPDX-License-Identifier: GPL-2.0
"""What a figure is worth nothing without: machine, kernel, compiler, commit."""

import os
import platform
import subprocess
import time

from .programs import TOP, Context
from .rows import Row


def _said(*command: str) -> str:
    try:
        answer = subprocess.run(command, cwd=TOP, text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return answer.stdout.strip()


def _cpu() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def machine(context: Context) -> Row:
    """Everything about the run that is not a sample."""
    commit = _said("git", "describe", "--always", "--dirty", "--abbrev=12") or "unknown"
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "load at the start": "%.2f" % os.getloadavg()[0],
        "kernel": platform.release(),
        "hypervisor": _said("systemd-detect-virt") or "unknown",
        "compiler": (_said("gcc", "--version").splitlines() or ["unknown"])[0],
        "module's compiler": (_said("gcc-12", "--version").splitlines() or ["unknown"])[0],
        "emulator": (_said("qemu-system-x86_64", "--version").splitlines() or ["none"])[0],
        "commit": commit,
        "kind": ("quick" if context.quick else "full") + (", host" if context.host else ""),
    }


def text(about: Row) -> str:
    """The same, to be read."""
    width = max(map(len, about))
    return "".join(f"{key:{width}}  {value}\n" for key, value in about.items())
