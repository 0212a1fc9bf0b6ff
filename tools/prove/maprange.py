# SPDX-License-Identifier: GPL-2.0
"""pt_map_range(), by induction: four loops, and one call that has a theorem of its own.

	array	over the frames: no bit is wrong in what was seen
	check	over the runs of the range, to see that it is free and to count missing tables
	look	over the entries of such a run
	fill	over the runs of the range again, in any state that may be reached
	filling	over the entries of such a run

Each is cut at its head; a path leads from one cut to the next or to the end of the call.
In front of the first store, at "array", "check" and "look", memory is as at the call.  At
the head of "fill" it is whatever satisfies the invariant, with nothing mapped in the rest
of the range.  Where pt_make_path() is called a path ends, too, and another begins ("made") in
any state where the table is there: what happens between is in the theorem of that
function (operations.py: path_goals).
"""
from __future__ import annotations

import abstract as a
import ir
from contract import Contracts, of
from execute import Executor, Stuck
from hwwalk import index, is_table, page, shift, walk
from inv import BEFORE, Region
from operations import N, RESERVE, RIGHTS, VA, Operation, caller_objects, links_above
from ranges import PROGRESS, RangeContracts, any_way, held, merge, set_variables
from smt import order
from state import UNDEFINED, Element, Pointer, Run, Slot, State, TablePage, Value
from term import Term, add, and_, app, bits, bitwise, bv, bvand, concat, eq, implies, ite, ne, \
    or_, shl, sub, ule, ult, var, zext
from view import met, run_facts, walk_facts

PAGES = zext(var("pages", 36), 64)	# of the array, in front of where the next run begins
MISSING = var("missing", 64)		# tables counted so far
SEEN_ALL, SEEN = var("all", 64), var("seen", 64)	# the OR, and of how many frames
WRONG = var("wrong", 64)		# an index: where a wrong bit comes from
COUNTED = "counted"			# an object: MISSING as a path has left it
FRAMES = Element("pa", bv(0, 64), N)


def frame(i: Term) -> Term:
    return app("pa", 64, i)


def at(level: int) -> Term:
    """Where the next run begins: in the region, and aligned."""
    return concat(bv(0, 16), var("at", 48 - shift(level)), bv(0, shift(level)))


def range_end(level: int) -> Term:
    return add(VA, shl(N, shift(level)))


def arguments_ok(r: Region, level: int) -> Term:
    return and_(a.rights_ok(RIGHTS), a.range_ok(r, VA, N, level))


def wrong(r: Region, x: Term, level: int) -> Term:
    """Bits that no frame has: of the offset, or beyond the limit."""
    beyond = bitwise("bvxor", sub(r.pa_limit, bv(1, 64)), bv(-1, 64))
    offset = bv((1 << shift(level)) - 1, 64)
    return or_(ne(bvand(x, offset), bv(0, 64)), ne(bvand(x, beyond), bv(0, 64)))


def entries_at(level: int) -> Term:
    """How many entries of the table at @at the range has."""
    room = sub(bv(512, 64), zext(index(at(level), level), 64))
    return ite(ult(left(level), room), left(level), room)


def left(level: int) -> Term:
    """Pages from @at on."""
    return zext(bits(sub(range_end(level), at(level)), 63, shift(level)), 64)


def come_to(level: int) -> Term:
    """The address behind the entry that a run has come to."""
    return add(at(level), shl(zext(PROGRESS, 64), shift(level)))


def free_between(r: Region, low: Term, high: Term, va: Term, level: int) -> Term:
    w = walk(BEFORE.mem, r.root, va, r.width_mask)
    return implies(and_(ule(low, va), ult(va, high)), a.free(w, level))


# What a run fills in

def frame_of(level: int, i: Term) -> Term:
    """The array's for the run's entry @i."""
    return frame(add(PAGES, zext(sub(i, index(at(level), level)), 64)))


def asked(r: Region, level: int, i: Term) -> Term:
    """What entry @i of a run should become, from the SDM's tables."""
    own = r.leaf_bits[level]
    return concat(
        bitwise("bvxor", bits(RIGHTS, 0, 0), bv(1, 1)), bits(own, 62, 52),
        bits(frame_of(level, i), 51, 12), bits(own, 11, 9), bv(0, 1),
        bv(1 if level > 1 else 0, 1), bv(0, 4), bits(RIGHTS, 2, 1), bv(1, 1))


def filled(r: Region, level: int, i: Term) -> Term:
    """The same after hardware may have used the page."""
    return met(asked(r, level, i), i)


def frame_fact(r: Region, level: int, i: Term) -> Term:
    """A page of the range that is being filled gets a frame that was found to be fine."""
    return a.frame_ok(r, frame_of(level, i), level)


# What holds at the cuts

def walked(r: Region, va: Term) -> list[Term]:
    return walk_facts(r, va, walk(BEFORE.mem, r.root, va, r.width_mask))


