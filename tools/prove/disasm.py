# SPDX-License-Identifier: GPL-2.0
"""The machine code of a module: its instructions, symbols and what is patched at run time.

objdump decodes; here its text is only taken apart.  What is not understood stops the
proof where it is executed, with its address and its text.
"""
from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Union

from layout import Stuck

WIDE = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15")
SIZES = {"QWORD": 8, "DWORD": 4, "WORD": 2, "BYTE": 1}
PREFIXES = ("lock", "data16", "cs", "notrack")


@dataclass(frozen=True)
class Reg:
    """A register or a part of it: @width bits of @whole from bit @low on."""
    whole: str
    width: int
    low: int = 0


@dataclass(frozen=True)
class Imm:
    value: int


@dataclass(frozen=True)
class Mem:
    """@size bytes at base + index * scale + disp, or relative to @symbol or a segment."""
    size: int
    base: Optional[str]
    index: Optional[str]
    scale: int
    disp: int
    segment: str = ""
    symbol: str = ""


Operand = Union[Reg, Imm, Mem]


@dataclass(frozen=True)
class Instruction:
    address: int
    code: bytes
    text: str
    prefixes: tuple[str, ...]
    mnemonic: str
    operands: tuple[Operand, ...]
    target: Optional[int] = None	# of a jump or a call inside the module
    symbol: str = ""			# of one to elsewhere
    displacement: Optional[int] = None	# where in the code a relocated address stands

    @property
    def next(self) -> int:
        return self.address + len(self.code)


def _registers() -> dict[str, Reg]:
    found = {}
    for name in WIDE:
        found[name] = Reg(name, 64)
        if name[1:].isdigit():
            parts = {name + "d": 32, name + "w": 16, name + "b": 8}
        else:
            stem = name[1:]
            low = stem[0] + "l" if stem[1] == "x" else stem + "l"
            parts = {"e" + stem: 32, stem: 16, low: 8}
            if stem[1] == "x":
                found[stem[0] + "h"] = Reg(name, 8, 8)
        found |= {part: Reg(name, width) for part, width in parts.items()}
    return found


REGISTERS = _registers()
ADDRESS = re.compile(r"(?:(\w+) PTR )?(?:(\w\w):)?(?:\[(.*)\]|(0x[0-9a-f]+))")


def in_core(function: str) -> bool:
    """Whether a function of the module is the core's; the others are its environment."""
    return function.startswith("pt_") and not function.startswith("pt_env_")


class Unreadable(Exception):
    """Text of objdump's that is not taken apart here."""


def operand(text: str) -> Operand:
    if text in REGISTERS:
        return REGISTERS[text]
    if re.fullmatch(r"0x[0-9a-f]+|\d+", text):
        return Imm(int(text, 0))
    m = ADDRESS.fullmatch(text)
    if not m:
        raise Unreadable(text)
    size, segment, inside, plain = m.groups()
    base, index, scale, disp = None, None, 1, int(plain or "0", 0)
    for sign, part in re.findall(r"([-+]?)([^-+]+)", inside or ""):
        if "*" in part:
            index, times = part.split("*")
            scale = int(times)
        elif part in WIDE or part == "rip":
            base = part
        elif re.fullmatch(r"0x[0-9a-f]+", part):
            disp += int(part, 0) * (-1 if sign == "-" else 1)
        else:
            raise Unreadable(text)
    if index == "riz":
        index = None
    if index is not None and index not in WIDE or size is not None and size not in SIZES:
        raise Unreadable(text)
    return Mem(SIZES.get(size, 0), base, index, scale, disp, segment or "")


def memory_of(insn: Instruction) -> Optional[Mem]:
    return next((o for o in insn.operands if isinstance(o, Mem)), None)


