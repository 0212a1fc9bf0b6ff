# SPDX-License-Identifier: GPL-2.0
# Programs that run in a guest, against the module. Included by the Makefile.

GUEST_DIR	:= tests/guest
GUEST_BUILD	:= build/guest
GUEST_SOURCES	:= $(wildcard $(GUEST_DIR)/*.c)
GUEST_PROGRAMS	:= $(GUEST_SOURCES:$(GUEST_DIR)/%.c=$(GUEST_BUILD)/%)
GUEST_LIB	:= $(GUEST_BUILD)/lib/libguest.a
GUEST_OBJECTS	:= $(patsubst $(GUEST_DIR)/lib/%.c,$(GUEST_BUILD)/lib/%.o, \
			$(wildcard $(GUEST_DIR)/lib/*.c))
GUEST_CFLAGS	:= -std=gnu11 -O2 -g -Wall -Wextra -static -pthread -Iinclude

GUEST_CHECKER	:= $(GUEST_BUILD)/vpt-trace-check

guest-programs:
	@$(MAKE) --no-print-directory $(PARALLEL) guest-files
guest-files: $(GUEST_PROGRAMS) $(GUEST_CHECKER) vptctl

# The checker of recorded traces, to run beside the program that records them.
$(GUEST_CHECKER): $(MON_SOURCES)
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(GUEST_CFLAGS) -Ispec -o $@ $(MON_SOURCES)

$(GUEST_BUILD)/lib/%.o: $(GUEST_DIR)/lib/%.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(GUEST_CFLAGS) -c -o $@ $<

# Anew, or what has another name now would stay in it.
$(GUEST_LIB): $(GUEST_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(GUEST_BUILD)/%: $(GUEST_DIR)/%.c $(GUEST_LIB)
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(GUEST_CFLAGS) -o $@ $< $(GUEST_LIB)

.PHONY: guest-programs guest-files
