# SPDX-License-Identifier: GPL-2.0
# The core's tests on the host.  Included by the top-level Makefile.
#
#	host-suite	builds and runs them all, and prints TAP
#	host-programs	builds them

HOST_BUILD := build/host
HOST_CC ?= $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
HOST_CFLAGS ?= $(CFLAGS)
HOST_WARN := -std=gnu11 -Wall -Wextra -Werror

HOST_CORE := $(wildcard src/core/*.c)
HOST_WATCH := tests/host/world.c tests/host/world_check.c tests/host/watch.c \
	      tests/host/ref.c
HOST_UNITS := tests/host/suite.c $(wildcard tests/host/test_*.c)
HOST_DIFF := $(addprefix tests/host/,diff.c diff_expect.c judge.c op_print.c model.c) \
	     $(wildcard spec/spec_*.c)
HOST_FLAGS = $(HOST_WARN) $(HOST_CFLAGS) -Isrc/core -Itests/lib/env -DPT_ENV_EVENTS \
	     -DPT_ENV_ATOMIC

HOST_PROGRAMS := $(addprefix $(HOST_BUILD)/,units-full units-tiny units-guarded \
		   differential-full differential-tiny exhaustive-tiny)
# The core and its protocol under threads.
THREADS_PROGRAMS := $(addprefix $(HOST_BUILD)/,threads-tiny threads-full threads-raced)
# Under the sanitizers a process for each test takes ten times as long, and is good for nothing:
# what they find ends the program.
HOST_SUITES := $(filter-out %/units-guarded,$(HOST_PROGRAMS)) \
	       'units-guarded=CK_FORK=no $(HOST_BUILD)/units-guarded' $(THREADS_PROGRAMS)
TOOL_SUITES := $(addprefix tests/tools/,complaints deps elsewhere lint tally targets man-pages docs usage)

$(HOST_BUILD)/%-full: HOST_GEOMETRY = -DPT_INDEX_BITS=9 -DSPEC_INDEX_BITS=9
$(HOST_BUILD)/%-tiny: HOST_GEOMETRY = -DPT_INDEX_BITS=1 -DSPEC_INDEX_BITS=1
# A read or write beside an object, which no test looks for, ends this one.
$(HOST_BUILD)/units-guarded: HOST_GEOMETRY = -DPT_INDEX_BITS=9 -DSPEC_INDEX_BITS=9 \
	-fsanitize=address,undefined -fno-sanitize-recover=all

HOST_UNIT_PROGRAMS := $(filter $(HOST_BUILD)/units-%,$(HOST_PROGRAMS))
$(HOST_UNIT_PROGRAMS): $(HOST_CORE) $(HOST_WATCH) $(HOST_UNITS)
$(HOST_UNIT_PROGRAMS): HOST_LIBS = \
	$(shell pkg-config --libs check 2>/dev/null || echo -lcheck)
$(HOST_BUILD)/differential-full $(HOST_BUILD)/differential-tiny: \
	$(HOST_CORE) $(HOST_WATCH) $(HOST_DIFF) tests/host/differential.c
$(HOST_BUILD)/exhaustive-tiny: \
	$(HOST_CORE) $(HOST_WATCH) $(HOST_DIFF) tests/host/exhaustive.c

$(HOST_PROGRAMS): tests/host/host.mk
	@mkdir -p $(@D)
	$(TRACK) $(HOST_CC) $(HOST_FLAGS) $(HOST_GEOMETRY) $(filter %.c,$^) -o $@ $(HOST_LIBS)

THREADS_FLAGS = $(HOST_WARN) $(HOST_CFLAGS) -pthread -Isrc/core -Isrc/protocol \
		-Itests/threads -Itests/threads/env -Ispec
# What no lock protects, ThreadSanitizer sees.
$(HOST_BUILD)/threads-raced: HOST_GEOMETRY = -DPT_INDEX_BITS=1 -DSPEC_INDEX_BITS=1 -fsanitize=thread
$(THREADS_PROGRAMS): $(HOST_CORE) $(wildcard src/protocol/*.c tests/threads/*.c) \
		     spec/spec_map.c \
		     $(wildcard src/core/*.h src/protocol/*.h tests/threads/*.h \
		       tests/threads/env/*.h) tests/host/host.mk
	@mkdir -p $(@D)
	$(TRACK) $(HOST_CC) $(THREADS_FLAGS) $(HOST_GEOMETRY) $(filter %.c,$^) -o $@

include tests/spec/spec.mk

.PHONY: host-programs host-suite
host-programs: $(HOST_PROGRAMS) $(THREADS_PROGRAMS) $(KERNEL_SUITES) spec-programs $(SPEC_BUILD)/invariants_table

# One TAP stream: the core's tests, the specification's own, those of parts of the module
# and of the tools, and the mutants' catalogue.
host-suite: host-programs
	@tests/host/run-suites -j $(shell nproc) $(HOST_SUITES) $(SPEC_SUITES) $(KERNEL_SUITES) tests/spec/docs \
		$(TOOL_SUITES) $(MUTANT_SUITES)
