/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A region with something of every kind in it, of which a refused call must
 * change nothing; and for each ioctl an argument that it accepts there.
 */
#ifndef WORLD_H
#define WORLD_H

#include "guest.h"

#define WORLD_GIB	3
#define WORLD_FREE	(16 * VPT_2M)	/* offset: nothing is mapped from here to 1G */

struct sentinel {
	char *va;
	u64 size;
	u32 prot;
	struct vpt_page page;		/* as RESOLVE had it */
	u64 first, last;		/* what it holds */
};

struct world {
	struct region r;
	struct sentinel s[5];
	unsigned int n;
	u64 handle_4k;
	u64 handle_2m;			/* 0 where there are no 2M frames */
	u64 handle_1g;			/* of the 1G leaf, so that mending it is cheap */
	struct vpt_stats stats;
	unsigned int splits;		/* of the 1G leaf by Linux, mended since */
};

/* With leaves up to @largest, as far as there are frames of that size. */
void world_open(struct world *w, u64 largest);

/* Take the picture that world_unchanged() compares with. */
void world_remember(struct world *w);
bool world_unchanged(struct world *w, const char *what);

/*
 * Less strict, for what Linux may do on its own: A and D may have moved, and a
 * 1 GiB page may have been split into 2 MiB pages of the same frame.  Data,
 * rights and physical addresses stay, and CHECK finds nothing.
 */
bool world_intact(struct world *w, const char *what);

/* Make whole again what Linux split. */
void world_mend(struct world *w);

/**
 * struct call - one ioctl with an argument
 * @name: its name
 * @request: its number
 * @size: of the argument's struct
 * @reserved: offset of the reserved bytes at the struct's end
 * @reserved0: offset of four reserved bytes amid the struct, or 0
 * @flags_in: flags are an input, and must be 0
 * @takes_addr: it needs a region
 * @arg: the argument, with room behind it
 */
struct call {
	const char *name;
	unsigned long request;
	size_t size;
	size_t reserved;
	size_t reserved0;
	bool flags_in;
	bool takes_addr;
	union {
		unsigned char bytes[512];
		struct vpt_config config;
		struct vpt_page page;
		struct vpt_range range;
		struct vpt_frame frame;
		struct vpt_stats stats;
		struct vpt_check check;
		struct {
			u32 argsz;
			u32 flags;
		};
	} arg;
};

/* Every ioctl but CONFIG. */
#define WORLD_CALLS	12
void world_calls(struct world *w, struct call *calls);

/* Issue it: 0 or -errno. */
int call_issue(int fd, struct call *c);

#endif /* WORLD_H */
