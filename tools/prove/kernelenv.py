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

What the operation may do depends on the spans that it holds, pt_env.all: spans.py.

Entries are read and written by one access of 64 bits each, or it stops.  Stores reach
memory in the order of the program, as on any x86; what the core stores is an event at its
instruction.  Beside this the contracts of contract.py hold, that is those of pt.h.  The
calls by which the traced copy of the core tells what it does change nothing but, as any call,
scratch registers and what was pushed for them; they are owed the environment.
"""
from __future__ import annotations

from typing import Optional

from contract import MIRRORED, boolean_not
from disasm import Code
from execute import Oracle
from hwwalk import present
from inv import COUNT_BITS, ENTRIES, Region
from layout import Stuck
from machine import ARGUMENTS, RETURN, SAVED, Loaded, leaves, signed
from operations import SIZES
from spans import HOLDS_ALL, SpanContracts
from state import Pointer, Slot, State, TablePage
from structs import ALLOCATED, LEFT, TAG, Structs, counted, left, tagged
from term import FALSE, Term, add, and_, bit, bits, boolean, bv, concat, eq, ite, not_, or_, \
    ule, var, zext

DIRECT_MAP, PAGES = var("page_offset_base", 64), var("vmemmap_base", 64)
PTE_MASK = concat(bv(1, 1), var("supported_pte_mask", 63))		# NX is supported
CANARY = var("stack_canary", 64)
MM_LOCK = "mm's lock"
PAGE_SIZE = 4096
# The calls by which the traced copy tells what it does: how many of their arguments are pushed.
EVENTS = {"vpt_event_write": 2, "vpt_event_table_lock": 0}


class KernelEnvironment(SpanContracts):
    def __init__(self, code: Code, region: Region, oracle: Oracle, linux_links: int = 0,
                 kept_out: bool = False):
        super().__init__(region, oracle, linux_links, kept_out)
        self.code, self.structs = code, Structs(code)
        self.objects = {n: var("at_" + n, 64) for n in
                        ("env", "books", "mm", "stack", *SIZES)}
        self.names = {t.ident: n for n, t in self.objects.items()}

    # The state at the call

    def begin(self, s: State, arguments: list) -> dict[str, Term]:
        """Lay out what the core finds in memory; the registers at the call."""
        at = self.structs.env
        tables = var("tables_of_books", 64)
        s.objects |= {"mm": {}, "struct page": {}, "tagged": {},
                      "told": {0: (8, tables)}}
        s.sizes |= {"env": self.structs.bytes["pt_env"], "mm": 0, "stack": 8,
                    "books": self.structs.bytes["vpt_books"]}
        s.constant |= {"env", "books"}
        s.covered = HOLDS_ALL
        mirrored = ite(MIRRORED, bv(1, 8), bv(0, 8))
        s.objects["env"] = {
            at["mm"][0]: (8, self.objects["mm"]), at["root_mirrored"][0]: (1, mirrored),
            at["all"][0]: (1, ite(HOLDS_ALL, bv(1, 8), bv(0, 8))),
            at["books"][0]: (8, self.objects["books"]), self.structs.reserve: (8, s.reserve)}
        s.objects["books"] = {self.structs.tables: (8, tables)}
        s.objects["pt"] = {n: (size, self.plain_value(v))
                           for n, (size, v) in s.objects["pt"].items()}
        return self.called(s, arguments)

    def called(self, s: State, arguments: list, again: str = "") -> dict[str, Term]:
        """The registers at a call; @again: where it is not the first, for the names of what is
        not known there."""
        s.objects["stack"] = {0: (8, RETURN)}
        regs = {n: var("in_" + n, 64) for n in SAVED}
        regs |= {n: var(f"{again}in_{n}", 64) for n in ("rax", "r10", "r11")}
        regs["rsp"] = self.objects["stack"]
        for name, value in zip(ARGUMENTS, arguments):
            value = self.plain_value(value)
            # What stands above a narrow argument is anything.
            high = ([var(f"{again}high_{name}", 64 - value.width)] if value.width < 64
                    else [])
            regs[name] = concat(*high, value)
        for name in ARGUMENTS[len(arguments):]:
            regs[name] = var(f"{again}in_{name}", 64)
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

    def word(self, s: State, address: Term) -> tuple[TablePage, Term, int]:
        """A table's word with its count, and the offset in it."""
        table, offset = self.page_of(address)
        t = self.mine(s, table)
        return t, self.word_of(s, t), offset - self.structs.word

    def word_of(self, s: State, t: TablePage) -> Term:
        word = s.objects["struct page"].get(t.page.ident)
        if word is None:
            w = var(s.name("word"), 64)
            s.fact(eq(counted(w), t.live))
            word = s.objects["struct page"][t.page.ident] = (8, w)
        return s.known.reduce(word[1])

    def count_told(self, s: State, t: TablePage, more: Term) -> None:
        """Of what is known of the word: a table just taken, whose count nobody has looked at."""
        word = s.objects["struct page"].get(t.page.ident)
        if word is None:
            return
        if t.owned is None or s.counted:
            raise Stuck(f"a count that was looked at changes: {t.page}")
        s.objects["struct page"][t.page.ident] = (8, ite(t.owned, add(word[1], zext(more, 64)),
                                                         word[1]))

    def use_told(self, s: State, t: TablePage, more: Term) -> None:
        old, left = s.objects["struct page"][t.page.ident][1], var(s.name("left"), 0)
        s.fact(not_(and_(s.covered, left)))
        n = add(t.live, more)
        used = ite(and_(left, eq(n, bv(0, COUNT_BITS))), bv(LEFT << 32, 64),
                   concat(bits(old, 63, 16), bits(n, 15, 0)))
        s.objects["struct page"][t.page.ident] = (8, ite(t.owned, used, old))

    def load_word(self, s: State, address: Term, size: int) -> Term:
        t, w, at = self.word(s, address)
        if at < 0 or at + size > 8:
            raise Stuck("a part of struct page that is not known here")
        self.look_at_count(s, t)
        return bits(w, 8 * (at + size) - 1, 8 * at)

    def store_word(self, s: State, address: Term, size: int, value: Term) -> None:
        t, old, at = self.word(s, address)
        if at != 0 or size != 8:
            raise Stuck("a part of struct page is written")
        was = tagged(old)
        s.require("a count is told with its tag and nothing else",
                  and_(tagged(value), eq(bits(value, 31, ALLOCATED + 1), bv(0, 31 - ALLOCATED))))
        s.require("who allocated a table is kept with its count",
                  eq(bit(value, ALLOCATED), or_(and_(was, bit(old, ALLOCATED)), left(old))))
        self.change_count(s, t)
        n = counted(value)
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
                self.takes_lock(s)
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
        if symbol == "__stack_chk_fail":
            s.require("the stack's canary is whole", FALSE)
            s.die()
            return [s]
        contract = {"pt_env_take": self.call_take, "pt_env_defer_table": self.call_defer,
                    "pt_env_leave": self.call_leave, "pt_env_release": self.call_release,
                    "vpt_lock_rest": self.call_rest,
                    "pt_env_lock_counts": self.call_lock_counts,
                    "pt_env_unlock_counts": self.call_unlock_counts}
        if symbol not in contract and symbol not in EVENTS:
            raise Stuck(f"a call that is not known here: {symbol}")
        regs = s.frames[-1].regs
        s.require("the environment is given the region's struct",
                  and_(boolean(bool(s.objects["env"])), eq(regs["rdi"], self.objects["env"])))
        if symbol in EVENTS:
            self.forget_pushed(s, EVENTS[symbol])
            return [s]
        self.account(s)
        out = contract[symbol](s, regs)
        for t in out:
            self.count_anew(t)
        return out

    def forget_pushed(self, s: State, words: int) -> None:
        """Arguments that were pushed, above the return address, are the callee's to change."""
        top = self.object(s.frames[-1].regs["rsp"])
        if top is None or top.object != "stack":
            raise Stuck("arguments are pushed elsewhere than on the stack")
        first, end = top.offset + 8, top.offset + 8 + 8 * words
        s.objects["stack"] = {at: (size, value) for at, (size, value)
                              in s.objects["stack"].items() if at + size <= first or at >= end}

    def call_take(self, s: State, regs: dict[str, Term]) -> list[State]:
        """pt_env_take(env, level, owned).  A table that the core owns gets its tag, and the
        mark that it was allocated."""
        s.require("a bool is 0 or 1", eq(bits(regs["rdx"], 7, 1), bv(0, 7)))
        (_, table), = self.take(s, [None, bits(regs["rsi"], 31, 0), bit(regs["rdx"], 0)])
        p = bits(table, 51, 12)
        s.objects["struct page"][p.ident] = (8, ite(s.tables[p.ident].owned,
                                                    bv(TAG << 32 | 1 << ALLOCATED, 64), bv(0, 64)))
        s.objects["env"][self.structs.reserve] = (8, s.reserve)
        regs["rax"], s.answered = table, True
        return [s]

    def call_defer(self, s: State, regs: dict[str, Term]) -> list[State]:
        """pt_env_defer_table(env, table, level)"""
        self.defer_table(s, [None, regs["rsi"], bits(regs["rdx"], 31, 0)])
        return [s]

    def call_leave(self, s: State, regs: dict[str, Term]) -> list[State]:
        """pt_env_leave(env, table).  Its tag goes; that it was allocated stays known."""
        t = self.leave(s, regs["rsi"])
        old = self.word_of(s, t)
        mark = ite(bit(old, ALLOCATED), bv(LEFT << 32, 64), bv(0, 64))
        s.objects["struct page"][t.page.ident] = (8, ite(tagged(old), mark, old))
        return [s]

    def call_release(self, s: State, regs: dict[str, Term]) -> list[State]:
        """pt_env_release(env, table).  Of a table that was counted, or left, the word is 0."""
        self.release(s, [None, regs["rsi"]])
        t = self.known_table(s, s.known.reduce(regs["rsi"]))
        old = self.word_of(s, t)
        ours = or_(tagged(old), left(old))
        s.objects["struct page"][t.page.ident] = (8, ite(ours, bv(0, 64), old))
        return [s]

    def call_rest(self, s: State, regs: dict[str, Term]) -> list[State]:
        """vpt_lock_rest(env): pt_env.all is the environment's to write."""
        yes, no = self.lock_rest(s)
        yes.objects["env"][self.structs.env["all"][0]] = (1, bv(1, 8))
        for t, answer in ((yes, 1), (no, 0)):
            t.frames[-1].regs["rax"] = concat(var(t.name("high"), 56), bv(answer, 8))
            t.answered = True
        return [yes, no]

    def call_lock_counts(self, s: State, regs: dict[str, Term]) -> list[State]:
        self.lock_counts(s)
        return [s]

    def call_unlock_counts(self, s: State, regs: dict[str, Term]) -> list[State]:
        self.unlock_counts(s)
        return [s]

    def returned(self, s: State) -> None:
        """What the ABI and the caller want when the core returns."""
        regs = s.frames[-1].regs
        s.require("the stack is as it was at the call",
                  eq(regs["rsp"], add(self.objects["stack"], bv(8, 64))))
        for name in SAVED:
            s.require(f"{name} is kept", eq(regs[name], var("in_" + name, 64)))
        self.whole(s)
        s.require("the counts' lock is released", boolean(not s.counting))
        self.account(s)
        s.result, s.where = regs["rax"], ""
