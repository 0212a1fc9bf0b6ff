// SPDX-License-Identifier: GPL-2.0
/* The test module hold.ko (hold/hold.h), as programs use it. */
#include "guest.h"

#include "../hold/hold.h"

#define LOOKS	50	/* one each millisecond, at which who waits is asleep */

int hold_open(void)
{
	return module_device("hold");
}

void hold_set(int fd, const struct hold_order *order)
{
	ssize_t size = write(fd, order, sizeof(*order));

	if (size < 0 && errno == EOPNOTSUPP)
		skip("this kernel does not trace functions: who is held has interrupts off");
	REQUIRE(size == sizeof(*order), "%s(): %s", order->symbol, strerror(errno));
}

int hold_thread(const char *symbol, pid_t tid, u32 flags, u32 milliseconds)
{
	struct hold_order order = { .tid = tid, .flags = flags, .milliseconds = milliseconds };
	int fd = hold_open();

	strncpy(order.symbol, symbol, sizeof(order.symbol) - 1);
	hold_set(fd, &order);
	return fd;
}

int hold_at(const char *symbol, pid_t tid)
{
	return hold_thread(symbol, tid, 0, HOLD_MAX_MS);
}

int hold_asleep_at(const char *symbol, pid_t tid)
{
	return hold_thread(symbol, tid, HOLD_ASLEEP, HOLD_MAX_ASLEEP_MS);
}

bool hold_lets(int fd, _Atomic u64 *done)
{
	while (!*done && hold_state(fd) == HOLD_HELD)
		usleep(1000);
	return *done && hold_state(fd) == HOLD_HELD;
}

struct hold_state hold_read(int fd)
{
	struct hold_state state = { 0 };

	REQUIRE(read(fd, &state, sizeof(state)) == sizeof(state), "hold: read");
	return state;
}

u32 hold_state(int fd)
{
	return hold_read(fd).is;
}

bool hold_irqs_off(int fd)
{
	return hold_read(fd).irqs_off;
}

bool hold_reached(int fd, _Atomic u64 *done)
{
	while (hold_state(fd) == HOLD_WAITING && !(done && *done))
		usleep(1000);
	return hold_state(fd) == HOLD_HELD;
}

void hold_release(int fd)
{
	REQUIRE(write(fd, "", 1) == 1, "hold: release");
}

bool sleeps_on(pid_t tid, unsigned int *asleep)
{
	*asleep = thread_state(tid) == 'D' ? *asleep + 1 : 0;
	usleep(1000);
	return *asleep >= LOOKS;
}

void need_hold(void)
{
	if (cpus() < 2)
		skip("it takes two CPUs");
	pin_to(0);
	close(hold_open());
	/* A fault of this thread could wait behind the one that is held, for mmap_lock. */
	REQUIRE(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall: %s", strerror(errno));
}

bool hold_makes_wait(int fd, pid_t tid, _Atomic u64 *done)
{
	unsigned int asleep = 0;

	while (!*done && hold_state(fd) == HOLD_HELD) {
		if (sleeps_on(tid, &asleep))
			return true;
	}
	return false;
}
