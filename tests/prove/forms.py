# SPDX-License-Identifier: GPL-2.0
"""The forms of every instruction in the executor's table: operands, widths, prefixes."""
from __future__ import annotations

import re

from opcodes import CONDITIONS, OPCODES, OPPOSITE

# Registers by width, among them those that need a prefix, and high bytes.
A = {64: ("rax", "r9"), 32: ("eax", "r10d"), 16: ("dx", "r11w"), 8: ("cl", "ah", "sil", "r8b")}
B = {64: ("rbx", "r14"), 32: ("esi", "r13d"), 16: ("bx", "r12w"), 8: ("dl", "bh")}
PTR = {64: "QWORD PTR ", 32: "DWORD PTR ", 16: "WORD PTR ", 8: "BYTE PTR "}
PLACES = ("[rdi]", "[rbp-0x10]", "[rdi+rsi*4+0x7f]", "[rsp+0x18]", "[r12+r13*8-0x80]", "[rip+data]")
IMMEDIATES = {64: ("0x1", "-0x1", "0x7fffffff", "-0x80000000"), 32: ("0x1", "-0x1", "0x7fffffff"),
              16: ("0x3", "0x1234"), 8: ("0x5", "-0x80")}
ALL = (64, 32, 16, 8)
WIDE = (64, 32, 16)

WIDENED = re.compile("r[a-ds]")		# 64 bits


def registers(a: str, b: str) -> bool:
    """Of a high byte and a register that needs REX no instruction can be made."""
    high, rex = {"ah", "bh", "ch", "dh"}, {"sil", "dil", "bpl", "spl"}
    return not ({a, b} & high and any(r in rex or r[1].isdigit() or WIDENED.match(r)
                                      for r in (a, b)))


def binary(name: str, to_memory: bool = True) -> list[str]:
    forms = []
    for w in ALL:
        pairs = [(a, b) for a in A[w] for b in (*B[w], A[w][0]) if registers(a, b)]
        forms += [f"{name} {a},{b}" for a, b in pairs]
        forms += [f"{name} {a},{i}" for a in A[w] for i in IMMEDIATES[w]]
        forms += [f"{name} {B[w][0]},{PTR[w]}{m}" for m in PLACES] if name != "test" else []
        if to_memory:
            forms += [f"{name} {PTR[w]}{m},{B[w][0]}" for m in PLACES]
            forms += [f"{name} {PTR[w]}{m},{i}" for m in PLACES[:2] for i in IMMEDIATES[w][:2]]
    return forms


def unary(name: str) -> list[str]:
    return [f"{name} {a}" for w in ALL for a in A[w]] + [
        f"{name} {PTR[w]}{m}" for w in ALL for m in PLACES]


def shifts(name: str) -> list[str]:
    forms = []
    for w in ALL:
        places = [a for a in B[w]] + [PTR[w] + PLACES[0]]
        counts = ["1", "2", "7", str(w // 2 + 1), str(w - 1), "cl"]
        forms += [f"{name} {p},{n}" for p in places for n in counts]
    return forms + [f"{name} rbx,0", f"{name} ecx,cl", f"{name} rcx,cl"]


def bit_tests(name: str) -> list[str]:
    return [f"{name} {a},{b}" for w in WIDE for a in A[w] for b in B[w]] + [
        f"{name} {a},{n}" for w in WIDE for a in A[w] for n in (0, w // 2, w - 1)]


def widening(name: str) -> list[str]:
    sources = {"movsxd": (32,)}.get(name, (8, 16))
    return [f"{name} {d},{s}" for w in WIDE for src in sources if w > src for d in A[w]
            for s in (*B[src], PTR[src] + PLACES[0]) if registers(d, s)]


def listed() -> dict[str, list[str]]:
    """By mnemonic, every one in the table but those of which gcc makes others."""
    wide = {w: [(a, b) for a in A[w] for b in (*B[w], PTR[w] + PLACES[0], PTR[w] + PLACES[2])]
            for w in WIDE}
    forms = {name: binary(name) for name in ("adc", "add", "and", "cmp", "mov", "or", "sbb",
                                             "sub", "test", "xor")}
    forms |= {name: unary(name) for name in ("dec", "inc", "neg", "not")}
    forms |= {name: shifts(name) for name in ("sar", "shl", "shr")}
    forms |= {name: bit_tests(name) for name in ("bt", "btc", "btr", "bts")}
    forms |= {name: widening(name) for name in ("movzx", "movsx", "movsxd")}
    forms["imul"] = [f"imul {a},{b}" for w in WIDE for a, b in wide[w]]
    forms["lea"] = [f"lea {a},{m}" for a in A[64] + A[32] for m in PLACES]
    forms["movabs"] = [f"movabs {a},{i}" for a in A[64] for i in ("0x123456789abcdef0", "-0x2")]
    forms["xchg"] = [f"xchg {a},{b}" for w in ALL for a in A[w] for b in B[w] if registers(a, b)]
    forms["xchg"] += [f"xchg {PTR[w]}{m},{B[w][0]}" for w in ALL for m in PLACES]
    forms["cmpxchg"] = [f"lock cmpxchg {PTR[64]}{m},{b}" for m in PLACES for b in A[64] + B[64]]
    forms["nop"] = ["nop", "nop DWORD PTR [rax+rax*1+0x0]", "xchg ax,ax"]
    forms["endbr64"] = ["endbr64"]
    for c in (*CONDITIONS, *OPPOSITE):
        forms["set" + c] = [f"set{c} {a}" for a in (*A[8], PTR[8] + PLACES[0])]
        forms["cmov" + c] = [f"cmov{c} {a},{b}" for w in WIDE for a, b in wide[w]]
        forms["j" + c] = [f"j{c} after"]
    forms["push"] = ["push rax", "push r12", "push rsp", "push 0x7f", "push -0x80000000"]
    forms["pop"] = ["pop rbx", "pop r15", "pop rsp"]
    forms["call"], forms["ret"], forms["jmp"] = ["call after"], ["ret"], ["jmp after"]
    forms["gs"] = ["mov rax,QWORD PTR gs:0x28", "sub rdx,QWORD PTR gs:0x28"]
    missing = set(OPCODES) - set(forms)
    assert not missing, f"no form of {missing}"
    return forms


def assembly() -> str:
    lines = [".intel_syntax noprefix", ".text", ".globl forms", ".type forms, @function", "forms:"]
    for n, form in enumerate(f for fs in listed().values() for f in fs):
        lines += [form.replace("after", f"after{n}")]
        if "after" in form:
            lines += [".skip 200, 0x90", f"after{n}:"]
    return "\n".join(lines + [".size forms, .-forms", ""])
