# SPDX-License-Identifier: GPL-2.0
"""One job: an operation at one optimisation level, from its IR to its goals' answers."""
from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Callable, Iterable

import goals
import mapgoals
import operations
import rangegoals
import split
import steps
from contract import Contracts
from execute import Executor, Stuck
from goals import DeadEnd, Goal, PathGoals
from inv import ENTRIES, Region
from ir import Module
from mapgoals import MapRangePath
from maprange import MapInduction
from operations import SPLITS, Finished, Operation, arguments, second_calls, start_state
from pool import share_out
from rangegoals import RangePath
from ranges import Induction
from solve import Solver, SolverOracle
from split import FirstHalf, Split
from state import State
from term import TRUE, and_, not_


@dataclass
class Checked:
    """A goal and how it came out."""
    theorem: str
    what: str
    result: str			# proved, refuted, unknown; folded: true by construction;
				# of an assumption set: satisfiable, vacuous, empty, unknown
    seconds: float
    key: str
    path: int
    cached: bool
    goals: int = 1			# that share their assumptions and were asked together
    way: str = ""			# of an assumption set without a model: story()


# What is neither a hole in the proof nor a case left open.
GOOD = ("proved", "folded", "satisfiable", "empty")

# Assumption sets that have no model, and why that is right, each by its theorem, what it is about
# and the way of its path: story(). When a path says that the entry of
# the root, or of a table of level 3, for the address is absent and that the region lies within
# that entry's reach, no table below it can belong to the tree but those which the path itself
# takes, or finds linked by others: only an entry that reaches into the region leads to one. The
# case "some other table, of level 1" (or 2) is then empty.  One set for each way may be empty, no
# more; paths that differ in choices which the goals are shown without have one in common. "map 2M"
# takes both tables, or others have linked the second one in that which it took.
EMPTY = {("map 2M", "the invariant's, level 1"): (
    "OK: take 3, store 4, take 2, store 3, store 2", "OK: take 3, store 4, linked 3, store 2")}
# In machine code pt_unmap() compares with the region's end before it reads an entry, so that a
# path knows both bounds; the tables that it sweeps others have linked since its first look.
EMPTY_IN_CODE = EMPTY | {
    ("unmap", "the invariant's, level 1"): (
        "NOENT: linked 4", "NOENT: linked 4, linked 3", "NOENT: linked 3"),
    ("unmap", "the invariant's, level 2"): ("NOENT: linked 4",)}


@dataclass
class Report:
    operation: str
    optimise: str
    paths: int = 0
    branches: int = 0
    branch_seconds: float = 0.0
    branch_answers: dict[str, str] = field(default_factory=dict)	# sat, unsat; by key
    checked: list[Checked] = field(default_factory=list)
    satisfiable: int = 0		# assumption sets shown to have a model
    stuck: str = ""
    seconds: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)
    instructions: list[int] = field(default_factory=list)	# executed, of machine code

    def failures(self) -> list[Checked]:
        return [c for c in self.checked if c.result not in GOOD]

    def good(self) -> bool:
        return not self.stuck and not self.failures() and self.paths > 0 and bool(self.checked)

    def json(self) -> dict:
        return asdict(self)


def with_goals(operation: Operation, region: Region, state: State) -> PathGoals:
    """A path with its goals."""
    if state.dead:
        return DeadEnd(operation, region, state)
    if operation.function == MapInduction.function:
        return MapRangePath(operation, region, state)
    if operation.function in SPLITS:
        return split.of(operation, region, state)
    return (RangePath if state.phase else Finished)(operation, region, state)


def story(f: PathGoals, state: State) -> str:
    """How a path ends, and what was written on it, by whom and at which levels."""
    return ": ".join((f.name(), ", ".join(f"{e.kind} {e.level}" for e in state.events)))


def goals_of(f: PathGoals) -> list[Goal]:
    of = {MapRangePath: mapgoals, RangePath: rangegoals, Finished: operations,
          FirstHalf: split, Split: split, DeadEnd: goals}[type(f)]
    return of.goals_of(f)


Looked = tuple[int, str, list[Checked]]		# a path, how it ends, and its goals
Tick = Callable[[int], None]
Watch = Callable[[State], None]


