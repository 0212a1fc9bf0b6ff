#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Machine code that the executor once took for something else than the processor does.

Each is a body of pt_resolve(), in the module's place for it; it must stop the executor
with these words, or answer what nobody knows.
"""
from __future__ import annotations

import argparse
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]

import binary
import build
import main as driver
from disasm import Code
from execute import Stuck
from operations import OPERATIONS
from solve import Solver

FOLDER = driver.FOLDER / "snippets"
PREFIX, TABLE = "a prefix that is not known", "the table does not have"


@dataclass(frozen=True)
class Snippet:
    """@stops: with which words; None: its answer is anything."""
    name: str
    text: str
    stops: Optional[str]


SNIPPETS = [
    Snippet("what is below the stack pointer is lost",
            "push 3\n pop rax\n sub rsp,8\n mov rax,[rsp]\n add rsp,8\n ret", None),
    Snippet("a call leaves nothing below it",
            "call 1f\n sub rsp,8\n mov rax,[rsp]\n add rsp,8\n ret\n1: ret", None),
    Snippet("a locked move is an invalid opcode",
            "push 3\n pop rax\n push rax\n .byte 0xf0\n mov [rsp],rax\n pop rcx\n ret", PREFIX),
    Snippet("a locked read is an invalid opcode",
            "xor eax,eax\n .byte 0xf0\n add rax,[rsp]\n ret", PREFIX),
    Snippet("a locked jump is an invalid opcode",
            "mov eax,3\n cmp rdi,rsi\n .byte 0xf0\n je 1f\n1: ret", PREFIX),
    Snippet("a jump of 16 bits is none for every processor",
            "mov eax,3\n cmp rdi,rsi\n .byte 0x66\n je 1f\n1: ret", PREFIX),
    Snippet("a bit test by a register reads elsewhere",
            "push rdi\n bt QWORD PTR [rsp],rsi\n pop rax\n mov eax,3\n ret", TABLE),
    Snippet("a return that pops arguments", "mov eax,3\n ret 8", "takes more off the stack"),
    Snippet("code that belongs to no function of the core",
            "mov eax,3\n jmp beside\n .size pt_resolve, .-pt_resolve\nbeside: ret",
            "not counted as the core's"),
    Snippet("what is patched at run time, named by its function",
            "mov eax,3\n ret\n .section .altinstructions\n .long pt_resolve-.\n .text",
            "patched at run time"),
]


def assembled(name: str, text: str) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = FOLDER / f"{name.replace(' ', '-')}.s"
    source.write_text(".intel_syntax noprefix\n.text\n.globl pt_resolve\n"
                      f".type pt_resolve, @function\npt_resolve:\n {text}\n"
                      + ("" if ".size" in text else ".size pt_resolve, .-pt_resolve\n"))
    build.run(["gcc", "-c", "-o", str(source.with_suffix(".o")), str(source)])
    return source.with_suffix(".o")


def check(module: Path, snippet: Snippet) -> str:
    code = Code(assembled(snippet.name, snippet.text), about=module)
    operation = next(o for o in OPERATIONS if o.name == "resolve")
    job = binary.BinaryJob(operation, "plain", code, Solver(driver.FOLDER / "goals", 60))
    try:
        states = job.explore()
    except Stuck as stuck:
        assert snippet.stops and snippet.stops in str(stuck), f"stops with: {stuck}"
        return f"stops: {stuck}"
    answers = [s.known.reduce(s.result).value for s in states]
    assert snippet.stops is None and answers == [None], f"answers {answers}"
    return "its answer is anything"


def helper(_module: Path) -> str:
    """A function that gcc has not inlined is a part of what is proved."""
    digests = {Code(assembled(f"helper {n}", f"call pt_env_x\n ret\n"
                              " .size pt_resolve, .-pt_resolve\n .type pt_env_x, @function\n"
                              f"pt_env_x: mov eax,{n}\n ret\n .size pt_env_x, .-pt_env_x")).digest()
               for n in (3, 4)}
    assert len(digests) == 2, "two modules that differ there are the same to the prover"
    return "its code has a part in the digest"


def record(module: Path) -> str:
    """What another prover has proved is not taken for proved."""
    binary.code = Code(module)
    here, fingerprint = binary.record_of(module), driver.fingerprint
    driver.fingerprint = lambda: "another prover"
    try:
        other = binary.record_of(module)
    finally:
        driver.fingerprint = fingerprint
    assert here != other
    return "its record has another name"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path, help="a vpt.ko")
    options = parser.parse_args()
    tests: list[tuple[str, Callable[[], str]]] = [
        (s.name, lambda s=s: check(options.module, s)) for s in SNIPPETS]
    tests += [("a function that is not inlined is proved with the core",
               lambda: helper(options.module)),
              ("a proof by another prover is none", lambda: record(options.module))]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for n, (name, test) in enumerate(tests, 1):
        try:
            print(f"ok {n} - {name} # {test()}", flush=True)
        except (AssertionError, Stuck):
            failed += 1
            print(f"not ok {n} - {name}\n# "
                  + traceback.format_exc().strip().replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
