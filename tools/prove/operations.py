# SPDX-License-Identifier: GPL-2.0
"""The operations: how each is called, and the goals of each of its paths."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import abstract as a
import bounds
import start
from cases import ANY, VA
from goals import Goal, PathGoals, passes_no_empty
from hwwalk import Walk, accessed, dirty, is_leaf, page, same_but_a_d, shift, walk
from inv import BEFORE, Region, witness
from layout import Stuck
from state import Pointer, Slot, State, Value
from term import FALSE, TRUE, Term, add, and_, bit, bits, bv, concat, eq, implies, ite, ne, not_, \
    or_, shl, sub, ule, ult, var, zext
from view import WRITES, pair_facts, walk_facts

PA, RIGHTS = var("pa", 64), var("rights", 32)
RESERVE = var("reserve", 64)
N = var("n", 64)			# pages of a range
MAPPING = {"va": (0, 8), "pa": (8, 8), "level": (16, 4), "rights": (20, 4), "accessed": (24, 1),
           "dirty": (25, 1)}


@dataclass(frozen=True)
class Operation:
    """@level: of the new page, 0 where the operation finds it out; None: any other.  @linux:
    other software links tables meanwhile, at levels above this one; 0: it does not."""
    name: str
    function: str
    level: Optional[int]
    goals: Callable[["Finished"], list[Goal]]
    linux: int = 0
    first: str = ""		# called before it, with its answer OK


class Finished(PathGoals):
    """A finished path, seen as a call of one operation."""

    def __init__(self, operation: Operation, region: Region, state: State):
        super().__init__(region, state)
        self.operation = operation
        self.before_va = walk(BEFORE.mem, region.root, VA, region.width_mask)
        # An address with bits above 47 has no walk; inside the region it has none.
        self.facts_va = walk_facts(region, VA, self.before_va)
        self.leaves_empty = operation.function == "@pt_make_path"
        self.releases = operation.function == "@pt_release"
        self.others_linked = any(e.kind == "linked" for e in state.events)

    def now(self) -> Walk:
        """The walk of @va afterwards."""
        return walk(self.after.mem, self.region.root, VA, self.region.width_mask)

    def out(self, field: str) -> Optional[Term]:
        """A field of the struct pt_mapping that was handed out."""
        offset, size = MAPPING[field]
        found = self.state.objects["m"].get(offset)
        return found[1] if found and found[0] == size and isinstance(found[1], Term) else None

    @property
    def status(self) -> int:
        value = self.state.known.reduce(self.state.result).value
        if value is None or value >= len(a.STATUS):
            raise Stuck(f"{self.operation.name}: answers {self.state.result}")
        return value

    def name(self) -> str:
        if self.state.result is None:
            return "no answer"
        return a.STATUS[self.status] if self.state.result.width == 32 else "a number"

    def assumption_sets(self) -> list[tuple[str, list[Term]]]:
        """What the goals assume, all of which must have a model."""
        sets = [("the walks'", self.given + self.facts_va + self.facts_v)]
        if not self.state.reserve_only():
            sets += [(f"the invariant's, level {level}", self.somewhere(level))
                     for level in (1, 2, 3, 4)]
        return sets

    def status_is(self, status: int) -> Term:
        return TRUE if self.status == status else FALSE

    def answer(self, claim: Term, what: str = "") -> Goal:
        return Goal("refinement", f"answers {a.STATUS[self.status]} {what or 'when it should'}",
                    self.given + self.facts_va, claim)

    def fields(self, expected: dict[str, Term]) -> list[Goal]:
        """What is handed out."""
        goals = []
        for name, value in expected.items():
            found = self.out(name)
            claim = FALSE if found is None else eq(found, value)
            goals.append(Goal("refinement", f"hands out {name}",
                              self.given + self.facts_va, claim))
        return goals

    def unchanged(self, where: Term) -> Goal:
        """At any @v for which @where holds the walk is as before; A and D only added."""
        return self.walks("elsewhere the walk is as before",
                          implies(where, same_but_a_d(self.before_v, self.after_v)))

    def untouched(self) -> list[Goal]:
        """The walk is as before, and the operation has not written, taken or given anything."""
        quiet = (all(e.kind in ("hardware", "linked") for e in self.state.events)
                 and all(t.live is t.live_initial for t in self.state.tables.values()))
        return [self.unchanged(TRUE),
                Goal("refinement", "nothing is written", self.given, TRUE if quiet else FALSE)]

    def takes_none(self) -> Goal:
        return Goal("refinement", "takes no table", self.given,
                    TRUE if self.state.reserve is RESERVE else FALSE)

    def one_store(self) -> Goal:
        writes = sum(e.kind in WRITES for e in self.state.events)
        return Goal("transactional", "there is one store", self.given,
                    TRUE if writes == 1 else FALSE)

    def swept(self) -> Goal:
        """Of the tables that @va's walk passes through afterwards, none of the core's is empty,
        but for one that was left and those above: whoever holds all spans sweeps them."""
        below = min((t.level for t in self.state.tables.values() if t.left), default=4)
        return Goal("reclamation", "no empty table of the core's stays on the way",
                    self.given + self.facts_va + pair_facts(self.state, VA, self.before_va),
                    passes_no_empty(self.region, self.after, VA, self.now(), below))

    def last_write(self) -> Optional[tuple[Slot, Term, Term]]:
        """The operation's last write over a leaf: the entry, what it replaced, and by what."""
        over = [w for w in self.writes()
                if self.state.known.reduce(is_leaf(w[1], w[0].level)) is not FALSE]
        return over[-1] if over else None

    def no_bit_lost(self, keeps: Callable[[Term], Term]) -> list[Goal]:
        """A and D as hardware last set them: reported, and kept where @keeps(D) says so."""
        write = self.last_write()
        if write is None:
            return [Goal("a/d", "a leaf is replaced", self.given, FALSE)]
        slot, old, new = write
        goals = [Goal("a/d", "what is handed out was a leaf", self.given,
                      is_leaf(old, slot.level))]
        for field, get in (("accessed", accessed), ("dirty", dirty)):
            told = self.out(field)
            claim = FALSE if told is None else eq(told, ite(get(old), bv(1, 8), bv(0, 8)))
            goals.append(Goal("a/d", f"{field} as last set by hardware is handed out",
                              self.given, claim))
        goals.append(Goal("a/d", "A and D stay, or were handed out", self.given, keeps(new)))
        return goals


