# SPDX-License-Identifier: GPL-2.0
# The specification's own tests, in the hardware's geometry and in the smallest.
# Included by the top Makefile.
#
#	SPEC_SUITES	test programs; each prints TAP and exits 0 if all is well
#	spec-programs	builds them
#	check-spec	runs them
#	spec-docs	prints the invariants as a Markdown table

SPEC_CFLAGS	?= -O2 -g
SPEC_WARNINGS	:= -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes

SPEC_BUILD	:= build/spec
SPEC_TESTS	:= test_decode test_walk test_inv test_tree test_map
SPEC_SUITES	:= $(SPEC_TESTS:%=$(SPEC_BUILD)/%) $(SPEC_TESTS:%=$(SPEC_BUILD)/%_tiny)
SPEC_HEADERS	:= $(wildcard spec/*.h tests/spec/*.h)
SPEC_SOURCES	:= $(wildcard spec/*.c) tests/spec/fixture.c tests/spec/breakages.c
SPEC_COMPILE	= $(CC) $(SPEC_WARNINGS) $(SPEC_CFLAGS) -Ispec -Itests/spec

$(SPEC_BUILD)/%: tests/spec/%.c $(SPEC_SOURCES) $(SPEC_HEADERS)
	@mkdir -p $(@D)
	$(SPEC_COMPILE) -o $@ $< $(SPEC_SOURCES)

$(SPEC_BUILD)/%_tiny: tests/spec/%.c $(SPEC_SOURCES) $(SPEC_HEADERS)
	@mkdir -p $(@D)
	$(SPEC_COMPILE) -DSPEC_INDEX_BITS=1 -o $@ $< $(SPEC_SOURCES)

.PHONY: spec-programs check-spec spec-docs

spec-programs: $(SPEC_SUITES)

check-spec: $(SPEC_SUITES)
	@for suite in $(SPEC_SUITES); do \
		echo "# $$suite"; $$suite || exit 1; \
	done

## spec-docs: print the list of invariants as a table
spec-docs: $(SPEC_BUILD)/invariants_table
	@$<
