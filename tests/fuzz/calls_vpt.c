// SPDX-License-Identifier: GPL-2.0
/* Calls of the module, and plain use of its memory. */
#include "fuzz.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

/*
 * Where things happen: both sides of each border, so that neighbours share tables of
 * every level.  The last page of a region, and one byte off a page.
 */
char *place(struct state *s, uint8_t arg)
{
	static const u64 at[] = {
		0, VPT_4K, VPT_2M, VPT_2M + VPT_4K, VPT_1G - VPT_4K, VPT_1G - VPT_2M,
		VPT_1G, VPT_1G + VPT_2M, VPT_2M - VPT_4K, 2 * VPT_2M, 3 * VPT_4K,
		VPT_1G + 5 * VPT_2M + VPT_4K, VPT_4K + 1, 3 * VPT_2M, VPT_1G / 2,
	};
	u64 offset = at[arg % ARRAY_SIZE(at)] + (arg & 0x80 ? s->bytes - VPT_1G : 0);

	return s->base + (offset < s->bytes ? offset : s->bytes - VPT_4K);
}

char *page_at(struct state *s, uint8_t arg)
{
	return (char *)((u64)place(s, arg) & -VPT_4K);
}

u64 length_of(uint8_t arg)
{
	static const u64 length[] = {
		VPT_4K, 2 * VPT_4K, VPT_2M, VPT_2M + VPT_4K, VPT_1G, 7 * VPT_4K,
		4 * VPT_2M, 2 * VPT_1G, VPT_2M - VPT_4K, 100,
	};

	return length[arg % ARRAY_SIZE(length)];
}

/* To clear 1 GiB takes as long as hundreds of programs. */
u64 size_of_page(uint8_t arg)
{
	static const u64 size[] = {
		VPT_4K, VPT_4K, VPT_2M, VPT_4K, VPT_2M, VPT_4K, 3 * VPT_4K,
	};

	return arg >= 250 ? VPT_1G : size[arg % ARRAY_SIZE(size)];
}

u32 rights_of(uint8_t arg)
{
	static const u32 rights[] = { RW, RW, VPT_READ, RWX, RX, 0, VPT_WRITE, 8 };

	return rights[arg % ARRAY_SIZE(rights)];
}

static u64 handle_of(struct state *s, uint8_t arg)
{
	return arg < 4 ? 0 : atomic_load(&s->handles[arg % ARRAY_SIZE(s->handles)]);
}

static void do_map(struct state *s, const uint8_t *a)
{
	vu_map(s->fd, place(s, a[0]), size_of_page(a[1]), rights_of(a[2]),
	       handle_of(s, a[3]));
}

static void do_unmap(struct state *s, const uint8_t *a)
{
	vu_unmap(s->fd, place(s, a[0]), NULL);
}

static void do_protect(struct state *s, const uint8_t *a)
{
	vu_protect(s->fd, place(s, a[0]), rights_of(a[1]), NULL);
}

static void do_remap(struct state *s, const uint8_t *a)
{
	vu_remap(s->fd, place(s, a[0]), handle_of(s, a[1]), NULL);
}

static void do_resolve(struct state *s, const uint8_t *a)
{
	vu_resolve(s->fd, place(s, a[0]), NULL);
}

/* No more than a few MiB, to be quick. */
static void do_map_range(struct state *s, const uint8_t *a)
{
	u64 length = length_of(a[1]), size = size_of_page(a[2]);

	if (length >= VPT_1G && size < VPT_1G)
		length = a[3] & 8 ? 2 * VPT_2M : 600 * VPT_4K;
	vu_map_range(s->fd, place(s, a[0]), length, size, rights_of(a[3]), NULL);
}

static void do_unmap_range(struct state *s, const uint8_t *a)
{
	vu_unmap_range(s->fd, place(s, a[0]), length_of(a[1]), NULL);
}

static void do_protect_range(struct state *s, const uint8_t *a)
{
	vu_protect_range(s->fd, place(s, a[0]), length_of(a[1]), rights_of(a[2]), NULL);
}

static void do_frame_alloc(struct state *s, const uint8_t *a)
{
	u64 frame;

	if (!vu_frame_alloc(s->fd, size_of_page(a[1]), &frame))
		atomic_store(&s->handles[a[0] % ARRAY_SIZE(s->handles)], frame);
}

