# SPDX-License-Identifier: GPL-2.0
"""The executor: runs the core's LLVM IR on terms, one path after another.

Undefined behaviour is an obligation of the path on which it could occur: what
nuw and nsw promise, loads of bytes never stored, uses of undef.  That is
stricter than LLVM, where a poison value that nobody uses is harmless.
"""
from __future__ import annotations

from typing import Callable, Optional, Protocol

import ir
from layout import Stuck, layout, number, type_size
from state import UNDEFINED, Element, Frame, Pointer, State, Undefined, Value, follow
from term import FALSE, TRUE, Term, add, and_, app, arith, bit, bitwise, boolean, bv, eq, extract, \
    ite, lshr, ne, not_, or_, sext, shl, slt, sub, ule, ult, zext


class Oracle(Protocol):
    def possible(self, state: State, condition: Term) -> bool:
        """Whether the path can go on with the condition true.  May err towards yes."""


Contract = Callable[[State, list[Value]], list[tuple[State, Value]]]

LOOP_BOUND = 8


class Executor:
    def __init__(self, module: ir.Module, contracts: dict[str, Contract], oracle: Oracle):
        self.module, self.contracts, self.oracle = module, contracts, oracle
        self.steps, self.loop_bound = 0, LOOP_BOUND
        self.cuts: set[tuple[str, str]] = set()		# loop headers where paths end

    def run(self, state: State, name: str, args: list[Value]) -> list[State]:
        """Every path of a call, to its end."""
        self.enter(state, name, args)
        return self.proceed(state)

    def proceed(self, state: State) -> list[State]:
        """Every path from here, to the end of the call or to the next cut."""
        state.ended, state.cut = False, ""
        return follow(state, self.step)

    def enter(self, state: State, name: str, args: list[Value]) -> None:
        f = self.module.functions[name]
        if any(frame.function == name for frame in state.frames):
            raise Stuck(f"{name} calls itself")		# rule 8
        regs = {p: a for (p, _), a in zip(f.params, args)}
        state.frames.append(Frame(name, f.entry, "", 0, regs))

    # Operands

    def value(self, state: State, operand: ir.Operand, t: Optional[ir.Type]) -> Value:
        if isinstance(operand, ir.Reg):
            return state.frames[-1].regs[operand.name]
        if isinstance(operand, int):
            return number(operand, t)
        if isinstance(operand, ir.Undef):
            return UNDEFINED
        return None

    def term(self, state: State, operand: ir.Operand, t: Optional[ir.Type]) -> Term:
        v = self.value(state, operand, t)
        if not isinstance(v, Term):
            raise Stuck(f"{v} used as a number, {state.frames[-1].function}")
        return v

    # Steps

    def step(self, state: State) -> list[State]:
        frame = state.frames[-1]
        inst = self.module.functions[frame.function].blocks[frame.block][frame.at]
        frame.at += 1
        self.steps += 1
        method = getattr(self, "do_" + inst.op, None)
        if method is None and inst.op in ir.BINARY:
            frame.regs[inst.dest] = self.binary(state, inst)
            return [state]
        if method is None:
            raise Stuck(inst.text)
        return method(state, frame, inst)

    def binary(self, state: State, inst: ir.Inst) -> Value:
        a = self.term(state, inst.args[0], inst.type)
        b = self.term(state, inst.args[1], inst.type)
        op = inst.op
        if a.width == 0:
            table = {"and": and_, "or": or_, "xor": lambda x, y: ne(x, y)}
            if op not in table:
                raise Stuck(inst.text)
            return table[op](a, b)
        if op in ("and", "or", "xor"):
            return bitwise("bv" + op, a, b)
        if op in ("shl", "lshr", "ashr"):
            return self.shift(state, inst, a, state.known.reduce(b))
        if op not in ("add", "sub", "mul"):
            raise Stuck(inst.text)
        self.no_wrap(state, inst, a, b)
        return arith(op, a, b)

    def no_wrap(self, state: State, inst: ir.Inst, a: Term, b: Term) -> None:
        w = a.width
        for flag, extend in (("nuw", zext), ("nsw", sext)):
            if flag in inst.flags:
                wide = arith(inst.op, extend(a, 2 * w), extend(b, 2 * w))
                state.require(f"no overflow: {inst.text}",
                              eq(wide, extend(arith(inst.op, a, b), 2 * w)))

    def shift(self, state: State, inst: ir.Inst, a: Term, b: Term) -> Term:
        if b.value is None:
            if inst.op == "shl" and a.value == 1 and not inst.flags - {"nuw", "nsw"}:
                return self.power(state, inst, b)
            if inst.op == "lshr" and not inst.flags:
                return self.shift_right(state, inst, a, b)
            raise Stuck(f"shift by {b}: {inst.text}")
        n = b.value
        if n >= a.width:
            state.require(f"shift range: {inst.text}", FALSE)
            return bv(0, a.width)
        if n and "exact" in inst.flags:
            state.require(f"no bit is shifted out: {inst.text}",
                          eq(extract(a, n - 1, 0), bv(0, n)))
        if inst.op == "lshr":
            return lshr(a, n)
        if inst.op == "ashr":
            return sext(extract(a, a.width - 1, n), a.width)
        shifted = shl(a, n)
        if n and "nuw" in inst.flags:
            state.require(f"no overflow: {inst.text}", eq(lshr(shifted, n), a))
        if n and "nsw" in inst.flags:
            state.require(f"no overflow: {inst.text}",
                          eq(sext(extract(shifted, a.width - 1, n), a.width), a))
        return shifted

    def power(self, state: State, inst: ir.Inst, b: Term) -> Term:
        """1 << b for a symbolic b."""
        w = b.width
        limit = w - 1 if "nsw" in inst.flags else w
        state.require(f"shift range: {inst.text}", ult(b, bv(limit, w)))
        t = bv(0, w)
        for n in range(w):
            t = ite(eq(b, bv(n, w)), bv(1 << n, w), t)
        return t

    def shift_right(self, state: State, inst: ir.Inst, a: Term, b: Term) -> Term:
        """a >> b for a symbolic b."""
        state.require(f"shift range: {inst.text}", ult(b, bv(b.width, b.width)))
        t = bv(0, a.width)
        for n in range(a.width):
            t = ite(eq(b, bv(n, b.width)), lshr(a, n), t)
        return t

    def do_icmp(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        predicate, x, y = inst.args
        a, b = self.value(state, x, inst.type), self.value(state, y, inst.type)
        if isinstance(a, Undefined) or isinstance(b, Undefined):
            frame.regs[inst.dest] = UNDEFINED
            return [state]
        table = {"eq": eq, "ne": ne, "ult": ult, "ule": ule, "ugt": lambda p, q: ult(q, p),
                 "uge": lambda p, q: ule(q, p), "slt": slt, "sgt": lambda p, q: slt(q, p),
                 "sle": lambda p, q: not_(slt(q, p)), "sge": lambda p, q: not_(slt(p, q))}
        frame.regs[inst.dest] = table[predicate](a, b)
        return [state]

    def do_zext(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        source, operand = inst.args[0]
        a = self.term(state, operand, source)
        width = inst.type.bits
        frame.regs[inst.dest] = (ite(a, bv(1, width), bv(0, width)) if a.width == 0
                                 else zext(a, width))
        return [state]

    def do_sext(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        source, operand = inst.args[0]
        a = self.term(state, operand, source)
        width = inst.type.bits
        frame.regs[inst.dest] = (ite(a, bv(-1, width), bv(0, width)) if a.width == 0
                                 else sext(a, width))
        return [state]

    def do_trunc(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        a = self.term(state, inst.args[0][1], inst.args[0][0])
        width = inst.type.bits
        frame.regs[inst.dest] = bit(a, 0) if width == 1 else extract(a, width - 1, 0)
        return [state]

    def do_bitcast(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        frame.regs[inst.dest] = self.value(state, inst.args[0][1], inst.args[0][0])
        return [state]

    def do_select(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        c = state.known.reduce(self.term(state, inst.args[0], ir.Type("int", 1)))
        a, b = (self.value(state, o, inst.type) for o in inst.args[1:])
        if c.value is not None:
            frame.regs[inst.dest] = a if c.value else b
            return [state]
        if isinstance(a, Term) and isinstance(b, Term):
            frame.regs[inst.dest] = ite(c, a, b)
            return [state]
        return self.fork(state, c, lambda s, yes: s.frames[-1].regs.__setitem__(
            inst.dest, a if yes else b))

    # Memory that is not tables: the caller's structs, locals

    def do_alloca(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        name = state.name(f"{frame.function}{inst.dest}#")
        state.objects[name] = {}
        state.sizes[name] = type_size(self.module, inst.type)
        frame.regs[inst.dest] = Pointer(name, 0)
        return [state]

    def do_getelementptr(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        p = self.value(state, inst.args[0], None)
        if isinstance(p, Element):
            return self.element(state, frame, inst, p)
        if not isinstance(p, Pointer):
            raise Stuck(inst.text)
        offset, t = p.offset, inst.type
        for n, (kind, operand) in enumerate(inst.args[1:]):
            index = self.term(state, operand, kind).value
            if index is None:
                raise Stuck(inst.text)
            if n == 0:
                offset += index * type_size(self.module, t)
            elif t.kind == "struct":
                offset += layout(self.module, t.name)[0][index]
                t = self.module.structs[t.name][index]
            else:
                t = t.inner
                offset += index * type_size(self.module, t)
        frame.regs[inst.dest] = Pointer(p.object, offset)
        if "inbounds" in inst.flags:
            self.within(state, inst, frame.regs[inst.dest], 0)
        return [state]

    def within(self, state: State, inst: ir.Inst, p: Pointer, size: int) -> None:
        """@size bytes at @p are part of the object."""
        state.require(f"within {p.object}: {inst.text}",
                      boolean(0 <= p.offset and p.offset + size <= state.sizes[p.object]))

    def overwrite(self, state: State, inst: ir.Inst, p: Pointer, size: int) -> None:
        """Forget what stands there; the caller's struct pt is never written."""
        self.within(state, inst, p, size)
        state.require(f"{p.object} is not written: {inst.text}",
                      boolean(p.object not in state.constant))
        memory = state.objects[p.object]
        for at in [a for a, (n, _) in memory.items() if a < p.offset + size and p.offset < a + n]:
            del memory[at]

    def element(self, state: State, frame: Frame, inst: ir.Inst, p: Element) -> list[State]:
        """Forward in the caller's array, one behind its end at most."""
        if inst.type != ir.Type("int", 64) or len(inst.args) != 2:
            raise Stuck(inst.text)
        kind, operand = inst.args[1]
        n = self.term(state, operand, kind)
        state.require(f"within the array: {inst.text}", ule(n, sub(p.count, p.index)))
        frame.regs[inst.dest] = Element(p.array, add(p.index, n), p.count)
        return [state]

    def do_load(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        p = self.value(state, inst.args[0], None)
        if isinstance(p, Element) and inst.type == ir.Type("int", 64):
            state.require(f"an element of the array: {inst.text}", ult(p.index, p.count))
            frame.regs[inst.dest] = app(p.array, 64, p.index)
            return [state]
        if not isinstance(p, Pointer):
            raise Stuck(inst.text)
        size = type_size(self.module, inst.type)
        self.within(state, inst, p, size)
        found = state.objects[p.object].get(p.offset)
        if found is None or found[0] != size:
            frame.regs[inst.dest] = UNDEFINED
            return [state]
        v = found[1]
        if any(f.startswith("range") for f in inst.flags) and isinstance(v, Term):
            state.require(f"a bool is 0 or 1: {inst.text}", ult(v, bv(2, v.width)))
        frame.regs[inst.dest] = v
        return [state]

    def do_store(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        p = self.value(state, inst.args[1], None)
        if not isinstance(p, Pointer):
            raise Stuck(inst.text)
        size = type_size(self.module, inst.type)
        value = self.value(state, inst.args[0], inst.type)
        self.overwrite(state, inst, p, size)
        state.objects[p.object][p.offset] = (size, value)
        return [state]

    # Control

    def go(self, state: State, target: str) -> State:
        frame = state.frames[-1]
        frame.previous, frame.block, frame.at = frame.block, target, 0
        block = self.module.functions[frame.function].blocks[target]
        values = {}
        for inst in block:
            if inst.op != "phi":
                break
            came = [operand for operand, source in inst.args if source == frame.previous]
            if not came:
                raise Stuck(f"no value on the way from {frame.previous}: {inst.text}")
            values[inst.dest] = self.value(state, came[0], inst.type)
            frame.at += 1
        frame.regs.update(values)
        if (frame.function, target) in self.cuts:
            state.ended, state.cut = True, target
            return state
        key = (len(state.frames), frame.function, target)
        state.loops[key] = state.loops.get(key, 0) + 1
        if state.loops[key] > self.loop_bound:
            raise Stuck(f"more than {self.loop_bound} rounds in {frame.function} {target}")
        return state

    def fork(self, state: State, condition: Term,
             then: Callable[[State, bool], None]) -> list[State]:
        """Both ways, as far as they are possible; of a path that is, at least one."""
        out: list[State] = []
        for yes, cond in ((True, condition), (False, not_(condition))):
            if not yes and not out or self.oracle.possible(state, cond):
                s = state.clone()
                s.assume(cond)
                then(s, yes)
                out.append(s)
        return out

    def do_br(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        if len(inst.args) == 1:
            return [self.go(state, inst.args[0])]
        c = state.known.reduce(self.term(state, inst.args[0], ir.Type("int", 1)))
        yes, no = inst.args[1:]
        if c.value is not None:
            return [self.go(state, yes if c.value else no)]
        return self.fork(state, c, lambda s, taken: self.go(s, yes if taken else no))

    def do_switch(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        v = state.known.reduce(self.term(state, inst.args[0], inst.type))
        for case, target in inst.args[2:]:
            c = eq(v, number(case, inst.type))
            if c is TRUE:
                return [self.go(state, target)]
        if v.value is not None:
            return [self.go(state, inst.args[1])]
        others, out = TRUE, []
        for case, target in inst.args[2:]:
            c = eq(v, number(case, inst.type))
            others = and_(others, not_(c))
            if self.oracle.possible(state, c):
                s = state.clone()
                s.assume(c)
                out.append(self.go(s, target))
        if self.oracle.possible(state, others):
            state.assume(others)
            out.append(self.go(state, inst.args[1]))
        return out

    def do_ret(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        value = self.value(state, inst.args[0], inst.type) if inst.args else None
        state.frames.pop()
        for key in [k for k in state.loops if k[0] > len(state.frames)]:
            del state.loops[key]
        if not state.frames:
            state.ended, state.result = True, value
            return [state]
        caller = state.frames[-1]
        call = self.module.functions[caller.function].blocks[caller.block][caller.at - 1]
        if call.dest:
            caller.regs[call.dest] = value
        return [state]

    def do_call(self, state: State, frame: Frame, inst: ir.Inst) -> list[State]:
        callee = inst.args[0]
        if callee.startswith("@llvm.lifetime"):
            p = self.value(state, inst.args[2][1], None)
            state.objects[p.object] = {}
            return [state]
        if callee == "@llvm.memset.p0i8.i64":
            return self.memset(state, inst)
        args = [self.value(state, o, t) for t, o in inst.args[1:]]
        if callee == "@llvm.umax.i32":		# the only other intrinsic that occurs
            frame.regs[inst.dest] = ite(ult(args[0], args[1]), args[1], args[0])
            return [state]
        if callee in self.contracts:
            if any(isinstance(a, Undefined) for a in args):
                raise Stuck(f"undef handed to {callee}")
            out = []
            for s, result in self.contracts[callee](state, args):
                if inst.dest:
                    s.frames[-1].regs[inst.dest] = result
                told = args[1:] if isinstance(args[0], Pointer) else args
                s.trace.append((callee, told, result))
                out.append(s)
            return out
        if callee not in self.module.functions:
            raise Stuck(inst.text)
        self.enter(state, callee, args)
        return [state]

    def memset(self, state: State, inst: ir.Inst) -> list[State]:
        p = self.value(state, inst.args[1][1], None)
        value = self.term(state, inst.args[2][1], inst.args[2][0]).value
        size = self.term(state, inst.args[3][1], inst.args[3][0]).value
        if value != 0 or size is None or size % 8:
            raise Stuck(inst.text)
        self.overwrite(state, inst, p, size)
        for at in range(p.offset, p.offset + size, 8):
            state.objects[p.object][at] = (8, bv(0, 64))
        return [state]
