// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

/* Bits of an entry, SDM table 4-20. */
#define BIT_P		(1ULL << 0)
#define BIT_W		(1ULL << 1)

void watch(int watcher, const void *va, u64 phys, u32 kind, u32 delay)
{
	struct watcher_order order = {
		.addr = (u64)va, .phys = phys, .kind = kind, .delay = delay,
	};

	REQUIRE(write(watcher, &order, sizeof(order)) == sizeof(order), "watcher: %s",
		strerror(errno));
}

unsigned int watched(int watcher, struct watcher_event *events)
{
	ssize_t bytes = read(watcher, events, SCENE_EVENTS * sizeof(*events));

	REQUIRE(bytes >= 0, "watcher: %s", strerror(errno));
	return bytes / sizeof(*events);
}

void scene_open(struct scene *s, u64 size, u32 kind, bool before)
{
	struct vpt_page page;

	s->size = size;
	s->kind = kind;
	s->watcher = module_device("watcher");
	if (before)
		watch(s->watcher, NULL, 0, kind, 0);
	region_rw(&s->r, 1, VPT_STRICT);
	need_size(s->r.fd, size);
	REQUIRE(!vu_map(s->r.fd, s->r.base, size, RW, 0), "MAP");
	*(volatile u64 *)s->r.base = 1;
	REQUIRE(!vu_resolve(s->r.fd, s->r.base, &page), "RESOLVE");
	s->phys = page.phys;
	watch(s->watcher, s->r.base, s->phys, kind, 0);
}

int scene_operate(struct scene *s, enum how how)
{
	switch (how) {
	case UNMAP:
		return vu_unmap(s->r.fd, s->r.base, NULL);
	case UNMAP_RANGE:
		return vu_unmap_range(s->r.fd, s->r.base, VPT_1G, NULL);
	case REMAP:
		return vu_remap(s->r.fd, s->r.base, 0, NULL);
	case PROTECT:
		return vu_protect(s->r.fd, s->r.base, VPT_READ, NULL);
	case PROTECT_RANGE:
		return vu_protect_range(s->r.fd, s->r.base, VPT_1G, VPT_READ, NULL);
	case MUNMAP:
		return munmap(s->r.base, VPT_1G);
	}
	return -EINVAL;
}

bool scene_changed(const struct scene *s, enum how how, u64 entry)
{
	switch (how) {
	case REMAP:
		return (entry & BIT_P) && (entry & 0xffffffffff000ULL & -s->size) != s->phys;
	case PROTECT:
	case PROTECT_RANGE:
		return (entry & BIT_P) && !(entry & BIT_W);
	default:
		return !(entry & BIT_P);
	}
}
