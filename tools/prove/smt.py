# SPDX-License-Identifier: GPL-2.0
"""Terms as SMT-LIB 2 text, and terms evaluated with values for the variables."""
from __future__ import annotations

from typing import Callable, Mapping, Sequence

from term import BITWISE, ARITH, Term, mask, stem

NAMES = {"bvand": "bvand", "bvor": "bvor", "bvxor": "bvxor", "add": "bvadd", "sub": "bvsub",
         "mul": "bvmul", "ult": "bvult", "slt": "bvslt", "eq": "=", "not": "not", "and": "and",
         "or": "or", "ite": "ite", "concat": "concat"}


def sort(width: int) -> str:
    return f"(_ BitVec {width})" if width else "Bool"


def order(roots: Sequence[Term]) -> list[Term]:
    """All terms below the roots, arguments before what uses them."""
    out: list[Term] = []
    seen: set[int] = set()
    work: list[tuple[Term, bool]] = [(r, False) for r in reversed(roots)]
    while work:
        t, done = work.pop()
        if done:
            out.append(t)
        elif t.ident not in seen:
            seen.add(t.ident)
            work.append((t, True))
            work.extend((a, False) for a in reversed(t.args))
    return out


class Printer:
    """Text of a set of assertions; names are given in order, so it is stable.

    A variable's number says how many were named before it on its path, in which two copies of
    one code differ.  Here variables of one stem are numbered as they come, so that what is the
    same but for these numbers is one text, and has one answer.
    """

    def __init__(self, roots: Sequence[Term]):
        self.roots = roots
        self.terms = order(roots)
        self.uses: dict[int, int] = {}
        self.name: dict[int, str] = {}
        self.numbered: dict[str, int] = {}
        for t in self.terms:
            if t.op == "var":
                self.name[t.ident] = self.variable(t.info)
            for a in t.args:
                self.uses[a.ident] = self.uses.get(a.ident, 0) + 1

    def variable(self, name: str) -> str:
        """Its name in the text."""
        plain = stem(name)
        if plain == name:
            return name
        self.numbered[plain] = self.numbered.get(plain, 0) + 1
        return f"{plain}{self.numbered[plain]}"

    def text(self, t: Term) -> str:
        if t.ident in self.name:
            return self.name[t.ident]
        if t.op == "const":
            if not t.width:
                return "true" if t.info else "false"
            return f"(_ bv{t.info} {t.width})"
        args = " ".join(self.text(a) for a in t.args)
        if t.op == "app":
            return f"({t.info} {args})"
        if t.op == "extract":
            return f"((_ extract {t.info[0]} {t.info[1]}) {args})"
        return f"({NAMES[t.op]} {args})"

    def declarations(self) -> list[str]:
        lines, seen = [], set()
        for t in self.terms:
            if t.op == "var":
                lines.append(f"(declare-const {self.name[t.ident]} {sort(t.width)})")
            elif t.op == "app" and t.info not in seen:
                seen.add(t.info)
                args = " ".join(sort(a.width) for a in t.args)
                lines.append(f"(declare-fun {t.info} ({args}) {sort(t.width)})")
        return lines

    def script(self) -> str:
        lines, defined = ["(set-logic QF_UFBV)"] + self.declarations(), 0
        for t in self.terms:
            if t.args and self.uses.get(t.ident, 0) > 1:
                text = self.text(t)
                defined += 1
                self.name[t.ident] = f"n{defined}"
                lines.append(f"(define-fun n{defined} () {sort(t.width)} {text})")
        lines += [f"(assert {self.text(r)})" for r in self.roots]
        return "\n".join(lines + ["(check-sat)", ""])


def script(assertions: Sequence[Term]) -> str:
    return Printer(assertions).script()


def _apply(t: Term, a: list[int]) -> int:
    if t.op in BITWISE:
        return BITWISE[t.op](a[0], a[1])
    if t.op in ARITH:
        return ARITH[t.op](a[0], a[1]) & mask(t.width)
    if t.op == "extract":
        return a[0] >> t.info[1] & mask(t.width)
    if t.op == "concat":
        value = 0
        for x, arg in zip(a, t.args):
            value = value << arg.width | x
        return value
    if t.op == "eq":
        return int(a[0] == a[1])
    if t.op == "ult":
        return int(a[0] < a[1])
    if t.op == "slt":
        half = 1 << (t.args[0].width - 1)
        return int((a[0] ^ half) < (a[1] ^ half))
    if t.op == "not":
        return 1 - a[0]
    if t.op == "and":
        return int(all(a))
    if t.op == "or":
        return int(any(a))
    if t.op == "ite":
        return a[1] if a[0] else a[2]
    raise AssertionError(t.op)


Functions = Mapping[str, Callable[..., int]]


def evaluate(roots: Sequence[Term], variables: Mapping[str, int],
             functions: Functions) -> list[int]:
    """Values of the roots, booleans as 0 and 1."""
    value: dict[int, int] = {}
    for t in order(roots):
        if t.op == "const":
            value[t.ident] = t.info
        elif t.op == "var":
            value[t.ident] = variables[t.info] & (mask(t.width) if t.width else 1)
        elif t.op == "app":
            value[t.ident] = functions[t.info](*(value[a.ident] for a in t.args))
        else:
            value[t.ident] = _apply(t, [value[a.ident] for a in t.args])
    return [value[r.ident] for r in roots]
