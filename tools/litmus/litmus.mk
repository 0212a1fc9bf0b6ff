# SPDX-License-Identifier: GPL-2.0
# Litmus tests.  Included by the top-level Makefile.
#
#	litmus-programs	builds what they need: vpt-litmus, static, for host and guest
#	check-litmus	the parser's tests, the model's verdict on every test and control,
#			and every test a few times in one guest, as TAP (about 30 s)
#	litmus		all tests, both executors, a guest of each kind, a summary
#
# vpt-litmus is the parser, the model with the real core (as in mc.mk, with more CPUs
# and larger caches), and what runs a test through /dev/vpt.

LIT_DIR		:= build/litmus
LIT_WARNINGS	:= -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes
LIT_CFLAGS	?= $(CFLAGS)
LIT_CPPFLAGS	:= -DPT_INDEX_BITS=1 -DSPEC_INDEX_BITS=1 -DMMU_CPUS=8 -DMMU_TLB=10 \
		   -DMMU_PSC=12 -DMMU_TABLES=16 -DMC_OPS=80 -DMC_SETUP=8 -DMMU_SUCCESSORS=4096 -Ispec -Ispec/mmu -Itools/mc \
		   -Itools/mc/env -Itools/litmus -Isrc/core -Isrc/protocol -Iinclude -Itests/guest/lib
LIT_PARSER	:= $(addprefix tools/litmus/,lit_lex.c lit_parse.c lit_init.c \
		lit_steps.c lit_operand.c lit_tables.c lit_verbs.c lit_value.c lit_cond.c lit_claims.c lit_log.c \
		lit_herd.c lit_herd_ins.c)
LIT_SOURCES	:= $(wildcard tools/litmus/*.c spec/spec_*.c spec/mmu/*.c \
		     src/core/*.c src/protocol/*.c) $(addprefix tools/mc/,mc_core.c mc_calls.c mc_env.c mc_print.c mc_json.c)
LIT_CATALOGUE	:= $(wildcard tests/litmus/catalogue/*.litmus)

$(LIT_DIR)/test_parse: tests/litmus/test_parse.c $(LIT_PARSER)
	@mkdir -p $(@D)
	$(Q)$(TRACK) $(CC) $(LIT_WARNINGS) $(LIT_CFLAGS) -Itools/litmus -Ispec -Itests/lib -o $@ $(filter %.c,$^)

$(LIT_DIR)/vpt-litmus: $(LIT_SOURCES) $(GUEST_LIB) tools/litmus/litmus.mk
	@mkdir -p $(@D)
	$(Q)$(TRACK) $(CC) $(LIT_WARNINGS) $(LIT_CFLAGS) $(LIT_CPPFLAGS) -static -pthread -o $@ \
		$(LIT_SOURCES) $(GUEST_LIB)

# Parameters of make litmus: N rounds, SHARD=i/n, TEST: files, names, patterns, @groups.
N	?= 10000
SHARD	?= 1/1
TEST	?=

.PHONY: litmus-programs check-litmus check-litmus-model litmus litmus-summary litmus-compare

litmus-programs: $(LIT_DIR)/test_parse $(LIT_DIR)/vpt-litmus

## check-litmus: the quick suite: parser, model and controls, and a few rounds in one guest
check-litmus: litmus-programs
	@tests/litmus/check "$$(tools/list-kernels newest)"

## check-litmus-model: the same without a guest, as make check does
check-litmus-model: litmus-programs
	@tests/litmus/check none

## litmus: litmus tests on the model and in guests of all kinds, and a summary (N=, SHARD=i/n, TEST=)
litmus: litmus-programs | deps-guest deps-litmus
	$(Q)tests/litmus/litmus -n $(N) --shard $(SHARD) $(TEST)

## litmus-summary: only the summary of what build/litmus/results holds
litmus-summary: | deps-litmus
	$(Q)tests/litmus/litmus --summary

## litmus-compare: how many verdicts of others agree with the model's (HERD=DIR, COATCHECK=DIR, RANDOM=n, SEED=s)
litmus-compare: litmus-programs
	$(Q)tests/litmus/compare $(if $(HERD),--herd "$(HERD)") $(if $(COATCHECK),--coatcheck "$(COATCHECK)") \
		$(if $(RANDOM),--random "$(RANDOM)") $(if $(SEED),--seed "$(SEED)")
