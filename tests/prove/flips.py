#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Changed bytes in a vpt.ko: each must be refuted, or stop the executor, or be proved equal.

A change is looked for by what the instruction does, so that it is found in the code that
any compiler makes.  Each says which theorem it breaks.
"""
from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]

import binary
from disasm import Code, Instruction, text_offset
from jobs import with_goals
from main import FOLDER
from operations import OPERATIONS
from picture import counterexample
from pool import chosen, share_out
from solve import Solver

Change = Callable[[bytes], bytes]


def byte(at: int, old: int, new: int) -> Change:
    """Byte @at, which must be @old, becomes @new."""
    def change(code: bytes) -> bytes:
        assert code[at] == old, code.hex()
        return code[:at] + bytes([new]) + code[at + 1 or len(code):]
    return change


def last(new: int) -> Change:
    """The last byte, an immediate's or a displacement's."""
    return lambda code: code[:-1] + bytes([new])


def opposite(code: bytes) -> bytes:
    """The opposite condition of a jump, a set or a conditional move."""
    at = code.index(0x0f) + 1 if 0x0f in code[:2] else 0
    return code[:at] + bytes([code[at] ^ 1]) + code[at + 1:]


def opcode(old: int, new: int) -> Change:
    def change(code: bytes) -> bytes:
        at = code.index(old)
        return code[:at] + bytes([new]) + code[at + 1:]
    return change


@dataclass(frozen=True)
class Flip:
    """@text: what the instruction looks like; @nth of those in @function, from 0."""
    name: str
    theorem: str
    function: str
    text: str
    change: Change
    nth: int = 0
    equal: str = ""		# why it changes nothing: then it must be proved


FLIPS = [
    Flip("resolve-below-the-start", "resolve", "pt_resolve", r"jb ", opposite),
    Flip("resolve-other-bit-for-leaf", "resolve", "pt_resolve", r"test\s+\wl,0x80", last(0x40)),
    Flip("resolve-other-bit-for-present", "resolve", "pt_resolve", r"test\s+\w+,0x1$", last(0x2),
         equal="an entry of the root that is present has R/W set, and one that is not is 0"),
    Flip("resolve-other-bit-for-a-present-page", "resolve", "pt_resolve", r"test\s+\w+,0x1$",
         last(0x2), nth=3),
    Flip("resolve-root-index-of-10-bits", "resolve", "pt_resolve", r"and\s+e\w+,0xff8",
         lambda code: code.replace(b"\xf8\x0f", b"\xf8\x1f"),
         equal="addresses of the region end below 2^48"),
    Flip("resolve-index-of-10-bits", "resolve", "pt_resolve", r"and\s+e\w+,0xff8",
         lambda code: code.replace(b"\xf8\x0f", b"\xf8\x1f"), nth=1),
    Flip("resolve-index-of-another-level", "resolve", "pt_resolve", r"shr\s+r\w+,0x1b",
         last(0x1a)),
    Flip("resolve-end-for-start", "resolve", "pt_resolve", r"cmp\s+\w+,.*\[rdi\+0x18\]",
         last(0x10)),
    Flip("remap-restores-another-register", "remap", "pt_remap", r"pop\s+r12", last(0x5d)),
    Flip("remap-plain-store", "remap", "pt_remap", r"xchg\s+QWORD", opcode(0x87, 0x89)),
    Flip("remap-executable-for-not", "remap", "pt_remap", r"shl\s+r\w+,0x3f", last(0x3e)),
    Flip("remap-frame-with-more-bits", "remap", "pt_remap", r"movabs\s+r\w+,0xffffffffff000",
         lambda code: code.replace(b"\x0f\x00", b"\x1f\x00")),
    Flip("protect-no-lock-prefix", "protect", "pt_protect", r"lock cmpxchg", byte(0, 0xf0, 0x90)),
    Flip("protect-gives-up-early", "protect", "pt_protect_again", r"cmp\s+\w+,0x1$", last(0x2)),
    Flip("protect-keeps-dirty", "protect", "pt_protect", r"test\s+\w+,0x2", last(0x4)),
    Flip("unmap-plain-store", "unmap", "pt_unmap", r"xchg\s+QWORD", opcode(0x87, 0x89)),
    Flip("unmap-counts-two", "unmap", "pt_unmap", r"sub\s+e\w+,0x1$|lea\s+e\w+,\[r\w+-0x1\]",
         lambda code: code[:-1] + (b"\x02" if code[-1] == 1 else b"\xfe")),
    Flip("map-other-special-bit", "map 1G", "pt_map_other", r",0x(40*)?281$",
         lambda code: code.replace(b"\x81\x02", b"\x81\x04"), nth=1),
    Flip("map-over-a-leaf", "map 2M", "pt_map_other", r"test\s+(r\w+),\1",
         opcode(0x85, 0x87), nth=1),
    Flip("map-counts-two-tables", "map 1G", "pt_map_other",
         r"add\s+QWORD PTR \[r\w+\],0x1$", last(0x2), nth=1),
    Flip("map-counts-a-table-in-the-books-address", "map 1G", "pt_map_other",
         r"mov\s+r\w+,QWORD PTR \[r\w+\+0x10\]$", opcode(0x8b, 0x8d), nth=3),
    Flip("remap-says-all-for-not-all", "remap", "pt_remap",
         r"cmp\s+BYTE PTR \[r\w+\+0x1b\],0x0", last(0x1)),
    Flip("remap-looks-at-another-flag-for-all", "remap", "pt_remap",
         r"cmp\s+BYTE PTR \[r\w+\+0x1b\],0x0", opcode(0x1b, 0x1a)),
    Flip("remap-looks-at-half-of-the-answer", "remap", "pt_remap", r"test\s+al,al", last(0xe4)),
    Flip("remap-tells-of-another-environment", "remap", "pt_remap_traced", r"mov\s+rdi,r1\d$",
         byte(0, 0x4c, 0x48)),
    Flip("remap-tells-of-another-environment-at-last", "remap", "pt_remap_traced",
         r"mov\s+rdi,r1\d$", byte(0, 0x4c, 0x48), nth=1),
    Flip("unmap-says-all-for-not-all", "unmap", "pt_reclaim_up",
         r"cmp\s+BYTE PTR \[r\w+\+0x1b\],0x0", last(0x1)),
    Flip("init-wide-root", "init", "pt_init", r"cmp\s+\w+,0x27", last(0x28)),
    Flip("init-zero-root", "init", "pt_init", r"je ", opposite),
    Flip("path-writes-the-kernels-root-first", "path for map 1G range", "pt_make_path",
         r"lea\s+.*\+0x1000\]",
         lambda code: code.replace(b"\x00\x10\x00\x00", b"\x00\x00\x00\x00")),
]


def place(code: Code, flip: Flip) -> Instruction:
    start = code.start[flip.function]
    name = next(n for n in code.core() if n.endswith(f" at {start:#x}")) if start >= 0 else \
        next(n for n in code.core() if n.startswith(flip.function + " at"))
    found = [i for i in code.core()[name] if re.search(flip.text, i.text)]
    assert len(found) > flip.nth, f"{flip.name}: no such instruction in {flip.function}"
    return found[flip.nth]


def changed(code: Code, flip: Flip, folder: Path) -> tuple[Path, str]:
    """A copy of the module with the change, and what was changed."""
    insn = place(code, flip)
    new = flip.change(insn.code)
    assert new != insn.code and len(new) == len(insn.code), f"{flip.name}: {insn.text}"
    image = bytearray(code.path.read_bytes())
    at = text_offset(code.path) + insn.address
    assert image[at:at + len(insn.code)] == insn.code
    image[at:at + len(new)] = new
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{flip.name}.ko"
    path.write_bytes(image)
    return path, f"{insn.address:#x}: {insn.text} ({insn.code.hex()} -> {new.hex()})"


def refutation(job: binary.BinaryJob, solver: Solver) -> tuple[str, list[str]]:
    """What is refuted, and a picture of it."""
    goal, state = next((g, s) for result, g, s in job.failed if result == "refuted")
    picture = counterexample(solver, with_goals(job.operation, job.region, state), goal)
    return (f"refuted: {goal.theorem}: {goal.what}", picture.lines() if picture else [])


def judge(task: tuple[Path, Flip]) -> tuple[bool, str, list[str]]:
    """Whether it comes out as it should, how, and a picture.  In a process of its own."""
    module, flip = task
    code = Code(module)
    path, what = changed(code, flip, FOLDER / "flips" / module.parent.name)
    operation = next(o for o in OPERATIONS if o.name == flip.theorem)
    solver = Solver(FOLDER / "goals", 60)
    broken = Code(path)
    assert broken.digest() != code.digest(), "it would be taken for the proved one"
    copy = "traced" if flip.function.endswith("_traced") else "plain"
    job = binary.BinaryJob(operation, copy, broken, solver)
    report = job.run(stop_when_refuted=True)
    if report.stuck:
        return not flip.equal, f"{what}: stops: {report.stuck}", []
    if not job.refuted():
        equal = report.good() and flip.equal
        return bool(equal), f"{what}: " + (f"equal, and proved: {equal}" if equal else
                                           "not refuted"), []
    how, picture = refutation(job, solver)
    return not flip.equal, f"{what}: {how}", picture


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("-q", "--quiet", action="store_true", help="no pictures")
    parser.add_argument("module", type=Path, help="a vpt.ko")
    parser.add_argument("only", nargs="*", help="names of changes")
    options = parser.parse_args()
    tasks = [(options.module, f) for f in chosen(FLIPS, options.only, lambda f: f.name)]
    print(f"1..{len(tasks)}", flush=True)
    failed = 0
    for n, ended in enumerate(share_out(judge, tasks, options.jobs), 1):
        right, how, picture = ended.result or (False, ended.error, [])
        failed += not right
        if not options.quiet:
            print("".join(f"#   {line}\n" for line in picture), end="")
        print(f"{'ok' if right else 'not ok'} {n} - {ended.task[1].name} # {how}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
