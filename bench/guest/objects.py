# SPDX-License-Identifier: GPL-2.0
"""An interpreter that makes and drops many objects; prints seconds for each kind.

Python's own allocator takes memory from mmap and gives it back by munmap.
"""

from time import perf_counter


def tree(depth: int):
    """A binary tree of tuples."""
    return (tree(depth - 1), tree(depth - 1)) if depth else ()


def trees() -> None:
    """Small objects, many of them alive at once."""
    for _ in range(4):
        tree(13)


def strings() -> None:
    """A dictionary of strings."""
    table = {}
    for number in range(30000):
        table[str(number)] = str(number) * 8
    table.clear()


def buffers() -> None:
    """Large buffers, each mapped, touched and unmapped."""
    for number in range(60):
        bytearray(number * 16384 + 262144).count(1)


for kind in (trees, strings, buffers):
    kind()      # once for the interpreter's own warming up
    start = perf_counter()
    kind()
    print(kind.__name__, f"{perf_counter() - start:.6f}", flush=True)
