# SPDX-License-Identifier: GPL-2.0
# The proof of the core.  Included by the top-level Makefile.
#
#	prove		every theorem at -O2 and -O1; TAP.  What has not changed is not
#			proved again (build/prove)
#	prove-quick	those that take seconds, at -O2; TAP
#	prove-check	the prover's own tests; TAP
#	prove-mutants	deliberate faults in the core, each to be refuted; TAP
#	prove-stats	table and plot of the last run
#	prove-lemmas	the counting lemmas, by Frama-C's WP; TAP

PROVE_PYTHON	:= /usr/bin/python3 -B
PROVE_JOBS	?= $(shell nproc)

prove prove-check prove-mutants prove-stats: | deps-prove

## prove: prove the core, for every table that satisfies the invariant (minutes; then cached)
prove:
	@$(PROVE_PYTHON) spec/prove/main.py -j $(PROVE_JOBS)

# The theorems that take seconds, at -O2: for a quick look, and fit for make check.
PROVE_QUICK := resolve protect remap "map 1G" "map, other levels" init "empty root" \
	 "step of hardware" "step of Linux"
prove-quick: | deps-prove
	@$(PROVE_PYTHON) spec/prove/main.py -j $(PROVE_JOBS) -O 2 $(PROVE_QUICK)

## prove-check: test the prover: against the compiled core, and against spec/spec_walk.c
prove-check:
	@$(PROVE_PYTHON) tests/prove/run.py

## prove-mutants: break the core in many ways; each must be refuted
prove-mutants:
	@$(PROVE_PYTHON) spec/prove/mutants.py

## prove-stats: lines trusted and proved, times, and the plot build/prove/goals.png
prove-stats:
	@$(PROVE_PYTHON) spec/prove/stats.py

.PHONY: prove prove-quick prove-check prove-mutants prove-stats

# The counting lemmas by Frama-C's WP need packages of their own.
## prove-lemmas: prove the counting lemmas with Frama-C's WP
prove-lemmas: | deps-prove-lemmas
	@$(PROVE_PYTHON) spec/prove/lemmas.py

.PHONY: prove-lemmas

## prove-again: ask z3 each query of the last proof again
prove-again: | deps-prove-lemmas
	@$(PROVE_PYTHON) spec/prove/again.py -j $(PROVE_JOBS)

.PHONY: prove-again
