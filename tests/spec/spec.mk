# SPDX-License-Identifier: GPL-2.0
# The specification's own tests, in the hardware's geometry and in the smallest.
# Included by the top Makefile.
#
#	SPEC_SUITES	test programs; each prints TAP and exits 0 if all is well
#	spec-programs	builds them
#	check-spec	runs them
#	spec-docs	prints the invariants as a Markdown table, and the monitor's violations

SPEC_CFLAGS	?= $(CFLAGS)
SPEC_WARNINGS	:= -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes

SPEC_BUILD	:= build/spec
SPEC_TESTS	:= test_decode test_walk test_inv test_tree test_map
SPEC_SUITES	:= $(SPEC_TESTS:%=$(SPEC_BUILD)/%) $(SPEC_TESTS:%=$(SPEC_BUILD)/%_tiny)
SPEC_SUITES	+= tests/monitor/run-traces tests/spec/rules
SPEC_SOURCES	:= $(wildcard spec/*.c) tests/spec/fixture.c tests/spec/breakages.c
SPEC_COMPILE	= $(TRACK) $(CC) $(SPEC_WARNINGS) $(SPEC_CFLAGS) -Ispec -Itests/spec -Itests/lib

$(SPEC_BUILD)/%: tests/spec/%.c $(SPEC_SOURCES)
	@mkdir -p $(@D)
	$(SPEC_COMPILE) -o $@ $< $(SPEC_SOURCES)

$(SPEC_BUILD)/%_tiny: tests/spec/%.c $(SPEC_SOURCES)
	@mkdir -p $(@D)
	$(SPEC_COMPILE) -DSPEC_INDEX_BITS=1 -o $@ $< $(SPEC_SOURCES)

# The protocol monitor over recorded traces; tools/vpt-trace-check runs it.
MON_SOURCES	:= $(wildcard tools/trace-check/*.c) $(wildcard spec/spec_mon*.c)

$(SPEC_BUILD)/vpt-trace-check: $(MON_SOURCES)
	@mkdir -p $(@D)
	$(Q)$(TRACK) $(CC) $(SPEC_WARNINGS) $(SPEC_CFLAGS) -Ispec -o $@ $(MON_SOURCES)

.PHONY: spec-programs check-spec spec-docs

spec-programs: $(SPEC_SUITES) $(SPEC_BUILD)/vpt-trace-check

check-spec: spec-programs
	@for suite in $(SPEC_SUITES); do \
		echo "# $$suite"; $$suite || exit 1; \
	done

## spec-docs: print the lists of invariants and of the monitor's violations as tables
spec-docs: $(SPEC_BUILD)/invariants_table $(SPEC_BUILD)/vpt-trace-check
	@$<
	@echo
	@$(SPEC_BUILD)/vpt-trace-check --table
