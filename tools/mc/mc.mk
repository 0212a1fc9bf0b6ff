# SPDX-License-Identifier: GPL-2.0
# The model checker.  Included by the top-level Makefile.
#
#	model-programs	builds it
#	check-model	the quick suite, as TAP (about 20 s of processor time)
#	model		every configuration, completely; prints a report
#
# It is the real core, compiled with one index bit a level and with the recording
# environment of tools/mc/env.

MC_CFLAGS	?= $(CFLAGS)
MC_WARNINGS	:= -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes
MC_CPPFLAGS	:= -DPT_INDEX_BITS=1 -DSPEC_INDEX_BITS=1 -Ispec -Ispec/mmu -Itools/mc \
		   -Itools/mc/env -Isrc/core -Isrc/protocol
MC_SOURCES	:= $(wildcard spec/spec_*.c spec/mmu/*.c tools/mc/*.c src/core/*.c src/protocol/*.c)
MC_JOBS		?= 2

build/model/mc: $(MC_SOURCES) tools/mc/mc.mk
	@mkdir -p $(@D)
	$(Q)$(TRACK) $(CC) $(MC_WARNINGS) $(MC_CFLAGS) $(MC_CPPFLAGS) -o $@ $(MC_SOURCES)

.PHONY: model-programs check-model model

model-programs: build/model/mc

check-model: build/model/mc
	@$< check -j $(MC_JOBS)

## model: explore every configuration of the model completely, and print a report
model: build/model/mc
	@bash -o pipefail -c '$< model -j $(MC_JOBS) | tee build/model/report.txt'
