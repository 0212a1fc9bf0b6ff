#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The core of a vpt.ko, loaded in user space, against the executor on constants.

Both get the same memory - tables, struct pages, the caller's structs, a stack - and must
leave the same in it, byte for byte, and answer the same.  Locks, the reserve and
the deferred-free list are short stubs of machine code, which the executor runs, too.
"""
from __future__ import annotations

import argparse
import ctypes
import random
import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]

import build
import processor
from disasm import WIDE, Code, Instruction, Mem, text_offset
from machine import RETURN, Machine
from solve import ConcreteOracle
from state import State
from structs import ALLOCATED, LEFT, TAG, Structs
from term import Term, bv

BASE, ROOM = 0x200000000, 0x100000
TEXT, CELLS, STUBS = BASE, BASE + 0x40000, BASE + 0x41000
STRUCTS, STACK, GS, PAGES = BASE + 0x42000, BASE + 0x4f000, BASE + 0x50000, BASE + 0x51000
DEAD = STACK - 0x8000		# what the stack may reach
MAPPED, TABLES = BASE + 0x60000, 0x40		# the direct map, and pages in it
PT, ENV, BOOKS, MM, M, REVOKED, TABLE, DONE, FRAMES = (STRUCTS + n * 0x400 for n in range(9))
GUARD = "__ref_stack_chk_guard"		# in the segment gs, where it is a symbol
GLOBALS = ("page_offset_base", "vmemmap_base", "__supported_pte_mask", GUARD)
STATUS = ("pt_map", "pt_unmap", "pt_protect", "pt_remap", "pt_resolve", "pt_map_range",
          "pt_unmap_range", "pt_protect_range", "pt_split_break")


def stubs(structs: Structs) -> dict[str, str]:
    """What the core calls, in a few instructions each; anything else must not be called."""
    reserve, word = structs.reserve, structs.word
    books, tables = structs.env["books"][0], structs.tables
    pages = f"shr rcx,6\n movabs rsi,{PAGES + word}\n"
    return {
        "__fentry__": "ret", "__x86_return_thunk": "ret", "_raw_spin_lock": "ret",
        "_raw_spin_unlock": "ret", "vpt_event_write": "ret", "vpt_event_table_lock": "ret",
        "pt_env_defer_leaf": "ret", "pt_env_release": "ret",
        "pt_env_lock_counts": "ret", "pt_env_unlock_counts": "ret",
        # Whether the other spans are to be had stands where the core does not look.
        "vpt_lock_rest": f"""movzx eax,BYTE PTR [rdi+{structs.env["mmap_locked"][0]}]
 test eax,eax
 je 1f
 mov BYTE PTR [rdi+{structs.env["all"][0]}],al
1: ret""",
        "pt_env_leave": f"""mov rcx,rsi
 {pages} movabs r8,{LEFT << 32}
 mov r9,QWORD PTR [rdi+{books}]
 sub QWORD PTR [r9+{tables}],1
 mov QWORD PTR [rsi+rcx],r8
 ret""",
        # The page that is taken is the reserve's last: its pages are the first ones.
        "pt_env_take": f"""mov rax,QWORD PTR [rdi+{reserve}]
 mov rcx,rax
 sub rax,1
 mov QWORD PTR [rdi+{reserve}],rax
 shl rcx,12
 mov rax,rcx
 {pages} movabs r8,{TAG << 32 | 1 << ALLOCATED}
 movzx edx,dl
 test edx,edx
 jne 1f
 xor r8d,r8d
 jmp 2f
1: mov r9,QWORD PTR [rdi+{books}]
 add QWORD PTR [r9+{tables}],1