def find_errors(f: Finished) -> Optional[Goal]:
    """INVALID, NOENT and WIDER of the operations on the mapping that starts at an address."""
    valid = and_(a.holds(f.region, VA), a.aligned(VA, 1))
    if f.status == a.INVALID:
        return f.answer(not_(valid))
    if f.status == a.NOENT:
        return f.answer(and_(valid, not_(a.begins(f.before_va, VA))))
    if f.status == a.WIDER:
        more = f.state.known.reduce(not_(f.state.covered))
        return f.answer(and_(valid, a.begins(f.before_va, VA), eq(f.before_va.level, bv(3, 3)),
                             more), "to who lacks spans, where a page of 1 GiB starts")
    return None


def resolve_goals(f: Finished) -> list[Goal]:
    w, inside = f.before_va, a.holds(f.region, VA)
    goals = f.untouched()
    if f.status == a.INVALID:
        return goals + [f.answer(not_(inside))]
    if f.status == a.NOENT:
        return goals + [f.answer(and_(inside, a.not_mapped(w)))]
    goals.append(f.answer(and_(f.status_is(a.OK), inside, w.mapped)))
    first = a.by_level(w.level, lambda n: concat(bits(VA, 63, shift(n)), bv(0, shift(n))))
    return goals + f.fields({
        "va": first, "pa": zext(w.frame, 64), "level": zext(w.level, 32),
        "rights": a.walk_rights(w), "accessed": ite(w.accessed, bv(1, 8), bv(0, 8)),
        "dirty": ite(w.dirty, bv(1, 8), bv(0, 8))})


def old_mapping(f: Finished) -> list[Goal]:
    w = f.before_va
    return f.fields({"va": VA, "pa": zext(w.frame, 64), "level": zext(w.level, 32),
                     "rights": a.walk_rights(w)})


