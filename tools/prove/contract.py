# SPDX-License-Identifier: GPL-2.0
"""The environment's contracts (src/core/pt.h), hardware's A and D, Linux's links.

Each function of pt_env.h demands (obligations of the path) and promises (facts).
An entry read a second time may have got A or D meanwhile, and, where other software
may link tables, an empty one may lead to an empty table.  What happens before an
entry is first looked at is part of the state before: any state that satisfies the
invariant stays one when hardware sets A and D or Linux links an empty table.
"""
from __future__ import annotations

from typing import Callable

from execute import Oracle, Stuck
from hwwalk import INDEX_BITS, PAGE_BITS, dirty, accessed, is_leaf, is_table, page, \
    present, shift, writable
from inv import BEFORE, COUNT_BITS, ENTRIES, Region, entry_base, facts_of_entry, \
    facts_of_table, in_width, owned, reaches
from state import Event, Pointer, Slot, State, TablePage, Value
from term import FALSE, TRUE, Term, add, and_, bit, bits, boolean, bv, concat, eq, ite, ne, \
    not_, or_, shl, sub, ule, var, zext


def one_bit(t: Term) -> Term:
    return ite(t, bv(1, 1), bv(0, 1))


MIRRORED = var("root_mirrored", 0)		# PTI is on: the root is one of two copies


def of(first: Pointer, contract: Callable) -> Callable:
    """The contract, for calls that are given the caller's struct."""
    def checked(s: State, args: list[Value]) -> list[tuple[State, Value]]:
        if args[0] != first:
            raise Stuck(f"{contract.__name__}() is called with another struct {first.object}")
        return contract(s, args)
    return checked


