// SPDX-License-Identifier: GPL-2.0
/*
 * What the module relies on, as far as the machine and the boot decide it; what the
 * kernel's configuration decides is checked where compat.h is compiled.
 *
 * Relied on and not in the list, because it holds wherever the module can be loaded:
 *
 *  - INVLPG and IPIs do what the SDM says under every hypervisor.  KVM, Hyper-V and Xen
 *    (in hardware-assisted guests) offer hypercalls in place of IPIs, and Linux takes them
 *    by replacing pv_ops.mmu.flush_tlb_multi; a flush may then skip virtual CPUs that are
 *    not running.  The module's shootdown does not go there.  It sends IPIs by
 *    on_each_cpu_mask() and waits for every one, which a virtual CPU acknowledges only
 *    when it runs.  pv_ops.mmu.flush_tlb_one_user, which the handler calls, is native but
 *    for Xen PV.  Linux's own flushes of these address spaces, of whatever kind, only
 *    invalidate more.
 *  - Tables may be read by a lockless walker with interrupts off until it has
 *    acknowledged the IPI: Linux's tables are freed by RCU where a paravirtual flush does
 *    not interrupt (pv_ops.mmu.tlb_remove_table); the module's always wait for the IPI.
 *  - No 1 GiB pages: such a mapping is refused (vpt_level()).
 *  - Five levels of tables, PTI, PCIDs, EFER.TCE: see vpt_root() and vpt_shootdown().
 *  - User shadow stacks: a leaf that is dirty and not writable is a shadow-stack page to
 *    the CPU.  What may write to it then is WRSS and the stack of a process that asked
 *    for them, to its own frames; a fault of that kind Linux answers with SIGSEGV before
 *    it asks the module, since no VMA of the module's is VM_SHADOW_STACK.
 *  - Protection keys: all leaves have key 0.
 *  - Who takes the number of a frame from our entries, and keeps it, is told when the entry
 *    goes, or refuses what has a struct page (ACRN, VFIO): see KERNELS.md.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/pgtable_types.h>
#include <asm/processor.h>

#include "platform.h"

static bool vpt_no_nx(void)
{
	return !(__supported_pte_mask & _PAGE_NX);
}

static bool vpt_xen_pv(void)
{
	return boot_cpu_has(X86_FEATURE_XENPV);
}

/* SME, SEV and TDX, in the host or in a guest. */
static bool vpt_memory_encrypted(void)
{
	return cc_platform_has(CC_ATTR_MEM_ENCRYPT);
}

#ifdef CONFIG_BROADCAST_TLB_FLUSH
/* The number that its sentence names; Linux has no name for the feature. */
static_assert(X86_FEATURE_INVLPGB == 419, "clearcpuid=");

static bool vpt_broadcast_flush(void)
{
	return boot_cpu_has(X86_FEATURE_INVLPGB);
}
#endif

/* Knights Landing and Knights Mill. */
static bool vpt_stray_bits(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL && boot_cpu_data.x86 == 6 &&
	       (boot_cpu_data.x86_model == 0x57 || boot_cpu_data.x86_model == 0x85);
}

static const struct {
	bool (*holds)(void);
	const char *why;	/* it is refused */
} vpt_obstacles[] = {
	{ vpt_no_nx,
	  "there is no NX (no such CPU, or noexec=off), and entries would need it" },
	{ vpt_xen_pv,
	  "page tables of a Xen PV guest are the hypervisor's to change" },
	{ vpt_memory_encrypted,
	  "memory encryption is on, and entries would need its bit" },
	/* Linux masks them wherever it reads an entry (_PAGE_KNL_ERRATUM_MASK). */
	{ vpt_stray_bits,
	  "a Xeon Phi may set A and D in entries that are not present, vpt needs them 0" },
#ifdef CONFIG_BROADCAST_TLB_FLUSH
	/*
	 * A process on many CPUs gets an address-space number that is the same on all of
	 * them (6.15).  Linux then compares no generation when it switches to the process: a
	 * CPU that left it misses both our IPI and our generation.
	 */
	{ vpt_broadcast_flush,
	  "Linux invalidates by broadcast (INVLPGB), vpt does not; boot with clearcpuid=419" },
#endif
};

/**
 * vpt_platform_check() - whether the module can work on this machine
 *
 * Says in the log why not, in one sentence.
 *
 * Context: module insertion, before anything is done.
 * Return: 0, -EOPNOTSUPP.
 */
int vpt_platform_check(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vpt_obstacles); i++) {
		if (vpt_obstacles[i].holds()) {
			pr_err("%s\n", vpt_obstacles[i].why);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}
