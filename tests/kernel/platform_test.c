// SPDX-License-Identifier: GPL-2.0
/*
 * The list of what the module relies on (src/kernel/device/platform.c), on machines that no
 * emulator here can be: compiled as it is, against headers that say what the machine has.
 */
#include <stdio.h>
#include <string.h>

#include "fake/fake.h"
#include "../../src/kernel/device/platform.h"

uint64_t __supported_pte_mask;
struct cpuinfo_x86 boot_cpu_data;
static bool encrypted, feature[512];
static char said[200];
static int sentences;

bool cc_platform_has(enum cc_attr attr)
{
	return attr == CC_ATTR_MEM_ENCRYPT && encrypted;
}

bool boot_cpu_has(int n)
{
	return feature[n];
}

int fake_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	sentences++;
	return 0;
}

static const struct machine {
	const char *name;
	const char *word;	/* of the sentence that refuses it, NULL: it is accepted */
	int since;		/* refused by kernels from this on */
	bool no_nx;
	bool encrypted;
	int feature;
	struct cpuinfo_x86 cpu;
} machines[] = {
	{ .name = "an ordinary machine" },
	{ .name = "no NX", .word = "NX", .no_nx = true },
	{ .name = "memory encryption", .word = "encryption", .encrypted = true },
	{ .name = "a Xen PV guest", .word = "Xen", .feature = X86_FEATURE_XENPV },
	{ .name = "Knights Landing", .word = "Xeon Phi", .cpu = { 6, X86_VENDOR_INTEL, 0x57 } },
	{ .name = "Knights Mill", .word = "Xeon Phi", .cpu = { 6, X86_VENDOR_INTEL, 0x85 } },
	{ .name = "another Intel CPU", .cpu = { 6, X86_VENDOR_INTEL, 0x55 } },
	{ .name = "an AMD CPU of that model", .cpu = { 6, X86_VENDOR_AMD, 0x57 } },
	{ .name = "an Intel CPU of another family", .cpu = { 15, X86_VENDOR_INTEL, 0x57 } },
	{ .name = "broadcast flushes", .word = "INVLPGB", .feature = X86_FEATURE_INVLPGB,
	  .since = KERNEL_VERSION(6, 15, 0) },
};

/* One sentence: begun with the module's name, ended with the line. */
static bool right_sentence(const char *word)
{
	return sentences == 1 && !strncmp(said, "vpt: ", 5) && strstr(said, word) &&
	       strchr(said, '\n') == said + strlen(said) - 1;
}

static bool judged(const struct machine *m)
{
	const bool refused = m->word && FAKE_LINUX >= m->since;
	int ret;

	memset(feature, 0, sizeof(feature));
	feature[m->feature] = true;
	boot_cpu_data = m->cpu;
	encrypted = m->encrypted;
	__supported_pte_mask = m->no_nx ? ~_PAGE_NX : ~0ULL;
	said[0] = 0;
	sentences = 0;
	ret = vpt_platform_check();
	printf("# %s: %d %s", m->name, ret, said[0] ? said : "\n");
	return refused ? ret == -EOPNOTSUPP && right_sentence(m->word) :
			 !ret && !sentences;
}

int main(void)
{
	unsigned int i;
	bool ok, all = true;

	printf("1..%zu\n", ARRAY_SIZE(machines));
	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		ok = judged(&machines[i]);
		all &= ok;
		printf("%sok %u - %s\n", ok ? "" : "not ", i + 1, machines[i].name);
	}
	return !all;
}
