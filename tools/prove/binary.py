#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prove the core inside a vpt.ko: the machine code, as gcc compiled it for one kernel."""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import main
from codemaprange import CodeMapInduction
from coderanges import CodeInduction
from contract import MIRRORED
from disasm import Code, build_id, sha256
from inv import ENTRIES
from jobs import EMPTY_IN_CODE, Job, Tick
from kernelenv import KernelEnvironment
from layout import Stuck
from machine import Machine
from operations import ALONE, MAPPING, OPERATIONS, SPLITS, WITHOUT_ENV, Operation, \
    arguments, links_above, second_calls, start_state
from pool import WHOLE, dealt, shard
from solve import LIMIT, Solver
from spans import HOLDS_ALL
from state import Pointer, State
from structs import Structs, leaf_bits
from term import TRUE, Term, bits, not_

FOLDER = main.FOLDER / "binary"
# Results that are structs or more than one value: their fields, as the goals look for them.
RESULTS = {"m": MAPPING, "revoked": {"revoked": (0, 1)}} | {
    name: {name: (0, 8)} for name in ("table", "first", "behind")}
MAKES_LEAVES = ("@pt_map", "@pt_map_range", "@pt_remap", "@pt_split_make")
ANSWERS_NOTHING = ("@pt_sweep", "@pt_split_make", "@pt_release", "@pt_unlink_span")
# Range forms whose inductions are about machine code, too.
INDUCTIONS = {"@pt_protect_range": CodeInduction, "@pt_unmap_range": CodeInduction,
              "@pt_map_range": CodeMapInduction}
BESIDE = (MIRRORED, not_(MIRRORED), HOLDS_ALL, not_(HOLDS_ALL))
COPIES = {"plain": "", "traced": "_traced"}
# Steps of others concern no code.
NAMES = [o.name for o in OPERATIONS if o.linux < 2 and not o.function.startswith("step:")
         and (o.function in INDUCTIONS or not o.function.endswith("_range"))]
# Only if asked for by name: see README.md.
SLOW = ("map 4K while Linux links",)
# The others take some minutes of one processor for one copy of the core.
LONGEST = ("map 4K", "unmap", "sweep", "release", "unmap range", "protect range", "map 4K range",
           "map 2M range", "map 1G range")


class BinaryJob(Job):
    """One operation, by the machine code of one of the core's copies."""

    may_be_empty = EMPTY_IN_CODE

    def __init__(self, operation: Operation, copy: str, code: Code, solver: Solver,
                 tick: Tick = lambda n: None):
        super().__init__(operation, copy, None, solver, tick)
        self.code, self.suffix = code, COPIES[copy]

    def explore(self) -> list[State]:
        # What makes no leaf does not know these bits, and is right whatever they are.
        if self.operation.function in MAKES_LEAVES:
            self.region.leaf_bits = leaf_bits(self.code)
        if self.operation.function in INDUCTIONS:
            return self.by_induction()
        operation = self.operation
        env = KernelEnvironment(self.code, self.region, self.oracle, links_above(operation),
                                kept_out=operation.function in SPLITS)
        machine = Machine(self.code, env, self.oracle)
        state = start_state(operation, self.region, env)
        called = operation.first or operation.function
        regs = env.begin(state, arguments(operation, called))
        if operation.function in ALONE or (operation.function, operation.level) == ("@pt_map", 3):
            state.assume(HOLDS_ALL)	# its caller's duty: src/kernel/vpt_file.h
        if operation.function in WITHOUT_ENV:
            state.objects["env"] = {}
        machine.enter(state, called[1:] + self.suffix, regs)
        try:
            states = machine.run(state)
            if operation.first:
                states = self.second_call(machine, env, states)
        finally:
            self.report.instructions = sorted(machine.executed)
        return self.shown(machine, states)

    def by_induction(self) -> list[State]:
        induction = INDUCTIONS[self.operation.function](
            self.operation, self.suffix, self.code, self.region, self.oracle)
        try:
            states = induction.paths()
        finally:
            self.report.instructions = sorted(induction.machine.executed)
        return self.shown(induction.machine, states)

    def shown(self, machine: Machine, states: list[State]) -> list[State]:
        """The paths as the goals look at them; and that they are all in the core."""
        counted = {i.address for f in self.code.core().values() for i in f}
        if not machine.executed <= counted:
            raise Stuck(f"runs code that is not counted as the core's, "
                        f"at {min(machine.executed - counted):#x}")
        for s in states:
            self.as_goals_have_it(s, machine.env)
        return states

    def second_call(self, machine: Machine, env: KernelEnvironment,
                    before: list[State]) -> list[State]:
        out, machine.loop_bound = [], ENTRIES
        for s in second_calls(before):
            s.ended, s.loops = False, {}
            regs = env.called(s, arguments(self.operation), "again_")
            machine.enter(s, self.operation.function[1:] + self.suffix, regs)
            out += machine.run(s)
        return out

    def as_goals_have_it(self, s: State, env: KernelEnvironment) -> None:
        """The result, and what was handed out, field by field.  Whether PTI is on, or every
        span was held from the beginning, has decided where the path went; the goals are shown
        without that, so that paths share them."""
        s.conditions = [TRUE if c in BESIDE else c for c in s.conditions]
        if self.operation.function in ANSWERS_NOTHING:
            s.result = None
        elif s.result is not None and self.operation.function != "@pt_map_tables":
            s.result = bits(s.result, 31, 0)
        for name, fields in RESULTS.items():
            there = s.objects[name]
            s.objects[name] = {at: (size, env.load_object(s, Pointer(name, at), size))
                               for at, size in fields.values() if covered(there, at, size)}
        if self.operation.function == "@pt_init":
            s.objects["pt"] = {at: (size, self.as_pointer(v, env))
                               for at, (size, v) in s.objects["pt"].items()}

    def as_pointer(self, v: Term, env: KernelEnvironment) -> Term | Pointer:
        return env.object(v) or v


