// SPDX-License-Identifier: GPL-2.0
/*
 * A piece of memory at a known address, and calls into code that was put there.
 *
 * All that the code of a module reaches lies in this one piece: its text, the tables,
 * struct pages, the structs it is given, its stack.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t call_stack, call_target, own_stack, call_gs;

uint64_t on_stack(const uint64_t *registers);

/* Arguments in rdi, rsi, rdx, rcx, r8, r9; the call runs on a stack of its own. */
asm(".text\n"
    ".globl on_stack\n"
    "on_stack:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov own_stack@GOTPCREL(%rip), %rax; mov %rsp, (%rax)\n"
    "	mov %rdi, %rax\n"
    "	mov 0(%rax), %rdi; mov 8(%rax), %rsi; mov 16(%rax), %rdx\n"
    "	mov 24(%rax), %rcx; mov 32(%rax), %r8; mov 40(%rax), %r9\n"
    "	mov call_target@GOTPCREL(%rip), %rax; mov (%rax), %r10\n"
    "	mov call_stack@GOTPCREL(%rip), %rax; mov (%rax), %rsp\n"
    "	mov %rsp, %rbx; mov %rsp, %rbp; mov %rsp, %r12; mov %rsp, %r13; mov %rsp, %r14\n"
    "	mov %rsp, %r15\n"
    "	call *%r10\n"
    "	mov own_stack@GOTPCREL(%rip), %rcx; mov (%rcx), %rsp\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");

void *loaded_memory(uint64_t address, uint64_t bytes)
{
	void *p = mmap((void *)address, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

uint64_t loaded_call(uint64_t target, uint64_t stack, uint64_t gs, const uint64_t *registers)
{
	call_target = target;
	call_stack = stack;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, gs))
		return ~0ULL;
	return on_stack(registers);
}
