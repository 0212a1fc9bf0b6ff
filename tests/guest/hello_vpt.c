// SPDX-License-Identifier: GPL-2.0
/* The smallest complete use of vpt: a page by touch, a page by request. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <vpt.h>

int main(void)
{
	int fd = open(VPT_DEVICE, O_RDWR);
	char *base = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		err(1, "%s", VPT_DEVICE);

	base[0] = 'a';			/* the touch maps a zeroed 4 KiB page */

	struct vpt_page page = {
		.argsz = sizeof(page),
		.addr = (__u64)base + VPT_2M,
		.page_size = VPT_2M,
		.prot = VPT_READ | VPT_WRITE,
	};
	if (ioctl(fd, VPT_IOC_MAP, &page))
		err(1, "map");
	base[VPT_2M] = 'b';

	for (__u64 offset = 0; offset <= VPT_2M; offset += VPT_2M) {
		struct vpt_page found = { .argsz = sizeof(found), .addr = (__u64)base + offset };

		if (ioctl(fd, VPT_IOC_RESOLVE, &found))
			err(1, "resolve");
		printf("%#llx: %4llu KiB at physical %#llx holds '%c'%s\n",
		       found.addr, found.page_size >> 10, found.phys, base[offset],
		       found.state & VPT_DIRTY ? ", dirty" : "");
	}

	struct vpt_page ro = { .argsz = sizeof(ro), .addr = page.addr, .prot = VPT_READ };

	if (ioctl(fd, VPT_IOC_PROTECT, &ro))
		err(1, "protect");
	printf("%#llx: now read-only, still '%c'\n", ro.addr, base[VPT_2M]);
	return 0;
}
