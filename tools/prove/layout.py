# SPDX-License-Identifier: GPL-2.0
"""Sizes and offsets of the IR's types, by the x86-64 ABI; its constants as terms."""
from __future__ import annotations

import ir
from term import Term, boolean, bv


class Stuck(Exception):
    """The executor met something it does not know how to execute."""


def type_size(module: ir.Module, t: ir.Type) -> int:
    if t.kind == "int":
        return max(1, t.bits // 8)
    if t.kind == "ptr":
        return 8
    if t.kind == "array":
        return t.count * type_size(module, t.inner)
    if t.kind == "struct":
        offsets, size = layout(module, t.name)
        return size
    raise Stuck(f"size of {t}")


def layout(module: ir.Module, name: str) -> tuple[list[int], int]:
    """Offsets of a struct's members and its size, by the x86-64 ABI."""
    at, align, offsets = 0, 1, []
    for member in module.structs[name]:
        size = type_size(module, member)
        a = min(size, 8) if member.kind in ("int", "ptr") else 8
        at = (at + a - 1) // a * a
        offsets.append(at)
        at += size
        align = max(align, a)
    return offsets, (at + align - 1) // align * align


def number(value: int, t: ir.Type) -> Term:
    return boolean(bool(value & 1)) if t.bits == 1 else bv(value, t.bits)
