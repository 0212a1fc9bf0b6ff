# SPDX-License-Identifier: GPL-2.0
# The core's tests on the host.  Included by the top-level Makefile.
#
#	make check-host		run them all; each prints TAP
#	make host-programs	build them

HOST_BUILD := build/host
HOST_CC ?= $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
HOST_CFLAGS ?= -O2 -g
HOST_WARN := -std=gnu11 -Wall -Wextra -Werror

HOST_CORE := $(wildcard src/core/*.c)
HOST_CORE_HEADERS := $(wildcard src/core/*.h tests/env/*.h)
HOST_WATCH := tests/host/world.c tests/host/world_check.c tests/host/watch.c \
	      tests/host/ref.c
HOST_UNITS := tests/host/suite.c $(wildcard tests/host/test_*.c)
HOST_RANDOM := tests/host/differential.c tests/host/model.c
HOST_FLAGS = $(HOST_WARN) $(HOST_CFLAGS) -Isrc/core -Itests/env -DPT_ENV_EVENTS \
	     -DPT_ENV_ATOMIC

HOST_PROGRAMS := $(addprefix $(HOST_BUILD)/,units-full units-tiny \
		   differential-full differential-tiny exhaustive-tiny)
HOST_SUITES := $(HOST_PROGRAMS)

$(HOST_BUILD)/%-full: HOST_GEOMETRY = -DPT_INDEX_BITS=9
$(HOST_BUILD)/%-tiny: HOST_GEOMETRY = -DPT_INDEX_BITS=1

$(HOST_BUILD)/units-full $(HOST_BUILD)/units-tiny: $(HOST_CORE) $(HOST_WATCH) $(HOST_UNITS)
$(HOST_BUILD)/units-full $(HOST_BUILD)/units-tiny: HOST_LIBS = \
	$(shell pkg-config --libs check 2>/dev/null || echo -lcheck)
$(HOST_BUILD)/differential-full $(HOST_BUILD)/differential-tiny: \
	$(HOST_CORE) $(HOST_WATCH) $(HOST_RANDOM)
$(HOST_BUILD)/exhaustive-tiny: $(HOST_CORE) $(HOST_WATCH) \
	tests/host/exhaustive.c tests/host/model.c

$(HOST_PROGRAMS): $(HOST_CORE_HEADERS) $(wildcard tests/host/*.h) tests/host/host.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_FLAGS) $(HOST_GEOMETRY) $(filter %.c,$^) -o $@ $(HOST_LIBS)

.PHONY: host-programs check-host
host-programs: $(HOST_PROGRAMS)

check-host: $(HOST_SUITES)
	@status=0; for suite in $(HOST_SUITES); do \
		echo "# $$suite"; $$suite || status=1; \
	done; exit $$status
