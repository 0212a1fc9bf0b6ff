# SPDX-License-Identifier: GPL-2.0
"""The abstract map's transitions: what each operation may answer, and what is mapped then.

Said in terms of walks (hwwalk.py) of the state before: whether something is mapped,
where it begins, its size, frame, rights, A and D.  Nothing here looks at an entry's bits.
Source of the rules: src/core/pt.h.
"""
from __future__ import annotations

from typing import Callable

from hwwalk import Walk, shift
from inv import Region
from term import Term, add, and_, bit, bits, bv, concat, eq, implies, ite, ne, not_, or_, shl, \
    sub, ule, ult, zext

OK, EXISTS, NOENT, INVALID, NOMEM, AGAIN, WIDER = range(7)
STATUS = ("OK", "EXISTS", "NOENT", "INVALID", "NOMEM", "AGAIN", "WIDER")

EXEC, WRITE, USER = 0, 1, 2		# bits of rights


def rights_ok(rights: Term) -> Term:
    return eq(bits(rights, 31, 3), bv(0, 29))


def holds(r: Region, va: Term) -> Term:
    return and_(ule(r.start, va), ult(va, r.end))


def fits(start: Term, size: int, low: Term, high: Term) -> Term:
    """[@start, @start + @size) lies in [@low, @high), without wrapping."""
    wide = zext(start, 66)
    return and_(ule(zext(low, 66), wide), ule(add(wide, bv(size, 66)), zext(high, 66)))


def aligned(t: Term, level: int) -> Term:
    return eq(bits(t, shift(level) - 1, 0), bv(0, shift(level)))


def page_ok(r: Region, va: Term, level: int) -> Term:
    return and_(aligned(va, level), fits(va, 1 << shift(level), r.start, r.end))


def frame_ok(r: Region, pa: Term, level: int) -> Term:
    return and_(aligned(pa, level), fits(pa, 1 << shift(level), bv(0, 64), r.pa_limit))


def range_ok(r: Region, va: Term, n: Term, level: int) -> Term:
    """@n pages from @va on are some, and lie in the region."""
    end = add(zext(va, 128), shl(zext(n, 128), shift(level)))
    return and_(ne(n, bv(0, 64)), aligned(va, level), ule(r.start, va),
                ule(end, zext(r.end, 128)))


def by_level(level: Term, then: Callable[[int], Term]) -> Term:
    """then(level), for a level that is 1, 2 or 3."""
    return ite(eq(level, bv(1, 3)), then(1), ite(eq(level, bv(2, 3)), then(2), then(3)))


def begins(w: Walk, va: Term) -> Term:
    """A mapping starts at @va."""
    return and_(w.mapped, by_level(w.level, lambda n: aligned(va, n)))


def in_page(va: Term, v: Term, level: int) -> Term:
    """@v lies in the page of @level that holds @va."""
    return eq(bits(v, 63, shift(level)), bits(va, 63, shift(level)))


def in_mapping(w: Walk, va: Term, v: Term) -> Term:
    """@v lies in the page that @w, the walk for @va, found."""
    return and_(w.mapped, by_level(w.level, lambda n: in_page(va, v, n)))


def rights_are(w: Walk, rights: Term) -> Term:
    return and_(eq(w.writable, bit(rights, WRITE)), eq(w.user, bit(rights, USER)),
                eq(w.execute_disable, not_(bit(rights, EXEC))))


def walk_rights(w: Walk) -> Term:
    """The rights of what a walk found, as the interface says them."""
    def one(t: Term) -> Term:
        return ite(t, bv(1, 1), bv(0, 1))
    return concat(bv(0, 29), one(w.user), one(w.writable), one(not_(w.execute_disable)))


def maps(w: Walk, pa: Term, level: Term, rights: Term) -> Term:
    return and_(w.mapped, eq(zext(w.frame, 64), pa), eq(w.level, level), rights_are(w, rights))


def not_mapped(w: Walk) -> Term:
    """Nothing there, and the fault is that of an absent page."""
    return and_(not_(w.mapped), not_(w.fault_reserved))


def revoked(w: Walk, rights: Term) -> Term:
    """The walk allows something that @rights do not."""
    return or_(and_(w.writable, not_(bit(rights, WRITE))), and_(w.user, not_(bit(rights, USER))),
               and_(not_(w.execute_disable), not_(bit(rights, EXEC))))


def missing(w: Walk, level: int) -> Term:
    """How many tables a leaf of @level needs where the walk ended with nothing."""
    n = bv(0, 64)
    for at in range(level + 1, 5):
        n = ite(eq(w.level, bv(at, 3)), bv(at - level, 64), n)
    return n


# Ranges: places for leaves of @level, one page after another

def may_write(rights: Term) -> Term:
    return bit(rights, WRITE)


def free(w: Walk, level: int) -> Term:
    """Nothing is mapped, and no table stands where a leaf of @level would."""
    return and_(not_mapped(w), ule(bv(level, 3), w.level))


def needed(w: Walk, va: Term, first: Term, level: int) -> Term:
    """The missing tables that are counted for the free page at @va: a table that is missing
    counts once in a range, for the first page behind it.  @first: the range's."""
    n = bv(0, 64)
    for at in range(level, 4):
        here = and_(ult(bv(at, 3), w.level), or_(eq(va, first), aligned(va, at + 1)))
        n = add(n, ite(here, bv(1, 64), bv(0, 64)))
    return n


def starts_new(w: Walk, va: Term, first: Term, level: int) -> Term:
    """No table missing for @va is missing for the page in front of it, too."""
    return or_(eq(va, first), and_(*(
        implies(ult(bv(at, 3), w.level), aligned(va, at + 1)) for at in range(level, 4))))


def touched(first: Term, end: Term, level: int, hole: int) -> Term:
    """Tables missing behind [@first, @end), where the walk for @first ends with nothing at
    level @hole."""
    n, last, one = bv(0, 64), sub(end, bv(1, 64)), bv(1, 64)
    for at in range(level, hole):
        low = shift(at + 1)
        n = sub(add(n, one), zext(bits(first, 63, low), 64))
        n = add(n, zext(bits(last, 63, low), 64))
    return n
