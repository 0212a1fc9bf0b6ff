# SPDX-License-Identifier: GPL-2.0
"""Terms: booleans and bit vectors, folded as they are built.

A term is immutable and unique: two equal terms are one object.  Bit-wise
operations with constants become concatenations of slices, so that an entry
`table | 0x67` or an index `(va >> 39) & 511` is seen piece by piece.  What
folds away here no solver has to think about, and with constants for all inputs
everything does: that is how the executor runs concretely.

Where two arguments may change places, their order depends on what they are and not on which
was made first, unless they differ in variables' numbers alone: so almost always each process makes
the same term, and the same text of it.
"""
from __future__ import annotations

from typing import Callable, Iterable, Optional
from zlib import crc32


class Term:
    """op, args; width in bits, 0 for a boolean; info: value, name or bounds; rank: a number
    that it has in each process, and terms that differ in variables' numbers share."""
    __slots__ = ("op", "args", "width", "info", "ident", "rank")

    def __init__(self, op: str, args: tuple["Term", ...], width: int, info, ident: int):
        self.op, self.args, self.width, self.info, self.ident = op, args, width, info, ident
        name = stem(info) if op == "var" else info
        told = crc32(f"{op} {name} {name == info}".encode())
        self.rank = hash((told, width) + tuple(a.rank for a in args))

    def before(self, other: "Term") -> bool:
        return (self.rank, self.ident) <= (other.rank, other.ident)

    def __repr__(self) -> str:
        if self.op == "const":
            return f"{self.info:#x}" if self.width else str(bool(self.info))
        if self.op == "var":
            return str(self.info)
        inside = ", ".join(map(repr, self.args))
        return f"{self.op}{'' if self.info is None else self.info}({inside})"

    @property
    def value(self) -> Optional[int]:
        return self.info if self.op == "const" else None


def stem(name: str) -> str:
    """A variable's name without the number by which it is told from others."""
    return name.rstrip("0123456789")


_terms: dict[tuple, Term] = {}


def _make(op: str, args: tuple[Term, ...], width: int, info=None) -> Term:
    key = (op, width, info) + tuple(a.ident for a in args)
    t = _terms.get(key)
    if t is None:
        t = _terms[key] = Term(op, args, width, info, len(_terms))
    return t


def mask(width: int) -> int:
    return (1 << width) - 1


def bv(value: int, width: int) -> Term:
    return _make("const", (), width, value & mask(width))


TRUE = _make("const", (), 0, 1)
FALSE = _make("const", (), 0, 0)


def boolean(value: bool) -> Term:
    return TRUE if value else FALSE


def var(name: str, width: int) -> Term:
    return _make("var", (), width, name)


def app(name: str, width: int, *args: Term) -> Term:
    """An uninterpreted function's value."""
    return _make("app", args, width, name)


# Booleans

def not_(a: Term) -> Term:
    if a.op == "const":
        return boolean(not a.info)
    if a.op == "not":
        return a.args[0]
    return _make("not", (a,), 0)


def _junction(op: str, terms: Iterable[Term], unit: Term, zero: Term) -> Term:
    seen: dict[int, Term] = {}
    work = list(terms)[::-1]
    while work:
        t = work.pop()
        if t is unit:
            continue
        if t is zero:
            return zero
        if t.op == op:
            work.extend(reversed(t.args))
            continue
        if not_(t).ident in seen:
            return zero
        seen[t.ident] = t
    if not seen:
        return unit
    args = tuple(seen.values())
    return args[0] if len(args) == 1 else _make(op, args, 0)


def and_(*terms: Term) -> Term:
    return _junction("and", terms, TRUE, FALSE)


def or_(*terms: Term) -> Term:
    return _junction("or", terms, FALSE, TRUE)


def implies(a: Term, b: Term) -> Term:
    return or_(not_(a), b)


def ite(c: Term, a: Term, b: Term) -> Term:
    if c.op == "const":
        return a if c.info else b
    if a is b:
        return a
    if a.width == 0 and "const" in (a.op, b.op):
        if a.op == "const":
            return or_(c, b) if a.info else and_(not_(c), b)
        return or_(not_(c), a) if b.info else and_(c, a)
    if c.op == "not":
        return ite(c.args[0], b, a)
    return _make("ite", (c, a, b), a.width)


# Slices and concatenations

def pieces(t: Term) -> tuple[Term, ...]:
    """The term as a concatenation, most significant piece first."""
    return t.args if t.op == "concat" else (t,)


