# SPDX-License-Identifier: GPL-2.0
"""The executor for machine code: runs a module's instructions on terms, path after path.

Registers and flags are terms; memory, and calls that leave the code, are the environment's
(kernelenv.py).  What an instruction does stands in opcodes.py, but for those that change
the flow of control or the stack, which are here.
"""
from __future__ import annotations

from typing import Callable, Protocol

from disasm import Code, Imm, Instruction, Mem, Reg, WIDE
from execute import LOOP_BOUND, Oracle
from layout import Stuck
from opcodes import CONDITIONS, NO_FLAGS, OPPOSITE, Operands, UndefinedFlag, condition, \
    get, memory_operand, perform, prefixes_known, put, uses
from state import Frame, State, follow
from term import Term, add, bv, not_, shl, sub, var

# By the ABI of x86-64: a call keeps these and no other register.
SAVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
SCRATCH = tuple(name for name in WIDE if name not in SAVED + ("rsp",))
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
RETURN = var("return_address", 64)

Loaded = list[tuple[State, Term]]


class Environment(Protocol):
    """Memory, and what is called outside of the code.  Each may lead on in several ways."""

    def base(self, symbol: str, segment: str) -> Term: ...
    def mem_read(self, s: State, address: Term, size: int) -> Loaded: ...
    def mem_write(self, s: State, address: Term, size: int, value: Term) -> list[State]: ...
    def mem_exchange(self, s: State, address: Term, size: int, value: Term) -> Loaded: ...
    def mem_compare_exchange(self, s: State, address: Term, size: int, old: Term,
                             value: Term) -> Loaded: ...
    def plain(self, s: State, address: Term) -> bool: ...
    def below_stack(self, s: State) -> None: ...
    def call(self, s: State, symbol: str) -> list[State]: ...
    def returned(self, s: State) -> None: ...


