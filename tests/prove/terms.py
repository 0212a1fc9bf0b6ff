# SPDX-License-Identifier: GPL-2.0
"""Terms fold as they should, and the solver agrees.

A random expression is built twice: from constants, where all of it folds, and from
variables, where it is rewritten and then evaluated.  Both are compared with Python's
arithmetic; a sample goes to the solver as text.
"""
from __future__ import annotations

import random
from pathlib import Path

import build
from smt import evaluate, script
from solve import Solver
from state import Known
from term import Term, add, arith, bitwise, bv, concat, eq, extract, ite, lshr, mask, ne, sext, \
    shl, slt, ult, var, zext

WIDTH = 64
INTERESTING = (0, 1, 0x67, 0xff, 0xfff, 0x1fff, 0x000ffffffffff000, 1 << 63, (1 << 64) - 1)


def expression(rng: random.Random, depth: int, leaves: list[tuple[Term, Term, int]]):
    """(from constants, from variables, value) of one random 64-bit expression."""
    if depth == 0 or rng.random() < 0.1:
        if rng.random() < 0.5:
            return rng.choice(leaves)
        n = rng.choice(INTERESTING + (rng.getrandbits(64),))
        return bv(n, WIDTH), bv(n, WIDTH), n
    (a, x, m), (b, y, n) = (expression(rng, depth - 1, leaves) for _ in range(2))
    kind = rng.randrange(8)
    if kind < 3:
        op = ("bvand", "bvor", "bvxor")[kind]
        return bitwise(op, a, b), bitwise(op, x, y), {0: m & n, 1: m | n, 2: m ^ n}[kind]
    if kind == 3:
        op = rng.choice(("add", "sub", "mul"))
        value = {"add": m + n, "sub": m - n, "mul": m * n}[op] & mask(WIDTH)
        return arith(op, a, b), arith(op, x, y), value
    if kind == 4:
        k = rng.randrange(WIDTH)
        if rng.random() < 0.5:
            return shl(a, k), shl(x, k), m << k & mask(WIDTH)
        return lshr(a, k), lshr(x, k), m >> k
    if kind == 5:
        high = rng.randrange(WIDTH)
        low = rng.randrange(high + 1)
        extend = rng.choice((zext, sext))
        value = m >> low & mask(high - low + 1)
        if extend is sext and value >> (high - low):
            value |= mask(WIDTH) & ~mask(high - low + 1)
        return (extend(extract(a, high, low), WIDTH), extend(extract(x, high, low), WIDTH), value)
    if kind == 6:
        return (concat(extract(a, 31, 0), extract(b, 63, 32)),
                concat(extract(x, 31, 0), extract(y, 63, 32)), (m & mask(32)) << 32 | n >> 32)
    compare = rng.choice((eq, ult, slt, ne))
    half = 1 << 63
    truth = {eq: m == n, ne: m != n, ult: m < n, slt: (m ^ half) < (n ^ half)}[compare]
    return (ite(compare(a, b), a, b), ite(compare(x, y), x, y), m if truth else n)


def check(rounds: int, solved: int) -> str:
    solver = Solver(Path(build.TOP / "build/prove/terms"), 20)
    for seed in range(rounds):
        rng = random.Random(seed)
        numbers = [rng.choice(INTERESTING + (rng.getrandbits(64),)) for _ in range(3)]
        names = [var(f"x{n}", WIDTH) for n in range(3)]
        leaves = [(bv(n, WIDTH), v, n) for n, v in zip(numbers, names)]
        folded, symbolic, value = expression(rng, 4, leaves)
        assert folded.value == value, f"seed {seed}: folds to {folded}, not {value:#x}"
        values = {f"x{n}": numbers[n] for n in range(3)}
        got, = evaluate([symbolic], values, {})
        assert got == value, f"seed {seed}: rewritten to {got:#x}, not {value:#x}"
        known = Known()
        for v, n in zip(names, numbers):
            known.learn(eq(extract(v, 40, 5), bv(n >> 5, 36)))
        got, = evaluate([known.reduce(symbolic)], values, {})
        assert got == value, f"seed {seed}: reduced to {got:#x}, not {value:#x}"
        if seed < solved:
            given = [eq(v, bv(n, WIDTH)) for v, n in zip(names, numbers)]
            answer = solver.ask(given + [ne(symbolic, bv(value, WIDTH))])
            assert answer.result == "unsat", f"seed {seed}: the solver says {answer.result}"
    return f"{rounds} expressions, {solved} of them by the solver"


def one_text() -> str:
    """Queries that are the same but for variables' numbers are one text, and others are not."""
    def text(*numbers: int) -> str:
        a, b, c = (var(f"hw{n}", WIDTH) for n in numbers)
        return script([ult(add(a, b), c), ne(var("hw", WIDTH), a)])
    assert text(1, 2, 3) == text(21, 7, 11), "a number makes another text"
    assert len({text(*n) for n in ((1, 2, 3), (1, 2, 2), (1, 2, 1), (1, 1, 2))}) == 4, \
        "different variables become one"
    return "5 texts"