def extract(t: Term, high: int, low: int) -> Term:
    width = high - low + 1
    assert 0 <= low <= high < t.width, (t, high, low)
    if width == t.width:
        return t
    if t.op == "const":
        return bv(t.info >> low, width)
    if t.op == "extract":
        return extract(t.args[0], high + t.info[1], low + t.info[1])
    if t.op == "concat":
        parts, top = [], t.width
        for p in t.args:
            bottom = top - p.width
            if bottom <= high and top - 1 >= low:
                parts.append(extract(p, min(high, top - 1) - bottom, max(low, bottom) - bottom))
            top = bottom
        return concat(*parts)
    if t.op == "ite":
        return ite(t.args[0], extract(t.args[1], high, low), extract(t.args[2], high, low))
    if t.op in BITWISE:
        return bitwise(t.op, extract(t.args[0], high, low), extract(t.args[1], high, low))
    if t.op in ("add", "sub") and low == 0:
        return arith(t.op, extract(t.args[0], high, 0), extract(t.args[1], high, 0))
    return _make("extract", (t,), width, (high, low))


def concat(*terms: Term) -> Term:
    out: list[Term] = []
    for t in [p for t in terms for p in pieces(t)]:
        if out and out[-1].op == t.op == "const":
            last = out.pop()
            t = bv(last.info << t.width | t.info, last.width + t.width)
        elif (out and out[-1].op == t.op == "extract" and out[-1].args[0] is t.args[0]
              and out[-1].info[1] == t.info[0] + 1):
            t = extract(t.args[0], out.pop().info[0], t.info[1])
        out.append(t)
    if len(out) == 1:
        return out[0]
    return _make("concat", tuple(out), sum(t.width for t in out))


def zext(t: Term, width: int) -> Term:
    return t if width == t.width else concat(bv(0, width - t.width), t)


def sext(t: Term, width: int) -> Term:
    extra = width - t.width
    if not extra:
        return t
    if t.op == "const":
        return bv(signed(t), width)
    sign = eq(extract(t, t.width - 1, t.width - 1), bv(1, 1))
    return concat(ite(sign, bv(-1, extra), bv(0, extra)), t)


def signed(t: Term) -> int:
    return t.info - (1 << t.width) if t.info >> (t.width - 1) else t.info


BITWISE: dict[str, Callable[[int, int], int]] = {
    "bvand": lambda a, b: a & b,
    "bvor": lambda a, b: a | b,
    "bvxor": lambda a, b: a ^ b,
}


def _runs(value: int, width: int) -> list[tuple[int, int]]:
    """Maximal runs of equal bits of a constant: (bit, length), from the top."""
    out: list[tuple[int, int]] = []
    for i in reversed(range(width)):
        bit = value >> i & 1
        if out and out[-1][0] == bit:
            out[-1] = (bit, out[-1][1] + 1)
        else:
            out.append((bit, 1))
    return out


def _cuts(t: Term) -> set[int]:
    """Where a bit-wise operation on this term falls into independent pieces."""
    cuts, at = _edges(t), t.width
    for p in pieces(t):
        at -= p.width
        if p.op == "const":
            pos = at + p.width
            for _, length in _runs(p.info, p.width):
                pos -= length
                cuts.add(pos)
    return cuts


def _bit_piece(op: str, a: Term, b: Term) -> Optional[Term]:
    if a.op != "const":
        a, b = b, a
    if a.op == b.op == "const":
        return bv(BITWISE[op](a.info, b.info), a.width)
    if a is b:
        return bv(0, a.width) if op == "bvxor" else a
    if a.op == "const":
        if a.info == 0:
            return a if op == "bvand" else b
        if a.info == mask(a.width):
            return {"bvand": b, "bvor": a}.get(op)
    return None


def bitwise(op: str, a: Term, b: Term) -> Term:
    whole = _bit_piece(op, a, b)
    if whole is not None:
        return whole
    cuts = sorted(_cuts(a) | _cuts(b), reverse=True)
    parts, top = [], a.width
    for low in cuts:
        x, y = extract(a, top - 1, low), extract(b, top - 1, low)
        piece = _bit_piece(op, x, y)
        if piece is None:
            if not x.before(y):
                x, y = y, x
            piece = _make(op, (x, y), x.width)
        parts.append(piece)
        top = low
    return concat(*parts)


def bvand(a: Term, b: Term) -> Term:
    return bitwise("bvand", a, b)


