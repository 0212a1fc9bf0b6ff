# SPDX-License-Identifier: GPL-2.0
"""The invariant of a region's table, over a view of memory and ghosts.

Numbers in brackets are those of spec/spec_inv.c.  A view is the state before an
operation (uninterpreted functions), or after it (those, and what the path
changed).  Written once, the invariant is assumed of the first at the places that
matter, and proved of the second at an arbitrary place.

Ghosts, one each for every page: its level in the region's tree (0: no table of it), the
table and, through its first address, the entry that leads to it, how many of its entries
count (leaves, and entries that lead to tables with a live count), and whether it is foreign.

The region's tree is the root and the tables that entries which reach into the region lead
to.  Entries beside the region lead to foreign tables: of these nothing is known but that
they, and all that they lead to, are none of the region's.  Linux links some of them more
than once (ESPFIX, hugetlb's shared page middle directories).
"""
from __future__ import annotations

from typing import Optional, Protocol

from hwwalk import INDEX_BITS, PAGE_BITS, VPN_BITS, dirty, is_leaf, is_table, page, present, \
    writable
from term import FALSE, TRUE, Term, add, and_, app, bit, bits, bv, bvand, bvnot, concat, eq, \
    implies, ne, not_, or_, ule, ult, var, zext

COUNT_BITS = 32
ENTRIES = 1 << INDEX_BITS


class View(Protocol):
    def mem(self, p: Term, i: Term) -> Term: ...
    def level(self, p: Term) -> Term: ...
    def parent(self, p: Term) -> Term: ...
    def base(self, p: Term) -> Term: ...
    def live(self, p: Term) -> Term: ...
    def card(self, p: Term) -> Term: ...
    def foreign(self, p: Term) -> Term: ...


class Before:
    """The state an operation starts from: anything."""

    def mem(self, p: Term, i: Term) -> Term:
        return app("mem", 64, p, i)

    def level(self, p: Term) -> Term:
        return app("level", 3, p)

    def parent(self, p: Term) -> Term:
        return app("parent", PAGE_BITS, p)

    def base(self, p: Term) -> Term:
        return app("base", VPN_BITS, p)

    def live(self, p: Term) -> Term:
        return app("live", COUNT_BITS, p)

    def card(self, p: Term) -> Term:
        return app("card", COUNT_BITS, p)

    def foreign(self, p: Term) -> Term:
        return app("foreign", 0, p)


BEFORE = Before()


class Region:
    """The constants of one struct pt, as pt_init() accepts them, and of the environment."""

    def __init__(self) -> None:
        self.root = var("root", PAGE_BITS)
        self.start_page, self.end_page = var("start", 37), var("end", 37)
        self.start, self.end = (concat(bv(0, 15), p, bv(0, 12))
                                for p in (self.start_page, self.end_page))
        # Page numbers below 2^MAXPHYADDR are those without bits beyond this mask.
        self.width_mask = var("widthmask", PAGE_BITS)
        limit = add(zext(self.width_mask, PAGE_BITS + 1), bv(1, PAGE_BITS + 1))
        self.pa_limit = concat(bv(0, 11), limit, bv(0, 12))
        self.leaf_bits = {n: concat(bv(0, 5), var(f"leafhigh{n}", 7), bv(0, 40),
                                    var(f"leaflow{n}", 3), bv(0, 9)) for n in (1, 2, 3)}

    def facts(self) -> list[Term]:
        one = bv(1, PAGE_BITS)
        return [
            ult(self.start_page, self.end_page),
            ule(self.end_page, bv(1 << VPN_BITS, 37)),
            bit(self.width_mask, 0),
            eq(bvand(self.width_mask, add(self.width_mask, one)), bv(0, PAGE_BITS)),
        ]


def address(base: Term) -> Term:
    """A page-granular address as 64 bits."""
    return concat(bv(0, 16), base, bv(0, 12))


def last_byte(base: Term, level: int) -> Term:
    """Of what an entry of @level maps, from @base on."""
    low = INDEX_BITS * (level - 1)
    return concat(bv(0, 16), bits(base, VPN_BITS - 1, low), bv(-1, low + 12))


def table_base(va_bits: Term, level: int) -> Term:
    """@va_bits: bits 47:12 of an address; first page behind its table of @level."""
    low = INDEX_BITS * level
    if low >= VPN_BITS:
        return bv(0, VPN_BITS)
    return concat(bits(va_bits, VPN_BITS - 1, low), bv(0, low))


def entry_base(base: Term, level: int, i: Term) -> Term:
    """First page behind entry @i of a table of @level whose own first page is @base."""
    low = INDEX_BITS * (level - 1)
    parts = [i] if level == 4 else [bits(base, VPN_BITS - 1, low + INDEX_BITS), i]
    return concat(*parts, bv(0, low)) if low else concat(*parts)


def entry_index(base: Term, level: int) -> Term:
    """Which entry of its table of @level leads to what begins at @base."""
    low = INDEX_BITS * (level - 1)
    return bits(base, low + INDEX_BITS - 1, low)


def owned(r: Region, base: Term, level: int) -> Term:
    """The whole span of a table of @level at @base lies in the region."""
    if level == 4:
        return FALSE
    return and_(ule(r.start, address(base)), ult(last_byte(base, level + 1), r.end))


def reaches(r: Region, base: Term, level: int) -> Term:
    """What is behind an entry of @level at @base touches the region."""
    return and_(ule(r.start, last_byte(base, level)), ult(address(base), r.end))


def inside(r: Region, base: Term, level: int) -> Term:
    return and_(ule(r.start, address(base)), ult(last_byte(base, level), r.end))


