# SPDX-License-Identifier: GPL-2.0
"""The executor's table of instructions against the processor.

Each instruction runs on this machine, and through the executor with variables for all
registers, flags and memory; what comes out is compared for boundary and random inputs:
registers, the flags that are defined, memory, which way a jump went.
"""
from __future__ import annotations

import ctypes
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Optional

import build
import forms
import opcodes
from disasm import Code, Instruction, WIDE, Mem, memory_of
from machine import RETURN, Machine
from opcodes import CONDITIONS, FLAGS, OPCODES
from smt import order
from state import State
from term import FALSE, TRUE, Term, bits, concat, mask, var

HERE = Path(__file__).parent
BIT = {"cf": 0, "pf": 2, "af": 4, "zf": 6, "sf": 7, "of": 11}
MEMORY, DATA, ROOM = 1 << 17, 1 << 16, 256
BOUNDARY = sorted({(1 << n) + d & mask(64) for n in (0, 7, 8, 15, 16, 31, 32, 33, 62, 63)
                   for d in (-2, -1, 0, 1)})


class Registers(ctypes.Structure):
    _fields_ = [("whole", ctypes.c_uint64 * 16), ("flags", ctypes.c_uint64),
                ("exit", ctypes.c_uint64)]


class Processor:
    """This machine, one instruction at a time."""

    def __init__(self, out: Path):
        target = out / "processor.so"
        build.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(target),
                   str(HERE / "processor.c")])
        self.lib = ctypes.CDLL(str(target))
        self.lib.processor_memory.restype = ctypes.c_uint64
        self.lib.processor_exit.restype = ctypes.c_uint64
        self.before = Registers.in_dll(self.lib, "before")
        self.after = Registers.in_dll(self.lib, "after")
        self.code = self.lib.processor_memory(ctypes.c_ulong(MEMORY))
        assert self.code, "no memory that can be executed"
        self.data = self.code + DATA
        assert self.lib.processor_gs(ctypes.c_ulong(self.data - 0x28)) == 0
        self.exits = [self.lib.processor_exit(n) for n in (0, 1)]

    def prepare(self, insn: Instruction) -> None:
        """The instruction, and behind it ways to the two exits."""
        code = bytearray(insn.code)
        ways = [b"\xff\x25\0\0\0\0" + e.to_bytes(8, "little") for e in self.exits]
        if insn.target is not None:		# of 8 bits or of 32, behind the opcode
            size = 1 if len(code) == 2 else 4
            code[-size:] = len(ways[0]).to_bytes(size, "little")
        elif insn.displacement is not None:
            distance = self.data - self.code - len(code)
            code[insn.displacement:insn.displacement + 4] = distance.to_bytes(4, "little")
        ctypes.memmove(self.code, bytes(code) + ways[0] + ways[1], len(code) + 28)

    def run(self) -> None:
        self.lib.processor_run(ctypes.c_void_p(self.code))


class Flat:
    """An environment for the executor: one place in memory, and what was written to it."""

    def __init__(self) -> None:
        self.address: Optional[Term] = None
        self.written: Optional[tuple[Term, int, Term]] = None
        self.returns = False

    def base(self, symbol: str, segment: str) -> Term:
        return var("gs_base" if segment else "symbol", 64)

    def plain(self, s: State, address: Term) -> bool:
        return True

    def mem_read(self, s: State, address: Term, size: int) -> list:
        self.address = address
        return [(s, RETURN if self.returns else var("memory", 8 * size))]

    def mem_write(self, s: State, address: Term, size: int, value: Term) -> list[State]:
        self.address, self.written = address, (address, size, value)
        return [s]

    def below_stack(self, s: State) -> None:
        """The processor here is interrupted on another stack."""

    def returned(self, s: State) -> None:
        pass


class BothWays:
    def possible(self, state: State, condition: Term) -> bool:
        return True


SIGNS = {"bvand": "&", "bvor": "|", "bvxor": "^", "add": "+", "sub": "-", "mul": "*", "eq": "==",
         "ult": "<", "and": "&", "or": "|"}


def expression(t: Term, a: list[str]) -> str:
    """The term in Python, with the names of its arguments."""
    m = mask(t.width) if t.width else 1
    if t.op == "const":
        return str(t.info)
    if t.op == "var":
        return f"v[{t.info!r}] & {m}"
    if t.op in SIGNS:
        body = f" {SIGNS[t.op]} ".join(a)
        return f"({body}) & {m}" if t.width else body
    if t.op == "extract":
        return f"{a[0]} >> {t.info[1]} & {m}"
    if t.op == "not":
        return f"1 - {a[0]}"
    if t.op == "ite":
        return f"{a[1]} if {a[0]} else {a[2]}"
    if t.op == "concat":
        return " | ".join(f"{x} << {sum(y.width for y in t.args[n + 1:])}"
                          for n, x in enumerate(a))
    raise AssertionError(t.op)


