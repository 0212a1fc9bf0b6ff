# SPDX-License-Identifier: GPL-2.0
# The fuzzer. Included by the Makefile, after guest.mk.

FUZZ_DIR	:= tests/fuzz
FUZZ_BUILD	:= build/fuzz
FUZZ_SOURCES	:= $(wildcard $(FUZZ_DIR)/*.c)

$(FUZZ_BUILD)/fuzz: $(FUZZ_SOURCES) $(GUEST_LIB)
	@mkdir -p $(@D)
	$(TRACK) $(CC) $(GUEST_CFLAGS) -o $@ $(FUZZ_SOURCES) $(GUEST_LIB)

# The middle one: for make fuzz, with coverage.
FUZZ_STOCK	:= $(shell tools/list-kernels middle)
FUZZ_KERNEL	?= $(FUZZ_STOCK)-kasan
FUZZ_SMP	?= 2
FUZZ_SECONDS	?= 3600
FUZZ_SEED	?= $(shell date +%s)

# The suite is the same at each run; other seeds are for make fuzz.
FUZZ_SUITE_SEED	:= 1

## fuzz: the fuzzer for an hour, with coverage (FUZZ_SECONDS, FUZZ_SEED, FUZZ_KERNEL, FUZZ_SMP)
fuzz: guest-programs $(FUZZ_BUILD)/fuzz
	$(Q)$(FUZZ_DIR)/guest --kernel $(FUZZ_KERNEL) --smp $(FUZZ_SMP) --seed $(FUZZ_SEED) \
		--seconds $(FUZZ_SECONDS) --keep $(FUZZ_BUILD)/kept

# A minute on a stock kernel, the boot included: TAP.
fuzz-suite: guest-programs $(FUZZ_BUILD)/fuzz
	$(Q)$(FUZZ_DIR)/guest --kernel $(FUZZ_STOCK) --seed $(FUZZ_SUITE_SEED) --seconds 45

.PHONY: fuzz fuzz-suite
