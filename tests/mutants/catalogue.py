# SPDX-License-Identifier: GPL-2.0
"""The catalogue: one file per mutant, a head of "Key: value" lines and a unified diff."""
from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
AREAS = ("core", "protocol", "kernel", "spec", "model")
LAYERS = ("host", "model", "check", "guest")
KEYS = ("Breaks", "Caught-by", "Survives", "Guest")
REQUIRED = ("Breaks",)


def list_kernels(*roles: str) -> list[str]:
    return subprocess.run([TOP / "tools/list-kernels", *roles], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()


KERNELS = list_kernels()
MIDDLE, = list_kernels("middle")
DEBUG_KINDS = [path.stem for path in (TOP / "tools/debug").glob("*.config")
               if path.stem != "base"]
DEBUG_KERNEL = re.compile(rf"[0-9.]+-({'|'.join(DEBUG_KINDS)})$")
DEFAULT_GUEST = f"{MIDDLE} | mapping | ranges | rights"


class Stale(Exception):
    """A patch does not fit the tree, or a head is wrong."""


@dataclass
class Boot:
    """A guest and the programs to run in it."""

    kernel: str = MIDDLE
    smp: int = 1
    pool: int = 0
    limit: int = 300  # seconds
    append: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)

    def text(self) -> str:
        words = [self.kernel, f"smp={self.smp}", f"pool={self.pool}",
                 f"limit={self.limit}", *self.append]
        return " | ".join([" ".join(words), *self.programs])


@dataclass
class Hunk:
    path: str
    line: int
    old: str
    new: str


@dataclass
class Mutant:
    """One seeded bug."""

    name: str
    breaks: str
    caught_by: str
    survives: str
    boot: Boot
    hunks: list[Hunk]
    layers: list[str]

    def paths(self) -> list[str]:
        return sorted({hunk.path for hunk in self.hunks})


def parse_boot(text: str) -> Boot:
    """Parse "6.12 smp=2 pool=1 pti=on | program args | program"."""
    boot, *programs = [part.strip() for part in text.split("|")]
    result = Boot(programs=programs)
    for word in boot.split():
        if word in KERNELS or DEBUG_KERNEL.match(word):
            result.kernel = word
        elif word.startswith("smp="):
            result.smp = int(word[4:])
        elif word.startswith("pool="):
            result.pool = int(word[5:])
        elif word.startswith("limit="):
            result.limit = int(word[6:])
        else:
            result.append.append(word)
    for program in programs:
        if not program or not (TOP / "tests/guest" / f"{program.split()[0]}.c").exists():
            raise Stale(f"Guest: no such program: {program!r}")
    return result


def parse_head(lines: list[str]) -> dict[str, str]:
    """Parse the head; a line that begins with a blank continues the one before."""
    head: dict[str, str] = {}
    key = ""
    for line in lines:
        if line[:1] in (" ", "\t") and key:
            head[key] += " " + line.strip()
        elif line.strip():
            key, colon, value = line.partition(":")
            if not colon or key not in KEYS or key in head:
                raise Stale(f"no line of a head: {line!r}")
            head[key] = value.strip()
    for key in REQUIRED:
        if not head.get(key):
            raise Stale(f"{key}: is missing")
    return head


def parse_diff(lines: list[str]) -> list[Hunk]:
    """Parse a unified diff of existing files."""
    hunks: list[Hunk] = []
    path = ""
    for line in lines:
        at = re.match(r"@@ -(\d+)", line)
        if line.startswith("--- "):
            continue
        if line.startswith("+++ b/"):
            path = line[6:].split("\t")[0]
        elif at:
            hunks.append(Hunk(path, int(at[1]), "", ""))
        elif line[:1] in (" ", "-", "+") and hunks:
            if line[0] != "+":
                hunks[-1].old += line[1:] + "\n"
            if line[0] != "-":
                hunks[-1].new += line[1:] + "\n"
        elif line:
            raise Stale(f"no line of a diff: {line!r}")
    if not hunks or any(hunk.old == hunk.new for hunk in hunks):
        raise Stale("the patch changes nothing")
    return hunks


def affected(paths: list[str], boot_given: bool) -> list[str]:
    """The layers that a change of these files can reach, the cheapest first."""
    core = any(path.startswith("src/core/") for path in paths)
    protocol = any(path.startswith("src/protocol/") for path in paths)
    module = core or protocol or any(path.startswith("src/kernel/") for path in paths)
    spec = any(re.match(r"spec/spec_", path) for path in paths)
    model = core or protocol or any(path.startswith(("spec/", "tools/mc/")) for path in paths)
    reached = {
        "host": core or spec or protocol,
        "model": model,
        "check": module or (spec and boot_given),
        "guest": module or (spec and boot_given),
    }
    return [layer for layer in LAYERS if reached[layer]]


def parse(path: Path) -> Mutant:
    """Read one mutant.  Raises Stale if its head or its diff is not well-formed."""
    lines = path.read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("--- ")]
    if not starts:
        raise Stale("there is no diff")
    head = parse_head(lines[: starts[0]])
    hunks = parse_diff(lines[starts[0]:])
    boot = parse_boot(head.get("Guest", DEFAULT_GUEST))
    layers = affected([hunk.path for hunk in hunks], "Guest" in head)
    caught_by, survives = head.get("Caught-by", ""), head.get("Survives", "")
    if bool(caught_by) == bool(survives):
        raise Stale("either Caught-by: or Survives: is needed")
    if caught_by and caught_by not in layers:
        raise Stale(f"Caught-by: {caught_by} is none of {', '.join(layers)}")
    if "guest" in layers and not boot.programs:
        raise Stale("Guest: names no program")
    name = str(path.relative_to(HERE).with_suffix(""))
    return Mutant(name, head["Breaks"], caught_by, survives, boot, hunks, layers)


def kernel_missing(mutant: Mutant) -> bool:
    """Whether it needs a debug kernel, which nobody has built here yet."""
    kernel = mutant.boot.kernel
    return bool(DEBUG_KERNEL.match(kernel)) and not (
        TOP / "build/kernels" / kernel / "key").exists()


def names() -> list[Path]:
    """The catalogue's files, in the order of the areas."""
    return [path for area in AREAS for path in sorted((HERE / area).glob("*.patch"))]


def apply(mutant: Mutant, root: Path) -> dict[str, str]:
    """
    The mutated files' contents.  Each hunk must fit in one place and one only,
    wherever that is; `patch` would take the nearest that looks right.
    """
    files: dict[str, str] = {}
    for hunk in mutant.hunks:
        path = root / hunk.path
        if hunk.path not in files and not path.exists():
            raise Stale(f"there is no {hunk.path}")
        # A line break in front, so that a hunk begins where a line does.
        text = "\n" + files.get(hunk.path, path.read_text())
        places = text.count("\n" + hunk.old)
        if places != 1:
            found = f"fits in {places} places" if places else "does not fit"
            raise Stale(f"{hunk.path}: the hunk of line {hunk.line} {found}")
        files[hunk.path] = text.replace("\n" + hunk.old, "\n" + hunk.new)[1:]
    return files
