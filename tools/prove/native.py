# SPDX-License-Identifier: GPL-2.0
"""The compiled core, called with an environment in Python, and the executor likewise.

Both hand every call of the environment to the same kind of object, so that one can be
run after the other with the same answers, and must ask the same questions.
"""
from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Protocol, Sequence

from execute import Executor
from ir import Module
from solve import ConcreteOracle
from state import Pointer, State, Value
from term import bv, ite

# Order and number of arguments as in env/callback.c; width of the result.
CALLS = [("load", 2, 64), ("store", 4, 0), ("exchange", 4, 64), ("compare_exchange", 5, 64),
         ("lock", 2, 0), ("unlock", 2, 0), ("live", 1, 32), ("set_live", 2, 0), ("reserve", 0, 64),
         ("take", 2, 64), ("defer_table", 2, 0), ("leaf_bits", 1, 64), ("defer_leaf", 3, 0),
         ("release", 1, 0)]
WIDTH = {name: width for name, _, width in CALLS}


class Environment(Protocol):
    def call(self, name: str, args: tuple[int, ...]) -> int: ...


class Diverged(Exception):
    """The two did not ask the same."""


@dataclass
class Outcome:
    """What a call answered and handed out; None: not written."""
    status: int
    mapping: Optional[dict[str, int]]
    revoked: Optional[int]


class Pt(ctypes.Structure):
    _fields_ = [("env", ctypes.c_void_p), ("root", ctypes.c_uint64), ("start", ctypes.c_uint64),
                ("end", ctypes.c_uint64), ("pa_limit", ctypes.c_uint64)]


class Mapping(ctypes.Structure):
    _fields_ = [("va", ctypes.c_uint64), ("pa", ctypes.c_uint64), ("level", ctypes.c_uint32),
                ("rights", ctypes.c_uint32), ("accessed", ctypes.c_uint8),
                ("dirty", ctypes.c_uint8)]


class Touched(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint64), ("leaves", ctypes.c_uint64),
                ("revoked", ctypes.c_uint8)]


FIELDS = {"va": (0, 8), "pa": (8, 8), "level": (16, 4), "rights": (20, 4), "accessed": (24, 1),
          "dirty": (25, 1)}
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32, *[ctypes.c_uint64] * 5)
FILL = 0xa5


def with_room(kind: type, *values: Optional[int]) -> Any:
    """One with room behind it: a wrong core may write there, and must not take us with it."""
    made = kind.from_buffer((ctypes.c_uint8 * (ctypes.sizeof(kind) + 64))())
    made.__init__(*values)
    return made


class Native:
    """The core as compiled by gcc."""

    def __init__(self, library: Path):
        self.lib = ctypes.CDLL(str(library))
        self.env: Optional[Environment] = None
        self.error: Optional[BaseException] = None
        self.hook = CALLBACK(self.called)
        ctypes.c_void_p.in_dll(self.lib, "callback").value = \
            ctypes.cast(self.hook, ctypes.c_void_p).value

    def called(self, what: int, *args: int) -> int:
        name, n, _ = CALLS[what]
        if self.error:
            return 0
        try:
            return self.env.call(name, args[:n])
        except Exception as error:		# must not pass through C
            self.error = error
            return 0

    def run(self, env: Environment, function: str, pt: Sequence[int],
            args: Sequence[int | list[int]]) -> Outcome:
        """@args: those between the region and the out parameters; a list is an array."""
        self.env, self.error = env, None
        p, m = with_room(Pt, None, *pt), with_room(Mapping)
        t, done = with_room(ctypes.c_uint8, FILL), with_room(Touched)
        ctypes.memset(ctypes.byref(m), FILL, ctypes.sizeof(m))
        tail = {"pt_map": [], "pt_map_range": [],
                "pt_protect": [ctypes.byref(m), ctypes.byref(t)]}.get(
            function, [ctypes.byref(done if "_range" in function else m)])
        wide = [(ctypes.c_uint64 * len(a))(*a) if isinstance(a, list) else ctypes.c_uint64(a)
                for a in args]
        status = getattr(self.lib, function)(ctypes.byref(p), *wide, *tail)
        if self.error:
            raise self.error
        if tail and "_range" in function:
            return Outcome(status, {"bytes": done.bytes, "leaves": done.leaves}, done.revoked)
        written = m.va != int.from_bytes([FILL] * 8, "little")
        mapping = {n: getattr(m, n) for n in FIELDS} if written else None
        return Outcome(status, mapping, t.value if t.value != FILL else None)


