# SPDX-License-Identifier: GPL-2.0
"""Of a module: where its structs have their members, and what its kernel's version decides."""
from __future__ import annotations

import re

from disasm import Code, tool
from inv import COUNT_BITS
from layout import Stuck
from operations import SIZES
from term import Term, bits, bv, eq, ite, zext

# As in src/kernel/memory/pt_env.h.
TAG, LEFT, ALLOCATED = 0x76707400, 0x76707401, 16
# Ignored bits that a leaf carries, by level: those that tell Linux to keep its hands off.
SPECIAL, DEVMAP = 1 << 9, 1 << 58


def counted(w: Term) -> Term:
    """The count in the word of a table's struct page."""
    return ite(tagged(w), zext(bits(w, 15, 0), COUNT_BITS), bv(0, COUNT_BITS))


def tagged(w: Term) -> Term:
    return eq(bits(w, 63, 32), bv(TAG, 32))


def left(w: Term) -> Term:
    """Of a table that vpt allocated and has left, empty, where it was."""
    return eq(bits(w, 63, 32), bv(LEFT, 32))


class Structs:
    """Where struct members stand, by the module's own debugging information."""

    def __init__(self, code: Code):
        self.path, self.bytes = code.about, {}
        self.env, self.books = self.members("pt_env"), self.members("vpt_books")
        spare = self.members("vpt_spare")
        self.word = self.members("folio")["index"][0]
        page = self.members("page")
        table = self.members("ptdesc") or page
        self.lock_of_mm = self.members("mm_struct")["page_table_lock"][0]
        self.lock_of_table, lock_bytes = table["ptl"]
        used = {("pt_env", "mm"): 8, ("pt_env", "root_mirrored"): 1, ("pt_env", "books"): 8,
                ("pt_env", "all"): 1,
                ("pt_env", "reserve"): self.bytes.get("vpt_spare"), ("vpt_spare", "n"): 8,
                ("vpt_books", "tables"): 8}
        there = {"pt_env": self.env, "vpt_spare": spare, "vpt_books": self.books}
        for (name, member), size in used.items():
            if there[name].get(member, (0, 0))[1] != size:
                raise Stuck(f"struct {name} has no {member} of the size that is wanted here")
        self.tables = self.books["tables"][0]
        self.reserve = self.env["reserve"][0] + spare["n"][0]	# in struct pt_env
        wanted = {"pt": SIZES["pt"], "pt_mapping": SIZES["m"], "pt_touched": SIZES["done"]}
        for name in wanted:
            self.members(name)
        if lock_bytes != 4 or self.bytes["page"] != 64:
            raise Stuck("a table's lock does not stand in struct page, or that is not 64 bytes")
        if any(self.bytes[name] != size for name, size in wanted.items()):
            raise Stuck("a struct of the core's has another size than the goals think")

    def members(self, name: str) -> dict[str, tuple[int, int]]:
        """Offset and size of each member of a struct; nothing, if there is no such struct."""
        text = "\n".join(tool("pahole", "-C", name, str(self.path)))
        size = re.search(r"/\* size: (\d+),", text)
        if not size:
            return {}
        self.bytes[name] = int(size.group(1))
        text = re.sub(r" __attribute__\(\(\w+\(\d+\)\)\)", "", text)
        found = re.findall(r"(\w+)(?:\[\d+\])?;\s*/\*\s*(\d+)\s+(\d+) \*/", text)
        return {member: (int(at), int(n)) for member, at, n in found}

    def told(self) -> str:
        """All of it, as text: a proof is one for this layout."""
        return repr((self.env, self.reserve, self.tables, self.word, self.lock_of_mm,
                     self.lock_of_table, self.bytes))


def leaf_bits(code: Code) -> dict[int, Term]:
    """What pt_env_leaf_bits() is for, by the kernel's version; not what the code has."""
    found = re.search(rb"\0vermagic=(\d+)\.(\d+)", code.about.read_bytes())
    if not found:
        raise Stuck(f"{code.about} does not tell for which kernel it is")
    large = SPECIAL | (DEVMAP if tuple(map(int, found.groups())) < (6, 12) else 0)
    return {1: bv(SPECIAL, 64), 2: bv(large, 64), 3: bv(large, 64)}
