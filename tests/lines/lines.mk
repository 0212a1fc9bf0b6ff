# SPDX-License-Identifier: GPL-2.0
# The count of cache lines that several CPUs write. Included by the Makefile, after guest.mk.

LINES_DIR	:= tests/lines
LINES_BUILD	:= build/lines
# Plugins of QEMU 9 and later have another version, and what is used here alike.
LINES_API	= $(shell qemu-system-x86_64 --version | sed -nE '1s/.*version ([0-9]+).*/\1/p' | \
			awk '{ print $$1 < 9 ? 1 : 2 }')

$(LINES_BUILD)/lines: $(LINES_DIR)/lines.c $(GUEST_LIB)
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(GUEST_CFLAGS) -o $@ $< $(GUEST_LIB)

$(LINES_BUILD)/plugin.so: $(LINES_DIR)/plugin.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -O2 -g -Wall -Wextra -shared -fPIC \
		-DQEMU_PLUGIN_API=$(LINES_API) -o $@ $<

# TAP.
lines-suite: guest-programs $(LINES_BUILD)/lines $(LINES_BUILD)/plugin.so
	$(Q)$(LINES_DIR)/run $(KERNELS)

.PHONY: lines-suite
