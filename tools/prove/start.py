# SPDX-License-Identifier: GPL-2.0
"""The start: what pt_init() accepts, and that an empty root satisfies the invariant."""
from __future__ import annotations

import abstract as a
from goals import Goal
from hwwalk import INDEX_BITS, PAGE_BITS, VPN_BITS
from inv import BEFORE, COUNT_BITS, Region, entry_parts, in_width, table_parts
from state import Pointer, State
from term import FALSE, TRUE, Term, add, and_, bit, bits, bv, bvand, bvnot, concat, eq, implies, \
    ite, ne, not_, sub, ule, ult, var, zext

ROOT, START, END = var("initroot", 64), var("initstart", 64), var("initend", 64)
WIDTH = var("maxphyaddr", 32)
ARGUMENTS = [Pointer("pt", 0), Pointer("env", 0), ROOT, START, END, WIDTH]


def init_goals(f) -> list[Goal]:
    """OK for exactly what the header says, and the struct then is as Region has it."""
    below_width = and_(*(implies(ule(WIDTH, bv(n, 32)), not_(bit(ROOT, n))) for n in range(64)))
    valid = and_(ult(START, END), ule(END, bv(1 << 48, 64)),
                 *(eq(bits(t, 11, 0), bv(0, 12)) for t in (START, END, ROOT)),
                 ule(bv(13, 32), WIDTH), ule(WIDTH, bv(52, 32)), ne(ROOT, bv(0, 64)), below_width)
    pt = f.state.objects["pt"]
    if f.status == a.INVALID:
        return [f.answer(not_(valid)),
                f.answer(TRUE if not pt else FALSE, "and writes nothing")]
    if {at: size for at, (size, _) in pt.items()} != dict.fromkeys(range(0, 40, 8), 8):
        return [f.answer(FALSE, "and fills the struct")]
    stored = {at: value for at, (_, value) in pt.items()}
    limit = stored[32]
    mask = sub(bits(limit, 51, 12), bv(1, PAGE_BITS))
    ranged = and_(*(eq(eq(bits(mask, n, n), bv(1, 1)), ult(bv(n + 12, 32), WIDTH))
                    for n in range(PAGE_BITS)))
    wide = concat(bv(0, 11), add(zext(mask, PAGE_BITS + 1), bv(1, PAGE_BITS + 1)), bv(0, 12))
    return [f.answer(and_(f.status_is(a.OK), valid)),
            f.answer(TRUE if stored[0] == Pointer("env", 0) else FALSE, "and keeps env"),
            f.answer(and_(eq(stored[8], ROOT), eq(stored[16], START), eq(stored[24], END)),
                     "and keeps root, start and end"),
            f.answer(and_(ranged, eq(wide, limit)), "and the limit is 2^MAXPHYADDR"),
            f.answer(and_(eq(bits(mask, 0, 0), bv(1, 1)),
                          eq(bvand(mask, add(mask, bv(1, PAGE_BITS))), bv(0, PAGE_BITS))),
                     "and the limit is as assumed elsewhere"),
            f.answer(and_(ne(bits(ROOT, 51, 12), bv(0, PAGE_BITS)),
                          eq(bits(ROOT, 63, 52), bv(0, 12)),
                          eq(bvand(bits(ROOT, 51, 12), bvnot(mask)), bv(0, PAGE_BITS))),
                     "and the root is as assumed elsewhere")]


class Empty:
    """A root without entries, and no other table."""

    def __init__(self, region: Region):
        self.root = region.root

    def mem(self, p: Term, i: Term) -> Term:
        return ite(eq(p, self.root), bv(0, 64), BEFORE.mem(p, i))

    def level(self, p: Term) -> Term:
        return ite(eq(p, self.root), bv(4, 3), bv(0, 3))

    def parent(self, p: Term) -> Term:
        return BEFORE.parent(p)

    def base(self, p: Term) -> Term:
        return ite(eq(p, self.root), bv(0, VPN_BITS), BEFORE.base(p))

    def foreign(self, p: Term) -> Term:
        return BEFORE.foreign(p)

    def live(self, p: Term) -> Term:
        return bv(0, COUNT_BITS)

    def card(self, p: Term) -> Term:
        return bv(0, COUNT_BITS)


def empty_state(region: Region) -> State:
    s = State()
    s.fact(*region.facts(), ne(region.root, bv(0, PAGE_BITS)), in_width(region, region.root))
    s.ended = True
    return s


def empty_goals(f) -> list[Goal]:
    v, p, i = Empty(f.region), var("p", PAGE_BITS), var("i", INDEX_BITS)
    goals = []
    for level in (4, 3, 2, 1):
        parts = table_parts(f.region, v, p, level, v.base(p))
        parts |= entry_parts(f.region, v, p, level, v.base(p), i)
        goals += [Goal("invariant", f"{name}, level {level}, empty root",
                       f.given + [eq(v.level(p), bv(level, 3))], claim)
                  for name, claim in parts.items()]
    return goals