def covered(memory: dict, at: int, size: int) -> bool:
    """Whether all of these bytes were stored."""
    return all(any(start <= b < start + n for start, (n, _) in memory.items())
               for b in range(at, at + size))


code: Code		# the module's, in every process


def basis() -> str:
    """What a result depends on: the prover, the core's code, the kernel's structs."""
    return f"{main.fingerprint()} {code.digest()} {Structs(code).told()} {leaf_bits(code)}"


def result_path(name: str, copy: str) -> Path:
    h = hashlib.sha256(f"{basis()} {name} {copy}".encode())
    return FOLDER / f"{h.hexdigest()[:32]}.json"


def run_job(task: tuple[str, str, float]) -> dict:
    """In a process of its own."""
    name, copy, limit = task
    operation = next(o for o in OPERATIONS if o.name == name)
    return main.kept(result_path(name, copy),
                     lambda: BinaryJob(operation, copy, code,
                                       Solver(main.FOLDER / "goals", limit), main.tick).run())


def record_of(path: Path) -> Path:
    """Where it is written down that this prover has proved the core in a module."""
    known = hashlib.sha256(basis().encode()).hexdigest()[:32]
    return FOLDER / f"proved-{known}-{build_id(path)}.json"


def covered_code(results: list[dict]) -> tuple[int, int, list[str]]:
    """Instructions executed by the theorems, all of the core's, functions not entered."""
    executed = {a for r in results for a in r["instructions"]}
    core = code.core()
    return (len(executed & {i.address for f in core.values() for i in f}),
            sum(len(f) for f in core.values()),
            [name for name, f in core.items() if not executed & {i.address for i in f}])


def prove(path: Path, options: argparse.Namespace) -> int:
    left_out = SLOW + (LONGEST if options.quick else ())
    names = options.only or [n for n in NAMES if n not in left_out]
    # One copy after the other: most of the second one's goals are the first one's.
    tasks = [(n, copy, options.limit) for copy in COPIES if copy in options.copies
             for n in dealt(names, main.SIZE, options.shard)]
    results, _ = main.ask(run_job, tasks, options.jobs)
    good = bool(results) and all(map(main.proved, results))
    executed, of, beside = covered_code(results)
    print(f"# {path.name}: sha256 {sha256(path)}, build id {build_id(path)}")
    print(f"# the core in it: {code.digest()}; {executed} of {of} instructions on a path")
    print(f"# not proved: {', '.join(beside) or 'nothing'}")
    if good and all_asked(options):
        record_of(path).write_text(json.dumps({
            "sha256": sha256(path), "beside": beside, "kernel": path.parent.name,
            "theorems": len(results),
            "goals": sum(c["goals"] for r in results for c in r["checked"]
                         if c["result"] == "proved")}))
    return 0 if good else 1


def all_asked(options: argparse.Namespace) -> bool:
    return not options.only and not options.quick and options.shard == WHOLE and \
        set(options.copies) == set(COPIES)


def is_proved(path: Path) -> int:
    """Whether the core in the file is one that was proved on this machine."""
    record = record_of(path)
    if not record.exists():
        print(f"{path}: no proof of this core was made here (make prove-binary)")
        return 1
    beside = json.loads(record.read_text())["beside"]
    print(f"{path}: the core in it is proved, but for {', '.join(beside)}")
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one goal")
    parser.add_argument("--copy", dest="copies", choices=COPIES, action="append",
                        help="plain or traced (default: both)")
    parser.add_argument("--quick", action="store_true",
                        help="but for " + ", ".join(f'"{n}"' for n in LONGEST))
    parser.add_argument("--shard", type=shard, default=WHOLE, metavar="I/N",
                        help="the theorems of the I-th of N machines")
    parser.add_argument("--is-proved", action="store_true", help="only say whether it was proved")
    parser.add_argument("module", type=Path, help="a vpt.ko")
    parser.add_argument("only", nargs="*", help="names of theorems (default: all)")
    options = parser.parse_args()
    options.copies = options.copies or list(COPIES)
    unknown = set(options.only) - set(NAMES)
    if unknown:
        parser.error(f"there is no theorem {', '.join(sorted(unknown))}; there are: "
                     + ", ".join(NAMES))
    return options


def start() -> int:
    global code
    options = parsed()
    FOLDER.mkdir(parents=True, exist_ok=True)
    code = Code(options.module)
    return is_proved(options.module) if options.is_proved else prove(options.module, options)


if __name__ == "__main__":
    sys.exit(start())
