// SPDX-License-Identifier: GPL-2.0
/* libc's functions begin with a jump to ours. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

#define JUMP_BYTES	5
#define ENDBR64		0xfa1e0ff3U

struct patch {
	const char *name;
	void *to;
	unsigned long at;
};

static struct patch patches[] = {
	{ .name = "mmap", .to = hook_mmap },
	{ .name = "munmap", .to = hook_munmap },
	{ .name = "mremap", .to = hook_mremap },
	{ .name = "madvise", .to = hook_madvise },
	{ .name = "mprotect", .to = hook_mprotect },
};

#define N_PATCHES	(sizeof(patches) / sizeof(*patches))

static bool in_reach(unsigned long from, const void *to)
{
	long distance = (long)((unsigned long)to - from);

	return distance == (int32_t)distance;
}

/*
 * Nothing else in the function jumps to its first bytes, since they are not the head of a
 * loop, and nothing is run of them any more.
 */
static int find(void *libc, struct patch *p)
{
	void *at = dlsym(libc, p->name);
	uint32_t first;

	if (!at)
		return -ENOENT;
	memcpy(&first, at, sizeof(first));
	p->at = (unsigned long)at + (first == ENDBR64 ? sizeof(first) : 0);
	return in_reach(p->at + JUMP_BYTES, p->to) ? 0 : -ERANGE;
}

/* The page cannot be executed meanwhile, so nothing of libc's is called. */
static int write_jump(const struct patch *p)
{
	unsigned long start = p->at & ~(PAGE - 1);
	unsigned long bytes = round_up(p->at + JUMP_BYTES) - start;
	int32_t distance = (int32_t)((long)p->to - (long)(p->at + JUMP_BYTES));
	volatile unsigned char *to = (unsigned char *)p->at;
	long ret = sys_mprotect(start, bytes, PROT_READ | PROT_WRITE);
	int i;

	if (ret)
		return (int)ret;
	to[0] = 0xe9;
	for (i = 0; i < 4; i++)
		to[1 + i] = (unsigned char)((uint32_t)distance >> 8 * i);
	return (int)sys_mprotect(start, bytes, PROT_READ | PROT_EXEC);
}

/* Memory that was writable may not become executable, by SELinux's or PR_SET_MDWE's will. */
static int may_be_written(void)
{
	long at = sys_mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS), ret;

	if (sys_failed(at))
		return (int)at;
	ret = sys_mprotect((unsigned long)at, PAGE, PROT_READ | PROT_EXEC);
	sys_munmap((unsigned long)at, PAGE);
	return (int)ret;
}

int patch_libc(const char **what)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	unsigned int i;
	int ret = libc ? may_be_written() : -ENOENT;

	*what = "libc.so.6";
	for (i = 0; i < N_PATCHES && !ret; i++) {
		*what = patches[i].name;
		ret = find(libc, &patches[i]);
	}
	for (i = 0; i < N_PATCHES && !ret; i++) {
		*what = patches[i].name;
		ret = write_jump(&patches[i]);
	}
	if (libc)
		dlclose(libc);
	return ret;
}
