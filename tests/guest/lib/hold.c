// SPDX-License-Identifier: GPL-2.0
/* The test module hold.ko (hold/hold.h), as programs use it. */
#include "guest.h"

#include "../hold/hold.h"

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

static struct hold_state state_of(int fd)
{
	struct hold_state state = { 0 };

	REQUIRE(read(fd, &state, sizeof(state)) == sizeof(state), "hold: read");
	return state;
}

u32 hold_state(int fd)
{
	return state_of(fd).is;
}

bool hold_irqs_off(int fd)
{
	return state_of(fd).irqs_off;
}

void hold_release(int fd)
{
	REQUIRE(write(fd, "", 1) == 1, "hold: release");
}