2: mov QWORD PTR [rsi+rcx],r8
 ret""",
        "pt_env_defer_table": f"""mov rcx,rsi
 {pages} mov edx,edx
 mov r9,QWORD PTR [rdi+{books}]
 sub QWORD PTR [r9+{tables}],1
 mov QWORD PTR [rsi+rcx],rdx
 ret"""}


class Image:
    """The module's core in its place, linked with the stubs."""

    def __init__(self, path: Path, out: Path):
        self.code = Code(path)
        self.structs = Structs(self.code)
        core = [i for f in self.code.core().values() for i in f]
        end = max(i.next for i in core)
        image = path.read_bytes()[text_offset(path):][:end]
        text = {i.symbol: "ud2" for i in core if i.symbol} | stubs(self.structs)
        source = out / "stubs.s"
        source.write_text(".intel_syntax noprefix\n" + "".join(
            f".globl {n}\n.type {n}, @function\n{n}:\n {t}\n.size {n}, .-{n}\n"
            for n, t in text.items()))
        build.run(["gcc", "-c", "-o", str(out / "stubs.o"), str(source)])
        self.stubs = Code(out / "stubs.o")
        stub_bytes = (out / "stubs.o").read_bytes()[text_offset(out / "stubs.o"):]
        self.bytes = bytearray(image)
        for i in core:
            self.link(i)
        named = any(getattr(o, "symbol", "") == GUARD for i in core for o in i.operands)
        self.gs = 0 if named else GS
        size = max(i.next for i in self.stubs.at.values())
        self.stub_bytes = stub_bytes[:size]

    def link(self, i: Instruction) -> None:
        if i.displacement is None:
            return
        if i.target is not None or i.symbol:
            to = TEXT + i.target if i.target is not None else STUBS + self.stubs.start[i.symbol]
        else:
            m = next(o for o in i.operands if getattr(o, "symbol", ""))
            to = CELLS + 8 * GLOBALS.index(m.symbol) + m.disp
        at = i.address + i.displacement
        self.bytes[at:at + 4] = (to - TEXT - i.next & 0xffffffff).to_bytes(4, "little")

    # The executor's side

    def instruction(self, address: int) -> Instruction:
        if address >= STUBS - TEXT:
            return shifted(self.stubs.instruction(address - STUBS + TEXT), STUBS - TEXT)
        return self.code.instruction(address)


def shifted(i: Instruction, by: int) -> Instruction:
    target = i.target + by if i.target is not None else None
    return Instruction(i.address + by, i.code, i.text, i.prefixes, i.mnemonic, i.operands, target,
                       i.symbol, i.displacement)


class Memory:
    """The executor's environment: the same bytes, at the same addresses."""

    def __init__(self, image: Image, content: bytes):
        self.image, self.content = image, bytearray(content)

    def base(self, symbol: str, segment: str) -> Term:
        return bv(CELLS + 8 * GLOBALS.index(symbol) if symbol else GS, 64)

    def plain(self, s: State, address: Term) -> bool:
        return True

    def mem_read(self, s: State, address: Term, size: int) -> list:
        at = address.value - BASE
        assert 0 <= at <= ROOM - size, f"{s.where}: reads {address}"
        if at == STACK - BASE - 8 and size == 8:
            return [(s, RETURN)]
        return [(s, bv(int.from_bytes(self.content[at:at + size], "little"), 8 * size))]

    def mem_write(self, s: State, address: Term, size: int, value: Term) -> list[State]:
        at = address.value - BASE
        assert 0 <= at <= ROOM - size, f"{s.where}: writes {address}"
        # Where a call pushes its return address, the code stands at TEXT.
        number = value.value + (TEXT if s.where.split()[1] == "call" else 0)
        self.content[at:at + size] = number.to_bytes(8, "little")[:size]
        return [s]

    def below_stack(self, s: State) -> None:
        """The processor here is interrupted on another stack."""

    def call(self, s: State, symbol: str) -> list[State]:
        """Into the stubs, as if they were the module's own."""
        raise AssertionError(symbol)

    def returned(self, s: State) -> None:
        s.result = s.frames[-1].regs["rax"]


class Stubbed(Machine):
    """Calls of the environment run its stubs."""

    def one(self, s: State, insn: Instruction) -> list[State]:
        stub = self.env.image.stubs.start.get(insn.symbol) if insn.symbol else None
        if stub is not None and insn.symbol not in ("__fentry__", "__x86_return_thunk"):
            insn = Instruction(insn.address, insn.code, insn.text, insn.prefixes, insn.mnemonic,
                               insn.operands, stub + STUBS - TEXT, "", insn.displacement)
        return super().one(s, insn)

    def pop(self, s: State) -> list:
        """Return addresses are in the loaded code; the executor's code begins at 0."""
        out = super().pop(s)
        if s.where.split()[1] in ("ret", "jmp"):
            return [(t, v if v is RETURN else bv(v.value - TEXT, 64)) for t, v in out]
        return out


def put(content: bytearray, at: int, value: int, size: int = 8) -> None:
    content[at - BASE:at - BASE + size] = value.to_bytes(size, "little")


