// SPDX-License-Identifier: GPL-2.0
/*
 * vptctl, which stands beside this program: what it prints is what the calls say, and
 * what it leaves behind is nothing.
 */
#include "lib/limits.h"
#include "lib/view.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "injector/injector.h"

#define TEXT		(1 << 20)
#define INSTANCES	"/sys/kernel/tracing/instances"

/* Start it with a command line; its output comes from *@out. */
static pid_t ctl_start(int *out, const char *fmt, u64 a, u64 b)
{
	char line[200];
	int pipes[2];
	pid_t child;

	snprintf(line, sizeof(line), fmt, (unsigned long long)a, (unsigned long long)b);
	REQUIRE(!pipe(pipes), "pipe");
	child = must_fork();
	if (!child) {
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(pipes[1]);
	*out = pipes[0];
	return child;
}

/* Run "./vptctl ..."; its text, to be freed, and its exit status. */
static char *ctl_run(int *status, const char *fmt, u64 a, u64 b)
{
	char *text = malloc(TEXT);
	size_t n = 0;
	ssize_t got;
	pid_t child;
	int fd;

	if (access("vptctl", X_OK))
		skip("vptctl is not here");
	REQUIRE(text, "malloc");
	close(view_open("regions"));
	child = ctl_start(&fd, fmt, a, b);
	while ((got = read(fd, text + n, TEXT - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	close(fd);
	REQUIRE(waitpid(child, status, 0) == child && WIFEXITED(*status), "waitpid");
	*status = WEXITSTATUS(*status);
	return text;
}

static void expect_text(const char *text, const char *what)
{
	EXPECT(strstr(text, what), "no \"%s\" in: %.400s", what, text);
}

/* A region with something of everything. */
static u64 region_full(struct region *r)
{
	region_open(r, 2, VPT_STRICT, PROT_READ | PROT_WRITE | PROT_EXEC);
	REQUIRE(!vu_map_range(r->fd, r->base, 3 * VPT_4K, VPT_4K, RW, NULL), "MAP_RANGE");
	REQUIRE(!vu_map(r->fd, r->base + VPT_2M, VPT_4K, RX, 0), "MAP");
	if (have_size(r->fd, VPT_2M))
		REQUIRE(!vu_map(r->fd, r->base + VPT_1G, VPT_2M, VPT_READ, 0), "MAP 2M");
	r->base[0] = 1;
	return id_of(r->base);
}

static void list_shows_it(u64 unused)
{
	char what[80], *text;
	struct region r;
	int status;
	u64 id;

	(void)unused;
	id = region_full(&r);
	text = ctl_run(&status, "./vptctl list", 0, 0);
	EXPECT(!status, "status %d", status);
	snprintf(what, sizeof(what), "%#llx", (unsigned long long)r.base);
	expect_text(text, what);
	expect_text(text, "strict rwx");
	free(text);
	text = ctl_run(&status, "./vptctl --json --pid %llu list", getpid(), 0);
	snprintf(what, sizeof(what), "\"id\": %llu, \"start\": \"%#llx\"",
		 (unsigned long long)id, (unsigned long long)r.base);
	expect_text(text, what);
	free(text);
	text = ctl_run(&status, "./vptctl --pid 1 --json list", 0, 0);
	EXPECT(!strcmp(text, "[]\n"), "of another process: %s", text);
	free(text);
	region_close(&r);
}

static void walk_ends_at_the_frame(u64 unused)
{
	struct vpt_page page;
	struct region r;
	char what[80], *text;
	int status;

	(void)unused;
	region_full(&r);
	REQUIRE(!vu_resolve(r.fd, r.base, &page), "RESOLVE");
	text = ctl_run(&status, "./vptctl walk %llx", (u64)r.base + 0x123, 0);
	snprintf(what, sizeof(what), "physical %#llx:", page.phys + 0x123);
	EXPECT(!status, "status %d", status);
	expect_text(text, what);
	expect_text(text, "rights rw-, user mode");
	expect_text(text, "accessed, dirty");
	free(text);
	text = ctl_run(&status, "./vptctl walk %llx", (u64)r.base + 5 * VPT_4K, 0);
	expect_text(text, "=> page fault");
	free(text);
	text = ctl_run(&status, "./vptctl walk page", 0, 0);
	EXPECT(status == 2, "no address: status %d, %s", status, text);
	free(text);
	text = ctl_run(&status, "./vptctl walk 1000", 0, 0);
	EXPECT(status == 1, "an address in no region: status %d", status);
	free(text);
	region_close(&r);
}

static void dump_shows_sizes_and_rights(u64 unused)
{
	char what[120], *text;
	struct region r;
	int status;
	u64 id;

	(void)unused;
	id = region_full(&r);
	text = ctl_run(&status, "./vptctl dump --id %llu", id, 0);
	EXPECT(!status, "status %d", status);
	snprintf(what, sizeof(what), "%#llx-%#llx     4 KiB  4K  rw-u A D",
		 (unsigned long long)r.base, (unsigned long long)r.base + VPT_4K);
	expect_text(text, what);
	snprintf(what, sizeof(what), "%#llx-%#llx     8 KiB  4K  rw-u",
		 (unsigned long long)r.base + VPT_4K, (unsigned long long)r.base + 3 * VPT_4K);
	expect_text(text, what);
	expect_text(text, "4K  r-xu");
	if (have_size(r.fd, VPT_2M))
		expect_text(text, "2 MiB  2M  r--u");
	free(text);
	text = ctl_run(&status, "./vptctl --json --id %llu dump", id, 0);
	EXPECT(text[0] == '[' && strstr(text, "\"kind\": \"leaf\"") && strstr(text, "]\n"),
	       "%.200s", text);
	free(text);
	text = ctl_run(&status, "./vptctl dump 5000 4000", 0, 0);
	EXPECT(status == 2, "an end before the start: status %d", status);
	free(text);
	region_close(&r);
}

static void pictures_are_whole(u64 unused)
{
	struct region r;
	int status;
	char *text;
	u64 id;

	(void)unused;
	id = region_full(&r);
	text = ctl_run(&status, "./vptctl map --svg -i %llu", id, 0);
	EXPECT(!status && !strncmp(text, "<svg", 4) && strstr(text, "</svg>\n"),
	       "status %d: %.100s", status, text);
	free(text);
	text = ctl_run(&status, "./vptctl map --html -i %llu -o /tmp/page; tail -n 1 /tmp/page",
		       id, 0);
	expect_text(text, "</html>");
	free(text);
	region_close(&r);
}

static void check_says_what_is_broken(u64 unused)
{
	struct injector_order order = { .level = 1, .set = 1ULL << 51 };
	int device = module_device("injector"), status;
	struct region r;
	char *text;

	(void)unused;
	region_full(&r);
	text = ctl_run(&status, "./vptctl check -p %llu", getpid(), 0);
	EXPECT(!status, "status %d", status);
	expect_text(text, "every invariant holds");
	free(text);
	order.addr = (u64)r.base;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "no damage");
	text = ctl_run(&status, "./vptctl check -p %llu", getpid(), 0);
	EXPECT(status == 1, "status %d", status);
	expect_text(text, "no_reserved_bit (invariant 2)");
	free(text);
	order.set = 0;
	order.clear = 1ULL << 51;
	REQUIRE(write(device, &order, sizeof(order)) == sizeof(order), "not mended");
	region_close(&r);
}

static void set_changes_the_mode(u64 unused)
{
	char *text;
	int status;

	(void)unused;
	text = ctl_run(&status, "./vptctl set check=full && cat /sys/module/vpt/parameters/check",
		       0, 0);
	EXPECT(!status && checked_fully(), "%d, %s", status, text);
	free(text);
	text = ctl_run(&status, "./vptctl set check=nonsense", 0, 0);
	EXPECT(status == 2 && checked_fully(), "nonsense: %d, %s", status, text);
	free(text);
}

static unsigned int instances(void)
{
	DIR *dir = opendir(INSTANCES);
	unsigned int n = 0;
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		n += !strncmp(d->d_name, "vptctl", 6);
	if (dir)
		closedir(dir);
	return n;
}

/* How often "id" is another number than @id; a number may be cut off at the end. */
static unsigned int others(const char *text, u64 id)
{
	static const char key[] = "\"id\": ";
	unsigned int n = 0;
	char *end;

	while ((text = strstr(text, key))) {
		text += strlen(key);
		n += strtoull(text, &end, 10) != id && *end;
	}
	return n;
}

/*
 * To note the names of tasks, probes in the scheduler are switched on with any event.  A
 * new instance takes from here whether it is to.  Return: whether it was.
 */
static bool record_names(bool on)
{
	static const char path[] = "/sys/kernel/tracing/options/record-cmd";
	int fd = open(path, O_RDONLY);
	char before = 0;

	REQUIRE(fd >= 0 && read(fd, &before, 1) == 1 && put_file(path, on ? "1" : "0"),
		"%s: %s", path, strerror(errno));
	close(fd);
	return before == '1';
}

/*
 * Wait until vptctl, as process @pid, listens.  Nobody runs code of vpt's meanwhile: it is
 * patched, and an emulator may execute a breakpoint that has been taken away by then.
 */
static bool listens(pid_t pid)
{
	char path[96], on = 0;
	int fd;

	snprintf(path, sizeof(path), INSTANCES "/vptctl-%d/events/vpt/enable", pid);
	while (on != '1') {
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, &on, 1) != 1)
			on = 0;
		close(fd);
		if (waitpid(pid, &(int){ 0 }, WNOHANG))
			return false;
		usleep(1000);
	}
	return true;
}

/* Events of one region, and no other's; afterwards nobody listens. */
static void follow_shows_changes(u64 unused)
{
	char buffer[4096], what[40];
	bool names, seen = false;
	struct region r, other;
	ssize_t n;
	pid_t child;
	int fd;
	u64 id;

	(void)unused;
	if (access(INSTANCES, F_OK))
		skip("no tracefs");
	names = record_names(false);
	region_rw(&r, 1, VPT_STRICT);
	region_rw(&other, 1, VPT_STRICT);
	id = id_of(r.base);
	child = ctl_start(&fd, "exec ./vptctl --json --id %llu follow", id, 0);
	snprintf(what, sizeof(what), "\"id\": %llu", (unsigned long long)id);
	REQUIRE(listens(child), "it has ended");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (!seen) {
		vu_map(other.fd, other.base, VPT_4K, RW, 0);
		vu_map(r.fd, r.base, VPT_4K, RW, 0);
		vu_unmap(r.fd, r.base, NULL);
		vu_unmap(other.fd, other.base, NULL);
		while ((n = read(fd, buffer, sizeof(buffer) - 1)) > 0) {
			buffer[n] = 0;
			seen |= strstr(buffer, "\"event\": \"vpt_") && strstr(buffer, what);
			EXPECT(!others(buffer, id), "another region's: %.300s", buffer);
		}
		EXPECT(n < 0 && errno == EAGAIN, "it has ended");
		if (n >= 0)
			break;
		usleep(10000);
	}
	/* It ends without another event. */
	kill(child, SIGTERM);
	fcntl(fd, F_SETFL, 0);
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	EXPECT(waitpid(child, &(int){ 0 }, 0) == child, "waitpid");
	EXPECT(!instances(), "its instance is left");
	record_names(names);
	region_close(&r);
	region_close(&other);
}

int main(int argc, char **argv)
{
	static const struct property properties[] = {
		{ "list: whose it is and what is mapped", list_shows_it, 0, 0 },
		{ "walk: ends at RESOLVE's frame", walk_ends_at_the_frame, 0, 0 },
		{ "dump: sizes, rights, A and D", dump_shows_sizes_and_rights, 0, 0 },
		{ "map: pictures are whole", pictures_are_whole, 0, 0 },
		{ "check: says what is broken", check_says_what_is_broken, 0, 0 },
		{ "set: changes check=", set_changes_the_mode, 0, 0 },
		{ "follow: one region's changes, and nothing is left", follow_shows_changes, 0,
		  0 },
	};

	return run_properties(argc, argv, properties, ARRAY_SIZE(properties));
}
