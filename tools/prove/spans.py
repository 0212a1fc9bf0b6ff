# SPDX-License-Identifier: GPL-2.0
"""Operations that hold every span of the region, or some (src/core/pt.h, "Locking").

Who holds every span (pt_env.all) has the table for itself.  Who holds one shares the tables
above with operations that run at the same time, and this is what it owes them:

  - the entries that it reads and writes are those on its address' path;
  - at levels 3 and 4 it links a table where nothing was, and writes nothing else; nothing is
    counted in that yet, for others take what counts something to be counted above it;
  - it unlinks no table above level 1, but leaves it, empty and not counted (pt_env_leave());
  - counts of tables above level 1 are looked at and changed under their lock, which is
    taken once, or held while the other spans are taken: between two holds others may have
    changed them.

What it is owed in turn is that the others keep to the same (rely and guarantee).  So this is what
they may do between any two of its looks, unless it holds all: at levels 3 and 4 a table appears
where nothing was; they have filled it beside the address' path, so that it counts some number of
entries, or nothing yet; and so they fill, and may leave again, a table that the operation itself
has linked.  Nothing else of theirs can meet it: they change no other entry of its path, and counts
only while it does not hold their lock, which it takes once; what they did before that to counts
of tables that were there is covered by starting from an arbitrary state.

To hold all spans keeps out neither operations on other files of the address space, which link
tables in the root, nor Linux's faults, which link at levels 3 and 4: they do so at the levels above
@linux_links, whatever is held (operations.links_above()).

vpt_lock_rest() answers either yes, and from then on every span is held, or no.  Until then others
were at work, so with yes an entry may lead to a table of theirs at the next look.
"""
from __future__ import annotations

from contract import Contracts
from execute import Stuck
from hwwalk import INDEX_BITS, VPN_BITS, is_table, page
from inv import COUNT_BITS, ENTRIES
from operations import VA
from state import Event, Slot, State, TablePage
from term import FALSE, TRUE, Term, add, and_, bits, boolean, bv, eq, implies, \
    ite, not_, or_, ult, var

HOLDS_ALL = var("holds_all", 0)		# at the call


def place(slot: Slot) -> tuple[int, int]:
    return slot.page.ident, slot.index.ident