class Contracts:
    def __init__(self, region: Region, oracle: Oracle, linux_links: int = 0,
                 kept_out: bool = False):
        """@linux_links: at levels above this one other software links tables; 0: nowhere.
        @kept_out: the caller keeps all others from writing where the operation does, by a lock
        that it holds: the operation takes none."""
        self.region, self.oracle, self.linux_links = region, oracle, linux_links
        self.kept_out = kept_out

    def table(self) -> dict:
        names = ("load", "store", "exchange", "compare_exchange", "lock", "unlock", "live",
                 "set_live", "reserve", "take", "defer_table", "release")
        found = {"@pt_env_" + n: of(Pointer("env", 0), getattr(self, n)) for n in names}
        return found | {"@pt_env_leaf_bits": self.leaf_bits}

    # Tables and their entries

    def known_table(self, s: State, address_term: Term) -> TablePage:
        """The table at an address; on first sight its part of the invariant."""
        p = bits(address_term, 51, 12)
        s.require("a table's address is that of a page",
                  and_(eq(bits(address_term, 11, 0), bv(0, 12)),
                       eq(bits(address_term, 63, 52), bv(0, 12))))
        found = s.tables.get(p.ident)
        if found:
            s.require("what was deferred is not touched again", boolean_not(found.deferred))
            return found
        for slot in s.slots.values():
            if slot.level > 1 and page(slot.value) is p:
                return self.meet(s, p, slot.level - 1, slot.base,
                                 is_table(s.known.reduce(slot.value), slot.level))
        raise Stuck(f"access to a table that no entry read leads to: {address_term}")

    def meet(self, s: State, p: Term, level: int, base: Term, linked: Term) -> TablePage:
        for other in s.tables.values():
            if other.level == level and not other.fresh:
                raise Stuck(f"a second table of level {level} on one path")
        s.require(f"what is used as a table of level {level} is one",
                  and_(linked, eq(BEFORE.level(p), bv(level, 3))))
        s.fact(*facts_of_table(self.region, BEFORE, p, level, base))
        live = BEFORE.live(p)
        found = TablePage(p, level, base, live=live, live_initial=live)
        s.tables[p.ident] = found
        return found

    def add_root(self, s: State) -> None:
        p = self.region.root
        s.fact(*facts_of_table(self.region, BEFORE, p, 4, bv(0, 36)))
        s.fact(eq(BEFORE.level(p), bv(4, 3)))
        s.tables[p.ident] = TablePage(p, 4, bv(0, 36), live=None)

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        """An entry, and whether it was looked at before on this path."""
        t = self.known_table(s, s.known.reduce(address_term))
        i = s.known.reduce(i)
        s.require("an index is below 512", eq(bits(i, 31, INDEX_BITS), bv(0, 32 - INDEX_BITS)))
        i = bits(i, INDEX_BITS - 1, 0)
        found = s.slots.get((t.page.ident, i.ident))
        if found:
            return found, True
        if any(o.page is t.page for o in s.slots.values()):
            raise Stuck(f"a second entry of {t.page} on one path: {i}")
        if t.base is None:
            raise Stuck(f"access to {t.page} before it is linked")
        base = entry_base(t.base, t.level, i)
        here = reaches(self.region, base, t.level)
        s.require("an entry that is used reaches into the region", here)
        s.fact(here)
        if t.fresh:
            initial = t.filled(i) if t.filled else bv(0, 64)
        else:
            initial = BEFORE.mem(t.page, i)
            s.fact(*facts_of_entry(self.region, BEFORE, t.page, t.level, t.base, i, TRUE))
        found = Slot(t.page, t.level, i, initial, initial, base)
        s.slots[t.page.ident, i.ident] = found
        return found, t.fresh

    def observe(self, s: State, address_term: Term, i: Term) -> list[tuple[State, Slot]]:
        """Look at an entry, after what others may have done to it."""
        slot, before = self.slot(s, address_term, i)
        alone = self.kept_out
        if not alone and self.holds(s, slot):
            # Under the lock nobody else writes; before it was taken they may have.
            here = slot.page.ident, slot.index.ident
            alone, s.settled = s.settled == here, here
        s.alone = alone
        if not before:
            return [(s, slot)]
        v = slot.value
        can = and_(present(v), or_(not_(accessed(v)), and_(writable(v), not_(dirty(v)))))
        can = s.known.reduce(can)
        if can is not FALSE and self.oracle.possible(s, can):
            self.hardware(s, slot)
        # It may be absent all the same, and Linux have linked a table there.
        empty = s.known.reduce(eq(slot.value, bv(0, 64)))
        if self.may_be_linked(s, slot) and not alone and self.oracle.possible(s, empty):
            return self.linked(s, slot, empty)
        return [(s, slot)]

    def may_be_linked(self, s: State, slot: Slot) -> bool:
        """Whether others may link a table there, if nothing is."""
        return 0 < self.linux_links < slot.level

    def hardware(self, s: State, slot: Slot) -> None:
        """The MMU may have set A in a present entry, and D if it can be written."""
        v = slot.value
        a, d = var(s.name("hwA"), 0), var(s.name("hwD"), 0)
        slot.value = concat(
            bits(v, 63, 7), one_bit(or_(dirty(v), and_(d, present(v), writable(v)))),
            one_bit(or_(accessed(v), and_(a, present(v)))), bits(v, 4, 0))
        s.events.append(Event("hardware", slot.page, slot.level, Slot(**vars(slot)), slot.value,
                              conditions=len(s.conditions)))

    def linked(self, s: State, slot: Slot, empty: Term) -> list[tuple[State, Slot]]:
        """Others may have linked a table here."""
        out = []
        if self.oracle.possible(s, not_(empty)):
            other = s.clone()
            other.assume(not_(empty))
            out.append((other, other.slots[slot.page.ident, slot.index.ident]))
        linked = s.clone()
        s.assume(empty)
        out.append((s, slot))
        linked.assume(empty)
        slot = linked.slots[slot.page.ident, slot.index.ident]
        p = self.others_table(linked, slot)
        self.link(linked, linked.tables[p.ident], slot)
        slot.value = concat(bv(0, 12), p, bv(0x067, 12))
        linked.events.append(Event("linked", slot.page, slot.level, Slot(**vars(slot)), slot.value,
                                   conditions=len(linked.conditions)))
        out.append((linked, slot))
        return out

    def others_table(self, s: State, above: Slot) -> Term:
        """What Linux links: empty, and it counts nothing there."""
        return self.fresh_page(s, "linux", above.level - 1)

    def fresh_page(self, s: State, stem: str, level: int,
                   live: Term = bv(0, COUNT_BITS)) -> Term:
        p = var(s.name(stem), PAGE_BITS)
        s.fact(eq(BEFORE.level(p), bv(0, 3)), not_(BEFORE.foreign(p)),
               ne(p, bv(0, PAGE_BITS)), in_width(self.region, p),
               eq(BEFORE.live(p), live), eq(BEFORE.card(p), live))
        s.fact(*(ne(p, t.page) for t in s.tables.values()))
        s.tables[p.ident] = TablePage(p, level, None, fresh=True, live=live, live_initial=live)
        return p

    def link(self, s: State, t: TablePage, slot: Slot) -> None:
        t.parent, t.index, t.base = slot.page, slot.index, slot.base

    def load(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        new = self.known_table(s, s.known.reduce(args[1]))
        if unlinked(new):
            return [(s, new.entries.get(self.which(s, args[2]), bv(0, 64)))]
        return [(t, self.loaded(slot)) for t, slot in self.observe(s, args[1], args[2])]

    def loaded(self, slot: Slot) -> Term:
        """Under PTI the root that is read is the kernel's copy, in which NX is set."""
        v = slot.value
        if slot.level < 4:
            return v
        return concat(one_bit(or_(bit(v, 63), and_(MIRRORED, present(v)))), bits(v, 62, 0))

    def write(self, s: State, slot: Slot, level: Term, value: Term, kind: str) -> None:
        s.require("the level told is the table's", eq(level, bv(slot.level, 32)))
        s.require("a table is written under its lock",
                  boolean(self.kept_out or self.holds(s, slot)))
        s.require("the root, of which there may be two copies, is written by plain stores",
                  TRUE if slot.level < 4 or kind == "store" else FALSE)
        self.unlink(s, slot, value)
        slot.value = value
        if slot.level > 1:
            below = s.tables.get(page(value).ident)
            if below and below.fresh:
                s.require("an entry is looked at under its lock before a table is linked there",
                          boolean(s.alone))
                self.link(s, below, slot)
                if below.owned is None:
                    raise Stuck("a table that others have linked is linked once more")
                if below.entries:
                    below.filled = side_by_side(below.entries, below.level)
                s.require("a table is taken as owned exactly if it is",
                          eq(below.owned, owned(self.region, below.base, below.level)))
        s.events.append(Event(kind, slot.page, slot.level, Slot(**vars(slot)), value,
                              conditions=len(s.conditions), facts=len(s.facts),
                              where=s.where))

    def unlink(self, s: State, slot: Slot, value: Term) -> None:
        """Rule 1: leaves are cleared before the tables above them are unlinked.  Empty tables
        that nobody counts may hang in one, and go with it."""
        old = slot.value
        unlinks = and_(is_table(old, slot.level), not_(and_(
            is_table(value, slot.level), eq(page(value), page(old)))))
        below = s.tables.get(page(old).ident)
        empty = FALSE if below is None else and_(eq(below.live, bv(0, COUNT_BITS)), *(
            not_(is_leaf(o.value, o.level)) for o in s.slots.values() if o.page is below.page))
        s.require("a table that is unlinked is empty", or_(not_(unlinks), empty))

    def store(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, table, level, i, value = args
        new = self.known_table(s, s.known.reduce(table))
        if unlinked(new):
            self.fill(s, new, level, i, value)
            return [(s, None)]
        out = []
        for t, slot in self.observe(s, table, i):
            t.require("no plain store over a leaf, which hardware writes too",
                      not_(is_leaf(slot.value, slot.level)))
            self.write(t, slot, level, value, "store")
            out.append((t, None))
        return out

    def fill(self, s: State, t: TablePage, level: Term, i: Term, value: Term) -> None:
        """A store to a table that was taken and is not linked yet: nobody sees it."""
        s.require("the level told is the table's", eq(level, bv(t.level, 32)))
        t.entries = t.entries | {self.which(s, i): s.known.reduce(value)}

    def which(self, s: State, i: Term) -> int:
        at = s.known.reduce(i).value
        if at is None or at >= ENTRIES:
            raise Stuck(f"which entry of a new table is that? {i}")
        return at

    def exchange(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, table, level, i, value = args
        out = []
        for t, slot in self.observe(s, table, i):
            old = slot.value
            self.write(t, slot, level, value, "exchange")
            out.append((t, old))
        return out

    def compare_exchange(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        _, table, level, i, old, value = args
        out: list[tuple[State, Value]] = []
        for t, slot in self.observe(s, table, i):
            same = t.known.reduce(eq(slot.value, old))
            hits, misses = (self.oracle.possible(t, way) for way in (same, not_(same)))
            if hits:
                hit = t.clone()
                hit.assume(same)
                self.write(hit, hit.slots[slot.page.ident, slot.index.ident], level, value,
                           "compare_exchange")
                out.append((hit, old))
            if misses:
                t.assume(not_(same))
                out.append((t, slot.value))
            if not hits and not misses:
                out.append((t.die(), None))
        return out

    # Locks, counts, pages

    def holds(self, s: State, slot: Slot) -> bool:
        """Whether the lock of the entry's table is held."""
        return s.locked is not None and s.locked[0] is slot.page

    def takes_lock(self, s: State) -> None:
        s.require("locks do not nest", boolean(s.locked is None))
        s.require("no lock is taken where the caller holds one", boolean(not self.kept_out))

    def lock(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        t = self.known_table(s, s.known.reduce(args[1]))
        self.takes_lock(s)
        s.require("the level told is the table's", eq(args[2], bv(t.level, 32)))
        s.locked, s.settled = (t.page, t.level), None
        return [(s, None)]

    def unlock(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        t = self.known_table(s, s.known.reduce(args[1]))
        s.require("what is unlocked was locked",
                  TRUE if s.locked and s.locked[0] is t.page else FALSE)
        s.locked = None
        return [(s, None)]

    def mine(self, s: State, address_term: Term) -> TablePage:
        t = self.known_table(s, s.known.reduce(address_term))
        claim = FALSE
        if t.base is None:
            claim = t.owned		# and that this is so is asked where it is linked
        elif t.level < 4:
            claim = owned(self.region, t.base, t.level)
        s.require("only tables wholly inside the region have counts", claim)
        return t

    def live(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        return [(s, self.mine(s, args[1]).live)]

    def set_live(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        t = self.mine(s, args[1])
        s.require("a count is at most 512", ule(args[2], bv(ENTRIES, COUNT_BITS)))
        t.live = args[2]
        return [(s, None)]

    def reserve(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        return [(s, s.reserve)]

    def take(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        level = s.known.reduce(args[1]).value
        if level not in (1, 2, 3):
            raise Stuck(f"a table of level {args[1]} is taken")
        s.require("a table is taken only where the reserve has one",
                  ne(s.reserve, bv(0, 64)))
        s.reserve = sub(s.reserve, bv(1, 64))
        p = self.fresh_page(s, "taken", level)
        s.tables[p.ident].owned = args[2] if args[2].width == 0 else ne(args[2], bv(0, 1))
        s.events.append(Event("take", p, level, conditions=len(s.conditions)))
        return [(s, concat(bv(0, 12), p, bv(0, 12)))]

    def defer_table(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        t = self.mine(s, args[1])
        s.require("the level told is the table's", eq(args[2], bv(t.level, 32)))
        s.require("a deferred table counts nothing", eq(t.live, bv(0, COUNT_BITS)))
        slots = [o for o in s.slots.values()
                 if o.level == t.level + 1 and o.base is t.base]
        s.require("a deferred table is unlinked",
                  eq(slots[0].value, bv(0, 64)) if len(slots) == 1 else FALSE)
        s.require("a table is deferred once", boolean_not(t.deferred))
        t.deferred = True
        s.events.append(Event("defer", t.page, t.level, conditions=len(s.conditions)))
        return [(s, None)]

    def release(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        t = self.mine(s, args[1])
        s.require("a table is released once, and not one that was deferred",
                  boolean(not t.released and not t.deferred))
        t.released = True
        s.events.append(Event("release", t.page, t.level, conditions=len(s.conditions)))
        return [(s, None)]

    def leaf_bits(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        level = s.known.reduce(args[0]).value
        if level not in self.region.leaf_bits:
            raise Stuck(f"pt_env_leaf_bits({args[0]})")
        return [(s, self.region.leaf_bits[level])]


def unlinked(t: TablePage) -> bool:
    """Whether a table was taken and is not linked yet."""
    return t.owned is not None and t.base is None


def side_by_side(entries: dict[int, Term], level: int) -> Callable[[Term], Term]:
    """The entries that fill a table of @level, by index: of page after page, each what the first
    one is but for where its frame begins."""
    first, low = entries.get(0), shift(level)
    for n in range(ENTRIES):
        if first is None or entries.get(n) is not add(first, bv(n << low, 64)):
            raise Stuck(f"a table is filled, but entry {n} is {entries.get(n)}")
    return lambda i: add(first, shl(zext(i, 64), low))


def boolean_not(flag: bool) -> Term:
    return FALSE if flag else TRUE
