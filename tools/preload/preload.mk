# SPDX-License-Identifier: GPL-2.0
# libvpt-preload.so, and its tests.  Included by the top-level Makefile.

PRELOAD_BUILD := build/preload
# However it is built: no loop becomes a call of memset(), which a program may have of its own
# (pages.c), and no call one of the checking functions, some of which the library defines (leave.c).
PRELOAD_FLAGS := -Iinclude -fPIC -fvisibility=hidden -fno-tree-loop-distribute-patterns -U_FORTIFY_SOURCE
PRELOAD_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra $(PRELOAD_FLAGS)
PRELOAD_LIB := $(PRELOAD_BUILD)/libvpt-preload.so

$(PRELOAD_LIB): $(wildcard tools/preload/*.c)
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(PRELOAD_CFLAGS) -shared $(filter %.c,$^) -o $@ -ldl -pthread

# Not static: what they test is libc's own allocation.
PRELOAD_TESTS := $(patsubst %,$(PRELOAD_BUILD)/%_test,preload fork odd_fork fork_work edge mremap leave calls fds)

$(PRELOAD_BUILD)/%_test: tests/preload/%_test.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -O1 -g -Wall -Wextra -Iinclude -Itests/lib -pthread $< -o $@

$(PRELOAD_BUILD)/sanitized: tests/preload/sanitized.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -O1 -g -Wall -Wextra -fsanitize=thread $< -o $@

$(PRELOAD_BUILD)/fork_cost: tests/preload/fork_cost.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -O1 -g -Wall -Wextra $< -o $@

## preload: libvpt-preload.so, which puts a program's memory on vpt (tools/preload/README.md)
preload: $(PRELOAD_LIB)

# TAP.
preload-suite: $(PRELOAD_LIB) $(PRELOAD_TESTS) $(PRELOAD_BUILD)/sanitized | deps-guest
	@tests/preload/run-suite

## preload-programs: real programs on Linux' memory and on vpt's, compared: a table
preload-programs: $(PRELOAD_LIB)
	@tests/preload/programs

.PHONY: preload preload-suite preload-programs
