// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU goes offline, comes back, sleeps with the process's address space still loaded, or runs
 * another one, while a change is made whose shootdown is yet to come (hold/hold.h).  A thread
 * that then uses the page there finds the change.  And one that is about to run another looks at
 * tables that go, of which nobody tells it.
 */
#include "lib/guest.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hold/hold.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define ROUNDS	4
#define OLD	0x0123
#define NEW	0x4567

enum change {
	UNMAP,
	REMAP,
	PROTECT,
};

/* What becomes of the second CPU between the change and its shootdown. */
enum fate {
	GOES,		/* offline */
	COMES_BACK,
	SLEEPS,		/* lazily: the address space is not changed for the idle task's */
	SWITCHES,	/* to another process */
};

struct window {
	const char *name;
	enum change change;
	enum fate fate;
};

static const struct window *window;
static struct region r;
static u64 frames[2];

static bool set_online(bool online)
{
	int fd = open(ONLINE, O_WRONLY);
	const bool set = fd >= 0 && write(fd, online ? "1" : "0", 1) == 1;

	close(fd);
	return set;
}

static void need_hotplug(void)
{
	if (access(ONLINE, W_OK))
		skip("no second CPU, or not one that can go offline");
	REQUIRE(set_online(true), "cpu1: %s", strerror(errno));
	pin_to(0);
	close(hold_open());
}

/* The page is alone in its PT, or not; what is done to it needs no memory. */
static void open_page(void)
{
	unsigned int i;

	region_rw(&r, 1, VPT_STRICT);
	for (i = 0; i < 2; i++) {
		REQUIRE(!vu_frame_alloc(r.fd, VPT_4K, &frames[i]), "a frame");
		REQUIRE(!vu_map(r.fd, r.base + VPT_4K, VPT_4K, RW, frames[i]), "map");
		*(u64 *)(r.base + VPT_4K) = i ? NEW : OLD;
		REQUIRE(!vu_unmap(r.fd, r.base + VPT_4K, NULL), "unmap");
	}
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, frames[0]), "map");
	REQUIRE(!vu_map(r.fd, r.base + 2 * VPT_4K, VPT_4K, RW, 0), "map");
}

/* Who uses the page, on the second CPU, and sleeps there in between. */
struct user {
	pthread_t thread;
	int pipe[2];
	_Atomic u64 tid, uses;
	enum probe load, store;
	u64 value;
};

static void *use(void *arg)
{
	struct user *u = arg;
	char byte;

	post(&u->tid, gettid());
	while (read(u->pipe[0], &byte, 1) == 1) {
		/* Which it may have lost, with its CPU. */
		pin_to(1);
		u->load = probe_load(r.base, &u->value);
		u->store = probe_store(r.base + 8, 1);
		post(&u->uses, u->uses + 1);
	}
	return NULL;
}

static void user_begin(struct user *u)
{
	REQUIRE(!pipe(u->pipe), "pipe");
	REQUIRE(!pthread_create(&u->thread, NULL, use, u), "thread");
	wait_for(&u->tid, 1);
}

static void user_wake(struct user *u)
{
	REQUIRE(write(u->pipe[1], "", 1) == 1, "pipe");
}

/* Until it sleeps, its CPU with it. */
static void user_use(struct user *u, u64 n)
{
	user_wake(u);
	wait_for(&u->uses, n);
	while (thread_state(u->tid) != 'S')
		usleep(1000);
	usleep(5000);
}

static void user_end(struct user *u)
{
	close(u->pipe[1]);
	pthread_join(u->thread, NULL);
	close(u->pipe[0]);
}

/* Who changes it, on the first. */
struct changer {
	pthread_t thread;
	_Atomic u64 tid, go, done;
	int result;
};

static void *change(void *arg)
{
	struct changer *c = arg;

	pin_to(0);
	post(&c->tid, gettid());
	wait_for(&c->go, 1);
	switch (window->change) {
	case UNMAP:
		c->result = vu_unmap(r.fd, r.base, NULL);
		break;
	case REMAP:
		c->result = vu_remap(r.fd, r.base, frames[1], NULL);
		break;
	case PROTECT:
		c->result = vu_protect(r.fd, r.base, VPT_READ, NULL);
		break;
	}
	post(&c->done, 1);
	return NULL;
}

/* Return: the file that will hold it at its shootdown. */
static int changer_begin(struct changer *c)
{
	*c = (struct changer){ 0 };
	REQUIRE(!pthread_create(&c->thread, NULL, change, c), "thread");
	wait_for(&c->tid, 1);
	return hold_asleep_at("vpt_shootdown", c->tid);
}

static void changer_hold(struct changer *c, int hold)
{
	post(&c->go, 1);
	REQUIRE(hold_reached(hold, &c->done), "there is no shootdown");
}

static void changer_end(struct changer *c, int hold)
{
	EXPECT(hold_state(hold) == HOLD_HELD, "the shootdown goes on by itself");
	hold_release(hold);
	pthread_join(c->thread, NULL);
	EXPECT(!c->result, "the change: %s", strerror(-c->result));
}