/* The handle stays where it was, so that it will be used again. */
static void do_frame_free(struct state *s, const uint8_t *a)
{
	vu_frame_free(s->fd, atomic_load(&s->handles[a[0] % ARRAY_SIZE(s->handles)]));
}

static void do_check(struct state *s, const uint8_t *a)
{
	struct vpt_stats stats;
	struct vpt_check check;

	if (a[0] & 1)
		vu_check(s->fd, &check);
	else
		vu_stats(s->fd, &stats);
}

/* The argument lies in the region itself, wherever the call may put it out of reach. */
static void do_inside(struct state *s, const uint8_t *a)
{
	struct vpt_page *p = (struct vpt_page *)(page_at(s, a[0]) + 64 * (a[3] % 60));

	if (probe_store(&p->argsz, sizeof(*p)) != PROBE_OK)
		return;
	if (probe_store(&p->addr, (u64)place(s, a[1])) == PROBE_OK)
		ioctl(s->fd, _IOC(_IOC_READ | _IOC_WRITE, VPT_IOC_MAGIC, 0x41 + a[2] % 12,
				  sizeof(*p)), p);
}

static void do_read(struct state *s, const uint8_t *a)
{
	unsigned int i, n = 1 + (a[1] & 15);
	u64 value;

	for (i = 0; i < n; i++)
		probe_load(page_at(s, a[0]) + i * VPT_4K, &value);
}

static void do_write(struct state *s, const uint8_t *a)
{
	unsigned int i, n = 1 + (a[1] & 15);

	for (i = 0; i < n; i++)
		probe_store(page_at(s, a[0]) + i * VPT_4K + MARK_AT, MARK);
}

/* All of the page is the instruction "ret", but for its last bytes. */
static void do_fetch(struct state *s, const uint8_t *a)
{
	char *at = page_at(s, a[0]);
	u32 result;

	if (probe_store(at, 0xc3c3c3c3c3c3c3c3ULL) == PROBE_OK)
		probe_exec(at, &result);
}

static void do_mmap(struct state *s, const uint8_t *a)
{
	mmap(s->base, s->bytes, PROT_READ | (a[0] & 1 ? PROT_WRITE : 0) |
	     (a[0] & 2 ? PROT_EXEC : 0), MAP_SHARED | MAP_FIXED_NOREPLACE, s->fd, 0);
}

/* A second region, in this process, of whose end nobody cares. */
static void do_second(struct state *s, const uint8_t *a)
{
	int fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	char *p;

	if (fd < 0)
		return;
	if (a[0] & 1)
		vu_config(fd, VPT_STRICT);
	p = mmap(NULL, VPT_1G, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		vu_map(fd, p, size_of_page(a[1]), RW, 0);
		probe_store(p, MARK);
		if (a[0] & 2)
			munmap(p, VPT_1G);
	}
	if (a[0] & 4)
		close(fd);
	(void)s;
}

static void do_wait(struct state *s, const uint8_t *a)
{
	const struct timespec t = { .tv_nsec = a[0] * 4000 };

	if (a[0] & 1)
		sched_yield();
	else
		nanosleep(&t, NULL);
	(void)s;
}

static void do_pin(struct state *s, const uint8_t *a)
{
	pin_to(a[0]);
	(void)s;
}

const struct what calls_vpt[] = {
	{ "map", do_map, 16 },
	{ "unmap", do_unmap, 10 },
	{ "protect", do_protect, 8 },
	{ "remap", do_remap, 8 },
	{ "resolve", do_resolve, 3 },
	{ "map_range", do_map_range, 8 },
	{ "unmap_range", do_unmap_range, 8 },
	{ "protect_range", do_protect_range, 6 },
	{ "frame_alloc", do_frame_alloc, 6 },
	{ "frame_free", do_frame_free, 4 },
	{ "check", do_check, 2 },
	{ "inside", do_inside, 4 },
	{ "read", do_read, 10 },
	{ "write", do_write, 12 },
	{ "fetch", do_fetch, 2 },
	{ "mmap", do_mmap, 2 },
	{ "second", do_second, 1 },
	{ "wait", do_wait, 4 },
	{ "pin", do_pin, 2 },
};
const unsigned int n_calls_vpt = ARRAY_SIZE(calls_vpt);