class Machine:
    def __init__(self, code: Code, environment: Environment, oracle: Oracle):
        self.code, self.env, self.oracle = code, environment, oracle
        self.steps, self.loop_bound = 0, LOOP_BOUND
        self.executed: set[int] = set()

    # Paths

    def run(self, state: State) -> list[State]:
        """Every path from here, to the end of the call."""
        return follow(state, self.step)

    def enter(self, s: State, function: str, regs: dict[str, Term]) -> None:
        start = self.code.start.get(function, -1)
        if start < 0:
            raise Stuck(f"no function {function}, or several")
        s.frames = [Frame(function, "", "", start, dict(regs) | {"flags": dict(NO_FLAGS)})]

    def fork(self, s: State, cond: Term, then: Callable[[State, bool], None]) -> list[State]:
        """Both ways, as far as they are possible; of a path that is, at least one."""
        cond = s.known.reduce(cond)
        if cond.value is not None:
            then(s, bool(cond.value))
            return [s]
        out: list[State] = []
        for yes, way in ((True, cond), (False, not_(cond))):
            if not yes and not out or self.oracle.possible(s, way):
                t = s.clone()
                t.assume(way)
                then(t, yes)
                out.append(t)
        return out

    def step(self, s: State) -> list[State]:
        frame = s.frames[-1]
        insn = self.code.instruction(frame.at)
        self.executed.add(insn.address)
        self.steps += 1
        frame.at = insn.next
        frame.regs["flags"] = dict(frame.regs["flags"])
        s.where = f"{insn.address:#x}: {insn.text}"
        try:
            out = self.one(s, insn)
            for t in out:
                # An interrupt may come now, and uses the same stack.
                self.env.below_stack(t)
            return out
        except (Stuck, UndefinedFlag) as error:
            if s.where in str(error):
                raise
            raise Stuck(f"{s.where}: {error or 'not understood'}") from error

    def one(self, s: State, insn: Instruction) -> list[State]:
        special = getattr(self, "do_" + insn.mnemonic, None)
        if special:
            if insn.prefixes:
                raise Stuck("a prefix that is not known here")
            return special(s, insn)
        if uses(insn) is None and insn.mnemonic[0] != "j":
            raise Stuck("an instruction that the table does not have")
        if not prefixes_known(insn):
            raise Stuck("a prefix that is not known here")
        if insn.mnemonic[0] == "j":
            return self.jump_if(s, insn)
        memory = memory_operand(insn)
        if memory is None:
            regs = s.frames[-1].regs
            perform(insn, regs, regs["flags"], None, lambda m: self.address(s, m))
            return [s]
        out = []
        for t, address in self.settled(s, self.address(s, memory[0])):
            out += self.with_memory(t, insn, address, *memory)
        return out

    def with_memory(self, s: State, insn: Instruction, address: Term, m: Mem,
                    use: str) -> list[State]:
        """An instruction with an operand in memory, at @address."""
        regs = s.frames[-1].regs
        if not self.env.plain(s, address) and use == "rw":
            return self.atomic(s, insn, address, m)
        out = []
        loads = self.env.mem_read(s, address, m.size) if "r" in use else [(s, None)]
        for t, loaded in loads:
            regs = t.frames[-1].regs
            stored = perform(insn, regs, regs["flags"], loaded, lambda m: self.address(t, m))
            out += [t] if stored is None else self.env.mem_write(t, address, m.size, stored)
        return out

    def atomic(self, s: State, insn: Instruction, address: Term, m: Mem) -> list[State]:
        """Reads and writes memory that others write too."""
        regs, kind = s.frames[-1].regs, insn.mnemonic
        if kind == "xchg":
            register = next(o for o in insn.operands if isinstance(o, Reg))
            found = self.env.mem_exchange(s, address, m.size, get(regs, register))
        elif kind == "cmpxchg" and insn.prefixes == ("lock",):
            old = get(regs, Reg("rax", 8 * m.size))
            found = self.env.mem_compare_exchange(s, address, m.size, old,
                                                  get(regs, insn.operands[1]))
        else:
            raise Stuck("reads and writes an entry, or a count, and is not atomic")
        for t, seen in found:
            regs = t.frames[-1].regs
            # What it stores is in memory already.
            perform(insn, regs, regs["flags"], seen, lambda m: self.address(t, m))
            regs["rax"] = t.known.reduce(regs["rax"])
        return [t for t, _ in found]

    # Addresses

    def address(self, s: State, m: Mem) -> Term:
        regs = s.frames[-1].regs
        a = bv(m.disp, 64)
        if m.symbol or m.segment:
            a = add(self.env.base(m.symbol, m.segment), a)
            if m.base == "rip":
                raise Stuck("an address beside the code")
        if m.base:
            a = add(regs[m.base], a)
        if m.index:
            a = add(a, shl(regs[m.index], m.scale.bit_length() - 1))
        return a

    def settled(self, s: State, address: Term) -> Loaded:
        """The address without conditions in it: a path for each."""
        address = s.known.reduce(address)
        parts = [t for t in leaves(address) if t.op == "ite"]
        if not parts:
            return [(s, address)]
        out: Loaded = []
        for t in self.fork(s, parts[0].args[0], lambda t, yes: None):
            out += self.settled(t, address)
        return out

    # Control

    def jump_if(self, s: State, insn: Instruction) -> list[State]:
        name = insn.mnemonic[1:]
        if name not in CONDITIONS and name not in OPPOSITE or insn.target is None:
            raise Stuck("a jump that is not known here")
        regs = s.frames[-1].regs
        cond = condition(name, Operands([], [], regs["flags"]))
        self.round(s, insn)

        def then(t: State, yes: bool) -> None:
            t.frames[-1].at = insn.target if yes else insn.next
        return self.fork(s, cond, then)

    def depth(self, s: State) -> int:
        """Of the stack: it tells calls of the same code from rounds of a loop."""
        rsp = leaves(s.frames[-1].regs["rsp"])
        return sum(t.value for t in rsp if t.value is not None)

    def round(self, s: State, insn: Instruction) -> None:
        key = (self.depth(s), insn.address)
        s.loops[key] = s.loops.get(key, 0) + 1
        if s.loops[key] > self.loop_bound:
            raise Stuck(f"more than {self.loop_bound} rounds")

    def do_jmp(self, s: State, insn: Instruction) -> list[State]:
        if insn.symbol == "__x86_return_thunk":
            return self.do_ret(s, insn)
        if insn.symbol:
            # A call in the tail's place: it returns to our caller.
            return [r for t in self.outside(s, insn.symbol) for r in self.do_ret(t, insn)]
        if insn.target is None:
            raise Stuck("a jump to where a register says")
        self.round(s, insn)
        s.frames[-1].at = insn.target
        return [s]

    def do_call(self, s: State, insn: Instruction) -> list[State]:
        if insn.symbol == "__fentry__":
            return [s]
        if insn.symbol:
            out = []
            for t in self.push(s, bv(insn.next, 64)):
                for r in self.outside(t, insn.symbol):
                    regs = r.frames[-1].regs
                    regs["rsp"] = add(regs["rsp"], bv(8, 64))
                    out.append(r)
            return out
        if insn.target is None:
            raise Stuck("a call of what a register says")
        out = self.push(s, bv(insn.next, 64))
        for t in out:
            t.frames[-1].at = insn.target
        return out

    def outside(self, s: State, symbol: str) -> list[State]:
        """A call that leaves the code; by the ABI it keeps only some registers."""
        out = self.env.call(s, symbol)
        for t in out:
            regs = t.frames[-1].regs
            for name in SCRATCH:
                if name != "rax" or not t.answered:
                    regs[name] = var(t.name("scratch"), 64)
            regs["flags"] = dict(NO_FLAGS)
            t.answered = False
        return out

    def do_ret(self, s: State, insn: Instruction) -> list[State]:
        if insn.operands:
            raise Stuck("a return that takes more off the stack")
        out = []
        for t, where in self.pop(s):
            if where is RETURN:
                t.ended = True
                self.env.returned(t)
            elif where.value is None:
                raise Stuck(f"returns to {where}")
            else:
                t.frames[-1].at = where.value
                deep = self.depth(t)
                t.loops = {k: n for k, n in t.loops.items() if signed(k[0]) >= signed(deep)}
            out.append(t)
        return out

    # The stack

    def push(self, s: State, value: Term) -> list[State]:
        regs = s.frames[-1].regs
        regs["rsp"] = sub(regs["rsp"], bv(8, 64))
        return self.env.mem_write(s, regs["rsp"], 8, value)

    def pop(self, s: State) -> Loaded:
        out = self.env.mem_read(s, s.frames[-1].regs["rsp"], 8)
        for t, _ in out:
            regs = t.frames[-1].regs
            regs["rsp"] = add(regs["rsp"], bv(8, 64))
        return out

    def do_push(self, s: State, insn: Instruction) -> list[State]:
        o, = insn.operands
        if isinstance(o, Imm):
            return self.push(s, bv(o.value, 64))
        if not isinstance(o, Reg) or o.width != 64:
            raise Stuck("pushes what is not known here")
        return self.push(s, get(s.frames[-1].regs, o))

    def do_pop(self, s: State, insn: Instruction) -> list[State]:
        o, = insn.operands
        if not isinstance(o, Reg) or o.width != 64:
            raise Stuck("pops what is not known here")
        out = self.pop(s)
        for t, value in out:
            put(t.frames[-1].regs, o, value)
        return [t for t, _ in out]


def leaves(t: Term) -> list[Term]:
    """What is added up in @t."""
    return leaves(t.args[0]) + leaves(t.args[1]) if t.op == "add" else [t]


def signed(n: int) -> int:
    return n - (1 << 64) if n >> 63 else n