class World:
    """Random tables, a region, arguments."""

    def __init__(self, image: Image, rng: random.Random):
        self.image, self.rng = image, rng
        self.content = bytearray(ROOM)
        self.next, self.places = 0x10, []	# pages from here on are tables
        c, env = self.content, image.structs.env
        c[TEXT - BASE:TEXT - BASE + len(image.bytes)] = image.bytes
        c[STUBS - BASE:STUBS - BASE + len(image.stub_bytes)] = image.stub_bytes
        cells = (MAPPED, PAGES, 1 << 63 | rng.getrandbits(60), rng.getrandbits(64))
        for n, value in enumerate(cells):
            put(c, CELLS + 8 * n, value)
        put(c, GS + 0x28, rng.getrandbits(64))
        put(c, ENV + env["mm"][0], MM)
        put(c, ENV + env["root_mirrored"][0], rng.getrandbits(1), 1)
        put(c, ENV + env["all"][0], rng.getrandbits(1), 1)
        put(c, ENV + env["mmap_locked"][0], rng.getrandbits(1), 1)
        put(c, ENV + env["books"][0], BOOKS)
        put(c, ENV + image.structs.reserve, rng.choice((0, 1, 2, 3, 9)))
        put(c, BOOKS + image.structs.tables, rng.getrandbits(32))
        self.va = rng.getrandbits(18) << 30 & (1 << 48) - 1 | rng.choice((0, 1 << 21, 5 << 12))
        size = rng.choice((1 << 12, 1 << 21, 1 << 30, 1 << 39))
        start = self.va - self.va % size
        end = start + size * rng.choice((1, 2)) & (1 << 48) - 1 or 1 << 48
        root = self.table(4, 0)
        for n, value in enumerate((ENV, root, start, max(end, start + size), 1 << 40)):
            put(c, PT + 8 * n, value)

    def table(self, level: int, depth: int) -> int:
        """A table with some entries, among them the one for the address."""
        rng, page = self.rng, self.next
        self.next += 2		# a page behind each, as the root has one
        if page + 2 > TABLES:
            return 0x3e000
        here = self.va >> 12 + 9 * (level - 1) & 511
        count = 0
        for i in {here, here ^ 1, rng.randrange(512), min(here + 1, 511)}:
            kind = rng.randrange(3)
            if kind == 0 or level == 1 and kind == 1 and i != here:
                continue
            leaf = level == 1 or level < 4 and rng.randrange(6) == 0
            if leaf:
                e = rng.getrandbits(28) << 12 + 9 * (level - 1) & (1 << 40) - 1 | 0x201
                e |= rng.choice((0, 2, 4, 6, 0x20, 0x62)) | rng.getrandbits(1) << 63
                e |= 0x80 if level > 1 else 0
            elif depth < 3 and self.next < TABLES - 8:
                e = self.table(level - 1, depth + 1) | 0x67
            else:
                continue
            count += 1
            put(self.content, MAPPED + page * 4096 + 8 * i, e)
        tag = TAG << 32 | rng.getrandbits(1) << ALLOCATED | max(0, count - (rng.randrange(8) == 0))
        put(self.content, PAGES + 64 * page + self.image.structs.word,
            tag if count or rng.getrandbits(1) else rng.getrandbits(64))
        return page * 4096

    def call(self) -> tuple[str, list[int]]:
        rng = self.rng
        va = self.va + rng.choice((0, 0, 0, 4096, 1 << 21, 3))
        level, rights, n = rng.randrange(1, 4), rng.randrange(9), rng.randrange(1, 9)
        size = 1 << 12 + 9 * (level - 1)
        pa = rng.getrandbits(24) << rng.choice((12, 21, 30)) & (1 << 41) - 1
        va = rng.choice((va, va - va % size))
        for k in range(n):
            put(self.content, FRAMES + 8 * k, (pa - pa % size) + k * size)
        function = rng.choice(STATUS)
        args = {"pt_map": [va, pa, level, rights], "pt_unmap": [va, M],
                "pt_protect": [va, rights, M, REVOKED], "pt_remap": [va, pa, M],
                "pt_resolve": [va, M], "pt_map_range": [va, FRAMES, n, level, rights],
                "pt_unmap_range": [va, va + n * size, DONE], "pt_split_break": [va, M],
                "pt_protect_range": [va, va + n * size, rights, DONE]}[function]
        return function, [PT] + args