def found(f: Finished) -> Goal:
    return f.answer(and_(f.status_is(a.OK), a.holds(f.region, VA), a.begins(f.before_va, VA)))


def unmap_goals(f: Finished) -> list[Goal]:
    return [f.takes_none()] + unmapped(f)


def unmapped(f: Finished) -> list[Goal]:
    error = find_errors(f)
    if error:
        if f.status != a.NOENT:
            return [error] + f.untouched()
        return [error, f.unchanged(TRUE), f.swept()]
    there = a.in_mapping(f.before_va, VA, ANY)
    return ([found(f), f.unchanged(not_(there)),
             f.walks("the page is not mapped", implies(there, a.not_mapped(f.after_v)))]
            + old_mapping(f) + f.no_bit_lost(lambda new: eq(new, bv(0, 64))) + [f.swept()])


def sweep_goals(f: Finished) -> list[Goal]:
    """pt_sweep() at an address of the region."""
    return [f.takes_none(), f.unchanged(TRUE), f.swept()]


def protect_goals(f: Finished) -> list[Goal]:
    if f.status == a.INVALID:
        valid = and_(a.rights_ok(RIGHTS), a.holds(f.region, VA), a.aligned(VA, 1))
        return [f.answer(not_(valid))] + f.untouched()
    error = find_errors(f)
    if error:
        return [f.answer(a.rights_ok(RIGHTS), "for good rights only"), error] + f.untouched()
    w, after = f.before_va, f.after_v
    there = a.in_mapping(w, VA, ANY)
    told = f.state.objects["revoked"].get(0, (0, None))[1]
    old = f.last_write()
    kept = FALSE if old is None else and_(
        eq(accessed(old[2]), accessed(old[1])),
        eq(dirty(old[2]), and_(dirty(old[1]), bit(RIGHTS, a.WRITE))))
    return ([found(f), f.answer(a.rights_ok(RIGHTS), "for good rights only"),
             f.unchanged(not_(there)),
             f.walks("the page has the new rights, frame and size as before",
                     implies(there, a.maps(after, zext(f.before_v.frame, 64), f.before_v.level,
                                           RIGHTS))),
             f.answer(FALSE if not isinstance(told, Term) else
                      eq(told, ite(a.revoked(w, RIGHTS), bv(1, 8), bv(0, 8))),
                      "and tells whether rights were taken away")]
            + old_mapping(f) + f.no_bit_lost(lambda new: kept) + [f.one_store()])


def remap_goals(f: Finished) -> list[Goal]:
    w = f.before_va
    if f.status == a.INVALID:
        valid = and_(a.holds(f.region, VA), a.aligned(VA, 1))
        bad_frame = and_(a.begins(w, VA),
                         not_(a.by_level(w.level, lambda n: a.frame_ok(f.region, PA, n))))
        return [f.answer(or_(not_(valid), bad_frame))] + f.untouched()
    error = find_errors(f)
    if error:
        return [error] + f.untouched()
    there = a.in_mapping(w, VA, ANY)
    offset = a.by_level(w.level, lambda n: a.frame_ok(f.region, PA, n))
    return ([found(f), f.answer(offset, "for a good frame only"), f.unchanged(not_(there)),
             f.walks("the page has the new frame, rights and size as before",
                     implies(there, a.maps(f.after_v, PA, f.before_v.level,
                                           a.walk_rights(f.before_v))))]
            + old_mapping(f) + [f.one_store()]
            + f.no_bit_lost(lambda new: and_(not_(accessed(new)), not_(dirty(new)))))


def overlap(r: Region, va: Term, w: Walk, level: int) -> tuple[Term, list[Term]]:
    """An address in @va's page is mapped, and the facts that lead to it; @w: va's walk."""
    facts: list[Term] = []
    table, prefix = page(w.entries[4 - level]), bits(va, 47, shift(level))
    for at in range(level - 1, 0, -1):
        i, fact = witness(BEFORE, table, at)
        facts.append(fact)
        table, prefix = page(BEFORE.mem(table, i)), concat(prefix, i)
    low = 48 - prefix.width
    inner = concat(bv(0, 16), prefix, bv(0, low))
    inner_walk = walk(BEFORE.mem, r.root, inner, r.width_mask)
    facts += walk_facts(r, inner, inner_walk)
    return or_(w.mapped, inner_walk.mapped), facts


