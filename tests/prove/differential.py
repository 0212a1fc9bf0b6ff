# SPDX-License-Identifier: GPL-2.0
"""The executor on concrete inputs against the core as gcc compiles it.

Both must ask the environment the same questions in the same order, answer the same
and hand out the same, on random tables, sane and not, with A and D set meanwhile.
"""
from __future__ import annotations

import random
import time
from collections import Counter

import build
from native import Native, Recorded, Simulated
from random_env import RandomEnv, random_call


def compare(native: Native, simulated: Simulated, rng: random.Random) -> str:
    function, pt, args = random_call(rng)
    env = RandomEnv(rng)
    real = native.run(env, function, pt, args)
    again = Recorded(env.calls)
    run = simulated.run(again, function, pt, args)
    again.finished()
    assert real == run, f"{function}{args} in {pt}: {real}, the executor: {run}"
    return f"{function} {real.status}"


def check(optimise: str, seconds: float, seed: int) -> str:
    """Run for some time; return what was done."""
    out = build.TOP / "build/prove"
    simulated = Simulated(build.llvm(optimise, out / f"ir-O{optimise}"))
    native = Native(build.native(out / "native"))
    seen: Counter[str] = Counter()
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        seen[compare(native, simulated, random.Random(seed + n))] += 1
        n += 1
    for wanted in ("pt_map 0", "pt_map 1", "pt_map 3", "pt_map 4", "pt_map 5", "pt_unmap 0",
                   "pt_unmap 2", "pt_protect 0", "pt_remap 0", "pt_resolve 0", "pt_resolve 2",
                   "pt_unmap_range 0", "pt_unmap_range 3", "pt_protect_range 0",
                   "pt_protect_range 3"):
        assert seen[wanted], f"never seen: {wanted}"
    return f"{n} calls, {len(seen)} kinds of outcome"
