// SPDX-License-Identifier: GPL-2.0
/*
 * Every file of /proc/PID, read by the process itself and by another one, over
 * a region with leaves of every size: Linux walks the page table for some of
 * them, and must find nothing that it changes, splits or frees.
 */
#include "lib/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAX_BYTES	(16UL << 20)	/* of one file */

static struct world world;
static unsigned int files_read;

/* Not to be read: what the whole address space is the content of. */
static bool is_special(const char *name)
{
	return !strcmp(name, "mem") || !strcmp(name, "pagemap");
}

static void read_whole(int dir, const char *name)
{
	static char buffer[1 << 16];
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t total = 0;
	ssize_t n;

	if (fd < 0)
		return;
	while (total < MAX_BYTES && (n = read(fd, buffer, sizeof(buffer))) > 0)
		total += n;
	close(fd);
	files_read++;
}

static void nothing(const char *path)
{
	(void)path;
}

/* @after each file; of net/, whose files know nothing of memory, after all of them. */
static void walk(int dir, const char *path, unsigned int depth,
		 void (*after)(const char *path))
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	char below[400];
	struct stat st;

	if (!d) {
		close(dir);
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st,
						   AT_SYMLINK_NOFOLLOW))
			continue;
		snprintf(below, sizeof(below), "%.200s/%.150s", path, e->d_name);
		if (S_ISDIR(st.st_mode) && depth < 4) {
			bool net = !strcmp(e->d_name, "net");

			walk(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			     below, depth + 1, net ? nothing : after);
			if (net)
				after(below);
		} else if (S_ISREG(st.st_mode) && !is_special(e->d_name)) {
			read_whole(dirfd(d), e->d_name);
			after(below);
		}
	}
	closedir(d);
}

static void walk_proc(pid_t pid, void (*after)(const char *path))
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	files_read = 0;
	walk(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, 0, after);
	note("%u files read", files_read);
	EXPECT(files_read > 40, "only %u files under %s", files_read, path);
}

/* The region's part of pagemap. */
static void read_pagemap(pid_t pid, u64 start, u64 bytes)
{
	u64 entries[4096], i, n = bytes / VPT_4K;
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	REQUIRE(fd >= 0, "%s: %s", path, strerror(errno));
	for (i = 0; i < n; i += ARRAY_SIZE(entries))
		EXPECT(pread(fd, entries, sizeof(entries), (start / VPT_4K + i) * 8) > 0,
		       "%s: %s", path, strerror(errno));
	close(fd);
}

static void still_intact(const char *path)
{
	world_intact(&world, path);
	world_mend(&world);
}

static void *idle(void *stop)
{
	wait_for(stop, 1);
	return NULL;
}

static void by_itself(u64 unused)
{
	_Atomic u64 stop = 0;
	pthread_t thread;

	(void)unused;
	world_open(&world, VPT_1G);
	pthread_create(&thread, NULL, idle, &stop);
	walk_proc(getpid(), still_intact);
	read_pagemap(getpid(), (u64)world.r.base, world.r.bytes);
	still_intact("pagemap");
	post(&stop, 1);
	pthread_join(thread, NULL);
	region_close(&world.r);
}

/* The region's owner: after each byte from the pipe, check, and answer. */
static void owner(int from, int to)
{
	char path[200];
	ssize_t n;

	world_open(&world, VPT_1G);
	if (write(to, &world.r, sizeof(world.r)) < 0)
		_exit(1);
	while ((n = read(from, path, sizeof(path) - 1)) > 0) {
		path[n] = 0;
		still_intact(path);
		if (write(to, "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static int to_owner[2], from_owner[2];

static void ask_owner(const char *path)
{
	char byte;

	REQUIRE(write(to_owner[1], path, strnlen(path, 199)) > 0 &&
		read(from_owner[0], &byte, 1) == 1, "%s: the owner has died", path);
}

static pid_t start_owner(struct region *r)
{
	pid_t pid;

	REQUIRE(!pipe(to_owner) && !pipe(from_owner), "pipe");
	pid = must_fork();
	if (!pid) {
		close(to_owner[1]);
		close(from_owner[0]);
		owner(to_owner[0], from_owner[1]);
	}
	close(from_owner[1]);
	REQUIRE(read(from_owner[0], r, sizeof(*r)) == sizeof(*r), "no owner");
	return pid;
}

static void stop_owner(pid_t pid)
{
	int status;

	close(to_owner[1]);
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "owner: status %x", status);
}

static void by_another(u64 unused)
{
	struct region r;
	pid_t pid = start_owner(&r);

	(void)unused;
	walk_proc(pid, ask_owner);
	read_pagemap(pid, (u64)r.base, r.bytes);
	ask_owner("pagemap");
	stop_owner(pid);
}

/* 1: A of all, 2: anonymous, 3: mapped files, 4: soft-dirty, 5: peak RSS. */
static void clear_refs(u64 how)
{
	char path[40], digit = '0' + how;
	struct region r;
	pid_t pid;
	int fd;

	world_open(&world, VPT_1G);
	fd = open("/proc/self/clear_refs", O_WRONLY);
	EXPECT(fd >= 0 && write(fd, &digit, 1) == 1, "write: %s", strerror(errno));
	close(fd);
	still_intact("clear_refs of oneself");
	for (unsigned int i = 0; i < world.n; i++)
		if (world.s[i].prot == RW)
			EXPECT(!probe_store(world.s[i].va, world.s[i].first),
			       "store after clear_refs");
	region_close(&world.r);

	pid = start_owner(&r);
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	fd = open(path, O_WRONLY);
	EXPECT(fd >= 0 && write(fd, &digit, 1) == 1, "write: %s", strerror(errno));
	close(fd);
	ask_owner("clear_refs of another");
	stop_owner(pid);
}

/* Walks by one thread while others map and unmap; both must survive. */
static _Atomic u64 done;

static void *churn(void *arg)
{
	char *at = world.r.base + WORLD_FREE + 8 * VPT_2M + (u64)arg * 8 * VPT_2M;
	u64 size = (u64)arg % 2 && world.handle_2m ? VPT_2M : VPT_4K;

	while (!atomic_load(&done)) {
		if (EXPECT(!vu_map(world.r.fd, at, size, RW, 0), "map"))
			*(u64 *)at = 1;
		EXPECT(!vu_unmap(world.r.fd, at, NULL), "unmap");
	}
	return NULL;
}

static void while_mappings_change(u64 unused)
{
	pthread_t threads[3];
	u64 i;

	(void)unused;
	world_open(&world, VPT_1G);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, churn, (void *)i);
	for (i = 0; i < 3; i++) {
		walk_proc(getpid(), nothing);
		read_pagemap(getpid(), (u64)world.r.base, world.r.bytes);
		world_mend(&world);
	}
	atomic_store(&done, 1);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	world_remember(&world);
	world_intact(&world, "afterwards");
	region_close(&world.r);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "reading one's own /proc files changes nothing", by_itself, 0, 0 },
		{ "reading another's /proc files changes nothing", by_another, 0, 0 },
		{ "clear_refs 1 changes nothing", clear_refs, 1, 0 },
		{ "clear_refs 2 changes nothing", clear_refs, 2, 0 },
		{ "clear_refs 3 changes nothing", clear_refs, 3, 0 },
		{ "clear_refs 4 changes nothing", clear_refs, 4, 0 },
		{ "clear_refs 5 changes nothing", clear_refs, 5, 0 },
		{ "/proc files can be read while mappings change",
		  while_mappings_change, 0, 0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
