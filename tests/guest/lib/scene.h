/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page of a region, and /dev/watcher, which plays a secondary MMU and notes what it is
 * told of the page.
 */
#ifndef SCENE_H
#define SCENE_H

#include "../watcher/watcher.h"
#include "guest.h"

#define SCENE_EVENTS		32

enum how {
	UNMAP, UNMAP_RANGE, REMAP, PROTECT, PROTECT_RANGE, MUNMAP,
};

struct scene {
	struct region r;
	int watcher;
	u32 kind;
	u64 size;
	u64 phys;
	struct watcher_event events[SCENE_EVENTS];
	unsigned int n;	/* of them */
};

/* Watch @va, where the frame at @phys is mapped; each start takes @delay ms. */
void watch(int watcher, const void *va, u64 phys, u32 kind, u32 delay);

/* What was noted, the first SCENE_EVENTS of it.  Return: how many. */
unsigned int watched(int watcher, struct watcher_event *events);

/*
 * A page of @size at the start of a region, written to, and watched; the watcher is
 * registered before vpt, or after it.
 */
void scene_open(struct scene *s, u64 size, u32 kind, bool before);

/* Return: as the request answers. */
int scene_operate(struct scene *s, enum how how);

/* Whether the entry is as the operation leaves it. */
bool scene_changed(const struct scene *s, enum how how, u64 entry);

#endif /* SCENE_H */
