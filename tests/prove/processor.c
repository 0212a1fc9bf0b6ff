// SPDX-License-Identifier: GPL-2.0
/*
 * Run one instruction on this processor, with all registers and flags given.
 *
 * The code ends with a jump to one of two exits; which one it was tells which way a
 * jump went.  The stack pointer is the instruction's, too, so nothing may interrupt
 * what would use it: signals are blocked meanwhile.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct registers {
	uint64_t whole[16];	/* in the order of their numbers: rax, rcx, rdx, rbx, rsp, ... */
	uint64_t flags;
	uint64_t exit;		/* 0 or 1 */
};

struct registers before, after;
void *entry, *own_stack;

void run_entry(void);
extern char exit_0[], exit_1[];

asm(".text\n"
    ".globl run_entry, exit_0, exit_1\n"
    "run_entry:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov own_stack@GOTPCREL(%rip), %rax; mov %rsp, (%rax)\n"
    "	mov entry@GOTPCREL(%rip), %rax; mov (%rax), %rax; mov %rax, target(%rip)\n"
    "	mov before@GOTPCREL(%rip), %rax\n"
    "	push 128(%rax); popfq\n"
    "	mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rbx; mov 32(%rax), %rsp\n"
    "	mov 40(%rax), %rbp; mov 48(%rax), %rsi; mov 56(%rax), %rdi; mov 64(%rax), %r8\n"
    "	mov 72(%rax), %r9; mov 80(%rax), %r10; mov 88(%rax), %r11; mov 96(%rax), %r12\n"
    "	mov 104(%rax), %r13; mov 112(%rax), %r14; mov 120(%rax), %r15; mov 0(%rax), %rax\n"
    "	jmp *target(%rip)\n"
    "exit_1:\n"
    "	movq $1, way(%rip)\n"
    "	jmp exit\n"
    "exit_0:\n"
    "	movq $0, way(%rip)\n"
    "exit:\n"
    "	mov %rax, kept(%rip)\n"
    "	mov after@GOTPCREL(%rip), %rax\n"
    "	mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rbx, 24(%rax); mov %rsp, 32(%rax)\n"
    "	mov %rbp, 40(%rax); mov %rsi, 48(%rax); mov %rdi, 56(%rax); mov %r8, 64(%rax)\n"
    "	mov %r9, 72(%rax); mov %r10, 80(%rax); mov %r11, 88(%rax); mov %r12, 96(%rax)\n"
    "	mov %r13, 104(%rax); mov %r14, 112(%rax); mov %r15, 120(%rax)\n"
    "	mov kept(%rip), %rcx; mov %rcx, 0(%rax)\n"
    "	mov way(%rip), %rcx; mov %rcx, 136(%rax)\n"
    "	mov own_stack@GOTPCREL(%rip), %rcx; mov (%rcx), %rsp\n"
    "	pushfq; pop 128(%rax)\n"
    "	cld\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n"
    ".lcomm target, 8\n"
    ".lcomm kept, 8\n"
    ".lcomm way, 8\n");

/* Memory for code and data, below 2 GiB apart. */
uint8_t *processor_memory(unsigned long bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int processor_gs(unsigned long base)
{
	return syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

uint64_t processor_exit(int n)
{
	return (uint64_t)(n ? exit_1 : exit_0);
}

void processor_run(void *code)
{
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	entry = code;
	run_entry();
	sigprocmask(SIG_SETMASK, &old, NULL);
}