def overlap_witness(f: Finished, level: int) -> Goal:
    """EXISTS: some address in the page is mapped, and here is one."""
    found, facts = overlap(f.region, VA, f.before_va, level)
    return Goal("refinement", "answers EXISTS where something is mapped in the page",
                f.given + f.facts_va + facts, found)


def map_goals(f: Finished) -> list[Goal]:
    level, w = f.operation.level, f.before_va
    if level is None:
        return [f.answer(f.status_is(a.INVALID))] + f.untouched()
    valid = and_(a.page_ok(f.region, VA, level), a.frame_ok(f.region, PA, level),
                 a.rights_ok(RIGHTS))
    if f.status == a.INVALID:
        return [f.answer(not_(valid))] + f.untouched()
    goals = [f.answer(valid, "for good arguments only")]
    there = a.in_page(VA, ANY, level)
    if f.status == a.EXISTS:
        return goals + [overlap_witness(f, level)] + f.untouched()
    goals.append(f.walks("nothing was mapped in the page",
                         implies(there, a.not_mapped(f.before_v))))
    below, needs = ult(w.level, bv(level, 3)), a.missing(w, level)
    if f.status == a.AGAIN:
        return goals + [f.answer(below, "where a table stands in the place"), f.unchanged(TRUE),
                        f.takes_none(),
                        f.answer(a.free(f.now(), level), "and leaves the place free")]
    if f.status == a.NOMEM:
        return goals + [f.answer(and_(not_(below), ult(RESERVE, needs)))] + f.untouched()
    # What others link meanwhile need not be taken from the reserve.
    enough = TRUE if f.others_linked else ule(needs, RESERVE)
    goals.append(f.answer(and_(f.status_is(a.OK), not_(below), enough),
                          "where there are enough tables"))
    mapped = and_(a.maps(f.after_v, concat(bits(PA, 63, 12), bv(0, 12)), bv(level, 3), RIGHTS),
                  not_(f.after_v.accessed), not_(f.after_v.dirty))
    return goals + [f.unchanged(not_(there)),
                    f.walks("the page is mapped as asked", implies(there, mapped))]


def path_goals(f: Finished) -> list[Goal]:
    """pt_make_path() where the place is free and the reserve holds what is missing."""
    level, before, after = f.operation.level, f.before_v, f.after_v
    now, missing = f.now(), a.missing(f.before_va, level)
    taken = sub(RESERVE, f.state.reserve)
    told = f.state.objects["table"].get(0, (0, None))[1]
    made = and_(ule(bv(level, 3), after.level), ult(after.level, before.level))
    return [f.answer(f.status_is(a.OK)), f.unchanged(TRUE),
            f.answer(FALSE if told is None else and_(
                now.reached[4 - level],
                eq(told, concat(bv(0, 12), now.tables[4 - level], bv(0, 12)))),
                "and tells which table the walk finds"),
            f.answer(ule(taken, missing) if f.others_linked else eq(taken, missing),
                     "and takes what was missing"),
            f.walks("walks end where they did, or with a table that was made",
                    or_(eq(after.level, before.level), made))]


def tables_goals(f: Finished) -> list[Goal]:
    """pt_map_tables(): the tables of each level whose spans the range touches, be they there
    or not."""
    level, end = f.operation.level, add(VA, shl(N, shift(f.operation.level)))
    return [Goal("refinement", "counts every table that the range touches", f.given,
                 eq(f.state.result, a.touched(VA, end, level, 4)))]


def step_goals(f: Finished) -> list[Goal]:
    """Of hardware's and Linux's steps: what is mapped stays, but for A and D.  And what
    MAP_RANGE has seen of pages below the entry: they stay free, and need no more tables."""
    first, goals = var("first", 64), [f.unchanged(TRUE)]
    here, = f.state.slots.values()
    for level in range(1, here.level):
        was, now = f.before_v, f.after_v
        goals += [f.walks(f"{what}, level {level}", implies(a.free(was, level), claim))
                  for what, claim in (
                      ("a free page stays free", a.free(now, level)),
                      ("it needs no more tables", ule(a.needed(now, ANY, first, level),
                                                      a.needed(was, ANY, first, level))),
                      ("who needs the same as the page in front of it counts no other", implies(
                          a.starts_new(was, ANY, first, level),
                          a.starts_new(now, ANY, first, level))))]
    return goals


