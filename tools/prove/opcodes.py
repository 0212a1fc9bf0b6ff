# SPDX-License-Identifier: GPL-2.0
"""What each instruction does, on terms: one table, after SDM vol. 2.

A row says how the operands are used, in Intel's order, and gives a function from their
values to what is written and to the flags.  r: read; w: written; rw: both; a: only the
address counts; -: not touched.  After the operands come the registers that the
instruction uses without naming them.

A flag is a function without arguments, so that it is worked out only where it is used;
None: undefined after the instruction.  A flag that is not named stays as it was.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from disasm import Imm, Instruction, Mem, Operand, Reg
from layout import Stuck
from term import FALSE, Term, add, and_, arith, bit, bits, bitwise, bv, bvnot, concat, eq, \
    extract, ite, lshr, ne, not_, or_, sext, shl, sub, ult, zext

Flag = Optional[Callable[[], Term]]
Flags = dict[str, Flag]
FLAGS = ("cf", "pf", "af", "zf", "sf", "of")


class UndefinedFlag(Exception):
    """A flag is used that the last instruction leaves undefined."""


@dataclass
class Operands:
    """The values of what is read, in order; widths of all; the flags before."""
    values: list[Term]
    widths: list[int]
    flags: Flags
    address: Optional[Term] = None

    def flag(self, name: str) -> Term:
        found = self.flags[name]
        if found is None:
            raise UndefinedFlag(name)
        return found()


Outcome = tuple[list[Term], Flags]


@dataclass(frozen=True)
class Opcode:
    """@uses: of the operands; @implied: registers used as well, by their names' stems."""
    uses: str
    meaning: Callable[[Operands], Outcome]
    source: str			# SDM vol. 2: the instruction's page
    implied: tuple[str, ...] = ()


def xor(a: Term, b: Term) -> Term:
    return bitwise("bvxor", a, b)


def top(a: Term) -> Term:
    return bit(a, a.width - 1)


def parity(a: Term) -> Term:
    """PF: the lowest byte has an even number of ones."""
    odd = bits(a, 0, 0)
    for n in range(1, 8):
        odd = xor(odd, bits(a, n, n))
    return eq(odd, bv(0, 1))


def by_result(r: Term) -> Flags:
    return {"zf": lambda: eq(r, bv(0, r.width)), "sf": lambda: top(r), "pf": lambda: parity(r)}


# Arithmetic: SDM vol. 1, 3.4.3.1 for the flags

def added(a: Term, b: Term, carry: Term = FALSE) -> tuple[Term, Flags]:
    w = a.width
    r = add(add(a, b), ite(carry, bv(1, w), bv(0, w)))
    return r, by_result(r) | {
        "cf": lambda: or_(ult(r, a), and_(carry, eq(r, a))),
        "af": lambda: bit(xor(xor(a, b), r), 4),
        "of": lambda: top(bitwise("bvand", xor(a, r), xor(b, r)))}


def subtracted(a: Term, b: Term, borrow: Term = FALSE) -> tuple[Term, Flags]:
    w = a.width
    r = sub(sub(a, b), ite(borrow, bv(1, w), bv(0, w)))
    equal = eq(a, b) if borrow is FALSE else eq(r, bv(0, w))
    return r, by_result(r) | {
        "zf": lambda: equal,
        "cf": lambda: or_(ult(a, b), and_(borrow, eq(a, b))),
        "af": lambda: bit(xor(xor(a, b), r), 4),
        "of": lambda: top(bitwise("bvand", xor(a, b), xor(a, r)))}


def op_add(o: Operands) -> Outcome:
    r, flags = added(*o.values)
    return [r], flags


def op_adc(o: Operands) -> Outcome:
    r, flags = added(*o.values, o.flag("cf"))
    return [r], flags


def op_sub(o: Operands) -> Outcome:
    r, flags = subtracted(*o.values)
    return [r], flags


def op_sbb(o: Operands) -> Outcome:
    r, flags = subtracted(*o.values, o.flag("cf"))
    return [r], flags


def op_cmp(o: Operands) -> Outcome:
    return [], subtracted(*o.values)[1]


def op_inc(o: Operands) -> Outcome:
    r, flags = added(o.values[0], bv(1, o.widths[0]))
    return [r], {name: f for name, f in flags.items() if name != "cf"}


