# SPDX-License-Identifier: GPL-2.0
"""Loops' heads in machine code, and what is still read there, of a few written by hand."""
from __future__ import annotations

import build
from disasm import Code
from flow import Flow
from main import FOLDER

TEXT = """
	.intel_syntax noprefix
	.text
	.type pt_nested, @function
pt_nested:
	mov rax, rdi
outer:	mov rcx, rsi
inner:	add rax, [rcx]
	sub rcx, 8
	jne inner
	xor r8d, r8d
	add r9d, r8d
	dec rdx
	jne outer
	ret
	.size pt_nested, . - pt_nested
	.type pt_rotated, @function
pt_rotated:
	jmp test
	nop
body:	add rax, rbx
test:	mov r9, rax
	cmp rdi, r9
	jae far
	jmp body
far:	ud2
	.size pt_rotated, . - pt_rotated
	.type pt_pushing, @function
pt_pushing:
	push rbx
round:	push rax
	mov [rsp+0x18], rcx
	sub rsp, 0x10
	mov rax, [rsp+0x20]
	add rsp, 0x10
	pop rax
	dec rdx
	jne round
	pop rbx
	ret
	.size pt_pushing, . - pt_pushing
"""
# By function: each head as so many instructions from the start, and registers that are read
# from there on, and that are not.
WANTED = {
    "pt_nested": [(1, {"rsi", "rdx", "rax"}, {"rcx", "rdi", "r8"}),
                  (2, {"rcx", "rsi", "rdx"}, {"r8", "rdi", "r10"})],
    "pt_rotated": [(3, {"rax", "rdi", "rbx"}, {"r9", "rsi"})],
}
# How far the stack pointer has moved since a head, in front of each instruction from there on.
MOVED = {"pt_pushing": [0, -8, -8, -24, -24, -8, 0, 0, 0, 8]}


def check() -> str:
    FOLDER.mkdir(parents=True, exist_ok=True)
    source, made = FOLDER / "heads.s", FOLDER / "heads.o"
    source.write_text(TEXT)
    build.run(["as", "-o", str(made), str(source)])
    code = Code(made)
    for name, wanted in WANTED.items():
        flow = Flow(code, name)
        addresses, heads = sorted(flow.body), sorted(flow.loops())
        assert heads == [addresses[n] for n, _, _ in wanted], f"{name}: {heads}"
        for head, (_, read, not_read) in zip(heads, wanted):
            live = flow.live(head)
            assert read <= live and not live & not_read, f"{name}, {head:#x}: {live}"
    for name, distances in MOVED.items():
        flow = Flow(code, name)
        head, = flow.loops()
        moved = flow.moved(head)
        assert [moved[a] for a in sorted(moved)] == distances, f"{name}: {moved}"
    nested = Flow(code, "pt_nested").loops()
    inner, outer = sorted(nested.values(), key=len)
    assert inner < outer
    return f"{sum(map(len, WANTED.values()))} loops"
