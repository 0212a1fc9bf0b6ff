# SPDX-License-Identifier: GPL-2.0
"""The executor on concrete inputs against the core as gcc compiles it.

Both must ask the environment the same questions in the same order, answer the same
and hand out the same, on random tables, sane and not, with A and D set meanwhile.
"""
from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

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


WANTED = ("pt_map 0", "pt_map 1", "pt_map 3", "pt_map 4", "pt_map 5", "pt_unmap 0", "pt_unmap 2",
          "pt_protect 0", "pt_remap 0", "pt_resolve 0", "pt_resolve 2", "pt_unmap_range 0",
          "pt_unmap_range 3", "pt_protect_range 0", "pt_protect_range 3", "pt_map_range 0",
          "pt_map_range 1", "pt_map_range 3", "pt_map_range 4", "pt_map_range 5")
SHARD = 500

pair: tuple[Native, Simulated]


def prepare(ir: Path, library: Path) -> None:
    """In each process of the pool."""
    global pair
    pair = Native(library), Simulated(build.load(ir))


def shard(seeds: range) -> Counter[str]:
    return Counter(compare(*pair, random.Random(seed)) for seed in seeds)


def check(optimise: str, calls: int, seed: int, jobs: int) -> str:
    """Compare so many calls, the same whenever it is run; return what was done."""
    out = build.TOP / "build/prove"
    ir = out / f"ir-O{optimise}"
    build.llvm(optimise, ir)
    seeds = [range(n, min(n + SHARD, seed + calls)) for n in range(seed, seed + calls, SHARD)]
    # Where a process dies this raises an exception.
    with ProcessPoolExecutor(jobs, initializer=prepare,
                             initargs=(ir, build.native(out / "native"))) as pool:
        seen = sum(pool.map(shard, seeds), Counter())
    assert seen.total() == calls
    for wanted in WANTED:
        assert seen[wanted], f"never seen: {wanted}"
    return f"{calls} calls, {len(seen)} kinds of outcome"
