# SPDX-License-Identifier: GPL-2.0
"""The hardware's reading of an entry and its walk, as terms.

This is spec/spec_walk.c over again, field by field (SDM vol. 3A, 4.5 to 4.7, tables
4-15 to 4-20), for a CPU with NXE and 1 GiB pages.  tests/prove compares the two
on random and boundary entries and walks.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from term import FALSE, TRUE, Term, and_, bit, bits, bv, bvand, bvnot, concat, eq, ite, ne, \
    implies, not_, or_

LEVELS = 4
INDEX_BITS = 9
PAGE_SHIFT = 12
PAGE_BITS = 40		# of a page number, 51:12
VPN_BITS = 36		# of an address without its offset in the 4 KiB page, 47:12

Read = Callable[[Term, Term], Term]


def shift(level: int) -> int:
    return PAGE_SHIFT + INDEX_BITS * (level - 1)


def index(va: Term, level: int) -> Term:
    return bits(va, shift(level) + INDEX_BITS - 1, shift(level))


# Fields of an entry (tables 4-15 to 4-20)

def present(e: Term) -> Term:
    return bit(e, 0)


def writable(e: Term) -> Term:
    return bit(e, 1)


def user(e: Term) -> Term:
    return bit(e, 2)


def accessed(e: Term) -> Term:
    return bit(e, 5)


def dirty(e: Term) -> Term:
    return bit(e, 6)


def page_size(e: Term) -> Term:
    return bit(e, 7)


def execute_disable(e: Term) -> Term:
    return bit(e, 63)


def page(e: Term) -> Term:
    """Bits 51:12: the number of the table or frame it names."""
    return bits(e, 51, 12)


def is_leaf(e: Term, level: int) -> Term:
    if level == 1:
        return present(e)
    return and_(present(e), page_size(e)) if level < 4 else FALSE


def is_table(e: Term, level: int) -> Term:
    if level == 1:
        return FALSE
    return present(e) if level == 4 else and_(present(e), not_(page_size(e)))


def beyond(number: Term, width_mask: Term) -> Term:
    """Whether a page number has bits at or above MAXPHYADDR."""
    return ne(bvand(number, bvnot(width_mask)), bv(0, PAGE_BITS))


def misaligned(e: Term, level: int) -> Term:
    """Bits 20:13 or 29:13 of a large leaf (tables 4-18, 4-16)."""
    if level == 1:
        return FALSE
    return ne(bits(e, shift(level) - 1, 13), bv(0, shift(level) - 13))


def reserved(e: Term, level: int, width_mask: Term) -> Term:
    """Whether a present entry has a reserved bit set (4.5.4)."""
    wrong = beyond(page(e), width_mask)
    if level == 4:
        return or_(wrong, page_size(e))
    return or_(wrong, and_(is_leaf(e, level), misaligned(e, level)))


@dataclass(frozen=True)
class Walk:
    """How a walk ends: mapped, or why not; the rest counts where it is mapped."""
    mapped: Term
    fault_reserved: Term
    level: Term			# 3 bits: of the last entry read
    frame: Term			# 52 bits
    writable: Term
    user: Term
    execute_disable: Term
    accessed: Term
    dirty: Term
    tables: tuple[Term, ...]	# page read at level 4, 3, 2, 1
    entries: tuple[Term, ...]
    reached: tuple[Term, ...]	# whether the walk came there


def frame(e: Term, level: int) -> Term:
    """First byte of a leaf's frame: 51:12, 51:21 or 51:30."""
    return concat(bits(e, 51, shift(level)), bv(0, shift(level)))


def walk(read: Read, root: Term, va: Term, width_mask: Term) -> Walk:
    """Walk for @va from the table at page @root (SDM 4.5.4, 4.6.1, 4.7)."""
    tables, entries, reached = [], [], []
    here, table = TRUE, root
    w = u = TRUE
    xd = FALSE
    mapped = fault_reserved = FALSE
    level_out, frame_out = bv(0, 3), bv(0, 52)
    w_out = u_out = xd_out = a_out = d_out = FALSE
    for level in range(LEVELS, 0, -1):
        e = read(table, index(va, level))
        tables.append(table)
        entries.append(e)
        reached.append(here)
        bad = and_(present(e), reserved(e, level, width_mask))
        w, u = and_(w, writable(e)), and_(u, user(e))
        xd = or_(xd, execute_disable(e))
        leaf = and_(here, is_leaf(e, level), not_(bad))
        mapped = or_(mapped, leaf)
        fault_reserved = or_(fault_reserved, and_(here, bad))
        level_out = ite(here, bv(level, 3), level_out)
        frame_out = ite(leaf, frame(e, level), frame_out)
        w_out, u_out = ite(leaf, w, w_out), ite(leaf, u, u_out)
        xd_out = ite(leaf, xd, xd_out)
        a_out, d_out = ite(leaf, accessed(e), a_out), ite(leaf, dirty(e), d_out)
        here = and_(here, is_table(e, level), not_(bad))
        table = page(e)
    return Walk(mapped, fault_reserved, level_out, frame_out, w_out, u_out, xd_out, a_out, d_out,
                tuple(tables), tuple(entries), tuple(reached))


def same_translation(a: Walk, b: Walk) -> Term:
    """Same page, frame, size and rights, or neither is mapped; A and D left aside."""
    return and_(eq(a.mapped, b.mapped), eq(a.fault_reserved, b.fault_reserved),
                or_(not_(a.mapped),
                    and_(eq(a.level, b.level), eq(a.frame, b.frame), eq(a.writable, b.writable),
                         eq(a.user, b.user), eq(a.execute_disable, b.execute_disable))))


def same_but_a_d(before: Walk, after: Walk) -> Term:
    """The same, A and D only added."""
    return and_(same_translation(before, after), implies(before.accessed, after.accessed),
                implies(before.dirty, after.dirty))
