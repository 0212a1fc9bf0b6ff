# SPDX-License-Identifier: GPL-2.0
# Litmus tests.  Included by the top-level Makefile.
#
#	litmus-programs	builds what they need
#	check-litmus	the parser's tests, as TAP

LIT_DIR		:= build/litmus
LIT_WARNINGS	:= -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes
LIT_CFLAGS	?= -O2 -g
LIT_PARSER	:= $(addprefix spec/litmus/,lit_lex.c lit_parse.c lit_steps.c lit_cond.c)
LIT_HEADERS	:= $(wildcard spec/litmus/*.h)
LIT_CATALOGUE	:= $(wildcard spec/litmus/*.litmus)

$(LIT_DIR)/test_parse: tests/litmus/test_parse.c $(LIT_PARSER) $(LIT_HEADERS) tests/spec/tap.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIT_WARNINGS) $(LIT_CFLAGS) -Ispec/litmus -o $@ $(filter %.c,$^)

.PHONY: litmus-programs check-litmus

litmus-programs: $(LIT_DIR)/test_parse

check-litmus: litmus-programs
	@$(LIT_DIR)/test_parse $(wildcard tests/litmus/bad/*.litmus) $(LIT_CATALOGUE)