def no_goals(f: Finished) -> list[Goal]:
    """Those of the range forms are in rangegoals.py and mapgoals.py, of a split in split.py."""
    raise AssertionError(f.operation.name)


P_PT, P_M, P_REVOKED = Pointer("pt", 0), Pointer("m", 0), Pointer("revoked", 0)


def arguments(operation: Operation, stem: str = "") -> list[Value]:
    """Of a call of the operation's function, or of @stem."""
    stem = stem or operation.function
    if stem == "@pt_map":
        level = var("anylevel", 32) if operation.level is None else bv(operation.level, 32)
        return [P_PT, VA, PA, level, RIGHTS]
    if stem == "@pt_map_tables":
        return [VA, N, bv(operation.level, 32)]
    if stem == "@pt_make_path":
        return [P_PT, VA, bv(operation.level, 32), Pointer("table", 0)]
    return {"@pt_init": start.ARGUMENTS,
            "@pt_resolve": [P_PT, VA, P_M], "@pt_unmap": [P_PT, VA, P_M],
            "@pt_sweep": [P_PT, VA], "@pt_protect": [P_PT, VA, RIGHTS, P_M, P_REVOKED],
            "@pt_remap": [P_PT, VA, PA, P_M],
            "@pt_split_break": [P_PT, VA, P_M], "@pt_split_make": [P_PT, P_M],
            "@pt_release": [P_PT, VA],
            "@pt_unlink_span": [P_PT, Pointer("first", 0), Pointer("behind", 0)]}[stem]


OPERATIONS = [
    Operation("resolve", "@pt_resolve", 0, resolve_goals),
    Operation("protect", "@pt_protect", 0, protect_goals),
    Operation("remap", "@pt_remap", 0, remap_goals),
    Operation("unmap", "@pt_unmap", 0, unmap_goals),
    Operation("sweep", "@pt_sweep", 0, sweep_goals),
    Operation("map 4K", "@pt_map", 1, map_goals),
    Operation("map 2M", "@pt_map", 2, map_goals),
    Operation("map 1G", "@pt_map", 3, map_goals),
    Operation("map, other levels", "@pt_map", None, map_goals),
    Operation("map 4K while Linux links", "@pt_map", 1, map_goals, linux=1),
    Operation("map 1G while Linux links", "@pt_map", 3, map_goals, linux=3),
    Operation("unmap range", "@pt_unmap_range", 0, no_goals),
    Operation("protect range", "@pt_protect_range", 0, no_goals),
    Operation("map 4K range", "@pt_map_range", 1, no_goals),
    Operation("map 2M range", "@pt_map_range", 2, no_goals),
    Operation("map 1G range", "@pt_map_range", 3, no_goals),
    Operation("map other levels, range", "@pt_map_range", None, no_goals),
    Operation("path for map 4K range", "@pt_make_path", 1, path_goals),
    Operation("path for map 4K range while Linux links", "@pt_make_path", 1, path_goals, linux=1),
    Operation("path for map 2M range", "@pt_make_path", 2, path_goals),
    Operation("path for map 1G range", "@pt_make_path", 3, path_goals),
    Operation("tables for 4K range", "@pt_map_tables", 1, tables_goals),
    Operation("tables for 2M range", "@pt_map_tables", 2, tables_goals),
    Operation("tables for 1G range", "@pt_map_tables", 3, tables_goals),
    Operation("split, first half", "@pt_split_break", 0, no_goals),
    Operation("split", "@pt_split_make", 0, no_goals, first="@pt_split_break"),
    Operation("release", "@pt_release", 0, bounds.release_goals),
    Operation("unlink span", "@pt_unlink_span", 0, bounds.span_goals),
    Operation("init", "@pt_init", 0, start.init_goals),
    Operation("empty root", "step:empty", 0, start.empty_goals),
    Operation("step of hardware", "step:hardware", 0, step_goals),
    Operation("step of Linux", "step:linux", 0, step_goals),
]