class Job:
    workers = 1			# processes that share the paths
    may_be_empty = EMPTY

    def __init__(self, operation: Operation, optimise: str, module: Module, solver: Solver,
                 tick: Tick = lambda n: None, watch: Watch = lambda s: None):
        """@watch hears of the paths of an induction as soon as there are some."""
        self.operation, self.solver, self.tick, self.watch = operation, solver, tick, watch
        self.module = module
        self.region = Region()
        self.oracle = SolverOracle(solver)
        self.report = Report(operation.name, optimise)
        self.seen: set[tuple[str, str]] = set()		# results, and the keys they are of
        self.empty: dict[tuple[str, str], str] = {}	# the keys of what rightly_empty() granted
        self.failed: list[tuple[str, Goal, State]] = []		# refuted, or unknown

    def explore(self) -> list[State]:
        if self.operation.function.startswith("step:"):
            return steps.states(self.operation, self.region, self.oracle)
        if self.operation.function == MapInduction.function:
            return MapInduction(self.operation, self.module, self.region,
                                self.oracle, self.watch).paths()
        if "_range" in self.operation.function:
            return Induction(self.operation, self.module, self.region,
                             self.oracle, self.watch).paths()
        operation = self.operation
        contracts = Contracts(self.region, self.oracle, operation.linux,
                              kept_out=operation.function in SPLITS)
        executor = Executor(self.module, contracts.table(), self.oracle)
        state = start_state(operation, self.region, contracts)
        if not operation.first:
            return executor.run(state, operation.function, arguments(operation))
        executor.loop_bound = ENTRIES
        before = executor.run(state, operation.first, arguments(operation, operation.first))
        return [t for s in second_calls(before)
                for t in executor.run(s, operation.function, arguments(operation))]

    def refuted(self) -> bool:
        return any(result == "refuted" for result, _, _ in self.failed)

    def run(self, stop_when_refuted: bool = False) -> Report:
        begin = time.monotonic()
        report = self.report
        try:
            states = self.explore()
            report.paths = len(states)
            for _, name, checked in self.each(states, stop_when_refuted):
                report.answers[name] = report.answers.get(name, 0) + 1
                for c in checked:
                    self.take(c)
                if stop_when_refuted and self.refuted():
                    break
        except Stuck as stuck:
            report.stuck = str(stuck)
        report.branches, report.branch_seconds = self.oracle.asked, self.oracle.seconds
        report.branch_answers = self.oracle.answers
        report.seconds = time.monotonic() - begin
        return report

    def each(self, states: list[State], stop: bool) -> Iterable[Looked]:
        """What comes of each path, in their order."""
        if self.workers > 1 and len(states) > 1 and not stop:
            return self.shared(states)
        return (self.path(n, state, stop) for n, state in enumerate(states))

    def shared(self, states: list[State]) -> list[Looked]:
        """The same, dealt out to processes, since each path is a matter of its own."""
        def some(first: int) -> list[Looked]:
            return [self.path(n, states[n], False)
                    for n in range(first, len(states), self.workers)]

        found: list[Looked] = []
        for ended in share_out(some, range(self.workers), self.workers):
            if ended is not None and ended.error:
                raise Stuck(f"a process that had some of the paths: {ended.error}")
            found += ended.result if ended and ended.result else []
        if len(found) != len(states):
            raise Stuck(f"{len(found)} of {len(states)} paths were looked at")
        return sorted(found)

    def path(self, n: int, state: State, stop: bool) -> Looked:
        finished = with_goals(self.operation, self.region, state)
        out: list[Checked] = []
        groups: dict[tuple, list[Goal]] = {}
        for goal in goals_of(finished):
            if goal.claim is TRUE:
                out.append(Checked(goal.theorem, goal.what, "folded", 0, "", n, False))
                continue
            key = (goal.theorem,) + tuple(a.ident for a in goal.assumptions)
            groups.setdefault(key, []).append(goal)
        for group in groups.values():
            out += self.check(n, group, state)
            if stop and self.refuted():
                return n, finished.name(), out
        for what, assumptions in finished.assumption_sets():
            answer = self.solver.ask(assumptions)
            result = {"sat": "satisfiable", "unsat": "vacuous"}.get(answer.result, "unknown")
            out.append(Checked("not vacuous", what, result, answer.seconds, answer.key, n,
                               answer.cached,
                               way=story(finished, state) if result == "vacuous" else ""))
            self.tick(1)
        return n, finished.name(), out

    def take(self, c: Checked) -> None:
        """Into the report, but for what was asked before.  An assumption set that is empty is
        looked at on each path that has it."""
        if c.result == "vacuous" and self.rightly_empty(c):
            c.result = "empty"
        if c.result not in ("vacuous", "empty") and (c.result, c.key) in self.seen:
            return
        if c.key:
            self.seen.add((c.result, c.key))
        self.report.satisfiable += c.result == "satisfiable"
        self.report.checked.append(c)

    def rightly_empty(self, c: Checked) -> bool:
        """Whether this assumption set is listed, and no other one is in its place."""
        return c.way in self.may_be_empty.get((self.report.operation, c.what), ()) and \
            self.empty.setdefault((c.what, c.way), c.key) == c.key

    def check(self, n: int, group: list[Goal], state: State) -> list[Checked]:
        """Goals with the same assumptions, together; one by one if that fails."""
        first = group[0]
        claim = and_(*(g.claim for g in group))
        answer = self.solver.ask(first.assumptions + [not_(claim)])
        if answer.result != "unsat" and len(group) > 1:
            return [c for goal in group for c in self.check(n, [goal], state)]
        result = {"unsat": "proved", "sat": "refuted"}.get(answer.result, "unknown")
        if result != "proved":
            self.failed.append((result, first, state))
        self.tick(len(group))
        return [Checked(first.theorem, "; ".join(g.what for g in group), result, answer.seconds,
                        answer.key, n, answer.cached, len(group))]
