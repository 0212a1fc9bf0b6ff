# SPDX-License-Identifier: GPL-2.0
# The benchmarks.  Included by the top-level Makefile; bench/README.md explains them.
#
# The core's files are compiled one by one and without link-time optimisation, as
# the module compiles them.

BENCH_BUILD := build/bench
BENCH_CC ?= $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
BENCH_CFLAGS ?= -O2
BENCH_FLAGS = -std=gnu11 -Wall -Wextra -pthread -Ibench/core/env -Ibench/core -Isrc/core \
	      $(BENCH_CFLAGS)

# Each contestant is one object with one public symbol: its own copy of the core (or
# the floor) and the loop around it.  RUNNER_x is what distinguishes x.
BENCH_RUNNERS := many_spans core_plain core_locked norec_plain norec_locked \
		 floor_plain floor_locked inlined_plain inlined_locked
RUNNER_core_plain := -DWHO='"core"' -DEXCHANGE='"plain"'
RUNNER_core_locked := -DWHO='"core"' -DEXCHANGE='"locked"' -DPT_ENV_ATOMIC
RUNNER_norec_plain := -DWHO='"no reclaim"' -DEXCHANGE='"plain"' -DBENCH_NO_RECLAIM
RUNNER_norec_locked := -DWHO='"no reclaim"' -DEXCHANGE='"locked"' -DBENCH_NO_RECLAIM \
		       -DPT_ENV_ATOMIC
RUNNER_floor_plain := -DWHO='"floor"' -DEXCHANGE='"plain"'
RUNNER_floor_locked := -DWHO='"floor"' -DEXCHANGE='"locked"' -DPT_ENV_ATOMIC
RUNNER_inlined_plain := -DWHO='"floor, inlined"' -DEXCHANGE='"plain"' -DFLOOR_INLINED
RUNNER_inlined_locked := -DWHO='"floor, inlined"' -DEXCHANGE='"locked"' -DFLOOR_INLINED \
			 -DPT_ENV_ATOMIC
# Its environment is found before the others'.
RUNNER_many_spans := -iquote $(CURDIR)/bench/core/threads -iquote $(CURDIR)/src/protocol
BENCH_CORE := $(wildcard src/core/*.c) bench/core/run_core.c
BENCH_SOURCES_many := $(wildcard src/core/*.c) src/protocol/op_page.c bench/core/run_threads.c
BENCH_SOURCES_core := $(BENCH_CORE)
BENCH_SOURCES_norec := $(BENCH_CORE)
BENCH_SOURCES_floor := bench/core/run_floor.c
BENCH_SOURCES_inlined := bench/core/run_floor.c

define bench_runner
$(BENCH_BUILD)/runner/$(1).o: $(BENCH_SOURCES_$(firstword $(subst _, ,$(1))))
	@mkdir -p $(BENCH_BUILD)/runner/$(1)
	cd $(BENCH_BUILD)/runner/$(1) && $$(foreach c,$$(filter %.c,$$^),$(BENCH_CC) -MMD -MP \
		-MT $$@ \
		$$(patsubst -I%,-I$(CURDIR)/%,$(BENCH_FLAGS)) -DRUNNER=$(1) $$(RUNNER_$(1)) \
		-c $(CURDIR)/$$(c) &&) sed -i 's/ [^ ]*\.c\>//g' *.d
	ld -r $(BENCH_BUILD)/runner/$(1)/*.o -o $$@.all
	objcopy --keep-global-symbol=$(1) $$@.all $$@
endef
$(foreach r,$(BENCH_RUNNERS),$(eval $(call bench_runner,$(r))))

BENCH_MAIN := $(addprefix bench/core/,main.c world.c mean.c latency.c scaling.c)
$(BENCH_BUILD)/traversal: $(BENCH_MAIN) src/core/pt.c \
		$(BENCH_RUNNERS:%=$(BENCH_BUILD)/runner/%.o)
	@mkdir -p $(@D)
	$(TRACK) $(BENCH_CC) $(BENCH_FLAGS) -DBENCH_COMPILER='"$(shell $(BENCH_CC) --version | head -n 1)"' \
		-DBENCH_FLAGS='"$(BENCH_CFLAGS)"' $(filter-out src/core/%,$(filter %.c %.o,$^)) \
		src/core/*.c -o $@

# What runs in a guest, or on a machine with vpt inserted: static, as the tests are.
BENCH_GUEST := $(addprefix $(BENCH_BUILD)/guest/,syscalls scaling waits)
$(BENCH_BUILD)/guest/%: bench/guest/%.c bench/guest/common.c
	@mkdir -p $(@D)
	$(TRACK) $(CC) -std=gnu11 -O2 -g -Wall -Wextra -static -pthread -Iinclude $(filter %.c,$^) -o $@

BENCH_RUN = bench/run $(if $(filter 1,$(QUICK)),--quick) $(if $(filter 1,$(HOST)),--host)

## bench: everything that is measured: tables, samples and plots in build/bench/results
bench: deps-bench $(if $(filter 1,$(HOST)),,deps-guest)
	$(J)$(Q)$(BENCH_RUN)

## bench-core: only the core in user space, beside the floor measured in the same run
bench-core: deps-bench
	$(J)$(Q)$(BENCH_RUN) --only traversal --out $(BENCH_BUILD)/core

.PHONY: bench bench-core
