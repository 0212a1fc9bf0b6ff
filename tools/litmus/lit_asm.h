/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few instructions of x86-64 that bodies of tests are made of, as bytes.  Memory is
 * always [rcx]; what a body computes with stands in rax and rdx.
 */
#ifndef LIT_ASM_H
#define LIT_ASM_H

#include "lit_machine.h"

enum lit_gpr { LIT_RAX, LIT_RCX, LIT_RDX, LIT_RBX, LIT_RSP, LIT_RBP, LIT_RSI, LIT_RDI };

/**
 * struct lit_asm - code under construction
 * @code: where it is written
 * @n: bytes so far
 * @room: bytes that there are
 * @full: it did not fit
 */
struct lit_asm {
	unsigned char *code;
	unsigned int n;
	unsigned int room;
	bool full;
};

static inline void asm_byte(struct lit_asm *s, unsigned int byte)
{
	if (s->n == s->room)
		s->full = true;
	else
		s->code[s->n++] = (unsigned char)byte;
}

static inline void asm_bytes(struct lit_asm *s, unsigned int n, u64 bytes)
{
	for (; n--; bytes >>= 8)
		asm_byte(s, bytes & 0xff);
}

/* REX.W, opcode, and ModRM of a register @reg and another, @rm. */
static inline void asm_pair(struct lit_asm *s, unsigned int opcode, unsigned int reg,
			    unsigned int rm)
{
	asm_byte(s, 0x48 | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0));
	asm_byte(s, opcode);
	asm_byte(s, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* REX.W, opcode, and ModRM of a register and [rcx]. */
static inline void asm_memory(struct lit_asm *s, unsigned int opcode, unsigned int reg)
{
	asm_byte(s, 0x48 | (reg >= 8 ? 4 : 0));
	if (opcode > 0xff)
		asm_byte(s, 0x0f);
	asm_byte(s, opcode & 0xff);
	asm_byte(s, (reg & 7) << 3 | LIT_RCX);
}

/* mov to, from */
static inline void asm_move(struct lit_asm *s, unsigned int to, unsigned int from)
{
	asm_pair(s, 0x89, from, to);
}

/* mov to, value */
static inline void asm_set(struct lit_asm *s, unsigned int to, u64 value)
{
	asm_byte(s, 0x48 | (to >= 8 ? 1 : 0));
	asm_byte(s, 0xb8 | (to & 7));
	asm_bytes(s, 8, value);
}

/* mov reg, [rdi + 8 * slot]; and the other way round */
static inline void asm_slot(struct lit_asm *s, bool load, unsigned int reg, unsigned int slot)
{
	asm_byte(s, 0x48 | (reg >= 8 ? 4 : 0));
	asm_byte(s, load ? 0x8b : 0x89);
	asm_byte(s, 0x80 | (reg & 7) << 3 | LIT_RDI);
	asm_bytes(s, 4, 8 * slot);
}

/* jmp, or jcc if @cc is a condition's number; return where its distance stands. */
#define ASM_ALWAYS	16U
#define ASM_E		4U
#define ASM_NE		5U

static inline unsigned int asm_jump(struct lit_asm *s, unsigned int cc)
{
	if (cc == ASM_ALWAYS) {
		asm_byte(s, 0xe9);
	} else {
		asm_byte(s, 0x0f);
		asm_byte(s, 0x80 | cc);
	}
	asm_bytes(s, 4, 0);
	return s->n - 4;
}

/* The jump whose distance stands at @at goes to @to. */
static inline void asm_land(struct lit_asm *s, unsigned int at, unsigned int to)
{
	unsigned int distance = to - (at + 4), i;

	for (i = 0; i < 4 && !s->full; i++)
		s->code[at + i] = (unsigned char)(distance >> 8 * i);
}

#endif /* LIT_ASM_H */
