# SPDX-License-Identifier: GPL-2.0
"""Cases of an arbitrary address: how far its walk goes the way of another's.

A solver that is left to find them decides the same few questions over again at every
bit.  Said in advance, most of a goal folds away: down to where the ways part the two
walks are one, and from there on they read different entries.
"""
from __future__ import annotations

from dataclasses import dataclass, field

from hwwalk import index, shift
from state import Known, rebuild
from term import Term, bits, bv, concat, eq, ne, var

V = var("v", 48)
ANY = concat(bv(0, 16), V)		# an arbitrary address
VA = var("va", 64)			# the address that the operation is about


@dataclass
class Case:
    """The walk of @ANY comes to the table of @level that another one comes to, and if it is
    @parted reads another entry there.  @value: what V is; @facts: that this is so."""
    level: int
    parted: bool
    value: Term
    facts: list[Term]
    known: Known		# from the path's conditions
    replaced: dict[int, Term] = field(default_factory=dict)
    reduced: dict[int, Term] = field(default_factory=dict)

    @property
    def address(self) -> Term:
        return concat(bv(0, 16), self.value)

    def of(self, t: Term) -> Term:
        """The term in this case."""
        return self.known.reduce(self.replace(t), self.reduced)

    def replace(self, t: Term) -> Term:
        if t is V:
            return self.value
        found = self.replaced.get(t.ident)
        if found is None:
            args = [self.replace(a) for a in t.args]
            same = all(x is y for x, y in zip(args, t.args))
            found = self.replaced[t.ident] = t if same else rebuild(t, args)
        return found


def cases(va: Term, level: int, known: Known) -> list[Case]:
    """All that there are: in @va's table of @level, or parted above that."""
    found = []
    for at in range(4, level - 1, -1):
        value, facts = V, []
        if at < 4:
            value = concat(bits(va, 47, shift(at + 1)), var("below", shift(at + 1)))
            facts = [eq(V, value)]
        if at > level:
            facts.append(ne(index(concat(bv(0, 16), value), at), index(va, at)))
        found.append(Case(at, at > level, value, facts, known))
    return found
