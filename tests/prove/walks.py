# SPDX-License-Identifier: GPL-2.0
"""hwwalk.py, the walk in the goals, against spec/spec_walk.c.

Random and boundary entries (each bit alone, each address width, each leaf size's
alignment bits), for every width from 13 to 52 bits.
"""
from __future__ import annotations

import ctypes
import random

import build
from hwwalk import walk
from smt import evaluate
from term import app, var

READ = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint)
MAPPED, ABSENT, RESERVED = range(3)


class Cpu(ctypes.Structure):
    _fields_ = [("maxphyaddr", ctypes.c_uint), ("nxe", ctypes.c_bool), ("page1g", ctypes.c_bool),
                ("shadow_stack", ctypes.c_bool)]


class Memory(ctypes.Structure):
    _fields_ = [("read", READ), ("ctx", ctypes.c_void_p)]


class Walk(ctypes.Structure):
    _fields_ = [("outcome", ctypes.c_int), ("level", ctypes.c_uint),
                ("table", ctypes.c_uint64 * 5), ("entry", ctypes.c_uint64 * 5),
                ("frame", ctypes.c_uint64), ("writable", ctypes.c_bool), ("user", ctypes.c_bool),
                ("execute_disable", ctypes.c_bool), ("accessed", ctypes.c_bool),
                ("dirty", ctypes.c_bool)]


def library() -> ctypes.CDLL:
    target = build.TOP / "build/prove/native/spec.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    build.run(["gcc", "-std=gnu11", "-O2", "-shared", "-fPIC", f"-I{build.TOP}/spec", "-o",
               str(target), str(build.TOP / "spec/spec_walk.c")])
    return ctypes.CDLL(str(target))


def entry(rng: random.Random, level: int) -> int:
    """One entry: a plausible one, with now and then a bit set or cleared."""
    kind = rng.random()
    if kind < 0.1:
        return rng.getrandbits(64)
    e = rng.getrandbits(rng.choice((13, 20, 36, 40))) << 12 & 0x000ffffffffff000
    e |= rng.choice((1, 7, 0x67, 0xe7, 0x67, 0x63, 0x25)) | rng.choice((0, 0, 1 << 63))
    if rng.random() < 0.3 and level in (2, 3):
        e = (e | 0x80) & ~(((1 << 9 * (level - 1)) - 1) << 12)
    if rng.random() < 0.3:
        e ^= 1 << rng.randrange(64)
    return e


def terms() -> tuple[list, list[str]]:
    w = walk(lambda p, i: app("mem", 64, p, i), var("root", 40), var("va", 64),
             var("widthmask", 40))
    names = ["mapped", "fault_reserved", "level", "frame", "writable", "user", "execute_disable",
             "accessed", "dirty"]
    return [getattr(w, n) for n in names], names


def compare(lib: ctypes.CDLL, rng: random.Random, roots: list, names: list[str]) -> int:
    width = rng.randrange(13, 53)
    va = rng.getrandbits(rng.choice((48, 48, 64)))
    given = {level: entry(rng, level) for level in (4, 3, 2, 1)}
    level = 4
    table = root = rng.randrange(1, 1 << 40)
    memory: dict[tuple[int, int], int] = {}
    while level:
        memory.setdefault((table, va >> 3 + 9 * level & 511), given[level])
        table = given[level] >> 12 & (1 << 40) - 1
        level -= 1

    read = READ(lambda ctx, t, i: memory.get((t >> 12, i), 0))
    w = Walk()
    lib.spec_translate(ctypes.byref(Memory(read, None)),
                       ctypes.byref(Cpu(width, True, True, True)), ctypes.c_uint64(root << 12),
                       ctypes.c_uint64(va), ctypes.byref(w))
    values = dict(zip(names, evaluate(
        roots, {"root": root, "va": va, "widthmask": (1 << width - 12) - 1},
        {"mem": lambda p, i: memory.get((p, i), 0)})))
    real = {n: int(getattr(w, n)) for n in names[2:]}
    real["mapped"], real["fault_reserved"] = int(w.outcome == MAPPED), int(w.outcome == RESERVED)
    assert real == values, f"{given} width {width}: spec {real}, goals {values}"
    return w.outcome


def check(rounds: int) -> str:
    lib, (roots, names) = library(), terms()
    outcomes = [0, 0, 0]
    for n in range(rounds):
        outcomes[compare(lib, random.Random(n), roots, names)] += 1
    assert min(outcomes) > rounds // 20, outcomes
    return f"{rounds} walks: {outcomes[0]} mapped, {outcomes[1]} absent, {outcomes[2]} reserved"
