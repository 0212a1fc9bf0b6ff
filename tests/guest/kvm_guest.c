// SPDX-License-Identifier: GPL-2.0
/*
 * A KVM guest whose memory is a region: it never sees or changes a frame that the region
 * has no more, sees the new one after REMAP, and cannot write after PROTECT.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>

#include "lib/guest.h"

/*
 * The guest's memory is one page of the region, from its address 0 on.  In it, for real
 * mode with all segments 0: a program that reads the byte at DATA and puts it out, one
 * that writes 'W' there and puts that out, and the byte.
 */
#define READER	0x0
#define WRITER	0x100
#define DATA	0x800
#define PORT	0x10

static const unsigned char reader[] = {
	0xa0, DATA & 0xff, DATA >> 8,	/* mov al, [DATA] */
	0xe6, PORT,			/* out PORT, al */
	0xeb, 0xf9,			/* jmp back */
};

static const unsigned char writer[] = {
	0xb0, 'W',			/* mov al, 'W' */
	0xa2, DATA & 0xff, DATA >> 8,	/* mov [DATA], al */
	0xe6, PORT,			/* out PORT, al */
	0xeb, 0xf7,			/* jmp back */
};

#define bit_SVM	(1U << 2)

struct vm {
	int vm;
	int vcpu;
	struct kvm_run *run;
	long run_bytes;
};

struct scene {
	struct region r;
	u64 size;
	u64 frames[2];		/* handles; the first is mapped */
	struct vm vm;
};

static bool cpu_has_svm(void)
{
	unsigned int a, b, c = 0, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_SVM);
}

static int kvm_open(void)
{
	int fd;

	if (cpus() > 1)
		skip("KVM patches the kernel while another CPU runs it");
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0 && !cpu_has_svm())
		skip("the CPU has no SVM");
	if (fd < 0 && !module_here("kvm-amd"))
		skip("kvm-amd.ko is not here");
	REQUIRE(fd >= 0, "/dev/kvm: %s", strerror(errno));
	return fd;
}

/*
 * One VM with one CPU stays for the life of the program.  KVM patches the scheduler when
 * the first comes and when the last goes, and an emulator's other CPU may trip over an
 * int3 that has just been taken away: hence one CPU.
 */
static void keep_one(void)
{
	static const char *const modules[] = { "irqbypass", "ccp", "kvm", "kvm-amd" };
	unsigned int i;
	int kvm, vm;

	if (cpus() > 1)
		return;
	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		if (module_here(modules[i]))
			module_insert(modules[i]);
	}
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0 && ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		perror("KVM_CREATE_VCPU");
}

static void set_ip(const struct vm *vm, u64 ip)
{
	struct kvm_regs regs = { .rip = ip, .rflags = 2 };

	REQUIRE(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "SET_REGS: %s", strerror(errno));
}

static void vm_open(struct vm *vm, void *memory, u64 bytes)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = bytes, .userspace_addr = (u64)memory,
	};
	struct kvm_sregs sregs;
	int kvm = kvm_open();

	vm->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	REQUIRE(vm->vm >= 0, "CREATE_VM: %s", strerror(errno));
	REQUIRE(!ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &slot), "memory: %s",
		strerror(errno));
	vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, 0);
	REQUIRE(vm->vcpu >= 0, "CREATE_VCPU: %s", strerror(errno));
	vm->run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	REQUIRE(vm->run != MAP_FAILED, "vcpu: %s", strerror(errno));
	REQUIRE(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.base = sregs.ds.selector = 0;
	REQUIRE(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "SET_SREGS");
	close(kvm);
}

static void vm_close(struct vm *vm)
{
	munmap(vm->run, vm->run_bytes);
	close(vm->vcpu);
	close(vm->vm);
}

/*
 * Run until the guest puts a byte out.  Return: the byte, or -errno of KVM_RUN; -EFAULT
 * also if KVM takes a write to memory that is read-only for a device's.
 */
static int vm_run(const struct vm *vm)
{
	if (ioctl(vm->vcpu, KVM_RUN, 0))
		return -errno;
	if (vm->run->exit_reason == KVM_EXIT_MMIO && vm->run->mmio.is_write)
		return -EFAULT;
	if (!EXPECT(vm->run->exit_reason == KVM_EXIT_IO, "exit %u", vm->run->exit_reason))
		return -EPROTO;
	return *((unsigned char *)vm->run + vm->run->io.data_offset);
}