def tool(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout.splitlines()


# Sections that list places in the code which are patched at run time, and what stands
# there then; the places of any other such section stop the executor.
HARMLESS = {
    "__mcount_loc": "a call of __fentry__: nothing, or a tracer that changes nothing",
    "__patchable_function_entries": "nothing, or a tracer that changes nothing",
    "return_sites": "a return",
    "smp_locks": "a lock prefix; none while there is one CPU",
    "ibt_endbr_seal": "ENDBR, or a nop",
    "call_sites": "a call, with or without call-depth tracking",
    "cfi_sites": "nothing",
}
QUIET = ("text", "orc_unwind_ip", "debug_", "eh_frame", "symtab", "gnu.linkonce", "init.",
         "exit.", "ksymtab")


@dataclass
class Code:
    """The text of one vpt.ko; or of another object, @about the one that it is to be part of."""
    path: Path
    about: Optional[Path] = None
    at: dict[int, Instruction] = field(default_factory=dict)
    functions: list[tuple[str, int, int]] = field(default_factory=list)	# name, start, size
    start: dict[str, int] = field(default_factory=dict)		# -1: several of that name
    patched: dict[int, set[str]] = field(default_factory=dict)	# sections that name a place

    def __post_init__(self) -> None:
        self.about = self.about or self.path
        self._symbols()
        self._instructions()
        self._patched()

    def _symbols(self) -> None:
        """The functions."""
        for line in tool("readelf", "-sW", str(self.path)):
            m = re.match(r"\s*\d+: ([0-9a-f]+)\s+(\d+) FUNC\s+\w+\s+\w+\s+(\d+) (\S+)$", line)
            if m and m.group(3) == self._text():
                name, start = m.group(4), int(m.group(1), 16)
                self.functions.append((name, start, int(m.group(2))))
                self.start[name] = -1 if name in self.start else start

    def _text(self) -> str:
        """The number of the section .text."""
        for line in tool("readelf", "-SW", str(self.path)):
            m = re.match(r"\s*\[\s*(\d+)\] \.text\s", line)
            if m:
                return m.group(1)
        raise Stuck(f"{self.path}: no .text")

    def _instructions(self) -> None:
        for line in tool("objdump", "-d", "-r", "-w", "-M", "intel", "-j", ".text",
                         str(self.path)):
            fields = line.split("\t")
            if len(fields) < 3 or not re.fullmatch(r"\s*[0-9a-f]+:", fields[0]):
                continue
            address = int(fields[0].strip()[:-1], 16)
            relocations = [(fields[n], fields[n + 1]) for n in range(3, len(fields) - 1, 2)]
            self.at[address] = self._one(address, bytes.fromhex(fields[1]), fields[2].strip(),
                                         relocations)

    def _one(self, address: int, code: bytes, text: str,
             relocations: list[tuple[str, str]]) -> Instruction:
        plain = re.sub(r"\s*(#.*|<.*>)$", "", re.sub(r"\s*#.*$", "", text)).strip()
        words = plain.split(None, 1)
        prefixes: list[str] = []
        while words and words[0] in PREFIXES and len(words) > 1:
            prefixes.append(words[0])
            words = words[1].split(None, 1)
        mnemonic, rest = words[0], words[1] if len(words) > 1 else ""
        told = plain + "".join(f" ({r} {s})" for r, s in relocations)
        unknown = Instruction(address, code, told, tuple(prefixes), "?", ())
        symbol, addend, place = "", 0, None
        for where, what in relocations:
            at, kind = where.split(": ")
            if symbol or kind not in ("R_X86_64_PC32", "R_X86_64_PLT32"):
                return unknown
            m = re.fullmatch(r"(.+?)([-+]0x[0-9a-f]+)?", what)
            symbol = m.group(1)
            place = int(at, 16) - address
            addend = int(m.group(2) or "0", 0) + len(code) - place
        if mnemonic == "call" or mnemonic[0] == "j":
            return self._jump(unknown, mnemonic, rest, symbol, addend, place)
        try:
            operands = [operand(o) for o in re.split(r",(?![^\[]*\])", rest)] if rest else []
        except Unreadable:
            return unknown
        relative = [n for n, o in enumerate(operands) if isinstance(o, Mem) and o.base == "rip"]
        if bool(relative) != bool(symbol):
            return unknown
        for n in relative:
            m = operands[n]
            operands[n] = Mem(m.size, None, None, 1, addend, m.segment, symbol)
        return Instruction(address, code, told, tuple(prefixes), mnemonic, tuple(operands),
                           displacement=place)

    def _jump(self, unknown: Instruction, mnemonic: str, rest: str, symbol: str,
              addend: int, place: Optional[int]) -> Instruction:
        where = unknown.address, unknown.code, unknown.text, unknown.prefixes, mnemonic, ()
        if not symbol:
            if not re.fullmatch(r"[0-9a-f]+", rest):
                return unknown
            return Instruction(*where, target=int(rest, 16))
        if symbol == ".text":
            return Instruction(*where, target=addend, displacement=place)
        inside = self.start.get(symbol) if in_core(symbol) else None
        if addend or inside == -1:
            return unknown
        return Instruction(*where, target=inside, displacement=place,
                           symbol="" if inside is not None else symbol)

    def _patched(self) -> None:
        section = ""
        for line in tool("readelf", "-rW", str(self.path)):
            m = re.match(r"Relocation section '\.rela\.?(\S+)'", line)
            if m:
                section = m.group(1)
            # Symbol's value, name, sign, addend.
            m = re.search(r" ([0-9a-f]{16}) (\S+) ([-+]) ([0-9a-f]+)$", line)
            if m and not section.startswith(QUIET) and self._in_text(m.group(2)):
                addend = int(m.group(3) + m.group(4), 16)
                self.patched.setdefault(int(m.group(1), 16) + addend, set()).add(section)

    def _in_text(self, symbol: str) -> bool:
        return symbol == ".text" or symbol in self.start

    def instruction(self, address: int) -> Instruction:
        found = self.at.get(address)
        if found is None:
            raise Stuck(f"no instruction at {address:#x}")
        for section in self.patched.get(address, set()):
            if section not in HARMLESS:
                raise Stuck(f"{address:#x}: {found.text}: patched at run time (.{section})")
        return found

    def core(self) -> dict[str, list[Instruction]]:
        """The instructions of both copies of the core, by function and address, and of what
        gcc has not inlined of their environment: all that they enter inside the module."""
        found: dict[str, list[Instruction]] = {}
        work = [f for f in self.functions if in_core(f[0])]
        while work:
            name, start, size = work.pop()
            body = [self.at[a] for a in range(start, start + size) if a in self.at]
            found[f"{name} at {start:#x}"] = body
            entered = {i.target for i in body if i.target is not None}
            work += [f for f in self.functions if f"{f[0]} at {f[1]:#x}" not in found
                     and any(f[1] <= a < f[1] + f[2] for a in entered)]
        return dict(sorted(found.items(), key=lambda f: int(f[0].rsplit(" ", 1)[1], 16)))

    def digest(self) -> str:
        """Of the core: its bytes, relocations and what is patched in it."""
        h = hashlib.sha256()
        for instructions in self.core().values():
            for i in instructions:
                patched = sorted(self.patched.get(i.address, ()))
                h.update(f"{i.address:x} {i.code.hex()} {i.text} {patched}\n".encode())
        return h.hexdigest()


def text_offset(path: Path) -> int:
    """Where .text begins in the file."""
    for line in tool("readelf", "-SW", str(path)):
        m = re.match(r"\s*\[\s*\d+\] \.text\s+\w+\s+\w+ ([0-9a-f]+)", line)
        if m:
            return int(m.group(1), 16)
    raise Stuck(f"{path}: no .text")


def build_id(path: Path) -> str:
    for line in tool("readelf", "-nW", str(path)):
        m = re.search(r"Build ID: ([0-9a-f]+)", line)
        if m:
            return m.group(1)
    return "none"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