def python(roots: list[Term]) -> Callable[[dict[str, int]], list[int]]:
    """A function that computes the terms: as smt.evaluate(), and ten times as fast."""
    lines, name = ["def f(v):"], {}
    for n, t in enumerate(order(roots)):
        name[t.ident] = f"t{n}"
        lines.append(f"\tt{n} = " + expression(t, [name[x.ident] for x in t.args]))
    lines.append("\treturn [" + ", ".join(f"int({name[r.ident]})" for r in roots) + "]")
    scope: dict = {}
    exec("\n".join(lines), scope)
    return scope["f"]


@dataclass
class Way:
    """What the executor says comes out, on one of its paths, as functions of the inputs."""
    taken: Callable[[dict[str, int]], list[int]]
    compute: Callable[[dict[str, int]], list[int]]
    flags: list[str]
    stores: bool
    exit: int


def executed(insn: Instruction) -> tuple[Flat, list[Way]]:
    env, s = Flat(), State()
    machine = Machine(Lone(insn), env, BothWays())
    env.returns = insn.mnemonic == "ret"
    regs = {name: var(name, 64) for name in WIDE}
    machine.enter(s, "lone", regs)
    s.frames[-1].regs["flags"] = {n: (lambda n=n: var("f_" + n, 0)) for n in FLAGS}
    ways = []
    for t in machine.step(s):
        regs = t.frames[-1].regs
        told = [n for n in FLAGS if regs["flags"][n] is not None]
        roots = [regs[n] for n in WIDE] + [regs["flags"][n]() for n in told]
        if env.written:
            roots += [env.written[0], env.written[2]]
        way = int(t.ended or insn.target is not None and t.frames[-1].at == insn.target)
        ways.append(Way(python(t.conditions), python(roots), told, bool(env.written), way))
    return env, ways


class Lone:
    """Code of one instruction."""

    def __init__(self, insn: Instruction):
        self.insn, self.start = insn, {"lone": insn.address}

    def instruction(self, address: int) -> Instruction:
        return self.insn


def value(rng: random.Random) -> int:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(BOUNDARY)
    return rng.getrandbits(64) if kind < 3 else rng.randrange(72)


def place(rng: random.Random, m: Mem, v: dict[str, int], data: int) -> None:
    """Make the registers of an address lead to the data."""
    at = data + 512 + rng.randrange(64)
    if m.index and m.base and m.index != m.base:
        v[m.base] = at - m.disp - v[m.index] * m.scale & mask(64)
    elif m.base:
        times = 1 + (m.scale if m.index else 0)
        v[m.base] = (at - m.disp) // times & mask(64)
    elif m.index:
        v[m.index] = (at - m.disp) // m.scale & mask(64)


def inputs(rng: random.Random, insn: Instruction, p: Processor) -> dict[str, int]:
    v = {name: value(rng) for name in WIDE}
    v |= {"f_" + n: rng.getrandbits(1) for n in FLAGS}
    v["memory"] = value(rng)
    if rng.randrange(4) == 0:		# so that what is compared is equal
        v |= {name: v["rax"] for name in (*WIDE, "memory")}
    v["rsp"] = p.data + 1024 + 8 * rng.randrange(16)
    v["symbol"], v["gs_base"], v["return_address"] = p.data, p.data - 0x28, p.exits[1]
    m = memory_of(insn)
    if m is not None:
        place(rng, m, v, p.data)
    return v


