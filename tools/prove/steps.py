# SPDX-License-Identifier: GPL-2.0
"""What others do between the core's steps, as operations of their own.

The contracts let hardware set A and D, and Linux link an empty table, before an
entry is first looked at, by starting from an arbitrary state that satisfies the
invariant.  That is right only if such a step leads from one to another.
"""
from __future__ import annotations

import start
from contract import Contracts
from execute import Oracle
from hwwalk import INDEX_BITS, PAGE_BITS, VPN_BITS, present
from inv import BEFORE, Region, entry_base, facts_of_entry, facts_of_table, reaches
from state import Slot, State, TablePage
from term import and_, bv, eq, var


def states(operation, region: Region, oracle: Oracle) -> list[State]:
    """One step of hardware or of Linux at an arbitrary entry of an arbitrary table."""
    if operation.function == "step:empty":
        return [start.empty_state(region)]
    out = []
    kind = operation.function.removeprefix("step:")
    for level in (1, 2, 3, 4) if kind == "hardware" else (2, 3, 4):
        contracts = Contracts(region, oracle, 1)
        s = State()
        s.fact(*region.facts())
        contracts.add_root(s)
        p, i = region.root if level == 4 else var("t", PAGE_BITS), var("k", INDEX_BITS)
        base = bv(0, VPN_BITS) if level == 4 else BEFORE.base(p)
        if level < 4:
            s.fact(eq(BEFORE.level(p), bv(level, 3)),
                   *facts_of_table(region, BEFORE, p, level, base))
            s.tables[p.ident] = TablePage(p, level, base)
        s.fact(*facts_of_entry(region, BEFORE, p, level, base, i))
        e = BEFORE.mem(p, i)
        slot = Slot(p, level, i, e, e, entry_base(base, level, i))
        s.slots[p.ident, i.ident] = slot
        s.ended = True
        if kind == "hardware":
            s.assume(present(e))
            contracts.hardware(s, slot)
            out.append(s)
        else:
            s.assume(and_(reaches(region, slot.base, level), eq(e, bv(0, 64))))
            out += [t for t, _ in contracts.linked(s, slot, eq(e, bv(0, 64))) if t is not s]
    return out
