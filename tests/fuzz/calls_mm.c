// SPDX-License-Identifier: GPL-2.0
/* Linux's calls that take memory, or other processes that do. */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

static void do_madvise(struct state *s, const uint8_t *a)
{
	static const int advice[] = {
		MADV_RANDOM, MADV_NORMAL, MADV_NOHUGEPAGE, MADV_HUGEPAGE, MADV_DONTNEED,
		MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP, MADV_COLD,
		MADV_PAGEOUT, MADV_FREE, MADV_REMOVE, MADV_MERGEABLE, MADV_WILLNEED,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE, 24, 25, 102, 103,
	};

	madvise(page_at(s, a[0]), length_of(a[1]), advice[a[2] % ARRAY_SIZE(advice)]);
}

static void do_mbind(struct state *s, const uint8_t *a)
{
	static const int mode[] = {
		MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE, MPOL_LOCAL,
	};
	unsigned long nodes = 1;
	int how = mode[a[2] % ARRAY_SIZE(mode)];

	syscall(SYS_mbind, place(s, a[0]), length_of(a[1]), how, how ? &nodes : NULL,
		how ? 64 : 0, a[3] & 7);
}

static void do_mlock(struct state *s, const uint8_t *a)
{
	if (a[2] & 1)
		syscall(SYS_mlock2, place(s, a[0]), length_of(a[1]), a[2] >> 1 & 1);
	else
		munlock(place(s, a[0]), length_of(a[1]));
}

static void do_mprotect(struct state *s, const uint8_t *a)
{
	mprotect(place(s, a[0]), length_of(a[1]), a[2] & 7);
}

static void do_mremap(struct state *s, const uint8_t *a)
{
	syscall(SYS_mremap, place(s, a[0]), length_of(a[1]), length_of(a[2]), a[3] & 7,
		place(s, a[3]));
}

static void do_munmap(struct state *s, const uint8_t *a)
{
	munmap(place(s, a[0]), length_of(a[1]));
}

/* Memory of Linux's own in a hole of the region. */
static void do_anon(struct state *s, const uint8_t *a)
{
	char *p = mmap(place(s, a[0]), length_of(a[1]), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != MAP_FAILED)
		probe_store(p, MARK);
}

static void do_msync(struct state *s, const uint8_t *a)
{
	static const int how[] = { MS_SYNC, MS_ASYNC, MS_SYNC | MS_INVALIDATE };

	msync(place(s, a[0]), length_of(a[1]), how[a[2] % ARRAY_SIZE(how)]);
}

static void do_mseal(struct state *s, const uint8_t *a)
{
	if (a[2] == 7)
		syscall(SYS_mseal, place(s, a[0]), length_of(a[1]), 0);
}