def compare(p: Processor, insn: Instruction, rng: random.Random, times: int) -> None:
    """AssertionError: they differ."""
    env, ways = executed(insn)
    p.prepare(insn)
    room = (ctypes.c_uint8 * 4096).from_address(p.data)
    address = python([env.address]) if env.address is not None else None
    for _ in range(times):
        v = inputs(rng, insn, p)
        if insn.mnemonic == "ret":
            v["memory"] = p.exits[1]
        ctypes.memset(p.data, 0x5a, 4096)
        at = address(v)[0] - p.data if address else 0
        assert 0 <= at <= 4088, f"{insn.text}: the input's address is wrong"
        room[at:at + 8] = list(v["memory"].to_bytes(8, "little"))
        for n, name in enumerate(WIDE):
            p.before.whole[n] = v[name]
        p.before.flags = 0x202 | sum(v["f_" + n] << BIT[n] for n in FLAGS)
        wanted_memory = bytearray(room)
        p.run()
        way, = [w for w in ways if all(w.taken(v))]
        out = way.compute(v)
        if way.stores:
            where, stored = out[-2] - p.data, out[-1]
            if insn.mnemonic == "call":
                stored += p.code - insn.address
            size = env.written[1]
            wanted_memory[where:where + size] = stored.to_bytes(8, "little")[:size]
        real = list(p.after.whole) + [p.after.flags >> BIT[n] & 1 for n in way.flags]
        names = [*WIDE, *way.flags]
        wrong = [f"{n} is {r:#x}, the executor: {o:#x}" for n, r, o in zip(names, real, out)
                 if r != o]
        wrong += ["memory"] if bytes(room) != bytes(wanted_memory) else []
        wrong += ["which way it goes"] if p.after.exit != way.exit else []
        assert not wrong, f"{insn.text} ({insn.code.hex()}) on {v}: {'; '.join(wrong)}"


def assembled(out: Path) -> list[Instruction]:
    """Every form, once each, jumps' landing places left out."""
    source = out / "forms.s"
    source.write_text(forms.assembly())
    build.run(["gcc", "-c", "-o", str(out / "forms.o"), str(source)])
    found, seen = [], set()
    for insn in Code(out / "forms.o").at.values():
        key = insn.code if insn.target is None else insn.mnemonic
        if key not in seen:
            seen.add(key)
            found.append(insn)
    return found


# Wrong meanings, one for each kind of thing that is compared.
def wrong_meanings() -> dict[str, Callable[[], None]]:
    def meaning(name: str, like: str) -> Callable[[], None]:
        return lambda: OPCODES.__setitem__(name, replace(OPCODES[name],
                                                         meaning=OPCODES[like].meaning))

    def changed(name: str, change: Callable) -> Callable[[], None]:
        old = OPCODES[name]
        return lambda: OPCODES.__setitem__(
            name, replace(old, meaning=lambda o: change(*old.meaning(o))))

    def flag(name: str, which: str, f) -> Callable[[], None]:
        return changed(name, lambda out, flags: (out, flags | {which: f}))

    def narrow(regs: dict, r, v: Term) -> None:
        whole = regs[r.whole]
        high, low = bits(whole, 63, r.low + r.width), [bits(whole, r.low - 1, 0)] if r.low else []
        regs[r.whole] = v if r.width == 64 else concat(high, v, *low)

    return {
        "a result": meaning("sbb", "sub"),
        "a carry": flag("add", "cf", lambda: FALSE),
        "an overflow": flag("sub", "of", lambda: FALSE),
        "a parity": flag("and", "pf", lambda: FALSE),
        "a flag that stays": flag("not", "zf", lambda: FALSE),
        "a bit shifted out": flag("shr", "cf", lambda: TRUE),
        "a condition": meaning("cmovbe", "cmovb"),
        "a sign": meaning("movsx", "movzx"),
        "what memory gets": changed("xchg", lambda out, flags: (out[::-1], flags)),
        "32 bits that keep the rest": lambda: setattr(opcodes, "put", narrow),
        "a jump": lambda: CONDITIONS.__setitem__("le", CONDITIONS["l"]),
    }


def notices(times: int) -> str:
    """Each wrong meaning is noticed."""
    found = wrong_meanings()
    out = build.TOP / "build/prove"
    instructions, p = assembled(out), Processor(out)
    for what, break_it in found.items():
        kept = dict(OPCODES), dict(CONDITIONS), opcodes.put
        break_it()
        try:
            for insn in random.Random(1).sample(instructions, len(instructions)):
                compare(p, insn, random.Random(1), times)
        except AssertionError:
            continue
        finally:
            OPCODES.update(kept[0])
            CONDITIONS.update(kept[1])
            opcodes.put = kept[2]
        raise AssertionError(f"not noticed: {what}")
    return f"{len(found)} wrong meanings"


def check(times: int) -> str:
    out = build.TOP / "build/prove"
    out.mkdir(parents=True, exist_ok=True)
    instructions, p, rng = assembled(out), Processor(out), random.Random(1)
    for insn in instructions:
        compare(p, insn, rng, times)
    names = {i.mnemonic for i in instructions}
    return f"{len(names)} mnemonics, {len(instructions)} forms, {times} inputs each"
