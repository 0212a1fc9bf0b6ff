# SPDX-License-Identifier: GPL-2.0
"""LLVM IR as clang-14 prints it, parsed: the instructions that the core needs.

Whatever is not understood is an error, here or when it is executed: nothing is
skipped but metadata and attributes.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Optional, Union


class IrError(Exception):
    """Text that this parser does not understand."""


@dataclass(frozen=True)
class Type:
    """kind: int, ptr, struct, array, void; bits or size in bytes; parts of a struct."""
    kind: str
    bits: int = 0
    name: str = ""
    count: int = 0
    inner: Optional["Type"] = None


@dataclass(frozen=True)
class Reg:
    name: str


@dataclass(frozen=True)
class Undef:
    pass


@dataclass(frozen=True)
class Null:
    pass


Operand = Union[int, Reg, Undef, Null]


@dataclass
class Inst:
    op: str
    dest: Optional[str] = None
    type: Optional[Type] = None
    args: list = field(default_factory=list)
    flags: frozenset[str] = frozenset()
    text: str = ""


@dataclass
class Function:
    name: str
    params: list[tuple[str, Type]]
    blocks: dict[str, list[Inst]]
    entry: str


@dataclass
class Module:
    structs: dict[str, list[Type]]
    functions: dict[str, Function]


TOKEN = re.compile(r'%"?[\w.$-]+"?|@[\w.$]+|-?\d+|[\w.]+|\.\.\.|[][(){}<>*,=!#]')
ATTRIBUTES = {"noundef", "nonnull", "nocapture", "readonly", "writeonly", "readnone", "zeroext",
              "signext", "noalias", "returned", "immarg", "dso_local", "internal", "fastcc",
              "local_unnamed_addr", "unnamed_addr", "nofree"}
FLAGS = {"nuw", "nsw", "exact", "inbounds"}


class Parser:
    """One line's tokens."""

    def __init__(self, text: str):
        self.text = text
        self.tokens = TOKEN.findall(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            at = self.tokens[self.at:self.at + 4]
            raise IrError(f"expected {token!r} at {at} in {self.text}")

    def type(self) -> Type:
        token = self.next()
        if re.fullmatch(r"i\d+", token):
            t = Type("int", int(token[1:]))
        elif token == "void":
            t = Type("void")
        elif token.startswith("%"):
            t = Type("struct", name=token)
        elif token in "[<":
            count = int(self.next())
            self.expect("x")
            inner = self.type()
            self.expect("]" if token == "[" else ">")
            t = Type("array" if token == "[" else "vector", count=count, inner=inner)
        else:
            raise IrError(f"type {token!r} in {self.text}")
        while self.accept("*"):
            t = Type("ptr", 64, inner=t)
        return t

    def attributes(self) -> None:
        while True:
            if self.peek() in ATTRIBUTES:
                self.next()
            elif self.peek() == "align":
                self.next()
                self.next()
            elif self.peek() in ("dereferenceable", "sret"):
                self.next()
                self.expect("(")
                while not self.accept(")"):
                    self.next()
            else:
                return

    def operand(self) -> Operand:
        token = self.next()
        if token.startswith("%"):
            return Reg(token)
        if token in ("true", "false"):
            return int(token == "true")
        if token in ("undef", "poison"):
            return Undef()
        if token == "null":
            return Null()
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        raise IrError(f"operand {token!r} in {self.text}")

    def typed(self) -> tuple[Type, Operand]:
        t = self.type()
        self.attributes()
        return t, self.operand()

    def label(self) -> str:
        self.expect("label")
        return self.next()

    def flags(self) -> frozenset[str]:
        found = set()
        while self.peek() in FLAGS:
            found.add(self.next())
        return frozenset(found)


BINARY = {"add", "sub", "mul", "shl", "lshr", "ashr", "and", "or", "xor", "udiv", "urem"}
CASTS = {"zext", "sext", "trunc", "bitcast"}


def parse_instruction(text: str) -> Inst:
    p = Parser(text)
    inst = Inst("", text=text.strip())
    if p.peek(1) == "=":
        inst.dest = p.next()
        p.next()
    if p.peek() in ("tail", "musttail", "notail"):
        p.next()
    inst.op = op = p.next()
    inst.flags = p.flags()
    if op in BINARY:
        inst.type = p.type()
        inst.args = [p.operand()]
        p.expect(",")
        inst.args.append(p.operand())
    elif op == "icmp":
        predicate = p.next()
        inst.type = p.type()
        inst.args = [predicate, p.operand()]
        p.expect(",")
        inst.args.append(p.operand())
    elif op in CASTS:
        source = p.typed()
        p.expect("to")
        inst.type = p.type()
        inst.args = [source]
    else:
        parse_other(p, inst)
    return inst


def parse_or_refuse(text: str) -> Inst:
    """What cannot be parsed (vectors, say) must not be executed either."""
    try:
        return parse_instruction(text)
    except IrError as error:
        return Inst("refused", text=str(error))


def parse_other(p: Parser, inst: Inst) -> None:
    op = inst.op
    if op == "select":
        inst.args = [p.typed()[1]]
        for _ in range(2):
            p.expect(",")
            inst.type, value = p.typed()
            inst.args.append(value)
    elif op == "phi":
        inst.type = p.type()
        while p.accept("["):
            value = p.operand()
            p.expect(",")
            inst.args.append((value, p.next()))
            p.expect("]")
            p.accept(",")
    elif op == "load":
        inst.type = p.type()
        p.expect(",")
        inst.args = [p.typed()[1]]
        found = re.search(r"!range !(\d+)", p.text)
        inst.flags = frozenset({"range" + found.group(1)}) if found else frozenset()
    elif op == "store":
        inst.type, value = p.typed()
        p.expect(",")
        inst.args = [value, p.typed()[1]]
    elif op == "alloca":
        inst.type = p.type()
    elif op == "getelementptr":
        inst.type = p.type()
        p.expect(",")
        inst.args = [p.typed()[1]]
        while p.accept(","):
            inst.args.append(p.typed())
    elif op == "br":
        if p.peek() == "label":
            inst.args = [p.label()]
        else:
            cond = p.typed()[1]
            p.expect(",")
            first = p.label()
            p.expect(",")
            inst.args = [cond, first, p.label()]
    elif op == "switch":
        inst.type, value = p.typed()
        p.expect(",")
        inst.args = [value, p.label()]
        p.expect("[")
        while not p.accept("]"):
            case = p.typed()[1]
            p.expect(",")
            inst.args.append((case, p.label()))
    elif op == "ret":
        inst.type = p.type()
        inst.args = [] if inst.type.kind == "void" else [p.operand()]
    elif op == "call":
        p.attributes()
        inst.type = p.type()
        callee = p.next()
        inst.args = [callee]
        p.expect("(")
        while not p.accept(")"):
            inst.args.append(p.typed())
            p.accept(",")
    elif op == "unreachable":
        pass
    else:
        raise IrError(f"instruction {inst.text}")


HEAD = re.compile(r"^define .*?(@[\w.]+)\((.*)\)[^()]*\{$")


def parse_head(line: str) -> tuple[str, list[tuple[str, Type]]]:
    found = HEAD.match(line)
    if not found:
        raise IrError(line)
    p = Parser(found.group(2))
    params = []
    while p.peek():
        t = p.type()
        p.attributes()
        params.append((p.next(), t))
        p.accept(",")
    return found.group(1), params


def parse(text: str) -> Module:
    module = Module({}, {})
    function: Optional[Function] = None
    block: list[Inst] = []
    pending = ""
    for line in text.splitlines():
        line = re.sub(r"\s*;.*$", "", line) if '"' not in line else line
        struct = re.match(r"^(%[\w.]+) = type \{ (.*) \}$", line)
        if struct:
            p = Parser(struct.group(2))
            module.structs[struct.group(1)] = [p.type()]
            while p.accept(","):
                module.structs[struct.group(1)].append(p.type())
        elif line.startswith("define "):
            name, params = parse_head(line)
            block = []
            function = Function(name, params, {}, "")
            module.functions[name] = function
        elif line == "}":
            function = None
        elif function is not None and line.strip():
            label = re.match(r"^([\w.$-]+):", line)
            if label:
                block = []
                name = "%" + label.group(1)
                function.entry = function.entry or name
                function.blocks[name] = block
                continue
            if not function.blocks:
                function.entry = "%" + str(len(function.params))
                function.blocks[function.entry] = block
            pending += line
            if "switch" in pending and "]" not in pending:
                pending += " "
                continue
            block.append(parse_or_refuse(pending))
            pending = ""
    return module


def link(modules: list[Module]) -> Module:
    whole = Module({}, {})
    for m in modules:
        whole.structs.update(m.structs)
        for name, f in m.functions.items():
            if name in whole.functions:
                raise IrError(f"two definitions of {name}")
            whole.functions[name] = f
    return whole


def targets(inst: Inst) -> list[str]:
    """Where a terminator may go."""
    if inst.op == "br":
        return inst.args if len(inst.args) == 1 else inst.args[1:]
    if inst.op == "switch":
        return [inst.args[1]] + [t for _, t in inst.args[2:]]
    return []


def loops(f: Function) -> dict[str, set[str]]:
    """Headers of natural loops, and the blocks of each."""
    follow = {b: targets(insts[-1]) for b, insts in f.blocks.items()}
    found: dict[str, set[str]] = {}

    def visit(block: str, above: tuple[str, ...], seen: set[str]) -> None:
        seen.add(block)
        for t in follow[block]:
            if t == block or t in above:
                body, work = {t, block}, [block] if t != block else []
                while work:
                    b = work.pop()
                    for p in (p for p, out in follow.items() if b in out and p not in body):
                        body.add(p)
                        work.append(p)
                found[t] = found.get(t, set()) | body
            elif t not in seen:
                visit(t, above + (block,), seen)

    visit(f.entry, (), set())
    return found
