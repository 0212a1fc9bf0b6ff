# SPDX-License-Identifier: GPL-2.0
"""A refuted goal as a concrete counterexample: replayed on the real code, and drawn."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import abstract
from cases import ANY
from goals import Goal
from hwwalk import INDEX_BITS, PAGE_BITS, index
from inv import BEFORE
from native import Diverged, Native, Recorded
from operations import PA, RESERVE, RIGHTS, VA, Finished, arguments
from smt import order
from solve import Solver
from term import Term, not_, var

NAMES = {4: "PML4", 3: "PDPT", 2: "PD", 1: "PT"}


class Model:
    """Values of the terms one wants to see, in one model of a refuted goal."""

    def __init__(self, solver: Solver, goal: Goal, terms: list[Term]):
        self.terms = [t for t in dict.fromkeys(terms) if t.op != "const"]
        values = solver.model(goal.assumptions + [not_(goal.claim)], self.terms)
        self.found = values is not None
        self.values = {t.ident: v for t, v in zip(self.terms, values or [])}

    def __getitem__(self, t: Term) -> int:
        return t.info if t.op == "const" else self.values[t.ident]


def entry_text(e: int, level: int) -> str:
    if not e & 1:
        return "0" if e == 0 else f"{e:#x} (not present)"
    leaf = level == 1 or (level < 4 and e & 0x80)
    rights = "".join(c if e >> n & 1 else "-" for n, c in ((1, "W"), (2, "U")))
    rights += "-" if e >> 63 else "X"
    state = "".join(c for n, c in ((5, "A"), (6, "D")) if e >> n & 1)
    return f"{e:#018x} {'leaf' if leaf else 'table'} {rights} {state}"


def about_v(goal: Goal) -> bool:
    """Whether the goal speaks of an arbitrary address."""
    return any(t.op == "var" and t.info == "v" for t in order([goal.claim, *goal.assumptions]))


@dataclass
class Counterexample:
    finished: Finished
    goal: Goal
    model: Model

    def lines(self) -> list[str]:
        m, f = self.model, self.finished
        r, s = f.region, f.state
        limit = m[r.width_mask] + 1 << 12
        out = [f"{f.operation.name}(va {m[VA]:#x}, pa {m[PA]:#x}, rights {m[RIGHTS]:#x}) "
               f"-> {f.name()}",
               f"region {m[r.start]:#x}..{m[r.end]:#x}, frames below {limit:#x}, "
               f"{m[RESERVE]} tables in reserve",
               f"violated: {self.goal.theorem}: {self.goal.what}"]
        for what, va, before, after in (("va", VA, f.before_va, None),
                                        ("v", ANY, f.before_v, f.after_v)):
            if what == "v" and not about_v(self.goal):
                continue
            out.append(f"walk for {what} = {m[va]:#x}, before:")
            out += self.walk(va, before)
            if after is not None:
                out.append(f"walk for {what} = {m[va]:#x}, after:")
                out += self.walk(va, after)
        for e in s.events:
            if e.where:
                out.append(f"  at {e.where}")
            if e.slot is not None:
                out.append(f"  {e.kind}: {NAMES[e.level]} {m[e.page] << 12:#x}"
                           f"[{m[e.slot.index]}] = {entry_text(m[e.value], e.level)}")
            else:
                out.append(f"  {e.kind}: a {NAMES[e.level]} at {m[e.page] << 12:#x}")
        for t in s.tables.values():
            if t.live is not None and t.live is not t.live_initial:
                out.append(f"  live count of the {NAMES[t.level]} at {m[t.page] << 12:#x}: "
                           f"{m[t.live_initial]} -> {m[t.live]}")
        if self.goal.theorem == "invariant":
            p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
            out.append(f"at table {m[p] << 12:#x}[{m[i]}]: {m[BEFORE.mem(p, i)]:#x} before, "
                       f"{m[f.after.mem(p, i)]:#x} after; count {m[f.after.live(p)]} recorded, "
                       f"{m[f.after.card(p)]} in truth")
        return out

    def walk(self, va: Term, w) -> list[str]:
        m, out = self.model, []
        for n, level in enumerate((4, 3, 2, 1)):
            if not m[w.reached[n]]:
                break
            out.append(f"  {'  ' * n}{NAMES[level]} {m[w.tables[n]] << 12:#x}"
                       f"[{m[index(va, level)]}] = {entry_text(m[w.entries[n]], level)}")
        return out

    def replay(self, native: Native) -> str:
        """Run the compiled core on the counterexample; say whether it does the same."""
        m, f = self.model, self.finished
        if f.state.phase:
            return "a step of an induction, which no single call replays"
        if f.state.result is None and not f.state.dead:
            return "a step, or a call without an answer, which is not replayed"
        if f.operation.function == "@pt_map_tables":
            return "a call that looks at no table"
        calls = []
        for callee, args, result in f.state.trace[:self.goal.calls]:
            value = m[result] if isinstance(result, Term) else 0
            calls.append((callee.removeprefix("@pt_env_"), tuple(m[a] for a in args), value))
        recorded = Recorded(calls)
        pt = [m[f.region.root] << 12, m[f.region.start], m[f.region.end],
              m[f.region.width_mask] + 1 << 12]
        args = [m[a] for a in arguments(f.operation) if isinstance(a, Term)]
        try:
            outcome = native.run(recorded, f.operation.function[1:], pt, args)
            recorded.finished()
        except Diverged as error:
            if self.goal.calls is not None and recorded.at == len(calls):
                return f"reproduced by the compiled core: the same {len(calls)} calls, so far"
            return f"NOT reproduced by the compiled core: {error}"
        if f.state.dead:
            return f"reproduced by the compiled core: the same {len(calls)} calls, so far"
        if outcome.status != f.status:
            return f"NOT reproduced: the compiled core answers {abstract.STATUS[outcome.status]}"
        return f"reproduced by the compiled core: the same {len(calls)} calls, the same answer"


def wanted(f: Finished, goal: Goal) -> list[Term]:
    r, s = f.region, f.state
    terms = [VA, PA, RIGHTS, RESERVE, ANY, r.root, r.start, r.end, r.width_mask]
    if (s.result or s.dead) and not s.phase:
        terms += [x for x in arguments(f.operation) if isinstance(x, Term)]
    for w in (f.before_va, f.before_v, f.after_v):
        terms += [*w.tables, *w.entries, *w.reached]
    terms += [index(v, n) for v in (VA, ANY) for n in (1, 2, 3, 4)]
    for e in s.events:
        terms += [e.page] + ([e.slot.index, e.value] if e.slot is not None else [])
    for t in s.tables.values():
        terms += [x for x in (t.page, t.live, t.live_initial) if x is not None]
    for _, args, result in s.trace:
        terms += [x for x in (*args, result) if isinstance(x, Term)]
    if goal.theorem == "invariant":
        p, i = var("p", PAGE_BITS), var("i", INDEX_BITS)
        terms += [p, i, BEFORE.mem(p, i), f.after.mem(p, i), f.after.live(p), f.after.card(p)]
    return terms


def counterexample(solver: Solver, f: Finished, goal: Goal) -> Optional[Counterexample]:
    model = Model(solver, goal, wanted(f, goal))
    return Counterexample(f, goal, model) if model.found else None