class SpanContracts(Contracts):
    # What others do

    def may_be_linked(self, s: State, slot: Slot) -> bool:
        return super().may_be_linked(s, slot) or slot.level > 2 and (
            s.known.reduce(s.covered) is not TRUE or place(slot) in s.unseen)

    def observe(self, s: State, address_term: Term, i: Term) -> list[tuple[State, Slot]]:
        out = super().observe(s, address_term, i)
        for t, slot in out:
            t.unseen -= {place(slot)}
        return out

    def others_table(self, s: State, above: Slot) -> Term:
        """What Linux links is empty; another operation's has entries beside the address' path.
        What is counted after this operation had the counts' lock comes after it altogether."""
        if above.level == 2:
            return super().others_table(s, above)
        live = bv(0, COUNT_BITS)
        if not s.counted or s.counting:
            live = var(s.name("others"), COUNT_BITS)
            s.fact(ult(live, bv(ENTRIES, COUNT_BITS)))
        if place(above) in s.unseen:
            pass		# they did when they still had their spans
        elif super().may_be_linked(s, above):
            s.fact(implies(s.covered, eq(live, bv(0, COUNT_BITS))))
        else:
            s.assume(not_(s.covered))
        if above.level == 3:
            self.others_count(s, s.tables[above.page.ident], live)
        return self.fresh_page(s, "others", above.level - 1, live)

    def others_count(self, s: State, t: TablePage, below: Term) -> None:
        """If they have counted entries of a table, they have counted it in the one above."""
        more = ite(eq(below, bv(0, COUNT_BITS)), bv(0, COUNT_BITS), bv(1, COUNT_BITS))
        if more.op == "const":
            return
        self.count_told(s, t, more)
        self.moved(t, more)

    def moved(self, t: TablePage, more: Term) -> None:
        t.live = t.live_initial = add(t.live, more)
        t.moved = True

    def others_use(self, s: State) -> None:
        """Others have used the tables that this operation has linked, until it looks at counts
        of theirs."""
        if s.known.reduce(s.covered) is TRUE or s.counted:
            return
        for t in sorted(s.tables.values(), key=lambda t: t.level):
            if t.owned is None or t.base is None or t.level == 1:
                continue
            more = var(s.name("others"), COUNT_BITS)
            s.fact(ult(more, bv(ENTRIES, COUNT_BITS)),
                   implies(s.covered, eq(more, bv(0, COUNT_BITS))))
            self.use_told(s, t, more)
            self.moved(t, more)
            t.beside = more
            if t.level == 2:
                self.others_count(s, s.tables[t.parent.ident], more)

    def count_told(self, s: State, t: TablePage, more: Term) -> None:
        """The environment's own record of a count that others have changed."""

    def use_told(self, s: State, t: TablePage, more: Term) -> None:
        """The same, of a table that this operation has linked; they may have left it again."""

    # Entries

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        slot, before = super().slot(s, address_term, i)
        low = INDEX_BITS * (slot.level - 1)
        s.require("an entry that is used is on the address' path",
                  eq(bits(slot.base, VPN_BITS - 1, low), bits(VA, 47, low + 12)))
        return slot, before

    def write(self, s: State, slot: Slot, level: Term, value: Term, kind: str) -> None:
        if slot.level > 2:
            comes = and_(eq(slot.value, bv(0, 64)), is_table(value, slot.level))
            s.require("of what spans share only tables come, unless all spans are held",
                      or_(self.unshared(s, slot), comes))
            below = s.tables.get(page(value).ident)
            if below and below.live is not None:
                s.require("a table counts nothing when it is linked where others use it",
                          or_(s.covered, eq(below.live, bv(0, COUNT_BITS))))
        super().write(s, slot, level, value, kind)

    def unshared(self, s: State, slot: Slot) -> Term:
        """Whether every span is held that an entry of level 3 or 4 reaches into."""
        return s.covered

    def defer_table(self, s: State, args: list) -> list:
        t = self.known_table(s, s.known.reduce(args[1]))
        s.require("a table above level 1 is unlinked by who holds all spans",
                  TRUE if t.level == 1 else s.covered)
        return super().defer_table(s, args)

    # Counts

    def look_at_count(self, s: State, t: TablePage) -> None:
        s.require("counts above level 1 are looked at under their lock, or with all spans held",
                  TRUE if t.level == 1 or s.counting else s.covered)

    def change_count(self, s: State, t: TablePage) -> None:
        s.require("counts above level 1 change under their lock",
                  boolean(t.level == 1 or s.counting or t.base is None))
        s.require("what was left is not counted again", boolean(not t.left))

    def lock_counts(self, s: State) -> None:
        """Tables' own locks nest inside."""
        s.require("the counts' lock does not nest, and tables' locks nest inside",
                  boolean(not s.counting and s.locked is None))
        s.require("no lock is taken where the caller holds one", boolean(not self.kept_out))
        s.require("counts are locked once, unless all spans are held",
                  TRUE if not s.counted else s.covered)
        self.others_use(s)
        s.counting = s.counted = True

    def unlock_counts(self, s: State) -> None:
        s.require("the counts' lock is released when it was taken",
                  boolean(s.counting and s.locked is None))
        s.counting = False

    # Spans

    def lock_rest(self, s: State) -> tuple[State, State]:
        """Yes, and no."""
        s.require("who holds all spans takes no more", not_(s.covered))
        s.require("no table's lock is held while spans are taken", boolean(s.locked is None))
        s.require("counts that were looked at stay locked while spans are taken",
                  boolean(s.counting or not s.counted))
        no = s.clone()
        # Until then they have linked what they will.
        self.others_use(s)
        s.unseen = frozenset(map(place, s.slots.values()))
        s.covered, no.covered = TRUE, FALSE
        return s, no

    def leave(self, s: State, table: Term) -> TablePage:
        t = self.mine(s, table)
        s.require("a table that is left counts nothing", eq(t.live, bv(0, COUNT_BITS)))
        s.require("a table is left under the counts' lock, and with its own not held",
                  boolean(s.counting and s.locked is None))
        s.require("a table is left by who may not unlink it",
                  FALSE if t.level == 1 else not_(s.covered))
        if t.owned is not None:
            raise Stuck("a table that was taken is left")
        t.left = True
        s.events.append(Event("leave", t.page, t.level, conditions=len(s.conditions)))
        return t