def concrete_contracts(env: Environment) -> dict:
    def make(name: str):
        def contract(state: State, args: list[Value]) -> list[tuple[State, Value]]:
            numbers = [a for a in args if not isinstance(a, Pointer)]
            values = tuple((a if a.width else ite(a, bv(1, 1), bv(0, 1))).value for a in numbers)
            if None in values:
                raise Diverged(f"{name}{numbers} is not concrete")
            result = env.call(name, values)
            return [(state, bv(result, WIDTH[name]) if WIDTH[name] else None)]
        return contract
    return {f"@pt_env_{name}": make(name) for name, _, _ in CALLS}


class Simulated:
    """The core as the executor runs it, on constants."""

    def __init__(self, module: Module):
        self.module = module
        self.undefined: list[str] = []

    def run(self, env: Environment, function: str, pt: Sequence[int],
            args: Sequence[int | list[int]]) -> Outcome:
        executor = Executor(self.module, concrete_contracts(env), ConcreteOracle())
        executor.loop_bound = 1 << 20
        s = State()
        s.objects = {"env": {}, "m": {}, "revoked": {}, "done": {},
                     "pt": {0: (8, Pointer("env", 0))}}
        s.sizes = {"env": 0, "m": 32, "revoked": 1, "done": 24, "pt": 40}
        for n, value in enumerate(pt):
            s.objects["pt"][8 + 8 * n] = (8, bv(value, 64))
        f = self.module.functions["@" + function]
        values: list[Value] = [Pointer("pt", 0)]
        for a, (_, t) in zip(args, f.params[1:]):
            if isinstance(a, list):
                s.sizes["pa"] = 8 * len(a)
                s.objects["pa"] = {8 * n: (8, bv(x, 64)) for n, x in enumerate(a)}
            values.append(Pointer("pa", 0) if isinstance(a, list) else bv(a, t.bits))
        out = ("done",) if "_range" in function else ("m", "revoked")
        values += [Pointer(name, 0) for name in out[:len(f.params) - len(values)]]
        ended, = executor.run(s, "@" + function, values)
        self.undefined = [o.what for o in ended.obligations if o.claim.value == 0]
        if len(f.params) > len(args) + 1 and "_range" in function:
            done = {at: v.value for at, (_, v) in ended.objects["done"].items()}
            return Outcome(ended.result.value, {"bytes": done[0], "leaves": done[8]}, done[16])
        m = ended.objects["m"]
        mapping = {n: m[at][1].value for n, (at, size) in FIELDS.items()} if m else None
        t = ended.objects["revoked"].get(0)
        return Outcome(ended.result.value, mapping, t[1].value if t else None)


@dataclass
class Recorded:
    """An environment that answers as another did, and wants to be asked the same."""
    calls: list[tuple[str, tuple[int, ...], int]] = field(default_factory=list)
    at: int = 0

    def call(self, name: str, args: tuple[int, ...]) -> int:
        if self.at >= len(self.calls):
            raise Diverged(f"one call too many: {name}{args}")
        wanted = self.calls[self.at]
        self.at += 1
        if wanted[0] != name or wanted[1] != args:
            raise Diverged(f"call {self.at} is {name}{args}, not {wanted[0]}{wanted[1]}")
        return wanted[2]

    def finished(self) -> None:
        if self.at != len(self.calls):
            raise Diverged(f"{len(self.calls) - self.at} calls too few")
