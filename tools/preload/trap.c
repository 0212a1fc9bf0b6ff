// SPDX-License-Identifier: GPL-2.0
/*
 * A seccomp filter that turns libc's calls for anonymous memory into SIGSYS, and the
 * handler that answers them.
 *
 * The filter looks at where a call is made from: only at calls from this process's
 * libc.  So the library's own pass, and so do those of whatever the process executes
 * later: filters outlive exec, but the next program's libc is elsewhere, or, where
 * addresses are not randomised, might not be - then there is no filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "preload.h"
#include "sys.h"

#ifndef SYS_SECCOMP		/* si_code of a trapped call; not in every libc's headers */
#define SYS_SECCOMP	1
#endif

struct text {
	unsigned long start;
	unsigned long end;
};

/* The executable segment in which libc's mmap() lies. */
static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
	const unsigned long wanted = (unsigned long)mmap;
	struct text *text = arg;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		unsigned long start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    wanted >= start && wanted - start < segment->p_memsz) {
			*text = (struct text){ start, start + segment->p_memsz };
			return 1;
		}
	}
	return 0;
}

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned long addr = (unsigned long)reg[REG_RDI], len = (unsigned long)reg[REG_RSI];
	unsigned long third = (unsigned long)reg[REG_RDX], fourth = (unsigned long)reg[REG_R10];

	(void)signal;
	if (info->si_code != SYS_SECCOMP)
		return;
	switch (info->si_syscall) {
	case SYS_mmap:
		if (fourth & MAP_FIXED)
			reg[REG_RAX] = serve_mmap_fixed(addr, len, third, fourth,
							(unsigned long)reg[REG_R8],
							(unsigned long)reg[REG_R9]);
		else
			reg[REG_RAX] = serve_mmap(len, (int)third, (int)fourth);
		break;
	case SYS_munmap:
		reg[REG_RAX] = serve_munmap(addr, len);
		break;
	case SYS_mremap:
		reg[REG_RAX] = serve_mremap(addr, len, third, (int)fourth,
					    (unsigned long)reg[REG_R8]);
		break;
	case SYS_madvise:
		reg[REG_RAX] = serve_madvise(addr, len, (int)third);
		break;
	case SYS_mprotect:
		reg[REG_RAX] = serve_mprotect(addr, len, (int)third);
		break;
	default:
		reg[REG_RAX] = -ENOSYS;
	}
}

#define FIELD(member)		(__u32)offsetof(struct seccomp_data, member)
#define FIELD_HIGH(member)	(FIELD(member) + 4)
#define LOAD(offset)		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define IF(how, k, yes, no)	BPF_JUMP(BPF_JMP | (how) | BPF_K, (__u32)(k), yes, no)
#define HIGH(addr)		((addr) >> 32)

/*
 * Flags of the mmaps that are not for us, and those that each of ours has.  One that is
 * MAP_FIXED concerns us where it takes a place in the region.
 */
#define NOT_OURS	(MAP_FIXED_NOREPLACE | MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB)
#define FLAGS_SEEN	(MAP_TYPE | MAP_ANONYMOUS | NOT_OURS)

/*
 * The number comes first: a call that is allowed by its number alone Linux remembers,
 * and does not run the filter for.
 */
static int install_filter(const struct text *text)
{
	struct sock_filter code[] = {
		/*  0 */ LOAD(FIELD(arch)),
		/*  1 */ IF(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 23),
		/*  2 */ LOAD(FIELD(nr)),
		/*  3 */ IF(BPF_JEQ, SYS_mmap, 4, 0),
		/*  4 */ IF(BPF_JEQ, SYS_munmap, 3, 0),
		/*  5 */ IF(BPF_JEQ, SYS_mremap, 2, 0),
		/*  6 */ IF(BPF_JEQ, SYS_madvise, 1, 0),
		/*  7 */ IF(BPF_JEQ, SYS_mprotect, 0, 17),
		/*  8 */ LOAD(FIELD_HIGH(instruction_pointer)),
		/*  9 */ IF(BPF_JEQ, HIGH(text->start), 0, 15),
		/* 10 */ LOAD(FIELD(instruction_pointer)),
		/* 11 */ IF(BPF_JGE, text->start, 0, 13),
		/* 12 */ IF(BPF_JGE, text->end, 12, 0),
		/* 13 */ LOAD(FIELD(nr)),
		/* 14 */ IF(BPF_JEQ, SYS_mmap, 0, 6),
		/* 15 */ LOAD(FIELD(args[3])),
		/* 16 */ IF(BPF_JSET, MAP_FIXED, 4, 0),
		/* 17 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLAGS_SEEN),
		/* 18 */ IF(BPF_JEQ, MAP_PRIVATE | MAP_ANONYMOUS, 0, 6),
		/* 19 */ LOAD(FIELD(args[2])),
		/* 20 */ IF(BPF_JEQ, PROT_READ | PROT_WRITE, 3, 4),
		/* 21 */ LOAD(FIELD_HIGH(args[0])),
		/* 22 */ IF(BPF_JGE, HIGH(SPACE_START), 0, 2),
		/* 23 */ IF(BPF_JGT, HIGH(SPACE_END - 1), 1, 0),
		/* 24 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		/* 25 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	long ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			   &program);

	if (ret && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			      SECCOMP_FILTER_FLAG_TSYNC, &program);
	return ret ? -errno : 0;
}

/* Whether the next program's libc will be elsewhere. */
bool trap_possible(const char **why)
{
	char randomised = '2';
	int fd = open("/proc/sys/kernel/randomize_va_space", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &randomised, 1) != 1)
			randomised = '2';
		close(fd);
	}
	*why = "addresses are not randomised";
	return randomised != '0' && !(personality(0xffffffff) & ADDR_NO_RANDOMIZE);
}

int trap_install(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_RESTART,
	};
	struct text text;

	if (!dl_iterate_phdr(find_text, &text))
		return -ENOENT;
	/* A filter compares halves of addresses: stay with the half that mmap() is in. */
	if (HIGH(text.start) != HIGH(text.end - 1)) {
		unsigned long border = HIGH(text.end) << 32;

		if ((unsigned long)mmap < border)
			text.end = border - 1;
		else
			text.start = border;
	}
	/* Nothing may interrupt the handler and ask for memory itself. */
	sigfillset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, NULL))
		return -errno;
	return install_filter(&text);
}