def seen_so_far(r: Region, level: int) -> list[Term]:
    """In front of the next frame: what is wrong in what was seen is a frame's."""
    return [ult(SEEN, N), implies(wrong(r, SEEN_ALL, level), and_(
        ult(WRONG, SEEN), wrong(r, frame(WRONG), level)))]


def in_range(r: Region, level: int) -> list[Term]:
    """Between two runs: @at lies in the range."""
    return [ule(VA, at(level)), ult(at(level), range_end(level)), *walked(r, at(level))]


def between_checks(r: Region, level: int) -> list[Term]:
    w = walk(BEFORE.mem, r.root, at(level), r.width_mask)
    return [*in_range(r, level), a.starts_new(w, at(level), VA, level)]


def between_fills(r: Region, level: int) -> list[Term]:
    here, end = at(level), range_end(level)
    w = walk(BEFORE.mem, r.root, here, r.width_mask)
    return [*in_range(r, level), ult(PAGES, N), eq(here, add(VA, shl(PAGES, shift(level)))),
            eq(sub(N, PAGES), left(level)), free_between(r, here, end, here, level),
            ule(a.needed(w, here, here, level), RESERVE)]


def table_at(s: State, level: int) -> TablePage:
    """The table of leaves on the walk."""
    found = [t for t in s.tables.values() if t.level == level]
    if len(found) != 1:
        raise Stuck("a run has no table, or several")
    return found[0]


def begun_run(r: Region, s: State, t: TablePage, fill) -> None:
    """Of a run in table @t, with any progress; @fill: what it makes of an entry, if anything."""
    level, first = t.level, index(at(t.level), t.level)
    s.run = run = Run(t.page, level, t.base, first, PROGRESS, bv(0, 32), None, fill,
                      looks=fill is None)
    s.fact(ult(zext(PROGRESS, 64), entries_at(level)))
    here = add(first, PROGRESS)
    for i in (first, here):
        s.fact(*run_facts(r, run, level, run.table, i))
    if fill is not None:
        s.fact(*walked(r, come_to(level)), frame_fact(r, level, here),
               free_between(r, at(level), range_end(level), come_to(level), level))


