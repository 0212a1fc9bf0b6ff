// SPDX-License-Identifier: GPL-2.0
/*
 * A region to look at: pages of 4 KiB and 2 MiB (and 1 GiB, with pool=), of all rights,
 * some of them read and some written; then the command that the arguments are, while the
 * region stays.
 *
 *	sample_region ./vptctl list
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vpt.h>

#define RW	(VPT_READ | VPT_WRITE)

static int fd;
static char *base;

static int map(__u64 offset, __u64 size, __u32 prot)
{
	struct vpt_page page = {
		.argsz = sizeof(page), .addr = (__u64)base + offset, .page_size = size,
		.prot = prot,
	};

	return ioctl(fd, VPT_IOC_MAP, &page);
}

static void touch(__u64 offset, __u64 length, int write)
{
	__u64 at;

	for (at = offset; at < offset + length; at += VPT_4K) {
		volatile char *p = base + at;

		if (write)
			*p = 1;
		else
			(void)*p;
	}
}

static void furnish(void)
{
	struct vpt_range range = {
		.argsz = sizeof(range), .addr = (__u64)base, .length = 200 * VPT_4K,
		.page_size = VPT_4K, .prot = RW,
	};
	unsigned int i;

	if (ioctl(fd, VPT_IOC_MAP_RANGE, &range))
		err(1, "map_range");
	touch(0, 64 * VPT_4K, 1);
	touch(64 * VPT_4K, 64 * VPT_4K, 0);
	for (i = 0; i < 40; i++)
		map(VPT_2M + i * 7 * VPT_4K, VPT_4K, i % 3 ? VPT_READ : VPT_READ | VPT_EXEC);
	touch(VPT_2M, VPT_4K, 0);
	if (map(VPT_2M * 300, VPT_4K, RW | VPT_EXEC))
		err(1, "map");
	for (i = 0; i < 6; i++)
		map(VPT_1G + VPT_2M * (3 + i), VPT_2M, i & 1 ? VPT_READ : RW);
	touch(VPT_1G + 3 * VPT_2M, VPT_4K, 1);
	if (!map(2 * VPT_1G, VPT_1G, RW))
		touch(2 * VPT_1G, VPT_4K, 0);
}

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc < 2)
		errx(1, "what is to be run? sample_region COMMAND [ARGUMENT...]");
	fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	base = mmap((void *)0x7e0000000000, 3 * VPT_1G, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_SHARED, fd, 0);
	if (fd < 0 || base == MAP_FAILED)
		err(1, "%s", VPT_DEVICE);
	furnish();
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