def bvnot(a: Term) -> Term:
    return bitwise("bvxor", a, bv(-1, a.width))


# Arithmetic

ARITH: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


def arith(op: str, a: Term, b: Term) -> Term:
    if a.op == b.op == "const":
        return bv(ARITH[op](a.info, b.info), a.width)
    if b.op == "const":
        if b.info == 0:
            return b if op == "mul" else a
        if op == "mul" and b.info & (b.info - 1) == 0:
            return shl(a, b.info.bit_length() - 1)
        if op == "sub":
            return arith("add", a, bv(-b.info, b.width))
    if a.op == "const" and op != "sub":
        return arith(op, b, a)
    # (x + c) + d
    if op == "add" and b.op == "const" and a.op == "add" and a.args[1].op == "const":
        return arith("add", a.args[0], bv(a.args[1].info + b.info, b.width))
    if op == "sub" and a is b:
        return bv(0, a.width)
    return _make(op, (a, b), a.width)


def add(a: Term, b: Term) -> Term:
    return arith("add", a, b)


def sub(a: Term, b: Term) -> Term:
    return arith("sub", a, b)


def shl(a: Term, n: int) -> Term:
    if n == 0:
        return a
    return concat(extract(a, a.width - 1 - n, 0), bv(0, n))


def lshr(a: Term, n: int) -> Term:
    if n == 0:
        return a
    return concat(bv(0, n), extract(a, a.width - 1, n))


# Comparisons

def eq(a: Term, b: Term) -> Term:
    assert a.width == b.width, (a, b)
    if a is b:
        return TRUE
    if a.op == b.op == "const":
        return boolean(a.info == b.info)
    if a.width == 0:
        if a.op == "const":
            a, b = b, a
        if b.op == "const":
            return a if b.info else not_(a)
    if a.op == "concat" or b.op == "concat":
        cuts = sorted(_edges(a) | _edges(b), reverse=True)
        if len(cuts) > 1:
            parts, top = [], a.width
            for low in cuts:
                parts.append(eq(extract(a, top - 1, low), extract(b, top - 1, low)))
                top = low
            return and_(*parts)
    if a.op == "const":
        a, b = b, a
    if b.op == "const" and a.op == "ite":
        x, y = eq(a.args[1], b), eq(a.args[2], b)
        if x.op == "const" or y.op == "const":
            return ite(a.args[0], x, y)
    if b.op == "const" and a.op == "add" and a.args[1].op == "const":
        return eq(a.args[0], bv(b.info - a.args[1].info, b.width))
    if b.op != "const" and not a.before(b):
        a, b = b, a
    return _make("eq", (a, b), 0)


def _edges(t: Term) -> set[int]:
    """Where the pieces of a term end."""
    parts = pieces(t)
    return {sum(p.width for p in parts[n + 1:]) for n in range(len(parts))}


def ne(a: Term, b: Term) -> Term:
    return not_(eq(a, b))


def ult(a: Term, b: Term) -> Term:
    if a.op == b.op == "const":
        return boolean(a.info < b.info)
    if a is b or b.value == 0 or a.value == mask(a.width):
        return FALSE
    if b.op == "const" and b.info == 1:
        return eq(a, bv(0, a.width))
    # Equal leading pieces decide nothing; constant ones decide everything.
    pa, pb = pieces(a)[0], pieces(b)[0]
    n = min(pa.width, pb.width)
    if n < a.width:
        x, y = extract(a, a.width - 1, a.width - n), extract(b, b.width - 1, b.width - n)
        if x is y:
            return ult(extract(a, a.width - n - 1, 0), extract(b, b.width - n - 1, 0))
        if x.op == y.op == "const":
            return boolean(x.info < y.info)
    # x < 2^k: the bits above are 0
    if b.op == "const" and b.info & (b.info - 1) == 0:
        k = b.info.bit_length() - 1
        return eq(extract(a, a.width - 1, k), bv(0, a.width - k))
    return _make("ult", (a, b), 0)


def ule(a: Term, b: Term) -> Term:
    return not_(ult(b, a))


def slt(a: Term, b: Term) -> Term:
    if a.op == b.op == "const":
        return boolean(signed(a) < signed(b))
    return FALSE if a is b else _make("slt", (a, b), 0)


def bit(t: Term, n: int) -> Term:
    """Bit n as a boolean."""
    return eq(extract(t, n, n), bv(1, 1))


def bits(t: Term, high: int, low: int) -> Term:
    return extract(t, high, low)
