# SPDX-License-Identifier: GPL-2.0
# Parts of src/kernel/ that are tested on the host.  Included by the top-level Makefile.
#
#	KERNEL_SUITES	programs that print TAP; run by host-suite

KERNEL_BUILD := build/kernel-units
KERNEL_UNITS := $(addprefix $(KERNEL_BUILD)/,platform-6.1 platform-7.2)
KERNEL_THREADS := $(KERNEL_BUILD)/in_flight
KERNEL_SUITES := $(KERNEL_UNITS) $(KERNEL_THREADS) tests/kernel/refusals

$(KERNEL_BUILD)/platform-6.1: FAKE_LINUX = KERNEL_VERSION(6,1,0)
$(KERNEL_BUILD)/platform-7.2: FAKE_LINUX = KERNEL_VERSION(7,2,0)

$(KERNEL_UNITS): tests/kernel/platform_test.c src/kernel/device/platform.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -Wall -Wextra -Werror -g -Itests/kernel/fake \
		'-DFAKE_LINUX=$(FAKE_LINUX)' -o $@ $(filter %.c,$^)

$(KERNEL_THREADS): tests/kernel/in_flight_test.c src/kernel/memory/in_flight.c src/kernel/memory/in_flight.h \
		tests/kernel/fake/threads.h
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -Wall -Wextra -Werror -g -O2 -pthread -Itests/kernel/fake -o $@ $(filter %.c,$^)
