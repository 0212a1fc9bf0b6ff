# SPDX-License-Identifier: GPL-2.0
"""The kernel's environment as the machine code has it: src/kernel/memory/pt_env.h, inlined.

What the core reaches is told from the address.  The contract is this memory map:

  page_offset_base + table + 8 * i	an entry; the table's page in the direct map.  Under PTI
					the page after the root holds the user's copy of it
  vmemmap_base + 64 * page + n		struct page: of a table the word with its count, and
					its lock (levels 1 and 2)
  struct mm_struct			the lock of tables of levels 3 and 4
  struct pt_env, struct pt, the caller's structs, the stack: objects apart from each other and
					from all else; so is struct vpt_books, to which
					pt_env.books leads

The number of tables that may be taken is pt_env.reserve.n, and nothing is subtracted from it:
the deposit has a list of its own, in struct vpt_file, which the core does not reach.  Of
struct vpt_books the core writes the number of tables; of struct pt_env nothing.

Entries are read and written by one access of 64 bits each, or it stops.  Stores reach
memory in the order of the program, as on any x86; what the core stores is an event at its
instruction.  Beside this the contracts of contract.py hold, that is those of pt.h.  The
calls by which the traced copy of the core tells what it does change nothing.
"""
from __future__ import annotations

import re
from typing import Optional

from contract import MIRRORED, Contracts, boolean_not
from disasm import Code, tool
from execute import Oracle
from hwwalk import present
from inv import COUNT_BITS, ENTRIES, Region
from layout import Stuck
from machine import ARGUMENTS, RETURN, SAVED, Loaded, leaves, signed
from operations import SIZES
from state import Pointer, Slot, State, TablePage
from term import FALSE, Term, add, and_, bit, bits, boolean, bv, concat, eq, ite, not_, ule, \
    var, zext

DIRECT_MAP, PAGES = var("page_offset_base", 64), var("vmemmap_base", 64)
PTE_MASK = concat(bv(1, 1), var("supported_pte_mask", 63))		# NX is supported
CANARY = var("stack_canary", 64)
MM_LOCK = "mm's lock"
TAG, ALLOCATED = 0x76707400, 16		# as in src/kernel/memory/pt_env.h
PAGE_SIZE = 4096
# Ignored bits that a leaf carries, by level: those that tell Linux to keep its hands off.
SPECIAL, DEVMAP = 1 << 9, 1 << 58


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