# The caller keeps all others from where these write, and holds every span; so it does for what
# cuts a region (src/protocol/op_page.c, src/kernel/device/region.c).
SPLITS = ("@pt_split_break", "@pt_split_make")
ALONE = SPLITS + ("@pt_release",)
# These are called for a region that no operation is at work in, whose struct pt has no
# environment (src/kernel/device/fault.c, mmap_lock.c).
WITHOUT_ENV = ("@pt_resolve", "@pt_unlink_span")

def links_above(o: Operation) -> int:
    """Above this level others link empty tables whoever holds all spans: other files' operations
    in the root, which regions share; Linux below it, too, where its faults are not kept out. For 2 MiB
    pages their VMAs are locked, but since Linux 6.4 no others beside them, which one level 3 table
    may have in common. MAP_RANGE of 4 KiB looks at no entry again: Linux may link at every level.
    """
    if (o.function, o.level) == ("@pt_map_range", 1):
        return 1
    faults = o.level in (1, 2) or o.function in ("@pt_resolve", "@pt_protect", "@pt_protect_range",
                                                 "@pt_remap")
    return o.linux or (2 if faults else 3)


# What the caller hands over, and its size in bytes.
SIZES = {"env": 0, "pt": 40, "m": 32, "revoked": 1, "table": 8, "done": 24, "first": 8,
         "behind": 8}


def caller_objects(s: State, region: Region) -> None:
    """The structs that a call gets: struct pt, which it only reads, and those for its results."""
    s.objects = {name: {} for name in SIZES}
    s.sizes, s.constant = dict(SIZES), frozenset({"env", "pt"})
    s.objects["pt"] = {
        0: (8, Pointer("env", 0)), 8: (8, concat(bv(0, 12), region.root, bv(0, 12))),
        16: (8, region.start), 24: (8, region.end), 32: (8, region.pa_limit)}


def start_state(operation: Operation, region: Region, contracts) -> State:
    """Before the call: any state that satisfies the invariant, any arguments."""
    s = State()
    s.fact(*region.facts())
    contracts.add_root(s)
    s.reserve = RESERVE
    caller_objects(s, region)
    if operation.function == "@pt_init":
        s.objects["pt"], s.constant = {}, frozenset()
    if operation.function == "@pt_sweep":
        s.fact(a.holds(region, VA))
    if operation.function == "@pt_make_path":
        w = walk(BEFORE.mem, region.root, VA, region.width_mask)
        s.fact(a.page_ok(region, VA, operation.level), a.free(w, operation.level),
               ule(a.missing(w, operation.level), RESERVE), *walk_facts(region, VA, w))
    if operation.function in SPLITS:
        # MAXPHYADDR is 30 or more, so that each page that a large one consists of is below it.
        s.fact(eq(bits(region.width_mask, 17, 0), bv(-1, 18)))
    if operation.function == "@pt_release":
        s.fact(*bounds.release_facts(region))
    if operation.function == "@pt_unlink_span":
        s.objects |= bounds.span_objects()
        s.fact(*bounds.span_facts(region))
    if operation.function == "@pt_map_tables":
        end = add(zext(VA, 128), shl(zext(N, 128), shift(operation.level)))
        s.fact(ne(N, bv(0, 64)), ule(end, bv(1 << 48, 128)))
    if operation.level is None:
        level = var("anylevel", 32)
        s.assume(and_(*(ne(level, bv(n, 32)) for n in (1, 2, 3))))
    return s


def second_calls(before: list[State]) -> list[State]:
    """Where the call that has ended there answers OK: what it handed out, the next one only
    reads.  Its other answers are its own theorem's."""
    found = [s for s in before
             if not s.dead and s.known.reduce(bits(s.result, 31, 0)).value == a.OK]
    for s in found:
        s.constant |= {"m"}
    return found


def goals_of(f: Finished) -> list[Goal]:
    operation = f.operation
    return (f.safety() + operation.goals(f) + f.steps() + f.bits_before_last() + f.sets_no_bit()
            + f.reclaimed() + f.invariant())