def op_dec(o: Operands) -> Outcome:
    r, flags = subtracted(o.values[0], bv(1, o.widths[0]))
    return [r], {name: f for name, f in flags.items() if name != "cf"}


def op_neg(o: Operands) -> Outcome:
    r, flags = subtracted(bv(0, o.widths[0]), o.values[0])
    return [r], flags


def op_imul(o: Operands) -> Outcome:
    """With two or three operands: the product cut off; CF and OF say whether it was."""
    a, b = o.values[-2:]
    w = a.width
    wide = arith("mul", sext(a, 2 * w), sext(b, 2 * w))
    r = extract(wide, w - 1, 0)
    cut = ne(wide, sext(r, 2 * w))
    return [r], {"cf": lambda: cut, "of": lambda: cut, "sf": None, "zf": None, "af": None,
                 "pf": None}


# Bits

def logic(r: Term) -> Flags:
    return by_result(r) | {"cf": lambda: FALSE, "of": lambda: FALSE, "af": None}


def bitwise_op(op: str, store: bool = True) -> Callable[[Operands], Outcome]:
    def meaning(o: Operands) -> Outcome:
        r = bitwise(op, *o.values)
        return ([r] if store else []), logic(r)
    return meaning


def op_not(o: Operands) -> Outcome:
    return [bvnot(o.values[0])], {}


NO_FLAGS: Flags = {name: None for name in FLAGS}


def shift_op(one: Callable[[Term, int], Term], carry: Callable[[Term, int], Term],
             overflow: Callable[[Term, Term], Term]) -> Callable[[Operands], Outcome]:
    """@one: by so many bits, 1 to 63; @carry: the last bit shifted out; @overflow: OF, which
    is defined for a shift by 1."""
    def meaning(o: Operands) -> Outcome:
        a, w = o.values[0], o.widths[0]
        count = bits(o.values[1], 7, 0) if len(o.values) > 1 else bv(1, 8)
        count = bits(count, 5 if w == 64 else 4, 0)
        if count.value is None:
            r = a
            for n in range(1, 64 if w == 64 else 32):
                r = ite(eq(count, bv(n, count.width)), one(a, n), r)
            return [r], NO_FLAGS
        n = count.value
        if n == 0:
            return [a], {}
        r = one(a, n)
        cf = (lambda: carry(a, n)) if n <= w else None
        return [r], by_result(r) | {"cf": cf, "af": None,
                                    "of": (lambda: overflow(a, r)) if n == 1 else None}
    return meaning


def left(a: Term, n: int) -> Term:
    return shl(a, n) if n < a.width else bv(0, a.width)


def right(a: Term, n: int) -> Term:
    return lshr(a, n) if n < a.width else bv(0, a.width)


def right_signed(a: Term, n: int) -> Term:
    return sext(extract(a, a.width - 1, min(n, a.width - 1)), a.width)


def one_of(a: Term, at: Term) -> Term:
    """1 << @at, for an @at below the width."""
    t = bv(0, a.width)
    for n in range(a.width):
        t = ite(eq(at, bv(n, at.width)), bv(1 << n, a.width), t)
    return t


def bit_op(change: Optional[Callable[[Term, Term], Term]]) -> Callable[[Operands], Outcome]:
    """BT and its kin on a register: CF is the bit, which is then changed; ZF stays."""
    def meaning(o: Operands) -> Outcome:
        a, w = o.values[0], o.widths[0]
        at = bits(o.values[1], {16: 3, 32: 4, 64: 5}[w], 0)
        mask = one_of(a, at)
        flags: Flags = {"cf": lambda: ne(bitwise("bvand", a, mask), bv(0, w)), "of": None,
                        "sf": None, "af": None, "pf": None}
        return ([change(a, mask)] if change else []), flags
    return meaning


# Moves

def op_mov(o: Operands) -> Outcome:
    return [o.values[0]], {}


def op_lea(o: Operands) -> Outcome:
    return [bits(o.address, o.widths[0] - 1, 0)], {}


def op_movzx(o: Operands) -> Outcome:
    return [zext(o.values[0], o.widths[0])], {}


def op_movsx(o: Operands) -> Outcome:
    return [sext(o.values[0], o.widths[0])], {}


def op_xchg(o: Operands) -> Outcome:
    return [o.values[1], o.values[0]], {}


