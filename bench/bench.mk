# SPDX-License-Identifier: GPL-2.0
# The core's benchmark.  Included by the top-level Makefile.
#
#	make bench-core		the core next to a floor, with plain and with locked
#				exchanges
#
# The core's files are compiled one by one and without link-time optimisation, as
# the module compiles them.

BENCH_BUILD := build/bench
BENCH_CC ?= $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
BENCH_CFLAGS ?= -O2
BENCH_FLAGS = -std=gnu11 -Wall -Wextra -Isrc/core -Itests/env $(BENCH_CFLAGS)

BENCH_CORE := $(notdir $(wildcard src/core/*.c))
BENCH_HEADERS := $(wildcard src/core/*.h tests/env/*.h bench/*core*.h)
BENCH_PROGRAMS := $(BENCH_BUILD)/core-plain $(BENCH_BUILD)/core-atomic
BENCH_NAMES = -DBENCH_COMPILER='"$(shell $(BENCH_CC) --version | head -n 1)"' \
	      -DBENCH_FLAGS='"$(BENCH_CFLAGS) $(BENCH_FLAVOUR)"'

$(BENCH_BUILD)/%-atomic $(BENCH_BUILD)/atomic/%.o: BENCH_FLAVOUR = -DPT_ENV_ATOMIC

define bench_object
	@mkdir -p $(@D)
	$(BENCH_CC) $(BENCH_FLAGS) $(BENCH_FLAVOUR) -c $< -o $@
endef

$(BENCH_BUILD)/plain/%.o: src/core/%.c $(BENCH_HEADERS)
	$(bench_object)

$(BENCH_BUILD)/atomic/%.o: src/core/%.c $(BENCH_HEADERS)
	$(bench_object)

$(BENCH_BUILD)/core-%: bench/bench_core.c $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CC) $(BENCH_FLAGS) $(BENCH_FLAVOUR) $(BENCH_NAMES) $(filter %.c %.o,$^) -o $@

$(BENCH_BUILD)/core-plain: $(BENCH_CORE:%.c=$(BENCH_BUILD)/plain/%.o)
$(BENCH_BUILD)/core-atomic: $(BENCH_CORE:%.c=$(BENCH_BUILD)/atomic/%.o)

.PHONY: bench-core
bench-core: $(BENCH_PROGRAMS)
	@for program in $(BENCH_PROGRAMS); do $$program || exit 1; echo; done
