// SPDX-License-Identifier: GPL-2.0
/* Five levels of tables: a process that has nothing but its region below 2^48. */
#include "lib/guest.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HIGH	((char *)(1UL << 50))
#define BYTES	(1UL << 20)	/* code, then arguments, then stack */

/* What the code up there is given, and what it found. */
struct errand {
	long base;
	int out;		/* pipe for the outcome */
	char device[16];
	struct vpt_page page[2];
	struct vpt_page early, late, never;
	struct vpt_check check;
	struct outcome {
		long unmapped;		/* results of the system calls */
		long opened;
		long mapped;
		long map[2];
		long early[4];		/* MAP and UNMAP, MAP elsewhere, RESOLVE */
		long sound;
		u64 violations;
		u64 tables;
		u64 touched;		/* what was read back */
		long munmapped;
		long again;
	} outcome;
};

/* It lies in a section that is copied, so it may refer to nothing outside. */
#define UP_THERE	__attribute__((section("high_code"), noinline,	\
			optimize("no-stack-protector", "no-tree-loop-distribute-patterns")))

static inline __attribute__((always_inline)) long
call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10),
		     "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}

UP_THERE static void alone(struct errand *e)
{
	struct outcome *o = &e->outcome;
	const long rw = PROT_READ | PROT_WRITE, where = MAP_SHARED | MAP_FIXED;

	o->unmapped = call(SYS_munmap, 0, (1L << 47) - VPT_4K, 0, 0, 0, 0);
	o->opened = call(SYS_open, (long)e->device, O_RDWR, 0, 0, 0, 0);
	o->mapped = call(SYS_mmap, e->base, VPT_1G, rw, where, o->opened, 0);
	/*
	 * Linux has made tables for the region's first page.  They must not go to where
	 * other tables come from with something still in them.
	 */
	o->early[0] = call(SYS_ioctl, o->opened, VPT_IOC_MAP, (long)&e->early, 0, 0, 0);
	e->early.page_size = e->early.prot = 0;
	o->early[1] = call(SYS_ioctl, o->opened, VPT_IOC_UNMAP, (long)&e->early, 0, 0, 0);
	o->early[2] = call(SYS_ioctl, o->opened, VPT_IOC_MAP, (long)&e->late, 0, 0, 0);
	o->early[3] = call(SYS_ioctl, o->opened, VPT_IOC_RESOLVE, (long)&e->never, 0, 0, 0);
	o->map[0] = call(SYS_ioctl, o->opened, VPT_IOC_MAP, (long)&e->page[0], 0, 0, 0);
	o->map[1] = call(SYS_ioctl, o->opened, VPT_IOC_MAP, (long)&e->page[1], 0, 0, 0);
	if (!o->map[0]) {
		*(volatile u64 *)e->base = 57;
		/* No handler is left to catch what a touch in a wrong tree does. */
		*(volatile u64 *)(e->base + VPT_1G - VPT_4K) = 58;
		o->touched = *(volatile u64 *)e->base;
	}
	o->sound = call(SYS_ioctl, o->opened, VPT_IOC_CHECK, (long)&e->check, 0, 0, 0);
	o->violations = e->check.violations;
	o->tables = e->check.tables;
	o->munmapped = call(SYS_munmap, e->base, VPT_1G, 0, 0, 0, 0);
	/* Linux has freed the P4D; the file gets its region again. */
	o->again = call(SYS_mmap, e->base, VPT_1G, rw, where, o->opened, 0);
	call(SYS_write, e->out, (long)o, sizeof(*o), 0, 0, 0);
	call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

extern char __start_high_code[], __stop_high_code[];

static void __attribute__((noreturn)) move_up(int out, long base, u64 size)
{
	struct errand *e = (struct errand *)(HIGH + BYTES / 4);
	char *code = HIGH + ((char *)alone - __start_high_code);

	memcpy(HIGH, __start_high_code, __stop_high_code - __start_high_code);
	*e = (struct errand){ .base = base, .out = out, .device = VPT_DEVICE };
	e->page[0] = (struct vpt_page){ .argsz = sizeof(e->page[0]), .addr = base,
					.page_size = VPT_4K, .prot = RW };
	e->page[1] = (struct vpt_page){ .argsz = sizeof(e->page[1]), .addr = base + VPT_2M,
					.page_size = size, .prot = RW };
	e->early = e->late = e->page[0];
	e->early.addr = base + VPT_2M;
	e->late.addr = base + 2 * VPT_2M + VPT_4K;
	e->never = (struct vpt_page){ .argsz = sizeof(e->never), .addr = base + 2 * VPT_2M };
	e->check.argsz = sizeof(e->check);
	asm volatile("mov %0, %%rsp; mov %1, %%rdi; call *%2" ::
		     "r"(HIGH + BYTES - 64), "r"(e), "r"(code) : "rdi", "memory");
	__builtin_unreachable();
}

static void nothing_below_but_the_region(u64 slot)
{
	struct outcome o = { 0 };
	const long base = slot << 39;
	int pipes[2], status;
	ssize_t got;
	pid_t child;

	if (mmap(HIGH, BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != HIGH)
		skip("no 5-level paging");
	REQUIRE(!pipe(pipes), "pipe");
	child = must_fork();
	if (!child)
		move_up(pipes[1], base, VPT_2M);
	close(pipes[1]);
	got = read(pipes[0], &o, sizeof(o));
	waitpid(child, &status, 0);
	REQUIRE(got == sizeof(o), "no outcome; status %x", status);
	EXPECT(!o.unmapped && o.opened >= 0 && o.mapped == base,
	       "munmap %ld, open %ld, mmap %ld", o.unmapped, o.opened, o.mapped);
	EXPECT(!o.early[0] && !o.early[1] && !o.early[2], "MAP %ld, UNMAP %ld, MAP %ld",
	       o.early[0], o.early[1], o.early[2]);
	EXPECT(o.early[3] == -ENOENT, "RESOLVE of what was never mapped: %ld", o.early[3]);
	EXPECT(!o.map[0] && !o.map[1], "MAP: %ld, %ld", o.map[0], o.map[1]);
	EXPECT(o.touched == 57, "read back: %llu", (unsigned long long)o.touched);
	EXPECT(!o.sound && !o.violations && o.tables >= 3, "CHECK: %ld, %llu violations, %llu tables",
	       o.sound, (unsigned long long)o.violations, (unsigned long long)o.tables);
	EXPECT(!o.munmapped && o.again == base, "munmap %ld, mmap again %ld", o.munmapped,
	       o.again);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "a region with nothing else below 2^48 works",
		  nothing_below_but_the_region, 200, 0 },
		{ "a region with nothing else below 2^48 works, in the first slot",
		  nothing_below_but_the_region, 0, 0 },
	};

	/* Linux writes to what the C library registers for rseq, which will be unmapped. */
	if (!getenv("GLIBC_TUNABLES")) {
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
		execv("/proc/self/exe", argv);
	}
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