static int guest_reads(const struct vm *vm)
{
	set_ip(vm, READER);
	return vm_run(vm);
}

static int guest_writes(const struct vm *vm)
{
	set_ip(vm, WRITER);
	return vm_run(vm);
}

static void put_programs(char *page, char data)
{
	memcpy(page + READER, reader, sizeof(reader));
	memcpy(page + WRITER, writer, sizeof(writer));
	page[DATA] = data;
}

/* Two frames of @size with the programs, of data A and B; the guest has run on A. */
static void scene_open(struct scene *s, u64 size)
{
	unsigned int i;
	int got;

	s->size = size;
	region_rw(&s->r, 1, VPT_STRICT);
	need_size(s->r.fd, size);
	for (i = 2; i--;) {
		REQUIRE(!vu_frame_alloc(s->r.fd, size, &s->frames[i]), "FRAME_ALLOC");
		REQUIRE(!vu_map(s->r.fd, s->r.base, size, RW, s->frames[i]), "MAP");
		put_programs(s->r.base, 'A' + i);
		if (i)
			REQUIRE(!vu_unmap(s->r.fd, s->r.base, NULL), "UNMAP");
	}
	vm_open(&s->vm, s->r.base, size);
	got = guest_reads(&s->vm);
	/* Before 6.12 KVM has get_user_pages() alone for a huge page: follow_pte(). */
	if (got == -EFAULT && size > VPT_4K)
		skip("this KVM takes no such page from a device's mapping");
	REQUIRE(got == 'A', "the guest does not run: %d", got);
}

static void expect_gone(const struct scene *s, const char *what)
{
	int got = guest_reads(&s->vm);

	EXPECT(got == -EFAULT, "after %s the guest reads %d", what, got);
	got = guest_writes(&s->vm);
	EXPECT(got == -EFAULT, "after %s the guest writes: %d", what, got);
}

/* What the guest must not change any more still holds what it held. */
static void expect_data(struct scene *s, unsigned int frame, char data)
{
	EXPECT(!vu_map(s->r.fd, s->r.base, s->size, RW, s->frames[frame]), "MAP");
	EXPECT(s->r.base[DATA] == data, "the frame holds %d, not %d", s->r.base[DATA], data);
}

static void unmapped(u64 size)
{
	struct scene s;

	scene_open(&s, size);
	EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
	expect_gone(&s, "UNMAP");
	expect_data(&s, 0, 'A');
	EXPECT(guest_reads(&s.vm) == 'A', "mapped again, the guest does not run");
	EXPECT(!vu_unmap_range(s.r.fd, s.r.base, VPT_1G, NULL), "UNMAP_RANGE");
	expect_gone(&s, "UNMAP_RANGE");
	expect_data(&s, 0, 'A');
}

static void remapped(u64 size)
{
	struct scene s;

	scene_open(&s, size);
	EXPECT(!vu_remap(s.r.fd, s.r.base, s.frames[1], NULL), "REMAP");
	EXPECT(guest_reads(&s.vm) == 'B', "after REMAP the guest reads the old frame");
	EXPECT(guest_writes(&s.vm) == 'W' && s.r.base[DATA] == 'W',
	       "what the guest writes does not arrive in the new frame");
	EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
	expect_data(&s, 0, 'A');
}

static void protected(u64 size)
{
	struct scene s;
	int got;

	scene_open(&s, size);
	EXPECT(guest_writes(&s.vm) == 'W', "the guest cannot write");
	s.r.base[DATA] = 'A';
	EXPECT(!vu_protect(s.r.fd, s.r.base, VPT_READ, NULL), "PROTECT");
	EXPECT(guest_writes(&s.vm) == -EFAULT, "after PROTECT the guest can write");
	got = guest_reads(&s.vm);
	/* As in scene_open(): a huge page that is read-only. */
	EXPECT(got == 'A' || (size > VPT_4K && got == -EFAULT), "the guest reads %d", got);
	EXPECT(s.r.base[DATA] == 'A', "and did");
	EXPECT(!vu_protect(s.r.fd, s.r.base, RW, NULL), "PROTECT");
	EXPECT(guest_writes(&s.vm) == 'W', "the guest cannot write again");
	s.r.base[DATA] = 'A';
	EXPECT(!vu_protect_range(s.r.fd, s.r.base, VPT_1G, VPT_READ, NULL), "PROTECT_RANGE");
	EXPECT(guest_writes(&s.vm) == -EFAULT, "after PROTECT_RANGE the guest can write");
	EXPECT(s.r.base[DATA] == 'A', "and did");
}