class Loaded:
    def __init__(self, out: Path):
        target = out / "loaded.so"
        build.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(target),
                   str(Path(__file__).parent / "loaded.c")])
        self.lib = ctypes.CDLL(str(target))
        self.lib.loaded_memory.restype = ctypes.c_void_p
        self.lib.loaded_call.restype = ctypes.c_uint64
        assert self.lib.loaded_memory(ctypes.c_uint64(BASE), ctypes.c_uint64(ROOM)), "no memory"

    def run(self, content: bytes, function: int, gs: int, args: list[int]) -> tuple[int, bytes]:
        ctypes.memmove(BASE, content, ROOM)
        registers = (ctypes.c_uint64 * 6)(*args)
        result = self.lib.loaded_call(ctypes.c_uint64(TEXT + function), ctypes.c_uint64(STACK),
                                      ctypes.c_uint64(gs), registers)
        return result, ctypes.string_at(BASE, ROOM)


def simulated(image: Image, content: bytes, function: str, args: list[int]) -> tuple:
    """What the executor answers and leaves in memory."""
    memory = Memory(image, content)
    machine = Stubbed(image, memory, ConcreteOracle())
    machine.loop_bound = 1 << 20
    image.start = image.code.start
    regs = {name: bv(STACK, 64) for name in WIDE}
    regs |= {name: bv(a, 64) for name, a in zip(("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
                                                args + [0] * 6)}
    regs["rsp"] = bv(STACK - 8, 64)
    s = State()
    machine.enter(s, function, regs)
    ended, = machine.run(s)
    kept = all(ended.frames[-1].regs[n].value == STACK for n in ("rbx", "rbp", "r12", "r13",
                                                                 "r14", "r15"))
    return ended.result.value, bytes(memory.content), kept, machine.executed


def compare(image: Image, loaded: Loaded, rng: random.Random) -> tuple[str, set[int]]:
    world = World(image, rng)
    function, args = world.call()
    function += rng.choice(("", "_traced"))
    real, after = loaded.run(bytes(world.content), image.code.start[function], image.gs, args)
    answer, memory, kept, executed = simulated(image, bytes(world.content), function, args)
    wide = (1 << 32) - 1
    assert real & wide == answer & wide, f"{function}{args}: {real}, the executor: {answer}"
    assert kept, f"{function}{args}: a register is not kept"
    # What is left on the stack is nobody's; a tracer's calls leave something, too.
    low, high = DEAD - BASE, STACK - BASE
    wrong = [n for n in range(ROOM) if after[n] != memory[n] and not low <= n < high] \
        if after[:low] + after[high:] != memory[:low] + memory[high:] else []
    assert not wrong, f"{function}{args}: memory differs at {[hex(BASE + n) for n in wrong[:8]]}"
    return f"{function} {answer & wide}", executed


def check(module: Path, calls: int) -> str:
    out = build.TOP / "build/prove"
    out.mkdir(parents=True, exist_ok=True)
    image, loaded = Image(module, out), Loaded(out)
    seen: Counter[str] = Counter()
    executed: set[int] = set()
    for seed in range(calls):
        what, where = compare(image, loaded, random.Random(seed))
        seen[what] += 1
        executed |= where
    core = {i.address for name, f in image.code.core().items() for i in f}
    return (f"{calls} calls, {len(seen)} kinds of outcome, {len(executed & core)} of {len(core)} "
            "instructions of the core executed")


def instructions(module: Path, times: int) -> str:
    """Each instruction of the core by itself on the processor; but for calls and returns, and
    for what another segment has under a name."""
    core = {i.code if i.target is None else i.mnemonic.encode(): i
            for f in Code(module).core().values() for i in f
            if i.mnemonic not in ("call", "ret", "jmp", "?") and not any(
                isinstance(o, Mem) and o.segment and o.symbol for o in i.operands)}
    p = processor.Processor(build.TOP / "build/prove")
    for i in core.values():
        processor.compare(p, i, random.Random(1), times)
    return f"{len(core)} different instructions, {times} inputs each"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--inputs", type=int, default=50, help="of each instruction")
    parser.add_argument("module", type=Path, help="a vpt.ko")
    options = parser.parse_args()
    print("1..2", flush=True)
    print("ok 1 - each instruction of the core is what the executor takes it for # "
          + instructions(options.module, options.inputs), flush=True)
    print("ok 2 - the executor runs the core as the processor does # "
          + check(options.module, options.calls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
