# SPDX-License-Identifier: GPL-2.0
"""Random tables for the differential test: mostly sane, sometimes not."""
from __future__ import annotations

import random

ADDRESS = 0x000ffffffffff000


class RandomEnv:
    """Makes up a table as it is looked at, and records every call."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.memory: dict[tuple[int, int], int] = {}
        self.counts: dict[int, int] = {}
        self.tables = {0x1000: 4}
        self.left = rng.choice((0, 1, 2, 3, 3, 3, 4))
        self.taken = 0
        self.calls: list[tuple[str, tuple[int, ...], int]] = []

    def call(self, name: str, args: tuple[int, ...]) -> int:
        result = getattr(self, name)(*args) or 0
        self.calls.append((name, args, result))
        return result

    def invent(self, table: int) -> int:
        rng, level = self.rng, self.tables.get(table, 1)
        dice = rng.random()
        if dice < 0.03:
            return rng.getrandbits(64)
        if level > 1 and dice < 0.75:
            page = rng.randrange(1, 1 << 28) << 12
            self.tables[page] = level - 1
            return page | 0x67 ^ (rng.choice((0x20, 0x40)) if dice < 0.06 else 0)
        if level < 4 and dice < (0.85 if level > 1 else 0.6):
            pa = rng.randrange(1 << 28) << 12 & -1 << 12 + 9 * (level - 1)
            return (pa | rng.choice((1, 3, 5, 7)) | (0x80 if level > 1 else 0) | 0x200
                    | rng.choice((0, 0x20, 0x60)) | rng.choice((0, 1 << 63)))
        return 0

    def load(self, table: int, i: int) -> int:
        key = (table, i)
        if key not in self.memory:
            self.memory[key] = self.invent(table)
        elif self.memory[key] & 1 and self.rng.random() < 0.3:
            self.memory[key] |= self.rng.choice((0x20, 0x40, 0x60))
        return self.memory[key]

    def store(self, table: int, level: int, i: int, entry: int) -> None:
        self.memory[table, i] = entry

    def exchange(self, table: int, level: int, i: int, entry: int) -> int:
        old = self.load(table, i)
        self.memory[table, i] = entry
        return old

    def compare_exchange(self, table: int, level: int, i: int, old: int, entry: int) -> int:
        there = self.load(table, i)
        if there == old:
            self.memory[table, i] = entry
        return there

    def lock(self, table: int, level: int) -> None:
        pass

    def unlock(self, table: int, level: int) -> None:
        pass

    def live(self, table: int) -> int:
        return self.counts.setdefault(table, self.rng.choice((0, 0, 1, 1, 2, 511, 512)))

    def set_live(self, table: int, n: int) -> None:
        self.counts[table] = n

    def reserve(self) -> int:
        return self.left

    def take(self, level: int, owned: int) -> int:
        self.left -= 1
        self.taken += 1
        page = (1 << 40) + (self.taken << 12)
        self.tables[page] = level
        self.counts[page] = 0
        for i in range(512):
            self.memory[page, i] = 0
        return page

    def defer_table(self, table: int, level: int) -> None:
        pass

    def defer_leaf(self, va: int, level: int, entry: int) -> None:
        pass

    def leaf_bits(self, level: int) -> int:
        return 0x200 | level << 52


def random_call(rng: random.Random) -> tuple[str, list[int], list[int | list[int]]]:
    """A function, a region (root, start, end, limit of frames), and arguments."""
    unit = rng.choice((12, 21, 30, 30, 39))
    top = 48 - unit
    start = rng.randrange(1 << top)
    end = min(start + rng.choice((1, 1, 2, 3, 512)), 1 << top)
    pt = [0x1000, start << unit, end << unit, 1 << rng.choice((36, 40, 46, 52, 52, 52))]
    level = rng.choice((1, 1, 1, 2, 2, 3, 3, rng.getrandbits(32)))
    low = 12 + 9 * (min(level, 3) - 1 if level else 0)
    va = rng.randrange(pt[1], pt[2]) & -1 << rng.choice((low, low, low, low, 12, 0))
    if rng.random() < 0.05:
        va = rng.getrandbits(rng.choice((48, 64)))
    pa = rng.getrandbits(34) & -1 << rng.choice((low, low, low, 12, 0))
    if rng.random() < 0.05:
        pa = rng.getrandbits(64)
    rights = rng.randrange(8) if rng.random() < 0.95 else rng.getrandbits(32)
    function = rng.choice(("pt_map", "pt_map", "pt_unmap", "pt_unmap", "pt_protect", "pt_remap",
                           "pt_resolve", "pt_unmap_range", "pt_protect_range", "pt_map_range",
                           "pt_map_range"))
    end = va + rng.choice((rng.randrange(20) << 12, rng.randrange(20) << 12, 1 << min(low, 21)))
    frames = [(pa + rng.randrange(1 << 8 << low)) & -1 << rng.choice((low,) * 40 + (12,))
              for _ in range(rng.randrange(1, 20))]
    args = {"pt_map_range": [va, frames, len(frames) if rng.random() < 0.9 else 0, level, rights],
            "pt_unmap_range": [va, end], "pt_protect_range": [va, end, rights],
            "pt_map": [va, pa, level, rights], "pt_protect": [va, rights], "pt_remap": [va, pa]}
    return function, pt, args.get(function, [va])
