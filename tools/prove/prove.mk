# SPDX-License-Identifier: GPL-2.0
# The proof of the core.  Included by the top-level Makefile.
#
#	prove		every theorem, at -O2; TAP.  What has not
#			changed is not proved again (build/prove)
#	prove-pages	of these, the theorems about single pages; TAP
#	prove-ranges	the others: ranges, pt_sweep(), pt_release(), and MAP while Linux links tables; TAP
#	prove-binary	the theorems about operations, of single pages and ranges, splits and cuts, of the machine
#			code in vpt.ko; TAP
#	prove-binary-quick	of these, for the silent copy of the core and the middle kernel, those that take a
#			few minutes; TAP
#	prove-binary-check	that executor against the loaded code; changed bytes, wrong cores and
#			environments, each to be refuted
#	prove-binary-mutants	the catalogue's faults, compiled as the module is; TAP
#	prove-check	the prover's own tests; TAP
#	prove-mutants	deliberate faults in the core, each to be refuted; TAP
#	prove-stats	tables and plot of the last run
#	prove-lemmas	the counting lemmas, by Frama-C's WP; TAP
#	prove-again	the last run's queries again, by another solver; TAP

PROVE_PYTHON	:= /usr/bin/python3 -B
PROVE_JOBS	?= $(shell nproc)
# SHARD=1/3 and so on: on three machines a part of the theorems each
prove-shard	= $(if $(SHARD),--shard $(SHARD))

prove prove-pages prove-ranges prove-binary prove-binary-quick prove-check prove-mutants prove-stats: | deps-prove

## prove: prove the core, for every table that satisfies the invariant (LEVELS=2,1: at -O1 too; SHARD=i/n: a part)
LEVELS ?= 2
prove:
	@$(PROVE_PYTHON) tools/prove/main.py -j $(PROVE_JOBS) -O $(LEVELS) $(prove-shard)

## prove-pages, prove-ranges: the theorems about single pages only, or the others
prove-pages prove-ranges: prove-%:
	@$(PROVE_PYTHON) tools/prove/main.py -j $(PROVE_JOBS) -O $(LEVELS) --part $* $(prove-shard)

# $(call find-module,KERNEL): $$module is its vpt.ko; where there is no such kernel, that is all.
find-module = module=$$(tools/build-module --if-stale $1) || \
		{ [ $$? = 77 ] && echo '1..0 \# SKIP kernel not available'; exit; }
# $(call prove-module,KERNEL,OPTIONS): of its vpt.ko.
prove-module = $(call find-module,$1); \
	$(PROVE_PYTHON) tools/prove/binary.py -j $(PROVE_JOBS) $(prove-shard) $2 "$$module"

## prove-binary: prove the core's machine code in the vpt.ko of the kernels that tools/kernels names for it, or of KERNEL=...
PROVED_KERNELS = $(shell tools/list-kernels proved)
PROVE_KERNEL = $(or $(KERNEL),$(shell tools/list-kernels middle))
prove-binary: | deps-module
	@for kernel in $(or $(KERNEL),$(PROVED_KERNELS)); do \
		($(call prove-module,"$$kernel")) || exit; \
	done

## prove-binary-quick: the same of one copy of the core of the middle kernel, or KERNEL, but for what takes long
prove-binary-quick: | deps-module
	@$(call prove-module,$(PROVE_KERNEL),--copy plain --quick)

## prove-binary-check: run the core of the middle kernel's vpt.ko, or KERNEL's, here and by the executor; then refute changed bytes and wrong sources
prove-binary-check: | deps-prove deps-module
	@$(call find-module,$(PROVE_KERNEL)); \
		$(PROVE_PYTHON) tests/prove/loaded.py --calls $(CALLS) "$$module" && \
		$(PROVE_PYTHON) tests/prove/snippets.py "$$module" && \
		$(PROVE_PYTHON) tests/prove/wrong.py -j $(PROVE_JOBS) "$$module" && \
		$(PROVE_PYTHON) tests/prove/flips.py -j $(PROVE_JOBS) "$$module"

## prove-binary-mutants: compile the catalogue's faults as the module is; each must be refuted
prove-binary-mutants: | deps-prove deps-module
	@$(call find-module,$(PROVE_KERNEL)); \
		$(PROVE_PYTHON) tests/prove/compiled.py -j $(PROVE_JOBS) "$$module"

## prove-check: test the prover: against the compiled core, spec/spec_walk.c, the processor (CALLS=5000, INPUTS=50)
CALLS ?= 5000
INPUTS ?= 50
prove-check:
	@$(PROVE_PYTHON) tests/prove/run.py -j $(PROVE_JOBS) --calls $(CALLS) --inputs $(INPUTS)

## prove-mutants: break the core in many ways; each must be refuted
prove-mutants:
	@$(PROVE_PYTHON) tools/prove/mutants.py -j $(PROVE_JOBS)

## prove-stats: lines trusted and proved, times, others' figures, the plot build/prove/goals.png
prove-stats: | deps-prove-stats
	@$(PROVE_PYTHON) tools/prove/stats.py

## prove-lemmas: prove the counting lemmas with Frama-C's WP
prove-lemmas: | deps-prove-lemmas
	@$(PROVE_PYTHON) tools/prove/lemmas.py

## prove-again: ask cvc5, or BY=z3, each query of the last proof again
prove-again: | deps-prove-again
	@$(PROVE_PYTHON) tools/prove/again.py -j $(PROVE_JOBS) $(if $(BY),--by $(BY))

.PHONY: prove prove-pages prove-ranges prove-binary prove-binary-quick prove-binary-check prove-binary-mutants prove-check prove-mutants prove-stats prove-lemmas prove-again