def op_cmpxchg(o: Operands) -> Outcome:
    """Operands: destination, source; then the accumulator.  Of 64 bits: in a shorter one that
    succeeds the accumulator's high bits stay, and in one that fails they go."""
    if o.widths[0] != 64:
        raise Stuck("a compare-and-exchange of less than 64 bits")
    there, new, accumulator = o.values
    same = eq(accumulator, there)
    return ([ite(same, new, there), ite(same, accumulator, there)],
            subtracted(accumulator, there)[1])


def op_nop(o: Operands) -> Outcome:
    return [], {}


# Conditions: SDM vol. 1, appendix B

CONDITIONS: dict[str, Callable[[Operands], Term]] = {
    "o": lambda o: o.flag("of"),
    "b": lambda o: o.flag("cf"),
    "e": lambda o: o.flag("zf"),
    "be": lambda o: or_(o.flag("cf"), o.flag("zf")),
    "s": lambda o: o.flag("sf"),
    "p": lambda o: o.flag("pf"),
    "l": lambda o: ne(o.flag("sf"), o.flag("of")),
    "le": lambda o: or_(o.flag("zf"), ne(o.flag("sf"), o.flag("of"))),
}
OPPOSITE = {"no": "o", "ae": "b", "ne": "e", "a": "be", "ns": "s", "np": "p", "ge": "l", "g": "le"}


def condition(name: str, o: Operands) -> Term:
    return not_(CONDITIONS[OPPOSITE[name]](o)) if name in OPPOSITE else CONDITIONS[name](o)


def op_set(name: str) -> Callable[[Operands], Outcome]:
    return lambda o: ([ite(condition(name, o), bv(1, 8), bv(0, 8))], {})


def op_cmov(name: str) -> Callable[[Operands], Outcome]:
    return lambda o: ([ite(condition(name, o), o.values[1], o.values[0])], {})


OPCODES: dict[str, Opcode] = {
    "adc": Opcode("rw r", op_adc, "ADC"),
    "add": Opcode("rw r", op_add, "ADD"),
    "and": Opcode("rw r", bitwise_op("bvand"), "AND"),
    "bt": Opcode("r r", bit_op(None), "BT"),
    "btc": Opcode("rw r", bit_op(xor), "BTC"),
    "btr": Opcode("rw r", bit_op(lambda a, m: bitwise("bvand", a, bvnot(m))), "BTR"),
    "bts": Opcode("rw r", bit_op(lambda a, m: bitwise("bvor", a, m)), "BTS"),
    "cmp": Opcode("r r", op_cmp, "CMP"),
    "cmpxchg": Opcode("rw r", op_cmpxchg, "CMPXCHG", ("rax",)),
    "dec": Opcode("rw", op_dec, "DEC"),
    "endbr64": Opcode("", op_nop, "ENDBR64"),
    "imul": Opcode("rw r", op_imul, "IMUL"),
    "inc": Opcode("rw", op_inc, "INC"),
    "lea": Opcode("w a", op_lea, "LEA"),
    "mov": Opcode("w r", op_mov, "MOV"),
    "movabs": Opcode("w r", op_mov, "MOV"),
    "movsx": Opcode("w r", op_movsx, "MOVSX/MOVSXD"),
    "movsxd": Opcode("w r", op_movsx, "MOVSX/MOVSXD"),
    "movzx": Opcode("w r", op_movzx, "MOVZX"),
    "neg": Opcode("rw", op_neg, "NEG"),
    "nop": Opcode("-", op_nop, "NOP"),
    "not": Opcode("rw", op_not, "NOT"),
    "or": Opcode("rw r", bitwise_op("bvor"), "OR"),
    "sar": Opcode("rw r", shift_op(right_signed, lambda a, n: bit(a, min(n, a.width) - 1),
                                   lambda a, r: FALSE), "SAL/SAR/SHL/SHR"),
    "sbb": Opcode("rw r", op_sbb, "SBB"),
    "shl": Opcode("rw r", shift_op(left, lambda a, n: bit(a, a.width - n),
                                   lambda a, r: ne(top(r), top(a))), "SAL/SAR/SHL/SHR"),
    "shr": Opcode("rw r", shift_op(right, lambda a, n: bit(a, n - 1),
                                   lambda a, r: top(a)), "SAL/SAR/SHL/SHR"),
    "sub": Opcode("rw r", op_sub, "SUB"),
    "test": Opcode("r r", bitwise_op("bvand", store=False), "TEST"),
    "xchg": Opcode("rw rw", op_xchg, "XCHG"),
    "xor": Opcode("rw r", bitwise_op("bvxor"), "XOR"),
}
BIT_TESTS = ("bt", "btc", "btr", "bts")
# What may have a lock prefix, where its destination is memory.
LOCKABLE = ("adc", "add", "and", "btc", "btr", "bts", "cmpxchg", "dec", "inc", "neg", "not", "or",
            "sbb", "sub", "xchg", "xor")