/* A child with a copy of the address space, where the region is not. */
static void do_fork(struct state *s, const uint8_t *a)
{
	static char *const argv[] = { "/bin/true", NULL };
	u64 value;
	pid_t child = fork();

	if (!child) {
		if (a[0] & 1)
			probe_load(place(s, a[1]), &value);
		if (a[0] & 2)
			vu_map(s->fd, place(s, a[1]), VPT_4K, RW, 0);
		if (a[0] & 4)
			munmap(place(s, a[1]), length_of(a[2]));
		if (a[0] & 8)
			execv(argv[0], argv);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* What the kernel does to a process's memory from outside; it writes marks only. */
static void do_vm(struct state *s, const uint8_t *a)
{
	static _Thread_local u64 buffer[2 * 4096 / 8];
	struct iovec here = { buffer, sizeof(buffer) };
	struct iovec there = { NULL, length_of(a[1]) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(buffer); i++)
		buffer[i] = MARK;
	there.iov_base = page_at(s, a[0]);
	if (a[2] & 1)
		process_vm_writev(getpid(), &here, 1, &there, 1, 0);
	else
		process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

static void do_self_mem(struct state *s, const uint8_t *a)
{
	const u64 mark = MARK;
	u64 value, at = (u64)page_at(s, a[0]) + MARK_AT;
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (a[1] & 1)
		a[1] & 2 ? pread(fd, &value, 8, at) : pwrite(fd, &mark, 8, at);
	else
		pread(fd, &value, 8, at);
	close(fd);
}

static void do_proc(struct state *s, const uint8_t *a)
{
	static const char *const name[] = {
		"smaps", "numa_maps", "smaps_rollup", "pagemap", "maps", "clear_refs",
	};
	static _Thread_local char buffer[16384];
	char path[40];
	const char *file = name[a[0] % ARRAY_SIZE(name)];
	bool write_it = !strcmp(file, "clear_refs");
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	fd = open(path, (write_it ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write_it)
		dprintf(fd, "%u", 1 + a[1] % 5);
	else if (!strcmp(file, "pagemap"))
		pread(fd, buffer, sizeof(buffer), (u64)place(s, a[1]) / VPT_4K * 8);
	else
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
	close(fd);
}

static void do_vmsplice(struct state *s, const uint8_t *a)
{
	struct iovec there = { place(s, a[0]), length_of(a[1]) };
	int pipes[2];

	if (there.iov_len > VPT_2M)
		there.iov_len = VPT_2M;
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return;
	vmsplice(pipes[1], &there, 1, SPLICE_F_NONBLOCK | (a[2] & 1 ? SPLICE_F_GIFT : 0));
	/* Half of the pipes stay, with what they hold, until the process ends. */
	if (a[2] & 2)
		return;
	close(pipes[0]);
	close(pipes[1]);
}

static void do_move_pages(struct state *s, const uint8_t *a)
{
	void *pages[3] = { place(s, a[0]), place(s, a[1]), place(s, a[2]) };
	int nodes[3] = { 0 }, status[3];

	syscall(SYS_move_pages, 0, 3L, pages, a[3] & 1 ? nodes : NULL, status,
		a[3] & 2 ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
}

static void do_futex(struct state *s, const uint8_t *a)
{
	const struct timespec soon = { .tv_nsec = 100000 };
	u32 *word = (u32 *)page_at(s, a[0]);

	if (a[1] & 1)
		syscall(SYS_futex, word, FUTEX_WAIT, (u32)MARK, &soon);
	else
		syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

static void do_uffd(struct state *s, const uint8_t *a)
{
	static const u64 mode[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		UFFDIO_REGISTER_MODE_MINOR,
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_api api = { .api = UFFD_API, .features = a[3] & 1 ? 1 << 15 : 0 };
	struct uffdio_register reg = {
		.range = { (u64)page_at(s, a[0]), length_of(a[1]) & -VPT_4K },
		.mode = mode[a[2] % ARRAY_SIZE(mode)],
	};
	struct uffdio_writeprotect wp = { .range = reg.range, .mode = a[3] >> 1 & 1 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg))
		ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
	close(fd);
}

/* A tracer that reads and writes this process's memory. */
static void do_ptrace(struct state *s, const uint8_t *a)
{
	pid_t self = syscall(SYS_gettid);
	char *at = page_at(s, a[0]) + MARK_AT;
	pid_t child = fork();

	if (!child) {
		if (ptrace(PTRACE_SEIZE, self, 0, 0) || ptrace(PTRACE_INTERRUPT, self, 0, 0))
			_exit(0);
		if (waitpid(self, NULL, __WALL) == self) {
			ptrace(PTRACE_PEEKDATA, self, at, NULL);
			if (a[1] & 1)
				ptrace(PTRACE_POKEDATA, self, at, (void *)MARK);
		}
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Another MMU on the same memory: a virtual machine without a CPU. */
static void do_kvm(struct state *s, const uint8_t *a)
{
	struct kvm_userspace_memory_region m = {
		.memory_size = length_of(a[1]) & -VPT_4K,
		.userspace_addr = (u64)page_at(s, a[0]),
	};
	int dev = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (dev < 0)
		return;
	vm = ioctl(dev, KVM_CREATE_VM, 0);
	close(dev);
	if (vm < 0)
		return;
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m);
	if (a[2] & 1)
		close(vm);
}

/* The process ends while the other threads are at it. */
static void do_die(struct state *s, const uint8_t *a)
{
	static char *const argv[] = { "/bin/true", NULL };

	if (a[0] != 7)
		return;
	atomic_store(&s->ends, true);
	if (a[1] & 1)
		execv(argv[0], argv);
	if (a[1] & 2)
		kill(getpid(), SIGKILL);
	_exit(0);
}

const struct what calls_mm[] = {
	{ "madvise", do_madvise, 8 },
	{ "mbind", do_mbind, 5 },
	{ "mlock", do_mlock, 4 },
	{ "mprotect", do_mprotect, 4 },
	{ "mremap", do_mremap, 4 },
	{ "munmap", do_munmap, 6 },
	{ "anon", do_anon, 5 },
	{ "msync", do_msync, 1 },
	{ "mseal", do_mseal, 1 },
	{ "fork", do_fork, 2 },
	{ "vm", do_vm, 4 },
	{ "self_mem", do_self_mem, 3 },
	{ "proc", do_proc, 3 },
	{ "vmsplice", do_vmsplice, 4 },
	{ "move_pages", do_move_pages, 3 },
	{ "futex", do_futex, 2 },
	{ "uffd", do_uffd, 3 },
	{ "ptrace", do_ptrace, 1 },
	{ "kvm", do_kvm, 2 },
	{ "die", do_die, 2 },
};
const unsigned int n_calls_mm = ARRAY_SIZE(calls_mm);