class MapContracts(RangeContracts):
    """Those of the environment; pt_make_path() ends the path."""

    missing = ""		# the object in which missing tables are counted

    def table(self) -> dict:
        return Contracts.table(self) | {
            "@pt_make_path": of(Pointer("pt", 0), self.make_path)}

    def reserve(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        """The tables counted by then are remembered."""
        s.objects[COUNTED] = dict(s.objects[self.missing])
        return super().reserve(s, args)

    def make_path(self, s: State, args: list[Value]) -> list[tuple[State, Value]]:
        s.heads, s.ended, s.cut = args, True, "@pt_make_path"
        return [(s, UNDEFINED)]

    def slot(self, s: State, address_term: Term, i: Term) -> tuple[Slot, bool]:
        return super().slot(s, address_term, self.own_index(s, address_term, i))


class MapInduction:
    """All paths of pt_map_range() at one level, from cut to cut."""

    function, checks = "@pt_map_range", "@pt_range_free"

    def __init__(self, operation: Operation, module: ir.Module, region: Region, oracle,
                 watch) -> None:
        self.region, self.module, self.watch = region, module, watch
        self.level, self.va = operation.level, at(operation.level or 1)
        self.contracts = MapContracts(region, oracle, links_above(operation))
        self.executor = Executor(module, self.contracts.table(), oracle)
        array, self.fill, filling = self.loops(self.function, True)
        check, look = self.loops(self.checks, False)
        self.names = {
            (self.function, array): "array", (self.function, self.fill): "fill",
            (self.function, filling): "filling", (self.function, "@pt_make_path"): "made",
            (self.checks, check): "check", (self.checks, look): "look"}
        self.executor.cuts = set(self.names)

    def loops(self, function: str, one_alone: bool) -> list[str]:
        """The heads: of the loop that stands alone, if one does, the outer, the inner one."""
        f = self.module.functions[function]
        found = ir.loops(f)
        outer = max(found, key=lambda h: len(found[h]))
        alone = [h for h in found if not found[h] <= found[outer]]
        inner = [h for h in found if found[h] < found[outer]
                 and any(i.op == "call" for b in found[h] for i in f.blocks[b])]
        if len(inner) != 1 or len(alone) != int(one_alone):
            raise Stuck(f"the loops of {function} are not as expected")
        return alone + [outer] + inner

    def phis(self, function: str, head: str) -> list[str]:
        return [i.dest for i in self.module.functions[function].blocks[head] if i.op == "phi"]

    # States at the cuts

    def begin(self) -> State:
        s = State()
        s.fact(*self.region.facts())
        self.contracts.add_root(s)
        s.reserve = RESERVE
        caller_objects(s, self.region)
        return s

    def at(self, reached: list[State], phis: list[Value],
           also: frozenset[Term] = frozenset()) -> State:
        """Any state at the cut that all of @reached have come to, for the call's arguments."""
        s = any_way(self.begin(), reached, also)
        f = s.frames[-1]
        if phis:
            set_variables(s, self.phis(f.function, f.block), phis)
        s.fact(arguments_ok(self.region, self.level))
        return s

    def at_array(self, reached: list[State]) -> State:
        s = self.at(reached, [SEEN_ALL, SEEN])
        s.objects[self.missing(reached[0])] = {0: (8, bv(0, 64))}
        s.fact(*seen_so_far(self.region, self.level))
        return s

    def missing(self, reached: State) -> str:
        """The local variable in which missing tables are counted."""
        blocks = self.module.functions[self.function].blocks.values()
        call = next(i for b in blocks for i in b if i.op == "call" and i.args[0] == self.checks)
        return reached.frames[0].regs[call.args[-1][1].name].object

    def at_check(self, reached: list[State]) -> State:
        s = self.at(reached, [self.va])
        s.objects[self.missing(reached[0])] = {0: (8, MISSING)}
        s.fact(*between_checks(self.region, self.level))
        return s

    def at_fill(self, reached: list[State]) -> State:
        s = self.at(reached, [self.va, Element("pa", PAGES, N)])
        s.fact(*between_fills(self.region, self.level))
        return s

    def at_made(self, reached: list[State]) -> State:
        """pt_make_path() has answered OK; the table is there."""
        s = self.at(reached, [], also=frozenset(t for v in (self.va, PAGES) for t in order([v])))
        s.fact(*between_fills(self.region, self.level))
        w = walk(BEFORE.mem, self.region.root, self.va, self.region.width_mask)
        for level in range(4, self.level, -1):
            table = concat(bv(0, 12), w.tables[4 - level], bv(0, 12))
            slot, _ = self.contracts.slot(s, table, zext(index(self.va, level), 32))
            s.assume(is_table(slot.value, level))
        out = reached[0].heads[3]
        if any(t.heads[3] != out for t in reached):
            raise Stuck("pt_make_path() tells the table to different places")
        s.objects[out.object] = {0: (8, concat(bv(0, 12), page(slot.value), bv(0, 12)))}
        f = s.frames[-1]
        call = self.module.functions[f.function].blocks[f.block][f.at - 1]
        f.regs[call.dest] = bv(a.OK, 32)
        return s

    def at_look(self, reached: list[State]) -> State:
        one = reached[0]
        if len(reached) > 1:
            raise Stuck("more than one way to a run's first look")
        s = self.in_run(one, None)
        # That these are equal is a goal where the run begins.
        told, entries = held(one)[16][1], bits(entries_at(self.level), 31, 0)
        held(s)[16] = (4, entries)
        regs = s.frames[-1].regs
        regs.update({name: entries for name, v in regs.items() if v is told})
        s.began = s.clone()
        return s

    def at_filling(self, reached: list[State]) -> State:
        made = self.any_table(reached)
        s = self.in_run(made, lambda i: filled(self.region, self.level, i))
        s.began = s.clone()
        return s

    def any_table(self, reached: list[State]) -> State:
        """Of the ways to a run's first entry, that by pt_make_path() knows least."""
        made, = (s.clone() for s in reached if s.phase == "made")
        for other in reached:
            merge(made.frames, other.frames)
            if (made.locked != other.locked or made.objects != other.objects
                    or any(made.slots[k] != other.slots.get(k) for k in made.slots)):
                raise Stuck("two ways to a run's first entry have made something different")
            other.joins = made
        return made

    def in_run(self, reached: State, fill) -> State:
        """The same run with any progress."""
        s = reached.clone()
        set_variables(s, self.phis(s.frames[-1].function, s.cut), [PROGRESS])
        begun_run(self.region, s, table_at(s, self.level), fill)
        return s

    # Paths

    def proceed(self, phase: str, s: State) -> list[State]:
        found = self.executor.proceed(s)
        for t in found:
            t.phase = phase
            if t.cut:
                self.come_to_head(t)
            self.watch(t)
        return found

    def come_to_head(self, t: State) -> None:
        """Which loop's head that is, and the loop's variables there."""
        f = t.frames[-1]
        t.loop = self.names[f.function, t.cut]
        if t.loop in ("array", "check"):
            self.contracts.missing = self.missing(t)
            t.objects[COUNTED] = dict(t.objects[self.contracts.missing])
        if t.loop != "made":
            t.heads = [f.regs[n] for n in self.phis(f.function, t.cut)]

    def paths(self) -> list[State]:
        s = self.begin()
        level = bv(self.level, 32) if self.level else var("anylevel", 32)
        if not self.level:
            s.assume(and_(*(ne(level, bv(n, 32)) for n in (1, 2, 3))))
        self.executor.enter(s, self.function, [Pointer("pt", 0), VA, FRAMES, N, level, RIGHTS])
        out = self.proceed("entry", s)
        if not self.level:
            return out
        for phase, start in (("array", self.at_array), ("check", self.at_check),
                             ("look", self.at_look), ("fill", self.at_fill),
                             ("made", self.at_made), ("filling", self.at_filling)):
            reached = [t for t in out if t.loop == phase]
            if not reached:
                raise Stuck(f"no path reaches {phase}")
            out += self.proceed(phase, start(reached))
        return out
