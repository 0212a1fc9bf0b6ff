# SPDX-License-Identifier: GPL-2.0
"""What is assumed of a table's tree allows what Linux does beside the region: a table that
several entries lead to (ESPFIX's, hugetlb's shared ones)."""
from __future__ import annotations

import tempfile
from pathlib import Path

import abstract as a
from hwwalk import VPN_BITS, index, walk
from inv import BEFORE, Region, facts_of_table
from solve import Solver
from term import Term, bv, concat, eq, ne, var
from view import walk_facts


def answer(solver: Solver, level: int, more) -> str:
    """Can two entries of a table of @level lead to one table?"""
    r, vs = Region(), [concat(bv(0, 16), var(n, 48)) for n in ("v1", "v2")]
    walks = [walk(BEFORE.mem, r.root, v, r.width_mask) for v in vs]
    one, two = walks
    n = 4 - level
    facts: list[Term] = r.facts() + facts_of_table(r, BEFORE, r.root, 4, bv(0, VPN_BITS))
    facts += [f for v, w in zip(vs, walks) for f in walk_facts(r, v, w)]
    facts += [one.reached[n + 1], two.reached[n + 1], eq(one.tables[n], two.tables[n]),
              ne(*(index(v, level) for v in vs)), eq(one.tables[n + 1], two.tables[n + 1])]
    return solver.ask(facts + more(r, vs[0])).result


def check() -> str:
    with tempfile.TemporaryDirectory() as folder:
        solver = Solver(Path(folder))
        for level in (4, 3, 2):
            got = [answer(solver, level, lambda r, v: []),
                   answer(solver, level, lambda r, v: [a.holds(r, v)])]
            assert got == ["sat", "unsat"], f"level {level}: {got}"
    return "levels 4, 3 and 2"
