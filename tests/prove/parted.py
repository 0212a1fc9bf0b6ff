# SPDX-License-Identifier: GPL-2.0
"""The cases of an arbitrary address: of any two addresses exactly one is true, and in it a
term means what it meant."""
from __future__ import annotations

import random

from cases import ANY, cases
from hwwalk import index, shift
from smt import evaluate
from state import Known
from term import add, concat, var

VA = var("va", 64)


def holding(level: int, va: int, v: int) -> list:
    """The cases that are true of @va and @v."""
    found = []
    for case in cases(VA, level, Known()):
        below = v & (1 << (48 if case.level == 4 else shift(case.level + 1))) - 1
        values = {"va": va, "v": v, "below": below}
        if all(evaluate(case.facts, values, {})):
            term = concat(index(ANY, 3), add(ANY, VA), index(ANY, 1))
            before, after = evaluate([term, case.of(term)], values, {})
            assert before == after, (level, hex(va), hex(v))
            found.append(case)
    return found


def check(rounds: int) -> str:
    rng, seen = random.Random(1), {}
    for _ in range(rounds):
        level = rng.choice((1, 2, 3))
        va = rng.getrandbits(48)
        v = va ^ rng.getrandbits(rng.choice((12, 21, 30, 39, 48)))
        case, = holding(level, va, v)
        assert case.parted == (va >> shift(level + 1) != v >> shift(level + 1))
        seen[level, case.level] = seen.get((level, case.level), 0) + 1
    assert len(seen) == 4 + 3 + 2 and min(seen.values()) > rounds // 50, seen
    return f"{rounds} pairs of addresses"