def in_width(r: Region, p: Term) -> Term:
    return eq(bvand(p, bvnot(r.width_mask)), bv(0, PAGE_BITS))


def good_table_entry(r: Region, e: Term, level: int) -> Term:
    """[2, 3, 5] P, R/W, U/S, A, D, an address and nothing else."""
    return and_(eq(bits(e, 11, 0), bv(0x067, 12)), in_width(r, page(e)),
                eq(bits(e, 62, 52), bv(0, 11)),
                not_(bit(e, 63)))


def good_leaf(r: Region, e: Term, level: int) -> Term:
    """[2, 4, 6, 7, 9] Only what a leaf of the core's holds."""
    own = r.leaf_bits[level]
    low = 12 + INDEX_BITS * (level - 1)
    return and_(
        present(e), eq(bits(e, 4, 3), bv(0, 2)),
        TRUE if level == 1 else bit(e, 7), TRUE if level > 1 else not_(bit(e, 7)),
        not_(bit(e, 8)), eq(bits(e, 11, 9), bits(own, 11, 9)),
        TRUE if level == 1 else eq(bits(e, low - 1, 12), bv(0, low - 12)),
        in_width(r, page(e)), eq(bits(e, 62, 52), bits(own, 62, 52)),
        or_(writable(e), not_(dirty(e))))


def counts(v: View, e: Term, level: int) -> Term:
    """Whether an entry is a leaf or leads to a table of the core's."""
    if level == 1:
        return is_leaf(e, level)
    return or_(is_leaf(e, level),
               and_(is_table(e, level), ne(v.live(page(e)), bv(0, COUNT_BITS))))


def table_parts(r: Region, v: View, p: Term, level: int, base: Term) -> dict[str, Term]:
    """What holds of a table @p of @level, beside its entries."""
    parts = {
        "table_page": and_(ne(p, bv(0, PAGE_BITS)), in_width(r, p)),
        "live_count": implies(owned(r, base, level),	# [17, 18, 19]
                              and_(eq(v.live(p), v.card(p)),
                                   ule(v.card(p), bv(ENTRIES, COUNT_BITS)))),
    }
    if level == 4:
        parts["root"] = eq(p, r.root)
        return parts
    up, i = v.parent(p), entry_index(base, level + 1)
    e = v.mem(up, i)
    low = INDEX_BITS * level
    parts["not_root"] = ne(p, r.root)
    parts["base"] = eq(bits(v.base(p), low - 1, 0), bv(0, low))
    parts["linked"] = and_(			# [15, 20]: in the tree
        is_table(e, level + 1), eq(page(e), p), eq(v.level(up), bv(level + 1, 3)),
        eq(v.base(up), table_base(v.base(p), level + 1)))
    return parts


def entry_parts(r: Region, v: View, p: Term, level: int, base: Term, i: Term,
                here: Optional[Term] = None) -> dict[str, Term]:
    """What holds of entry @i of a table @p of @level; @here: that it reaches into the region."""
    e = v.mem(p, i)
    b = entry_base(base, level, i)
    here = reaches(r, b, level) if here is None else here
    parts = {
        "absent_is_zero": implies(and_(here, not_(present(e))), eq(e, bv(0, 64))),	# [1]
    }
    if level < 4:
        parts["leaf"] = implies(and_(here, is_leaf(e, level)),		# [2, 4, 6..9]
                                and_(good_leaf(r, e, level), inside(r, b, level)))
    if level > 1:
        child = page(e)
        parts["table_entry"] = implies(and_(here, is_table(e, level)),
                                       good_table_entry(r, e, level))		# [2, 3, 5]
        parts["one_parent"] = implies(and_(here, is_table(e, level)), and_(		# [14, 16]
            eq(v.level(child), bv(level - 1, 3)), eq(v.parent(child), p),
            eq(v.base(child), b)))
        parts["foreign"] = implies(and_(not_(here), is_table(e, level)), is_foreign(v, child))
    return parts


def is_foreign(v: View, p: Term) -> Term:
    """@p is a table beside the region's tree."""
    return and_(v.foreign(p), eq(v.level(p), bv(0, 3)))


def facts_of_table(r: Region, v: View, p: Term, level: int, base: Term) -> list[Term]:
    return [eq(v.base(p), base)] + list(table_parts(r, v, p, level, base).values())


def facts_of_entry(r: Region, v: View, p: Term, level: int, base: Term, i: Term,
                   here: Optional[Term] = None) -> list[Term]:
    """The invariant of one entry, and what it says of the count: above 0, or below 512."""
    parts = entry_parts(r, v, p, level, base, i, here)
    here = counts(v, v.mem(p, i), level)
    return list(parts.values()) + [
        implies(here, ne(v.card(p), bv(0, COUNT_BITS))),
        implies(not_(here), ult(v.card(p), bv(ENTRIES, COUNT_BITS)))]


def two_count(v: View, p: Term, level: int, i: Term, j: Term) -> Term:
    """Two entries of one table that count make its count 2 or more."""
    both = and_(ne(i, j), counts(v, v.mem(p, i), level), counts(v, v.mem(p, j), level))
    return implies(both, ult(bv(1, COUNT_BITS), v.card(p)))


def witness(v: View, p: Term, level: int) -> tuple[Term, Term]:
    """An entry that counts, where the count is not 0: its index, and the fact."""
    i = app("witness", INDEX_BITS, p)
    return i, implies(ne(v.card(p), bv(0, COUNT_BITS)), counts(v, v.mem(p, i), level))