static void expect_changed(const struct user *u)
{
	const enum probe load = window->change == UNMAP ? PROBE_SEGV : PROBE_OK;
	const u64 value = window->change == REMAP ? NEW : OLD;

	EXPECT(u->load == load, "a load: %d", u->load);
	EXPECT(load || u->value == value, "a load finds %llx", (unsigned long long)u->value);
	EXPECT(u->store == (window->change == REMAP ? PROBE_OK : PROBE_SEGV), "a store: %d",
	       u->store);
}

/*
 * Another process, which has the second CPU for a while whenever it is sent a byte.  It is there
 * before the page is: fork() invalidates, and so does each page that is copied for it.  A CPU
 * without PCIDs, as an emulator's, drops all it holds when it runs another process, whatever vpt
 * does: there a change that it is not told of is not seen.
 */
struct other {
	pid_t pid;
	int socket;
};

static void run_when_told(int socket)
{
	char byte;
	u64 end;

	pin_to(1);
	while (read(socket, &byte, 1) == 1) {
		end = now_ns() + 20000000;
		while (now_ns() < end)
			;
		if (write(socket, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void other_begin(struct other *o)
{
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	o->pid = must_fork();
	if (!o->pid) {
		close(pair[0]);
		run_when_told(pair[1]);
	}
	close(pair[1]);
	o->socket = pair[0];
}

static void other_run(const struct other *o)
{
	char byte = 0;

	REQUIRE(write(o->socket, &byte, 1) == 1 && read(o->socket, &byte, 1) == 1,
		"the other process is gone");
}

static void other_end(struct other *o)
{
	close(o->socket);
	waitpid(o->pid, NULL, 0);
}

static void meanwhile(struct user *u, struct changer *c, int hold, const struct other *o)
{
	switch (window->fate) {
	case GOES:
	case COMES_BACK:
		REQUIRE(set_online(false), "offline: %s", strerror(errno));
		if (window->fate == GOES)
			break;
		REQUIRE(set_online(true), "online: %s", strerror(errno));
		/* It has nothing of the page's: the access faults, and waits for the page. */
		user_wake(u);
		if (window->change == UNMAP)
			EXPECT(hold_makes_wait(hold, u->tid, &u->uses), "the access does not wait");
		break;
	case SLEEPS:
		break;
	case SWITCHES:
		other_run(o);
		break;
	}
	EXPECT(!c->done, "the change is done");
}

/*
 * The page is used between the probe's coming and its going: Linux invalidates the kernel's
 * addresses on each CPU for these, for which an emulator drops all that a CPU holds.
 */
static void one_round(const struct other *o)
{
	struct changer c;
	struct user u = { 0 };
	int hold;

	open_page();
	user_begin(&u);
	hold = changer_begin(&c);
	user_use(&u, 1);
	EXPECT(u.load == PROBE_OK && u.value == OLD && u.store == PROBE_OK, "before: %d, %d",
	       u.load, u.store);
	u.uses = 0;
	changer_hold(&c, hold);
	meanwhile(&u, &c, hold, o);
	changer_end(&c, hold);
	if (window->fate == GOES)
		REQUIRE(set_online(true), "online: %s", strerror(errno));
	if (window->fate == COMES_BACK)
		wait_for(&u.uses, 1);
	user_use(&u, window->fate == COMES_BACK ? 2 : 1);
	expect_changed(&u);
	close(hold);
	user_end(&u);
	expect_sound(r.fd, "in the end");
	region_close(&r);
}

static void before_the_shootdown(u64 arg)
{
	struct other o;
	unsigned int i;

	window = (const struct window *)arg;
	need_hotplug();
	other_begin(&o);
	for (i = 0; i < (window->fate < SLEEPS ? 1 : ROUNDS); i++)
		one_round(&o);
	other_end(&o);
}

/*
 * The second CPU is about to run another process, and an NMI there looks at the first one's
 * tables as perf does; nobody who changes them waits for it.  The PD goes meanwhile, and others
 * need PTs.
 */
#define SWITCH_MS	500	/* its run queue is locked: others may have to wait as long */
#define SWITCHES	20	/* until enough of them were held all the while */
#define PTS		8	/* more than an operation takes, and as many as a file keeps */

static struct {
	_Atomic u64 tid, go, spins, end;
} switched;

/* Once it is to be held it does not sleep: its CPU would leave it as the idle task. */
static void *spin_on_second(void *unused)
{
	pin_to(1);
	post(&switched.tid, gettid());
	wait_for(&switched.go, 1);
	post(&switched.spins, 1);
	while (!switched.end)
		relax();
	return unused;
}

static bool pts_are_made(void)
{
	char *va = r.base + VPT_1G + VPT_2M;
	bool good = true;
	unsigned int i;

	for (i = 0; i < PTS; i++)
		good &= !vu_map(r.fd, va + i * VPT_2M, VPT_4K, RW, 0);
	return good;
}

/* Return: whether it was held all the while. */
static bool pd_goes_amid_switch(int hold, const struct other *o)
{
	struct hold_state s;
	char byte = 0;
	bool held;

	post(&switched.go, 1);
	wait_for(&switched.spins, 1);
	REQUIRE(write(o->socket, &byte, 1) == 1, "the other process is gone");
	do {
		s = hold_read(hold);
	} while (!s.entries);
	EXPECT(s.irqs_off && s.before, "irqs_off %u, an entry %llx", s.irqs_off, s.before);
	EXPECT(!vu_unmap(r.fd, r.base, NULL), "unmap");
	EXPECT(pts_are_made(), "map");
	held = hold_state(hold) == HOLD_HELD;
	hold_release(hold);
	do {
		s = hold_read(hold);
	} while (s.entries < 2);
	EXPECT(!held || !s.after, "what was the PD has an entry %llx", s.after);
	REQUIRE(read(o->socket, &byte, 1) == 1, "the other process is gone");
	return held;
}

static bool one_switch(const struct other *o)
{
	struct hold_order order = { .flags = HOLD_SWITCHING, .milliseconds = SWITCH_MS };
	pthread_t thread;
	bool held;
	int hold;

	memset(&switched, 0, sizeof(switched));
	region_rw(&r, 2, VPT_STRICT);
	REQUIRE(!vu_map(r.fd, r.base, VPT_4K, RW, 0) &&
		!vu_map(r.fd, r.base + VPT_1G, VPT_4K, RW, 0), "map");
	REQUIRE(!pthread_create(&thread, NULL, spin_on_second, NULL), "thread");
	wait_for(&switched.tid, 1);
	order.tid = switched.tid;
	order.value = (u64)r.base;
	hold = hold_open();
	hold_set(hold, &order);
	held = pd_goes_amid_switch(hold, o);
	post(&switched.end, 1);
	pthread_join(thread, NULL);
	close(hold);
	expect_sound(r.fd, "in the end");
	region_close(&r);
	return held;
}

static void pd_goes_amid_switches(u64 unused)
{
	/* 6.14: it stays in the mask, and holds UNMAP up. */
	const bool leaves = runs_on("6.1") || runs_on("6.12");
	unsigned int i, held = 0;
	struct other o;

	(void)unused;
	need_hold();
	other_begin(&o);
	for (i = 0; i < (leaves ? SWITCHES : 1) && held < ROUNDS; i++)
		held += one_switch(&o);
	other_end(&o);
	if (!held && !leaves)
		skip("a CPU stays in the mask when it switches");
	EXPECT(held, "of %u times none was held long enough", i);
}

/* A CPU that was not there when the file was opened. */
static struct {
	_Atomic u64 used, going, gone;
} arrival;

static void *use_on_and_on(void *unused)
{
	enum probe p;
	u64 value, gone;

	pin_to(1);
	do {
		gone = arrival.gone;
		p = probe_load(r.base, &value);
		EXPECT(gone ? p == PROBE_SEGV : p == PROBE_OK || arrival.going, "a load: %d", p);
		post(&arrival.used, arrival.used + 1);
	} while (!gone);
	return unused;
}

static void arrives_later(u64 unused)
{
	pthread_t user;

	(void)unused;
	need_hotplug();
	REQUIRE(set_online(false), "offline: %s", strerror(errno));
	open_page();
	REQUIRE(set_online(true), "online: %s", strerror(errno));
	REQUIRE(!pthread_create(&user, NULL, use_on_and_on, NULL), "thread");
	wait_for(&arrival.used, 100);
	arrival.going = 1;
	REQUIRE(!vu_unmap(r.fd, r.base, NULL), "unmap");
	post(&arrival.gone, 1);
	pthread_join(user, NULL);
	expect_sound(r.fd, "in the end");
	region_close(&r);
}

static const struct window windows[] = {
	{ "UNMAP: a CPU goes offline", UNMAP, GOES },
	{ "UNMAP: a CPU goes offline, and comes back", UNMAP, COMES_BACK },
	{ "REMAP: a CPU goes offline, and comes back", REMAP, COMES_BACK },
	{ "UNMAP: a CPU sleeps with the address space loaded", UNMAP, SLEEPS },
	{ "REMAP: a CPU sleeps with the address space loaded", REMAP, SLEEPS },
	{ "PROTECT: a CPU sleeps with the address space loaded", PROTECT, SLEEPS },
	{ "UNMAP: a CPU runs another process", UNMAP, SWITCHES },
	{ "REMAP: a CPU runs another process", REMAP, SWITCHES },
};

int main(int argc, char **argv)
{
	struct property p[ARRAY_SIZE(windows) + 2] = {
		{ "UNMAP: a CPU came when the file was open", arrives_later, 0, 0 },
		{ "UNMAP that frees a PD: a CPU is about to run another process",
		  pd_goes_amid_switches, 0, 0 },
	};
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(windows); i++)
		p[i + 2] = (struct property){ windows[i].name, before_the_shootdown,
					      (u64)&windows[i], 0 };
	status = run_unchecked(argc, argv, p, ARRAY_SIZE(p));
	/* Where a property left it offline. */
	set_online(true);
	return status;
}
