# SPDX-License-Identifier: GPL-2.0
"""Of a function's machine code: its loops, and what it may still read from a place on.

Both are hints for loopheads.py, which shows what it makes of them; a wrong one makes a proof
fail, and none come out.
"""
from __future__ import annotations

from typing import Callable

from disasm import WIDE, Code, Imm, Instruction, Mem, Reg
from layout import Stuck
from machine import ARGUMENTS, SCRATCH
from opcodes import OPCODES, uses

ENDS = ("ud2", "int3", "ret")
Touches = Callable[[Instruction], tuple[set, set]]	# what it reads, and writes as a whole


class Flow:
    """The control flow inside one function; calls return."""

    def __init__(self, code: Code, function: str):
        found = [(start, size) for name, start, size in code.functions if name == function]
        if len(found) != 1:
            raise Stuck(f"no function {function}, or several")
        self.code, (self.start, size) = code, found[0]
        self.body = {a: code.at[a] for a in range(self.start, self.start + size) if a in code.at}
        self.next = {a: self.successors(i) for a, i in self.body.items()}

    def successors(self, i: Instruction) -> list[int]:
        if i.mnemonic in ENDS or i.symbol == "__stack_chk_fail":
            return []
        found = [] if i.mnemonic == "jmp" else [i.next]
        if i.mnemonic[0] == "j" and i.target is not None:
            found.append(i.target)
        return [a for a in found if a in self.body]

    def reachable(self, without: int | None = None) -> set[int]:
        """What can be reached from the start, and not through @without."""
        seen: set[int] = set()
        work = [self.start] if self.start != without else []
        while work:
            a = work.pop()
            if a not in seen:
                seen.add(a)
                work += [n for n in self.next[a] if n != without]
        return seen

    def loops(self) -> dict[int, set[int]]:
        """Natural loops: head and body."""
        before: dict[int, list[int]] = {}
        for a, successors in self.next.items():
            for n in successors:
                before.setdefault(n, []).append(a)
        all_of_it, found = self.reachable(), {}
        for head in [a for a in sorted(all_of_it) if len(before.get(a, [])) > 1]:
            beside = self.reachable(without=head)
            back = [b for b in before[head] if b in all_of_it and b not in beside]
            if back:
                body, work = {head}, back
                while work:
                    a = work.pop()
                    if a not in body:
                        body.add(a)
                        work += before.get(a, [])
                found[head] = body
        return found

    def read_first(self, address: int, touches: Touches) -> set:
        """What is read from there on before it is written."""
        found: set = set()
        seen: dict[int, set] = {}
        work: list[tuple[int, set]] = [(address, set())]
        while work:
            a, written = work.pop()
            # Come to before with less written: nothing new to see.
            if a in seen and seen[a] <= written:
                continue
            seen[a] = written & seen.get(a, written)
            reads, writes = touches(self.body[a])
            found |= reads - written
            work += [(n, seen[a] | writes) for n in self.next[a]]
        return found

    def moved(self, address: int) -> dict[int, int]:
        """How far from there the stack pointer has moved, in front of each instruction."""
        found, work = {address: 0}, [address]
        while work:
            a = work.pop()
            then = found[a] + stack_move(self.body[a])
            for n in self.next[a]:
                if n not in found:
                    found[n] = then
                    work.append(n)
        return found

    def live(self, address: int) -> set[str]:
        """Of the registers; the caller reads those that are saved."""
        def touches(i: Instruction) -> tuple[set[str], set[str]]:
            reads, writes = touched(i)
            saved = set() if self.next[i.address] else set(WIDE) - set(SCRATCH) - writes
            return reads | saved, writes
        return self.read_first(address, touches)


def stack_move(i: Instruction) -> int:
    """By how much an instruction moves the stack pointer."""
    if i.mnemonic in ("push", "pop"):
        return -8 if i.mnemonic == "push" else 8
    if i.mnemonic in ("add", "sub") and isinstance(i.operands[0], Reg) \
            and i.operands[0].whole == "rsp" and isinstance(i.operands[1], Imm):
        n = (i.operands[1].value + (1 << 63)) % (1 << 64) - (1 << 63)
        return n if i.mnemonic == "add" else -n
    return 0


def touched(i: Instruction) -> tuple[set[str], set[str]]:
    """Registers that an instruction reads, and that it writes as a whole."""
    if i.mnemonic == "call":
        return ({"rsp"} if i.symbol == "__fentry__" else set(ARGUMENTS) | {"rsp"}), \
            (set() if i.symbol == "__fentry__" else set(SCRATCH))
    if i.mnemonic == "push" or i.mnemonic == "pop":
        names = {o.whole for o in i.operands if isinstance(o, Reg)}
        return (names, set()) if i.mnemonic == "push" else (set(), names)
    reads: set[str] = set()
    writes: set[str] = set()
    how = uses(i) or []
    for o, use in zip(i.operands, how):
        if isinstance(o, Mem) and use != "-":
            reads |= {r for r in (o.base, o.index) if r in WIDE}
        if isinstance(o, Reg):
            if "r" in use or o.width < 32:
                reads.add(o.whole)
            if "w" in use and o.width >= 32:
                writes.add(o.whole)
    implied = set(OPCODES[i.mnemonic].implied) if how else set()
    if clears(i):
        reads = set()
    return reads | implied, writes | implied


def clears(i: Instruction) -> bool:
    """A register, whatever was in it."""
    return i.mnemonic in ("xor", "sub") and len(set(i.operands)) == 1