static void freed(u64 size)
{
	struct vpt_stats stats;
	struct scene s;

	scene_open(&s, size);
	EXPECT(!vu_frame_free(s.r.fd, s.frames[0]), "FRAME_FREE of the mapped frame");
	EXPECT(guest_reads(&s.vm) == 'A', "a frame that is mapped went");
	EXPECT(!vu_remap(s.r.fd, s.r.base, s.frames[1], NULL), "REMAP");
	REQUIRE(!vu_stats(s.r.fd, &stats) && stats.frames == 1, "the frame is not free");
	EXPECT(guest_reads(&s.vm) == 'B', "the guest reads a frame that is free");
}

static void munmapped(u64 size)
{
	struct scene s;

	scene_open(&s, size);
	EXPECT(!munmap(s.r.base, VPT_1G), "munmap: %s", strerror(errno));
	expect_gone(&s, "munmap");
}

/* A whole VM is left to the exit, and the parent sees that every frame comes back. */
static void left_behind(u64 size)
{
	struct scene s;

	scene_open(&s, size);
	EXPECT(guest_writes(&s.vm) == 'W', "the guest cannot write");
}

/* In demand mode KVM's own fault maps a page; it is told of that one too. */
static void demanded(u64 unused)
{
	struct region r;
	struct vm vm;

	(void)unused;
	region_rw(&r, 1, 0);
	put_programs(r.base, 'A');
	vm_open(&vm, r.base, VPT_2M);
	REQUIRE(guest_reads(&vm) == 'A', "the guest does not run");
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "UNMAP");
	/* Zeroes are a program too: add [bx+si], al; it never ends.  So put it there again. */
	put_programs(r.base, 'B');
	EXPECT(guest_reads(&vm) == 'B', "the guest reads the old page");
}

/* VMs come and go while the memory of one that stays changes: mmu_notifier_unregister(). */

static void one_more_vm(void *arg)
{
	struct scene *s = arg;
	struct vm vm;
	int got;

	vm_open(&vm, s->r.base, s->size);
	got = guest_reads(&vm);
	EXPECT(got == 'A' || got == 'B' || got == -EFAULT, "a guest reads %d", got);
	vm_close(&vm);
}

static void come_and_go(u64 size)
{
	struct budget b = budget_of(2000);
	struct beside others;
	struct scene s;
	u64 i;

	scene_open(&s, size);
	beside_begin(&others, one_more_vm, &s);
	for (i = 0; budget_left(&b, i); i++) {
		int got;

		EXPECT(!vu_remap(s.r.fd, s.r.base, s.frames[!(i & 1)], NULL), "REMAP");
		got = guest_reads(&s.vm);
		EXPECT(got == (i & 1 ? 'A' : 'B'), "round %llu: the guest reads %d",
		       (unsigned long long)i, got);
		if (i % 8)
			continue;
		EXPECT(!vu_unmap(s.r.fd, s.r.base, NULL), "UNMAP");
		got = guest_reads(&s.vm);
		EXPECT(got == -EFAULT, "round %llu: the guest reads %d",
		       (unsigned long long)i, got);
		EXPECT(!vu_map(s.r.fd, s.r.base, size, RW, s.frames[!(i & 1)]), "MAP");
	}
	beside_end(&others);
	note("%llu VMs", (unsigned long long)others.rounds);
}

static const struct property properties[] = {
	EACH_SIZE("a guest loses what UNMAP takes", unmapped),
	EACH_SIZE("a guest sees the new frame after REMAP", remapped),
	EACH_SIZE("a guest cannot write after PROTECT", protected),
	EACH_SIZE("a guest has no frame that FRAME_FREE freed", freed),
	EACH_SIZE("a guest loses what munmap takes", munmapped),
	EACH_SIZE("a VM that is left behind keeps no frame", left_behind),
	{ "a page that KVM itself touched goes as well", demanded, 0, 0 },
	{ "4K: VMs come and go while their memory changes", come_and_go, VPT_4K, 0 },
	{ "2M: VMs come and go while their memory changes", come_and_go, VPT_2M, 0 },
};

int main(int argc, char **argv)
{
	keep_one();
	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