class KernelEnvironment(Contracts):
    def __init__(self, code: Code, region: Region, oracle: Oracle, linux_links: bool = False):
        super().__init__(region, oracle, linux_links)
        self.code, self.structs = code, Structs(code)
        self.objects = {n: var("at_" + n, 64) for n in
                        ("pt", "env", "books", "mm", "m", "revoked", "table", "done", "stack")}
        self.names = {t.ident: n for n, t in self.objects.items()}

    # The state at the call

    def begin(self, s: State, arguments: list) -> dict[str, Term]:
        """Lay out what the core finds in memory; the registers at the call."""
        at = self.structs.env
        tables = var("tables_of_books", 64)
        s.objects |= {"stack": {0: (8, RETURN)}, "mm": {}, "struct page": {}, "tagged": {},
                      "told": {0: (8, tables)}}
        s.sizes |= {"env": self.structs.bytes["pt_env"], "mm": 0, "stack": 8,
                    "books": self.structs.bytes["vpt_books"]}
        s.constant |= {"env", "books"}
        mirrored = ite(MIRRORED, bv(1, 8), bv(0, 8))
        s.objects["env"] = {
            at["mm"][0]: (8, self.objects["mm"]), at["root_mirrored"][0]: (1, mirrored),
            at["books"][0]: (8, self.objects["books"]), self.structs.reserve: (8, s.reserve)}
        s.objects["books"] = {self.structs.tables: (8, tables)}
        s.objects["pt"] = {n: (size, self.plain_value(v))
                           for n, (size, v) in s.objects["pt"].items()}
        regs = {n: var("in_" + n, 64) for n in SAVED}
        regs |= {n: var("in_" + n, 64) for n in ("rax", "r10", "r11")}
        regs["rsp"] = self.objects["stack"]
        for name, value in zip(ARGUMENTS, arguments):
            value = self.plain_value(value)
            # What stands above a narrow argument is anything.
            high = [var("high_" + name, 64 - value.width)] if value.width < 64 else []
            regs[name] = concat(*high, value)
        for name in ARGUMENTS[len(arguments):]:
            regs[name] = var("in_" + name, 64)
        return regs

    def plain_value(self, v) -> Term:
        return add(self.objects[v.object], bv(v.offset, 64)) if isinstance(v, Pointer) else v

    # Addresses

    def base(self, symbol: str, segment: str) -> Term:
        if segment == "gs" and symbol in ("", "__ref_stack_chk_guard"):
            return var("at_" + symbol if symbol else "gs_base", 64)
        if segment or symbol not in ("page_offset_base", "vmemmap_base", "__supported_pte_mask"):
            raise Stuck(f"a variable of the kernel's that is not known here: {segment} {symbol}")
        return var("at_" + symbol, 64)

    GLOBALS = {"at_page_offset_base": DIRECT_MAP, "at_vmemmap_base": PAGES,
               "at___supported_pte_mask": PTE_MASK, "at___ref_stack_chk_guard": CANARY}

    def variable(self, address: Term, size: int) -> Optional[Term]:
        """A variable of the kernel's that nobody writes while the module is there."""
        if address.op == "var" and address.info in self.GLOBALS and size == 8:
            return self.GLOBALS[address.info]
        if address is add(var("gs_base", 64), bv(0x28, 64)) and size == 8:
            return CANARY
        return None

    def object(self, address: Term) -> Optional[Pointer]:
        """An address in one of the objects, at a constant offset."""
        parts = leaves(address)
        found = [p for p in parts if p.ident in self.names]
        rest = [p for p in parts if p.ident not in self.names]
        if len(found) != 1 or any(p.value is None for p in rest):
            return None
        return Pointer(self.names[found[0].ident], signed(sum(p.value for p in rest) % (1 << 64)))

    def entry(self, s: State, address: Term) -> tuple[Term, Term, bool]:
        """The table, the index and whether it is in the page after the table's."""
        parts = leaves(address)
        parts.remove(DIRECT_MAP)
        tables = [p for p in parts if p.value is None and bits(p, 11, 0).value == 0]
        if len(tables) != 1:
            raise Stuck(f"which table is at {address}?")
        constant = sum(p.value for p in parts if p.value is not None) % (1 << 64)
        mirror = PAGE_SIZE <= constant < 2 * PAGE_SIZE
        offset = bv(constant - PAGE_SIZE if mirror else constant, 64)
        for p in parts:
            if p.value is None and p is not tables[0]:
                offset = add(offset, p)
        offset = s.known.reduce(offset)
        s.require("what is accessed is a whole entry", eq(bits(offset, 2, 0), bv(0, 3)))
        s.require("an entry lies in its table's page", eq(bits(offset, 63, 12), bv(0, 52)))
        return tables[0], zext(bits(offset, 11, 3), 32), mirror

    def page_of(self, address: Term) -> tuple[Term, int]:
        """An address in the array of struct page: the page's address, and the offset."""
        parts = leaves(address)
        parts.remove(PAGES)
        offset = sum(p.value for p in parts if p.value is not None)
        which = [p for p in parts if p.value is None]
        if len(which) != 1 or bits(which[0], 5, 0).value != 0 or bits(which[0], 63, 46).value != 0:
            raise Stuck(f"which struct page is at {address}?")
        return concat(bv(0, 12), bits(which[0], 45, 6), bv(0, 12)), offset

    def plain(self, s: State, address: Term) -> bool:
        return DIRECT_MAP not in leaves(address)

    # Memory

    def mem_read(self, s: State, address: Term, size: int) -> Loaded:
        found = self.variable(address, size)
        if found is not None:
            return [(s, found)]
        p = self.object(address)
        if p is not None:
            return [(s, self.load_object(s, p, size))]
        if PAGES in leaves(address):
            return [(s, self.load_word(s, address, size))]
        if DIRECT_MAP not in leaves(address):
            raise Stuck(f"what is at {address}?")
        table, i, mirror = self.entry(s, address)
        if size != 8 or mirror:
            raise Stuck("an entry is read by parts, or in the root's other copy")
        self.whole(s)
        return self.load(s, [None, table, i])

    def within(self, s: State, p: Pointer, size: int) -> None:
        if p.object == "stack":
            top = self.object(s.frames[-1].regs["rsp"])
            inside = top is not None and top.object == "stack" and top.offset <= p.offset \
                and p.offset + size <= 8
        else:
            inside = 0 <= p.offset and p.offset + size <= s.sizes[p.object]
        s.require(f"within {p.object}", boolean(inside))

    def below_stack(self, s: State) -> None:
        """What stands below the stack pointer is not kept."""
        top = self.object(s.frames[-1].regs["rsp"])
        kept = {} if top is None or top.object != "stack" else {
            at: v for at, v in s.objects["stack"].items() if at >= top.offset}
        s.objects["stack"] = kept

    def load_object(self, s: State, p: Pointer, size: int) -> Term:
        self.within(s, p, size)
        memory = s.objects[p.object]
        found = memory.get(p.offset)
        if found and found[0] == size:
            return found[1]
        parts = []
        for at in range(p.offset, p.offset + size):
            parts.append(self.byte(s, p.object, at))
        return concat(*parts[::-1])

    def byte(self, s: State, name: str, at: int) -> Term:
        for start, (n, value) in s.objects[name].items():
            if start <= at < start + n:
                return bits(value, 8 * (at - start) + 7, 8 * (at - start))
        if name in ("env", "books"):
            raise Stuck(f"a part of {name} that is not known here, at {at}")
        # Nobody has stored anything there: it holds anything, and that must not matter.
        value = var(s.name("leftover"), 8)
        s.objects[name][at] = (1, value)
        return value

    def mem_write(self, s: State, address: Term, size: int, value: Term) -> list[State]:
        p = self.object(address)
        if p is not None:
            self.store_object(s, p, size, value)
            return [s]
        if PAGES in leaves(address):
            self.store_word(s, address, size, value)
            return [s]
        if DIRECT_MAP not in leaves(address):
            raise Stuck(f"what is at {address}?")
        table, i, mirror = self.entry(s, address)
        if size != 8:
            raise Stuck("an entry is written by parts")
        return self.store_entry(s, table, i, mirror, value)

    def store_object(self, s: State, p: Pointer, size: int, value: Term) -> None:
        self.within(s, p, size)
        tables = p == Pointer("books", self.structs.tables) and size == 8
        s.require(f"{p.object} is not written", boolean(p.object not in s.constant or tables))
        memory = s.objects[p.object]
        for at, (n, old) in list(memory.items()):
            if at < p.offset + size and p.offset < at + n:
                del memory[at]
                for b in [b for b in range(at, at + n) if not p.offset <= b < p.offset + size]:
                    memory[b] = (1, bits(old, 8 * (b - at) + 7, 8 * (b - at)))
        memory[p.offset] = (size, value)

    # Entries

    def mem_exchange(self, s: State, address: Term, size: int, value: Term) -> Loaded:
        table, i, mirror = self.entry(s, address)
        if size != 8 or mirror:
            raise Stuck("an exchange of parts of an entry, or in the root's other copy")
        return self.exchange(s, self.entry_call(s, table, i, value))

    def mem_compare_exchange(self, s: State, address: Term, size: int, old: Term,
                             value: Term) -> Loaded:
        table, i, mirror = self.entry(s, address)
        if size != 8 or mirror:
            raise Stuck("a compare-and-exchange of parts of an entry")
        return self.compare_exchange(s, self.entry_call(s, table, i, old, value))

    def entry_call(self, s: State, table: Term, i: Term, *values: Term) -> list[Term]:
        """Arguments of a call that pt.h knows; machine code does not tell the level."""
        self.whole(s)
        level = self.known_table(s, s.known.reduce(table)).level
        return [None, table, bv(level, 32), i, *values]

    def store_entry(self, s: State, table: Term, i: Term, mirror: bool,
                    value: Term) -> list[State]:
        """A plain store.  Under PTI the root is written twice, the user's copy first."""
        if s.half is not None:
            return self.other_half(s, table, i, mirror, value)
        arguments = self.entry_call(s, table, i, value)
        root = arguments[2].value == 4
        if mirror:
            s.require("the page behind a table is written only if it is the root's other copy",
                      MIRRORED if root else FALSE)
        elif root:
            s.require("of the root's two copies the user's is written first", not_(MIRRORED))
        out = [t for t, _ in self.store(s, arguments)]
        for t in out:
            t.half = (i, t.known.reduce(table), value) if mirror else None
        return out

    def other_half(self, s: State, table: Term, i: Term, mirror: bool,
                   value: Term) -> list[State]:
        """The kernel's copy of a root entry: as the user's, and NX where it is present."""
        index, root, entry = s.half
        s.require("the root's other copy is written next",
                  and_(boolean(not mirror), eq(i, index), eq(table, root)))
        nx = ite(present(entry), bv(1, 1), bits(entry, 63, 63))
        s.require("the kernel's copy of a root entry has NX besides",
                  eq(value, concat(nx, bits(entry, 62, 0))))
        s.half = None
        return [s]

    def whole(self, s: State) -> None:
        """Nothing comes between the two stores to the root."""
        s.require("the root's other copy is written next", boolean_not(s.half is not None))

    # Counts: the word of struct page

    def counted(self, w: Term) -> Term:
        return ite(self.tagged(w), zext(bits(w, 15, 0), COUNT_BITS), bv(0, COUNT_BITS))

    def tagged(self, w: Term) -> Term:
        return eq(bits(w, 63, 32), bv(TAG, 32))

    def word(self, s: State, address: Term) -> tuple[TablePage, Term, int]:
        """A table's word with its count, and the offset in it."""
        table, offset = self.page_of(address)
        t = self.mine(s, table)
        word = s.objects["struct page"].get(t.page.ident)
        if word is None:
            w = var(s.name("word"), 64)
            s.fact(eq(self.counted(w), t.live))
            word = s.objects["struct page"][t.page.ident] = (8, w)
        return t, s.known.reduce(word[1]), offset - self.structs.word

    def load_word(self, s: State, address: Term, size: int) -> Term:
        t, w, at = self.word(s, address)
        if at < 0 or at + size > 8:
            raise Stuck("a part of struct page that is not known here")
        return bits(w, 8 * (at + size) - 1, 8 * at)

    def store_word(self, s: State, address: Term, size: int, value: Term) -> None:
        t, old, at = self.word(s, address)
        if at != 0 or size != 8:
            raise Stuck("a part of struct page is written")
        was = self.tagged(old)
        s.require("a count is told with its tag and nothing else",
                  and_(self.tagged(value),
                       eq(bits(value, 31, ALLOCATED + 1), bv(0, 31 - ALLOCATED))))
        s.require("who allocated a table is kept with its count",
                  eq(bit(value, ALLOCATED), and_(was, bit(old, ALLOCATED))))
        n = self.counted(value)
        s.require("a count is at most 512", ule(n, bv(ENTRIES, COUNT_BITS)))
        s.objects["struct page"][t.page.ident] = (8, value)
        s.objects["tagged"].setdefault(t.page.ident, (8, was))
        t.live = n

    def account(self, s: State) -> None:
        """The number of tables in the books has grown by those that were tagged."""
        more = bv(0, 64)
        for _, was in s.objects["tagged"].values():
            more = add(more, ite(was, bv(0, 64), bv(1, 64)))
        s.require("tables that get their first tag are counted", eq(
            self.load_object(s, Pointer("books", self.structs.tables), 8),
            add(s.objects["told"][0][1], more)))

    def count_anew(self, s: State) -> None:
        """The environment itself has changed its number of tables."""
        now = var(s.name("tables_of_books"), 64)
        s.objects["books"][self.structs.tables] = (8, now)
        s.objects["told"], s.objects["tagged"] = {0: (8, now)}, {}

    # Locks and calls

    def holds(self, s: State, slot: Slot) -> bool:
        if s.locked and s.locked[0] is MM_LOCK:
            return slot.level >= 3
        return bool(s.locked) and s.locked[0] is slot.page and slot.level < 3

    def spin(self, s: State, take: bool) -> None:
        address = s.frames[-1].regs["rdi"]
        p = self.object(address)
        if p == Pointer("mm", self.structs.lock_of_mm):
            if take:
                s.require("locks do not nest", boolean_not(s.locked is not None))
            else:
                s.require("what is unlocked was locked",
                          boolean(bool(s.locked) and s.locked[0] is MM_LOCK))
            s.locked, s.settled = ((MM_LOCK, 3), None) if take else (None, None)
            return
        if PAGES not in leaves(address):
            raise Stuck(f"which lock is at {address}?")
        table, offset = self.page_of(address)
        if offset != self.structs.lock_of_table:
            raise Stuck(f"a lock at {offset} in struct page")
        t = self.known_table(s, s.known.reduce(table))
        s.require("a table of level 3 or 4 has no lock of its own", boolean(t.level <= 2))
        (self.lock if take else self.unlock)(s, [None, table, bv(t.level, 32)])

    def call(self, s: State, symbol: str) -> list[State]:
        self.whole(s)
        if symbol in ("_raw_spin_lock", "_raw_spin_unlock"):
            self.spin(s, symbol == "_raw_spin_lock")
            return [s]
        if symbol in ("vpt_event_write", "vpt_event_table_lock"):
            return [s]
        if symbol == "__stack_chk_fail":
            s.require("the stack's canary is whole", FALSE)
            s.die()
            return [s]
        contract = {"pt_env_take": self.call_take, "pt_env_defer_table": self.call_defer}
        if symbol not in contract:
            raise Stuck(f"a call that is not known here: {symbol}")
        regs = s.frames[-1].regs
        s.require("the environment is given the region's struct",
                  eq(regs["rdi"], self.objects["env"]))
        self.account(s)
        contract[symbol](s, regs)
        self.count_anew(s)
        return [s]

    def call_take(self, s: State, regs: dict[str, Term]) -> None:
        """pt_env_take(env, level, owned).  A table that the core owns gets its tag, and the
        mark that it was allocated."""
        s.require("a bool is 0 or 1", eq(bits(regs["rdx"], 7, 1), bv(0, 7)))
        (_, table), = self.take(s, [None, bits(regs["rsi"], 31, 0), bit(regs["rdx"], 0)])
        p = bits(table, 51, 12)
        s.objects["struct page"][p.ident] = (8, ite(s.tables[p.ident].owned,
                                                    bv(TAG << 32 | 1 << ALLOCATED, 64), bv(0, 64)))
        s.objects["env"][self.structs.reserve] = (8, s.reserve)
        regs["rax"], s.answered = table, True

    def call_defer(self, s: State, regs: dict[str, Term]) -> None:
        """pt_env_defer_table(env, table, level)"""
        self.defer_table(s, [None, regs["rsi"], bits(regs["rdx"], 31, 0)])

    def returned(self, s: State) -> None:
        """What the ABI and the caller want when the core returns."""
        regs = s.frames[-1].regs
        s.require("the stack is as it was at the call",
                  eq(regs["rsp"], add(self.objects["stack"], bv(8, 64))))
        for name in SAVED:
            s.require(f"{name} is kept", eq(regs[name], var("in_" + name, 64)))
        self.whole(s)
        self.account(s)
        s.result, s.where = regs["rax"], ""