for _name in [*CONDITIONS, *OPPOSITE]:
    OPCODES["set" + _name] = Opcode("w", op_set(_name), "SETcc")
    OPCODES["cmov" + _name] = Opcode("rw r", op_cmov(_name), "CMOVcc")


# Registers, and one instruction as a whole

Registers = dict[str, Term]


def get(regs: Registers, r: Reg) -> Term:
    return bits(regs[r.whole], r.low + r.width - 1, r.low)


def put(regs: Registers, r: Reg, value: Term) -> None:
    """A write of 32 bits clears the rest of the register, a smaller one keeps it."""
    if r.width == 32:
        value = zext(value, 64)
    elif r.width < 64:
        whole, high = regs[r.whole], r.low + r.width
        below = [bits(whole, r.low - 1, 0)] if r.low else []
        value = concat(bits(whole, 63, high), value, *below)
    regs[r.whole] = value


def width(o: Operand, first: Operand) -> int:
    """In bits; an immediate is as wide as the first operand."""
    if isinstance(o, Imm):
        return width(first, first)
    return o.width if isinstance(o, Reg) else 8 * o.size


def uses(insn: Instruction) -> Optional[list[str]]:
    """How each operand is used; None: an instruction that is not in the table."""
    row = OPCODES.get(insn.mnemonic)
    found = row.uses.split() if row else []
    if insn.mnemonic == "nop":
        found = ["-"] * len(insn.operands)
    elif len(found) == 2 and len(insn.operands) == 1 and row.source.startswith("SAL"):
        found = found[:1]
    if row is None or len(found) != len(insn.operands):
        return None
    if insn.mnemonic in BIT_TESTS and isinstance(insn.operands[0], Mem) \
            and isinstance(insn.operands[1], Reg):
        return None		# the register may lead to memory beside the operand
    return found


def prefixes_known(insn: Instruction) -> bool:
    """Whether the prefixes change nothing, or make atomic what can be so; a lock prefix anywhere
    else is an invalid opcode (SDM vol. 2, LOCK)."""
    if insn.mnemonic == "nop":
        return "lock" not in insn.prefixes
    return not insn.prefixes or (insn.prefixes == ("lock",) and insn.mnemonic in LOCKABLE
                                 and isinstance(insn.operands[0], Mem))


def memory_operand(insn: Instruction) -> Optional[tuple[Mem, str]]:
    """The operand in memory, and how it is used."""
    for o, use in zip(insn.operands, uses(insn)):
        if isinstance(o, Mem) and use not in ("-", "a"):
            return o, use
    return None


def perform(insn: Instruction, regs: Registers, flags: Flags, loaded: Optional[Term],
            address: Callable[[Mem], Term]) -> Optional[Term]:
    """Change @regs and @flags as the instruction does; @loaded: what it reads from memory.
    Return: what it writes there."""
    row, used = OPCODES[insn.mnemonic], uses(insn)
    o = Operands([], [width(x, insn.operands[0]) for x in insn.operands], flags)
    for x, use, bits_wide in zip(insn.operands, used, o.widths):
        if use == "a":
            o.address = address(x)
        elif "r" in use:
            o.values.append(get(regs, x) if isinstance(x, Reg) else
                            bv(x.value, bits_wide) if isinstance(x, Imm) else loaded)
    implied = [Reg(name, o.widths[0]) for name in row.implied]
    o.values += [get(regs, r) for r in implied]
    written, changed = row.meaning(o)
    stored = None
    for x, value in zip([x for x, use in zip(insn.operands, used) if "w" in use] + implied,
                        written, strict=True):
        if isinstance(x, Mem):
            stored = value
        else:
            put(regs, x, value)
    flags.update(changed)
    return stored
